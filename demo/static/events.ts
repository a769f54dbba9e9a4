/** The name of an event, and its data. */
export type Told = readonly [name: string, data: unknown]

/**
 * What the page uses of an `EventSource`. A stream of events through a service worker does not come in every browser, and
 * breaks where the browser stops the worker. Messages of the worker to its pages do neither.
 */
export class WorkerEvents extends EventTarget {
  readonly #end = new AbortController()

  /** `url`: returns the events from before, as an array of `Told`. */
  constructor(url: string | URL) {
    super()
    const { signal } = this.#end
    let waiting: Told[] | null = []
    const heard = ({ data }: MessageEvent<Told>): void => {
      // What was told before comes first.
      if (waiting) waiting.push(data)
      else this.#tell(data)
    }
    navigator.serviceWorker.addEventListener('message', heard, { signal })
    navigator.serviceWorker.startMessages()
    void before(url).then(all => {
      for (const one of [...all, ...(waiting ?? [])]) this.#tell(one)
      waiting = null
    })
  }

  close(): void {
    this.#end.abort()
  }

  #tell([name, data]: Told): void {
    if (!this.#end.signal.aborted) this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }))
  }
}

/** None where the page is left meanwhile. */
async function before(url: string | URL): Promise<readonly Told[]> {
  try {
    return await (await fetch(url)).json()
  } catch {
    return []
  }
}

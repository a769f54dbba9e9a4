/** Of the channel by which the worker tells its pages what happens. `folder`: of the page; a host can have it twice. */
export const channelName = (folder: string): string => `silent-refresh-demo ${folder}`

/** A name, and what is told. */
export type Told = readonly [name: string, data: unknown]

/**
 * What the page uses of an `EventSource`. A stream of events through a service worker does not come in every browser, and
 * breaks where the browser stops the worker. A channel does neither.
 */
export class WorkerEvents extends EventTarget {
  readonly #channel: BroadcastChannel

  /** `url`: answers with what was told before. */
  constructor(url: string | URL) {
    super()
    let waiting: Told[] | null = []
    this.#channel = new BroadcastChannel(channelName(new URL('.', document.baseURI).href))
    // What was told before comes first.
    this.#channel.onmessage = ({ data }: MessageEvent<Told>) => {
      if (waiting) waiting.push(data)
      else this.#tell(data)
    }
    void fetch(url)
      .then(async response => {
        const before: readonly Told[] = await response.json()
        for (const one of [...before, ...(waiting ?? [])]) this.#tell(one)
      })
      .finally(() => {
        waiting = null
      })
  }

  close(): void {
    this.#channel.close()
  }

  #tell([name, data]: Told): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }))
  }
}

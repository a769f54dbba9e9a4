/** Runs the task some time later; `label` is for the reader of a schedule. */
export type Deliver = (task: () => void, label: string) => void

export type Locks = Pick<LockManager, 'request' | 'query'>

/** The locks of one browser, shared by its tabs: as Web Locks, without `steal`. */
export interface LockHub {
  /**
   * The `navigator.locks` of one client. Two clients of one document have one `clientId`. Requests arrive in their order, each
   * delayed by `ask`. Answers do too, each delayed by `tell`: a frozen tab is granted a lock, and learns of it later.
   */
  open(clientId: string, tell: Deliver, ask?: Deliver): { locks: Locks; close(): void }
  snapshot(): { held: LockInfo[]; pending: LockInfo[] }
}

interface Ask {
  readonly name: string
  readonly mode: LockMode
  readonly clientId: string
  /** Runs the callback, with the lock or without. */
  readonly grant: (available: boolean) => void
}

/** Delivers in the order of sending, even if the delivery runs its tasks in another order. */
export function inOrder(deliver: Deliver): Deliver {
  const queue: (() => void)[] = []
  return (task, label) => {
    queue.push(task)
    deliver(() => queue.shift()?.(), label)
  }
}

const atOnce: Deliver = task => task()

export function createLockHub(): LockHub {
  let held: Ask[] = []
  let pending: Ask[] = []

  const isGrantable = (ask: Ask, queue: Ask[]): boolean =>
    queue.find(({ name }) => name === ask.name) === ask &&
    !held.some(({ name, mode }) => name === ask.name && (mode === 'exclusive' || ask.mode === 'exclusive'))

  function process(name: string): void {
    for (;;) {
      const next = pending.find(ask => ask.name === name)
      if (!next || !isGrantable(next, pending)) return
      pending = pending.filter(ask => ask !== next)
      held.push(next)
      next.grant(true)
    }
  }

  function release(ask: Ask): void {
    if (!held.includes(ask) && !pending.includes(ask)) return
    held = held.filter(other => other !== ask)
    pending = pending.filter(other => other !== ask)
    process(ask.name)
  }

  const info = ({ name, mode, clientId }: Ask): LockInfo => ({ name, mode, clientId })
  const snapshot = () => ({ held: held.map(info), pending: pending.map(info) })

  return {
    snapshot,
    open(clientId, tell, ask = atOnce) {
      let closed = false
      const mine = new Set<Ask>()
      const send = inOrder((task, label) => ask(() => closed || task(), label))
      const reply = inOrder((task, label) => tell(() => closed || task(), label))

      function request(name: string, ...rest: unknown[]): Promise<unknown> {
        const callback = rest.at(-1) as (lock: Lock | null) => unknown
        const options = (rest.length > 1 ? rest[0] : {}) as LockOptions
        const { mode = 'exclusive', ifAvailable = false, signal } = options
        const refuse = (message: string) => Promise.reject(new DOMException(message, 'NotSupportedError'))
        if (options.steal) return refuse('steal is not supported here')
        if (name.startsWith('-')) return refuse('names cannot start with a hyphen')
        if (signal && ifAvailable) return refuse('signal and ifAvailable exclude each other')
        if (signal?.aborted) return Promise.reject(signal.reason)

        return new Promise((resolve, reject) => {
          const free = () => {
            mine.delete(entry)
            release(entry)
          }
          const abort = () => {
            reject(signal?.reason)
            send(free, `${clientId} gives up waiting for ${name}`)
          }
          async function run(available: boolean): Promise<void> {
            if (signal?.aborted) return
            signal?.removeEventListener('abort', abort)
            // A callback that throws rejects the request.
            const result = new Promise(settle => settle(callback(available ? { name, mode } : null)))
            resolve(result)
            await result.catch(() => {})
            if (available) send(free, `${clientId} releases ${name}`)
          }
          const entry: Ask = {
            name,
            mode,
            clientId,
            grant: available => reply(() => void run(available), `${clientId} is granted ${name}`),
          }
          signal?.addEventListener('abort', abort, { once: true })
          send(() => {
            if (signal?.aborted) return
            if (ifAvailable && !isGrantable(entry, [...pending, entry])) return entry.grant(false)
            mine.add(entry)
            pending.push(entry)
            process(name)
          }, `${clientId} asks for ${name}`)
        })
      }

      const query = (): Promise<LockManagerSnapshot> =>
        new Promise(resolve => {
          send(() => {
            const seen = snapshot()
            reply(() => resolve(seen), `${clientId} is told the locks`)
          }, `${clientId} asks which locks there are`)
        })

      return {
        locks: { request: request as LockManager['request'], query },
        close() {
          closed = true
          for (const entry of mine) release(entry)
        },
      }
    },
  }
}

import type { Patience as Waiting } from './call.ts'
import type { Environment } from './environment.ts'

type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>

/** ky's own default. */
const TIMEOUT = 10_000

/** ky's default timeout for one call, but its clock stands still while the client waits for a session or a token. */
export interface Patience extends Waiting {
  /** Each attempt has the whole time. */
  attempts(fetch: Fetch): Fetch
  /** Reading the body has the whole time as well, once the response is there. */
  reads<T>(response: Promise<Response>, body: Promise<T>): Promise<T>
}

export function createPatience(
  { timer, monotonic }: Environment,
  tookTooLong: (request: Request) => Error,
): Patience {
  let request: Request
  let controller = new AbortController()
  let clock: ReturnType<typeof startClock> | undefined

  function startClock(end: () => void) {
    let left = TIMEOUT
    let since = 0
    let cancel = () => {}
    const run = () => {
      since = monotonic()
      cancel = timer(end, Math.max(0, left))
    }
    const stop = () => {
      cancel()
      left -= monotonic() - since
    }
    run()
    return { run, stop }
  }

  const startLimit = (reject: (error: unknown) => void) =>
    startClock(() => {
      controller.abort()
      reject(tookTooLong(request))
    })

  return {
    get signal() {
      return controller.signal
    },

    attempts: fetch => (input, init) =>
      new Promise((resolve, reject) => {
        request = input as Request
        controller = new AbortController()
        const limit = startLimit(reject)
        clock = limit
        fetch(request, init).then(resolve, reject).finally(limit.stop)
      }),

    async whileWaiting(wait) {
      // A later attempt has a clock of its own.
      const running = clock
      running?.stop()
      try {
        return await wait
      } finally {
        running?.run()
      }
    },

    reads: (response, body) =>
      new Promise((resolve, reject) => {
        let stop = () => {}
        body.then(resolve, reject).finally(() => stop())
        response.then(
          () => {
            stop = startLimit(reject).stop
          },
          () => {},
        )
      }),
  }
}

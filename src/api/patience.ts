import { commonOf } from '../kernel/call.ts'
import type { Environment, Fetch } from '../kernel/environment.ts'

/** ky's own default. */
export const TIMEOUT = 10_000

/**
 * Wraps the `fetch` that ky is given. Waits for a session or a token do not count for ky's default timeout then. ky's timer
 * cannot be stopped, but it ends as soon as the promise of `fetch` calls back. So, when the first wait begins, this one
 * calls back with another promise, for the rest of the attempt. From then on the time is measured here.
 */
export function createPatience(
  { timer, monotonic }: Environment,
  tookTooLong: (request: Request) => Error,
): (fetch: Fetch) => Fetch {
  // `this`: what ky goes by. A hook of the app's can have set another timeout than the options of the call.
  return fetch =>
    function (this: { timeout?: unknown } | undefined, input, init) {
      const common = commonOf(init)
      if (!common?.isPatient || (this?.timeout ?? TIMEOUT) !== TIMEOUT) return fetch(input, init)
      // That of the attempt before, which may have been given up.
      delete common.signal
      const since = monotonic()
      let answer: Promise<Response> | undefined
      let rest: Rest | undefined
      let callBack = (_rest: Promise<Response>) => {}

      common.whileWaiting = async wait => {
        if (!rest) {
          rest = startRest(TIMEOUT - (monotonic() - since))
          common.signal = rest.signal
          if (answer) rest.follow(answer)
          callBack(rest.promise)
        }
        const { stop, run } = rest
        stop()
        try {
          return await wait
        } finally {
          run()
        }
      }

      answer = fetch(input, init)
      // It may have waited from the start.
      rest?.follow(answer)
      // By hand, since a native promise would not call back with a promise before that one is settled.
      const then: Promise<Response>['then'] = (onResponse, onError) =>
        new Promise((resolve, reject) => {
          callBack = promise => resolve(onResponse?.(promise as never) as never)
          if (rest) callBack(rest.promise)
          else answer.then(onResponse, onError).then(resolve, reject)
        })
      return { then } as Promise<Response>

      function startRest(left: number): Rest {
        const controller = new AbortController()
        let remains = left
        let begin = monotonic()
        let cancel = () => {}
        let follow!: Rest['follow']
        let giveUp!: (error: unknown) => void
        const promise = new Promise<Response>((resolve, reject) => {
          giveUp = reject
          follow = answered => void answered.finally(() => stop()).then(resolve, reject)
        })
        const end = () => {
          controller.abort()
          giveUp(tookTooLong(input as Request))
        }
        const run = () => {
          // Of two requests that share the attempt, the other one may have waited too.
          cancel()
          begin = monotonic()
          cancel = timer(end, Math.max(0, remains))
        }
        const stop = () => {
          cancel()
          remains -= monotonic() - begin
          begin = monotonic()
        }
        return { promise, signal: controller.signal, follow, run, stop }
      }
    }
}

/** What is left of an attempt since its first wait. */
interface Rest {
  readonly promise: Promise<Response>
  readonly signal: AbortSignal
  /** Where its outcome comes from. */
  follow(answer: Promise<Response>): void
  run(): void
  stop(): void
}

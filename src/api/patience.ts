import { commonOf } from '../kernel/call.ts'
import type { Environment, Fetch } from '../kernel/environment.ts'

/** ky's own default. */
const TIMEOUT = 10_000

/**
 * Wraps the `fetch` of ky, so that waits for a session or a token do not count for ky's default timeout. Nobody can stop ky's
 * timer, but ky stops it itself when the promise of `fetch` calls back. So, when the first wait begins, the promise of this
 * function calls back with another promise, for the rest of the attempt. From then on this file measures the time.
 */
export function createPatience(
  { timer, monotonic }: Environment,
  tookTooLong: (request: Request) => Error,
): (fetch: Fetch) => Fetch {
  // `this`: the options that ky uses. A hook of the app can have set another timeout than the options of the call.
  return fetch =>
    function (this: { timeout?: unknown } | undefined, input, init) {
      const common = commonOf(init)
      if (!common?.isPatient || (this?.timeout ?? TIMEOUT) !== TIMEOUT) return fetch(input, init)
      // The clock of the attempt before, which ky may have given up.
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

/** The rest of an attempt, from its first wait on. */
interface Rest {
  readonly promise: Promise<Response>
  readonly signal: AbortSignal
  /** Where its outcome comes from. */
  follow(answer: Promise<Response>): void
  run(): void
  stop(): void
}

import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'

/** The end of the client. */
export interface Disposal {
  /** Set once the client is disposed. */
  readonly reason: AuthError | null
  readonly signal: AbortSignal
  abort(reason: AuthError): void
}

/** Its AbortController is made when it is first used: edge workers forbid it in their global scope. */
export function createDisposal(): Disposal {
  let controller: AbortController | undefined
  const made = () => (controller ??= new AbortController())
  const disposal = {
    reason: null as AuthError | null,
    get signal() {
      return made().signal
    },
    abort(reason: AuthError) {
      disposal.reason = reason
      made().abort(reason)
    },
  }
  return disposal
}

/** The promise's outcome, or the signal's reason if that comes first. The work behind the promise goes on. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Runs with a signal that aborts after `ms`, with what `late` makes, or together with one of the `outer` ones. */
export async function within<T>(
  environment: Pick<Environment, 'timer'>,
  ms: number,
  late: (() => unknown) | null,
  run: (signal: AbortSignal) => Promise<T>,
  ...outer: (AbortSignal | null | undefined)[]
): Promise<T> {
  const controller = new AbortController()
  const signal = AbortSignal.any([controller.signal, ...outer.filter(other => other != null)])
  signal.throwIfAborted()
  const undo = environment.timer(() => controller.abort(late?.()), ms)
  try {
    return await unlessAborted(run(signal), signal)
  } finally {
    undo()
  }
}

export const tookTooLong = (code: AuthErrorCode, ms: number): AuthError =>
  new AuthError(code, `No answer within ${ms} ms: see "timeout".`)

import type { Environment } from './environment.ts'

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

/** Runs with a signal that aborts after `ms` with what `late` makes, or together with one of the `outer` ones. */
export async function within<T>(
  environment: Pick<Environment, 'timer'>,
  ms: number,
  late: () => unknown,
  run: (signal: AbortSignal) => Promise<T>,
  ...outer: (AbortSignal | null | undefined)[]
): Promise<T> {
  const controller = new AbortController()
  const follow = () => controller.abort(outer.find(signal => signal?.aborted)?.reason)
  if (outer.some(signal => signal?.aborted)) follow()
  controller.signal.throwIfAborted()
  for (const signal of outer) signal?.addEventListener('abort', follow)
  const undo = environment.timer(() => controller.abort(late()), ms)
  try {
    return await unlessAborted(run(controller.signal), controller.signal)
  } finally {
    undo()
    for (const signal of outer) signal?.removeEventListener('abort', follow)
  }
}

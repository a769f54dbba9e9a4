import type { Exclusive } from './parts.ts'
import type { Refresher } from './refresh.ts'

/** The turns of one tab: one task after the other. */
export function createQueue(): Exclusive {
  let last: Promise<unknown> = Promise.resolve()
  return task => {
    const run = last.then(
      () => task(false),
      () => task(false),
    )
    last = run.catch(() => {})
    return run
  }
}

interface Needs {
  readonly exclusive: Exclusive
  readonly refresher: Pick<Refresher, 'flight' | 'settled'>
}

/**
 * Runs a login or logout in its turn: waits until no refresh of the session before is on the wire, and takes the lock. Asks
 * for the lock at once where there is no such refresh, so that a call which comes next has its turn next. `rotated`: the
 * refresh token in the answer to that refresh.
 */
export function takeTurn<T>(
  { exclusive, refresher }: Needs,
  task: (rotated?: string) => Promise<T>,
  giveUp?: AbortSignal | null,
): Promise<T> {
  const run = (rotated?: string) => exclusive(() => task(rotated), giveUp ?? undefined)
  return refresher.flight ? refresher.settled().then(run) : run()
}

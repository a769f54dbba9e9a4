import type { Disposal } from './abort.ts'
import { unlessAborted, within } from './abort.ts'
import type { Environment } from './environment.ts'
import type { AuthError } from './errors.ts'
import type { Exclusive } from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { Settings } from './settings.ts'

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
  readonly settings: Settings
  readonly environment: Environment
  readonly disposal: Disposal
  readonly exclusive: Exclusive
  readonly refresher: Pick<Refresher, 'flight' | 'settled'>
}

/**
 * Runs a login in its turn: waits until no refresh of the session before is on the wire, takes the lock, and gives up
 * after `timeout`. The caller's `signal` ends the wait and the task.
 */
export function takeTurn<T>(
  { settings, environment, disposal, exclusive, refresher }: Needs,
  late: () => AuthError,
  task: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal | null,
): Promise<T> {
  const run = () =>
    exclusive(
      () => within(environment, settings.timeout, late, task, signal, disposal.signal),
      signal ?? undefined,
    )
  const turn = refresher.flight ? refresher.settled().then(run) : run()
  return unlessAborted(unlessAborted(turn, signal), disposal.signal)
}

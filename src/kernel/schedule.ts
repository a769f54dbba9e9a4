import type { Backoff } from './backoff.ts'
import { MAX_TIMER, remaining } from './clock.ts'
import type { Environment } from './environment.ts'
import { isExpired } from './held.ts'
import type { Refresher } from './refresh.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'

export interface Schedule {
  /** Refreshes if a refresh is due, else sets the one timer for the time when it will be. */
  look(): void
  dispose(): void
}

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly backoff: Backoff
  readonly refresher: Pick<Refresher, 'run' | 'flight'>
}

/** The timer decides nothing: when it rings, the clocks are read again. */
export function createSchedule({ settings, environment, session, backoff, refresher }: Needs): Schedule {
  const { endpoints, sliding, log } = settings
  let undo = () => {}
  let disposed = false

  function look(): void {
    undo()
    // A flight that waits for the end of the backoff looks again too.
    refresher.flight?.stir?.()
    // On a server and in a worker no timer refreshes: a request does so when it is due.
    if (disposed || !environment.page || environment.page.isWorker || refresher.flight) return
    const due = untilDue()
    if (due === null) return
    const { held } = session
    const need = !held || isExpired(environment, held) ? 'dead' : 'ahead'
    const pause = Math.max(backoff.wait(need), backoff.limit())
    // A sliding token ends at its expiry, even if the backoff still holds the refresh back.
    const wait = sliding && held?.expires ? Math.min(pause, remaining(environment, held.expires)) : pause
    const ms = Math.min(Math.ceil(Math.max(due, wait)), MAX_TIMER)
    // If tokens cannot be refreshed, no network is needed: at the expiry the session ends.
    const asks = !held || endpoints.refresh !== false
    if (asks && !environment.online()) log({ type: 'timer', at: null })
    else if (ms <= 0) void refresher.run(need)
    else {
      log({ type: 'timer', at: environment.now() + ms })
      undo = environment.timer(look, ms)
    }
  }

  /** Milliseconds until a refresh is due, without the backoff; `null` if none will be due. */
  function untilDue(): number | null {
    const { held, snapshot } = session
    if (snapshot.status !== 'anonymous' && snapshot.error?.retryable) return 0
    return held?.expires ? remaining(environment, held.expires) - held.ahead : null
  }

  return {
    look,
    dispose() {
      disposed = true
      undo()
    },
  }
}

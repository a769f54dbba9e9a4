import type { Disposal } from './abort.ts'
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
}

interface Needs {
  readonly disposal: Pick<Disposal, 'reason'>
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly backoff: Backoff
  readonly refresher: Pick<Refresher, 'run' | 'flight'>
}

/** Deadlines are data, the timer is only an alarm: when it rings, the clocks are read again. */
export function createSchedule(kernel: Needs): Schedule {
  const { environment, session, backoff, refresher, disposal } = kernel
  const { endpoints, log } = kernel.settings
  let undo = () => {}

  function look(): void {
    undo()
    // A flight that waits for the end of the backoff looks again too.
    refresher.flight?.stir?.()
    // Without a page the timer serves nobody. A request then refreshes when it needs to.
    if (disposal.reason || !environment.page || environment.page.isWorker || refresher.flight) return
    const due = untilDue()
    if (due === null) return
    const { held } = session
    const need = !held || isExpired(environment, held) ? 'dead' : 'ahead'
    const ms = Math.min(Math.ceil(Math.max(due, backoff.wait(need), backoff.limit())), MAX_TIMER)
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

  return { look }
}

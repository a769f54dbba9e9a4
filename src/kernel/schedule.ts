import { MAX_TIMER, remaining } from './clock.ts'
import type { Environment } from './environment.ts'
import type { Settings } from './settings.ts'
import type { Refresher } from './refresh.ts'
import { isExpired, type SessionHolder } from './session.ts'

export interface Scheduler {
  /** The tick: acts when something is due, else sets the one timer for when it will be. */
  look(): void
  dispose(): void
}

/** Deadlines are data, the timer is only an alarm: when it rings, the clocks are read again. */
export function createScheduler(
  { endpoints, log }: Settings,
  environment: Environment,
  session: SessionHolder,
  refresher: Refresher,
): Scheduler {
  let undo = () => {}
  let disposed = false

  function look(): void {
    undo()
    refresher.stir()
    // Without a page nobody is there to be kept fresh for: a request refreshes when it is due.
    if (disposed || !environment.page || environment.page.isWorker || refresher.busy) return
    const due = untilDue()
    if (due === null) return
    const { held } = session
    const need = !held || isExpired(environment, held) ? 'dead' : 'ahead'
    const ms = Math.min(Math.ceil(Math.max(due, refresher.wait(need))), MAX_TIMER)
    // Where nothing can be renewed, no network is needed to see that the token has ended.
    const asks = !held || endpoints.refresh !== false
    if (asks && !environment.online()) log({ type: 'timer', at: null })
    else if (ms <= 0) void refresher.run(need)
    else {
      log({ type: 'timer', at: environment.now() + ms })
      undo = environment.timer(look, ms)
    }
  }

  /** Milliseconds until a refresh is due, whatever may hold it back; `null` when none will be. */
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

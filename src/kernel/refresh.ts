import { type Disposal, tookTooLong } from './abort.ts'
import { type AttemptNeeds, createAttempt } from './attempt.ts'
import { instant, later, remaining } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { Flight, Need } from './flight.ts'

export interface Refresher {
  /**
   * Joins the flight under way, or starts one. Never rejects. `null`: the session is up to date, also where a refusal has
   * ended it, so look at `session.held`. An error: the session is unchanged, because the failure is passing, or because the
   * server refused while the token still works. `since`: when the app asked, here or in another tab, epoch milliseconds.
   */
  run(need: Need, since?: number): Promise<AuthError | null>
  /** The flight under way. */
  readonly flight: Flight | null
  /** Was the burst limit reached, so that another refresh will not help? */
  readonly limited: boolean
  /**
   * The network has changed, or the user is back: requests wait for the next attempt. It comes soon, unless the server has
   * named a time.
   */
  wake(isOnline: boolean): void
  /**
   * Settles when no refresh is under way any more: a late `Set-Cookie` of a refresh must not replace the cookie of a
   * login or logout. With the refresh token of its answer, if one came.
   */
  settled(): Promise<string | undefined>
  dispose(reason: AuthError): void
}

interface Needs extends AttemptNeeds {
  readonly environment: Environment
  readonly disposal: Pick<Disposal, 'reason'>
  readonly schedule: { look(): void }
}

/** Refresh and restore, the only turns that other callers can join: from the first need to the one outcome for all. */
export function createRefresher(kernel: Needs): Refresher {
  const { settings, environment, session, backoff, disposal } = kernel
  const { timeout } = settings
  const attempt = createAttempt(kernel)
  let flight: Flight | null = null

  const isFree = (current: Flight): boolean => session.stamp !== current.stamp || disposal.reason !== null

  function run(need: Need, since = 0): Promise<AuthError | null> {
    if (disposal.reason) return Promise.resolve(disposal.reason)
    if (need === 'ahead' && !settings.endpoints.refresh) return Promise.resolve(notRenewed())
    const isAsked = need === 'asked'
    // Do not join a flight of an earlier session, nor a restore that left before the app asked.
    const isTooEarly = isAsked && flight?.sent && !session.held
    if (flight?.stamp === session.stamp && !isTooEarly) {
      flight.dead ||= need === 'dead'
      flight.asked ||= isAsked
      flight.again ||= since > 0
      if (isAsked) flight.after = kernel.tabs?.momentOf(since)
      flight.stir?.()
      return flight.outcome
    }
    const paused = backoff.wait(need)
    if (paused > 0 && !backoff.isAwaited(paused)) return Promise.resolve(backoff.current!.error)
    const wait = isAsked ? 0 : backoff.limit()
    if (wait <= 0) return launch(need, since)
    const message = 'Refreshed too often: the API refuses fresh tokens.'
    const retryAt = Math.round(environment.now() + wait)
    return Promise.resolve(new AuthError('refresh_unavailable', message, { retryAt }))
  }

  function launch(need: Need, since: number): Promise<AuthError | null> {
    let free!: Flight['free']
    const outcome = new Promise<AuthError | null>(resolve => {
      free = resolve
    })
    const current: Flight = {
      stamp: session.stamp,
      epoch: session.stamp.epoch,
      former: flight,
      dead: need === 'dead',
      asked: need === 'asked',
      after: need === 'asked' ? kernel.tabs?.momentOf(since) : undefined,
      again: since > 0,
      outcome,
      free,
      controller: new AbortController(),
    }
    flight = current
    current.done = fly(current)
    return outcome
  }

  async function fly(current: Flight): Promise<void> {
    // Callers get their outcome after `timeout`. The request goes on, since dropping its answer could lose the session.
    const undo = environment.timer(() => {
      if (isFree(current)) current.free(null)
      else {
        const error = tookTooLong('refresh_unavailable', timeout)
        current.free(current.sent ? backoff.postpone(error, timeout) : error)
      }
    }, timeout)
    const end = later(instant(environment), timeout)
    let outcome: AuthError | null = null
    try {
      const { former, epoch, stamp } = current
      // A request that is still on the wire for an earlier session: its `Set-Cookie` must not arrive later. After a login
      // or logout nothing else of that answer is needed, so `timeout` bounds the wait. Within one epoch the answer may
      // hold the cookie to go on with.
      await (former?.epoch === epoch ? former.done : former && over(former))
      current.former = null
      // The former restore has changed the session, and the app asks about the session as it is now.
      if (former?.stamp === stamp) current.stamp = session.stamp
      do {
        current.shaken = false
        current.sent = false
        if (backoff.heldBack(current) > 0) await backoffOver(current)
        outcome = await attempt(current, () => !isFree(current))
        // If the network came back meanwhile, the failure counts for nothing: try once more.
      } while (outcome && current.shaken && remaining(environment, end) > 0 && backoff.limit() <= 0)
    } finally {
      undo()
      if (flight === current) flight = null
      current.free(outcome)
      kernel.schedule.look()
    }
  }

  /** Waits only if the network or the user came back since; else the flight ends with the error of the backoff. */
  async function backoffOver(current: Flight): Promise<void> {
    for (;;) {
      const ms = backoff.heldBack(current)
      if (ms <= 0 || !backoff.isAwaited(ms) || isFree(current) || current.controller.signal.aborted) return
      await new Promise<void>(resolve => {
        const undo = environment.timer(resolve, Math.ceil(ms))
        current.stir = () => {
          undo()
          resolve()
        }
      })
      current.stir = null
    }
  }

  async function over(current: Flight): Promise<void> {
    if (current.former) await over(current.former)
    // A flight that waits for the end of the backoff has sent nothing.
    if (!current.stir) await current.outcome
    if (!disposal.reason)
      current.controller.abort(new AuthError('superseded', 'A login or logout replaced it.'))
    current.stir?.()
    await current.done
  }

  return {
    run,
    get flight() {
      return flight
    },
    get limited() {
      return !flight && backoff.limit() > 0
    },
    wake(isOnline) {
      if (flight && !flight.stir) flight.shaken = true
      backoff.wake(isOnline)
      flight?.stir?.()
    },
    async settled() {
      const current = flight
      if (current) await over(current)
      return current?.rotated
    },
    dispose(reason) {
      for (let next = flight; next; next = next.former) {
        next.free(reason)
        if (!next.sent) next.controller.abort(reason)
      }
    },
  }
}

const notRenewed = (): AuthError =>
  new AuthError('refresh_rejected', 'No token can be renewed: "endpoints.refresh" is false.')

import { type AttemptNeeds, createAttempt, tookTooLong } from './attempt.ts'
import { instant, later, remaining } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { Flight, Need } from './flight.ts'

export interface Refresher {
  /**
   * Joins the flight under way, or starts one. Settles with `null` when the session is now as it is: look at it; with
   * an error when it could not be refreshed and was left alone. Never rejects. `since`: when the app asked, here or in
   * another tab, epoch milliseconds.
   */
  run(need: Need, since?: number): Promise<AuthError | null>
  /** What is under way. */
  readonly flight: Flight | null
  /** So many refreshes lately that another one will not help. */
  readonly limited: boolean
  /**
   * The network has changed, or the user is back: requests wait for the next attempt. It comes soon, unless the server
   * said when.
   */
  wake(isOnline: boolean): void
  /**
   * When nothing of a refresh is under way any more: login and logout must not meet a late `Set-Cookie`. With the
   * refresh token that came of it.
   */
  settled(): Promise<string | undefined>
  dispose(reason: AuthError): void
}

interface Needs extends AttemptNeeds {
  readonly environment: Environment
  /** The timer looks again. */
  look(): void
}

/** The one kind of turn that others can join: a refresh or restore, from the first need of it to its outcome for all. */
export function createRefresher(kernel: Needs): Refresher {
  const { settings, environment, session, backoff } = kernel
  const { timeout } = settings
  const attempt = createAttempt(kernel)
  let flight: Flight | null = null
  let disposed: AuthError | null = null

  const isFree = (current: Flight): boolean => session.stamp !== current.stamp || disposed !== null

  function run(need: Need, since = 0): Promise<AuthError | null> {
    if (disposed) return Promise.resolve(disposed)
    if (need === 'ahead' && !settings.endpoints.refresh) return Promise.resolve(notRenewed())
    const isAsked = need === 'asked'
    // One of another session has nothing to say to this one, and a restore can have left before somebody signed in.
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
    return wait > 0 ? Promise.resolve(tooOften(environment.now() + wait)) : launch(need, since)
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
      shaken: false,
      stir: null,
      sent: false,
      rotated: undefined,
      outcome,
      free,
      controller: new AbortController(),
      done: Promise.resolve(),
    }
    flight = current
    current.done = fly(current)
    return outcome
  }

  async function fly(current: Flight): Promise<void> {
    // The waiters are freed by then; what is on the wire is not thrown away.
    const undo = environment.timer(() => {
      if (isFree(current)) current.free(null)
      else current.free(current.sent ? backoff.postpone(tookTooLong(timeout), timeout) : tookTooLong(timeout))
    }, timeout)
    const end = later(instant(environment), timeout)
    let outcome: AuthError | null = null
    try {
      const isAfterRestore = current.former?.stamp === current.stamp
      await formerOver(current)
      // The restore that was under way has signed somebody in, or nobody: the app asks about what is now.
      if (isAfterRestore) current.stamp = session.stamp
      do {
        current.shaken = false
        current.sent = false
        if (backoff.heldBack(current) > 0) await backoffOver(current)
        outcome = await attempt(current, () => !isFree(current))
        // A failure from before the network came back is none of the attempt that the requests wait for.
      } while (outcome && current.shaken && remaining(environment, end) > 0 && backoff.limit() <= 0)
    } finally {
      undo()
      if (flight === current) flight = null
      current.free(outcome)
      kernel.look()
    }
  }

  /** Only a refresh that was woken waits; any other one that is held back ends with the error of the backoff. */
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

  /**
   * What is on the wire for a former session has its time to be answered: its `Set-Cookie` must not come late. After a
   * login or logout nothing else of it is wanted, so a server that hangs is not waited for any longer; within one login
   * the answer may still hold the cookie to go on with.
   */
  async function formerOver(current: Flight): Promise<void> {
    const { former, epoch } = current
    if (former) await (former.epoch === epoch ? former.done : over(former))
    current.former = null
  }

  async function over(current: Flight): Promise<void> {
    if (current.former) await over(current.former)
    // One that waits for the end of a backoff has sent nothing.
    if (!current.stir) await current.outcome
    if (!disposed) current.controller.abort(new AuthError('superseded', 'A login or logout took its place.'))
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
      disposed = reason
      for (let next = flight; next; next = next.former) {
        next.free(reason)
        if (!next.sent) next.controller.abort(reason)
        next.stir?.()
      }
    },
  }
}

const tooOften = (retryAt: number): AuthError =>
  new AuthError('refresh_unavailable', 'Refreshed too often: the API refuses tokens that were just issued.', {
    retryAt: Math.round(retryAt),
  })

const notRenewed = (): AuthError =>
  new AuthError('refresh_rejected', 'No token can be renewed: "endpoints.refresh" is false.')

import type { AuthEventMap } from '../types.ts'
import { type Instant, instant, later, remaining } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { Flight, Need } from './flight.ts'
import { isExpired } from './held.ts'
import { NOTHING } from './own.ts'
import type { TabsPart } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'

/** Why no refresh may leave now, and until when. */
export interface Pause {
  readonly until: Instant
  /** The serial that the pause belongs to: any change of the session ends the pause. */
  readonly serial: number
  readonly failures: number
  readonly error: AuthError
  /**
   * Until then even the app's own `refresh()` is held back: the server named this time, or its refusal lasts that long.
   */
  readonly bound: Instant | null
  /** When another tab reported the failure; `null`: it occurred in this tab. */
  readonly told: Instant | null
  /** The failure concerns this tab only, so the other tabs are not notified. */
  readonly quiet: boolean
  /** The network or the user came back since: requests wait for the next try and do not reject at once. */
  readonly awaited: boolean
}

export interface Backoff {
  /** The pause of the current serial. */
  readonly current: Pause | null
  /** Milliseconds for which the pause holds back a refresh of this need; 0: not at all. */
  wait(need: Need): number
  /** The same for a flight, by the most urgent need that it serves. */
  heldBack(flight: Pick<Flight, 'dead' | 'asked'>): number
  /** Should a caller wait for the end of the pause, and not reject at once? */
  isAwaited(ms: number): boolean
  /** Milliseconds until the burst limit lets another refresh out. */
  limit(): number
  /** Counts a refresh towards the burst limit: called when one leaves that the app did not ask for. */
  count(): void
  /** Milliseconds to wait after another failure. `told`: milliseconds that the server asked for. */
  next(told: number, isSoon: boolean): number
  /**
   * Shortens a wait that we chose ourselves, so that the next try comes before the token expires. `from`: when it
   * begins.
   */
  inTime(wait: number, from?: number): number
  postpone(
    error: Pick<AuthError, 'code' | 'message' | 'status' | 'body'>,
    wait: number,
    details?: { bound?: number; quiet?: boolean; told?: Instant | null; awaited?: boolean },
  ): AuthError
  /** Changes members of the pause. The pause is another object then, by which waiting code sees the change. */
  replace(members: Partial<Pause>): void
  /** Brings the next try forward, and lets requests wait for it, unless the server named the time. */
  wake(isOnline: boolean): void
}

const BACKOFF = 1_000
const MAX_BACKOFF = 60_000
/** At most so many refreshes in so many milliseconds, even if each new token is refused or already expired. */
const BURST = 10
const BURST_SPAN = 20_000
/** Milliseconds to wait where only the app or a login can change something. */
export const NEVER: number = Number.MAX_SAFE_INTEGER

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly tabs: Pick<TabsPart, 'postponed'> | undefined
  emit(name: 'refreshError', detail: AuthEventMap['refreshError']): void
}

export function createBackoff(kernel: Needs): Backoff {
  const { settings, environment, session } = kernel
  let last: Pause | null = null
  const starts: number[] = []

  const current = (): Pause | null => (last?.serial === session.stamp.serial ? last : null)

  /** A sliding token cannot be renewed after its expiry, so no pause goes on longer than that. */
  function capped(ms: number): number {
    const expires = settings.sliding && session.held?.expires
    return Math.max(0, expires ? Math.min(ms, remaining(environment, expires)) : ms)
  }

  function wait(need: Need): number {
    const pause = current()
    if (!pause) return 0
    const { error, until, bound, told } = pause
    const isRefused = error.code === 'refresh_rejected'
    if (isRefused && need === 'dead') return 0
    // An app that calls `refresh()` overrules our backoff and other tabs, but not the server.
    const end = need !== 'asked' ? until : told ? null : isRefused ? until : bound
    return end ? capped(remaining(environment, end)) : 0
  }

  const soon = (): number => environment.random() * BACKOFF

  /** Milliseconds until the token expires; 0 if there is no token, or its expiry is unknown. */
  const left = (): number => {
    const { expires } = session.held ?? NOTHING
    return expires ? Math.max(0, remaining(environment, expires)) : 0
  }

  /**
   * While the token is valid, few tries are enough if the last one comes shortly before the expiry. After the expiry
   * the wait is fully random, so that all clients of a server that was down do not come back at the same moment.
   */
  function next(told: number, isSoon: boolean): number {
    if (isSoon) return soon()
    const tries = (current()?.failures ?? 0) + 1
    if (told > 0) return environment.random() * Math.min(MAX_BACKOFF, Math.max(told, BACKOFF * 2 ** tries))
    const grown = (base: number): number => Math.min(MAX_BACKOFF, BACKOFF * base ** tries)
    return left() > 0
      ? Math.min(grown(3), left() / 2) * (1 - environment.random() / 8)
      : environment.random() * grown(2)
  }

  return {
    get current() {
      return current()
    },
    wait,
    heldBack: ({ dead, asked }) => Math.min(wait(dead ? 'dead' : 'ahead'), asked ? wait('asked') : NEVER),
    isAwaited: ms => current()?.awaited === true && ms < settings.timeout,
    limit: () => (starts.length < BURST ? 0 : capped(starts[0]! + BURST_SPAN - environment.monotonic())),
    count() {
      starts.push(environment.monotonic())
      if (starts.length > BURST) starts.shift()
    },
    next,
    inTime(wait, from = 0) {
      const rest = left() - from
      if (rest <= 0) return wait
      return Math.max(BACKOFF, rest < 2 * BACKOFF ? rest : Math.min(wait, rest / 2))
    },
    postpone(
      { code, message, status, body: answer },
      wait,
      { bound = 0, quiet = false, told = null, awaited = false } = {},
    ) {
      const isRefused = code === 'refresh_rejected'
      // While nobody is signed in, no refresh is repeated without a call of the app.
      const isFinal = wait === NEVER || session.snapshot.status === 'anonymous'
      const retryAt = isFinal ? undefined : Math.ceil(environment.now() + wait)
      const body = isRefused ? answer : undefined
      const error = new AuthError(isRefused ? code : 'refresh_unavailable', message, {
        status,
        retryAt,
        body,
      })
      last = {
        until: later(instant(environment), Math.ceil(wait)),
        serial: session.stamp.serial,
        failures: (current()?.failures ?? 0) + 1,
        error,
        bound: bound > 0 ? later(instant(environment), bound) : null,
        told,
        quiet,
        awaited,
      }
      settings.log({ type: 'postponed', error, retryAt: retryAt ?? null, told: told !== null })
      session.fail(error)
      kernel.emit('refreshError', { error, retryAt: retryAt ?? null })
      if (!quiet) kernel.tabs?.postponed()
      return error
    },
    replace(members) {
      if (last) last = { ...last, ...members }
    },
    wake(isOnline) {
      const pause = current()
      if (!pause || pause.bound) return
      const { held } = session
      // While the token is valid no request waits, so a user who comes back to the page causes no refresh.
      const isWanted = isOnline || !held || isExpired(environment, held)
      const isFar = isWanted && remaining(environment, pause.until) > BACKOFF
      const until = isFar ? later(instant(environment), soon()) : pause.until
      last = { ...pause, until, awaited: true }
    },
  }
}

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

/** Why no refresh goes out now, and until when. */
export interface Pause {
  readonly until: Instant
  /** A pause belongs to one session as it was then: a login or logout ends it. */
  readonly serial: number
  readonly failures: number
  readonly error: AuthError
  /** Until when the server said, or what it said will not change: before that nobody is to ask. */
  readonly bound: Instant | null
  /** By another tab's word alone, since then. */
  readonly told: Instant | null
  /** It says nothing about the other tabs. */
  readonly quiet: boolean
  /** By `online` or a wake-up since: requests do not reject at once. */
  readonly awaited: boolean
}

export interface Backoff {
  /** The pause of the session as it is now. */
  readonly current: Pause | null
  /** Milliseconds for which it holds a refresh of this need back; 0: not at all. */
  wait(need: Need): number
  /** The same for a flight, by the most urgent need that it serves. */
  heldBack(flight: Pick<Flight, 'dead' | 'asked'>): number
  /** Is the end of that wait worth waiting for? */
  isAwaited(ms: number): boolean
  /** Milliseconds until another refresh may go out, after so many of them. */
  limit(): number
  /** A refresh leaves that the app has not asked for. */
  count(): void
  /** A sliding token that has ended: nothing can be had for it any more, and so nothing is waited for. */
  hasSlidOut(): boolean
  /** Milliseconds to wait after another failure. `told`: the server said to wait for so long. */
  next(told: number, isSoon: boolean): number
  /** A wait of our own is cut short, so that the next try comes while the token still lives. `from`: when it begins. */
  inTime(wait: number, from?: number): number
  postpone(
    error: Pick<AuthError, 'code' | 'message' | 'status' | 'body'>,
    wait: number,
    details?: { bound?: number; quiet?: boolean; told?: Instant | null; awaited?: boolean },
  ): AuthError
  /** The same pause with these members: who waits for a change sees one. */
  replace(members: Partial<Pause>): void
  /** The next try comes soon, and requests wait for it, unless the server said when. */
  wake(isOnline: boolean): void
}

const BACKOFF = 1_000
const MAX_BACKOFF = 60_000
/** Whatever a token says of its own life, and whatever the API answers: so many refreshes in so many milliseconds. */
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

  const hasSlidOut = (): boolean =>
    settings.sliding === true && session.held !== null && isExpired(environment, session.held)

  function wait(need: Need): number {
    const pause = current()
    if (!pause || hasSlidOut()) return 0
    const { error, until, bound, told } = pause
    const isRefused = error.code === 'refresh_rejected'
    if (isRefused && need === 'dead') return 0
    // The app may know better than our backoff, and than another tab; not than the server.
    const end = need !== 'asked' ? until : told ? null : isRefused ? until : bound
    return end ? Math.max(0, remaining(environment, end)) : 0
  }

  const soon = (): number => environment.random() * BACKOFF

  /** What the token has left to live; 0 where there is none, or nothing tells. */
  const left = (): number => {
    const { expires } = session.held ?? NOTHING
    return expires ? Math.max(0, remaining(environment, expires)) : 0
  }

  /**
   * While the token lives few tries are enough, if the last one comes shortly before its end. After that, full jitter: a
   * whole fleet that lost its server must not come back in step.
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
    limit: () =>
      starts.length < BURST || hasSlidOut()
        ? 0
        : Math.max(0, starts[0]! + BURST_SPAN - environment.monotonic()),
    count() {
      starts.push(environment.monotonic())
      if (starts.length > BURST) starts.shift()
    },
    hasSlidOut,
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
      // Where nobody is signed in, nothing is tried again by itself.
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
      // While a token lives nobody waits, so looking at the page costs the server nothing.
      const isWanted = isOnline || !held || isExpired(environment, held)
      const isFar = isWanted && remaining(environment, pause.until) > BACKOFF
      const until = isFar ? later(instant(environment), soon()) : pause.until
      last = { ...pause, until, awaited: true }
    },
  }
}

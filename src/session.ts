import { type Clock, type Instant, later, remaining } from './clock.ts'
import type { AuthError } from './errors.ts'
import type { Token } from './token.ts'
import type { LoginCause, LogoutReason, Session, TokenSet } from './types.ts'

/** The token in use. Compared by identity: a request remembers which one it was sent with. */
export interface Held {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly generation: number
  /** Whose it is: two of one identity may replace each other under a request, two of different ones never. */
  readonly identity: string
  /** `null`: unknown, rely on 401. */
  readonly expires: Instant | null
  /** Milliseconds before `expires` at which the timer refreshes; negative where the lifetime is below the floor. */
  readonly ahead: number
  /** Milliseconds before `expires` from which no request is sent with it. */
  readonly margin: number
}

export type Change =
  | { type: 'commit'; cause: LoginCause | 'refresh'; userChanged: boolean }
  | { type: 'clear'; reason: LogoutReason; wasSignedIn: boolean }
  | { type: 'error' }

export interface SessionHolder {
  readonly snapshot: Session<any, any>
  readonly held: Held | null
  /** What is held, in the words of the app's own endpoint functions. */
  readonly tokens: TokenSet | null
  /** Raised by every commit and every clear; a result that was asked for under an older one is dropped. */
  readonly generation: number
  commit(token: Token, cause: LoginCause | 'refresh'): void
  clear(reason: LogoutReason): void
  fail(error: AuthError): void
}

const MAX_AHEAD = 60_000
const MAX_MARGIN = 1_000
/** The timer never comes sooner than this after a token was had, however short its life. */
const FLOOR = 2_000

/** The in-memory holder. The token lives in this closure and in no object that can be reached from outside. */
export function createSession(
  environment: Clock & { random(): number },
  refreshAhead: number | undefined,
  changed: (change: Change) => void,
): SessionHolder {
  let snapshot: Session<object, unknown> = Object.freeze({ status: 'unknown', error: null })
  let held: Held | null = null
  let generation = 0

  function set(next: Session<object, unknown>, change: Change): void {
    snapshot = Object.freeze(next)
    changed(change)
  }

  function hold(token: Token, identity: string, renewed: Held | null): Held {
    const { accessToken, refreshToken = renewed?.refreshToken } = token
    let expires = token.lifetime === null ? null : later(token.since, token.lifetime)
    // The very same token handed back is not younger for it.
    if (accessToken === renewed?.accessToken) expires = renewed.expires
    const left = expires ? remaining(environment, expires) : 0
    const span = token.lifetime ?? 0
    const wanted = Math.min(refreshAhead ?? Math.min(span / 5, MAX_AHEAD), span / 2)
    const ahead = Math.round(Math.min(wanted * (1 - environment.random() / 2), left - FLOOR))
    const margin = Math.max(0, Math.min(ahead, MAX_MARGIN))
    return { accessToken, refreshToken, generation, identity, expires, ahead, margin }
  }

  return {
    get snapshot() {
      return snapshot
    },
    get held() {
      return held
    },
    get tokens() {
      if (!held || snapshot.status !== 'authenticated') return null
      const { accessToken, refreshToken, expires } = held
      return { accessToken, refreshToken, expiresAt: expires?.wall, user: snapshot.user }
    },
    get generation() {
      return generation
    },

    commit(token, cause) {
      generation++
      const before = held
      const previous = snapshot.status === 'authenticated' ? snapshot : null
      // Opaque tokens do not say whose they are: each login is then somebody of its own, and a refresh stays the same.
      const identity =
        token.identity ?? (cause === 'refresh' && before ? before.identity : `login ${generation}`)
      const sameUser = before?.identity === identity
      held = hold(token, identity, cause === 'refresh' && sameUser ? before : null)
      const keep = <T>(next: T, last: T | undefined): T =>
        sameUser && last && isSame(next, last) ? last : next
      set(
        {
          status: 'authenticated',
          claims: keep(token.claims, previous?.claims),
          user:
            keep(token.user === undefined && sameUser ? previous?.user : token.user, previous?.user) ?? null,
          expiresAt: held.expires && Math.round(held.expires.wall),
          error: null,
        },
        { type: 'commit', cause, userChanged: before !== null && !sameUser },
      )
    },

    clear(reason) {
      generation++
      held = null
      if (snapshot.status === 'anonymous') return
      set(
        { status: 'anonymous', reason },
        { type: 'clear', reason, wasSignedIn: snapshot.status === 'authenticated' },
      )
    },

    fail(error) {
      if (snapshot.status !== 'anonymous') set({ ...snapshot, error }, { type: 'error' })
    },
  }
}

/** Has it this many milliseconds to live, or less? Never, where its end is unknown. */
export const isDue = (clock: Clock, { expires }: Held, ms: number): boolean =>
  expires !== null && remaining(clock, expires) <= ms

export const isExpired = (clock: Clock, held: Held): boolean => isDue(clock, held, 0)

/** Both come from JSON. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

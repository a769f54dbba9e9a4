import { type Clock, type Instant, later, remaining } from './clock.ts'
import type { AuthError } from './errors.ts'
import type { Token } from './token.ts'
import type { LoginCause, LogoutReason, Session, TokenSet } from './types.ts'

/** The token in use. Compared by identity: a request remembers which one it was sent with. */
export interface Held {
  /** Empty in cookie mode: the browser alone has it. */
  readonly accessToken: string
  readonly generation: number
  /** Whose it is: two of one identity may replace each other under a request, two of different ones never. */
  readonly identity: string
  /** `null`: unknown, rely on 401. */
  readonly expires: Instant | null
  readonly lifetime: number | null
  /** Milliseconds before `expires` at which the timer refreshes; negative where the lifetime is below the floor. */
  readonly ahead: number
  /** Milliseconds before `expires` from which no request is sent with it. */
  readonly margin: number
}

/** `told`: another tab decided it, and told. `decides`: here and now, somebody said who is signed in. */
export type Change =
  | {
      type: 'commit'
      cause: LoginCause | 'refresh'
      userChanged: boolean
      told: boolean
      decides: boolean
    }
  | { type: 'clear'; reason: LogoutReason; wasSignedIn: boolean; told: boolean }
  | { type: 'rotate' }
  | { type: 'other' }

export interface SessionHolder {
  readonly snapshot: Session<any, any>
  readonly held: Held | null
  /** What is held, in the words of the app's own endpoint functions. `null` in cookie mode. */
  readonly tokens: TokenSet | null
  /**
   * The login whose refresh token is in the hands of one tab's script: this one's, or a sibling's that refreshes for
   * this one. `null` where it rests in a cookie or in a storage that the tabs share.
   */
  readonly lineage: number | null
  /** Lineage, but no refresh token: somebody else has it. */
  readonly isFollower: boolean
  /** Orders what the tabs decide: the higher one is the newer. */
  readonly generation: number
  /** Raised by every change of who holds what in this tab; a result that was asked for under another is dropped. */
  readonly version: number
  /** The generation of the last login or logout: a refresh is never stronger than what the user decided. */
  readonly decided: number
  /** Another tab has come as far as this, just now: the storage of all may not show it yet. 0: nothing is expected. */
  readonly expected: number
  /** Another tab has come as far as this: what is done here comes after it. */
  see(generation: number, decided?: number): void
  /** `told`: by another tab, whose generation and lineage these are. */
  commit(
    token: Token,
    cause: LoginCause | 'refresh',
    isDecision?: boolean,
    told?: { readonly generation: number; readonly lineage: number | null },
  ): void
  /** What rested in the storage, for a restore to go on with. */
  resume(refreshToken: string | undefined, lineage: number | null): void
  /** A refresh token whose answer was received is never sent again, whatever else is wrong with the answer. */
  rotate(refreshToken: string): void
  clear(reason: LogoutReason, told?: number): void
  /** The page was away: nothing of it is to be trusted before somebody has been asked. */
  suspend(): void
  fail(error: AuthError): void
}

const MAX_AHEAD = 60_000
const MAX_MARGIN = 1_000
/** The timer never comes sooner than this after a token was had, however short its life. */
const FLOOR = 2_000
/** How long a storage that the tabs share may take to show one what another has written. */
const ARRIVAL = 1_000

/**
 * The in-memory holder. The tokens live in this closure and in no object that can be reached from outside.
 * `isOwned`: a refresh token in script's hands belongs to one tab.
 */
export function createSession(
  environment: Clock & { random(): number },
  refreshAhead: number | undefined,
  isOwned: boolean,
  changed: (change: Change) => void,
): SessionHolder {
  let snapshot: Session<object, unknown> = Object.freeze({ status: 'unknown', error: null })
  let held: Held | null = null
  let refreshToken: string | undefined
  let lineage: number | null = null
  let generation = 0
  let version = 0
  let seen = 0
  let seenAt = -ARRIVAL
  let decided = 0
  let lastIdentity: string | null = null

  /**
   * The highest seen plus one. Who signs in or out takes the time instead where that is higher: a tab that was opened
   * just now has seen nothing, and what the user decided must not look older than a refresh.
   */
  const next = (isDecision: boolean): number =>
    Math.max(generation + 1, seen + 1, isDecision ? Math.floor(environment.now()) : 0)

  function set(value: Session<object, unknown>, change: Change): void {
    snapshot = Object.freeze(value)
    changed(change)
  }

  function hold(token: Token, identity: string, renewed: Held | null): Held {
    const { accessToken, lifetime } = token
    let expires = lifetime === null ? null : later(token.since, lifetime)
    // The very same token handed back is not younger for it.
    if (accessToken && accessToken === renewed?.accessToken) expires = renewed.expires
    const left = expires ? remaining(environment, expires) : 0
    const span = lifetime ?? 0
    const wanted = Math.min(refreshAhead ?? Math.min(span / 5, MAX_AHEAD), span / 2)
    const ahead = Math.round(Math.min(wanted * (1 - environment.random() / 2), left - FLOOR))
    const margin = Math.max(0, Math.min(ahead, MAX_MARGIN))
    return { accessToken, generation, identity, expires, lifetime, ahead, margin }
  }

  return {
    get snapshot() {
      return snapshot
    },
    get held() {
      return held
    },
    get tokens() {
      if (!held?.accessToken && !refreshToken) return null
      const user = snapshot.status === 'authenticated' ? snapshot.user : undefined
      return { accessToken: held?.accessToken ?? '', refreshToken, expiresAt: held?.expires?.wall, user }
    },
    get lineage() {
      return lineage
    },
    get isFollower() {
      return lineage !== null && !refreshToken
    },
    get generation() {
      return generation
    },
    get version() {
      return version
    },

    get decided() {
      return decided
    },

    get expected() {
      return environment.monotonic() < seenAt + ARRIVAL ? seen : 0
    },

    see(other, otherDecided = 0) {
      if (other > seen) {
        seen = other
        seenAt = environment.monotonic()
      }
      decided = Math.max(decided, otherDecided)
    },

    commit(token, cause, isDecision = cause === 'login' || cause === 'tokens', told) {
      const before = held
      const previous = snapshot.status === 'authenticated' ? snapshot : null
      generation = told ? told.generation : next(cause !== 'refresh')
      if (isDecision) decided = generation
      version++
      // Opaque tokens do not say whose they are: each login is then somebody of its own, and a refresh stays the same.
      const identity =
        token.identity ??
        (cause === 'refresh' && before
          ? before.identity
          : `login ${cause === 'restore' && !isDecision ? decided : generation}`)
      const sameUser = before?.identity === identity
      const renewed = cause === 'refresh' && sameUser ? before : null
      const userChanged = lastIdentity !== null && lastIdentity !== identity
      const user = token.user === undefined && sameUser ? previous?.user : token.user
      const keep = <T>(value: T, last: T | undefined): T =>
        sameUser && last && isSame(value, last) ? last : value

      held = hold(token, identity, renewed)
      if (told) {
        // It stays with whom it was given to; what all tabs look up is newer where they do.
        if (!isOwned || told.lineage !== lineage) refreshToken = undefined
        lineage = told.lineage
      } else {
        const goesOn = renewed !== null || cause === 'restore'
        refreshToken = token.refreshToken ?? (goesOn ? refreshToken : undefined)
        lineage = isOwned && refreshToken ? ((goesOn ? lineage : null) ?? generation) : null
      }
      lastIdentity = identity
      set(
        {
          status: 'authenticated',
          claims: keep(token.claims, previous?.claims),
          user: keep(user, previous?.user) ?? null,
          expiresAt: held.expires && Math.round(held.expires.wall),
          error: null,
        },
        { type: 'commit', cause, userChanged, told: told !== undefined, decides: isDecision && !told },
      )
    },

    resume(rested, from) {
      refreshToken = rested
      if (isOwned) lineage = from
    },

    rotate(rotated) {
      refreshToken = rotated
      changed({ type: 'rotate' })
    },

    clear(reason, told) {
      const isDecision = reason === 'logout' || reason === 'idle'
      // Nobody was here, and so nothing has ended that others could hold.
      generation = Math.max(generation, told ?? (reason === 'initial' ? 0 : next(isDecision)))
      if (isDecision || reason === 'other-tab') decided = Math.max(decided, told ?? generation)
      version++
      held = null
      refreshToken = undefined
      lineage = null
      const wasSignedIn = lastIdentity !== null
      lastIdentity = null
      if (snapshot.status === 'anonymous') return
      set({ status: 'anonymous', reason }, { type: 'clear', reason, wasSignedIn, told: told !== undefined })
    },

    suspend() {
      generation = 0
      version++
      held = null
      set({ status: 'unknown', error: null }, { type: 'other' })
    },

    fail(error) {
      if (snapshot.status !== 'anonymous') set({ ...snapshot, error }, { type: 'other' })
    },
  }
}

/** Has it this many milliseconds to live, or less? Never, where its end is unknown. */
export const isDue = (clock: Clock, { expires }: Held, ms: number): boolean =>
  expires !== null && remaining(clock, expires) <= ms

export const isExpired = (clock: Clock, held: Held): boolean => isDue(clock, held, 0)

/** Of what JSON can say; anything else (a Date, a Set, a class of the app's) counts as changed. */
function isSame(a: any, b: any): boolean {
  if (Object.is(a, b)) return true
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => isSame(a[key], b[key]))
}

const isPlain = (value: unknown): boolean =>
  Array.isArray(value) || Object.prototype.toString.call(value) === '[object Object]'

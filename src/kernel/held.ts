import type { ProofKey } from '../types.ts'
import { type Clock, type Instant, later, remaining } from './clock.ts'
import type { Identity } from './identity.ts'
import type { Token } from './token.ts'

/** The token in use. Compared by identity: a request remembers which one it was sent with. */
export interface Held {
  /** Empty in cookie mode: the browser alone has it. */
  readonly accessToken: string
  /** What requests with this token are signed with: see the option `proof`. */
  readonly key?: ProofKey | undefined
  /** OpenID Connect's, which a logout names the session by. */
  readonly idToken?: string | undefined
  readonly serial: number
  /** Whose it is: two of one identity may replace each other under a request, two of different ones never. */
  readonly identity: Identity
  /** When the server was asked for it, epoch milliseconds: an explicit `refresh()` takes none from before its call. */
  readonly askedAt: number
  /** `null`: unknown, rely on 401. */
  readonly expires: Instant | null
  readonly lifetime: number | null
  /** The end that the token itself states, by the server's clock. */
  readonly exp: number | undefined
  /** Milliseconds before `expires` at which the timer refreshes; negative where the lifetime is below the floor. */
  readonly ahead: number
  /** Milliseconds before `expires` from which no request is sent with it. */
  readonly margin: number
}

const MAX_AHEAD = 60_000
const MAX_MARGIN = 1_000
/** The timer never comes sooner than this after a token was had, however short its life. */
const FLOOR = 2_000

/** `renewed`: the token before, of the same user. */
export function holdToken(
  clock: Clock & { random(): number },
  refreshAhead: number | undefined,
  token: Token,
  renewed: Held | null,
  of: Pick<Held, 'serial' | 'identity' | 'askedAt'>,
): Held {
  const { accessToken, lifetime, exp, key = renewed?.key, idToken = renewed?.idToken } = token
  let expires = lifetime === null ? null : later(token.since, lifetime)
  if (renewed && isUnchanged(token, renewed)) expires = renewed.expires
  const left = expires ? remaining(clock, expires) : 0
  const span = lifetime ?? 0
  const wanted = Math.min(refreshAhead ?? Math.min(span / 5, MAX_AHEAD), span / 2)
  const ahead = Math.round(Math.min(wanted * (1 - clock.random() / 2), left - FLOOR))
  const margin = Math.max(0, Math.min(ahead, MAX_MARGIN))
  return { ...of, accessToken, key, idToken, expires, lifetime, exp, ahead, margin }
}

/** Has it this many milliseconds to live, or less? Never, where its end is unknown. */
export const isDue = (clock: Clock, { expires }: Held, ms: number): boolean =>
  expires !== null && remaining(clock, expires) <= ms

export const isExpired = (clock: Clock, held: Held): boolean => isDue(clock, held, 0)

/**
 * The very same token handed back is not younger for it. Where its end is not written in it, the server can have moved
 * that end: the answer then states a lifetime.
 */
export const isUnchanged = ({ accessToken, exp, lifetime }: Token, held: Held): boolean =>
  accessToken !== '' && accessToken === held.accessToken && (exp !== undefined || lifetime === null)

import type { ProofKey } from '../types.ts'
import { type Clock, type Instant, later, remaining } from './clock.ts'
import type { Identity } from './identity.ts'
import type { Token } from './token.ts'

/** The token in use. Compared as an object: a request remembers the one that it was sent with. */
export interface Held {
  /** Empty in cookie mode: only the browser has the token. */
  readonly accessToken: string
  /** The key that requests with this token are signed with: see the option `proof`. */
  readonly key?: ProofKey | undefined
  /** The ID token of OpenID Connect: a logout names the session with it. */
  readonly idToken?: string | undefined
  readonly serial: number
  /** Whose token it is. A request may be sent again with another token of the same identity only. */
  readonly identity: Identity
  /**
   * When the server was asked for it, epoch milliseconds: the app's own `refresh()` accepts none from before its call.
   */
  readonly askedAt: number
  /** `null`: the expiry is unknown, so the first 401 shows it. */
  readonly expires: Instant | null
  readonly lifetime: number | null
  /** The expiry that the token itself states, by the server's clock; NaN if it states none. */
  readonly exp: number
  /** Milliseconds before `expires` at which the timer refreshes; negative where the lifetime is below the floor. */
  readonly ahead: number
  /** Milliseconds before `expires` from which on no request is sent with the token. */
  readonly margin: number
}

const MAX_AHEAD = 60_000
const MAX_MARGIN = 1_000
/** The timer never refreshes sooner than this after a token came, however short its lifetime. */
const FLOOR = 2_000

/** `renewed`: the token before this one, if it is of the same user. */
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

/** Does it expire within so many milliseconds? `false` if the expiry is unknown. */
export const isDue = (clock: Clock, { expires }: Held, ms: number): boolean =>
  expires !== null && remaining(clock, expires) <= ms

export const isExpired = (clock: Clock, held: Held): boolean => isDue(clock, held, 0)

/**
 * Is it the same token, with the same expiry? A token that the server hands back unchanged did not get younger. Only if
 * its expiry is not in the token can the server have moved it, and the answer then states a lifetime.
 */
export const isUnchanged = ({ accessToken, exp, lifetime }: Token, held: Held): boolean =>
  accessToken !== '' && accessToken === held.accessToken && (Number.isFinite(exp) || lifetime === null)

import { jwtDecode } from 'jwt-decode'
import type { Instant } from './clock.ts'
import { AuthError } from './errors.ts'
import type { TokenSet } from './types.ts'

/** A token set that was looked at and found usable. */
export interface Token {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly claims: object | null
  /** Who it speaks for, where it says so. */
  readonly identity: string | null
  /** When its life began, as far as this machine can know: before the request left. */
  readonly since: Instant
  /** Milliseconds; `null` when nothing tells. */
  readonly lifetime: number | null
  readonly user: unknown
}

/** What was known when the token came: decides what its `exp` is compared with. */
export interface Arrival {
  readonly sentAt: Instant
  /** The answer's `Date`, epoch milliseconds or NaN. */
  readonly serverDate?: number
  /** Handed in by the app: it may be of any age, so the clock has its say. */
  readonly adopted?: boolean
}

const TEN_YEARS = 10 * 365 * 24 * 3_600_000
const USABLE = /^[\x21-\x7e]{1,65536}$/

/** @throws AuthError `malformed_response` */
export function parseToken(set: Partial<TokenSet>, arrival: Arrival): Token {
  const accessToken = usable(set.accessToken, 'access')
  const claims = readClaims(accessToken)
  return {
    accessToken,
    refreshToken: set.refreshToken == null ? undefined : usable(set.refreshToken, 'refresh'),
    claims,
    identity: typeof claims?.sub === 'string' ? JSON.stringify([claims.iss, claims.sub]) : null,
    since: arrival.sentAt,
    lifetime: lifetime(set, claims ?? {}, arrival),
    user: set.user,
  }
}

/** A bad character would make `Headers.set` throw an error that quotes the whole token: refuse it before. */
function usable(token: unknown, kind: string): string {
  if (typeof token === 'string' && USABLE.test(token)) return token
  throw new AuthError('malformed_response', `The ${kind} token is not 1 to 65,536 visible ASCII characters.`)
}

function readClaims(accessToken: string): Record<string, unknown> | null {
  try {
    const claims = jwtDecode<unknown>(accessToken)
    return typeof claims === 'object' && !Array.isArray(claims) ? (claims as Record<string, unknown>) : null
  } catch {
    return null // an opaque token
  }
}

/**
 * What the server says of the lifetime, without asking this machine's clock where that can be had: skewed clocks are
 * common. A lifetime that makes no sense counts as unknown, which leaves it to the first 401.
 */
function lifetime(
  set: Partial<TokenSet>,
  claims: Record<string, unknown>,
  { sentAt, serverDate = Number.NaN, adopted }: Arrival,
): number | null {
  const stated = number(set.expiresIn) * 1000
  if (isSpan(stated)) return Math.min(stated, TEN_YEARS)

  const stamp = epoch(set.expiresAt)
  const end = Number.isNaN(stamp) ? epoch(claims.exp) : stamp
  const begin = [epoch(claims.iat), serverDate].find(at => !Number.isNaN(at)) ?? sentAt.wall
  const span = end - begin
  if (adopted && !Number.isNaN(end)) return Math.max(0, Math.min(span, end - sentAt.wall, TEN_YEARS))
  return isSpan(span) ? Math.min(span, TEN_YEARS) : null
}

const isSpan = (ms: number): boolean => ms > 0 && ms < Number.POSITIVE_INFINITY

const number = (value: unknown): number =>
  typeof value === 'number' || (typeof value === 'string' && value !== '') ? Number(value) : Number.NaN

/** Epoch milliseconds from a NumericDate (RFC 7519 §2), or from the milliseconds that some issuers write instead. */
const epoch = (value: unknown): number => {
  const seconds = number(value)
  return seconds > 1e11 ? seconds : seconds * 1000
}

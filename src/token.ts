import { jwtDecode } from 'jwt-decode'
import type { Instant } from './clock.ts'
import { AuthError } from './errors.ts'
import type { PartialTokens } from './types.ts'

/** A token set that was looked at and found usable. */
export interface Token {
  /** Empty in cookie mode. */
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
export function parseToken(set: PartialTokens, arrival: Arrival): Token {
  return toToken(set, arrival, usable(set.accessToken, 'access'))
}

/** Of a session whose tokens are all in cookies: its lifetime and user, where the answer says them. */
export const parseCookieSession = ({ user, expiresIn, expiresAt }: PartialTokens, arrival: Arrival): Token =>
  toToken({ user, expiresIn, expiresAt }, arrival, '')

function toToken(set: PartialTokens, arrival: Arrival, accessToken: string): Token {
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

export function isUsable(token: unknown): token is string {
  const is = typeof token === 'string' && USABLE.test(token)
  // What was matched last is there for every script to read, as `RegExp.$_`.
  USABLE.test('-')
  return is
}

/** A bad character would make `Headers.set` throw an error that quotes the whole token: refuse it before. */
function usable(token: unknown, kind: string): string {
  if (isUsable(token)) return token
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
  set: PartialTokens,
  claims: Record<string, unknown>,
  { sentAt, serverDate = Number.NaN, adopted }: Arrival,
): number | null {
  const stated = number(set.expiresIn, 1000)
  if (stated > 0) return Math.min(stated, TEN_YEARS)

  const [end, begin] = [
    [epoch(set.expiresAt), epoch(claims.exp)],
    [epoch(claims.iat), serverDate, sentAt.wall],
  ].map(candidates => candidates.find(Number.isFinite) ?? Number.NaN) as [number, number]
  const span = Math.min(end - begin, TEN_YEARS)
  if (adopted && Number.isFinite(end)) return Math.max(0, Math.min(span, end - sentAt.wall))
  return span > 0 ? span : null
}

/** NaN for whatever is no finite number, or the text of one. */
function number(value: unknown, factor = 1): number {
  const result =
    typeof value === 'number' || (typeof value === 'string' && value) ? Number(value) * factor : Number.NaN
  return Number.isFinite(result) ? result : Number.NaN
}

/** Epoch milliseconds from a NumericDate (RFC 7519 §2), or from the milliseconds that some issuers write instead. */
const epoch = (value: unknown): number => number(value, number(value) > 1e11 ? 1 : 1000)

import type { Failure, Operation, PartialTokens } from '../types.ts'
import { DAY } from './clock.ts'
import type { Arrival } from './token.ts'

/** A 2xx answer of an auth call, read. It is empty if a logout, or a call for the user, had nothing to send. */
export interface Answer {
  /** `undefined`: no tokens were found in the answer. `null`: the answer says that nobody is signed in. */
  readonly set?: PartialTokens | null | undefined
  /** The app's own `readTokens` has read the answer, and not `readStandard`. */
  readonly isAppsWord?: boolean
  readonly body?: unknown
  readonly status?: number
  readonly arrival: Arrival
}

/** A browser hides the status of a redirect that it was told not to follow. */
export const isRedirect = ({ type, status }: Response): boolean =>
  type === 'opaqueredirect' || (status >= 300 && status < 400)

/** Nothing, `null` or `{}`. */
export const isEmpty = (body: unknown): boolean =>
  body == null || (typeof body === 'object' && Object.keys(body).length === 0)

/** The parsed JSON, else the text. The error of `JSON.parse` is not passed on: V8 quotes the body in it. */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text.trim() ? text : undefined
  }
}

/** RFC 6749 §5.1, its camelCase twins, and `token`. */
export function readStandard(
  body: unknown,
  _response: Response,
  operation: Operation,
): PartialTokens | null | undefined {
  if (operation === 'user' && body === null) return null
  if (typeof body !== 'object' || body === null) return
  if (operation === 'user') return { user: body }
  // Some backends always write all members, and write `""`, `0` or `{}` for a missing value.
  const first = (...names: string[]): any =>
    names.map(name => Object.hasOwn(body, name) && body[name as never]).find(Boolean)
  const user = first('user')
  const set = {
    accessToken: first('access_token', 'accessToken', 'token'),
    refreshToken: first('refresh_token', 'refreshToken'),
    expiresIn: first('expires_in', 'expiresIn'),
    user: isEmpty(user) ? undefined : user,
  }
  return Object.values(set).some(value => value !== undefined) ? set : undefined
}

/**
 * Does the auth server itself refuse, and not a firewall or a service mesh in front of it? Those send 400 and 403 with
 * a page or a text of their own. A backend sends JSON, no body, or only the name of the status.
 */
export function isRefusal({ status, body }: Pick<Failure, 'status' | 'body'>, text: string): boolean {
  if (status === 401) return true
  const isOwn = body !== text || /^\s*(bad request|forbidden)\s*$/i.test(text)
  return (status === 400 || status === 403) && isOwn
}

/** The body, unless it quotes one of these tokens: compared as JSON, which has several ways to write a character. */
export function withoutTokens(body: unknown, tokens: PartialTokens | null | undefined): unknown {
  try {
    const text = JSON.stringify(body) ?? ''
    const quotes = (token: unknown) => token && text.includes(JSON.stringify(token).slice(1, -1))
    return quotes(tokens?.accessToken) || quotes(tokens?.refreshToken) ? undefined : body
  } catch {
    return undefined // nested too deeply to be looked at
  }
}

/** Seconds or a date (RFC 9110 §10.2.3), as epoch milliseconds by this machine's clock. */
export function readRetryAfter(value: string | null, serverDate: number, now: number): number | undefined {
  if (!value) return
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (serverDate || now)
  return Number.isNaN(wait) ? undefined : now + Math.max(0, Math.min(wait, DAY))
}

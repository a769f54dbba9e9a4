import { threw } from './callback.ts'
import { AuthError } from './errors.ts'
import { pick } from './own.ts'
import type { Settings } from './settings.ts'

/**
 * Names the user of a session. A session keeps one such object until another user signs in. So a request can compare the
 * identity from when it was made with the current one. If an answer does not name the user, only the login is known. A
 * later answer can still name the user.
 */
export interface Identity {
  /** Text that tabs can compare; `null` while only the login is known. */
  name: string | null
  /** The login that the session began with. */
  readonly epoch: number
}

/**
 * The user that a request is made for: the one who is signed in at that moment, as far as this tab knows. If it knows
 * none yet, `identity` is `null` and becomes the first user that this tab learns of.
 */
export interface Owner {
  readonly identity: Identity | null
}

/** Compares the names. If one of them is missing, the logins are compared. */
export const isSameIdentity = (a: Identity, b: Identity): boolean =>
  a.name === null || b.name === null ? a.epoch === b.epoch : a.name === b.name

interface Unnamed {
  readonly claims: object | null
  /** The user in the same answer, if there was one. */
  readonly user: unknown
  /** The name by the token's `sub`. */
  readonly identity: string | null
  readonly isNamed?: boolean
}

type NamingSettings = Pick<Settings, 'identity' | 'log'>

/**
 * Names the user of a token: by the `identity` option, else by the token's `sub`, else by the `id` or `sub` of the user. That
 * user comes from the same answer. `user`: the future `session.user`. It can come from an older answer, so only the `identity` option gets
 * it.
 *
 * @throws AuthError `malformed_response`
 */
export const nameUser = (settings: NamingSettings, token: Unnamed, user: unknown = null): string | null =>
  token.isNamed
    ? token.identity
    : (byOption(settings, token.claims, user) ?? token.identity ?? nameOf(token.user))

function byOption({ identity, log }: NamingSettings, claims: object | null, user: unknown): string | null {
  let value: unknown
  try {
    value = identity?.({ claims, user })
  } catch (error) {
    throw threw(log, 'identity', error)
  }
  const name = nameIn('identity', value)
  if (name !== null || value == null) return name
  throw new AuthError('malformed_response', '"identity" must return a string or a number.')
}

/** The `sub` of a token (RFC 7519 §4.1.2) is unique for its issuer only. */
export function nameOfSubject(claims: object): string | null {
  const { iss, sub } = pick(claims as { iss?: unknown; sub?: unknown }, 'iss', 'sub')
  return nameIn(iss, sub)
}

function nameOf(user: unknown): string | null {
  if (typeof user !== 'object') return null
  const { id, sub } = pick(user as { id?: unknown; sub?: unknown } | null, 'id', 'sub')
  return nameIn('user', asText(id) || asText(sub) || null)
}

function nameIn(scope: unknown, value: unknown): string | null {
  const text = asText(value)
  return text === null ? null : JSON.stringify([scope, text])
}

/** Databases count users in numbers, and JWTs write them as text: `1` and `"1"` are one user. */
const asText = (value: unknown): string | null =>
  typeof value === 'string' || Number.isFinite(value) ? String(value) : null

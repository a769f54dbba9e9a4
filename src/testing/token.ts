import { bytesOf, encode } from '../kernel/encoding.ts'
import { invalid } from '../kernel/errors.ts'
import type { JwtClaims } from '../types.ts'

/** What `makeToken` takes beside the claims. */
export interface TokenOptions {
  /** Lifetime in seconds: what `exp` is after `iat`. @default 3600 */
  expiresIn?: number | undefined
  /** Epoch milliseconds at which it is issued. @default Date.now() */
  now?: number | undefined
}

/** The registered claims, and any others. A claim that is `undefined` is left out. */
export type TokenClaims = { [Name in keyof JwtClaims]: JwtClaims[Name] | undefined }

/**
 * A JSON Web Token with these claims: three parts, as an issuer would send, and a signature that no key verifies. A claim
 * given as `undefined` is left out, the three with a default included.
 *
 * @param claims `sub` is `'user'`, `iat` is now, `exp` is `expiresIn` later, all three unless they are given
 * @throws AuthError `invalid_option`
 * @example
 * makeToken({ sub: 'ada', roles: ['admin'] }, { expiresIn: 60 })
 */
export function makeToken(claims: TokenClaims = {}, options: TokenOptions = {}): string {
  const { expiresIn = 3600, now = Date.now() } = options
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw invalid('claims', 'an object')
  if (!Number.isFinite(expiresIn)) throw invalid('expiresIn', 'a number of seconds')
  if (!Number.isFinite(now)) throw invalid('now', 'epoch milliseconds')
  const iat = claims.iat ?? Math.floor(now / 1000)
  const payload = { sub: 'user', iat, exp: iat + expiresIn, ...claims }
  return encodeToken('HS256', payload)
}

/** The token of these claims and no other, with the signature that no key verifies. */
export const encodeToken = (alg: string, claims: object): string =>
  [JSON.stringify({ alg, typ: 'JWT' }), JSON.stringify(claims), 'not signed']
    .map(part => encode(bytesOf(part)))
    .join('.')

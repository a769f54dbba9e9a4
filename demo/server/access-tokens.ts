import { randomUUID } from 'node:crypto'
import { errors, type JWTPayload, type JWTVerifyResult, jwtVerify, SignJWT } from 'jose'
import { AUDIENCE, ISSUER } from './config.ts'
import type { Database } from './database.ts'
import { sameText } from './random.ts'
import { ALGORITHM, type SigningKeys } from './signing-keys.ts'
import type { User } from './users.ts'

const TYPE = 'at+jwt'

interface AccessClaims extends JWTPayload {
  sub: string
  jti: string
  exp: number
  email: string
  name: string
  /** SHA-256 of the fingerprint cookie's value, where a cookie is what the token is bound to. */
  fgp?: string
  /** The thumbprint of the key that it is bound to (RFC 9449 §6.1). */
  cnf?: { jkt: string }
  /** The session that it belongs to. */
  sid: string
  era: number
}

export type Verification =
  | { valid: true; user: User; session: string }
  | { valid: false; reason: 'invalid' | 'expired' | 'revoked' | 'unbound' }

export interface AccessTokens {
  issue(user: User, session: string, binding: string, lifetime: number): Promise<string>
  verify(token: string, binding: string): Promise<Verification>
  /** Puts a token that is still valid on the deny list; false if the list has it already, or it needs no entry. */
  deny(token: string): Promise<boolean>
  /** Ends every token issued so far. */
  revokeIssued(): void
}

/** The claims of a token that is good, or why it is not. */
export async function claimsOf<T>(verified: Promise<JWTVerifyResult<T>>): Promise<T | 'invalid' | 'expired'> {
  try {
    return (await verified).payload
  } catch (error) {
    if (error instanceof errors.JWTExpired) return 'expired'
    if (error instanceof errors.JOSEError) return 'invalid'
    throw error
  }
}

/** `toKeys`: tokens are bound to the key of the request's proof, and not to a cookie. */
export const createAccessTokens = (
  db: Database,
  keys: SigningKeys,
  now: () => number,
  toKeys = false,
): AccessTokens => {
  const readEra = db.prepare('SELECT max(era) AS era FROM eras')
  const raiseEra = db.prepare('UPDATE eras SET era = era + 1')
  const isDenied = db.prepare('SELECT 1 FROM denied_tokens WHERE jti = ?')
  const addDenied = db.prepare('INSERT OR IGNORE INTO denied_tokens (jti, expires_at) VALUES (?, ?)')
  const cleanDenied = db.prepare('DELETE FROM denied_tokens WHERE expires_at <= ?')

  const era = () => (readEra.get() as { era: number }).era

  const check = async (token: string): Promise<AccessClaims | 'invalid' | 'expired'> => {
    const { publicKey } = await keys.current()
    return claimsOf(
      jwtVerify<AccessClaims>(token, publicKey, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: TYPE,
        requiredClaims: ['sub', 'jti', 'exp', toKeys ? 'cnf' : 'fgp', 'sid', 'era'],
        currentDate: new Date(now()),
      }),
    )
  }

  return {
    issue: async (user, session, binding, lifetime) => {
      const { kid, privateKey } = await keys.current()
      const issuedAt = Math.floor(now() / 1000)
      const bound = toKeys ? { cnf: { jkt: binding } } : { fgp: binding }
      return new SignJWT({ email: user.email, name: user.name, ...bound, sid: session, era: era() })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(user.sub)
        .setJti(randomUUID())
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifetime)
        .sign(privateKey)
    },
    verify: async (token, binding) => {
      const claims = await check(token)
      if (typeof claims === 'string') return { valid: false, reason: claims }
      if (!sameText(String(toKeys ? claims.cnf?.jkt : claims.fgp), binding))
        return { valid: false, reason: 'unbound' }
      if (claims.era < era() || isDenied.get(claims.jti)) return { valid: false, reason: 'revoked' }
      const { sub, email, name, sid } = claims
      return { valid: true, user: { sub, email, name }, session: sid }
    },
    deny: async token => {
      const claims = await check(token)
      if (typeof claims === 'string') return false
      cleanDenied.run(now())
      return addDenied.run(claims.jti, claims.exp * 1000).changes > 0
    },
    revokeIssued: () => {
      raiseEra.run()
    },
  }
}

import { createLocalJWKSet, type JWK, type JWTPayload, jwtVerify } from 'jose'
import { type AccessTokens, claimsOf, type Verification } from '../access-tokens.ts'
import type { Users } from '../users.ts'

interface ProviderClaims extends JWTPayload {
  sub: string
  jti: string
  exp: number
  era: number
  /** The thumbprint of the key that it is bound to. */
  cnf?: { jkt?: string }
}

export interface ProviderTokens extends Pick<AccessTokens, 'verify' | 'deny' | 'revokeIssued'> {
  /** What each token needs, so that `revokeIssued` can tell the old from the new ones. */
  claims(): { era: number }
}

/** An API's view of the provider's access tokens: JWTs of RFC 9068, verified with the keys that the provider publishes. */
export const createProviderTokens = (
  issuer: string,
  audience: string,
  keys: JWK[],
  users: Pick<Users, 'byId'>,
  dpop: boolean,
): ProviderTokens => {
  const keySet = createLocalJWKSet({ keys })
  const denied = new Set<string>()
  let era = 0

  const check = (token: string) =>
    claimsOf(
      jwtVerify<ProviderClaims>(token, keySet, {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ['ES256'],
        requiredClaims: ['sub', 'jti', 'exp', 'era', ...(dpop ? ['cnf'] : [])],
      }),
    )

  return {
    claims: () => ({ era }),
    verify: async (token, binding): Promise<Verification> => {
      const claims = await check(token)
      if (typeof claims === 'string') return { valid: false, reason: claims }
      if (dpop && claims.cnf?.jkt !== binding) return { valid: false, reason: 'unbound' }
      if (claims.era < era || denied.has(claims.jti)) return { valid: false, reason: 'revoked' }
      const user = users.byId(claims.sub)
      return user ? { valid: true, user, session: claims.sub } : { valid: false, reason: 'invalid' }
    },
    deny: async token => {
      const claims = await check(token)
      if (typeof claims === 'string' || denied.has(claims.jti)) return false
      denied.add(claims.jti)
      return true
    },
    revokeIssued: () => {
      era++
    },
  }
}

import type { JwtClaims } from '../../types.ts'
import { encodeToken } from '../token.ts'
import type { AuthorizationSettings, FakeAccount } from './options.ts'
import type { Tampering } from './tampering.ts'

/** What somebody has granted to an app. */
export interface Grant {
  readonly clientId: string
  readonly account: FakeAccount
  readonly scope: string
  /** RFC 8707. */
  readonly resource: readonly string[]
  readonly nonce: string | undefined
  readonly acr: string | undefined
  /** Epoch seconds at which the password was typed. */
  readonly authTime: number
  /** The thumbprint of the key that its tokens are bound to (RFC 9449 §6). */
  jkt: string | null
  /** All tokens that came of it are worthless. */
  isOver: boolean
}

/** The user of a bearer. */
export interface Holder {
  readonly grant: Grant
  /** Of the access token. */
  readonly claims: JwtClaims
}

export interface Tokens {
  access(grant: Grant, scope: string): string
  id(grant: Grant, nonce: string | undefined): string
  /** Whose access token this is, while it is good; if it is bound to a key, the call must show that. */
  holder(call: { readonly bearer: string | null; readonly jkt: string | null }): Holder | null
  /** What this id token was issued for, however long ago. */
  ofIdToken(idToken: string | undefined): Grant | null
  revoke(accessToken: string): void
  revokeAccess(): void
}

/** Access tokens and id tokens, of which the server knows those that it has issued. */
export function createTokens(
  { issuer, expiresIn, now }: AuthorizationSettings,
  tampering: Tampering,
  name: (kind: string) => string,
): Tokens {
  const issued = new Map<string, Holder & { ends: number }>()
  const idTokens = new Map<string, Grant>()

  function times(): { iat: number; exp: number } {
    const iat = Math.floor(now() / 1000)
    return { iat, exp: iat + expiresIn }
  }

  return {
    access(grant, scope) {
      const { account, clientId, resource, acr, authTime, jkt } = grant
      const claims = tampering.apply('accessToken', {
        iss: issuer,
        sub: account.claims.sub,
        aud: resource.length > 1 ? resource : (resource[0] ?? issuer),
        client_id: clientId,
        scope,
        ...times(),
        jti: name('access'),
        auth_time: authTime,
        acr,
        ...(jkt && { cnf: { jkt } }),
        ...account.accessTokenClaims,
      })
      const token = encodeToken('RS256', claims)
      issued.set(token, { grant, claims, ends: now() + expiresIn * 1000 })
      return token
    },
    id(grant, nonce) {
      const { account, clientId, acr, authTime } = grant
      const claims = tampering.apply('idToken', {
        iss: issuer,
        aud: clientId,
        ...times(),
        auth_time: authTime,
        nonce,
        acr,
        ...account.claims,
      })
      const token = encodeToken('RS256', claims)
      idTokens.set(token, grant)
      return token
    },
    holder({ bearer, jkt }) {
      const found = issued.get(bearer ?? '')
      if (!found || found.ends <= now() || found.grant.isOver) return null
      return found.grant.jkt === null || found.grant.jkt === jkt ? found : null
    },
    ofIdToken: idToken => idTokens.get(idToken ?? '') ?? null,
    revoke: accessToken => void issued.delete(accessToken),
    revokeAccess: () => issued.clear(),
  }
}

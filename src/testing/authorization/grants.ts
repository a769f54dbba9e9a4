import { createLedger } from '../ledger.ts'
import { base64url, encodeToken } from '../token.ts'
import { json } from '../wire.ts'
import type { AuthorizationSettings, FakeAccount } from './options.ts'
import type { Tampering } from './tampering.ts'

/** What somebody has granted to an app, with all tokens that came of it. */
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
  isOver: boolean
}

interface Code {
  readonly grant: Grant
  readonly redirectUri: string
  readonly challenge: string
  readonly ends: number
  isUsed: boolean
}

export interface Grants {
  issueCode(grant: Grant, redirectUri: string, challenge: string): string
  /** What the token endpoint answers to this form. */
  answer(form: Record<string, string | undefined>): Promise<Response>
  /** Ends what was granted if it is a refresh token; an access token dies alone (RFC 7009). */
  revoke(token: string | undefined): void
  /** Whose access token this is, while it is good. */
  holder(accessToken: string | null): Grant | null
  revokeAccess(): void
  revokeAll(): void
  readonly reuses: number
}

/** How long a code lives, in milliseconds. */
const CODE_LIFETIME = 60_000

export const refusal = (error: string, error_description: string, status = 400): Response =>
  json({ error, error_description }, status, { 'Cache-Control': 'no-store' })

export const scopesOf = (scope: string): string[] => scope.split(' ').filter(Boolean)

/** RFC 7636 §4.6. */
async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return base64url(new Uint8Array(digest))
}

/** Codes and tokens of an authorization server, from its creation or its last reset. */
export function createGrants(
  { issuer, expiresIn, refreshTokens, offlineAccess, grace, now }: AuthorizationSettings,
  tampering: Tampering,
  name: (kind: string) => string,
): Grants {
  const ledger = createLedger<Grant>(now, grace, () => name('refresh'))
  const codes = new Map<string, Code>()
  /** By refresh tokens, used ones included. */
  const grants = new Map<string, Grant>()

  const seconds = () => Math.floor(now() / 1000)

  function accessTokenOf(grant: Grant, scope: string): string {
    const { account, clientId, resource, acr, authTime } = grant
    const iat = seconds()
    const claims = {
      iss: issuer,
      sub: account.claims.sub,
      aud: resource.length > 1 ? resource : (resource[0] ?? issuer),
      client_id: clientId,
      scope,
      iat,
      exp: iat + expiresIn,
      jti: name('access'),
      auth_time: authTime,
      acr,
      ...account.accessTokenClaims,
    }
    const token = encodeToken('RS256', tampering.apply('accessToken', claims))
    ledger.issue(token, grant, now() + expiresIn * 1000)
    return token
  }

  function idTokenOf({ account, clientId, acr, authTime }: Grant, nonce: string | undefined): string {
    const iat = seconds()
    const claims = {
      iss: issuer,
      aud: clientId,
      iat,
      exp: iat + expiresIn,
      auth_time: authTime,
      nonce,
      acr,
      ...account.claims,
    }
    return encodeToken('RS256', tampering.apply('idToken', claims))
  }

  function tokens(grant: Grant, more: { scope?: string; nonce?: string; refreshToken?: string }): Response {
    const { scope = grant.scope, nonce, refreshToken } = more
    const body = {
      access_token: accessTokenOf(grant, scope),
      token_type: 'Bearer',
      expires_in: expiresIn,
      scope,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      ...(scopesOf(grant.scope).includes('openid') && { id_token: idTokenOf(grant, nonce) }),
    }
    return json(tampering.apply('token', body), 200, { 'Cache-Control': 'no-store' })
  }

  function firstRefreshToken(grant: Grant): { refreshToken?: string } {
    const isAsked = !offlineAccess || scopesOf(grant.scope).includes('offline_access')
    if (refreshTokens === 'never' || !isAsked) return {}
    const refreshToken = ledger.open(grant)
    grants.set(refreshToken, grant)
    return { refreshToken }
  }

  async function redeem(form: Record<string, string | undefined>): Promise<Response> {
    const { client_id, redirect_uri, code_verifier = '' } = form
    // The one thing that takes time comes first: no other call may come between the check and the use.
    const challenge = await challengeOf(code_verifier)
    const code = codes.get(form.code ?? '')
    if (!code) return refusal('invalid_grant', 'No such code was issued.')
    const { grant } = code
    if (code.isUsed) {
      grant.isOver = true
      return refusal('invalid_grant', 'The code was used before; all tokens that came of it are revoked.')
    }
    if (now() >= code.ends) return refusal('invalid_grant', 'The code has expired.')
    if (client_id !== grant.clientId) return refusal('invalid_grant', 'The code is of another client.')
    if (redirect_uri !== code.redirectUri)
      return refusal('invalid_grant', 'The redirect_uri is not that of the authorization request.')
    if (!/^[\w.~-]{43,128}$/.test(code_verifier) || challenge !== code.challenge)
      return refusal('invalid_grant', 'The code_verifier does not fit the code_challenge.')
    code.isUsed = true
    return tokens(grant, { ...firstRefreshToken(grant), ...(grant.nonce && { nonce: grant.nonce }) })
  }

  function refresh(form: Record<string, string | undefined>): Response {
    const { client_id, refresh_token = '', scope } = form
    const grant = grants.get(refresh_token)
    if (!grant || grant.isOver) return refusal('invalid_grant', 'The refresh token is not valid.')
    if (client_id !== grant.clientId)
      return refusal('invalid_grant', 'The refresh token is of another client.')
    if (scope !== undefined && !scopesOf(scope).every(one => scopesOf(grant.scope).includes(one)))
      return refusal('invalid_scope', 'The scope is more than what was granted.')
    const narrowed = scope === undefined ? {} : { scope }
    if (refreshTokens === 'keep') return tokens(grant, narrowed)
    const result = ledger.exchange(refresh_token)
    if (typeof result !== 'object') {
      grant.isOver = true
      return refusal(
        'invalid_grant',
        'The refresh token was used before; all tokens of this login are revoked.',
      )
    }
    grants.set(result.refreshToken, grant)
    return tokens(grant, { ...narrowed, refreshToken: result.refreshToken })
  }

  return {
    issueCode(grant, redirectUri, challenge) {
      const code = name('code')
      codes.set(code, { grant, redirectUri, challenge, ends: now() + CODE_LIFETIME, isUsed: false })
      return code
    },
    async answer(form) {
      if (form.grant_type === 'authorization_code') return redeem(form)
      if (form.grant_type === 'refresh_token') return refresh(form)
      return refusal('unsupported_grant_type', 'There are authorization_code and refresh_token.')
    },
    revoke(token = '') {
      ledger.revoke(token)
      const grant = grants.get(token)
      if (grant) grant.isOver = true
    },
    holder(accessToken) {
      const grant = ledger.holder(accessToken)
      return grant && !grant.isOver ? grant : null
    },
    revokeAccess: () => ledger.revokeAccess(),
    revokeAll() {
      ledger.revokeAll()
      for (const grant of grants.values()) grant.isOver = true
      codes.clear()
    },
    get reuses() {
      return ledger.reuses
    },
  }
}

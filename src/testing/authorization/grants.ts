import { hash } from '../../kernel/encoding.ts'
import { createLedger } from '../ledger.ts'
import { json } from '../wire.ts'
import type { AuthorizationSettings } from './options.ts'
import type { Tampering } from './tampering.ts'
import type { Grant, Tokens } from './tokens.ts'

interface Code {
  readonly grant: Grant
  readonly redirectUri: string
  readonly challenge: string
  readonly ends: number
  isUsed: boolean
}

export type Form = Readonly<Record<string, string | undefined>>

/** Codes and refresh tokens, and what they are exchanged for. */
export interface Grants {
  issueCode(grant: Grant, redirectUri: string, challenge: string): string
  /** The answer of the token endpoint to this form. `jkt`: the thumbprint in the proof of the request. */
  answer(form: Form, jkt: string | null): Response | Promise<Response>
  /** A refresh token ends all that was granted with it; an access token ends alone (RFC 7009 §2.1). */
  revoke(token: string | undefined): void
  revokeAll(): void
  readonly reuses: number
}

/** How long a code lives, in milliseconds. */
const CODE_LIFETIME = 60_000

export const refusal = (error: string, error_description: string, status = 400): Response =>
  json({ error, error_description }, status, { 'Cache-Control': 'no-store' })

const invalidGrant = (description: string): Response => refusal('invalid_grant', description)

export const scopesOf = (scope: string): string[] => scope.split(' ').filter(Boolean)

export function createGrants(
  { expiresIn, refreshTokens, needsOfflineAccess, grace, now }: AuthorizationSettings,
  tokens: Tokens,
  tampering: Tampering,
  name: (kind: string) => string,
): Grants {
  const ledger = createLedger<Grant>(now, grace, () => name('refresh'))
  const codes = new Map<string, Code>()
  /** By refresh tokens, used ones included. */
  const grants = new Map<string, Grant>()

  function issue(
    grant: Grant,
    refreshToken: string | undefined,
    { nonce, scope = grant.scope }: Form,
  ): Response {
    if (refreshToken !== undefined) grants.set(refreshToken, grant)
    const body = {
      access_token: tokens.access(grant, scope),
      token_type: grant.jkt ? 'DPoP' : 'Bearer',
      expires_in: expiresIn,
      scope,
      refresh_token: refreshToken,
      id_token: scopesOf(grant.scope).includes('openid') ? tokens.id(grant, nonce) : undefined,
    }
    return json(tampering.apply('token', body), 200, { 'Cache-Control': 'no-store' })
  }

  async function redeem(
    { code = '', client_id, redirect_uri, code_verifier = '' }: Form,
    jkt: string | null,
  ): Promise<Response> {
    // The one thing that takes time comes first: no other call may come between the check and the use.
    const challenge = await hash(code_verifier) // RFC 7636 §4.6
    const found = codes.get(code)
    if (!found) return invalidGrant('No such code was issued.')
    const { grant } = found
    if (found.isUsed) {
      // RFC 6749 §4.1.2.
      grant.isOver = true
      return invalidGrant('The code was used before: all tokens that came of it are revoked.')
    }
    const rules: [holds: boolean, reason: string][] = [
      [now() < found.ends, 'The code has expired.'],
      [client_id === grant.clientId, 'The code is of another client.'],
      [redirect_uri === found.redirectUri, 'The redirect_uri is not that of the authorization request.'],
      [/^[\w.~-]{43,128}$/.test(code_verifier), 'The code_verifier is not 43 to 128 unreserved characters.'],
      [grant.jkt === null || grant.jkt === jkt, 'The code is bound to another key: see "dpop_jkt".'],
      [challenge === found.challenge, 'The code_verifier does not fit the code_challenge.'],
    ]
    const broken = rules.find(([holds]) => !holds)
    if (broken) return invalidGrant(broken[1])
    found.isUsed = true
    grant.jkt = jkt
    const isAsked = !needsOfflineAccess || scopesOf(grant.scope).includes('offline_access')
    const refreshToken = refreshTokens !== 'never' && isAsked ? ledger.open(grant) : undefined
    return issue(grant, refreshToken, { nonce: grant.nonce })
  }

  function refresh({ client_id, refresh_token = '', scope }: Form, jkt: string | null): Response {
    const grant = grants.get(refresh_token)
    if (!grant || grant.isOver) return invalidGrant('The refresh token is not valid.')
    if (client_id !== grant.clientId) return invalidGrant('The refresh token is of another client.')
    // RFC 9449 §5: a public client's refresh token is bound as well.
    if (grant.jkt !== null && grant.jkt !== jkt)
      return invalidGrant('The refresh token is bound to another key.')
    if (scope !== undefined && !scopesOf(scope).every(one => scopesOf(grant.scope).includes(one)))
      return refusal('invalid_scope', 'The scope is more than what was granted.')
    if (refreshTokens === 'keep') return issue(grant, undefined, { scope })
    const result = ledger.exchange(refresh_token)
    if (typeof result === 'object') return issue(grant, result.refreshToken, { scope })
    grant.isOver = true
    return invalidGrant('The refresh token was used before: all tokens of this login are revoked.')
  }

  return {
    issueCode(grant, redirectUri, challenge) {
      const code = name('code')
      codes.set(code, { grant, redirectUri, challenge, ends: now() + CODE_LIFETIME, isUsed: false })
      return code
    },
    answer(form, jkt) {
      if (form.grant_type === 'authorization_code') return redeem(form, jkt)
      if (form.grant_type === 'refresh_token') return refresh(form, jkt)
      return refusal('unsupported_grant_type', 'There are authorization_code and refresh_token.')
    },
    revoke(token = '') {
      tokens.revoke(token)
      const grant = grants.get(token)
      if (grant) grant.isOver = true
    },
    revokeAll() {
      tokens.revokeAccess()
      for (const grant of grants.values()) grant.isOver = true
      codes.clear()
    },
    get reuses() {
      return ledger.reuses
    },
  }
}

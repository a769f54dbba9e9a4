import type { AuthorizationSettings } from './options.ts'

/** What an authorization server is asked for, by a short name each. */
export type AuthorizationEndpoint =
  | 'discovery'
  | 'authorize'
  | 'token'
  | 'revoke'
  | 'userinfo'
  | 'endSession'
  | 'par'
  | 'jwks'

const PATHS: Record<Exclude<AuthorizationEndpoint, 'discovery'>, string> = {
  authorize: 'authorize',
  token: 'token',
  revoke: 'revoke',
  userinfo: 'userinfo',
  endSession: 'logout',
  par: 'par',
  jwks: 'jwks',
}

/** Where the endpoints are: without query, by name; discovery is in two places. */
export function endpointsOf(issuer: string): Map<string, AuthorizationEndpoint> {
  const { origin, pathname } = new URL(issuer)
  const folder = issuer.replace(/\/$/, '')
  const path = pathname.replace(/\/$/, '')
  return new Map<string, AuthorizationEndpoint>([
    [`${folder}/.well-known/openid-configuration`, 'discovery'],
    // RFC 8414 §3.1: before the path of the issuer.
    [`${origin}/.well-known/oauth-authorization-server${path}`, 'discovery'],
    ...Object.entries(PATHS).map(
      ([name, place]) => [`${folder}/${place}`, name as AuthorizationEndpoint] as const,
    ),
  ])
}

export function metadataOf({
  issuer,
  iss,
  refreshTokens,
}: Pick<AuthorizationSettings, 'issuer' | 'iss' | 'refreshTokens'>): Record<string, unknown> {
  const urls = Object.fromEntries([...endpointsOf(issuer)].map(([url, name]) => [name, url]))
  return {
    issuer,
    authorization_endpoint: urls.authorize,
    token_endpoint: urls.token,
    revocation_endpoint: urls.revoke,
    userinfo_endpoint: urls.userinfo,
    end_session_endpoint: urls.endSession,
    pushed_authorization_request_endpoint: urls.par,
    jwks_uri: urls.jwks,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment'],
    grant_types_supported: ['authorization_code', ...(refreshTokens === 'never' ? [] : ['refresh_token'])],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: iss,
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
  }
}

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

/** The members of the metadata that are addresses of its own, and where they are below the issuer. */
const PLACES: Record<string, readonly [endpoint: AuthorizationEndpoint, path: string]> = {
  authorization_endpoint: ['authorize', 'authorize'],
  token_endpoint: ['token', 'token'],
  revocation_endpoint: ['revoke', 'revoke'],
  userinfo_endpoint: ['userinfo', 'userinfo'],
  end_session_endpoint: ['endSession', 'logout'],
  pushed_authorization_request_endpoint: ['par', 'par'],
  jwks_uri: ['jwks', 'jwks'],
}

type Settings = Pick<AuthorizationSettings, 'issuer' | 'iss' | 'refreshTokens' | 'metadata'>

export function metadataOf({ issuer, iss, refreshTokens, metadata }: Settings): Record<string, unknown> {
  const folder = issuer.replace(/\/$/, '')
  const places = Object.entries(PLACES).map(([name, [, path]]) => [name, `${folder}/${path}`])
  return {
    issuer,
    ...Object.fromEntries(places),
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
    ...metadata,
  }
}

/** Where the endpoints are: without query, by name; discovery is in two places. */
export function endpointsOf(settings: Settings): Map<string, AuthorizationEndpoint> {
  const { origin, pathname } = new URL(settings.issuer)
  const path = pathname.replace(/\/$/, '')
  const metadata = metadataOf(settings)
  const found = new Map<string, AuthorizationEndpoint>([
    [`${origin}${path}/.well-known/openid-configuration`, 'discovery'],
    // RFC 8414 §3.1: before the path of the issuer.
    [`${origin}/.well-known/oauth-authorization-server${path}`, 'discovery'],
  ])
  for (const [name, [endpoint]] of Object.entries(PLACES)) {
    const place = metadata[name]
    if (typeof place === 'string') found.set(place, endpoint)
  }
  return found
}

import { AuthError, invalid } from '../kernel/errors.ts'
import { pick } from '../kernel/own.ts'
import { isGrantRefused } from '../kernel/refused-grant.ts'
import type { AuthClientOptions, EndpointRequest } from '../types.ts'

/** The options of `oauth2`. */
export interface OAuth2Options {
  /** The token endpoint (RFC 6749 §3.2). */
  tokenUrl: string | URL
  /** The revocation endpoint (RFC 7009). Without it a logout is local, and the refresh token stays valid. */
  revokeUrl?: string | URL | undefined
  /** The id of a public client, because no secret is safe in a browser. @default none is sent */
  clientId?: string | undefined
  /** Space-separated scopes (RFC 6749 §3.3). @default the granted ones */
  scope?: string | undefined
  /**
   * Lets `login({ username, password })` use the password grant (RFC 6749 §4.3). RFC 9700 §2.4 forbids it to new systems:
   * use the authorization code flow, and give its tokens to `setTokens`.
   * @default false
   */
  passwordGrant?: boolean | undefined
}

const OPTIONS = ['tokenUrl', 'revokeUrl', 'clientId', 'scope', 'passwordGrant'] as const

/**
 * The options for an OAuth 2.0 authorization server whose refresh token JavaScript can read.
 *
 * @throws AuthError `invalid_option`, whose message names the option
 * @example
 * const auth = createAuthClient({
 *   ...oauth2({ tokenUrl: 'https://id.example.com/token', clientId: 'spa' }),
 *   baseUrl: 'https://api.example.com',
 * })
 */
export function oauth2(
  options: OAuth2Options,
): Pick<AuthClientOptions, 'endpoints' | 'isRejected' | 'sessionKey'> {
  const { tokenUrl, revokeUrl, clientId, scope, passwordGrant } = pick(options, ...OPTIONS)
  if (!tokenUrl) throw invalid('tokenUrl', 'the URL of the token endpoint')
  if (clientId !== undefined && (typeof clientId !== 'string' || !clientId)) {
    throw invalid('clientId', 'a non-empty string')
  }

  /** No cookie takes part, and a server that allows every origin allows none with credentials. */
  const post = (url: string | URL, form: Record<string, string | undefined>): EndpointRequest => ({
    url,
    form: Object.fromEntries(
      Object.entries({ ...form, client_id: clientId }).filter(([, value]) => value !== undefined),
    ) as Record<string, string>,
    credentials: 'omit',
  })

  return {
    sessionKey: `oauth2 ${tokenUrl} ${clientId ?? ''}`,
    endpoints: {
      login({ credentials }) {
        if (!passwordGrant) {
          throw new AuthError('unsupported', 'Log in by the code flow, and hand its tokens to "setTokens".')
        }
        const { username, password } = readCredentials(credentials)
        return post(tokenUrl, { grant_type: 'password', username, password, scope })
      },
      refresh({ tokens }) {
        const refreshToken = tokens?.refreshToken
        if (!refreshToken) return null
        return post(tokenUrl, { grant_type: 'refresh_token', refresh_token: refreshToken, scope })
      },
      logout: revokeUrl
        ? ({ tokens }) => {
            const token = tokens?.refreshToken
            return token ? post(revokeUrl, { token, token_type_hint: 'refresh_token' }) : null
          }
        : false,
    },
    isRejected: isGrantRefused,
  }
}

/** An object, or the form that the user has filled in. */
function readCredentials(credentials: unknown): { username: string; password: string } {
  const isForm = credentials instanceof FormData || credentials instanceof URLSearchParams
  const given = isForm ? Object.fromEntries(credentials) : (credentials as Record<string, unknown>)
  const { username, password } = pick(given, 'username', 'password')
  if (typeof username === 'string' && typeof password === 'string') return { username, password }
  throw invalid('credentials', 'an object or a form with "username" and "password"')
}

/**
 * Login at an OAuth 2 authorization server or OpenID provider, by the authorization code flow with PKCE.
 *
 * @module silent-refresh/oauth
 */
import type { UserInfoResponse } from 'oauth4webapi'
import { invalid } from '../kernel/errors.ts'
import { plan } from '../kernel/feature.ts'
import { isGrantRefused } from '../kernel/refused-grant.ts'
import type {
  AuthClientOptions,
  Endpoint,
  EndpointContext,
  EndpointFunction,
  StandardSchema,
} from '../types.ts'
import { createFlow, type OAuthPart } from './flow.ts'
import { type LoginRequest, type OAuthOptions, readOAuthOptions } from './options.ts'

export type {
  LoginRequest,
  OAuthOptions,
  PrepareContext,
  PrepareRequest,
  ServerMetadata,
} from './options.ts'
export { par } from './par.ts'

/** The options that `oauth` returns, for `createAuthClient`. */
export interface OAuthClientOptions<User = UserInfoResponse>
  extends Required<Pick<AuthClientOptions, 'sessionKey' | 'isRejected' | 'flow'>> {
  endpoints: {
    login: EndpointFunction<LoginRequest | undefined>
    refresh: Endpoint
    logout: Endpoint
    user?: Endpoint
  }
  /** Never set. It gives `session.user` its type. If you set `userSchema` after it, that schema validates the user. */
  userSchema?: StandardSchema<User> | undefined
}

/** The part of this client that makes the request. */
const by =
  (name: 'exchange' | 'refresh' | 'revoke' | 'userInfo') =>
  (context: EndpointContext<any>): ReturnType<OAuthPart['exchange']> => {
    const flow = context.flow as OAuthPart | undefined
    if (typeof flow?.[name] !== 'function')
      throw invalid('flow', 'the one of "oauth", where its endpoints are used')
    return flow[name](context)
  }

/**
 * The options for a login at an authorization server: spread them into `createAuthClient`. `login()` leaves the page, and
 * comes back to it signed in. `login({ popup: true })` uses a popup. The client handles the return when it is created, so
 * create it first in the entry file.
 *
 * `session.user` has the type of OpenID Connect's standard claims. `oauth<User>(…)` sets another type, without a check. The
 * option `userSchema` checks it.
 *
 * @throws AuthError `invalid_option`, whose message names the option
 * @example
 * const auth = createAuthClient({
 *   ...oauth({ issuer: 'https://id.example.com', clientId: 'spa', scope: 'openid offline_access' }),
 *   baseUrl: 'https://api.example.com',
 * })
 */
export function oauth<User = UserInfoResponse>(options: OAuthOptions): OAuthClientOptions<User> {
  const config = readOAuthOptions(options)
  return {
    // Each API has tokens of its own.
    sessionKey: ['oauth', config.issuerName, config.clientId, ...config.resource].join(' '),
    endpoints: {
      login: by('exchange'),
      refresh: by('refresh'),
      logout: by('revoke'),
      ...(config.userInfo && { user: by('userInfo') }),
    },
    isRejected: isGrantRefused,
    flow: plan(
      'flow',
      kernel => createFlow(kernel, config),
      ({ sliding }, { mode }) => {
        if (mode) throw invalid('mode', 'left out with "oauth", whose tokens come in answers')
        if (sliding) throw invalid('sliding', 'left out with "oauth"')
      },
    ),
  }
}

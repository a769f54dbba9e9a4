/**
 * The same client without `api` and without ky, for apps with another HTTP client.
 *
 * @module silent-refresh/core
 */

import { createClient } from './client.ts'
import { browserEnvironment } from './kernel/environment.ts'
import type { AuthClient, AuthClientOptions, Feature, JwtClaims } from './types.ts'

/** The app has to set `tabs`. Without it nobody would notice that each tab refreshes on its own. */
export type CoreOptions<Claims = JwtClaims, User = any, Credentials = any> = AuthClientOptions<
  Claims,
  User,
  Credentials
> &
  ({ tabs: Feature<'tabs'> | false } | { server: true })

/**
 * Creates a client. It keeps the access token in memory. Its `fetch` sends the token, and a timer renews it before it
 * expires. It sends nothing before the next task.
 *
 * @throws AuthError `invalid_option`, whose message names the option
 * @example
 * export const auth = createAuthClient({ baseUrl: 'https://api.example.com', tabs: shareTabs() })
 */
export function createAuthClient<Claims = JwtClaims, User = unknown, Credentials = unknown>(
  options: CoreOptions<Claims, User, Credentials>,
): AuthClient<Claims, User, Credentials> {
  return createClient<Claims, User>(options, browserEnvironment())
}

export { cookieMode } from './features/cookie-mode.ts'
export { type DoubleSubmitOptions, doubleSubmit } from './features/double-submit.ts'
export { type IdleTimeoutOptions, idleTimeout } from './features/idle-timeout.ts'
export { tokenStorage, webStorage } from './features/storage/index.ts'
export { type ShareTabsOptions, shareTabs } from './features/tabs/index.ts'
export { AuthError, type AuthErrorCode, isAuthError } from './kernel/errors.ts'
export { combineLoggers, consoleLogger, describeEvent, performanceLogger } from './logging.ts'
export { type OAuth2Options, oauth2 } from './presets/oauth2.ts'
export type {
  Abortable,
  AnonymousSession,
  AuthClient,
  AuthClientOptions,
  AuthEventMap,
  AuthenticatedSession,
  Challenge,
  ClaimsSchema,
  Endpoint,
  EndpointContext,
  EndpointFunction,
  EndpointRequest,
  Failure,
  Feature,
  HeldTokens,
  IdentifiedSession,
  JwtClaims,
  LogEvent,
  Logger,
  LoginCause,
  LogoutAnswer,
  LogoutReason,
  LogoutResult,
  NotReplayed,
  Operation,
  PartialTokens,
  ProofKey,
  ReadTokens,
  Session,
  StandardSchema,
  TokenSet,
  TokenStorage,
  UnknownSession,
} from './types.ts'

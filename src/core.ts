/**
 * The same client without `api` and without ky, for apps with another HTTP client.
 *
 * @module silent-refresh/core
 */

import { createClient } from './client.ts'
import { browserEnvironment } from './environment.ts'
import type { TabsFeature } from './features/share-tabs.ts'
import type { AuthClient, AuthClientOptions, JwtClaims } from './types.ts'

/** Whether the tabs share a session has to be said, so that nobody loses "one refresh" by omission. */
export type CoreOptions<Claims = JwtClaims, User = any, Credentials = any> = AuthClientOptions<
  Claims,
  User,
  Credentials
> &
  ({ tabs: TabsFeature | false } | { server: true })

/**
 * Creates a client: an in-memory token, a `fetch` that attaches and refreshes it, and a timer that renews it before
 * it ends. Touches no network by itself before the next task.
 *
 * @throws AuthError `invalid_option`, naming the option
 * @example
 * export const auth = createAuthClient({ baseUrl: 'https://api.example.com', tabs: shareTabs() })
 */
export function createAuthClient<Claims = JwtClaims, User = unknown, Credentials = unknown>(
  options: CoreOptions<Claims, User, Credentials>,
): AuthClient<Claims, User, Credentials> {
  return createClient<Claims, User>(options, browserEnvironment())
}

export { AuthError, type AuthErrorCode, isAuthError } from './errors.ts'
export type { Feature } from './feature.ts'
export { cookieMode, type ModeFeature } from './features/cookie-mode.ts'
export { type CsrfFeature, doubleSubmit } from './features/double-submit.ts'
export { type IdleFeature, type IdleTimeoutOptions, idleTimeout } from './features/idle-timeout.ts'
export { type ShareTabsOptions, shareTabs, type TabsFeature } from './features/share-tabs.ts'
export { type StorageFeature, tokenStorage, webStorage } from './features/web-storage.ts'
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
  CsrfOptions,
  Endpoint,
  EndpointContext,
  EndpointFunction,
  EndpointRequest,
  Failure,
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
  Session,
  StandardSchema,
  TokenSet,
  TokenStorage,
  UnknownSession,
} from './types.ts'

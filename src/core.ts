/**
 * The same client without `api` and without ky, for apps with another HTTP client.
 *
 * @module silent-refresh/core
 */

import { createClient } from './client.ts'
import { browserEnvironment } from './environment.ts'
import type { AuthClient, AuthClientOptions, JwtClaims } from './types.ts'

/**
 * Creates a client: an in-memory token, a `fetch` that attaches and refreshes it, and a timer that renews it before
 * it ends. Touches no network by itself before the next task.
 *
 * @throws AuthError `invalid_option`, naming the option
 * @example
 * export const auth = createAuthClient({ baseUrl: 'https://api.example.com' })
 */
export function createAuthClient<Claims = JwtClaims, User = unknown, Credentials = unknown>(
  options: AuthClientOptions<Claims, User, Credentials> = {},
): AuthClient<Claims, User, Credentials> {
  return createClient<Claims, User>(options, browserEnvironment())
}

export { AuthError, type AuthErrorCode, isAuthError } from './errors.ts'
export { combineLoggers, consoleLogger, describeEvent, performanceLogger } from './logging.ts'
export { type OAuth2Options, oauth2 } from './presets/oauth2.ts'
export { memoryStorage, webStorage } from './storage.ts'
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

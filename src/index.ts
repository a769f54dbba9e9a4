/**
 * The client with `api`, a ky instance.
 *
 * @module silent-refresh
 */

import { browserEnvironment } from './environment.ts'
import { type AuthClient, createFullClient } from './full-client.ts'
import type { AuthClientOptions, JwtClaims } from './types.ts'

/**
 * Creates a client: an in-memory token, a `fetch` and a ky instance that attach and refresh it, and a timer that
 * renews it before it ends. Touches no network by itself before the next task.
 *
 * @throws AuthError `invalid_option`, naming the option
 * @example
 * export const auth = createAuthClient({ baseUrl: 'https://api.example.com' })
 */
export function createAuthClient<Claims = JwtClaims, User = unknown>(
  options: AuthClientOptions<Claims> = {},
): AuthClient<Claims, User> {
  return createFullClient<Claims, User>(options, browserEnvironment())
}

export { AuthError, type AuthErrorCode, isAuthError } from './errors.ts'
export type { AuthClient } from './full-client.ts'
export { combineLoggers, consoleLogger, describeEvent, type Logger, performanceLogger } from './logging.ts'
export { type OAuth2Options, oauth2 } from './presets/oauth2.ts'
export { memoryStorage, webStorage } from './storage.ts'
export type {
  Abortable,
  AnonymousSession,
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
  JwtClaims,
  LogEvent,
  LoginCause,
  LogoutReason,
  LogoutResult,
  NotReplayed,
  Operation,
  PartialTokens,
  Session,
  TokenSet,
  TokenStorage,
  UnknownSession,
} from './types.ts'

import ky, { type KyInstance } from 'ky'
import { createClient } from './client.ts'
import { browserEnvironment } from './environment.ts'
import { readBaseUrl } from './options.ts'
import type { AuthClientOptions, AuthClient as CoreClient, JwtClaims } from './types.ts'

export interface AuthClient<Claims = JwtClaims, User = unknown> extends CoreClient<Claims, User> {
  /** A ky instance over `fetch` and `baseUrl`: `auth.api.get('items').json()`. */
  readonly api: KyInstance
}

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
  const given = { ...options } // read once
  const environment = browserEnvironment()
  const client = createClient<Claims, User>(given, environment)
  const baseUrl = readBaseUrl(given.baseUrl, environment.page)
  return Object.assign(client, { api: ky.create({ fetch: client.fetch, ...(baseUrl && { baseUrl }) }) })
}

export { AuthError, type AuthErrorCode, isAuthError } from './errors.ts'
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

/** What an `AuthError` is about: the one thing to branch on. */
export type AuthErrorCode =
  /** An option, or an argument, is not what it should be; the message names it in quotes. */
  | 'invalid_option'
  /** The server refused the credentials; `status` and `body` say what it answered. */
  | 'login_rejected'
  /** The login could not be done for a passing reason. */
  | 'login_unavailable'
  /** `logout` or `setTokens` came in while the login was under way. */
  | 'superseded'
  /** The server refused to refresh; the session lasts as long as its access token still does. */
  | 'refresh_rejected'
  /** A token is due and cannot be had for a passing reason; `retryAt` says when it is tried next. */
  | 'refresh_unavailable'
  /** The server did not confirm the logout. */
  | 'logout_unavailable'
  /** `endpoints.user` did not answer with a user. */
  | 'user_unavailable'
  /** A 2xx answer, or a token set, that cannot be used. */
  | 'malformed_response'
  /** Nobody is signed in, or no longer. */
  | 'no_session'
  /** Another user signed in before the request could be sent. */
  | 'user_changed'
  /** Not possible here: without a window, or in this mode. */
  | 'unsupported'
  /** The client was disposed. */
  | 'disposed'

/** What an `AuthError` may carry beside its code. */
export interface AuthErrorDetails {
  retryable?: boolean
  status?: number | undefined
  retryAt?: number | undefined
  body?: unknown
}

/**
 * The one error of this package. Its message is always its own: a native error's can quote a header or a body, token
 * included, so none is passed on, and there is no `cause`.
 */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  /** Can the same call succeed later without anybody logging in? @default for every `…_unavailable` */
  readonly retryable: boolean
  /** The HTTP status, where the server answered. */
  declare readonly status: number | undefined
  /** Epoch milliseconds before which another try is pointless. */
  declare readonly retryAt: number | undefined
  /** The server's parsed answer to a login that it refused. */
  declare readonly body: unknown
  readonly code: AuthErrorCode

  constructor(code: AuthErrorCode, message: string, details?: AuthErrorDetails) {
    super(message)
    this.code = code
    this.retryable = code.endsWith('_unavailable')
    Object.assign(this, details)
  }
}

/**
 * Works across duplicated bundles and realms, where `instanceof` does not. An error that was made of one, as axios does,
 * has the name, but not what else stands there: ask about its `cause`.
 */
export const isAuthError = (value: unknown): value is AuthError =>
  Object.prototype.toString.call(value) === '[object Error]' &&
  (value as Error).name === 'AuthError' &&
  'retryable' in (value as Error)

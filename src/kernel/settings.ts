import type { AuthClientOptions, Endpoint, LogEvent } from '../types.ts'
import type { Sending } from './sending.ts'

type Given<Name extends keyof AuthClientOptions> = Readonly<Pick<AuthClientOptions<any>, Name>>

/** The options after their defaults, checked. Nothing reads the caller's object again, nor `Object.prototype`. */
export interface Settings
  extends Given<
    | 'readTokens'
    | 'isRejected'
    | 'isLoggedOut'
    | 'restore'
    | 'shouldRefresh'
    | 'sliding'
    | 'server'
    | 'refreshAhead'
    | 'identity'
    | 'claims'
    | 'userSchema'
  > {
  readonly baseUrl: URL | undefined
  readonly endpoints: {
    login: Endpoint
    refresh: Endpoint | false
    logout: Endpoint | false
    readonly user?: Endpoint
    readonly restore?: Endpoint
  }
  readonly allowedOrigins: ReadonlySet<string>
  /** Names the session among all that this browser knows: the origin of `baseUrl` is always part of it. */
  readonly sessionKey: string
  /** The access token is all that a page has: no refresh token, nor a cookie of one. */
  readonly accessOnly: boolean
  readonly scheme: string
  readonly timeout: number
  readonly sending: Sending
  readonly log: (event: LogEvent) => void
}

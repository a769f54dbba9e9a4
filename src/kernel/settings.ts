import type { AuthClientOptions, Endpoint, LogEvent } from '../types.ts'
import type { Sending } from './sending.ts'

type Given<Name extends keyof AuthClientOptions> = Readonly<Pick<AuthClientOptions<any>, Name>>

/** The checked options with their defaults. Nothing reads the caller's object again, nor `Object.prototype`. */
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
  /** Names the session among all sessions in this browser: it always contains the origin of `baseUrl`. */
  readonly sessionKey: string
  /** The access token is all that a page has: there is no refresh token, and no cookie with one. */
  readonly accessOnly: boolean
  readonly scheme: string
  readonly timeout: number
  readonly sending: Sending
  readonly log: (event: LogEvent) => void
}

import type { Users } from '../users.ts'
import type { Algorithm } from './keys.ts'

/** An app that logs its users in here. It has no secret. */
export interface ProviderClient {
  id: string
  /** Where it may be sent back to after a login. Their origins may call the token endpoint. */
  redirectUris: string[]
  /** Where it may be sent back to after a logout. Default: the same. */
  postLogoutRedirectUris?: string[]
  /** Does it get a refresh token? Default `true`. */
  refreshTokens?: boolean
}

/** What can change while the provider runs. */
export interface ProviderSettings {
  /** Life of an access token in seconds. */
  accessTtl: number
  /** Life of a session's refresh tokens in seconds: the next one ends when the first one would have. */
  refreshTtl: number
  /** Whether its pages send `Cross-Origin-Opener-Policy: same-origin`. */
  coop: boolean
  /** Whether its pages may be shown in a frame. `false` sends `X-Frame-Options: DENY`. */
  framing: boolean
  /** With `dpop`: must each proof contain a nonce? */
  nonces: boolean
  /** Is a refresh token replaced at each use, even one that is bound to a key? */
  rotation: boolean
}

export interface ProviderOptions extends Partial<ProviderSettings> {
  /** 0 takes any free port, which is the default. */
  port?: number
  /** The host name by which browsers reach it, on any port. A page with another host name is on another site. */
  host?: '127.0.0.1' | 'localhost'
  users: Users
  /** Filled in at the login page. A demo may tell its passwords. */
  suggested?: { email: string; password: string }
  clients: ProviderClient[]
  /** The API. An access token for it is a JWT; one for nothing in particular is opaque. */
  resource: string
  /** Are all tokens bound to a key, and must each token call prove it (RFC 9449)? Default `false`. */
  dpop?: boolean
  /** Signs the id tokens. Default RS256. */
  idTokens?: Algorithm
}

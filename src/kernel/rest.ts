/** The stored token of a session: its refresh token, or an access token that renews itself. */
export interface Rest {
  readonly refreshToken?: string | undefined
  readonly accessToken?: string | undefined
  readonly expiresAt?: number | undefined
  /** The id of the key that the refresh token is bound to. */
  readonly key?: string | undefined
  /** The login that it belongs to. */
  readonly lineage: number
  /** In a storage of one tab: a number that orders it among all copies. In a shared one: the serial of the session. */
  readonly serial?: number | undefined
}

/** What is stored of a session: the refresh token, or where there is none the access token that renews itself. */
export interface Rest {
  readonly refreshToken?: string | undefined
  readonly accessToken?: string | undefined
  readonly expiresAt?: number | undefined
  /** The id of the key that it is bound to. */
  readonly key?: string | undefined
  /** The login that it goes back to. */
  readonly lineage: number
  /** In a storage of one tab: orders it among all copies. In a shared one: the serial that it goes with. */
  readonly serial?: number | undefined
}

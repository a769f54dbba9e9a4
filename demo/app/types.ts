import type { AuthClient, JwtClaims } from 'silent-refresh'

export interface User {
  sub: string
  email: string
  name: string
}

/** The client as the rest of the page uses it. */
export type Auth = AuthClient<JwtClaims, User>

import { type AuthClient, createAuthClient, type JwtClaims } from 'silent-refresh'
import { logStep } from './log.ts'

export interface User {
  sub: string
  email: string
  name: string
}

export type Auth = AuthClient<JwtClaims, User>

/** The one client of this page. The refresh token is a cookie that no script can read. */
export const auth: Auth = createAuthClient({
  endpoints: { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' },
  logger: logStep,
})

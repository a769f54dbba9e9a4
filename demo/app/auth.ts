import {
  type AuthClient,
  type AuthClientOptions,
  createAuthClient,
  type JwtClaims,
  webStorage,
} from 'silent-refresh'
import { logStep } from './log.ts'
import { type Mode, readConfig } from './server.ts'

export interface User {
  sub: string
  email: string
  name: string
}

export type Auth = AuthClient<JwtClaims, User>

/** What a client says differently, by how its backend carries the tokens. */
const MODES: Record<Mode, AuthClientOptions> = {
  // The refresh token is a cookie that no script can read: nothing to say.
  bearer: {},
  cookie: { mode: 'cookie', csrf: { cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' } },
  body: { storage: webStorage(() => sessionStorage) },
  sliding: { sliding: true, storage: webStorage(() => sessionStorage) },
}

const { mode } = await readConfig()

const paths = { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' }

/** The one client of this page. */
export const auth: Auth = createAuthClient({
  ...MODES[mode],
  endpoints: mode === 'cookie' ? { ...paths, user: '/auth/me' } : paths,
  logger: logStep,
})

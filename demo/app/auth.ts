import {
  type AuthClient,
  type AuthClientOptions,
  createAuthClient,
  type JwtClaims,
  webStorage,
} from 'silent-refresh'
import { choices } from './choices.ts'
import { logStep } from './log.ts'
import { type Mode, readConfig } from './server.ts'
import { tellStep, toldFetch } from './timeline/feed.ts'

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

/** Of the server, as this page was loaded. */
export const mode: Mode = (await readConfig()).mode

const paths = { login: '/auth/login', refresh: '/auth/refresh_token', logout: '/auth/logout' }

/** The one client of this page. */
export const auth: Auth = createAuthClient({
  ...MODES[mode],
  endpoints: mode === 'cookie' ? { ...paths, user: '/auth/me' } : paths,
  // A tab that still speaks another mode has nothing to tell to this one.
  scope: `demo-${mode}`,
  tabs: choices.tabs,
  // For the timeline and the log of this page; an app needs neither.
  fetch: toldFetch,
  logger: step => {
    tellStep(step)
    logStep(step)
  },
})

import {
  type AuthClientOptions,
  cookieMode,
  createAuthClient,
  doubleSubmit,
  shareTabs,
  webStorage,
} from 'silent-refresh'
import { choices } from './choices.ts'
import { logStep } from './log.ts'
import { type Mode, readConfig } from './server.ts'
import { tellStep, toldFetch } from './timeline/feed.ts'
import type { Auth } from './types.ts'

/** The options that depend on how the backend carries the tokens. */
const MODES: Record<Mode, AuthClientOptions> = {
  // The refresh token is a cookie that JavaScript cannot read. The client needs no option for it.
  bearer: {},
  cookie: { mode: cookieMode(), csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }) },
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
  // A tab that was loaded in another mode shares no session with this one.
  sessionKey: `demo-${mode}`,
  tabs: shareTabs({ tokens: choices.tabs === 'share' }),
  // For the timeline and the log of this page; an app needs neither.
  fetch: toldFetch,
  logger: step => {
    tellStep(step)
    logStep(step)
  },
})

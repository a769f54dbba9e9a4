import {
  type AuthClientOptions,
  cookieMode,
  createAuthClient,
  doubleSubmit,
  shareTabs,
  webStorage,
} from 'silent-refresh'
import { devtoolsFetch } from 'silent-refresh/devtools'
import { dpop } from 'silent-refresh/dpop'
import { oauth } from 'silent-refresh/oauth'
import { choices } from './choices.ts'
import { base, type Config, type Mode, readConfig } from './server.ts'
import type { Auth } from './types.ts'

/** Of the server, as this page was loaded. */
export const config: Config = await readConfig()
const { mode, provider } = config

// Relative to `baseUrl`: the folder of this page.
const paths = { login: 'auth/login', refresh: 'auth/refresh_token', logout: 'auth/logout' }

/** The options that depend on how the backend carries the tokens. */
const MODES: Record<Mode, () => AuthClientOptions> = {
  // The refresh token is a cookie that JavaScript cannot read. The client needs no option for it.
  bearer: () => ({ endpoints: paths }),
  cookie: () => ({
    endpoints: { ...paths, user: 'auth/me' },
    mode: cookieMode(),
    csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }),
  }),
  body: () => ({ endpoints: paths, storage: webStorage(() => sessionStorage) }),
  sliding: () => ({ endpoints: paths, sliding: true, storage: webStorage(() => sessionStorage) }),
  // Another server, which has a login page of its own. Both tokens in memory: after a reload a hidden frame asks there.
  oauth: () =>
    oauth({
      issuer: provider?.issuer ?? '',
      clientId: provider?.clientId ?? '',
      scope: 'openid profile email offline_access',
      ...(provider && { resource: provider.resource }),
      silent: 'iframe',
      silentRedirectUri: new URL('silent.html', base).href,
    }),
}

/** The one client of this page. */
export const auth: Auth = createAuthClient({
  ...MODES[mode](),
  baseUrl: base,
  // The server demands proofs with each request: a token is of use only with the key of this browser.
  ...(config.dpop && dpop()),
  // A tab that was loaded in another mode shares no session with this one.
  sessionKey: `demo-${mode}`,
  tabs: shareTabs({ tokens: choices.tabs === 'share' }),
  // For the devtools, which this page shows to everybody. An app uses it during development only.
  fetch: devtoolsFetch,
})

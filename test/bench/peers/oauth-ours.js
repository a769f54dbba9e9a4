import { createAuthClient, shareTabs, webStorage } from 'silent-refresh/core'
import { oauth } from 'silent-refresh/oauth'

/** As docs/oauth.md has it where the server is on another site: the refresh token is stored. */
export function create({ issuer, store, ahead }) {
  const auth = createAuthClient({
    ...oauth({ issuer, clientId: 'bench', redirectUri: '/back', scope: 'openid offline_access' }),
    refreshAhead: ahead * 1000,
    tabs: shareTabs(),
    storage: webStorage(() => window[store]),
  })
  let error = null
  auth.on('loginError', event => {
    error = event.error.code
  })
  return {
    ready: () => auth.ready(),
    error: () => error,
    login: () => auth.login(),
    isSignedIn: () => auth.session.status === 'authenticated',
    renew: () => auth.refresh(),
    get: url => auth.fetch(url).then(({ status }) => status),
  }
}

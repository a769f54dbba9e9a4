import { UserManager, WebStorageStateStore } from 'oidc-client-ts'

/**
 * As its documents have it: refresh tokens, `automaticSilentRenew` (the default), no `monitorSession`, which needs third-party
 * cookies.
 */
export function create({ issuer, store, ahead }) {
  const manager = new UserManager({
    authority: issuer,
    client_id: 'bench',
    redirect_uri: `${location.origin}/back`,
    scope: 'openid offline_access',
    automaticSilentRenew: true,
    monitorSession: false,
    accessTokenExpiringNotificationTimeInSeconds: ahead,
    userStore: new WebStorageStateStore({ store: window[store] }),
  })
  let error = null

  /** The callback page, and what any other page begins with. */
  async function start() {
    if (location.pathname !== '/back') return manager.getUser()
    try {
      const { state } = await manager.signinCallback()
      history.replaceState(null, '', state.returnTo)
    } catch (reason) {
      error = reason.message
    }
    // The one that another tab has stored, if any.
    return manager.getUser()
  }
  const started = start()
  return {
    ready: () => started,
    error: () => error,
    login: () => manager.signinRedirect({ state: { returnTo: '/' } }),
    isSignedIn: async () => {
      const user = await manager.getUser()
      return user !== null && !user.expired
    },
    renew: () => manager.signinSilent(),
    get: async url => {
      const user = await manager.getUser()
      const { status } = await fetch(url, { headers: { Authorization: `Bearer ${user?.access_token}` } })
      return status
    },
  }
}

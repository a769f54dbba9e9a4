import { createAuthClient, shareTabs } from '../dist/core.js'

let tabs = 0

/** The package itself, the refresh token in an HttpOnly cookie. */
export async function create(origin) {
  // Each scenario is a browser of its own: nothing is to be handed over from the last one.
  const auth = createAuthClient({
    baseUrl: origin,
    restore: 'manual',
    tabs: shareTabs(),
    sessionKey: `bench ${tabs++}`,
  })
  return {
    auth,
    login: () => auth.login({ email: 'ada', password: 'right' }),
    get: async url => {
      const response = await auth.fetch(url)
      await response.text()
      return response.status
    },
  }
}

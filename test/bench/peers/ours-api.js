import { createAuthClient } from '../dist/index.js'

let tabs = 0

/** The same through `auth.api`, which is ky. */
export async function create(origin) {
  const auth = createAuthClient({ baseUrl: origin, restore: 'manual', sessionKey: `bench api ${tabs++}` })
  return {
    login: () => auth.login({ email: 'ada', password: 'right' }),
    get: async url => {
      const response = await auth.api.get(url, { retry: 0 })
      await response.text()
      return response.status
    },
  }
}

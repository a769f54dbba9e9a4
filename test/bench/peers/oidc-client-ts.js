import { InMemoryWebStorage, User, UserManager, WebStorageStateStore } from 'oidc-client-ts'

/** `getUser` before each request, as its documents advise; the tokens are put there by hand. */
export async function create(origin) {
  const manager = new UserManager({
    authority: origin,
    client_id: 'bench',
    redirect_uri: `${origin}/back`,
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
  })
  return {
    async login() {
      const answer = await fetch(`${origin}/login`, { method: 'POST' })
      const { access_token } = await answer.json()
      const profile = { sub: 'ada', iss: origin, aud: 'bench', exp: 4_000_000_000, iat: 0 }
      await manager.storeUser(
        new User({ access_token, token_type: 'Bearer', profile, expires_at: 4_000_000_000 }),
      )
    },
    get: async url => {
      const user = await manager.getUser()
      const response = await fetch(url, { headers: { Authorization: `Bearer ${user.access_token}` } })
      await response.text()
      return response.status
    },
  }
}

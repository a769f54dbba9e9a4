import { ofetch } from 'ofetch'

/** It attaches, in a hook; there is nothing in it that refreshes. */
export async function create(origin) {
  let token
  const api = ofetch.create({
    onRequest({ options }) {
      options.headers.set('Authorization', `Bearer ${token}`)
    },
  })
  return {
    async login() {
      const { access_token } = await ofetch(`${origin}/login`, { method: 'POST' })
      token = access_token
    },
    get: async url => {
      await api(url)
      return 200
    },
  }
}

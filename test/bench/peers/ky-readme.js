import ky from 'ky'

/** The recipe of ky's README for "How do I implement token refresh on 401 responses?", word for word. */
export async function create(origin) {
  let token
  const refreshToken = async (path = '/refresh_token') => {
    const { access_token } = await ky.post(`${origin}${path}`).json()
    token = access_token
    return token
  }
  const api = ky.create({
    retry: { statusCodes: [401] },
    hooks: {
      beforeRequest: [({ request }) => request.headers.set('Authorization', `Bearer ${token}`)],
      beforeRetry: [
        async ({ request }) => {
          const token = await refreshToken()
          request.headers.set('Authorization', `Bearer ${token}`)
        },
      ],
    },
  })
  return { login: () => refreshToken('/login'), get: async url => (await api.get(url)).status }
}

import { jwtDecode } from 'jwt-decode'
import ky from 'ky'

/**
 * What a careful developer writes in an afternoon: one refresh at a time, ahead of the expiry that the token tells, and
 * once more on a 401.
 */
export async function create(origin) {
  let token
  let refreshing
  const obtain = async path => {
    const { access_token } = await ky.post(`${origin}${path}`, { retry: 0 }).json()
    token = access_token
  }
  const refresh = () => {
    refreshing ??= obtain('/refresh_token').finally(() => {
      refreshing = undefined
    })
    return refreshing
  }
  const isStale = () => !token || jwtDecode(token).exp * 1000 < Date.now() + 10_000
  const api = ky.create({
    retry: 1,
    hooks: {
      beforeRequest: [
        async ({ request }) => {
          if (isStale()) await refresh()
          request.headers.set('Authorization', `Bearer ${token}`)
        },
      ],
      afterResponse: [
        async ({ request, response, retryCount }) => {
          if (response.status !== 401 || retryCount > 0) return
          await refresh()
          const headers = new Headers(request.headers)
          headers.set('Authorization', `Bearer ${token}`)
          return ky.retry({ request: new Request(request, { headers }) })
        },
      ],
    },
  })
  return { login: () => obtain('/login'), get: async url => (await api.get(url)).status }
}

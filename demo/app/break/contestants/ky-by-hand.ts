import { jwtDecode } from 'jwt-decode'
import ky from 'ky'
import type { CreateContestant } from './contestant.ts'

/**
 * What a careful developer writes around ky in an afternoon. It makes one refresh at a time, ahead of the expiry in the token,
 * and one more after a 401.
 */
export const createKyByHand: CreateContestant = base => {
  let token: string | undefined
  let refreshing: Promise<void> | undefined

  async function obtain(path: string, json?: object): Promise<void> {
    const answer = await ky
      .post(new URL(path, base), { retry: 0, ...(json && { json }) })
      .json<{ access_token: string }>()
    token = answer.access_token
  }

  function refresh(): Promise<void> {
    refreshing ??= obtain('auth/refresh_token').finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  const isStale = () => !token || jwtDecode(token).exp! * 1000 < Date.now() + 10_000

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

  return {
    login: credentials => obtain('auth/login', credentials),
    start: refresh,
    async get(path) {
      await api.get(new URL(path, base))
    },
  }
}

import { createAlova } from 'alova'
import { createServerTokenAuthentication } from 'alova/client'
import adapterFetch from 'alova/fetch'

/** Its token authentication by answer, as documented: the one of its two that also copes with a revoked token. */
export async function create(origin) {
  let token
  const obtain = async path => {
    const response = await fetch(`${origin}${path}`, { method: 'POST' })
    if (!response.ok) throw new Error('refused')
    token = (await response.json()).access_token
  }
  const { onAuthRequired, onResponseRefreshToken } = createServerTokenAuthentication({
    assignToken: method => {
      method.config.headers.Authorization = `Bearer ${token}`
    },
    refreshTokenOnSuccess: {
      isExpired: response => response.status === 401,
      handler: () => obtain('/refresh_token'),
    },
  })
  const api = createAlova({
    requestAdapter: adapterFetch(),
    beforeRequest: onAuthRequired(),
    responded: onResponseRefreshToken(async response => {
      await response.text()
      return response.status
    }),
    cacheFor: null,
    shareRequest: false,
  })
  return { login: () => obtain('/login'), get: url => api.Get(url) }
}

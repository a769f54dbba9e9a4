import axios from 'axios'
import { createAuthRefresh } from 'axios-auth-refresh'

/** As its README has it: the refresh in a function, the token attached by an interceptor. */
export const create = origin => createWith(origin)

export async function createWith(origin, options) {
  const api = axios.create({ adapter: 'fetch' })
  let token
  const obtain = async path => {
    const { data } = await axios.post(`${origin}${path}`, {}, { adapter: 'fetch' })
    token = data.access_token
  }
  api.interceptors.request.use(request => {
    request.headers.Authorization = `Bearer ${token}`
    return request
  })
  const refresh = async failed => {
    await obtain('/refresh_token')
    failed.response.config.headers.Authorization = `Bearer ${token}`
  }
  createAuthRefresh(api, refresh, options)
  return { login: () => obtain('/login'), get: async url => (await api.get(url)).status }
}

import axios, { type AxiosError } from 'axios'
import { createAuthRefresh } from 'axios-auth-refresh'
import type { CreateContestant } from './contestant.ts'

/** As its README has it: the refresh in a function, the token attached by an interceptor. */
export const createAxiosAuthRefresh: CreateContestant = baseURL => {
  const api = axios.create({ baseURL })
  let token: string | undefined

  async function obtain(path: string, json?: object): Promise<void> {
    const { data } = await axios.post<{ access_token: string }>(path, json, { baseURL })
    token = data.access_token
  }

  api.interceptors.request.use(request => {
    request.headers.Authorization = `Bearer ${token}`
    return request
  })

  createAuthRefresh(api, async (failed: AxiosError) => {
    await obtain('auth/refresh_token')
    failed.response!.config.headers.Authorization = `Bearer ${token}`
  })

  return {
    login: credentials => obtain('auth/login', credentials),
    start: () => obtain('auth/refresh_token'),
    async get(path) {
      await api.get(path)
    },
  }
}

import { createAuthClient } from 'silent-refresh'
import type { CreateContestant } from './contestant.ts'

/** The package itself, as in its README. */
export const createSilentRefresh: CreateContestant = baseUrl => {
  const auth = createAuthClient({
    baseUrl,
    endpoints: { login: 'auth/login', refresh: 'auth/refresh_token', logout: 'auth/logout' },
  })

  return {
    async login(credentials) {
      await auth.login({ ...credentials })
    },
    async start() {
      await auth.ready()
    },
    async get(path) {
      const response = await auth.fetch(new URL(path, baseUrl))
      if (!response.ok) throw new Error(`${response.status}`)
    },
  }
}

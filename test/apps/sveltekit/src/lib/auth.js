import { createAuthClient } from 'silent-refresh'

export const auth = createAuthClient({
  endpoints: {
    login: '/auth/login',
    refresh: '/auth/refresh_token',
    logout: '/auth/logout',
    user: '/user/whoami',
  },
})

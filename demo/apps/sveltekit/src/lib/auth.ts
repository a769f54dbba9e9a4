import { createAuthClient, type JwtClaims } from 'silent-refresh'

export interface User {
  name: string
}

export interface Credentials {
  email: string
  password: string
}

const create = () =>
  createAuthClient<JwtClaims, User, Credentials>({
    endpoints: {
      login: '/auth/login',
      refresh: '/auth/refresh_token',
      logout: '/auth/logout',
      user: '/user/whoami',
    },
  })

// A hot reload runs this module again. It keeps the client: a new one per edit would leave all the old ones alive.
// Reload the page after an edit of the options.
export const auth: ReturnType<typeof create> = import.meta.hot?.data.auth ?? create()
if (import.meta.hot) import.meta.hot.data.auth = auth

import { createAuthClient, type JwtClaims } from 'silent-refresh'
import { bindAuth } from 'silent-refresh/vue'

export interface User {
  name: string
}

export interface Credentials {
  email: string
  password: string
}

export const auth = createAuthClient<JwtClaims, User, Credentials>({
  endpoints: {
    login: '/auth/login',
    refresh: '/auth/refresh_token',
    logout: '/auth/logout',
    user: '/user/whoami',
  },
})

export const { useSession } = bindAuth(auth)

// A hot reload runs this module again. The client of its last run has to go, or each edit would leave one more.
if (import.meta.hot) {
  import.meta.hot.data.auth?.dispose()
  import.meta.hot.data.auth = auth
}

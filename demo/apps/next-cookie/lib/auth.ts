'use client'

import { cookieMode, createAuthClient, doubleSubmit, type JwtClaims } from 'silent-refresh'
import { createAuthHooks } from 'silent-refresh/react'

export interface User {
  name: string
}

export interface Credentials {
  email: string
  password: string
}

export const auth = createAuthClient<JwtClaims, User, Credentials>({
  mode: cookieMode(),
  csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }),
  endpoints: {
    login: '/auth/login',
    refresh: '/auth/refresh_token',
    logout: '/auth/logout',
    user: '/user/whoami',
  },
})

export const { useAuth, useSession } = createAuthHooks(auth)

/** Lets the client refresh if the access cookie is dead. `false`: the cookie could not be renewed. */
export const renew = () =>
  auth.fetch('/user/whoami').then(
    ({ ok }) => ok,
    () => false,
  )

declare global {
  var authOfLastRun: { dispose(): void } | undefined
}

// A hot reload runs this module again. The client of its last run has to go, or each edit would leave one more.
if (process.env.NODE_ENV === 'development') {
  globalThis.authOfLastRun?.dispose()
  globalThis.authOfLastRun = auth
}

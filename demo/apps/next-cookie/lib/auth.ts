'use client'

import { cookieMode, createAuthClient, doubleSubmit, type JwtClaims } from 'silent-refresh'
import { createAuthHooks } from 'silent-refresh/react'

export interface User {
  sub: string
  name: string
}

export interface Credentials {
  email: string
  password: string
}

const create = () =>
  createAuthClient<JwtClaims, User, Credentials>({
    mode: cookieMode(),
    csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }),
    endpoints: {
      login: '/auth/login',
      refresh: '/auth/refresh_token',
      logout: '/auth/logout',
      user: '/user/whoami',
    },
  })

declare global {
  var keptAuth: ReturnType<typeof create> | undefined
}

// A hot reload runs this module again. It keeps the client: a new one per edit would leave all the old ones alive.
// Reload the page after an edit of the options.
export const auth = globalThis.keptAuth ?? create()
if (process.env.NODE_ENV === 'development') globalThis.keptAuth = auth

export const { useAuth, useSession } = createAuthHooks(auth)

/** Lets the client refresh if the access cookie is dead. `false`: the cookie could not be renewed. */
export const renew = () =>
  auth.fetch('/user/whoami').then(
    ({ ok }) => ok,
    () => false,
  )

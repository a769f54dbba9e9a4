import { isPlatformServer } from '@angular/common'
import type { HttpInterceptorFn } from '@angular/common/http'
import { inject, PLATFORM_ID } from '@angular/core'
import { createAuthClient, type JwtClaims } from 'silent-refresh'
import { bindAuth } from 'silent-refresh/angular'

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

const { injectSession, authInterceptor } = bindAuth(auth)

export { injectSession }

/** The server has no user. It sends its requests as Angular does without this package, relative addresses included. */
export const asUser: HttpInterceptorFn = (request, next) =>
  isPlatformServer(inject(PLATFORM_ID)) ? next(request) : authInterceptor(request, next)

import { getCookie, setCookie } from 'hono/cookie'
import type { ServerContext } from './http.ts'
import { sha256 } from './random.ts'

interface CookieKind {
  readonly name: string
  readonly path: string
  readonly readable?: true
}

const REFRESH: CookieKind = { name: 'refresh_token', path: '/auth' }
const ACCESS: CookieKind = { name: 'access_token', path: '/' }
const FINGERPRINT: CookieKind = { name: 'fingerprint', path: '/' }
/** The page's script sends it back as a header. */
const CSRF: CookieKind = { name: 'XSRF-TOKEN', path: '/', readable: true }

const write = (c: ServerContext, { name, path, readable }: CookieKind, value: string, maxAge: number) =>
  setCookie(c, name, value, {
    path: `${c.get('base') ?? ''}${path}`,
    maxAge,
    httpOnly: !readable,
    sameSite: 'Strict',
    secure: new URL(c.req.url).protocol === 'https:',
  })

export const readRefreshCookie = (c: ServerContext): string | undefined => getCookie(c, REFRESH.name)
export const readAccessCookie = (c: ServerContext): string | undefined => getCookie(c, ACCESS.name)

/** The empty text for a request without the cookie: no secret has that hash. */
export const readFingerprintHash = (c: ServerContext): string => {
  const value = getCookie(c, FINGERPRINT.name)
  return value ? sha256(value) : ''
}

export const writeRefreshCookie = (c: ServerContext, token: string, maxAge: number): void =>
  write(c, REFRESH, token, maxAge)

export const writeAccessCookie = (c: ServerContext, token: string, maxAge: number): void =>
  write(c, ACCESS, token, maxAge)

export const writeFingerprintCookie = (c: ServerContext, value: string, maxAge: number): void =>
  write(c, FINGERPRINT, value, maxAge)

export const writeCsrfCookie = (c: ServerContext, value: string, maxAge: number): void =>
  write(c, CSRF, value, maxAge)

export const clearBearerCookies = (c: ServerContext): void => {
  for (const kind of [REFRESH, FINGERPRINT]) write(c, kind, '', 0)
}

export const clearSessionCookies = (c: ServerContext): void => {
  for (const kind of [REFRESH, ACCESS, CSRF]) write(c, kind, '', 0)
}

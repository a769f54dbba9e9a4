import { getCookie, setCookie } from 'hono/cookie'
import type { ServerContext } from './http.ts'
import { sha256 } from './random.ts'

const REFRESH = { name: 'refresh_token', path: '/auth' }
const FINGERPRINT = { name: 'fingerprint', path: '/' }

const write = (c: ServerContext, { name, path }: typeof REFRESH, value: string, maxAge: number) =>
  setCookie(c, name, value, {
    path,
    maxAge,
    httpOnly: true,
    sameSite: 'Strict',
    secure: new URL(c.req.url).protocol === 'https:',
  })

export const readRefreshCookie = (c: ServerContext): string | undefined => getCookie(c, REFRESH.name)

/** The empty text for a request without the cookie: no secret has that hash. */
export const readFingerprintHash = (c: ServerContext): string => {
  const value = getCookie(c, FINGERPRINT.name)
  return value ? sha256(value) : ''
}

export const writeRefreshCookie = (c: ServerContext, token: string, maxAge: number): void =>
  write(c, REFRESH, token, maxAge)

export const writeFingerprintCookie = (c: ServerContext, value: string, maxAge: number): void =>
  write(c, FINGERPRINT, value, maxAge)

export const clearCookies = (c: ServerContext): void => {
  write(c, REFRESH, '', 0)
  write(c, FINGERPRINT, '', 0)
}

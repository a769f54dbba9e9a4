import type { Is } from './breaks.ts'
import { LIFETIME } from './tokens.ts'

/** In seconds. */
const SESSION = 3600
const MONTH = 2_592_000

/** The lines of `Set-Cookie` of a server that can be broken. Without a value the cookie is removed. */
export interface ContractCookies {
  readonly names: Record<'refresh' | 'access' | 'csrf', () => string>
  refresh(value: string): string
  access(value: string): string
  csrf(value: string): string
}

export function createCookies(is: Is): ContractCookies {
  const isOther = () => is('other cookie names')
  const isHost = () => is('__Host- without Path=/') || is('__Host- without Secure')
  const names = {
    refresh: () => (isOther() ? 'rt' : isHost() ? '__Host-refresh' : 'refresh_token'),
    access: () => (isOther() ? 'at' : 'access_token'),
    csrf: () => (isOther() ? 'csrf' : 'XSRF-TOKEN'),
  }

  const sameSite = () =>
    is('SameSite=None') ? 'SameSite=None; Secure' : `SameSite=${is('SameSite=Lax') ? 'Lax' : 'Strict'}`

  function lifetime(value: string): string[] {
    if (!value) return ['Max-Age=0']
    if (is('no Max-Age')) return []
    if (is('Max-Age in milliseconds')) return [`Max-Age=${Math.floor(MONTH / 1000)}`]
    const soon = new Date(Date.now() + 1_800_000).toUTCString()
    return [is('Expires in half an hour') ? `Expires=${soon}` : `Max-Age=${SESSION}`]
  }

  function refresh(value: string): string {
    const path = is('the path is that of the refresh')
      ? '/auth/refresh_token'
      : is('the path is /') || is('__Host- without Secure')
        ? '/'
        : '/auth'
    const isOtherPath = !value && is('a logout clears another path')
    return [
      `${names.refresh()}=${value}`,
      `Path=${isOtherPath ? '/' : path}`,
      ...(is('no HttpOnly') ? [] : ['HttpOnly']),
      ...(is('no SameSite') ? [] : [sameSite()]),
      ...(isHost() && !is('__Host- without Secure') ? ['Secure'] : []),
      ...lifetime(value),
      ...(is('a Domain') ? ['Domain=127.0.0.1'] : []),
    ].join('; ')
  }

  const access = (value: string): string =>
    [
      `${names.access()}=${value}`,
      `Path=${is('the access cookie is for /auth') ? '/auth' : '/'}`,
      ...(is('the access cookie is readable') ? [] : ['HttpOnly']),
      is('the access cookie is SameSite=None')
        ? 'SameSite=None; Secure'
        : `SameSite=${is('the access cookie is SameSite=Lax') ? 'Lax' : 'Strict'}`,
      `Max-Age=${value ? LIFETIME : 0}`,
      ...(is('the access cookie has a Domain') ? ['Domain=127.0.0.1'] : []),
    ].join('; ')

  function csrf(value: string): string {
    const lifetime = is('the CSRF cookie ends with the access token') ? LIFETIME : SESSION
    return [
      `${names.csrf()}=${encodeURIComponent(value)}`,
      `Path=${is('the CSRF cookie is for /auth') ? '/auth' : '/'}`,
      ...(is('the CSRF cookie is HttpOnly') ? ['HttpOnly'] : []),
      'SameSite=Strict',
      ...(is('the CSRF cookie ends with the browser') && value ? [] : [`Max-Age=${value ? lifetime : 0}`]),
      ...(is('the CSRF cookie is for the own host') ? [] : ['Domain=example.com']),
    ].join('; ')
  }

  return { names, refresh, access, csrf }
}

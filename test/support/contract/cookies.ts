import type { Is } from './breaks.ts'
import { LIFETIME } from './tokens.ts'

/** In seconds. */
const SESSION = 3600

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

  function refresh(value: string): string {
    const path = is('the path is that of the refresh')
      ? '/auth/refresh_token'
      : is('the path is /') || is('__Host- without Secure')
        ? '/'
        : '/auth'
    const maxAge = value ? SESSION : 0
    const isOtherPath = !value && is('a logout clears another path')
    return [
      `${names.refresh()}=${value}`,
      `Path=${isOtherPath ? '/' : path}`,
      ...(is('no HttpOnly') ? [] : ['HttpOnly']),
      ...(is('no SameSite') ? [] : [is('SameSite=None') ? 'SameSite=None; Secure' : 'SameSite=Strict']),
      ...(isHost() && !is('__Host- without Secure') ? ['Secure'] : []),
      ...(is('no Max-Age') && value ? [] : [`Max-Age=${maxAge}`]),
      ...(is('a Domain') ? ['Domain=127.0.0.1'] : []),
    ].join('; ')
  }

  const access = (value: string): string =>
    [
      `${names.access()}=${value}`,
      `Path=${is('the access cookie is for /auth') ? '/auth' : '/'}`,
      ...(is('the access cookie is readable') ? [] : ['HttpOnly']),
      is('the access cookie is SameSite=None') ? 'SameSite=None; Secure' : 'SameSite=Strict',
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

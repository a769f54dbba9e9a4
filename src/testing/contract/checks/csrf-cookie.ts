import type { Backend } from '../backend.ts'
import { lifetimeOf, type SetCookie } from '../cookies.ts'
import type { Answer } from '../http.ts'

/** In seconds. */
const SLACK = 5

/** What is wrong with the cookie that has the CSRF value, in words. */
export function faultOfCsrfCookie({ carrier, settings }: Backend, answer: Answer): string | null {
  const set = (name: 'csrf' | 'refresh') =>
    carrier.cookies(answer, name).findLast(({ isCleared }) => !isCleared)
  const cookie = set('csrf')
  if (!cookie) return `no Set-Cookie for ${settings.csrfCookie}`
  const shown = `Set-Cookie: ${cookie.shown}`
  if (cookie.attributes.has('httponly') || cookie.path !== '/') return shown
  if (!isReadable(cookie, settings.login.hostname, new URL(settings.origin).hostname)) {
    return `${shown}, and the page at ${settings.origin}`
  }
  const refresh = set('refresh')
  const isShort = refresh && lifetimeOf(cookie) < lifetimeOf(refresh) - SLACK
  return isShort ? `${shown}, and ${refresh.shown}` : null
}

/** A page of another host sees the cookie by its `Domain` alone. */
function isReadable({ attributes }: SetCookie, host: string, page: string): boolean {
  const domain = (attributes.get('domain') ?? '').replace(/^\./, '')
  return page === host || (domain !== '' && `.${page}`.endsWith(`.${domain}`))
}

import type { IncomingMessage } from 'node:http'
import type { ContractMode } from 'silent-refresh/testing/contract'
import type { Is } from './breaks.ts'

/** Where the page is. */
export const PAGE = 'https://app.example.com:4443'

/** Which origins a server that can be broken lets in, and lets read. */
export interface ContractOrigins {
  isAllowed(request: IncomingMessage): boolean
  /** The headers of every answer. */
  cors(request: IncomingMessage, status: number): Record<string, string>
  /** The other headers of a preflight. */
  preflight(request: IncomingMessage): Record<string, string>
}

export function createOrigins(mode: ContractMode, is: Is): ContractOrigins {
  return {
    isAllowed({ headers, url }) {
      const { origin, host = '' } = headers
      // No cookie has a token.
      if (mode === 'body' || mode === 'sliding') return true
      if (is('no origin check')) return true
      if (is('no origin check at login') && url === '/auth/login') return true
      if (is('no origin check at logout') && url === '/auth/logout') return true
      if (origin === undefined) {
        const site = headers['sec-fetch-site']
        if (site === 'same-site' && is('a sibling without an origin is fine')) return true
        return site === 'same-origin' || is('a missing origin is fine')
      }
      const own = [`http://${host}`, PAGE]
      if (own.includes(origin)) return true
      if (origin === 'null') return is('the origin null is fine')
      if (is('origins by prefix')) return own.some(one => origin.startsWith(one.replace(/:\d+$/, '')))
      if (is('origins by prefix of the port')) return own.some(one => origin.startsWith(one))
      if (is('origins by a part of the list')) return own.join().includes(origin)
      return is('origins by suffix') && own.some(one => origin.endsWith(new URL(one).host))
    },

    cors({ headers: { origin }, url = '' }, status) {
      const isReadable = origin === PAGE || is('every origin may read')
      if (!origin || !isReadable || is('no CORS headers')) return {}
      if (status >= 400 && is('no CORS headers with an error')) return {}
      const isApi = url.startsWith('/user') || url.startsWith('/api')
      const isWithout = is('no CORS credentials') || (isApi && is('no CORS credentials at the API'))
      return {
        'Access-Control-Allow-Origin': origin,
        ...(!isWithout && { 'Access-Control-Allow-Credentials': 'true' }),
        ...(!is('nothing is exposed') && {
          'Access-Control-Expose-Headers': 'Date, WWW-Authenticate, Retry-After',
        }),
        ...(!is('no Vary') && { Vary: 'Origin' }),
      }
    },

    preflight({ headers: { origin }, url }) {
      const isShut = url === '/auth/logout' && is('the preflight of a logout allows no header')
      const isCsrf = mode === 'cookie' && !is('the preflight does not allow the CSRF header')
      const allowed = ['Content-Type', isCsrf ? 'X-XSRF-TOKEN' : 'Authorization']
      return {
        ...(!isShut &&
          !is('the preflight allows no header') && { 'Access-Control-Allow-Headers': allowed.join(', ') }),
        ...(is('the preflight allows another origin') &&
          origin === PAGE && { 'Access-Control-Allow-Origin': 'https://other.example.com' }),
      }
    },
  }
}

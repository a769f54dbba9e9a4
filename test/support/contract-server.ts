import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLedger, type Ledger } from '../../src/testing/ledger.ts'

/** What an auth server can get wrong, and the points that fail then. No others do. */
export const FAILS = {
  'another token field': ['login'],
  'a token with a space': ['login'],
  'another token type': ['login'],
  'a login as HTML': ['login'],
  'the refresh token in the body': ['login-body'],
  'the cookie in the body': ['login-body'],
  'no expires_in': ['login-expires-in'],
  'expires_in in milliseconds': ['login-expires-in'],
  'a wrong password is 403': ['login-wrong-password'],
  'a wrong password sets a cookie': ['login-wrong-password'],
  'an unknown user is told': ['login-unknown-user'],
  'a malformed login is 500': ['login-malformed'],
  'a malformed login is accepted': ['login-malformed'],
  'no cookie at all': ['cookie'],
  'no HttpOnly': ['cookie-http-only'],
  'no SameSite': ['cookie-same-site'],
  'SameSite=None': ['cookie-same-site'],
  'the path is /': ['cookie-path'],
  'the path is that of the refresh': ['cookie-path', 'logout-ends-session', 'logout-rotated-token'],
  '__Host- without Path=/': ['cookie-path'],
  '__Host- without Secure': ['cookie-secure'],
  'no Max-Age': ['cookie-max-age'],
  'a Domain': ['cookie-domain'],
  'a refresh needs a bearer': ['refresh'],
  'a refresh sets no cookie': ['refresh-rotation', 'reuse-superseded'],
  'the same cookie again': ['refresh-rotation', 'reuse-superseded', 'reuse-after-grace'],
  'no user in a refresh': ['refresh-user'],
  'iat is copied': ['refresh-issued-at'],
  'no cookie is 403': ['refresh-no-token'],
  'no cookie is 200': ['refresh-no-token'],
  'an unknown cookie is 500': ['refresh-unknown-token'],
  'a refusal clears the cookie': ['refresh-keeps-cookies'],
  'no grace': ['grace-race', 'grace-lost-answer'],
  'a repeat gets a dead cookie': ['grace-race', 'grace-lost-answer'],
  'a used token is always good': ['reuse-superseded', 'reuse-after-grace'],
  'a used token is refused, and no more': ['reuse-superseded', 'reuse-after-grace'],
  'the grace does not end': ['reuse-after-grace'],
  'a logout is a redirect': ['logout', 'logout-again'],
  'a logout is for show': ['logout-ends-session', 'logout-rotated-token'],
  'a logout clears nothing': ['logout-clears-cookies'],
  'a logout clears another path': ['logout-clears-cookies'],
  'a dead logout is 401': ['logout-again'],
  'a logout without a cookie is 401': ['logout-again'],
  'only the newest cookie logs out': ['logout-rotated-token'],
  'no origin check': ['origin', 'origin-missing'],
  'no origin check at login': ['origin'],
  'no origin check at logout': ['origin'],
  'origins by prefix': ['origin'],
  'origins by suffix': ['origin'],
  'the origin null is fine': ['origin'],
  'a foreign origin is refused too late': ['origin'],
  'a missing origin is fine': ['origin-missing'],
  'every origin may read': ['origin-echo'],
  'the API is closed': ['api', 'api-no-token', 'api-bad-token', 'api-forged-token', 'api-expired-token'],
  'the API redirects to a login page': ['api-no-token'],
  'the API has no challenge': ['api-no-token', 'api-bad-token'],
  'a bad token is 403': ['api-bad-token', 'api-forged-token', 'api-expired-token'],
  'a bad token is not named': ['api-bad-token'],
  'no signature check': ['api-forged-token'],
  'the algorithm of the token is used': ['api-forged-token'],
  'expired tokens are fine': ['api-expired-token'],
  'answers may be cached': ['no-store'],
  'the API may be cached': ['no-store'],
  'errors are HTML': ['error-bodies'],
  'errors are text': ['error-bodies'],
  'too many logins': [],
  'the preflight needs a session': ['cors-preflight'],
  'the preflight allows no header': ['cors-preflight'],
  'the preflight allows another origin': ['cors-preflight'],
  'no CORS headers': ['cors-preflight', 'cors-answers', 'cors-errors', 'cors-expose'],
  'no CORS credentials': ['cors-preflight', 'cors-answers', 'cors-errors'],
  'no Vary': ['cors-answers', 'cors-errors'],
  'no CORS headers with an error': ['cors-errors', 'cors-expose'],
  'nothing is exposed': ['cors-expose'],
} as const

export type Break = keyof typeof FAILS

export interface ContractServer {
  readonly url: string
  readonly credentials: { user: string; password: string }
  /** Seconds. */
  pass(seconds: number): void
  /** Wrong in these points from now on. */
  break(...what: Break[]): void
  close(): Promise<void>
}

interface Reply {
  status: number
  body?: unknown
  cookies?: string[]
  headers?: Record<string, string>
}

const LIFETIME = 15
const ADA = { email: 'ada@example.com', password: 'secret' }
const PAGE = 'https://app.example.com'
const TEXTS: Record<number, string> = { 400: 'Bad login', 401: 'Go away', 403: 'No' }

/** A server that keeps the contract, on virtual time, and that can be broken in each of its points. */
export async function startContractServer(grace = 10): Promise<ContractServer> {
  const broken = new Set<Break>()
  const is = (what: Break) => broken.has(what)
  let time = Date.parse('2031-05-01T12:00:00.250Z')
  let logins = 0
  const now = () => time
  const seconds = () => Math.floor(time / 1000)
  const name = () => `rt-${randomUUID()}`
  const strict = createLedger<string>(now, 0, name)
  const forgiving = createLedger<string>(now, grace * 1000, name)
  const endless = createLedger<string>(now, Number.POSITIVE_INFINITY, name)
  const ledger = (): Ledger<string> =>
    is('no grace') ? strict : is('the grace does not end') ? endless : forgiving
  /** When each refresh token was used first. */
  const used = new Map<string, number>()
  const parents = new Map<string, string>()
  /** Used, and their successors too. */
  const superseded = new Set<string>()
  let firstIssued: number | null = null

  const sign = (data: string) => createHmac('sha256', 'key').update(data).digest('base64url')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  function accessToken(): string {
    const iat = is('iat is copied') && firstIssued !== null ? firstIssued : seconds()
    firstIssued = iat
    const data = `${part({ alg: 'HS256' })}.${part({ sub: 'ada', iat, exp: iat + LIFETIME, jti: randomUUID() })}`
    return `${data}.${sign(data)}`
  }

  function isGood(token: string): boolean {
    const [head = '', payload = '', signature = ''] = token.split('.')
    try {
      const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString())
      const { exp, sub } = JSON.parse(Buffer.from(payload, 'base64url').toString())
      const isUnsigned = is('the algorithm of the token is used') && alg === 'none'
      const isSigned = signature === sign(`${head}.${payload}`) || isUnsigned || is('no signature check')
      return isSigned && typeof sub === 'string' && (exp > seconds() || is('expired tokens are fine'))
    } catch {
      return false
    }
  }

  const cookieName = () =>
    is('__Host- without Path=/') || is('__Host- without Secure') ? '__Host-refresh' : 'refresh_token'

  function cookie(value: string, maxAge: number): string {
    const isHost = cookieName() !== 'refresh_token'
    const path = is('the path is that of the refresh')
      ? '/auth/refresh_token'
      : is('the path is /') || is('__Host- without Secure')
        ? '/'
        : '/auth'
    const isOtherPath = maxAge === 0 && is('a logout clears another path')
    return [
      `${cookieName()}=${value}`,
      `Path=${isOtherPath ? '/' : path}`,
      ...(is('no HttpOnly') ? [] : ['HttpOnly']),
      ...(is('no SameSite') ? [] : [is('SameSite=None') ? 'SameSite=None; Secure' : 'SameSite=Strict']),
      ...(isHost && !is('__Host- without Secure') ? ['Secure'] : []),
      ...(is('no Max-Age') && maxAge > 0 ? [] : [`Max-Age=${maxAge}`]),
      ...(is('a Domain') ? ['Domain=127.0.0.1'] : []),
    ].join('; ')
  }

  function grant(refreshToken: string, isLogin: boolean): Reply {
    const token = is('a token with a space') ? 'a token' : accessToken()
    const lifetime = is('expires_in in milliseconds') ? LIFETIME * 1000 : LIFETIME
    const body = {
      [is('another token field') ? 'jwt' : 'access_token']: token,
      token_type: is('another token type') ? 'MAC' : 'Bearer',
      ...(!is('no expires_in') && { expires_in: lifetime }),
      ...((isLogin || !is('no user in a refresh')) && { user: { sub: 'ada' } }),
      ...(is('the refresh token in the body') && { refresh_token: refreshToken }),
      ...(is('the cookie in the body') && { session: refreshToken }),
    }
    const setsNone = is('no cookie at all') || (!isLogin && is('a refresh sets no cookie'))
    return { status: 200, body, cookies: setsNone ? [] : [cookie(refreshToken, 3600)] }
  }

  const failure = (status: number, error: string): Reply => ({ status, body: { error, message: error } })

  function login(text: string): Reply {
    let fields: Record<string, unknown> | null = null
    try {
      fields = JSON.parse(text)
    } catch {}
    if (typeof fields?.email !== 'string' || typeof fields.password !== 'string') {
      if (is('a malformed login is accepted')) return grant(ledger().open('ada'), true)
      const status = is('a malformed login is 500') ? 500 : 400
      return { status, body: { error: 'invalid_request', message: `cannot read ${text}` } }
    }
    if (fields.email !== ADA.email && is('an unknown user is told')) return failure(401, 'unknown_user')
    if (fields.email !== ADA.email || fields.password !== ADA.password) {
      const refused = failure(is('a wrong password is 403') ? 403 : 401, 'invalid_credentials')
      return is('a wrong password sets a cookie') ? { ...refused, cookies: [cookie('none', 60)] } : refused
    }
    if (is('too many logins') && ++logins > 3) return failure(429, 'too_many_requests')
    if (is('a login as HTML'))
      return { status: 200, body: '<html>Welcome</html>', cookies: [cookie(name(), 60)] }
    return grant(ledger().open('ada'), true)
  }

  const refused = (status: number, error: string): Reply => ({
    ...failure(status, error),
    ...(is('a refusal clears the cookie') && { cookies: [cookie('', 0)] }),
  })

  function refresh(presented: string | undefined, authorization: string | undefined): Reply {
    if (!presented) {
      if (is('no cookie is 200')) return { status: 200, body: {} }
      return refused(is('no cookie is 403') ? 403 : 401, 'missing_refresh_token')
    }
    if (is('a refresh needs a bearer') && !authorization) return refused(401, 'unauthorized')
    const owner = ledger().ownerOf(presented)
    if (owner && is('the same cookie again')) return grant(presented, false)
    const isFirst = owner !== null && !used.has(presented)
    if (owner && !isFirst && is('a used token is always good')) return grant(ledger().open(owner), false)
    const isReuse = superseded.has(presented) || time - (used.get(presented) ?? time) > grace * 1000
    if (owner && isReuse && is('a used token is refused, and no more')) return refused(401, 'reuse_detected')
    const next = ledger().exchange(presented)
    if (typeof next === 'string') {
      const isBroken = next === 'unknown' && presented === 'unknown' && is('an unknown cookie is 500')
      return refused(isBroken ? 500 : 401, next === 'reused' ? 'reuse_detected' : 'invalid_refresh_token')
    }
    if (isFirst) {
      used.set(presented, time)
      superseded.add(parents.get(presented) ?? '')
      parents.set(next.refreshToken, presented)
    }
    const isDead = !isFirst && is('a repeat gets a dead cookie')
    return grant(isDead ? name() : next.refreshToken, false)
  }
  function logout(presented: string | undefined): Reply {
    const owner = presented ? ledger().ownerOf(presented) : null
    if (presented && !owner && is('a dead logout is 401')) return failure(401, 'unknown')
    if (!presented && is('a logout without a cookie is 401')) return failure(401, 'unauthorized')
    const isOld = presented !== undefined && used.has(presented)
    if (presented && !is('a logout is for show') && !(isOld && is('only the newest cookie logs out'))) {
      ledger().close(presented)
    }
    const cookies = is('a logout clears nothing') ? [] : [cookie('', 0)]
    if (is('a logout is a redirect')) return { status: 302, headers: { Location: '/' }, cookies }
    return { status: 204, cookies }
  }

  function api(authorization: string | undefined): Reply {
    const challenge = (rest: string): Record<string, string> =>
      is('the API has no challenge') ? {} : { 'WWW-Authenticate': `Bearer realm="test"${rest}` }
    if (is('the API is closed')) return failure(404, 'not_found')
    if (!authorization) {
      if (is('the API redirects to a login page')) return { status: 302, headers: { Location: '/login' } }
      return { ...failure(401, 'unauthorized'), headers: challenge('') }
    }
    const token = authorization.replace('Bearer ', '')
    if (isGood(token)) return { status: 200, body: { sub: 'ada' } }
    if (is('a bad token is 403')) return failure(403, 'invalid_token')
    const rest = is('a bad token is not named') ? '' : ', error="invalid_token"'
    return { ...failure(401, 'invalid_token'), headers: challenge(rest) }
  }

  function isAllowed({ headers, url }: IncomingMessage): boolean {
    const { origin, host = '' } = headers
    if (is('no origin check')) return true
    if (is('no origin check at login') && url === '/auth/login') return true
    if (is('no origin check at logout') && url === '/auth/logout') return true
    if (origin === undefined) {
      return headers['sec-fetch-site'] === 'same-origin' || is('a missing origin is fine')
    }
    const own = [`http://${host}`, PAGE]
    if (own.includes(origin)) return true
    if (origin === 'null') return is('the origin null is fine')
    if (is('origins by prefix')) return own.some(one => origin.startsWith(one.replace(/:\d+$/, '')))
    return is('origins by suffix') && own.some(one => origin.endsWith(new URL(one).host))
  }

  const cors = (origin: string | undefined, status: number): Record<string, string> => {
    const isReadable = origin === PAGE || is('every origin may read')
    if (!origin || !isReadable || is('no CORS headers')) return {}
    if (status >= 400 && is('no CORS headers with an error')) return {}
    return {
      'Access-Control-Allow-Origin': origin,
      ...(!is('no CORS credentials') && { 'Access-Control-Allow-Credentials': 'true' }),
      ...(!is('nothing is exposed') && {
        'Access-Control-Expose-Headers': 'Date, WWW-Authenticate, Retry-After',
      }),
      ...(!is('no Vary') && { Vary: 'Origin' }),
    }
  }

  function preflight(origin: string | undefined): Reply {
    if (is('the preflight needs a session')) return failure(401, 'unauthorized')
    const other = is('the preflight allows another origin')
    return {
      status: 204,
      headers: {
        ...(!is('the preflight allows no header') && {
          'Access-Control-Allow-Headers': 'Authorization, Content-Type',
        }),
        ...(other && origin === PAGE && { 'Access-Control-Allow-Origin': 'https://other.example.com' }),
      },
    }
  }

  function answer(request: IncomingMessage, text: string): Reply {
    const { url = '', method, headers } = request
    if (method === 'OPTIONS') return preflight(headers.origin)
    if (url === '/user/whoami') return api(headers.authorization)
    const presented = new RegExp(`(?:^|; )${cookieName()}=([^;]+)`).exec(headers.cookie ?? '')?.[1]
    const isForeign = !isAllowed(request)
    if (isForeign && is('a foreign origin is refused too late') && url === '/auth/logout') logout(presented)
    if (isForeign) return failure(403, 'forbidden_origin')
    if (url === '/auth/login') return login(text)
    if (url === '/auth/refresh_token') return refresh(presented, headers.authorization)
    return url === '/auth/logout' ? logout(presented) : failure(404, 'not_found')
  }

  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { status, body, cookies = [], headers = {} } = answer(request, text)
    const isError = status >= 400
    const mayCache =
      is('answers may be cached') || (is('the API may be cached') && request.url === '/user/whoami')
    for (const [header, value] of Object.entries({ ...cors(request.headers.origin, status), ...headers })) {
      response.setHeader(header, value)
    }
    if (!mayCache) response.setHeader('Cache-Control', 'no-store')
    if (cookies.length > 0) response.setHeader('Set-Cookie', cookies)
    response.statusCode = status
    if (isError && is('errors are HTML')) response.end('<!doctype html><title>Error</title>')
    else if (isError && is('errors are text')) response.end(TEXTS[status] ?? 'Error')
    else response.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    credentials: { user: ADA.email, password: ADA.password },
    pass(by) {
      time += by * 1000
    },
    break(...what) {
      broken.clear()
      for (const one of what) broken.add(one)
      logins = 0
      firstIssued = null
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

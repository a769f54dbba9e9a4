import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ContractMode } from 'silent-refresh/testing/contract'
import { createApi } from './api.ts'
import { ADA, createAuth } from './auth.ts'
import type { Break, Is } from './breaks.ts'
import { createCookies } from './cookies.ts'
import { createOrigins } from './origins.ts'
import { failure, type Reply } from './reply.ts'
import { createRotation } from './rotation.ts'
import { createShown } from './shown.ts'
import { createTokens } from './tokens.ts'

export interface ContractServer {
  readonly url: string
  readonly credentials: { user: string; password: string }
  /** Seconds. */
  pass(seconds: number): void
  /** How many logins came since the last call of `break`. */
  logins(): number
  /** Wrong in these points from now on. */
  break(...what: Break[]): void
  close(): Promise<void>
}

const TEXTS: Record<number, string> = { 400: 'Bad login', 401: 'Go away', 403: 'No' }

/** A server that keeps the contract of a mode, on virtual time, and that can be broken in each of its points. */
export async function startContractServer(
  grace = 10,
  mode: ContractMode = 'bearer',
): Promise<ContractServer> {
  const broken = new Set<Break>()
  const is: Is = what => broken.has(what)
  let logins = 0
  let time = Date.parse('2031-05-01T12:00:00.250Z')
  const now = () => time
  const tokens = createTokens(now, is)
  const cookies = createCookies(is)
  const origins = createOrigins(mode, is)
  const shown = createShown({ mode, is, cookies, tokens })
  const rotation = createRotation(now, grace, is)
  const auth = createAuth({ mode, is, cookies, tokens, rotation, shown })
  const { api, me } = createApi({ mode, is, tokens, shown })

  function answer(request: IncomingMessage, text: string): Reply {
    const { url = '', method } = request
    if (method === 'OPTIONS') {
      return is('the preflight needs a session')
        ? failure(401, 'unauthorized')
        : { status: 204, headers: origins.preflight(request) }
    }
    if (url === '/auth/login') logins += 1
    const isForeign = !origins.isAllowed(request)
    const isChecked = method === 'POST' && is('the API checks the origin')
    const isApi = url === '/user/whoami' || url === '/api/items'
    if (isApi && !(isChecked && isForeign)) return api(request)
    if (url === '/auth/me' && mode === 'cookie') return me(request)
    const isLate = isForeign && is('a foreign origin is refused too late') && url === '/auth/logout'
    if (isLate) auth.logout(request, text)
    if (isForeign) return failure(403, 'forbidden_origin')
    if (url === '/auth/login') return auth.login(text)
    if (url === '/auth/refresh_token') return auth.refresh(request, text)
    return url === '/auth/logout' ? auth.logout(request, text) : failure(404, 'not_found')
  }

  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { status, body, cookies = [], headers = {} } = answer(request, text)
    const isError = status >= 400
    const mayCache =
      is('answers may be cached') || (is('the API may be cached') && request.url === '/user/whoami')
    for (const [header, value] of Object.entries({ ...origins.cors(request, status), ...headers })) {
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
    logins: () => logins,
    break(...what) {
      logins = 0
      broken.clear()
      for (const one of what) broken.add(one)
      auth.reset()
      tokens.reset()
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

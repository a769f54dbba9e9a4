import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What arrived since the last `reset`. */
export interface Counts {
  refreshes: number
  /** Refreshes with a token that had been used before: a thief, as far as the server can tell. */
  reuses: number
  apiCalls: number
  unauthorized: number
}

/** Its clock, so that time in the server is the time of its clients. */
export interface World {
  now(): number
  wait(ms: number): Promise<void>
}

/** Milliseconds that an answer takes. Those of the API are spread, as those of a real one are, and always alike. */
const REFRESH_TAKES = 50
const apiTakes = (nth: number) => 20 + ((nth * 37) % 100)

/**
 * An auth server and its API. Each refresh token is good for one use and there is no grace: a second use ends the whole
 * session. The refresh token travels in a cookie where the client came in by `/login`, in the body by `/token`.
 */
export interface AuthServer {
  readonly origin: string
  readonly counts: Counts
  /** Is the session of the last login still good? */
  readonly isAlive: boolean
  /** Requests whose answer waits for its time. */
  readonly held: number
  reset(): void
  /** Ends the access tokens that are out, as a new signing key does. */
  revokeTokens(): void
  endSession(): void
  /** Lets the 401s of `/items?hold` go. */
  release(): void
  close(): void
}

export async function startAuthServer(
  world: World,
  lifetime: number,
  pages: Record<string, string> = {},
): Promise<AuthServer> {
  const now = () => world.now()
  const spent = new Map<string, boolean>()
  const ends = new Map<string, number>()
  let waiting: (() => void)[] = []
  let held = 0
  let isAlive = false
  const counts: Counts = { refreshes: 0, reuses: 0, apiCalls: 0, unauthorized: 0 }

  function issue() {
    const issuedAt = Math.floor(now() / 1000)
    const claims = { iss: 'bench', sub: 'ada', iat: issuedAt, exp: issuedAt + lifetime, jti: randomUUID() }
    const token = `${encode({ alg: 'none' })}.${encode(claims)}.bench`
    const refreshToken = randomUUID()
    spent.set(refreshToken, false)
    ends.set(token, claims.exp * 1000)
    return { token, refreshToken }
  }

  function refresh(presented: string | undefined) {
    counts.refreshes++
    if (presented && spent.get(presented)) {
      counts.reuses++
      isAlive = false
    }
    if (!presented || !isAlive || !spent.has(presented)) return null
    spent.set(presented, true)
    return issue()
  }

  async function hold(moment: Promise<void>): Promise<void> {
    held++
    await moment
    held--
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url!, 'http://bench')
    const page = pages[pathname]
    if (page !== undefined) {
      const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html'
      return void response.writeHead(200, { 'Content-Type': type }).end(page)
    }
    const body = await read(request)
    const send = (status: number, value: unknown, cookie?: string) => {
      const headers = {
        'Content-Type': 'application/json',
        ...(cookie && { 'Set-Cookie': cookieOf(cookie) }),
      }
      response.writeHead(status, headers).end(JSON.stringify(value))
    }

    if (pathname === '/login' || pathname === '/refresh_token' || pathname === '/token') {
      const isLogin = pathname === '/login' || body.grant_type === 'password'
      if (isLogin) isAlive = true
      else await hold(world.wait(REFRESH_TAKES))
      const cookie = /refresh=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
      const issued = isLogin ? issue() : refresh(body.refresh_token ?? cookie)
      if (!issued) return send(400, { error: 'invalid_grant', code: 'invalid_grant' })
      const { token, refreshToken } = issued
      const set = { access_token: token, token_type: 'bearer', expires_in: lifetime, user: { id: 'ada' } }
      if (pathname === '/token') return send(200, { ...set, refresh_token: refreshToken })
      return send(200, set, refreshToken)
    }

    counts.apiCalls++
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
    const isGood = (ends.get(token) ?? 0) > now()
    if (!isGood) counts.unauthorized++
    if (!isGood && search === '?hold') await hold(new Promise(resolve => waiting.push(resolve)))
    else await hold(world.wait(apiTakes(counts.apiCalls)))
    if (isGood) send(200, [{ id: 1, title: 'one' }])
    else send(401, { error: 'invalid_token' })
  }

  const http = createServer((request, response) => void answer(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')

  return {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    counts,
    get isAlive() {
      return isAlive
    },
    get held() {
      return held
    },
    reset: () => void Object.assign(counts, { refreshes: 0, reuses: 0, apiCalls: 0, unauthorized: 0 }),
    revokeTokens: () => ends.clear(),
    endSession() {
      isAlive = false
      ends.clear()
    },
    release() {
      for (const go of waiting) go()
      waiting = []
    },
    close() {
      http.close()
      http.closeAllConnections()
    },
  }
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const cookieOf = (value: string) => `refresh=${value}; Path=/; HttpOnly; SameSite=Strict`

/** JSON or a form; Supabase names the grant in the query. */
async function read(request: IncomingMessage): Promise<Record<string, string>> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) text += part
  const query = Object.fromEntries(new URL(request.url!, 'http://bench').searchParams)
  if (request.headers['content-type']?.includes('form')) return Object.fromEntries(new URLSearchParams(text))
  return { ...query, ...(text ? JSON.parse(text) : {}) }
}

import { randomUUID } from 'node:crypto'
import { HttpResponse, http, type RequestHandler } from 'msw'
import { createLedger } from '../../src/testing/ledger.ts'
import * as kit from '../../src/testing/token.ts'

export type Handler = (request: Request) => Response | Promise<Response>

export interface Call {
  readonly method: string
  readonly path: string
  readonly at: number
  readonly headers: Headers
  readonly authorization: string | null
  readonly body: Uint8Array
  readonly text: string
  readonly credentials: RequestCredentials
}

export interface AuthServerOptions {
  /** Seconds. */
  lifetime?: number
  /** Where the refresh token travels; `sliding`: there is none, and the access token renews itself. */
  carrier?: 'cookie' | 'body' | 'sliding'
  /** Where the access token travels. */
  access?: 'header' | 'cookie'
  /** Milliseconds in which a rotated token gets the successor that nobody has used. */
  grace?: number
  opaque?: boolean
  expiresIn?: boolean
  /** Sends a `Date` that the client may read. */
  date?: boolean
  claims?: (claims: Record<string, unknown>) => Record<string, unknown>
}

export const ORIGIN = 'https://api.example.com'

/** A login with it is answered 202, and asks for a second factor. */
export const HALF_PASSWORD = 'half'
/** A login with it has its cookie in the jar while the rest of the answer is still on its way. */
export const CUT_PASSWORD = 'cut'
/** A login with it has its cookie in the jar, and the rest of the answer never arrives. */
export const LOST_PASSWORD = 'lost'

/** These claims and no others. */
export const makeToken = (claims: Record<string, unknown>): string =>
  kit.makeToken({ sub: undefined, iat: undefined, exp: undefined, ...claims })

/** An auth server and an API behind it, with rotation and reuse detection, on virtual time, as MSW handlers. */
export interface AuthServer {
  /** What the browser's cookie jar holds: the refresh token, and the access token where it is a cookie too. */
  jar: { cookie: string | null; access: string | null }
  calls: Call[]
  readonly reuses: number
  /** Requests that a handler keeps waiting on purpose. */
  readonly held: number
  handlers: RequestHandler[]
  /** What the handlers do, without MSW in between. */
  handle(request: Request): Promise<Response>
  json(body: unknown, status?: number, headers?: Record<string, string>): Response
  /** Answers the route (`POST /refresh_token`, or a path for every method) with this, so many times. */
  answer(route: string, handler: Handler, times?: number): void
  /** Back to its own answers. */
  mend(route?: string): void
  /** Keeps the route waiting until the returned function is called; it then answers as it would have. */
  hold(route: string, answerWith?: Handler): () => void
  /** The route does its work at once, and its answer waits until the returned function is called. */
  delay(route: string): () => void
  /** The route does its work, and its answer never arrives. */
  lose(route: string, times?: number): void
  count(path: string): number
  readonly refreshes: number
  /** Makes every access token issued so far worthless. */
  revokeAccess(): void
  revokeAll(): void
  /** Whose session the cookie in the jar still opens. */
  readonly holder: string | null
  /** A session that began elsewhere: its cookie is in the jar. */
  seed(user?: string): string
  issueAccess(user: string): { token: string; body: Record<string, unknown> }
}

export function createAuthServer(time: () => number, options: AuthServerOptions = {}): AuthServer {
  const settings = {
    lifetime: 3600,
    carrier: 'cookie',
    access: 'header',
    grace: 0,
    expiresIn: true,
    ...options,
  }
  // Virtual time stands still while a request is answered: what comes at one instant came together.
  const ledger = createLedger<string>(time, settings.grace, () => `refresh-${randomUUID()}`)
  const overrides = new Map<string, { handler: Handler; times: number }[]>()
  const calls: Call[] = []
  const jar: AuthServer['jar'] = { cookie: null, access: null }
  let held = 0

  function issueAccess(user: string): { token: string; body: Record<string, unknown> } {
    const iat = Math.floor(time() / 1000)
    const claims = { iss: ORIGIN, sub: user, iat, exp: iat + settings.lifetime, jti: randomUUID() }
    const token = settings.opaque ? `opaque-${randomUUID()}` : makeToken(settings.claims?.(claims) ?? claims)
    ledger.issue(token, user, time() + settings.lifetime * 1000)
    const body = { access_token: token, token_type: 'Bearer' }
    return { token, body: settings.expiresIn ? { ...body, expires_in: settings.lifetime } : body }
  }

  function answer(user: string, refreshToken: string): Response {
    const { token, body } = issueAccess(user)
    if (settings.access === 'cookie') {
      const { access_token: _, token_type: __, ...shown } = body
      const cookies = { 'x-set-cookie': refreshToken, 'x-set-access': token }
      if (Object.keys(shown).length) return json(shown, 200, cookies)
      return new HttpResponse(null, { status: 204, headers: { ...dateHeader(), ...cookies } })
    }
    if (settings.carrier === 'sliding') return json(body)
    if (settings.carrier === 'body') return json({ ...body, refresh_token: refreshToken })
    return json(body, 200, { 'x-set-cookie': refreshToken })
  }

  function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
    return HttpResponse.json(body as never, { status, headers: { ...dateHeader(), ...headers } })
  }
  const dateHeader = (): Record<string, string> =>
    settings.date ? { Date: new Date(time()).toUTCString() } : {}

  function presented(call: Call): string | null {
    if (settings.carrier === 'body') return call.text ? JSON.parse(call.text).refresh_token : null
    return call.headers.get('cookie')
  }

  function rotate(call: Call): Response {
    if (settings.carrier === 'sliding') {
      const user = authorized(call)
      return user ? json(issueAccess(user).body) : json({ error: 'expired' }, 401)
    }
    const grant = ledger.exchange(presented(call))
    if (grant === 'unknown') return json({ error: 'invalid_grant' }, 401)
    if (grant === 'reused') return json({ error: 'reuse_detected' }, 401)
    return answer(grant.owner, grant.refreshToken)
  }

  const routes: Record<string, (call: Call) => Response | Promise<Response>> = {
    'POST /login'(call) {
      const { email, password } = JSON.parse(call.text)
      if (password === HALF_PASSWORD) return json({ two_factor: true }, 202)
      const isCut = password === CUT_PASSWORD || password === LOST_PASSWORD
      if (password !== 'right' && !isCut)
        return json({ error: 'invalid_credentials', hint: 'caps lock?' }, 401)
      const response = answer(email, ledger.open(email))
      if (isCut) {
        jar.cookie = response.headers.get('x-set-cookie') ?? jar.cookie
        response.headers.delete('x-set-cookie')
      }
      return password === LOST_PASSWORD ? Response.error() : response
    },
    'POST /refresh_token': rotate,
    'POST /logout'(call) {
      ledger.close(presented(call))
      ledger.revoke(accessOf(call))
      return new HttpResponse(null, { status: 204, headers: { 'x-set-cookie': '', 'x-set-access': '' } })
    },
    'GET /user/whoami': whoami,
    'GET /me': whoami,
  }

  function whoami(call: Call): Response {
    const user = authorized(call)
    return user ? json({ name: user }) : json({ error: 'unauthorized' }, 401)
  }

  const accessOf = (call: Call): string | null =>
    settings.access === 'cookie'
      ? call.headers.get('x-access-cookie')
      : (call.authorization?.replace(/^\S+ /, '') ?? null)

  const authorized = (call: Call): string | null => ledger.holder(accessOf(call))

  /** The server's own answer. */
  function own(call: Call): Response | Promise<Response> {
    const route = routes[`${call.method} ${call.path}`]
    return route ? route(call) : json({ user: authorized(call) }, authorized(call) ? 200 : 401)
  }

  function createGate() {
    let open!: () => void
    const opened = new Promise<void>(resolve => {
      open = resolve
    })
    /** A request that the client gives up is no longer held, but still not answered. */
    async function wait({ signal }: Request): Promise<void> {
      const aborted = new Promise<void>(resolve => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      held++
      await Promise.race([opened, aborted])
      held--
      await opened
    }
    return { open, wait }
  }

  async function handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const body = new Uint8Array(await request.arrayBuffer())
    const call: Call = {
      method: request.method,
      path: pathname,
      at: time(),
      headers: request.headers,
      authorization: request.headers.get('authorization'),
      body,
      text: new TextDecoder().decode(body),
      credentials: request.credentials,
    }
    calls.push(call)
    const route = `${request.method} ${pathname}`
    const [override] = overrides.get(route) ?? overrides.get(pathname) ?? []
    if (override) {
      if (--override.times <= 0) (overrides.get(route) ?? overrides.get(pathname))!.shift()
      return override.handler(request)
    }
    if (routes[route]) return routes[route](call)
    const user = authorized(call)
    if (!user) {
      return json({ error: 'unauthorized' }, 401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
    }
    return json({ user, method: call.method, text: call.text })
  }

  const server: AuthServer = {
    jar,
    calls,
    get reuses() {
      return ledger.reuses
    },
    get held() {
      return held
    },
    handlers: [http.all('*', ({ request }) => handle(request))] as RequestHandler[],
    handle,
    json,
    answer(route: string, handler: Handler, times = Number.POSITIVE_INFINITY) {
      const list = overrides.get(route) ?? []
      overrides.set(route, [...list, { handler, times }])
    },
    mend(route?: string) {
      if (route) overrides.delete(route)
      else overrides.clear()
    },
    hold(route: string, answerWith?: Handler) {
      const gate = createGate()
      const answer = async (request: Request, call: Call) => {
        await gate.wait(request)
        return answerWith ? answerWith(request) : own(call)
      }
      server.answer(route, request => answer(request, calls.at(-1) as Call), 1)
      return gate.open
    },
    delay(route: string) {
      const gate = createGate()
      const answer = async (request: Request, response: Response | Promise<Response>) => {
        await gate.wait(request)
        return response
      }
      server.answer(route, request => answer(request, own(calls.at(-1) as Call)), 1)
      return gate.open
    },
    lose(route: string, times = 1) {
      const answer = async (response: Response | Promise<Response>) => {
        await response
        return Response.error()
      }
      server.answer(route, () => answer(own(calls.at(-1) as Call)), times)
    },
    count: (path: string) => calls.filter(call => call.path === path).length,
    get refreshes() {
      return server.count('/refresh_token')
    },
    revokeAccess: ledger.revokeAccess,
    revokeAll: ledger.revokeAll,
    get holder() {
      return ledger.ownerOf(jar.cookie)
    },
    seed(user = 'ada') {
      jar.cookie = ledger.open(user)
      return jar.cookie
    },
    issueAccess,
  }
  return server
}

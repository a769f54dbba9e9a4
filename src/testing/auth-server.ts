import { invalid } from '../kernel/errors.ts'
import type { JwtClaims, TokenSet } from '../types.ts'
import {
  type FakeAuthServerOptions,
  type FakeUser,
  readSettings,
  type SavedAuthServer,
} from './auth-server-options.ts'
import type { Fault } from './faults.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createReception, pathKey, type Received } from './reception.ts'
import { type Jar, type Saved, save } from './saved.ts'
import { makeToken } from './token.ts'
import { carries, isResponse, json, readCookie } from './wire.ts'

/** The client's calls, by the names of its options. */
export type EndpointName = 'login' | 'refresh' | 'logout' | 'user'

/** An endpoint by its name, or any other route as `'GET /items'`; `'/items'` is every method of it. */
export type Route = EndpointName | (string & {})

/** What the server received; CORS preflights are not counted. */
export interface ReceivedCall extends Received<EndpointName> {}

/** The user of the bearer. */
export interface Caller {
  readonly claims: JwtClaims
  readonly user: unknown
}

/** An auth server and its API, in this process: sessions, rotation and reuse detection are real. */
export interface AuthServer {
  readonly baseUrl: string
  /** Everything received, in its order. */
  readonly calls: readonly ReceivedCall[]
  /** How many calls came to this route. */
  count(route: Route): number
  /** Every bearer token that came along, each once, in the order of its first use. */
  readonly bearers: readonly string[]
  /** How often a used refresh token came again, outside the grace. */
  readonly reuses: number
  /**
   * The refresh token in the browser's cookie jar, which the server keeps itself: no script of a page sees it, and MSW
   * has none in Node. It goes along with every call but those with `credentials: 'omit'`.
   */
  readonly refreshCookie: string | null
  /**
   * Begins a session elsewhere, as before this page was loaded: the next restore finds it. Returns its tokens, for
   * `setTokens`.
   * @param user @default the first of `users`
   */
  signIn(user?: FakeUser): TokenSet
  /**
   * The next call to this route fails so, or the next few; `Infinity`: until `mend`. Faults of one route wait in line.
   * @throws AuthError `invalid_option`
   */
  fail(route: Route, fault: Fault, times?: number): void
  /** The next call to this route waits until the returned function is called; the server then does its work. */
  hold(route: Route): () => void
  /** Forgets the faults of this route, or all. Requests that were held go on. */
  mend(route?: Route): void
  /**
   * The nonce that DPoP proofs must have (RFC 9449 §8). `null`: none is asked for. A login with a proof binds the session,
   * and its tokens, to the key of the proof.
   */
  nonce: string | null
  /** Every access token so far is worthless from now on; sessions go on. */
  revokeAccess(): void
  /** Every session has ended on the server, and nobody has been told. */
  revokeAll(): void
  /** As after its creation: no session, no calls, no faults. A call that is held finds no server when it goes on. */
  reset(): void
  /**
   * What the server knows now, for the option `saved` of another one: in a worker that the browser stops and starts again, or
   * with other options.
   */
  save(): SavedAuthServer
  /** The server as a `fetch`, without MSW: for the client's option `fetch`. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /**
   * Wraps what answers a request: 401 without a good bearer, and the caller's `claims` and `user` for it with one. What
   * came is in `calls`, and `fail` spoils it, as with the routes of `api`.
   */
  protect<Info extends { request: Request }>(
    resolver: (info: Info & Caller) => Response | undefined | Promise<Response | undefined>,
  ): (info: Info) => Promise<Response | undefined>
  /** Answers a request that is for this server; `undefined`: it is not. */
  handle(request: Request): Promise<Response | undefined>
}

// Long on purpose: one server, whose answers share its users, its tokens and its cookies.
/** @throws AuthError `invalid_option`, naming the option */
export function createAuthServer(options: FakeAuthServerOptions = {}): AuthServer {
  const settings = readSettings(options)
  const { baseUrl, users, mode, expiresIn, grace, now } = settings
  const inBody = settings.refreshToken === 'body' && mode !== 'cookie'
  const pathOf = (route: string) => new URL(route, baseUrl).pathname
  const endpoints = new Map<string, EndpointName>()
  for (const [name, path] of Object.entries(settings.endpoints)) {
    if (path !== undefined) {
      endpoints.set(`${name === 'user' ? 'GET' : 'POST'} ${pathOf(path)}`, name as EndpointName)
    }
  }
  const api = new Map(Object.entries(settings.api).map(([route, answer]) => [keyOf(route), answer]))
  let serial = 0
  let ledger: Ledger<Caller>
  const jar: Jar = { refresh: null, access: null }
  /** The keys that sessions and access tokens are bound to (RFC 9449 §5, §6). */
  let bound = new Map<Caller | string, string>()
  /** What an answer sets when it arrives. */
  const arriving = new WeakMap<Response, Jar>()

  function reset(saved?: Saved<Caller>): void {
    ledger = createLedger<Caller>(now, grace, () => `refresh-${++serial}`, saved?.book)
    bound = saved?.bound ?? new Map()
    serial = saved?.serial ?? serial
    Object.assign(jar, saved?.jar ?? { refresh: null, access: null })
  }
  reset(settings.saved ? structuredClone(settings.saved as Saved<Caller>) : undefined)

  /** `METHOD /path`; an endpoint by its name, a path without a method as it is. */
  function keyOf(route: Route): string {
    for (const [key, name] of endpoints) if (name === route) return key
    return pathKey(route, baseUrl)
  }

  const ownerOf = ({ credentials = {}, claims, user }: FakeUser): Caller => ({
    claims: {
      sub: Object.values(credentials).find(value => typeof value === 'string'),
      ...claims,
    } as JwtClaims,
    user,
  })

  /** The tokens of a session: what script may see of them, and what the browser keeps. */
  function issue(owner: Caller, refreshToken: string): { set: TokenSet; cookies: Jar } {
    const jkt = bound.get(owner)
    const claims = {
      iss: new URL(baseUrl).origin,
      jti: `access-${++serial}`,
      ...owner.claims,
      ...(jkt && { cnf: { jkt } }),
    }
    const accessToken = makeToken(claims as JwtClaims, { expiresIn, now: now() })
    if (jkt) bound.set(accessToken, jkt)
    ledger.issue(accessToken, owner, now() + expiresIn * 1000)
    const user = settings.endpoints.user === undefined ? owner.user : undefined
    return {
      set: {
        accessToken: mode === 'cookie' ? '' : accessToken,
        ...(inBody && { refreshToken }),
        expiresIn,
        ...(user !== undefined && { user }),
      },
      cookies: {
        refresh: inBody ? null : refreshToken,
        access: mode === 'cookie' ? accessToken : null,
      },
    }
  }

  function tokens(owner: Caller, token: string): Response {
    const { set, cookies } = issue(owner, token)
    const { accessToken, refreshToken, user } = set
    const type = bound.has(owner) ? 'DPoP' : 'Bearer'
    const bearer = accessToken && { access_token: accessToken, token_type: type }
    const body = { ...(bearer || {}), expires_in: expiresIn, refresh_token: refreshToken, user }
    return withCookies(json(body), cookies)
  }

  function withCookies(response: Response, cookies: Jar): Response {
    arriving.set(response, cookies)
    return response
  }

  function callerOf(call: ReceivedCall): Caller | null {
    const kept = mode === 'cookie' ? (readCookie(call.headers, 'access_token') ?? jar.access) : call.bearer
    const isShown = !kept || !bound.has(kept) || bound.get(kept) === call.jkt
    return isShown ? ledger.holder(kept) : null
  }

  const unauthorized = (): Response =>
    json({ error: 'invalid_token' }, 401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })

  const answers: Record<EndpointName, (call: ReceivedCall) => Response> = {
    login({ body, jkt }) {
      const user = users.find(({ credentials }) => credentials && carries(body, credentials))
      if (!user) return json({ error: 'invalid_credentials' }, 401)
      const owner = ownerOf(user)
      if (jkt) bound.set(owner, jkt)
      return tokens(owner, ledger.open(owner))
    },
    refresh({ refreshToken, jkt }) {
      const result = ledger.exchange(refreshToken)
      if (typeof result === 'object' && (bound.get(result.owner) ?? jkt) === jkt) {
        // A session that has begun without a key is bound to the first one that asks.
        if (jkt) bound.set(result.owner, jkt)
        return tokens(result.owner, result.refreshToken)
      }
      return json({ error: 'invalid_grant' }, 401)
    },
    logout(call) {
      ledger.close(call.refreshToken)
      ledger.revoke(call.bearer ?? jar.access)
      return withCookies(new Response(null, { status: 204 }), { refresh: null, access: null })
    },
    user(call) {
      const caller = callerOf(call)
      return caller ? json(caller.user ?? { sub: caller.claims.sub }) : unauthorized()
    },
  }

  /** What the server does with it when nothing is wrong; `null`: no route of this server. */
  function find(request: Request, call: ReceivedCall): (() => unknown) | null {
    if (call.endpoint) return () => answers[call.endpoint as EndpointName](call)
    const key = [`${call.method} ${call.path}`, call.path].find(one => api.has(one))
    if (key === undefined) return null
    const answer = api.get(key)
    return async () => {
      const caller = callerOf(call)
      if (!caller) return unauthorized()
      if (typeof answer === 'function') return answer({ request, ...caller })
      return isResponse(answer) ? answer.clone() : answer
    }
  }

  /** An endpoint may lie outside of the folder, at the origin's root. */
  function isKnown({ origin, pathname }: URL): boolean {
    const paths = [...endpoints.keys(), ...api.keys()].map(key => key.slice(key.indexOf('/')))
    return origin === new URL(baseUrl).origin && paths.includes(pathname)
  }

  const reception = createReception<EndpointName>({
    baseUrl,
    now,
    isFor: url => url.href.startsWith(baseUrl) || isKnown(url),
    keyOf,
    endpointOf: (method, { pathname }) => endpoints.get(`${method} ${pathname}`) ?? null,
    refreshTokenOf({ credentials, headers }, body) {
      const kept = credentials === 'omit' ? null : jar.refresh
      return (inBody ? body?.refresh_token : (readCookie(headers, 'refresh_token') ?? kept)) ?? null
    },
    find,
    // As with a browser: an answer that does not arrive sets no cookie.
    arrived: response => void Object.assign(jar, arriving.get(response)),
  })
  const { calls, count, fail, hold, mend, handle, fetch } = reception

  return {
    baseUrl,
    calls,
    count,
    get bearers() {
      return reception.bearers
    },
    get reuses() {
      return ledger.reuses
    },
    get refreshCookie() {
      return jar.refresh
    },
    signIn(user = users[0] ?? {}) {
      if (typeof user !== 'object' || user === null) throw invalid('user', 'an object')
      const owner = ownerOf(user)
      const { set, cookies } = issue(owner, ledger.open(owner))
      Object.assign(jar, cookies)
      return set
    },
    fail,
    hold,
    mend,
    revokeAccess: () => ledger.revokeAccess(),
    revokeAll: () => ledger.revokeAll(),
    get nonce() {
      return reception.nonce
    },
    set nonce(nonce) {
      reception.nonce = nonce
    },
    reset() {
      reception.reset()
      reset()
    },
    save: () => save({ serial, book: ledger.book, jar, bound }, now()),
    handle,
    fetch,
    protect: resolver => async info => {
      const call = await reception.receive(info.request)
      return reception.serve(info.request, call, () => {
        const caller = callerOf(call)
        return caller ? resolver({ ...info, ...caller }) : unauthorized()
      })
    },
  }
}

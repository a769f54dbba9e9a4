import { AuthError, invalid } from '../../kernel/errors.ts'
import type { JwtClaims } from '../../types.ts'
import type { Fault } from '../faults.ts'
import { createReception, pathKey, type Received } from '../reception.ts'
import { isResponse, json } from '../wire.ts'
import { createGrants, type Form, refusal, scopesOf } from './grants.ts'
import { type AuthorizationEndpoint, endpointsOf, metadataOf } from './metadata.ts'
import {
  clientOf,
  type Decision,
  type FakeAuthorizationServerOptions,
  readAuthorizationSettings,
} from './options.ts'
import { createPages } from './pages.ts'
import { createRequests } from './requests.ts'
import { createTampering, type Tampered } from './tampering.ts'
import { createTokens } from './tokens.ts'

/** An endpoint by its name, or any other route as `'GET /items'`; `'/items'` is every method of it. */
export type AuthorizationRoute = AuthorizationEndpoint | (string & {})

/** The user of the bearer. */
export interface Bearer {
  /** Of the access token. */
  readonly claims: JwtClaims
  /** The claims of the account, as the userinfo endpoint returns them. */
  readonly user: JwtClaims
}

/**
 * An OAuth 2 and OpenID Connect server, and an API, in this process: PKCE, codes, rotation and reuse detection are real.
 * Id tokens are signed by no key, and the pages of the server by nobody: a test says who types what.
 */
export interface AuthorizationServer {
  readonly issuer: string
  /** Everything received, in its order. */
  readonly calls: readonly Received<AuthorizationEndpoint>[]
  /** How many calls came to this route. */
  count(route: AuthorizationRoute): number
  /** Every bearer token that came along, each once, in the order of its first use. */
  readonly bearers: readonly string[]
  /** How often a used refresh token came again, outside the grace. */
  readonly reuses: number
  /** Who is signed in at the server: the claims of the account. `null`: nobody. */
  readonly user: JwtClaims | null
  /**
   * The browser goes to this address of the authorization endpoint. Settles with the address that it is sent back to:
   * the redirect URI with `code`, `state` and `iss`, or with `error`.
   * @param decision what the user does there. @default that of `next`, if there is one
   * @throws AuthError if the browser does not come back to the app. `login_rejected`: the server shows an error.
   * `login_unavailable`: the network fails. `invalid_option`: nobody types at the login form
   */
  authorize(url: string | URL, decision?: Decision): Promise<URL>
  /**
   * The browser goes to this address of the end session endpoint. The session at the server is over; settles with the
   * address that the browser is sent back to, or stays at. Tokens live on, as with most servers.
   * @throws AuthError `login_rejected` where the server shows an error
   */
  endSession(url: string | URL): Promise<URL>
  /** What the user does on the next page of the server that asks. Several wait in line. */
  next(decision: Decision): void
  /**
   * Spoils the next answer: the parameters that the browser comes back with, the JSON of an endpoint, or the claims of a
   * token. Several of one name wait in line.
   * @throws AuthError `invalid_option`
   * @example
   * server.tamper('idToken', claims => ({ ...claims, nonce: 'another' }))
   */
  tamper<Name extends keyof Tampered>(
    name: Name,
    change: (value: Tampered[Name]) => Record<string, unknown>,
  ): void
  /**
   * The next call to this route fails so, or the next few; `Infinity`: until `mend`. Faults of one route wait in line.
   * @throws AuthError `invalid_option`
   */
  fail(route: AuthorizationRoute, fault: Fault, times?: number): void
  /** The next call to this route waits until the returned function is called; the server then does its work. */
  hold(route: AuthorizationRoute): () => void
  /** Forgets the faults of this route, or all. Requests that were held go on. */
  mend(route?: AuthorizationRoute): void
  /**
   * The nonce that DPoP proofs must have (RFC 9449 §8). `null`: none is asked for. Tokens that were asked for with a proof
   * are bound to its key.
   */
  nonce: string | null
  /** Every access token so far is worthless from now on; refresh tokens go on. */
  revokeAccess(): void
  /** All that was granted has ended, and nobody has been told. Who is signed in at the server stays so. */
  revokeAll(): void
  /** As after its creation: no tokens, no calls, no faults, and `user` of the options at the server. */
  reset(): void
  /** The server as a `fetch`, without MSW: for the client's option `fetch`. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** Answers a request that is for this server; `undefined`: it is not. */
  handle(request: Request): Promise<Response | undefined>
}

type Call = Received<AuthorizationEndpoint>

const METHODS: Record<AuthorizationEndpoint, readonly string[]> = {
  discovery: ['GET'],
  authorize: ['GET', 'POST'],
  token: ['POST'],
  revoke: ['POST'],
  userinfo: ['GET', 'POST'],
  endSession: ['GET', 'POST'],
  par: ['POST'],
  jwks: ['GET'],
}

const unauthorized = (): Response =>
  json({ error: 'invalid_token' }, 401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })

/** @throws AuthError `invalid_option`, naming the option */
export function createAuthorizationServer(options: FakeAuthorizationServerOptions = {}): AuthorizationServer {
  const settings = readAuthorizationSettings(options)
  const { issuer, baseUrl } = settings
  const endpoints = endpointsOf(settings)
  const api = new Map(
    Object.entries(settings.api).map(([route, answer]) => [pathKey(route, baseUrl), answer]),
  )
  const paths = new Set([...api.keys()].map(key => key.slice(key.indexOf('/'))))
  const tampering = createTampering()
  let serial = 0
  const name = (kind: string) => `${kind}-${++serial}`
  const begin = () => {
    const tokens = createTokens(settings, tampering, name)
    const grants = createGrants(settings, tokens, tampering, name)
    const requests = createRequests(settings, tampering, name)
    return { tokens, grants, requests, pages: createPages(settings, { requests, tokens, grants, tampering }) }
  }
  let now = begin()

  const placeOf = ({ origin, pathname }: URL) => endpoints.get(origin + pathname)
  const isApi = ({ origin, pathname }: URL) => origin === new URL(baseUrl).origin && paths.has(pathname)

  /** The form of a client that is known, or what it is answered. */
  function formOf({ headers, body }: Call): Form | Response {
    if (!headers.get('Content-Type')?.startsWith('application/x-www-form-urlencoded'))
      return refusal('invalid_request', 'The body is a form.')
    const form = body ?? {}
    if (!clientOf(settings, form.client_id))
      return refusal('invalid_client', 'The client_id is not known.', 401)
    return form
  }

  const answers: Record<AuthorizationEndpoint, (call: Call) => Response | Promise<Response>> = {
    discovery: () => json(tampering.apply('discovery', metadataOf(settings))),
    authorize: call => now.pages.authorize(call),
    token(call) {
      const form = formOf(call)
      return isResponse(form) ? form : now.grants.answer(form, call.jkt)
    },
    revoke(call) {
      const form = formOf(call)
      if (isResponse(form)) return form
      now.grants.revoke(form.token)
      return new Response(null, { status: 200 })
    },
    userinfo(call) {
      const held = now.tokens.holder(call)
      if (!held) return unauthorized()
      const { grant } = held
      if (!scopesOf(grant.scope).includes('openid')) return refusal('insufficient_scope', 'openid', 403)
      return json(tampering.apply('userinfo', { ...grant.account.claims }))
    },
    endSession: call => now.pages.endSession(call),
    par(call) {
      const form = formOf(call)
      return isResponse(form) ? form : now.requests.push(call)
    },
    jwks: () => json({ keys: [] }),
  }

  const reception = createReception<AuthorizationEndpoint>({
    baseUrl,
    now: settings.now,
    isFor: url => placeOf(url) !== undefined || isApi(url),
    endpointOf: (_, url) => placeOf(url) ?? null,
    keyOf: route => (Object.hasOwn(METHODS, route) ? route : pathKey(route, baseUrl)),
    refreshTokenOf: (_, body) => body?.refresh_token ?? null,
    find(request, call) {
      const { endpoint, method, path } = call
      if (endpoint) return METHODS[endpoint].includes(method) ? () => answers[endpoint](call) : null
      const key = [`${method} ${path}`, path].find(one => api.has(one))
      if (key === undefined) return null
      const answer = api.get(key)
      return async () => {
        const held = now.tokens.holder(call)
        if (!held) return unauthorized()
        const caller: Bearer = { claims: held.claims, user: held.grant.account.claims }
        if (typeof answer === 'function') return answer({ request, ...caller })
        return isResponse(answer) ? answer.clone() : answer
      }
    },
  })

  /** The browser goes to a page of the server, and on. */
  async function visit(
    endpoint: 'authorize' | 'endSession',
    url: string | URL,
    answer: (call: Call) => Response,
  ): Promise<URL> {
    if (!URL.canParse(url) || placeOf(new URL(url)) !== endpoint)
      throw invalid('url', `an address of the ${endpoint} endpoint of ${issuer}`)
    const request = new Request(url)
    const call = await reception.receive(request)
    const response = await reception.serve(request, call, () => answer(call))
    const location = response?.headers.get('Location')
    if (location) return new URL(location, url)
    // Nobody has said where to go after the logout: the browser stays on a page of the server.
    if (endpoint === 'endSession' && response?.ok) return new URL(url)
    const status = response?.status || undefined
    if (!response || !status) throw new AuthError('login_unavailable', 'The server cannot be reached.')
    const body = await response.json().catch(() => undefined)
    const code = status < 500 ? 'login_rejected' : 'login_unavailable'
    throw new AuthError(code, `The server shows an error page: ${body?.error_description ?? status}`, {
      status,
      body,
    })
  }

  return {
    issuer,
    get calls() {
      return reception.calls
    },
    get bearers() {
      return reception.bearers
    },
    get reuses() {
      return now.grants.reuses
    },
    get user() {
      return now.pages.account?.claims ?? null
    },
    get nonce() {
      return reception.nonce
    },
    set nonce(nonce) {
      reception.nonce = nonce
    },
    authorize: (url, decision) => visit('authorize', url, call => now.pages.authorize(call, decision)),
    endSession: url => visit('endSession', url, call => now.pages.endSession(call)),
    next: decision => now.pages.next(decision),
    tamper: (what, change) => tampering.add(what, change),
    count: route => reception.count(route),
    fail: (route, fault, times) => reception.fail(route, fault, times),
    hold: route => reception.hold(route),
    mend: route => reception.mend(route),
    revokeAccess: () => now.tokens.revokeAccess(),
    revokeAll: () => now.grants.revokeAll(),
    reset() {
      reception.reset()
      tampering.reset()
      now = begin()
    },
    fetch: reception.fetch,
    handle: reception.handle,
  }
}

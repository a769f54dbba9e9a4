import type { EndpointRequest, HeldTokens, Operation } from '../types.ts'
import type { AuthRequest } from './auth-wire.ts'
import { isBody, toJson } from './body.ts'
import { callback } from './callback.ts'
import type { Environment } from './environment.ts'
import { invalid } from './errors.ts'
import { bare, NOTHING, pick } from './own.ts'
import type { CookiesPart, CsrfPart, FlowPart, StoragePart } from './parts.ts'
import { toUrl } from './resolve-url.ts'
import type { Settings } from './settings.ts'
import { noRedirect, supported } from './supported.ts'

/** What the app has given to the call. */
export interface Input {
  readonly credentials?: unknown
  readonly input?: unknown
}

/** Makes the request of a call; `null` where there is nothing to send. */
export type Prepare = (
  name: Operation,
  tokens: HeldTokens | null,
  signal: AbortSignal,
  given: Input,
) => Promise<AuthRequest | null>

export interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly csrf: CsrfPart | undefined
  readonly cookies: CookiesPart | undefined
  readonly storage: StoragePart | undefined
  readonly flow: FlowPart | undefined
}

export function createPrepare(kernel: Needs): Prepare {
  const { settings, environment } = kernel
  const { endpoints, sliding } = settings

  /** The request to an endpoint that the app gave as a URL. */
  function standard(
    name: Operation,
    url: URL,
    tokens: HeldTokens | null,
    credentials: unknown,
  ): EndpointRequest | null {
    if (name === 'login') return isBody(credentials) ? { url, body: credentials } : { url, json: credentials }
    const { accessToken, refreshToken, expiresAt } = tokens ?? NOTHING
    // With a storage, a refresh token that is not stored does not exist: there is nothing to refresh with.
    // `endpoints.restore` is called all the same: it may use a cookie.
    if (name === 'refresh' && (sliding ? !accessToken : kernel.storage && !refreshToken)) return null
    const request: EndpointRequest = { url }
    if (name !== 'user' && refreshToken) request.json = { refresh_token: refreshToken }
    const showsBearer = name === 'user' || name === 'logout' || sliding
    const isOver = expiresAt !== undefined && expiresAt <= environment.now()
    if (showsBearer && accessToken && !isOver && settings.allowedOrigins.has(url.origin)) {
      request.headers = { Authorization: `${settings.scheme} ${accessToken}` }
    }
    return request
  }

  function toInit(request: EndpointRequest, name: Operation, signal: AbortSignal): AuthRequest {
    const option = `endpoints.${name}`
    const { url, json, form, headers: own, key, read, otherwise } = pick(request, ...OURS)
    if (url == null) throw invalid(option, 'a function whose request has a "url"')
    const target = toUrl(option, url, environment.baseURI(), environment.page)
    // A member that is `undefined` takes its default.
    const given: RequestInit = Object.fromEntries(
      Object.entries(request).filter(
        ([member, value]) => !(OURS as readonly string[]).includes(member) && value !== undefined,
      ),
    )
    const headers = new Headers(own)
    const asJson = (header: string) => headers.has(header) || headers.set(header, 'application/json')
    // Without this header some frameworks answer with a redirect to their login page.
    asJson('Accept')
    if (form) given.body = new URLSearchParams(form)
    if (json !== undefined) {
      given.body = toJson(typeof endpoints[name] === 'function' ? option : 'credentials', json)
      asJson('Content-Type')
    }
    const init: AuthRequest['init'] = bare({
      method: name === 'user' ? 'GET' : 'POST',
      ...supported({ cache: 'no-store' }),
      // A redirect after a logout is not followed: the server has ended the session by then.
      ...(name === 'logout' ? { redirect: 'manual' } : noRedirect()),
      credentials: target.origin === environment.page?.origin ? 'same-origin' : 'include',
      // If the server rotates the refresh token, its new cookie must arrive even if the user navigates away meanwhile.
      keepalive: name !== 'login' && name !== 'user',
      signal,
      ...given,
      headers,
    })
    kernel.csrf?.guard(headers, init.method, target.href)
    const next = otherwise && (() => made(name, signal, otherwise))
    return { url: target.href, init, key, read, otherwise: next }
  }

  const made = (
    name: Operation,
    signal: AbortSignal,
    make: () => EndpointRequest | null | Promise<EndpointRequest | null>,
  ): Promise<AuthRequest | null> =>
    callback(settings.log, `endpoints.${name}`, async () => {
      const request = await make()
      return request === null ? null : toInit(request, name, signal)
    })

  return async (name, tokens, signal, { credentials, input }) => {
    const endpoint = endpoints[name]
    if (!endpoint) return null
    const { flow } = kernel
    return made(name, signal, () =>
      typeof endpoint === 'function'
        ? endpoint({ tokens: kernel.cookies ? null : tokens, credentials, input, signal, flow })
        : standard(name, toUrl('baseUrl', endpoint), tokens, credentials),
    )
  }
}

/** The members of an `EndpointRequest` that `fetch` is not given as they are. */
const OURS = ['url', 'json', 'form', 'headers', 'key', 'read', 'otherwise'] as const

import type { EndpointRequest, HeldTokens, Operation, ProofKey, ReadTokens } from '../types.ts'
import { isBody, toJson } from './body.ts'
import { callback } from './callback.ts'
import type { Environment } from './environment.ts'
import { invalid } from './errors.ts'
import { bare, NOTHING, pick } from './own.ts'
import type { CookiesPart, CsrfPart, StoragePart } from './parts.ts'
import { isRelative, toUrl } from './resolve-url.ts'
import type { Settings } from './settings.ts'
import { noRedirect, supported } from './supported.ts'

/** `fetch`'s own arguments for a call. */
export interface AuthRequest {
  readonly url: string
  readonly init: RequestInit & { readonly method: string; readonly headers: Headers }
  /** Signs it. */
  readonly key?: ProofKey | undefined
  /** Reads its answer in place of `readTokens`. */
  readonly read?: ReadTokens | undefined
}

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
}

export function createPrepare(kernel: Needs): Prepare {
  const { settings, environment } = kernel
  const { endpoints, sliding } = settings

  /** What goes to an endpoint that is a URL. */
  function standard(
    name: Operation,
    url: string,
    tokens: HeldTokens | null,
    credentials: unknown,
  ): EndpointRequest | null {
    if (!settings.baseUrl && isRelative(url)) {
      throw invalid('baseUrl', 'an absolute URL where there is no page')
    }
    const { accessToken, refreshToken, expiresAt, key } = tokens ?? NOTHING
    // What is not in the storage is nowhere: the server could only say no. A restore endpoint may know by a cookie.
    if (name === 'refresh' && (sliding ? !accessToken : kernel.storage && !refreshToken)) return null
    const request: EndpointRequest = { url }
    if (name === 'login' && isBody(credentials)) request.body = credentials
    else if (name === 'login') request.json = credentials
    else if (name !== 'user' && refreshToken) request.json = { refresh_token: refreshToken }
    const showsBearer = name === 'user' || name === 'logout' || (name !== 'login' && sliding)
    const isOver = expiresAt !== undefined && expiresAt <= environment.now()
    if (showsBearer && accessToken && !isOver && settings.allowedOrigins.has(new URL(url).origin)) {
      request.headers = { Authorization: `${settings.scheme} ${accessToken}` }
      request.key = key
    }
    return request
  }

  function toInit(request: EndpointRequest, name: Operation, signal: AbortSignal): AuthRequest {
    const option = `endpoints.${name}`
    const { url, json, form, key, read } = pick(request, 'url', 'json', 'form', 'key', 'read')
    if (url == null) throw invalid(option, 'a function whose request has a "url"')
    const target = toUrl(option, url, environment.baseURI(), environment.page)
    // What is left undefined takes its default.
    const given: RequestInit = bare(
      Object.fromEntries(
        Object.entries(request).filter(([member, value]) => !OURS.includes(member) && value !== undefined),
      ),
    )
    const headers = new Headers(given.headers)
    // Frameworks answer a browser that does not say so with a redirect to their login page.
    if (!headers.has('Accept')) headers.set('Accept', 'application/json')
    if (form) given.body = new URLSearchParams(form)
    if (json !== undefined) {
      given.body = toJson(typeof endpoints[name] === 'function' ? option : 'credentials', json)
      if (!headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
    }
    const init: AuthRequest['init'] = bare({
      method: name === 'user' ? 'GET' : 'POST',
      ...supported({ cache: 'no-store' }),
      // Where a logout leads is nobody's business but the server's, which has done its work by then.
      ...(name === 'logout' ? { redirect: 'manual' } : noRedirect()),
      credentials: target.origin === environment.page?.origin ? 'same-origin' : 'include',
      // A rotation that the server has made must reach the cookie jar, also when the user navigates in the middle.
      keepalive: name !== 'login' && name !== 'user',
      signal,
      ...given,
      headers,
    })
    kernel.csrf?.guard(headers, init.method, target.href)
    return { url: target.href, init, key, read }
  }

  return async (name, tokens, signal, { credentials, input }) => {
    const endpoint = endpoints[name]
    if (!endpoint) return null
    return callback(settings.log, `endpoints.${name}`, async () => {
      const request =
        typeof endpoint === 'function'
          ? await endpoint({ tokens: kernel.cookies ? null : tokens, credentials, input, signal })
          : standard(name, endpoint, tokens, credentials)
      return request === null ? null : toInit(request, name, signal)
    })
  }
}

/** What a request of the app's has beside `fetch`'s own options. */
const OURS = ['url', 'json', 'form', 'key', 'read']

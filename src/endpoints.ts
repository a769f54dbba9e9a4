import { within } from './abort.ts'
import { type Instant, instant } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'
import { invalid, isHtml, type Settings } from './options.ts'
import { parseToken, type Token } from './token.ts'
import type { Endpoint, EndpointRequest, Operation, TokenSet } from './types.ts'

/** The backend's auth calls: request out, token in. None passes through the authorized fetch. */
export interface Endpoints {
  login(credentials: unknown, tokens: TokenSet | null, signal: AbortSignal): Promise<Token>
  /** @throws AuthError `refresh_rejected` when final; any other code is passing */
  refresh(operation: 'refresh' | 'restore', tokens: TokenSet | null, signal: AbortSignal): Promise<Token>
  logout(tokens: TokenSet | null, signal: AbortSignal): Promise<void>
  /** Lets the app's schema have the claims, and asks for the user where nothing has said it yet. */
  complete(token: Token, user: unknown, signal: AbortSignal): Promise<Token>
}

interface Answer {
  readonly response: Response
  readonly body: unknown
  readonly sentAt: Instant
}

const UNAVAILABLE: Record<Operation, AuthErrorCode> = {
  login: 'login_unavailable',
  refresh: 'refresh_unavailable',
  restore: 'refresh_unavailable',
  logout: 'logout_unavailable',
  user: 'user_unavailable',
}

export function createEndpoints(settings: Settings, environment: Environment): Endpoints {
  const { endpoints, log } = settings

  /** The app's own functions may throw anything, a token in its text included: only the error's name goes on. */
  async function callback<T>(option: string, run: () => T | Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      log({ type: 'callback-threw', option, name: error instanceof Error ? error.name : typeof error })
      throw new AuthError('malformed_response', `"${option}" threw an error.`)
    }
  }

  /** `fetch`'s own arguments for a call. */
  async function prepare(
    operation: Operation,
    tokens: TokenSet | null,
    signal: AbortSignal,
    credentials: unknown,
  ): Promise<[url: string, init: RequestInit]> {
    const name = operation === 'restore' && !endpoints.restore ? 'refresh' : operation
    const endpoint = endpoints[name] as Endpoint
    if (typeof endpoint === 'function') {
      return callback(`endpoints.${name}`, async () =>
        toInit(await endpoint({ tokens, credentials, signal }), operation, signal),
      )
    }
    if (!settings.baseUrl) throw invalid('baseUrl', 'given where there is no page')
    const request: EndpointRequest = { url: endpoint }
    if (operation === 'login') request.json = credentials
    else if (operation !== 'user' && tokens?.refreshToken)
      request.json = { refresh_token: tokens.refreshToken }
    if (operation === 'user' || operation === 'logout') request.headers = bearerFor(endpoint, tokens)
    return toInit(request, operation, signal)
  }

  function bearerFor(url: string, tokens: TokenSet | null): HeadersInit {
    const alive = tokens && (tokens.expiresAt ?? Number.POSITIVE_INFINITY) > environment.now()
    return alive && settings.allowedOrigins.has(new URL(url).origin)
      ? { Authorization: `${settings.scheme} ${tokens.accessToken}` }
      : {}
  }

  function toInit(
    { url, json, form, ...init }: EndpointRequest,
    operation: Operation,
    signal: AbortSignal,
  ): [string, RequestInit] {
    const target = new URL(url, environment.baseURI())
    const headers = new Headers(init.headers)
    if (form) init.body = new URLSearchParams(form)
    if (json !== undefined) {
      init.body = JSON.stringify(json)
      if (!headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
    }
    const defaults: RequestInit = {
      method: operation === 'user' ? 'GET' : 'POST',
      cache: 'no-store',
      redirect: 'error',
      credentials: target.origin === environment.page?.origin ? 'same-origin' : 'include',
      // A rotation that the server has made must reach the cookie jar, also when the user navigates in the middle.
      keepalive: operation !== 'login' && operation !== 'user',
      signal,
    }
    return [target.href, { ...defaults, ...init, headers }]
  }

  /** Whoever calls gives up by the signal; what goes on behind it then is not looked at, and sends nothing more. */
  async function call(
    operation: Operation,
    tokens: TokenSet | null,
    signal: AbortSignal,
    credentials?: unknown,
  ): Promise<Answer> {
    signal.throwIfAborted()
    const [url, init] = await prepare(operation, tokens, signal, credentials)
    signal.throwIfAborted()
    const sentAt = instant(environment)
    try {
      const response = await settings.fetch(url, init)
      return { response, body: parseBody(await response.text()), sentAt }
    } catch {
      // The native error is left behind: it can quote a header, token included.
      throw new AuthError(UNAVAILABLE[operation], `The ${operation} request failed on the network.`, {
        retryable: true,
      })
    }
  }

  function unavailable(operation: Operation, { response }: Answer): AuthError {
    const { status } = response
    return new AuthError(UNAVAILABLE[operation], `The ${operation} request was answered with ${status}.`, {
      retryable: true,
      status,
      retryAt: readRetryAfter(response, environment.now()),
    })
  }

  const read = (
    { body, response }: Answer,
    operation: Operation,
  ): Promise<Partial<TokenSet> | null | undefined> =>
    callback('readTokens', () => (settings.readTokens ?? readStandard)(body, response, operation))

  function readStandard(
    body: unknown,
    _response: Response,
    operation: Operation,
  ): Partial<TokenSet> | undefined {
    if (operation === 'user') return { user: body }
    if (typeof body !== 'object' || body === null) return
    const own = (name: string): any => (Object.hasOwn(body, name) ? body[name as never] : undefined)
    return {
      accessToken: own('access_token') ?? own('accessToken') ?? own('token'),
      refreshToken: own('refresh_token') ?? own('refreshToken'),
      expiresIn: own('expires_in') ?? own('expiresIn'),
      user: own('user'),
    }
  }

  function toToken(set: Partial<TokenSet>, { response, body, sentAt }: Answer): Token {
    const type = (body as { token_type?: unknown } | null)?.token_type
    if (typeof type === 'string' && !['bearer', settings.scheme.toLowerCase()].includes(type.toLowerCase())) {
      throw new AuthError('malformed_response', 'The token\'s type is neither "Bearer" nor "scheme".')
    }
    return parseToken(set, { sentAt, serverDate: Date.parse(response.headers.get('Date') ?? '') })
  }

  async function refresh(
    operation: 'refresh' | 'restore',
    tokens: TokenSet | null,
    signal: AbortSignal,
  ): Promise<Token> {
    const answer = await call(operation, tokens, signal)
    const { response, body } = answer
    const { ok, status } = response
    const set = ok && (await read(answer, operation))
    if (
      ok ? set === null : await callback('isRejected', () => settings.isRejected({ status, body, response }))
    ) {
      throw new AuthError('refresh_rejected', `The server refused to refresh the session (${status}).`, {
        status,
      })
    }
    if (!ok) throw unavailable(operation, answer)
    if (!set || set.accessToken == null) {
      throw new AuthError('malformed_response', `The ${operation} answer holds no access token.`, { status })
    }
    return toToken(set, answer)
  }

  return {
    refresh,

    async login(credentials, tokens, signal) {
      const answer = await call('login', tokens, signal, credentials)
      const { response, body } = answer
      const { ok, status } = response
      const set = ok ? await read(answer, 'login') : undefined
      if (ok ? set === null : isRefusal(status) && !isHtml(body)) {
        throw new AuthError('login_rejected', `The server refused the login (${status}).`, { status, body })
      }
      if (!ok) throw unavailable('login', answer)
      if (set?.accessToken != null) return toToken(set, answer)
      const token = await refresh('refresh', null, signal).catch(({ code, message, status }: AuthError) => {
        throw new AuthError(
          code === 'refresh_rejected' ? 'login_rejected' : 'login_unavailable',
          `The login yielded no token, and then: ${message}`,
          { status, retryable: code !== 'refresh_rejected' },
        )
      })
      return { ...token, user: token.user ?? set?.user }
    },

    async logout(tokens, signal) {
      const answer = await call('logout', tokens, signal)
      if (!answer.response.ok) throw unavailable('logout', answer)
    },

    async complete(token, user, signal) {
      const { claims: schema } = settings
      if (schema) {
        const result = await callback('claims', () => schema['~standard'].validate(token.claims))
        // Its issues can quote what they found, so they stay here.
        if (result.issues)
          throw new AuthError('malformed_response', 'The token\'s claims do not fit "claims".')
        token = { ...token, claims: result.value as object }
      }
      if (!endpoints.user || (token.user ?? user) != null) return token
      try {
        const late = () => new AuthError('user_unavailable', 'The user request took too long.')
        const { accessToken, refreshToken, since, lifetime } = token
        const tokens = {
          accessToken,
          refreshToken,
          expiresAt: lifetime === null ? undefined : since.wall + lifetime,
        }
        const answer = await within(
          environment,
          settings.timeout / 2,
          late,
          inner => call('user', tokens, inner),
          signal,
        )
        if (!answer.response.ok) throw unavailable('user', answer)
        return { ...token, user: (await read(answer, 'user'))?.user }
      } catch (error) {
        // The session does not hang on it; the next refresh asks again.
        signal.throwIfAborted()
        log({ type: 'user-failed', error: error as AuthError })
        return token
      }
    },
  }
}

const isRefusal = (status: number): boolean =>
  status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429

/** JSON where it is; else the text. V8's own error would quote the body. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text || undefined
  }
}

/** Seconds or a date (RFC 9110 §10.2.3), as epoch milliseconds by this machine's clock. */
function readRetryAfter(response: Response, now: number): number | undefined {
  const value = response.headers.get('Retry-After')
  if (!value) return
  if (/^\d+$/.test(value)) return now + Number(value) * 1000
  const date = Date.parse(value)
  if (Number.isNaN(date)) return
  const serverNow = Date.parse(response.headers.get('Date') ?? '')
  return Number.isNaN(serverNow) ? date : now + date - serverNow
}

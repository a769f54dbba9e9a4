import { within } from './abort.ts'
import { DAY, type Instant, instant, later, remaining } from './clock.ts'
import type { GuardRequest } from './csrf.ts'
import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode, errorName, isAuthError } from './errors.ts'
import { invalid, isHtml, type Settings } from './options.ts'
import { isUsable, parseCookieSession, parseToken, type Token } from './token.ts'
import type { EndpointRequest, Failure, Operation, PartialTokens, TokenSet } from './types.ts'

/** The backend's auth calls: request out, token in. None passes through the authorized fetch. */
export interface Endpoints {
  login(credentials: unknown, tokens: TokenSet | null, signal: AbortSignal): Promise<Token>
  /** @throws AuthError `refresh_rejected` when final; any other code is passing */
  refresh(
    operation: 'refresh' | 'restore',
    tokens: TokenSet | null,
    signal: AbortSignal,
    rotated?: (refreshToken: string) => unknown,
  ): Promise<Token>
  /** Settles with `false` where there was nothing to send. */
  logout(tokens: TokenSet | null, signal: AbortSignal): Promise<boolean>
  /** Lets the app's schema have the claims, and asks for the user where nothing has said it yet. */
  complete(token: Token, user: unknown, signal: AbortSignal): Promise<Token>
}

/** A 2xx answer, read. */
interface Answer {
  readonly set: PartialTokens | null | undefined
  readonly body: unknown
  readonly serverDate: number
  readonly sentAt: Instant
}

export function createEndpoints(
  settings: Settings,
  environment: Environment,
  guard: GuardRequest,
): Endpoints {
  const { endpoints, sliding, log } = settings
  const inCookies = settings.mode === 'cookie'

  /** The app's own functions may throw anything, a token in its text included: only the error's name goes on. */
  async function callback<T>(option: string, run: () => T | Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      if (isAuthError(error)) throw error
      log({ type: 'callback-threw', option, name: errorName(error) })
      throw new AuthError(
        'malformed_response',
        `"${option}" threw. Its error may quote a token, and is not shown.`,
      )
    }
  }

  /** What is called: a restore may have an endpoint of its own. */
  function nameOf(operation: Operation): Operation {
    if (operation !== 'restore' || endpoints.restore) return operation
    return inCookies ? 'user' : 'refresh'
  }

  /** `fetch`'s own arguments for a call; `null` where there is nothing to send. */
  async function prepare(
    operation: Operation,
    tokens: TokenSet | null,
    signal: AbortSignal,
    credentials: unknown,
  ): Promise<[url: string, init: RequestInit] | null> {
    const name = nameOf(operation)
    const endpoint = endpoints[name]
    if (typeof endpoint === 'function') {
      return callback(`endpoints.${name}`, async () => {
        const request = await endpoint({ tokens: inCookies ? null : tokens, credentials, signal })
        return request === null ? null : toInit(request, name, signal)
      })
    }
    if (!settings.baseUrl) throw invalid('baseUrl', 'given where there is no page')
    const request: EndpointRequest = { url: endpoint as string }
    const renews = name === 'refresh' || name === 'restore'
    const { accessToken, refreshToken } = tokens ?? {}
    // What is not in the storage is nowhere: the server could only say no.
    if (renews && (sliding ? !accessToken : settings.storage && !refreshToken)) return null
    if (name === 'login') request.json = credentials
    else if (name !== 'user' && refreshToken) request.json = { refresh_token: refreshToken }
    const showsBearer = name === 'user' || name === 'logout' || (renews && sliding)
    if (showsBearer && tokens && accessToken && mayCarry(tokens, request.url)) {
      request.headers = { Authorization: `${settings.scheme} ${accessToken}` }
    }
    return toInit(request, name, signal)
  }

  const mayCarry = ({ expiresAt = Number.POSITIVE_INFINITY }: TokenSet, url: string | URL): boolean =>
    expiresAt > environment.now() && settings.allowedOrigins.has(new URL(url).origin)

  function toInit(
    { url, json, form, ...given }: EndpointRequest,
    name: Operation,
    signal: AbortSignal,
  ): [string, RequestInit] {
    const target = new URL(url, environment.baseURI())
    // What is left undefined takes its default.
    const init: RequestInit = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    )
    const headers = new Headers(init.headers)
    if (form) init.body = new URLSearchParams(form)
    if (json !== undefined) {
      init.body = JSON.stringify(json)
      if (!headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
    }
    const defaults: RequestInit = {
      method: name === 'user' ? 'GET' : 'POST',
      cache: 'no-store',
      redirect: 'error',
      credentials: target.origin === environment.page?.origin ? 'same-origin' : 'include',
      // A rotation that the server has made must reach the cookie jar, also when the user navigates in the middle.
      keepalive: name !== 'login' && name !== 'user',
      signal,
    }
    const whole = { ...defaults, ...init, headers }
    guard(headers, whole.method as string, target.href)
    return [target.href, whole]
  }

  /**
   * One call, judged. Whoever asks gives up by the signal; what goes on behind it then is not looked at, and sends
   * nothing more.
   */
  async function ask(
    operation: Operation,
    tokens: TokenSet | null,
    signal: AbortSignal,
    credentials?: unknown,
  ): Promise<Answer | null> {
    signal.throwIfAborted()
    const prepared = await prepare(operation, tokens, signal, credentials)
    signal.throwIfAborted()
    const sentAt = instant(environment)
    const kind = operation === 'restore' ? 'refresh' : operation
    const fail = (outcome: 'rejected' | 'unavailable', how: string, details: object) =>
      new AuthError(`${kind}_${outcome}` as AuthErrorCode, `The ${operation} request ${how}.`, details)

    if (!prepared) {
      if (kind === 'logout' || kind === 'user') return null
      throw fail('rejected', 'was not sent: there is nothing to send', {})
    }
    let response: Response
    let body: unknown
    try {
      response = await settings.fetch(...prepared)
      body = parseBody(await response.text())
    } catch {
      // The native error is left behind: it can quote a header, token included.
      throw fail('unavailable', 'failed on the network, or CORS forbids it', {})
    }
    const { ok, status, headers } = response
    const serverDate = Date.parse(headers.get('Date') as string)
    const answered = `was answered with ${status}`
    if (!ok && !(await isFinal(kind, { status, body, response }))) {
      const retryAt = readRetryAfter(headers.get('Retry-After'), serverDate, environment.now())
      throw fail('unavailable', answered, { status, retryAt })
    }
    const read = settings.readTokens ?? readStandard
    const asked = nameOf(operation) === 'user' ? 'user' : operation
    const set =
      ok && kind !== 'logout' ? await callback('readTokens', () => read(body, response, asked)) : null
    if (set === null && (kind === 'login' || kind === 'refresh')) {
      throw fail('rejected', ok ? 'was answered: nobody is signed in' : answered, {
        status,
        body: kind === 'login' ? body : undefined,
      })
    }
    return { set, body, serverDate, sentAt }
  }

  /** Would the same call be refused again? */
  function isFinal(kind: Operation, failure: Failure): boolean | Promise<boolean> {
    const { status, body } = failure
    if (kind === 'refresh') return callback('isRejected', () => settings.isRejected(failure))
    const refused = status >= 400 && status < 500 && ![408, 425, 429].includes(status)
    return kind === 'login' && refused && !isHtml(body)
  }

  /** The session that the answer holds; `null` where it holds none. */
  function toToken({ set, body, serverDate, sentAt }: Answer): Token | null {
    if (inCookies) {
      // Any other body may be the answer: the cookies came beside it. A portal's page, or the app's own, is none.
      if (set === undefined && isHtml(body)) {
        throw new AuthError('malformed_response', 'The answer is an HTML page: is the URL right?')
      }
      return parseCookieSession(set ?? {}, { sentAt, serverDate })
    }
    if (set?.accessToken == null) return null
    const type = (body as { token_type?: unknown } | null)?.token_type
    if (typeof type === 'string' && !['bearer', settings.scheme.toLowerCase()].includes(type.toLowerCase())) {
      throw new AuthError('malformed_response', 'The token\'s type is neither "Bearer" nor "scheme".')
    }
    return parseToken(set, { sentAt, serverDate })
  }

  async function refresh(
    operation: 'refresh' | 'restore',
    tokens: TokenSet | null,
    signal: AbortSignal,
    rotated?: (refreshToken: string) => unknown,
  ): Promise<Token> {
    const isRestore = operation === 'restore' && nameOf(operation) !== 'refresh'
    const answer = await ask(operation, tokens, signal).catch((error: AuthError) => {
      // Whom the user endpoint does not know may only need a new access cookie.
      if (isRestore && inCookies && error.code === 'refresh_rejected') return null
      throw error
    })
    const { set } = answer ?? {}
    if (isUsable(set?.refreshToken)) await rotated?.(set.refreshToken)
    const token = answer && toToken(answer)
    if (token) return token
    if (!isRestore) {
      throw new AuthError(
        'malformed_response',
        `"readTokens" found no access token in the ${operation} answer.`,
      )
    }
    const refreshToken = set?.refreshToken ?? tokens?.refreshToken
    const newest = refreshToken ? { accessToken: '', ...tokens, refreshToken } : tokens
    const renewed = await refresh('refresh', newest, signal, rotated)
    return { ...renewed, user: renewed.user ?? set?.user }
  }

  return {
    refresh,

    async login(credentials, tokens, signal) {
      const answer = (await ask('login', tokens, signal, credentials)) as Answer
      const { set } = answer
      const yielded = toToken(answer)
      if (yielded) return yielded
      const first = set?.refreshToken ? { accessToken: '', refreshToken: set.refreshToken } : null
      const token = await refresh('refresh', first, signal).catch(({ code, message, status, retryable }) => {
        throw new AuthError(
          code === 'refresh_rejected' ? 'login_rejected' : 'login_unavailable',
          `The login yielded no token, and then: ${message}`,
          { status, retryable },
        )
      })
      return { ...token, user: token.user ?? set?.user }
    },

    logout: async (tokens, signal) => (await ask('logout', tokens, signal)) !== null,

    async complete(token, user, signal) {
      const { claims: schema } = settings
      if (schema) {
        const valid = await callback('claims', async () => {
          const result = await schema['~standard'].validate(token.claims)
          return result.issues ? null : { claims: result.value }
        })
        // The issues can quote what they found, so they stay there.
        if (!valid) throw new AuthError('malformed_response', 'The token\'s claims do not fit "claims".')
        token = { ...token, ...valid }
      }
      if (!endpoints.user || (token.user ?? user) != null) return token
      try {
        const late = () => new AuthError('user_unavailable', 'The user request took too long.')
        const { accessToken, refreshToken, since, lifetime } = token
        const expiresAt = lifetime === null ? undefined : since.wall + lifetime
        const tokens = { accessToken, refreshToken, expiresAt }
        const inTime = (inner: AbortSignal) => ask('user', tokens, inner)
        // It has to be over before the operation is, which would take the token with it.
        const left = remaining(environment, later(since, settings.timeout)) * 0.9
        const answer = await within(environment, Math.min(settings.timeout / 2, left), late, inTime, signal)
        return { ...token, user: answer?.set?.user }
      } catch (error) {
        // The session does not hang on it; the next refresh asks again.
        signal.throwIfAborted()
        log({ type: 'user-failed', error: error as AuthError })
        return token
      }
    },
  }
}

/** RFC 6749 §5.1, its camelCase twins, and `token`. */
function readStandard(
  body: unknown,
  _response: Response,
  operation: Operation,
): PartialTokens | null | undefined {
  if (operation === 'user' && body === null) return null
  if (typeof body !== 'object' || body === null) return
  if (operation === 'user') return { user: body }
  const own = (name: string): any => (Object.hasOwn(body, name) ? body[name as never] : undefined)
  return {
    accessToken: own('access_token') ?? own('accessToken') ?? own('token'),
    refreshToken: own('refresh_token') ?? own('refreshToken'),
    expiresIn: own('expires_in') ?? own('expiresIn'),
    user: own('user'),
  }
}

/** JSON where it is; else the text. V8's own error would quote the body. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text || undefined
  }
}

/** Seconds or a date (RFC 9110 §10.2.3), as epoch milliseconds by this machine's clock. */
function readRetryAfter(value: string | null, serverDate: number, now: number): number | undefined {
  if (!value) return
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (serverDate || now)
  return Number.isNaN(wait) ? undefined : now + Math.max(0, Math.min(wait, DAY))
}

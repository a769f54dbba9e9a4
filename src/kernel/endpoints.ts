import { within } from './abort.ts'
import { DAY, type Instant, instant, later, remaining } from './clock.ts'
import type { GuardRequest } from './csrf.ts'
import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode, errorName, isAuthError } from './errors.ts'
import { createNameUser } from './identity.ts'
import { invalid, isHtml, isRelative, type Settings, toUrl } from './options.ts'
import { bare, isClassless, pick } from './own.ts'
import type { ServerClock } from './server-clock.ts'
import type { SessionHolder } from './session.ts'
import { noRedirect, supported } from './supported.ts'
import { isUsable, parseCookieSession, parseToken, readSet, type Token } from './token.ts'
import type {
  EndpointRequest,
  Failure,
  HeldTokens,
  Operation,
  PartialTokens,
  StandardSchema,
} from '../types.ts'
import type { WireNote } from './wire-note.ts'

/** The backend's auth calls: request out, token in. None passes through the authorized fetch. */
export interface Endpoints {
  /**
   * @param sent called when the request leaves: from then on it can have signed somebody in
   * @param refused called when the server has answered that it did not
   */
  login(
    credentials: unknown,
    tokens: HeldTokens | null,
    signal: AbortSignal,
    sent: () => void,
    refused: () => void,
  ): Promise<Token>
  /** @throws AuthError `refresh_rejected` when final; any other code is passing */
  refresh(
    operation: 'refresh' | 'restore',
    tokens: HeldTokens | null,
    signal: AbortSignal,
    rotated?: (refreshToken: string) => unknown,
  ): Promise<Token>
  /**
   * Settles with `false` where there was nothing to send. `input`: what the app has given to `logout`.
   * @param sent called when the request leaves; without it the request leaves at once, from a page that goes away
   */
  logout(tokens: HeldTokens | null, signal: AbortSignal, input?: unknown, sent?: () => void): Promise<boolean>
  /** Names the user of a token, as far as nothing has to be asked for it. `known`: as for `complete`. */
  named(token: Token, known: unknown): Token
  /** Names the user of a token by its claims alone. */
  nameByClaims(token: Token): Promise<string | null>
  /**
   * Lets the app's schema have the claims, names the user, and asks for the user where nothing has said it yet.
   * `known`: the user of the session that it renews, if it turns out to be of the same user. `again`: asks all the same.
   */
  complete(token: Token, known: unknown, signal: AbortSignal, again?: () => boolean): Promise<Token>
}

/** A 2xx answer, read. */
interface Answer {
  readonly set: PartialTokens | null | undefined
  readonly body: unknown
  readonly status: number
  readonly serverDate: number
  readonly sentAt: Instant
}

/** What only some calls have. */
interface Asking {
  readonly credentials?: unknown
  readonly input?: unknown
  /** Called when the request leaves. */
  readonly sent?: (() => void) | undefined
  /** Decides who is signed in, so its refusal is judged like that of a refresh. */
  readonly decides?: boolean
}

export function createEndpoints(
  settings: Settings,
  environment: Environment,
  guard: GuardRequest,
  wireNote: WireNote,
  serverClock: ServerClock,
  isSameUser: SessionHolder['isSameUser'],
): Endpoints {
  const { endpoints, sliding, log } = settings
  const inCookies = settings.mode === 'cookie'
  const nameUser = createNameUser(settings)

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
    tokens: HeldTokens | null,
    signal: AbortSignal,
    given: Pick<Asking, 'credentials' | 'input'>,
  ): Promise<[url: string, init: RequestInit] | null> {
    const name = nameOf(operation)
    const endpoint = endpoints[name]
    const { credentials, input } = given
    if (!endpoint) return null
    if (typeof endpoint === 'function') {
      return callback(`endpoints.${name}`, async () => {
        const request = await endpoint({ tokens: inCookies ? null : tokens, credentials, input, signal })
        return request === null ? null : toInit(request, name, signal)
      })
    }
    if (!settings.baseUrl && isRelative(endpoint))
      throw invalid('baseUrl', 'an absolute URL where there is no page')
    const request: EndpointRequest = { url: endpoint }
    const renews = name === 'refresh' || name === 'restore'
    const accessToken = tokens?.accessToken
    const refreshToken = tokens?.refreshToken
    // What is not in the storage is nowhere: the server could only say no. A restore endpoint may know by a cookie.
    if (name === 'refresh' && (sliding ? !accessToken : settings.storage && !refreshToken)) return null
    if (name === 'login' && isBody(credentials)) request.body = credentials
    else if (name === 'login') request.json = credentials
    else if (name !== 'user' && refreshToken) request.json = { refresh_token: refreshToken }
    const showsBearer = name === 'user' || name === 'logout' || (renews && sliding)
    if (showsBearer && tokens && accessToken && mayCarry(tokens, request.url)) {
      request.headers = { Authorization: `${settings.scheme} ${accessToken}` }
    }
    return toInit(request, name, signal)
  }

  const mayCarry = ({ expiresAt = Number.POSITIVE_INFINITY }: HeldTokens, url: string | URL): boolean =>
    expiresAt > environment.now() && settings.allowedOrigins.has(new URL(url).origin)

  function toInit(request: EndpointRequest, name: Operation, signal: AbortSignal): [string, RequestInit] {
    const option = `endpoints.${name}`
    const { url, json, form } = pick(request, ...SHORTHANDS)
    if (url == null) throw invalid(option, 'a function whose request has a "url"')
    const target = toUrl(option, url, environment.baseURI(), environment.page)
    // What is left undefined takes its default.
    const init: RequestInit = bare(
      Object.fromEntries(
        Object.entries(request).filter(([member, value]) => !isShorthand(member) && value !== undefined),
      ),
    )
    const headers = new Headers(init.headers)
    // Frameworks answer a browser that does not say so with a redirect to their login page.
    if (!headers.has('Accept')) headers.set('Accept', 'application/json')
    if (form) init.body = new URLSearchParams(form)
    if (json !== undefined) {
      init.body = toJson(typeof endpoints[name] === 'function' ? option : 'credentials', json)
      if (!headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
    }
    const defaults: RequestInit = {
      method: name === 'user' ? 'GET' : 'POST',
      ...supported({ cache: 'no-store' }),
      // Where a logout leads is nobody's business but the server's, which has done its work by then.
      ...(name === 'logout' ? { redirect: 'manual' } : noRedirect()),
      credentials: target.origin === environment.page?.origin ? 'same-origin' : 'include',
      // A rotation that the server has made must reach the cookie jar, also when the user navigates in the middle.
      keepalive: name !== 'login' && name !== 'user',
      signal,
    }
    const whole = bare({ ...defaults, ...init, headers })
    guard(headers, whole.method as string, target.href)
    return [target.href, whole]
  }

  /**
   * One call, judged. Whoever asks gives up by the signal; what goes on behind it then is not looked at, and sends
   * nothing more.
   */
  async function ask(
    operation: Operation,
    tokens: HeldTokens | null,
    signal: AbortSignal,
    { sent, decides, ...given }: Asking = {},
  ): Promise<Answer | null> {
    signal.throwIfAborted()
    // Only a cookie can be changed by the answer to a page that has gone.
    const name = nameOf(operation)
    const isByCookie = (name === 'restore' || (name !== 'user' && !sliding)) && !tokens?.refreshToken
    const isLeaving = operation === 'logout' && !sent
    const wait = isByCookie && !isLeaving ? wireNote.lifted(signal) : null
    if (wait) await wait
    const prepared = await prepare(operation, tokens, signal, given)
    signal.throwIfAborted()
    const sentAt = instant(environment)
    const kind = operation === 'restore' || decides ? 'refresh' : operation
    const fail = (outcome: 'rejected' | 'unavailable', how: string, details: object) =>
      new AuthError(`${kind}_${outcome}` as AuthErrorCode, `The ${operation} request ${how}.`, details)

    if (!prepared) {
      if (kind === 'logout' || kind === 'user') return null
      throw fail('rejected', 'was not sent: there is nothing to send', {})
    }
    let response: Response
    let text: string
    sent?.()
    const arrived = isByCookie && (kind === 'refresh' ? wireNote.sent() : wireNote.lift)
    try {
      response = await settings.sending.send(...prepared)
      if (arrived) arrived()
      text = await response.text()
    } catch {
      // The native error is left behind: it can quote a header, token included.
      throw fail('unavailable', 'failed on the network, or CORS forbids it', {})
    }
    const { status, headers } = response
    const body = parseBody(text)
    const ok = kind === 'logout' ? await isLoggedOut(response, body) : response.ok
    if (kind === 'logout' && !ok && isRedirect(response)) {
      throw fail('unavailable', 'was answered with a redirect, which is not followed', { retryable: false })
    }
    const serverDate = Date.parse(headers.get('Date') as string)
    if (ok && kind === 'login') serverClock.forget()
    serverClock.saw(serverDate)
    const answered = `was answered with ${status}`
    const retryAt = readRetryAfter(headers.get('Retry-After'), serverDate, environment.now())
    // A server may quote what it refuses, and an error shows no token.
    const refusal = () => ({ status, retryAt, body: withoutTokens(body, tokens) })
    const asked = name === 'user' ? 'user' : operation
    if (!ok && !(await isFinal(kind, { operation: asked, status, body, response }, text))) {
      throw fail('unavailable', answered, refusal())
    }
    const read = settings.readTokens ?? readStandard
    const readAnswer = async () => {
      const given = await read(body, response, asked)
      return given && readSet(given)
    }
    let set = ok && kind !== 'logout' ? await callback('readTokens', readAnswer) : null
    const namesWho = inCookies && (asked === 'user' || asked === 'restore')
    if (namesWho && isEmpty(body) && (set === undefined || read === readStandard)) set = null
    if (set === null && (kind === 'login' || kind === 'refresh')) {
      throw fail('rejected', ok ? 'was answered: nobody is signed in' : answered, refusal())
    }
    return { set, body, status, serverDate, sentAt }
  }

  async function isLoggedOut(response: Response, body: unknown): Promise<boolean> {
    const { status, ok } = response
    const redirected = response.redirected || isRedirect(response)
    const judge = settings.isLoggedOut
    if (!judge) return ok
    return callback('isLoggedOut', () => judge({ status, body, response, redirected })).catch(error => {
      // A mistake in this function does not hide what the server has answered.
      if (ok) throw error
      return false
    })
  }

  /** Would the same call be refused again? */
  async function isFinal(kind: Operation, failure: Failure, text: string): Promise<boolean> {
    const { status } = failure
    const { isRejected } = settings
    const isLogin = kind === 'login'
    if (isLogin && status >= 400 && status < 500 && ![408, 425, 429].includes(status)) return true
    if (!isLogin && kind !== 'refresh') return false
    if (!isRejected) return !isLogin && isRefusal(failure, text)
    return callback('isRejected', () => isRejected(failure)).catch(error => {
      // A mistake in this function does not hide what the server has answered.
      if (isLogin) return false
      throw error
    })
  }

  /** The session that the answer holds; `null` where it holds none. */
  function toToken({ set, body, serverDate, sentAt }: Answer, namesWho = false): Token | null {
    if (inCookies) {
      // The cookies came beside the body, which may say anything: but a page is of a proxy, or the app's own.
      if (set === undefined && (namesWho ? typeof body !== 'object' : isHtml(body))) {
        throw new AuthError('malformed_response', 'The answer is a page or a text: is the URL right?')
      }
      return parseCookieSession(set ?? {}, { sentAt, serverDate })
    }
    if (set?.accessToken == null) return null
    // A reader of the app's own has seen the type.
    const type = settings.readTokens ? null : (body as { token_type?: unknown } | null)?.token_type
    if (typeof type === 'string' && !['bearer', settings.scheme.toLowerCase()].includes(type.toLowerCase())) {
      throw new AuthError('malformed_response', 'The token\'s type is neither "Bearer" nor "scheme".')
    }
    return parseToken(set, { sentAt, serverDate, scheme: settings.scheme, serverClock })
  }

  async function refresh(
    operation: 'refresh' | 'restore',
    tokens: HeldTokens | null,
    signal: AbortSignal,
    rotated?: (refreshToken: string) => unknown,
  ): Promise<Token> {
    const isRestore = operation === 'restore' && nameOf(operation) !== 'refresh'
    const answer = await ask(operation, tokens, signal).catch((error: AuthError) => {
      // A 401 from the user endpoint may only mean that the access cookie expired.
      if (isRestore && inCookies && endpoints.refresh && error.code === 'refresh_rejected') return null
      throw error
    })
    const set = answer?.set
    if (isUsable(set?.refreshToken)) await rotated?.(set.refreshToken)
    const token = answer && toToken(answer, isRestore)
    if (token) return token
    if (!isRestore || !endpoints.refresh) {
      throw new AuthError(
        'malformed_response',
        `"readTokens" found no access token in the ${operation} answer.`,
      )
    }
    const refreshToken = set?.refreshToken ?? tokens?.refreshToken
    const newest = refreshToken ? { accessToken: '', ...tokens, refreshToken } : tokens
    const renewed = await refresh('refresh', newest, signal, rotated)
    if (inCookies && renewed.user == null) return whoIs(renewed, operation, signal)
    return { ...renewed, user: renewed.user ?? set?.user }
  }

  /** In cookie mode: the session of these cookies, with the user that the server names for them. */
  async function whoIs(token: Token, operation: 'restore' | 'user', signal: AbortSignal): Promise<Token> {
    const answer = (await ask(operation, null, signal, { decides: true })) as Answer
    const { user, lifetime } = toToken(answer, true) as Token
    return { ...token, user, lifetime: token.lifetime ?? lifetime }
  }

  /** What the app's schema makes of it. Its issues can quote what they found, so they stay there. */
  async function validated<T>(option: string, schema: StandardSchema<T>, value: unknown): Promise<T> {
    const valid = await callback(option, async () => {
      const result: { issues?: unknown; value?: unknown } = await schema['~standard'].validate(value)
      const found = pick(result, 'issues', 'value')
      return found.issues ? null : { value: found.value as T }
    })
    if (valid) return valid.value
    const what = option === 'claims' ? "The token's claims do" : 'The user does'
    throw new AuthError('malformed_response', `${what} not fit "${option}".`)
  }

  async function withClaims(token: Token): Promise<Token> {
    const { claims } = settings
    if (!claims) return token
    return { ...token, claims: (await validated('claims', claims, token.claims)) as object | null }
  }

  async function withUser(token: Token): Promise<Token> {
    const { userSchema } = settings
    if (!userSchema || token.user == null) return token
    return { ...token, user: await validated('userSchema', userSchema, token.user) }
  }

  /**
   * The `identity` option sees the user that the session will have: the answer's, or the known one if the answer turns
   * out to be of the same user.
   */
  function named(token: Token, known: unknown): Token {
    const name = (user: unknown): Token => ({ ...token, identity: nameUser(token, user) })
    if (token.user != null || known == null) return name(token.user)
    const same = name(known)
    return isSameUser(same) ? same : name(undefined)
  }

  /** Does a login's answer say that somebody is signed in, or may be? */
  function signsIn({ set, body }: Answer): boolean {
    const { accessToken, refreshToken, user, expiresIn, expiresAt } = set ?? {}
    const found = [accessToken, refreshToken, user, expiresIn, expiresAt].some(value => value != null)
    // Where the app reads the answers itself, an object of its own says so, also an empty one.
    return found || body == null || (settings.readTokens !== undefined && set != null)
  }

  return {
    refresh,

    async login(credentials, tokens, signal, sent, refused) {
      const answer = (await ask('login', tokens, signal, { credentials, sent }).catch(error => {
        if (isAuthError(error) && error.status !== undefined) refused()
        throw error
      })) as Answer
      const { set, body, status } = answer
      if (!signsIn(answer)) {
        refused()
        throw new AuthError('login_rejected', 'The login was answered, and signs nobody in.', {
          status,
          body,
        })
      }
      const token = toToken(answer)
      if (token && (!inCookies || set?.user != null)) return token
      const first = set?.refreshToken ? { accessToken: '', refreshToken: set.refreshToken } : null
      try {
        if (token) return await whoIs(token, 'user', signal)
        const renewed = await refresh(endpoints.refresh ? 'refresh' : 'restore', first, signal)
        return {
          ...renewed,
          refreshToken: renewed.refreshToken ?? first?.refreshToken,
          user: renewed.user ?? set?.user,
        }
      } catch (error) {
        if (!isAuthError(error)) throw error
        const { code, message, retryable, status } = error
        const isRefused = code === 'refresh_rejected'
        if (isRefused) refused()
        throw new AuthError(
          isRefused ? 'login_rejected' : 'login_unavailable',
          `The login answer holds no token, and then: ${message}`,
          { status, retryable, body: withoutTokens(body, set) },
        )
      }
    },

    logout: async (tokens, signal, input, sent) =>
      (await ask('logout', tokens, signal, { input, sent })) !== null,

    named,

    nameByClaims: async token => nameUser(await withClaims(token), null),

    async complete(given, known, signal, again = () => false) {
      let token = await withClaims(given)
      if (!token.isNamed) token = await withUser(token)
      const result = named(token, known)
      const isKnown = isSameUser(result) && known != null
      if (!endpoints.user || token.user != null || (isKnown && !again())) return result
      // Cookies that came with any 2xx answer are a session only if the server names its user.
      const isNew = inCookies && !token.isNamed && !isSameUser(result)
      try {
        const late = () => new AuthError('user_unavailable', 'The user request took too long.')
        const { accessToken, refreshToken, since, lifetime } = token
        const expiresAt = lifetime === null ? undefined : since.wall + lifetime
        const tokens = { accessToken, refreshToken, expiresAt }
        const inTime = async (inner: AbortSignal): Promise<Token> => {
          if (isNew) return withUser(await whoIs(token, 'user', inner))
          const answer = await ask('user', tokens, inner)
          return withUser({ ...token, user: answer?.set === null ? null : answer?.set?.user })
        }
        // It has to be over before the operation is, which would take the token with it.
        const left = remaining(environment, later(since, settings.timeout)) * 0.9
        const whole = await within(environment, Math.min(settings.timeout / 2, left), late, inTime, signal)
        return named(whole, known)
      } catch (error) {
        // The session does not hang on it; the next refresh asks again.
        signal.throwIfAborted()
        if (isNew) throw error
        log({ type: 'user-failed', error: error as AuthError })
      }
      return result
    },
  }
}

/** A browser shows no status of a redirect that it was told not to follow. */
const isRedirect = ({ type, status }: Response): boolean =>
  type === 'opaqueredirect' || (status >= 300 && status < 400)

/** Nothing, `null` or `{}`: in cookie mode, what many user endpoints answer where nobody is signed in. */
const isEmpty = (body: unknown): boolean =>
  body == null || (typeof body === 'object' && Object.keys(body).length === 0)

/** What a request of the app's has beside `fetch`'s own options. */
const SHORTHANDS = ['url', 'json', 'form'] as const
const isShorthand = (member: string): boolean => (SHORTHANDS as readonly string[]).includes(member)

/** As `[object Map]` says it, of whichever realm. */
const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

const isBody = (value: unknown): value is BodyInit =>
  ['FormData', 'URLSearchParams', 'Blob', 'File', 'ArrayBuffer'].includes(kindOf(value)) ||
  ArrayBuffer.isView(value)

/**
 * A Map, a form element or a function would go out as `{}` or as nothing, and the answer look like a wrong password. The
 * native error can quote what it met on its way.
 */
function toJson(name: string, value: unknown): string {
  try {
    return JSON.stringify(value, (_key, member) => {
      if (!canSay(member)) throw new TypeError()
      return member
    })
  } catch {
    throw invalid(name, 'what JSON can say')
  }
}

/** Asked about what `toJSON` has made of a value. */
function canSay(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (Object(value) !== value || Array.isArray(value)) return true
  // What has its members elsewhere, such as behind private names.
  const isHollow = Object.keys(value as object).length === 0 && !isClassless(value as object)
  return kindOf(value) === 'Object' && !isHollow
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
  // Backends that always write all members say by `""`, `0` and `{}` that there is none.
  const own = (name: string): any => (Object.hasOwn(body, name) && body[name as never]) || undefined
  return {
    accessToken: own('access_token') ?? own('accessToken') ?? own('token'),
    refreshToken: own('refresh_token') ?? own('refreshToken'),
    expiresIn: own('expires_in') ?? own('expiresIn'),
    user: isEmpty(own('user')) ? undefined : own('user'),
  }
}

/**
 * Does the server itself refuse? A firewall or a mesh says 400 and 403 too, in a page or in words of its own. A backend
 * says them in JSON, with no body, or by the name of the status alone.
 */
function isRefusal({ status, body }: Failure, text: string): boolean {
  if (status === 401) return true
  const isOwn = body !== text || /^\s*(bad request|forbidden)\s*$/i.test(text)
  return (status === 400 || status === 403) && isOwn
}

/** The body, unless it quotes one of these tokens: compared as JSON, which has several ways to write a character. */
function withoutTokens(body: unknown, tokens: PartialTokens | null | undefined): unknown {
  try {
    const text = JSON.stringify(body) ?? ''
    const quotes = (token: unknown) => token && text.includes(JSON.stringify(token).slice(1, -1))
    return quotes(tokens?.accessToken) || quotes(tokens?.refreshToken) ? undefined : body
  } catch {
    return undefined // nested too deeply to be looked at
  }
}

/** JSON where it is; else the text. V8's own error would quote the body. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text.trim() ? text : undefined
  }
}

/** Seconds or a date (RFC 9110 §10.2.3), as epoch milliseconds by this machine's clock. */
function readRetryAfter(value: string | null, serverDate: number, now: number): number | undefined {
  if (!value) return
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (serverDate || now)
  return Number.isNaN(wait) ? undefined : now + Math.max(0, Math.min(wait, DAY))
}

import { unlessAborted, within } from './abort.ts'
import { createUrlJudge } from './allowed-urls.ts'
import { copyHeaders, createBearer, type HeaderCopy, isPlain } from './bearer.ts'
import { readChallenge } from './challenge.ts'
import { remaining } from './clock.ts'
import type { GuardRequest } from './csrf.ts'
import type { Environment } from './environment.ts'
import { AuthError, errorName } from './errors.ts'
import type { Idle } from './idle.ts'
import type { Settings } from './options.ts'
import type { Refresher } from './refresh.ts'
import { type Held, isDue, isExpired, type SessionHolder } from './session.ts'
import type { AuthEventMap, NotReplayed } from './types.ts'

export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>

export interface AuthorizedFetch {
  fetch: Fetch
  /** The token to send with now, refreshed first where one is due; `null` when anonymous. */
  usableToken(signal?: AbortSignal | null, minValidity?: number): Promise<Held | null>
}

/** Fetch §5.4, `RequestInit`. */
const MEMBERS =
  'method headers body referrer referrerPolicy mode credentials cache redirect integrity keepalive signal duplex priority'.split(
    ' ',
  )

/** A request of the app's, read once. */
interface Call {
  /** Absolute, and allowed to carry the credentials. */
  readonly url: string
  readonly method: string
  readonly request: Request | null
  /** The caller's own, copied: `fetch`'s second argument, but for the headers. */
  readonly init: RequestInit
  readonly headers: HeaderCopy
}

export function createAuthorizedFetch(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  refresher: Refresher,
  idle: Pick<Idle, 'isOver' | 'judged'>,
  client: {
    guard: GuardRequest
    alive(): void
    restored(): Promise<AuthError | null>
    challenged(detail: AuthEventMap['challenge']): void
  },
): AuthorizedFetch {
  const inCookies = settings.mode === 'cookie'
  const { scheme, shouldRefresh, log } = settings
  const bearer = createBearer(scheme)
  const judge = createUrlJudge(settings, environment)

  /** The way of a request: attach, send, and on a 401 refresh once and send again. */
  async function authorizedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    if (init && isRequest(init)) return authorizedFetch(new Request(input, init))
    const request = isRequest(input) ? input : null
    const url = judge(request ? request.url : (input as string | URL))
    const headers = copyHeaders(init?.headers ?? request?.headers)
    const authorization = bearer.take(headers)
    const copy = copyInit(init)
    const call: Call = {
      url: url ?? '',
      method: copy.method ?? request?.method ?? 'GET',
      request,
      init: copy,
      headers,
    }
    // In cookie mode the header is not ours to write, and the request goes out in the name of the session all the same.
    const isAppsOwn = authorization === 'other' && !inCookies
    if (url === null || isAppsOwn) {
      if (url !== null) log({ type: 'sent-without-token', ...nameOf(call), why: 'own-header' })
      const isTouched = authorization === 'ours' || init?.headers
      return settings.fetch(input, isTouched ? { ...copy, headers } : init)
    }

    const wanted = session.held
    const sent = readyToken() ?? (await awaitedToken(call))
    if (wanted && !sent) throw new AuthError('no_session', 'The session ended before the request was sent.')
    // A body can be read once: the copy is for the replay.
    const spare = request && sent && !call.init.body && mayHaveBody(request) ? request.clone() : request
    const response = await send(call, request ?? url, sent)
    const { status } = response
    if (!sent || (status !== 401 && status !== 403 && !shouldRefresh) || !isOwnAnswer(response))
      return response
    if (isChallenged(call, response) || !(await isTokenDead(call, response))) return response

    const token = await replacement(sent, response, signalOf(call))
    if (!token) return handedBack(call, response, whyNone(sent))
    if (isOneShot(call.init.body)) return handedBack(call, response, 'one-shot-body')
    discard(response)
    log({ type: 'replay', ...nameOf(call), from: sent.generation, to: token.generation })
    const second = await send(call, spare ?? url, token)
    if (!isChallenged(call, second) && second.status === 401) handedBack(call, second, 'refused-again')
    return second
  }

  async function awaitedToken(call: Call): Promise<Held | null> {
    const { held, snapshot } = session
    if (held || (snapshot.status === 'unknown' && environment.page)) {
      log({ type: 'held-back', ...nameOf(call), why: held ? 'refresh' : 'restore' })
    }
    const token = await usableToken(signalOf(call))
    if (!held && !token) log({ type: 'sent-without-token', ...nameOf(call), why: 'anonymous' })
    return token
  }

  function handedBack(call: Call, response: Response, why: NotReplayed): Response {
    log({ type: 'not-replayed', ...nameOf(call), why })
    return response
  }

  const whyNone = (sent: Held): NotReplayed =>
    session.held === sent ? 'limited' : session.held ? 'user-changed' : 'signed-out'

  function send(call: Call, target: Request | string, token: Held | null): Promise<Response> {
    const { url, method, request } = call
    const headers = bearer.attach(call.headers, inCookies ? null : token)
    const init: RequestInit = { ...call.init, headers }
    if (request) {
      // Any init at all resets these two on a Request (Fetch §5.4) to what they mostly are, and parses the first.
      if (request.referrer !== 'about:client') init.referrer ??= request.referrer
      if (request.referrerPolicy) init.referrerPolicy ??= request.referrerPolicy
    }
    if (inCookies) init.credentials ??= credentialsOf(request) ?? (token ? 'include' : 'omit')
    if (client.guard(headers, method, url, token) && request?.redirect !== 'manual') init.redirect ??= 'error'
    return settings.fetch(target, init)
  }

  /** Another token of this user would not help: the app has to ask for more. */
  function isChallenged(call: Call, response: Response): boolean {
    const { status } = response
    if (status !== 401 && status !== 403) return false
    const challenge = readChallenge(response.headers.get('WWW-Authenticate'), scheme)
    if (challenge && isOwnAnswer(response)) {
      client.challenged({ challenge, url: bare(call.url), status })
      handedBack(call, response, 'challenge')
    }
    return challenge !== null
  }

  async function isTokenDead(call: Call, response: Response): Promise<boolean> {
    if (!shouldRefresh) return response.status === 401
    const { url, method } = call
    const headers = new Headers(call.headers)
    headers.delete('Authorization')
    const copy = response.clone()
    const signal = signalOf(call)
    try {
      const decide = async () => shouldRefresh(copy, new Request(url, { method, headers }))
      return await within(environment, settings.timeout, null, decide, signal)
    } catch (error) {
      signal?.throwIfAborted()
      log({ type: 'callback-threw', option: 'shouldRefresh', name: errorName(error) })
      return false
    } finally {
      discard(copy)
    }
  }

  /** The token, where nothing has to be waited for. */
  function readyToken(): Held | null {
    client.alive()
    const { held } = session
    if (!held || idle.isOver()) return null
    const left = held.expires ? remaining(environment, held.expires) : Number.POSITIVE_INFINITY
    if (left <= held.margin) return null
    // The timer may be throttled: in a hidden tab a request is the better alarm.
    if (left <= held.ahead) void refresher.run('ahead')
    return held
  }

  async function usableToken(signal?: AbortSignal | null, minValidity = 0): Promise<Held | null> {
    client.alive()
    signal?.throwIfAborted()
    const wanted = session.held
    await idle.judged()
    for (let tries = 0; session.snapshot.status === 'unknown' && environment.page; tries++) {
      if (tries === 2) throw new AuthError('refresh_unavailable', 'The session is not restored yet.')
      raise(await unlessAborted(client.restored(), signal))
    }
    if (isShort(minValidity)) {
      await renew(signal)
      // The machine may have slept while the answer was under way: what came is then dead already.
      if (isShort(0)) await renew(signal)
      if (isOver())
        throw new AuthError('refresh_unavailable', 'Even a fresh token is dead: look at its lifetime.')
    } else readyToken()
    const { held } = session
    if (wanted && held && held.identity !== wanted.identity) {
      throw new AuthError('user_changed', 'Another user signed in while this waited for a token.')
    }
    return held
  }

  const isOver = (): boolean => session.held !== null && isExpired(environment, session.held)
  const isShort = (ms: number): boolean =>
    session.held !== null && isDue(environment, session.held, Math.max(session.held.margin, ms))

  async function renew(signal?: AbortSignal | null): Promise<void> {
    const error = await unlessAborted(refresher.run(isOver() ? 'dead' : 'ahead'), signal)
    // Refused: the token that is there is good to its end.
    if (error?.code !== 'refresh_rejected' || isOver()) raise(error)
  }

  /** The token to replay with; `null` where the 401 is the answer. */
  async function replacement(
    sent: Held,
    response: Response,
    signal?: AbortSignal | null,
  ): Promise<Held | null> {
    if (session.held === sent) {
      if (refresher.limited) return null
      try {
        raise(await unlessAborted(refresher.run('dead'), signal))
      } catch (error) {
        discard(response)
        throw error
      }
    }
    const { held } = session
    return held && held !== sent && held.identity === sent.identity ? held : null
  }

  /** After a redirect the answer may be a stranger's; a made-up response has no URL. */
  const isOwnAnswer = (response: Response): boolean => !response.redirected || judge(response.url) !== null

  return { fetch: authorizedFetch, usableToken }
}

function raise(error: AuthError | null): void {
  if (error) throw error
}

const signalOf = ({ init, request }: Call): AbortSignal | null | undefined =>
  init.signal !== undefined ? init.signal : request?.signal

/** What `fetch` would read, when it is called: of an object with a class also what it inherits. */
function copyInit(init: RequestInit | undefined): RequestInit {
  if (!init || isPlain(init)) return { ...init }
  const copy: Record<string, unknown> = {}
  for (const name of MEMBERS) if (name in init) copy[name] = init[name as never]
  return copy
}

/** Without what a query can hold. */
const bare = (url: string): string => url.replace(/[?#].*/, '')

/** As the logger may know it. */
const nameOf = ({ method, url }: Call): { method: string; url: string } => ({ method, url: bare(url) })

/** A Request that says nothing of its credentials says `same-origin`. */
const credentialsOf = (request: Request | null): RequestCredentials | undefined =>
  request && request.credentials !== 'same-origin' ? request.credentials : undefined

/** Across realms, where `instanceof` fails; a URL or a string has no `clone`. */
const isRequest = (value: unknown): value is Request => typeof (value as Request | null)?.clone === 'function'

/** Firefox long had no `Request.body`: ask the method. */
const mayHaveBody = ({ method }: Request): boolean => method !== 'GET' && method !== 'HEAD'

const isOneShot = (body: unknown): boolean => typeof (body as ReadableStream | null)?.getReader === 'function'

function discard(response: Response): void {
  // A body that is locked by now, or was read, cannot be cancelled and need not be.
  response.body?.cancel().catch(() => {})
}

import { unlessAborted, within } from './abort.ts'
import { readChallenge } from './challenge.ts'
import type { GuardRequest } from './csrf.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { Settings } from './options.ts'
import type { Refresher } from './refresh.ts'
import { type Held, isDue, isExpired, type SessionHolder } from './session.ts'
import type { AuthEventMap } from './types.ts'

export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>

export interface AuthorizedFetch {
  fetch: Fetch
  /** The token to send with now, refreshed first where one is due; `null` when anonymous. */
  usableToken(signal?: AbortSignal | null, minValidity?: number): Promise<Held | null>
}

/** How many headers of its own the client remembers, to tell them from a caller's. */
const REMEMBERED = 16

export function createAuthorizedFetch(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  refresher: Refresher,
  guard: GuardRequest,
  alive: () => void,
  restored: () => Promise<AuthError | null>,
  challenged: (detail: AuthEventMap['challenge']) => void,
): AuthorizedFetch {
  const inCookies = settings.mode === 'cookie'
  const { scheme, allowedOrigins, shouldRefresh, log } = settings
  const written: string[] = []

  /** The way of a request: attach, send, and on a 401 refresh once and send again. */
  async function authorizedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    if (init && isRequest(init)) return authorizedFetch(new Request(input, init))
    const request = isRequest(input) ? input : null
    const url = request ? request.url : resolve(input as string | URL)
    const headers = new Headers(init?.headers ?? request?.headers)
    const authorization = headers.get('Authorization')
    const isOurs = authorization !== null && written.includes(authorization)
    if (!url || !isAllowed(url) || (authorization !== null && !isOurs)) {
      if (isOurs) headers.delete('Authorization')
      return settings.fetch(input, isOurs || init?.headers ? { ...init, headers } : init)
    }

    const given = { ...init }
    const method = given.method ?? request?.method ?? 'GET'
    const signal = 'signal' in given ? given.signal : request?.signal
    const wanted = session.held
    const sent = await usableToken(signal)
    if (wanted && !sent) throw new AuthError('no_session', 'The session ended before the request was sent.')
    // A body can be read once: the copy is for the replay.
    const spare = request && sent && !given.body && mayHaveBody(request) ? request.clone() : request
    // Any init at all resets these two on a Request (Fetch §5.4).
    const kept = request && { referrer: request.referrer, referrerPolicy: request.referrerPolicy }
    const response = await send(request ?? url, sent)
    if (!sent || !isOwnAnswer(response)) return response
    if (isChallenged(response) || !(await isTokenDead(response))) return response

    const token = await replacement(sent, response, signal)
    if (!token || isOneShot(given.body)) return response
    discard(response)
    log({ type: 'replay', url: bare(url), from: sent.generation, to: token.generation })
    const second = await send(spare ?? url, token)
    isChallenged(second)
    return second

    function send(target: Request | string, token: Held | null): Promise<Response> {
      if (inCookies) given.credentials ??= token ? withCookies(request) : 'omit'
      else authorize(headers, token)
      if (!settings.csrf) return settings.fetch(target, { ...kept, ...given, headers })
      const guarded = new Headers(headers)
      const isGuarded = guard(guarded, method, url!, token)
      const redirect = isGuarded && request?.redirect !== 'manual' ? 'error' : undefined
      return settings.fetch(target, {
        ...kept,
        ...(redirect && { redirect }),
        ...given,
        headers: guarded,
      })
    }

    /** Another token of this user would not help: the app has to ask for more. */
    function isChallenged(response: Response): boolean {
      const { status } = response
      if (status !== 401 && status !== 403) return false
      const challenge = readChallenge(response.headers.get('WWW-Authenticate'), scheme)
      if (challenge && isOwnAnswer(response)) challenged({ challenge, url: bare(url!), status })
      return challenge !== null
    }

    async function isTokenDead(response: Response): Promise<boolean> {
      if (!shouldRefresh) return response.status === 401
      const shown = new Headers(headers)
      shown.delete('Authorization')
      const copy = response.clone()
      try {
        const judge = async () => shouldRefresh(copy, new Request(url!, { method, headers: shown }))
        return await within(environment, settings.timeout, () => new Error('too slow'), judge, signal)
      } catch (error) {
        signal?.throwIfAborted()
        const name = error instanceof Error ? error.name : typeof error
        log({ type: 'callback-threw', option: 'shouldRefresh', name })
        return false
      } finally {
        discard(copy)
      }
    }
  }

  async function usableToken(signal?: AbortSignal | null, minValidity = 0): Promise<Held | null> {
    alive()
    signal?.throwIfAborted()
    const wanted = session.held
    if (session.snapshot.status === 'unknown') raise(await unlessAborted(restored(), signal))
    if (isShort(minValidity)) {
      await renew(signal)
      // The machine may have slept while the answer was under way: what came is then dead already.
      if (isShort(0)) await renew(signal)
      if (isOver())
        throw new AuthError('refresh_unavailable', 'Even a fresh token is dead.', { retryable: true })
    } else if (session.held && isDue(environment, session.held, session.held.ahead)) {
      // The timer may be throttled: in a hidden tab a request is the better alarm.
      void refresher.run('ahead')
    }
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

  function authorize(headers: Headers, token: Held | null): void {
    if (!token) {
      headers.delete('Authorization')
      return
    }
    const value = `${scheme} ${token.accessToken}`
    if (!written.includes(value)) {
      written.push(value)
      if (written.length > REMEMBERED) written.shift()
    }
    headers.set('Authorization', value)
  }

  /** What `fetch` would make of it, read once: what is judged is what is sent. */
  function resolve(input: string | URL): string | null {
    try {
      return new URL(input, environment.baseURI()).href
    } catch {
      return null // fetch itself says what is wrong with it
    }
  }

  /** The origin of a `blob:` URL is its maker's: the scheme has to be looked at too. */
  const isAllowed = (url: string): boolean => /^https?:/.test(url) && allowedOrigins.has(new URL(url).origin)

  /** After a redirect the answer may be a stranger's; a made-up response has no URL. */
  const isOwnAnswer = (response: Response): boolean => !response.redirected || isAllowed(response.url)

  return { fetch: authorizedFetch, usableToken }
}

function raise(error: AuthError | null): void {
  if (error) throw error
}

/** Without what a query can hold. */
const bare = (url: string): string => url.replace(/[?#].*/, '')

/** A Request that says nothing of its credentials says `same-origin`. */
const withCookies = (request: Request | null): RequestCredentials =>
  request && request.credentials !== 'same-origin' ? request.credentials : 'include'

/** Across realms, where `instanceof` fails; a URL or a string has no `clone`. */
const isRequest = (value: unknown): value is Request => typeof (value as Request | null)?.clone === 'function'

/** Firefox long had no `Request.body`: ask the method. */
const mayHaveBody = ({ method }: Request): boolean => method !== 'GET' && method !== 'HEAD'

const isOneShot = (body: unknown): boolean => typeof (body as ReadableStream | null)?.getReader === 'function'

function discard(response: Response): void {
  // A body that is locked by now, or was read, cannot be cancelled and need not be.
  response.body?.cancel().catch(() => {})
}

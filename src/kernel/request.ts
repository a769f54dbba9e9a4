import { unlessAborted, within } from './abort.ts'
import { createUrlJudge } from './allowed-urls.ts'
import type { Bearer } from './bearer.ts'
import { type Call, type Common, hold, OWNER, readCall } from './call.ts'
import { readChallenge } from './challenge.ts'
import { remaining } from './clock.ts'
import type { GuardRequest } from './csrf.ts'
import type { Environment, Fetch } from './environment.ts'
import { AuthError, errorName } from './errors.ts'
import { isSameIdentity, type Owner } from './identity.ts'
import type { Idle } from './idle.ts'
import type { Settings } from './settings.ts'
import type { Refresher } from './refresh.ts'
import { type Held, isDue, isExpired, type SessionHolder } from './session.ts'
import { noRedirect, supported } from './supported.ts'
import type { AuthEventMap, NotReplayed } from '../types.ts'

export interface AuthorizedFetch {
  fetch: Fetch
  /**
   * The token to send with now, refreshed first where one is due; `null` when anonymous. `refused`: a token of the owner
   * that a server has refused; `null` then means that the session ended while the call waited.
   */
  usableToken(
    signal?: AbortSignal | null,
    minValidity?: number,
    owner?: Owner,
    refused?: string,
  ): Promise<Held | null>
  /** The token that a request would be sent with right now; `null` where it would have to wait. */
  peek(): Held | null
  /** For `init`: all requests that it is given to are made for whoever is signed in now. */
  forNow(isPatient: boolean): RequestInit
}

/** How often a request is sent at most: with its token, after a refresh, and after a wait that outlived that token too. */
const SENDS = 3

/** Cache modes that ask the server. */
const ASKING = ['no-store', 'reload', 'no-cache']

export function createAuthorizedFetch(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  refresher: Refresher,
  idle: Pick<Idle, 'isOver' | 'judged'>,
  bearer: Bearer,
  client: {
    guard: GuardRequest
    alive(): void
    restored(): Promise<AuthError | null>
    /** The API does not take this token, which should still live. */
    refused(token: Held): void
    challenged(detail: AuthEventMap['challenge']): void
  },
): AuthorizedFetch {
  const inCookies = settings.mode === 'cookie'
  const { scheme, shouldRefresh, log } = settings
  const judge = createUrlJudge(settings, environment)

  /**
   * The way of a request: attach, send, and on a 401 refresh once and send again. Most requests wait for nothing but the
   * answer. What an async function keeps while it waits grows with the function, so smaller functions do the waiting.
   */
  function authorizedFetch(
    input: RequestInfo | URL,
    init: RequestInit | undefined = undefined,
  ): Promise<Response> {
    try {
      // biome-ignore lint/complexity/noArguments: a parameter that is left out looks like one that is undefined
      if (arguments.length === 0) throw new TypeError('"fetch" needs an argument.')
      const passedOn = settings.sending.passOn(input, init)
      if (passedOn) return passedOn
      const call = readCall(input, init, judge)
      const author = call.isGiven ? null : bearer.take(call.headers)
      // In cookie mode the header is not ours to write, and the request goes out in the name of the session all the same.
      const isAppsOwn = author === 'other' && !inCookies
      if (call.url === null || isAppsOwn) {
        if (isAppsOwn && call.url !== null)
          log({ type: 'sent-without-token', ...nameOf(call), why: 'own-header' })
        return settings.sending.send(call.target, { ...stoppable(call, call.init) })
      }
      const owner = author && author !== 'other' ? author : (call.common?.owner ?? session.owner)
      const token = readyToken()
      return !token && mustWait() ? whenReady(call, owner) : sendAs(call, token, owner)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  function sendAs(call: Call, token: Held | null, owner: Owner): Promise<Response> {
    belonging(token, owner)
    if (!token) log({ type: 'sent-without-token', ...nameOf(call), why: 'anonymous' })
    else if (isCopied(call)) return exchange(call, token)
    const sending = send(call, call.target, token)
    return token ? answered(call, token, sending) : sending
  }

  async function answered(call: Call, token: Held, sending: Promise<Response>): Promise<Response> {
    const response = await sending
    return isInQuestion(response) ? exchange(call, token, response) : response
  }

  /** Sends until the answer has to do with more than the token. `first`: the answer that is there already. */
  async function exchange(call: Call, token: Held, first?: Response): Promise<Response> {
    let { target } = call
    for (let sends = 1; ; sends++) {
      // A body can be read once: the copy is for the next send.
      let spare = sends < SENDS && isCopied(call) ? (target as Request).clone() : null
      try {
        const response = (sends === 1 && first) || (await send(call, target, token, sends > 1))
        // What waited in a queue for longer than its token lived was not refused for good.
        const isFinal = sends === SENDS || (sends > 1 && session.held === token && !isOver())
        if (!isInQuestion(response) || isChallenged(call, response)) return response
        if (isFinal) return response.status === 401 ? handedBack(call, response, 'refused-again') : response
        if (!(await isTokenDead(call, response))) return response

        await waited(call, renewed(token, response, call.signal))
        const next = successor(token)
        if (!next) return handedBack(call, response, whyNone(token))
        if (call.isOneShot) return handedBack(call, response, 'one-shot-body')
        discard(response)
        log({ type: 'replay', ...nameOf(call), from: token.generation, to: next.generation })
        target = spare ?? target
        token = next
        spare = null
      } finally {
        if (spare) discard(spare)
      }
    }
  }

  /** May another token change it? */
  const isInQuestion = (response: Response): boolean =>
    (response.status === 401 || response.status === 403 || shouldRefresh !== undefined) &&
    isOwnAnswer(response)

  /** Sends it when there is a token to send with, or nobody is signed in. */
  async function whenReady(call: Call, owner: Owner): Promise<Response> {
    hold(call)
    log({ type: 'held-back', ...nameOf(call), why: session.held ? 'refresh' : 'restore' })
    try {
      do await waited(call, usableToken(call.signal, 0, owner))
      while (mustRestore())
    } catch (error) {
      discard(call.target, error)
      throw error
    }
    return sendAs(call, session.held, owner)
  }

  const waited = <T>({ common }: Call, wait: Promise<T>): Promise<T> => common?.whileWaiting?.(wait) ?? wait

  const mustRestore = (): boolean => session.snapshot.status === 'unknown' && environment.page !== null
  const mustWait = (): boolean => session.held !== null || mustRestore()

  /** The token, where it is that of the user whom the request is for. */
  function belonging(token: Held | null, { identity }: Owner): Held | null {
    if (identity === null) return token
    if (!token) throw new AuthError('no_session', 'The session ended before the request was sent.')
    if (isSameIdentity(token.identity, identity)) return token
    throw new AuthError('user_changed', 'Another user signed in before the request was sent.')
  }

  function handedBack(call: Call, response: Response, why: NotReplayed): Response {
    log({ type: 'not-replayed', ...nameOf(call), why })
    return response
  }

  const whyNone = (sent: Held): NotReplayed =>
    session.held === sent ? 'limited' : session.held ? 'user-changed' : 'signed-out'

  function send(
    call: Call,
    target: Request | string,
    token: Held | null,
    isReplay = false,
  ): Promise<Response> {
    const { url, method } = call
    const headers = bearer.attach(call.headers, inCookies ? null : token)
    // The app may change its own from here on.
    if (call.isGiven) call.headers = headers
    const init = stoppable(call, { ...call.init, headers })
    const request = typeof target === 'string' ? null : target
    if (request) {
      // Any init at all resets these two on a Request (Fetch §5.4) to what they mostly are, and parses the first.
      const { referrer, referrerPolicy } = request
      if (referrer !== 'about:client') init.referrer ??= referrer
      if (referrerPolicy) init.referrerPolicy ??= referrerPolicy
    }
    if (inCookies) init.credentials ??= credentialsOf(request) ?? (token ? 'include' : 'omit')
    // The cache may hold the very answer that is asked about again.
    if (isReplay && !ASKING.includes((request ?? init).cache as string)) {
      Object.assign(init, supported({ cache: 'reload' }, { cache: 'no-store' }))
    }
    if (client.guard(headers, method, url as string, token) && request?.redirect !== 'manual') {
      if (init.redirect == null) Object.assign(init, noRedirect())
    }
    return settings.sending.send(target, init)
  }

  /** Another token of this user would not help: the app has to ask for more. */
  function isChallenged(call: Call, response: Response): boolean {
    const { status } = response
    if (status !== 401 && status !== 403) return false
    const challenge = readChallenge(response.headers.get('WWW-Authenticate'), scheme)
    if (challenge && isOwnAnswer(response)) {
      client.challenged({ challenge, url: bare(call.url as string), status })
      handedBack(call, response, 'challenge')
    }
    return challenge !== null
  }

  async function isTokenDead(call: Call, response: Response): Promise<boolean> {
    if (!shouldRefresh) return response.status === 401
    const { url, method, signal } = call
    const headers = new Headers(call.headers)
    headers.delete('Authorization')
    const copy = response.clone()
    try {
      const decide = async () => shouldRefresh(copy, new Request(url as string, { method, headers }))
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

  function peek(): Held | null {
    const token = readyToken()
    // A request would wait for the next one.
    if (!token && session.held && !idle.isOver()) void refresher.run(isOver() ? 'dead' : 'ahead')
    return token
  }

  async function usableToken(
    signal?: AbortSignal | null,
    minValidity = 0,
    owner: Owner = session.owner,
    refused?: string,
  ): Promise<Held | null> {
    client.alive()
    signal?.throwIfAborted()
    const isRefused = () => refused !== undefined && session.held?.accessToken === refused
    const { identity } = session
    const wasTheirs = identity && owner.identity && isSameIdentity(identity, owner.identity)
    await unlessAborted(idle.judged(), signal)
    for (let tries = 0; mustRestore(); tries++) {
      if (tries === 2) throw new AuthError('refresh_unavailable', 'The session is not restored yet.')
      raise(await unlessAborted(client.restored(), signal))
    }
    if (isRefused()) {
      if (!isOver()) client.refused(session.held as Held)
      raise(await unlessAborted(refresher.run('dead'), signal))
    }
    if (isRefused()) {
      throw new AuthError('refresh_unavailable', 'The server handed back the token that was refused.')
    }
    if (isShort(minValidity)) {
      await renew(signal)
      // The machine may have slept while the answer was under way: what came is then dead already.
      if (isShort(0)) await renew(signal)
      if (isOver())
        throw new AuthError('refresh_unavailable', 'Even a fresh token is dead: look at its lifetime.')
    } else readyToken()
    if (refused !== undefined && wasTheirs && !session.held) return null
    return belonging(session.held, owner)
  }

  const isOver = (): boolean => session.held !== null && isExpired(environment, session.held)
  const isShort = (ms: number): boolean =>
    session.held !== null && isDue(environment, session.held, Math.max(session.held.margin, ms))

  async function renew(signal?: AbortSignal | null): Promise<void> {
    const error = await unlessAborted(refresher.run(isOver() ? 'dead' : 'ahead'), signal)
    // Refused: the token that is there is good to its end.
    if (error?.code !== 'refresh_rejected' || isOver()) raise(error)
  }

  /** Where the token that was refused, or the one that took its place, is no good: refreshes. */
  async function renewed(sent: Held, response: Response, signal?: AbortSignal | null): Promise<void> {
    if (refresher.limited || (session.held !== sent && !isOver())) return
    if (!isOver()) client.refused(sent)
    try {
      raise(await unlessAborted(refresher.run('dead'), signal))
    } catch (error) {
      discard(response)
      throw error
    }
  }

  /** The token to replay with; `null` where the 401 is the answer. */
  function successor(sent: Held): Held | null {
    const { held } = session
    return held && held !== sent && isSameIdentity(held.identity, sent.identity) ? held : null
  }

  /** After a redirect the answer may be a stranger's; a made-up response has no URL. */
  const isOwnAnswer = (response: Response): boolean => !response.redirected || judge(response.url) !== null

  function forNow(isPatient: boolean): RequestInit {
    const common: Common = { owner: session.owner, isPatient }
    return { [OWNER]: common } as RequestInit
  }

  return { fetch: authorizedFetch, usableToken, peek, forNow }
}

function raise(error: AuthError | null): void {
  if (error) throw error
}

function stoppable({ common, signal }: Call, init: RequestInit): RequestInit {
  if (!common?.signal) return init
  return { ...init, signal: AbortSignal.any(signal ? [signal, common.signal] : [common.signal]) }
}

/** Without what a query can hold. */
const bare = (url: string): string => url.replace(/[?#].*/, '')

/** As the logger may know it. */
const nameOf = ({ method, url }: Call): { method: string; url: string } => ({
  method,
  url: bare(url as string),
})

/** A Request that says nothing of its credentials says `same-origin`. */
const credentialsOf = (request: Request | null): RequestCredentials | undefined =>
  request && request.credentials !== 'same-origin' ? request.credentials : undefined

/** Has it a body that may be sent again? Firefox long had no `Request.body`: the method says. */
const isCopied = ({ target, method, isOneShot }: Call): boolean =>
  typeof target !== 'string' && method !== 'GET' && method !== 'HEAD' && !isOneShot

function discard(message: string | Request | Response, reason?: unknown): void {
  // A body that is locked by now, or was read, cannot be cancelled and need not be.
  if (typeof message !== 'string') message.body?.cancel(reason).catch(() => {})
}

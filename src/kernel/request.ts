import type { AuthEventMap, NotReplayed } from '../types.ts'
import { within } from './abort.ts'
import type { Bearer } from './bearer.ts'
import {
  type Call,
  type Common,
  discard,
  hold,
  isCopied,
  nameOf,
  OWNER,
  readCall,
  type Send,
} from './call.ts'
import { threw } from './callback.ts'
import { readChallenge } from './challenge.ts'
import type { Environment, Fetch } from './environment.ts'
import { type Held, isExpired } from './held.ts'
import { isSameIdentity, type Owner } from './identity.ts'
import type { CookiesPart, CsrfPart, ProofPart } from './parts.ts'
import { createToInit, stoppable } from './request-init.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { createUrlJudge } from './urls.ts'
import { belonging, type TokenSource } from './usable-token.ts'

export interface AuthorizedFetch {
  fetch: Fetch
  /** Members for `init`: all requests with them have the same owner, the user who is signed in now. */
  forNow(isPatient: boolean): RequestInit
}

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly csrf: CsrfPart | undefined
  readonly cookies: CookiesPart | undefined
  readonly proof: Pick<ProofPart, 'send' | 'refuses'> | undefined
  emit(name: 'challenge', detail: AuthEventMap['challenge']): void
}

/**
 * A request is sent so many times at most: with its token, after a refresh, and once more if that token expired on the
 * way.
 */
const SENDS = 3

/**
 * The way of a request: attach, send, and on a 401 refresh once and send again. Most requests wait for their answer
 * only. The memory of a waiting async function grows with its size, so small functions do the waiting.
 */
export function createAuthorizedFetch(kernel: Needs, tokens: TokenSource, bearer: Bearer): AuthorizedFetch {
  const { settings, environment, session } = kernel
  const { shouldRefresh, log } = settings
  const judge = createUrlJudge(settings, environment)
  const toInit = createToInit(kernel, bearer)
  const { proof } = kernel
  const send: Send =
    proof?.send(toInit) ??
    ((call, target, token, isReplay) => settings.sending.send(target, toInit(call, target, token, isReplay)))

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
      // In cookie mode an Authorization header of the app changes nothing: the cookies say whose request it is.
      const isAppsOwn = author === 'other' && !kernel.cookies
      if (call.url === null || isAppsOwn) {
        if (call.url !== null) log({ type: 'sent-without-token', ...nameOf(call), why: 'own-header' })
        return settings.sending.send(call.target, stoppable(call, { ...call.init }))
      }
      const owner = author && author !== 'other' ? author : (call.common?.owner ?? session.owner)
      const token = tokens.ready()
      return token === undefined ? whenReady(call, owner) : sendAs(call, token, owner)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Waits until there is a usable token, or it is known that nobody is signed in; then sends. */
  async function whenReady(call: Call, owner: Owner): Promise<Response> {
    hold(call)
    log({ type: 'held-back', ...nameOf(call), why: session.held ? 'refresh' : 'restore' })
    try {
      await waited(call, tokens.usable(call.signal, 0, owner))
    } catch (error) {
      discard(call.target, error)
      throw error
    }
    return sendAs(call, session.held, owner)
  }

  function sendAs(call: Call, token: Held | null, owner: Owner): Promise<Response> {
    belonging(token, owner)
    // Signing is async, and the app could change its Request meanwhile.
    if (proof && typeof call.target !== 'string') hold(call)
    if (!token) log({ type: 'sent-without-token', ...nameOf(call), why: 'anonymous' })
    else if (isCopied(call)) return sendAndReplay(call, token)
    const sending = send(call, call.target, token)
    if (!token) return sending
    // A callback costs a request less than an async function. The app's own `fetch` may return no promise.
    return Promise.resolve(sending).then(response =>
      isInQuestion(response) ? sendAndReplay(call, token, response) : response,
    )
  }

  /**
   * Could another token change this answer? Not if a redirect led to a foreign origin. (A made-up Response has no URL.)
   */
  const isInQuestion = (response: Response): boolean =>
    (response.status === 401 || response.status === 403 || shouldRefresh !== undefined) &&
    (!response.redirected || judge(response.url) !== null) &&
    !proof?.refuses(response)

  /** Sends, refreshes and sends again, until the answer is for the caller. `first`: the answer of the first send. */
  async function sendAndReplay(call: Call, token: Held, first?: Response): Promise<Response> {
    let { target } = call
    for (let sends = 1; ; sends++) {
      // A body can be read only once: the copy is for the next send.
      let spare = sends < SENDS && isCopied(call) ? (target as Request).clone() : null
      try {
        const response = (sends === 1 && first) || (await send(call, target, token, sends > 1))
        // A 401 for a token that expired while the request was in a queue is not final.
        const isFinal =
          sends === SENDS || (sends > 1 && session.held === token && !isExpired(environment, token))
        if (!isInQuestion(response) || isChallenged(call, response)) return response
        if (isFinal) {
          if (response.status === 401) notReplayed(call, 'refused-again')
          return response
        }
        if (!(await isTokenDead(kernel, call, response))) return response

        await waited(call, tokens.renewed(token, call.signal)).catch(error => {
          discard(response)
          throw error
        })
        const next = successor(call, token)
        if (!next) return response
        discard(response)
        log({ type: 'replay', ...nameOf(call), from: token.serial, to: next.serial })
        target = spare ?? target
        token = next
        spare = null
      } finally {
        if (spare) discard(spare)
      }
    }
  }

  /** Does the API ask for more than a fresh token, such as another scope? The app has to handle that. */
  function isChallenged(call: Call, response: Response): boolean {
    const { status } = response
    if (status !== 401 && status !== 403) return false
    const challenge = readChallenge(response.headers.get('WWW-Authenticate'), settings.scheme)
    if (!challenge) return false
    kernel.emit('challenge', { challenge, url: nameOf(call).url, status })
    notReplayed(call, 'challenge')
    return true
  }

  /** The token for sending the request again; `null` if the caller gets the answer of this send. */
  function successor(call: Call, sent: Held): Held | null {
    const { held } = session
    if (!held) notReplayed(call, 'signed-out')
    else if (held === sent) notReplayed(call, 'limited')
    else if (!isSameIdentity(held.identity, sent.identity)) notReplayed(call, 'user-changed')
    else if (call.isOneShot) notReplayed(call, 'one-shot-body')
    else return held
    return null
  }

  function notReplayed(call: Call, why: NotReplayed): void {
    log({ type: 'not-replayed', ...nameOf(call), why })
  }

  function forNow(isPatient: boolean): RequestInit {
    const common: Common = { owner: session.owner, isPatient }
    return { [OWNER]: common } as RequestInit
  }

  return { fetch: authorizedFetch, forNow }
}

async function isTokenDead(
  { settings, environment }: Needs,
  call: Call,
  response: Response,
): Promise<boolean> {
  const { shouldRefresh, log } = settings
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
    threw(log, 'shouldRefresh', error)
    return false
  } finally {
    discard(copy)
  }
}

const waited = <T>({ common }: Call, wait: Promise<T>): Promise<T> => common?.whileWaiting?.(wait) ?? wait

import type { Failure, HeldTokens, Operation, PartialTokens } from '../types.ts'
import {
  type Answer,
  isRedirect,
  isRefusal,
  parseBody,
  readRetryAfter,
  readStandard,
  withoutTokens,
} from './answer.ts'
import { createPrepare, type Input, type Needs as PrepareNeeds } from './auth-request.ts'
import { callback } from './callback.ts'
import { instant } from './clock.ts'
import { AuthError, type AuthErrorCode, type AuthErrorDetails } from './errors.ts'
import type { ServerClock } from './server-clock.ts'
import { isUsable, readSet } from './token.ts'
import type { WireNote } from './wire-note.ts'

/** What only some calls have. */
export interface Asking extends Input {
  /** Called when the request leaves. */
  readonly sent?: (() => void) | undefined
  /** Decides who is signed in, so its refusal is judged like that of a refresh. */
  readonly decides?: boolean
  /** Called with the refresh token of the answer, whatever else is wrong with it. */
  readonly rotated?: ((refreshToken: string) => unknown) | undefined
}

/**
 * One call, judged. Whoever asks gives up by the signal; what goes on behind it then is not looked at, and sends nothing
 * more.
 *
 * @throws AuthError `…_rejected` when final, `…_unavailable` when passing; `malformed_response`
 */
export type Ask = (
  operation: Operation,
  tokens: HeldTokens | null,
  signal: AbortSignal,
  asking?: Asking,
) => Promise<Answer>

export interface Needs extends PrepareNeeds {
  readonly serverClock: ServerClock
  readonly wireNote: WireNote
}

interface Call {
  readonly operation: Operation
  /** What its refusal means. */
  readonly kind: Exclude<Operation, 'restore'>
  /** What the app's own functions are told. */
  readonly asked: Operation
  readonly tokens: HeldTokens | null
}

export function createAsk(kernel: Needs): Ask {
  const { settings, environment, serverClock, wireNote } = kernel
  const { endpoints, isRejected, log } = settings
  const prepare = createPrepare(kernel)

  /** What is called: a restore may have an endpoint of its own. */
  function nameOf(operation: Operation): Operation {
    if (operation !== 'restore' || endpoints.restore) return operation
    return kernel.cookies ? 'user' : 'refresh'
  }

  async function isLoggedOut(response: Response, body: unknown): Promise<boolean> {
    const { status, ok } = response
    const redirected = response.redirected || isRedirect(response)
    const judge = settings.isLoggedOut
    if (!judge) return ok
    return callback(log, 'isLoggedOut', () => judge({ status, body, response, redirected })).catch(error => {
      // A mistake in this function does not hide what the server has answered.
      if (ok) throw error
      return false
    })
  }

  /** Would the same call be refused again? */
  async function isFinal(kind: Operation, failure: Failure, text: string): Promise<boolean> {
    const { status } = failure
    const isLogin = kind === 'login'
    if (isLogin && status >= 400 && status < 500 && ![408, 425, 429].includes(status)) return true
    if (!isLogin && kind !== 'refresh') return false
    if (!isRejected) return !isLogin && isRefusal(failure, text)
    return callback(log, 'isRejected', () => isRejected(failure)).catch(error => {
      // A mistake in this function does not hide what the server has answered.
      if (isLogin) return false
      throw error
    })
  }

  async function read(
    body: unknown,
    response: Response,
    asked: Operation,
  ): Promise<PartialTokens | null | undefined> {
    const reader = settings.readTokens ?? readStandard
    const set = await callback(log, 'readTokens', async () => {
      const given = await reader(body, response, asked)
      return given && readSet(given)
    })
    const isAppsWord = set !== undefined && reader !== readStandard
    return !isAppsWord && kernel.cookies?.namesNobody(asked, body) ? null : set
  }

  /** What the answer says. */
  async function judge(call: Call, response: Response, text: string): Promise<Omit<Answer, 'sentAt'>> {
    const { kind, asked, tokens } = call
    const { status, headers } = response
    const body = parseBody(text)
    const isLogout = kind === 'logout'
    const ok = isLogout ? await isLoggedOut(response, body) : response.ok
    if (isLogout && !ok && isRedirect(response)) {
      throw failed(call, 'unavailable', 'was answered with a redirect, which is not followed', {
        retryable: false,
      })
    }
    const serverDate = Date.parse(headers.get('Date') as string)
    if (ok && kind === 'login') serverClock.forget()
    serverClock.saw(serverDate)
    const answered = `was answered with ${status}`
    const retryAt = readRetryAfter(headers.get('Retry-After'), serverDate, environment.now())
    // A server may quote what it refuses, and an error shows no token.
    const refusal = () => ({ status, retryAt, body: withoutTokens(body, tokens) })
    if (!ok && !(await isFinal(kind, { operation: asked, status, body, response }, text))) {
      throw failed(call, 'unavailable', answered, refusal())
    }
    const set = ok && !isLogout ? await read(body, response, asked) : null
    if (set === null && (kind === 'login' || kind === 'refresh')) {
      throw failed(call, 'rejected', ok ? 'was answered: nobody is signed in' : answered, refusal())
    }
    return { set, body, status, serverDate }
  }

  return async (operation, tokens, signal, asking = {}) => {
    const { sent, decides, rotated } = asking
    signal.throwIfAborted()
    const name = nameOf(operation)
    const kind = operation === 'restore' || decides ? 'refresh' : operation
    const call: Call = { operation, kind, asked: name === 'user' ? name : operation, tokens }
    // Only a cookie can be changed by the answer to a page that has gone.
    const isByCookie = (name === 'restore' || (name !== 'user' && !settings.sliding)) && !tokens?.refreshToken
    const isLeaving = operation === 'logout' && !sent
    const wait = isByCookie && !isLeaving ? wireNote.lifted(signal) : null
    if (wait) await wait
    const request = await prepare(name, tokens, signal, asking)
    signal.throwIfAborted()
    const sentAt = instant(environment)
    if (!request) {
      if (kind !== 'logout' && kind !== 'user') {
        throw failed(call, 'rejected', 'was not sent: there is nothing to send')
      }
      return { set: undefined, body: undefined, status: undefined, serverDate: Number.NaN, sentAt }
    }
    let response: Response
    let text: string
    sent?.()
    const arrived = isByCookie && (kind === 'refresh' ? wireNote.sent() : wireNote.lift)
    try {
      response = await settings.sending.send(request.url, request.init)
      if (arrived) arrived()
      text = await response.text()
    } catch {
      // The native error is left behind: it can quote a header, token included.
      throw failed(call, 'unavailable', 'failed on the network, or CORS forbids it')
    }
    const answer = await judge(call, response, text)
    const refreshToken = answer.set?.refreshToken
    if (isUsable(refreshToken)) await rotated?.(refreshToken)
    return { ...answer, sentAt }
  }
}

const failed = (
  { kind, operation }: Call,
  outcome: 'rejected' | 'unavailable',
  how: string,
  details?: AuthErrorDetails,
): AuthError =>
  new AuthError(`${kind}_${outcome}` as AuthErrorCode, `The ${operation} request ${how}.`, details)

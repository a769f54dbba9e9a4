import type { Failure, HeldTokens, Operation, ReadTokens } from '../types.ts'
import {
  type Answer,
  isRedirect,
  isRefusal,
  parseBody,
  readRetryAfter,
  readStandard,
  withoutTokens,
} from './answer.ts'
import type { AuthRequest } from './auth-request.ts'
import { callback } from './callback.ts'
import type { Instant } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode, type AuthErrorDetails } from './errors.ts'
import type { CookiesPart } from './parts.ts'
import type { ServerClock } from './server-clock.ts'
import type { Settings } from './settings.ts'
import { readSet } from './token.ts'

/** One auth call: what its answer is judged by. */
export interface Call {
  /** The operation that the app's own functions see. */
  readonly operation: Operation
  /** The operation that a refusal counts for: it chooses the error code. */
  readonly kind: Exclude<Operation, 'restore'>
  /** A refusal ends the session, or means that nobody is signed in. */
  readonly decides: boolean
  readonly tokens: HeldTokens | null
}

export interface Received {
  readonly response: Response
  readonly text: string
}

export interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly serverClock: ServerClock
  readonly cookies: CookiesPart | undefined
}

/** `request`: what is answered, sent at `sentAt`. */
export type Judge = (call: Call, request: AuthRequest, sentAt: Instant, received: Received) => Promise<Answer>

export function createJudge(kernel: Needs): Judge {
  const { settings, environment, serverClock } = kernel
  const { isRejected, log } = settings

  /** Asks a function of the app. If it throws, a failure of the server is still reported as that failure. */
  const opinion = (option: string, isFailure: boolean, run: () => boolean): Promise<boolean> =>
    callback(log, option, run).catch(error => {
      if (isFailure) return false
      throw error
    })

  async function isLoggedOut(response: Response, body: unknown): Promise<boolean> {
    const { status, ok } = response
    const redirected = response.redirected || isRedirect(response)
    const judge = settings.isLoggedOut
    return judge ? opinion('isLoggedOut', !ok, () => judge({ status, body, response, redirected })) : ok
  }

  /** Would the same call be refused again? */
  async function isFinal({ kind, decides }: Call, failure: Failure, text: string): Promise<boolean> {
    const { status } = failure
    const isLogin = kind === 'login'
    if (!decides) return false
    if (isLogin && status >= 400 && status < 500 && ![408, 425, 429].includes(status)) return true
    if (!isRejected) return !isLogin && isRefusal(failure, text)
    return opinion('isRejected', isLogin, () => isRejected(failure))
  }

  /** `own`: the reader of this one request, in place of `readTokens`. */
  async function read(
    own: ReadTokens | undefined,
    body: unknown,
    response: Response,
    operation: Operation,
  ): Promise<Pick<Answer, 'set' | 'isAppsWord'>> {
    const reader = own ?? settings.readTokens ?? readStandard
    const set = await callback(log, own ? 'read' : 'readTokens', async () => {
      const given = await reader(body, response, operation)
      return given && readSet(given)
    })
    const isAppsWord = set !== undefined && reader !== readStandard
    return !isAppsWord && kernel.cookies?.namesNobody(operation, body) ? { set: null } : { set, isAppsWord }
  }

  return async (call, request, sentAt, { response, text }) => {
    const { operation, kind, decides, tokens } = call
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
    // A server may quote the token that it refuses, and an error must not show a token.
    const refusal = () => ({ status, retryAt, body: withoutTokens(body, tokens) })
    if (!ok && !(await isFinal(call, { operation, status, body, response }, text))) {
      throw failed(call, 'unavailable', answered, refusal())
    }
    const found = ok && !isLogout ? await read(request.read, body, response, operation) : { set: null }
    if (found.set === null && decides) {
      throw failed(call, 'rejected', ok ? 'was answered: nobody is signed in' : answered, refusal())
    }
    return { ...found, body, status, arrival: { sentAt, serverDate, key: request.key } }
  }
}

export const failed = (
  { kind, operation }: Call,
  outcome: 'rejected' | 'unavailable',
  how: string,
  details?: AuthErrorDetails,
): AuthError =>
  new AuthError(`${kind}_${outcome}` as AuthErrorCode, `The ${operation} request ${how}.`, details)

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

/** One auth call, as its answer is judged. */
export interface Call {
  /** What the app's own functions are told. */
  readonly operation: Operation
  /** What its refusal means. */
  readonly kind: Exclude<Operation, 'restore'>
  /** Its refusal signs out, or keeps from signing in. */
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

  /** What the app's own function says. A mistake in it does not hide that the server has answered with a failure. */
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

  /** `own`: reads this very answer. */
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
    // A server may quote what it refuses, and an error shows no token.
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

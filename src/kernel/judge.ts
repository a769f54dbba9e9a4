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
import type { AuthRequest, Received } from './auth-wire.ts'
import { callback } from './callback.ts'
import type { Instant } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode, type AuthErrorDetails } from './errors.ts'
import type { CookiesPart, ProofPart } from './parts.ts'
import type { ServerClock } from './server-clock.ts'
import type { Settings } from './settings.ts'
import { readSet } from './token.ts'

/** One auth call: what its answer is judged by. */
export interface AuthCall {
  /** The operation that the app's own functions see. */
  readonly operation: Operation
  /** The operation that a refusal counts for: it chooses the error code. */
  readonly kind: Exclude<Operation, 'restore'>
  /** A refusal ends the session, or means that nobody is signed in. */
  readonly decides: boolean
  readonly tokens: HeldTokens | null
}

type Outcome = 'rejected' | 'unavailable'

export interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly serverClock: ServerClock
  readonly cookies: CookiesPart | undefined
  readonly proof: Pick<ProofPart, 'refuses'> | undefined
}

type Parsed = Omit<Failure, 'operation'>

/** `request`: the request of this answer, sent at `sentAt`. */
export type Judge = (
  call: AuthCall,
  request: AuthRequest,
  sentAt: Instant,
  received: Received,
) => Promise<Answer>

export function createJudge(kernel: Needs): Judge {
  const { settings, environment, serverClock } = kernel
  const { isRejected, isLoggedOut, scheme, log } = settings

  /** The result of the app's own function. A mistake in that function does not hide the failure of the server. */
  const opinion = ({ ok }: Response, option: string, run: () => boolean): Promise<boolean> =>
    callback(log, option, run).catch(error => {
      if (ok) throw error
      return false
    })

  /** Would the same call be refused again? */
  function isFinal(call: AuthCall, answer: Parsed, text: string): boolean | Promise<boolean> {
    const { operation, kind, decides } = call
    const { status, response } = answer
    // A wrong proof does not become right by signing the user out.
    if (!decides || kernel.proof?.refuses(response, text)) return false
    if (kind === 'login' && status >= 400 && status < 500 && ![408, 425, 429].includes(status)) return true
    if (isRejected) return opinion(response, 'isRejected', () => isRejected({ operation, ...answer }))
    return isRefusal(answer, text)
  }

  /** `own`: the reader of this one request, in place of `readTokens`. */
  async function read(
    own: ReadTokens | undefined,
    operation: Operation,
    { body, response }: Parsed,
  ): Promise<Pick<Answer, 'set' | 'isAppsWord'>> {
    const reader = own ?? settings.readTokens ?? readStandard
    const set = await callback(log, own ? 'read' : 'readTokens', async () => {
      const given = await reader(body, response, operation)
      return given && readSet(given)
    })
    const isAppsWord = set !== undefined && reader !== readStandard
    return !isAppsWord && kernel.cookies?.namesNobody(operation, body) ? { set: null } : { set, isAppsWord }
  }

  return async (call, request, sentAt, { response, text, key }) => {
    const { operation, kind, decides, tokens } = call
    const { status, headers } = response
    const isLogout = kind === 'logout'
    const body = parseBody(text)
    const answer = { status, body, response }
    const isAway = isRedirect(response)
    const redirected = response.redirected || isAway
    const ok =
      isLogout && isLoggedOut
        ? await opinion(response, 'isLoggedOut', () => isLoggedOut({ ...answer, redirected }))
        : response.ok
    const serverDate = Date.parse(headers.get('Date') as string)
    if (ok && kind === 'login') serverClock.forget()
    serverClock.saw(serverDate)
    const retryAt = readRetryAfter(headers.get('Retry-After'), serverDate, environment.now())
    const refused = (outcome: Outcome): AuthError =>
      failed(
        call,
        outcome,
        ok ? 'found nobody signed in' : `was answered with ${isAway ? 'a redirect' : status}`,
        {
          // The next try of a logout would be answered with the same redirect.
          retryable: outcome === 'unavailable' && !(isLogout && isAway),
          status,
          retryAt,
          // A server may quote what it refuses, and an error shows no token.
          body: withoutTokens(body, tokens),
        },
      )
    if (!ok && !(await isFinal(call, answer, text))) throw refused('unavailable')
    const found = ok && !isLogout ? await read(request.read, operation, answer) : { set: null }
    if (found.set === null && decides) throw refused('rejected')
    const arrival = { sentAt, serverDate, key, scheme, serverClock }
    return { ...found, body, status, arrival }
  }
}

export const failed = (
  { kind, operation }: AuthCall,
  outcome: Outcome,
  how: string,
  details?: AuthErrorDetails,
): AuthError =>
  new AuthError(`${kind}_${outcome}` as AuthErrorCode, `The ${operation} request ${how}.`, details)

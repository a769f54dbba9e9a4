import { isHTTPError } from 'ky'
import { type AuthError, isAuthError, type LogoutReason } from 'silent-refresh'

const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

/** 14:05:09 */
export const clock = (time: number): string => TIME.format(time)

export const REASONS: Record<LogoutReason, string> = {
  initial: 'this browser has no session',
  logout: 'logged out here',
  'other-tab': 'logged out in another tab',
  rejected: 'the server refused to renew the session',
  idle: 'nothing was done for too long',
}

export const plural = (count: number, word: string, words = `${word}s`): string =>
  `${count} ${count === 1 ? word : words}`

function retry(retryAt: number): string {
  const seconds = Math.ceil((retryAt - Date.now()) / 1000)
  return seconds > 0 ? `retry in ${seconds} s` : 'retry now'
}

/** The message in the body of a failure, from the demo's server or an authorization server. */
export function serverMessage(body: unknown): string | undefined {
  const said = body as { message?: unknown; error_description?: unknown } | null | undefined
  const message = said?.message ?? said?.error_description
  return typeof message === 'string' ? `${message}.` : undefined
}

/** The server's own sentence, where it refused the login. */
export function loginErrorInWords(error: unknown): string {
  if (!isAuthError(error)) return errorInWords(error)
  if (error.code === 'login_rejected') return serverMessage(error.body) ?? error.message
  return error.retryable ? `${error.message} Try again in a moment.` : error.message
}

export const authErrorInWords = ({ code, message, retryAt, body }: AuthError): string =>
  retryAt === undefined
    ? `${code}: ${serverMessage(body) ?? message}`
    : `${code}: ${retry(retryAt)}. ${message}`

export function errorInWords(error: unknown): string {
  if (isAuthError(error)) return authErrorInWords(error)
  if (isHTTPError(error)) return statusInWords(error.response.status, error.data)
  return error instanceof TypeError ? 'the server could not be reached' : String(error)
}

export const statusInWords = (status: number, body: unknown): string => {
  const message = serverMessage(body)
  return message ? `${status}: ${message}` : `${status}`
}

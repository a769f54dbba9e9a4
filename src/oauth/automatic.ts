import { AuthError } from '../kernel/errors.ts'
import type { Session } from '../types.ts'
import { readCallback } from './callback.ts'

/**
 * Why a login that no user has asked for must not leave the page; `null`: it may leave.
 *
 * A logout must last: the server's own session would sign the user in again. After a login that failed the page would go
 * round in circles. A refused refresh is neither. An outage may hide a session.
 */
export function objection(session: Session, href: string): AuthError | null {
  const { status, error } = session
  if (status === 'authenticated') return null
  if (error && error.code !== 'refresh_rejected') return error
  if (status === 'anonymous' && session.reason !== 'initial' && session.reason !== 'rejected') {
    return new AuthError('no_session', 'A logout has ended the session.')
  }
  // As where the server sends the browser to another page than `redirectUri`, or after much too long.
  if (!readCallback(href)?.isAnswer) return null
  return new AuthError('login_rejected', 'The address has no answer to a login of this client: log in again.')
}

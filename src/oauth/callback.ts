import { AuthorizationResponseError, type AuthorizationServer, validateAuthResponse } from 'oauth4webapi'
import { AuthError } from '../kernel/errors.ts'

/** An address with the answer of an authorization server (RFC 6749 §4.1.2), or of a logout there. */
export interface Callback {
  readonly state: string
  readonly parameters: URLSearchParams
  /** It answers an authorization request. */
  readonly isAnswer: boolean
  /** The address without what the server has added. */
  readonly page: string
}

/** The answer is in the query, or in the fragment with `response_mode=fragment`. `null`: neither has a `state`. */
export function readCallback(href: string): Callback | null {
  const { origin, pathname, search, hash } = new URL(href)
  for (const text of [search, hash.slice(1)]) {
    const parameters = new URLSearchParams(text)
    const state = parameters.get('state')
    if (state) {
      const isAnswer = parameters.has('code') || parameters.has('error')
      return { state, parameters, isAnswer, page: origin + pathname }
    }
  }
  return null
}

/**
 * The code in the answer.
 * @throws AuthError `login_rejected`, with `body` where the server itself says no
 */
export function readCode(
  server: AuthorizationServer,
  clientId: string,
  { parameters, state }: Pick<Callback, 'parameters' | 'state'>,
): string {
  try {
    const code = validateAuthResponse(server, { client_id: clientId }, parameters, state).get('code')
    if (code) return code
  } catch (error) {
    if (error instanceof AuthorizationResponseError) {
      const { error: code, error_description } = error
      throw new AuthError('login_rejected', 'The authorization server has refused the login.', {
        body: { error: code, ...(error_description !== undefined && { error_description }) },
      })
    }
  }
  throw new AuthError(
    'login_rejected',
    'The answer in the address is not one of the authorization server that was asked: see "issuer".',
  )
}

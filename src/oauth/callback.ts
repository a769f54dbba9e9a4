import type { AuthorizationServer } from 'oauth4webapi'
import { AuthError } from '../kernel/errors.ts'
import { bare } from '../kernel/own.ts'

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

/** What an answer has once. With another one, somebody has added to it. */
const SINGLE = ['code', 'error', 'iss', 'state']
/** Answers of flows that this client never asks for: JARM, implicit and hybrid. */
const FOREIGN = ['response', 'id_token', 'token', 'access_token']

/**
 * The code in the answer, which must be of this server (RFC 9207 §2.4).
 * @throws AuthError `login_rejected`, with `body` where the server itself says no
 */
export function readCode(
  server: AuthorizationServer,
  { parameters, state }: Pick<Callback, 'parameters' | 'state'>,
): string {
  const { code, error, error_description, iss } = bare(Object.fromEntries(parameters))
  const isOfServer =
    parameters.get('state') === state &&
    (iss ? iss === server.issuer : !server.authorization_response_iss_parameter_supported) &&
    SINGLE.every(name => parameters.getAll(name).length < 2) &&
    !FOREIGN.some(name => parameters.has(name))
  if (isOfServer && error) {
    throw new AuthError('login_rejected', 'The authorization server has refused the login.', {
      body: { error, ...(error_description !== undefined && { error_description }) },
    })
  }
  if (isOfServer && code) return code
  throw new AuthError(
    'login_rejected',
    'The answer in the address comes from another authorization server: see "issuer".',
  )
}

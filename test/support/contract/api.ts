import type { IncomingMessage } from 'node:http'
import type { ContractMode } from 'silent-refresh/testing/contract'
import type { Is } from './breaks.ts'
import { failure, type Reply } from './reply.ts'
import type { Shown } from './shown.ts'
import type { ContractTokens } from './tokens.ts'

interface Parts {
  readonly mode: ContractMode
  readonly is: Is
  readonly tokens: ContractTokens
  readonly shown: Shown
}

/** What a server that can be broken shows to users who are signed in. */
export interface ContractApi {
  api(request: IncomingMessage): Reply
  /** The user endpoint. */
  me(request: IncomingMessage): Reply
}

export function createApi({ mode, is, tokens, shown }: Parts): ContractApi {
  const challenge = (rest: string): Record<string, string> =>
    mode === 'cookie' || is('the API has no challenge')
      ? {}
      : { 'WWW-Authenticate': `Bearer realm="test"${rest}` }

  return {
    api(request) {
      if (is('the API is closed')) return failure(404, 'not_found')
      const token = shown.access(request)
      if (!token) {
        if (is('the API redirects to a login page')) return { status: 302, headers: { Location: '/login' } }
        return { ...failure(401, 'unauthorized'), headers: challenge('') }
      }
      const session = tokens.sessionOf(token, 'api')
      if (session !== null) {
        const refusal = request.method === 'POST' ? shown.refusal(request, session, 'the API') : null
        return refusal ?? { status: 200, body: { sub: 'ada' } }
      }
      if (is('a bad token is 403')) return failure(403, 'invalid_token')
      const rest = is('a bad token is not named') ? '' : ', error="invalid_token"'
      return { ...failure(401, 'invalid_token'), headers: challenge(rest) }
    },

    me(request) {
      if (is('the user endpoint is closed')) return failure(404, 'not_found')
      if (is('the user endpoint is a page')) return { status: 200, body: '<html>Hello</html>' }
      if (tokens.sessionOf(shown.access(request) ?? '', 'api') !== null) {
        return { status: 200, body: is('the user endpoint returns nothing') ? {} : { sub: 'ada' } }
      }
      if (is('the user endpoint redirects to a login page'))
        return { status: 302, headers: { Location: '/' } }
      if (is('the user endpoint names a guest')) return { status: 200, body: { guest: true } }
      return is('nobody is 204') ? { status: 204 } : failure(401, 'unauthorized')
    },
  }
}

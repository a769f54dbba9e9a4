import type { Received } from '../reception.ts'
import { json } from '../wire.ts'
import { refusal } from './grants.ts'
import type { AuthorizationEndpoint } from './metadata.ts'
import { type AuthorizationSettings, clientOf } from './options.ts'
import type { Tampering } from './tampering.ts'

type Call = Received<AuthorizationEndpoint>

/** Those that are read of a request; `resource` may come more than once. */
export type Parameters = Readonly<Record<string, string | undefined>>

/** An authorization request, from its own parameters or from those that were pushed before. */
export interface Asked {
  readonly parameters: Parameters
  readonly resource: readonly string[]
}

/** What is wrong with a request: `error` and `error_description`. */
type Wrong = readonly [error: string, description: string] | null

/** How long a pushed request lives, in seconds. */
const PUSHED_LIFETIME = 60

/** What the user sees in place of the app. */
export const errorPage = (error_description: string): Response =>
  json({ error: 'invalid_request', error_description }, 400)

export function askedOf({ method, url, body }: Call): Asked {
  const isForm = method === 'POST' && typeof body === 'object'
  const pairs = isForm ? new URLSearchParams(body) : new URL(url).searchParams
  return { parameters: Object.fromEntries(pairs), resource: pairs.getAll('resource') }
}

/** RFC 6749 §3.1.2: absolute, without a fragment. */
export const isRedirectUri = (uri: string | undefined): uri is string =>
  uri !== undefined && URL.canParse(uri) && !uri.includes('#')

/** What keeps the server from sending anybody back; the user is told. */
export function strangeness(settings: AuthorizationSettings, { client_id, redirect_uri }: Parameters): Wrong {
  const client = clientOf(settings, client_id)
  if (!client) return ['invalid_request', 'The client_id is not known.']
  if (!isRedirectUri(redirect_uri))
    return ['invalid_request', 'The redirect_uri is not an absolute URL without a fragment.']
  const isRegistered = client.redirectUris?.includes(redirect_uri) !== false
  return isRegistered ? null : ['invalid_request', 'The redirect_uri is not registered.']
}

/** What the app is told. */
export function fault(parameters: Parameters): Wrong {
  const { response_type, response_mode = 'query', prompt = '', max_age = '0' } = parameters
  const { code_challenge = '', code_challenge_method, request } = parameters
  if (response_type !== 'code') return ['unsupported_response_type', 'The response_type is code.']
  const rules: [holds: boolean, requirement: string][] = [
    [['query', 'fragment'].includes(response_mode), 'The response_mode is query or fragment.'],
    [code_challenge_method === 'S256', 'The code_challenge_method is S256.'],
    [/^[\w-]{43}$/.test(code_challenge), 'The code_challenge is the hash of a code_verifier.'],
    [prompt === 'none' || !prompt.split(' ').includes('none'), 'The prompt "none" stands alone.'],
    [/^\d+$/.test(max_age), 'The max_age is a number of seconds.'],
    [request === undefined, 'There are no request objects.'],
  ]
  const broken = rules.find(([holds]) => !holds)
  return broken ? ['invalid_request', broken[1]] : null
}

export interface Requests {
  /** Of an address of the authorization endpoint; `null`: it names a pushed request that there is not, or not any more. */
  read(call: Call): Asked | null
  /** RFC 9126. */
  push(call: Call): Response
}

export function createRequests(
  settings: AuthorizationSettings,
  tampering: Tampering,
  name: (kind: string) => string,
): Requests {
  const pushed = new Map<string, Asked & { ends: number }>()

  return {
    read(call) {
      const asked = askedOf(call)
      const { request_uri, client_id } = asked.parameters
      if (request_uri === undefined) return asked
      const found = pushed.get(request_uri)
      pushed.delete(request_uri)
      const isGood = found && found.parameters.client_id === client_id && found.ends > settings.now()
      return isGood ? found : null
    },
    push(call) {
      const asked = askedOf(call)
      const { parameters } = asked
      if (parameters.request_uri !== undefined)
        return refusal('invalid_request', 'A request_uri cannot be pushed.')
      const wrong = strangeness(settings, parameters) ?? fault(parameters)
      if (wrong) return refusal(...wrong)
      const request_uri = `urn:ietf:params:oauth:request_uri:${name('request')}`
      pushed.set(request_uri, { ...asked, ends: settings.now() + PUSHED_LIFETIME * 1000 })
      return json(tampering.apply('par', { request_uri, expires_in: PUSHED_LIFETIME }), 201)
    },
  }
}

import { jwtDecode } from 'jwt-decode'
import { invalid } from '../../kernel/errors.ts'
import type { Received } from '../reception.ts'
import { json } from '../wire.ts'
import { type Grants, refusal } from './grants.ts'
import type { AuthorizationEndpoint } from './metadata.ts'
import { type AuthorizationSettings, accountOf, type FakeAccount } from './options.ts'
import type { Tampering } from './tampering.ts'

/** What happens on the pages of the authorization server before the browser is sent back. */
export interface Decision {
  /** Who types a password, by `sub` or as it is. @default who is signed in there, else the first of `users` */
  user?: string | FakeAccount | undefined
  /** The server refuses, as `'access_denied'` where somebody says no. */
  error?: string | undefined
  error_description?: string | undefined
  /** How the user was authenticated. @default the first of `acr_values` */
  acr?: string | undefined
  /** The part of the scope that is granted. @default all that the app asks for */
  scope?: string | undefined
}

type Parameters = Record<string, string | undefined> & { resource?: never }

/** A request, from its own parameters or from those that were pushed before. */
interface Asked {
  readonly parameters: Parameters
  readonly resource: readonly string[]
}

type Call = Received<AuthorizationEndpoint>

/** Where the user is at the authorization server: its own session, and the pages that begin and end it. */
export interface Pages {
  /** Who is signed in there. */
  readonly account: FakeAccount | null
  /** What is decided on the next page that asks for it. */
  next(decision: Decision): void
  authorize(call: Call, decision?: Decision): Response
  endSession(call: Call): Response
  push(call: Call): Response
}

/** How long a pushed request lives, in seconds. */
const PUSHED_LIFETIME = 60

/** Where the browser goes next. */
function sendTo(uri: string, parameters: object, mode = 'query'): Response {
  const url = new URL(uri)
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined)
  if (mode === 'fragment') url.hash = new URLSearchParams(pairs).toString()
  else for (const [name, value] of pairs) url.searchParams.append(name, value)
  return new Response(null, { status: 302, headers: { Location: url.href, 'Cache-Control': 'no-store' } })
}

/** What the user sees in place of the app. */
const errorPage = (error: string, error_description: string): Response =>
  json({ error, error_description }, 400)

function askedOf({ method, url, body }: Call): Asked {
  const pairs =
    method === 'POST' && typeof body === 'object' ? new URLSearchParams(body) : new URL(url).searchParams
  return { parameters: Object.fromEntries(pairs) as Parameters, resource: pairs.getAll('resource') }
}

/** RFC 6749 §3.1.2: absolute, without a fragment. */
const isRedirectUri = (uri: string | undefined): uri is string =>
  uri !== undefined && URL.canParse(uri) && !uri.includes('#')

export function createPages(
  settings: AuthorizationSettings,
  grants: Grants,
  tampering: Tampering,
  name: (kind: string) => string,
): Pages {
  const { issuer, clients, users, iss, now } = settings
  /** `at`: epoch milliseconds at which the password was typed. */
  let session = settings.user && { account: settings.user, at: now() }
  const decisions: Decision[] = []
  const pushed = new Map<string, Asked & { ends: number }>()

  const clientOf = (id: string | undefined) =>
    id && (clients ? clients.find(({ clientId }) => clientId === id) : { clientId: id })

  /** Why this request cannot be answered at a redirect URI. */
  function strangeness({ client_id, redirect_uri }: Parameters): string | null {
    const client = clientOf(client_id)
    if (!client) return 'The client_id is not known.'
    if (!isRedirectUri(redirect_uri)) return 'The redirect_uri is not an absolute URL without a fragment.'
    if (client.redirectUris?.includes(redirect_uri) === false) return 'The redirect_uri is not registered.'
    return null
  }

  /** What is wrong with it that the app is told. */
  function fault(parameters: Parameters): [error: string, description: string] | null {
    const { response_type, response_mode = 'query', prompt = '', max_age = '0' } = parameters
    const { code_challenge = '', code_challenge_method } = parameters
    if (response_type !== 'code') return ['unsupported_response_type', 'The response_type is code.']
    const rules: [holds: boolean, requirement: string][] = [
      [['query', 'fragment'].includes(response_mode), 'The response_mode is query or fragment.'],
      [code_challenge_method === 'S256', 'The code_challenge_method is S256.'],
      [/^[\w-]{43}$/.test(code_challenge), 'The code_challenge is the hash of a code_verifier.'],
      [prompt === 'none' || !prompt.split(' ').includes('none'), 'The prompt none is alone.'],
      [/^\d+$/.test(max_age), 'The max_age is a number of seconds.'],
      [parameters.request === undefined, 'There are no request objects.'],
    ]
    const broken = rules.find(([holds]) => !holds)
    return broken ? ['invalid_request', broken[1]] : null
  }

  /** Whoever the request is answered for, signed in as freshly as it wants; or the error that the app is told. */
  function signIn(parameters: Parameters, { user }: Decision): NonNullable<typeof session> | string {
    const { prompt = '', max_age } = parameters
    const isForced = prompt.split(' ').includes('login')
    if (isForced) session = null
    const age = session ? now() - session.at : 0
    const isOld = max_age !== undefined && (max_age === '0' || age > Number(max_age) * 1000)
    if (prompt === 'none') return session && !isOld ? session : 'login_required'
    if (isForced && user === undefined)
      throw invalid('decision', '{ user }: the server shows its login form, and somebody has to type')
    if (!session || isOld || user !== undefined) {
      const who = user ?? session?.account ?? users[0]
      if (!who) throw invalid('users', 'given, for somebody to sign in')
      session = { account: accountOf(who, users, 'user'), at: now() }
    }
    return session
  }

  /** A page without a form takes no name, so what is decided for the next form stays. */
  function decide({ prompt }: Parameters): Decision {
    const isShown = prompt !== 'none' || decisions[0]?.error !== undefined
    return (isShown && decisions.shift()) || {}
  }

  /** @throws AuthError `invalid_option` if nobody can sign in */
  function authorize(call: Call, given?: Decision): Response {
    const own = askedOf(call)
    const { request_uri, client_id } = own.parameters
    const asked = request_uri === undefined ? own : pushed.get(request_uri)
    pushed.delete(request_uri ?? '')
    if (
      !asked ||
      asked.parameters.client_id !== client_id ||
      ('ends' in asked && (asked.ends as number) <= now())
    )
      return errorPage('invalid_request', 'The request_uri is not known, or was used before.')
    const { parameters, resource } = asked
    const strange = strangeness(parameters)
    if (strange) return errorPage('invalid_request', strange)
    const { redirect_uri = '', state, response_mode } = parameters
    const answer = (told: object) => {
      const all = { ...told, state, ...(iss && { iss: issuer }) }
      return sendTo(redirect_uri, tampering.apply('authorize', all), response_mode)
    }

    const [error, error_description] = fault(parameters) ?? []
    if (error) return answer({ error, error_description })
    const decision = given ?? decide(parameters)
    if (decision.error !== undefined)
      return answer({ error: decision.error, error_description: decision.error_description })
    const found = signIn(parameters, decision)
    if (typeof found === 'string') return answer({ error: found })
    const grant = {
      clientId: parameters.client_id ?? '',
      account: found.account,
      scope: decision.scope ?? parameters.scope ?? '',
      resource,
      nonce: parameters.nonce,
      acr: decision.acr ?? parameters.acr_values?.split(' ')[0],
      authTime: Math.floor(found.at / 1000),
      isOver: false,
    }
    return answer({ code: grants.issueCode(grant, redirect_uri, parameters.code_challenge ?? '') })
  }

  return {
    get account() {
      return session && session.account
    },
    next: decision => void decisions.push(decision),
    authorize,
    endSession(call) {
      const { parameters } = askedOf(call)
      const { id_token_hint, client_id = audienceOf(id_token_hint), state } = parameters
      const { post_logout_redirect_uri } = parameters
      const client = clientOf(client_id)
      if (post_logout_redirect_uri !== undefined) {
        if (!client) return errorPage('invalid_request', 'The client_id is not known.')
        const isKnown = client.postLogoutRedirectUris?.includes(post_logout_redirect_uri) !== false
        if (!isKnown || !isRedirectUri(post_logout_redirect_uri))
          return errorPage('invalid_request', 'The post_logout_redirect_uri is not registered.')
      }
      session = null
      return sendTo(post_logout_redirect_uri ?? new URL(call.url).origin, { state })
    },
    push(call) {
      const asked = askedOf(call)
      if (asked.parameters.request_uri !== undefined)
        return refusal('invalid_request', 'A request_uri cannot be pushed.')
      const strange = strangeness(asked.parameters)
      const [error, description] = (strange ? ['invalid_request', strange] : fault(asked.parameters)) ?? []
      if (error) return refusal(error, description ?? '')
      const request_uri = `urn:ietf:params:oauth:request_uri:${name('request')}`
      pushed.set(request_uri, { ...asked, ends: now() + PUSHED_LIFETIME * 1000 })
      return json(tampering.apply('par', { request_uri, expires_in: PUSHED_LIFETIME }), 201)
    },
  }
}

/** The client that an id token was issued to. */
function audienceOf(idToken = ''): string | undefined {
  try {
    const { aud } = jwtDecode(idToken)
    return typeof aud === 'string' ? aud : aud?.[0]
  } catch {
    return undefined
  }
}

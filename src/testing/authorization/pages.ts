import { invalid } from '../../kernel/errors.ts'
import type { Received } from '../reception.ts'
import type { Grants } from './grants.ts'
import type { AuthorizationEndpoint } from './metadata.ts'
import {
  type AuthorizationSettings,
  accountOf,
  checkDecision,
  clientOf,
  type Decision,
  type FakeAccount,
} from './options.ts'
import {
  type Asked,
  askedOf,
  errorPage,
  fault,
  isRedirectUri,
  type Parameters,
  type Requests,
  strangeness,
} from './requests.ts'
import type { Tampering } from './tampering.ts'
import type { Tokens } from './tokens.ts'

type Call = Received<AuthorizationEndpoint>

/** Where the user is at the authorization server: its own session, and the pages that begin and end it. */
export interface Pages {
  /** Who is signed in there. */
  readonly account: FakeAccount | null
  /** The decision on the next page that asks. */
  next(decision: Decision): void
  authorize(call: Call, decision?: Decision): Response
  endSession(call: Call): Response
}

interface Session {
  readonly account: FakeAccount
  /** Epoch milliseconds at which the password was typed. */
  readonly at: number
}

/** Where the browser goes next. */
function sendTo(uri: string, parameters: object, mode: 'query' | 'fragment'): Response {
  const url = new URL(uri)
  const added = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== undefined),
  ).toString()
  if (mode === 'fragment') url.hash = added
  // RFC 6749 §3.1.2: the query of the redirect URI is kept as it is.
  else if (added) url.search = url.search ? `${url.search}&${added}` : added
  return new Response(null, { status: 302, headers: { Location: url.href, 'Cache-Control': 'no-store' } })
}

export function createPages(
  settings: AuthorizationSettings,
  {
    requests,
    tokens,
    grants,
    tampering,
  }: {
    requests: Requests
    tokens: Tokens
    grants: Grants
    tampering: Tampering
  },
): Pages {
  const { issuer, users, iss, now } = settings
  let session: Session | null = settings.user && { account: settings.user, at: now() }
  const decisions: Decision[] = []

  /** Is the session at the server what the request wants, without a form? */
  function fits(current: Session, { max_age, id_token_hint }: Parameters): boolean {
    const hinted = tokens.ofIdToken(id_token_hint)
    if (hinted && hinted.account.claims.sub !== current.account.claims.sub) return false
    // OpenID Connect Core §3.1.2.1: 0 wants a password in any case.
    return max_age === undefined || (max_age !== '0' && now() - current.at <= Number(max_age) * 1000)
  }

  /** Who the request is answered for, signed in as it wants; `null`: nobody, and no form may be shown. */
  function signIn(parameters: Parameters, { user }: Decision): Session | null {
    const { prompt = '', login_hint } = parameters
    const isForced = prompt.split(' ').includes('login')
    if (isForced) session = null
    const isGood = session !== null && fits(session, parameters)
    if (prompt === 'none') return isGood ? session : null
    if (isForced && user === undefined)
      throw invalid('decision', '{ user }: the server shows its login form, and somebody has to type')
    if (!isGood || user !== undefined) {
      const hinted = users.find(({ claims: { sub, email } }) => [sub, email].includes(login_hint))
      const who = user ?? session?.account ?? hinted ?? users[0]
      if (!who) throw invalid('users', 'given, for somebody to sign in')
      session = { account: accountOf(who, users, 'user'), at: now() }
    }
    return session
  }

  /** A page without a form takes no name, so a decision for the next form stays in place. */
  function decide({ prompt }: Parameters): Decision {
    const isAsked = prompt !== 'none' || decisions[0]?.error !== undefined
    return (isAsked && decisions.shift()) || {}
  }

  /** The parameters that the browser is sent back with. */
  function outcome({ parameters, resource }: Asked, given: Decision | undefined): object {
    const wrong = fault(parameters)
    if (wrong) return { error: wrong[0], error_description: wrong[1] }
    const { error, error_description, scope, acr, ...decision } = given ?? decide(parameters)
    if (error !== undefined) return { error, error_description }
    const found = signIn(parameters, decision)
    if (!found) return { error: 'login_required' }
    const grant = {
      clientId: parameters.client_id ?? '',
      account: found.account,
      scope: scope ?? parameters.scope ?? '',
      resource,
      nonce: parameters.nonce,
      acr: acr ?? parameters.acr_values?.split(' ')[0],
      authTime: Math.floor(found.at / 1000),
      jkt: parameters.dpop_jkt ?? null,
      isOver: false,
    }
    return { code: grants.issueCode(grant, parameters.redirect_uri ?? '', parameters.code_challenge ?? '') }
  }

  return {
    get account() {
      return session?.account ?? null
    },
    next(decision) {
      checkDecision(decision, users)
      decisions.push(decision)
    },
    authorize(call, decision) {
      if (decision !== undefined) checkDecision(decision, users)
      const asked = requests.read(call)
      if (!asked) return errorPage('The request_uri is not known, or was used before.')
      const strange = strangeness(settings, asked.parameters)
      if (strange) return errorPage(strange[1])
      const { redirect_uri = '', state, response_mode } = asked.parameters
      const all = { ...outcome(asked, decision), state, ...(iss && { iss: issuer }) }
      return sendTo(
        redirect_uri,
        tampering.apply('authorize', all),
        response_mode === 'fragment' ? 'fragment' : 'query',
      )
    },
    endSession(call) {
      const { id_token_hint, client_id, post_logout_redirect_uri, state } = askedOf(call).parameters
      const client = clientOf(settings, client_id ?? tokens.ofIdToken(id_token_hint)?.clientId)
      if (post_logout_redirect_uri !== undefined) {
        if (!client) return errorPage('The client_id is not known.')
        const isKnown = client.postLogoutRedirectUris?.includes(post_logout_redirect_uri) !== false
        if (!isKnown || !isRedirectUri(post_logout_redirect_uri))
          return errorPage('The post_logout_redirect_uri is not registered.')
      }
      session = null
      return post_logout_redirect_uri === undefined
        ? new Response('You are signed out.')
        : sendTo(post_logout_redirect_uri, { state }, 'query')
    },
  }
}

import type { AuthorizationServer } from 'oauth4webapi'
import { aFlag, aFunction, checked, isFunction, isObject, isText, type Rule } from '../kernel/checked.ts'
import { invalid } from '../kernel/errors.ts'
import { bare } from '../kernel/own.ts'
import { secure, toAbsoluteUrl } from '../kernel/resolve-url.ts'
import type { Challenge } from '../types.ts'

/** Authorization server metadata, by the names of RFC 8414 §2 and OpenID Connect Discovery 1.0 §3. */
export type ServerMetadata = Partial<Omit<AuthorizationServer, 'issuer'>> & { readonly issuer?: string }

/** What `prepare` gets for calls of its own. */
export interface PrepareContext {
  /** The client's option `fetch`. It carries no token. */
  fetch(url: string, init?: RequestInit): Promise<Response>
  /** Aborts when the client gives the login up. */
  readonly signal: AbortSignal
}

/**
 * Changes the parameters of an authorization request, after everything else has set them. It may be async. `par` of this
 * entry is such a function.
 */
export type PrepareRequest = (
  parameters: URLSearchParams,
  metadata: AuthorizationServer,
  context: PrepareContext,
) => URLSearchParams | Promise<URLSearchParams>

/** The options of `oauth`, which reads them once. A wrong value throws `invalid_option`, whose message names the option. */
export interface OAuthOptions {
  /**
   * The issuer identifier of the authorization server, exactly as in its metadata: https or loopback, without query and
   * fragment (RFC 8414 §2). The client reads the metadata from `/.well-known/openid-configuration` below it. Without `openid`
   * in `scope` it uses the address of RFC 8414 §3.
   */
  issuer: string | URL
  /** The identifier of a public client (RFC 6749 §2.2), because no secret is safe in a browser. */
  clientId: string
  /**
   * A page of this origin that creates the client. The server sends the browser back to it. Register it at the server as an
   * absolute URL. A relative URL resolves against the page. @default '/'
   */
  redirectUri?: string | URL | undefined
  /** Space-separated scopes (RFC 6749 §3.3). With `openid` the login has an ID token. @default 'openid' */
  scope?: string | undefined
  /** The API, or APIs, that the access token is for (RFC 8707 §2): absolute URIs. @default none */
  resource?: string | readonly string[] | undefined
  /**
   * `'iframe'`: without a valid refresh token, a hidden frame asks the server whether somebody is signed in there
   * (`prompt=none`, OpenID Connect Core 1.0 §3.1.2.1). Browsers withhold the server's cookies in a frame of another site, so app
   * and server have to be on one site. @default false
   */
  silent?: 'iframe' | false | undefined
  /**
   * The page to which the server sends that frame. It is on this origin, may be empty, and must allow its own origin to frame
   * it. No script runs in it. @default redirectUri
   */
  silentRedirectUri?: string | URL | undefined
  /** The page to which the server sends the browser after a logout. Register it there, too. @default redirectUri */
  postLogoutRedirectUri?: string | URL | undefined
  /**
   * Does `logout()` end the session at the server too, by leaving the page (OpenID Connect RP-Initiated Logout 1.0)? Only if
   * the metadata has an `end_session_endpoint`. The address has the ID token (`id_token_hint`). @default true
   */
  endSession?: boolean | undefined
  /**
   * `session.user` comes from the userinfo endpoint (OpenID Connect Core 1.0 §5.3), and its `sub` is checked. This costs one
   * more call at each login and page load. @default false: from the claims of the ID token
   */
  userInfo?: boolean | undefined
  /**
   * The metadata of the issuer, to save its request on each page load. If the ID tokens are not signed by RS256, it needs
   * `id_token_signing_alg_values_supported` too. @default none
   */
  metadata?: ServerMetadata | undefined
  /**
   * The `prompt` of each login that sets no other. Some servers give a refresh token for `offline_access` only with `'consent'`
   * (OpenID Connect Core 1.0 §11). @default none
   */
  prompt?: string | undefined
  /**
   * More parameters for the authorization request, such as `audience`. They cannot replace one of the protocol.
   * @default none
   */
  parameters?: Record<string, string> | undefined
  /** Changes the parameters of the authorization request at the end, within `timeout`, as `par` does (RFC 9126). @default none */
  prepare?: PrepareRequest | undefined
  /**
   * Called after the return with path, query and fragment, when `history.replaceState` has set the address. For a router that
   * was created before the client, and has to learn of the change. @default none
   */
  navigate?: ((address: string) => void) | undefined
}

/** The argument of `login`. An unknown member is `invalid_option`. */
export interface LoginRequest {
  /** Uses a popup. Call `login` in the click itself, or the browser blocks the popup. @default false */
  popup?: boolean | undefined
  /** The address after the login, on this origin. @default the address of the page */
  returnTo?: string | URL | undefined
  /**
   * For a guard: the app starts the login, not the user. Such a login waits for `ready()` first. It rejects, and the page
   * stays, in two cases. A user has signed out (here, in another tab, or by `idle`): code `no_session`. Or a login has failed:
   * with that error. So no logout is undone, and no page redirects in circles. It opens no popup. @default false
   */
  automatic?: boolean | undefined
  /** OpenID Connect Core 1.0 §3.1.2.1: `login`, `consent`, `select_account`, `create`. @default none */
  prompt?: string | undefined
  /** The user who is expected to log in, such as an e-mail address (OpenID Connect Core 1.0 §3.1.2.1). @default none */
  loginHint?: string | undefined
  /** The user must have logged in at most so many seconds ago. The answer is checked. @default none */
  maxAge?: number | undefined
  /** Authentication context classes, the preferred first, separated by spaces. @default none */
  acrValues?: string | undefined
  /** Replaces the `scope` of `oauth` for this login. @default that scope */
  scope?: string | undefined
  /**
   * The challenge of an API, as the event `challenge` has it (RFC 9470 §4). The login asks for its `scope`, `acr_values` and
   * `max_age`, and refuses an answer with less. @default none
   */
  challenge?: Challenge | undefined
  /** As the option of the same name, for this login. @default none */
  parameters?: Record<string, string> | undefined
}

/** The checked options, with their defaults. */
export interface Config {
  readonly issuer: URL
  /** As the app has written it, because servers compare it letter by letter. */
  readonly issuerName: string
  readonly clientId: string
  readonly redirectUri: string | URL
  readonly scope: string
  readonly isOpenId: boolean
  readonly resource: readonly string[]
  readonly silent?: 'iframe' | false
  readonly silentRedirectUri: string | URL
  readonly postLogoutRedirectUri: string | URL
  readonly endSession: boolean
  readonly userInfo?: boolean
  readonly metadata?: ServerMetadata
  readonly prompt?: string
  readonly parameters?: Readonly<Record<string, string>>
  readonly prepare?: PrepareRequest
  readonly navigate?: (address: string) => void
}

/** The checked argument of `login`. */
export type Login = Omit<LoginRequest, 'scope' | 'returnTo'> & {
  readonly scope: string
  readonly returnTo: string
}

const isUrl = (value: unknown): boolean => isText(value) || value instanceof URL
const isResource = (value: unknown): boolean => isText(value) && URL.canParse(value as string)

/** The parameters of the protocol itself: RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core 1.0 §3.1.2.1. */
const OURS = [
  'client_id',
  'response_type',
  'redirect_uri',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
  'request',
  'request_uri',
  // "login" has members for these, and their values are checked in the answer.
  'prompt',
  'login_hint',
  'max_age',
  'acr_values',
]

const areParameters = (value: unknown): boolean =>
  isObject(value) &&
  Object.entries(value as object).every(([name, text]) => typeof text === 'string' && !OURS.includes(name))

const aUrl: Rule = [isUrl, 'a URL']
const aText: Rule = [isText, 'a non-empty string']
const someParameters: Rule = [areParameters, `an object of texts, without ${OURS.join(', ')}`]

const OPTION_RULES: Record<keyof OAuthOptions, Rule> = {
  issuer: aUrl,
  clientId: aText,
  redirectUri: aUrl,
  scope: aText,
  resource: [
    value => (Array.isArray(value) ? value.every(isResource) : isResource(value)),
    'an absolute URI, or an array of them',
  ],
  silent: [value => value === 'iframe' || value === false, '"iframe" or false'],
  silentRedirectUri: aUrl,
  postLogoutRedirectUri: aUrl,
  endSession: aFlag,
  userInfo: aFlag,
  metadata: [isObject, 'an object'],
  prompt: aText,
  parameters: someParameters,
  prepare: aFunction,
  navigate: aFunction,
}

/** It comes from an API. Its values also have to be readable in the storage and in the answer. */
function isChallenge(value: unknown): boolean {
  if (!isObject(value) || !isObject((value as Challenge).parameters)) return false
  const { scope, acr_values, max_age } = (value as Challenge).parameters
  const areTexts = [scope, acr_values, max_age].every(text => text === undefined || typeof text === 'string')
  return areTexts && /^\d{0,10}$/.test(max_age ?? '')
}

const LOGIN_RULES: Record<keyof LoginRequest, Rule> = {
  popup: aFlag,
  automatic: aFlag,
  returnTo: [value => typeof value === 'string' || value instanceof URL, 'an address of this origin'],
  prompt: aText,
  loginHint: aText,
  maxAge: [value => Number.isInteger(value) && value >= 0, 'a whole number of seconds'],
  acrValues: aText,
  scope: aText,
  challenge: [isChallenge, 'the "challenge" of the event'],
  parameters: someParameters,
}

export const words = (text = ''): string[] => text.split(' ').filter(Boolean)

/** Does metadata that states this belong to the issuer (RFC 8414 §3.3)? */
export const isIssuer = (stated: unknown, { href }: URL): boolean =>
  typeof stated === 'string' && URL.canParse(stated) && new URL(stated).href === href

/** @throws AuthError `invalid_option`, naming the option */
export function readOAuthOptions(options: OAuthOptions): Config {
  if (!isObject(options) || isFunction(options)) throw invalid('oauth', 'given an object')
  const given = checked(options, OPTION_RULES)
  for (const name of ['issuer', 'clientId'] as const) if (!given[name]) throw invalid(name, 'given')
  const issuer = secure('issuer', toAbsoluteUrl('issuer', given.issuer), null)
  if (issuer.search || issuer.hash) throw invalid('issuer', 'a URL without query and fragment')
  const { metadata, scope = 'openid', redirectUri = '/' } = given
  const isOpenId = words(scope).includes('openid')
  for (const name of ['userInfo', 'silent'] as const) {
    if (given[name] && !isOpenId) throw invalid('scope', `one with "openid" where "${name}" is given`)
  }
  if (metadata) {
    const { issuer: stated } = metadata
    if (stated !== undefined && !isIssuer(stated, issuer)) {
      throw invalid('metadata.issuer', 'the same as "issuer"')
    }
    for (const name of ['authorization_endpoint', 'token_endpoint'] as const) {
      if (!isText(metadata[name])) throw invalid(`metadata.${name}`, 'given')
      secure(`metadata.${name}`, toAbsoluteUrl(`metadata.${name}`, metadata[name] as string), null)
    }
  }
  return bare({
    silentRedirectUri: redirectUri,
    postLogoutRedirectUri: redirectUri,
    endSession: true,
    ...given,
    issuer,
    issuerName: String(given.issuer),
    redirectUri,
    scope,
    isOpenId,
    resource: [given.resource ?? []].flat(),
  })
}

/**
 * The argument of `login`, with the parts that a challenge adds. `toLocal`: makes an address of this origin, or throws.
 * @throws AuthError `invalid_option`, whose message names the member
 */
export function readLoginRequest(
  request: unknown,
  config: Config,
  here: string,
  toLocal: (address: string | URL) => string,
): Login {
  if (request !== undefined && !isObject(request)) throw invalid('login', 'given an object, or nothing')
  const given = checked((request ?? {}) as LoginRequest, LOGIN_RULES)
  const { challenge, scope = config.scope } = given
  const { scope: wanted, acr_values: acrValues, max_age: maxAge } = challenge?.parameters ?? {}
  const asked = {
    ...(acrValues && { acrValues }),
    ...(maxAge && { maxAge: Number(maxAge) }),
    ...given,
    scope: [...new Set([...words(scope), ...words(wanted)])].join(' '),
    returnTo: toLocal(given.returnTo ?? here),
  }
  if (config.isOpenId && !words(asked.scope).includes('openid')) {
    throw invalid('scope', 'one with "openid"')
  }
  return asked
}

/** Are all of these scopes granted? If the server does not name them, it has granted all that the client asked for. */
export const isGranted = (granted: string | undefined, wanted: string): boolean =>
  granted === undefined || words(wanted).every(word => words(granted).includes(word))

import { AuthError, invalid } from '../../kernel/errors.ts'
import type { JwtClaims } from '../../types.ts'
import { defined, pageUrl } from '../auth-server-options.ts'

/** A user with an account at the authorization server. */
export interface FakeAccount {
  /** The claims of the ID token and of the userinfo endpoint, for every scope. `sub` is required. */
  claims: JwtClaims & { sub: string }
  /** Claims of the access token. @default `iss`, `sub`, `aud`, `client_id`, `scope`, `auth_time`, `iat`, `exp`, `jti` */
  accessTokenClaims?: JwtClaims | undefined
}

/** An app that is registered at the authorization server. */
export interface FakeClient {
  clientId: string
  /** Compared as texts. @default any */
  redirectUris?: readonly string[] | undefined
  /** Compared as texts. @default any */
  postLogoutRedirectUris?: readonly string[] | undefined
}

/** What `createFakeAuthorizationServer` takes. */
export interface FakeAuthorizationServerOptions {
  /** The same text that the client has; may have a path. @default 'https://id.example.com' */
  issuer?: string | URL | undefined
  /** The one app that is registered, with any redirect URI. @default any app */
  clientId?: string | undefined
  /** The apps that are registered, in place of `clientId`. @default any app */
  clients?: readonly FakeClient[] | undefined
  /** @default one: `sub` 'ada', `name` 'Ada', `email` 'ada@example.com' */
  users?: readonly FakeAccount[] | undefined
  /** Who is signed in at the server when the test begins: one of `users`, by `sub`. @default nobody */
  user?: string | undefined
  /** Lifetime of an access token and of an id token, in seconds. @default 3600 */
  expiresIn?: number | undefined
  /**
   * `'rotate'`: each refresh token works once, and a second use ends what was granted. `'keep'`: one works until the end,
   * and a refresh is answered without another. `'never'`: there are none.
   * @default 'rotate'
   */
  refreshTokens?: 'rotate' | 'keep' | 'never' | undefined
  /** Does a login yield a refresh token only if the app asks for the scope `offline_access`? @default true */
  needsOfflineAccess?: boolean | undefined
  /** Milliseconds in which a refresh token that was used still gets its successor; 0: a second use ends it all. @default 0 */
  grace?: number | undefined
  /** Does the answer of the authorization endpoint have `iss` (RFC 9207)? The metadata announces it. @default true */
  iss?: boolean | undefined
  /**
   * Changes what discovery answers. Endpoints are where it says, without a query; one that is `undefined` is missing.
   * @example
   * { token_endpoint: 'https://id.example.com/oauth2/v1/token', end_session_endpoint: undefined }
   * @default none: every endpoint is below the issuer
   */
  metadata?: Record<string, unknown> | undefined
  /** The folder that `api` resolves against, as the client's option. @default the page's origin */
  baseUrl?: string | URL | undefined
  /**
   * Routes that want a bearer, as `'GET /items'`, exact, without query: with a slash from the root of `baseUrl`'s origin,
   * without one (`'GET items'`) from `baseUrl`. A value is the JSON that is answered, or a `Response`; a function may
   * answer with either.
   * @default none
   */
  api?: Record<string, unknown> | undefined
  /** The server's clock, epoch milliseconds. @default Date.now, looked up at each use */
  now?: (() => number) | undefined
}

const ADA: FakeAccount = { claims: { sub: 'ada', name: 'Ada', email: 'ada@example.com' } }

/** What happens on the pages of the authorization server before the browser is sent back. */
export interface Decision {
  /**
   * Who types a password, by `sub` or as it is.
   * @default who is signed in there, else whose `sub` or `email` is the `login_hint`, else the first of `users`
   */
  user?: string | FakeAccount | undefined
  /** The server refuses, as `'access_denied'` where somebody says no. */
  error?: string | undefined
  error_description?: string | undefined
  /** How the user was authenticated. @default the first of `acr_values` */
  acr?: string | undefined
  /** The part of the scope that is granted. @default all that the app asks for */
  scope?: string | undefined
}

const DECIDED = ['error', 'error_description', 'acr', 'scope']

/** The options, complete. */
export interface AuthorizationSettings {
  readonly issuer: string
  /** `null`: any. */
  readonly clients: readonly FakeClient[] | null
  readonly users: readonly FakeAccount[]
  readonly user: FakeAccount | null
  readonly expiresIn: number
  readonly refreshTokens: 'rotate' | 'keep' | 'never'
  readonly needsOfflineAccess: boolean
  readonly grace: number
  readonly iss: boolean
  readonly metadata: Record<string, unknown>
  readonly baseUrl: string
  readonly api: Record<string, unknown>
  readonly now: () => number
}

const defaults = (): FakeAuthorizationServerOptions => ({
  issuer: 'https://id.example.com',
  clientId: undefined,
  clients: undefined,
  users: [ADA],
  user: undefined,
  expiresIn: 3600,
  refreshTokens: 'rotate',
  needsOfflineAccess: true,
  grace: 0,
  iss: true,
  metadata: {},
  baseUrl: pageUrl()?.origin ?? 'http://localhost:3000',
  api: {},
  now: () => Date.now(),
})

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** @throws AuthError `invalid_option`, naming the option */
function check(settings: FakeAuthorizationServerOptions): void {
  const { clientId, clients, refreshTokens, grace } = settings
  const rules: [name: string, holds: boolean, requirement: string][] = [
    ['clientId', clientId === undefined || (typeof clientId === 'string' && clientId !== ''), 'a text'],
    ['clientId', clientId === undefined || clients === undefined, 'left out where "clients" is given'],
    [
      'clients',
      clients === undefined || areClients(clients),
      'an array of { clientId }, with arrays of URIs',
    ],
    ['users', areAccounts(settings.users), 'an array of { claims } with a "sub" each'],
    [
      'refreshTokens',
      ['rotate', 'keep', 'never'].includes(refreshTokens as string),
      '"rotate", "keep" or "never"',
    ],
    ['needsOfflineAccess', typeof settings.needsOfflineAccess === 'boolean', 'a boolean'],
    ['iss', typeof settings.iss === 'boolean', 'a boolean'],
    [
      'metadata',
      isMetadata(settings.metadata),
      'an object whose endpoints are absolute URLs without a query',
    ],
    ['expiresIn', Number.isFinite(settings.expiresIn), 'a number of seconds'],
    ['grace', (grace as number) >= 0, 'a number of milliseconds'],
    ['api', isObject(settings.api), 'an object'],
    ['now', typeof settings.now === 'function', 'a function'],
    ['baseUrl', URL.canParse(String(settings.baseUrl)), 'an absolute URL'],
  ]
  for (const [name, holds, requirement] of rules) if (!holds) throw invalid(name, requirement)
}

/** @throws AuthError `invalid_option`, naming the option */
export function readAuthorizationSettings(options: FakeAuthorizationServerOptions): AuthorizationSettings {
  if (!isObject(options)) throw invalid('options', 'an object')
  const given = defined(options)
  const settings = { ...defaults(), ...given }
  const unknown = Object.keys(given).find(name => !Object.hasOwn(defaults(), name))
  if (unknown) throw new AuthError('invalid_option', `"${unknown}" is not an option.`)
  const issuer = issuerOf(settings.issuer)
  check(settings)
  const baseUrl = new URL(String(settings.baseUrl))
  baseUrl.pathname = baseUrl.pathname.replace(/\/?$/, '/')
  // Complete by its defaults, and checked.
  const all = { ...settings, issuer, baseUrl: baseUrl.href } as Omit<
    AuthorizationSettings,
    'clients' | 'user'
  >
  const { clientId, clients, user } = settings
  return {
    ...all,
    clients: clients ?? (clientId === undefined ? null : [{ clientId }]),
    user: user === undefined ? null : accountOf(user, all.users, 'user'),
  }
}

/** The app with this id, if it is registered. */
export function clientOf({ clients }: AuthorizationSettings, id: string | undefined): FakeClient | null {
  if (!id) return null
  return clients ? (clients.find(({ clientId }) => clientId === id) ?? null) : { clientId: id }
}

/** @throws AuthError `invalid_option` */
export function checkDecision(decision: Decision, users: readonly FakeAccount[]): void {
  if (typeof decision !== 'object' || decision === null) throw invalid('decision', 'an object')
  const { user, ...texts } = decision
  if (user !== undefined) accountOf(user, users, 'user')
  for (const [name, value] of Object.entries(texts)) {
    if (!DECIDED.includes(name)) throw new AuthError('invalid_option', `"${name}" is not part of a decision.`)
    if (value !== undefined && typeof value !== 'string') throw invalid(name, 'a text')
  }
}

/** The account that is meant, by its `sub` or as it is. @throws AuthError `invalid_option` */
export function accountOf(
  wanted: string | FakeAccount,
  users: readonly FakeAccount[],
  name: string,
): FakeAccount {
  const found = typeof wanted === 'string' ? users.find(({ claims }) => claims.sub === wanted) : wanted
  if (!found || !areAccounts([found])) throw invalid(name, 'the "sub" of a user, or { claims } with a "sub"')
  return found
}

/** As it was given: servers compare issuers as texts. */
function issuerOf(given: unknown): string {
  const text = given instanceof URL ? given.href.replace(/^(\w+:\/\/[^/]+)\/$/, '$1') : given
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash)
    throw invalid('issuer', 'an absolute URL without query and fragment')
  return text as string
}

const isMetadata = (metadata: unknown): boolean =>
  isObject(metadata) &&
  Object.entries(metadata as object).every(
    ([name, value]) => !/_endpoint$|^jwks_uri$/.test(name) || isPlace(value),
  )

const isPlace = (value: unknown): boolean =>
  value === undefined || (typeof value === 'string' && URL.canParse(value) && !/[?#]/.test(value))

const areClients = (clients: unknown): boolean =>
  Array.isArray(clients) &&
  clients.every(client => typeof client?.clientId === 'string' && LISTS.every(name => isList(client[name])))

const LISTS = ['redirectUris', 'postLogoutRedirectUris']
const isList = (value: unknown): boolean => value === undefined || Array.isArray(value)

const areAccounts = (users: unknown): boolean =>
  Array.isArray(users) && users.every(user => typeof user?.claims?.sub === 'string')

import type { Environment } from './environment.ts'
import { AuthError, withoutBody } from './errors.ts'
import { bare, pick } from './own.ts'
import { createSending, type Sending } from './sending.ts'
import type { AuthClientOptions, CsrfOptions, Endpoint, LogEvent, TokenStorage } from './types.ts'

/** The options after their defaults, checked. Nothing reads the caller's object again, nor `Object.prototype`. */
export interface Settings
  extends Omit<
    Given<AuthClientOptions<any>>,
    | 'baseUrl'
    | 'endpoints'
    | 'allowedOrigins'
    | 'storage'
    | 'logger'
    | 'fetch'
    | 'tabs'
    | 'csrf'
    | 'idle'
    | 'mode'
  > {
  readonly tabs: 'share' | 'notify' | 'off'
  readonly csrf?: CsrfOptions | undefined
  readonly idleTimeout?: number | undefined
  readonly idleWarning?: number | undefined
  readonly baseUrl: URL | undefined
  readonly endpoints: {
    login: Endpoint
    refresh: Endpoint | false
    logout: Endpoint | false
    readonly user?: Endpoint
    readonly restore?: Endpoint
  }
  readonly allowedOrigins: ReadonlySet<string>
  readonly storage: TokenStorage | undefined
  /** Names the session among all that this browser knows: the origin of `baseUrl` is always part of it. */
  readonly sessionKey: string
  readonly mode: 'bearer' | 'cookie'
  /** The access token is all that a page has: no refresh token, nor a cookie of one. */
  readonly accessOnly: boolean
  readonly scheme: string
  readonly timeout: number
  readonly sending: Sending
  readonly log: (event: LogEvent) => void
}

type Rule = readonly [holds: (value: any) => boolean, requirement: string]

const isFunction = (value: unknown): boolean => typeof value === 'function'
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
/** A token of RFC 9110 §5.6.2, or nearly. */
const isName = (value: unknown): boolean => isText(value) && !/[^\w.~+-]/.test(value as string)
const isEndpoint = (value: unknown): boolean => isFunction(value) || isText(value)
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const isDuration = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 2 ** 40
const oneOf = (...values: string[]): Rule => [
  value => values.includes(value),
  `one of ${values.map(value => `"${value}"`).join(', ')}`,
]
const aFunction: Rule = [isFunction, 'a function']
const aFlag: Rule = [value => typeof value === 'boolean', 'a boolean']
const anEndpoint: Rule = [isEndpoint, 'a URL or a function']
const anEndpointOrNone: Rule = [value => value === false || isEndpoint(value), 'a URL, a function or false']

/** A value that another function made, or none did, is refused. */
const madeBy = (feature: string, makers: string): Rule => [
  value => Object.hasOwn(Object(value), 'feature') && Object.isFrozen(value) && value.feature === feature,
  `made by ${makers}`,
]

const STANDARD = '~standard'

const aSchema: Rule = [value => isFunction(pick(value, STANDARD)[STANDARD]?.validate), 'a Standard Schema']

const OPTION_RULES: Record<keyof AuthClientOptions, Rule> = {
  baseUrl: [value => isText(value) || value instanceof URL, 'a URL'],
  endpoints: [isObject, 'an object'],
  readTokens: aFunction,
  isRejected: aFunction,
  isLoggedOut: aFunction,
  restore: oneOf('auto', 'manual'),
  sessionKey: [isText, 'a non-empty string'],
  shouldRefresh: aFunction,
  scheme: [isName, 'an authentication scheme'],
  allowedOrigins: [Array.isArray, 'an array of origins'],
  mode: madeBy('mode', 'cookieMode()'),
  sliding: aFlag,
  storage: madeBy('storage', 'webStorage() or tokenStorage()'),
  csrf: madeBy('csrf', 'doubleSubmit()'),
  idle: madeBy('idle', 'idleTimeout()'),
  server: aFlag,
  tabs: [value => value === false || madeBy('tabs', '')[0](value), 'made by shareTabs(), or false'],
  refreshAhead: [value => Number.isFinite(value) && value >= 0, 'a non-negative number of milliseconds'],
  timeout: [value => isDuration(value) && value < 2 ** 30, 'a positive number of milliseconds'],
  identity: aFunction,
  claims: aSchema,
  userSchema: aSchema,
  fetch: aFunction,
  logger: aFunction,
}

const ENDPOINT_RULES: Record<string, Rule> = {
  login: anEndpoint,
  refresh: anEndpointOrNone,
  logout: anEndpointOrNone,
  user: anEndpoint,
  restore: anEndpoint,
}

export const invalid = (name: string, requirement: string): AuthError =>
  new AuthError('invalid_option', `"${name}" must be ${requirement}.`)

type Given<T> = { [Name in keyof T]: Exclude<T[Name], undefined> }

/** What was given, as members of its own, without what was given as `undefined`. */
function checked<T extends object>(values: T, rules: Record<string, Rule>, prefix = ''): Given<T> {
  const entries = Object.entries(values).filter(([name, value]) => {
    if (!Object.hasOwn(rules, name))
      throw new AuthError('invalid_option', `"${prefix}${name}" is not an option.`)
    const [holds, requirement] = rules[name] as Rule
    if (value !== undefined && !holds(value)) throw invalid(prefix + name, requirement)
    return value !== undefined
  })
  return bare(Object.fromEntries(entries)) as Given<T>
}

/** Does it take a page to say where it leads? */
export function isRelative(value: string | URL): boolean {
  try {
    return !URL.canParse(value) && URL.canParse(value, 'https://localhost')
  } catch {
    return false // no text at all
  }
}

const LOOPBACK = /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/

/**
 * Resolves it as `fetch` does. With `page`, what names no host of its own has to stay there: a `<base>` that was injected
 * would lead passwords to a stranger.
 *
 * @throws AuthError `invalid_option`, naming it
 */
export function toUrl(
  name: string,
  value: string | URL,
  base?: string | URL,
  page?: Environment['page'],
): URL {
  let url: URL
  let isAstray = false
  try {
    const text = String(value)
    url = new URL(text, base)
    if (page) {
      const onPage = new URL(text, page.origin === 'null' ? undefined : page.origin)
      isAstray = url.origin !== onPage.origin
    }
  } catch {
    const place = page ? 'the origin is opaque' : 'there is no page'
    throw invalid(name, isRelative(value) ? `an absolute URL where ${place}` : 'a URL')
  }
  if (isAstray) throw invalid(name, 'an absolute URL where the <base> of the page leads to another origin')
  return url
}

/** Tokens and passwords go there: nobody on the way may read along. */
function secure(name: string, url: URL, page: Environment['page']): URL {
  const { protocol, hostname, origin, username } = url
  if (username) throw invalid(name, 'a URL without credentials')
  if (protocol === 'https:') return url
  if (protocol === 'http:' && (LOOPBACK.test(hostname) || origin === page?.origin)) return url
  throw invalid(name, "https, loopback or the page's own origin")
}

/** The folder that relative URLs resolve against; `undefined` where it takes a page to know, and there is none. */
export function readBaseUrl(given: string | URL | undefined, page: Environment['page']): URL | undefined {
  const value = given ?? page?.origin ?? '/'
  if (!page && isRelative(value)) return undefined
  const url = secure('baseUrl', toUrl('baseUrl', value, page?.href, page), page)
  url.pathname = url.pathname.replace(/\/?$/, '/')
  return url
}

/** @throws AuthError `invalid_option`, naming the option */
export function readOptions(options: AuthClientOptions<any>, environment: Environment): Settings {
  if (!isObject(options)) throw invalid('options', 'an object')
  const given = checked(options, OPTION_RULES)
  const { page } = environment
  const baseUrl = readBaseUrl(given.baseUrl, page)

  const endpoints = bare({
    login: 'login',
    refresh: 'refresh_token',
    logout: 'logout',
    ...checked(given.endpoints ?? {}, ENDPOINT_RULES, 'endpoints.'),
  }) as Settings['endpoints']
  for (const [name, value] of Object.entries(endpoints)) {
    if (typeof value === 'string' && (baseUrl || !isRelative(value))) {
      const option = `endpoints.${name}`
      endpoints[name as 'login'] = secure(option, toUrl(option, value, baseUrl), page).href
    }
  }
  if (given.mode) {
    if (!endpoints.user) throw invalid('endpoints.user', 'given in cookie mode')
    const unfit = (['sliding', 'storage', 'claims'] as const).find(name => given[name])
    if (unfit) throw invalid(unfit, 'left out in cookie mode, where script sees no token')
  }
  if (!endpoints.refresh) {
    const unfit = (['sliding', 'storage', 'refreshAhead'] as const).find(name => given[name])
    if (unfit) throw invalid(unfit, 'left out where "endpoints.refresh" is false')
    given.refreshAhead = 0
  }
  if (given.tabs === undefined && !given.server) throw invalid('tabs', 'given: shareTabs() or false')
  if (typeof endpoints.refresh === 'function' && given.sessionKey === undefined && given.tabs) {
    throw invalid('sessionKey', 'given where "endpoints.refresh" is a function')
  }
  for (const value of given.allowedOrigins ?? []) {
    const { origin } = secure('allowedOrigins', toUrl('allowedOrigins', value), page)
    if (origin !== value) throw invalid('allowedOrigins', `exact origins, such as "${origin}"`)
  }

  const { fetch, logger, csrf, idle, tabs, mode, storage, sessionKey } = given
  // The text of a function would change with each build of the app, and may hold a secret.
  const refresh = typeof endpoints.refresh === 'function' ? 'function' : endpoints.refresh
  return bare({
    scheme: 'Bearer',
    timeout: 10_000,
    ...given,
    csrf,
    idleTimeout: idle?.ms,
    idleWarning: idle?.warnBefore,
    mode: mode ? 'cookie' : 'bearer',
    tabs: tabs ? (tabs.tokens ? 'share' : 'notify') : 'off',
    sessionKey: sessionKey === undefined ? `${baseUrl} ${refresh}` : `${baseUrl?.origin} ${sessionKey}`,
    baseUrl,
    endpoints,
    accessOnly: given.sliding === true || (!endpoints.refresh && !given.mode),
    storage: storage?.storage,
    allowedOrigins: new Set(given.allowedOrigins ?? (baseUrl && [baseUrl.origin])),
    // Called as a plain function, whatever object the option came on.
    sending: createSending(
      fetch ? (input, init) => fetch(input, init) : environment.fetch,
      environment.firstFetch,
      environment.baseURI,
    ),
    log(event) {
      try {
        logger?.(
          'error' in event && event.error.body !== undefined
            ? { ...event, error: withoutBody(event.error) }
            : event,
        )
      } catch (error) {
        environment.report(error)
      }
    },
  })
}

export const isHtml = (body: unknown): boolean => typeof body === 'string' && /^\s*</.test(body)

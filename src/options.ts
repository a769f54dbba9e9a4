import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import { NOWHERE } from './storage.ts'
import type { AuthClientOptions, Endpoint, Failure, LogEvent, TokenStorage } from './types.ts'

/** The options after their defaults, checked. Nothing reads the caller's object again. */
export interface Settings
  extends Omit<
    Given<AuthClientOptions<any>>,
    'baseUrl' | 'endpoints' | 'allowedOrigins' | 'storage' | 'logger'
  > {
  readonly baseUrl: URL | undefined
  readonly endpoints: {
    login: Endpoint
    refresh: Endpoint
    logout: Endpoint | false
    readonly user?: Endpoint
    readonly restore?: Endpoint
  }
  readonly allowedOrigins: ReadonlySet<string>
  readonly storage: TokenStorage | undefined
  readonly scope: string
  readonly mode: 'bearer' | 'cookie'
  readonly scheme: string
  readonly timeout: number
  readonly isRejected: (failure: Failure) => boolean
  readonly fetch: NonNullable<AuthClientOptions['fetch']>
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

const OPTION_RULES: Record<keyof AuthClientOptions, Rule> = {
  baseUrl: [value => isText(value) || value instanceof URL, 'a URL'],
  endpoints: [isObject, 'an object'],
  readTokens: aFunction,
  isRejected: aFunction,
  restore: oneOf('auto', 'manual'),
  scope: [isText, 'a non-empty string'],
  shouldRefresh: aFunction,
  scheme: [isName, 'an authentication scheme'],
  allowedOrigins: [Array.isArray, 'an array of origins'],
  mode: oneOf('bearer', 'cookie'),
  sliding: aFlag,
  storage: [
    value => isFunction(value?.get) && isFunction(value.set) && isFunction(value.remove),
    'an object with get, set and remove',
  ],
  csrf: [value => isText(value?.cookie) && isName(value.header), '{ cookie, header }, the names of both'],
  idleTimeout: [isDuration, 'a positive number of milliseconds'],
  server: aFlag,
  tabs: oneOf('share', 'notify', 'off'),
  refreshAhead: [value => Number.isFinite(value) && value >= 0, 'a non-negative number of milliseconds'],
  timeout: [value => isDuration(value) && value < 2 ** 30, 'a positive number of milliseconds'],
  identity: aFunction,
  claims: [value => isFunction(value?.['~standard']?.validate), 'a Standard Schema'],
  fetch: aFunction,
  logger: aFunction,
}

const ENDPOINT_RULES: Record<string, Rule> = {
  login: anEndpoint,
  refresh: anEndpoint,
  logout: [value => value === false || isEndpoint(value), 'a URL, a function or false'],
  user: anEndpoint,
  restore: anEndpoint,
}

export const invalid = (name: string, requirement: string): AuthError =>
  new AuthError('invalid_option', `"${name}" must be ${requirement}.`)

type Given<T> = { [Name in keyof T]: Exclude<T[Name], undefined> }

/** What was given, without what was given as `undefined`. */
function checked<T extends object>(values: T, rules: Record<string, Rule>, prefix = ''): Given<T> {
  const entries = Object.entries(values).filter(([name, value]) => {
    if (!Object.hasOwn(rules, name))
      throw new AuthError('invalid_option', `"${prefix}${name}" is not an option.`)
    const [holds, requirement] = rules[name] as Rule
    if (value !== undefined && !holds(value)) throw invalid(prefix + name, requirement)
    return value !== undefined
  })
  return Object.fromEntries(entries) as Given<T>
}

const LOOPBACK = /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/

/** Tokens and passwords go there: nobody on the way may read along. */
function secureUrl(name: string, value: string | URL, page: Environment['page'], base?: string | URL): URL {
  let url: URL
  try {
    url = new URL(value, base)
  } catch {
    throw invalid(name, 'a URL')
  }
  const { protocol, hostname, origin, username } = url
  if (username) throw invalid(name, 'a URL without credentials')
  if (protocol === 'https:') return url
  if (protocol === 'http:' && (LOOPBACK.test(hostname) || origin === page?.origin)) return url
  throw invalid(name, "https, loopback or the page's own origin")
}

/** The folder that relative URLs resolve against; `undefined` where there is neither an option nor a page. */
export function readBaseUrl(value: string | URL | undefined, page: Environment['page']): URL | undefined {
  if (value === undefined && !page) return undefined
  const url = secureUrl('baseUrl', value ?? page!.origin, page, page?.href)
  url.pathname = url.pathname.replace(/\/?$/, '/')
  return url
}

/** @throws AuthError `invalid_option`, naming the option */
export function readOptions(options: AuthClientOptions<any>, environment: Environment): Settings {
  if (!isObject(options)) throw invalid('options', 'an object')
  const given = checked(options, OPTION_RULES)
  const { page } = environment
  const baseUrl = readBaseUrl(given.baseUrl, page)

  const endpoints = {
    login: 'login',
    refresh: 'refresh_token',
    logout: 'logout',
    ...checked(given.endpoints ?? {}, ENDPOINT_RULES, 'endpoints.'),
  } as Settings['endpoints']
  for (const [name, value] of Object.entries(endpoints)) {
    if (baseUrl && typeof value === 'string') {
      endpoints[name as 'login'] = secureUrl(`endpoints.${name}`, value, page, baseUrl).href
    }
  }
  if (given.mode === 'cookie') {
    if (!endpoints.user) throw invalid('endpoints.user', 'given in cookie mode')
    const unfit = (['sliding', 'storage', 'claims'] as const).find(name => given[name])
    if (unfit) throw invalid(unfit, 'left out in cookie mode, where script sees no token')
  }
  if (typeof endpoints.refresh === 'function' && !given.scope && given.tabs !== 'off') {
    throw invalid('scope', 'given where "endpoints.refresh" is a function')
  }
  for (const value of given.allowedOrigins ?? []) {
    const { origin } = secureUrl('allowedOrigins', value, page)
    if (origin !== value) throw invalid('allowedOrigins', `exact origins, such as "${origin}"`)
  }

  const { fetch, logger } = given
  return {
    scope: `${baseUrl} ${endpoints.refresh}`,
    mode: 'bearer',
    scheme: 'Bearer',
    timeout: 10_000,
    isRejected,
    ...given,
    baseUrl,
    endpoints,
    storage: given.storage === NOWHERE ? undefined : given.storage,
    allowedOrigins: new Set(given.allowedOrigins ?? (baseUrl && [baseUrl.origin])),
    // Called as a plain function, whatever object the option came on.
    fetch: fetch ? (input, init) => fetch(input, init) : environment.fetch,
    log(event) {
      try {
        logger?.(event)
      } catch (error) {
        environment.report(error)
      }
    },
  }
}

/** Firewalls and captive portals answer 403 too, but in HTML. */
const isRejected = ({ status, body }: Failure): boolean =>
  (status === 400 || status === 401 || status === 403) && !isHtml(body)

export const isHtml = (body: unknown): boolean => typeof body === 'string' && /^\s*</.test(body)

import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { AuthClientOptions, Endpoint, Failure, LogEvent } from './types.ts'

/** The options after their defaults, checked. Nothing reads the caller's object again. */
export interface Settings {
  readonly baseUrl: URL | undefined
  readonly endpoints: {
    readonly login: Endpoint
    readonly refresh: Endpoint
    readonly logout: Endpoint | false
    readonly user: Endpoint | undefined
    readonly restore: Endpoint | undefined
  }
  readonly allowedOrigins: ReadonlySet<string>
  readonly scope: string
  readonly scheme: string
  readonly timeout: number
  readonly refreshAhead: number | undefined
  readonly restore: 'auto' | 'manual'
  readonly server: boolean
  readonly readTokens: AuthClientOptions['readTokens']
  readonly isRejected: (failure: Failure) => boolean
  readonly shouldRefresh: AuthClientOptions['shouldRefresh']
  readonly claims: AuthClientOptions<unknown>['claims']
  readonly fetch: NonNullable<AuthClientOptions['fetch']>
  readonly log: (event: LogEvent) => void
}

type Rule = readonly [holds: (value: any) => boolean, requirement: string]

const isFunction = (value: unknown): boolean => typeof value === 'function'
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const isEndpoint = (value: unknown): boolean =>
  isFunction(value) || (typeof value === 'string' && value !== '')
const FUNCTION: Rule = [isFunction, 'a function']
const ENDPOINT: Rule = [isEndpoint, 'a URL or a function']

const OPTION_RULES: Record<keyof AuthClientOptions, Rule> = {
  baseUrl: [value => typeof value === 'string' || value instanceof URL, 'a URL'],
  endpoints: [isObject, 'an object'],
  readTokens: FUNCTION,
  isRejected: FUNCTION,
  restore: [value => value === 'auto' || value === 'manual', "'auto' or 'manual'"],
  scope: [value => typeof value === 'string' && value !== '', 'a non-empty string'],
  shouldRefresh: FUNCTION,
  scheme: [value => /^[\w!#$%&'*+.^`|~-]+$/.test(value), 'an authentication scheme (RFC 9110 §11.1)'],
  allowedOrigins: [Array.isArray, 'an array of origins'],
  server: [value => typeof value === 'boolean', 'a boolean'],
  refreshAhead: [value => value >= 0 && Number.isFinite(value), 'a non-negative number of milliseconds'],
  timeout: [
    value => value > 0 && value < 2 ** 30 && Number.isFinite(value),
    'a positive number of milliseconds',
  ],
  claims: [value => isFunction(value?.['~standard']?.validate), 'a Standard Schema'],
  fetch: FUNCTION,
  logger: FUNCTION,
}

const ENDPOINT_RULES: Record<string, Rule> = {
  login: ENDPOINT,
  refresh: ENDPOINT,
  logout: [value => value === false || isEndpoint(value), 'a URL, a function or false'],
  user: ENDPOINT,
  restore: ENDPOINT,
}

export const invalid = (name: string, requirement: string): AuthError =>
  new AuthError('invalid_option', `"${name}" must be ${requirement}.`)

function check(values: object, rules: Record<string, Rule>, prefix = ''): void {
  for (const [name, value] of Object.entries(values)) {
    const rule = Object.hasOwn(rules, name) && rules[name]
    if (!rule) throw new AuthError('invalid_option', `"${prefix}${name}" is not an option.`)
    if (value !== undefined && !rule[0](value)) throw invalid(prefix + name, rule[1])
  }
}

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/

/** Tokens and passwords go there: nobody on the way may read along. */
function secureUrl(name: string, value: string | URL, page: Environment['page'], base?: string | URL): URL {
  let url: URL
  try {
    url = new URL(value, base)
  } catch {
    throw invalid(name, 'a URL')
  }
  if (url.protocol === 'https:') return url
  if (url.protocol === 'http:' && (LOOPBACK.test(url.hostname) || url.origin === page?.origin)) return url
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
  check(options, OPTION_RULES)
  check(options.endpoints ?? {}, ENDPOINT_RULES, 'endpoints.')
  const { page } = environment
  const baseUrl = readBaseUrl(options.baseUrl, page)

  function endpoint(name: string, value: Endpoint): Endpoint {
    if (typeof value === 'function' || !baseUrl) return value
    return secureUrl(`endpoints.${name}`, value, page, baseUrl).href
  }
  const {
    login = 'login',
    refresh = 'refresh_token',
    logout = 'logout',
    user,
    restore,
  } = options.endpoints ?? {}
  if (typeof refresh === 'function' && options.scope === undefined) {
    throw invalid('scope', 'given where "endpoints.refresh" is a function')
  }
  const refreshEndpoint = endpoint('refresh', refresh)

  const logger = options.logger
  const late = options.fetch
  return {
    baseUrl,
    endpoints: {
      login: endpoint('login', login),
      refresh: refreshEndpoint,
      logout: logout && endpoint('logout', logout),
      user: user && endpoint('user', user),
      restore: restore && endpoint('restore', restore),
    },
    allowedOrigins: new Set(
      options.allowedOrigins?.map(value => {
        const { origin } = secureUrl('allowedOrigins', value, page)
        if (origin !== value) throw invalid('allowedOrigins', `exact origins, such as "${origin}"`)
        return origin
      }) ??
        (baseUrl && [baseUrl.origin]),
    ),
    scope: options.scope ?? `${baseUrl} ${refreshEndpoint}`,
    scheme: options.scheme ?? 'Bearer',
    timeout: options.timeout ?? 10_000,
    refreshAhead: options.refreshAhead,
    restore: options.restore ?? 'auto',
    server: options.server ?? false,
    readTokens: options.readTokens,
    isRejected: options.isRejected ?? isRejected,
    shouldRefresh: options.shouldRefresh,
    claims: options.claims,
    fetch: late ? (input, init) => late(input, init) : environment.fetch,
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

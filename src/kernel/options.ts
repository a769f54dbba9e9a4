import type { AuthClientOptions } from '../types.ts'
import { aFlag, aFunction, checked, isFunction, isName, isObject, isText, type Rule } from './checked.ts'
import type { Environment } from './environment.ts'
import { invalid, withoutBody } from './errors.ts'
import { isPlan, type Plans } from './feature.ts'
import { bare, pick } from './own.ts'
import { isRelative, readBaseUrl, secure, toAbsoluteUrl, toUrl } from './resolve-url.ts'
import { createSending } from './sending.ts'
import type { Settings } from './settings.ts'

const isEndpoint = (value: unknown): boolean => isFunction(value) || isText(value)
const anEndpoint: Rule = [isEndpoint, 'a URL or a function']
const anEndpointOrNone: Rule = [value => value === false || isEndpoint(value), 'a URL, a function or false']

/** A value that another function made, or none did, is refused. */
const madeBy = (makers: string): Rule => [isPlan, `made by ${makers}`]

const STANDARD = '~standard'

const aSchema: Rule = [value => isFunction(pick(value, STANDARD)[STANDARD]?.validate), 'a Standard Schema']

const OPTION_RULES: Record<keyof AuthClientOptions, Rule> = {
  baseUrl: [value => isText(value) || value instanceof URL, 'a URL'],
  endpoints: [isObject, 'an object'],
  readTokens: aFunction,
  isRejected: aFunction,
  isLoggedOut: aFunction,
  restore: [value => value === 'auto' || value === 'manual', '"auto" or "manual"'],
  sessionKey: [isText, 'a non-empty string'],
  shouldRefresh: aFunction,
  scheme: [isName, 'an authentication scheme'],
  allowedOrigins: [Array.isArray, 'an array of origins'],
  mode: madeBy('cookieMode()'),
  sliding: aFlag,
  storage: madeBy('webStorage() or tokenStorage()'),
  csrf: madeBy('doubleSubmit()'),
  idle: madeBy('idleTimeout()'),
  flow: madeBy('a function of a login flow'),
  server: aFlag,
  tabs: [(value, name) => value === false || isPlan(value, name), 'made by shareTabs(), or false'],
  refreshAhead: [value => Number.isFinite(value) && value >= 0, 'a non-negative number of milliseconds'],
  timeout: [
    value => typeof value === 'number' && value > 0 && value < 2 ** 30,
    'a positive number of milliseconds',
  ],
  identity: aFunction,
  claims: aSchema,
  userSchema: aSchema,
  proof: madeBy('a function that makes proofs'),
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

/** The options that take a feature. */
const FEATURES = ['tabs', 'storage', 'idle', 'csrf', 'mode', 'flow', 'proof'] as const

/** @throws AuthError `invalid_option`, naming the option */
export function readOptions(
  options: AuthClientOptions<any>,
  environment: Environment,
  heard: Settings['log'] = () => {},
): { settings: Settings; plans: Plans } {
  if (!isObject(options)) throw invalid('options', 'an object')
  const given = checked(options, OPTION_RULES)
  const { page } = environment
  const baseUrl = readBaseUrl(given.baseUrl, page)
  const endpoints = readEndpoints(given.endpoints, baseUrl, page)
  const { logger, sessionKey, tabs, mode, allowedOrigins } = given

  if (tabs === undefined && !given.server) throw invalid('tabs', 'given: shareTabs() or false')
  if (!endpoints.refresh) {
    const unfit = (['sliding', 'storage', 'refreshAhead'] as const).find(name => given[name])
    if (unfit) throw invalid(unfit, 'left out where "endpoints.refresh" is false')
    given.refreshAhead = 0
  }
  // The text of a function would change with each build of the app, and may hold a secret.
  const refresh = isFunction(endpoints.refresh) ? 'function' : endpoints.refresh
  if (refresh === 'function' && sessionKey === undefined && tabs) {
    throw invalid('sessionKey', 'given where "endpoints.refresh" is a function')
  }
  for (const value of allowedOrigins ?? []) {
    const { origin } = secure('allowedOrigins', toAbsoluteUrl('allowedOrigins', value), page)
    if (origin !== value) throw invalid('allowedOrigins', `exact origins, such as "${origin}"`)
  }

  const settings = bare<Settings>({
    scheme: 'Bearer',
    timeout: 10_000,
    ...given,
    sessionKey: sessionKey === undefined ? `${baseUrl} ${refresh}` : `${baseUrl?.origin} ${sessionKey}`,
    baseUrl,
    endpoints,
    accessOnly: given.sliding === true || (!endpoints.refresh && !mode),
    allowedOrigins: new Set(allowedOrigins ?? (baseUrl && [baseUrl.origin])),
    sending: createSending(environment, given.fetch),
    log(event) {
      const told =
        'error' in event && event.error.body !== undefined
          ? { ...event, error: withoutBody(event.error) }
          : event
      heard(told)
      try {
        logger?.(told)
      } catch (error) {
        environment.report(error)
      }
    },
  })
  // The rules have seen that they are.
  const plans = bare({ ...given, tabs: tabs || undefined }) as Plans
  for (const name of FEATURES) plans[name]?.check?.(settings, plans)
  return { settings, plans }
}

/** Absolute URLs where a page or `baseUrl` tells them, and functions. */
function readEndpoints(
  given: AuthClientOptions['endpoints'],
  baseUrl: URL | undefined,
  page: Environment['page'],
): Settings['endpoints'] {
  const endpoints: Settings['endpoints'] = bare({
    login: 'login',
    refresh: 'refresh_token',
    logout: 'logout',
    ...checked(given ?? {}, ENDPOINT_RULES, 'endpoints.'),
  })
  for (const [name, value] of Object.entries(endpoints)) {
    if (typeof value === 'string' && (baseUrl || !isRelative(value))) {
      const option = `endpoints.${name}`
      endpoints[name as 'login'] = secure(option, toUrl(option, value, baseUrl), page).href
    }
  }
  return endpoints
}

import type { AuthClientOptions } from '../types.ts'
import type { Environment } from './environment.ts'
import { AuthError, invalid, withoutBody } from './errors.ts'
import { isPlan, type Parts, type Plan } from './feature.ts'
import { bare, pick } from './own.ts'
import { isRelative, readBaseUrl, secure, toUrl } from './resolve-url.ts'
import { createSending } from './sending.ts'
import type { Settings } from './settings.ts'

type Rule = readonly [holds: (value: any) => boolean, requirement: string]

const isFunction = (value: unknown): boolean => typeof value === 'function'
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
/** A token of RFC 9110 §5.6.2, or nearly. */
const isName = (value: unknown): boolean => isText(value) && !/[^\w.~+-]/.test(value as string)
const isEndpoint = (value: unknown): boolean => isFunction(value) || isText(value)
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const oneOf = (...values: string[]): Rule => [
  value => values.includes(value),
  `one of ${values.map(value => `"${value}"`).join(', ')}`,
]
const aFunction: Rule = [isFunction, 'a function']
const aFlag: Rule = [value => typeof value === 'boolean', 'a boolean']
const anEndpoint: Rule = [isEndpoint, 'a URL or a function']
const anEndpointOrNone: Rule = [value => value === false || isEndpoint(value), 'a URL, a function or false']

/** Refuses a value that another function made, or that no function of ours made. */
const madeBy = (option: Parameters<typeof isPlan>[1], makers: string): Rule => [
  value => isPlan(value, option),
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
  flow: madeBy('flow', 'a function of a login flow'),
  server: aFlag,
  tabs: [value => value === false || isPlan(value, 'tabs'), 'made by shareTabs(), or false'],
  refreshAhead: [value => Number.isFinite(value) && value >= 0, 'a non-negative number of milliseconds'],
  timeout: [
    value => typeof value === 'number' && value > 0 && value < 2 ** 30,
    'a positive number of milliseconds',
  ],
  identity: aFunction,
  claims: aSchema,
  userSchema: aSchema,
  proof: madeBy('proof', 'a function that makes proofs'),
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

type Given<T> = { [Name in keyof T]: Exclude<T[Name], undefined> }

/** A checked copy with members of its own, without those that are `undefined`. */
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

/** The plans of the imported features. */
export type Plans = { readonly [Option in keyof Parts]: Plan<Option> | undefined }

/** @throws AuthError `invalid_option`, naming the option */
export function readOptions(
  options: AuthClientOptions<any>,
  environment: Environment,
): { settings: Settings; plans: Plans } {
  if (!isObject(options)) throw invalid('options', 'an object')
  const given = checked(options, OPTION_RULES)
  const { page } = environment
  const baseUrl = readBaseUrl(given.baseUrl, page)
  const endpoints = readEndpoints(given.endpoints, baseUrl, page)
  const {
    fetch,
    logger,
    sessionKey,
    tabs,
    storage,
    idle,
    csrf,
    mode,
    flow,
    proof,
    allowedOrigins,
    ...plain
  } = given

  if (tabs === undefined && !given.server) throw invalid('tabs', 'given: shareTabs() or false')
  if (mode && storage) throw invalid('storage', 'left out in cookie mode, where JavaScript sees no token')
  if (!endpoints.refresh) {
    const unfit = (['sliding', 'storage', 'refreshAhead'] as const).find(name => given[name])
    if (unfit) throw invalid(unfit, 'left out where "endpoints.refresh" is false')
    plain.refreshAhead = 0
  }
  if (typeof endpoints.refresh === 'function' && sessionKey === undefined && tabs) {
    throw invalid('sessionKey', 'given where "endpoints.refresh" is a function')
  }
  for (const value of allowedOrigins ?? []) {
    const { origin } = secure('allowedOrigins', toUrl('allowedOrigins', value), page)
    if (origin !== value) throw invalid('allowedOrigins', `exact origins, such as "${origin}"`)
  }

  // Not the source text of the function: it changes with each build of the app, and may hold a secret.
  const refresh = typeof endpoints.refresh === 'function' ? 'function' : endpoints.refresh
  const settings = bare<Settings>({
    scheme: 'Bearer',
    timeout: 10_000,
    ...plain,
    sessionKey: sessionKey === undefined ? `${baseUrl} ${refresh}` : `${baseUrl?.origin} ${sessionKey}`,
    baseUrl,
    endpoints,
    accessOnly: given.sliding === true || (!endpoints.refresh && !mode),
    allowedOrigins: new Set(allowedOrigins ?? (baseUrl && [baseUrl.origin])),
    // Called as a plain function, so that `this` is not the options object.
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
  const plans: Plans = {
    tabs: planOf(tabs, 'tabs'),
    storage: planOf(storage, 'storage'),
    idle: planOf(idle, 'idle'),
    csrf: planOf(csrf, 'csrf'),
    mode: planOf(mode, 'mode'),
    flow: planOf(flow, 'flow'),
    proof: planOf(proof, 'proof'),
  }
  for (const plan of Object.values(plans)) plan?.check?.(settings)
  return { settings, plans }
}

const planOf = <Option extends keyof Plans>(value: unknown, option: Option): Plan<Option> | undefined =>
  isPlan(value, option) ? value : undefined

/** Makes URLs absolute, if a page or `baseUrl` is there to resolve them against. Functions stay as they are. */
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

import ky, { type Input, type KyInstance, type Options, TimeoutError } from 'ky'
import type { AuthorizedFetch } from './authorized-fetch.ts'
import { createParts } from './client.ts'
import type { Environment } from './environment.ts'
import type { AuthError } from './errors.ts'
import { invalid, isRelative, readBaseUrl } from './options.ts'
import { bare, pick } from './own.ts'
import { createPatience } from './patience.ts'
import type { AuthClientOptions, AuthClient as CoreClient, JwtClaims } from './types.ts'

/** The client of `silent-refresh`: that of `silent-refresh/core`, and `api`. */
export interface AuthClient<Claims = JwtClaims, User = unknown, Credentials = unknown>
  extends CoreClient<Claims, User, Credentials> {
  /**
   * A ky instance over `fetch` and `baseUrl`: `auth.api.get('items').json()`. ky's default timeout of 10 s does not run
   * while a request waits for a session or a token; a `timeout` that you give does.
   */
  readonly api: KyInstance
}

export function createFullClient<Claims = JwtClaims, User = unknown>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): AuthClient<Claims, User> {
  const given = typeof options === 'object' && options ? bare(options) : options // read once
  const { client, forNow } = createParts<Claims, User>(given, environment)
  const baseUrl = readBaseUrl(given.baseUrl, environment.page)
  // ky reads what is left out from `Object.prototype`, where a stranger's `prefix` would take every request with it.
  const own = { fetch: client.fetch, baseUrl: baseUrl?.href ?? '', prefix: '' }
  const misplaced = (input: Input) =>
    !baseUrl && typeof input === 'string' && isRelative(input)
      ? invalid('baseUrl', 'an absolute URL where there is no page')
      : null
  return Object.assign(client, { api: forOneUser(ky.create(own), forNow, environment, misplaced) })
}

/**
 * All attempts of one call are made for the user who was signed in when the app made it, whenever ky makes them. Where
 * the app sets no timeout, ky's default one does not count the waits for a token.
 */
function forOneUser(
  api: KyInstance,
  forNow: AuthorizedFetch['forNow'],
  environment: Environment,
  misplaced: (input: Input) => AuthError | null,
): KyInstance {
  // ky hands its merged options to this function alone.
  let defaults: Options = {}
  api.extend(merged => {
    defaults = merged
    return {}
  })
  const call = (method: KyInstance['get'], input: Input, options?: Options) => {
    try {
      return method(input, options)
    } catch (error) {
      throw misplaced(input) ?? error
    }
  }
  const bound = (method: KyInstance['get']) => (input: Input, options?: Options) => {
    // What is no object is for ky to refuse.
    if (options !== undefined && Object(options) !== options) return call(method, input, options)
    const patience = createPatience(environment, request => new TimeoutError(request))
    const own: Options = { ...options, ...forNow(patience) }
    const { timeout, fetch = environment.fetch } = pick({ ...defaults, ...own }, 'timeout', 'fetch')
    if (timeout != null) return call(method, input, own)
    const response = call(method, input, { ...own, timeout: false, fetch: patience.attempts(fetch) })
    const readers = Object.entries(response).map(([name, read]) => [
      name,
      (...schema: never[]) => patience.reads(response, read(...schema)),
    ])
    return Object.assign(response, Object.fromEntries(readers))
  }
  const wrap = (other: KyInstance) => forOneUser(other, forNow, environment, misplaced)
  const methods = Object.entries(api).map(([name, value]) => [
    name,
    NOT_CALLS.includes(name) ? value : bound(value),
  ])
  return Object.assign(bound(api), Object.fromEntries(methods), {
    create: (...defaults: Parameters<KyInstance['create']>) => wrap(api.create(...defaults)),
    extend: (...defaults: Parameters<KyInstance['extend']>) => wrap(api.extend(...defaults)),
  }) as KyInstance
}

const NOT_CALLS = ['create', 'extend', 'stop', 'retry']

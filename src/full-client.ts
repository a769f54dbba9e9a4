import ky, { type Input, type KyInstance, type Options } from 'ky'
import { createParts } from './client.ts'
import type { Environment } from './environment.ts'
import type { AuthError } from './errors.ts'
import { invalid, isRelative, readBaseUrl } from './options.ts'
import { bare } from './own.ts'
import type { AuthClientOptions, AuthClient as CoreClient, JwtClaims } from './types.ts'

/** The client of `silent-refresh`: that of `silent-refresh/core`, and `api`. */
export interface AuthClient<Claims = JwtClaims, User = unknown, Credentials = unknown>
  extends CoreClient<Claims, User, Credentials> {
  /** A ky instance over `fetch` and `baseUrl`: `auth.api.get('items').json()`. */
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
  return Object.assign(client, { api: forOneUser(ky.create(own), forNow, misplaced) })
}

/** All attempts of one call are made for the user who was signed in when the app made it, whenever ky makes them. */
function forOneUser(
  api: KyInstance,
  forNow: () => Options,
  misplaced: (input: Input) => AuthError | null,
): KyInstance {
  const bound = (call: KyInstance['get']) => (input: Input, options?: Options) => {
    try {
      return call(input, options === undefined ? forNow() : withOwner(options, forNow()))
    } catch (error) {
      throw misplaced(input) ?? error
    }
  }
  const wrap = (other: KyInstance) => forOneUser(other, forNow, misplaced)
  const methods = Object.entries(api).map(([name, value]) => [
    name,
    NOT_CALLS.includes(name) ? value : bound(value),
  ])
  return Object.assign(bound(api), Object.fromEntries(methods), {
    create: (...defaults: Parameters<KyInstance['create']>) => wrap(api.create(...defaults)),
    extend: (...defaults: Parameters<KyInstance['extend']>) => wrap(api.extend(...defaults)),
  }) as KyInstance
}

/** What is no object is for ky to refuse. */
const withOwner = (options: Options, owner: Options): Options =>
  Object(options) === options ? { ...options, ...owner } : options

const NOT_CALLS = ['create', 'extend', 'stop', 'retry']

import ky, { type Input, type KyInstance, type Options, TimeoutError } from 'ky'
import { assemble } from '../client.ts'
import { shareTabs } from '../features/tabs/index.ts'
import type { Environment } from '../kernel/environment.ts'
import { invalid } from '../kernel/errors.ts'
import { bare } from '../kernel/own.ts'
import { isRelative, readBaseUrl } from '../kernel/resolve-url.ts'
import type { AuthClientOptions, AuthClient as CoreClient, JwtClaims } from '../types.ts'
import { createPatience } from './patience.ts'

/** The client of `silent-refresh`: the one of `silent-refresh/core`, and `api`. */
export interface AuthClient<Claims = JwtClaims, User = unknown, Credentials = unknown>
  extends CoreClient<Claims, User, Credentials> {
  /**
   * A ky instance over `fetch` and `baseUrl`. Use it as `auth.api.get('items').json()`. ky's default timeout of 10 s does not
   * run while a request waits for a session or a token. A `timeout` that you set does.
   */
  readonly api: KyInstance
}

export function createFullClient<Claims = JwtClaims, User = unknown>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): AuthClient<Claims, User> {
  let given = options
  if (typeof options === 'object' && options) {
    given = bare(options) // read once
    if (given.tabs === undefined) given.tabs = shareTabs()
  }
  const { client, forNow } = assemble<Claims, User>(given, environment)
  const baseUrl = readBaseUrl(given.baseUrl, environment.page)
  const patient = createPatience(environment, request => new TimeoutError(request))
  const own = { fetch: patient(client.fetch), baseUrl: baseUrl?.href ?? '' }
  const misplaced = (input: Input) =>
    !baseUrl && typeof input === 'string' && isRelative(input)
      ? invalid('baseUrl', 'an absolute URL where there is no page')
      : null
  return Object.assign(client, { api: forOneUser(ky.create(own)) })

  /**
   * All attempts of one call are made for the user who was signed in when the app made it, whenever ky makes them. Where
   * the app sets no timeout, ky's default one does not count the waits for a token.
   */
  function forOneUser(api: KyInstance): KyInstance {
    const preset = presetOf(api)
    const bound = (method: KyInstance['get']) => (input: Input, options?: Options) => {
      try {
        // ky itself refuses a value that is not an object.
        if (options !== undefined && Object(options) !== options) return method(input, options)
        const given = options ? bare({ ...preset, ...options }) : preset
        return method(resolved(input, given), withCommon(options, given))
      } catch (error) {
        throw misplaced(input) ?? error
      }
    }
    const methods = Object.entries(api).map(([name, value]) => [
      name,
      NOT_CALLS.includes(name) ? value : bound(value),
    ])
    return Object.assign(bound(api), Object.fromEntries(methods), {
      create: (...defaults: Parameters<KyInstance['create']>) => forOneUser(api.create(...defaults)),
      extend: (...defaults: Parameters<KyInstance['extend']>) => forOneUser(api.extend(...defaults)),
    }) as KyInstance
  }

  /**
   * Resolves a relative input as ky does. ky makes a whole Request of `baseUrl` for that, in each call. It still resolves the
   * input of a call that has another `baseUrl`, a prefix or hooks.
   */
  function resolved(input: Input, { baseUrl, prefix, hooks }: Options): Input {
    const isOurs = baseUrl === own.baseUrl && !prefix && !hooks
    return isOurs && typeof input === 'string' && !input.includes(':') ? new URL(input, baseUrl) : input
  }

  function withCommon(options: Options | undefined, given: Options): Options {
    const { timeout, totalTimeout, fetch = environment.fetch } = given
    const isPatient = timeout == null && !totalTimeout
    const result: Options & Record<string, unknown> = { ...options }
    // ky reads missing options from `Object.prototype`, where a stranger's values can be.
    for (const name in result) if (!(name in given)) result[name] = undefined
    if (isPatient && fetch !== own.fetch) result.fetch = patient(fetch)
    // The app sets the time for all attempts, and that time always runs.
    if (timeout == null && totalTimeout) result.timeout = false
    return Object.assign(result, forNow(isPatient))
  }
}

/** The options of an instance for all its calls. ky gives its merged options to this function only. */
function presetOf(api: KyInstance): Options {
  let preset: Options = {}
  api.extend(merged => {
    preset = bare(merged)
    return {}
  })
  return preset
}

const NOT_CALLS = ['create', 'extend', 'stop', 'retry']

import ky, { type KyInstance } from 'ky'
import { createClient } from './client.ts'
import type { Environment } from './environment.ts'
import { readBaseUrl } from './options.ts'
import { bare } from './own.ts'
import type { AuthClientOptions, AuthClient as CoreClient, JwtClaims } from './types.ts'

/** The client of `silent-refresh`: that of `silent-refresh/core`, and `api`. */
export interface AuthClient<Claims = JwtClaims, User = unknown> extends CoreClient<Claims, User> {
  /** A ky instance over `fetch` and `baseUrl`: `auth.api.get('items').json()`. */
  readonly api: KyInstance
}

export function createFullClient<Claims = JwtClaims, User = unknown>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): AuthClient<Claims, User> {
  const given = Object(options) === options ? bare(options) : options // read once
  const client = createClient<Claims, User>(given, environment)
  const baseUrl = readBaseUrl(given.baseUrl, environment.page)
  // ky reads what is left out from `Object.prototype`, where a stranger's `prefix` would take every request with it.
  const own = { fetch: client.fetch, baseUrl: baseUrl?.href ?? '', prefix: '' }
  return Object.assign(client, { api: ky.create(own) })
}

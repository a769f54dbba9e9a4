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
  return Object.assign(client, { api: ky.create({ fetch: client.fetch, ...(baseUrl && { baseUrl }) }) })
}

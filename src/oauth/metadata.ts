import type { AuthorizationServer } from 'oauth4webapi'
import { tookTooLong, unlessAborted, within } from '../kernel/abort.ts'
import { AuthError, type AuthErrorCode, isAuthError, unavailable } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import { secure, toAbsoluteUrl } from '../kernel/resolve-url.ts'
import { type Config, isIssuer } from './options.ts'

/** What the metadata is wanted for: it names the code of the error. */
export type Purpose = 'login' | 'refresh' | 'logout' | 'user'

type EndpointName =
  | 'authorization_endpoint'
  | 'token_endpoint'
  | 'revocation_endpoint'
  | 'userinfo_endpoint'
  | 'end_session_endpoint'

/** The metadata of the authorization server. */
export interface Metadata {
  /**
   * As the app gave it, or read from the issuer: one call for all who ask, kept in memory as long as the page.
   * @throws AuthError `…_unavailable`, `malformed_response`
   */
  get(purpose: Purpose, signal?: AbortSignal): Promise<AuthorizationServer>
  /** Checks that the server can be reached. @throws AuthError `refresh_unavailable` if it cannot */
  reach(signal: AbortSignal): Promise<void>
}

type Needs = Pick<Kernel, 'settings' | 'environment' | 'disposal'>

export function createMetadata(kernel: Needs, { issuer, issuerName, isOpenId, metadata }: Config): Metadata {
  const { settings, environment, disposal } = kernel
  let known: Promise<AuthorizationServer> | null = null
  const url = wellKnown(issuer, isOpenId)

  /** No cookie takes part. After a redirect the answer would come from another server. */
  const request = (init: RequestInit, signal: AbortSignal) =>
    settings.sending.send(url, { credentials: 'omit', redirect: 'error', ...init, signal })

  async function discover(signal: AbortSignal): Promise<AuthorizationServer> {
    const response = await request({ headers: { Accept: 'application/json' } }, signal).catch(() => null)
    if (response?.status !== 200) {
      const { status } = response ?? {}
      throw new AuthError(
        'refresh_unavailable',
        `The metadata of the authorization server cannot be had: ${status ?? 'a network error, or CORS'}.`,
        { status },
      )
    }
    const body = await response.json().catch(() => null)
    if (isIssuer(body?.issuer, issuer)) return body
    throw new AuthError('malformed_response', 'The issuer returned no metadata, or that of another issuer.')
  }

  function read(): Promise<AuthorizationServer> {
    if (metadata) return Promise.resolve({ ...metadata, issuer: metadata.issuer ?? issuerName })
    const late = () => tookTooLong('refresh_unavailable', settings.timeout)
    const reading = within(environment, settings.timeout, late, discover, disposal.signal)
    reading.catch(() => {
      if (known === reading) known = null
    })
    return reading
  }

  return {
    get(purpose, signal) {
      known ??= read()
      return unlessAborted(known, signal).catch(error => {
        throw isAuthError(error) ? coded(error, purpose) : error
      })
    },
    async reach(signal) {
      if (!metadata) return void (await discover(signal))
      // The server may answer, and forbid this page to read it.
      const isThere = await request({ mode: 'no-cors', redirect: 'follow' }, signal).catch(() => null)
      if (!isThere) throw unavailable('The authorization server cannot be reached.')
    },
  }
}

/** All who wait share one call, and each gets an error of its own operation. */
const coded = (error: AuthError, purpose: Purpose): AuthError =>
  error.code === 'refresh_unavailable'
    ? new AuthError(`${purpose}_unavailable` as AuthErrorCode, error.message, { status: error.status })
    : error

/** OpenID Connect Discovery 1.0 §4 puts the name behind the path of the issuer, RFC 8414 §3.1 before it. */
function wellKnown({ origin, pathname }: URL, isOpenId: boolean): string {
  const path = pathname.replace(/\/$/, '')
  return isOpenId
    ? `${origin}${path}/.well-known/openid-configuration`
    : `${origin}/.well-known/oauth-authorization-server${path}`
}

/**
 * Codes and tokens are sent there, so it must be https or loopback. `undefined`: the server has none.
 * @throws AuthError `malformed_response`
 */
export function endpointOf(server: AuthorizationServer, name: EndpointName): string | undefined {
  const value: unknown = server[name]
  // Some servers write null for what they do not have.
  if (value == null) return undefined
  try {
    return secure(name, toAbsoluteUrl(name, value as string), null).href
  } catch {
    throw new AuthError('malformed_response', `"${name}" in the metadata is no URL that is safe to use.`)
  }
}

/** @throws AuthError `malformed_response` */
export function requiredEndpoint(server: AuthorizationServer, name: EndpointName): string {
  const url = endpointOf(server, name)
  if (url === undefined) throw new AuthError('malformed_response', `The metadata has no "${name}".`)
  return url
}

import { jwtDecode } from 'jwt-decode'
import {
  type AuthorizationServer,
  type Client,
  clockSkew,
  getValidatedIdTokenClaims,
  type IDToken,
  processGenericTokenEndpointResponse,
} from 'oauth4webapi'
import { AuthError } from '../kernel/errors.ts'
import type { PartialTokens } from '../types.ts'
import { type Config, isGranted } from './options.ts'
import type { Transaction } from './transaction.ts'

/** What a token answer is judged by. */
export interface Expected {
  readonly server: AuthorizationServer
  /** In lower case. */
  readonly tokenType: string
  /** Epoch milliseconds by this machine's clock. */
  readonly now: number
  /** The login that the code is of. `null`: the answer is to a refresh token. */
  readonly transaction: Pick<Transaction, 'nonce' | 'maxAge' | 'acr' | 'scope'> | null
  /** The ID token of the session that is refreshed. */
  readonly idToken?: string | undefined
}

/** Claims of the ID token that say nothing of the user, and change with each one. */
const OF_TOKEN = ['exp', 'iat', 'nbf', 'jti', 'nonce', 'at_hash', 'c_hash', 's_hash', 'rat']

/** In seconds, as the library has it for the other times. */
const TOLERANCE = 30

function claimsOf(idToken: unknown): Record<string, unknown> {
  try {
    return jwtDecode(idToken as string)
  } catch {
    return {}
  }
}

/**
 * How wrong this machine's clock is, in seconds. The answer comes from the server just now, so its date, or the time at
 * which the ID token was issued, is the server's time. `Date.now` is what the library reads.
 */
function skewOf(idToken: unknown, response: Response, now: number): number {
  const date = Date.parse(response.headers.get('Date') ?? '')
  const issued = claimsOf(idToken).iat
  const seconds = Number.isFinite(date) ? date / 1000 : typeof issued === 'number' ? issued : now / 1000
  return Math.round(seconds - Date.now() / 1000)
}

/**
 * The tokens in an answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3). The signature of the ID
 * token is not checked: it came from the token endpoint by TLS (§3.1.3.7 no. 6), and its claims are for display.
 *
 * @throws AuthError `malformed_response`
 */
export async function readTokens(
  config: Config,
  body: any,
  response: Response,
  { server, tokenType, now, transaction, idToken }: Expected,
): Promise<PartialTokens> {
  const skew = skewOf(body?.id_token, response, now)
  const client: Client = { client_id: config.clientId, [clockSkew]: skew }
  // The body was read already.
  const answer = new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } })
  try {
    const tokens = await processGenericTokenEndpointResponse(server, client, answer)
    const claims = getValidatedIdTokenClaims(tokens)
    demand(tokens.token_type === tokenType, `its token_type is not "${tokenType}"`)
    demand(
      [undefined, config.clientId].includes(claims?.azp as string | undefined),
      'its "azp" is another client',
    )
    if (transaction) {
      demand(claims || !config.isOpenId, 'it has no ID token')
      demandLogin(transaction, claims, tokens.scope, Date.now() / 1000 + skew)
    } else if (claims && idToken) {
      demand(claims.sub === claimsOf(idToken).sub, 'its ID token is of another user')
    }
    return {
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      expiresIn: tokens.expires_in,
      idToken: tokens.id_token,
      user: config.userInfo ? undefined : claims && userOf(claims),
    }
  } catch (error) {
    // The library's message names the claim, and quotes no value.
    const { message } = error as Error
    throw new AuthError('malformed_response', `The answer of the token endpoint cannot be used: ${message}.`)
  }
}

function demand(holds: unknown, message: string): void {
  if (!holds) throw new Error(message)
}

/**
 * Is the ID token of this login (OpenID Connect Core 1.0 §3.1.3.7 no. 11 to 13)? Does it have what the API has asked for (RFC
 * 9470 §5)? `granted`: the scopes. `now`: epoch seconds by the server's clock.
 */
function demandLogin(
  { nonce, maxAge, acr, scope }: NonNullable<Expected['transaction']>,
  claims: Partial<IDToken> = {},
  granted: string | undefined,
  now: number,
): void {
  demand(claims.nonce === nonce, 'the "nonce" of its ID token is of another login')
  if (maxAge !== undefined) {
    // `NaN` where it is missing.
    demand(
      Number(claims.auth_time) + maxAge + TOLERANCE >= now,
      'its "auth_time" is missing, or older than "max_age"',
    )
  }
  if (acr !== undefined) {
    demand(
      acr.split(' ').some(one => one === claims.acr),
      'its "acr" is none of "acr_values"',
    )
  }
  if (scope !== undefined) {
    demand(isGranted(granted, scope), 'it grants less than the scopes that were asked for')
  }
}

const userOf = (claims: IDToken): Record<string, unknown> =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !OF_TOKEN.includes(name)))

/**
 * The answer of the userinfo endpoint (OpenID Connect Core 1.0 §5.3.2): it must be of the user whom the ID token names.
 *
 * @throws AuthError `malformed_response`
 */
export function checkedUser(body: any, idToken: string | undefined): object {
  const { sub } = body ?? {}
  if (typeof sub === 'string' && (idToken === undefined || sub === claimsOf(idToken).sub)) return body
  throw new AuthError('malformed_response', 'The userinfo endpoint returned another user, or none.')
}

import { randomBytes } from 'node:crypto'
import type { Context, ResourceServer } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { User } from '../users.ts'
import { grantAll } from './consent.ts'
import { escapeHtml, page } from './html.ts'
import type { Algorithm, ProviderKeys } from './keys.ts'
import { LOGIN_PATH } from './login-page.ts'
import { askToLogOut, showLoggedOut } from './logout-page.ts'
import type { ProviderClient, ProviderOptions, ProviderSettings } from './settings.ts'
import { ACR_VALUES, createPolicy } from './step-up.ts'
import type { Store } from './store.ts'

const DAY = 24 * 60 * 60
const RESOURCE_SCOPE = 'items'

const claimsOf = ({ sub, email, name }: User) => ({ sub, email, email_verified: true, name })

const toMetadata = (
  { id, redirectUris, postLogoutRedirectUris = redirectUris, refreshTokens = true }: ProviderClient,
  idTokens: Algorithm,
  dpop: boolean,
) => ({
  client_id: id,
  client_name: id,
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', ...(refreshTokens ? ['refresh_token'] : [])],
  redirect_uris: redirectUris,
  post_logout_redirect_uris: postLogoutRedirectUris,
  id_token_signed_response_alg: idTokens,
  dpop_bound_access_tokens: dpop,
})

/** What oidc-provider is told. `settings` are read at each use. `tokenClaims` go into each JWT. */
export const createConfiguration = (
  { clients, users, resource, idTokens = 'RS256', dpop = false }: ProviderOptions,
  settings: ProviderSettings,
  { adapter }: Pick<Store, 'adapter'>,
  keys: ProviderKeys,
  tokenClaims: () => object,
): object => {
  const accessTtl = () => settings.accessTtl
  const refreshTtl = ({ oidc }: Context) =>
    Math.max(1, oidc.entities.RotatedRefreshToken?.remainingTTL ?? settings.refreshTtl)

  return {
    adapter,
    clients: clients.map(client => toMetadata(client, idTokens, dpop)),
    jwks: { keys: keys.private },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    // Most providers put the user into the id token, although OIDC Core 5.4 would have the app ask for it.
    conformIdTokenClaims: false,
    acrValues: [...ACR_VALUES],
    interactions: {
      url: (_: Context, { uid }: { uid: string }) => `${LOGIN_PATH}${uid}`,
      policy: createPolicy(),
    },
    findAccount: (_: Context, sub: string) => {
      const user = users.byId(sub)
      return user ? { accountId: sub, claims: () => claimsOf(user) } : undefined
    },
    loadExistingGrant: grantAll,
    // Most providers give one where it is asked for or ticked. oidc-provider, by OIDC Core 11, wants `prompt=consent` too.
    issueRefreshToken: (_: Context, client: { grantTypeAllowed(type: string): boolean }) =>
      client.grantTypeAllowed('refresh_token'),
    // A refresh token does not end with the browser's session here.
    expiresWithSession: () => false,
    // A used one that comes again revokes the grant, and all tokens with it.
    rotateRefreshToken: () => settings.rotation,
    extraTokenClaims: tokenClaims,
    ttl: {
      AccessToken: accessTtl,
      AuthorizationCode: 60,
      Grant: 30 * DAY,
      IdToken: 60 * 60,
      Interaction: 60 * 60,
      RefreshToken: refreshTtl,
      Session: 14 * DAY,
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: dpop, nonceSecret: randomBytes(32), requireNonce: () => settings.nonces },
      pushedAuthorizationRequests: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_: Context, client: { clientId: string }, token: { clientId: string }) =>
          token.clientId === client.clientId,
      },
      rpInitiatedLogout: { enabled: true, logoutSource: askToLogOut, postLogoutSuccessSource: showLoggedOut },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: Context, asked: string): ResourceServer => {
          if (asked !== resource) throw new errors.InvalidTarget()
          return {
            scope: RESOURCE_SCOPE,
            audience: resource,
            accessTokenTTL: settings.accessTtl,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          }
        },
      },
    },
    clientBasedCORS: (_: Context, origin: string, { redirectUris }: { redirectUris: string[] }) =>
      redirectUris.some(uri => new URL(uri).origin === origin),
    renderError: (ctx: Context, out: { error: string; error_description?: string }) => {
      ctx.type = 'html'
      ctx.body = page(
        'The provider refuses',
        `<p id="error">${escapeHtml(out.error_description ?? out.error)}</p>`,
      )
    },
  }
}

import * as oauth from 'oauth4webapi'
import {
  createFakeAuthorizationServer,
  type FakeAuthorizationServer,
  type FakeAuthorizationServerOptions,
} from '../../src/testing/index.ts'

export const CALLBACK = 'https://app.example.com/callback'

export const client: oauth.Client = { client_id: 'spa' }

export interface Started {
  as: oauth.AuthorizationServer
  verifier: string
  parameters: URLSearchParams
  /** The address of the authorization endpoint, with all parameters. */
  url: string
}

type Answered = oauth.TokenEndpointResponse

export interface Opened {
  server: FakeAuthorizationServer
  /** What each request of the client is given, for the network. */
  through: { [oauth.customFetch]: (url: string, options: object) => Promise<Response> }
  discover(algorithm?: 'oidc' | 'oauth2'): Promise<oauth.AuthorizationServer>
  /** A login, up to the point where the browser goes to the server. `undefined`: without this parameter. */
  start(more?: Record<string, string | undefined>): Promise<Started>
  /** The tokens for the code that the browser has come back with. */
  redeem(
    started: Pick<Started, 'as' | 'verifier'>,
    back: URL,
    expected?: oauth.ProcessAuthorizationCodeResponseOptions,
  ): Promise<Answered>
  login(more?: Record<string, string>): Promise<Answered & { as: oauth.AuthorizationServer }>
  refresh(as: oauth.AuthorizationServer, refreshToken?: string): Promise<Answered>
  /** The form that a client posts, answered as it is. */
  post(url?: string, form?: Record<string, string>): Promise<Response>
}

/** A fake authorization server, and a client of a stranger's making that judges what it answers. */
export function openServer(given: FakeAuthorizationServerOptions = {}): Opened {
  const server = createFakeAuthorizationServer(given)
  const through = {
    [oauth.customFetch]: (url: string, options: object) => server.fetch(url, options),
  }

  async function discover(algorithm: 'oidc' | 'oauth2' = 'oidc'): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(server.issuer)
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...through })
    return oauth.processDiscoveryResponse(issuer, response)
  }

  async function start(more: Record<string, string | undefined> = {}): Promise<Started> {
    const as = await discover()
    const verifier = oauth.generateRandomCodeVerifier()
    const all = {
      client_id: 'spa',
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid offline_access',
      state: 'of this login',
      nonce: 'of this login, too',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    }
    const pairs = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)
    const parameters = new URLSearchParams(pairs)
    return { as, verifier, parameters, url: `${as.authorization_endpoint}?${parameters}` }
  }

  async function redeem(
    { as, verifier }: Pick<Started, 'as' | 'verifier'>,
    back: URL,
    expected: oauth.ProcessAuthorizationCodeResponseOptions = { expectedNonce: 'of this login, too' },
  ): Promise<Answered> {
    const parameters = oauth.validateAuthResponse(as, client, back, 'of this login')
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      oauth.None(),
      parameters,
      CALLBACK,
      verifier,
      through,
    )
    return oauth.processAuthorizationCodeResponse(as, client, response, expected)
  }

  async function login(more?: Record<string, string>): ReturnType<Opened['login']> {
    const started = await start(more)
    return { as: started.as, ...(await redeem(started, await server.authorize(started.url))) }
  }

  async function refresh(as: oauth.AuthorizationServer, refreshToken = ''): Promise<Answered> {
    const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, through)
    return oauth.processRefreshTokenResponse(as, client, response)
  }

  const post = (url = '', form: Record<string, string> = {}) =>
    server.fetch(url, { method: 'POST', body: new URLSearchParams(form) })

  return { server, through, discover, start, redeem, login, refresh, post }
}

export const parametersOf = (url: URL): Record<string, string> => Object.fromEntries(url.searchParams)

export const claimsOf = (token = ''): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

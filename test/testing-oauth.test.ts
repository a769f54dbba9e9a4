// @vitest-environment node
import * as oauth from 'oauth4webapi'
import { describe, expect, test } from 'vitest'
import { createFakeAuthorizationServer, type FakeAuthorizationServerOptions } from '../src/testing/index.ts'

const ISSUER = 'https://id.example.com'
const CALLBACK = 'https://app.example.com/callback'
const client: oauth.Client = { client_id: 'spa' }

/** A client of a stranger's making, which judges what the server answers. */
function open(given: FakeAuthorizationServerOptions = {}) {
  const server = createFakeAuthorizationServer(given)
  const through = {
    [oauth.customFetch]: (url: string, options: object) => server.fetch(url, options),
  }

  async function discover(algorithm: 'oidc' | 'oauth2' = 'oidc') {
    const issuer = new URL(server.issuer)
    return oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm, ...through }),
    )
  }

  /** Goes to the server, with what a client has to know for its return. */
  async function start(more: Record<string, string> = {}) {
    const as = await discover()
    const verifier = oauth.generateRandomCodeVerifier()
    const parameters = new URLSearchParams({
      client_id: 'spa',
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid offline_access',
      state: 'of this login',
      nonce: 'of this login, too',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    })
    return { as, verifier, parameters, url: `${as.authorization_endpoint}?${parameters}` }
  }

  async function redeem(
    { as, verifier }: { as: oauth.AuthorizationServer; verifier: string },
    back: URL,
    expected: oauth.ProcessAuthorizationCodeResponseOptions = { expectedNonce: 'of this login, too' },
  ) {
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

  async function login(more?: Record<string, string>) {
    const started = await start(more)
    return { as: started.as, ...(await redeem(started, await server.authorize(started.url))) }
  }

  async function refresh(as: oauth.AuthorizationServer, refreshToken = '') {
    const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, through)
    return oauth.processRefreshTokenResponse(as, client, response)
  }

  return { server, through, discover, start, redeem, login, refresh }
}

const readClaims = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

describe('the fake authorization server, as oauth4webapi sees it', () => {
  test.each([['https://id.example.com'], ['https://id.example.com/'], ['https://id.example.com/realms/one']])(
    '%s has its metadata where OpenID Connect and RFC 8414 look for it',
    async issuer => {
      const { discover } = open({ issuer })
      const metadata = await discover('oidc')
      expect(metadata.issuer).toBe(issuer)
      expect(await discover('oauth2')).toEqual(metadata)
    },
  )

  test('a login ends with tokens', async () => {
    const { login } = open()
    const { as, ...tokens } = await login()
    expect(tokens).toMatchObject({
      token_type: 'bearer',
      expires_in: 3600,
      scope: 'openid offline_access',
      refresh_token: expect.any(String),
    })
    expect(readClaims(tokens.access_token)).toMatchObject({ iss: ISSUER, sub: 'ada', client_id: 'spa' })
    expect(readClaims(tokens.id_token ?? '')).toMatchObject({ aud: 'spa', sub: 'ada', name: 'Ada' })
  })

  test('a refresh rotates the refresh token; a second use ends the whole login', async () => {
    const { server, login, refresh, through } = open()
    const { as, ...first } = await login()
    const second = await refresh(as, first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    await expect(refresh(as, first.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(server.reuses).toBe(1)
    await expect(refresh(as, second.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    const asked = await oauth.userInfoRequest(as, client, second.access_token, through)
    expect(asked.status).toBe(401)
  })

  test('the userinfo endpoint says whose token it is', async () => {
    const { login, through } = open()
    const { as, access_token } = await login()
    const response = await oauth.userInfoRequest(as, client, access_token, through)
    expect(await oauth.processUserInfoResponse(as, client, 'ada', response)).toEqual({
      sub: 'ada',
      name: 'Ada',
      email: 'ada@example.com',
    })
  })

  test('a pushed request is answered once', async () => {
    const { server, start, redeem, through } = open()
    const started = await start()
    const response = await oauth.pushedAuthorizationRequest(
      started.as,
      client,
      oauth.None(),
      started.parameters,
      through,
    )
    const { request_uri } = await oauth.processPushedAuthorizationResponse(started.as, client, response)
    const url = `${started.as.authorization_endpoint}?${new URLSearchParams({ client_id: 'spa', request_uri })}`
    expect(await redeem(started, await server.authorize(url))).toMatchObject({ token_type: 'bearer' })
    await expect(server.authorize(url)).rejects.toMatchObject({ code: 'login_rejected' })
  })

  test('a code works once, and a second use revokes what came of it', async () => {
    const { server, start, redeem, refresh } = open()
    const started = await start()
    const back = await server.authorize(started.url)
    const tokens = await redeem(started, back)
    await expect(redeem(started, back)).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(refresh(started.as, tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  test('another verifier redeems nothing', async () => {
    const { server, start, redeem } = open()
    const started = await start()
    const back = await server.authorize(started.url)
    const verifier = oauth.generateRandomCodeVerifier()
    await expect(redeem({ ...started, verifier }, back)).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})

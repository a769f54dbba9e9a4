// @vitest-environment node
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import * as oauth from 'oauth4webapi'
import { describe, expect, test, vi } from 'vitest'
import * as withoutMsw from '../src/testing/core.ts'
import { createFakeAuthorizationServer, createTestClock } from '../src/testing/index.ts'
import { CALLBACK, claimsOf, client, openServer, parametersOf } from './support/oauth-client.ts'
import { thrownBy } from './support/refused.ts'

const ISSUER = 'https://id.example.com'
const BOB = { claims: { sub: 'bob', name: 'Bob', email: 'bob@example.com' } }
const ADA = { claims: { sub: 'ada', name: 'Ada', email: 'ada@example.com' } }
const invalidGrant = { error: 'invalid_grant' }

describe('metadata', () => {
  test.each([
    ['https://id.example.com'],
    ['https://id.example.com/'],
    ['https://id.example.com/realms/one'],
    ['https://id.example.com/realms/one/'],
  ])('of %s are where OpenID Connect and RFC 8414 look for them', async issuer => {
    const { discover } = openServer({ issuer })
    const metadata = await discover('oidc')
    expect(metadata.issuer).toBe(issuer)
    expect(await discover('oauth2')).toEqual(metadata)
    expect(metadata.token_endpoint).toBe(`${issuer.replace(/\/$/, '')}/token`)
  })

  test('an issuer may be given as a URL', () => {
    expect(createFakeAuthorizationServer({ issuer: new URL('https://id.example.com/a/') }).issuer).toBe(
      'https://id.example.com/a/',
    )
    expect(createFakeAuthorizationServer({ issuer: new URL('https://id.example.com') }).issuer).toBe(ISSUER)
  })
})

describe('metadata that the test gives', () => {
  test('say where the endpoints are, and which are missing', async () => {
    const token_endpoint = 'https://tokens.example.com/oauth2/v1/token'
    const { server, discover, login } = openServer({
      metadata: { token_endpoint, end_session_endpoint: undefined, claims_supported: ['sub'] },
    })
    const metadata = await discover()
    expect(metadata).toMatchObject({ token_endpoint, claims_supported: ['sub'] })
    expect(metadata).not.toHaveProperty('end_session_endpoint')
    expect(await login()).toHaveProperty('access_token')
    expect(server.calls.at(-1)).toMatchObject({ endpoint: 'token', url: token_endpoint })
    await expect(server.endSession(`${ISSUER}/logout`)).rejects.toMatchObject({ code: 'invalid_option' })
  })
})

describe('a login', () => {
  test('ends with tokens', async () => {
    const { login } = openServer()
    const { as, ...tokens } = await login({ resource: 'https://api.example.com' })
    expect(tokens).toMatchObject({
      token_type: 'bearer',
      expires_in: 3600,
      scope: 'openid offline_access',
      refresh_token: expect.any(String),
    })
    expect(claimsOf(tokens.access_token)).toMatchObject({
      iss: ISSUER,
      sub: 'ada',
      aud: 'https://api.example.com',
      client_id: 'spa',
      scope: 'openid offline_access',
    })
    expect(claimsOf(tokens.id_token)).toMatchObject({ aud: 'spa', sub: 'ada', name: 'Ada' })
  })

  test('is of the user whom the test names, with the claims that were given', async () => {
    const users = [ADA, { ...BOB, accessTokenClaims: { roles: ['admin'] } }]
    const { server, start, redeem } = openServer({ users, expiresIn: 60 })
    const started = await start()
    const tokens = await redeem(started, await server.authorize(started.url, { user: 'bob' }))
    expect(claimsOf(tokens.access_token)).toMatchObject({ sub: 'bob', roles: ['admin'] })
    expect(claimsOf(tokens.id_token)).toMatchObject({ sub: 'bob', name: 'Bob' })
    expect(tokens.expires_in).toBe(60)
    expect(server.user).toEqual(BOB.claims)
  })

  test.each([
    ['bob', 'bob'],
    ['bob@example.com', 'bob'],
    ['eve', 'ada'],
  ])('with the login_hint %s is of %s', async (login_hint, sub) => {
    const { login } = openServer({ users: [ADA, BOB] })
    expect(claimsOf((await login({ login_hint })).id_token).sub).toBe(sub)
  })

  test('without openid has no id token, and no userinfo', async () => {
    const { server, start, redeem, through } = openServer()
    const started = await start({ scope: 'read', nonce: undefined })
    const tokens = await redeem(started, await server.authorize(started.url), {})
    expect(tokens).not.toHaveProperty('id_token')
    const asked = await oauth.userInfoRequest(started.as, client, tokens.access_token, through)
    expect(asked.status).toBe(403)
  })

  test('the userinfo endpoint says whose token it is', async () => {
    const { login, through } = openServer()
    const { as, access_token } = await login()
    const response = await oauth.userInfoRequest(as, client, access_token, through)
    expect(await oauth.processUserInfoResponse(as, client, 'ada', response)).toEqual(ADA.claims)
  })

  test('by a request that was pushed is answered once', async () => {
    const { server, start, redeem, through } = openServer()
    const started = await start()
    const { as, parameters } = started
    const response = await oauth.pushedAuthorizationRequest(as, client, oauth.None(), parameters, through)
    const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, response)
    const url = `${as.authorization_endpoint}?${new URLSearchParams({ client_id: 'spa', request_uri })}`
    expect(await redeem(started, await server.authorize(url))).toMatchObject({ token_type: 'bearer' })
    await expect(server.authorize(url)).rejects.toMatchObject({ code: 'login_rejected' })
  })

  test('a pushed request is for its client, for a minute', async () => {
    const clock = createTestClock()
    const { server, start, post } = openServer({ now: clock.now })
    const { as, parameters } = await start()
    const push = async () => {
      const pushed = await post(as.pushed_authorization_request_endpoint, Object.fromEntries(parameters))
      return (await pushed.json()).request_uri
    }
    const visit = (client_id: string, request_uri: string) =>
      server.authorize(`${as.authorization_endpoint}?${new URLSearchParams({ client_id, request_uri })}`)
    await expect(visit('other', await push())).rejects.toMatchObject({ code: 'login_rejected' })
    const late = await push()
    clock.sleep(60_000)
    await expect(visit('spa', late)).rejects.toMatchObject({ code: 'login_rejected' })
  })

  test.each([
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['an unknown redirect_uri', { redirect_uri: 'not a URL' }, 'invalid_request'],
    ['another response_type', { response_type: 'token' }, 'unsupported_response_type'],
  ])('the push of %s is refused at once', async (_, more, error) => {
    const { start, post } = openServer()
    const { as, parameters } = await start(more)
    const response = await post(as.pushed_authorization_request_endpoint, Object.fromEntries(parameters))
    expect([response.status, await response.json()]).toMatchObject([400, { error }])
  })
})

describe('a code', () => {
  test('works once, and a second use revokes what came of it', async () => {
    const { server, start, redeem, refresh, through } = openServer()
    const started = await start()
    const back = await server.authorize(started.url)
    const tokens = await redeem(started, back)
    await expect(redeem(started, back)).rejects.toMatchObject(invalidGrant)
    await expect(refresh(started.as, tokens.refresh_token)).rejects.toMatchObject(invalidGrant)
    const asked = await oauth.userInfoRequest(started.as, client, tokens.access_token, through)
    expect(asked.status).toBe(401)
  })

  test('that comes twice at once works once', async () => {
    const { server, start, redeem } = openServer()
    const started = await start()
    const back = await server.authorize(started.url)
    const results = await Promise.allSettled([redeem(started, back), redeem(started, back)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('is worth nothing without its verifier, its client and its redirect_uri, or a minute later', async () => {
    const clock = createTestClock()
    const { server, start, redeem, post } = openServer({ now: clock.now })
    const started = await start()
    const code = (await server.authorize(started.url)).searchParams.get('code') ?? ''
    const good = {
      grant_type: 'authorization_code',
      client_id: 'spa',
      code,
      code_verifier: started.verifier,
      redirect_uri: CALLBACK,
    }
    const send = async (form: Record<string, string>) =>
      (await (await post(started.as.token_endpoint, { ...good, ...form })).json()).error
    expect(await send({ code_verifier: oauth.generateRandomCodeVerifier() })).toBe('invalid_grant')
    expect(await send({ code_verifier: '' })).toBe('invalid_grant')
    expect(await send({ client_id: 'other' })).toBe('invalid_grant')
    expect(await send({ redirect_uri: `${CALLBACK}/` })).toBe('invalid_grant')
    expect(await send({ code: 'code-0' })).toBe('invalid_grant')
    expect(await send({ grant_type: 'password' })).toBe('unsupported_grant_type')
    expect(await send({ client_id: '' })).toBe('invalid_client')
    expect(await send({})).toBeUndefined()

    const late = await start()
    const back = await server.authorize(late.url)
    clock.sleep(60_000)
    await expect(redeem(late, back)).rejects.toMatchObject(invalidGrant)
  })

  test('is redeemed by a form alone', async () => {
    const { server, discover } = openServer()
    const { token_endpoint = '' } = await discover()
    const response = await server.fetch(token_endpoint, { method: 'POST', body: '{"client_id":"spa"}' })
    expect([response.status, (await response.json()).error]).toEqual([400, 'invalid_request'])
  })
})

describe('a refresh token', () => {
  test('is new each time; a second use ends the whole login', async () => {
    const { server, login, refresh, through } = openServer()
    const { as, ...first } = await login()
    const second = await refresh(as, first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(claimsOf(second.id_token)).toMatchObject({ sub: 'ada', aud: 'spa' })
    expect(claimsOf(second.id_token)).not.toHaveProperty('nonce')
    await expect(refresh(as, first.refresh_token)).rejects.toMatchObject(invalidGrant)
    expect(server.reuses).toBe(1)
    await expect(refresh(as, second.refresh_token)).rejects.toMatchObject(invalidGrant)
    const asked = await oauth.userInfoRequest(as, client, second.access_token, through)
    expect(asked.status).toBe(401)
  })

  test('within the grace gets its successor', async () => {
    const { server, login, refresh } = openServer({ grace: 10_000 })
    const { as, refresh_token } = await login()
    const [one, two] = [await refresh(as, refresh_token), await refresh(as, refresh_token)]
    expect(one.refresh_token).toBe(two.refresh_token)
    expect(server.reuses).toBe(0)
  })

  test('is kept with "keep", and the answer has no other', async () => {
    const { login, refresh } = openServer({ refreshTokens: 'keep' })
    const { as, refresh_token } = await login()
    expect(await refresh(as, refresh_token)).not.toHaveProperty('refresh_token')
    expect(await refresh(as, refresh_token)).toHaveProperty('access_token')
  })

  test.each([
    [{}, 'openid', false],
    [{}, 'openid offline_access', true],
    [{ needsOfflineAccess: false }, 'openid', true],
    [{ refreshTokens: 'never' as const }, 'openid offline_access', false],
  ])('with %j and the scope "%s": %s', async (given, scope, isThere) => {
    const { login } = openServer(given)
    expect('refresh_token' in (await login({ scope }))).toBe(isThere)
  })

  test('yields less where less is asked for, and never more', async () => {
    const { login, post } = openServer()
    const { as, refresh_token = '' } = await login({ scope: 'openid offline_access read write' })
    const send = async (scope: string, token = refresh_token) => {
      const form = { grant_type: 'refresh_token', client_id: 'spa', refresh_token: token, scope }
      return (await post(as.token_endpoint, form)).json()
    }
    expect(await send('read admin')).toMatchObject({ error: 'invalid_scope' })
    const less = await send('read')
    expect(claimsOf(less.access_token).scope).toBe('read')
    const form = { grant_type: 'refresh_token', client_id: 'other', refresh_token: less.refresh_token }
    expect(await (await post(as.token_endpoint, form)).json()).toMatchObject(invalidGrant)
    expect(await send('read write', less.refresh_token)).toMatchObject({ scope: 'read write' })
  })

  test('that is revoked ends the login; an access token ends alone', async () => {
    const { login, refresh, through } = openServer()
    const { as, access_token, refresh_token = '' } = await login()
    const isGood = async () => (await oauth.userInfoRequest(as, client, access_token, through)).status === 200
    const revoke = async (token: string) => {
      const response = await oauth.revocationRequest(as, client, oauth.None(), token, through)
      return oauth.processRevocationResponse(response)
    }
    await revoke('unknown')
    expect(await isGood()).toBe(true)
    await revoke(access_token)
    expect(await isGood()).toBe(false)
    const next = await refresh(as, refresh_token)
    await revoke(next.refresh_token ?? '')
    await expect(refresh(as, next.refresh_token)).rejects.toMatchObject(invalidGrant)
  })
})

describe('the pages of the server', () => {
  test('prompt=none shows no form: login_required, unless somebody is signed in there', async () => {
    const { server, start, redeem } = openServer({ users: [ADA, BOB] })
    const { url } = await start({ prompt: 'none' })
    const back = await server.authorize(url)
    expect(parametersOf(back)).toEqual({ error: 'login_required', state: 'of this login', iss: ISSUER })
    await server.authorize((await start()).url, { user: 'bob' })
    const silent = await start({ prompt: 'none' })
    const tokens = await redeem(silent, await server.authorize(silent.url))
    expect(claimsOf(tokens.id_token).sub).toBe('bob')
  })

  test('"user" is signed in there from the beginning, and after reset()', async () => {
    const { server, start } = openServer({ user: 'ada' })
    expect(server.user).toEqual(ADA.claims)
    const { url } = await start({ prompt: 'none' })
    expect(parametersOf(await server.authorize(url))).toHaveProperty('code')
    await server.endSession(`${ISSUER}/logout`)
    expect(server.user).toBeNull()
    server.reset()
    expect(server.user).toEqual(ADA.claims)
  })

  test('prompt=none with the id_token_hint of another user: login_required', async () => {
    const { server, login, start } = openServer({ users: [ADA, BOB] })
    const { id_token } = await login()
    const { url } = await start({ prompt: 'none', id_token_hint: id_token })
    expect(parametersOf(await server.authorize(url))).toHaveProperty('code')
    await server.authorize((await start()).url, { user: 'bob' })
    const { url: again } = await start({ prompt: 'none', id_token_hint: id_token })
    expect(parametersOf(await server.authorize(again))).toMatchObject({ error: 'login_required' })
  })

  test('prompt=login forgets the session, and wants somebody to type', async () => {
    const { server, start } = openServer({ user: 'ada', users: [ADA, BOB] })
    const { url } = await start({ prompt: 'login' })
    await expect(server.authorize(url)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('"decision"'),
    })
    expect(server.user).toBeNull()
    expect(parametersOf(await server.authorize(url, { user: 'bob' }))).toHaveProperty('code')
    expect(server.user).toEqual(BOB.claims)
  })

  test('max_age wants the password again after so many seconds', async () => {
    const clock = createTestClock()
    const { server, start, redeem } = openServer({ now: clock.now })
    const authTime = async (max_age: string) => {
      const started = await start({ max_age })
      const expected = { expectedNonce: 'of this login, too', maxAge: Number(max_age) + 3600 }
      const tokens = await redeem(started, await server.authorize(started.url), expected)
      return claimsOf(tokens.id_token).auth_time
    }
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const at = () => vi.setSystemTime(clock.now())
      at()
      const first = await authTime('60')
      clock.sleep(60_000)
      at()
      expect(await authTime('60')).toBe(first)
      const silent = await start({ max_age: '59', prompt: 'none' })
      expect(parametersOf(await server.authorize(silent.url))).toMatchObject({ error: 'login_required' })
      expect(await authTime('59')).toBe(Number(first) + 60)
      const never = await start({ max_age: '0', prompt: 'none' })
      expect(parametersOf(await server.authorize(never.url))).toMatchObject({ error: 'login_required' })
    } finally {
      vi.useRealTimers()
    }
  })

  test('acr_values are granted, unless the test says otherwise', async () => {
    const { server, start, redeem } = openServer()
    const acr = async (decision?: { acr: string }) => {
      const started = await start({ acr_values: 'gold silver' })
      const tokens = await redeem(started, await server.authorize(started.url, decision))
      expect(claimsOf(tokens.access_token).acr).toBe(claimsOf(tokens.id_token).acr)
      return claimsOf(tokens.id_token).acr
    }
    expect(await acr()).toBe('gold')
    expect(await acr({ acr: 'bronze' })).toBe('bronze')
  })

  test('the scope that is granted may be less than what was asked for', async () => {
    const { server, start, redeem } = openServer()
    const started = await start({ scope: 'openid read write' })
    const tokens = await redeem(started, await server.authorize(started.url, { scope: 'openid read' }))
    expect(tokens.scope).toBe('openid read')
  })

  test('a refusal is told to the app', async () => {
    const { server, start } = openServer({ user: 'ada' })
    const error = { error: 'access_denied', error_description: 'No.' }
    const { url } = await start()
    expect(parametersOf(await server.authorize(url, error))).toEqual({
      ...error,
      state: 'of this login',
      iss: ISSUER,
    })
    const silent = await start({ prompt: 'none' })
    expect(parametersOf(await server.authorize(silent.url, { error: 'consent_required' }))).toMatchObject({
      error: 'consent_required',
    })
  })

  test('next() says what happens on the next page with a form', async () => {
    const { server, start } = openServer({ users: [ADA, BOB], user: 'ada' })
    server.next({ user: 'bob' })
    server.next({ error: 'access_denied' })
    await server.authorize((await start({ prompt: 'none' })).url)
    expect(server.user).toEqual(ADA.claims)
    await server.authorize((await start()).url)
    expect(server.user).toEqual(BOB.claims)
    expect(parametersOf(await server.authorize((await start()).url))).toMatchObject({
      error: 'access_denied',
    })
    server.next({ error: 'interaction_required' })
    const silent = await server.authorize((await start({ prompt: 'none' })).url)
    expect(parametersOf(silent)).toMatchObject({ error: 'interaction_required' })
  })

  test.each([
    ['response_type', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['response_mode', { response_mode: 'form_post' }, 'invalid_request'],
    ['code_challenge_method', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['code_challenge', { code_challenge: undefined }, 'invalid_request'],
    ['prompt', { prompt: 'none login' }, 'invalid_request'],
    ['max_age', { max_age: 'soon' }, 'invalid_request'],
    ['request', { request: 'a.b.c' }, 'invalid_request'],
  ])('a %s that is not known is told to the app', async (_, more, error) => {
    const { server, start } = openServer()
    const { url } = await start(more)
    expect(parametersOf(await server.authorize(url))).toMatchObject({ error, state: 'of this login' })
  })

  test.each([
    ['another client', { client_id: 'other' }],
    ['no client', { client_id: undefined }],
    ['another redirect_uri', { redirect_uri: `${CALLBACK}/` }],
    ['a redirect_uri with a query', { redirect_uri: `${CALLBACK}?a=1` }],
    ['no redirect_uri', { redirect_uri: undefined }],
  ])('%s leads nowhere', async (_, more) => {
    const clients = [{ clientId: 'spa', redirectUris: [CALLBACK] }]
    const { server, start } = openServer({ clients })
    await expect(server.authorize((await start(more)).url)).rejects.toMatchObject({
      code: 'login_rejected',
      status: 400,
      body: { error: 'invalid_request' },
    })
    expect(server.calls.at(-1)).toMatchObject({ endpoint: 'authorize', status: 400 })
  })

  test('a redirect_uri keeps its own query; the answer may be in the fragment', async () => {
    const { server, start } = openServer()
    const query = await start({ redirect_uri: `${CALLBACK}?tenant=a%20b` })
    expect((await server.authorize(query.url)).href).toMatch(/\?tenant=a%20b&code=code-\d+&state=/)
    const fragment = await start({ response_mode: 'fragment' })
    const { hash, search } = await server.authorize(fragment.url)
    expect([hash, search]).toEqual([expect.stringMatching(/^#code=code-\d+&state=/), ''])
  })

  test('"iss" is in no answer, and not promised, where it is switched off', async () => {
    const { server, start, discover } = openServer({ iss: false })
    expect((await discover()).authorization_response_iss_parameter_supported).toBe(false)
    expect(parametersOf(await server.authorize((await start()).url))).not.toHaveProperty('iss')
  })

  test('an address of something else is not taken', async () => {
    const { server } = openServer()
    for (const url of [`${ISSUER}/token`, `${ISSUER}/logout`, 'nonsense']) {
      await expect(server.authorize(url)).rejects.toMatchObject({ code: 'invalid_option' })
    }
    expect(server.calls).toEqual([])
  })

  test.each([
    ['user', { user: 'eve' }],
    ['user', { user: { claims: {} } }],
    ['acr', { acr: 1 }],
    ['name', { name: 'ada' }],
    ['decision', null],
  ])('names %s where it cannot be decided', async (name, decision) => {
    const { server, start } = openServer()
    const refused = { code: 'invalid_option', message: expect.stringContaining(`"${name}"`) }
    expect(() => server.next(decision as never)).toThrow(expect.objectContaining(refused))
    await expect(server.authorize((await start()).url, decision as never)).rejects.toMatchObject(refused)
  })
})

describe('the end of the session at the server', () => {
  const BACK = 'https://app.example.com/bye'
  const leave = (parameters: Record<string, string>) => `${ISSUER}/logout?${new URLSearchParams(parameters)}`

  test('comes back with "state", and the next login shows the form', async () => {
    const { server, login, start } = openServer()
    const { id_token = '' } = await login()
    const parameters = { id_token_hint: id_token, post_logout_redirect_uri: BACK, state: 'bye' }
    expect((await server.endSession(leave(parameters))).href).toBe(`${BACK}?state=bye`)
    const { url } = await start({ prompt: 'none' })
    expect(parametersOf(await server.authorize(url))).toMatchObject({ error: 'login_required' })
  })

  test('without an address to come back to stays there', async () => {
    const { server } = openServer({ user: 'ada' })
    expect((await server.endSession(leave({}))).href).toBe(leave({}))
    expect(server.user).toBeNull()
  })

  test.each([
    ['another address', { client_id: 'spa', post_logout_redirect_uri: `${BACK}/` }],
    ['another client', { client_id: 'other', post_logout_redirect_uri: BACK }],
    ['nobody known', { post_logout_redirect_uri: BACK }],
  ])('with %s leads nowhere, and the session goes on', async (_, parameters) => {
    const clients = [{ clientId: 'spa', postLogoutRedirectUris: [BACK] }]
    const { server } = openServer({ user: 'ada', clients })
    await expect(server.endSession(leave(parameters))).rejects.toMatchObject({ code: 'login_rejected' })
    expect(server.user).toEqual(ADA.claims)
  })
})

describe('the API', () => {
  const API = 'https://api.example.com/v1'

  test('wants a bearer, and knows who is calling', async () => {
    const api = {
      'GET items': ['apple'],
      '/v1/who': ({ claims, user, request }: any) => [claims.scope, user.name, request.method],
      'GET /v1/gone': new Response('gone', { status: 410 }),
    }
    const { server, login } = openServer({ baseUrl: API, api })
    const ask = async (path: string, token?: string) => {
      const headers = token ? { Authorization: `Bearer ${token}` } : {}
      return server.fetch(`${API}/${path}`, { headers })
    }
    expect((await ask('items')).status).toBe(401)
    const { access_token } = await login()
    expect(await (await ask('items', access_token)).json()).toEqual(['apple'])
    expect(await (await ask('who', access_token)).json()).toEqual(['openid offline_access', 'Ada', 'GET'])
    for (let times = 0; times < 2; times++)
      expect(await (await ask('gone', access_token)).text()).toBe('gone')
    expect((await ask('none', access_token)).status).toBe(404)
    expect([server.count('GET items'), server.bearers]).toEqual([2, [access_token]])
    server.revokeAccess()
    expect((await ask('items', access_token)).status).toBe(401)
  })

  test('revokeAll() ends every login, and not the session at the server', async () => {
    const { server, login, refresh } = openServer()
    const { as, refresh_token } = await login()
    server.revokeAll()
    await expect(refresh(as, refresh_token)).rejects.toMatchObject(invalidGrant)
    expect(server.user).toEqual(ADA.claims)
  })

  test('a token is good for "expiresIn" seconds', async () => {
    const clock = createTestClock()
    vi.useFakeTimers({ toFake: ['Date'], now: clock.now() })
    try {
      const { server, login } = openServer({ now: clock.now, expiresIn: 60, api: { 'GET /items': [] } })
      const { access_token } = await login()
      expect(claimsOf(access_token)).toMatchObject({ exp: clock.now() / 1000 + 60 })
      const headers = { Authorization: `Bearer ${access_token}` }
      const status = async () => (await server.fetch('http://localhost:3000/items', { headers })).status
      clock.sleep(59_999)
      expect(await status()).toBe(200)
      clock.sleep(1)
      expect(await status()).toBe(401)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('what a test spoils', () => {
  test('the claims of an id token, once', async () => {
    const { server, login } = openServer()
    server.tamper('idToken', claims => ({ ...claims, nonce: 'of another' }))
    await expect(login()).rejects.toMatchObject({ code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' })
    expect(await login()).toHaveProperty('id_token')
  })

  test('a claim that is left out is not there', async () => {
    const { server, login } = openServer()
    server.tamper('idToken', ({ sub, iat, exp, ...claims }) => claims)
    await expect(login()).rejects.toThrow(/missing/)
  })

  test('answers and claims, each by its name, in the order of the calls', async () => {
    const { server, login, discover, start, through } = openServer()
    server.tamper('discovery', metadata => ({ ...metadata, issuer: 'https://other.example.com' }))
    await expect(discover()).rejects.toThrow(/issuer/)
    server.tamper('authorize', ({ iss, ...parameters }) => parameters)
    server.tamper('authorize', parameters => ({ ...parameters, iss: 'https://other.example.com' }))
    await expect(login()).rejects.toThrow(/"iss"/)
    await expect(login()).rejects.toThrow(/"iss"/)
    server.tamper('token', body => ({ ...body, token_type: 'mac' }))
    await expect(login()).rejects.toThrow(/token_type/)
    server.tamper('accessToken', claims => ({ ...claims, roles: ['admin'] }))
    const { as, access_token } = await login()
    expect(claimsOf(access_token)).toMatchObject({ roles: ['admin'] })
    server.tamper('userinfo', claims => ({ ...claims, sub: 'eve' }))
    const response = await oauth.userInfoRequest(as, client, access_token, through)
    await expect(oauth.processUserInfoResponse(as, client, 'ada', response)).rejects.toThrow(/sub/)
    server.tamper('par', body => ({ ...body, request_uri: undefined }))
    const { parameters } = await start()
    const pushed = await oauth.pushedAuthorizationRequest(as, client, oauth.None(), parameters, through)
    await expect(oauth.processPushedAuthorizationResponse(as, client, pushed)).rejects.toThrow(/request_uri/)
    server.tamper('token', () => ({}))
    server.reset()
    expect(await login()).toHaveProperty('access_token')
  })

  test('calls, by the faults of every fake server', async () => {
    const { server, start, login, discover } = openServer()
    const { url } = await start()
    server.fail('authorize', 'network')
    await expect(server.authorize(url)).rejects.toMatchObject({ code: 'login_unavailable' })
    server.fail('authorize', { status: 503 })
    await expect(server.authorize(url)).rejects.toMatchObject({ code: 'login_unavailable', status: 503 })
    server.fail('authorize', 'malformed')
    await expect(server.authorize(url)).rejects.toMatchObject({ code: 'login_rejected' })
    server.fail('discovery', { status: 500 }, 2)
    await expect(discover('oidc')).rejects.toThrow()
    await expect(discover('oauth2')).rejects.toThrow()
    server.fail('token', 'drop')
    await expect(login()).rejects.toThrow('Failed to fetch')
    const release = server.hold('authorize')
    let arrived = false
    const going = server.authorize(url).then(() => {
      arrived = true
    })
    await vi.waitUntil(() => server.calls.at(-1)?.endpoint === 'authorize')
    expect(arrived).toBe(false)
    release()
    await going
    server.fail('token', 'network', Number.POSITIVE_INFINITY)
    server.mend('token')
    expect(await login()).toHaveProperty('access_token')
    expect(server.count('token')).toBe(2)
  })

  test('a call from before reset() that was held finds nobody, and leaves nothing', async () => {
    const { server, login } = openServer()
    const release = server.hold('token')
    const held = login()
    await vi.waitUntil(() => server.count('token') === 1)
    server.reset()
    release()
    await expect(held).rejects.toThrow('Failed to fetch')
    expect([server.calls, server.user]).toEqual([[], null])
  })

  test.each([
    ['name', () => createFakeAuthorizationServer().tamper('jwks' as never, claims => claims)],
    ['change', () => createFakeAuthorizationServer().tamper('token', {} as never)],
    ['route', () => createFakeAuthorizationServer().fail('login', 'network')],
    ['fault', () => createFakeAuthorizationServer().fail('token', 'timeout' as never)],
  ])('names %s where it cannot be used', (name, run) => {
    expect(thrownBy(run)).toEqual(['invalid_option', expect.stringContaining(`"${name}"`)])
  })
})

describe('options', () => {
  test.each([
    ['options', null],
    ['nonsense', { nonsense: 1 }],
    ['issuer', { issuer: 'id.example.com' }],
    ['issuer', { issuer: 'https://id.example.com/?a' }],
    ['clientId', { clientId: '' }],
    ['clientId', { clientId: 'spa', clients: [] }],
    ['clients', { clients: [{}] }],
    ['clients', { clients: [{ clientId: 'spa', redirectUris: CALLBACK }] }],
    ['users', { users: [{ claims: {} }] }],
    ['users', { users: {} }],
    ['user', { user: 'eve' }],
    ['expiresIn', { expiresIn: '60' }],
    ['refreshTokens', { refreshTokens: 'once' }],
    ['needsOfflineAccess', { needsOfflineAccess: 'yes' }],
    ['grace', { grace: -1 }],
    ['iss', { iss: ISSUER }],
    ['baseUrl', { baseUrl: 'not a URL' }],
    ['metadata', { metadata: null }],
    ['metadata', { metadata: { token_endpoint: '/token' } }],
    ['metadata', { metadata: { token_endpoint: `${ISSUER}/token?a=1` } }],
    ['now', { now: 0 }],
    ['api', { api: null }],
    ['route', { api: { items: [] } }],
  ])('names %s where it cannot be used', (name, options) => {
    expect(thrownBy(() => createFakeAuthorizationServer(options as never))).toEqual([
      'invalid_option',
      expect.stringContaining(`"${name}"`),
    ])
  })

  test('what is given as undefined is as if it was not given', () => {
    const options = { issuer: undefined, clients: undefined, user: undefined, now: undefined }
    expect(createFakeAuthorizationServer(options).issuer).toBe(ISSUER)
  })
})

describe('over MSW', () => {
  test('the handlers answer, and what is not theirs goes to the next', async () => {
    const server = createFakeAuthorizationServer()
    const other = http.get(`${ISSUER}/other`, () => HttpResponse.text('other'))
    const network = setupServer(...server.handlers, other)
    network.listen({ onUnhandledFrame: 'error' })
    try {
      const found = await fetch(`${ISSUER}/.well-known/openid-configuration`)
      expect(await found.json()).toMatchObject({ issuer: ISSUER })
      expect(await (await fetch(`${ISSUER}/other`)).text()).toBe('other')
      expect(await (await fetch(`${ISSUER}/jwks`)).json()).toEqual({ keys: [] })
      const preflight = await fetch(`${ISSUER}/token`, {
        method: 'OPTIONS',
        headers: { Origin: 'https://app.example.com' },
      })
      expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.com')
      const page = await fetch(`${ISSUER}/authorize`, { redirect: 'manual' })
      expect(page.status).toBe(400)
    } finally {
      network.close()
    }
  })

  test('the entry without MSW has the same server, without handlers', () => {
    expect(withoutMsw.createFakeAuthorizationServer()).not.toHaveProperty('handlers')
    expect(Object.keys(createFakeAuthorizationServer())).toEqual([
      ...Object.keys(withoutMsw.createFakeAuthorizationServer()),
      'handlers',
    ])
  })
})

import {
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  SignJWT,
} from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEMO_CREDENTIALS } from '../demo/server/credentials.ts'
import { openDatabase } from '../demo/server/database.ts'
import { type ProviderOptions, type ProviderServer, startProvider } from '../demo/server/provider.ts'
import { startServer } from '../demo/server/server.ts'
import { createUsers } from '../demo/server/users.ts'
import { openProviderBrowser, type ProviderBrowser } from './support/provider-browser.ts'

// The authorization server of the demo and of the browser tests: what they rely on, over plain HTTP.

const PAGE = 'http://127.0.0.1:4000/'
const API = 'urn:test:api'
const [ada, grace] = DEMO_CREDENTIALS

let provider: ProviderServer
let browser: ProviderBrowser

const users = await createUsers(openDatabase(':memory:'), 4, Date.now)

async function start(options: Partial<ProviderOptions> = {}): Promise<void> {
  await provider?.close()
  provider = await startProvider({
    users,
    clients: [
      { id: 'spa', redirectUris: [PAGE] },
      { id: 'no-refresh', redirectUris: [PAGE], refreshTokens: false },
    ],
    resource: API,
    ...options,
  })
  browser = openProviderBrowser(provider.issuer, 'spa', PAGE)
}
beforeEach(() => start())
afterEach(() => provider.close())

const { visit, authorize, exchange, refresh, request }: Omit<ProviderBrowser, 'logIn' | 'verifier'> = {
  visit: (...given) => browser.visit(...given),
  authorize: (...given) => browser.authorize(...given),
  exchange: (...given) => browser.exchange(...given),
  refresh: (...given) => browser.refresh(...given),
  request: (...given) => browser.request(...given),
}
const logIn = (more?: Record<string, string>, user = ada!) => browser.logIn(user, more)

test('a login asks for the password once, and no consent; the answer names its issuer', async () => {
  const wrong = await visit((await authorize()).url, { email: ada!.email, password: 'wrong', do: 'log-in' })
  expect(wrong.html).toContain('The email or the password is wrong.')
  const answer = await logIn()
  expect(answer.get('iss')).toBe(provider.issuer)
  expect(answer.get('state')).toBe('state')
  const again = await authorize()
  expect(new URL(again.url).searchParams.get('code')).toBeTruthy()
  const [status, body] = await exchange(answer)
  expect([status, Object.keys(body).sort()]).toEqual([
    200,
    ['access_token', 'expires_in', 'id_token', 'refresh_token', 'scope', 'token_type'],
  ])
  expect(decodeJwt(body.id_token!)).toMatchObject({ iss: provider.issuer, aud: 'spa', name: ada!.name })
})

test('the user can cancel', async () => {
  const { url } = await authorize()
  const back = await visit(url, { do: 'cancel' })
  expect(new URL(back.url).searchParams.get('error')).toBe('access_denied')
})

test('a refresh token is good for once: used again, it revokes the grant', async () => {
  const [, first] = await exchange(await logIn())
  const [, second] = await refresh(first.refresh_token!)
  expect(second.refresh_token).not.toBe(first.refresh_token)
  expect(await refresh(first.refresh_token!)).toMatchObject([400, { error: 'invalid_grant' }])
  expect(await refresh(second.refresh_token!)).toMatchObject([400, { error: 'invalid_grant' }])
  expect(provider.calls.of('token').map(({ note }) => note)).toEqual([
    'authorization_code',
    'refresh_token',
    'refresh_token: invalid_grant',
    'refresh_token: invalid_grant',
  ])
})

test('a code that is redeemed twice takes its tokens along', async () => {
  const answer = await logIn()
  const [, first] = await exchange(answer)
  expect((await exchange(answer))[0]).toBe(400)
  expect((await refresh(first.refresh_token!))[0]).toBe(400)
})

test('a token for the API is a JWT with the chosen life, any other is opaque', async () => {
  await start({ accessTtl: 7 })
  const answer = await logIn({ resource: API })
  const [, body] = await exchange(answer, { resource: API })
  expect(body.expires_in).toBe(7)
  expect(decodeProtectedHeader(body.access_token!)).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
  expect(await provider.accessTokens.verify(body.access_token!, '')).toMatchObject({
    valid: true,
    user: { name: ada!.name },
  })
  provider.settings.accessTtl = 8
  const [, next] = await refresh(body.refresh_token!, { resource: API })
  expect(next.expires_in).toBe(8)
  provider.accessTokens.revokeIssued()
  expect(await provider.accessTokens.verify(next.access_token!, '')).toEqual({
    valid: false,
    reason: 'revoked',
  })
  const [, opaque] = await refresh(next.refresh_token!)
  expect(opaque.access_token).not.toContain('.')
  expect(await provider.accessTokens.verify(opaque.access_token!, '')).toEqual({
    valid: false,
    reason: 'invalid',
  })
  const userinfo = await fetch(`${provider.issuer}/me`, {
    headers: { authorization: `Bearer ${opaque.access_token}` },
  })
  expect(await userinfo.json()).toMatchObject({ name: ada!.name })
  expect((await visit(`/auth?${new URLSearchParams(request({ resource: 'urn:other' }))}`)).url).toContain(
    'error=invalid_target',
  )
})

test('id tokens are signed with ES256 for who wants that, and a client can go without refresh tokens', async () => {
  await start({ idTokens: 'ES256' })
  const [, body] = await exchange(await logIn({ client_id: 'no-refresh' }), { client_id: 'no-refresh' })
  expect(body.refresh_token).toBeUndefined()
  expect(decodeProtectedHeader(body.id_token!).alg).toBe('ES256')
})

test('prompt=none, prompt=login, max_age and acr_values ask for what they say', async () => {
  const error = async (more: Record<string, string>) =>
    new URL((await authorize({ prompt: 'none', ...more })).url).searchParams.get('error')
  expect(await error({})).toBe('login_required')
  await logIn()
  expect(await error({})).toBeNull()
  expect(await error({ acr_values: 'urn:silent-refresh:two-factor' })).toBe('login_required')
  const answer = await logIn({ acr_values: 'urn:silent-refresh:two-factor', max_age: '600' })
  const [, body] = await exchange(answer)
  expect(decodeJwt(body.id_token!)).toMatchObject({
    acr: 'urn:silent-refresh:two-factor',
    auth_time: expect.any(Number),
  })
  expect(await error({ acr_values: 'urn:silent-refresh:two-factor' })).toBeNull()
  // Another user, in the same browser.
  const [, other] = await exchange(await logIn({ prompt: 'login' }, grace))
  expect(decodeJwt(other.id_token!).name).toBe(grace!.name)
})

test('a logout with an id token asks nothing, and comes back; one without asks', async () => {
  const [, body] = await exchange(await logIn())
  const address = (more: Record<string, string>) =>
    `/session/end?${new URLSearchParams({ post_logout_redirect_uri: PAGE, client_id: 'spa', state: 'gone', ...more })}`
  expect((await visit(address({}))).html).toContain('Do you want to log out?')
  expect((await visit(address({ id_token_hint: body.id_token! }))).url).toBe(`${PAGE}?state=gone`)
  expect((await refresh(body.refresh_token!))[0]).toBe(200)
  expect((await authorize()).url).toContain('/login/')
})

test('a revoked refresh token is worth nothing', async () => {
  const [, body] = await exchange(await logIn())
  const revoked = await fetch(`${provider.issuer}/token/revocation`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'spa', token: body.refresh_token! }),
  })
  expect(revoked.status).toBe(200)
  expect((await refresh(body.refresh_token!))[0]).toBe(400)
})

test('a revocation does not end the login that is under way in another tab', async () => {
  const [, body] = await exchange(await logIn())
  const { url } = await authorize({ prompt: 'login' })
  await fetch(`${provider.issuer}/token/revocation`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'spa', token: body.refresh_token! }),
  })
  const back = await visit(url, { email: ada!.email, password: ada!.password, do: 'log-in' })
  expect((await exchange(new URL(back.url).searchParams))[0]).toBe(200)
})

test('a pushed request leaves nothing but its name in the address', async () => {
  const pushed = await fetch(`${provider.issuer}/request`, {
    method: 'POST',
    body: new URLSearchParams(request()),
  })
  const { request_uri } = (await pushed.json()) as { request_uri: string }
  const { url } = await visit(`/auth?${new URLSearchParams({ client_id: 'spa', request_uri })}`)
  expect(url).toContain('/login/')
})

test('the pages of other origins may not read its answers, and other names do not reach it', async () => {
  const foreign = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    headers: { origin: 'http://127.0.0.1:1' },
    body: new URLSearchParams({ client_id: 'spa', grant_type: 'refresh_token', refresh_token: 'x' }),
  })
  expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([400, null])
  const port = new URL(provider.issuer).port
  expect((await fetch(`http://localhost:${port}/jwks`)).status).toBe(421)
})

test('with dpop: tokens are bound to the key that the call proves, and a nonce is asked for where that is switched on', async () => {
  await start({ dpop: true })
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const call = async (fields: Record<string, string>, nonce?: string, isSigned = true) => {
    const proof = await new SignJWT({ htm: 'POST', htu: `${provider.issuer}/token`, ...(nonce && { nonce }) })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .sign(privateKey)
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { origin: new URL(PAGE).origin, ...(isSigned && { DPoP: proof }) },
      body: new URLSearchParams({ client_id: 'spa', resource: API, ...fields }),
    })
    expect(response.headers.get('access-control-expose-headers')).toMatch(/dpop-nonce/i)
    return { body: await response.json(), nonce: response.headers.get('DPoP-Nonce') ?? undefined }
  }
  const jkt = await calculateJwkThumbprint(jwk)
  const answer = await logIn({ resource: API, dpop_jkt: jkt })
  const [status, refusal] = await exchange(answer, { resource: API })
  expect([status, refusal.error]).toEqual([400, 'invalid_grant'])

  const { verifier } = browser
  const again = await authorize({ resource: API, dpop_jkt: jkt })
  const code = new URL(again.url).searchParams.get('code') ?? ''
  const asked = { grant_type: 'authorization_code', code, redirect_uri: PAGE, code_verifier: verifier }
  const { body } = await call(asked)
  expect([body.token_type, decodeJwt(body.access_token).cnf]).toEqual(['DPoP', { jkt }])
  expect(await provider.accessTokens.verify(body.access_token, jkt)).toMatchObject({ valid: true })
  expect(await provider.accessTokens.verify(body.access_token, 'other')).toEqual({
    valid: false,
    reason: 'unbound',
  })

  const refreshing = { grant_type: 'refresh_token', refresh_token: body.refresh_token }
  expect((await call(refreshing, undefined, false)).body.error).toBe('invalid_grant')
  provider.settings.nonces = true
  const { body: refused, nonce } = await call(refreshing)
  expect(refused.error).toBe('use_dpop_nonce')
  provider.settings.rotation = false
  const { body: next } = await call(refreshing, nonce)
  expect(next.refresh_token).toBe(body.refresh_token)
  provider.settings.rotation = true
  expect((await call(refreshing, nonce)).body.refresh_token).not.toBe(body.refresh_token)
})

test('outages: 503, a page, no connection, no answer for a while; each call is counted', async () => {
  const ask = () =>
    fetch(`${provider.issuer}/jwks`).then(
      response => response.status,
      () => 'no answer',
    )
  provider.outage.set({ failure: '503' })
  expect(await ask()).toBe(503)
  provider.outage.set({ failure: 'html' })
  expect(await ask()).toBe(403)
  provider.outage.set({ failure: 'refuse' })
  expect(await ask()).toBe('no answer')
  provider.outage.set({ failure: '503', endpoints: ['token'] })
  expect(await ask()).toBe(200)
  provider.outage.set({ failure: 'hang' })
  const hanging = ask()
  while (provider.calls.count('jwks') < 5) await new Promise(resolve => setImmediate(resolve))
  provider.outage.set({})
  expect(await hanging).toBe(200)
  expect(provider.calls.count('jwks')).toBe(5)
})

test('COOP and framing are said on each page', async () => {
  const headers = async () => (await authorize()).response!.headers
  expect((await headers()).get('cross-origin-opener-policy')).toBeNull()
  Object.assign(provider.settings, { coop: true, framing: false })
  expect((await headers()).get('cross-origin-opener-policy')).toBe('same-origin')
  expect((await headers()).get('x-frame-options')).toBe('DENY')
})

test('the demo in the mode oauth: its API takes the tokens of the provider beside it, and no others', async () => {
  const server = await startServer({ mode: 'oauth', passwordCost: 4, staticRoot: '/nowhere' })
  const send = (path: string, body?: object, bearer = '') =>
    fetch(server.url + path, {
      headers: { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) },
      ...(body && {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', origin: server.url },
      }),
    })
  try {
    const config = await (await send('/demo/config')).json()
    expect(config).toMatchObject({
      mode: 'oauth',
      provider: { issuer: server.provider!.issuer, clientId: 'demo' },
    })
    const { issuer, clientId, resource } = config.provider
    expect((await send('/')).headers.get('content-security-policy')).toContain(
      `connect-src 'self' ${issuer};`,
    )
    expect((await send('/auth/login', { email: ada!.email, password: ada!.password })).status).toBe(404)

    const demo = openProviderBrowser(issuer, clientId, `${server.url}/`)
    const [, tokens] = await demo.exchange(await demo.logIn(ada!, { resource }), { resource })
    const items = async () => (await send('/api/items', undefined, tokens.access_token)).status
    expect(await (await send('/user/whoami', undefined, tokens.access_token)).json()).toMatchObject({
      name: ada!.name,
    })
    expect(await items()).toBe(200)
    await send('/demo/revoke-access', {})
    expect(await items()).toBe(401)

    await send('/demo/faults', { refresh: '500' })
    expect((await demo.refresh(tokens.refresh_token!, { resource }))[0]).toBe(503)
    await send('/demo/faults', {})
    await send('/demo/config', { accessTtl: 33 })
    expect((await demo.refresh(tokens.refresh_token!, { resource }))[1].expires_in).toBe(33)
    await send('/demo/revoke-all', {})
    expect((await demo.authorize()).url).toContain('/login/')

    expect(await (await send('/demo/config', { mode: 'bearer' })).json()).toMatchObject({ mode: 'bearer' })
    expect((await send('/auth/login', { email: ada!.email, password: ada!.password })).status).toBe(200)
    expect((await send('/demo/config', { mode: 'oauth' })).status).toBe(200)
  } finally {
    await server.close()
  }
})

test('behind a proxy the provider sends users back to the public origin too', async () => {
  const publicOrigins = ['https://app.example.com']
  const server = await startServer({
    mode: 'oauth',
    publicOrigins,
    passwordCost: 4,
    staticRoot: '/nowhere',
  })
  try {
    const { issuer } = server.provider!
    for (const origin of [server.url, ...publicOrigins]) {
      const page = openProviderBrowser(issuer, 'demo', `${origin}/`)
      expect(await page.exchange(await page.logIn(ada!))).toMatchObject([200, {}])
    }
  } finally {
    await server.close()
  }
})

test('a demo that was started without the provider does not switch to the mode oauth', async () => {
  const server = await startServer({ passwordCost: 4, staticRoot: '/nowhere' })
  try {
    const answer = await fetch(`${server.url}/demo/config`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: server.url },
      body: JSON.stringify({ mode: 'oauth' }),
    })
    expect([answer.status, (await answer.json()).message]).toEqual([
      400,
      '"mode" can be oauth only if the demo was started with --mode oauth',
    ])
  } finally {
    await server.close()
  }
})

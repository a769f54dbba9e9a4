// @vitest-environment node
import { randomUUID } from 'node:crypto'
import { OAuth2Server } from 'oauth2-mock-server'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { AuthClient } from '../src/index.ts'
import { type OAuthOptions, oauth } from '../src/oauth/index.ts'
import { createTestBrowser, type TestBrowser } from '../src/testing/core.ts'
import type { AuthClientOptions, LogEvent } from '../src/types.ts'

// What the OpenID conformance suite's plans for relying parties try, each by the name of its module, against a server that is
// not ours: Basic, RefreshToken and RP-Initiated Logout, and of FAPI 2 what needs no DPoP. Not here are
// - idtoken-sig-rs256, invalid-sig-rs256 and kid-absent-multiple-jwks: no signature is checked, since the token comes from the
//   token endpoint by TLS (OpenID Connect Core 1.0 §3.1.3.7 no. 6);
// - idtoken-sig-none: it wants a client that is registered for unsigned tokens. They are refused, see invalid-null-alg;
// - userinfo-bearer-body: the token goes in the header, see userinfo-bearer-header;
// - client-secret-basic: an app in a browser keeps no secret.

const APP = 'https://app.example.com'
const API = 'https://api.example.com'
const HERE = `${APP}/inbox?folder=2`

type Claims = Record<string, unknown>
type Change = (claims: Claims) => Claims

const server = new OAuth2Server()
beforeAll(async () => {
  await server.issuer.keys.generate('RS256')
  await server.start(0, '127.0.0.1')
})
afterAll(() => server.stop())

const browsers: TestBrowser[] = []
afterEach(() => {
  server.service.removeAllListeners()
  for (const browser of browsers.splice(0)) browser.dispose()
})

/** Everything that goes to the network, with what of it is secret. */
interface Sent {
  url: URL
  authorization: string | null
  body: string
}

function open(more: Partial<OAuthOptions> = {}, discovered: object = {}) {
  const sent: Sent[] = []
  /** The tokens of each answer of the token endpoint, the newest last. */
  const answers: Record<string, unknown>[] = []
  const logs: LogEvent[] = []

  async function network(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    const url = new URL(request.url)
    const body = await request.clone().text()
    sent.push({ url, authorization: request.headers.get('Authorization'), body })
    if (url.origin === API) return Response.json(['apple'])
    const response = await fetch(request)
    if (url.pathname.startsWith('/.well-known/')) {
      const promised = { authorization_response_iss_parameter_supported: true }
      return Response.json({ ...(await response.json()), ...promised, ...discovered })
    }
    if (url.pathname === '/token') answers.push(await response.clone().json())
    return response
  }

  // Two tokens of one second would be the same.
  server.service.on('beforeTokenSigning', ({ payload }) => {
    payload.jti = randomUUID()
  })
  // The server knows nothing of RFC 9207 itself. Hooks run in their order, so that of a test comes after this one.
  server.service.on('beforeAuthorizeRedirect', ({ url }) => {
    url.searchParams.set('iss', server.issuer.url ?? '')
  })
  const browser = createTestBrowser({ url: HERE, fetch: network })
  browsers.push(browser)
  const options: AuthClientOptions = {
    ...oauth({ issuer: server.issuer.url ?? '', clientId: 'spa', ...more }),
    baseUrl: API,
    logger: event => logs.push(event),
  }
  const openTab = (): AuthClient => browser.openTab(options)
  async function login(auth = openTab()): Promise<AuthClient> {
    void auth.login()
    const back = await browser.returned(auth)
    await back.ready()
    return back
  }
  const count = (path: string) => sent.filter(({ url }) => url.pathname === path).length

  /** No request, log or event has what the newest answer gave. */
  async function expectUnused(auth: AuthClient, from = sent.length): Promise<void> {
    await auth.fetch(`${API}/items`).catch(() => {})
    const { access_token, refresh_token, id_token } = answers.at(-1) ?? {}
    for (const secret of [access_token, refresh_token, id_token]) {
      expect(secret).toEqual(expect.any(String))
      expect(JSON.stringify([sent.slice(from), logs])).not.toContain(secret)
    }
  }

  return { sent, browser, openTab, login, count, expectUnused }
}

/** The next ID token has other claims; the access token beside it stays as it is. */
function spoil(change: Change): void {
  server.service.on('beforeTokenSigning', token => {
    if (token.payload.aud !== 'spa') return
    token.payload = change(token.payload) as typeof token.payload
  })
}

/** A claim is gone, or has a 1 behind it: so the suite does it. */
const without =
  (name: string): Change =>
  ({ [name]: _, ...rest }) =>
    rest

const withAnother =
  (name: string): Change =>
  claims => ({ ...claims, [name]: `${claims[name]}1` })

const now = () => Math.floor(Date.now() / 1000)

describe('O15 Basic', () => {
  test('O15 oidcc-client-test', async () => {
    const { login, sent } = open()
    const auth = await login()
    expect(auth.session).toMatchObject({ status: 'authenticated', user: { sub: 'johndoe' } })
    expect((await auth.fetch(`${API}/items`)).status).toBe(200)
    expect(sent.at(-1)?.authorization).toMatch(/^Bearer /)
  })

  test('O15 oidcc-client-test-kid-absent-single-jwks', async () => {
    server.service.on('beforeTokenSigning', ({ header }) => {
      Object.assign(header, { kid: undefined })
    })
    expect((await open().login()).session.status).toBe('authenticated')
  })

  const refused: [name: string, change: Change][] = [
    ['oidcc-client-test-invalid-iss', withAnother('iss')],
    ['oidcc-client-test-missing-sub', without('sub')],
    ['oidcc-client-test-invalid-aud', withAnother('aud')],
    ['oidcc-client-test-missing-aud', without('aud')],
    ['oidcc-client-test-missing-iat', without('iat')],
    ['oidcc-client-test-nonce-invalid', withAnother('nonce')],
    ['fapi2-security-profile-final-client-test-invalid-iss', withAnother('iss')],
    ['fapi2-security-profile-final-client-test-invalid-aud', withAnother('aud')],
    [
      'fapi2-security-profile-final-client-test-invalid-secondary-aud',
      claims => ({ ...claims, aud: ['spa', 'spa1'] }),
    ],
    [
      'fapi2-security-profile-final-client-test-invalid-expired-exp',
      claims => ({ ...claims, exp: now() - 6 * 60 }),
    ],
    ['fapi2-security-profile-final-client-test-invalid-missing-exp', without('exp')],
    ['fapi2-security-profile-final-client-test-invalid-missing-aud', without('aud')],
    ['fapi2-security-profile-final-client-test-invalid-missing-iss', without('iss')],
    ['fapi2-security-profile-final-client-test-invalid-nonce', withAnother('nonce')],
    ['fapi2-security-profile-final-client-test-invalid-missing-nonce', without('nonce')],
  ]

  test.each(refused)('O15 %s', async (_, change) => {
    const { login, expectUnused, count } = open({ userInfo: true })
    spoil(change)
    const auth = await login()
    expect(auth.session).toMatchObject({ status: 'anonymous', error: { code: 'malformed_response' } })
    await expectUnused(auth)
    // The suite's own measure: nothing is asked after the token.
    expect([count('/token'), count('/userinfo')]).toEqual([1, 0])
  })

  test.each([
    ['fapi2-security-profile-final-client-test-invalid-null-alg', 'none'],
    ['fapi2-security-profile-final-client-test-invalid-alternate-alg', 'HS256'],
  ])('O15 %s', async (_, alg) => {
    const { login, expectUnused, count } = open({ userInfo: true })
    server.service.on('beforeResponse', ({ body }) => {
      if (typeof body !== 'object') return
      const [, claims] = String(body.id_token).split('.')
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
      body.id_token = `${header}.${claims}.${alg === 'none' ? '' : 'c2lnbmVk'}`
    })
    const auth = await login()
    expect(auth.session).toMatchObject({ status: 'anonymous', error: { code: 'malformed_response' } })
    await expectUnused(auth)
    expect(count('/userinfo')).toBe(0)
  })

  test('O15 oidcc-client-test-userinfo-invalid-sub', async () => {
    const { login } = open({ userInfo: true })
    server.service.on('beforeUserinfo', response => {
      response.body = { sub: 'johndoe1', name: 'Another' }
    })
    const { session } = await login()
    expect(session).toMatchObject({ status: 'authenticated', user: null })
  })

  test('O15 oidcc-client-test-userinfo-bearer-header, oidcc-client-test-scope-userinfo-claims', async () => {
    const { login, sent } = open({ userInfo: true, scope: 'openid profile email' })
    server.service.on('beforeUserinfo', response => {
      response.body = { sub: 'johndoe', name: 'John', email: 'john@example.com' }
    })
    const { session } = await login()
    expect(session.user).toEqual({ sub: 'johndoe', name: 'John', email: 'john@example.com' })
    const asked = sent.find(({ url }) => url.pathname === '/userinfo')
    expect([asked?.authorization?.slice(0, 7), asked?.url.search, asked?.body]).toEqual(['Bearer ', '', ''])
    const authorize = sent.find(({ url }) => url.pathname === '/authorize')
    expect(authorize?.url.searchParams.get('scope')).toBe('openid profile email')
  })
})

describe('O15 RefreshToken', () => {
  test('O15 oidcc-client-test-refresh-token', async () => {
    const { login, sent } = open()
    const auth = await login()
    const before = await auth.getAccessToken()
    await auth.refresh()
    const after = await auth.getAccessToken()
    expect(after).not.toBe(before)
    await auth.fetch(`${API}/items`)
    expect(sent.at(-1)?.authorization).toBe(`Bearer ${after}`)
  })

  test.each([
    ['oidcc-client-test-refresh-token-invalid-issuer', withAnother('iss')],
    ['oidcc-client-test-refresh-token-invalid-sub', withAnother('sub')],
    ['oidcc-client-test-refresh-token-invalid-aud', withAnother('aud')],
  ])('O15 %s', async (_, change) => {
    const { login, expectUnused, sent } = open()
    const auth = await login()
    const before = await auth.getAccessToken()
    spoil(change)
    const from = sent.length
    await expect(auth.refresh()).rejects.toMatchObject({ retryable: true })
    await expectUnused(auth, from)
    // The session goes on with the token that it had, and nobody is signed out.
    expect([auth.session.status, sent.at(-1)?.authorization]).toEqual(['authenticated', `Bearer ${before}`])
  })
})

describe('O31, O33 RP-Initiated Logout', () => {
  /** What the next login asks, to see whether the logout counts as confirmed. */
  async function promptOf(browser: TestBrowser, auth: AuthClient, sent: Sent[]) {
    void auth.login()
    await browser.returned(auth)
    return sent.findLast(({ url }) => url.pathname === '/authorize')?.url.searchParams.get('prompt')
  }

  test('O31 oidcc-client-test-rp-init-logout', async () => {
    const { login, browser, sent } = open()
    const auth = await login()
    await auth.logout()
    const back = await browser.returned(auth)
    const asked = sent.findLast(({ url }) => url.pathname === '/endsession')?.url.searchParams
    expect(Object.fromEntries(asked ?? [])).toEqual({
      id_token_hint: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      client_id: 'spa',
      post_logout_redirect_uri: `${APP}/`,
      state: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(browser.addressOf(back)).toBe(`${APP}/`)
    expect((await back.ready()).status).toBe('anonymous')
    expect(await promptOf(browser, back, sent)).toBeNull()
  })

  test.each([
    ['oidcc-client-test-rp-init-logout-other-state', (url: URL) => url.searchParams.set('state', 'another')],
    ['oidcc-client-test-rp-init-logout-no-state', (url: URL) => url.searchParams.delete('state')],
  ])('O33 %s', async (_, change) => {
    const { login, browser, sent } = open()
    const auth = await login()
    server.service.on('beforePostLogoutRedirect', ({ url }) => void change(url))
    await auth.logout()
    const back = await browser.returned(auth)
    expect((await back.ready()).status).toBe('anonymous')
    // It is no confirmation, so the next login wants a password.
    expect(await promptOf(browser, back, sent)).toBe('login')
  })
})

describe('O11 FAPI 2 without DPoP', () => {
  const FAPI2 = 'fapi2-security-profile-final-client-test'

  test.each([
    ['remove-authorization-response-iss', (url: URL) => url.searchParams.delete('iss')],
    [
      'invalid-authorization-response-iss',
      (url: URL) => url.searchParams.set('iss', `${server.issuer.url}1`),
    ],
  ])(`O11 ${FAPI2}-%s`, async (_, change) => {
    const { login, count } = open()
    server.service.on('beforeAuthorizeRedirect', ({ url }) => void change(url))
    const auth = await login()
    expect(auth.session).toMatchObject({ status: 'anonymous', error: { code: 'login_rejected' } })
    expect(count('/token')).toBe(0)
  })

  test.each([
    ['with-invalid-state-fails', (url: URL) => url.searchParams.set('state', 'another')],
    ['with-invalid-missing-state-fails', (url: URL) => url.searchParams.delete('state')],
  ])(`O10 ${FAPI2}-ensure-authorization-response-%s`, async (_, change) => {
    const { login, count } = open()
    server.service.on('beforeAuthorizeRedirect', ({ url }) => void change(url))
    const auth = await login()
    expect(auth.session).toEqual({ status: 'anonymous', reason: 'initial' })
    expect(count('/token')).toBe(0)
  })

  test.each([
    ['token-endpoint-response-without-expires_in', { expires_in: undefined }],
    ['token-type-case-insensitivity', { token_type: 'bEARER' }],
  ])(`O15 ${FAPI2}-%s`, async (_, change) => {
    const { login } = open()
    server.service.on('beforeResponse', response => {
      Object.assign(response.body, change)
    })
    const auth = await login()
    expect(auth.session.status).toBe('authenticated')
    expect((await auth.fetch(`${API}/items`)).status).toBe(200)
  })

  test(`O15 ${FAPI2}-valid-aud-as-array`, async () => {
    const { login } = open()
    spoil(claims => ({ ...claims, aud: ['spa'] }))
    expect((await login()).session.status).toBe('authenticated')
  })

  test(`O11 ${FAPI2}-discovery-issuer-mismatch, oidcc-client-test-discovery-issuer-mismatch`, async () => {
    const { openTab, sent } = open({}, { issuer: 'https://other.example.com' })
    await expect(openTab().login()).rejects.toMatchObject({ code: 'malformed_response' })
    expect(sent.map(({ url }) => url.pathname)).toEqual(['/.well-known/openid-configuration'])
  })
})

// @vitest-environment node
import { describe, expect, test } from 'vitest'
import { shareTabs } from '../src/core.ts'
import { dpop } from '../src/dpop/index.ts'
import { oauth } from '../src/oauth/index.ts'
import { createFakeAuthServer, createTestBrowser } from '../src/testing/core.ts'
import { createFakeAuthorizationServer } from '../src/testing/index.ts'

const API = 'https://api.example.com'
const items = `${API}/items`
const ada = { email: 'ada@example.com', password: 'secret' }

function ownBackend() {
  const server = createFakeAuthServer({ baseUrl: API, api: { '/items': ['apple'] } })
  const browser = createTestBrowser({ url: 'https://app.example.com/', fetch: server.fetch })
  const open = (options: object = dpop()) =>
    browser.openTab({ baseUrl: API, tabs: shareTabs(), restore: 'manual', ...options })
  return { server, browser, open }
}

describe('an own backend that is asked with proofs', () => {
  test('binds the session and its tokens to the key, also over a reload', async () => {
    const { server, browser, open } = ownBackend()
    const auth = open()
    await auth.login(ada)
    expect((await auth.fetch(items)).status).toBe(200)
    const next = await browser.reload(auth)
    expect((await next.ready()).status).toBe('authenticated')
    expect((await next.fetch(items)).status).toBe(200)
    expect(new Set(server.calls.map(({ jkt }) => jkt)).size).toBe(1)
    expect(server.calls.every(({ jkt }) => jkt !== null)).toBe(true)
  })

  test('refuses a bound token without its proof, and a refresh with another key', async () => {
    const { server, open } = ownBackend()
    const auth = open()
    await auth.login(ada)
    const headers = { Authorization: `DPoP ${auth.peekAccessToken()}` }
    expect((await server.fetch(items, { headers })).status).toBe(401)
    const thief = createTestBrowser({ url: 'https://app.example.com/', fetch: server.fetch }).openTab({
      ...dpop(),
      baseUrl: API,
      restore: 'manual',
    })
    expect(await thief.ready()).toMatchObject({ status: 'anonymous' })
  })

  test('asks for a nonce, and gets it with one call more', async () => {
    const { server, open } = ownBackend()
    server.nonce = 'first'
    const auth = open()
    await auth.login(ada)
    expect((await auth.fetch(items)).status).toBe(200)
    expect(server.calls.map(({ endpoint, status }) => [endpoint, status])).toEqual([
      ['login', 400],
      ['login', 200],
      [null, 200],
    ])
  })

  test('an app without dpop() gets a bearer, as before', async () => {
    const { server, open } = ownBackend()
    const auth = open({})
    await auth.login(ada)
    expect((await auth.fetch(items)).status).toBe(200)
    expect(server.calls.map(({ jkt }) => jkt)).toEqual([null, null])
  })

  test.each([
    ['used before', (proof: string) => proof],
    ['of another signature', (proof: string) => `${proof.slice(0, -4)}AAAA`],
    ['that is none', () => 'a.b.c'],
  ])('refuses a proof that is %s', async (_, change) => {
    const { server, open } = ownBackend()
    const auth = open()
    await auth.login(ada)
    await auth.fetch(items)
    const [last] = server.calls.slice(-1)
    const headers = {
      Authorization: last?.headers.get('Authorization') ?? '',
      DPoP: change(last?.headers.get('DPoP') ?? ''),
    }
    const answer = await server.fetch(items, { headers })
    expect([answer.status, await answer.json()]).toEqual([401, { error: 'invalid_dpop_proof' }])
  })
})

describe('the authorization server with proofs', () => {
  function open(options = {}) {
    const server = createFakeAuthorizationServer({ baseUrl: API, api: { '/items': ['apple'] }, ...options })
    const browser = createTestBrowser({ url: 'https://app.example.com/', fetch: server.fetch })
    const auth = browser.openTab({
      ...oauth({ issuer: server.issuer, clientId: 'spa', scope: 'openid offline_access' }),
      ...dpop(),
      baseUrl: API,
      restore: 'manual',
    })
    return { server, browser, auth }
  }

  test('D10 a login by redirect finds its key again, and the code is bound to it', async () => {
    const { server, browser, auth } = open()
    void auth.login().catch(() => {})
    const back = await browser.returned(auth)
    expect((await back.ready()).status).toBe('authenticated')
    expect((await back.fetch(items)).status).toBe(200)
    await back.refresh()
    const asked = new URL(server.calls.find(({ endpoint }) => endpoint === 'authorize')?.url ?? '')
    const keys = server.calls.filter(({ endpoint }) => endpoint === 'token').map(({ jkt }) => jkt)
    expect(new Set([asked.searchParams.get('dpop_jkt'), ...keys]).size).toBe(1)
  })

  test('D4 a nonce at the token endpoint and at the API', async () => {
    const { server, browser, auth } = open()
    server.nonce = 'asked'
    void auth.login().catch(() => {})
    const back = await browser.returned(auth)
    expect((await back.ready()).status).toBe('authenticated')
    expect((await back.fetch(items)).status).toBe(200)
    const statuses = server.calls
      .filter(({ endpoint }) => endpoint === 'token' || endpoint === null)
      .map(({ status }) => status)
    expect(statuses).toEqual([400, 200, 401, 200])
  })

  test('D17 one that does not rotate bound refresh tokens', async () => {
    const { server, browser, auth } = open({ refreshTokens: 'keep' })
    void auth.login().catch(() => {})
    const back = await browser.returned(auth)
    await back.ready()
    for (let round = 0; round < 3; round++) await back.refresh()
    expect((await back.fetch(items)).status).toBe(200)
    expect(server.count('token')).toBe(4)
  })
})

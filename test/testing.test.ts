// @vitest-environment node
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AuthClientOptions, cookieMode, createAuthClient, tokenStorage } from '../src/core.ts'
import * as withoutMsw from '../src/testing/core.ts'
import {
  advancePastExpiry,
  createFakeAuthServer,
  createTestBrowser,
  createTestClient,
  createTestClock,
  type FakeAuthServerOptions,
  makeToken,
  sleepPastExpiry,
  type TestBrowser,
  type TestClock,
} from '../src/testing/index.ts'
import { REFUSED, thrownBy } from './support/refused.ts'
import { root } from './tools/report.ts'

const BASE = 'https://api.example.com'
const ADA = { email: 'ada@example.com', password: 'secret' }

const browsers: TestBrowser[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const browser of browsers.splice(0)) browser.dispose()
})

/** A server with an API, and tabs of one browser over it. */
function open(given: FakeAuthServerOptions = {}, clock?: TestClock) {
  const server = createFakeAuthServer({
    baseUrl: BASE,
    api: { 'GET /items': ['apple'] },
    ...(clock && { now: clock.now }),
    ...given,
  })
  const browser = createTestBrowser({ fetch: server.fetch, clock })
  browsers.push(browser)
  const openTab = (options: AuthClientOptions = {}) =>
    browser.openTab({ baseUrl: BASE, restore: 'manual', ...options })
  return { server, browser, openTab, auth: openTab() }
}

const read = (token: string) =>
  token.split('.').map(part => {
    try {
      return JSON.parse(Buffer.from(part, 'base64url').toString())
    } catch {
      return part
    }
  })

describe('makeToken', () => {
  test('is a token of three parts, with a subject, a beginning and an end', () => {
    const now = Date.UTC(2026, 0, 5)
    const [header, claims, signature] = read(makeToken({ name: 'Ada Løve ✓' }, { now }))
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT' })
    expect(claims).toEqual({ sub: 'user', iat: now / 1000, exp: now / 1000 + 3600, name: 'Ada Løve ✓' })
    expect(signature).toMatch(/^[\w-]+$/)
  })

  test('lives for "expiresIn" seconds, or as its own claims say', () => {
    const claims = (...given: Parameters<typeof makeToken>) => read(makeToken(...given))[1]
    expect(claims({ iat: 100 }, { expiresIn: 60 })).toMatchObject({ iat: 100, exp: 160 })
    expect(claims({ exp: 5 })).toMatchObject({ exp: 5 })
    expect(claims({ sub: undefined, iat: undefined, exp: undefined })).toEqual({})
  })

  test.each([
    ['claims', () => makeToken('ada' as never)],
    ['claims', () => makeToken([] as never)],
    ['expiresIn', () => makeToken({}, { expiresIn: '60' as never })],
    ['now', () => makeToken({}, { now: Number.NaN })],
  ])('names %s where it cannot be used', (name, make) => {
    expect(thrownBy(make)).toEqual(['invalid_option', expect.stringContaining(`"${name}"`)])
  })
})

describe('the fake auth server', () => {
  test('signs in who has the credentials, and nobody else', async () => {
    const { server, auth } = open()
    await expect(auth.login({ ...ADA, password: 'wrong' })).rejects.toMatchObject({
      code: 'login_rejected',
      status: 401,
      body: { error: 'invalid_credentials' },
    })
    expect(await auth.login(ADA)).toMatchObject({ claims: { sub: 'ada' }, user: { name: 'Ada' } })
    expect(server.calls.map(({ endpoint, status }) => [endpoint, status])).toEqual([
      ['login', 401],
      ['login', 200],
    ])
  })

  test('has the users that it is given, whatever their credentials are', async () => {
    const users = [
      { credentials: { username: 'bob', pin: 7 }, claims: { roles: ['admin'] }, user: { id: 7 } },
    ]
    const { auth } = open({ users })
    await expect(auth.login(ADA)).rejects.toMatchObject({ code: 'login_rejected' })
    expect(await auth.login({ username: 'bob', pin: 7, remember: true })).toMatchObject({
      claims: { sub: 'bob', roles: ['admin'] },
      user: { id: 7 },
    })
  })

  test('answers its API to a good bearer alone, and shows which it has seen', async () => {
    const { server, auth } = open()
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(401)
    await auth.login(ADA)
    const token = await auth.getAccessToken()
    expect(await auth.api.get('items').json()).toEqual(['apple'])
    expect(server.bearers).toEqual([token])
    expect(server.count('/items')).toBe(2)
    expect(server.count('GET /items')).toBe(2)
    expect(server.count('POST /items')).toBe(0)
    expect((await auth.fetch(`${BASE}/nothing`)).status).toBe(404)
  })

  test('an API route may be a function of the request and of who is calling', async () => {
    const api = {
      'POST /echo': async ({ request, user, claims }: any) => ({
        text: await request.text(),
        user,
        sub: claims.sub,
      }),
      'GET /gone': () => new Response('gone', { status: 410 }),
    }
    const { auth } = open({ api })
    await auth.login(ADA)
    const echo = await auth.api.post('echo', { body: 'hello' }).json()
    expect(echo).toEqual({ text: 'hello', user: { name: 'Ada', email: ADA.email }, sub: 'ada' })
    expect(await (await auth.fetch(`${BASE}/gone`)).text()).toBe('gone')
  })

  test('a route may answer with a response that nobody can add to, and with one and the same each time', async () => {
    const { auth } = open({
      api: {
        'GET /moved': () => Response.redirect(`${BASE}/items`, 303),
        'GET /text': new Response('the same'),
      },
    })
    await auth.login(ADA)
    const { status, headers } = await auth.fetch(`${BASE}/moved`)
    expect([status, headers.get('Location')]).toEqual([303, `${BASE}/items`])
    expect(headers.get('Access-Control-Allow-Credentials')).toBe('true')
    for (let times = 0; times < 2; times++) {
      expect(await (await auth.fetch(`${BASE}/text`)).text()).toBe('the same')
    }
  })

  test('a revoked access token costs one refresh and a replay', async () => {
    const { server, auth } = open()
    await auth.login(ADA)
    server.revokeAccess()
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(200)
    expect(server.calls.map(({ path, status }) => [path, status])).toEqual([
      ['/login', 200],
      ['/items', 401],
      ['/refresh_token', 200],
      ['/items', 200],
    ])
    expect(server.bearers).toHaveLength(2)
  })

  test('the refresh token is new each time, in a cookie that no answer shows', async () => {
    const { server, auth } = open()
    await auth.login(ADA)
    const first = server.refreshCookie
    await auth.refresh()
    expect(server.refreshCookie).not.toBe(first)
    expect(server.calls.at(-1)).toMatchObject({ endpoint: 'refresh', refreshToken: first, body: undefined })
    expect(await auth.logout()).toEqual({ revoked: true })
    expect(server.refreshCookie).toBeNull()
  })

  test('or in the bodies, where the client holds it', async () => {
    const { server, auth } = open({ refreshToken: 'body' })
    await auth.login(ADA)
    await auth.refresh()
    await auth.refresh()
    const sent = server.calls
      .filter(({ endpoint }) => endpoint === 'refresh')
      .map(({ body }) => body.refresh_token)
    expect(new Set(sent).size).toBe(2)
    expect(server.refreshCookie).toBeNull()
    expect(await auth.logout()).toEqual({ revoked: true })
  })

  test('cookie mode: script sees no token', async () => {
    const endpoints = { user: 'me' }
    const { server, openTab } = open({ mode: 'cookie', endpoints })
    const auth = openTab({ mode: cookieMode(), endpoints })
    expect(await auth.login(ADA)).toMatchObject({ user: { name: 'Ada' }, claims: null })
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(200)
    server.revokeAccess()
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(200)
    expect(server.count('refresh')).toBe(1)
    expect(server.bearers).toEqual([])
  })

  test('a refresh token that comes again ends the session, also one from long ago', async () => {
    const { server, auth } = open({ refreshToken: 'body' })
    const refresh_token = server.signIn().refreshToken
    const exchange = (token: unknown) =>
      server.fetch(`${BASE}/refresh_token`, {
        method: 'POST',
        body: JSON.stringify({ refresh_token: token }),
      })
    const second = await (await exchange(refresh_token)).json()
    const third = await (await exchange(second.refresh_token)).json()
    expect(server.reuses).toBe(0)
    expect((await exchange(refresh_token)).status).toBe(401)
    expect(server.reuses).toBe(1)
    expect((await exchange(third.refresh_token)).status).toBe(401)
    auth.dispose()
  })

  test('within the grace it gets the successor that nobody has used', async () => {
    const clock = createTestClock()
    const { server } = open({ refreshToken: 'body', grace: 1_000 }, clock)
    const refresh_token = server.signIn().refreshToken
    const exchange = async () => {
      const body = JSON.stringify({ refresh_token })
      return (await (await server.fetch(`${BASE}/refresh_token`, { method: 'POST', body })).json())
        .refresh_token
    }
    const next = await exchange()
    clock.sleep(999)
    expect(await exchange()).toBe(next)
    clock.sleep(1)
    expect(await exchange()).toBeUndefined()
    expect(server.reuses).toBe(1)
  })

  test('a session that began elsewhere is found by the restore', async () => {
    const { server, auth } = open()
    server.signIn({ claims: { sub: 'bob' }, user: { name: 'Bob' } })
    expect(await auth.ready()).toMatchObject({ status: 'authenticated', user: { name: 'Bob' } })
  })

  test('"endpoints.user" says who it is, and then no token answer does', async () => {
    const endpoints = { user: '/v2/whoami' }
    const { server, openTab } = open({ endpoints })
    const auth = openTab({ endpoints })
    expect(await auth.login(ADA)).toMatchObject({ user: { name: 'Ada' } })
    expect(server.count('user')).toBe(1)
    expect(server.count('GET /v2/whoami')).toBe(1)
  })

  test('sessions that have ended on the server end at the next refresh', async () => {
    const { server, auth } = open()
    await auth.login(ADA)
    server.revokeAll()
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(401)
    expect(auth.session).toEqual({ status: 'anonymous', ...REFUSED })
  })

  test('reset() is the beginning', async () => {
    const { server, auth } = open()
    await auth.login(ADA)
    server.fail('login', 'network')
    server.reset()
    expect([server.calls, server.bearers, server.refreshCookie]).toEqual([[], [], null])
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(401)
    expect((await auth.login(ADA)).status).toBe('authenticated')
  })

  test.each(['cookie', 'body'] as const)(
    'goes on as another one from what it has saved, with the refresh token in the %s',
    async refreshToken => {
      const clock = createTestClock()
      const { server, auth, browser } = open({ refreshToken, grace: 1_000 }, clock)
      await auth.login(ADA)
      const { accessToken } = server.signIn({ claims: { sub: 'bob' }, user: { name: 'Bob' } })
      const before = server.save()

      // What happens afterwards is not in it.
      server.revokeAll()
      const next = createFakeAuthServer({
        ...{ baseUrl: BASE, api: { 'GET /items': ['pear'] }, now: clock.now },
        ...{ refreshToken, grace: 1_000, expiresIn: 60, saved: before },
      })
      expect(next.refreshCookie).toBe(refreshToken === 'cookie' ? server.refreshCookie : null)
      const headers = { Authorization: `Bearer ${accessToken}` }
      expect(await (await next.fetch(`${BASE}/items`, { headers })).json()).toEqual(['pear'])
      const tab = createTestBrowser({ fetch: next.fetch, clock })
      browsers.push(tab)
      browser.dispose()
      if (refreshToken === 'cookie') {
        const session = await tab.openTab({ baseUrl: BASE }).ready()
        expect(session).toMatchObject({ status: 'authenticated', user: { name: 'Bob' } })
        // By its own options.
        expect(session.expiresAt! - clock.now()).toBeLessThanOrEqual(60_000)
      }
      // No name is given twice.
      expect(next.signIn().accessToken).not.toBe(accessToken)
    },
  )

  test('keeps no expired token in what it saves', async () => {
    const clock = createTestClock()
    const { server } = open({ expiresIn: 1 }, clock)
    for (let n = 0; n < 1_000; n++) server.signIn()
    const size = () =>
      JSON.stringify(server.save(), (_, value) => (value instanceof Map ? [...value] : value)).length
    const before = size()
    clock.sleep(2_000)
    expect(size()).toBeLessThan(before / 2)
  })

  test('a call from before reset() that was held finds nobody, and leaves nothing', async () => {
    const { server, openTab } = open()
    const release = server.hold('login')
    const login = openTab().login(ADA)
    await vi.waitUntil(() => server.count('login') === 1)
    server.reset()
    release()
    await expect(login).rejects.toMatchObject({ code: 'login_unavailable' })
    expect([server.calls, server.refreshCookie]).toEqual([[], null])
    expect(await openTab().ready()).toEqual({ status: 'anonymous', reason: 'initial' })
  })

  test.each([
    ['options', null],
    ['nonsense', { nonsense: 1 }],
    ['baseUrl', { baseUrl: 'not a URL' }],
    ['users', { users: {} }],
    ['mode', { mode: 'jwt' }],
    ['refreshToken', { refreshToken: 'header' }],
    ['expiresIn', { expiresIn: '60' }],
    ['grace', { grace: -1 }],
    ['now', { now: 0 }],
    ['saved', { saved: {} }],
    ['api', { api: null }],
    ['endpoints', { endpoints: null }],
    ['endpoints.signup', { endpoints: { signup: 'x' } }],
    ['endpoints.login', { endpoints: { login: () => ({ url: 'x' }) } }],
    ['route', { api: { items: [] } }],
  ])('names %s where it cannot be used', (name, options) => {
    expect(thrownBy(() => createFakeAuthServer(options as never))).toEqual([
      'invalid_option',
      expect.stringContaining(`"${name}"`),
    ])
  })
})

describe('faults', () => {
  async function signedIn(given: FakeAuthServerOptions = {}) {
    const world = open(given)
    await world.auth.login(ADA)
    return world
  }

  test('"network": the call does not arrive, and nobody is signed out', async () => {
    const { server, auth } = await signedIn()
    server.fail('refresh', 'network')
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable', retryable: true })
    expect(auth.session.status).toBe('authenticated')
    expect(server.calls.at(-1)).toMatchObject({ endpoint: 'refresh', status: null })
    expect((await auth.refresh()).error).toBeNull()
  })

  test('"drop": the server has rotated, and the client holds the old one', async () => {
    const { server, auth } = await signedIn({ refreshToken: 'body' })
    server.fail('refresh', 'drop')
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_rejected' })
    expect(server.reuses).toBe(1)
  })

  test('"drop" with a refresh token in a cookie: the jar keeps the old one too', async () => {
    const { server, auth } = await signedIn()
    const before = server.refreshCookie
    server.fail('refresh', 'drop')
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect(server.refreshCookie).toBe(before)
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_rejected' })
    expect(server.reuses).toBe(1)
  })

  test('"drop" within the grace costs nothing', async () => {
    const { server, auth } = await signedIn({ grace: 10_000 })
    server.fail('refresh', 'drop')
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect((await auth.refresh()).error).toBeNull()
    expect(server.reuses).toBe(0)
  })

  test('"hang": no answer, until the client gives up', async () => {
    const { server, auth } = await signedIn()
    server.fail('/items', 'hang')
    const abort = new AbortController()
    const asked = auth.fetch(`${BASE}/items`, { signal: abort.signal })
    await vi.waitUntil(() => server.count('/items') === 1)
    abort.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })

  test('"malformed": an answer that is none', async () => {
    const { server, auth } = await signedIn()
    server.fail('refresh', 'malformed')
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect(auth.session.status).toBe('authenticated')
  })

  test('a status, with what comes along', async () => {
    const { server, auth } = await signedIn()
    server.fail('/items', { status: 418, body: { tea: true }, headers: { 'X-Pot': 'small' } })
    const response = await auth.fetch(`${BASE}/items`)
    expect([response.status, response.headers.get('X-Pot')]).toEqual([418, 'small'])
    expect(await response.json()).toEqual({ tea: true })
  })

  test('"retryAfter" is when the client comes again', async () => {
    const { server, auth } = await signedIn()
    server.fail('refresh', { status: 429, retryAfter: 30 })
    const before = Date.now()
    const error = await auth.refresh().catch(error => error)
    expect(error).toMatchObject({ code: 'refresh_unavailable', status: 429 })
    expect(error.retryAt).toBeGreaterThanOrEqual(before + 30_000)
  })

  test('{ delay } is by the clock, real or faked', async () => {
    const { server, auth } = await signedIn()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    server.fail('/items', { delay: 2_000 })
    const asked = auth.fetch(`${BASE}/items`)
    await vi.waitUntil(() => server.count('/items') === 1)
    expect(server.calls.at(-1)?.status).toBeNull()
    await vi.advanceTimersByTimeAsync(2_000)
    expect((await asked).status).toBe(200)
  })

  test('hold() lets a test say when', async () => {
    const { server, auth } = await signedIn()
    const release = server.hold('refresh')
    const both = Promise.all([auth.refresh(), auth.refresh()])
    await vi.waitUntil(() => server.count('refresh') === 1)
    release()
    expect((await both).map(({ status }) => status)).toEqual(['authenticated', 'authenticated'])
    expect(server.count('refresh')).toBe(1)
  })

  test('they come in their order, so many times each, until mend()', async () => {
    const { server, auth } = await signedIn()
    server.fail('/items', { status: 500 }, 2)
    server.fail('/items', { status: 503 }, Number.POSITIVE_INFINITY)
    const status = async () => (await auth.fetch(`${BASE}/items`)).status
    expect([await status(), await status(), await status(), await status()]).toEqual([500, 500, 503, 503])
    server.mend('login')
    expect(await status()).toBe(503)
    server.mend('/items')
    expect(await status()).toBe(200)
  })

  test.each([
    ['fault', ['refresh', 'timeout']],
    ['fault', ['refresh', null]],
    ['status', ['refresh', { status: 99 }]],
    ['body', ['refresh', { status: 204, body: 'none' }]],
    ['delay', ['refresh', { delay: -1 }]],
    ['times', ['refresh', 'network', 0]],
    ['route', ['signup', 'network']],
    ['route', ['user', 'network']],
  ])('names %s where it cannot be used', (name, given) => {
    const { server } = open()
    expect(thrownBy(() => server.fail(...(given as Parameters<typeof server.fail>)))).toEqual([
      'invalid_option',
      expect.stringContaining(`"${name}"`),
    ])
  })
})

describe('the handlers', () => {
  test('answer over MSW; what is not theirs goes to the next handler', async () => {
    const server = createFakeAuthServer({ baseUrl: `${BASE}/v1`, api: { 'GET items': ['apple'] } })
    const network = setupServer(
      ...server.handlers,
      http.get(`${BASE}/v1/other`, () => HttpResponse.text('other')),
      http.get(
        `${BASE}/v1/things/:id`,
        server.protect(({ params, user }) => HttpResponse.json({ id: params.id, user } as object)),
      ),
    )
    network.listen({ onUnhandledFrame: 'error' })
    const auth = createAuthClient({ baseUrl: `${BASE}/v1`, server: true })
    try {
      expect((await auth.fetch(`${BASE}/v1/things/7`)).status).toBe(401)
      await auth.login(ADA)
      expect(await (await auth.fetch(`${BASE}/v1/items`)).json()).toEqual(['apple'])
      expect(await (await auth.fetch(`${BASE}/v1/other`)).text()).toBe('other')
      expect(await (await auth.fetch(`${BASE}/v1/things/7`)).json()).toEqual({
        id: '7',
        user: { name: 'Ada', email: ADA.email },
      })
      server.revokeAccess()
      server.fail('GET /v1/things/7', { status: 503 })
      expect((await auth.fetch(`${BASE}/v1/things/7`)).status).toBe(503)
      expect((await auth.fetch(`${BASE}/v1/things/7`)).status).toBe(200)
      server.fail('refresh', 'network')
      await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
      expect(await auth.logout()).toEqual({ revoked: true })
      expect(server.count('GET /v1/things/7')).toBe(5)
    } finally {
      auth.dispose()
      network.close()
    }
  })

  test('the entry without MSW has the same server, without handlers', () => {
    expect(withoutMsw.createFakeAuthServer()).not.toHaveProperty('handlers')
  })
})

describe('in bundles', () => {
  async function inputs(entry: string) {
    const { metafile } = await build({
      entryPoints: [resolve(root, entry)],
      absWorkingDir: root,
      bundle: true,
      packages: 'external',
      format: 'esm',
      write: false,
      metafile: true,
    })
    const imports = Object.values(metafile.outputs).flatMap(output => output.imports)
    return { files: Object.keys(metafile.inputs), packages: imports.map(({ path }) => path).sort() }
  }

  test.each(['src/index.ts', 'src/core.ts'])('%s has nothing of the kit', async entry => {
    const { files, packages } = await inputs(entry)
    expect(files.filter(file => file.startsWith('src/testing/'))).toEqual([])
    expect(packages).not.toContain('msw')
  })

  test('MSW is asked for by the one entry alone', async () => {
    expect((await inputs('src/testing/index.ts')).packages).toEqual(['jwt-decode', 'ky', 'msw'])
    expect((await inputs('src/testing/core.ts')).packages).toEqual(['jwt-decode', 'ky'])
    expect((await inputs('src/testing/contract/index.ts')).packages).toEqual(['node:http', 'node:https'])
  })
})

describe('expiry', () => {
  test('awake: the client has refreshed ahead of the end', async () => {
    const clock = createTestClock()
    const { server, auth } = open({ expiresIn: 60 }, clock)
    await auth.login(ADA)
    await advancePastExpiry(auth, clock)
    expect(server.count('refresh')).toBe(1)
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(200)
    expect(server.calls.map(({ status }) => status)).not.toContain(401)
  })

  test('asleep: the next request refreshes first', async () => {
    const clock = createTestClock()
    const { server, auth } = open({ expiresIn: 60 }, clock)
    await auth.login(ADA)
    sleepPastExpiry(auth, clock)
    expect(server.count('refresh')).toBe(0)
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(200)
    expect(server.count('refresh')).toBe(1)
    expect(server.calls.map(({ status }) => status)).not.toContain(401)
  })

  test('with the fake timers of Vitest', async () => {
    vi.useFakeTimers()
    const { server, auth } = open({ expiresIn: 60 })
    await auth.login(ADA)
    await advancePastExpiry(auth, vi)
    expect(server.count('refresh')).toBe(1)
    sleepPastExpiry(auth, vi)
    expect(server.count('refresh')).toBe(1)
    expect((await auth.fetch(`${BASE}/items`)).status).toBe(200)
    expect(server.count('refresh')).toBe(2)
  })

  test('of nobody there is none', async () => {
    const { auth } = open()
    expect(thrownBy(() => sleepPastExpiry(auth, vi))).toEqual([
      'invalid_option',
      expect.stringContaining('"client"'),
    ])
    await expect(advancePastExpiry(auth, vi)).rejects.toMatchObject({ code: 'invalid_option' })
  })
})

describe('a second tab', () => {
  test('takes the session of the first, and hears of its logout', async () => {
    const { server, auth, openTab } = open()
    await auth.login(ADA)
    const second = openTab()
    expect(await second.ready()).toMatchObject({ status: 'authenticated', user: { name: 'Ada' } })
    expect(server.count('refresh')).toBe(0)
    await auth.logout()
    expect(second.session).toEqual({ status: 'anonymous', reason: 'other-tab' })
  })

  test('shares one refresh with it', async () => {
    const clock = createTestClock()
    const { server, auth, openTab } = open({ expiresIn: 60 }, clock)
    await auth.login(ADA)
    const second = openTab()
    await second.ready()
    sleepPastExpiry(auth, clock)
    const answers = await Promise.all([auth.fetch(`${BASE}/items`), second.fetch(`${BASE}/items`)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(server.count('refresh')).toBe(1)
  })

  test('the signed-out marker outlives a page that could not reach the server', async () => {
    const { server, auth, browser, openTab } = open()
    await auth.login(ADA)
    server.fail('logout', 'network', Number.POSITIVE_INFINITY)
    expect(await auth.logout()).toMatchObject({ revoked: false })
    auth.dispose()
    expect(await openTab().ready()).toMatchObject({ status: 'anonymous' })
    expect(server.count('refresh')).toBe(0)
    browser.localStorage.clear()
    expect(await openTab().ready()).toMatchObject({ status: 'authenticated' })
  })

  test('without a network nothing arrives, and its return is told', async () => {
    const { server, auth, browser } = open()
    server.signIn()
    browser.online = false
    expect(await auth.ready()).toMatchObject({ status: 'unknown', error: { code: 'refresh_unavailable' } })
    expect(server.calls).toEqual([])
    const back = new Promise(resolve => auth.on('login', resolve))
    browser.online = true
    expect(await back).toEqual({ cause: 'restore' })
  })

  test('another browser knows nothing of it', async () => {
    const { server, auth } = open()
    await auth.login(ADA)
    const other = createTestBrowser({ fetch: server.fetch })
    browsers.push(other)
    const there = other.openTab({ baseUrl: BASE, restore: 'manual' })
    await auth.logout()
    expect(there.session.status).toBe('unknown')
  })

  test.each([
    ['url', { url: 'x' }],
    ['fetch', { fetch: 'x' }],
    ['clock', { clock: {} }],
  ])('names %s where it cannot be used', (name, options) => {
    expect(thrownBy(() => createTestBrowser(options as never))).toEqual([
      'invalid_option',
      expect.stringContaining(`"${name}"`),
    ])
  })
})

describe('a test client', () => {
  const create = async (...[given]: Parameters<typeof createTestClient>) => {
    const auth = await createTestClient(given)
    browsers.push(auth as never)
    return auth
  }

  test('is signed in, as anybody', async () => {
    const auth = await create()
    expect(auth.session).toMatchObject({
      status: 'authenticated',
      claims: { sub: 'user' },
      user: null,
      error: null,
    })
    expect(await auth.getAccessToken()).toMatch(/^ey/)
  })

  test('is signed in with claims and a user', async () => {
    const session = {
      status: 'authenticated',
      claims: { sub: 'ada', roles: ['admin'] },
      user: { name: 'Ada' },
    } as const
    expect((await create({ session })).session).toMatchObject(session)
  })

  test.each([
    ['authenticated', { error: 'refresh_unavailable' }],
    ['authenticated', { error: 'refresh_rejected' }],
    ['anonymous', { reason: 'initial' }],
    ['anonymous', { reason: 'logout' }],
    ['anonymous', { reason: 'rejected' }],
    ['unknown', { error: 'refresh_unavailable' }],
  ])('is %s with %j, and stays so', async (status, rest) => {
    const { error } = rest as { error?: string }
    const expected = error ? { status, error: { code: error } } : { status, ...rest }
    for (const options of [{}, { storage: tokenStorage(createStorage()) }]) {
      const auth = await create({ ...options, session: { status, ...rest } as never })
      expect(auth.session).toMatchObject(expected)
      await auth.ready()
      await auth.refresh().catch(() => {})
      expect(auth.session).toMatchObject(expected)
    }
  })

  test('is unknown for as long as no answer comes', async () => {
    const authServer = withoutMsw.createFakeAuthServer()
    const auth = await create({ session: 'unknown', authServer })
    expect(auth.session).toEqual({ status: 'unknown', error: null })
    const ready = auth.ready()
    await vi.waitUntil(() => authServer.count('refresh') === 1)
    expect(auth.session).toEqual({ status: 'unknown', error: null })
    auth.dispose()
    await expect(ready).rejects.toMatchObject({ code: 'disposed' })
  })

  test('works on: its server refreshes, answers and signs out', async () => {
    const authServer = createFakeAuthServer({ baseUrl: BASE, api: { 'GET /items': ['apple'] } })
    const auth = await create({ authServer, session: { status: 'authenticated', user: { name: 'Ada' } } })
    expect(await auth.api.get('items').json()).toEqual(['apple'])
    authServer.revokeAccess()
    expect(await auth.api.get('items').json()).toEqual(['apple'])
    expect(auth.session).toMatchObject({ user: { name: 'Ada' } })
    expect(await auth.logout()).toEqual({ revoked: true })
  })

  test('whose refresh failed is well again when the server is', async () => {
    const authServer = createFakeAuthServer({ baseUrl: BASE })
    const auth = await create({
      authServer,
      session: { status: 'authenticated', error: 'refresh_unavailable' },
    })
    authServer.mend()
    expect((await auth.refresh()).error).toBeNull()
  })

  test('in cookie mode', async () => {
    const options = { mode: cookieMode(), endpoints: { user: 'me' } } as const
    const session = { status: 'authenticated', user: { name: 'Ada' } } as const
    expect((await create({ ...options, session })).session).toMatchObject(session)
    expect((await create({ ...options, session: 'anonymous' })).session.status).toBe('anonymous')
    expect((await create({ ...options, session: 'unknown' })).session.status).toBe('unknown')
  })

  test('with the options of the app, functions included', async () => {
    const options = {
      endpoints: { refresh: () => ({ url: 'https://id.example.com/token' }), login: '/v2/login' },
      readTokens: () => ({ accessToken: 'never asked' }),
      sessionKey: 'app',
    }
    for (const session of ['authenticated', 'anonymous', 'unknown'] as const) {
      expect((await create({ ...options, session })).session.status).toBe(session)
    }
  })

  test('in a browser that is given it is a tab', async () => {
    const browser = createTestBrowser()
    browsers.push(browser)
    const authServer = createFakeAuthServer()
    const first = await createTestClient({ browser, authServer })
    const second = browser.openTab({ baseUrl: authServer.baseUrl, restore: 'manual' })
    expect((await second.ready()).status).toBe('authenticated')
    await first.logout()
    expect(second.session.status).toBe('anonymous')
  })

  test('with fake timers', async () => {
    vi.useFakeTimers()
    const auth = await create({ authServer: createFakeAuthServer({ expiresIn: 60 }) })
    const refreshed = vi.fn()
    auth.on('refresh', refreshed)
    await advancePastExpiry(auth, vi)
    expect(refreshed).toHaveBeenCalledOnce()
  })

  test('says so where its other options keep it from the state', async () => {
    await expect(createTestClient({ session: 'anonymous', isRejected: () => false })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('"session"'),
    })
    await expect(createTestClient({ session: 'signed in' as never })).rejects.toMatchObject({
      code: 'invalid_option',
    })
    await expect(createTestClient({ nonsense: 1 } as never)).rejects.toMatchObject({ code: 'invalid_option' })
  })

  test('of one that cannot be had nothing is left', async () => {
    const disposed = vi.fn()
    const browser = createTestBrowser()
    browsers.push(browser)
    const { openTab } = browser
    browser.openTab = options => {
      const client = openTab(options)
      const { dispose } = client
      return Object.assign(client, {
        dispose() {
          disposed()
          dispose()
        },
      }) as never
    }
    const claims = { '~standard': { validate: () => ({ issues: ['none will do'] }) } }
    await expect(createTestClient({ browser, claims })).rejects.toMatchObject({ code: 'malformed_response' })
    expect(disposed).toHaveBeenCalledOnce()
  })

  test('has the URL of its server also where the option is given as undefined', async () => {
    const authServer = createFakeAuthServer({ baseUrl: BASE, api: { 'GET /items': ['apple'] } })
    const auth = await create({ authServer, baseUrl: undefined, restore: undefined })
    expect(await auth.api.get('items').json()).toEqual(['apple'])
  })
})

function createStorage() {
  const values = new Map<string, string>()
  return {
    get: (key: string) => values.get(key) ?? null,
    set: (key: string, value: string) => void values.set(key, value),
    remove: (key: string) => void values.delete(key),
  }
}

// @vitest-environment node
import { setupServer } from 'msw/node'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import type { AuthClient } from '../src/index.ts'
import { type OAuthOptions, oauth, par } from '../src/oauth/index.ts'
import {
  createFakeAuthorizationServer,
  createFakeAuthServer,
  createTestBrowser,
  createTestClient,
  createTestClock,
  type FakeAuthorizationServerOptions,
  type TestBrowser,
  type TestClientOptions,
  type TestSession,
} from '../src/testing/index.ts'
import { createPageWindows } from '../src/testing/windows.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { watch } from './support/outcome.ts'

const APP = 'https://app.example.com'
const API = 'https://api.example.com'
const HERE = `${APP}/inbox?folder=2#first`

const browsers: TestBrowser[] = []
afterEach(() => {
  for (const browser of browsers.splice(0)) browser.dispose()
})

/** An app in a browser, and its authorization server. */
function open(given: FakeAuthorizationServerOptions = {}, more: Partial<OAuthOptions> = {}) {
  const clock = createTestClock()
  const server = createFakeAuthorizationServer({
    baseUrl: API,
    api: { 'GET /items': ['apple'] },
    now: clock.now,
    ...given,
  })
  const browser = createTestBrowser({ url: HERE, clock, fetch: server.fetch })
  browsers.push(browser)
  const scope = 'openid offline_access'
  const options: AuthClientOptions = {
    ...oauth({ issuer: server.issuer, clientId: 'spa', scope, ...more }),
    baseUrl: API,
  }
  const openTab = (url?: string) => browser.openTab(options, url)
  async function loggedIn() {
    const auth = openTab()
    void auth.login()
    const back = await browser.returned(auth)
    await back.ready()
    return back
  }
  return { clock, server, browser, options, openTab, loggedIn }
}

describe('a tab that leaves for the authorization server', () => {
  test('comes back signed in, to the address that it had left', async () => {
    const { server, browser, openTab } = open()
    const auth = openTab()
    void auth.login()
    const back = await browser.returned(auth)
    expect(browser.addressOf(back)).toBe(HERE)
    expect(await back.ready()).toMatchObject({ status: 'authenticated', user: { sub: 'ada', name: 'Ada' } })
    expect(await back.api.get('items').json()).toEqual(['apple'])
    expect(server.user).toMatchObject({ sub: 'ada' })
  })

  test('has one session with the other tabs, and the second tab leaves for nowhere', async () => {
    const { server, openTab, loggedIn } = open()
    const auth = await loggedIn()
    const second = openTab()
    expect(await second.ready()).toMatchObject({ status: 'authenticated', user: { name: 'Ada' } })
    expect(server.count('token')).toBe(1)
    expect(await second.getAccessToken()).toBe(await auth.getAccessToken())
  })

  test('is answered by whom the test lets type', async () => {
    const users = [{ claims: { sub: 'ada' } }, { claims: { sub: 'bob', name: 'Bob' } }]
    const { server, browser, openTab } = open({ users })
    server.next({ user: 'bob' })
    const auth = openTab()
    void auth.login()
    expect(await (await browser.returned(auth)).ready()).toMatchObject({ user: { name: 'Bob' } })
  })

  test('comes back with the error of the server', async () => {
    const { server, browser, openTab } = open()
    server.next({ error: 'access_denied' })
    const auth = openTab()
    void auth.login({ returnTo: '/welcome' })
    const back = await browser.returned(auth)
    expect(await back.ready()).toMatchObject({
      status: 'anonymous',
      error: { code: 'login_rejected', body: { error: 'access_denied' } },
    })
    expect(browser.addressOf(back)).toBe(`${APP}/welcome`)
  })

  test.each([
    [
      'an error page',
      (server: ReturnType<typeof open>['server']) => server.fail('authorize', { status: 503 }),
    ],
    ['no network', (server: ReturnType<typeof open>['server']) => server.fail('authorize', 'network')],
  ])('stays there with %s, and the next login goes on', async (_, spoil) => {
    const { server, browser, openTab, clock } = open()
    spoil(server)
    const auth = openTab()
    const login = watch(auth.login())
    await vi.waitUntil(() => server.count('authorize') === 1)
    await expect(browser.returned(auth)).rejects.toThrow()
    await clock.advance(60_000)
    expect(login.state).toBe('login_cancelled')
    void auth.login()
    expect((await (await browser.returned(auth)).ready()).status).toBe('authenticated')
  })

  test('says what the page of the server shows', async () => {
    const { browser, openTab } = open({ clients: [{ clientId: 'spa', redirectUris: [`${APP}/other`] }] })
    const auth = openTab()
    void auth.login()
    await expect(browser.returned(auth)).rejects.toMatchObject({
      code: 'login_unavailable',
      status: 400,
      message: expect.stringContaining('The redirect_uri is not registered.'),
    })
  })

  test('logs out there too, and comes back signed out', async () => {
    const { server, browser, loggedIn, openTab } = open()
    const auth = await loggedIn()
    const other = openTab()
    await other.ready()
    await auth.logout()
    const back = await browser.returned(auth)
    expect(server.user).toBeNull()
    expect(server.calls.at(-1)).toMatchObject({ endpoint: 'endSession', status: 302 })
    expect(await back.ready()).toMatchObject({ status: 'anonymous' })
    expect(other.session).toMatchObject({ status: 'anonymous', reason: 'other-tab' })
    void back.login()
    expect((await (await browser.returned(back)).ready()).status).toBe('authenticated')
  })

  test('a logout that the server has not confirmed lets nobody in without a password', async () => {
    const { server, browser, loggedIn, openTab } = open()
    const auth = await loggedIn()
    server.fail('endSession', 'network')
    await auth.logout()
    await expect(browser.returned(auth)).rejects.toThrow()
    const next = openTab()
    expect(await next.ready()).toMatchObject({ status: 'anonymous' })
    void next.login()
    await expect(browser.returned(next)).rejects.toMatchObject({
      message: expect.stringContaining('"decision"'),
    })
    const again = openTab()
    server.next({ user: 'ada' })
    void again.login()
    expect((await (await browser.returned(again)).ready()).status).toBe('authenticated')
  })

  test('may come back in another tab, as by a link in an e-mail', async () => {
    const { server, browser, openTab } = open()
    const auth = openTab()
    void auth.login()
    await vi.waitUntil(() => server.count('authorize') === 1)
    const { url } = server.calls.at(-1) ?? { url: '' }
    const mail = openTab((await server.authorize(url)).href)
    expect((await mail.ready()).status).toBe('authenticated')
    expect(browser.addressOf(mail)).toBe(HERE)
  })

  test('by a request that was pushed', async () => {
    const { server, browser, openTab } = open({}, { prepare: par })
    const auth = openTab()
    void auth.login()
    expect((await (await browser.returned(auth)).ready()).status).toBe('authenticated')
    const { url } = server.calls.find(({ endpoint }) => endpoint === 'authorize') ?? { url: '' }
    expect([...new URL(url).searchParams.keys()]).toEqual(['client_id', 'request_uri'])
  })

  test('a server of the same origin is left for, too', async () => {
    const { server, browser, loggedIn } = open({ issuer: `${APP}/id` })
    const auth = await loggedIn()
    expect(auth.session.status).toBe('authenticated')
    await auth.logout()
    expect(browser.addressOf(await browser.returned(auth))).toBe(`${APP}/`)
    expect(server.user).toBeNull()
  })

  test('through MSW in place of "fetch" of the browser', async () => {
    const server = createFakeAuthorizationServer()
    const network = setupServer(...server.handlers)
    network.listen({ onUnhandledFrame: 'error' })
    const browser = createTestBrowser({ url: HERE })
    browsers.push(browser)
    try {
      const auth = browser.openTab({ ...oauth({ issuer: server.issuer, clientId: 'spa' }), baseUrl: API })
      void auth.login()
      expect((await (await browser.returned(auth)).ready()).status).toBe('authenticated')
    } finally {
      network.close()
    }
  })
})

describe('a popup', () => {
  test('is answered, and closes; the page that has opened it is signed in', async () => {
    const { server, browser, openTab } = open()
    const auth = openTab()
    expect(await auth.login({ popup: true })).toMatchObject({ status: 'authenticated', user: { sub: 'ada' } })
    expect(browser.addressOf(auth)).toBe(HERE)
    expect(server.count('token')).toBe(1)
  })

  test('that the browser blocks', async () => {
    const { browser, openTab } = open()
    browser.blocksPopups = true
    await expect(openTab().login({ popup: true })).rejects.toMatchObject({ code: 'popup_blocked' })
    browser.blocksPopups = false
    expect((await openTab().login({ popup: true })).status).toBe('authenticated')
  })

  test('that the user closes', async () => {
    const { server, browser, clock, openTab } = open()
    const release = server.hold('authorize')
    const auth = openTab()
    const login = watch(auth.login({ popup: true }))
    await vi.waitUntil(() => server.count('authorize') === 1)
    await clock.advance(60_000)
    expect(login.state).toBe('pending')
    browser.closePopups()
    await clock.advance(3_000)
    expect(login.state).toBe('login_cancelled')
    release()
    await clock.advance(3_000)
    expect([server.count('token'), auth.session.status]).toEqual([0, 'anonymous'])
  })

  test('whose opener is reloaded meanwhile goes on alone, and its session is that of all tabs', async () => {
    const { server, browser, clock, openTab } = open()
    const release = server.hold('authorize')
    const auth = openTab()
    void auth.login({ popup: true })
    await vi.waitUntil(() => server.count('authorize') === 1)
    const again = browser.reload(auth)
    release()
    // It waits a second for its opener.
    await vi.waitUntil(async () => {
      await clock.advance(1_000)
      return again.session.status === 'authenticated'
    })
    expect(server.count('token')).toBe(1)
  })

  test('where nobody says who types: the mistake is reported', async () => {
    const { server, openTab } = open({ user: 'ada' })
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    try {
      const login = openTab().login({ popup: true, prompt: 'login' })
      login.catch(() => {})
      await vi.waitUntil(() => server.count('authorize') === 1 && reported.mock.calls.length > 0)
      expect(reported).toHaveBeenCalledWith(expect.objectContaining({ code: 'invalid_option' }))
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

describe('a test client with the options of oauth()', () => {
  const options = {
    ...oauth({ issuer: 'https://id.example.com/realms/one', clientId: 'spa', scope: 'offline_access' }),
    baseUrl: API,
  }
  const made: AuthClient[] = []
  afterEach(() => {
    for (const client of made.splice(0)) client.dispose()
  })
  async function create(given: Pick<TestClientOptions, 'session' | 'authServer' | 'logger'>) {
    const auth = await createTestClient({ ...options, ...given })
    made.push(auth)
    return auth
  }

  test.each([
    ['authenticated'],
    ['anonymous'],
    ['unknown'],
    [{ status: 'authenticated', claims: { sub: 'bob' }, user: { name: 'Bob' } }],
    [{ status: 'authenticated', error: 'refresh_unavailable' }],
    [{ status: 'authenticated', error: 'refresh_rejected' }],
    [{ status: 'anonymous', reason: 'logout' }],
    [{ status: 'anonymous', reason: 'rejected' }],
  ] as TestSession[][])('can be %j', async session => {
    const auth = await create({ session })
    expect(auth.session.status).toBe(typeof session === 'string' ? session : session?.status)
  })

  test('refreshes and signs out, with the server of the API', async () => {
    const authServer = createFakeAuthServer({
      baseUrl: API,
      refreshToken: 'body',
      api: { 'GET /items': ['apple'] },
    })
    const auth = await create({ authServer })
    authServer.revokeAccess()
    expect(await auth.api.get('items').json()).toEqual(['apple'])
    expect(authServer.count('refresh')).toBe(1)
    expect(await auth.logout()).toEqual({ revoked: true })
  })

  test('leaves for nowhere', async () => {
    const fetch = vi.spyOn(globalThis, 'fetch')
    const logger = vi.fn()
    const auth = await create({ session: 'anonymous', logger })
    const login = watch(auth.login())
    await vi.waitUntil(() => logger.mock.calls.some(([{ type }]) => type === 'left'))
    expect(fetch).not.toHaveBeenCalled()
    expect(login.state).toBe('pending')
    fetch.mockRestore()
  })
})

describe('a hidden frame', () => {
  test('restores the session of who is signed in at the server', async () => {
    const { server, openTab } = open({ user: 'ada', refreshTokens: 'never' }, { silent: 'iframe' })
    expect(await openTab().ready()).toMatchObject({ status: 'authenticated', user: { sub: 'ada' } })
    expect(server.calls.map(({ endpoint }) => endpoint)).toEqual(['discovery', 'authorize', 'token'])
  })

  test('of a server where nobody is signed in leaves the visitor anonymous', async () => {
    const { openTab } = open({}, { silent: 'iframe' })
    expect(await openTab().ready()).toMatchObject({ status: 'anonymous' })
  })

  test('that shows a page of the server cannot be read', async () => {
    const { server, openTab } = open({ user: 'ada' }, { silent: 'iframe' })
    server.fail('authorize', 'malformed')
    expect(await openTab().ready()).toMatchObject({ status: 'anonymous' })
  })
})

describe('a page that is loaded again', () => {
  test('keeps its address, and the session where it is stored', async () => {
    const { server, browser, options } = open()
    const stored = new Map<string, string>()
    const storage = tokenStorage({
      get: key => stored.get(key),
      set: (key, value) => stored.set(key, value),
      remove: key => stored.delete(key),
    })
    const auth = browser.openTab({ ...options, storage })
    void auth.login()
    const back = await browser.returned(auth)
    await back.ready()
    const reloaded = browser.reload(back)
    expect(browser.addressOf(reloaded)).toBe(HERE)
    expect((await reloaded.ready()).status).toBe('authenticated')
    expect(server.calls.filter(({ body }) => body?.grant_type === 'refresh_token')).toHaveLength(1)
  })

  test('without a storage is signed out where no other tab has the session', async () => {
    const { browser, loggedIn, openTab } = open()
    const auth = await loggedIn()
    expect(await browser.reload(auth).ready()).toMatchObject({ status: 'anonymous' })
    expect((await openTab().ready()).status).toBe('anonymous')
  })

  test('is gone: its client does nothing more, and no longer belongs to the browser', async () => {
    const { server, browser, clock, loggedIn } = open()
    const auth = await loggedIn()
    const before = server.calls.length
    const late = watch(auth.fetch(`${API}/items`))
    browser.reload(auth)
    await clock.advance(2 * 3600_000)
    expect(late.state).toBe('pending')
    expect(server.calls.length).toBeLessThanOrEqual(before + 1)
    for (const use of [() => browser.reload(auth), () => browser.addressOf(auth)]) {
      expect(use).toThrow(expect.objectContaining({ code: 'invalid_option' }))
    }
    await expect(browser.returned(auth)).rejects.toMatchObject({ code: 'invalid_option' })
    auth.dispose()
    await clock.advance(0)
    expect(late.state).toBe('pending')
  })

  test('is gone with its login, which never settles, whatever is disposed', async () => {
    const { browser, clock, openTab } = open()
    const auth = openTab()
    const login = watch(auth.login())
    const back = await browser.returned(auth)
    expect((await back.ready()).status).toBe('authenticated')
    auth.dispose()
    await clock.advance(60_000)
    expect(login.state).toBe('pending')
  })

  test.each(['https://other.example.com/', 'https://', 'http://app.example.com/'])('is not at %s', url => {
    expect(() => open().openTab(url)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining('"url"') }),
    )
  })

  test('the popup of a browser that is disposed opens nothing more', async () => {
    const { clock, server, browser, openTab } = open()
    const release = server.hold('authorize')
    openTab()
      .login({ popup: true })
      .catch(() => {})
    await vi.waitUntil(() => server.count('authorize') === 1)
    browser.dispose()
    release()
    await clock.advance(0)
    expect(server.count('token')).toBe(0)
  })
})

describe('the windows of a page', () => {
  function openWindows() {
    let arrive: (url: URL) => void = () => {}
    const popup = { isClosed: false, show: vi.fn(), close: vi.fn() }
    let isBehind = false
    const windows = createPageWindows({
      href: HERE,
      navigate: () =>
        new Promise(resolve => {
          arrive = resolve
        }),
      openPopup: () => popup,
      close: vi.fn(),
      isBehind: () => isBehind,
      storedNames: () => [],
      report: vi.fn(),
    })
    return {
      windows,
      popup,
      async arrive() {
        arrive(new URL(`${APP}/?code=1`))
        await Promise.resolve()
        await Promise.resolve()
      },
      lookAway() {
        isBehind = true
      },
    }
  }

  test('tell nothing of a frame that was removed', async () => {
    const { windows, arrive } = openWindows()
    const [kept, removed] = [vi.fn(), vi.fn()]
    windows.frame(`${APP}/`, kept)
    await arrive()
    windows.frame(`${APP}/`, removed)()
    await arrive()
    expect([kept.mock.calls, removed.mock.calls]).toEqual([[[`${APP}/?code=1`]], []])
  })

  test('have no focus while the user is in a popup', () => {
    const { windows, lookAway } = openWindows()
    expect(windows.hasFocus()).toBe(true)
    lookAway()
    expect(windows.hasFocus()).toBe(false)
  })
})

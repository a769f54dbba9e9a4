// @vitest-environment happy-dom
// @vitest-environment-options {"url": "https://api.example.com/app/"}
import { getResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import * as core from '../src/core.ts'
import * as main from '../src/index.ts'
import { type AuthServer, createAuthServer, ORIGIN } from './support/server.ts'

const ada = { email: 'ada', password: 'right' }
const network = setupServer()
let server: AuthServer
let clients: core.AuthClient[] = []

beforeAll(() => network.listen())
afterAll(() => network.close())
beforeEach(() => {
  server = createAuthServer(Date.now)
  network.use(http.all('*', ({ request }) => withCookie(request)))
})
afterEach(() => {
  for (const client of clients) client.dispose()
  clients = []
  network.resetHandlers()
  localStorage.clear()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

/** The browser's side of the refresh cookie, which no script may see. */
async function withCookie(request: Request): Promise<Response | undefined> {
  if (server.jar.cookie) request.headers.set('cookie', server.jar.cookie)
  const response = await getResponse(server.handlers, request)
  const cookie = response?.headers.get('x-set-cookie')
  if (cookie != null) server.jar.cookie = cookie || null
  return response
}

const nextTask = () => new Promise(resolve => setTimeout(resolve, 0))
async function until(holds: () => boolean) {
  while (!holds()) await nextTask()
}
const paths = () => server.calls.map(({ path }) => path)

/** A page load: another client in the same browser. */
function load(options: core.AuthClientOptions = {}): main.AuthClient {
  const auth = main.createAuthClient(options)
  clients.push(auth)
  return auth
}

/** The document prerenders until `show` is called. */
function prerender() {
  let prerendering = true
  Object.defineProperty(document, 'prerendering', { configurable: true, get: () => prerendering })
  return {
    show() {
      prerendering = false
      document.dispatchEvent(new Event('prerenderingchange'))
    },
    end: () => Reflect.deleteProperty(document, 'prerendering'),
  }
}

/** What is listened to on window and document just now: a removal counts only with what was added. */
function spyOnListeners() {
  const active: string[] = []
  for (const [name, target] of Object.entries<EventTarget>({ window, document })) {
    const listeners = new Map<unknown, string[]>()
    vi.spyOn(target, 'addEventListener').mockImplementation((type, listener) => {
      active.push(`${name} ${type}`)
      listeners.set(listener, [...(listeners.get(listener) ?? []), type])
    })
    vi.spyOn(target, 'removeEventListener').mockImplementation((type, listener) => {
      if (listeners.get(listener)?.includes(type)) active.splice(active.indexOf(`${name} ${type}`), 1)
    })
  }
  return active
}

describe.each([
  ['silent-refresh', main],
  ['silent-refresh/core', core],
])('%s', (_, { createAuthClient }) => {
  const create = ({ tabs = core.shareTabs(), ...options }: core.AuthClientOptions = {}) => {
    const auth = createAuthClient({ tabs, ...options })
    clients.push(auth)
    return auth
  }

  test('restores one task after creation, and not before', async () => {
    server.seed('ada')
    const auth = create()
    expect(auth.session).toEqual({ status: 'unknown', error: null })
    await null
    expect(server.calls).toEqual([])
    const restored = new Promise(resolve => auth.on('login', resolve))
    expect(await restored).toEqual({ cause: 'restore' })
    expect(auth.session).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(paths()).toEqual(['/refresh_token'])
    expect(await auth.ready()).toBe(auth.session)
    expect(paths()).toEqual(['/refresh_token'])
  })

  test('"baseUrl" is the page\'s origin, and what it sends is same-origin', async () => {
    const auth = create({ restore: 'manual' })
    await auth.login(ada)
    const response = await auth.fetch('../items')
    expect(await response.json()).toMatchObject({ user: 'ada' })
    expect(server.calls.map(({ path, credentials }) => [path, credentials])).toEqual([
      ['/login', 'same-origin'],
      ['/items', 'same-origin'],
    ])
    expect(server.calls.map(({ authorization }) => authorization?.slice(0, 10))).toEqual([
      undefined,
      'Bearer eyJ',
    ])
  })

  test('the whole way: login, a 401, one refresh, the replay, logout', async () => {
    const auth = create({ restore: 'manual' })
    await auth.login(ada)
    server.revokeAccess()
    const response = await auth.fetch('/items', { method: 'POST', body: 'once' })
    expect(await response.json()).toMatchObject({ user: 'ada', method: 'POST', text: 'once' })
    expect(await auth.logout()).toEqual({ revoked: true })
    expect(server.jar.cookie).toBeNull()
    expect(paths()).toEqual(['/login', '/items', '/refresh_token', '/items', '/logout'])
  })
})

describe('the restore', () => {
  test('does not come where login was first', async () => {
    server.seed('ada')
    const auth = load()
    await auth.login({ email: 'bob', password: 'right' })
    await nextTask()
    expect(paths()).toEqual(['/login'])
    expect(auth.session).toMatchObject({ claims: { sub: 'bob' } })
  })

  test('does not come after dispose()', async () => {
    server.seed('ada')
    load().dispose()
    await nextTask()
    await nextTask()
    expect(server.calls).toEqual([])
  })

  test('"manual" waits for the first ready()', async () => {
    server.seed('ada')
    const auth = load({ restore: 'manual' })
    await nextTask()
    expect(server.calls).toEqual([])
    expect((await auth.ready()).status).toBe('authenticated')
  })

  test('waits until a prerendered page is shown, and comes once', async () => {
    server.seed('ada')
    const page = prerender()
    const auth = load()
    await nextTask()
    await nextTask()
    expect(server.calls).toEqual([])
    const restored = new Promise(resolve => auth.on('login', resolve))
    page.show()
    expect(await restored).toEqual({ cause: 'restore' })
    document.dispatchEvent(new Event('prerenderingchange'))
    await nextTask()
    expect(paths()).toEqual(['/refresh_token'])
    page.end()
  })

  test('E2 of a prerendered page that asks for it comes when it is shown, and once', async () => {
    server.seed('ada')
    const page = prerender()
    const auth = load()
    const ready = auth.ready()
    await nextTask()
    await nextTask()
    expect(server.calls).toEqual([])
    page.show()
    expect((await ready).status).toBe('authenticated')
    await nextTask()
    expect(paths()).toEqual(['/refresh_token'])
    page.end()
  })

  test('of a prerendered page that was disposed never comes', async () => {
    const active = spyOnListeners()
    const page = prerender()
    const auth = load()
    expect(active).toContain('document prerenderingchange')
    const ready = auth.ready()
    auth.dispose()
    expect(active).toEqual([])
    await expect(ready).rejects.toMatchObject({ code: 'disposed' })
    page.show()
    await nextTask()
    expect(server.calls).toEqual([])
    page.end()
  })
})

describe('the signed-out marker in localStorage', () => {
  async function signedOutOffline() {
    const auth = load({ restore: 'manual' })
    await auth.login(ada)
    server.answer('POST /logout', () => server.json({}, 503), 1)
    expect((await auth.logout()).revoked).toBe(false)
    auth.dispose()
    expect(server.jar.cookie).not.toBeNull()
    server.calls.length = 0
  }

  test('I14 outlives a reload, which stays signed out and revokes again where it came from this origin', async () => {
    await signedOutOffline()
    expect(Object.keys(localStorage)).toEqual([expect.stringMatching(/^silent-refresh:signed-out:/)])
    vi.spyOn(document, 'referrer', 'get').mockReturnValue(location.href)
    const next = load({ timeout: 20 })
    expect(await next.ready()).toEqual({ status: 'anonymous', reason: 'logout' })
    await until(() => localStorage.length === 0)
    expect(paths()).toEqual(['/logout'])
    expect(server.jar.cookie).toBeNull()
  })

  test('goes with a login', async () => {
    await signedOutOffline()
    await load({ restore: 'manual' }).login(ada)
    expect(localStorage.length).toBe(0)
    expect((await load().ready()).status).toBe('authenticated')
  })

  test('goes with an explicit refresh(), as after a login by redirect', async () => {
    await signedOutOffline()
    expect((await load({ restore: 'manual' }).refresh()).status).toBe('authenticated')
    expect(localStorage.length).toBe(0)
  })

  test('of a server that confirmed is gone at once', async () => {
    const auth = load({ restore: 'manual' })
    await auth.login(ada)
    expect(await auth.logout()).toEqual({ revoked: true })
    expect(localStorage.length).toBe(0)
  })

  test('is kept in memory where localStorage throws', async () => {
    const logs: core.LogEvent[] = []
    vi.stubGlobal('localStorage', {
      getItem: () => fail(),
      setItem: () => fail(),
      removeItem: () => fail(),
      clear: () => {},
    })
    const fail = () => {
      throw new DOMException('denied', 'SecurityError')
    }
    const auth = load({ restore: 'manual', logger: event => logs.push(event) })
    await auth.login(ada)
    expect(await auth.logout()).toEqual({ revoked: true })
    expect(auth.session).toEqual({ status: 'anonymous', reason: 'logout' })
    expect(logs.filter(({ type }) => type === 'storage-unavailable')).toHaveLength(1)
  })

  test('S1 is all that is ever stored in the page', async () => {
    const auth = load({ restore: 'manual' })
    await auth.login(ada)
    await auth.refresh()
    const keys = Object.getOwnPropertyNames(window)
    expect([localStorage.length, sessionStorage.length, document.cookie]).toEqual([0, 0, ''])
    expect([location.href, history.state]).toEqual([`${ORIGIN}/app/`, null])
    await auth.logout()
    expect([localStorage.length, sessionStorage.length, document.cookie]).toEqual([0, 0, ''])
    expect(Object.getOwnPropertyNames(window)).toEqual(keys)
  })
})

describe('E1 the origin is that of what runs, not that of the address', () => {
  const creates = (options: core.AuthClientOptions = {}) => load({ restore: 'manual', ...options })

  test('an opaque one needs an absolute "baseUrl"', async () => {
    vi.stubGlobal('origin', 'null')
    expect(() => creates()).toThrow('"baseUrl" must be an absolute URL where the origin is opaque.')
    await creates({ baseUrl: ORIGIN }).login(ada)
    expect(paths()).toEqual(['/login'])
  })

  test('a frame without an address has that of the page around it', async () => {
    vi.stubGlobal('origin', ORIGIN)
    vi.stubGlobal('location', new URL('about:srcdoc'))
    vi.spyOn(document, 'baseURI', 'get').mockReturnValue(`${ORIGIN}/app/`)
    await creates().login(ada)
    expect(paths()).toEqual(['/login'])
    expect(() => creates({ baseUrl: './api' })).not.toThrow()
  })
})

describe('what wakes it', () => {
  const wakeEvents = ['visibilitychange', 'pageshow', 'pagehide', 'resume', 'online', 'focus']

  test('is listened to from creation to dispose(), and nothing else is', () => {
    const active = spyOnListeners()
    const auth = load({ restore: 'manual' })
    expect(new Set(active.map(entry => entry.split(' ')[1]))).toEqual(new Set(wakeEvents))
    auth.dispose()
    expect(active).toEqual([])
  })

  test.each(wakeEvents)('an expired token is refreshed on "%s"', async type => {
    const auth = load({ restore: 'manual' })
    await auth.login(ada)
    // The machine has slept, and no timer has rung.
    const { now } = Date
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 7_200_000)
    const refreshed = new Promise(resolve => auth.on('refresh', resolve))
    const onDocument = type === 'visibilitychange' || type === 'resume'
    const target: EventTarget = onDocument ? document : window
    target.dispatchEvent(new Event(type, { bubbles: type === 'visibilitychange' }))
    await refreshed
    expect(paths()).toEqual(['/login', '/refresh_token'])
    auth.dispose()
    target.dispatchEvent(new Event(type, { bubbles: true }))
    await nextTask()
    expect(paths()).toEqual(['/login', '/refresh_token'])
  })

  test('while the browser says that it is offline nothing is tried; "online" makes up for it', async () => {
    const auth = load({ restore: 'manual' })
    await auth.login(ada)
    let onLine = false
    vi.spyOn(navigator, 'onLine', 'get').mockImplementation(() => onLine)
    const { now } = Date
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 7_200_000)
    window.dispatchEvent(new Event('focus'))
    await nextTask()
    expect(paths()).toEqual(['/login'])
    const refreshed = new Promise(resolve => auth.on('refresh', resolve))
    onLine = true
    window.dispatchEvent(new Event('online'))
    await refreshed
    expect(paths()).toEqual(['/login', '/refresh_token'])
  })
})

describe('late binding', () => {
  test('a fetch that is replaced after creation is the one that is used', async () => {
    const auth = load({ restore: 'manual' })
    const seen: string[] = []
    const before = globalThis.fetch
    vi.stubGlobal('fetch', (input: RequestInfo | URL, init?: RequestInit) => {
      seen.push(input instanceof Request ? input.url : String(input))
      return before(input, init)
    })
    await auth.login(ada)
    await auth.fetch('/items')
    expect(seen).toEqual([`${ORIGIN}/login`, expect.stringMatching(/\/items$/)])
  })

  test('a listener that throws goes to reportError', async () => {
    const auth = load({ restore: 'manual' })
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const error = new Error('listener')
    auth.on('login', () => {
      throw error
    })
    await auth.login(ada)
    await nextTask()
    expect(reported).toEqual([error])
  })
})

describe('auth.api', () => {
  test('is ky over "baseUrl", with the bearer, refreshed and replayed', async () => {
    const auth = load({
      baseUrl: `${ORIGIN}/v1`,
      restore: 'manual',
      endpoints: { login: '/login', refresh: '/refresh_token' },
    })
    await auth.login(ada)
    server.revokeAccess()
    expect(await auth.api.post('items', { json: { n: 1 } }).json()).toMatchObject({
      user: 'ada',
      text: '{"n":1}',
    })
    expect(paths()).toEqual(['/login', '/v1/items', '/refresh_token', '/v1/items'])
  })

  test("its base is the page's origin by default", async () => {
    const auth = load({ restore: 'manual' })
    await auth.login(ada)
    expect(await auth.api('items').json()).toMatchObject({ user: 'ada' })
    expect(paths()).toEqual(['/login', '/items'])
  })

  test('is not on the client of the core entry', () => {
    const auth = core.createAuthClient({ tabs: core.shareTabs(), restore: 'manual' })
    clients.push(auth)
    expect('api' in auth).toBe(false)
  })
})

describe('what is exported', () => {
  test.each([
    ['silent-refresh', main, ['isHTTPError']],
    ['silent-refresh/core', core, []],
  ])('%s: the factory, the errors and their guards, the features, a preset and loggers', (_, entry, ofKy) => {
    const loggers = ['combineLoggers', 'consoleLogger', 'describeEvent', 'performanceLogger']
    const storages = ['tokenStorage', 'webStorage']
    const features = ['cookieMode', 'doubleSubmit', 'idleTimeout', 'shareTabs', ...storages]
    const names = ['AuthError', 'createAuthClient', 'isAuthError', 'oauth2', ...ofKy]
    expect(Object.keys(entry).sort()).toEqual([...names, ...features, ...loggers].sort())
  })

  test('a bad option throws before anything is listened to', () => {
    const active = spyOnListeners()
    expect(() => main.createAuthClient({ timeout: -1 })).toThrow('"timeout" must be')
    expect(active).toEqual([])
  })
})

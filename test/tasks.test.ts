// @vitest-environment node
import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as silentRefresh from '../src/index.ts'
import { createFakeAuthServer, createTestBrowser, createTestClock } from '../src/testing/core.ts'
import { readPage, runModule } from './recipes/blocks.ts'
import { fetchBaseQuery, HubConnectionBuilder, Upload, Uppy } from './recipes/foreign.ts'
import { CREDENTIALS, createLedger, type Issued, type Ledger } from './recipes/ledger.ts'
import { type Backend, type Call, type Routes, serve } from './recipes/serve.ts'
import { createBrowserFetch } from './support/cookie-jar.ts'
import { watch } from './support/outcome.ts'

const MODULES = {
  '@uppy/core': { Uppy },
  '@uppy/xhr-upload': { default: {} },
  'tus-js-client': { Upload },
  '@microsoft/signalr': { HubConnectionBuilder },
  '@reduxjs/toolkit/query': { fetchBaseQuery },
}

const blocks = readPage('docs/tasks.md').filter(({ language }) => language === 'ts')
const { email, password } = CREDENTIALS

let ledger: Ledger
let backend: Backend
let running: silentRefresh.AuthClient[]
/** What the next tokens say besides who it is. */
let claims: Record<string, unknown>
/** Does the refresh token travel in the body? */
let inBody: boolean
let spent: Set<string>

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const tokenOf = (claims: object) => `${part({ alg: 'none' })}.${part({ ...claims, jti: Math.random() })}.x`
const refused = (body?: object) => Response.json(body ?? null, { status: 401 })

function granted(issued: Issued | null): Response {
  if (!issued) return refused({ error: 'invalid_grant' })
  const { access, refresh } = issued
  const tokens = { access_token: access, expires_in: 900 }
  if (inBody) return Response.json({ ...tokens, refresh_token: refresh })
  return Response.json(tokens, { headers: { 'Set-Cookie': `refresh=${refresh}; Path=/; HttpOnly` } })
}

const login = ({ json }: Call) => granted(ledger.login(json?.email, json?.password))
const signsIn = () => granted(ledger.login(email, password))
const secured =
  (answer: (call: Call) => Response): ((call: Call) => Response) =>
  call =>
    ledger.user(call.authorization?.[1]) && !spent.has(call.authorization?.[1] ?? '')
      ? answer(call)
      : refused()

const routes = (): Routes => ({
  'POST /login': login,
  'POST /refresh_token': ({ json, cookies }) =>
    granted(ledger.refresh(json?.refresh_token ?? cookies.refresh)),
  'POST /logout': ({ json, cookies }) => {
    ledger.end(json?.refresh_token ?? cookies.refresh)
    return new Response(null, { status: 204, headers: { 'Set-Cookie': 'refresh=; Path=/; Max-Age=0' } })
  },
  'GET /items': secured(() => Response.json(['apple'])),
  'POST /files': secured(() => new Response(null, { status: 201 })),
  'POST /files/': secured(() => new Response(null, { status: 201 })),
  'POST /hub/negotiate': secured(() => Response.json({})),
})

/** A backend whose tokens say what `claims` says at that moment. */
const naming = (): Routes => {
  const token = () => ({ access_token: tokenOf({ sub: '1', ...claims }), expires_in: 900 })
  const set = (given: Record<string, unknown>) => {
    claims = given
    return new Response(null, { status: 204 })
  }
  return {
    'POST /login': () => Response.json(token()),
    'POST /refresh_token': () => Response.json(token()),
    'PUT /organisation': ({ json }) => set({ org: json.organisation }),
    'PUT /impersonation': ({ json }) => set({ sub: json.user, act: { sub: '1' } }),
    'DELETE /impersonation': () => set({}),
  }
}

const under = (heading: string) => {
  const block = blocks.find(one => one.heading === heading)
  if (!block) throw new Error(`docs/tasks.md has no "${heading}"`)
  return block
}

async function load(heading: string, modules: Record<string, object> = {}): Promise<Record<string, any>> {
  const loaded = await runModule(under(heading), backend.origin, { ...MODULES, ...modules })
  for (const value of Object.values(loaded)) if (value?.dispose) running.push(value)
  return loaded
}

/** The app's own client, signed in. */
async function signedIn(): Promise<{ auth: silentRefresh.AuthClient }> {
  const auth = silentRefresh.createAuthClient({ baseUrl: backend.origin, server: true })
  running.push(auth)
  await auth.login(CREDENTIALS)
  backend.log.length = 0
  return { auth }
}

const calls = (route: string) => backend.log.filter(call => call.route === route).map(({ status }) => status)

async function serveInstead(routes: Routes): Promise<void> {
  await backend.close()
  backend = await serve(routes)
}

function createStore() {
  const kept = new Map<string, string>()
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  }
}

beforeEach(async () => {
  ledger = createLedger(true)
  backend = await serve(routes())
  running = []
  claims = {}
  inBody = false
  spent = new Set()
  vi.stubGlobal('fetch', createBrowserFetch().fetch)
})
afterEach(async () => {
  for (const auth of running) auth.dispose()
  vi.unstubAllGlobals()
  vi.useRealTimers()
  await backend.close()
})

describe('P5 tokens outside of fetch', () => {
  test('P5 Uploads with Uppy: a revoked token costs one refresh, for all files', async () => {
    const { auth } = await signedIn()
    const { uppy } = await load('Uploads with Uppy', { './auth': { auth } })
    ledger.revokeAccess()
    expect(await Promise.all(Array.from({ length: 5 }, () => uppy.upload()))).toEqual(Array(5).fill(201))
    expect(calls('POST /files').sort()).toEqual([...Array(5).fill(201), ...Array(5).fill(401)])
    expect(ledger.exchanges).toBe(1)
  })

  test('P5 Uploads with Uppy: it ends where the session ends, and where every token is refused', async () => {
    const { auth } = await signedIn()
    const { uppy } = await load('Uploads with Uppy', { './auth': { auth } })
    const always = async () => refused()
    expect(await uppy.upload(always)).toBe(401)
    expect(ledger.exchanges).toBe(3)
    ledger.revokeAccess()
    ledger.revokeSessions()
    expect(await uppy.upload()).toBe(401)
    expect(auth.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
  })

  test('P5 Uploads with tus: a revoked token costs one refresh', async () => {
    const { auth } = await signedIn()
    const { createUpload } = await load('Uploads with tus', { './auth': { auth } })
    ledger.revokeAccess()
    expect(await createUpload(new Blob()).upload()).toBe(201)
    expect(calls('POST /files/')).toEqual([401, 201])
    expect(ledger.exchanges).toBe(1)
  })

  test('P5 Uploads with tus: an upload of one user is never sent as another', async () => {
    const { auth } = await signedIn()
    const { createUpload } = await load('Uploads with tus', { './auth': { auth } })
    backend.answerOnce('POST /files/', async () => {
      await auth.setTokens({ accessToken: tokenOf({ sub: 'bob' }) })
      return refused()
    })
    expect(await createUpload(new Blob()).upload()).toBe(0)
    expect(calls('POST /files/')).toEqual([401])
  })

  test('P5 SignalR: negotiate with a revoked token costs one refresh, and then it starts', async () => {
    const { auth } = await signedIn()
    const { connection, start } = await load('SignalR', { './auth': { auth } })
    ledger.revokeAccess()
    await start()
    expect(connection.isConnected).toBe(true)
    expect(calls('POST /hub/negotiate')).toEqual([401, 200])
    expect(ledger.exchanges).toBe(1)
  })

  test('P5 SignalR: so does a reconnect, and the logout ends it', async () => {
    const { auth } = await signedIn()
    const { connection, start } = await load('SignalR', { './auth': { auth } })
    await start()
    ledger.revokeAccess()
    await connection.lose()
    expect(connection.isConnected).toBe(true)
    expect(calls('POST /hub/negotiate')).toEqual([200, 401, 200])
    expect(ledger.exchanges).toBe(1)
    await auth.logout()
    await vi.waitFor(() => expect(connection.isConnected).toBe(false))
    await connection.lose()
    expect(calls('POST /hub/negotiate')).toHaveLength(3)
  })

  test('P5 SignalR: it starts for the next user too, where a token of the one before was refused', async () => {
    const { auth } = await signedIn()
    const { connection, start } = await load('SignalR', { './auth': { auth } })
    ledger.revokeAccess()
    await start()
    await auth.logout()
    await vi.waitFor(() => expect(connection.isConnected).toBe(false))
    backend.answerOnce('POST /login', () => Response.json({ access_token: tokenOf({ sub: 'bob' }) }))
    await auth.login(CREDENTIALS)
    backend.answerOnce('POST /hub/negotiate', () => Response.json({}))
    await start()
    expect(connection.isConnected).toBe(true)
  })

  test('P5 SignalR: a server that refuses every token is asked twice', async () => {
    const { auth } = await signedIn()
    const { start } = await load('SignalR', { './auth': { auth } })
    for (const _ of [1, 2]) backend.answerOnce('POST /hub/negotiate', () => refused())
    ledger.revokeAccess()
    vi.spyOn(ledger, 'user').mockReturnValue(null)
    await expect(start()).rejects.toThrow('401')
    expect(calls('POST /hub/negotiate')).toEqual([401, 401])
    expect(ledger.exchanges).toBe(1)
  })

  test('P5 Maps: maplibre: the token goes to the API alone', async () => {
    const { auth } = await signedIn()
    vi.stubGlobal('document', { baseURI: 'https://page.example/map/' })
    const { transformRequest } = await load('Maps: maplibre', { './auth': { auth } })
    const tile = `${backend.origin}/tiles/1/2/3.pbf`
    const token = await auth.getAccessToken()
    expect(transformRequest(tile)).toEqual({ url: tile, headers: { Authorization: `Bearer ${token}` } })
    for (const url of [
      'https://tiles.example.net/1/2/3.pbf',
      backend.origin.replace(/:\d+$/, '.evil.example/1.pbf'),
      `https://user@evil.example/${backend.origin}`,
      'sprites/1.png',
      '//evil.example/1.pbf',
    ]) {
      expect(transformRequest(url)).toEqual({ url })
    }
    await auth.logout()
    expect(transformRequest(tile)).toEqual({ url: tile })
  })
})

describe('P5 away from the keyboard', () => {
  test('P5 An editor in a frame: what happens there counts, and nothing that a stranger says', async () => {
    const inside = new EventTarget()
    const frame = Object.assign(new EventTarget(), { contentWindow: inside })
    const page = new EventTarget()
    vi.stubGlobal('document', { querySelector: () => frame })
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
    const auth = { touch: vi.fn() }
    await load('An editor in a frame', { './auth': { auth } })
    frame.dispatchEvent(new Event('load'))
    inside.dispatchEvent(new Event('keydown'))
    expect(auth.touch).toHaveBeenCalledTimes(1)
    const say = (source: unknown, origin: string, data: unknown) =>
      page.dispatchEvent(Object.assign(new Event('message'), { source, origin, data }))
    say(inside, backend.origin, 'active')
    expect(auth.touch).toHaveBeenCalledTimes(2)
    say(inside, 'https://evil.example', 'active')
    say({}, backend.origin, 'active')
    say(inside, backend.origin, 'ready')
    expect(auth.touch).toHaveBeenCalledTimes(2)
  })

  test('P5 You will be signed out in 60 seconds: the dialog counts down, and closes when the user is back', async () => {
    const clock = createTestClock()
    const server = createFakeAuthServer({ baseUrl: backend.origin, now: clock.now })
    const browser = createTestBrowser({ clock, fetch: server.fetch, url: backend.origin })
    const dialog = {
      open: false,
      showModal() {
        if (dialog.open) throw new DOMException('It is open.', 'InvalidStateError')
        dialog.open = true
      },
      close() {
        dialog.open = false
      },
    }
    const seconds = { textContent: '' }
    const button = new EventTarget()
    const elements: Record<string, object> = { output: seconds, button }
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'], now: clock.now() })
    vi.stubGlobal('document', {
      querySelector: (selector: string) => elements[selector.split(' ')[1] ?? ''] ?? dialog,
    })
    const pass = async (ms: number) => {
      vi.setSystemTime(clock.now() + ms)
      await clock.advance(ms)
    }
    const createAuthClient = (options: object) => browser.openTab(options)
    const { auth } = await load('You will be signed out in 60 seconds', {
      'silent-refresh': { ...silentRefresh, createAuthClient },
    })
    await auth.login({ email: 'ada@example.com', password: 'secret' })
    await pass(14 * 60_000)
    expect([dialog.open, seconds.textContent]).toEqual([true, '60'])
    vi.advanceTimersByTime(10_000)
    expect(seconds.textContent).toBe('50')
    button.dispatchEvent(new Event('click'))
    await pass(0)
    expect(dialog.open).toBe(false)
    await pass(14 * 60_000)
    expect(dialog.open).toBe(true)
    await pass(62_000)
    expect([dialog.open, auth.session.reason]).toEqual([false, 'idle'])
    expect(vi.getTimerCount()).toBe(0)
    browser.dispose()
  })
})

describe('P5 signing in and out', () => {
  test('P5 A one-time code', async () => {
    await serveInstead({
      ...routes(),
      'POST /login': ({ json }) =>
        json.password === password ? Response.json({ challenge: 'c1' }) : refused({ error: 'wrong' }),
      'POST /login/code': ({ json }) =>
        json.challenge === 'c1' && json.code === '123456' ? signsIn() : refused({ error: 'code' }),
    })
    const { auth, signIn } = await load('A one-time code')
    expect(await signIn({ email, password })).toBe('c1')
    expect(auth.session.status).not.toBe('authenticated')
    await expect(signIn({ challenge: 'c1', code: '000000' })).rejects.toMatchObject({
      code: 'login_rejected',
      body: { error: 'code' },
    })
    await expect(signIn({ email, password: 'wrong' })).rejects.toMatchObject({ code: 'login_rejected' })
    expect(await signIn({ challenge: 'c1', code: '123456' })).toBeNull()
    expect(auth.session.status).toBe('authenticated')
    expect(ledger.exchanges).toBe(0)
  })

  test('P5 Passkeys: the assertion first, then the login', async () => {
    let challenge = 0
    await serveInstead({
      ...routes(),
      'POST /passkey/options': () => Response.json({ challenge: `c${++challenge}` }),
      'POST /passkey/login': ({ json }) => (json.response === `signed c${challenge}` ? signsIn() : refused()),
    })
    let answer = async (publicKey: any): Promise<object> => ({
      toJSON: () => ({ id: 'key', response: `signed ${publicKey.challenge}` }),
    })
    vi.stubGlobal('PublicKeyCredential', { parseRequestOptionsFromJSON: (options: object) => options })
    vi.stubGlobal('navigator', { credentials: { get: ({ publicKey }: any) => answer(publicKey) } })
    const { auth, signInWithPasskey } = await load('Passkeys')
    answer = async () => {
      throw new DOMException('Closed.', 'NotAllowedError')
    }
    await expect(signInWithPasskey()).rejects.toThrow('Closed.')
    expect(calls('POST /passkey/login')).toEqual([])
    answer = async publicKey => ({ toJSON: () => ({ id: 'key', response: `signed ${publicKey.challenge}` }) })
    await signInWithPasskey()
    expect(auth.session.status).toBe('authenticated')
  })

  test('P5 Sign-up that signs in', async () => {
    await serveInstead({
      ...routes(),
      'POST /sign-up': ({ json }) =>
        json.name ? signsIn() : Response.json({ errors: { name: 'is missing' } }, { status: 422 }),
    })
    const { auth, signUp, signIn } = await load('Sign-up that signs in')
    await expect(signUp({ email, password, name: '' })).rejects.toMatchObject({
      code: 'login_rejected',
      body: { errors: { name: 'is missing' } },
    })
    expect(await signUp({ email, password, name: 'Ada' })).toMatchObject({ status: 'authenticated' })
    await auth.logout()
    expect(await signIn({ email, password })).toMatchObject({ status: 'authenticated' })
  })

  test('P5 Password reset', async () => {
    await serveInstead({
      ...routes(),
      'POST /password/mail': () => new Response(null, { status: 204 }),
      'POST /password': ({ json }) =>
        json.resetToken === 'of the mail' && json.password ? signsIn() : refused(),
    })
    const history = { replaceState: vi.fn() }
    vi.stubGlobal('history', history)
    vi.stubGlobal('location', { hash: '#token=of+the+mail', pathname: '/reset' })
    const { auth, askForMail, setPassword } = await load('Password reset')
    await askForMail(email)
    await setPassword('another horse')
    expect(auth.session.status).toBe('authenticated')
    expect(history.replaceState).toHaveBeenCalledWith(null, '', '/reset')
  })

  test('P5 Sign out everywhere: another device is signed out at its next refresh, and only then', async () => {
    await serveInstead({
      ...routes(),
      'POST /logout/everywhere': secured(() => {
        ledger.revokeSessions()
        return new Response(null, { status: 204 })
      }),
    })
    // Another browser, with cookies of its own.
    const { auth: elsewhere } = await signedIn()
    vi.unstubAllGlobals()
    vi.stubGlobal('fetch', createBrowserFetch().fetch)
    const { auth, signOutEverywhere } = await load('Sign out everywhere')
    await auth.login(CREDENTIALS)
    await auth.logout()
    expect(calls('POST /logout')).toEqual([204])
    expect(ledger.open).toBe(1)
    await auth.login(CREDENTIALS)
    expect(await signOutEverywhere()).toBe(true)
    expect(ledger.open).toBe(0)
    expect(elsewhere.session.status).toBe('authenticated')
    expect((await elsewhere.fetch(`${backend.origin}/items`)).status).toBe(401)
    expect(elsewhere.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
  })

  test('P5 Remember me: the choice decides where the refresh token is stored', async () => {
    inBody = true
    const [local, session] = [createStore(), createStore()]
    vi.stubGlobal('localStorage', local)
    vi.stubGlobal('sessionStorage', session)
    const stored = () =>
      [local, session].map(({ kept }) => [...kept.keys()].filter(key => key.includes(':token:')).length)
    const { currentAuth, signIn } = await load('Remember me')
    const first = currentAuth()
    await signIn(CREDENTIALS, false)
    expect([currentAuth() === first, ...stored()]).toEqual([true, 0, 1])
    await signIn(CREDENTIALS, true)
    expect([currentAuth() === first, ...stored()]).toEqual([false, 1, 0])
    expect(ledger.open).toBe(1)
    running.push(currentAuth())
    // A page load later, in another tab.
    vi.stubGlobal('sessionStorage', createStore())
    const later = (await load('Remember me')).currentAuth()
    expect(await later.refresh()).toMatchObject({ status: 'authenticated' })
  })
})

describe('P5 who is signed in', () => {
  test('P5 Several accounts in tabs', async () => {
    inBody = true
    const { code, ...block } = under('Several accounts in tabs')
    const stores = [createStore(), createStore()]
    vi.stubGlobal('stores', stores)
    const [one, other] = await Promise.all(
      [0, 1].map(async n => {
        const own = { ...block, code: code.replace('sessionStorage', `stores[${n}]`) }
        const { auth } = await runModule(own, backend.origin)
        running.push(auth)
        return auth
      }),
    )
    await one.login(CREDENTIALS)
    await other.login(CREDENTIALS)
    await one.logout()
    expect(other.session.status).toBe('authenticated')
    expect((await other.fetch(`${backend.origin}/items`)).status).toBe(200)
    expect(stores.map(({ kept }) => kept.size)).toEqual([0, 1])
  })

  test.each([
    ['Switching organisations', 'switchTo', 'second', 'org', 'second'],
    ['Impersonating a user, and back', 'impersonate', 'bob', 'sub', 'bob'],
  ])('P5 %s: another identity, and what was for the former one is not sent', async (...given) => {
    const [heading, change, to, claim, value] = given
    await serveInstead(naming())
    claims = claim === 'org' ? { org: 'first' } : {}
    const { auth, [change]: switchTo, stopImpersonating } = await load(heading)
    await auth.login(CREDENTIALS)
    const changed = vi.fn()
    auth.on('userChange', changed)
    const before = await auth.getAccessToken()
    await auth.refresh()
    expect(changed).not.toHaveBeenCalled()
    await switchTo(to)
    expect(auth.session.claims).toMatchObject({ [claim]: value })
    expect(changed).toHaveBeenCalledOnce()
    const stale = auth.fetch(`${backend.origin}/items`, { headers: { Authorization: `Bearer ${before}` } })
    await expect(stale).rejects.toMatchObject({ code: 'user_changed' })
    await expect(auth.getAccessToken({ refused: before })).rejects.toMatchObject({ code: 'user_changed' })
    if (!stopImpersonating) return
    await stopImpersonating()
    expect(auth.session.claims).toMatchObject({ sub: '1' })
    expect(await auth.getAccessToken({ refused: before })).toEqual(expect.any(String))
  })

  test('P5 A token for each audience: one login, a token of its own for each API', async () => {
    const tokens = new Map<string, string>()
    await serveInstead({
      ...routes(),
      'POST /exchange': secured(({ json: { audience } }) => {
        const access_token = tokenOf({ sub: '1', aud: audience })
        tokens.set(audience, access_token)
        return Response.json({ access_token, expires_in: 60 })
      }),
      'GET /whoami': ({ authorization }) => Response.json(authorization?.[1] ?? null),
    })
    const { auth, orders, reports } = await load('A token for each audience')
    await auth.login(CREDENTIALS)
    const whoami = async (client: silentRefresh.AuthClient) =>
      (await client.fetch(`${backend.origin}/whoami`)).json()
    await vi.waitFor(() => expect(tokens.size).toBe(2))
    await vi.waitFor(() =>
      expect([orders.session.status, reports.session.status]).toEqual(['authenticated', 'authenticated']),
    )
    expect(await whoami(orders)).toBe(tokens.get('orders'))
    expect(await whoami(reports)).toBe(tokens.get('reports'))
    expect(ledger.exchanges).toBe(0)
    await auth.logout()
    await vi.waitFor(() => expect(orders.session.status).toBe('anonymous'))
    expect(await whoami(reports)).toBeNull()
  })
})

describe('P5 the rest', () => {
  test('P5 Tokens renewed in API answers: the next request carries the new one, and no refresh is made', async () => {
    const seen: (string | undefined)[] = []
    await serveInstead({
      'POST /login': () => Response.json({ access_token: tokenOf({ sub: '1' }), expires_in: 60 }),
      'POST /logout': () => new Response(null, { status: 204 }),
      'GET /items': ({ authorization }) => {
        seen.push(authorization?.[1])
        return Response.json([], { headers: { 'X-Access-Token': tokenOf({ sub: '1' }) } })
      },
    })
    const { auth } = await load('Tokens renewed in API answers')
    const logins = vi.fn()
    auth.on('login', logins)
    await auth.login(CREDENTIALS)
    await auth.fetch(`${backend.origin}/items`)
    await auth.fetch(`${backend.origin}/items`)
    expect(new Set(seen).size).toBe(2)
    expect(logins).toHaveBeenCalledOnce()

    let answer: ((response: Response) => void) | undefined
    backend.answerOnce(
      'GET /items',
      () =>
        new Promise(resolve => {
          answer = resolve
        }),
    )
    const late = watch(auth.fetch(`${backend.origin}/items`))
    await vi.waitFor(() => expect(answer).not.toBeUndefined())
    await auth.logout()
    answer?.(Response.json([], { headers: { 'X-Access-Token': tokenOf({ sub: '1' }) } }))
    await vi.waitFor(() => expect(late.state).not.toBe('pending'))
    expect(auth.session.status).toBe('anonymous')
  })

  test('P5 RTK Query: an answer, an error of the API, and an AuthError with all that it says', async () => {
    const { auth } = await signedIn()
    const { baseQuery } = await load('RTK Query', { './auth': { auth } })
    expect(await baseQuery('items', {}, {})).toEqual({ data: ['apple'] })
    expect(await baseQuery('nothing', {}, {})).toEqual({ error: { status: 404, data: null } })
    ledger.revokeAccess()
    backend.answerOnce('POST /refresh_token', () => Response.json({}, { status: 503 }))
    const { error } = await baseQuery('items', {}, {})
    expect(error).toMatchObject({ status: 'AUTH_ERROR', code: 'refresh_unavailable', retryable: true })
    expect(error.retryAt).toBeGreaterThan(Date.now())
    expect(JSON.parse(JSON.stringify(error))).toEqual(error)
  })

  /** The app, in a browser whose cookies a test tool has filled. */
  function createPage() {
    let auth: silentRefresh.AuthClient | undefined
    return {
      request: {
        post: (url: string, { data }: { data: unknown }) =>
          fetch(url, { method: 'POST', body: JSON.stringify(data) }),
      },
      async goto() {
        auth = silentRefresh.createAuthClient({ baseUrl: backend.origin, server: true })
        running.push(auth)
        await auth.refresh().catch(() => {})
      },
      getByText: (text: string) => (auth?.session.status === 'authenticated' ? text : null),
    }
  }

  test('P5 Playwright: the page restores the session of the login', async () => {
    const page = createPage()
    const found: unknown[] = []
    let ran = Promise.resolve()
    const extend = (fixtures: any) => (_title: string, body: (given: object) => Promise<void>) => {
      ran = fixtures.page({ page }, (given: object) => body({ page: given }))
    }
    await load('Playwright', {
      '@playwright/test': {
        test: { extend },
        expect: (shown: unknown) => ({ toBeVisible: async () => void found.push(shown) }),
      },
    })
    await ran
    expect(found).toEqual(['Sign out'])
    expect(ledger.exchanges).toBe(1)
  })

  test('P5 Cypress: the page restores the session of the login', async () => {
    const page = createPage()
    const found: unknown[] = []
    const queue: (() => unknown)[] = []
    const commands: Record<string, () => void> = {
      request: (...[, url, data]: any[]) => void queue.push(() => page.request.post(url, { data })),
      visit: () => void queue.push(page.goto),
      contains: (...[text]: any[]) => void queue.push(() => found.push(page.getByText(text))),
    } as Record<string, () => void>
    const add = (name: string, command: () => void) => {
      commands[name] = command
    }
    vi.stubGlobal('Cypress', { Commands: { add } })
    vi.stubGlobal('cy', commands)
    for (const name of ['describe', 'it']) {
      vi.stubGlobal(name, (_: string, body: () => void) => body())
    }
    vi.stubGlobal('beforeEach', (body: () => void) => body())
    await load('Cypress')
    for (const command of queue) await command()
    expect(found).toEqual(['Sign out'])
    expect(ledger.exchanges).toBe(1)
  })

  test('P5 every recipe by task is run', async () => {
    const source = await readFile(import.meta.filename, 'utf8')
    for (const { heading } of blocks) expect(source).toContain(heading)
  })
})

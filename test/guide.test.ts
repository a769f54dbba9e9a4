// @vitest-environment node
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axios from 'axios'
import * as authRefresh from 'axios-auth-refresh'
import ky from 'ky'
import * as valibot from 'valibot'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DemoServer, startServer } from '../demo/server/server.ts'
import * as silentRefreshCore from '../src/core.ts'
import { type AuthClient, createAuthClient } from '../src/index.ts'
import { type Block, readPage, runModule } from './recipes/blocks.ts'
import { CREDENTIALS, createLedger, type Issued, type Ledger } from './recipes/ledger.ts'
import { type Backend, type Call, type Routes, serve } from './recipes/serve.ts'
import { createBrowserFetch } from './support/cookie-jar.ts'
import { createWorld } from './support/world.ts'

const MODULES = {
  axios: { default: axios },
  'axios-auth-refresh': authRefresh,
  ky: { default: ky },
  valibot,
}

let ledger: Ledger
let backend: Backend
let stored: Map<string, string>
let running: AuthClient[]

const granted = (issued: Issued | null, inBody = false) => {
  if (!issued) return Response.json({ error: 'invalid_grant' }, { status: 401 })
  const { access, refresh, user } = issued
  const body = {
    access_token: access,
    expires_in: 900,
    user,
    ...(inBody && { refresh_token: refresh }),
  }
  const cookie = `refresh_token=${refresh}; Path=/; HttpOnly; SameSite=Strict`
  return Response.json(body, inBody ? {} : { headers: { 'Set-Cookie': cookie } })
}

/** A backend of the default kind, which takes a refresh token from the cookie or from the body. */
function routes(): Routes {
  const login = ({ json }: Call) => granted(ledger.login(json?.email, json?.password))
  const refresh = ({ json, form, cookies }: Call) => {
    const shown = json?.refresh_token ?? form.get('refresh_token')
    return granted(ledger.refresh(shown ?? cookies.refresh_token), Boolean(shown))
  }
  const logout = ({ cookies }: Call) => {
    ledger.end(cookies.refresh_token)
    return new Response(null, { status: 204, headers: { 'Set-Cookie': 'refresh_token=; Path=/; Max-Age=0' } })
  }
  const items = ({ authorization }: Call) =>
    ledger.user(authorization?.[1]) ? Response.json([{ id: 1 }]) : new Response(null, { status: 401 })
  const both: Routes = {}
  for (const folder of ['', '/v1'] as const) {
    both[`POST ${folder}/login`] = login
    both[`POST ${folder}/refresh_token`] = refresh
    both[`POST ${folder}/token`] = refresh
    both[`POST ${folder}/logout`] = logout
    for (const method of ['GET', 'POST', 'DELETE']) both[`${method} ${folder}/items`] = items
  }
  // Starts another session, and leaves the old one as it is.
  both['POST /session/move'] = ({ json }) =>
    json?.refresh_token === 'of the old version'
      ? granted(ledger.login(CREDENTIALS.email, CREDENTIALS.password))
      : new Response(null, { status: 401 })
  return both
}

async function load(block: Block, modules: Record<string, object> = {}): Promise<Record<string, any>> {
  const loaded = await runModule(block, backend.origin, { ...MODULES, ...modules })
  for (const value of Object.values(loaded)) if (value?.dispose) running.push(value)
  return loaded
}

/** What the app has made before, signed in. */
async function signedIn(folder = ''): Promise<AuthClient> {
  const auth = createAuthClient({ baseUrl: backend.origin + folder, server: true })
  running.push(auth)
  await auth.login(CREDENTIALS)
  return auth
}

const blocksOf = (page: string) => readPage(page).filter(({ language }) => language === 'ts')
const under = (page: string, heading: string) => blocksOf(page).find(one => one.heading === heading)!

beforeEach(async () => {
  ledger = createLedger(true, 900_000)
  backend = await serve(routes())
  running = []
  stored = new Map()
  vi.stubGlobal('fetch', createBrowserFetch().fetch)
  const store = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  }
  vi.stubGlobal('localStorage', store)
  vi.stubGlobal('sessionStorage', { ...store })
  vi.stubGlobal('location', { search: '?signed-in', pathname: '/', assign: vi.fn() })
})
afterEach(async () => {
  for (const auth of running) auth.dispose()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  await backend.close()
})

describe('P5 migration', () => {
  const pairs = blocksOf('docs/migration.md').filter(({ file }) => /^(axios|auth-refresh|ky)-/.test(file))

  test.each(pairs)(
    'P5 $file: signs in, calls the API, and again after the token was revoked',
    async block => {
      const { login, getItems } = await load(block)
      await login(CREDENTIALS)
      expect(await getItems()).toEqual([{ id: 1 }])
      ledger.revokeAccess()
      expect(await getItems()).toEqual([{ id: 1 }])
      expect(ledger.exchanges).toBe(1)
    },
  )

  test('P5 localstorage-before.ts: does the same, with the tokens where every script reads them', async () => {
    const block = blocksOf('docs/migration.md').find(({ file }) => file === 'localstorage-before.ts')!
    const { login, getItems } = await load(block)
    backend.answerOnce('POST /login', ({ json }) => granted(ledger.login(json.email, json.password), true))
    await login(CREDENTIALS)
    ledger.revokeAccess()
    expect(await getItems()).toEqual([{ id: 1 }])
    expect([...stored.keys()]).toEqual(['accessToken', 'refreshToken'])
  })

  const newVersion = (file: string) => blocksOf('docs/migration.md').find(block => block.file === file)!

  test('P5 cookie-after.ts: an old refresh token is exchanged for a cookie, once', async () => {
    stored.set('refreshToken', 'of the old version')
    const first = await load(newVersion('cookie-after.ts'))
    expect(await first.auth.refresh()).toMatchObject({ status: 'authenticated' })
    stored.delete('refreshToken')
    const second = await load(newVersion('cookie-after.ts'))
    expect(await second.auth.refresh()).toMatchObject({ status: 'authenticated' })
    expect(backend.log.map(({ route }) => route)).toEqual(['POST /session/move', 'POST /refresh_token'])
  })

  test('P5 body-after.ts: the tokens of the old version are taken over, dead or alive', async () => {
    const old = ledger.login(CREDENTIALS.email, CREDENTIALS.password)!
    stored.set('accessToken', old.access)
    stored.set('refreshToken', old.refresh)
    const { auth, takeOver } = await load(newVersion('body-after.ts'))
    expect(await takeOver()).toMatchObject({ status: 'authenticated' })
    expect([...stored.keys()].filter(key => /^(access|refresh)Token$/.test(key))).toEqual([])
    ledger.revokeAccess()
    expect((await auth.fetch(`${backend.origin}/items`)).status).toBe(200)
    expect(ledger.reuses).toBe(0)
  })

  test('P5 access-after.ts: an access token alone is good to its end', async () => {
    stored.set('token', ledger.login(CREDENTIALS.email, CREDENTIALS.password)!.access)
    const { auth, takeOver } = await load(newVersion('access-after.ts'))
    expect(await takeOver()).toMatchObject({ status: 'authenticated' })
    expect((await auth.fetch(`${backend.origin}/items`)).status).toBe(200)
    ledger.revokeAccess()
    expect((await auth.fetch(`${backend.origin}/items`)).status).toBe(401)
    expect(auth.session).toEqual({ status: 'anonymous', reason: 'rejected' })
  })
})

describe('P5 the README and the guide', () => {
  test('P5 README: log in and call the API in both ways', async () => {
    const log = vi.spyOn(console, 'log').mockReturnValue()
    const block = under('README.md', 'silent-refresh')
    const { auth, items, same } = await load({
      ...block,
      code: block.code.replace('secret', CREDENTIALS.password),
    })
    expect(items).toEqual([{ id: 1 }])
    expect(await same.json()).toEqual([{ id: 1 }])
    await auth.logout()
    expect(log).toHaveBeenCalledWith('signed out: logout')
  })

  test('P5 errors: when a call fails', async () => {
    const log = vi.spyOn(console, 'log').mockReturnValue()
    backend.answerOnce('GET /items', () => new Response(null, { status: 200 }))
    await load(under('docs/errors.md', 'When a call fails'))
    expect(log).not.toHaveBeenCalled()
  })

  test('P5 errors: each way in which a login fails has a message of its own', async () => {
    const { loginMessage } = await load(
      under('docs/errors.md', 'A message for each way in which a login fails'),
    )
    const auth = createAuthClient({ baseUrl: backend.origin, server: true })
    running.push(auth)
    const messages: string[] = []
    for (const status of [401, 403, 422, 503]) {
      backend.answerOnce('POST /login', () => new Response('{}', { status }))
      await auth.login(CREDENTIALS).catch(error => messages.push(loginMessage(error)))
    }
    expect(messages).toEqual([
      'Wrong email or password.',
      'This account cannot sign in.',
      'The sign-in failed.',
      'The server cannot be reached. Try again.',
    ])
  })

  test('P5 guide: signing in and out', async () => {
    const { auth, signIn, signOut } = await load(under('docs/guide.md', 'Signing in and out'))
    expect(await signIn(CREDENTIALS.email, 'wrong')).toBe('Wrong email or password.')
    backend.answerOnce('POST /v1/login', () => new Response(null, { status: 503 }))
    expect(await signIn(CREDENTIALS.email, CREDENTIALS.password)).toMatch('Try again')
    expect(await signIn(CREDENTIALS.email, CREDENTIALS.password)).toBe(null)
    expect(auth.session.status).toBe('authenticated')
    expect(await signOut()).toEqual({ revoked: true })
  })

  test('P5 guide: when a login needs a second step', async () => {
    const { auth, signIn } = await load(under('docs/guide.md', 'When a login needs a second step'))
    backend.answerOnce('POST /login', () => Response.json({ two_factor: true }))
    expect(await signIn(CREDENTIALS)).toBe('ask for the code')
    expect(ledger.exchanges).toBe(0)
    expect(await signIn({ ...CREDENTIALS, password: 'wrong' })).toBe('wrong email or password')
    expect(await signIn({ ...CREDENTIALS, code: '123456' })).toBe('signed in')
    expect(auth.session.status).toBe('authenticated')
  })

  describe('P5 guide and faq: signing in by redirect', () => {
    const guide = under('docs/guide.md', 'Signing in by redirect')
    const faq = under('docs/faq.md', 'Can an app log in on the server, by a redirect?')
    const at = (search: string) => vi.stubGlobal('location', { search, pathname: '/', assign: vi.fn() })

    /** Leaves the page for the login; the query of the address to which the server sends the browser back. */
    async function leave(auth: AuthClient): Promise<string> {
      at('')
      const { logIn } = await load(guide, { './auth': { auth } })
      logIn()
      const [[address = ''] = []] = vi.mocked(location.assign).mock.calls
      const { pathname, searchParams } = new URL(`${address}`, backend.origin)
      expect(pathname).toBe('/login')
      return new URL(searchParams.get('return_to') ?? '', backend.origin).search
    }

    beforeEach(() => {
      vi.stubGlobal('history', { replaceState: vi.fn() })
    })

    test('P5 the page that the login returns to asks the server, once', async () => {
      const auth = createAuthClient({ baseUrl: backend.origin, server: true })
      running.push(auth)
      const refresh = vi.spyOn(auth, 'refresh')
      at(await leave(auth))
      await load(guide, { './auth': { auth } })
      expect(auth.session.status).toBe('anonymous')

      const search = await leave(auth)
      await signedIn() // the server's cookie is in the jar now
      at(search)
      await load(guide, { './auth': { auth } })
      expect(auth.session.status).toBe('authenticated')
      expect(history.replaceState).toHaveBeenCalledTimes(2)
      // Reloaded, or copied.
      at(search)
      for (const block of [guide, faq]) await load(block, { './auth': { auth } })
      expect(refresh).toHaveBeenCalledTimes(2)
    })

    test.each([guide, faq])(
      'C7 $page: an address that somebody types does not undo a logout that no server confirmed',
      async block => {
        const world = createWorld()
        await world.login()
        world.online = false
        expect(await world.client.logout()).toMatchObject({ revoked: false })
        world.close()
        const page = createWorld({ browser: world, options: { restore: 'auto' } })
        page.server.calls.length = 0
        for (const search of ['?signed-in', '?signed-in=', '?signed-in=true']) {
          for (const value of [null, 'of a login that began here']) {
            stored.clear()
            if (value !== null) stored.set('login-under-way', value)
            at(search)
            await load(block, { './auth': { auth: page.client } })
          }
        }
        await page.clock.advance(1_000)
        expect(page.client.session).toEqual({ status: 'anonymous', reason: 'logout' })
        expect(page.server.calls).toEqual([])

        // The same client signs in where the login began here.
        stored.set('login-under-way', 'x')
        at('?signed-in=x')
        const loading = load(block, { './auth': { auth: page.client } })
        await page.settle()
        await loading
        expect(page.client.session.status).toBe('authenticated')
      },
    )
  })

  test('P5 guide: showing who is signed in', async () => {
    const log = vi.spyOn(console, 'log').mockReturnValue()
    const auth = await signedIn()
    await load(under('docs/guide.md', 'Showing who is signed in'), { './auth': { auth } })
    expect(log).toHaveBeenCalledWith('Signed in', { id: 1, email: CREDENTIALS.email })
    await auth.logout()
    await vi.waitFor(() => expect(log).toHaveBeenCalledWith('Nobody is signed in (logout)'))
  })

  describe('P5 guide: whose session is it', () => {
    const [byClaim, byUser] = blocksOf('docs/guide.md').filter(
      ({ heading }) => heading === 'Whose session is it',
    )
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const tokenOf = (claims: object) => `${part({ alg: 'none' })}.${part(claims)}.x`

    test('P5 a claim of its own tells users apart', async () => {
      const { auth } = await load(byClaim!)
      const changed = vi.fn()
      auth.on('userChange', changed)
      for (const user_id of [1, 1, '1']) {
        await auth.setTokens({ accessToken: tokenOf({ user_id, jti: Math.random() }) })
      }
      expect(changed).not.toHaveBeenCalled()
      await auth.setTokens({ accessToken: tokenOf({ user_id: 2 }) })
      await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce())
    })

    test('P5 an organisation, and whoever is impersonated, tell sessions of one user apart', async () => {
      const { auth } = await load(byUser!)
      const changed = vi.fn()
      auth.on('userChange', changed)
      const me = { id: 1, organisation: 'a' }
      for (const user of [me, { ...me }, { ...me, name: 'Ada' }]) {
        await auth.setTokens({ accessToken: tokenOf({ sub: '1', jti: Math.random() }), user })
      }
      expect(changed).not.toHaveBeenCalled()
      for (const user of [
        { ...me, organisation: 'b' },
        { ...me, organisation: 'b', impersonated: 2 },
      ]) {
        changed.mockClear()
        await auth.setTokens({ accessToken: tokenOf({ sub: '1' }), user })
        await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce())
      }
    })
  })

  test('P5 guide: calling the API', async () => {
    const auth = await signedIn('/v1')
    backend.log.length = 0
    const { token } = await load(under('docs/guide.md', 'Calling the API'), { './auth': { auth } })
    expect(backend.log).toContainEqual({ route: 'POST /v1/items', status: 200 })
    expect(backend.log).toContainEqual({ route: 'DELETE /v1/items', status: 200 })
    expect(ledger.user(token)).not.toBe(null)
  })

  test.each([
    'A refresh token that JavaScript can read',
    'An API on another origin',
    'A token that renews itself',
    'Signing out who is away',
  ])('P5 guide: %s', async heading => {
    const { auth } = await load(under('docs/guide.md', heading.replace('’', "'")))
    await auth.login(CREDENTIALS)
    expect((await auth.fetch(`${backend.origin}/items`)).status).toBe(200)
  })

  test('P5 guide: A logout that the server did not confirm', async () => {
    const [redirected, everywhere] = blocksOf('docs/guide.md').filter(
      ({ heading }) => heading === 'A logout that the server did not confirm',
    )
    const { auth } = await load(redirected!)
    await auth.login(CREDENTIALS)
    backend.answerOnce('POST /logout', () => new Response(null, { status: 302, headers: { Location: '/' } }))
    expect(await auth.logout()).toEqual({ revoked: true })

    const button: { onclick?: () => Promise<unknown> } = {}
    vi.stubGlobal('document', { querySelector: () => button })
    const { auth: other } = await load(everywhere!)
    await other.login(CREDENTIALS)
    const sent: unknown[] = []
    backend.answerOnce('POST /logout', ({ json }) => {
      sent.push(json)
      return new Response(null, { status: 204 })
    })
    expect(await button.onclick?.()).toEqual({ revoked: true })
    expect(sent).toEqual([{ everywhere: true }])
  })

  test('P5 guide: another kind of backend', async () => {
    await backend.close()
    const granted = (issued: Issued | null) =>
      issued
        ? Response.json(
            { data: { jwt: issued.access, ttl: 60 } },
            { headers: { 'Set-Cookie': `r=${issued.refresh}; Path=/` } },
          )
        : new Response('{}', { status: 422 })
    backend = await serve({
      'POST /session': ({ json }) => granted(ledger.login(json.session.email, json.session.password)),
      'PUT /session': ({ cookies }) => granted(ledger.refresh(cookies.r)),
      'DELETE /session': ({ authorization }) =>
        new Response(null, {
          status: authorization?.[0] === 'JWT' && ledger.end(authorization[1]) ? 204 : 401,
        }),
      'GET /me': ({ authorization }) => Response.json({ data: ledger.user(authorization?.[1]) }),
      'GET /items': ({ authorization }) =>
        new Response(null, {
          status: authorization?.[0] === 'JWT' && ledger.user(authorization[1]) ? 200 : 403,
        }),
    })
    const { auth } = await load(under('docs/guide.md', 'Another kind of backend'))
    await auth.login(CREDENTIALS)
    expect(auth.session.user).toMatchObject({ email: CREDENTIALS.email })
    ledger.revokeAccess()
    expect((await auth.fetch(`${backend.origin}/items`)).status).toBe(200)
    expect(await auth.logout()).toEqual({ revoked: true })
  })

  test('P5 guide: tokens in cookies alone', async () => {
    await backend.close()
    const cookies = ['access=a; Path=/; HttpOnly', 'XSRF-TOKEN=x; Path=/']
    const answer = () => {
      const response = Response.json({ expires_in: 60 })
      for (const cookie of cookies) response.headers.append('Set-Cookie', cookie)
      return response
    }
    backend = await serve({
      'POST /login': answer,
      'GET /me': ({ cookies: { access } }) =>
        access ? Response.json({ email: CREDENTIALS.email }) : new Response(null, { status: 401 }),
      'POST /items': ({ headers }) =>
        new Response(null, { status: headers.get('X-XSRF-TOKEN') === 'x' ? 201 : 403 }),
    })
    const browser = createBrowserFetch()
    vi.stubGlobal('fetch', browser.fetch)
    vi.stubGlobal('document', {
      get cookie() {
        return browser.readable(backend.origin)
      },
    })
    const { auth } = await load(under('docs/guide.md', 'Tokens in cookies alone'))
    await auth.login(CREDENTIALS)
    expect(auth.session.user).toMatchObject({ email: CREDENTIALS.email })
    expect((await auth.fetch(`${backend.origin}/items`, { method: 'POST' })).status).toBe(201)
  })

  test('P5 guide: an OAuth 2.0 server', async () => {
    const { auth } = await load(under('docs/guide.md', 'An OAuth 2.0 server'))
    const { access, refresh } = ledger.login(CREDENTIALS.email, CREDENTIALS.password)!
    await auth.setTokens({ accessToken: access, refreshToken: refresh })
    ledger.revokeAccess()
    expect((await auth.fetch(`${backend.origin}/items`)).status).toBe(200)
  })

  test('P5 guide: when the API asks for more', async () => {
    const auth = await signedIn()
    await load(under('docs/guide.md', 'When the API asks for more'), { './auth': { auth } })
    const challenge = 'Bearer error="insufficient_user_authentication", acr_values="gold"'
    backend.answerOnce(
      'GET /items',
      () => new Response(null, { status: 401, headers: { 'WWW-Authenticate': challenge } }),
    )
    expect((await auth.fetch(`${backend.origin}/items`)).status).toBe(401)
    expect(location.assign).toHaveBeenCalledWith('/step-up?acr=gold')
    expect(ledger.exchanges).toBe(0)
  })

  test('P5 guide: checking the claims', async () => {
    const { auth } = await load(under('docs/guide.md', 'Checking the claims and the user'))
    await expect(auth.login(CREDENTIALS)).rejects.toMatchObject({ code: 'malformed_response' })
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const accessToken = `${part({ alg: 'none' })}.${part({ sub: '1', roles: ['admin'] })}.x`
    expect((await auth.setTokens({ accessToken })).claims).toEqual({ sub: '1', roles: ['admin'] })
  })

  test('P5 every block of the guide is run', async () => {
    const source = await readFile(import.meta.filename, 'utf8')
    for (const { heading, file } of blocksOf('docs/guide.md')) {
      // The app without a framework runs in a browser.
      if (!file) expect(source).toContain(heading.replace("'", '’'))
    }
  })
})

describe('P5 questions and symptoms', () => {
  const blocks = ['docs/faq.md', 'docs/troubleshooting.md'].flatMap(blocksOf)

  test.each(blocks)('P5 $page:$line $heading', async block => {
    for (const method of ['debug', 'info', 'warn'] as const) vi.spyOn(console, method).mockReturnValue()
    const sockets: unknown[][] = []
    class Socket {
      constructor(...given: unknown[]) {
        sockets.push(given)
      }
    }
    vi.stubGlobal('WebSocket', Socket)
    const imports = block.code.includes("from './auth'")
    const loaded = await load(block, imports ? { './auth': { auth: await signedIn() } } : {})
    if (block.code.includes('WebSocket'))
      expect(sockets).toEqual([[expect.any(String), ['bearer', expect.any(String)]]])
    if (!loaded.auth) return
    if (block.code.includes('tokens.refreshToken')) {
      backend.answerOnce('POST /login', ({ json }) => granted(ledger.login(json.email, json.password), true))
    }
    await loaded.auth.login(CREDENTIALS)
    ledger.revokeAccess()
    expect((await loaded.auth.fetch(`${backend.origin}/items`)).status).toBe(200)
  })

  test('P5 faq: a request that must not be repeated is not', async () => {
    const { auth } = await load(under('docs/faq.md', 'Is a POST sent twice?'))
    await auth.login(CREDENTIALS)
    backend.answerOnce('POST /payments', () => new Response(null, { status: 401 }))
    expect((await auth.fetch(`${backend.origin}/payments`, { method: 'POST' })).status).toBe(401)
    expect(ledger.exchanges).toBe(0)
  })

  test('P5 troubleshooting: the messages of `invalid_option` begin as the page has them', async () => {
    const page = await readFile(join(import.meta.dirname, '../docs/troubleshooting.md'), 'utf8')
    const shown = [...page.matchAll(/^\| `("\w+" must be .*?)` \|/gm)].map(([, beginning = '']) => beginning)
    const tabs = silentRefreshCore.shareTabs()
    const wrong: object[] = [
      { tabs, endpoints: { refresh: () => ({ url: '/refresh' }) } },
      { tabs, csrf: {} },
      {},
      { tabs, allowedOrigins: ['https://api.example.com/'] },
    ]
    const messages = wrong.map(options => {
      try {
        return silentRefreshCore.createAuthClient({ baseUrl: 'https://api.example.com', ...options } as never)
      } catch (error) {
        return (error as Error).message
      }
    })
    const [needsBase, ...others] = shown.toReversed()
    expect(others.toReversed().map((beginning, n) => String(messages[n]).startsWith(beginning))).toEqual(
      wrong.map(() => true),
    )
    const source = await readFile(join(import.meta.dirname, '../src/kernel/resolve-url.ts'), 'utf8')
    expect(source).toContain(needsBase?.replace('"baseUrl" must be ', ''))
  })

  test('P5 troubleshooting: an outage that looks like a refusal', async () => {
    const { auth } = await load(under('docs/troubleshooting.md', 'Signed out by an outage'))
    await auth.login(CREDENTIALS)
    ledger.revokeAccess()
    backend.answerOnce('POST /refresh_token', () => Response.json({ error: 'database' }, { status: 401 }))
    await expect(auth.fetch(`${backend.origin}/items`)).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect(auth.session.status).toBe('authenticated')
  })
})

describe('P5 the backend’s side, against the demo server', () => {
  const pages = ['docs/backend.md', 'docs/security.md']
  const messages = pages.flatMap(readPage).filter(({ language }) => language === 'http')
  let server: DemoServer
  let folder: string

  const begin = async (grace = 10) => {
    vi.unstubAllGlobals() // no jar: each request says its cookies itself
    server = await startServer({ passwordCost: 4, accessTtl: 900, grace })
    folder = await mkdtemp(join(tmpdir(), 'silent-refresh-backend-'))
  }
  afterEach(async () => {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** The names of what a message sets, with the attributes of its cookies and the fields of its body. */
  const shapeOf = (headers: [string, string][], body: string) => ({
    headers: headers.map(([name, value]) =>
      name.toLowerCase() === 'set-cookie'
        ? value
            .replace(/=[^;]*/, '')
            // The pages show https. The demo runs on http, where no cookie has these.
            .replace(/^__(?:Host|Secure)-/, '')
            .replace(/Max-Age=(?!0)\d+/, 'Max-Age')
            .replace('; Secure', '')
            .split('; ')
            .sort()
        : `${name.toLowerCase()}: ${value.split(';')[0]}`,
    ),
    fields: body ? Object.keys(JSON.parse(body.replaceAll('…', ''))) : [],
  })
  const written = (block: Block) => {
    const [head = '', body = ''] = block.code.trim().split('\n\n')
    const [status = '', ...lines] = head.split('\n')
    const headers = lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])
    return { status: Number(status.split(' ')[1]), ...shapeOf(headers as [string, string][], body) }
  }
  const answered = async (response: Response) => ({
    status: response.status,
    ...shapeOf([...response.headers], await response.text()),
  })
  const post = (path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { Origin: server.url, 'Content-Type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
  const answerUnder = (heading: string, n = 0) =>
    written(messages.filter(block => block.heading === heading && block.code.startsWith('HTTP/'))[n]!)
  const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' }

  test('P5 login and logout are answered as the page says', async () => {
    await begin()
    const login = await post('/auth/login', {}, credentials)
    const { access_token } = await login.clone().json()
    const said = answerUnder('Login')
    const got = await answered(login)
    expect(got.status).toBe(said.status)
    expect(got.headers).toEqual(expect.arrayContaining(said.headers))
    expect(got.fields).toEqual(said.fields)

    const logout = await answered(await post('/auth/logout', { Authorization: `Bearer ${access_token}` }))
    expect(logout.status).toBe(answerUnder('Logout').status)
    expect(logout.headers).toEqual(expect.arrayContaining(answerUnder('Logout').headers))
  })

  test('P5 a 401 of the API is as the page says, with a bad token and without one', async () => {
    await begin()
    const bare = await answered(await fetch(`${server.url}/api/items`))
    expect(bare).toMatchObject({ status: 401, fields: ['error', 'message'] })
    expect(bare.headers).toEqual(expect.arrayContaining(answerUnder('401 and 403 from the API', 1).headers))
    const bad = await fetch(`${server.url}/api/items`, { headers: { Authorization: 'Bearer bad' } })
    expect(bad.headers.get('WWW-Authenticate')).toContain('Bearer realm="demo", error="invalid_token"')
  })

  test('P5 the refresh cookie keeps its contract', async () => {
    await begin()
    const login = await post('/auth/login', {}, credentials)
    const [cookie = ''] = login.headers.getSetCookie().filter(line => line.startsWith('refresh_token='))
    expect(cookie).toMatch(/^refresh_token=[\w-]{43}; Max-Age=\d+; Path=\/auth; HttpOnly; SameSite=Strict$/)
    const refused = await post('/auth/refresh_token', { Cookie: 'refresh_token=unknown' })
    expect(refused.status).toBe(401)
    expect(refused.headers.getSetCookie()).toEqual([])
    expect((await post('/auth/logout')).status).toBe(204)
  })

  test('P5 the demo server takes the faults that are shown, and has the endpoints', async () => {
    await begin()
    const page = readPage('demo/server.md')
    const [fault, entry] = page.filter(({ language }) => language === 'json')
    const set = await post('/demo/faults', {}, JSON.parse(fault!.code))
    expect(await set.json()).toMatchObject(JSON.parse(fault!.code))
    await post('/auth/refresh_token')
    const [logged] = await (await fetch(`${server.url}/demo/log`)).json()
    expect(Object.keys(logged)).toEqual(Object.keys(JSON.parse(entry!.code)))
    const text = await readFile(join(import.meta.dirname, '../demo/server.md'), 'utf8')
    const endpoints = [...text.matchAll(/`(GET|POST|DELETE) (\/demo\/(?!events)[\w/-]+)`/g)]
    expect(endpoints.length).toBeGreaterThan(8)
    for (const [, method = '', path = ''] of endpoints) {
      const { status } = await fetch(server.url + path, { method, headers: { Origin: server.url } })
      expect(status, `${method} ${path}`).not.toBe(404)
    }
  })

  test('P5 the policy of the security page is the one that the demo page is served with', async () => {
    await begin()
    const { headers } = await fetch(server.url)
    const [, ...lines] = messages
      .find(({ page }) => page === 'docs/security.md')!
      .code.trim()
      .split('\n')
    expect(lines).not.toEqual([])
    for (const line of lines) {
      const [name = '', ...value] = line.split(': ')
      expect(headers.get(name)).toBe(value.join(': '))
    }
  })

  const hasCurl = spawnSync('curl', ['--version']).status === 0

  test.skipIf(!hasCurl).each([
    [10, 200],
    [0, 401],
  ])('P5 trying one’s own server by hand, with a grace of %i seconds', async (grace, repeated) => {
    await begin(grace)
    const page = readPage('demo/server.md')
    const { code } = page.find(one => one.language === 'sh' && one.heading === 'Trying your own server')!
    const script = code.replace('http://127.0.0.1:4000', server.url)
    const child = spawn('bash', ['-c', script], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let shown = ''
    child.stdout.on('data', part => {
      shown += part
    })
    await new Promise(resolve => child.once('close', resolve))
    const statuses = shown
      .trim()
      .split('\n')
      .map(line => Number(line.slice(-3)))
    expect(statuses).toEqual([200, 200, 403, 200, repeated, 204, 401, 204])
  })
})

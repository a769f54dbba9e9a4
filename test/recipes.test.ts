// @vitest-environment node
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AuthClient } from '../src/index.ts'
import { readBlocks, run, writeProject } from './recipes/blocks.ts'
import { type Family, families } from './recipes/families.ts'
import { CREDENTIALS, createLedger, type Ledger, LIFETIME } from './recipes/ledger.ts'
import { type Backend, serve } from './recipes/serve.ts'
import { createBrowserFetch } from './support/cookie-jar.ts'
import { REFUSED } from './support/refused.ts'
import { output, tsc } from './tools/steps.ts'

const recipes = readBlocks('docs/recipes.md')
const recipe = (heading: string) => recipes.find(one => one.heading === heading)!

let ledger: Ledger
let backend: Backend
let family: Family
let exported: { auth: AuthClient; signedIn?: (answer: object) => Promise<unknown> }
let auth: AuthClient

/** A storage that outlives the page, as the tab's own does. */
function createStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const values = new Map<string, string>()
  return {
    getItem: key => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: key => void values.delete(key),
  }
}

async function begin(heading: string): Promise<void> {
  family = families[heading] as Family
  ledger = createLedger(family.jwt === true)
  backend = await serve(family.routes(ledger))
  const browser = createBrowserFetch()
  vi.stubGlobal('fetch', browser.fetch)
  vi.stubGlobal('sessionStorage', createStorage())
  vi.stubGlobal('document', {
    get cookie() {
      return browser.readable(backend.origin)
    },
  })
  load(heading)
}

/** As after a reload: a new client, the same jar and storage. */
function load(heading: string): void {
  auth?.dispose()
  exported = run(recipe(heading), backend.origin) as typeof exported
  auth = exported.auth
}

async function signIn(): Promise<void> {
  if (!exported.signedIn) {
    await auth.login({ ...CREDENTIALS, username: CREDENTIALS.email })
    return
  }
  // The code flow was done elsewhere.
  const { access, refresh } = ledger.login(CREDENTIALS.email, CREDENTIALS.password)!
  await exported.signedIn({ access_token: access, refresh_token: refresh, expires_in: LIFETIME / 1000 })
}

async function callApi(method = 'GET'): Promise<boolean> {
  if (family.read) return family.read(auth.fetch, backend.origin)
  // As an app of such a backend has to: it is not the client's to say what the app reads.
  const headers = { Accept: 'application/json' }
  return (await auth.fetch(`${backend.origin}/items`, { method, headers })).ok
}

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)
const refusals = () => backend.log.filter(({ status }) => status >= 400)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(async () => {
  auth.dispose()
  vi.useRealTimers()
  vi.unstubAllGlobals()
  await backend.close()
})

const ALONE = [
  'A form-encoded login, and nothing to refresh with',
  'A token that renews itself',
  'A cookie that renews itself',
]

describe.each(Object.keys(families).filter(heading => !ALONE.includes(heading)))('P5 recipe: %s', heading => {
  beforeEach(() => begin(heading))

  test('log in, and call the API', async () => {
    await signIn()
    expect(auth.session).toMatchObject({
      status: 'authenticated',
      user: family.user === false ? null : { email: CREDENTIALS.email },
    })
    expect(await callApi()).toBe(true)
    expect(await callApi('POST')).toBe(true)
    expect(refusals()).toEqual([])
  })

  test('a wrong password is refused, and changes nothing', async () => {
    if (exported.signedIn) return
    await signIn()
    await expect(auth.login({ ...CREDENTIALS, password: 'wrong' })).rejects.toMatchObject({
      code: 'login_rejected',
      body: expect.anything(),
    })
    expect(await callApi()).toBe(true)
  })

  test('a token that the API no longer takes costs one refresh, for reading and for writing', async () => {
    await signIn()
    for (const method of ['GET', 'POST']) {
      const before = ledger.exchanges
      ledger.revokeAccess()
      expect(await callApi(method)).toBe(true)
      expect(ledger.exchanges).toBe(before + 1)
    }
    expect(ledger.reuses).toBe(0)
  })

  test('after its end it is refreshed before the API is asked', async () => {
    await signIn()
    pass(LIFETIME + 1_000)
    backend.log.length = 0
    expect(await callApi()).toBe(true)
    expect(await callApi('POST')).toBe(true)
    expect(refusals()).toHaveLength(family.silent ? 1 : 0)
  })

  test('a failure that passes signs nobody out', async () => {
    await signIn()
    pass(LIFETIME + 1_000)
    const away = family.passing ?? (() => new Response('upstream is away', { status: 503 }))
    backend.answerOnce(family.refreshRoute, away)
    await expect(callApi()).rejects.toMatchObject({ code: 'refresh_unavailable', retryable: true })
    expect(auth.session.status).toBe('authenticated')
    pass(120_000)
    expect(await callApi()).toBe(true)
  })

  test('the session is there again after a reload', async () => {
    await signIn()
    pass(LIFETIME / 2)
    load(heading)
    expect(auth.session.status).toBe('unknown')
    expect((await auth.refresh()).status).toBe('authenticated')
    expect(await callApi()).toBe(true)
    expect(ledger.reuses).toBe(0)
  })

  test('a dead refresh token signs out', async () => {
    await signIn()
    ledger.revokeSessions()
    expect(await callApi()).toBe(false)
    expect(auth.session).toEqual({ status: 'anonymous', ...REFUSED })
  })

  test('log out', async () => {
    await signIn()
    ledger.revokeAccess()
    expect(await callApi()).toBe(true) // the logout has to show what is newest
    const { revokes = true } = family
    expect(await auth.logout()).toEqual({ revoked: revokes })
    expect(ledger.open).toBe(revokes ? 0 : 1)
    expect(await callApi()).toBe(false)
  })
})

describe('P5 recipe: A form-encoded login, and nothing to refresh with', () => {
  beforeEach(() => begin('A form-encoded login, and nothing to refresh with'))

  test('the session ends with its token', async () => {
    const seen = vi.fn()
    auth.on('refreshError', seen)
    await signIn()
    pass(LIFETIME - 3_000)
    expect(await callApi()).toBe(true)
    expect(auth.session).toMatchObject({ status: 'authenticated', error: null })
    pass(4_000)
    await expect(callApi()).rejects.toMatchObject({ code: 'no_session' })
    expect(auth.session).toEqual({ status: 'anonymous', reason: 'rejected' })
    expect(seen).not.toHaveBeenCalled()
  })

  test('a wrong password is refused, and a logout is for this browser alone', async () => {
    await expect(auth.login({ username: 'ada', password: 'wrong' })).rejects.toMatchObject({
      code: 'login_rejected',
      body: { detail: 'Incorrect username or password' },
    })
    await signIn()
    expect(await auth.logout()).toEqual({ revoked: false })
    expect(await callApi()).toBe(false)
  })
})

describe('P5 recipe: A token that renews itself', () => {
  beforeEach(() => begin('A token that renews itself'))

  test('it is renewed while it is good, and the old one dies', async () => {
    await signIn()
    expect(auth.session).toMatchObject({ status: 'authenticated', user: { email: CREDENTIALS.email } })
    const old = await auth.getAccessToken()
    pass(LIFETIME - 2_000)
    expect(await auth.getAccessToken({ minValidity: 10_000 })).not.toBe(old)
    expect(ledger.user(old)).toBe(null)
    expect(await callApi('POST')).toBe(true)
    expect(ledger.exchanges).toBe(1)
  })

  test('past its end nobody is asked', async () => {
    await signIn()
    pass(LIFETIME + 1_000)
    await expect(callApi()).rejects.toMatchObject({ code: 'no_session' })
    expect(auth.session).toEqual({ status: 'anonymous', reason: 'rejected' })
    expect(ledger.exchanges).toBe(0)
  })

  test('past its end an outage is not waited for', async () => {
    await signIn()
    const busy = () => new Response(null, { status: 503, headers: { 'Retry-After': '3600' } })
    backend.answerOnce('POST /auth/refresh', busy)
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect(auth.session.status).toBe('authenticated')
    pass(LIFETIME + 1_000)
    await expect(callApi()).rejects.toMatchObject({ code: 'no_session' })
    expect(auth.session).toEqual({ status: 'anonymous', reason: 'rejected' })
  })

  test('one that the server has ended signs out, and a logout ends it there', async () => {
    await signIn()
    ledger.revokeSessions()
    expect(await callApi()).toBe(false)
    expect(auth.session).toEqual({ status: 'anonymous', ...REFUSED })
    await signIn()
    expect(await auth.logout()).toEqual({ revoked: true })
    expect(ledger.open).toBe(0)
  })
})

describe('P5 recipe: A cookie that renews itself', () => {
  beforeEach(() => begin('A cookie that renews itself'))

  test('it is renewed while it is good, and a reload goes on with it', async () => {
    await signIn()
    pass(LIFETIME - 2_000)
    await auth.refresh()
    expect(ledger.exchanges).toBe(1)
    expect(await callApi('POST')).toBe(true)
    load('A cookie that renews itself')
    expect(await auth.refresh()).toMatchObject({ user: { email: CREDENTIALS.email } })
  })

  test('past its end the server says so, and a logout ends it', async () => {
    await signIn()
    pass(LIFETIME + 1_000)
    await expect(callApi()).rejects.toMatchObject({ code: 'no_session' })
    expect(auth.session).toEqual({ status: 'anonymous', ...REFUSED })
    await signIn()
    const { open } = ledger
    expect(await auth.logout()).toEqual({ revoked: true })
    expect(ledger.open).toBe(open - 1)
  })
})

describe('N4 the servers of these recipes are as strict as the real ones', () => {
  const routes: [heading: string, route: string][] = [
    ['Double-submit CSRF: Laravel, Django', '/login'],
    ['A token in a response header', '/login'],
    ['A token in a response header', '/logout'],
    ['Another word than Bearer: Django REST framework', '/api/token/'],
  ]
  test.each(routes)(
    'N4 %s: a call of %s that does not ask for JSON is redirected',
    async (heading, route) => {
      await begin(heading)
      const send = (headers: HeadersInit) =>
        fetch(backend.origin + route, { method: 'POST', body: '{}', redirect: 'manual', headers })
      expect((await send({})).status).toBe(302)
      expect((await send({ Accept: 'text/html, application/json' })).status).toBe(302)
      expect((await send({ Accept: 'application/json' })).status).not.toBe(302)
    },
  )

  test('N4 a visitor of such a backend is anonymous, and a wrong password is one', async () => {
    for (const heading of new Set(routes.map(([one]) => one))) {
      await begin(heading)
      expect(await auth.refresh().catch(error => error.code)).toBe('no_session')
      await expect(auth.login({ email: 'ada', password: 'wrong' })).rejects.toMatchObject({
        code: 'login_rejected',
        body: expect.anything(),
      })
      auth.dispose()
      await backend.close()
    }
    await begin('Logging out without a call')
  })
})

describe('P5 recipe: An API that says 403 or 422 for an expired token', () => {
  beforeEach(() => begin('An API that says 403 or 422 for an expired token'))

  test('a missing permission starts nothing', async () => {
    await signIn()
    expect((await auth.fetch(`${backend.origin}/admin`)).status).toBe(403)
    expect(ledger.exchanges).toBe(0)
  })
})

describe('P5 recipe: GraphQL, errors inside HTTP 200', () => {
  const route = 'POST /graphql'
  const errors = [{ message: 'no', extensions: { code: 'UNAUTHENTICATED' } }]
  const pay = (): Promise<Response> =>
    auth.fetch(`${backend.origin}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: 'mutation { pay { id } receipts { id } }' }),
    })

  beforeEach(async () => {
    await begin('GraphQL, errors inside HTTP 200')
    await signIn()
    backend.log.length = 0
  })

  test.each([
    { name: 'one field paid, another was refused', data: { pay: { id: 1 }, receipts: null } },
    { name: 'every field is null', data: { pay: null } },
    { name: 'an empty object', data: {} },
    { name: 'a list', data: [] },
    { name: 'false', data: false },
  ])('N10 an answer with data and errors pays once, and goes to the caller: $name', async ({ data }) => {
    backend.answerOnce(route, () => Response.json({ data, errors }))
    expect(await (await pay()).json()).toEqual({ data, errors })
    expect(backend.log).toEqual([{ route, status: 200 }])
    expect(ledger.exchanges).toBe(0)
  })

  test.each([{ errors }, { data: null, errors }])(
    'N10 a refusal without data is cured by a refresh: %j',
    async refusal => {
      backend.answerOnce(route, () => Response.json(refusal))
      expect(await (await pay()).json()).toEqual({ data: { items: [1] } })
      expect(backend.log).toHaveLength(3)
      expect(ledger.exchanges).toBe(1)
    },
  )

  test('N10 a failure that only passes rejects no session: its "data" is null too', async () => {
    backend.answerOnce(route, () => Response.json({ data: { session: null }, errors: [{ message: 'db' }] }))
    await expect(auth.refresh()).rejects.toMatchObject({ retryable: true })
    expect(auth.session.status).toBe('authenticated')
  })
})

describe('P5 recipe: Restoring through another endpoint', () => {
  beforeEach(() => begin('Restoring through another endpoint'))

  test('a visitor without a session costs no refresh, and one with it is known by name', async () => {
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'no_session' })
    expect(ledger.exchanges).toBe(0)
    await signIn()
    load('Restoring through another endpoint')
    expect(await auth.refresh()).toMatchObject({ user: { email: CREDENTIALS.email } })
  })
})

describe('P5 recipes', () => {
  beforeEach(() => begin('Logging out without a call'))

  test('each is one block, and each is run here', () => {
    expect(recipes.map(({ heading }) => heading)).toEqual(Object.keys(families))
  })

  test('they compile', () => {
    expect(output('node', [tsc, '-p', writeProject('recipes', recipes)])).toBe('')
  })
})

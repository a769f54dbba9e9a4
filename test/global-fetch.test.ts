import { describe, expect, test } from 'vitest'
import { createClient } from '../src/client.ts'
import { shareTabs } from '../src/core.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

type Fetch = typeof globalThis.fetch

const ITEMS = `${ORIGIN}/items`

/** A page with a global `fetch` that the app can replace. */
interface Page {
  world: World
  fetch: Fetch
  /** A client that was created with the `fetch` of this moment. */
  create(options?: AuthClientOptions): World['client']
}

function openPage(): Page {
  const world = createWorld()
  const page: Page = {
    world,
    fetch: (input, init) => world.environment.fetch(input, init),
    create(options) {
      const { fetch: firstFetch } = page
      const environment = {
        ...world.environment,
        firstFetch,
        fetch: ((...call) => page.fetch(...call)) as Fetch,
      }
      return createClient({ restore: 'manual', tabs: shareTabs(), ...options }, environment)
    },
  }
  return page
}

/** What arrived at the server, and whether it had a bearer. */
const arrived = ({ server }: World) =>
  server.calls.map(({ path, authorization }) => (authorization ? `${path} with bearer` : path))

const pause = () => new Promise(resolve => setImmediate(resolve))

/** What an app, or a library that it uses, makes of `auth.fetch`. */
const wrappers: Record<string, (fetch: Fetch) => Fetch> = {
  'auth.fetch itself': fetch => fetch,
  'a function that calls it': fetch => (input, init) => fetch(input, init),
  'one that calls it after an await': fetch => async (input, init) => {
    await pause()
    return fetch(input, init)
  },
  'one that copies the init': fetch => async (input, init) => {
    await pause()
    return fetch(input, { ...init })
  },
  'one that adds a header': fetch => async (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('traceparent', '00-1-1-00')
    await pause()
    return fetch(input, Object.assign({}, init, { headers }))
  },
  'one that makes a Request': fetch => (input, init) => fetch(new Request(input, init)),
  'one that picks what it knows': fetch => (input, init) => {
    const { method = 'GET', headers = {}, body = null } = init ?? {}
    return fetch(String(input), { method, headers, body })
  },
}

describe.each(Object.entries(wrappers))('E5 the global fetch is %s', (_, wrap) => {
  test('a request has its bearer, and a refused token is refreshed once', async () => {
    const page = openPage()
    const auth = page.create()
    page.fetch = wrap(auth.fetch)
    await auth.login({ email: 'ada', password: 'right' })
    expect((await page.fetch(ITEMS)).status).toBe(200)
    page.world.server.revokeAccess()
    const response = await page.fetch(ITEMS, { method: 'POST', body: 'once' })
    expect(await response.json()).toMatchObject({ user: 'ada', text: 'once' })
    await auth.logout()
    const items = '/items with bearer'
    const calls = ['/login', items, items, '/refresh_token', items]
    expect(arrived(page.world)).toEqual([...calls, '/logout with bearer'])
  })

  test('R19 an auth call has no bearer, also where its URL is one of the API', async () => {
    const page = openPage()
    const auth = page.create({ endpoints: { login: '/items?login' } })
    page.fetch = wrap(auth.fetch)
    await auth.setTokens({ accessToken: page.world.server.issueAccess('ada').token })
    await auth.login().catch(() => {})
    expect(arrived(page.world)).toEqual(['/items'])
  })

  test('a request that carries no token, or goes elsewhere, arrives too', async () => {
    const page = openPage()
    const { server } = page.world
    server.answer('/elsewhere', () => server.json({}))
    const auth = page.create()
    page.fetch = wrap(auth.fetch)
    await auth.ready()
    expect((await auth.fetch(ITEMS)).status).toBe(401)
    expect((await page.fetch('https://elsewhere.example/elsewhere')).status).toBe(200)
    expect(arrived(page.world)).toEqual(['/refresh_token', '/items', '/elsewhere'])
  })

  test('the "fetch" option may lead there', async () => {
    const page = openPage()
    const auth = page.create({ fetch: (input, init) => page.fetch(input, init) })
    page.fetch = wrap(auth.fetch)
    await auth.login({ email: 'ada', password: 'right' })
    expect((await auth.fetch(ITEMS)).status).toBe(200)
    expect(arrived(page.world)).toEqual(['/login', '/items with bearer'])
  })
})

test('E5 what replaces the global fetch later is used, as long as it does not call auth.fetch', async () => {
  const page = openPage()
  const auth = page.create()
  const network = page.fetch
  const seen: string[] = []
  page.fetch = (input, init) => {
    const { pathname } = new URL(String(input))
    seen.push(pathname)
    return pathname === '/items' ? auth.fetch(input, init) : network(input, init)
  }
  await auth.login({ email: 'ada', password: 'right' })
  await page.fetch(ITEMS)
  // The app's call, and then the client's own.
  expect(seen).toEqual(['/login', '/items', '/items'])
  expect(arrived(page.world)).toEqual(['/login', '/items with bearer'])
})

test("E5 a wrapper may make a call of its own meanwhile, which is the app's", async () => {
  const page = openPage()
  const { server } = page.world
  server.answer('/log', () => server.json({}))
  const auth = page.create()
  page.fetch = (input, init) => {
    if (!String(input).endsWith('/log')) void auth.fetch(`${ORIGIN}/log`)
    return auth.fetch(input, init)
  }
  await auth.setTokens({ accessToken: server.issueAccess('ada').token })
  await auth.fetch(ITEMS)
  await page.world.settle()
  expect(arrived(page.world).sort()).toEqual(['/items with bearer', '/log with bearer'])
})

test('E5 two clients, one over the other: each request has the bearer of its own', async () => {
  const wrap = wrappers['one that calls it after an await']!
  const OTHER = 'https://other.example'
  const page = openPage()
  const { server } = page.world
  const bearers: [host: string, bearer: string | null][] = []
  const network = page.fetch
  page.fetch = (input, init) => {
    const request = new Request(input, init)
    bearers.push([new URL(request.url).host, request.headers.get('Authorization')])
    return network(request)
  }
  server.answer('/', () => server.json({}))
  const first = page.create({ tabs: false })
  page.fetch = wrap(first.fetch)
  const second = page.create({ baseUrl: OTHER, tabs: false })
  page.fetch = wrap(second.fetch)
  await first.setTokens({ accessToken: 'first' })
  await second.setTokens({ accessToken: 'second' })
  await page.fetch(ORIGIN)
  await page.fetch(OTHER)
  await page.fetch(new Request(ORIGIN, { method: 'POST', body: 'once' }))
  expect(bearers).toEqual([
    ['api.example.com', 'Bearer first'],
    ['other.example', 'Bearer second'],
    ['api.example.com', 'Bearer first'],
  ])
})

test('E5 hot reload: a client over one that is disposed', async () => {
  const page = openPage()
  const before = page.create()
  page.fetch = before.fetch
  before.dispose()
  const auth = page.create()
  page.fetch = auth.fetch
  await auth.login({ email: 'ada', password: 'right' })
  expect((await page.fetch(ITEMS)).status).toBe(200)
  expect(arrived(page.world)).toEqual(['/login', '/items with bearer'])
  await expect(before.fetch(ITEMS)).rejects.toMatchObject({ code: 'disposed' })
})

import { afterEach, describe, expect, test, vi } from 'vitest'
import { createClient } from '../src/client.ts'
import { createAuthClient as createCoreClient, doubleSubmit, idleTimeout, shareTabs } from '../src/core.ts'
import { createAuthClient } from '../src/index.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld } from './support/world.ts'

const ADA = { email: 'ada', password: 'right' }

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('E19 where there is no page', () => {
  const relative: AuthClientOptions[] = [
    { baseUrl: '/api' },
    { baseUrl: 'api/' },
    { baseUrl: '//api.example.com' },
    {
      endpoints: {
        login: '/login',
        refresh: 'refresh',
        logout: '/logout',
        user: 'user',
        restore: '/session',
      },
    },
    { baseUrl: '/api', endpoints: { login: 'https://id.example.com/login' } },
  ]
  test.each(relative)('%j is accepted, and calls nothing', async options => {
    const fetch = vi.fn()
    const auth = createAuthClient({ ...options, fetch })
    expect((await auth.ready()).status).toBe('unknown')
    expect(await auth.logout()).toMatchObject({ revoked: false })
    auth.dispose()
    expect(fetch).not.toHaveBeenCalled()
  })

  test.each([['http://'], ['ftp://api.example.com'], ['http://api.example.com']])(
    '"baseUrl" %s is refused all the same',
    baseUrl => {
      expect(() => createAuthClient({ baseUrl })).toThrow(/^"baseUrl" must be/)
    },
  )

  test('an absolute endpoint is checked, and called, without a "baseUrl"', async () => {
    expect(() => createAuthClient({ endpoints: { login: 'http://api.example.com' } })).toThrow(
      /^"endpoints.login"/,
    )
    const world = createWorld({
      page: null,
      options: { server: true, endpoints: { login: `${ORIGIN}/login` } },
    })
    await world.login()
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/login'])
  })

  test('a call that needs what is relative says that it must be absolute', async () => {
    const world = createWorld({ page: null, options: { server: true, baseUrl: '/api' } })
    const { client } = world
    const error = {
      code: 'invalid_option',
      message: '"baseUrl" must be an absolute URL where there is no page.',
    }
    await expect(client.login(ADA)).rejects.toMatchObject(error)
    await client.setTokens({ accessToken: 'a', refreshToken: 'r' })
    const unavailable = { code: 'refresh_unavailable', message: error.message }
    await expect(client.refresh()).rejects.toMatchObject(unavailable)
    expect(await client.logout()).toMatchObject({ revoked: false, error })
    expect(world.server.calls).toEqual([])
  })

  test('an endpoint function whose URL is relative is named', async () => {
    const endpoints = { login: () => ({ url: '/login' }) }
    const { client } = createWorld({ page: null, options: { server: true, endpoints } })
    await expect(client.login(ADA)).rejects.toMatchObject({
      code: 'invalid_option',
      message: '"endpoints.login" must be an absolute URL where there is no page.',
    })
  })

  test('auth.api says so too, and goes where an absolute URL leads', async () => {
    const fetch = vi.fn(async () => Response.json({}))
    const auth = createAuthClient({ baseUrl: '/api', fetch })
    for (const api of [auth.api, auth.api.extend({ retry: 0 })]) {
      expect(() => api.get('items')).toThrow('"baseUrl" must be an absolute URL where there is no page.')
    }
    await auth.api.get(`${ORIGIN}/items`).json()
    await auth.api.extend({ baseUrl: ORIGIN }).get('items').json()
    await auth.api.get('items', { baseUrl: ORIGIN }).json()
    expect(fetch).toHaveBeenCalledTimes(3)
    expect(() => auth.api.get('https://[bad]/')).toThrow(TypeError)
  })
})

/** What Cloudflare's workers refuse in their global scope. */
const FORBIDDEN = ['setTimeout', 'setInterval', 'fetch', 'AbortController', 'BroadcastChannel'] as const

/** Their Request takes fewer values than that of a browser. */
function stubRequest(refused: Record<string, string[]>): void {
  const { Request } = globalThis
  vi.stubGlobal(
    'Request',
    class extends Request {
      constructor(input: RequestInfo | URL, init: RequestInit = {}) {
        for (const [name, values] of Object.entries(refused)) {
          const value = init[name as 'cache']
          if (value !== undefined && values.includes(value))
            throw new TypeError(`Unsupported ${name}: ${value}`)
        }
        super(input, init)
      }
    },
  )
}

describe('E4 an edge worker', () => {
  test('E4 creating a client in the global scope touches nothing that is forbidden there', () => {
    const touched: string[] = []
    const forbid = (name: string) =>
      vi.stubGlobal(
        name,
        new Proxy(class {}, {
          construct: () => touched.push(`new ${name}`) && {},
          apply: () => touched.push(name),
        }),
      )
    for (const name of FORBIDDEN) forbid(name)
    vi.stubGlobal('crypto', { getRandomValues: () => touched.push('crypto') })
    const idle = idleTimeout(60_000)
    const options: AuthClientOptions[] = [{}, { baseUrl: ORIGIN }, { server: true, idle }]
    const clients = [createAuthClient, createCoreClient].flatMap(create =>
      options.map(given => create({ ...given, tabs: shareTabs() })),
    )
    expect(touched).toEqual([])
    expect(clients.map(({ session }) => session.status)).toEqual(clients.map(() => 'unknown'))
  })

  const runtimes = [
    ['of today', { redirect: ['error'], cache: ['reload', 'default'] }],
    ['of 2024', { redirect: ['error'], cache: ['reload', 'no-store', 'no-cache', 'default'] }],
  ] as const
  test.each(runtimes)('E4 %s: auth calls and replays work, and follow no redirect', async (_, refused) => {
    stubRequest(refused as unknown as Record<string, string[]>)
    const world = createWorld({ page: null })
    const inits: RequestInit[] = []
    const client = createClient(
      { baseUrl: ORIGIN, server: true, csrf: doubleSubmit({ cookie: 'c', header: 'x-csrf' }) },
      {
        ...world.environment,
        fetch(input, init = {}) {
          inits.push(init)
          return world.environment.fetch(input, init)
        },
      },
    )
    await client.login(ADA)
    world.server.revokeAccess()
    expect((await client.fetch(`${ORIGIN}/items`, { method: 'POST', body: 'once' })).status).toBe(200)
    expect(world.server.calls.map(({ path }) => path)).toEqual([
      '/login',
      '/items',
      '/refresh_token',
      '/items',
    ])
    expect(inits.map(({ redirect }) => redirect)).toEqual(['manual', 'manual', 'manual', 'manual'])
    const asksServer = refused.cache.length === 2 ? 'no-store' : undefined
    expect(inits.map(({ cache }) => cache)).toEqual([asksServer, undefined, asksServer, asksServer])
  })

  test('E4 a redirect is a failure of the call, and its target hears nothing', async () => {
    stubRequest({ redirect: ['error'] })
    const world = createWorld({ page: null, options: { baseUrl: ORIGIN, server: true } })
    world.server.answer(
      '/login',
      () => new Response(null, { status: 302, headers: { Location: '/elsewhere' } }),
      1,
    )
    await expect(world.login()).rejects.toMatchObject({ code: 'login_unavailable', status: 302 })
    await world.login()
    world.server.answer(
      '/refresh_token',
      () => new Response(null, { status: 307, headers: { Location: '/elsewhere' } }),
      1,
    )
    await expect(world.client.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable', status: 307 })
    expect(world.client.session.status).toBe('authenticated')
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/login', '/login', '/refresh_token'])
  })

  test('E4 where "error" is known, it is what is sent', async () => {
    const world = createWorld()
    const redirects: unknown[] = []
    const client = createClient(
      { restore: 'manual', tabs: shareTabs() },
      {
        ...world.environment,
        fetch(input, init) {
          redirects.push(init?.redirect)
          return world.environment.fetch(input, init)
        },
      },
    )
    await client.login(ADA)
    await client.refresh()
    expect(redirects).toEqual(['error', 'error'])
  })
})

// @vitest-environment node
import { afterEach, describe, expect, test } from 'vitest'
import type { Told } from '../demo/static/events.ts'
import { createStaticServer, type State, type Store } from '../demo/static/server.ts'
import { createAuthClient, shareTabs } from '../src/core.ts'

// The server that plays in a service worker for the page without a server.

const BASE = 'https://host.example/some/path/'
const ADA = { email: 'ada@example.com', password: 'correct horse battery staple' }

/** What IndexedDB does: it keeps a clone. */
function createMemory(): Store & { kept(): State | undefined } {
  let kept: State | undefined
  return {
    kept: () => kept,
    read: async () => structuredClone(kept),
    write: async state => {
      kept = structuredClone(state)
    },
  }
}

const undo: (() => void)[] = []
afterEach(() => {
  for (const work of undo.splice(0)) work()
})

/** A browser with this page. `restart`: the browser stops the worker, and starts it again when a request comes. */
function createPage() {
  const memory = createMemory()
  const heard: Told[] = []
  let server = createStaticServer(BASE, memory, told => heard.push(told))
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(new URL(input instanceof Request ? input.url : input, BASE), init)
    const response = await server.handle(request)
    if (!response || response.type === 'error') throw new TypeError('Failed to fetch')
    return response
  }
  const open = (options = {}) => {
    const auth = createAuthClient<{ sub: string }, { name: string }>({
      ...{ baseUrl: BASE, fetch, tabs: shareTabs(), server: true },
      endpoints: { login: 'auth/login', refresh: 'auth/refresh_token', logout: 'auth/logout' },
      ...options,
    })
    undo.push(auth.dispose)
    return auth
  }
  const call = async (path: string, body?: object, method = body ? 'POST' : 'GET') => {
    const response = await fetch(`${BASE}${path}`, { method, ...(body && { body: JSON.stringify(body) }) })
    return { status: response.status, body: response.status === 204 ? null : await response.json() }
  }
  const log = async (path: string) =>
    (await call('demo/log')).body.filter((entry: { path: string }) => entry.path === `/${path}`)
  const restart = () => {
    server = createStaticServer(BASE, memory, told => heard.push(told))
  }
  return { fetch, open, call, log, restart, memory, heard, server: () => server }
}

const items = `${BASE}api/items`

test('answers what is for the server, and leaves files and other addresses alone', async () => {
  const { server, call } = createPage()
  const handled = (url: string) => server().handle(new Request(url)) !== null
  expect(handled(`${BASE}api/items`)).toBe(true)
  for (const url of [
    BASE,
    `${BASE}assets/x.js`,
    `${BASE}authors`,
    'https://host.example/api/items',
    'https://other.example/some/path/api/items',
  ]) {
    expect(handled(url), url).toBe(false)
  }
  expect((await call('api/nothing')).status).toBe(404)
})

test('a login, an API call, a revoked token: one refresh, and the call is sent again', async () => {
  const { open, call, log } = createPage()
  const auth = open()
  const session = await auth.login(ADA)
  expect(session.user?.name).toBe('Ada Lovelace')
  expect(await (await auth.fetch(items)).json()).toHaveLength(3)
  expect((await auth.fetch(`${BASE}demo/mine/revoke`, { method: 'POST' })).status).toBe(204)
  const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await auth.fetch(items)).status))
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(await log('auth/refresh_token')).toMatchObject([{ status: 200, note: 'rotated' }])
  expect((await call('demo/revoke-all', {})).status).toBe(204)
  await call('demo/revoke-access', {})
  expect((await auth.fetch(items)).status).toBe(401)
  expect(auth.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
})

test('a wrong password is refused', async () => {
  const { open } = createPage()
  await expect(open().login({ ...ADA, password: 'x' })).rejects.toMatchObject({ code: 'login_rejected' })
})

test('items can be added and deleted, each by its own user', async () => {
  const { open } = createPage()
  const auth = open()
  await auth.login(ADA)
  const added = await auth.fetch(items, { method: 'POST', body: JSON.stringify({ title: ' Tea ' }) })
  expect(added.status).toBe(201)
  const { id, title } = await added.json()
  expect(title).toBe('Tea')
  expect(await (await auth.fetch(items)).json()).toHaveLength(4)
  const remove = async () => (await auth.fetch(`${items}/${id}`, { method: 'DELETE' })).status
  expect([await remove(), await remove()]).toEqual([204, 404])
  expect((await auth.fetch(items, { method: 'POST', body: '{"title":""}' })).status).toBe(400)
  await auth.login({ ...ADA, email: 'grace@example.com' })
  expect(await (await auth.fetch(items)).json()).toHaveLength(3)
})

describe('a worker that was stopped', () => {
  test('goes on with the session, the items, the settings and the faults', async () => {
    const { open, call, log, restart } = createPage()
    const auth = open()
    await call('demo/config', { accessTtl: 33, grace: 5 })
    await auth.login(ADA)
    await auth.fetch(items, { method: 'POST', body: '{"title":"Tea"}' })
    await call('demo/faults', { refresh: '500', count: 1 })
    restart()
    expect(await (await auth.fetch(items)).json()).toHaveLength(4)
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    restart()
    expect((await call('demo/faults')).body).toMatchObject({ refresh: 'none' })
    expect((await call('demo/config')).body).toMatchObject({ mode: 'bearer', accessTtl: 33, grace: 5 })
    restart()
    // Another page, as after a reload.
    expect(await open().refresh()).toMatchObject({ status: 'authenticated' })
    expect((await log('auth/refresh_token')).map(({ status }: { status: number }) => status)).toEqual([
      500, 200,
    ])
  })

  test('has kept a rotation before anybody hears of it', async () => {
    const { open, restart, memory, fetch } = createPage()
    const auth = open()
    await auth.login(ADA)
    let kept: unknown
    const refreshed = open({
      fetch: async (input: RequestInfo, init: RequestInit) => {
        const response = await fetch(input, init)
        kept = memory.kept()?.arrivals.at(-1)?.path
        restart()
        return response
      },
    })
    await refreshed.refresh()
    expect(kept).toBe('/auth/refresh_token')
    await refreshed.refresh()
    expect(refreshed.session.status).toBe('authenticated')
  })
})

describe('the switches of the page', () => {
  test('other lifetimes hold from the next token on, and end nobody’s session', async () => {
    const { open, call } = createPage()
    const auth = open()
    await auth.login(ADA)
    expect((await call('demo/config', { accessTtl: 60 })).body).toMatchObject({ accessTtl: 60, grace: 10 })
    const { expiresAt } = await auth.refresh()
    expect(expiresAt! - Date.now()).toBeGreaterThan(50_000)
  })

  test('another mode ends every session, and modes that need a server are refused', async () => {
    const { open, call } = createPage()
    await open().login(ADA)
    expect((await call('demo/config', { mode: 'cookie' })).status).toBe(400)
    expect((await call('demo/config', { accessTtl: 0 })).status).toBe(400)
    expect((await call('demo/config', { mode: 'body' })).body).toMatchObject({ mode: 'body' })
    await expect(open().refresh()).rejects.toMatchObject({ code: 'no_session' })
    const { body } = await call('auth/login', ADA)
    expect(body.refresh_token).toBeTypeOf('string')
  })

  test('a server that is away answers nobody, and notes nothing', async () => {
    const { open, call, log } = createPage()
    const auth = open()
    await auth.login(ADA)
    await call('demo/faults', { offline: true })
    await expect(auth.fetch(items)).rejects.toThrow(TypeError)
    expect(await log('api/items')).toEqual([])
    await call('demo/faults', {})
    expect((await auth.fetch(items)).status).toBe(200)
  })

  test.each([
    ['refresh', '500'],
    ['refresh', '429'],
    ['refresh', 'drop'],
  ])('a %s that fails with %s signs nobody out', async (kind, fault) => {
    const { open, call } = createPage()
    const auth = open()
    await auth.login(ADA)
    await call('demo/faults', { [kind]: fault, count: 1 })
    await expect(auth.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect(auth.session.status).toBe('authenticated')
    expect(await open().refresh()).toMatchObject({ status: 'authenticated' })
  })

  test('a refresh that hangs is answered when the fault is taken back', async () => {
    const { open, call, log } = createPage()
    const auth = open()
    await auth.login(ADA)
    await call('demo/faults', { refresh: 'hang', count: 1 })
    const refreshed = auth.refresh()
    while ((await log('auth/refresh_token')).length === 0) await null
    await call('demo/faults', {})
    expect((await refreshed).status).toBe('authenticated')
  })

  test('the page hears of requests, faults and settings, and can ask for those before', async () => {
    const { open, call, heard, restart } = createPage()
    await open().login(ADA)
    expect(heard).toMatchObject([
      ['request', { path: '/auth/login', status: null }],
      ['request', { path: '/auth/login', status: 200 }],
    ])
    await call('demo/faults', { api: '500' })
    await call('demo/config', { accessTtl: 44 })
    expect(heard.slice(2)).toMatchObject([
      ['faults', { api: '500' }],
      ['config', { accessTtl: 44 }],
    ])
    restart()
    expect((await call('demo/events')).body).toMatchObject([
      ['config', { mode: 'bearer', accessTtl: 44 }],
      ['faults', { api: '500' }],
      ['request', { path: '/auth/login', status: 200 }],
    ])
    await call('demo/log', undefined, 'DELETE')
    expect((await call('demo/log')).body).toEqual([])
  })
})

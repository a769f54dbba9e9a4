import { afterEach, describe, expect, test, vi } from 'vitest'
import { createAuthClient, idleTimeout, shareTabs, tokenStorage } from '../src/core.ts'
import { createTabStorage, WORLDS } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const ITEMS = `${ORIGIN}/items`
const HOUR = 3_600_000
const WORKER = { href: `${ORIGIN}/worker.js`, origin: ORIGIN, isWorker: true }

const paths = ({ server }: World) => server.calls.map(({ path }) => path)
const deny = () => {
  throw new ReferenceError('localStorage is not defined')
}
/** What a worker makes of `webStorage(() => localStorage)`. */
const noStorage = tokenStorage({ get: deny, set: deny, remove: deny })

describe.each(WORLDS)('E14 a worker, $mode.name', ({ mode, createWorld, signedIn }) => {
  const storage = mode.options().options?.storage ? { storage: noStorage } : {}

  function openWorker(browser: World, given: WorldOptions = {}): World {
    const options = { ...storage, ...given.options }
    const worker = createWorld({ ...given, browser, page: WORKER, options })
    worker.visible = false
    return worker
  }

  test('takes its session from a page without a call', async () => {
    const page = await signedIn()
    const worker = openWorker(page)
    expect(await worker.client.ready()).toMatchObject({ status: 'authenticated' })
    expect((await worker.client.fetch(ITEMS)).status).toBe(200)
    expect(paths(page)).toEqual(['/items'])
  })

  test('takes it from a page that has been hidden for hours', async () => {
    const page = await signedIn({ server: { lifetime: 24 * 3_600 } })
    page.visible = false
    page.wake('visibilitychange')
    await page.clock.advance(2 * HOUR)
    const worker = openWorker(page)
    expect((await worker.client.ready()).status).toBe('authenticated')
    expect(paths(page)).toEqual([])
  })

  test('hears of a login, a refresh and a logout of a page', async () => {
    const page = createWorld()
    const worker = openWorker(page)
    await worker.settle()
    await page.login()
    await worker.settle()
    expect(worker.client.session.status).toBe('authenticated')
    await page.client.refresh()
    await worker.settle()
    expect(worker.count('refresh')).toBe(1)
    await page.client.logout()
    await worker.settle()
    expect(worker.client.session).toMatchObject({ status: 'anonymous', reason: 'other-tab' })
  })

  test('without a page it stays unknown, and makes no call and sets no timer', async () => {
    const before = await signedIn()
    before.close()
    before.server.calls.length = 0
    const worker = openWorker(before, { options: { restore: 'auto' } })
    await worker.clock.advance(HOUR)
    const request = watch(worker.client.fetch(ITEMS))
    const token = mode.isBearer ? watch(worker.client.getAccessToken()) : request
    await worker.clock.advance(1_000)
    expect([request.state, token.state]).toEqual(['refresh_unavailable', 'refresh_unavailable'])
    expect(worker.client.session).toEqual({ status: 'unknown', error: null })
    expect(worker.clock.timers).toBe(0)
    expect(paths(worker)).toEqual([])
  })

  test('a 401 in a worker costs one refresh for all', async () => {
    const page = await signedIn()
    const worker = openWorker(page)
    await worker.client.ready()
    page.server.revokeAccess()
    const answers = [page, worker].flatMap(({ client }) => [client.fetch(ITEMS), client.fetch(ITEMS)])
    await page.clock.advance(1_000)
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(page.server.refreshes).toBe(1)
    expect([page, worker].map(world => world.count('logout'))).toEqual([0, 0])
  })

  test('a login in a worker is one for the pages', async () => {
    const page = createWorld()
    await page.client.ready()
    const worker = openWorker(page)
    await worker.login('bob')
    await page.settle()
    expect((await page.client.fetch(ITEMS)).status).toBe(200)
    expect(page.server.refreshes).toBeLessThan(2)
  })

  test('a login in a worker ends the signed-out marker, which it cannot lift itself', async () => {
    const page = await signedIn()
    const worker = openWorker(page)
    await worker.client.ready()
    page.server.answer('/logout', () => page.server.json({}, 503))
    await page.client.logout()
    await worker.login('bob')
    await page.settle()
    const next = createWorld({ browser: page })
    expect((await next.client.ready()).status).toBe('authenticated')
  })
})

describe('E14 a worker', () => {
  const openWorker = (browser: World, options: WorldOptions['options'] = {}): World =>
    createWorld({ browser, page: WORKER, options })

  test('an explicit refresh() asks the server, and so do login and setTokens', async () => {
    const before = await signedIn()
    before.close()
    for (const call of ['refresh', 'login', 'setTokens'] as const) {
      const worker = openWorker(before)
      if (call === 'refresh') await worker.client.refresh()
      if (call === 'login') await worker.login()
      if (call === 'setTokens')
        await worker.client.setTokens({ accessToken: before.server.issueAccess('ada').token })
      expect(worker.client.session.status).toBe('authenticated')
      worker.close()
    }
    expect(paths(before)).toEqual(['/refresh_token', '/login'])
  })

  test('judges no idle time', async () => {
    const options = { idle: idleTimeout(60_000) }
    const page = await signedIn({ options, server: { lifetime: 24 * 3_600 } })
    const worker = openWorker(page, options)
    await worker.client.ready()
    page.close()
    await worker.clock.advance(HOUR)
    expect((await worker.client.fetch(ITEMS)).status).toBe(200)
    expect(worker.count('logout')).toBe(0)
  })

  test('the moment that a page has for its answer is not under the lock', async () => {
    const before = await signedIn()
    before.close()
    const worker = openWorker(before)
    const waiting = watch(worker.client.fetch(ITEMS))
    await worker.settle()
    expect(waiting.state).toBe('pending')
    const page = createWorld({ browser: before })
    expect((await page.client.ready()).status).toBe('authenticated')
    await worker.settle()
    expect(waiting.state).toBe('fulfilled')
    expect(paths(before)).toEqual(['/refresh_token', '/items'])
  })

  test('shows what it holds for a few seconds only, so that its page may go to the back/forward cache', async () => {
    const page = await signedIn()
    const worker = openWorker(page)
    worker.visible = false
    await worker.client.ready()
    await worker.clock.advance(5_000)
    const { held = [] } = await worker.environment.locks()!.query()
    expect(held.filter(({ clientId }) => clientId === worker.clientId)).toEqual([])
    page.close()
    // Its requests refresh, and no timer.
    expect(worker.clock.timers).toBe(0)
  })

  test('with the refresh token in a storage that only pages see, it never signs anybody out', async () => {
    const kept = new Map<string, string>()
    const storage = tokenStorage({ ...createTabStorage(kept), shared: true })
    const server = { carrier: 'body', lifetime: 60 } as const
    const page = await signedIn({ server, options: { storage } })
    const worker = openWorker(page, { storage: noStorage })
    await worker.client.ready()
    page.freeze()
    await worker.clock.advance(2 * HOUR)
    const request = watch(worker.client.fetch(ITEMS))
    const refresh = watch(worker.client.refresh())
    await worker.clock.advance(20_000)
    expect([request.state, refresh.state]).toEqual(['refresh_unavailable', 'refresh_unavailable'])
    expect(worker.client.session.status).toBe('authenticated')
    page.thaw()
    await page.clock.advance(1_000)
    expect((await page.client.fetch(ITEMS)).status).toBe(200)
    await worker.settle()
    expect((await worker.client.fetch(ITEMS)).status).toBe(200)
    expect([page, worker].map(world => world.count('logout'))).toEqual([0, 0])
  })

  test('a signed-out marker that it cannot read does no harm: the page of the next login hands over', async () => {
    const page = await signedIn()
    const worker = openWorker(page)
    await worker.client.ready()
    page.server.answer('/logout', () => page.server.json({}, 503))
    await page.client.logout()
    page.close()
    const next = openWorker(page)
    const waiting = watch(next.client.fetch(ITEMS))
    await next.clock.advance(1_000)
    expect(waiting.state).toBe('refresh_unavailable')
    const again = createWorld({ browser: page })
    await again.login('bob')
    await again.settle()
    for (const { client } of [worker, next]) expect(client.session).toMatchObject({ claims: { sub: 'bob' } })
  })

  test('relative URLs resolve against its own address', async () => {
    const page = await signedIn()
    const worker = openWorker(page, { baseUrl: './' })
    expect(() => openWorker(page, { baseUrl: 'http://api.example.com' })).toThrow(/^"baseUrl"/)
    await worker.client.ready()
    await worker.client.fetch('items')
    expect(page.server.calls.at(-1)).toMatchObject({ path: '/items', authorization: expect.anything() })
  })

  test.each([shareTabs({ tokens: false }), false] as const)(
    'with "tabs" %j nobody can hand it a token: it stays unknown',
    async tabs => {
      const page = await signedIn({ options: { tabs } })
      const worker = openWorker(page, { tabs })
      const waiting = watch(worker.client.fetch(ITEMS))
      await worker.clock.advance(2_000)
      expect(waiting.state).toBe('refresh_unavailable')
      expect(worker.client.session.status).toBe('unknown')
      expect(paths(page)).toEqual([])
    },
  )
})

describe("E14 a browser's worker is known by its scope and its address", () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  const WorkerGlobalScope = Object.defineProperty(() => {}, Symbol.hasInstance, {
    value: (scope: unknown) => scope === globalThis,
  })

  /** Does a client that is created here resolve its default endpoints, as in a page? */
  async function isTakenForWorker(globals: Record<string, unknown>): Promise<boolean> {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
    for (const name of ['addEventListener', 'removeEventListener']) vi.stubGlobal(name, () => {})
    const urls: string[] = []
    const fetch = async (url: unknown) => {
      urls.push(String(url))
      return Response.json({ access_token: 'a', expires_in: 60 })
    }
    const auth = createAuthClient({ fetch, tabs: false })
    const login = watch(auth.login({}))
    await vi.waitFor(() => expect(login.state).not.toBe('pending'))
    auth.dispose()
    expect(urls).toEqual(login.state === 'fulfilled' ? [`${ORIGIN}/login`] : [])
    return login.state === 'fulfilled'
  }

  const location = new URL(`${ORIGIN}/worker.js`)
  test.each<[name: string, expected: boolean, globals: Record<string, unknown>]>([
    ['a worker of the page', true, { WorkerGlobalScope, location }],
    ['one from a blob:', true, { WorkerGlobalScope, location: new URL(`blob:${ORIGIN}/1-2`) }],
    ['one from a data: URL', false, { WorkerGlobalScope, location: new URL('data:text/javascript,') }],
    ['one from a file', false, { WorkerGlobalScope, location: new URL('file:///worker.js') }],
    ['an edge worker, which has no address', false, { WorkerGlobalScope, location: undefined }],
    ['a server that has an address', false, { location }],
    ['a scope that is no worker', false, { WorkerGlobalScope: class {}, location }],
    ['what has a document', false, { WorkerGlobalScope, location, document: {} }],
  ])('%s: %s', async (_, expected, globals) => {
    expect(await isTakenForWorker(globals)).toBe(expected)
  })
})

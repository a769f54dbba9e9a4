import { describe, expect, test } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { createTabStorage } from './support/modes.ts'
import { nameOf } from './support/names.ts'
import { watch } from './support/outcome.ts'
import { REFUSED } from './support/refused.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const REFRESH = 'POST /refresh_token'
const items = `${ORIGIN}/items`
const signedOut = (reason: string) => ({ status: 'anonymous', reason })

const open = (browser?: World, { options, ...given }: WorldOptions = {}): World =>
  createWorld({
    server: { carrier: 'sliding' },
    ...given,
    options: { sessionKey: 'app', sliding: true, ...options },
    ...(browser && { browser }),
  })

async function signedIn(given?: WorldOptions): Promise<World> {
  const world = open(undefined, given)
  await world.login()
  await world.settle()
  world.server.calls.length = 0
  world.events.length = 0
  return world
}

const logouts = ({ events }: World) => events.filter(([name]) => name === 'logout')
const rejectedOnce = [['logout', { reason: 'rejected' }]]

describe('a token that renews itself', () => {
  test('is carried by the call that renews it, and nothing else is', async () => {
    const world = await signedIn()
    const token = await world.client.getAccessToken()
    await world.client.refresh()
    expect(world.server.calls.map(({ path, authorization, text }) => [path, authorization, text])).toEqual([
      ['/refresh_token', `Bearer ${token}`, ''],
    ])
    expect(await world.client.getAccessToken()).not.toBe(token)
  })

  test('I4 an explicit refresh() beside a tab that has just renewed it does not send the one of before', async () => {
    const a = await signedIn()
    const b = open(a)
    await b.client.ready()
    await a.settle()
    b.freeze()
    await a.client.refresh()
    await a.settle()
    a.clock.tick(1)
    b.thaw()
    const refresh = watch(b.client.refresh())
    await b.settle()
    expect(refresh.state).toBe('fulfilled')
    const bearers = a.server.calls.map(({ authorization }) => authorization)
    expect(new Set(bearers).size).toBe(bearers.length)
  })

  test('is renewed ahead of its end, for ten lifetimes', async () => {
    const world = await signedIn()
    await world.clock.advance(10 * HOUR)
    expect(world.client.session.status).toBe('authenticated')
    expect(world.server.refreshes).toBe(10)
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('carries its own "scheme", and an endpoint function is handed it', async () => {
    const seen: unknown[] = []
    const world = await signedIn({
      options: {
        scheme: 'JWT',
        endpoints: {
          refresh({ tokens }) {
            seen.push(tokens?.accessToken)
            return {
              url: '/refresh_token',
              method: 'POST',
              headers: { Authorization: `JWT ${tokens?.accessToken}` },
            }
          },
        },
      },
    })
    const token = await world.client.getAccessToken()
    await world.client.refresh()
    expect(seen).toEqual([token])
    const plain = await signedIn({ options: { scheme: 'JWT' } })
    const first = await plain.client.getAccessToken()
    await plain.client.refresh()
    expect(plain.server.calls[0]?.authorization).toBe(`JWT ${first}`)
  })

  test('goes to no endpoint on an origin that is not allowed', async () => {
    const world = await signedIn({
      options: { endpoints: { refresh: 'https://other.example/refresh_token' } },
    })
    world.server.answer(REFRESH, () => world.server.json(world.server.issueAccess('ada').body))
    await world.client.refresh().catch(() => {})
    expect(world.server.calls.map(({ authorization }) => authorization)).not.toContainEqual(
      expect.any(String),
    )
  })

  test('a token that has ended signs out with "rejected", once, without a call', async () => {
    const world = await signedIn()
    world.clock.sleep(HOUR + SECOND)
    expect(await world.client.fetch(items).catch(error => error.code)).toBe('no_session')
    expect(world.client.session).toEqual(signedOut('rejected'))
    await world.clock.advance(HOUR)
    expect(logouts(world)).toEqual(rejectedOnce)
    expect(world.server.calls).toEqual([])
  })

  test.each(['resume', 'visibilitychange', 'pageshow', 'focus', 'online'])(
    'T4 a wake (%s) after sleep past its end is the same, with no request made',
    async type => {
      const world = await signedIn()
      world.clock.sleep(8 * HOUR)
      world.wake(type)
      await world.clock.advance(SECOND)
      expect(world.client.session).toEqual(signedOut('rejected'))
      expect(logouts(world)).toEqual(rejectedOnce)
      expect(world.server.calls).toEqual([])
    },
  )

  test('F1 an outage to its end: retried as long as it lives, then "rejected"', async () => {
    const world = await signedIn()
    world.server.answer(REFRESH, () => world.server.json({}, 503))
    await world.clock.advance(HOUR - 2 * SECOND)
    expect(world.client.session).toMatchObject({
      status: 'authenticated',
      error: { code: 'refresh_unavailable' },
    })
    expect(world.server.refreshes).toBeGreaterThan(1)
    await world.clock.advance(MINUTE)
    expect(world.client.session).toEqual(signedOut('rejected'))
    const { refreshes } = world.server
    await world.clock.advance(HOUR)
    expect(world.server.refreshes).toBe(refreshes)
    expect(logouts(world)).toEqual(rejectedOnce)
  })

  test('F3 told to wait until long after its end, it ends at its end all the same', async () => {
    const world = await signedIn()
    world.server.answer(REFRESH, () => world.server.json({}, 503, { 'Retry-After': '7200' }))
    await world.clock.advance(HOUR - 5 * SECOND)
    expect(world.client.session.status).toBe('authenticated')
    await world.clock.advance(6 * SECOND)
    expect(world.client.session).toEqual(signedOut('rejected'))
    expect(world.server.refreshes).toBe(1)
  })

  test('F5 a refusal keeps it to its end', async () => {
    const world = await signedIn()
    world.server.answer(REFRESH, () => world.server.json({}, 401))
    await world.clock.advance(HOUR - 5 * SECOND)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(world.server.refreshes).toBe(1)
    await world.clock.advance(MINUTE)
    expect(world.client.session).toEqual(signedOut('rejected'))
    expect(world.server.refreshes).toBe(1)
  })

  test("a 401 before its end is the server's: one try to renew, then signed out", async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.server.refreshes).toBe(1)
    expect(world.client.session).toEqual({ status: 'anonymous', ...REFUSED })
  })

  test('a token of unknown end is renewed on demand, and ends by a 401', async () => {
    const world = await signedIn({ server: { carrier: 'sliding', opaque: true, expiresIn: false } })
    await world.clock.advance(30 * MINUTE)
    expect(world.server.refreshes).toBe(0)
    await world.client.refresh()
    world.server.revokeAccess()
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.client.session).toEqual({ status: 'anonymous', ...REFUSED })
  })

  test('a page load without a storage restores nothing, and sends nothing', async () => {
    const before = await signedIn()
    before.close()
    const after = open(before)
    expect(await after.client.ready()).toEqual(signedOut('initial'))
    expect(after.server.calls).toEqual([])
    expect(after.events).toEqual([])
  })
})

test('M6 back from the back/forward cache, without a storage and with no sibling: it goes on, with no call', async () => {
  const world = await signedIn()
  const token = await world.client.getAccessToken()
  world.wake('pagehide', true)
  await world.settle()
  world.wake('pageshow', true)
  await world.clock.advance(2 * SECOND)
  expect(world.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
  expect(await world.client.getAccessToken()).toBe(token)
  expect(world.server.calls).toEqual([])
  expect(logouts(world)).toEqual([])
})

describe('M6 back to a page after a logout elsewhere that the server has confirmed', () => {
  test.each([
    ['is still open', false],
    ['has gone', true],
  ])('M6 the tab that signed out %s: this page is signed out too, and sends nothing', async (_, isGone) => {
    const a = await signedIn()
    const b = open(a)
    await b.client.ready()
    b.wake('pagehide', true)
    await a.clock.advance(SECOND)
    expect(await a.client.logout()).toEqual({ revoked: true })
    if (isGone) a.close()
    b.server.calls.length = 0
    b.wake('pageshow', true)
    await b.clock.advance(5 * SECOND)
    expect([a, b].map(({ client }) => client.session.status)).toEqual(['anonymous', 'anonymous'])
    expect(b.server.calls).toEqual([])
  })

  test('M6 and after another login there, it has that session', async () => {
    const a = await signedIn()
    const b = open(a)
    await b.client.ready()
    b.wake('pagehide', true)
    await a.client.logout()
    await a.clock.advance(SECOND)
    await a.login('bob')
    b.wake('pageshow', true)
    await b.clock.advance(5 * SECOND)
    expect(b.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
  })
})

describe('R3 the old token dies at once when the new one is issued', () => {
  /** A server that knows one token at a time. */
  async function strict() {
    const world = await signedIn()
    world.server.answer(REFRESH, request => {
      const { authorization } = Object.fromEntries(request.headers)
      if (authorization !== current) return world.server.json({}, 401)
      world.server.revokeAccess()
      const { token, body } = world.server.issueAccess('ada')
      current = `Bearer ${token}`
      return world.server.json(body)
    })
    let current = `Bearer ${await world.client.getAccessToken()}`
    return world
  }

  test('requests that are under way then get their late 401, and are replayed without another renewal', async () => {
    const world = await strict()
    const releases = Array.from({ length: 20 }, () =>
      world.server.hold('/items', () => world.server.json({}, 401)),
    )
    const late = releases.map((_, n) => world.client.fetch(items, { method: 'POST', body: `${n}` }))
    await world.settle()
    await world.client.refresh()
    for (const release of releases) release()
    const answers = await Promise.all(late.map(async answer => (await answer).json()))
    expect(answers.map(({ text }) => text).sort()).toEqual(releases.map((_, n) => `${n}`).sort())
    expect(world.server.refreshes).toBe(1)
  })

  test('renewals of several tabs do not meet', async () => {
    const a = await strict()
    const b = open(a)
    await b.client.ready()
    await Promise.all([a.client.refresh(), b.client.refresh(), a.client.fetch(items), b.client.fetch(items)])
    await a.clock.advance(5 * HOUR)
    expect([a, b].map(({ client }) => client.session.status)).toEqual(['authenticated', 'authenticated'])
    expect([a, b].flatMap(logouts)).toEqual([])
    expect((await b.client.fetch(items)).status).toBe(200)
  })
})

describe('S3 a token that renews itself, in a storage', () => {
  const resting = (kept: Map<string, string>) => JSON.parse(kept.get(nameOf('app', 'token')) ?? '{}')
  async function closed(kept: Map<string, string>, shared = false, options: WorldOptions['options'] = {}) {
    const storage = tokenStorage({ ...createTabStorage(kept), shared })
    const before = await signedIn({ options: { storage } })
    before.close()
    return { before, load: () => open(before, { options: { storage, ...options } }) }
  }

  test('a page load goes on with it, with no call', async () => {
    const kept = new Map<string, string>()
    const { load } = await closed(kept)
    const after = load()
    expect(await after.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(after.server.calls).toEqual([])
    expect(after.events).toEqual([['login', { cause: 'restore' }]])
    expect((await after.client.fetch(items)).status).toBe(200)
  })

  test('what is left of its life is left, also where the clock of the server is another', async () => {
    for (const skew of [0, 2 * HOUR, -2 * HOUR]) {
      const kept = new Map<string, string>()
      const storage = tokenStorage(createTabStorage(kept))
      const before = await signedIn({ skew, options: { storage } })
      const { expiresAt } = before.client.session as { expiresAt: number }
      before.close()
      before.clock.sleep(30 * MINUTE)
      const after = open(before, { options: { storage } })
      await after.client.ready()
      expect(Math.abs((after.client.session as { expiresAt: number }).expiresAt - expiresAt)).toBeLessThan(
        SECOND,
      )
    }
  })

  test('each renewal is written, with what it takes to know its end', async () => {
    const kept = new Map<string, string>()
    const world = await signedIn({ options: { storage: tokenStorage(createTabStorage(kept)) } })
    await world.clock.advance(3 * HOUR)
    await world.settle()
    expect(resting(kept)).toEqual({
      v: 1,
      serial: 0,
      accessToken: await world.client.getAccessToken(),
      expiresAt: expect.any(Number),
      lineage: expect.any(Number),
    })
  })

  test('one that has ended meanwhile is not sent: nobody is signed in, and it is removed', async () => {
    const kept = new Map<string, string>()
    const { before, load } = await closed(kept)
    before.clock.sleep(2 * HOUR)
    const after = load()
    expect((await after.client.ready()).status).toBe('anonymous')
    await after.settle()
    expect(after.server.calls).toEqual([])
    expect([...kept]).toEqual([])
  })

  test('an empty storage restores nothing and sends nothing', async () => {
    const world = open(undefined, { options: { storage: tokenStorage(createTabStorage()) } })
    expect(await world.client.ready()).toEqual(signedOut('initial'))
    expect(world.server.calls).toEqual([])
  })

  test.each([
    ['of the tab', false],
    ['of all tabs', true],
  ])('logout leaves nothing there: %s', async (_, shared) => {
    const kept = new Map<string, string>()
    const { load } = await closed(kept, shared)
    const after = load()
    await after.client.ready()
    await after.client.logout()
    await after.settle()
    expect([...kept]).toEqual([])
    expect(await load().client.ready()).toMatchObject({ status: 'anonymous' })
  })

  test('a logout before the restore removes it too, and tells the server with it', async () => {
    const kept = new Map<string, string>()
    const { load } = await closed(kept)
    const { accessToken } = resting(kept)
    const after = load()
    expect(await after.client.logout()).toEqual({ revoked: true })
    await after.settle()
    expect([...kept]).toEqual([])
    expect(after.server.calls.map(({ authorization }) => authorization)).toEqual([`Bearer ${accessToken}`])
  })

  test('of all tabs: a tab that was opened alone later has the newest one', async () => {
    const kept = new Map<string, string>()
    const storage = tokenStorage({ ...createTabStorage(kept), shared: true })
    const a = await signedIn({ options: { storage } })
    const b = open(a, { options: { storage } })
    await b.client.ready()
    await b.clock.advance(3 * HOUR)
    a.close()
    b.close()
    const c = open(a, { options: { storage } })
    expect((await c.client.ready()).status).toBe('authenticated')
    expect((await c.client.fetch(items)).status).toBe(200)
  })

  test('C1 a logout while the restore still asks for the user ends signed out', async () => {
    const { load } = await closed(new Map(), false, { endpoints: { user: 'me' } })
    const after = load()
    const answer = after.server.hold('GET /me')
    const ready = watch(after.client.ready())
    await after.settle()
    const logout = watch(after.client.logout())
    await after.settle()
    answer()
    await after.clock.advance(MINUTE)
    expect([ready.state, logout.value]).toEqual(['fulfilled', { revoked: true }])
    expect(after.client.session).toEqual(signedOut('logout'))
    expect(after.server.count('/logout')).toBe(1)
    expect(after.events).toEqual([])
  })

  test('C9 disposed while the restore asks for the user: it stays there for the next page', async () => {
    const kept = new Map<string, string>()
    const { load } = await closed(kept, false, { endpoints: { user: 'me' } })
    const rested = [...kept]
    const after = load()
    const answer = after.server.hold('GET /me')
    const ready = watch(after.client.ready())
    await after.settle()
    after.client.dispose()
    answer()
    await after.settle()
    expect(ready.state).toBe('disposed')
    expect([...kept]).toEqual(rested)
  })

  test('F10 a claims schema that never answers holds up no login', async () => {
    const never = { '~standard': { validate: () => new Promise<never>(() => {}) } }
    const { load } = await closed(new Map(), false, { claims: never })
    const after = load()
    const calls = [watch(after.client.ready()), watch(after.login())]
    await after.clock.advance(MINUTE)
    expect(calls.map(({ state }) => state)).toEqual(['fulfilled', 'login_unavailable'])
  })

  test('a token that the app handed in is stored there as well', async () => {
    const kept = new Map<string, string>()
    const storage = tokenStorage(createTabStorage(kept))
    const before = open(undefined, { options: { storage } })
    const { token } = before.server.issueAccess('eve')
    await before.client.setTokens({ accessToken: token })
    await before.settle()
    before.close()
    const after = open(before, { options: { storage } })
    expect(await after.client.ready()).toMatchObject({ claims: { sub: 'eve' } })
  })
})

describe('M11 a new tab beside one that has been hidden for hours', () => {
  function hide(world: World): void {
    world.visible = false
    world.wake('visibilitychange')
  }
  async function hiddenFor(ms: number, given?: WorldOptions): Promise<World> {
    const a = await signedIn(given)
    hide(a)
    await a.clock.advance(ms)
    a.server.calls.length = 0
    a.events.length = 0
    return a
  }
  const held = ({ shared }: World) => shared.locks.snapshot().held
  /** Before the new tab is there: its question could come too late. */
  const isNoted = ({ storage }: World) => storage.has(nameOf('app', 'hidden'))
  const storages = (): [name: string, options: () => NonNullable<WorldOptions['options']>][] => [
    ['in memory', () => ({})],
    ['in a storage of the tab', () => ({ storage: tokenStorage(createTabStorage()) })],
  ]

  test.each(storages())('is signed in, with no call and no wait: %s', async (_, options) => {
    for (const ms of [70 * SECOND, 5 * HOUR]) {
      const a = await hiddenFor(ms, { options: options() })
      // What is held would exempt it from being frozen.
      expect(held(a)).toEqual([])
      expect(isNoted(a)).toBe(true)
      const b = open(a, { options: options() })
      const ready = watch(b.client.ready())
      await b.settle()
      expect(ready.value).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
      expect(b.events).toEqual([['login', { cause: 'other-tab' }]])
      expect((await b.client.fetch(items)).status).toBe(200)
      expect(a.server.refreshes).toBe(0)
    }
  })

  test('with a storage of all tabs too, with no tab asked', async () => {
    const options = { storage: tokenStorage({ ...createTabStorage(), shared: true }) }
    const a = await hiddenFor(5 * HOUR, { options })
    a.freeze()
    const b = open(a, { options })
    const ready = watch(b.client.ready())
    await b.settle()
    expect(ready.value).toMatchObject({ status: 'authenticated' })
  })

  test('a refresh() there takes its session as well', async () => {
    const a = await hiddenFor(5 * HOUR)
    const b = open(a)
    const refresh = watch(b.client.refresh())
    await b.settle()
    expect(refresh.value).toMatchObject({ status: 'authenticated' })
  })

  test('beside a frozen one it is anonymous within 1.5 s, the frozen one is not signed out, and the next tab waits for nobody', async () => {
    const a = await hiddenFor(HOUR / 2)
    a.freeze()
    const b = open(a)
    const ready = watch(b.client.ready())
    await b.clock.advance(1.5 * SECOND)
    expect(ready.value).toEqual(signedOut('initial'))
    expect(a.server.calls).toEqual([])
    const c = open(a)
    const next = watch(c.client.ready())
    await c.settle()
    expect(next.value).toEqual(signedOut('initial'))
    a.thaw()
    await a.settle()
    expect(a.client.session.status).toBe('authenticated')
    expect(logouts(a)).toEqual([])
    // Now it has heard of both, and those who come later find it again.
    const d = open(a)
    expect((await d.client.ready()).status).toBe('authenticated')
  })

  test('where it froze while it still showed its lock it is the same', async () => {
    const a = await hiddenFor(30 * SECOND)
    a.freeze()
    const b = open(a)
    const ready = watch(b.client.ready())
    await b.clock.advance(1.5 * SECOND)
    expect(ready.value).toEqual(signedOut('initial'))
  })

  test('M4 when it has been closed, a first tab waits for nobody', async () => {
    const a = await hiddenFor(HOUR / 2)
    a.wake('pagehide', false)
    a.close()
    const b = open(a)
    const ready = watch(b.client.ready())
    await b.settle()
    expect(ready.value).toEqual(signedOut('initial'))
  })

  test('one that ended without a word costs the first tab a second, once', async () => {
    const a = await hiddenFor(HOUR / 2)
    a.close()
    const b = open(a)
    const ready = watch(b.client.ready())
    await b.clock.advance(SECOND)
    expect(ready.state).toBe('fulfilled')
    const c = open(a)
    const next = watch(c.client.ready())
    await c.settle()
    expect(next.state).toBe('fulfilled')
  })

  test('of two hidden ones one may close', async () => {
    const a = await signedIn()
    const b = open(a)
    await b.client.ready()
    for (const one of [a, b]) hide(one)
    await a.clock.advance(3 * HOUR)
    a.wake('pagehide', false)
    a.close()
    await b.settle()
    expect(isNoted(b)).toBe(true)
    const c = open(b)
    expect((await c.client.ready()).status).toBe('authenticated')
  })

  test('after a logout in the hidden one nobody is asked', async () => {
    const a = await hiddenFor(HOUR / 2)
    await a.client.logout()
    await a.settle()
    expect(isNoted(a)).toBe(false)
  })

  test('what it costs: calls in ten hours of a tab that is hidden, of three, of one that is frozen, and with refreshAhead', async () => {
    const calls = async (given: WorldOptions, count = 1, isFrozen = false) => {
      const a = await hiddenFor(0, given)
      const tabs = [a]
      while (tabs.length < count) tabs.push(open(a, given))
      for (const tab of tabs) await tab.client.ready()
      for (const tab of tabs) hide(tab)
      if (isFrozen) a.freeze()
      await a.clock.advance(10 * HOUR)
      return a.server.calls.length
    }
    expect(await calls({})).toBe(10)
    expect(await calls({}, 3)).toBe(10)
    expect(await calls({}, 1, true)).toBe(0)
    expect(await calls({ options: { refreshAhead: 30 * MINUTE } })).toBe(16)
  })

  test('E16 a forged note costs a second, once', async () => {
    for (const note of ['1e300', '-1', 'soon', `${Date.UTC(2026, 6)}`]) {
      const world = open()
      world.storage.set(nameOf('app', 'hidden'), note)
      const ready = watch(world.client.ready())
      await world.clock.advance(SECOND)
      expect(ready.value).toEqual(signedOut('initial'))
      const again = open(world)
      const next = watch(again.client.ready())
      await again.settle()
      expect(next.state).toBe('fulfilled')
    }
  })
})

test('E9 a reload with a restore by a cookie on the wire waits for the answer', async () => {
  const options = {
    sessionKey: 'app',
    sliding: true,
    endpoints: { restore: 'refresh_token', refresh: 'renew' },
  }
  const before = createWorld({ options })
  before.server.seed()
  const answer = before.server.delay(REFRESH)
  void before.client.ready()
  await before.settle()
  before.wake('pagehide', false)
  before.close()
  const next = createWorld({ browser: before, options })
  const ready = watch(next.client.ready())
  await next.clock.advance(SECOND)
  answer()
  await next.clock.advance(SECOND)
  expect(ready.value).toMatchObject({ status: 'authenticated' })
  expect(next.server.reuses).toBe(0)
})

describe('N13 endpoints.restore', () => {
  const RESTORE = 'POST /session'
  const restoring = (options: WorldOptions['options'] = {}): WorldOptions => ({
    options: { ...options, endpoints: { restore: '/session', ...options.endpoints } },
  })
  function loaded(given: WorldOptions, browser?: World): World {
    const world = open(browser, given)
    world.server.answer(RESTORE, () => world.server.json(world.server.issueAccess('ada').body))
    return world
  }
  const paths = ({ server }: World) => server.calls.map(({ path }) => path)

  test('a page load asks it, once, and its token renews itself from then on', async () => {
    const world = loaded(restoring())
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(world.server.calls).toMatchObject([{ path: '/session', authorization: null, text: '' }])
    expect(world.events).toEqual([['login', { cause: 'restore' }]])
    await world.clock.advance(3 * HOUR)
    expect(new Set(paths(world))).toEqual(new Set(['/session', '/refresh_token']))
    expect(paths(world).filter(path => path === '/session')).toHaveLength(1)
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('a function is asked as well', async () => {
    const world = loaded(restoring({ endpoints: { restore: () => ({ url: '/session', method: 'POST' }) } }))
    expect((await world.client.ready()).status).toBe('authenticated')
  })

  test('its refusal is final, and an outage is not', async () => {
    const refused = loaded(restoring())
    refused.server.mend()
    refused.server.answer(RESTORE, () => refused.server.json({}, 401))
    expect(await refused.client.ready()).toMatchObject(signedOut('initial'))
    expect(refused.events).toEqual([])
    const broken = loaded(restoring())
    broken.server.mend()
    broken.server.answer(RESTORE, () => broken.server.json({}, 503), 2)
    broken.server.answer(RESTORE, () => broken.server.json(broken.server.issueAccess('ada').body))
    expect((await broken.client.ready()).status).toBe('unknown')
    await broken.clock.advance(MINUTE)
    expect(broken.client.session.status).toBe('authenticated')
  })

  test('an answer without a token is nobody: there is none to renew', async () => {
    const world = loaded(restoring())
    world.server.mend()
    world.server.answer(RESTORE, () => world.server.json({ user: { id: 1 } }))
    expect(await world.client.ready()).toEqual(signedOut('initial'))
    expect(paths(world)).toEqual(['/session'])
  })

  test('beside a live tab, or with a stored token, nothing is asked', async () => {
    const a = loaded(restoring({ storage: tokenStorage(createTabStorage()) }))
    await a.login()
    const b = loaded(restoring(), a)
    expect((await b.client.ready()).status).toBe('authenticated')
    b.close()
    a.server.calls.length = 0
    a.close()
    const kept = new Map<string, string>()
    const before = loaded(restoring({ storage: tokenStorage(createTabStorage(kept)) }))
    await before.login()
    await before.settle()
    before.close()
    const after = loaded(restoring({ storage: tokenStorage(createTabStorage(kept)) }), before)
    after.server.calls.length = 0
    expect((await after.client.ready()).status).toBe('authenticated')
    expect([...paths(a), ...paths(after)]).toEqual([])
  })

  test('an explicit refresh() where nobody is signed in asks it too: somebody may have signed in by redirect', async () => {
    const world = loaded(restoring())
    world.server.mend()
    world.server.answer(RESTORE, () => world.server.json({}, 401), 1)
    world.server.answer(RESTORE, () => world.server.json(world.server.issueAccess('ada').body))
    await world.client.ready()
    expect(await world.client.refresh()).toMatchObject({ status: 'authenticated' })
    expect(paths(world)).toEqual(['/session', '/session'])
  })

  test('after the end of the token the session is over all the same', async () => {
    const world = loaded(restoring())
    await world.client.ready()
    world.clock.sleep(2 * HOUR)
    expect(await world.client.fetch(items).catch(error => error.code)).toBe('no_session')
    expect(paths(world)).toEqual(['/session'])
  })

  test('with a refresh token in a storage that is empty it is asked as well', async () => {
    const world = createWorld({
      server: { carrier: 'body' },
      options: { storage: tokenStorage(createTabStorage()), endpoints: { restore: '/session' } },
    })
    world.server.answer(RESTORE, () => world.server.json(world.server.issueAccess('ada').body))
    expect((await world.client.ready()).status).toBe('authenticated')
  })
})

test('"sliding" is a boolean', () => {
  expect(() => open(undefined, { options: { sliding: 'yes' as never } })).toThrow(
    expect.objectContaining({ code: 'invalid_option' }),
  )
})

test('without the option nothing of it happens: a refresh carries no bearer, and an expired token asks', async () => {
  const world = open(undefined, { server: {}, options: { sliding: false } })
  await world.login()
  world.server.calls.length = 0
  world.clock.sleep(2 * HOUR)
  const answer = watch(world.client.fetch(items))
  await world.settle()
  expect(answer.value).toMatchObject({ status: 200 })
  expect(world.server.calls[0]).toMatchObject({ path: '/refresh_token', authorization: null })
})

import { describe, expect, test } from 'vitest'
import { type Feature, shareTabs, tokenStorage } from '../src/core.ts'
import { createTabStorage, WORLDS } from './support/modes.ts'
import { nameOf } from './support/names.ts'
import { watch } from './support/outcome.ts'
import { REFUSED } from './support/refused.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const TIMEOUT = 10 * SECOND
const REFRESH = 'POST /refresh_token'
const NAME = nameOf('app')
const items = `${ORIGIN}/items`

const open = (browser?: World, { options, ...given }: WorldOptions = {}): World =>
  createWorld({ ...given, options: { sessionKey: 'app', ...options }, ...(browser && { browser }) })

/** Tabs of one browser, all signed in as ada by one login. */
async function signedInTabs(count: number, given: WorldOptions = {}): Promise<World[]> {
  const first = open(undefined, given)
  const tabs = [first, ...Array.from({ length: count - 1 }, () => open(first, given))]
  await first.login()
  await first.settle()
  first.server.calls.length = 0
  for (const tab of tabs) tab.events.length = 0
  return tabs
}

const DAY = 24 * HOUR
const status = (...tabs: World[]) => tabs.map(({ client }) => client.session.status)
const all = <T>(count: number, value: T): T[] => Array(count).fill(value)
const bearers = ({ server }: World) =>
  server.calls.filter(({ path }) => path === '/items').map(({ authorization }) => authorization)
const locksOf = ({ shared }: World) => shared.locks.snapshot()
const session = (status: string, more = {}) => expect.objectContaining({ status, ...more })

describe('one refresh for all tabs', () => {
  test('M2 two tabs get a 401 in the same tick: one refresh, the other adopts', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    a.server.revokeAccess()
    const responses = await Promise.all([a, b].map(({ client }) => client.fetch(items)))
    expect(responses.map(({ status }) => status)).toEqual([200, 200])
    expect(a.server.refreshes).toBe(1)
    expect([a.count('refresh'), b.count('refresh')]).toEqual([1, 1])
    expect([a.count('userChange'), b.count('userChange')]).toEqual([0, 0])
    expect(await a.client.getAccessToken()).toBe(await b.client.getAccessToken())
  })

  test('M1 five tabs whose tokens end at the same moment, for ten cycles: one refresh per cycle', async () => {
    const tabs = await signedInTabs(5)
    const [a] = tabs as [World]
    await a.clock.advance(10 * HOUR)
    expect(a.server.refreshes).toBeGreaterThanOrEqual(9)
    expect(a.server.refreshes).toBeLessThanOrEqual(11)
    expect(a.server.reuses).toBe(0)
    expect(status(...tabs)).toEqual(all(5, 'authenticated'))
    expect(tabs.map(tab => tab.count('logout'))).toEqual(all(5, 0))
  })

  test('M1 five tabs, each with ten requests and a dead token: one refresh', async () => {
    const tabs = await signedInTabs(5)
    const [a] = tabs as [World]
    a.server.revokeAccess()
    const made = tabs.flatMap(({ client }) => Array.from({ length: 10 }, () => client.fetch(items)))
    expect((await Promise.all(made)).map(({ status }) => status)).toEqual(all(50, 200))
    expect(a.server.refreshes).toBe(1)
  })

  test('M2 the refresh token in the hands of one tab: it refreshes for the other, which sends nothing', async () => {
    const given: WorldOptions = { server: { carrier: 'body' } }
    const a = open(undefined, given)
    const b = open(a, given)
    await a.login()
    await a.settle()
    a.server.revokeAccess()
    expect((await b.client.fetch(items)).status).toBe(200)
    expect(a.server.refreshes).toBe(1)
    expect(await b.client.getAccessToken()).toBe(await a.client.getAccessToken())
  })

  test('M4 a new tab beside a live one takes its session with no call', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    const b = open(a)
    const ready = watch(b.client.ready())
    await b.settle()
    expect(ready.state).toBe('fulfilled')
    expect(ready.value).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(a.server.calls).toEqual([])
    expect(b.events).toEqual([['login', { cause: 'other-tab' }]])
    expect(b.client.session).toMatchObject({ expiresAt: (a.client.session as any).expiresAt })
  })

  test('M4 a first tab waits for nobody, and no virtual time passes', async () => {
    const a = open()
    a.server.seed()
    const before = a.clock.time
    expect(await a.client.ready()).toMatchObject({ status: 'authenticated' })
    expect(a.clock.time).toBe(before)
  })

  test('M4 five tabs that open at once make one restore call', async () => {
    const a = open()
    a.server.seed()
    const tabs = [a, ...all(4, a).map(browser => open(browser))]
    await Promise.all(tabs.map(({ client }) => client.ready()))
    expect(status(...tabs)).toEqual(all(5, 'authenticated'))
    expect(a.server.refreshes).toBe(1)
  })

  test('M4 five tabs that open at once with nobody signed in: anonymous, and no logout event', async () => {
    const a = open()
    const tabs = [a, ...all(4, a).map(browser => open(browser))]
    await Promise.all(tabs.map(({ client }) => client.ready()))
    expect(status(...tabs)).toEqual(all(5, 'anonymous'))
    expect(tabs.map(tab => tab.count('logout'))).toEqual(all(5, 0))
    expect(a.server.refreshes).toBeLessThanOrEqual(5)
  })

  test.each([
    ['of 100 kB', { name: 'ada', picture: 'x'.repeat(100_000) }],
    ['that JSON cannot say', { name: 'ada', id: 1n }],
  ])('M4 a user %s is not told, and the other tabs are signed in all the same', async (_, user) => {
    const given: WorldOptions = {
      server: { carrier: 'body' },
      options: {
        readTokens: body => ({
          accessToken: body.access_token,
          refreshToken: body.refresh_token,
          user,
        }),
      },
    }
    const [a, b] = (await signedInTabs(2, given)) as [World, World]
    const c = open(a, given)
    watch(c.client.ready())
    await c.settle()
    expect(status(a, b, c)).toEqual(all(3, 'authenticated'))
    expect(a.client.session).toMatchObject({ user })
    expect(a.server.calls).toEqual([])
  })

  test('M4 a sibling hidden for an hour shows nothing any more: the new tab asks the server', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    a.visible = false
    a.wake('visibilitychange')
    await a.clock.advance(2 * MINUTE)
    expect(locksOf(a).held).toEqual([])
    const b = open(a)
    await b.client.ready()
    await b.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    expect(a.server.reuses).toBe(0)
    expect(a.events.filter(([name]) => name !== 'refresh')).toEqual([])
  })

  describe.each(WORLDS)('M11 $mode.name', ({ createWorld, signedIn }) => {
    const given = { options: { sessionKey: 'app' } }
    async function hidden(): Promise<World> {
      const a = await signedIn(given)
      a.visible = false
      a.wake('visibilitychange')
      await a.clock.advance(5 * HOUR)
      a.events.length = 0
      return a
    }

    test('a new tab beside one that has been hidden for hours is signed in', async () => {
      const a = await hidden()
      const b = createWorld({ ...given, browser: a })
      const ready = watch(b.client.ready())
      await b.settle()
      expect(ready.value).toMatchObject({ status: 'authenticated' })
      expect((await b.client.fetch(items)).status).toBe(200)
      expect(a.count('logout')).toBe(0)
    })
  })

  test('M11 a cookie, beside one that is frozen: one call within 1.5 s, and that one is not signed out', async () => {
    for (const ms of [0, 30 * SECOND, 2 * MINUTE, 40 * MINUTE]) {
      const [a] = (await signedInTabs(1)) as [World]
      a.visible = false
      a.wake('visibilitychange')
      await a.clock.advance(ms)
      a.freeze()
      const b = open(a)
      const ready = watch(b.client.ready())
      await b.clock.advance(1.5 * SECOND)
      expect(ready.value).toMatchObject({ status: 'authenticated' })
      expect(a.server.calls.map(({ path }) => path)).toEqual(['/refresh_token'])
      a.thaw()
      await a.clock.advance(2 * HOUR)
      expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
      expect(a.count('logout')).toBe(0)
    }
  })

  test('M8 a tab closed in the middle of a refresh leaves the others able to refresh', async () => {
    const [a, b] = (await signedInTabs(2, { server: { grace: 30 * SECOND } })) as [World, World]
    const answer = a.server.delay(REFRESH)
    watch(a.client.refresh())
    await a.settle()
    const refreshed = watch(b.client.refresh())
    await b.settle()
    a.close()
    await b.settle()
    answer()
    await b.settle()
    expect(refreshed.state).toBe('fulfilled')
    expect(status(b)).toEqual(['authenticated'])
    expect(b.server.refreshes).toBe(2)
  })
})

describe('who is signed in', () => {
  test('M3 login in one tab signs the others in', async () => {
    const a = open()
    const b = open(a)
    await Promise.all([a.client.ready(), b.client.ready()])
    await a.login()
    await a.settle()
    expect(b.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(b.events).toEqual([['login', { cause: 'other-tab' }]])
    expect((await b.client.fetch(items)).status).toBe(200)
    expect(a.server.refreshes).toBeLessThanOrEqual(2)
  })

  test('M3 login reaches a tab that has not been restored yet', async () => {
    const a = open()
    const b = open(a)
    await a.login()
    await a.settle()
    expect(b.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(await b.client.ready()).toBe(b.client.session)
    expect(a.server.refreshes).toBe(0)
  })

  test('M3 logout in one tab: the others send no token any more, and say other-tab once', async () => {
    const tabs = await signedInTabs(3)
    const [a, b] = tabs as [World, World]
    const done = a.client.logout()
    await a.settle()
    expect(await done).toEqual({ revoked: true })
    expect(tabs.map(({ client }) => client.session)).toEqual([
      session('anonymous', { reason: 'logout' }),
      session('anonymous', { reason: 'other-tab' }),
      session('anonymous', { reason: 'other-tab' }),
    ])
    expect(b.events).toEqual([['logout', { reason: 'other-tab' }]])
    expect((await b.client.fetch(items)).status).toBe(401)
    expect(bearers(b)).toEqual([null])
    expect(a.server.count('/logout')).toBe(1)
    expect(a.server.refreshes).toBe(0)
  })

  test('M3 logout in a tab that was opened just now, and has heard of nothing, reaches the others', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    await a.clock.advance(SECOND)
    await a.login()
    await a.clock.advance(SECOND)
    const b = open(a)
    watch(b.client.logout())
    await b.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
  })

  test('M3 logout and login again, from another tab each time', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    for (const [one, other] of [
      [a, b],
      [b, a],
      [a, b],
    ] as const) {
      await one.client.logout()
      await one.settle()
      expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
      await other.login('bob')
      await other.settle()
      expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    }
  })

  test('C1 logout in one tab while another has a refresh on the wire: signed out, the cookie gone', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    const answer = a.server.delay(REFRESH)
    const refreshed = watch(b.client.refresh())
    await b.settle()
    const done = watch(a.client.logout())
    await a.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    answer()
    await a.clock.advance(TIMEOUT)
    expect(done.value).toEqual({ revoked: true })
    expect(refreshed.state).toBe('no_session')
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    expect(a.server.jar.cookie).toBe(null)
    expect([a.count('login'), b.count('login')]).toEqual([0, 0])
  })

  test('C1 logout in one tab while another restores for the first time', async () => {
    const a = open()
    a.server.seed()
    const b = open(a)
    const answer = a.server.delay(REFRESH)
    const ready = watch(b.client.ready())
    await b.settle()
    const done = watch(a.client.logout())
    await a.settle()
    answer()
    await a.clock.advance(MINUTE)
    expect([ready.state, done.state]).toEqual(['fulfilled', 'fulfilled'])
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    expect(a.server.jar.cookie).toBe(null)
  })

  test('C1 logout here while a sibling is asked for its session: no refresh goes out after it', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    a.freeze()
    const b = open(a)
    const ready = watch(b.client.ready())
    await b.settle()
    expect(ready.state).toBe('pending')
    watch(b.client.logout())
    await b.clock.advance(MINUTE)
    expect(a.server.refreshes).toBe(0)
    expect(a.server.count('/logout')).toBe(1)
    expect(status(b)).toEqual(['anonymous'])
  })

  test('C1 logout here at any look at what the others hold: no refresh goes out after it', async () => {
    for (const moment of [1, 2, 3]) {
      const [a] = (await signedInTabs(1)) as [World]
      const locks = a.environment.locks()!
      let looks = 0
      let sent = -1
      a.environment.locks = () => ({
        ...locks,
        async query() {
          const seen = await locks.query()
          if (++looks === moment) {
            sent = a.server.refreshes
            watch(a.client.logout())
          }
          return seen
        },
      })
      watch(a.client.refresh())
      await a.settle()
      if (sent >= 0) expect(a.server.refreshes).toBe(sent)
    }
  })

  test('C1 logout here while the user of a session from elsewhere is asked for', async () => {
    const given: WorldOptions = { options: { endpoints: { user: 'user/whoami' } } }
    const a = open(undefined, given)
    const b = open(a, given)
    a.server.answer('GET /user/whoami', () => a.server.json({}, 503), 1)
    const answer = a.server.hold('GET /user/whoami')
    await a.login()
    await a.settle()
    watch(b.client.logout())
    answer()
    await a.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
  })

  describe('without a channel the marker alone tells of a logout elsewhere', () => {
    async function unheard(): Promise<[World, World]> {
      const tabs = (await signedInTabs(2, { channel: false })) as [World, World]
      const [a, b] = tabs
      await b.client.ready()
      a.server.calls.length = 0
      return tabs
    }

    test('C1 a refresh that waits for the lock meanwhile is not sent', async () => {
      const [a, b] = await unheard()
      a.server.revokeAccess()
      const answer = a.server.delay(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      const request = watch(b.client.fetch(items))
      await b.settle()
      const done = watch(a.client.logout())
      answer()
      await a.settle()
      expect([request.value?.status, done.value?.revoked]).toEqual([401, true])
      expect(a.server.refreshes).toBe(1)
      expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    })

    test('C1 a refresh that is answered meanwhile leaves the marker standing', async () => {
      const [a, b] = await unheard()
      const answer = a.server.delay(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      watch(b.client.logout())
      b.close()
      answer()
      await a.settle()
      const c = open(a)
      expect(await c.client.ready()).toMatchObject({ status: 'anonymous' })
    })

    test('C7 a revocation that waits for a login elsewhere does not end it', async () => {
      const [a, b] = await unheard()
      a.online = false
      await a.client.logout()
      const answer = a.server.delay('POST /login')
      const login = b.login('bob')
      await b.settle()
      a.online = true
      a.wake('online')
      await a.settle()
      answer()
      await login
      await a.settle()
      expect(a.server.holder).toBe('bob')
      expect(a.server.count('/logout')).toBe(0)
    })
  })

  test('C7 a login elsewhere ends a logout that the server did not hear, in this tab too', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    a.online = false
    await a.client.logout()
    a.online = true
    await a.clock.advance(SECOND)
    await b.login('bob')
    await b.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    b.close()
    await a.clock.advance(2 * HOUR)
    expect(status(a)).toEqual(['authenticated'])
  })

  test.each([1, 2, 3])(
    'C1 a logout as soon as the browser has shown its locks, %s times: nothing is refreshed after it',
    async times => {
      const world = open()
      world.server.seed('ada')
      const { request, query } = world.environment.locks()!
      let queries = 0
      let before: number | null = null
      const look: typeof query = async () => {
        const found = await query()
        if (++queries === times) {
          before = world.server.refreshes
          void world.client.logout()
        }
        return found
      }
      world.environment.locks = () => ({ request, query: look })
      await world.client.ready()
      await world.settle()
      expect(status(world)).toEqual(['anonymous'])
      expect(world.server.refreshes).toBe(before)
    },
  )

  test('C1 a logout that waits behind a login elsewhere does not end that login', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    const answer = a.server.delay('POST /login')
    const login = watch(b.client.login({ email: 'bob', password: 'right' }))
    await b.settle()
    const done = watch(a.client.logout())
    answer()
    await a.clock.advance(MINUTE)
    expect([login.state, done.state]).not.toContain('pending')
    const [one, other] = status(a, b)
    expect(one).toBe(other)
    expect(a.server.holder).toBe(one === 'authenticated' ? 'bob' : null)
  })

  test('M10 another user signs in elsewhere: userChange, and what was queued for the first is dropped', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    a.server.revokeAccess()
    const answer = a.server.delay('POST /login')
    const login = a.login('bob')
    await a.settle()
    const queued = watch(b.client.fetch(items, { method: 'DELETE' }))
    await b.settle()
    answer()
    await login
    await b.settle()
    expect(b.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
    expect(b.events).toContainEqual(['userChange', expect.objectContaining({ claims: expect.anything() })])
    expect(b.count('userChange')).toBe(1)
    expect(queued.state).not.toBe('pending')
    expect(bearers(b)).toHaveLength(1)
    expect((queued.value as Response | undefined)?.status ?? 401).toBe(401)
  })

  test('M10 the same user in a tab that is opened beside a hidden one, with opaque tokens: no userChange there', async () => {
    const [a] = (await signedInTabs(1, { server: { opaque: true } })) as [World]
    a.visible = false
    a.wake('visibilitychange')
    await a.clock.advance(5 * MINUTE)
    const b = open(a)
    expect(await b.client.ready()).toMatchObject({ status: 'authenticated' })
    await b.settle()
    expect(a.server.refreshes).toBe(1)
    expect([a, b].map(tab => tab.count('userChange'))).toEqual([0, 0])
  })

  test('M7 four tabs with a dead refresh token: few calls, and logout with reason rejected once per tab', async () => {
    const tabs = await signedInTabs(4)
    const [a] = tabs as [World]
    a.server.revokeAll()
    const made = tabs.map(({ client }) => client.fetch(items))
    expect((await Promise.all(made)).map(({ status }) => status)).toEqual(all(4, 401))
    await a.settle()
    expect(a.server.refreshes).toBeLessThanOrEqual(2)
    expect(tabs.map(({ client }) => client.session)).toEqual(
      all(4, session('anonymous', { reason: 'rejected' })),
    )
    expect(tabs.map(({ events }) => events)).toEqual(all(4, [['logout', REFUSED]]))
    await a.clock.advance(HOUR)
    expect(a.server.refreshes).toBeLessThanOrEqual(2)
  })

  test('F5 refused while the token still works: every tab keeps the session until its end', async () => {
    const tabs = await signedInTabs(3)
    const [a] = tabs as [World]
    a.server.answer(REFRESH, () => a.server.json({ error: 'invalid_grant' }, 401))
    await a.clock.advance(59.5 * MINUTE)
    expect(status(...tabs)).toEqual(all(3, 'authenticated'))
    expect(a.server.refreshes).toBe(1)
    await a.clock.advance(2 * MINUTE)
    expect(tabs.map(({ client }) => client.session)).toEqual(
      all(3, session('anonymous', { reason: 'rejected' })),
    )
    expect(tabs.map(tab => tab.count('logout'))).toEqual(all(3, 1))
    expect(a.server.refreshes).toBeLessThanOrEqual(3)
  })
})

describe('T2 the wall clock is set back while tabs are open', () => {
  /** A tab that is hidden and shows nothing, an hour set back, and a tab that was opened only then. */
  async function setBack(): Promise<[World, World]> {
    const [a] = (await signedInTabs(1)) as [World]
    a.visible = false
    a.wake('visibilitychange')
    await a.clock.advance(2 * MINUTE)
    a.clock.jump(-HOUR)
    const b = open(a)
    await b.client.ready()
    await b.settle()
    return [a, b]
  }

  test('T2 a logout in the new tab reaches the old one', async () => {
    const [a, b] = await setBack()
    await b.client.logout()
    await b.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
  })

  test('T2 another user who signs in in the new tab is seen in the old one', async () => {
    const [a, b] = await setBack()
    await b.login('bob')
    await b.settle()
    expect([a, b].map(({ client }) => client.session)).toEqual(
      all(2, session('authenticated', { claims: expect.objectContaining({ sub: 'bob' }) })),
    )
  })

  test('T2 another user who signs in beside a frozen tab, which is not heard before, is the newer one', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    a.freeze()
    a.clock.jump(-HOUR)
    const b = open(a)
    await b.login('bob')
    a.thaw()
    await a.settle()
    expect(a.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
  })

  test('T2 a login in the new tab, after a logout in the old one', async () => {
    const [a, b] = await setBack()
    await a.client.logout()
    await a.settle()
    b.close()
    const c = open(a)
    await c.client.ready()
    await c.login('bob')
    await c.settle()
    expect(status(a, c)).toEqual(['authenticated', 'authenticated'])
  })
})

describe('a passing failure holds for the browser', () => {
  const fail = ({ server }: World, status = 503, headers = {}) =>
    server.answer(REFRESH, () => server.json({ error: 'passing' }, status, headers))

  test('F1 one call per backoff, not one per tab', async () => {
    const one = await signedInTabs(1)
    const five = await signedInTabs(5)
    for (const [a] of [one, five] as [World][]) {
      fail(a)
      await a.clock.advance(2 * HOUR)
    }
    expect(status(...five)).toEqual(all(5, 'authenticated'))
    // Jitter is off: the tabs ring in the same instant, which is the hardest case.
    expect(five[0]!.server.refreshes).toBeLessThanOrEqual(one[0]!.server.refreshes * 1.2)
    const [a] = five as [World]
    a.server.mend()
    await a.clock.advance(2 * MINUTE)
    expect(five.map(({ client }) => client.session)).toEqual(
      all(5, session('authenticated', { error: null })),
    )
  })

  test('F1 tabs that wait for the lock while the first one fails do not ask again', async () => {
    const tabs = await signedInTabs(3)
    const [a] = tabs as [World]
    a.server.revokeAccess()
    fail(a)
    const asked = tabs.map(({ client }) => watch(client.fetch(items)))
    await a.settle()
    expect(asked.map(({ state }) => state)).toEqual(all(3, 'refresh_unavailable'))
    expect(a.server.refreshes).toBe(1)
  })

  test('F1 a failure in one tab is told to the others, with its retryAt', async () => {
    const tabs = await signedInTabs(3)
    const [a, b, c] = tabs as [World, World, World]
    fail(a)
    const failed = watch(a.client.refresh())
    await a.settle()
    expect(failed.state).toBe('refresh_unavailable')
    const { retryAt } = failed.error as { retryAt: number }
    expect([b, c].map(({ events }) => events)).toEqual(
      all(2, [
        ['refreshError', { error: expect.objectContaining({ code: 'refresh_unavailable' }), retryAt }],
      ]),
    )
    expect(a.server.refreshes).toBe(1)
  })

  test('F14 a pause that another tab tells is at most half of what the token has left, and 8 calls more serve all', async () => {
    const tabs = await signedInTabs(3)
    const [a] = tabs as [World]
    const { expiresAt } = a.client.session as { expiresAt: number }
    const pauses: { wait: number; left: number }[] = []
    for (const { client } of tabs) {
      client.on('refreshError', ({ retryAt }) => {
        const now = a.clock.now()
        if (expiresAt - now > 2 * SECOND) pauses.push({ wait: retryAt! - now, left: expiresAt - now })
      })
    }
    fail(a)
    await a.clock.advance(expiresAt - a.clock.now() - 1)
    expect(pauses.length).toBeGreaterThan(9)
    for (const { wait, left } of pauses) expect(wait).toBeLessThanOrEqual(Math.ceil(left / 2))
    expect(a.server.refreshes).toBeLessThanOrEqual(9)
  })

  test('F3 Retry-After holds for every tab, also for requests with a dead token', async () => {
    const tabs = await signedInTabs(3)
    const [a] = tabs as [World]
    await a.clock.advance(40 * MINUTE)
    fail(a, 429, { 'Retry-After': '1800' })
    const called = watch(a.client.refresh())
    await a.settle()
    expect(called.state).toBe('refresh_unavailable')
    await a.clock.advance(25 * MINUTE)
    const asked = tabs.map(({ client }) => watch(client.fetch(items)))
    await a.settle()
    expect(asked.map(({ state }) => state)).toEqual(all(3, 'refresh_unavailable'))
    expect(a.server.refreshes).toBe(1)
    a.server.mend()
    await a.clock.advance(6 * MINUTE)
    expect(a.server.refreshes).toBe(2)
    expect(tabs.map(({ client }) => client.session)).toEqual(
      all(3, session('authenticated', { error: null })),
    )
  })

  test('F3 a longer Retry-After: after half an hour each other tab asks once, and then keeps to what it was told', async () => {
    const tabs = await signedInTabs(3)
    const [a] = tabs as [World]
    await a.clock.advance(58 * MINUTE)
    fail(a, 429, { 'Retry-After': '3600' })
    watch(a.client.refresh())
    for (let n = 0; n < 55; n++) {
      await a.clock.advance(MINUTE)
      for (const { client } of tabs) watch(client.fetch(items))
    }
    await a.settle()
    expect(a.server.refreshes).toBe(3)
  })

  test('F3 the refresh token in one tab, a long Retry-After: the tabs that follow stay quiet too', async () => {
    const tabs = await signedInTabs(3, { server: { carrier: 'body' } })
    const [a, b] = tabs as [World, World]
    await a.clock.advance(58 * MINUTE)
    fail(a, 429, { 'Retry-After': '3600' })
    watch(a.client.refresh())
    await a.clock.advance(55 * MINUTE)
    expect(a.server.refreshes).toBe(1)
    expect(b.count('refreshError')).toBeLessThanOrEqual(8)
  })

  test('F3 what another tab was told shortens no Retry-After that this one heard itself', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    fail(a, 429, { 'Retry-After': '600' })
    watch(a.client.refresh())
    await a.settle()
    fail(a, 503)
    watch(b.client.refresh())
    await b.settle()
    watch(a.client.refresh())
    await a.clock.advance(9 * MINUTE)
    expect(a.client.session).toMatchObject({ error: { code: 'refresh_unavailable' } })
    expect(a.logs.filter(({ type }) => type === 'refresh')).toHaveLength(1)
  })

  test('F8 an outage at the first restore of five tabs: unknown, one call per backoff, then all signed in', async () => {
    async function outage(count: number): Promise<World[]> {
      const a = open()
      a.server.seed()
      const tabs = [a, ...all(count - 1, a).map(browser => open(browser))]
      fail(a)
      const ready = tabs.map(({ client }) => watch(client.ready()))
      await a.clock.advance(10 * MINUTE)
      expect(ready.map(({ state }) => state)).toEqual(all(count, 'fulfilled'))
      expect(status(...tabs)).toEqual(all(count, 'unknown'))
      return tabs
    }
    const [one] = (await outage(1)) as [World]
    const five = await outage(5)
    const [a] = five as [World]
    expect(a.server.refreshes).toBeLessThanOrEqual(one.server.refreshes * 1.2 + 4)
    a.server.mend()
    await a.clock.advance(2 * MINUTE)
    expect(status(...five)).toEqual(all(5, 'authenticated'))
  })
})

describe('F10 every promise settles', () => {
  const BOUND = 5 * TIMEOUT

  test('E18 M5 a tab frozen with the lock: the others go on after the timeout and 3 s', async () => {
    const [a, b] = (await signedInTabs(2, { server: { grace: MINUTE } })) as [World, World]
    const answer = a.server.delay(REFRESH)
    const frozen = watch(a.client.refresh())
    await a.settle()
    a.freeze()
    const refreshed = watch(b.client.refresh())
    await b.clock.advance(TIMEOUT + 2.9 * SECOND)
    expect(a.server.refreshes).toBe(1)
    await b.clock.advance(0.2 * SECOND)
    expect(a.server.refreshes).toBe(2)
    expect(status(b)).toEqual(['authenticated'])
    answer()
    await b.settle()
    await b.clock.advance(TIMEOUT)
    expect(refreshed.state).not.toBe('pending')

    a.thaw()
    await a.settle()
    expect(frozen.state).not.toBe('pending')
    expect(await a.client.getAccessToken()).toBe(await b.client.getAccessToken())
    expect(a.server.refreshes).toBe(2)
    expect([a.count('logout'), b.count('logout')]).toEqual([0, 0])
  })

  test.each([0, 4, 9.9, 12])(
    'E18 a login that comes %s s after a refresh which waits for a frozen tab waits no longer for it',
    async after => {
      const [a, b] = (await signedInTabs(2)) as [World, World]
      a.server.hold(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      a.freeze()
      a.server.mend(REFRESH)
      watch(b.client.refresh())
      await b.clock.advance(after * SECOND)
      const login = watch(b.client.login({ email: 'bob', password: 'right' }))
      await b.clock.advance(TIMEOUT + 3.1 * SECOND - after * SECOND)
      expect(login.state).toBe('fulfilled')
    },
  )

  test('E18 beside a tab that stays frozen with the lock, a due refresh is tried every few seconds at most', async () => {
    const [a] = (await signedInTabs(1, {
      server: { carrier: 'body', lifetime: 120 },
      options: { storage: tokenStorage(createTabStorage()) },
    })) as [World]
    const b = open(a, { options: { storage: tokenStorage(createTabStorage()) } })
    await b.client.ready()
    await b.client.setTokens({
      accessToken: a.server.issueAccess('bob').token,
      refreshToken: 'of-b',
      expiresIn: 60,
    })
    await b.settle()
    a.server.hold('POST /login')
    watch(a.client.login({ email: 'ada', password: 'right' }))
    await a.settle()
    a.freeze()
    await b.clock.advance(90 * SECOND)
    const stuck = () => b.logs.filter(event => event.type === 'lock' && event.state === 'stuck').length
    const before = stuck()
    await b.clock.advance(MINUTE)
    expect(before).toBeGreaterThan(0)
    expect(stuck() - before).toBeLessThanOrEqual(12)
    expect(b.server.refreshes).toBe(0)
  })

  test('M5 several tabs that go on without a frozen one: one refresh among them', async () => {
    const [a, b, c] = (await signedInTabs(3, { server: { grace: MINUTE } })) as [World, World, World]
    a.server.delay(REFRESH)
    watch(a.client.refresh())
    await a.settle()
    a.freeze()
    const answer = a.server.delay(REFRESH)
    for (const { client } of [b, c]) watch(client.refresh())
    await b.clock.advance(2 * TIMEOUT + 5 * SECOND)
    expect(a.server.refreshes).toBe(2)
    answer()
    await b.settle()
    expect(a.server.refreshes).toBe(2)
    expect(await b.client.getAccessToken()).toBe(await c.client.getAccessToken())
  })

  test('M5 a tab that reads its answer only after a thaw takes what the others have come to', async () => {
    const [a, b] = (await signedInTabs(2, { server: { grace: MINUTE } })) as [World, World]
    const answer = a.server.delay(REFRESH)
    watch(a.client.refresh())
    await a.settle()
    a.freeze()
    answer()
    watch(b.client.refresh())
    await b.clock.advance(3 * TIMEOUT)
    const token = await b.client.getAccessToken()
    a.thaw()
    await a.settle()
    expect(await Promise.all([a, b].map(({ client }) => client.getAccessToken()))).toEqual([token, token])
  })

  test('M5 a tab that is not frozen but waits for a slow answer: nobody sends its token a second time', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    const answer = a.server.hold(REFRESH)
    const first = watch(a.client.refresh())
    await a.clock.advance(SECOND)
    const second = watch(b.client.refresh())
    await a.clock.advance(14 * SECOND)
    expect([first.state, second.state]).toEqual(all(2, 'refresh_unavailable'))
    answer()
    await a.clock.advance(2 * TIMEOUT)
    expect(a.server.reuses).toBe(0)
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  test('M5 two slow holders, one after the other: nobody takes the second one for a frozen tab', async () => {
    const [a, b, c] = (await signedInTabs(3)) as [World, World, World]
    a.server.hold('POST /login')
    watch(a.client.login({ email: 'ada', password: 'right' }))
    await a.settle()
    a.server.hold(REFRESH)
    for (const { client } of [b, c]) watch(client.refresh())
    await a.clock.advance(2 * TIMEOUT + 5 * SECOND)
    expect(a.server.refreshes).toBe(1)
  })

  describe('E18 how long a frozen holder is waited for', () => {
    const login = ({ client }: World) => client.login({ email: 'bob', password: 'right' })

    /** A tab that is frozen while it holds this lock. */
    async function frozenWith(a: World, name: string): Promise<World> {
      const tab = open(a)
      await tab.settle()
      void tab.environment.locks()!.request(name, () => new Promise(() => {}))
      await tab.settle()
      tab.freeze()
      return tab
    }

    /** Milliseconds of virtual time until it has settled. */
    async function timeOf({ clock, settle }: World, promise: Promise<unknown>): Promise<number> {
      const outcome = watch(promise)
      const start = clock.time
      await settle()
      while (outcome.state === 'pending' && clock.time < start + 10 * TIMEOUT) await clock.advance(100)
      expect(outcome.state).toBe('fulfilled')
      return clock.time - start
    }

    test('E18 one: the timeout and 3 s', async () => {
      const a = open()
      await frozenWith(a, NAME)
      expect(await timeOf(a, login(a))).toBe(TIMEOUT + 3 * SECOND)
    })

    test('E18 two, the second with the lock of those who go on alone: twice that', async () => {
      const a = open()
      await frozenWith(a, NAME)
      await frozenWith(a, `${NAME}:alone`)
      expect(await timeOf(a, login(a))).toBe(2 * (TIMEOUT + 3 * SECOND))
    })

    test('E18 known to be frozen: the next call waits for its answer and no more, until it thaws', async () => {
      const a = open()
      const frozen = await frozenWith(a, NAME)
      await timeOf(a, login(a))
      for (const pause of [0, MINUTE]) {
        await a.clock.advance(pause)
        expect(await timeOf(a, login(a))).toBeLessThanOrEqual(SECOND)
      }
      frozen.close()
      expect(await timeOf(a, login(a))).toBe(0)
    })

    test('E18 without a channel nobody can be asked: twice the timeout and 2 s', async () => {
      const a = open(undefined, { channel: false })
      await frozenWith(a, NAME)
      expect(await timeOf(a, login(a))).toBe(2 * TIMEOUT + 2 * SECOND)
    })

    test('E18 with a short timeout never longer than twice that and 2 s', async () => {
      const a = open(undefined, { options: { timeout: 200 } })
      await frozenWith(a, NAME)
      expect(await timeOf(a, login(a))).toBeLessThanOrEqual(2 * 200 + 2 * SECOND)
    })

    test('E18 one that answers is alive: its refresh may last twice the timeout', async () => {
      const [a, b] = (await signedInTabs(2)) as [World, World]
      const answer = a.server.delay(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      const done = watch(b.client.login({ email: 'bob', password: 'right' }))
      await a.clock.advance(2 * TIMEOUT - SECOND)
      expect(a.server.count('/login')).toBe(0)
      answer()
      await a.settle()
      expect(done.state).toBe('fulfilled')
      expect(a.server.reuses).toBe(0)
    })

    test('E18 the answer of a tab that does not hold the lock counts for nothing', async () => {
      const a = open()
      await frozenWith(a, NAME)
      const [b, c] = [open(a), open(a)]
      // These wait as well, and one of them will hold the other lock.
      watch(b.client.refresh())
      watch(c.client.ready())
      a.server.hold('POST /login')
      await a.clock.advance(SECOND)
      expect(
        await timeOf(
          a,
          login(a).catch(() => {}),
        ),
      ).toBeLessThanOrEqual(2 * TIMEOUT + 3 * SECOND + TIMEOUT)
      const said = a.shared.channels.posted.filter(([, { type, alone }]) => type === 'alive' && !alone)
      expect(said).toEqual([])
    })

    test('E18 the next holder is waited for anew, whatever the one before it has answered', async () => {
      const [a, b, c] = (await signedInTabs(3, { server: { grace: MINUTE } })) as [World, World, World]
      const answer = a.server.delay(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      a.server.delay('POST /login')
      watch(b.client.login({ email: 'bob', password: 'right' }))
      await b.settle()
      const done = watch(c.client.login({ email: 'eve', password: 'right' }))
      // It has answered by now that it is alive.
      await a.clock.advance(TIMEOUT + 4 * SECOND)
      answer()
      await a.settle()
      b.freeze()
      const start = a.clock.time
      while (done.state === 'pending') await a.clock.advance(SECOND)
      expect(a.clock.time - start).toBeLessThanOrEqual(TIMEOUT + 6 * SECOND)
    })

    test.each<[name: string, call: (world: World, signal: AbortSignal) => Promise<unknown>]>([
      ['login', ({ client }, signal) => client.login({ email: 'bob', password: 'right' }, { signal })],
      ['ready', ({ client }, signal) => client.ready({ signal })],
      ['refresh', ({ client }, signal) => client.refresh({ signal })],
      ['getAccessToken', ({ client }, signal) => client.getAccessToken({ signal })],
      ['fetch', ({ client }, signal) => client.fetch(items, { signal })],
    ])('E18 %s ends with the signal, at once and with its reason', async (_, call) => {
      const a = open()
      await frozenWith(a, NAME)
      const controller = new AbortController()
      const outcome = watch(call(a, controller.signal))
      await a.clock.advance(SECOND)
      expect(outcome.state).toBe('pending')
      controller.abort('enough')
      await a.settle()
      expect(outcome.state).toBe('enough')
    })

    test('E18 a login that was given up holds up nothing that comes after it', async () => {
      const a = open()
      const frozen = await frozenWith(a, NAME)
      const controller = new AbortController()
      watch(a.client.login({ email: 'bob', password: 'right' }, { signal: controller.signal }))
      await a.settle()
      controller.abort()
      await a.settle()
      expect(locksOf(a).pending).toEqual([])
      frozen.close()
      expect(await timeOf(a, login(a))).toBe(0)
      expect(a.server.count('/login')).toBe(1)
    })
  })

  describe('E18 a refresh of a former session', () => {
    const bob = (a: World, expiresIn: number) => ({
      accessToken: a.server.issueAccess('bob').token,
      expiresIn,
    })

    test('E18 is waited for until its timeout, and not for longer', async () => {
      const [a] = (await signedInTabs(1)) as [World]
      a.server.hold(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      await a.client.setTokens(bob(a, 3))
      await a.clock.advance(4 * SECOND)
      const sent = watch(a.client.fetch(items))
      await a.clock.advance(TIMEOUT - 5 * SECOND)
      expect(sent.state).toBe('pending')
      expect(a.server.refreshes).toBe(1)
      await a.clock.advance(SECOND)
      expect(sent.state).not.toBe('pending')
      expect(a.server.refreshes).toBe(2)
    })

    test('E18 the server hangs for both: the waiter is freed after one timeout in all', async () => {
      const [a] = (await signedInTabs(1)) as [World]
      a.server.hold(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      a.server.hold(REFRESH)
      await a.client.setTokens(bob(a, 3))
      await a.clock.advance(4 * SECOND)
      const sent = watch(a.client.fetch(items))
      await a.clock.advance(TIMEOUT)
      expect(sent.state).toBe('refresh_unavailable')
    })

    test('E18 is answered in time: the next one goes out after it, and the late cookie harms nobody', async () => {
      const [a] = (await signedInTabs(1)) as [World]
      const answer = a.server.delay(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      await a.client.setTokens(bob(a, 3))
      await a.clock.advance(4 * SECOND)
      watch(a.client.fetch(items))
      await a.settle()
      expect(a.server.refreshes).toBe(1)
      answer()
      await a.settle()
      expect(a.server.refreshes).toBe(2)
      expect(a.server.reuses).toBe(0)
    })

    test('E18 of the same login, from before the back/forward cache, is not given up: its cookie is the one to go on with', async () => {
      const [a] = (await signedInTabs(1)) as [World]
      const answer = a.server.delay(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      a.wake('pageshow', true)
      const ready = watch(a.client.ready())
      await a.clock.advance(TIMEOUT + 5 * SECOND)
      expect(ready.state).toBe('fulfilled')
      answer()
      await a.clock.advance(MINUTE)
      expect(status(a)).toEqual(['authenticated'])
      expect(a.server.reuses).toBe(0)
    })

    test('E18 a login meanwhile waits for both, and a disposed client for neither', async () => {
      const [a] = (await signedInTabs(1)) as [World]
      a.server.hold(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      await a.client.setTokens(bob(a, 3))
      await a.clock.advance(4 * SECOND)
      const asked = watch(a.client.refresh())
      const login = watch(a.client.login({ email: 'eve', password: 'right' }))
      await a.clock.advance(TIMEOUT - 5 * SECOND)
      expect(a.server.count('/login')).toBe(0)
      await a.clock.advance(2 * SECOND)
      expect([login.state, asked.state]).not.toContain('pending')

      a.server.hold(REFRESH)
      const first = watch(a.client.refresh())
      await a.settle()
      await a.client.setTokens(bob(a, 3))
      const second = watch(a.client.refresh())
      a.client.dispose()
      await a.settle()
      expect([first.state, second.state]).toEqual(['disposed', 'disposed'])
    })
  })

  test.each([
    ['a tab frozen with the lock', (a: World) => a.freeze()],
    ['a tab whose refresh never ends', () => {}],
    ['a tab closed with the lock', (a: World) => a.close()],
  ])('F10 %s, and every method of the others', async (_, happen) => {
    const methods: ((world: World) => Promise<unknown>)[] = [
      ({ client }) => client.refresh(),
      ({ client }) => client.getAccessToken({ minValidity: 2 * HOUR }),
      ({ client }) => client.fetch(items),
      ({ client }) => client.login({ email: 'bob', password: 'right' }),
      ({ client }) => client.logout(),
    ]
    for (const method of methods) {
      const [a, b] = (await signedInTabs(2)) as [World, World]
      a.server.revokeAccess()
      a.server.hold(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      happen(a)
      const outcome = watch(method(b))
      await b.clock.advance(BOUND)
      expect(outcome.state, String(method)).not.toBe('pending')
      expect(b.client.session.status).toBe(String(method).includes('logout') ? 'anonymous' : 'authenticated')
    }
  })

  test('F10 a refresh token that JavaScript can read: when the wait ends without the lock, nothing is sent', async () => {
    const given: WorldOptions = { server: { carrier: 'body' } }
    const a = open(undefined, given)
    const b = open(a, given)
    await b.login('bob')
    await b.settle()
    a.server.hold('POST /login')
    watch(a.login())
    await a.settle()
    a.freeze()
    const refreshed = watch(b.client.refresh())
    await b.clock.advance(3 * TIMEOUT)
    expect(refreshed.state).toBe('refresh_unavailable')
    expect(b.server.refreshes).toBe(0)
  })

  test('F10 a sibling that shows a newer session and never answers costs a second', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    a.freeze()
    const b = open(a)
    const ready = watch(b.client.ready())
    await b.settle()
    expect(ready.state).toBe('pending')
    await b.clock.advance(SECOND)
    expect(ready.state).toBe('fulfilled')
    expect(status(b)).toEqual(['authenticated'])
    expect(a.server.refreshes).toBe(1)
  })

  test('F10 locks that are granted to nobody, ever', async () => {
    const a = open()
    a.server.seed()
    a.environment.locks = () =>
      ({
        request: (_: string, { signal }: LockOptions) =>
          new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
        query: async () => ({ held: [], pending: [] }),
      }) as never
    const ready = watch(a.client.ready())
    const logout = watch(a.client.logout())
    await a.clock.advance(BOUND)
    expect([ready.state, logout.state]).toEqual(['fulfilled', 'fulfilled'])
  })

  test('F10 a query for the locks that never ends', async () => {
    const a = open()
    a.server.seed()
    const locks = a.environment.locks()!
    a.environment.locks = () => ({ request: locks.request, query: () => new Promise(() => {}) })
    const ready = watch(a.client.ready())
    await a.clock.advance(BOUND)
    expect(ready.state).toBe('fulfilled')
  })
})

describe('F9 without locks, without channels, or without both', () => {
  const pieces: [name: string, given: WorldOptions, missing: number][] = [
    ['no locks', { locks: false }, 1],
    ['locks that refuse', { locks: 'throws' }, 1],
    ['no channel', { channel: false }, 1],
    ['a channel that refuses', { channel: 'throws' }, 1],
    ['neither', { locks: false, channel: false }, 2],
    ['both refuse', { locks: 'throws', channel: 'throws' }, 2],
  ]

  test.each(pieces)('F9 %s: one event each, and one tab works', async (_, given, missing) => {
    const a = open(undefined, given)
    await a.login()
    a.server.revokeAccess()
    expect((await a.client.fetch(items)).status).toBe(200)
    await a.clock.advance(5 * HOUR)
    expect(a.client.session).toMatchObject({ status: 'authenticated', error: null })
    expect(await a.client.logout()).toEqual({ revoked: true })
    const told = a.logs.filter(({ type }) => type.startsWith('tabs'))
    expect(told).toHaveLength(missing)
    expect(a.reported).toEqual([])
    expect(a.server.reuses).toBe(0)
  })

  test.each(pieces)('F9 %s: two tabs with a short grace stay signed in', async (_, given) => {
    const a = open(undefined, { ...given, server: { grace: 30 * SECOND } })
    a.server.seed()
    const b = open(a, given)
    await Promise.all([a, b].map(({ client }) => client.ready()))
    await a.clock.advance(3 * HOUR)
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  test.each([
    ['no locks', { locks: false }],
    ['locks that refuse', { locks: 'throws' }],
  ] as [string, WorldOptions][])('F9 %s: messages still carry login and logout', async (_, given) => {
    const a = open(undefined, given)
    const b = open(a, given)
    await b.settle() // a tab hears from its second task on
    await a.login()
    await a.settle()
    expect(status(b)).toEqual(['authenticated'])
    await b.client.logout()
    await b.settle()
    expect(status(a)).toEqual(['anonymous'])
  })

  test('F9 locks that cannot be looked at: two tabs with a 401 in one tick make one refresh', async () => {
    const given: WorldOptions = { locks: 'blind' }
    const a = open(undefined, given)
    const b = open(a, given)
    await a.login()
    await a.settle()
    for (let round = 1; round <= 5; round++) {
      a.server.revokeAccess()
      const sent = Promise.all([a, b].map(({ client }) => client.fetch(items)))
      await a.settle()
      await a.clock.advance(SECOND)
      expect((await sent).map(({ status }) => status)).toEqual([200, 200])
      expect(a.server.refreshes).toBe(round)
    }
    expect(a.server.reuses).toBe(0)
  })

  test('F9 locks that cannot be queried, and a refresh token that JavaScript can read: no tab signs out another', async () => {
    const given: WorldOptions = { locks: 'blind', server: { carrier: 'body' } }
    const a = open(undefined, given)
    const b = open(a, given)
    await a.login()
    await a.clock.advance(SECOND)
    await b.login()
    a.server.revokeAccess()
    const sent = Promise.all([a, b].map(({ client }) => client.fetch(items)))
    await a.settle()
    await a.clock.advance(SECOND)
    expect((await sent).map(({ status }) => status)).toEqual([200, 200])
    expect([a, b].map(tab => tab.count('logout'))).toEqual([0, 0])
    const told = a.logs.filter(({ type }) => type === 'tabs-degraded')
    expect(told).toEqual([{ type: 'tabs-degraded', missing: 'lock-query' }])
  })

  test('F9 no channel: with locks alone two tabs never refresh at once', async () => {
    const a = open(undefined, { channel: false })
    const b = open(a, { channel: false })
    a.server.seed()
    await Promise.all([a, b].map(({ client }) => client.ready()))
    for (let n = 0; n < 3; n++) await Promise.all([a, b].map(({ client }) => client.refresh()))
    expect(a.server.reuses).toBe(0)
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  test('F9 a channel whose postMessage throws changes nothing', async () => {
    const a = open()
    const b = open(a)
    for (const channel of a.shared.channels.ends) {
      channel.postMessage = () => {
        throw new DOMException('The channel is closed', 'InvalidStateError')
      }
    }
    await a.login()
    a.server.revokeAccess()
    expect((await a.client.fetch(items)).status).toBe(200)
    expect((await a.client.logout()).revoked).toBe(true)
    expect([...a.reported, ...b.reported]).toEqual([])
  })
})

describe('M9 what comes over the channel', () => {
  /** What the tabs told each other at the login and three refreshes, as [name, message]. */
  async function recorded(): Promise<[World, World, any[]]> {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    for (let n = 0; n < 3; n++) {
      await a.client.refresh()
      await a.settle()
    }
    return [a, b, a.shared.channels.posted.map(([, message]) => message)]
  }

  test('M9 old messages, heard again in any order, undo nothing', async () => {
    const [a, b, messages] = await recorded()
    const before = [a, b].map(({ client }) => client.session)
    const token = await b.client.getAccessToken()
    a.events.length = 0
    b.events.length = 0
    for (const message of [...messages, ...messages.toReversed()]) a.shared.channels.inject(NAME, message)
    await a.settle()
    expect([a, b].map(({ client }) => client.session)).toEqual(before)
    expect(await b.client.getAccessToken()).toBe(token)
    expect([...a.events, ...b.events]).toEqual([])
  })

  test('M9 old messages do not bring a session back after a logout', async () => {
    const [a, b, messages] = await recorded()
    await b.client.logout()
    await b.settle()
    for (const message of messages) a.shared.channels.inject(NAME, message)
    await a.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
  })

  test('M9 an old logout, heard after a new login, signs nobody out', async () => {
    const [a, b] = await recorded()
    await a.client.logout()
    await a.settle()
    const old = a.shared.channels.posted.map(([, message]) => message)
    await a.clock.advance(SECOND)
    await b.login()
    await b.settle()
    for (const message of old) a.shared.channels.inject(NAME, message)
    await a.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  test('M9 a session that goes back to an older login than this one is not taken, however new it is', async () => {
    const [a, b, messages] = await recorded()
    const before = [a, b].map(({ client }) => client.session)
    const news = messages.findLast(({ type }) => type === 'session')
    a.shared.channels.inject(NAME, {
      ...news,
      accessToken: a.server.issueAccess('eve').token,
      identity: 'eve',
      generation: news.generation + 1,
      decided: news.decided - 1,
    })
    await a.settle()
    expect([a, b].map(({ client }) => client.session)).toEqual(before)
  })

  test('C7 a session that was signed out is not taken from a tab that has not heard of it', async () => {
    const [a, b, messages] = await recorded()
    const news = messages.findLast(({ type }) => type === 'session')
    a.online = false
    await a.client.logout()
    a.close()
    b.close()
    const late = open(a)
    await late.settle()
    a.shared.channels.inject(NAME, news)
    await late.settle()
    expect(status(late)).toEqual(['unknown'])
    expect((await late.client.ready()).status).toBe('anonymous')
  })

  test('M9 a tab that sees an old marker late signs nobody out who has logged in since', async () => {
    const [a, b, messages] = await recorded()
    const old = messages.findLast(({ type }) => type === 'session')
    a.server.answer('POST /logout', () => a.server.json({}, 503), 1)
    await a.client.logout()
    const [marker] = [...a.storage].filter(([key]) => key.includes(':signed-out:'))
    await b.login()
    await b.settle()
    a.storage.set(...marker!)
    a.shared.channels.inject(NAME, { ...old, cause: 'refresh' })
    await a.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  describe('M9 a tab that has found the marker of a logout knows when that was', () => {
    /** A tab that nobody is there for, and what one that has gone had told before it signed out. */
    async function opened() {
      const [a, b, messages] = await recorded()
      const old = messages.findLast(({ type }) => type === 'session')
      a.server.answer('POST /logout', () => a.server.json({}, 503), 1)
      await a.client.logout()
      for (const tab of [a, b]) tab.close()
      const c = open(a)
      await c.client.ready()
      // It opens its channel a task later.
      await c.settle()
      return [c, old] as const
    }
    const markerOf = ({ storage }: World) => [...storage].find(([key]) => key.includes(':signed-out:'))!

    test.each(['login', 'refresh'])(
      'M9 a session from before it, told late as a %s, signs nobody in',
      async cause => {
        const [c, old] = await opened()
        // Another tab has told the server meanwhile.
        c.storage.delete(markerOf(c)[0])
        c.shared.channels.inject(NAME, { ...old, cause })
        await c.settle()
        expect(status(c)).toEqual(['anonymous'])
      },
    )

    test('M9 a login after it, by a tab that has found it too, signs this tab in', async () => {
      const [c] = await opened()
      const d = open(c)
      await d.login()
      await d.settle()
      expect(status(c, d)).toEqual(['authenticated', 'authenticated'])
    })

    test.each([
      ['an hour ahead', HOUR],
      ['far ahead, as only a stranger writes it', 300 * DAY],
    ])('M9 also where the clock of that logout was %s', async (_, ahead) => {
      const [c] = await opened()
      const [key, at] = markerOf(c)
      c.storage.set(key, `${Number(at) + ahead}`)
      const d = open(c)
      await d.client.ready()
      await d.clock.advance(SECOND)
      await d.login()
      await d.settle()
      expect(status(c, d)).toEqual(['authenticated', 'authenticated'])
      await c.login('bob')
      await c.settle()
      expect(d.client.session).toMatchObject({ claims: { sub: 'bob' } })
    })
  })

  test('M9 a refusal of what was refreshed since signs nobody out', async () => {
    const [a, b, messages] = await recorded()
    const news = messages.findLast(({ type }) => type === 'session')
    a.shared.channels.inject(NAME, { ...news, type: 'signed-out', reason: 'rejected' })
    await a.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  test('M9 an old failure, heard again, pauses nothing', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    a.server.answer(REFRESH, () => a.server.json({}, 503), 1)
    await a.client.refresh().catch(() => {})
    await a.settle()
    const old = a.shared.channels.posted.map(([, message]) => message)
    await a.client.refresh()
    await a.settle()
    for (const message of old) a.shared.channels.inject(NAME, message)
    await a.settle()
    expect([a, b].map(({ client }) => client.session)).toEqual(
      all(2, session('authenticated', { error: null })),
    )
  })

  describe('M9 a forged pause', () => {
    async function paused(binding = true, after = 0): Promise<World> {
      const [a] = (await signedInTabs(1)) as [World]
      await a.clock.advance(after)
      const { generation } = a.shared.channels.posted.findLast(([, { type }]) => type === 'session')![1]
      a.shared.channels.inject(NAME, {
        v: 1,
        type: 'postponed',
        generation,
        code: 'refresh_unavailable',
        retryAt: 1e300,
        binding,
      })
      await a.settle()
      expect(a.count('refreshError')).toBe(1)
      return a
    }

    test('M9 holds back no refresh() of the app', async () => {
      const a = await paused()
      await a.client.refresh()
      expect(a.server.refreshes).toBe(1)
    })

    test('F14 that names no server holds for half of what the token has left at most', async () => {
      const a = await paused(false, 40 * MINUTE)
      expect(a.events[0]![1].retryAt - a.clock.now()).toBeLessThanOrEqual(10 * MINUTE)
      await a.clock.advance(10 * MINUTE)
      expect(a.server.refreshes).toBe(1)
    })

    test('E16 M9 holds for half an hour at most', async () => {
      const a = await paused()
      await a.clock.advance(30 * MINUTE)
      await a.settle()
      a.server.revokeAccess()
      expect((await a.client.fetch(items)).status).toBe(200)
      expect(a.client.session).toEqual(session('authenticated', { error: null }))
    })
  })

  describe('E16 a stranger on the channel', () => {
    const newest = ({ shared }: World) =>
      shared.channels.posted.findLast(([, { type }]) => type === 'session')![1]
    const pauseOf = (a: World, more = {}) => ({
      v: 1,
      type: 'postponed',
      generation: newest(a).generation,
      code: 'refresh_unavailable',
      retryAt: a.clock.now() + DAY,
      binding: true,
      ...more,
    })
    const say = (a: World, message: object) => a.shared.channels.inject(NAME, { v: 1, ...message })

    test.each(['refresh_unavailable', 'refresh_rejected'])(
      'E16 who says "postponed" (%s) every minute keeps no tab from asking for more than half an hour',
      async code => {
        const tabs = await signedInTabs(2)
        const [a] = tabs as [World]
        a.server.revokeAccess()
        const { clock } = a
        const start = clock.time
        while (a.server.refreshes === 0 && clock.time < start + HOUR) {
          say(a, pauseOf(a, { code, binding: clock.time % 2 === 0 }))
          await clock.advance(MINUTE)
          for (const { client } of tabs) watch(client.fetch(items))
          await a.settle()
        }
        expect(clock.time - start).toBeLessThanOrEqual(31 * MINUTE)
        expect(status(...tabs)).toEqual(all(2, 'authenticated'))
      },
    )

    test.each(['refresh_unavailable', 'refresh_rejected'])(
      'E16 who says "postponed" (%s) holds back no refresh() of the app',
      async code => {
        const [a] = (await signedInTabs(1)) as [World]
        say(a, pauseOf(a, { code }))
        await a.settle()
        await a.client.refresh()
        expect(a.server.refreshes).toBe(1)
      },
    )

    const HIGH: [name: string, ahead: number][] = [
      ['a minute', MINUTE],
      ['an hour', HOUR],
      ['a day', DAY],
      ['a year', 365 * DAY],
    ]
    const kinds = ['here', 'hello', 'alive', 'renew', 'signed-out', 'session', 'postponed'] as const
    const cases = HIGH.flatMap(([name, ahead]) => kinds.map(type => [type, name, ahead] as const))

    /** Whatever the type needs. */
    const forged = (a: World, type: string, number: number) => ({
      ...newest(a),
      type,
      generation: number,
      decided: number,
      reason: 'other-tab',
      code: 'refresh_unavailable',
      retryAt: number,
      binding: true,
      accessToken: a.server.issueAccess('eve').token,
      identity: 'eve',
    })

    test.each(cases)(
      'E16 "%s" with numbers from %s ahead: logins, logouts and handovers go on',
      async (type, _, ahead) => {
        const tabs = await signedInTabs(2)
        const [a, b] = tabs as [World, World]
        for (const number of [a.clock.now() + ahead, a.clock.now() + ahead]) {
          say(a, forged(a, type, number))
          await a.settle()
        }
        await a.login('bob')
        await a.settle()
        const c = open(a)
        watch(c.client.ready())
        await c.clock.advance(2 * SECOND)
        const sub = ({ client }: World) => (client.session as any).claims?.sub
        expect([a, b, c].map(sub)).toEqual(all(3, 'bob'))
        a.server.calls.length = 0
        for (const tab of [b, c, a]) {
          a.server.revokeAccess()
          expect((await tab.client.fetch(items)).status).toBe(200)
          await a.settle()
        }
        expect(a.server.refreshes).toBe(3)
        const token = await a.client.getAccessToken()
        expect(await b.client.getAccessToken()).toBe(token)
        await b.client.logout()
        await b.settle()
        expect(status(a, b, c)).toEqual(all(3, 'anonymous'))
        await c.login('ada')
        await c.settle()
        expect([a, b, c].map(sub)).toEqual(all(3, 'ada'))
        for (const tab of [a, b, c]) tab.close()
        // What was stored is no higher than what a page that comes later decides.
        const later = open(a)
        await later.login('eve')
        await later.client.logout()
        expect(status(later)).toEqual(['anonymous'])
        expect(await open(a).client.ready()).toMatchObject({ status: 'anonymous' })
      },
    )

    test('E16 a number from further ahead than a day is not heard', async () => {
      const tabs = await signedInTabs(2)
      const [a] = tabs as [World]
      say(a, forged(a, 'signed-out', a.clock.now() + DAY + MINUTE))
      await a.settle()
      expect(status(...tabs)).toEqual(all(2, 'authenticated'))
    })

    const questions = [
      { type: 'hello', generation: 0 },
      { type: 'ask', generation: 0 },
      { type: 'waiting', generation: 0, alone: false },
      { type: 'renew', generation: 0 },
      { type: 'renew', generation: 1, dead: true },
    ]
    test.each(questions)('E16 a flood of $type is answered a bounded number of times', async question => {
      const [a] = (await signedInTabs(1, { server: { carrier: 'body' } })) as [World]
      const generation = question.generation && newest(a).generation + HOUR
      a.shared.channels.posted.length = 0
      for (let n = 0; n < 1_000; n++) {
        say(a, { ...question, generation })
        if (n % 50 === 0) await a.clock.advance(1)
      }
      await a.clock.advance(10)
      expect(a.shared.channels.posted.length).toBeLessThanOrEqual(60)
      expect(a.server.refreshes).toBeLessThanOrEqual(8)
      // The app's own requests still get their refresh.
      a.server.revokeAccess()
      expect((await a.client.fetch(items)).status).toBe(200)
    })

    test('E16 a flood of sessions costs a bounded number of requests', async () => {
      const given: WorldOptions = { options: { endpoints: { user: 'user/whoami' } } }
      const [a] = (await signedInTabs(1, given)) as [World]
      const message = newest(a)
      for (let n = 0; n < 1_000; n++) {
        // Each of another user: of one who is known nothing is asked.
        const identity = `eve-${n}`
        const { token: accessToken } = a.server.issueAccess(identity)
        say(a, { ...message, accessToken, identity, user: undefined, generation: message.generation + n })
        if (n % 50 === 0) await a.clock.advance(1)
      }
      await a.clock.advance(10)
      expect(a.server.calls.length).toBeLessThanOrEqual(60)
    })

    test('E16 forged questions for a refresh leave the app its own', async () => {
      const [a] = (await signedInTabs(1, { server: { carrier: 'body' } })) as [World]
      const { generation } = newest(a)
      for (let n = 0; n < 40; n++) {
        say(a, { type: 'renew', generation: generation + HOUR, dead: true })
        await a.clock.advance(SECOND / 10)
      }
      a.server.revokeAccess()
      expect((await a.client.fetch(items)).status).toBe(200)
    })

    test.each([
      ['from the future', false, () => 1e300],
      ['of now, during a refresh', true, (a: World) => a.clock.now()],
    ])('E16 nor do those that say since when, %s', async (_, isDuring, since) => {
      const [a] = (await signedInTabs(1, { server: { carrier: 'body' } })) as [World]
      const { generation } = newest(a)
      for (let n = 0; n < 40; n++) {
        const answer = isDuring ? a.server.delay(REFRESH) : () => {}
        for (let asked = 0; asked < 2; asked++) {
          say(a, { type: 'renew', generation: generation + HOUR, since: since(a) })
          await a.clock.advance(SECOND / 20)
        }
        answer()
        a.server.mend(REFRESH)
        await a.settle()
      }
      expect(a.server.refreshes).toBeLessThan(10)
      a.server.revokeAccess()
      expect((await a.client.fetch(items)).status).toBe(200)
    })
  })

  test('M9 forged questions for a refresh cost ten in 20 s, like an API that answers 401 to everything', async () => {
    const [a] = (await signedInTabs(1, { server: { carrier: 'body' } })) as [World]
    for (let n = 0; n < 60; n++) {
      const generation = a.clock.now() + HOUR
      a.shared.channels.inject(NAME, { v: 1, type: 'renew', generation, dead: true })
      await a.clock.advance(SECOND)
    }
    expect(a.server.refreshes).toBeLessThanOrEqual(40)
    expect(status(a)).toEqual(['authenticated'])
  })

  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const throwing = () =>
    Object.defineProperty({}, 'type', {
      enumerable: true,
      get() {
        throw new Error('a getter')
      },
    })
  const deep = () => {
    let value: unknown = 0
    for (let n = 0; n < 100_000; n++) value = [value]
    return value
  }
  const primitives = [
    undefined,
    null,
    0,
    '',
    'logout',
    1n,
    Number.NaN,
    [],
    {},
    [[]],
    cyclic,
    new Map(),
    new Date(),
  ]

  test('M9 what is no message at all changes nothing and throws nothing', async () => {
    const [a, b, messages] = await recorded()
    const before = [a, b].map(({ client }) => client.session)
    a.events.length = 0
    for (const data of [...primitives, throwing(), deep(), 'x'.repeat(5_000_000)])
      a.shared.channels.inject(NAME, data)
    const kinds = [...new Map(messages.map(message => [message.type, message])).values()]
    for (const message of kinds) {
      for (const key of Object.keys(message)) {
        const { [key]: _, ...rest } = message
        for (const data of primitives) a.shared.channels.inject(NAME, { ...message, [key]: data })
        if (key !== 'user' && key !== 'status') a.shared.channels.inject(NAME, rest)
        for (const data of [
          throwing(),
          deep(),
          'x'.repeat(2_000_000),
          -1,
          Number.POSITIVE_INFINITY,
          2 ** 60,
        ]) {
          if (key !== 'user') a.shared.channels.inject(NAME, { ...message, [key]: data })
        }
      }
    }
    await a.clock.advance(SECOND)
    expect([a, b].map(({ client }) => client.session)).toEqual(before)
    expect([...a.events, ...a.reported, ...b.reported]).toEqual([])
    expect((await b.client.fetch(items)).status).toBe(200)
  })

  test('M9 another version is not read', async () => {
    const [a, b, messages] = await recorded()
    a.events.length = 0
    for (const message of messages) {
      const versions = Object.entries(message).filter(([key]) => key === 'v' || key === 'version')
      expect(versions).toHaveLength(1)
      const [key, version] = versions[0] as [string, number]
      for (const other of [version + 1, 0, `${version}`, null]) {
        const generation = message.generation + 1000
        a.shared.channels.inject(NAME, { ...message, generation, [key]: other })
      }
    }
    await a.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    expect(a.events).toEqual([])
  })

  test('M9 a generation at the end of all numbers does not lock the session up', async () => {
    const [a, b, messages] = await recorded()
    const logout = {
      ...messages.at(-1),
      type: 'signed-out',
      reason: 'other-tab',
      generation: Number.MAX_SAFE_INTEGER,
    }
    a.shared.channels.inject(NAME, logout)
    await a.settle()
    await a.login('bob')
    await a.settle()
    await b.client.ready()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    await a.client.logout()
    await a.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
  })

  test('M9 no message ever holds a refresh token', async () => {
    const given: WorldOptions = { server: { carrier: 'body' } }
    const a = open(undefined, given)
    const b = open(a, given)
    await a.login()
    await a.client.refresh()
    await a.settle()
    expect(status(b)).toEqual(['authenticated'])
    expect(JSON.stringify(a.shared.channels.posted)).not.toContain('refresh-')
  })
})

describe("the option 'tabs'", () => {
  const given = (tabs: Feature<'tabs'> | false): WorldOptions => ({ options: { tabs } })
  const silent = given(shareTabs({ tokens: false }))
  const off = given(false)

  test('M3 messages without tokens: no message carries a token; the others ask the server', async () => {
    const a = open(undefined, silent)
    const b = open(a, silent)
    await Promise.all([a, b].map(({ client }) => client.ready()))
    await a.login()
    await a.settle()
    await a.clock.advance(SECOND)
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    await Promise.all([a, b].map(({ client }) => client.refresh()))
    await a.settle()
    const said = JSON.stringify(a.shared.channels.posted)
    expect(a.shared.channels.posted.length).toBeGreaterThan(0)
    expect(said).not.toContain('eyJ')
    expect(a.server.reuses).toBe(0)
    await b.client.logout()
    await b.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
  })

  test('R18 messages without tokens: told of a login while it restores, a tab sends its requests with the token all the same', async () => {
    const a = open(undefined, silent)
    const answer = a.server.hold(REFRESH)
    const sent = watch(a.client.fetch(items))
    await a.settle()
    const generation = a.clock.now() + 5
    a.shared.channels.inject(NAME, {
      v: 1,
      type: 'session',
      generation,
      decided: generation,
      cause: 'login',
      identity: 'ada',
      epoch: generation,
      askedAt: a.clock.now(),
      lineage: null,
      lifetime: null,
      expiresAt: null,
    })
    await a.settle()
    a.server.seed()
    answer()
    await a.clock.advance(5 * SECOND)
    expect(sent.value).toMatchObject({ status: 200 })
    expect(bearers(a)).toEqual([expect.stringMatching(/^Bearer ey/)])
  })

  test('M2 messages without tokens: two tabs refresh one after the other', async () => {
    const tabs = await signedInTabs(2, silent)
    const [a, b] = tabs as [World, World]
    await a.clock.advance(SECOND)
    a.server.revokeAccess()
    const responses = await Promise.all(tabs.map(({ client }) => client.fetch(items)))
    expect(responses.map(({ status }) => status)).toEqual([200, 200])
    await b.clock.advance(5 * HOUR)
    expect(a.server.reuses).toBe(0)
    expect(tabs.map(tab => tab.count('logout'))).toEqual([0, 0])
  })

  test('C9 false: no channel and no lock', async () => {
    const a = open(undefined, off)
    const b = open(a, off)
    await a.login()
    await a.client.refresh()
    await a.settle()
    expect(a.shared.channels.names).toEqual([])
    expect(locksOf(a)).toEqual({ held: [], pending: [] })
    expect(status(b)).toEqual(['unknown'])
    await a.client.logout()
    expect(a.logs.filter(({ type }) => type.startsWith('tabs'))).toEqual([])
  })

  test('S7 other session keys do not hear of it', async () => {
    const a = open()
    const b = open(a, { options: { sessionKey: 'another' } })
    await a.login()
    await a.settle()
    expect(status(b)).toEqual(['unknown'])
    expect(new Set(a.shared.channels.names)).toEqual(new Set([NAME, nameOf('another')]))
  })
})

describe('M6 the back/forward cache', () => {
  async function away([a]: World[]): Promise<void> {
    a!.wake('pagehide', true)
    a!.freeze()
    await a!.settle()
  }
  function back([a]: World[]): void {
    a!.thaw()
    a!.wake('pageshow', true)
  }

  test('M6 the channel is closed, and no lock is held, while the page is away', async () => {
    const tabs = await signedInTabs(1)
    const [a] = tabs as [World]
    a.wake('pagehide', true)
    await a.settle()
    expect(a.shared.channels.names).toEqual([])
    expect(locksOf(a)).toEqual({ held: [], pending: [] })
  })

  test('M3 a logout while the page goes away is told to the others', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    b.wake('pagehide', false)
    void b.client.logout()
    await b.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
  })

  test('M6 back after a logout elsewhere: signed out before anything is sent', async () => {
    const tabs = await signedInTabs(2)
    const [a, b] = tabs as [World, World]
    await away(tabs)
    await b.client.logout()
    await b.settle()
    back(tabs)
    expect(a.client.session.status).toBe('unknown')
    const asked = watch(a.client.fetch(items))
    await a.settle()
    expect(asked.state).toBe('no_session')
    expect(status(a)).toEqual(['anonymous'])
    expect(bearers(a)).toEqual([])
    expect(a.count('logout')).toBe(1)
  })

  test('M6 back after a logout that the server did not hear: the marker says so', async () => {
    const tabs = await signedInTabs(2)
    const [a, b] = tabs as [World, World]
    await away(tabs)
    b.server.answer('POST /logout', () => b.server.json({}, 503))
    await b.client.logout()
    await b.settle()
    b.close()
    const before = a.server.refreshes
    back(tabs)
    await a.clock.advance(MINUTE)
    expect(status(a)).toEqual(['anonymous'])
    expect(a.server.refreshes).toBe(before)
  })

  test('M6 back beside a live sibling: its session, and no call', async () => {
    const tabs = await signedInTabs(2)
    const [a, b] = tabs as [World, World]
    await away(tabs)
    await b.client.refresh()
    const before = a.server.refreshes
    back(tabs)
    await a.settle()
    expect(await a.client.getAccessToken()).toBe(await b.client.getAccessToken())
    expect(a.server.refreshes).toBe(before)
    expect(a.count('logout')).toBe(0)
  })

  test('M6 back with nobody else there: the server says', async () => {
    const tabs = await signedInTabs(1)
    const [a] = tabs as [World]
    await away(tabs)
    await a.clock.advance(HOUR)
    back(tabs)
    expect(status(a)).toEqual(['unknown'])
    await a.settle()
    expect(status(a)).toEqual(['authenticated'])
    expect(a.server.refreshes).toBe(1)
    expect(a.count('userChange')).toBe(0)
  })

  test('M6 back after another user signed in elsewhere: userChange', async () => {
    const tabs = await signedInTabs(2)
    const [a, b] = tabs as [World, World]
    await away(tabs)
    await b.login('bob')
    back(tabs)
    await a.settle()
    expect(a.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
    expect(a.count('userChange')).toBe(1)
  })

  test('M6 away with a refresh on the wire, and a logout elsewhere meanwhile', async () => {
    const tabs = await signedInTabs(2)
    const [a, b] = tabs as [World, World]
    const answer = a.server.delay(REFRESH)
    const refreshed = watch(a.client.refresh())
    await a.settle()
    await away(tabs)
    const done = watch(b.client.logout())
    answer()
    await b.clock.advance(MINUTE)
    back(tabs)
    await a.clock.advance(MINUTE)
    expect([refreshed.state, done.state]).not.toContain('pending')
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    expect(a.server.jar.cookie).toBe(null)
  })

  test('M6 away with the very first restore on the wire, and a logout elsewhere meanwhile', async () => {
    const a = open()
    a.server.seed()
    const b = open(a)
    const answer = a.server.delay(REFRESH)
    const ready = watch(a.client.ready())
    await a.settle()
    await away([a])
    const done = watch(b.client.logout())
    await b.settle()
    answer()
    back([a])
    await a.clock.advance(MINUTE)
    expect([ready.state, done.state]).not.toContain('pending')
    expect(status(a)).toEqual(['anonymous'])
    expect(a.server.jar.cookie).toBe(null)
  })
})

describe('the channel is opened a task after the client was created, or with its first use', () => {
  const names = ({ shared }: World) => shared.channels.names

  test('M3 by itself in the next task, and not before: then logins and logouts are heard', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    const b = open(a)
    expect(names(a)).toEqual([NAME])
    await b.settle()
    expect(names(a)).toEqual([NAME, NAME])
    await a.client.refresh()
    await a.client.logout()
    await b.settle()
    expect(b.client.session).toEqual({ status: 'anonymous', reason: 'other-tab' })
  })

  test.each<[use: string, act: (world: World) => unknown]>([
    ['ready', ({ client }) => client.ready()],
    ['login', world => world.login()],
    ['setTokens', ({ client }) => client.setTokens({ accessToken: 'opaque' })],
    ['logout', ({ client }) => client.logout()],
  ])('M3 at once by %s, and once', async (_, act) => {
    const world = open()
    const done = act(world)
    await Promise.resolve()
    expect(names(world)).toEqual([NAME])
    await done
    await world.settle()
    expect(names(world)).toEqual([NAME])
  })

  test('M3 tokens that are set at once are told to the tabs that are there', async () => {
    const b = open()
    await b.settle()
    const a = open(b)
    void a.client.setTokens({ accessToken: 'opaque' })
    await b.settle()
    expect(status(b)).toEqual(['authenticated'])
  })

  test('M3 a login that was told before that is asked for: the signed-out marker had kept the tab anonymous', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    a.server.answer('POST /logout', () => a.server.json({}, 503))
    await a.client.logout()
    await a.settle()
    const b = open(a)
    void b.client.ready()
    await Promise.resolve()
    expect(status(b)).toEqual(['anonymous'])
    void a.client.setTokens({ accessToken: 'opaque' })
    await b.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    expect(b.server.refreshes).toBe(0)
  })

  test('M3 what was missed before that is not taken for newer: a logout there, a login here', async () => {
    const [a] = (await signedInTabs(1)) as [World]
    const b = open(a)
    await a.client.logout()
    await b.settle()
    await b.login()
    await a.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  test('C9 not at all by a client that is disposed, or a page that is left, in the same task', async () => {
    const disposed = open()
    disposed.client.dispose()
    await disposed.settle()
    expect(names(disposed)).toEqual([])
    const left = open()
    left.wake('pagehide')
    await left.settle()
    expect(names(left)).toEqual([])
    left.wake('pageshow')
    expect(names(left)).toEqual([NAME])
  })
})

describe('C9 dispose', () => {
  test('C9 no timer, listener, lock or channel is left', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    expect(a.shared.channels.names).toEqual([NAME, NAME])
    a.client.dispose()
    b.client.dispose()
    await a.settle()
    expect(a.shared.channels.names).toEqual([])
    expect(locksOf(a)).toEqual({ held: [], pending: [] })
    expect(a.clock.timers).toBe(0)
    expect([a.listeners, b.listeners]).toEqual([0, 0])
  })

  test('C9 disposed while another tab refreshes for this one: no timer is left', async () => {
    const [a, b] = (await signedInTabs(2, { server: { carrier: 'body' } })) as [World, World]
    a.freeze()
    const refreshed = watch(b.client.refresh())
    await b.clock.advance(SECOND)
    b.client.dispose()
    await b.settle()
    expect(refreshed.state).toBe('disposed')
    a.client.dispose()
    expect(a.clock.timers).toBe(0)
  })

  test('C9 a refresh that was sent keeps its lock until it is answered', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    const answer = a.server.delay(REFRESH)
    const refreshed = watch(a.client.refresh())
    await a.settle()
    a.client.dispose()
    await a.settle()
    expect(refreshed.state).toBe('disposed')
    const other = watch(b.client.refresh())
    await b.settle()
    expect(other.state).toBe('pending')
    answer()
    await b.settle()
    expect(other.state).toBe('fulfilled')
    expect(a.server.reuses).toBe(0)
    b.client.dispose()
    await b.settle()
    expect(locksOf(a)).toEqual({ held: [], pending: [] })
    expect(a.clock.timers).toBe(0)
  })

  test('C9 disposed while it waits for the lock', async () => {
    const [a, b] = (await signedInTabs(2)) as [World, World]
    a.server.delay(REFRESH)
    watch(a.client.refresh())
    await a.settle()
    const waiting = watch(b.client.refresh())
    await b.settle()
    b.client.dispose()
    await b.settle()
    expect(waiting.state).toBe('disposed')
    expect(locksOf(b).pending).toEqual([])
    expect(a.server.refreshes).toBe(1)
  })

  test('C9 disposed in the middle of a message', async () => {
    const [a, b, c] = (await signedInTabs(3)) as [World, World, World]
    b.client.on('logout', () => c.client.dispose())
    a.client.on('logout', () => a.client.dispose())
    await a.client.logout()
    await a.settle()
    expect([...a.reported, ...b.reported, ...c.reported]).toEqual([])
  })
})

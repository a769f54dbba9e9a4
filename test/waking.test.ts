import { describe, expect, test } from 'vitest'
import { MODES, WORLDS, worldsOf } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn as signedInAlone, type World, type WorldOptions } from './support/world.ts'

const items = `${ORIGIN}/items`
const REFRESH = 'POST /refresh_token'
const SECOND = 1_000
const HOUR = 3_600 * SECOND
const attempts = ({ logs }: World) => logs.filter(({ type }) => type === 'refresh').length

describe.each(WORLDS)('$mode.name', ({ mode, signedIn, reloaded }) => {
  describe('E7 after "online" or a wake-up a request in a backoff waits for the next attempt', () => {
    const wakes = ['online', 'visibilitychange', 'focus', 'pageshow', 'resume']

    /** The token has expired, and the next attempt is half a minute away. */
    async function inBackoff(): Promise<World> {
      const world = await signedIn({ random: 0.5 })
      const { client, clock, server } = world
      server.answer(REFRESH, () => Response.error())
      clock.sleep(2 * HOUR)
      const next = () => world.events.findLast(([name]) => name === 'refreshError')?.[1].retryAt ?? 0
      while (next() - clock.now() < 29 * SECOND) await clock.advance(SECOND)
      const refused = await client.fetch(items).catch(error => error)
      expect(refused).toMatchObject({ code: 'refresh_unavailable', retryable: true })
      server.mend()
      world.logs.length = 0
      return world
    }

    async function inBackoffOf(ms: number): Promise<World> {
      const world = await signedIn({ random: 0.5 })
      world.server.answer(REFRESH, () => world.server.json({}, 503, { 'Retry-After': `${ms / SECOND}` }), 1)
      world.clock.sleep(2 * HOUR)
      await world.client.fetch(items).catch(() => {})
      return world
    }

    test.each(wakes)('%s: twenty of them make one attempt, which comes soon', async type => {
      const world = await inBackoff()
      world.wake(type)
      const outcomes = Array.from({ length: 20 }, () => watch(world.client.fetch(items)))
      await world.settle()
      expect(outcomes.map(({ state }) => state)).toEqual(outcomes.map(() => 'pending'))
      await world.clock.advance(SECOND)
      expect(outcomes.map(({ value }) => value?.status)).toEqual(outcomes.map(() => 200))
      expect(attempts(world)).toBe(1)
      expect(world.count('logout')).toBe(0)
    })

    test('also where nothing is asked, the session is well again soon', async () => {
      const world = await inBackoff()
      world.wake('visibilitychange')
      await world.clock.advance(SECOND)
      expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
      expect(attempts(world)).toBe(1)
    })

    test('if that attempt fails they reject with its error, and what comes then rejects at once', async () => {
      const world = await inBackoff()
      world.server.answer(REFRESH, () => world.server.json({}, 503))
      world.wake('online')
      const outcome = watch(world.client.fetch(items))
      await world.clock.advance(SECOND)
      expect(outcome.error).toMatchObject({ code: 'refresh_unavailable', status: 503 })
      const next = watch(world.client.fetch(items))
      await world.settle()
      expect(next.state).toBe('refresh_unavailable')
      expect(attempts(world)).toBe(1)
    })

    test('if it is not answered they reject within the timeout, counted from the request', async () => {
      const world = await inBackoff()
      world.server.hold(REFRESH)
      world.wake('online')
      const outcome = watch(world.client.fetch(items))
      await world.clock.advance(10 * SECOND - 1)
      expect(outcome.state).toBe('pending')
      await world.clock.advance(1)
      expect(outcome.state).toBe('refresh_unavailable')
    })

    test.each(['pagehide', 'visibilitychange'])('no wake-up is "%s" when the page is left', async type => {
      const world = await inBackoff()
      world.visible = false
      world.wake(type)
      const outcome = watch(world.client.fetch(items))
      await world.settle()
      expect(outcome.state).toBe('refresh_unavailable')
    })

    test('what the server said itself is kept: they reject at once until then', async () => {
      const world = await inBackoffOf(5 * SECOND)
      for (const type of wakes) world.wake(type)
      const outcome = watch(world.client.fetch(items))
      await world.settle()
      expect(outcome.state).toBe('refresh_unavailable')
      expect(world.server.refreshes).toBe(1)
    })

    test('one that joined an attempt from before the network came back goes on with the next one', async () => {
      const world = await inBackoff()
      const answer = world.server.hold(REFRESH, () => Response.error())
      world.wake('focus')
      await world.clock.advance(SECOND)
      expect(attempts(world)).toBe(1)
      world.wake('online')
      const outcome = watch(world.client.fetch(items))
      await world.settle()
      answer()
      await world.settle()
      expect(outcome.state).toBe('pending')
      await world.clock.advance(SECOND)
      expect(outcome.value?.status).toBe(200)
      expect(attempts(world)).toBe(2)
    })

    test('an attempt that was held back by an outage is made no more often than before, however often it flaps', async () => {
      const world = await inBackoff()
      world.server.answer(REFRESH, () => Response.error())
      for (let n = 0; n < 600; n++) {
        for (const type of wakes) world.wake(type)
        void world.client.fetch(items).catch(() => {})
        await world.clock.advance(100)
      }
      expect(attempts(world)).toBeLessThanOrEqual(30)
      expect(world.count('logout')).toBe(0)
    })

    test('a login, a logout and dispose() do not wait for it, and the requests are told', async () => {
      for (const what of ['login', 'logout', 'dispose'] as const) {
        const world = await inBackoff()
        world.wake('online')
        const request = watch(world.client.fetch(items))
        await world.settle()
        const done = watch(Promise.resolve(what === 'login' ? world.login('bob') : world.client[what]()))
        await world.settle()
        expect(done.state).toBe('fulfilled')
        expect(request.state).toBe({ login: 'user_changed', logout: 'no_session', dispose: 'disposed' }[what])
        expect(attempts(world)).toBe(0)
        world.client.dispose()
        expect(world.clock.timers).toBe(0)
      }
    })

    test("the app's own refresh() ends the wait", async () => {
      const world = await inBackoff()
      world.wake('online')
      const request = watch(world.client.fetch(items))
      await world.settle()
      await world.client.refresh()
      await world.settle()
      expect(request.value?.status).toBe(200)
      expect(attempts(world)).toBe(1)
    })

    test('offline, then online: what the app asks in its own "online" listener is answered', async () => {
      const world = await signedIn()
      world.online = false
      world.clock.sleep(2 * HOUR)
      for (let n = 0; n < 5; n++) {
        await world.client.fetch(items).catch(() => {})
        await world.clock.advance(70 * SECOND)
      }
      await world.client.fetch(items).catch(() => {})
      world.online = true
      world.wake('online')
      const outcome = watch(world.client.fetch(items))
      await world.clock.advance(2 * SECOND)
      expect(outcome.value?.status).toBe(200)
    })

    if (mode.isRestored) {
      test('the first restore too', async () => {
        const world = await reloaded()
        world.server.answer(REFRESH, () => Response.error())
        await world.client.ready()
        world.server.mend()
        world.wake('focus')
        const outcome = watch(world.client.fetch(items))
        await world.settle()
        expect(outcome.state).toBe('pending')
        await world.clock.advance(SECOND)
        expect(outcome.value?.status).toBe(200)
      })
    }
  })
})

const inCookie = MODES.filter(({ name }) => /cookie/.test(name))

describe.each(inCookie.map(worldsOf))('$mode.name', ({ signedIn, reload }) => {
  describe('E9 a page that goes away with a refresh on the wire', () => {
    const notesOf = ({ storage }: World) => [...storage].filter(([key]) => key.includes(':refresh-'))

    /** Its server has rotated, and answers when the returned function is called. */
    async function leaving(given: WorldOptions = {}, tookBefore = 0) {
      return onWire(await signedIn(given), tookBefore)
    }

    async function onWire(world: World, tookBefore = 0) {
      const { client, clock, server } = world
      if (tookBefore > 0) {
        const answer = server.delay(REFRESH)
        const refreshed = client.refresh()
        await clock.advance(tookBefore)
        answer()
        await refreshed
      }
      const answer = server.delay(REFRESH)
      void client.refresh().catch(() => {})
      await world.settle()
      return { world, answer }
    }

    function leave(world: World): World {
      world.wake('pagehide', false)
      world.close()
      world.server.calls.length = 0
      world.server.jar.access = null
      return reload(world)
    }

    test('the next page waits for the answer, and the session goes on: also where a repeat ends it', async () => {
      const { world, answer } = await leaving()
      await world.clock.advance(400)
      const next = leave(world)
      const outcome = watch(next.client.fetch(items))
      await next.clock.advance(600)
      answer()
      await next.clock.advance(499)
      expect(next.server.refreshes).toBe(0)
      await next.clock.advance(1)
      expect(outcome.value?.status).toBe(200)
      expect(next.server.refreshes).toBe(1)
      expect(next.server.reuses).toBe(0)
      expect(notesOf(next)).toEqual([])
      next.client.dispose()
      expect(next.clock.timers).toBe(0)
    })

    test('leaves a note in which there are two numbers and no token', async () => {
      const { world } = await leaving({}, 900)
      world.wake('pagehide', false)
      const notes = notesOf(world)
      expect(notes.map(([, value]) => Number(value))).toEqual([world.clock.now(), 900])
    })

    test('where the last refresh took long the next page waits for twice that', async () => {
      const { world } = await leaving({}, 2_000)
      const next = leave(world)
      watch(next.client.ready())
      await next.clock.advance(3_999)
      expect(next.server.refreshes).toBe(0)
      await next.clock.advance(1)
      expect(next.server.refreshes).toBe(1)
    })

    test('and a page in between, which has heard no answer, hands that on', async () => {
      const { world } = await leaving({}, 2_000)
      const next = leave(world)
      next.server.hold(REFRESH)
      watch(next.client.ready())
      await next.clock.advance(4_000)
      expect(next.server.refreshes).toBe(1)
      const last = leave(next)
      watch(last.client.ready())
      await last.clock.advance(3_999)
      expect(last.server.refreshes).toBe(0)
      await last.clock.advance(1)
      expect(last.server.refreshes).toBe(1)
    })

    test('half of "timeout" at most, and requests still reject within "timeout"', async () => {
      const { world } = await leaving({}, 9_000)
      const next = leave(world)
      next.server.hold(REFRESH)
      const outcome = watch(next.client.fetch(items))
      await next.clock.advance(4_999)
      expect(next.server.refreshes).toBe(0)
      await next.clock.advance(1)
      expect(next.server.refreshes).toBe(1)
      await next.clock.advance(4_999)
      expect(outcome.state).toBe('pending')
      await next.clock.advance(1)
      expect(outcome.state).toBe('refresh_unavailable')
    })

    test('a reload with nothing on the wire waits for nothing', async () => {
      const world = await signedIn()
      await world.client.refresh()
      const next = leave(world)
      expect(notesOf(next)).toEqual([])
      await next.client.ready()
      expect(next.server.refreshes).toBe(1)
      expect(next.client.session.status).toBe('authenticated')
    })

    test.each([
      ['an old one', -2_000, 0],
      ['one of yesterday', -24 * HOUR, 9_000],
      ['one of a minute ago, with a forged length', -60_000, 24 * HOUR],
      ['one from the future', 1, 0],
      ['one from a far future', 24 * HOUR, 9_000],
    ])('%s is ignored', async (_, ms, took) => {
      const { world, answer } = await leaving()
      world.wake('pagehide', false)
      const values = { sent: world.clock.now() + ms, took }
      const notes = notesOf(world)
      expect(notes).toHaveLength(2)
      answer()
      await world.settle()
      for (const [key] of notes) world.storage.set(key, `${values[key.includes('took') ? 'took' : 'sent']}`)
      world.close()
      world.server.calls.length = 0
      world.server.jar.access = null
      const next = reload(world)
      watch(next.client.ready())
      await next.settle()
      expect(next.server.refreshes).toBe(1)
      expect(next.client.session.status).toBe('authenticated')
    })

    test.each(['9007199254740991', '1e308', '-5', 'x', '', `${24 * HOUR}`])(
      'E16 a forged length of "%s" makes nobody wait for longer than half of "timeout"',
      async took => {
        const { world } = await leaving()
        world.wake('pagehide', false)
        world.close()
        for (const [key] of notesOf(world)) if (key.includes('took')) world.storage.set(key, took)
        world.server.calls.length = 0
        world.server.jar.access = null
        const next = reload(world)
        watch(next.client.ready())
        await next.clock.advance(5_000)
        expect(next.server.refreshes).toBe(1)
        await next.clock.advance(1)
        // And it holds for one page load, however often it is read.
        const last = reload(next)
        next.close()
        last.server.jar.access = null
        watch(last.client.ready())
        await last.clock.advance(1)
        expect(last.server.refreshes).toBe(2)
      },
    )

    test('where a living sibling has the session nobody waits, and nobody asks the server', async () => {
      const world = await signedIn()
      await reload(world).client.ready()
      await onWire(world)
      const next = leave(world)
      expect((await next.client.ready()).status).toBe('authenticated')
      expect(next.server.refreshes).toBe(0)
    })

    test('a page that was there all along waits as well, when its own refresh is next', async () => {
      const { world, answer } = await leaving()
      const sibling = reload(world)
      await sibling.settle()
      watch(sibling.client.ready())
      await sibling.settle()
      leave(world).client.dispose()
      await sibling.clock.advance(600)
      answer()
      await sibling.clock.advance(1_000)
      expect(sibling.client.session.status).toBe('authenticated')
      expect(sibling.server.reuses).toBe(0)
    })

    test('a page that is kept and comes back is not gone', async () => {
      const { world, answer } = await leaving()
      world.wake('pagehide', true)
      expect(notesOf(world)).toHaveLength(2)
      world.wake('pageshow', true)
      expect(notesOf(world)).toEqual([])
      answer()
      await world.clock.advance(1)
      expect(world.client.session.status).toBe('authenticated')
      expect(world.server.reuses).toBe(0)
    })

    test.each(['login', 'logout'] as const)(
      'a %s on the next page comes after the answer too',
      async what => {
        const { world, answer } = await leaving({ options: { restore: 'manual' } })
        const next = leave(world)
        const done = watch<unknown>(what === 'login' ? next.login('bob') : next.client.logout())
        await next.clock.advance(1_000)
        expect(done.state).toBe('pending')
        answer()
        await next.clock.advance(500)
        expect(done.state).toBe('fulfilled')
        expect(notesOf(next)).toEqual([])
        expect(next.server.holder).toBe(what === 'login' ? 'bob' : null)
      },
    )

    test('C9 a client that is disposed while it waits leaves no timer, and sends nothing', async () => {
      const { world } = await leaving()
      const next = leave(world)
      const ready = watch(next.client.ready())
      await next.settle()
      next.client.dispose()
      await next.settle()
      expect(ready.state).toBe('disposed')
      expect(next.clock.timers).toBe(0)
      await next.clock.advance(5_000)
      expect(next.server.refreshes).toBe(0)
    })

    test('the logger is told why it waits', async () => {
      const { world } = await leaving()
      const next = leave(world)
      watch(next.client.ready())
      await next.settle()
      expect(next.logs).toContainEqual({ type: 'lock', state: 'former-page' })
    })
  })
})

test('E7 also where a tab that is hidden, and hears of no wake-up, has the refresh token', async () => {
  const a = await signedInAlone({ server: { carrier: 'body' } })
  const b = createWorld({ browser: a })
  await b.client.ready()
  const { server, clock } = a
  a.visible = false
  a.wake('visibilitychange')
  server.answer(REFRESH, () => Response.error())
  clock.sleep(2 * HOUR)
  const next = () => a.events.findLast(([name]) => name === 'refreshError')?.[1].retryAt ?? 0
  while (next() - clock.now() < 29 * SECOND) await clock.advance(SECOND)
  server.mend()
  server.calls.length = 0
  b.wake('focus')
  const outcomes = [watch(b.client.fetch(items)), watch(b.client.fetch(items))]
  await b.settle()
  await clock.advance(2 * SECOND)
  expect(outcomes.map(({ value }) => value?.status)).toEqual([200, 200])
  expect(server.refreshes).toBe(1)
})

test('E10 a logout that waits for one before it leaves with the page as well', async () => {
  const { client, server, settle, wake } = await signedInAlone({ server: { carrier: 'body' } })
  const answer = server.delay(REFRESH)
  void client.refresh().catch(() => {})
  await settle()
  void client.logout()
  const { token } = server.issueAccess('bob')
  void client.setTokens({ accessToken: token, refreshToken: 'bobs' })
  void client.logout()
  server.hold('POST /logout')
  answer()
  await settle()
  wake('pagehide', false)
  await settle()
  const sent = server.calls.filter(({ path }) => path === '/logout').map(({ text }) => JSON.parse(text))
  expect(sent).toEqual([expect.anything(), { refresh_token: 'bobs' }])
})

test.each(['cookie', 'body'] as const)(
  'E7 also where another tab has sent the attempt from before the network came back: the refresh token in the %s',
  async carrier => {
    const a = await signedInAlone({ server: { carrier } })
    const b = createWorld({ browser: a })
    await b.client.ready()
    await b.settle()
    a.server.calls.length = 0
    const fail = a.server.hold(REFRESH, () => Response.error())
    a.clock.sleep(2 * HOUR)
    const outcomes = [watch(a.client.fetch(items))]
    await a.settle()
    outcomes.push(watch(b.client.fetch(items)))
    await b.settle()
    for (const tab of [a, b]) tab.wake('online')
    fail()
    await a.clock.advance(3 * SECOND)
    expect(outcomes.map(({ value }) => value?.status)).toEqual([200, 200])
    expect(a.server.refreshes).toBe(2)
  },
)

describe.each(MODES.filter(mode => !inCookie.includes(mode)).map(worldsOf))(
  '$mode.name',
  ({ signedIn, reload }) => {
    test('E9 no note is left where no cookie can come of it', async () => {
      const world = await signedIn()
      world.server.delay(REFRESH)
      void world.client.refresh().catch(() => {})
      await world.settle()
      world.wake('pagehide', false)
      world.close()
      expect([...world.storage.keys()].filter(key => key.includes(':refresh-'))).toEqual([])
      await reload(world).client.ready()
    })
  },
)

describe.each(WORLDS)('$mode.name', ({ mode, signedIn, reload }) => {
  describe('E10 a logout that is followed at once by a navigation', () => {
    /** No task of the page runs any more, only the promises of its last one. */
    async function unload(world: World): Promise<void> {
      for (let n = 0; n < 100; n++) await Promise.resolve()
      world.close()
      await world.settle()
    }
    async function leave(world: World): Promise<void> {
      world.wake('pagehide', false)
      await unload(world)
    }
    const logouts = ({ server }: World) => server.calls.filter(({ path }) => path === '/logout')

    test('is heard by the server', async () => {
      const world = await signedIn()
      void world.client.logout()
      await leave(world)
      expect(logouts(world)).toHaveLength(1)
      expect(world.server.holder).toBeNull()
      expect((await reload(world).client.ready()).status).toBe('anonymous')
    })

    test('also while a refresh is on the wire: whatever its answer brings opens nothing', async () => {
      const world = await signedIn()
      const answer = world.server.delay(REFRESH)
      void world.client.refresh().catch(() => {})
      await world.settle()
      void world.client.logout()
      await world.settle()
      expect(logouts(world)).toEqual([])
      await leave(world)
      expect(logouts(world)).toHaveLength(1)
      answer()
      await world.settle()
      expect(world.server.holder).toBeNull()
      const next = reload(world)
      expect((await next.client.ready()).status).toBe('anonymous')
      await next.clock.advance(HOUR)
      expect(next.client.session.status).toBe('anonymous')
    })

    test('also by a listener of "pagehide" itself', async () => {
      const world = await signedIn()
      world.wake('pagehide', false)
      void world.client.logout()
      await unload(world)
      expect(logouts(world)).toHaveLength(1)
    })

    test('one that is on the wire is not sent again', async () => {
      const world = await signedIn()
      world.server.hold('POST /logout')
      void world.client.logout()
      await world.settle()
      await leave(world)
      expect(logouts(world)).toHaveLength(1)
    })

    test('a page that goes away later sends no logout of before', async () => {
      for (const revoked of [true, false]) {
        const world = await signedIn()
        if (!revoked) world.server.answer('POST /logout', () => Response.error(), 1)
        expect((await world.client.logout()).revoked).toBe(revoked)
        if (revoked) await world.login('bob')
        world.server.calls.length = 0
        await leave(world)
        expect(logouts(world)).toEqual([])
      }
    })

    test('of a page that is kept, and comes back, is confirmed by its own answer', async () => {
      const world = await signedIn()
      const answer = world.server.delay(REFRESH)
      void world.client.refresh().catch(() => {})
      await world.settle()
      const done = watch(world.client.logout())
      await world.settle()
      world.wake('pagehide', true)
      await world.settle()
      world.wake('pageshow', true)
      answer()
      await world.clock.advance(SECOND)
      expect(done.value).toEqual({ revoked: true })
      expect(world.server.holder).toBeNull()
    })

    if (mode.name.includes('cookie')) {
      test('where the server did not end what came late, the next load makes up for it, with the newest cookie', async () => {
        const world = await signedIn()
        const answer = world.server.delay(REFRESH)
        void world.client.refresh().catch(() => {})
        await world.settle()
        world.server.answer('POST /logout', () => new Response(null, { status: 204 }), 1)
        void world.client.logout()
        await world.settle()
        await leave(world)
        answer()
        await world.settle()
        expect(world.server.holder).toBe('ada')
        const page = { href: `${ORIGIN}/app`, origin: ORIGIN, referrer: `${ORIGIN}/app` }
        const next = reload(world, {}, page)
        expect((await next.client.ready()).status).toBe('anonymous')
        await next.clock.advance(10 * SECOND)
        expect(logouts(next)).toHaveLength(2)
        expect(next.server.holder).toBeNull()
      })

      test('I14 but not where another origin led there: somebody may have signed in by redirect', async () => {
        const world = await signedIn()
        world.server.answer('POST /logout', () => new Response(null, { status: 204 }), 1)
        void world.client.logout()
        await leave(world)
        world.server.seed('bob')
        const page = { href: `${ORIGIN}/app`, origin: ORIGIN, referrer: 'https://login.example/' }
        const next = reload(world, {}, page)
        await next.client.ready()
        await next.clock.advance(HOUR)
        expect(next.server.holder).toBe('bob')
      })
    }
  })
})

import { describe, expect, test } from 'vitest'
import { WORLDS } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import type { World } from './support/world.ts'

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

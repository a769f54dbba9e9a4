import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createAuthClient, shareTabs } from '../src/core.ts'
import { isAuthError } from '../src/kernel/errors.ts'
import type { AuthClientOptions, EndpointContext } from '../src/types.ts'
import { WORLDS } from './support/modes.ts'
import { NOBODY, REFUSED } from './support/refused.ts'
import { type AuthServer, type Handler, makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const REFRESH = 'POST /refresh_token'
const items = `${ORIGIN}/items`

const times = <T>(n: number, make: (index: number) => T): T[] =>
  Array.from({ length: n }, (_, index) => make(index))

const refreshTimes = ({ server }: World): number[] =>
  server.calls.filter(call => call.path === '/refresh_token').map(call => call.at)

const refreshGaps = (world: World): number[] =>
  refreshTimes(world).flatMap((at, n, all) => (n === 0 ? [] : at - all[n - 1]!))

/** The AuthError that it rejects with; anything else fails the test. */
const errorOf = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    value => expect.fail(`resolved with ${inspect(value)}`),
    error => (isAuthError(error) ? error : Promise.reject(error)),
  )

const refuse: Handler = () => Response.json({ error: 'invalid_grant' }, { status: 401 })

/** Someone who was signed in before this page was loaded. */
function reloaded(given: WorldOptions = {}): World {
  const world = createWorld(given)
  world.server.seed()
  return world
}

describe.each(WORLDS)('$mode.name', ({ mode, createWorld, signedIn, reloaded }) => {
  describe('F1 a passing failure keeps the session and is retried with backoff', () => {
    const html = '<!doctype html>\n<title>Welcome to Station Wi-Fi</title>'
    const page = (status: number) => new Response(html, { status, headers: { 'Content-Type': 'text/html' } })
    const torn = () =>
      new ReadableStream({
        start: controller => controller.enqueue(new TextEncoder().encode('{"access_token":"eyJhbG')),
        pull: controller => controller.error(new TypeError('terminated')),
      })
    const answers: [name: string, answer: Handler][] = [
      ['a network error, as for a name that does not resolve', () => Response.error()],
      ['a connection lost within the body', () => new Response(torn())],
      ...[404, 408, 425, 429, 500, 502, 503, 504, 520].map((status): [string, Handler] => [
        `${status}`,
        () => Response.json({ error: 'passing' }, { status }),
      ]),
      ['an HTML page with 200', () => page(200)],
      ['an HTML page with 403', () => page(403)],
      ['an HTML page with 503', () => page(503)],
    ]
    /** Where tokens are in cookies, the body need not say anything. */
    const tokenless: typeof answers = [
      ['truncated JSON', () => new Response('{"access_token":"eyJhbGciOi')],
      ['an empty body', () => new Response('')],
      ['an empty 204', () => new Response(null, { status: 204 })],
      ['the JSON null', () => new Response('null')],
      ['JSON without a token', () => Response.json({ ok: true })],
      ['a token that is a number', () => Response.json({ access_token: 1234567890 })],
      ['a token of a foreign type', () => Response.json({ access_token: 'abc', token_type: 'mac' })],
    ]
    const failures: [name: string, begin: (server: AuthServer) => void, bound: number][] = [
      ...[...answers, ...(mode.isBearer ? tokenless : [])].map(
        ([name, answer]): (typeof failures)[number] => [name, server => server.answer(REFRESH, answer), 0],
      ),
      ['a timeout', server => times(100, () => server.hold(REFRESH)), 20 * SECOND],
      [
        'a body that never ends',
        server => server.answer(REFRESH, () => new Response(new ReadableStream())),
        20 * SECOND,
      ],
    ]

    /**
     * With random() at a half: each gap is twice the one before, up to a cap; the giving-up time comes on top. Before
     * `end`, when the token ends, it is at most half of what is left.
     */
    function expectBackoff(world: World, bound: number, end = 0) {
      const failures = world.server.calls.filter(({ path }) => path === '/refresh_token')
      const waits = refreshGaps(world).map((gap, n) => ({ wait: gap - bound, at: failures[n]!.at + bound }))
      expect(waits.length).toBeGreaterThan(6)
      expect(waits[0]!.wait).toBeLessThanOrEqual(end ? Math.max(3 * SECOND, bound / 2) : 2 * SECOND)
      let last = 1
      for (const { wait, at } of waits) {
        const left = end - at
        if (left >= 2 * SECOND) expect(wait).toBeLessThanOrEqual(Math.ceil(left / 2))
        if (left >= 0) expect(wait).toBeGreaterThanOrEqual(SECOND)
        else {
          expect(wait).toBeGreaterThanOrEqual(last)
          last = wait
        }
        expect(wait).toBeLessThanOrEqual(MINUTE)
      }
      expect(last).toBeGreaterThanOrEqual(20 * SECOND)
    }

    test.each(failures)('%s, of a refresh', async (_, begin, bound) => {
      const world = await signedIn()
      const { client, clock, server } = world
      const { expiresAt } = client.session as { expiresAt: number }
      begin(server)

      await clock.advance(HOUR)
      expect(client.session).toMatchObject({
        status: 'authenticated',
        error: { code: 'refresh_unavailable' },
      })
      expect(world.events[0]).toEqual(['refreshError', expect.anything()])
      const [, { error, retryAt }] = world.events[0]!
      expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true, retryAt })

      for (let minute = 0; minute < 10; minute++) {
        const asked = clock.now()
        const failed = errorOf(client.fetch(items))
        await clock.advance(MINUTE)
        const error = await failed
        expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
        expect(error.retryAt).toBeGreaterThan(asked)
      }
      expect(server.count('/items')).toBe(0)
      expect(client.session.status).toBe('authenticated')
      expectBackoff(world, bound, expiresAt)

      server.mend()
      await clock.advance(MINUTE + bound)
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
      expect((await client.fetch(items)).status).toBe(200)
      expect(new Set(world.events.map(([name]) => name))).toEqual(new Set(['refreshError', 'refresh']))
    })

    test.each(mode.isRestored ? failures : [])('%s, of the first restore', async (_, begin, bound) => {
      const world = await reloaded()
      const { client, clock, server } = world
      begin(server)
      const ready = client.ready()
      await clock.advance(10 * SECOND)
      expect(await ready).toMatchObject({ status: 'unknown', error: { code: 'refresh_unavailable' } })
      expect(world.events[0]).toEqual([
        'refreshError',
        { error: expect.anything(), retryAt: expect.any(Number) },
      ])
      await clock.advance(10 * MINUTE)
      expectBackoff(world, bound)

      server.mend()
      await clock.advance(MINUTE + bound)
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
      expect(new Set(world.events.map(([name]) => name))).toEqual(new Set(['refreshError', 'login']))
    })

    test.each(failures)('%s, after a 401', async (_, begin) => {
      const world = await signedIn()
      const { client, clock, server } = world
      server.revokeAccess()
      begin(server)
      const failed = errorOf(client.fetch(items))
      await clock.advance(10 * SECOND)
      expect(await failed).toMatchObject({ code: 'refresh_unavailable', retryable: true })
      expect(client.session.status).toBe('authenticated')
      expect(world.count('refreshError')).toBeGreaterThan(0)
      expect(world.count('logout')).toBe(0)
    })

    test('a token of unknown lifetime, refused by the API, is no reason to give up either', async () => {
      const world = await signedIn({ server: { opaque: true, expiresIn: false } })
      const { client, clock, server } = world
      server.answer(REFRESH, () => Response.error())
      server.revokeAccess()
      expect(await errorOf(client.fetch(items))).toMatchObject({
        code: 'refresh_unavailable',
        retryable: true,
      })
      await clock.advance(10 * MINUTE)
      expectBackoff(world, 0)
      server.mend()
      await clock.advance(MINUTE)
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
      expect(world.count('logout')).toBe(0)
    })

    if (mode.isBearer) {
      test('the token that has expired, handed back', async () => {
        const world = await signedIn()
        const { client, clock, server } = world
        const token = await client.getAccessToken()
        server.answer(REFRESH, () => server.json({ access_token: token, expires_in: 3600 }), 1)
        clock.sleep(2 * HOUR)
        const { code, retryAt } = await errorOf(client.fetch(items))
        expect(code).toBe('refresh_unavailable')
        expect(retryAt).toBeGreaterThan(clock.now())
        expect(world.events.map(([name]) => name)).toEqual(['refreshError'])
      })
    }

    test('for an answer of any JSON and any status but a refusal', async () => {
      const names = [
        'access_token',
        'accessToken',
        'token',
        'refresh_token',
        'expires_in',
        'token_type',
        'user',
      ]
      const value = fc.jsonValue({ maxDepth: 2 })
      const body = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.json(),
        fc.dictionary(fc.oneof(fc.constantFrom(...names, '__proto__'), fc.string()), value).map(all => {
          const fields = Object.entries(all).map(
            ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
          )
          return `{${fields.join()}}`
        }),
      )
      const status = fc.oneof(
        { weight: 3, arbitrary: fc.constant(200) },
        fc.integer({ min: 200, max: 599 }).filter(status => ![204, 205, 304, 400, 401, 403].includes(status)),
      )
      await fc.assert(
        fc.asyncProperty(body, status, async (body, status) => {
          const world = await signedIn()
          const { client, server } = world
          server.answer(REFRESH, () => new Response(body, { status }))
          const error = await client.refresh().then(
            () => null,
            error => error,
          )
          if (error)
            expect(error).toMatchObject({ name: 'AuthError', code: 'refresh_unavailable', retryable: true })
          expect(client.session).toMatchObject({ status: 'authenticated', error })
          expect(world.count('refreshError')).toBe(error ? 1 : 0)
          expect(world.count('logout')).toBe(0)
          expect(Object.keys(Object.prototype)).toEqual([])
          client.dispose()
        }),
        { numRuns: 150 },
      )
    })
  })

  describe('F14 while the token lives, a backoff is at most half of what is left of it', () => {
    /** An answer of 503, for so long from the first refresh on; the token's end, and when a refresh got through. */
    async function outage(given: WorldOptions, seconds: number) {
      const world = await signedIn(given)
      const { client, clock, server } = world
      const { expiresAt } = client.session as { expiresAt: number }
      server.answer(REFRESH, () => Response.json({}, { status: 503 }))
      while (server.refreshes === 0) await clock.advance(SECOND / 4)
      const from = server.calls.find(({ path }) => path === '/refresh_token')!.at
      await clock.advance(from + seconds * SECOND - clock.now())
      server.mend()
      return { world, end: expiresAt, from }
    }
    const tries = (world: World, until = Number.POSITIVE_INFINITY) =>
      world.server.calls.filter(({ path, at }) => path === '/refresh_token' && at < until)
    const draws = [0, 1 / 3, 0.5, 0.9, 1 - Number.EPSILON]
    const lifetimes = [15, 40, 300, 3600]
    const cases = lifetimes.flatMap(lifetime => draws.map(random => ({ lifetime, random })))

    test.each(cases)('$lifetime s, $random: nor shorter than 1 s, and 8 calls more at most', async given => {
      const { lifetime, random } = given
      const { world, end } = await outage({ random, server: { lifetime } }, lifetime)
      const made = tries(world, end)
      expect(made.length - 1).toBeLessThanOrEqual(8)
      for (const [n, { at }] of made.slice(0, -1).entries()) {
        const wait = made[n + 1]!.at - at
        expect(wait).toBeGreaterThanOrEqual(SECOND)
        expect(wait).toBeLessThanOrEqual(Math.max(SECOND, Math.ceil((end - at) / 2)))
      }
      // Whoever is back 3 s before the end is asked in time.
      expect(made.at(-1)!.at).toBeGreaterThan(end - 3 * SECOND)
      expect(world.count('logout')).toBe(0)
    })

    test.each(draws)('drawn anew each time, seed %d', async seed => {
      for (let n = 0; n < 20; n++) {
        let state = Math.floor(seed * 1e6) + n + 1
        const random = () => {
          state = (state * 48_271) % 2_147_483_647
          return state / 2_147_483_647
        }
        const { world, end } = await outage({ random }, 70)
        expect(tries(world, end).length - 1).toBeLessThanOrEqual(8)
        expect(tries(world, end).at(-1)!.at).toBeGreaterThan(end - 3 * SECOND)
        world.client.dispose()
      }
    })

    test.each(draws)('after an outage of 10 s there is a new token within 10 s (draw %d)', async random => {
      for (const seconds of [2, 5, 8, 9.9, 10]) {
        const { world, from } = await outage({ random }, seconds)
        await world.clock.advance(10 * SECOND)
        expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
        expect(tries(world).at(-1)!.at - from).toBeLessThanOrEqual((seconds + 10) * SECOND)
        world.client.dispose()
      }
    })

    test('what the server names itself is waited for, however long', async () => {
      const { client, clock, server } = await signedIn()
      server.answer(REFRESH, () => Response.json({}, { status: 503, headers: { 'Retry-After': '50' } }))
      while (server.refreshes === 0) await clock.advance(SECOND)
      await clock.advance(49 * SECOND)
      expect(server.refreshes).toBe(1)
      expect(client.session.status).toBe('authenticated')
    })
  })

  describe('F2 100 offline and online flaps cause no logout and few refresh calls', () => {
    async function flap(world: World, ms: number) {
      for (let n = 0; n < 100; n++) {
        world.online = false
        world.wake('offline')
        await world.client.fetch(items).catch(() => {})
        await world.clock.advance(ms)
        world.online = true
        world.wake('online')
        await world.client.fetch(items).catch(() => {})
        await world.clock.advance(ms)
      }
      expect(world.client.session.status).toBe('authenticated')
      expect(world.count('logout')).toBe(0)
    }
    const attempts = ({ logs }: World) => logs.filter(({ type }) => type === 'refresh').length

    test('with a token that lives: none', async () => {
      const world = await signedIn()
      await flap(world, SECOND)
      expect(attempts(world)).toBe(0)
    })

    test('with a token that has expired: the first answer ends it', async () => {
      const world = await signedIn()
      world.clock.sleep(2 * HOUR)
      await flap(world, SECOND)
      expect(world.server.refreshes).toBe(1)
    })

    test.each([100, SECOND, 10 * SECOND])('when no attempt gets through, every %i ms', async ms => {
      const world = await signedIn({ random: 0 })
      const { client, clock, server } = world
      server.answer(REFRESH, () => Response.error())
      clock.sleep(2 * HOUR)
      const start = clock.time
      await flap(world, ms)
      expect(attempts(world)).toBeLessThanOrEqual(30 * Math.ceil((clock.time - start) / MINUTE))
      server.mend()
      await clock.advance(MINUTE)
      expect((await client.fetch(items)).status).toBe(200)
    })
  })

  describe('F3 Retry-After is honoured', () => {
    const date = (ms: number) => new Date(ms).toUTCString()
    type Told = (server: number, client: number) => Record<string, string>
    const forms: [name: string, told: Told, skews: number[]][] = [
      ['in seconds', () => ({ 'Retry-After': '120' }), [0, 2 * HOUR, -2 * HOUR]],
      [
        'as a date beside a Date',
        now => ({ 'Retry-After': date(now + 120 * SECOND), Date: date(now) }),
        [0, 2 * HOUR, -2 * HOUR],
      ],
      ['as a date alone', now => ({ 'Retry-After': date(now + 120 * SECOND) }), [0]],
    ]
    const cases = forms.flatMap(([form, told, skews]) =>
      skews.flatMap(skew => [429, 503].map(status => ({ form, told, skew, status }))),
    )

    /** Everything that could make an impatient client call. */
    async function pester(world: World) {
      const { client } = world
      const asked = Promise.allSettled([client.fetch(items), client.getAccessToken(), client.refresh()])
      for (const type of ['online', 'focus', 'visibilitychange', 'pageshow', 'resume']) world.wake(type)
      await asked
      await world.settle()
    }

    test.each(cases)('$form, with $status and a clock $skew ms ahead', async ({ told, skew, status }) => {
      const world = await signedIn({ skew })
      const { client, clock, server } = world
      server.answer(REFRESH, () => Response.json({}, { status, headers: told(clock.time, clock.now()) }))
      clock.sleep(2 * HOUR)
      const start = clock.time
      const error = await errorOf(client.fetch(items))
      expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true, status })
      expect(error.retryAt).toBeGreaterThanOrEqual(clock.now() + 120 * SECOND)
      while (clock.time < start + 119 * SECOND) {
        await pester(world)
        await clock.advance(SECOND)
      }
      expect(server.refreshes).toBe(1)
      server.mend()
      await clock.advance(MINUTE)
      expect(refreshGaps(world)).toEqual([expect.any(Number)])
      expect(refreshGaps(world)[0]).toBeGreaterThanOrEqual(120 * SECOND)
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
      expect(world.count('logout')).toBe(0)
    })

    if (mode.isRestored) {
      test('at the first restore too', async () => {
        const world = await reloaded()
        const { client, clock, server } = world
        server.answer(REFRESH, () => Response.json({}, { status: 503, headers: { 'Retry-After': '120' } }), 1)
        expect((await client.ready()).status).toBe('unknown')
        for (let second = 0; second < 119; second++) {
          await pester(world)
          await clock.advance(SECOND)
        }
        expect(server.refreshes).toBe(1)
        await clock.advance(MINUTE)
        expect(client.session.status).toBe('authenticated')
      })
    }

    test('a 429 storm: in an hour of requests no call comes sooner than it was told', async () => {
      const world = await signedIn()
      const { clock, server } = world
      server.answer(REFRESH, () => Response.json({}, { status: 429, headers: { 'Retry-After': '30' } }))
      clock.sleep(2 * HOUR)
      for (let second = 0; second < 3600; second += 5) {
        await pester(world)
        await clock.advance(5 * SECOND)
      }
      expect(server.refreshes).toBeGreaterThan(30)
      expect(Math.min(...refreshGaps(world))).toBeGreaterThanOrEqual(30 * SECOND)
      expect(world.count('logout')).toBe(0)
    })

    test('a login ends it: what was told was told to the session before', async () => {
      const world = await signedIn()
      const { client, clock, server } = world
      server.answer(REFRESH, () => server.json({}, 429, { 'Retry-After': '7200' }), 1)
      clock.sleep(2 * HOUR)
      await errorOf(client.fetch(items))
      await world.login()
      await client.refresh()
      expect(server.refreshes).toBe(2)
    })

    test.each(['99999999999', 'Fri, 01 Jan 2100 00:00:00 GMT'])('for a day at most: %s', async value => {
      const { client, clock, server } = await signedIn()
      server.answer(REFRESH, () => server.json({}, 503, { 'Retry-After': value }))
      clock.sleep(2 * HOUR)
      const { retryAt } = await errorOf(client.fetch(items))
      expect(retryAt).toBeGreaterThan(clock.now() + 23 * HOUR)
      expect(retryAt).toBeLessThan(clock.now() + 25 * HOUR)
    })

    test.each(['soon', '-5', '1e9', '', '0'])('nonsense (%j) is a failure like any other', async value => {
      const world = await signedIn()
      const { client, clock, server } = world
      server.answer(REFRESH, () => Response.json({}, { status: 503, headers: { 'Retry-After': value } }), 1)
      clock.sleep(2 * HOUR)
      await errorOf(client.fetch(items))
      await clock.advance(2 * SECOND)
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
    })
  })

  describe('F4 a refresh that never answers', () => {
    const timeouts = [10 * SECOND, 3 * SECOND]

    test.each(timeouts)(
      'frees all its waiters after %i ms with one and the same retryable outcome',
      async timeout => {
        const { client, clock, server } = await signedIn({ options: { timeout } })
        server.hold(REFRESH)
        clock.sleep(2 * HOUR)
        const asked = [client.fetch(items), client.refresh(), client.fetch(items)].map(errorOf)
        if (mode.isBearer) asked.push(errorOf(client.getAccessToken()))
        let freed = 0
        for (const error of asked) void error.then(() => freed++)
        await clock.advance(timeout - 1)
        expect(freed).toBe(0)
        await clock.advance(1)
        expect(freed).toBe(asked.length)
        const [first, ...others] = await Promise.all(asked)
        expect(first).toMatchObject({
          code: 'refresh_unavailable',
          retryable: true,
          retryAt: expect.any(Number),
        })
        for (const error of others) expect(error).toEqual(first)
        expect(client.session).toMatchObject({ status: 'authenticated', error: first })
      },
    )

    test.each(timeouts)('is not aborted before its second bound, after %i ms more', async timeout => {
      const { client, clock, server } = await signedIn({ options: { timeout } })
      server.hold(REFRESH)
      clock.sleep(2 * HOUR)
      const failed = errorOf(client.fetch(items))
      await clock.advance(2 * timeout - 1)
      await failed
      expect(server.held).toBe(1)
      await clock.advance(1)
      expect(server.held).toBe(0)
    })

    test('is not sent a second time while its answer can still come', async () => {
      const { client, clock, server } = await signedIn()
      server.hold(REFRESH)
      clock.sleep(2 * HOUR)
      const first = errorOf(client.fetch(items))
      await clock.advance(10 * SECOND)
      await first
      for (let second = 0; second < 9; second++) {
        await errorOf(client.fetch(items))
        await errorOf(client.refresh())
        await clock.advance(SECOND)
      }
      expect(server.refreshes).toBe(1)
    })

    test('an answer that comes between the bounds is used', async () => {
      const world = await signedIn()
      const { client, clock, server, settle } = world
      const arrive = server.delay(REFRESH)
      clock.sleep(2 * HOUR)
      const failed = errorOf(client.fetch(items))
      await clock.advance(19 * SECOND)
      await failed
      arrive()
      await settle()
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
      expect((await client.fetch(items)).status).toBe(200)
      expect(server.refreshes).toBe(1)
      expect(world.events.map(([name]) => name)).toEqual(['refreshError', 'refresh'])
    })

    if (mode.isRestored) {
      test('an answer that comes between the bounds is used by the first restore', async () => {
        const world = await reloaded()
        const { client, clock, server, settle } = world
        const arrive = server.delay(REFRESH)
        const ready = client.ready()
        await clock.advance(10 * SECOND)
        expect((await ready).status).toBe('unknown')
        await clock.advance(9 * SECOND)
        arrive()
        await settle()
        expect(client.session).toMatchObject({ status: 'authenticated', error: null })
        expect(world.events.map(([name]) => name)).toEqual(['refreshError', 'login'])
        expect(server.refreshes).toBe(1)
      })

      test('an answer after the second bound changes nothing, and the next attempt goes out', async () => {
        const world = await signedIn()
        const { client, clock, server, settle } = world
        const arrive = server.hold(REFRESH, refuse)
        clock.sleep(2 * HOUR)
        const failed = errorOf(client.fetch(items))
        await clock.advance(20 * SECOND)
        await failed
        arrive()
        await settle()
        expect(client.session.status).toBe('authenticated')
        await clock.advance(MINUTE)
        expect(client.session).toMatchObject({ status: 'authenticated', error: null })
        expect(server.refreshes).toBe(2)
        expect(world.count('logout')).toBe(0)
      })
    }
  })

  describe('F5 a rejection keeps the session while its token works', () => {
    const refusals: [name: string, answer: Handler, options?: AuthClientOptions][] = [
      ...[400, 401, 403].map((status): [string, Handler] => [
        `${status}`,
        () => Response.json({ error: 'invalid_grant' }, { status }),
      ]),
      ['an empty 401', () => new Response(null, { status: 401 })],
      [
        'what isRejected says',
        () => new Response('gone', { status: 410 }),
        { isRejected: ({ body }) => body === 'gone' },
      ],
    ]

    /** 30 s before its token's end, after the first rejection. */
    async function rejected(answer: Handler, options: AuthClientOptions = {}): Promise<World> {
      const world = await signedIn({ options })
      const { client, clock, server } = world
      server.answer(REFRESH, answer)
      await clock.advance(HOUR - 30 * SECOND)
      expect(server.refreshes).toBe(1)
      expect(client.session).toMatchObject({ status: 'authenticated', error: { code: 'refresh_rejected' } })
      expect(world.events).toEqual([
        ['refreshError', { error: expect.anything(), retryAt: expect.any(Number) }],
      ])
      return world
    }
    const logouts = ({ events }: World) => events.filter(([name]) => name === 'logout')

    test.each(refusals)(
      'to its end, with one call before and one then, and one logout: %s',
      async (_, answer, options) => {
        const world = await rejected(answer, options)
        const { client, clock, server } = world
        // One second may have been lost to rounding, and in the last one no request is sent with it.
        for (let second = 0; second < 28; second++) {
          expect((await client.fetch(items)).status).toBe(200)
          for (const type of ['online', 'focus', 'visibilitychange']) world.wake(type)
          expect(await errorOf(client.refresh())).toMatchObject({
            code: 'refresh_rejected',
            retryable: false,
          })
          await clock.advance(SECOND)
        }
        expect(server.refreshes).toBe(1)
        expect(logouts(world)).toEqual([])
        await clock.advance(HOUR)
        expect(server.refreshes).toBe(2)
        expect(logouts(world)).toEqual([['logout', REFUSED]])
        expect(client.session).toEqual({ status: 'anonymous', ...REFUSED })
      },
    )

    test.each(refusals)(
      'to the first 401, which is the answer, and one logout: %s',
      async (_, answer, options) => {
        const world = await rejected(answer, options)
        const { client, clock, server } = world
        server.revokeAccess()
        const responses = await Promise.all(times(20, () => client.fetch(items)))
        expect(responses.map(({ status }) => status)).toEqual(times(20, () => 401))
        await clock.advance(HOUR)
        expect(server.refreshes).toBe(2)
        expect(server.count('/items')).toBe(20)
        expect(logouts(world)).toEqual([['logout', REFUSED]])
      },
    )

    test('a refusal that is taken back when asked once more ends nothing', async () => {
      const world = await rejected(refuse)
      const { client, clock, server } = world
      server.mend()
      await clock.advance(MINUTE)
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
      expect((await client.fetch(items)).status).toBe(200)
      expect(logouts(world)).toEqual([])
    })

    test('a token of unknown lifetime works to the first 401', async () => {
      const world = await signedIn({ server: { opaque: true, expiresIn: false } })
      const { client, clock, server } = world
      server.answer(REFRESH, refuse)
      expect(await errorOf(client.refresh())).toMatchObject({ code: 'refresh_rejected' })
      for (let n = 0; n < 10; n++) {
        await clock.advance(5 * MINUTE)
        expect((await client.fetch(items)).status).toBe(200)
        await errorOf(client.refresh())
      }
      expect(server.refreshes).toBe(1)
      expect(logouts(world)).toEqual([])
      server.revokeAccess()
      expect((await client.fetch(items)).status).toBe(401)
      expect(server.refreshes).toBe(2)
      expect(logouts(world)).toEqual([['logout', REFUSED]])
    })

    test('a token that dies while the refusal is on its way is not kept, and nothing is asked again', async () => {
      const world = await signedIn()
      const { client, clock, server } = world
      const answer = server.hold(REFRESH, refuse)
      const refreshed = errorOf(client.refresh())
      await world.settle()
      clock.sleep(2 * HOUR)
      answer()
      expect(await refreshed).toMatchObject({ code: 'no_session' })
      await world.settle()
      expect(server.refreshes).toBe(1)
      expect(world.events).toEqual([['logout', REFUSED]])
    })

    test('a token that is dead by then is not kept', async () => {
      const world = await signedIn()
      const { client, clock, server } = world
      server.answer(REFRESH, refuse)
      clock.sleep(2 * HOUR)
      expect(await client.fetch(items).catch(error => error.code)).toBe('no_session')
      expect(server.refreshes).toBe(1)
      expect(world.events).toEqual([['logout', REFUSED]])
    })
  })

  test('F6 after a sign-out with reason "rejected" nothing calls refresh until someone logs in', async () => {
    const world = await signedIn()
    const { client, clock, server } = world
    server.answer(REFRESH, refuse)
    clock.sleep(2 * HOUR)
    expect(await client.fetch(items).catch(error => error.code)).toBe('no_session')
    expect(client.session).toEqual({ status: 'anonymous', ...REFUSED })
    server.mend()
    for (let hour = 0; hour < 24; hour++) {
      expect((await client.fetch(items)).status).toBe(401)
      if (mode.isBearer) expect(await client.getAccessToken({ minValidity: MINUTE })).toBeNull()
      expect((await client.ready()).status).toBe('anonymous')
      world.online = !world.online || hour === 23
      for (const type of ['online', 'focus', 'visibilitychange', 'pageshow', 'resume']) world.wake(type)
      world.online = true
      await clock.advance(HOUR)
    }
    expect(server.refreshes).toBe(1)
    expect(clock.timers).toBe(0)
    expect(
      server.calls.filter(({ path }) => path === '/items').every(call => call.authorization === null),
    ).toBe(true)
    expect(world.count('logout')).toBe(1)

    await world.login()
    await clock.advance(HOUR)
    expect(server.refreshes).toBe(2)
    expect((await client.fetch(items)).status).toBe(200)
  })

  describe('F7 a failed login', () => {
    const states: [name: string, create: () => Promise<World>][] = [
      ['somebody is signed in', () => signedIn()],
      ['nobody is', async () => anonymous(createWorld())],
      ['nothing was restored yet', async () => createWorld()],
    ]
    const anonymous = async (world: World) => {
      await world.client.ready()
      world.server.calls.length = 0
      return world
    }
    /** Nothing but the login call happens, and nothing changes. */
    async function expectUntouched(world: World, login: () => Promise<void>) {
      const { client, clock, server } = world
      const { session } = client
      await login()
      await clock.advance(MINUTE)
      expect(client.session).toBe(session)
      expect(server.calls.map(call => call.path)).toEqual(['/login'])
      expect(world.events).toEqual([])
      if (session.status === 'authenticated') expect((await client.fetch(items)).status).toBe(200)
    }

    test.each(states)("a wrong password rejects with the server's body, while %s", async (_, create) => {
      const world = await create()
      await expectUntouched(world, async () => {
        expect(await errorOf(world.client.login({ email: 'bob', password: 'wrong' }))).toMatchObject({
          code: 'login_rejected',
          retryable: false,
          status: 401,
          body: { error: 'invalid_credentials', hint: 'caps lock?' },
        })
      })
    })

    test.each([400, 403, 404, 409, 422])('a refusal by status %i is told with its body', async status => {
      const world = await signedIn()
      world.server.answer('POST /login', () => new Response('No, "really".', { status }))
      await expectUntouched(world, async () => {
        const error = await errorOf(world.client.login({}))
        expect(error).toMatchObject({ code: 'login_rejected', status, body: 'No, "really".' })
      })
    })

    const passing: [name: string, answer: Handler][] = [
      ['a network error', () => Response.error()],
      ['429', () => new Response(null, { status: 429 })],
      ['503', () => new Response(null, { status: 503 })],
    ]
    test.each(passing)('%s says nothing about the password', async (_, answer) => {
      const world = await signedIn()
      world.server.answer('POST /login', answer)
      await expectUntouched(world, async () => {
        expect(await errorOf(world.client.login({}))).toMatchObject({
          code: 'login_unavailable',
          retryable: true,
        })
      })
    })
  })

  if (mode.isRestored) {
    describe('F8 a first restore that fails for a passing reason leaves the status unknown until the server is back', () => {
      const unavailable: Handler = () => new Response(null, { status: 503 })

      test.each(['auto', 'manual'] as const)('restore: %s', async restore => {
        const world = await reloaded({ options: { restore } })
        const { client, clock, server } = world
        server.answer(REFRESH, unavailable)
        await clock.advance(1)
        expect(server.refreshes).toBe(restore === 'auto' ? 1 : 0)
        expect(await client.ready()).toMatchObject({
          status: 'unknown',
          error: { code: 'refresh_unavailable' },
        })
        for (let minute = 0; minute < 10; minute++) {
          await clock.advance(MINUTE)
          expect(await errorOf(client.fetch(items))).toMatchObject({
            code: 'refresh_unavailable',
            retryable: true,
          })
          expect((await client.ready()).status).toBe('unknown')
        }
        expect(server.refreshes).toBeGreaterThan(10)
        expect(server.count('/items')).toBe(0)

        server.mend()
        await clock.advance(MINUTE)
        expect(client.session).toMatchObject({ status: 'authenticated', error: null })
        expect((await client.ready()).status).toBe('authenticated')
        expect((await client.fetch(items)).status).toBe(200)
        expect(world.events.filter(([name]) => name !== 'refreshError')).toEqual([
          ['login', { cause: 'restore' }],
        ])
      })

      test('a page that was loaded offline is signed in once it is online', async () => {
        const world = await reloaded()
        const { client, clock } = world
        world.online = false
        expect((await client.ready()).status).toBe('unknown')
        await clock.advance(HOUR)
        expect(clock.timers).toBe(0)
        world.online = true
        world.wake('online')
        await clock.advance(2 * SECOND)
        expect(client.session.status).toBe('authenticated')
      })
    })

    describe('F10 no public promise stays pending', () => {
      const TIMEOUT = 5 * SECOND
      /** A call may have to wait for a refresh under way, and for a login or logout before it. */
      const BOUND = 3 * TIMEOUT
      const never = () => new Promise<never>(() => {})

      interface Stage {
        world: World
        /** From now on nothing gets past the obstacle. */
        stuck: boolean
      }
      const auth = ['/login', '/refresh_token', '/logout', '/user/whoami']
      const obstacles: [name: string, options: (stage: Stage) => AuthClientOptions<any>][] = [
        [
          'a server that never answers',
          stage => ({
            endpoints: { user: 'user/whoami' },
            fetch(input, init) {
              const { pathname } = new URL(String(input))
              const route = `${init?.method} ${pathname}`
              if (auth.includes(pathname))
                stage.stuck ? stage.world.server.hold(route) : stage.world.server.mend(route)
              return stage.world.environment.fetch(input, init)
            },
          }),
        ],
        [
          'a fetch that does not settle when it is aborted',
          stage => ({
            endpoints: { user: 'user/whoami' },
            fetch: (input, init) => (stage.stuck ? never() : stage.world.environment.fetch(input, init)),
          }),
        ],
        [
          'endpoint functions that never settle',
          stage => {
            const endpoint = (path: string) => async (context: EndpointContext) => {
              const { credentials, tokens } = context
              if (stage.stuck) return never()
              return { url: ORIGIN + path, json: credentials ?? { refresh_token: tokens?.refreshToken } }
            }
            return {
              sessionKey: 'test',
              endpoints: {
                login: endpoint('/login'),
                refresh: endpoint('/refresh_token'),
                logout: endpoint('/logout'),
              },
            }
          },
        ],
        [
          'a user function that never settles',
          stage => ({
            endpoints: { user: async () => (stage.stuck ? never() : { url: '/user/whoami', method: 'GET' }) },
          }),
        ],
        [
          'a readTokens that never settles',
          stage => ({ readTokens: body => (stage.stuck ? never() : readTokens(body)) }),
        ],
      ]
      const readTokens = (body: any) => ({
        accessToken: body.access_token,
        refreshToken: body.refresh_token,
        user: body.name,
      })
      if (mode.isBearer) {
        obstacles.push([
          'a claims schema that never settles',
          stage => ({ claims: { '~standard': { validate: value => (stage.stuck ? never() : { value }) } } }),
        ])
      }
      function prepare(options: (stage: Stage) => AuthClientOptions<any>): Stage {
        const stage = { stuck: false } as Stage
        stage.world = createWorld({ options: { timeout: TIMEOUT, ...options(stage) } })
        return stage
      }

      const refresh = ({ client }: World) => client.refresh()
      const login = ({ client }: World) => client.login({ email: 'bob', password: 'right' })
      const logout = ({ client }: World) => client.logout()
      const getAccessToken = ({ client }: World) => client.getAccessToken({ minValidity: 2 * HOUR })
      const setTokens = ({ client }: World) => client.setTokens({ accessToken: makeToken({ sub: 'eve' }) })
      const dispose = async ({ client }: World) => client.dispose()
      const request = ({ client, clock }: World) => {
        clock.sleep(2 * HOUR)
        return client.fetch(items)
      }
      const calls: [name: string, calls: ((world: World) => Promise<unknown>)[]][] = [
        ['refresh', [refresh]],
        ['getAccessToken', [getAccessToken]],
        ['a request that waits for a token', [request]],
        ['login', [login]],
        ['setTokens', [setTokens]],
        ['logout', [logout]],
        ['logout behind a refresh', [refresh, logout]],
        ['login behind a refresh', [refresh, login]],
        ['logout behind a login', [login, logout]],
        ['dispose behind all of them', [refresh, login, logout, dispose]],
      ]
      const cases = obstacles.flatMap(([obstacle, options]) =>
        calls.map(([call, list]) => ({ obstacle, options, call, list })),
      )

      test.each(cases)('$call, with $obstacle', async ({ options, list }) => {
        const stage = prepare(options)
        const { clock, login, settle } = stage.world
        await login()
        stage.stuck = true
        let pending = list.length
        const settled = () => pending--
        for (const call of list) {
          call(stage.world).then(settled, settled)
          await settle()
        }
        await clock.advance(BOUND)
        expect(pending).toBe(0)
      })

      test.each(obstacles)('ready, with %s', async (_, options) => {
        const stage = prepare(options)
        stage.stuck = true
        let pending = true
        void stage.world.client.ready().finally(() => {
          pending = false
        })
        await stage.world.clock.advance(TIMEOUT)
        expect(pending).toBe(false)
      })

      test.each(obstacles)('and all is well when it is gone: %s', async (_, options) => {
        const stage = prepare(options)
        const { client, clock, login } = stage.world
        await login()
        stage.stuck = true
        void client.refresh().catch(() => {})
        await clock.advance(BOUND)
        stage.stuck = false
        const done = login('bob').then(() => client.refresh())
        let pending = true
        void done.finally(() => {
          pending = false
        })
        await clock.advance(BOUND)
        expect(pending).toBe(false)
        expect(await done).toMatchObject({ status: 'authenticated', error: null })
        expect(await (await client.fetch(items)).json()).toMatchObject({ user: 'bob' })
      })
    })
  }

  describe('F11 the server rotates and the answer is lost', () => {
    test('with a rotation grace the user stays signed in', async () => {
      const world = await signedIn({ server: { grace: 10 * SECOND } })
      const { client, clock, server } = world
      server.lose(REFRESH)
      await clock.advance(HOUR)
      expect(client.session).toMatchObject({ status: 'authenticated', error: null })
      expect(server.refreshes).toBe(2)
      expect((await client.fetch(items)).status).toBe(200)
      await clock.advance(10 * HOUR)
      expect((await client.fetch(items)).status).toBe(200)
      expect(server.reuses).toBe(0)
      expect(world.count('logout')).toBe(0)
    })

    test('without one the user is signed out, once, when the token ends', async () => {
      const world = await signedIn()
      const { client, clock, server } = world
      server.lose(REFRESH)
      await clock.advance(HOUR - 10 * SECOND)
      expect((await client.fetch(items)).status).toBe(200)
      expect(world.count('logout')).toBe(0)
      await clock.advance(10 * HOUR)
      expect(server.reuses).toBe(1)
      expect(server.refreshes).toBe(3)
      expect(world.events.filter(([name]) => name === 'logout')).toEqual([['logout', REFUSED]])
      expect(client.session).toEqual({ status: 'anonymous', ...REFUSED })
    })

    test('without one and with a token that is dead, the user is signed out at once', async () => {
      const world = await signedIn()
      const { client, clock, server } = world
      server.lose(REFRESH)
      server.revokeAccess()
      expect(await errorOf(client.fetch(items))).toMatchObject({
        code: 'refresh_unavailable',
        retryable: true,
      })
      await clock.advance(10 * SECOND)
      expect((await client.fetch(items)).status).toBe(401)
      await clock.advance(10 * HOUR)
      expect(server.reuses).toBe(1)
      expect(world.events.filter(([name]) => name === 'logout')).toEqual([['logout', REFUSED]])
    })
  })

  describe('F11 a refresh that failed while the token still worked is tried again when it was announced', () => {
    const causes: [string, (world: World) => Promise<unknown>][] = [
      ['refresh()', ({ client }) => client.refresh().catch(() => {})],
      [
        'a 401',
        async ({ client, server }) => {
          server.revokeAccess()
          await client.fetch(`${ORIGIN}/items`).catch(() => {})
        },
      ],
    ]
    test.each(causes)('led by %s: within the grace, so the user stays signed in', async (_, cause) => {
      const world = await signedIn({ server: { grace: 10_000 } })
      world.server.lose('POST /refresh_token')
      await cause(world)
      const { retryAt } = world.events.find(([name]) => name === 'refreshError')![1]
      await world.clock.advance(retryAt - world.clock.now())
      expect(world.server.refreshes).toBe(2)
      expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
      expect(world.server.reuses).toBe(0)
    })
  })

  test('what the app refreshes by itself takes nothing from the budget of the timer and of 401s', async () => {
    const world = await signedIn()
    for (let n = 0; n < 20; n++) await world.client.refresh()
    world.server.revokeAccess()
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('F5 a refused refresh leaves the token in use to its very end, and asks for no shorter one', async () => {
    const world = await signedIn()
    world.server.answer(REFRESH, () => world.server.json({}, 401))
    await world.client.refresh().catch(() => {})
    // The end of a token that says it itself: a second may have been lost to rounding.
    const end = HOUR - (mode.isBearer ? SECOND : 0)
    await world.clock.advance(end - 500)
    expect((await world.client.fetch(items)).status).toBe(200)
    if (mode.isBearer) {
      expect(await errorOf(world.client.getAccessToken({ minValidity: MINUTE }))).toMatchObject({
        code: 'refresh_unavailable',
      })
    }
    expect(world.count('logout')).toBe(0)
    expect(world.server.refreshes).toBe(1)
    await world.clock.advance(500)
    expect(world.events.filter(([name]) => name === 'logout')).toEqual([['logout', REFUSED]])
    expect(world.server.refreshes).toBe(2)
  })
})

test('a refresh() that fails while nobody is signed in announces no attempt of its own', async () => {
  const world = createWorld()
  await world.client.ready()
  world.server.answer(REFRESH, () => world.server.json({}, 503))
  expect(await world.client.refresh().catch(error => error)).toMatchObject({
    code: 'refresh_unavailable',
    retryAt: undefined,
  })
  expect(world.events).toContainEqual(['refreshError', expect.objectContaining({ retryAt: null })])
  expect(world.clock.timers).toBe(0)
})

describe('F9 creating a client never throws', () => {
  const denied = () => {
    throw new DOMException('The operation is insecure.', 'SecurityError')
  }
  const kept = new Map<string, string>()
  const works = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  }
  afterEach(() => kept.clear())
  const storages: [name: string, storage: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>][] = [
    ['that cannot be reached', denied],
    ['that cannot be read', () => ({ ...works, getItem: denied })],
    ['that cannot be written', () => ({ ...works, setItem: denied })],
    ['where nothing can be removed', () => ({ ...works, removeItem: denied })],
    ['that does nothing but throw', () => ({ getItem: denied, setItem: denied, removeItem: denied })],
    ['that is missing', () => undefined as never],
  ]
  test.each(storages)(
    'storage %s: the session works, and a logout holds, and is tried again, in this page',
    async (_, storage) => {
      const world = reloaded()
      const { client, clock, environment, server } = world
      environment.localStorage = storage
      expect((await client.ready()).status).toBe('authenticated')
      expect((await client.fetch(items)).status).toBe(200)
      server.answer('POST /logout', () => Response.error())
      expect(await client.logout()).toMatchObject({ revoked: false })
      const { refreshes } = server
      for (const type of ['online', 'focus', 'pageshow']) world.wake(type)
      await clock.advance(2 * HOUR)
      expect(server.count('/logout')).toBeGreaterThan(1)
      expect((await client.ready()).status).toBe('anonymous')
      expect((await client.fetch(items)).status).toBe(401)
      expect(server.refreshes).toBe(refreshes)
      await world.login('bob')
      expect((await client.fetch(items)).status).toBe(200)
      expect(world.logs.filter(({ type }) => type === 'storage-unavailable').length).toBeLessThanOrEqual(1)
      expect(world.reported).toEqual([])
    },
  )

  test('storage that throws from the beginning is told to the logger, once', async () => {
    const world = reloaded()
    world.environment.localStorage = denied
    await world.client.ready()
    await world.client.logout()
    await world.login()
    expect(world.logs.filter(({ type }) => type === 'storage-unavailable')).toHaveLength(1)
  })

  test.each(['auto', 'manual'] as const)(
    'a dead session (restore: %s) is nobody signed in, and no logout',
    async restore => {
      const world = reloaded({ options: { restore } })
      const { client, clock, server } = world
      server.revokeAll()
      expect(client.session).toEqual({ status: 'unknown', error: null })
      await clock.advance(1)
      expect(await client.ready()).toEqual({ status: 'anonymous', ...NOBODY })
      expect(server.refreshes).toBe(1)
      expect(world.events).toEqual([])
      expect((await client.fetch(items)).status).toBe(401)
      expect(server.refreshes).toBe(1)
    },
  )

  test('a logger that throws disturbs nothing', async () => {
    const logger = () => {
      throw new Error('full disk')
    }
    const world = await signedIn({ options: { logger } })
    await world.client.refresh()
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(world.count('refresh')).toBe(1)
    expect(world.reported.length).toBeGreaterThan(0)
  })

  describe('in a browser', () => {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'localStorage')
    afterEach(() => {
      vi.unstubAllGlobals()
      if (descriptor) Object.defineProperty(globalThis, 'localStorage', descriptor)
      else Reflect.deleteProperty(globalThis, 'localStorage')
    })

    test('without locks, BroadcastChannel and storage', async () => {
      vi.stubGlobal('window', new EventTarget())
      vi.stubGlobal('document', Object.assign(new EventTarget(), { baseURI: `${ORIGIN}/app` }))
      vi.stubGlobal('location', { origin: ORIGIN, href: `${ORIGIN}/app` })
      vi.stubGlobal('navigator', { onLine: true })
      vi.stubGlobal('BroadcastChannel', undefined)
      Object.defineProperty(globalThis, 'localStorage', { configurable: true, get: denied })
      const { environment, server } = createWorld()
      server.seed()

      const client = createAuthClient({
        restore: 'manual',
        tabs: shareTabs(),
        fetch: environment.fetch,
      })
      expect((await client.ready()).status).toBe('authenticated')
      expect((await client.fetch(items)).status).toBe(200)
      expect(await client.logout()).toEqual({ revoked: true })
      await client.login({ email: 'ada', password: 'right' })
      expect(client.session.status).toBe('authenticated')
      client.dispose()
    })
  })
})

describe('F12 an answer is read for what it says', () => {
  const sentRefreshTokens = ({ server }: World) =>
    server.calls
      .filter(({ path }) => path === '/refresh_token')
      .map(({ text }) => text && JSON.parse(text).refresh_token)
  const token = () => makeToken({ iss: ORIGIN, sub: 'ada', jti: randomBytes(8).toString('hex') })

  test.each([{}, { refresh_token: null }])(
    'a missing new refresh token keeps the old one: %j',
    async without => {
      const world = await signedIn({ server: { carrier: 'body' } })
      const { client, server } = world
      server.answer(REFRESH, () => Response.json({ access_token: token(), expires_in: 3600, ...without }))
      for (let n = 0; n < 3; n++) await client.refresh()
      const [first] = sentRefreshTokens(world)
      expect(first).toMatch(/^refresh-/)
      expect(sentRefreshTokens(world)).toEqual([first, first, first])
    },
  )

  test('a new refresh token replaces the old one', async () => {
    const world = await signedIn({ server: { carrier: 'body' } })
    for (let n = 0; n < 3; n++) await world.client.refresh()
    expect(new Set(sentRefreshTokens(world)).size).toBe(3)
    expect(world.server.reuses).toBe(0)
  })

  test('a login without a refresh token does not inherit the one of the session before', async () => {
    const world = await signedIn({ server: { carrier: 'body' } })
    world.server.answer('POST /login', () => Response.json({ access_token: token(), expires_in: 3600 }))
    await world.login()
    await errorOf(world.client.refresh())
    expect(sentRefreshTokens(world)).toEqual([''])
  })

  test.each(['"15"', '15', '15.0', '"15.0"'])('expires_in %s is read as 15 s', async raw => {
    const world = await signedIn()
    const { client, clock, server } = world
    server.answer(REFRESH, () => new Response(`{"access_token":"${token()}","expires_in":${raw}}`))
    await client.refresh()
    expect(client.session).toMatchObject({ expiresAt: clock.now() + 15 * SECOND })
    await clock.advance(15 * SECOND)
    expect(server.refreshes).toBe(2)
  })

  test.each(['access_token', 'accessToken', 'token'])('the token is found under %s', async name => {
    const { client, server } = await signedIn()
    server.answer(REFRESH, () => Response.json({ [name]: 'opaque', token_type: 'bearer' }))
    await client.refresh()
    expect(await client.getAccessToken()).toBe('opaque')
  })

  test('unknown fields are ignored', async () => {
    const { client, clock, server } = await signedIn()
    const { session } = client
    const extra = {
      sessionKey: 'a b',
      id_token: 'x',
      status: 'anonymous',
      error: 'none',
      reason: 1,
      toString: null,
    }
    server.answer(REFRESH, () =>
      Response.json({ ...extra, access_token: 'opaque', expires_in: 60, claims: { sub: 'eve' } }),
    )
    await client.refresh()
    expect(Object.keys(client.session)).toEqual(Object.keys(session))
    expect(client.session).toMatchObject({ status: 'authenticated', claims: null, user: null, error: null })
    expect(client.session).toMatchObject({ expiresAt: clock.now() + MINUTE })
  })

  const polluting =
    '"__proto__":{"access_token":"evil","expires_in":1,"polluted":true},"constructor":{"prototype":{"polluted":true}}'
  test.each(['POST /login', REFRESH])('__proto__ in the answer to %s changes nothing', async route => {
    const world = await signedIn()
    const { client, clock, server } = world
    server.answer(route, () => new Response(`{${polluting},"access_token":"opaque","expires_in":60}`))
    await (route === REFRESH ? client.refresh() : world.login())
    expect(await client.getAccessToken()).toBe('opaque')
    expect(client.session).toMatchObject({ status: 'authenticated', expiresAt: clock.now() + MINUTE })
    expect(({} as any).polluted).toBeUndefined()
    expect((client.session as any).polluted).toBeUndefined()
  })

  test('a token that is only in __proto__ is none', async () => {
    const { client, server } = await signedIn()
    server.answer(REFRESH, () => new Response(`{${polluting}}`))
    expect(await errorOf(client.refresh())).toMatchObject({ code: 'refresh_unavailable' })
    expect(await client.getAccessToken()).not.toBe('evil')
  })

  test('__proto__ in the claims changes nothing', async () => {
    const { client, server } = await signedIn()
    const claims = Buffer.from('{"sub":"ada","__proto__":{"sub":"eve","admin":true}}').toString('base64url')
    server.answer(REFRESH, () => Response.json({ access_token: `e30.${claims}.x` }))
    await client.refresh()
    expect(client.session).toMatchObject({ claims: { sub: 'ada' } })
    expect((client.session as any).claims.admin).toBeUndefined()
    expect(({} as any).admin).toBeUndefined()
  })
})

describe('F13 a token that cannot be used is refused, and no part of it shows', () => {
  const secret = randomBytes(48).toString('base64url')
  const jwt = makeToken({ sub: 'ada', secret })
  const bad: [name: string, token: string][] = [
    ['a newline', `${secret}\n${secret}`],
    ['a newline at its end', `${secret}\n`],
    ['a header behind a line break', `${secret}\r\nX-Evil: ${secret}`],
    ['a NUL', `${secret}\0${secret}`],
    ['a space', `${secret} ${secret}`],
    ['a character beyond Latin-1', `${secret}–ш😀${secret}`],
    ['a Latin-1 character', `${secret}é${secret}`],
    ['a lone surrogate', `${secret}\ud800${secret}`],
    ['10 MB', secret.repeat(10 * 2 ** 14)],
    ['a newline behind a JWT', `${jwt}\n`],
  ]

  /** 12 characters anywhere in what can be seen of it. */
  function expectNoFragment(token: string, seen: unknown[]) {
    const all = { depth: null, maxArrayLength: null, maxStringLength: null, showHidden: true, getters: true }
    const text = seen.map(thing => inspect(thing, all) + JSON.stringify(thing)).join('\n')
    const start = token.slice(0, 1000)
    const leaked = times(Math.max(0, start.length - 11), at => start.slice(at, at + 12)).find(part =>
      text.includes(part),
    )
    expect(leaked).toBeUndefined()
  }
  const seenOf = (error: Error | null, { client, events, logs, reported, storage }: World): unknown[] => [
    error,
    error && [
      error.message,
      error.stack,
      error.cause,
      String(error),
      Object.getOwnPropertyDescriptors(error),
    ],
    client.session,
    client,
    events,
    logs,
    reported,
    [...storage],
  ]

  const kinds = ['access_token', 'refresh_token'] as const
  const cases = bad.flatMap(([what, token]) => kinds.map(kind => ({ what, token, kind })))
  const answerWith = (kind: string, token: string) => () =>
    Response.json({ access_token: 'fine', [kind]: token })

  test.each(cases)('$what in the $kind of a login', async ({ kind, token }) => {
    const world = await signedIn()
    const { client, server } = world
    const { session } = client
    server.answer('POST /login', answerWith(kind, token))
    const error = await errorOf(client.login({}))
    expect(error.code).toBe('malformed_response')
    expectNoFragment(token, seenOf(error, world))
    expect(client.session).toBe(session)
    expect((await client.fetch(items)).status).toBe(200)
  })

  test.each(cases)('$what in the $kind of a refresh', async ({ kind, token }) => {
    const world = await signedIn()
    const { client, server } = world
    server.answer(REFRESH, answerWith(kind, token))
    const error = await errorOf(client.refresh())
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
    const [failed, ...others] = world.logs.filter(({ type }) => type === 'refresh-failed')
    expect(failed).toMatchObject({ error: { code: 'malformed_response' } })
    expect(others).toEqual([])
    expect(world.count('refreshError')).toBe(1)
    expectNoFragment(token, seenOf(error, world))
    expect(client.session.status).toBe('authenticated')
    expect((await client.fetch(items)).status).toBe(200)
  })

  test.each(cases)('$what in the $kind of a restore', async ({ kind, token }) => {
    const world = reloaded()
    world.server.answer(REFRESH, answerWith(kind, token))
    expect(await world.client.ready()).toMatchObject({
      status: 'unknown',
      error: { code: 'refresh_unavailable' },
    })
    expectNoFragment(token, seenOf(null, world))
  })

  test.each(cases)('$what in the $kind of setTokens', async ({ kind, token }) => {
    const world = await signedIn()
    const { client } = world
    const tokens =
      kind === 'access_token' ? { accessToken: token } : { accessToken: 'fine', refreshToken: token }
    const error = await errorOf(client.setTokens(tokens))
    expect(error.code).toBe('malformed_response')
    expectNoFragment(token, seenOf(error, world))
    expect((await client.fetch(items)).status).toBe(200)
    expect(world.events).toEqual([])
  })

  const quote = () => {
    throw new TypeError(`Cannot use ${jwt}`, { cause: jwt })
  }
  const quoting: [name: string, options: AuthClientOptions<any>][] = [
    ['readTokens', { readTokens: quote }],
    ['a claims schema that throws', { claims: { '~standard': { validate: quote } } }],
    [
      'a claims schema that finds issues',
      { claims: { '~standard': { validate: () => ({ issues: [{ message: jwt }] }) } } },
    ],
    ['fetch', { fetch: quote }],
    ['endpoint functions', { sessionKey: 'test', endpoints: { login: quote, refresh: quote } }],
  ]
  test.each(quoting)('nor where %s quotes a good one in an error', async (_, options) => {
    const world = reloaded({ options })
    world.server.answer('POST /login', () => Response.json({ access_token: jwt }))
    world.server.answer(REFRESH, () => Response.json({ access_token: jwt }))
    expect((await world.client.ready()).status).toBe('unknown')
    const error = await errorOf(world.client.login({ email: 'ada', password: 'right' }))
    expectNoFragment(jwt, seenOf(error, world))
    expectNoFragment(jwt, seenOf(await errorOf(world.client.refresh()), world))
  })
})

import { HTTPError, TimeoutError } from 'ky'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AuthClient, createFullClient } from '../src/api/full-client.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

const REFRESH = 'POST /refresh_token'
const SECOND = 1_000

/** Somebody who signed in before this page was loaded. */
function open(given: WorldOptions = {}): { world: World; client: AuthClient } {
  const world = createWorld(given)
  world.client.dispose()
  world.server.seed()
  const client = createFullClient({ restore: 'manual', ...given.options }, world.environment)
  return { world: { ...world, client } as never, client }
}

const calls: [string, (client: AuthClient) => Promise<unknown>][] = [
  ['get', ({ api }) => api.get('items')],
  ['get().json()', ({ api }) => api.get('items').json()],
  ['post', ({ api }) => api.post('items', { json: {} })],
  ['the instance itself', ({ api }) => api('items')],
  ['extend', ({ api }) => api.extend({ headers: { 'X-One': '1' } }).get('items')],
  ['extend, with a fetch around ours', client => client.api.extend({ fetch: client.fetch }).get('items')],
  [
    'extend, with a fetch that waits for ours',
    client =>
      client.api.extend({ fetch: async (input, init) => await client.fetch(input, init) }).get('items'),
  ],
  ['extend, with no hooks', ({ api }) => api.extend({ hooks: undefined as never }).get('items')],
  ['create, over fetch', client => client.api.create({ fetch: client.fetch }).get(`${ORIGIN}/items`)],
]

afterEach(() => {
  vi.useRealTimers()
})

const kyTime = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })

/** For the world, and for ky, whose timers are the platform's. */
async function pass({ clock }: World, ms: number): Promise<void> {
  await clock.advance(ms)
  await vi.advanceTimersByTimeAsync(ms)
}

describe('E8 the default timeout of auth.api does not run', () => {
  test.each(calls)('while a restore takes longer, as "timeout" allows: %s', async (_, call) => {
    const { world, client } = open({ options: { timeout: 20 * SECOND } })
    const release = world.server.hold(REFRESH)
    kyTime()
    const outcome = watch(call(client))
    await pass(world, 19 * SECOND)
    expect(outcome.state).toBe('pending')
    release()
    await world.settle()
    expect(outcome.state).toBe('fulfilled')
    client.dispose()
    expect([world.clock.timers, vi.getTimerCount()]).toEqual([0, 0])
  })

  test.each(calls)('while the auth server hangs: refresh_unavailable, as fetch: %s', async (_, call) => {
    const { world, client } = open()
    world.server.hold(REFRESH)
    const outcomes = [call(client), client.fetch(`${ORIGIN}/items`)].map(watch)
    await world.clock.advance(10 * SECOND)
    expect(outcomes.map(({ state }) => state)).toEqual(['refresh_unavailable', 'refresh_unavailable'])
    client.dispose()
  })

  test('while a refresh after a 401 runs', async () => {
    const { world, client } = open({ options: { timeout: 30 * SECOND } })
    await client.ready()
    world.server.answer('GET /items', () => world.server.json({}, 401), 1)
    const refreshed = world.server.hold(REFRESH)
    kyTime()
    const outcome = watch(client.api.get('items') as Promise<Response>)
    await pass(world, 25 * SECOND)
    expect(outcome.state).toBe('pending')
    refreshed()
    await world.settle()
    expect(outcome.value?.status).toBe(200)
    client.dispose()
  })

  /** Restored after 15 s, refused, and refreshed for 25 s: sent three seconds after the call began, but for the waits. */
  async function sentAgain() {
    const signals: AbortSignal[] = []
    const { world, client } = open({
      options: {
        timeout: 30 * SECOND,
        fetch(input, init) {
          const request = new Request(input, init)
          if (request.url.endsWith('/items')) signals.push(request.signal)
          return world.environment.fetch(request)
        },
      },
    })
    const restored = world.server.hold(REFRESH)
    const refused = world.server.hold('GET /items', () => world.server.json({}, 401))
    const answered = world.server.hold('GET /items')
    const refreshed = world.server.hold(REFRESH)
    kyTime()
    const outcome = watch(client.api.get('items', { retry: 0 }) as Promise<Response>)
    await pass(world, 15 * SECOND)
    restored()
    await pass(world, 3 * SECOND)
    refused()
    await pass(world, 25 * SECOND)
    expect(outcome.state).toBe('pending')
    refreshed()
    await world.settle()
    return { world, client, outcome, answered, signals }
  }

  test('while a restore and a refresh after a 401 run: what is sent again is answered', async () => {
    const { world, client, outcome, answered } = await sentAgain()
    await pass(world, 7 * SECOND - 1)
    answered()
    await world.settle()
    expect(outcome.value?.status).toBe(200)
    client.dispose()
    expect([world.clock.timers, vi.getTimerCount()]).toEqual([0, 0])
  })

  test('but all sends of one attempt share the ten seconds, and the last is aborted', async () => {
    const { world, client, outcome, signals } = await sentAgain()
    await pass(world, 7 * SECOND - 1)
    expect(outcome.state).toBe('pending')
    await pass(world, 1)
    expect(outcome.error).toBeInstanceOf(TimeoutError)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    client.dispose()
    expect([world.clock.timers, vi.getTimerCount()]).toEqual([0, 0])
  })

  test('but an API that does not answer is given up after ten seconds, and its request aborted', async () => {
    const signals: AbortSignal[] = []
    const { world, client } = open({
      options: {
        fetch(input, init) {
          const request = new Request(input, init)
          if (request.url.endsWith('/items')) signals.push(request.signal)
          return world.environment.fetch(request)
        },
      },
    })
    await client.ready()
    world.server.hold('GET /items')
    kyTime()
    const outcome = watch(client.api.get('items', { retry: 0 }) as Promise<Response>)
    await world.settle()
    await vi.advanceTimersByTimeAsync(10 * SECOND - 1)
    expect(outcome.state).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expect(outcome.error).toMatchObject({ name: 'TimeoutError', request: { url: `${ORIGIN}/items` } })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    client.dispose()
  })

  test('each attempt of ky has its own time', async () => {
    const { world, client } = open()
    await client.ready()
    world.server.hold('GET /items')
    kyTime()
    const retry = { limit: 1, delay: () => 0, retryOnTimeout: true }
    const outcome = watch(client.api.get('items', { retry }) as Promise<Response>)
    await world.settle()
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    // The delay before the second attempt.
    await vi.advanceTimersByTimeAsync(1)
    await world.settle()
    expect(outcome.value?.status).toBe(200)
    expect(world.server.count('/items')).toBe(2)
    client.dispose()
  })

  test('each attempt has, also where the one before has waited for a token', async () => {
    const { world, client } = open()
    const restored = world.server.hold(REFRESH)
    world.server.hold('GET /items')
    kyTime()
    const retry = { limit: 1, delay: () => 0, retryOnTimeout: true }
    const outcome = watch(client.api.get('items', { retry }) as Promise<Response>)
    await pass(world, SECOND)
    restored()
    await world.settle()
    await pass(world, 10 * SECOND)
    await pass(world, 1)
    await world.settle()
    expect(outcome.value?.status).toBe(200)
    client.dispose()
  })

  test('two requests of one attempt, which both wait, leave no timer', async () => {
    const { world, client } = open({ options: { refreshAhead: 0 } })
    const restored = world.server.hold(REFRESH)
    const both: typeof globalThis.fetch = async (input, init) => {
      const [response] = await Promise.all([input, `${ORIGIN}/items?2`].map(one => client.fetch(one, init)))
      return response as Response
    }
    const outcome = watch(client.api.extend({ fetch: both }).get('items') as Promise<Response>)
    await world.settle()
    restored()
    await world.settle()
    expect(outcome.value?.status).toBe(200)
    client.dispose()
    expect(world.clock.timers).toBe(0)
  })

  test('a body that does not end is given up ten seconds after the response', async () => {
    const { world, client } = open({
      options: {
        async fetch(input, init) {
          if (!String((input as Request).url ?? input).endsWith('/items'))
            return world.environment.fetch(input, init)
          return new Response(new ReadableStream({ start: stream => stream.enqueue(new Uint8Array([91])) }))
        },
      },
    })
    await client.ready()
    kyTime()
    const outcome = watch(client.api.get('items').json())
    await world.settle()
    await vi.advanceTimersByTimeAsync(10 * SECOND - 1)
    expect(outcome.state).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expect(outcome.error).toBeInstanceOf(TimeoutError)
    client.dispose()
    expect(world.clock.timers).toBe(0)
  })

  const own: [string, (client: AuthClient) => Promise<unknown>][] = [
    ['for one request', ({ api }) => api.get('items', { timeout: 50 })],
    ['for the instance', ({ api }) => api.extend({ timeout: 50 }).get('items')],
    ['by a function', ({ api }) => api.extend(() => ({ timeout: 50 })).get('items')],
    [
      'by a hook',
      ({ api }) =>
        api.get('items', { hooks: { init: [options => void Object.assign(options, { timeout: 50 })] } }),
    ],
    ['for all attempts', ({ api }) => api.get('items', { totalTimeout: 50 })],
    ['as a signal', ({ api }) => api.get('items', { signal: AbortSignal.timeout(50) })],
  ]
  test.each(own)('a timeout that the caller gives runs: %s', async (_, call) => {
    const { world, client } = open()
    world.server.hold(REFRESH)
    await expect(call(client)).rejects.toMatchObject({ name: 'TimeoutError' })
    client.dispose()
  })

  test('a timeout that the caller gives runs, even if it is as long as the default', async () => {
    const { world, client } = open()
    world.server.hold(REFRESH)
    kyTime()
    const outcome = watch(client.api.get('items', { timeout: 10 * SECOND }) as Promise<Response>)
    await world.settle()
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    expect(outcome.error).toBeInstanceOf(TimeoutError)
    client.dispose()
  })

  test.each([[false], [30 * SECOND]] as const)(
    "the caller's own %s is not cut to ten seconds",
    async timeout => {
      const { world, client } = open()
      await client.ready()
      const release = world.server.hold('GET /items')
      const outcome = watch(client.api.get('items', { timeout }) as Promise<Response>)
      await world.clock.advance(20 * SECOND)
      release()
      await world.settle()
      expect(outcome.value?.status).toBe(200)
      client.dispose()
    },
  )

  test('nor what a hook sets, where the request has waited for a token', async () => {
    const { world, client } = open()
    const restored = world.server.hold(REFRESH)
    const answered = world.server.hold('GET /items')
    kyTime()
    const init = [(options: object) => void Object.assign(options, { timeout: false })]
    const outcome = watch(client.api.get('items', { hooks: { init } }) as Promise<Response>)
    await pass(world, SECOND)
    restored()
    await world.settle()
    await pass(world, 20 * SECOND)
    answered()
    await world.settle()
    expect(outcome.value?.status).toBe(200)
    client.dispose()
  })

  test('errors are those of ky', async () => {
    const { world, client } = open()
    await client.ready()
    world.server.answer('/items', () => world.server.json({ why: 'no' }, 418))
    const error = await client.api
      .get('items')
      .json()
      .catch((error: unknown) => error)
    expect(error).toBeInstanceOf(HTTPError)
    expect(error).toMatchObject({ data: { why: 'no' } })
    expect(() => client.api.get('items', 5 as never)).toThrow(TypeError)
    client.dispose()
    expect(world.clock.timers).toBe(0)
  })
})

describe('E17 a polluted Object.prototype takes no call of auth.api elsewhere', () => {
  test.each([...calls, ['with options', ({ api }) => api.get('items', { headers: {} })]] as typeof calls)(
    '%s',
    async (_, call) => {
      const { world, client } = open()
      await client.ready()
      const stolen: unknown[] = []
      const release = world.server.hold('/items')
      kyTime()
      const polluted = {
        fetch: async (input: unknown) => void stolen.push(input),
        timeout: 1,
        prefix: 'https://stranger.example',
      }
      Object.assign(Object.prototype, polluted)
      let outcome: ReturnType<typeof watch>
      try {
        outcome = watch(call(client))
        await world.settle()
        await vi.advanceTimersByTimeAsync(9 * SECOND)
      } finally {
        for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
      }
      release()
      await world.settle()
      expect(outcome.state).toBe('fulfilled')
      expect(stolen).toEqual([])
      client.dispose()
    },
  )
})

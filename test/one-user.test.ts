import v8 from 'node:v8'
import type { KyInstance } from 'ky'
import { describe, expect, test } from 'vitest'
import { createFullClient } from '../src/api/full-client.ts'
import { shareTabs, tokenStorage } from '../src/core.ts'
import { OWNER } from '../src/kernel/call.ts'
import { createTabStorage } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const items = `${ORIGIN}/items`
const sends = (world: World) => world.server.calls.filter(({ path }) => path === '/items')
const userOf = (authorization: string | null) =>
  authorization && JSON.parse(Buffer.from(authorization.split('.')[1]!, 'base64url').toString()).sub

describe('I5 all attempts of one call are made for the user who was signed in when the app made it', () => {
  const RETRY = { limit: 2, delay: () => 0 }

  /** Ada, with `auth.api`; `during` runs while ky waits for its next attempt. */
  async function stage(during: (world: World) => Promise<unknown>) {
    const world = await signedIn()
    const client = createFullClient({ restore: 'manual' }, { ...world.environment, locks: () => undefined })
    world.client.dispose()
    const whole = { ...world, client } as World & { client: typeof client }
    await client.login({ email: 'ada', password: 'right' })
    world.server.calls.length = 0
    world.server.answer('/items', () => world.server.json({}, 503), 1)
    const hooks = { beforeRetry: [async () => void (await during(whole))] }
    return { world, client, hooks }
  }
  const changes: Record<string, [during: (world: World) => Promise<unknown>, code: string]> = {
    'another user': [({ client }) => client.login({ email: 'bob', password: 'right' }), 'user_changed'],
    'another user after a logout': [
      async ({ client }) => {
        await client.logout()
        await client.login({ email: 'bob', password: 'right' })
      },
      'user_changed',
    ],
    nobody: [({ client }) => client.logout(), 'no_session'],
  }
  const instances: Record<
    string,
    (api: KyInstance, hooks: object, auth: { fetch: typeof fetch }) => KyInstance
  > = {
    'auth.api': (api, hooks) => api.extend({ hooks, retry: RETRY }),
    'extend, twice, by a function': (api, hooks) =>
      api.extend({ hooks }).extend(() => ({ retry: RETRY, headers: { 'X-One': '1' } })),
    'extend, with hooks that replace all others': (api, hooks) =>
      api.extend({ hooks: undefined as never }).extend({ hooks, retry: RETRY }),
    'extend, with a fetch around ours': (api, hooks, auth) =>
      api.extend({ hooks, retry: RETRY, fetch: (input, init) => auth.fetch(input, init) }),
    create: (api, hooks, auth) => api.create({ hooks, retry: RETRY, fetch: auth.fetch }),
  }
  const cases = Object.entries(instances).flatMap(([name, make]) =>
    Object.entries(changes).map(([change, [during, code]]) => ({ name, change, make, during, code })),
  )
  test.each(cases)('$name: $change', async ({ make, during, code }) => {
    const { world, client, hooks } = await stage(during)
    const api = make(client.api, hooks, client)
    const error = await api
      .put(items, { json: { of: 'ada' } })
      .json()
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'AuthError', code })
    expect(sends(world).map(({ authorization }) => userOf(authorization))).toEqual(['ada'])
  })

  test('the same user goes on', async () => {
    const { world, client, hooks } = await stage(({ client }) => client.refresh())
    await client.api.extend({ hooks, retry: RETRY }).put(items, { json: {} }).json()
    expect(sends(world)).toHaveLength(2)
  })

  test('also where a hook keeps the first attempt waiting, and by a call of the instance itself', async () => {
    const { world, client } = await stage(async () => {})
    let release!: () => void
    const wait = new Promise<void>(resolve => {
      release = resolve
    })
    const api = client.api.extend({ hooks: { beforeRequest: [() => wait] } })
    const outcomes = [api(items, { method: 'put' }), api.post(items)].map(call =>
      watch(call as Promise<Response>),
    )
    await client.login({ email: 'bob', password: 'right' })
    release()
    await world.settle()
    expect(outcomes.map(({ state }) => state)).toEqual(['user_changed', 'user_changed'])
    expect(sends(world)).toEqual([])
  })

  test('nothing of it is sent, or shown to the fetch underneath', async () => {
    const seen: unknown[] = []
    const world = createWorld()
    const client = createFullClient(
      {
        restore: 'manual',
        tabs: false,
        fetch(input, init) {
          const request = new Request(input, init)
          seen.push(...Object.keys(init ?? {}), ...request.headers.keys())
          return world.environment.fetch(request)
        },
      },
      world.environment,
    )
    await client.login({ email: 'ada', password: 'right' })
    await client.api.post(items, { json: {} })
    await client.api.get('https://other.example/items', { throwHttpErrors: false })
    expect(seen.filter(name => /silent|owner/i.test(String(name)))).toEqual([])
    client.dispose()
  })

  test('what ky refuses is refused', async () => {
    const { client } = await stage(async () => {})
    expect(() => client.api.get(items, 5 as never)).toThrow(TypeError)
    expect(client.api.stop).toBeTypeOf('symbol')
    expect(client.api.retry).toBeTypeOf('function')
  })
})

describe('I6 what is asked while the session is unknown is for the user this tab last knew', () => {
  const asks: [string, (world: World) => Promise<unknown>][] = [
    ['fetch', world => world.client.fetch(items)],
    ['getAccessToken', world => world.client.getAccessToken()],
  ]
  const lone: WorldOptions = { options: { tabs: shareTabs() } }

  describe.each(asks)('%s', (name, ask) => {
    /** Ada's page, back from the cache of the browser; what the server knows has changed by `meanwhile`. */
    async function back(meanwhile: (world: World) => unknown) {
      const world = await signedIn(lone)
      world.wake('pagehide', true)
      await meanwhile(world)
      const release = world.server.hold('POST /refresh_token')
      world.wake('pageshow', true)
      expect(world.client.session.status).toBe('unknown')
      const outcome = watch(ask(world))
      await world.settle()
      expect(outcome.state).toBe('pending')
      release()
      await world.clock.advance(3_000)
      return { world, outcome }
    }

    test('the same user: it goes out', async () => {
      const { world, outcome } = await back(() => {})
      expect(outcome.state).toBe('fulfilled')
      if (name === 'fetch') expect(userOf(sends(world)[0]!.authorization)).toBe('ada')
    })

    test('another user: user_changed, and nothing is sent', async () => {
      const { world, outcome } = await back(({ server }) => server.seed('bob'))
      expect(outcome.state).toBe('user_changed')
      expect(sends(world)).toEqual([])
    })

    test('nobody: no_session, and nothing is sent', async () => {
      const { world, outcome } = await back(({ server }) => server.revokeAll())
      expect(outcome.state).toBe('no_session')
      expect(sends(world)).toEqual([])
    })

    test('nobody, where nobody was known: without a header', async () => {
      const world = createWorld()
      const outcome = watch(ask(world))
      await world.settle()
      expect(outcome.state).toBe('fulfilled')
      if (name === 'fetch') expect(sends(world).map(({ authorization }) => authorization)).toEqual([null])
      else expect(outcome.value).toBeNull()
    })

    test('the first user it learns of, where it knew nobody, and no other', async () => {
      for (const isReplaced of [false, true]) {
        const world = createWorld()
        world.server.seed('ada')
        // In the very moment in which it is learned who it is.
        if (isReplaced) {
          world.client.on('login', ({ cause }) => {
            const accessToken = world.server.issueAccess('bob').token
            if (cause === 'restore') void world.client.setTokens({ accessToken })
          })
        }
        const outcome = watch(ask(world))
        await world.settle()
        expect(outcome.state).toBe(isReplaced ? 'user_changed' : 'fulfilled')
        expect(sends(world)).toHaveLength(name === 'fetch' && !isReplaced ? 1 : 0)
      }
    })
  })
})

describe('N9 a replay that waited in a queue for longer than its token lived is sent once more', () => {
  /** The first send is refused, and the replay waits; then `meanwhile` happens, and the replay is refused as well. */
  async function queued(meanwhile: (world: World) => unknown, init?: RequestInit, third = 200) {
    const world = await signedIn({ server: { lifetime: 60 } })
    world.server.answer('/items', () => world.server.json({}, 401), 1)
    const answer = world.client.fetch(items, init)
    const release = await new Promise<() => void>(resolve => {
      const undo = world.client.on('refresh', () => {
        undo()
        resolve(world.server.hold('/items', () => world.server.json({}, 401)))
      })
    })
    await world.settle()
    await meanwhile(world)
    if (third !== 200) world.server.answer('/items', () => world.server.json({}, third))
    release()
    return { world, status: (await answer).status }
  }
  const replaced = ({ client }: World) => client.refresh()
  const expired = ({ clock }: World) => clock.sleep(120_000)

  test.each([
    ['replaced', replaced, 2],
    ['expired', expired, 2],
  ] as const)('%s: with the current token', async (_, meanwhile, refreshes) => {
    const { world, status } = await queued(meanwhile, {
      method: 'POST',
      body: new URLSearchParams({ a: '1' }),
    })
    expect(status).toBe(200)
    expect(sends(world).map(({ text }) => text)).toEqual(['a=1', 'a=1', 'a=1'])
    expect(new Set(sends(world).map(({ authorization }) => authorization)).size).toBe(3)
    expect(world.server.refreshes).toBe(refreshes)
  })

  test('and its answer is final', async () => {
    const { world, status } = await queued(replaced, {}, 401)
    expect(status).toBe(401)
    expect(sends(world)).toHaveLength(3)
  })

  test('R1 one whose token is still good is not', async () => {
    const { world, status } = await queued(() => {})
    expect(status).toBe(401)
    expect(sends(world)).toHaveLength(2)
    expect(world.server.refreshes).toBe(1)
  })

  test('not as another user', async () => {
    const { world, status } = await queued(world => world.login('bob'))
    expect(status).toBe(401)
    expect(sends(world)).toHaveLength(2)
  })

  test('200 requests with tokens of one second over six connections all succeed', async () => {
    let busy = 0
    let ms = 0
    const queue: (() => void)[] = []
    const world = createWorld({
      server: { lifetime: 1 },
      options: {
        async fetch(input, init) {
          const request = new Request(input, init)
          if (busy === 6) await new Promise<void>(resolve => queue.push(resolve))
          else busy++
          if (ms) await new Promise<void>(resolve => world.clock.timer(resolve, ms))
          const response = await world.environment.fetch(request)
          const next = queue.shift()
          if (next) next()
          else busy--
          return response
        },
      },
    })
    await world.login()
    ms = 70
    const outcomes = Array.from({ length: 200 }, () => watch(world.client.fetch(items)))
    await world.clock.advance(15_000)
    expect(new Set(outcomes.map(({ value }) => value?.status))).toEqual(new Set([200]))
    expect(sends(world).length).toBeGreaterThan(300)
    expect(world.server.refreshes).toBeLessThanOrEqual(8)
  })
})

test('E17 a polluted Object.prototype does not say whom a request is for', async () => {
  const world = await signedIn()
  world.clock.sleep(2 * 3_600_000)
  Object.assign(Object.prototype, { [OWNER]: { owner: { identity: null } } })
  try {
    const outcome = watch(world.client.fetch(items, { cache: 'no-store' }))
    await world.login('bob')
    await world.settle()
    expect(outcome.state).toBe('user_changed')
  } finally {
    Reflect.deleteProperty(Object.prototype, OWNER)
  }
  expect(sends(world)).toEqual([])
})

test('E11 a minute after a confirmed logout no token of that session is in the heap', async () => {
  for (const options of [{}, { storage: tokenStorage(createTabStorage()) }]) {
    // A life of its own, so that nothing here holds on to a token.
    const issued: string[] = []
    const world = createWorld({
      server: { carrier: options.storage ? 'body' : 'cookie' },
      options: { ...options, logger: undefined },
    })
    const mark = `heap-${Math.random()}`
    world.server.answer('POST /login', () => grant())
    world.server.answer('POST /refresh_token', () => grant())
    world.server.answer('POST /logout', () => new Response(null, { status: 204 }))
    world.server.answer('/items', () => world.server.json({}, issued.length % 2 ? 401 : 200))
    let n = 0
    function grant() {
      return world.server.json({
        access_token: `${mark}-${++n}-access`,
        refresh_token: `${mark}-${n}-refresh`,
        expires_in: 3600,
      })
    }
    await world.client.login({})
    for (let n = 0; n < 3; n++) {
      await (await world.client.fetch(items)).text()
      await (
        await world.client.fetch(items, { method: 'POST', body: new URLSearchParams({ a: '1' }) })
      ).text()
      await world.client.getAccessToken({ refused: world.client.peekAccessToken() })
      await world.client.refresh()
    }
    expect(await found(mark)).toBeGreaterThan(0)
    expect((await world.client.logout()).revoked).toBe(true)
    await world.clock.advance(60_000)
    world.server.calls.length = 0
    world.shared.channels.posted.length = 0
    expect(await found(mark)).toBe(0)
  }

  async function found(mark: string): Promise<number> {
    const tokens = new Set<string>()
    let text = ''
    for await (const chunk of v8.getHeapSnapshot()) {
      text = text.slice(-256) + chunk
      for (const [token] of text.matchAll(new RegExp(`${mark}-\\d+-(access|refresh)`, 'g'))) tokens.add(token)
    }
    return tokens.size
  }
}, 120_000)

import { describe, expect, test } from 'vitest'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const ITEMS = `${ORIGIN}/items`
const ADA = { email: 'ada', password: 'right' }
const MINUTE = 60_000

const paths = ({ server }: World) => server.calls.map(({ path }) => path)
const locksOf = async ({ environment }: World) => {
  const { held = [], pending = [] } = await environment.locks()!.query()
  return [...held, ...pending]
}

/** A prerendered page in a browser whose cookie is ada's. */
function prerendered(options: object = {}): World {
  const world = createWorld({ prerendered: true, options })
  world.server.seed('ada')
  return world
}

describe('E2 a prerendered page', () => {
  const calls: Record<string, [call: (world: World) => Promise<unknown>, sent: string[]]> = {
    'ready()': [({ client }) => client.ready(), ['/refresh_token']],
    fetch: [({ client }) => client.fetch(ITEMS), ['/refresh_token', '/items']],
    'getAccessToken()': [({ client }) => client.getAccessToken(), ['/refresh_token']],
    'refresh()': [({ client }) => client.refresh(), ['/refresh_token']],
    'login()': [({ client }) => client.login(ADA), ['/login']],
    'logout()': [({ client }) => client.logout(), ['/logout']],
    'setTokens()': [
      ({ client, server }) => client.setTokens({ accessToken: server.issueAccess('ada').token }),
      [],
    ],
  }
  test.each(Object.entries(calls))(
    '%s waits until it is shown, without a timer, a lock or a call',
    async (_, [call, sent]) => {
      const world = prerendered()
      const { timers } = world.clock
      const outcome = watch(call(world))
      await world.clock.advance(10 * MINUTE)
      expect(outcome.state).toBe('pending')
      expect(paths(world)).toEqual([])
      expect(world.clock.timers).toBe(timers)
      expect(await locksOf(world)).toEqual([])
      expect(world.storage.size).toBe(0)
      world.show()
      await world.settle()
      expect(outcome.state).toBe('fulfilled')
      expect(paths(world)).toEqual(sent)
    },
  )

  test.each(Object.entries(calls))('%s that waits ends with dispose()', async (name, [call]) => {
    const world = prerendered()
    const outcome = watch(call(world))
    world.client.dispose()
    await world.settle()
    if (name === 'logout()')
      expect(outcome.value).toMatchObject({ revoked: false, error: { code: 'disposed' } })
    else expect(outcome.state).toBe('disposed')
    expect(world.listeners).toBe(0)
    world.show()
    await world.settle()
    expect(paths(world)).toEqual([])
  })

  test("a caller's signal ends its wait at once", async () => {
    const { client } = prerendered()
    const controller = new AbortController()
    const { signal } = controller
    const calls: Promise<unknown>[] = [
      client.ready({ signal }),
      client.fetch(ITEMS, { signal }),
      client.getAccessToken({ signal }),
      client.refresh({ signal }),
      client.login(ADA, { signal }),
    ]
    const outcomes = calls.map(call => watch(call))
    controller.abort('enough')
    await new Promise(resolve => setImmediate(resolve))
    expect(outcomes.map(({ state }) => state)).toEqual(outcomes.map(() => 'enough'))
  })

  test('what it asked for meanwhile shares one restore, with the whole "timeout" for it', async () => {
    const world = prerendered({ timeout: 2_000 })
    const { server, client, clock } = world
    const calls: Promise<unknown>[] = [
      client.ready(),
      client.fetch(ITEMS),
      client.fetch(ITEMS),
      client.getAccessToken(),
    ]
    const outcomes = calls.map(call => watch(call))
    await clock.advance(MINUTE)
    const release = server.hold('/refresh_token')
    world.show()
    await clock.advance(1_900)
    expect(outcomes.map(({ state }) => state)).toEqual(outcomes.map(() => 'pending'))
    release()
    await world.settle()
    expect(outcomes.map(({ state }) => state)).toEqual(outcomes.map(() => 'fulfilled'))
    expect(paths(world)).toEqual(['/refresh_token', '/items', '/items'])
  })

  test('it hears and takes nothing from other tabs, and once shown it takes their session with no call', async () => {
    const other = await signedIn()
    const world = createWorld({ browser: other, prerendered: true })
    // As at the end of its load.
    world.wake('pageshow', false)
    await other.client.refresh()
    await other.settle()
    other.server.calls.length = 0
    expect(world.client.session.status).toBe('unknown')
    world.show()
    expect((await world.client.ready()).status).toBe('authenticated')
    expect(paths(world)).toEqual([])
  })

  test('one that only listens hears of a login from when it is shown', async () => {
    const world = createWorld({ prerendered: true })
    const other = createWorld({ browser: world })
    await other.settle()
    world.wake('pageshow', false)
    world.show()
    await world.settle()
    await other.login()
    await world.settle()
    expect(world.client.session.status).toBe('authenticated')
  })

  test('a token handed in counts from the call', async () => {
    const world = createWorld({ prerendered: true })
    void world.client.setTokens({ accessToken: 'a', expiresIn: 600 })
    await world.clock.advance(5 * MINUTE)
    world.show()
    await world.settle()
    const { session } = world.client
    expect(session).toMatchObject({ status: 'authenticated', expiresAt: world.clock.now() + 5 * MINUTE })
  })
})

describe('E2 what was called while the page was prerendered goes on in its order', () => {
  const { signal } = new AbortController()
  const setTokens = ({ client, server }: World) =>
    client.setTokens({ accessToken: server.issueAccess('ada').token })
  const login = ({ client }: World) => client.login(ADA)
  const loginWithSignal = ({ client }: World) => client.login(ADA, { signal })
  const logout = ({ client }: World) => client.logout()
  const orders: [name: string, status: string, calls: ((world: World) => Promise<unknown>)[]][] = [
    ['setTokens, logout', 'anonymous', [setTokens, logout]],
    ['logout, setTokens', 'authenticated', [logout, setTokens]],
    ['login, logout', 'anonymous', [login, logout]],
    ['logout, login', 'authenticated', [logout, login]],
    ['login with a signal, logout', 'anonymous', [loginWithSignal, logout]],
    ['logout, login with a signal', 'authenticated', [logout, loginWithSignal]],
  ]

  test.each(orders)('E2 %s: %s', async (_, status, calls) => {
    const world = prerendered()
    for (const call of calls) watch(call(world))
    world.show()
    await world.clock.advance(1_000)
    expect(world.client.session.status).toBe(status)
  })
})

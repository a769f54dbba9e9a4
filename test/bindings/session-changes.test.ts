// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, signedIn, type World } from '../support/world.ts'

const apps = {
  SvelteKit: () => import('virtual:docs/src/lib/session-changes.ts'),
  'React Router in framework mode': () => import('virtual:docs/app/session-changes.ts'),
}

let stop = () => {}

beforeEach(() => void vi.resetModules())
afterEach(() => {
  stop()
  vi.doUnmock('virtual:docs/auth.ts')
})

describe.each(Object.entries(apps))('%s', (_, load) => {
  /** Calls of the listener so far. */
  async function follow(world: World): Promise<() => number> {
    vi.doMock('virtual:docs/auth.ts', () => ({ auth: world.client }))
    const { onSessionChange } = await load()
    let calls = 0
    stop = onSessionChange(() => calls++)
    await world.client.ready()
    await world.settle()
    return () => calls
  }

  /** The page goes to the back/forward cache, and is back after `meanwhile`. */
  async function leaveAndComeBack(world: World, meanwhile: () => Promise<unknown> = async () => {}) {
    const statuses: string[] = []
    const unfollow = world.client.subscribe(() => statuses.push(world.client.session.status))
    world.wake('pagehide', true)
    await meanwhile()
    world.wake('pageshow', true)
    await world.client.ready()
    await world.settle()
    unfollow()
    expect(statuses[0]).toBe('unknown')
  }

  async function outage(world: World) {
    world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
    await world.client.refresh().catch(() => {})
    await world.settle()
    expect(world.client.session.error).not.toBe(null)
  }

  test('runs nothing again while the session is restored, and nothing for the same user', async () => {
    const world = await signedIn()
    const calls = await follow(world)
    expect(calls()).toBe(0)
    await leaveAndComeBack(world)
    expect(world.client.session.status).toBe('authenticated')
    expect(calls()).toBe(0)
  })

  test('runs all again after a login and after a logout', async () => {
    const world = createWorld()
    const calls = await follow(world)
    await world.login()
    await world.settle()
    expect(calls()).toBe(1)
    await world.client.logout()
    await world.settle()
    expect(calls()).toBe(2)
  })

  test('runs all again for a page whose user has logged out while it was in the back/forward cache', async () => {
    const world = await signedIn()
    const other = createWorld({ browser: world })
    await other.client.ready()
    const calls = await follow(world)
    await leaveAndComeBack(world, () => other.client.logout())
    expect(world.client.session.status).toBe('anonymous')
    expect(calls()).toBe(1)
  })

  test('runs all again for a page that comes back to another user', async () => {
    const world = await signedIn()
    const other = createWorld({ browser: world })
    await other.client.ready()
    const calls = await follow(world)
    await leaveAndComeBack(world, () => other.login('bob'))
    expect(world.client.session.claims?.sub).toBe('bob')
    expect(calls()).toBe(1)
  })

  test('F1 runs all again when an outage is over, and not when it begins', async () => {
    const world = await signedIn()
    const calls = await follow(world)
    await outage(world)
    expect(calls()).toBe(0)
    world.server.mend()
    await world.client.refresh()
    await world.settle()
    expect(calls()).toBe(1)
  })

  test('F8 runs all again when an outage at the start is over', async () => {
    const world = createWorld()
    world.server.seed('ada')
    world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
    const calls = await follow(world)
    expect(world.client.session.status).toBe('unknown')
    expect(calls()).toBe(0)
    world.server.mend()
    await world.clock.advance(120_000)
    expect(world.client.session.status).toBe('authenticated')
    expect(calls()).toBe(1)
  })

  test('F8 runs all again when an outage is over that began with the way back to the page', async () => {
    const world = await signedIn()
    const calls = await follow(world)
    world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
    await leaveAndComeBack(world)
    expect(world.client.session).toMatchObject({ status: 'unknown', error: { retryable: true } })
    expect(calls()).toBe(0)
    world.server.mend()
    await world.clock.advance(120_000)
    expect(world.client.session.status).toBe('authenticated')
    expect(calls()).toBe(1)
  })
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DemoServer, startServer } from '../demo/server/server.ts'
import { isAuthError } from '../src/kernel/errors.ts'
import {
  FAULTS,
  type Fault,
  type FaultServer,
  HOLDING,
  RETRY_AFTER,
  startFaultServer,
} from './support/fault-server.ts'
import { REFUSED } from './support/refused.ts'
import { createWorld, type World } from './support/world.ts'

// The client's time is virtual, and rings its timers when a test says so; the network is real: Node's own fetch, TCP,
// and the demo server behind a server that spoils what passes.

const REFRESH = '/auth/refresh_token'
const TIMEOUT = 300
const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' }

let server: DemoServer
let faults: FaultServer
let world: World

beforeEach(async () => {
  server = await startServer({ accessTtl: 60, passwordCost: 4 })
  faults = await startFaultServer(server)
  const { url } = faults
  world = createWorld({
    page: { href: `${url}/`, origin: url },
    options: {
      endpoints: { login: 'auth/login', refresh: 'auth/refresh_token', logout: 'auth/logout' },
      timeout: TIMEOUT,
      fetch: fetchWithCookies(url),
    },
  })
  return async () => {
    world.client.dispose()
    await faults.close()
    await server.close()
  }
})
afterEach(() => expect(world.reported).toEqual([]))

/** What a browser adds to Node's fetch: cookies, kept from the head of an answer on, and the page's origin. */
function fetchWithCookies(origin: string): typeof fetch {
  const jar = new Map<string, string>()
  return async (input, init) => {
    const request = new Request(input, init)
    request.headers.set('Origin', origin)
    request.headers.set('Cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(request)
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    return response
  }
}

const until = (holds: () => boolean): Promise<unknown> =>
  vi.waitUntil(holds, { timeout: 20_000, interval: 5 })
const notes = (path = REFRESH) =>
  server.log
    .entries()
    .filter(entry => entry.path === path)
    .map(({ note }) => note)
const getItems = async () => (await world.client.fetch(`${faults.url}/api/items`)).status

async function login(): Promise<void> {
  await world.client.login(credentials)
  world.events.length = 0
}

/** How the call ends while the fault lasts: a code, or what it resolved with. */
async function spoilt<Result>(
  path: string,
  fault: Fault,
  call: () => Promise<Result>,
): Promise<Result | string> {
  faults.spoil(path, fault)
  const outcome = call().catch(error => (isAuthError(error) ? error.code : Promise.reject(error)))
  if (HOLDING.includes(fault)) {
    await until(() => faults.held === 1)
    await world.clock.advance(TIMEOUT)
  }
  return outcome
}

/** To the very moment: any further, and the virtual time would run ahead of an answer on the real wire. */
const advanceTo = (time: number) => world.clock.advance(time - world.clock.now())
const announced = () =>
  advanceTo(world.events.findLast(([name]) => name === 'refreshError')![1].retryAt as number)

describe('F1 the session outlives a refresh that meets', () => {
  test.each(FAULTS)('%s', async fault => {
    await login()
    const before = await world.client.getAccessToken()
    expect(await spoilt(REFRESH, fault, () => world.client.refresh())).toBe('refresh_unavailable')
    expect(world.events.map(([name]) => name)).toEqual(['refreshError'])
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: { retryable: true } })
    expect(await getItems()).toBe(200)

    faults.mend()
    if (!HOLDING.includes(fault)) await announced()
    await until(() => world.count('refresh') === 1)
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
    await world.client.refresh()
    expect(await world.client.getAccessToken()).not.toBe(before)
    expect(await getItems()).toBe(200)
    expect(world.events.map(([name]) => name)).toEqual(['refreshError', 'refresh', 'refresh'])
  })
})

test('F3 until the time that a 429 named, no refresh reaches the wire', async () => {
  await login()
  await spoilt(REFRESH, 'a 429 with Retry-After', () => world.client.refresh())
  faults.mend()
  await world.clock.advance(RETRY_AFTER * 1000 - 1)
  await expect(world.client.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
  expect(notes()).toEqual([])
  await announced()
  await until(() => world.count('refresh') === 1)
  expect(notes()).toEqual(['rotated'])
})

describe('F4 a refresh that is late', () => {
  test.each(HOLDING)('%s: the waiters are free, and the answer that still comes is used', async fault => {
    await login()
    await spoilt(REFRESH, fault, () => world.client.refresh())
    expect(faults.held).toBe(1)
    faults.mend()
    await until(() => world.count('refresh') === 1)
    expect(notes()).toEqual(['rotated'])
    expect(await getItems()).toBe(200)
  })

  test.each(HOLDING)('%s: given up at the second bound, and tried again', async fault => {
    await login()
    await spoilt(REFRESH, fault, () => world.client.refresh())
    await world.clock.advance(TIMEOUT)
    await until(() => faults.held === 0)
    faults.mend()
    await until(() => world.count('refreshError') === 2)
    await announced()
    await until(() => world.count('refresh') > 0)
    expect(world.count('logout')).toBe(0)
  })
})

describe('F11 the server has rotated, and the client does not know', () => {
  const lost = 'a connection reset after the server has answered'

  test('with a grace the user stays signed in', async () => {
    await login()
    await spoilt(REFRESH, lost, () => world.client.refresh())
    expect(notes()).toEqual(['rotated'])
    faults.mend()
    await world.client.refresh()
    expect(notes()).toEqual(['rotated', 'grace'])
    expect(await getItems()).toBe(200)
  })

  test('without one the user is signed out as rejected, once', async () => {
    server.settings.grace = 0
    await login()
    await spoilt(REFRESH, lost, () => world.client.refresh())
    faults.mend()
    await expect(world.client.refresh()).rejects.toMatchObject({ code: 'refresh_rejected' })
    expect(notes()).toEqual(['rotated', 'reuse detected'])
    const { session } = world.client
    expect(session.status).toBe('authenticated')
    await advanceTo((session as { expiresAt: number }).expiresAt)
    await until(() => world.client.session.status === 'anonymous')
    expect(world.events.filter(([name]) => name === 'logout')).toEqual([['logout', REFUSED]])
    expect(await getItems()).toBe(401)
  })
})

describe('F10 a login ends, with', () => {
  test.each(FAULTS.filter(fault => fault !== 'a body of garbage'))('%s', async fault => {
    const outcome = await spoilt('/auth/login', fault, () => world.client.login(credentials))
    expect(outcome).toBe('login_unavailable')
    expect(world.client.session.status).not.toBe('authenticated')
    faults.mend()
    expect((await world.client.login(credentials)).status).toBe('authenticated')
    expect(await getItems()).toBe(200)
  })

  test('I7 a body of garbage: it signs nobody in, and is shown to the app', async () => {
    const outcome = await spoilt('/auth/login', 'a body of garbage', () => world.client.login(credentials))
    expect(outcome).toBe('login_rejected')
    expect(world.client.session.status).not.toBe('authenticated')
    faults.mend()
    expect((await world.client.login(credentials)).status).toBe('authenticated')
    expect(await getItems()).toBe(200)
  })
})

describe('C7 a logout whose answer is not heard signs out here at once, and is made good later:', () => {
  test.each(FAULTS.filter(fault => fault !== 'a body of garbage'))('%s', async fault => {
    await login()
    const outcome = await spoilt('/auth/logout', fault, () => world.client.logout())
    expect(outcome).toMatchObject({ revoked: false, error: { code: 'logout_unavailable' } })
    expect(await getItems()).toBe(401)
    expect(world.storage.size).toBe(1)

    faults.mend()
    world.wake('online')
    await until(() => world.storage.size === 0)
    expect(notes('/auth/logout')).toContain('signed out')
    await expect(world.client.refresh()).rejects.toMatchObject({ code: 'no_session' })
  })
})

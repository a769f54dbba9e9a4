import { describe, expect, test } from 'vitest'
import { shareTabs, tokenStorage } from '../src/core.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { createTabStorage } from './support/modes.ts'
import { nameOf } from './support/names.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

// Hot reload of the module that creates the client, or two bundles on one page: several clients of one session in one
// document, with one sessionStorage. The server has single-use refresh tokens with reuse detection.

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const TIMEOUT = 10 * SECOND
const REFRESH = 'POST /refresh_token'
const KEY = nameOf('app', 'token')
const items = `${ORIGIN}/items`

type Kept = Map<string, string>

interface Page {
  readonly kept: Kept
  /** Another client on it. */
  open(options?: AuthClientOptions): World
}

/** A page whose clients share one storage, in the browser of another world or in one of its own. */
function createPage(given: WorldOptions = {}, kept: Kept = new Map()): Page {
  let first: World | undefined
  return {
    kept,
    open(options) {
      const world = createWorld({
        server: { carrier: 'body' },
        ...given,
        ...(first && { tab: first }),
        options: {
          sessionKey: 'app',
          storage: tokenStorage(createTabStorage(kept)),
          ...given.options,
          ...options,
        },
      })
      first ??= world
      return world
    },
  }
}

/** Ada signs in in the first of so many clients; the others are created after that. */
async function signedInClients(count: number, given: WorldOptions = {}) {
  const page = createPage(given)
  const a = page.open()
  await a.login()
  const clients = [a, ...Array.from({ length: count - 1 }, () => page.open())]
  for (const { client } of clients) watch(client.ready())
  await a.clock.advance(SECOND)
  forget(...clients)
  return { page, clients } as { page: Page; clients: [World, World, World] }
}

function forget(...worlds: World[]): void {
  for (const { events, server } of worlds) {
    events.length = 0
    server.calls.length = 0
  }
}

const status = (...worlds: World[]) => worlds.map(({ client }) => client.session.status)
const logouts = (...worlds: World[]) => worlds.map(world => world.count('logout'))
const all = <T>(count: number, value: T): T[] => Array(count).fill(value)
const stored = ({ kept }: Page): string | undefined =>
  kept.get(KEY) && JSON.parse(kept.get(KEY)!).refreshToken

/** They all go on for two hours, in which the token ends several times. */
async function expectToGoOn(page: Page, ...clients: World[]): Promise<void> {
  const [first] = clients as [World]
  for (let n = 0; n < 4; n++) {
    first.server.revokeAccess()
    const sent = clients.map(({ client }) => watch(client.fetch(items)))
    await first.clock.advance(30 * MINUTE)
    expect(sent.map(({ value }) => value?.status)).toEqual(all(clients.length, 200))
  }
  expect(status(...clients)).toEqual(all(clients.length, 'authenticated'))
  expect(logouts(...clients)).toEqual(all(clients.length, 0))
  expect(first.server.reuses).toBe(0)
  expect(stored(page)).toBeDefined()
}

describe.each([2, 3])('S8 %i clients of one session in one document', count => {
  test('S8 a second client takes the session with no call, and the stored token stays', async () => {
    const page = createPage()
    const a = page.open()
    await a.login()
    forget(a)
    const before = stored(page)
    const others = Array.from({ length: count - 1 }, () => page.open())
    await Promise.all(others.map(({ client }) => client.ready()))
    expect(status(a, ...others)).toEqual(all(count, 'authenticated'))
    expect(a.server.calls).toEqual([])
    expect(stored(page)).toBe(before)
    await expectToGoOn(page, a, ...others)
  })

  test('S8 one refresh serves all of them', async () => {
    const { page, clients } = await signedInClients(count)
    const [a] = clients
    a.server.revokeAccess()
    const sent = clients.map(({ client }) => client.fetch(items))
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(all(count, 200))
    expect(a.server.refreshes).toBe(1)
    await expectToGoOn(page, ...clients)
  })

  test('S8 all created at once over what an earlier page has stored: one restore', async () => {
    const { page, clients } = await signedInClients(1)
    clients[0].close()
    forget(clients[0])
    const next = createPage({ browser: clients[0] }, page.kept)
    const opened = Array.from({ length: count }, () => next.open())
    await Promise.all(opened.map(({ client }) => client.ready()))
    expect(status(...opened)).toEqual(all(count, 'authenticated'))
    expect(opened[0]!.server.refreshes).toBe(1)
    await expectToGoOn(next, ...opened)
  })

  test('S8 the first one is disposed: another one takes its place at once', async () => {
    const { page, clients } = await signedInClients(count)
    const [a, ...others] = clients
    a.client.dispose()
    await a.settle()
    const owners = a.shared.locks.snapshot().held.filter(({ name }) => name?.includes(':owner:'))
    expect(owners).toHaveLength(1)
    await expectToGoOn(page, ...others)
    expect(a.server.refreshes).toBeGreaterThan(0)
  })

  test('S8 the first one is disposed: another tab, which followed it, follows the next one', async () => {
    const { page, clients } = await signedInClients(count)
    const [a, ...others] = clients
    const tab = createPage({ browser: a }).open()
    await tab.client.ready()
    a.client.dispose()
    await a.settle()
    const refreshed = watch(tab.client.refresh())
    await tab.settle()
    expect(refreshed.state).toBe('fulfilled')
    expect(a.server.refreshes).toBe(1)
    await expectToGoOn(page, ...others, tab)
  })

  test('S8 a hot reload: the next client is created before the one before is disposed, ten times', async () => {
    const { page, clients } = await signedInClients(count)
    let [current] = clients as World[]
    for (const other of clients.slice(1)) other.client.dispose()
    for (let n = 0; n < 10; n++) {
      const next = page.open()
      watch(next.client.ready())
      if (n % 2) await next.settle()
      current!.client.dispose()
      await next.settle()
      expect(status(next)).toEqual(['authenticated'])
      current = next
    }
    await expectToGoOn(page, current!)
  })

  test.each(['answered', 'refused'])(
    'S8 the first one is disposed in the middle of a refresh, %s',
    async end => {
      const { page, clients } = await signedInClients(count)
      const [a, ...others] = clients
      const before = stored(page)
      const answer =
        end === 'refused' ? a.server.hold(REFRESH, () => a.server.json({}, 503)) : a.server.delay(REFRESH)
      watch(a.client.refresh())
      await a.settle()
      a.client.dispose()
      const refreshed = watch(others[0]!.client.refresh())
      await a.clock.advance(SECOND)
      answer()
      await a.clock.advance(SECOND)
      expect(refreshed.state).toBe('fulfilled')
      expect(stored(page)).not.toBe(before)
      await expectToGoOn(page, ...others)
    },
  )

  test('S8 logout in one: all are signed out, nothing is stored, and the server knows', async () => {
    for (const who of [0, count - 1]) {
      const { page, clients } = await signedInClients(count)
      expect(await clients[who]!.client.logout()).toEqual({ revoked: true })
      await clients[0].settle()
      expect(status(...clients)).toEqual(all(count, 'anonymous'))
      expect(logouts(...clients)).toEqual(all(count, 1))
      expect(stored(page)).toBeUndefined()
      expect(clients[0].server.calls.at(-1)?.text).toContain('refresh-')
      const later = page.open()
      expect(await later.client.ready()).toMatchObject({ status: 'anonymous' })
    }
  })

  test('S8 another user signs in in a client that follows: its token is stored, and serves all', async () => {
    const { page, clients } = await signedInClients(count)
    await clients[1].login('bob')
    await clients[0].settle()
    const sub = ({ client }: World) => (client.session as any).claims.sub
    expect(clients.map(sub)).toEqual(all(count, 'bob'))
    forget(...clients)
    await expectToGoOn(page, ...clients)
    expect(clients.map(sub)).toEqual(all(count, 'bob'))
  })

  test('S8 the server ends the session: every client says so once', async () => {
    const { page, clients } = await signedInClients(count)
    clients[0].server.revokeAll()
    await Promise.all(clients.map(({ client }) => client.fetch(items)))
    await clients[0].settle()
    expect(status(...clients)).toEqual(all(count, 'anonymous'))
    expect(logouts(...clients)).toEqual(all(count, 1))
    expect(stored(page)).toBeUndefined()
  })

  test('S8 another tab that is told of no refresh token any more takes none away from them', async () => {
    const { page, clients } = await signedInClients(count)
    const [a] = clients
    const { generation } = a.shared.channels.posted.findLast(([, { type }]) => type === 'session')![1]
    const forged = { v: 1, type: 'signed-out', reason: 'rejected', generation: generation + 1 }
    a.shared.channels.inject(nameOf('app'), forged)
    await a.settle()
    expect(status(a)).toEqual(['authenticated'])
    expect(stored(page)).toBeDefined()
    await expectToGoOn(page, a)
  })

  test('S8 a tab that is duplicated from theirs drops its copy, and follows', async () => {
    const { page, clients } = await signedInClients(count)
    const copy = createPage({ browser: clients[0] }, new Map(page.kept))
    const c = copy.open()
    const d = copy.open()
    await Promise.all([c, d].map(({ client }) => client.ready()))
    expect(stored(copy)).toBeUndefined()
    await c.client.refresh()
    await c.settle()
    expect(status(...clients, c, d)).toEqual(all(count + 2, 'authenticated'))
    expect(c.server.reuses).toBe(0)
  })

  test('S8 away in the back/forward cache and back: one call, and all go on', async () => {
    const { page, clients } = await signedInClients(count)
    for (const world of clients) {
      world.wake('pagehide', true)
      world.freeze()
    }
    await clients[0].clock.advance(HOUR)
    for (const world of clients) {
      world.thaw()
      world.wake('pageshow', true)
    }
    await clients[0].clock.advance(2 * SECOND)
    expect(clients[0].server.refreshes).toBe(1)
    await expectToGoOn(page, ...clients)
  })

  test.each<[name: string, given: WorldOptions]>([
    ['the access token renews itself', { server: { carrier: 'sliding' }, options: { sliding: true } }],
    ['each tab refreshes on its own', { options: { tabs: shareTabs({ tokens: false }) } }],
    [
      'a storage that all tabs share',
      { options: { storage: tokenStorage({ ...createTabStorage(), shared: true }) } },
    ],
    ['the refresh token in a cookie', { server: { carrier: 'cookie' }, options: { storage: undefined } }],
    ['no channel', { channel: false }],
  ])('S8 %s: nobody is signed out, and no token comes twice', async (_, given) => {
    const { clients } = await signedInClients(count, given)
    const [a] = clients
    expect(status(...clients)).toEqual(all(count, 'authenticated'))
    for (let n = 0; n < 10; n++) {
      await a.clock.advance(20 * MINUTE)
      const asked = clients.map(({ client }) => watch(client.refresh()))
      await a.clock.advance(TIMEOUT)
      expect(asked.map(({ state }) => state)).toEqual(all(count, 'fulfilled'))
    }
    expect(logouts(...clients)).toEqual(all(count, 0))
    expect(a.server.reuses).toBe(0)
  })

  test('S8 locks that cannot be looked at: the first one stays as it is, and keeps what is stored', async () => {
    const { page, clients } = await signedInClients(count, { locks: 'blind' })
    await clients[0].clock.advance(MINUTE)
    expect(status(...clients)).toEqual(['authenticated', ...all(count - 1, 'anonymous')])
    expect(logouts(...clients)).toEqual(all(count, 0))
    await expectToGoOn(page, clients[0])
  })

  test('S8 no locks: they take turns with what is stored, and the server has a short grace for two at once', async () => {
    const { page, clients } = await signedInClients(count, {
      locks: false,
      server: { carrier: 'body', grace: 30 * SECOND },
    })
    const [a] = clients
    for (let n = 0; n < 20; n++) {
      await clients[n % count]!.client.refresh()
      await a.clock.advance(MINUTE)
    }
    await expectToGoOn(page, ...clients)
    expect(a.server.count('/logout')).toBe(0)
  })

  test('S8 disposed, all of them: no lock is held or asked for any more', async () => {
    const { clients } = await signedInClients(count)
    for (const { client } of clients) client.dispose()
    await clients[0].settle()
    expect(clients[0].shared.locks.snapshot()).toEqual({ held: [], pending: [] })
    expect(clients[0].clock.timers).toBe(0)
  })
})

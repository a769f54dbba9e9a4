import { afterEach, describe, expect, test, vi } from 'vitest'
import { idleTimeout, shareTabs, tokenStorage, webStorage } from '../src/core.ts'
import { browserStorage } from '../src/features/storage/browser-storage.ts'
import type { AuthClientOptions, EndpointFunction, Feature, TokenStorage } from '../src/types.ts'
import { createTabStorage } from './support/modes.ts'
import { nameOf } from './support/names.ts'
import { watch } from './support/outcome.ts'
import { NOBODY } from './support/refused.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const REFRESH = 'POST /refresh_token'
const LOGOUT = 'POST /logout'
const KEY = nameOf('app', 'token')
const items = `${ORIGIN}/items`

const BOBS = makeToken({ sub: 'bob' })

type Kept = Map<string, string>
interface TabOptions extends Omit<WorldOptions, 'options'> {
  storage?: TokenStorage | Feature<'storage'>
  options?: AuthClientOptions
}

const createShared = (kept: Kept = new Map()): TokenStorage => ({ ...createTabStorage(kept), shared: true })

/** It throws, in place of this part of it, while `fails` is set. */
function createFlaky<Part extends 'get' | 'set'>(storage: TokenStorage, part: Part) {
  const use = storage[part] as (...given: string[]) => string
  const flaky = {
    ...storage,
    fails: false,
    [part](...given: string[]) {
      if (flaky.fails) throw new DOMException('Denied', 'SecurityError')
      return use(...given)
    },
  }
  return flaky
}

/** All arrives in the next task, but for what the tabs tell each other while it is held back. */
function createSlowPost() {
  const late: (() => void)[] = []
  const post = {
    held: false,
    deliver(task: () => void, label: string) {
      if (post.held && label.startsWith('a message')) late.push(task)
      else setImmediate(task)
    },
    release() {
      post.held = false
      for (const task of late.splice(0)) task()
    },
  }
  return post
}

/** Where everything arrives by a way of its own, which nobody counts. */
async function settleWell({ settle }: World): Promise<void> {
  for (let n = 0; n < 10; n++) await settle()
}

function open(browser: World | undefined, { storage, options, ...given }: TabOptions = {}): World {
  const kept = storage && { storage: 'feature' in storage ? storage : tokenStorage(storage) }
  const own = { sessionKey: 'app', ...kept, ...options }
  return createWorld({ server: { carrier: 'body' }, ...given, options: own, ...(browser && { browser }) })
}

/** Ada signs in in the first of these tabs, each with a storage of its own. */
async function signedInTabs(count: number, given: TabOptions = {}) {
  const kept: Kept[] = Array.from({ length: count }, () => new Map())
  const first = open(undefined, { ...given, storage: createTabStorage(kept[0]) })
  const tabs = [first, ...kept.slice(1).map(own => open(first, { storage: createTabStorage(own) }))]
  await first.login()
  await first.settle()
  forget(...tabs)
  return { tabs, kept } as { tabs: [World, World, World]; kept: [Kept, Kept, Kept] }
}

/** The same, with one storage for all. */
async function sharingTabs(count: number) {
  const kept: Kept = new Map()
  const first = open(undefined, { storage: createShared(kept) })
  const tabs = [
    first,
    ...Array.from({ length: count - 1 }, () => open(first, { storage: createShared(kept) })),
  ]
  await first.login()
  await first.settle()
  forget(...tabs)
  return { tabs: tabs as [World, World, World], kept }
}

function forget(...tabs: World[]): void {
  for (const tab of tabs) tab.events.length = 0
  tabs[0]!.server.calls.length = 0
}

const status = (...tabs: World[]) => tabs.map(({ client }) => client.session.status)
const warnings = ({ logs }: World) => logs.filter(({ type }) => type === 'storage-unavailable').length
const resting = (kept: Kept): string | undefined => JSON.parse(kept.get(KEY) ?? '{}').refreshToken
const sent = ({ server }: World, path: string): (string | undefined)[] =>
  server.calls
    .filter(call => call.path === path)
    .map(({ text }) => (text ? JSON.parse(text).refresh_token : undefined))
const signedOut = (reason: string) => ({ status: 'anonymous', reason })

/** The refresh token, shown to the server. */
async function isAlive({ server }: World, token: string | undefined): Promise<boolean> {
  const body = JSON.stringify({ refresh_token: token })
  return (await server.handle(new Request(`${ORIGIN}/refresh_token`, { method: 'POST', body }))).ok
}

describe('S3 a storage of the tab alone, such as sessionStorage', () => {
  test('the session survives a reload', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [before] = tabs
    before.close()
    const after = open(before, { storage: createTabStorage(kept[0]) })
    expect(await after.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect((await after.client.fetch(items)).status).toBe(200)
    await after.settle()
    expect(after.server.refreshes).toBe(1)
    expect(after.events).toEqual([['login', { cause: 'restore' }]])
  })

  test('ten reloads in a row use each refresh token once', async () => {
    const { tabs, kept } = await signedInTabs(1)
    let [page] = tabs
    for (let n = 0; n < 10; n++) {
      page.close()
      page = open(page, { storage: createTabStorage(kept[0]) })
      expect((await page.client.ready()).status).toBe('authenticated')
      await page.settle()
    }
    expect(new Set(sent(page, '/refresh_token')).size).toBe(10)
    expect(page.server.reuses).toBe(0)
  })

  test('what rests there is the newest refresh token, and no access token', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [world] = tabs
    const first = resting(kept[0])
    await world.client.refresh()
    await world.settle()
    expect(resting(kept[0])).not.toBe(first)
    expect(await isAlive(world, resting(kept[0]))).toBe(true)
    expect([...kept[0].values()].join()).not.toContain((await world.client.getAccessToken())!.slice(-20))
    expect([...world.storage.keys()]).toEqual([nameOf('app', 'newest')])
    expect([...world.storage.values()].join()).toMatch(/^\d+$/)
  })

  test('one that is empty restores nothing, and nothing is sent', async () => {
    const world = open(undefined, { storage: createTabStorage() })
    expect(await world.client.ready()).toEqual(signedOut('initial'))
    expect(world.server.calls).toEqual([])
    expect(world.events).toEqual([])
    expect(warnings(world)).toBe(0)
  })

  test('a refresh token that is dead by the time of the reload is nobody signed in, and is removed', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [before] = tabs
    before.close()
    before.server.revokeAll()
    const after = open(before, { storage: createTabStorage(kept[0]) })
    expect(await after.client.ready()).toEqual({ status: 'anonymous', ...NOBODY })
    await after.settle()
    expect([...kept[0]]).toEqual([])
    expect(after.server.refreshes).toBe(1)
  })

  test('an outage at the reload keeps what rests there, until the server is back', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [before] = tabs
    before.close()
    before.server.answer(REFRESH, () => before.server.json({}, 503))
    const after = open(before, { storage: createTabStorage(kept[0]) })
    expect(await after.client.ready()).toMatchObject({ status: 'unknown' })
    expect(resting(kept[0])).toMatch(/^refresh-/)
    after.server.mend()
    await after.clock.advance(MINUTE)
    expect(status(after)).toEqual(['authenticated'])
  })

  test('after an outage at the reload, refresh() waits for no other tab', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [before] = tabs
    before.close()
    before.server.answer(REFRESH, () => before.server.json({}, 503), 1)
    const after = open(before, { storage: createTabStorage(kept[0]) })
    await after.client.ready()
    const refresh = watch(after.client.refresh())
    await after.settle()
    expect(refresh.state).toBe('fulfilled')
  })

  test('after an outage at the reload, the next try waits for no other tab', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [before] = tabs
    before.close()
    before.server.answer(REFRESH, () => before.server.json({}, 503), 1)
    const after = open(before, { storage: createTabStorage(kept[0]) })
    const { error } = await after.client.ready()
    await after.clock.advance(error!.retryAt! - after.clock.now())
    expect(status(after)).toEqual(['authenticated'])
  })

  test('a reload in the middle of a refresh whose answer came goes on with the new token', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [before] = tabs
    const first = resting(kept[0])
    const refreshed = before.client.refresh()
    await refreshed
    await before.settle()
    before.close()
    expect(resting(kept[0])).not.toBe(first)
    const after = open(before, { storage: createTabStorage(kept[0]) })
    expect((await after.client.ready()).status).toBe('authenticated')
    expect(after.server.reuses).toBe(0)
  })

  test.each([
    ['a token that renews itself', 'sliding', false],
    ['a refresh token, where localStorage is blocked', 'body', true],
  ] as const)(
    'S3 a login before the restore replaces what a page with a fast clock has stored: %s',
    async (_, carrier, isBlocked) => {
      const storage = createTabStorage()
      const page = (skew: number, before?: World): World => {
        const sliding = carrier === 'sliding'
        const world = createWorld({
          ...(before ? { before } : { skew }),
          server: { carrier, lifetime: 10 * 60 * 60 },
          options: { sliding, storage: tokenStorage(storage) },
        })
        const denied = () => {
          throw new DOMException('Denied', 'SecurityError')
        }
        if (isBlocked) world.environment.localStorage = denied
        return world
      }
      const fast = page(HOUR)
      await fast.login('ada')
      await fast.settle()
      fast.close()
      const world = page(0)
      await world.login('bob')
      await world.settle()
      world.close()
      const reloaded = page(0, world)
      expect(await reloaded.client.ready()).toMatchObject({ claims: { sub: 'bob' } })
    },
  )

  test.each<[what: string, decide: (world: World) => Promise<unknown>, left: unknown]>([
    ['logout', ({ client }) => client.logout(), null],
    [
      'login of another user',
      ({ client }) => client.setTokens({ accessToken: BOBS }),
      expect.objectContaining({ accessToken: BOBS, refreshToken: undefined }),
    ],
  ])(
    'C1 a %s while the storage is read leaves no refresh token of before in memory',
    async (_, decide, left) => {
      const kept = createTabStorage()
      const before = open(undefined, { storage: kept })
      await before.login()
      await before.settle()
      let arrive = () => {}
      const reading = new Promise<void>(resolve => {
        arrive = resolve
      })
      const slow: TokenStorage = { ...kept, get: key => reading.then(() => kept.get(key)) }
      const given: unknown[] = []
      const login: EndpointFunction = ({ tokens, credentials }) => {
        given.push(tokens)
        return { url: '/login', json: credentials }
      }
      const world = open(before, { storage: slow, before, options: { endpoints: { login } } })
      before.close()
      const ready = world.client.ready()
      await world.settle()
      const decided = decide(world)
      arrive()
      await Promise.all([ready, decided])
      await world.login()
      expect(given).toEqual([left])
    },
  )

  test('the rotated token is there before the lock is let go, also where writing takes its time', async () => {
    const kept: Kept = new Map()
    const slow: TokenStorage = {
      ...createTabStorage(kept),
      async set(key, value) {
        await new Promise<void>(resolve => world.environment.timer(resolve, 200))
        kept.set(key, value)
      },
    }
    const world = open(undefined, { storage: slow })
    const login = watch(world.login())
    await world.clock.advance(SECOND)
    expect(login.state).toBe('fulfilled')
    const first = resting(kept)
    const refresh = watch(world.client.refresh())
    await world.settle()
    expect(resting(kept)).toBe(first)
    expect(world.shared.locks.snapshot().held.map(({ name }) => name)).toContain(nameOf('app'))
    await world.clock.advance(SECOND)
    expect(refresh.state).toBe('fulfilled')
    expect(resting(kept)).not.toBe(first)
    expect(world.shared.locks.snapshot().held.map(({ name }) => name)).not.toContain(nameOf('app'))
  })
})

describe('S3 a duplicated tab, which copies the storage while the original is alive', () => {
  async function duplicated(prepare?: (original: World) => Promise<void>) {
    const { tabs, kept } = await signedInTabs(1)
    const [original] = tabs
    await prepare?.(original)
    const copied = new Map(kept[0])
    const copy = open(original, { storage: createTabStorage(copied) })
    return { original, copy, kept: kept[0], copied }
  }

  test('drops its copy, and takes the session of the original without a call', async () => {
    const { original, copy, kept, copied } = await duplicated()
    expect(await copy.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    await copy.settle()
    expect([...copied]).toEqual([])
    expect(resting(kept)).toMatch(/^refresh-/)
    expect(original.server.refreshes).toBe(0)
  })

  test('reuses no refresh token over ten lifetimes, whoever asks', async () => {
    const { original, copy } = await duplicated()
    await copy.client.ready()
    for (let hour = 0; hour < 10; hour++) {
      await original.clock.advance(HOUR)
      expect((await copy.client.fetch(items)).status).toBe(200)
      expect((await original.client.fetch(items)).status).toBe(200)
    }
    expect(original.server.reuses).toBe(0)
    expect(original.server.refreshes).toBeLessThanOrEqual(11)
    expect([original, copy].map(tab => tab.count('logout'))).toEqual([0, 0])
  })

  test('of an original that has been hidden for long: no reuse either, and it is signed in', async () => {
    const { original, copy } = await duplicated(async tab => {
      tab.visible = false
      tab.wake('visibilitychange')
      await tab.clock.advance(2 * MINUTE)
    })
    await copy.client.ready()
    await copy.settle()
    await original.clock.advance(2 * HOUR)
    expect(original.server.reuses).toBe(0)
    expect(status(original, copy)).toEqual(['authenticated', 'authenticated'])
  })

  test('made while the original refreshes: no reuse', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [original] = tabs
    const answer = original.server.delay(REFRESH)
    const refresh = watch(original.client.refresh())
    await original.settle()
    const copy = open(original, { storage: createTabStorage(new Map(kept[0])) })
    const ready = watch(copy.client.ready())
    await copy.settle()
    answer()
    await copy.clock.advance(5 * SECOND)
    expect([refresh.state, ready.state]).toEqual(['fulfilled', 'fulfilled'])
    expect(status(original, copy)).toEqual(['authenticated', 'authenticated'])
    await copy.clock.advance(2 * HOUR)
    expect(original.server.reuses).toBe(0)
  })

  test('both of them reloaded: still no reuse', async () => {
    const { original, copy, kept, copied } = await duplicated()
    await copy.client.ready()
    original.close()
    copy.close()
    const pages = [kept, copied].map(own => open(original, { storage: createTabStorage(own) })) as [
      World,
      World,
    ]
    await Promise.all(pages.map(({ client }) => client.ready()))
    await pages[0].clock.advance(2 * HOUR)
    expect(status(...pages)).toEqual(['authenticated', 'authenticated'])
    expect(original.server.reuses).toBe(0)
  })

  test('made before the original refreshed, and loaded when that is closed: the old copy is not used', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [original] = tabs
    const copied = new Map(kept[0])
    await original.client.refresh()
    await original.settle()
    original.close()
    const copy = open(original, { storage: createTabStorage(copied) })
    expect(await copy.client.ready()).toEqual(signedOut('initial'))
    expect(copy.server.reuses).toBe(0)
    const again = open(original, { storage: createTabStorage(kept[0]) })
    expect((await again.client.ready()).status).toBe('authenticated')
  })

  test('without locks there is no owner to be found, and the copy is used: a rotation grace bears it', async () => {
    const { tabs, kept } = await signedInTabs(1, { server: { carrier: 'body', grace: MINUTE }, locks: false })
    const [original] = tabs
    const copy = open(original, { storage: createTabStorage(new Map(kept[0])), locks: false })
    expect((await copy.client.ready()).status).toBe('authenticated')
    expect(original.server.reuses).toBe(0)
  })
})

describe('S3 one tab owns the refresh token, the others follow it', () => {
  test("a follower's refresh goes through the owner: one call, and both have its token", async () => {
    const { tabs } = await signedInTabs(2)
    const [owner, follower] = tabs
    const session = await follower.client.refresh()
    expect(session.status).toBe('authenticated')
    expect(owner.server.refreshes).toBe(1)
    expect(await follower.client.getAccessToken()).toBe(await owner.client.getAccessToken())
    expect([owner.count('refresh'), follower.count('refresh')]).toEqual([1, 1])
  })

  test("so does a follower's 401, and the request is replayed", async () => {
    const { tabs } = await signedInTabs(3)
    const [owner, ...followers] = tabs
    owner.server.revokeAccess()
    const answers = await Promise.all(followers.map(({ client }) => client.fetch(items)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(owner.server.refreshes).toBe(1)
  })

  test('an outage that the owner meets reaches the follower as refresh_unavailable', async () => {
    const { tabs } = await signedInTabs(2)
    const [owner, follower] = tabs
    owner.server.answer(REFRESH, () => owner.server.json({}, 503))
    owner.server.revokeAccess()
    const request = watch(follower.client.fetch(items))
    await owner.clock.advance(SECOND / 2)
    expect(request.state).toBe('refresh_unavailable')
    expect(status(owner, follower)).toEqual(['authenticated', 'authenticated'])
    expect(owner.server.refreshes).toBe(1)
  })

  test('an owner that is frozen: the follower rejects refresh_unavailable within "timeout", and stays signed in', async () => {
    const { tabs } = await signedInTabs(2)
    const [owner, follower] = tabs
    owner.freeze()
    const refresh = watch(follower.client.refresh())
    await follower.clock.advance(10 * SECOND)
    expect(refresh.state).toBe('refresh_unavailable')
    expect(status(follower)).toEqual(['authenticated'])
    owner.thaw()
    await follower.clock.advance(MINUTE)
    await follower.client.refresh()
    expect(owner.server.reuses).toBe(0)
    expect(follower.client.session).toMatchObject({ error: null })
  })

  test('the owner is reloaded while followers live: it stays the owner', async () => {
    const { tabs, kept } = await signedInTabs(2)
    const [owner, follower] = tabs
    const rested = resting(kept[0])
    owner.close()
    const again = open(owner, { storage: createTabStorage(kept[0]) })
    expect(await again.client.ready()).toMatchObject({ status: 'authenticated' })
    await again.settle()
    expect(resting(kept[0])).toBe(rested)
    await follower.client.refresh()
    expect(again.server.refreshes).toBe(1)
    expect(resting(kept[0])).not.toBe(rested)
    await again.clock.advance(5 * HOUR)
    expect(status(again, follower)).toEqual(['authenticated', 'authenticated'])
    expect([again, follower].map(tab => tab.count('logout'))).toEqual([0, 0])
    expect(again.server.reuses).toBe(0)
  })

  test('the owner is reloaded, and told of the session before it has asked for it: it stays the owner', async () => {
    const { tabs, kept } = await signedInTabs(2)
    const [owner, follower] = tabs
    owner.close()
    const again = open(owner, { storage: createTabStorage(kept[0]) })
    const third = open(owner, { storage: createTabStorage() })
    await third.client.ready()
    await again.settle()
    expect(status(again, third)).toEqual(['authenticated', 'authenticated'])
    expect((await follower.client.refresh()).status).toBe('authenticated')
    await again.clock.advance(5 * HOUR)
    expect(status(again, follower, third)).toEqual(['authenticated', 'authenticated', 'authenticated'])
    expect(again.server.reuses).toBe(0)
    expect(resting(kept[0])).toMatch(/^refresh-/)
  })

  test('the owner is reloaded while a follower has a dead token: nobody is signed out', async () => {
    const { tabs, kept } = await signedInTabs(2)
    const [owner, follower] = tabs
    owner.server.revokeAccess()
    owner.close()
    const sent = watch(follower.client.fetch(items))
    const again = open(owner, { storage: createTabStorage(kept[0]) })
    await follower.settle()
    await again.client.ready()
    await again.clock.advance(3 * SECOND)
    expect(sent.value).toMatchObject({ status: 200 })
    expect(status(again, follower)).toEqual(['authenticated', 'authenticated'])
    expect([again, follower].map(tab => tab.count('logout'))).toEqual([0, 0])
    expect(resting(kept[0])).toMatch(/^refresh-/)
  })

  test.each(['signed in', 'loaded again', 'loaded again in an outage'])(
    'what a follower gives up does not sign out the owner: %s',
    async state => {
      const { tabs, kept } = await signedInTabs(2)
      const [before, follower] = tabs
      const news = before.shared.channels.posted.findLast(([, { type }]) => type === 'session')![1]
      let owner = before
      if (state !== 'signed in') {
        owner.close()
        owner = open(before, { storage: createTabStorage(kept[0]) })
        // It has its channel then.
        await owner.settle()
      }
      if (state === 'loaded again in an outage') {
        owner.server.answer(REFRESH, () => owner.server.json({}, 503))
        await owner.client.ready()
        owner.server.mend()
      }
      const refused = { type: 'signed-out', reason: 'rejected', generation: news.generation + 1 }
      owner.shared.channels.inject(nameOf('app'), { ...news, ...refused })
      await owner.settle()
      expect(follower.client.session).toEqual(signedOut('rejected'))
      expect(resting(kept[0])).toMatch(/^refresh-/)
      await owner.clock.advance(MINUTE)
      await owner.client.refresh()
      await owner.settle()
      expect(status(owner, follower)).toEqual(['authenticated', 'authenticated'])
      expect(owner.count('logout')).toBe(0)
    },
  )

  test('the owner is closed: the followers keep the session to the end of its token, then sign out once', async () => {
    const { tabs } = await signedInTabs(3)
    const [owner, ...followers] = tabs
    owner.close()
    await owner.clock.advance(HOUR - 5 * SECOND)
    for (const { client } of followers) expect((await client.fetch(items)).status).toBe(200)
    expect(followers.map(tab => tab.count('logout'))).toEqual([0, 0])
    await owner.clock.advance(2 * HOUR)
    expect(followers.map(({ client }) => client.session)).toEqual([
      signedOut('rejected'),
      signedOut('rejected'),
    ])
    expect(followers.map(tab => tab.count('logout'))).toEqual([1, 1])
    expect(owner.server.refreshes).toBe(0)
  })

  test('the owner is closed: a page back from the back/forward cache signs no hidden follower out', async () => {
    const { tabs } = await signedInTabs(3)
    const [owner, back, hidden] = tabs
    hidden.visible = false
    hidden.wake('visibilitychange')
    back.wake('pagehide', true)
    await owner.clock.advance(2 * MINUTE)
    owner.close()
    back.wake('pageshow', true)
    await back.clock.advance(MINUTE)
    expect(back.client.session).toEqual(signedOut('rejected'))
    expect(hidden.client.session.status).toBe('authenticated')
    expect((await hidden.client.fetch(items)).status).toBe(200)
  })

  test("the owner is closed: a follower's 401 signs out, and is the answer", async () => {
    const { tabs } = await signedInTabs(2)
    const [owner, follower] = tabs
    owner.close()
    owner.server.revokeAccess()
    const sent = follower.client.fetch(items)
    await follower.settle()
    // It could be reloading.
    await follower.clock.advance(3 * SECOND)
    expect((await sent).status).toBe(401)
    expect(follower.client.session).toEqual(signedOut('rejected'))
  })

  test("a follower's logout makes the owner revoke with the refresh token, and empties its storage", async () => {
    const { tabs, kept } = await signedInTabs(2)
    const [owner, follower] = tabs
    const rested = resting(kept[0])
    await follower.client.logout()
    await owner.clock.advance(SECOND)
    expect(sent(owner, '/logout')).toContain(rested)
    expect(await isAlive(owner, rested)).toBe(false)
    expect([...kept[0], ...kept[1]]).toEqual([])
    expect([...owner.storage.keys()]).toEqual([nameOf('app', 'newest')])
    expect(owner.client.session).toEqual(signedOut('other-tab'))
  })

  test('another login elsewhere drops the old token, and who logged in owns the new one', async () => {
    const { tabs, kept } = await signedInTabs(2)
    const [first, second] = tabs
    await second.login('bob')
    await second.settle()
    expect([...kept[0]]).toEqual([])
    expect(resting(kept[1])).toMatch(/^refresh-/)
    expect(first.client.session).toMatchObject({ claims: { sub: 'bob' } })
    await first.clock.advance(3 * HOUR)
    expect(status(first, second)).toEqual(['authenticated', 'authenticated'])
    expect(first.server.reuses).toBe(0)
    first.close()
    const again = open(first, { storage: createTabStorage(kept[0]) })
    expect(await again.client.ready()).toMatchObject({ claims: { sub: 'bob' } })
  })

  test('what rested from a login that another tab has replaced while this one was away is not used', async () => {
    const { tabs, kept } = await signedInTabs(2)
    const [first, second] = tabs
    first.close()
    await second.login('bob')
    await second.settle()
    second.server.calls.length = 0
    const again = open(second, { storage: createTabStorage(kept[0]) })
    expect(await again.client.ready()).toMatchObject({ claims: { sub: 'bob' } })
    await again.settle()
    expect([...kept[0]]).toEqual([])
    expect(again.server.refreshes).toBe(0)
  })
})

describe('S3 a storage that all tabs share, such as localStorage', () => {
  test('several tabs, ten lifetimes: no refresh token is used twice, and nobody is signed out', async () => {
    const { tabs } = await sharingTabs(3)
    const [first] = tabs
    for (let hour = 0; hour < 10; hour++) {
      await first.clock.advance(HOUR)
      for (const { client } of tabs) expect((await client.fetch(items)).status).toBe(200)
    }
    const tokens = sent(first, '/refresh_token')
    expect(new Set(tokens).size).toBe(tokens.length)
    expect(tokens.length).toBeLessThanOrEqual(11)
    expect(first.server.reuses).toBe(0)
    expect(tabs.map(tab => tab.count('logout'))).toEqual([0, 0, 0])
  })

  test('each tab refreshes in its turn, with what the one before has put there', async () => {
    const { tabs, kept } = await sharingTabs(3)
    for (let round = 0; round < 3; round++) {
      for (const tab of tabs) {
        const before = resting(kept)
        await tab.client.refresh()
        await tab.settle()
        expect(sent(tab, '/refresh_token').at(-1)).toBe(before)
        expect(resting(kept)).not.toBe(before)
      }
    }
    expect(tabs[0].server.reuses).toBe(0)
  })

  test('all at once: they do not meet', async () => {
    const { tabs } = await sharingTabs(3)
    await Promise.all(tabs.map(({ client }) => client.refresh()))
    expect(tabs[0].server.reuses).toBe(0)
    expect(status(...tabs)).toEqual(['authenticated', 'authenticated', 'authenticated'])
  })

  test('nobody owns it: whichever tab is closed, the others go on', async () => {
    const { tabs } = await sharingTabs(3)
    tabs[0].close()
    await tabs[1].clock.advance(2 * HOUR)
    tabs[1].close()
    await tabs[2].clock.advance(2 * HOUR)
    expect((await tabs[2].client.fetch(items)).status).toBe(200)
    expect(tabs[2].server.reuses).toBe(0)
  })

  test('all tabs closed, and one opened later: signed in by one call', async () => {
    const { tabs, kept } = await sharingTabs(2)
    for (const tab of tabs) tab.close()
    tabs[0].clock.sleep(5 * HOUR)
    const later = open(tabs[0], { storage: createShared(kept) })
    expect(await later.client.ready()).toMatchObject({ status: 'authenticated' })
    expect(later.server.refreshes).toBe(1)
  })

  test('messages without tokens: each refreshes for itself, none with a used token', async () => {
    const kept: Kept = new Map()
    const options = { tabs: shareTabs({ tokens: false }) } as const
    const first = open(undefined, { storage: createShared(kept), options })
    const second = open(first, { storage: createShared(kept), options })
    await first.login()
    await first.settle()
    await second.client.ready()
    await first.clock.advance(5 * HOUR)
    expect(status(first, second)).toEqual(['authenticated', 'authenticated'])
    expect(first.server.reuses).toBe(0)
  })

  test('logout in one tab leaves nothing there, in no tab', async () => {
    const { tabs, kept } = await sharingTabs(2)
    const rested = resting(kept)
    await tabs[1].client.logout()
    await tabs[1].settle()
    expect([...kept]).toEqual([])
    expect(await isAlive(tabs[0], rested)).toBe(false)
    expect(status(...tabs)).toEqual(['anonymous', 'anonymous'])
    expect(tabs[0].server.count('/logout')).toBe(1)
  })

  test('another login elsewhere takes the place of the old one', async () => {
    const { tabs, kept } = await sharingTabs(2)
    const old = resting(kept)
    await tabs[1].login('bob')
    await tabs[1].settle()
    expect(resting(kept)).not.toBe(old)
    expect(tabs[0].client.session).toMatchObject({ claims: { sub: 'bob' } })
    await tabs[0].client.refresh()
    expect(tabs[0].client.session).toMatchObject({ claims: { sub: 'bob' } })
    expect(tabs[0].server.reuses).toBe(0)
  })
})

describe('S3 a storage that all tabs share, and that one of them cannot read now', () => {
  async function sharing() {
    const kept: Kept = new Map()
    const storage = createFlaky(createShared(kept), 'get')
    const other = open(undefined, { storage: createShared(kept) })
    const tab = open(other, { storage })
    await other.login()
    await other.settle()
    forget(other, tab)
    return { other, tab, storage, kept }
  }

  test('a 401 there ends nothing, in no tab', async () => {
    const { other, tab, storage, kept } = await sharing()
    other.server.revokeAccess()
    storage.fails = true
    const sent = watch(tab.client.fetch(items))
    await tab.settle()
    expect(sent.state).toBe('refresh_unavailable')
    expect(status(other, tab)).toEqual(['authenticated', 'authenticated'])
    expect(resting(kept)).toMatch(/^refresh-/)
    expect(other.server.refreshes).toBe(0)
  })

  test('what it knew before is not sent, and it goes on when it can read again', async () => {
    const { other, tab, storage } = await sharing()
    for (const { client, settle } of [tab, other]) {
      await client.refresh()
      await settle()
    }
    storage.fails = true
    const refresh = watch(tab.client.refresh())
    await tab.settle()
    expect(refresh.state).toBe('refresh_unavailable')
    storage.fails = false
    await tab.client.refresh()
    expect(other.server.reuses).toBe(0)
    expect(status(other, tab)).toEqual(['authenticated', 'authenticated'])
  })
})

describe('S3 a storage that all tabs share, and tabs that hear each other late', () => {
  async function sharing() {
    const kept: Kept = new Map()
    const post = createSlowPost()
    const given = (): TabOptions => ({ storage: createShared(kept), deliver: post.deliver })
    const a = open(undefined, given())
    const b = open(a, given())
    await a.login()
    await settleWell(a)
    post.held = true
    const answer = a.server.delay(REFRESH)
    const refresh = watch(b.client.refresh())
    await settleWell(a)
    return { a, b, post, answer, refresh, kept, load: () => open(a, given()) }
  }

  test('a token that another tab has just stored and this one uses up: the next one is stored in its place', async () => {
    const kept: Kept = new Map()
    const post = createSlowPost()
    const given = (): TabOptions => ({ storage: createShared(kept), deliver: post.deliver })
    const a = open(undefined, given())
    const b = open(a, given())
    await a.login()
    await settleWell(a)
    post.held = true
    a.server.revokeAccess()
    const refreshToken = a.server.seed('bob')
    await a.client.setTokens({ accessToken: a.server.issueAccess('bob').token, refreshToken })
    const answer = a.server.delay(REFRESH)
    watch(b.client.fetch(items))
    await settleWell(a)
    await a.clock.advance(2 * SECOND)
    expect(sent(a, '/refresh_token')).toEqual([refreshToken])
    post.release()
    await settleWell(a)
    answer()
    await settleWell(a)
    expect(resting(kept)).not.toBe(refreshToken)
    await a.client.refresh()
    expect(a.server.reuses).toBe(0)
    expect(a.client.session).toMatchObject({ claims: { sub: 'bob' } })
  })

  test('a refresh of the old session is not written over what another user signed in with', async () => {
    const { a, post, answer, refresh, kept } = await sharing()
    const refreshToken = a.server.seed('bob')
    await a.client.setTokens({ accessToken: a.server.issueAccess('bob').token, refreshToken })
    answer()
    await settleWell(a)
    expect(refresh.state).not.toBe('pending')
    expect(resting(kept)).toBe(refreshToken)
    post.release()
    await settleWell(a)
    await a.client.refresh()
    expect(a.client.session).toMatchObject({ claims: { sub: 'bob' } })
  })

  test('C1 a refresh of a tab that has not heard of the logout, and is closed then, signs nobody in again', async () => {
    const { a, b, post, answer, kept, load } = await sharing()
    const logout = watch(a.client.logout())
    await settleWell(a)
    answer()
    await a.settle()
    b.close()
    await settleWell(a)
    expect(logout.value).toEqual({ revoked: true })
    expect([...kept]).toEqual([])
    post.held = false
    a.close()
    const next = load()
    const ready = watch(next.client.ready())
    await settleWell(next)
    expect(ready.value).toMatchObject({ status: 'anonymous' })
  })
})

describe('S3 after a logout nothing of the session is left in the storage', () => {
  const kinds: [string, (count: number) => Promise<{ tabs: World[]; kept: Kept[] }>][] = [
    ['of the tab', signedInTabs],
    [
      'of all tabs',
      async count => {
        const { tabs, kept } = await sharingTabs(count)
        return { tabs, kept: [kept] }
      },
    ],
  ]
  test.each(kinds)('%s, also when a refresh is under way in another tab', async (_, sign) => {
    const { tabs, kept } = await sign(2)
    const [a, b] = tabs as [World, World]
    const answer = a.server.delay(REFRESH)
    const refresh = watch(a.client.refresh())
    await a.settle()
    const logout = watch(b.client.logout())
    await b.settle()
    answer()
    await a.clock.advance(30 * SECOND)
    expect([refresh.state, logout.state]).toEqual(['no_session', 'fulfilled'])
    expect(kept.flatMap(own => [...own])).toEqual([])
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    const last = a.server.calls.findLast(({ path }) => path === '/logout')
    expect(JSON.parse(last?.text || '{}').refresh_token).toMatch(/^refresh-/)
  })

  test.each(kinds)('%s, offline: a reload stays signed out, and what was there is gone', async (_, sign) => {
    const { tabs, kept } = await sign(1)
    const [world] = tabs as [World]
    world.online = false
    expect((await world.client.logout()).revoked).toBe(false)
    await world.settle()
    expect(kept.flatMap(own => [...own])).toEqual([])
    const again = open(world, { storage: createTabStorage(kept[0]) })
    expect(await again.client.ready()).toEqual(signedOut('logout'))
    expect(again.server.refreshes).toBe(0)
  })

  test.each(kinds)(
    '%s, before the first restore: the server is told with what rested there',
    async (_, sign) => {
      const { tabs, kept } = await sign(1)
      const [world] = tabs as [World]
      const rested = resting(kept[0]!)
      const shared = kept.length === 1 && world.client !== undefined && _ === 'of all tabs'
      world.close()
      const again = open(world, { storage: shared ? createShared(kept[0]) : createTabStorage(kept[0]) })
      expect(await again.client.logout()).toEqual({ revoked: true })
      await again.settle()
      expect(sent(again, '/logout')).toEqual([rested])
      expect([...kept[0]!]).toEqual([])
      expect(await isAlive(again, rested)).toBe(false)
    },
  )

  test.each([
    ['the server confirmed it', true],
    ['the server did not hear of it', false],
  ])('of a tab that the browser had discarded by then, and loads again: %s', async (_, online) => {
    const { tabs, kept } = await signedInTabs(2)
    const [discarded, live] = tabs
    discarded.close()
    live.online = online
    expect((await live.client.logout()).revoked).toBe(online)
    await live.settle()
    live.close()
    for (let loads = 0; loads < 2; loads++) {
      const again = open(live, { storage: createTabStorage(kept[0]) })
      expect((await again.client.ready()).status).toBe('anonymous')
      await again.settle()
      again.close()
    }
    expect(live.server.refreshes).toBe(0)
  })

  test.each(['get', 'set'] as const)('of a tab whose storage fails once, in "%s"', async part => {
    const kept: Kept = new Map()
    const storage = createFlaky(createTabStorage(kept), part)
    const world = open(undefined, { storage })
    await world.login()
    await world.settle()
    storage.fails = true
    if (part === 'set') {
      await world.client.refresh()
      await world.settle()
      storage.fails = false
    }
    await world.client.logout()
    await world.settle()
    expect([...kept]).toEqual([])
  })

  test('of the tab: two logouts at once tell the server once, with what rested there', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [world] = tabs
    const rested = resting(kept[0])
    const answers = await Promise.all([world.client.logout(), world.client.logout()])
    expect(answers).toEqual([{ revoked: true }, { revoked: true }])
    await world.settle()
    expect(sent(world, '/logout')).toEqual([rested])
  })

  test.each(kinds)('%s, after a sign-out with reason rejected', async (_, sign) => {
    const { tabs, kept } = await sign(2)
    const [world] = tabs as [World]
    world.server.revokeAll()
    await world.client.fetch(items)
    await world.settle()
    expect(status(...tabs)).toEqual(['anonymous', 'anonymous'])
    expect(kept.flatMap(own => [...own])).toEqual([])
  })
})

describe('S3 a storage that does not work is replaced by memory, with one event and no exception', () => {
  const denied = (): never => {
    throw new DOMException('Denied', 'SecurityError')
  }
  const full = (): never => {
    throw new DOMException('Full', 'QuotaExceededError')
  }
  const never = () => new Promise<never>(() => {})
  const refused = async () => denied()
  const broken: [name: string, parts: Partial<TokenStorage>][] = [
    ['throws on get', { get: denied }],
    ['throws on set', { set: denied }],
    ['throws on remove', { remove: denied }],
    ['throws on everything', { get: denied, set: denied, remove: denied }],
    ['is full', { set: full }],
    ['rejects on get', { get: refused }],
    ['rejects on set', { set: refused }],
    ['rejects on remove', { remove: refused }],
    ['hangs on get', { get: never }],
    ['hangs on set', { set: never }],
    ['hangs on remove', { remove: never }],
    ['hangs on everything', { get: never, set: never, remove: never }],
  ]
  const cases = broken.flatMap(([name, parts]) =>
    [false, true].map(shared => ({ name, parts, where: shared ? 'shared' : 'own', shared })),
  )

  test.each(cases)('$where, and $name', async ({ parts, shared }) => {
    const world = open(undefined, { storage: { ...createTabStorage(), ...parts, shared } })
    const { client, clock, server } = world
    const done = async (promise: Promise<unknown>) => {
      const outcome = watch(promise)
      await clock.advance(9 * SECOND)
      return outcome.state
    }
    expect(await done(client.ready())).toBe('fulfilled')
    expect(await done(world.login())).toBe('fulfilled')
    expect(await done(client.refresh())).toBe('fulfilled')
    await clock.advance(2 * HOUR)
    expect((await client.fetch(items)).status).toBe(200)
    expect(server.reuses).toBe(0)
    expect(await done(client.logout())).toBe('fulfilled')
    expect(server.refreshes).toBeGreaterThanOrEqual(3)
    expect(world.count('logout')).toBe(1)
    expect(warnings(world)).toBe(1)
    expect(world.reported).toEqual([])
  })

  const rest = (more: object) => JSON.stringify({ v: 1, refreshToken: 'refresh-1', lineage: 1, ...more })
  const garbage: [name: string, text: unknown][] = [
    ['no JSON', 'refresh-1'],
    ['a torn text', '{"v":1,"refreshToken":"re'],
    ['an empty text', ''],
    ['the JSON null', 'null'],
    ['a number', '5'],
    ['an array', '[]'],
    ['foreign JSON', '{"access_token":"a","refresh_token":"b"}'],
    ['another version', rest({ v: 2 })],
    ['a token with a newline', rest({ refreshToken: 'a\nb' })],
    ['a token beyond Latin-1', rest({ refreshToken: 'ш😀' })],
    ['a token that is a number', rest({ refreshToken: 5 })],
    ['a token of 10 MB', rest({ refreshToken: 'a'.repeat(10 * 2 ** 20) })],
    ['a lineage that is none', rest({ lineage: 'x' })],
    ['an object in place of a text', { v: 1 }],
    ['polluting JSON', '{"__proto__":{"refreshToken":"evil"},"v":1,"lineage":1}'],
  ]
  test.each(garbage)('it holds %s: nothing is sent, and the next login works', async (_, text) => {
    const kept = new Map([[KEY, text as string]])
    const world = open(undefined, { storage: createTabStorage(kept) })
    expect(await world.client.ready()).toEqual(signedOut('initial'))
    expect(world.server.calls).toEqual([])
    await world.login()
    await world.client.refresh()
    await world.settle()
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(resting(kept)).toMatch(/^refresh-/)
    expect(warnings(world)).toBe(1)
    expect(world.reported).toEqual([])
    expect(({} as any).refreshToken).toBeUndefined()
  })

  test('a lineage from the far future leaves room for the next login and logout', async () => {
    const kept = new Map([[KEY, rest({ lineage: Number.MAX_SAFE_INTEGER })]])
    const world = open(undefined, { storage: createTabStorage(kept) })
    await world.client.ready()
    await world.login()
    await world.settle()
    expect(status(world)).toEqual(['authenticated'])
    await world.client.logout()
    await world.settle()
    expect([...kept]).toEqual([])
    await world.login('bob')
    await world.settle()
    world.close()
    const again = open(world, { storage: createTabStorage(kept) })
    expect(await again.client.ready()).toMatchObject({ claims: { sub: 'bob' } })
  })

  test('one that is async works as one that is not', async () => {
    const kept: Kept = new Map()
    const sync = createTabStorage(kept)
    const storage: TokenStorage = {
      get: async key => sync.get(key),
      set: async (key, value) => sync.set(key, value),
      remove: async key => sync.remove(key),
    }
    const before = open(undefined, { storage })
    await before.login()
    await before.client.refresh()
    await before.settle()
    before.close()
    const after = open(before, { storage })
    expect((await after.client.ready()).status).toBe('authenticated')
    await after.client.logout()
    await after.settle()
    expect([...kept]).toEqual([])
    expect([before, after].map(warnings)).toEqual([0, 0])
  })
})

describe('S3 the storages that come along', () => {
  afterEach(() => vi.unstubAllGlobals())
  const fake = (kept: Kept): Storage =>
    ({
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    }) as Storage

  test('webStorage reads, writes and removes; given a function it looks only when it is used', async () => {
    const kept: Kept = new Map()
    let looked = 0
    const storage = browserStorage(() => {
      looked++
      return fake(kept)
    })
    expect(looked).toBe(0)
    storage.set('a', '1')
    expect(storage.get('a')).toBe('1')
    storage.remove('a')
    expect(storage.get('a')).toBeNull()
    expect(looked).toBe(4)
  })

  test('only localStorage is shared by the tabs', () => {
    const [local, session] = [fake(new Map()), fake(new Map())]
    vi.stubGlobal('localStorage', local)
    expect(browserStorage(() => local).shared).toBe(true)
    expect(browserStorage(() => session).shared).toBe(false)
  })

  test('a browser that throws at the very name costs the session nothing', async () => {
    const denied = () => {
      throw new DOMException('Denied', 'SecurityError')
    }
    expect(browserStorage(denied).shared).toBe(false)
    const world = open(undefined, { storage: webStorage(denied) })
    expect(await world.client.ready()).toEqual(signedOut('initial'))
    await world.login()
    await world.client.refresh()
    await world.settle()
    expect(status(world)).toEqual(['authenticated'])
    expect(warnings(world)).toBe(1)
  })

  test('by default no token rests anywhere, and a reload asks the server', async () => {
    const world = open(undefined)
    await world.login()
    await world.client.refresh()
    await world.settle()
    expect([...world.storage]).toEqual([])
    world.close()
    const again = open(world)
    await again.client.ready()
    expect(again.server.refreshes).toBe(2)
  })
})

describe('S3, C9 disposed during a refresh', () => {
  test.each(['own', 'shared'])(
    'the rotated token is still written, for the page that comes next: %s',
    async kind => {
      const kept: Kept = new Map()
      const create = () => (kind === 'own' ? createTabStorage(kept) : createShared(kept))
      const before = open(undefined, { storage: create() })
      await before.login()
      await before.settle()
      const first = resting(kept)
      const answer = before.server.delay(REFRESH)
      const refresh = watch(before.client.refresh())
      await before.settle()
      before.client.dispose()
      await before.settle()
      expect(refresh.state).toBe('disposed')
      answer()
      await before.settle()
      expect(resting(kept)).not.toBe(first)
      const after = open(before, { storage: create() })
      const ready = watch(after.client.ready())
      await after.clock.advance(5 * SECOND)
      expect(ready.value).toMatchObject({ status: 'authenticated' })
      expect(after.server.reuses).toBe(0)
    },
  )

  test('while what rests is read: it owns nothing afterwards, and the next client of the page goes on', async () => {
    const { tabs, kept } = await signedInTabs(1)
    const [first] = tabs
    first.close()
    let read = () => {}
    const reading = new Promise<void>(resolve => {
      read = resolve
    })
    const storage = createTabStorage(kept[0])
    const slow: TokenStorage = { ...storage, get: key => reading.then(() => storage.get(key)) }
    const before = open(first, { storage: slow })
    watch(before.client.ready())
    await before.settle()
    before.client.dispose()
    read()
    await before.settle()
    expect(before.shared.locks.snapshot().held).toEqual([])
    const after = open(first, { storage })
    expect((await after.client.ready()).status).toBe('authenticated')
  })

  test('hot reload: the next client of the page waits for it, and goes on with the new token', async () => {
    const kept: Kept = new Map()
    const before = open(undefined, { storage: createTabStorage(kept) })
    await before.login()
    await before.settle()
    const answer = before.server.delay(REFRESH)
    watch(before.client.refresh())
    await before.settle()
    before.client.dispose()
    const after = open(before, { storage: createTabStorage(kept) })
    const ready = watch(after.client.ready())
    await after.settle()
    answer()
    await after.clock.advance(5 * SECOND)
    expect(ready.value).toMatchObject({ status: 'authenticated' })
    expect(after.server.reuses).toBe(0)
  })
})

describe('S3 the refresh token in memory alone, in several tabs', () => {
  test('the owner refreshes for the others, and no message holds the refresh token', async () => {
    const owner = open(undefined)
    const follower = open(owner)
    await owner.login()
    await owner.settle()
    await follower.client.refresh()
    await owner.clock.advance(3 * HOUR)
    expect(status(owner, follower)).toEqual(['authenticated', 'authenticated'])
    expect(owner.server.reuses).toBe(0)
    expect(JSON.stringify(owner.shared.channels.posted)).not.toMatch(/refresh-/)
  })

  test('a tab that is opened beside an owner that is frozen waits for it, and signs nobody out', async () => {
    const owner = open(undefined)
    await owner.login()
    await owner.settle()
    owner.freeze()
    const later = open(owner)
    watch(later.client.ready())
    await later.clock.advance(2 * SECOND)
    expect(status(later)).toEqual(['unknown'])
    owner.thaw()
    await owner.clock.advance(5 * SECOND)
    await owner.client.refresh()
    await owner.settle()
    expect(status(owner, later)).toEqual(['authenticated', 'authenticated'])
  })

  test('the owner is reloaded: it follows nobody, and all sign out when the token ends', async () => {
    const owner = open(undefined)
    const follower = open(owner)
    await owner.login()
    await owner.settle()
    owner.close()
    const again = open(owner)
    expect((await again.client.ready()).status).toBe('authenticated')
    await again.clock.advance(2 * HOUR)
    expect([again, follower].map(({ client }) => client.session)).toEqual([
      signedOut('rejected'),
      signedOut('rejected'),
    ])
    expect([again.count('logout'), follower.count('logout')]).toEqual([1, 1])
  })
})

describe('S3, M2 a shared storage shows a tab late what another has written', () => {
  /** A view for each tab: its own writes at once, those of the others when they arrive. */
  function createLateViews(count: number) {
    const late: (() => void)[] = []
    const views = Array.from({ length: count }, (): Kept => new Map())
    const others = (own: Kept, change: (view: Kept) => void) => {
      for (const view of views) if (view !== own) late.push(() => change(view))
    }
    const storages = views.map(
      (own): TokenStorage => ({
        shared: true,
        get: key => own.get(key) ?? null,
        set(key, value) {
          own.set(key, value)
          others(own, view => view.set(key, value))
        },
        remove(key) {
          own.delete(key)
          others(own, view => view.delete(key))
        },
      }),
    )
    const arrive = () => {
      for (const change of late.splice(0)) change()
    }
    return { storages, arrive }
  }

  async function lateTabs(tabs = shareTabs()) {
    const { storages, arrive } = createLateViews(2)
    const first = open(undefined, { storage: storages[0]!, options: { tabs } })
    const second = open(first, { storage: storages[1]!, options: { tabs } })
    await first.login()
    await first.clock.advance(2 * SECOND)
    arrive()
    forget(first, second)
    return { first, second, arrive }
  }

  test.each([true, false])(
    'it waits for the token that it was told of, where messages carry tokens: %s',
    async tokens => {
      const { first, second, arrive } = await lateTabs(shareTabs({ tokens }))
      await first.client.refresh()
      await first.settle()
      const refresh = watch(second.client.refresh())
      await second.clock.advance(SECOND / 2)
      expect([refresh.state, second.server.refreshes]).toEqual(['pending', 1])
      arrive()
      await second.clock.advance(100)
      expect(refresh.value).toMatchObject({ status: 'authenticated' })
      expect(second.server.reuses).toBe(0)
      expect(new Set(sent(second, '/refresh_token')).size).toBe(second.server.refreshes)
    },
  )

  test('for a second at most', async () => {
    const { first, second } = await lateTabs()
    await first.client.refresh()
    await first.settle()
    const refresh = watch(second.client.refresh())
    await second.clock.advance(1_100)
    expect(refresh.state).not.toBe('pending')
  })

  test('for a second at most, also where the other goes on and on without a refresh token', async () => {
    const { first, second } = await lateTabs()
    const accessToken = (await first.client.getAccessToken())!
    const refreshes = []
    for (let n = 0; n < 20; n++) {
      await first.client.setTokens({ accessToken })
      await first.settle()
      refreshes.push(watch(second.client.refresh()))
      await first.clock.advance(SECOND / 2)
    }
    expect(refreshes.slice(0, 16).filter(({ state }) => state === 'pending')).toEqual([])
  })

  test('nobody waits for what this tab itself could not write', async () => {
    const storage = createFlaky(createShared(), 'set')
    const world = open(undefined, { storage })
    await world.login()
    storage.fails = true
    for (let n = 0; n < 3; n++) {
      await world.clock.advance(5 * SECOND)
      const refresh = watch(world.client.refresh())
      await world.settle()
      expect(refresh.state).not.toBe('pending')
    }
  })

  test('nobody waits beside a tab that is signed out', async () => {
    const { tabs, kept } = await sharingTabs(1)
    await tabs[0].client.logout()
    await tabs[0].clock.advance(MINUTE)
    const second = open(tabs[0], { storage: createShared(kept) })
    const ready = watch(second.client.ready())
    await second.settle()
    expect(ready.value).toMatchObject({ status: 'anonymous' })
  })

  test('a new tab that is handed the session waits for nothing, where no refresh token rests', async () => {
    const { tabs, kept } = await sharingTabs(1)
    const accessToken = (await tabs[0].client.getAccessToken())!
    await tabs[0].client.logout()
    await tabs[0].client.setTokens({ accessToken })
    await tabs[0].clock.advance(5 * SECOND)
    const second = open(tabs[0], { storage: createShared(kept) })
    const ready = watch(second.client.ready())
    await second.settle()
    expect(ready.value).toMatchObject({ status: 'authenticated' })
  })
})

test('S3 "remember me": what rests for all tabs is used, though a session of one tab was newer', async () => {
  const { tabs, kept } = await sharingTabs(1)
  const [remembered] = tabs
  await remembered.clock.advance(MINUTE)
  remembered.close()
  const once = open(remembered, { storage: createTabStorage() })
  await once.login('bob')
  await once.clock.advance(MINUTE)
  once.close()
  const again = open(remembered, { storage: createShared(kept) })
  expect(await again.client.ready()).toMatchObject({ status: 'authenticated' })
})

test(`S3 ${LOGOUT} carries what rests in a shared storage, also when another tab has put it there`, async () => {
  const { tabs, kept } = await sharingTabs(2)
  await tabs[0].client.refresh()
  await tabs[0].settle()
  const newest = resting(kept)
  await tabs[1].client.logout()
  await tabs[1].settle()
  expect(sent(tabs[1], '/logout')).toEqual([newest])
})

describe('I12 tabs off, and a storage of the tab: nothing of one tab reaches another', () => {
  const kinds: [name: string, given: TabOptions][] = [
    ['a refresh token', {}],
    ['a token that renews itself', { server: { carrier: 'sliding' }, options: { sliding: true } }],
  ]

  function openAlone(browser: World | undefined, kept: Kept, given: TabOptions = {}, before?: World): World {
    const options: AuthClientOptions = { tabs: false, ...given.options }
    const storage = createTabStorage(kept)
    return open(browser, { ...given, options, storage, ...(before && { before }) })
  }

  /** Ada in one tab, Bob in another, and a page load of either. */
  async function adaAndBob(given: TabOptions = {}) {
    const kept: [Kept, Kept] = [new Map(), new Map()]
    const a = openAlone(undefined, kept[0], given)
    const b = openAlone(a, kept[1], given)
    await a.login('ada')
    await a.clock.advance(SECOND)
    await b.login('bob')
    await a.settle()
    const load = (before: World, own: Kept) => {
      before.close()
      return openAlone(a, own, given, before)
    }
    return { a, b, kept, loadA: (page = a) => load(page, kept[0]), loadB: (page = b) => load(page, kept[1]) }
  }
  const who = async ({ client }: World) => {
    const session = await client.ready()
    return session.status === 'authenticated' ? session.claims?.sub : session
  }

  test.each(kinds)(
    '%s: two accounts in two tabs stay two, over page loads and refreshes',
    async (_, given) => {
      let { a, b, loadA, loadB } = await adaAndBob(given)
      for (let n = 0; n < 3; n++) {
        a = loadA(a)
        b = loadB(b)
        expect([await who(a), await who(b)]).toEqual(['ada', 'bob'])
        await b.client.refresh()
        await a.client.refresh()
        await a.settle()
        expect([await who(a), await who(b)]).toEqual(['ada', 'bob'])
      }
      expect(a.server.reuses).toBe(0)
      expect([...a.storage]).toEqual([])
    },
  )

  test.each(kinds)(
    '%s: a logout that was not confirmed ends the session of its own tab alone',
    async (_, given) => {
      const { a, b, loadA, loadB } = await adaAndBob(given)
      a.online = false
      expect(await a.client.logout()).toMatchObject({ revoked: false })
      await a.settle()
      await b.client.refresh()
      expect(await who(b)).toBe('bob')
      const again = loadB()
      expect(await who(again)).toBe('bob')
      expect((await again.client.fetch(items)).status).toBe(200)
      const left = loadA()
      left.online = false
      expect(await who(left)).toEqual(signedOut('logout'))
    },
  )

  test('C7 the next page of that tab stays signed out, and a login there ends it', async () => {
    const { a, loadA } = await adaAndBob()
    a.online = false
    await a.client.logout()
    await a.settle()
    const next = loadA()
    next.online = false
    expect(await who(next)).toEqual(signedOut('logout'))
    await next.settle()
    expect(next.sessionStorage.has(nameOf('app', 'signed-out'))).toBe(true)
    next.online = true
    await next.login('eve')
    await next.settle()
    expect(await who(loadA(next))).toBe('eve')
  })

  test('who is away in one tab is signed out there alone, and who comes back late finds that so', async () => {
    const { a, b, loadA, loadB } = await adaAndBob({ options: { idle: idleTimeout(15 * MINUTE) } })
    for (let n = 0; n < 5; n++) {
      await b.clock.advance(4 * MINUTE)
      b.act()
    }
    expect(a.client.session).toEqual(signedOut('idle'))
    expect(await who(b)).toBe('bob')
    expect(await who(loadB())).toBe('bob')
    expect(await who(loadA())).toMatchObject({ status: 'anonymous' })
  })

  test('a page load after more than "idleTimeout" is signed out, whoever was active in another tab', async () => {
    const { a, b, loadA } = await adaAndBob({ options: { idle: idleTimeout(15 * MINUTE) } })
    a.close()
    for (let n = 0; n < 5; n++) {
      await b.clock.advance(4 * MINUTE)
      b.act()
    }
    expect(await who(loadA())).toEqual(signedOut('idle'))
  })

  test('where there is no sessionStorage, the session goes on as without notes', async () => {
    const kept: Kept = new Map()
    const world = openAlone(undefined, kept)
    Reflect.deleteProperty(world.environment, 'sessionStorage')
    await world.login()
    await world.client.refresh()
    await world.settle()
    expect(await who(world)).toBe('ada')
    const next = openAlone(world, kept, {}, world)
    Reflect.deleteProperty(next.environment, 'sessionStorage')
    expect(await who(next)).toBe('ada')
    expect(await next.client.logout()).toEqual({ revoked: true })
  })

  test('nor with the refresh token in memory: a logout that was not confirmed ends its own session alone', async () => {
    const a = open(undefined, { options: { tabs: false } })
    const b = open(a, { options: { tabs: false } })
    await a.login('ada')
    await b.login('bob')
    await a.clock.advance(SECOND)
    a.online = false
    await a.client.logout()
    await b.client.refresh()
    await b.clock.advance(2 * HOUR)
    expect(await who(b)).toBe('bob')
    a.online = true
    expect(await who(a)).toEqual(signedOut('logout'))
  })

  test("a refresh token in a cookie is every tab's: so is the marker", async () => {
    const a = createWorld({ options: { sessionKey: 'app', tabs: false } })
    await a.login()
    a.online = false
    await a.client.logout()
    expect([...a.storage.keys()]).toEqual([nameOf('app', 'signed-out')])
    const b = createWorld({ browser: a, options: { sessionKey: 'app', tabs: false } })
    b.online = false
    expect(await who(b)).toEqual(signedOut('logout'))
  })

  test('so it is with a storage that all tabs share', async () => {
    const kept: Kept = new Map()
    const given = (): TabOptions => ({ storage: createShared(kept), options: { tabs: false } })
    const a = open(undefined, given())
    await a.login()
    a.online = false
    await a.client.logout()
    await a.settle()
    expect([...a.storage.keys()]).toEqual([nameOf('app', 'signed-out')])
    const b = open(a, given())
    b.online = false
    expect(await who(b)).toEqual(signedOut('logout'))
  })
})

describe('E3 a storage of the browser that is null, or throws, or throws later', () => {
  const NAMES = ['localStorage', 'sessionStorage'] as const
  const restore: (() => unknown)[] = []
  afterEach(() => {
    vi.unstubAllGlobals()
    for (const undo of restore.splice(0)) undo()
  })

  const denied = (): never => {
    throw new DOMException('Denied', 'SecurityError')
  }
  const deaf = { getItem: denied, setItem: denied, removeItem: denied }

  function stub(name: string, get: () => unknown): void {
    const before = Object.getOwnPropertyDescriptor(globalThis, name)
    Object.defineProperty(globalThis, name, { get, configurable: true })
    restore.push(() =>
      before ? Object.defineProperty(globalThis, name, before) : Reflect.deleteProperty(globalThis, name),
    )
  }
  const absent: [how: string, get: () => unknown][] = [
    ['is null', () => null],
    ['is undefined', () => undefined],
    ['throws', denied],
    ['throws when it is used', () => deaf],
  ]
  const cases = absent.flatMap(([how, get]) => NAMES.map(name => ({ how, get, name })))
  test.each(cases)(
    '$name $how: nobody is signed in, and a login works as in memory',
    async ({ get, name }) => {
      stub(name, get)
      const look = () => globalThis[name]
      expect(browserStorage(look).shared).toBe(false)
      const world = open(undefined, { storage: webStorage(look) })
      world.environment.localStorage = world.environment.sessionStorage = get as never
      expect(await world.client.ready()).toEqual(signedOut('initial'))
      await world.login()
      await world.client.refresh()
      await world.settle()
      await world.clock.advance(3 * HOUR)
      expect((await world.client.fetch(items)).status).toBe(200)
      expect(world.server.reuses).toBe(0)
      expect(await world.client.logout()).toEqual({ revoked: true })
      expect(world.client.session).toEqual(signedOut('logout'))
      expect(world.reported).toEqual([])
    },
  )

  const given = NAMES.flatMap(name => [
    { name, what: 'null', value: null },
    { name, what: 'a storage that throws', value: deaf },
  ])
  test.each(given)('webStorage($name) of what is $what', async ({ name, value }) => {
    stub(name, () => value)
    const world = open(undefined, { storage: webStorage(value as never) })
    expect(await world.client.ready()).toEqual(signedOut('initial'))
    await world.login()
    await world.client.refresh()
    expect(status(world)).toEqual(['authenticated'])
  })

  const later = NAMES.flatMap(name =>
    absent.flatMap(([how, get]) => [false, true].map(isNoted => ({ name, how, get, isNoted }))),
  )
  test.each(later)('$name $how after a while (the notes too: $isNoted)', async ({ name, get, isNoted }) => {
    const kept: Kept = new Map()
    const good = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    }
    let current = (): unknown => good
    stub(name, () => current())
    const world = open(undefined, {
      storage: webStorage(() => globalThis[name]),
      options: { idle: idleTimeout(DAY) },
    })
    await world.login()
    await world.client.refresh()
    await world.settle()
    current = get
    if (isNoted) world.environment.localStorage = get as never
    for (let n = 0; n < 3; n++) {
      await world.clock.advance(HOUR)
      expect((await world.client.fetch(items)).status).toBe(200)
      await world.client.refresh()
    }
    expect(world.server.reuses).toBe(0)
    expect(world.count('logout')).toBe(0)
    expect(await world.client.logout()).toEqual({ revoked: true })
    await world.login('bob')
    expect(status(world)).toEqual(['authenticated'])
    expect(world.reported).toEqual([])
  })

  const DAY = 24 * HOUR
  const full = NAMES.map(name => ({ name }))
  test.each(full)(
    '$name is full after a while: no used token is left there, and none is sent',
    async ({ name }) => {
      const kept: Kept = new Map()
      let isFull = false
      const good = {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem(key: string, value: string) {
          if (isFull) throw new DOMException('Full', 'QuotaExceededError')
          kept.set(key, value)
        },
        removeItem: (key: string) => void kept.delete(key),
      }
      stub(name, () => good)
      const world = open(undefined, { storage: webStorage(() => globalThis[name]) })
      await world.login()
      await world.settle()
      isFull = true
      for (let n = 0; n < 4; n++) {
        await world.client.refresh()
        await world.settle()
        await world.clock.advance(5 * SECOND)
      }
      expect(world.server.reuses).toBe(0)
      expect(status(world)).toEqual(['authenticated'])
      expect([...kept]).toEqual([])
      world.close()
      const next = open(world, { storage: webStorage(() => globalThis[name]) })
      await next.client.ready()
      expect(next.server.reuses).toBe(0)
    },
  )

  test.each(['getItem', 'setItem', 'removeItem'])(
    'the notes alone, whose %s throws after a while',
    async part => {
      const kept: Kept = new Map()
      const world = open(undefined, { storage: createTabStorage(kept) })
      const notes = world.environment.localStorage()
      await world.login()
      await world.client.refresh()
      await world.settle()
      world.environment.localStorage = () => ({ ...notes, [part]: denied })
      for (let n = 0; n < 3; n++) {
        await world.client.refresh()
        await world.settle()
      }
      expect(status(world)).toEqual(['authenticated'])
      world.close()
      const next = open(world, { storage: createTabStorage(kept) })
      expect((await next.client.ready()).status).toBe('authenticated')
      expect(next.server.reuses).toBe(0)
    },
  )
})

describe('E16 a number in the storage that cannot be one is not there', () => {
  const numbers = [
    'Infinity',
    '-Infinity',
    '1e300',
    '-1',
    '-1e300',
    'NaN',
    '9007199254740991',
    '1e16',
    'x',
    '{}',
    '',
  ]

  test.each(numbers)('the newest copy is %j: a page load goes on with what rests there', async text => {
    const { tabs, kept } = await signedInTabs(1)
    const [before] = tabs
    before.storage.set(nameOf('app', 'newest'), text)
    let page: World = before
    for (let n = 0; n < 3; n++) {
      page.close()
      page = open(before, { storage: createTabStorage(kept[0]) })
      expect((await page.client.ready()).status).toBe('authenticated')
      await page.settle()
    }
    const number = Number(before.storage.get(nameOf('app', 'newest')))
    expect(Math.abs(number - before.clock.now())).toBeLessThan(MINUTE)
  })

  test.each(numbers)('the time of the logout is %j: nobody has signed out', async text => {
    const world = open(undefined)
    world.storage.set(nameOf('app', 'signed-out'), text)
    world.server.jar.cookie = null
    const cookie = createWorld({ browser: world, server: {}, options: { sessionKey: 'app' } })
    const ready = watch(cookie.client.ready())
    await cookie.settle()
    expect(ready.state).toBe('fulfilled')
    expect(cookie.logs.filter(({ type }) => type === 'barred')).toEqual([])
    expect(world.server.refreshes).toBe(1)
  })

  test.each(numbers)('the time of the logout was %j: the next logout counts', async text => {
    const world = open(undefined)
    await world.login()
    world.storage.set(nameOf('app', 'signed-out'), text)
    world.online = false
    await world.client.logout()
    const noted = Number(world.storage.get(nameOf('app', 'signed-out')))
    expect(Math.abs(noted - world.clock.now())).toBeLessThan(MINUTE)
    world.online = true
    await world.login()
    expect(world.storage.has(nameOf('app', 'signed-out'))).toBe(false)
  })

  test.each(numbers)('the last activity was at %j: a page load is not signed out for it', async text => {
    const { tabs, kept } = await signedInTabs(1, { options: { idle: idleTimeout(HOUR) } })
    tabs[0].close()
    tabs[0].storage.set(nameOf('app', 'active'), text)
    const next = open(tabs[0], { storage: createTabStorage(kept[0]), options: { idle: idleTimeout(HOUR) } })
    expect((await next.client.ready()).status).toBe('authenticated')
    await next.clock.advance(2 * HOUR)
    expect(next.client.session).toEqual(signedOut('idle'))
  })

  const parts = ['lineage', 'serial'].flatMap(part =>
    [-1, -1e300, 1e300, 2 ** 53 - 1, '1', null].map(value => ({ part, value })),
  )
  test.each(parts)(
    'of what rests, "$part" is $value: it is not used, and the next login works',
    async ({ part, value }) => {
      const text = JSON.stringify({ v: 1, refreshToken: 'refresh-1', lineage: 1, serial: 1, [part]: value })
      const kept = new Map([[KEY, text]])
      const world = open(undefined, { storage: createTabStorage(kept) })
      expect(await world.client.ready()).toEqual(signedOut('initial'))
      expect(world.server.calls).toEqual([])
      await world.login()
      await world.settle()
      world.close()
      const next = open(world, { storage: createTabStorage(kept) })
      expect((await next.client.ready()).status).toBe('authenticated')
    },
  )
})

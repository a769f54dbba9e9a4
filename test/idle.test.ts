import { describe, expect, test } from 'vitest'
import { idleTimeout, tokenStorage } from '../src/core.ts'
import { createTabStorage, MODES, worldsOf } from './support/modes.ts'
import { nameOf } from './support/names.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const IDLE = 15 * MINUTE
const ACTIVE = nameOf('app', 'active')
const items = `${ORIGIN}/items`
const signedOut = (reason: string) => ({ status: 'anonymous', reason })

const open = (browser?: World, { options, ...given }: WorldOptions = {}): World =>
  createWorld({
    ...given,
    options: { sessionKey: 'app', idle: idleTimeout(IDLE), ...options },
    ...(browser && { browser }),
  })

async function signedInTabs(count: number, given: WorldOptions = {}): Promise<[World, World, World]> {
  const first = open(undefined, given)
  const tabs = [first, ...Array.from({ length: count - 1 }, () => open(first, given))]
  await first.login()
  await first.settle()
  for (const tab of tabs) tab.events.length = 0
  first.server.calls.length = 0
  return tabs as [World, World, World]
}

const status = (...tabs: World[]) => tabs.map(({ client }) => client.session.status)
const logouts = ({ events }: World) => events.filter(([name]) => name === 'logout')
const idleOnce = [['logout', { reason: 'idle' }]]

/** Presses a key every minute. */
async function work(tab: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += MINUTE) {
    tab.act()
    await tab.clock.advance(MINUTE)
  }
}

describe('a user who is away is signed out', () => {
  test('with reason "idle", after exactly so long, once, here and on the server', async () => {
    const [world] = await signedInTabs(1)
    await world.clock.advance(IDLE - SECOND)
    expect(status(world)).toEqual(['authenticated'])
    await world.clock.advance(3 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
    expect(logouts(world)).toEqual(idleOnce)
    expect(world.server.count('/logout')).toBe(1)
    expect(world.server.jar.cookie).toBeNull()
    await world.clock.advance(DAY)
    expect(logouts(world)).toEqual(idleOnce)
    expect(world.clock.timers).toBe(0)
  })

  test('activity keeps the session, for as long as there is some', async () => {
    const [world] = await signedInTabs(1)
    await work(world, 8 * HOUR)
    expect(status(world)).toEqual(['authenticated'])
    await world.clock.advance(IDLE + 2 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
  })

  test('refreshes, requests, and the page that wakes do not count', async () => {
    const [world] = await signedInTabs(1, { server: { lifetime: 60 } })
    for (let passed = 0; passed < IDLE + MINUTE; passed += MINUTE) {
      watch(world.client.fetch(items))
      watch(world.client.refresh())
      for (const type of ['focus', 'visibilitychange', 'online', 'pageshow', 'resume']) world.wake(type)
      await world.clock.advance(MINUTE)
    }
    expect(world.server.refreshes).toBeGreaterThan(10)
    expect(world.client.session).toEqual(signedOut('idle'))
  })

  test('nobody signed in: nothing is watched, written or said', async () => {
    const world = open()
    await world.client.ready()
    await work(world, HOUR)
    expect(world.clock.timers).toBe(0)
    expect([...world.storage]).toEqual([])
    expect(world.events).toEqual([])
  })

  test('a key held down does not write at each event', async () => {
    const [world] = await signedInTabs(1)
    let writes = 0
    const { localStorage } = world.environment
    world.environment.localStorage = () => {
      const storage = localStorage()
      return { ...storage, setItem: (key, value) => (writes++, storage.setItem(key, value)) }
    }
    for (let n = 0; n < 1_000; n++) {
      world.act()
      await world.clock.advance(10)
    }
    expect(writes).toBeLessThanOrEqual(11)
  })

  test('what is written is a time and no more, and goes with the session', async () => {
    const [world] = await signedInTabs(1)
    expect([...world.storage]).toEqual([[ACTIVE, `${world.clock.now()}`]])
    await world.client.logout()
    expect([...world.storage]).toEqual([])
  })

  test('longer than a timer can count (2³¹ ms): not at once, and in the end', async () => {
    const [world] = await signedInTabs(1, { options: { idle: idleTimeout(30 * DAY) } })
    await world.clock.advance(29 * DAY)
    expect(status(world)).toEqual(['authenticated'])
    await world.clock.advance(2 * DAY)
    expect(world.client.session).toEqual(signedOut('idle'))
  })
})

describe('after sleep it is judged by the clock', () => {
  test.each(['resume', 'visibilitychange', 'focus', 'pageshow'])('on %s', async type => {
    const [world] = await signedInTabs(1)
    world.clock.sleep(IDLE + MINUTE)
    expect(status(world)).toEqual(['authenticated'])
    world.wake(type)
    await world.clock.advance(2 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
    expect(logouts(world)).toEqual(idleOnce)
  })

  test('the key that wakes it does not count: a user who comes back too late is signed out', async () => {
    const [world] = await signedInTabs(1)
    world.clock.sleep(IDLE + MINUTE)
    world.act()
    world.wake('focus')
    await world.clock.advance(2 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
  })

  test('a request is not sent before it is judged', async () => {
    const [world] = await signedInTabs(1)
    world.clock.sleep(IDLE + MINUTE)
    const sent = watch(world.client.fetch(items))
    world.act()
    await world.settle()
    expect(sent.state).toBe('pending')
    await world.clock.advance(2 * SECOND)
    expect(sent.state).toBe('no_session')
    expect(world.client.session).toEqual(signedOut('idle'))
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/logout'])
  })

  test('a shorter sleep changes nothing', async () => {
    const [world] = await signedInTabs(1)
    world.clock.sleep(IDLE - MINUTE)
    world.wake('resume')
    world.act()
    await world.clock.advance(IDLE - SECOND)
    expect(status(world)).toEqual(['authenticated'])
  })

  test('a clock that was set back an hour signs nobody out sooner, and does not keep the session for an hour more', async () => {
    const [world] = await signedInTabs(1)
    world.clock.jump(-HOUR)
    await work(world, 10 * MINUTE)
    expect(status(world)).toEqual(['authenticated'])
    await world.clock.advance(IDLE + 5 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
  })
})

describe('all tabs are one', () => {
  test('activity in one keeps all of them', async () => {
    const tabs = await signedInTabs(3)
    await work(tabs[1], 4 * HOUR)
    expect(status(...tabs)).toEqual(['authenticated', 'authenticated', 'authenticated'])
  })

  test('when there is none, each says "idle" once, and the server is told', async () => {
    const tabs = await signedInTabs(3)
    await tabs[0].clock.advance(IDLE + 5 * SECOND)
    expect(tabs.map(({ client }) => client.session)).toEqual(Array(3).fill(signedOut('idle')))
    expect(tabs.map(logouts)).toEqual(Array(3).fill(idleOnce))
    expect(tabs[0].server.count('/logout')).toBe(1)
  })

  test('a tab that thaws signs nobody out on what it knew before', async () => {
    const [frozen, live] = await signedInTabs(2)
    frozen.freeze()
    await work(live, 2 * HOUR)
    frozen.thaw()
    await live.clock.advance(5 * SECOND)
    expect(status(frozen, live)).toEqual(['authenticated', 'authenticated'])
    expect([frozen, live].flatMap(logouts)).toEqual([])
  })

  test('a tab that was opened later knows when the user was last there', async () => {
    const [first] = await signedInTabs(1)
    await first.clock.advance(10 * MINUTE)
    const second = open(first)
    await second.client.ready()
    await first.clock.advance(4 * MINUTE)
    expect(status(first, second)).toEqual(['authenticated', 'authenticated'])
    await first.clock.advance(MINUTE + 5 * SECOND)
    expect([first, second].map(({ client }) => client.session)).toEqual(Array(2).fill(signedOut('idle')))
  })

  const denied = () => {
    throw new DOMException('Denied', 'SecurityError')
  }
  const poor: [name: string, given: WorldOptions, blocked: boolean][] = [
    ['storage blocked', {}, true],
    ['no channel', { channel: false }, false],
    ['no locks', { locks: false }, false],
    ['no locks and no channel', { locks: false, channel: false }, false],
    ['no locks and no storage', { locks: false }, true],
  ]
  async function poorTabs(given: WorldOptions, blocked: boolean): Promise<[World, World]> {
    const first = open(undefined, given)
    const second = open(first, given)
    if (blocked) for (const tab of [first, second]) tab.environment.localStorage = denied
    await first.login()
    await first.settle()
    await second.client.ready()
    await first.settle()
    expect(status(first, second)).toEqual(['authenticated', 'authenticated'])
    for (const tab of [first, second]) tab.events.length = 0
    return [first, second]
  }

  test.each(poor.filter(([, , blocked]) => !blocked))(
    '%s: activity in one still keeps the other',
    async (_, given, blocked) => {
      const [first, second] = await poorTabs(given, blocked)
      await work(first, 2 * HOUR)
      expect(status(first, second)).toEqual(['authenticated', 'authenticated'])
    },
  )

  test.each(poor.filter(([, , blocked]) => blocked))(
    'E16 %s: each tab knows what was done in it, and a message says nothing of that',
    async (_, given, blocked) => {
      const [first, second] = await poorTabs(given, blocked)
      await work(first, 10 * MINUTE)
      second.act()
      await work(first, 10 * MINUTE)
      expect(status(first, second)).toEqual(['authenticated', 'authenticated'])
      await work(first, 10 * MINUTE)
      expect(status(first, second)).toEqual(['anonymous', 'anonymous'])
    },
  )

  test('E16 messages of other scripts on the channel are no activity', async () => {
    const tabs = await signedInTabs(2)
    const [first] = tabs
    for (let passed = 0; passed < IDLE + MINUTE; passed += 20 * SECOND) {
      for (const type of ['here', 'hello', 'renew', 'ask']) {
        const message = { v: 1, type, generation: 0, active: first.clock.now() }
        first.shared.channels.inject(nameOf('app'), message)
      }
      await first.clock.advance(20 * SECOND)
    }
    expect(tabs.map(({ client }) => client.session)).toEqual(Array(2).fill(signedOut('idle')))
  })

  test('E18 the judgement behind a frozen holder of the lock takes the timeout and 4 s', async () => {
    const [world] = await signedInTabs(1)
    const frozen = open(world)
    await frozen.settle()
    void frozen.environment.locks()!.request(nameOf('app'), () => new Promise(() => {}))
    await frozen.settle()
    frozen.freeze()
    world.clock.sleep(IDLE + MINUTE)
    const sent = Array.from({ length: 5 }, () => watch(world.client.fetch(items)))
    await world.clock.advance(13 * SECOND)
    expect(sent.map(({ state }) => state)).toEqual(Array(5).fill('pending'))
    await world.clock.advance(1.1 * SECOND)
    expect(sent.map(({ state }) => state)).toEqual(Array(5).fill('no_session'))
    expect(world.client.session).toEqual(signedOut('idle'))
  })

  test('E18 many requests are judged once', async () => {
    const [world, other] = await signedInTabs(2)
    world.clock.sleep(IDLE + MINUTE)
    world.shared.channels.posted.length = 0
    for (let n = 0; n < 100; n++) watch(world.client.fetch(items))
    await world.clock.advance(SECOND / 2)
    const asked = world.shared.channels.posted.filter(([, { type }]) => type === 'hello')
    expect(asked).toHaveLength(1)
    expect(status(other)).toEqual(['authenticated'])
  })

  test.each(poor)('%s: nobody there signs out, once in each tab', async (_, given, blocked) => {
    const [first, second] = await poorTabs(given, blocked)
    await first.clock.advance(IDLE + 10 * SECOND)
    expect(status(first, second)).toEqual(['anonymous', 'anonymous'])
    expect(logouts(first)).toHaveLength(1)
    expect(logouts(second)).toHaveLength(1)
  })

  test.each(['alive', 'closed'])(
    'storage blocked: what was known of the session before ends no later one, the tab of its login is %s',
    async state => {
      const [first, second] = await poorTabs({}, true)
      second.act()
      await first.client.logout()
      await first.clock.advance(HOUR)
      await first.login()
      if (state === 'closed') first.close()
      await second.clock.advance(3 * SECOND)
      expect(status(second)).toEqual(['authenticated'])
      expect(second.count('logout')).toBe(1)
    },
  )

  test('a message about activity in the future is not believed', async () => {
    const [world] = await signedInTabs(1)
    world.shared.channels.inject(nameOf('app'), {
      v: 1,
      type: 'here',
      generation: 0,
      active: world.clock.now() + DAY,
    })
    world.storage.set(ACTIVE, `${world.clock.now() + DAY}`)
    await world.clock.advance(IDLE + 5 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
  })

  test.each(['', 'soon', 'NaN', '-5', '{}', 'Infinity'])(
    'nonsense in storage (%j) changes nothing',
    async text => {
      const [world] = await signedInTabs(1)
      world.storage.set(ACTIVE, text)
      await world.clock.advance(IDLE - SECOND)
      expect(status(world)).toEqual(['authenticated'])
      await world.clock.advance(5 * SECOND)
      expect(world.client.session).toEqual(signedOut('idle'))
    },
  )
})

describe('closing all tabs does not begin it anew', () => {
  async function closed(given: WorldOptions = {}): Promise<World> {
    const [world] = await signedInTabs(1, given)
    world.close()
    return world
  }

  test('opened again too late: "idle", no restore call, and the server is told', async () => {
    const before = await closed()
    before.clock.sleep(IDLE + MINUTE)
    const after = open(before)
    expect(await after.client.ready()).toEqual(signedOut('idle'))
    await after.settle()
    expect(after.server.refreshes).toBe(0)
    expect(after.server.count('/logout')).toBe(1)
    expect(after.server.jar.cookie).toBeNull()
    expect(after.events).toEqual([])
    expect((await after.client.fetch(items)).status).toBe(401)
    expect(after.server.calls.findLast(({ path }) => path === '/items')?.authorization).toBeNull()
  })

  test('also when a request, not ready(), is first', async () => {
    const before = await closed()
    before.clock.sleep(IDLE + MINUTE)
    const after = open(before)
    expect((await after.client.fetch(items)).status).toBe(401)
    expect(after.client.session).toEqual(signedOut('idle'))
    expect(after.server.refreshes).toBe(0)
  })

  test('and offline: it stays so when the page is loaded again online', async () => {
    const before = await closed()
    before.clock.sleep(IDLE + MINUTE)
    const offline = open(before)
    offline.online = false
    expect((await offline.client.ready()).status).toBe('anonymous')
    await offline.settle()
    offline.close()
    const online = open(before, { page: { href: `${ORIGIN}/app`, origin: ORIGIN, referrer: `${ORIGIN}/` } })
    expect((await online.client.ready()).status).toBe('anonymous')
    await online.clock.advance(10 * SECOND)
    expect(online.server.refreshes).toBe(0)
    expect(online.server.jar.cookie).toBeNull()
  })

  test('opened again in time: restored, and what is left of the time is left', async () => {
    const before = await closed()
    before.clock.sleep(10 * MINUTE)
    const after = open(before)
    expect((await after.client.ready()).status).toBe('authenticated')
    await after.clock.advance(4 * MINUTE)
    expect(status(after)).toEqual(['authenticated'])
    await after.clock.advance(2 * MINUTE)
    expect(after.client.session).toEqual(signedOut('idle'))
  })

  test('reloads do not count: a page that reloads itself keeps nobody signed in', async () => {
    let page = await closed()
    for (let n = 0; n < 16; n++) {
      page.clock.sleep(MINUTE)
      page = open(page)
      await page.client.ready()
      await page.settle()
      page.close()
    }
    const last = open(page)
    expect(await last.client.ready()).toMatchObject({ status: 'anonymous' })
    expect(last.server.jar.cookie).toBeNull()
  })

  test('a session restored where no activity is known of begins its time then', async () => {
    const world = open()
    world.server.seed()
    await world.client.ready()
    await world.clock.advance(IDLE - SECOND)
    expect(status(world)).toEqual(['authenticated'])
    await world.clock.advance(5 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
  })

  test('opened again too late, and a login: that user is not signed out at once', async () => {
    const before = await closed()
    before.clock.sleep(DAY)
    const after = open(before)
    await after.client.ready()
    await after.login('bob')
    await after.clock.advance(IDLE - SECOND)
    expect(after.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
    expect(logouts(after)).toEqual([])
  })

  test('a login that comes before any restore is not signed out at once either', async () => {
    const before = await closed()
    before.clock.sleep(DAY)
    const after = open(before)
    await after.login('bob')
    await after.clock.advance(IDLE - SECOND)
    expect(after.client.session).toMatchObject({ status: 'authenticated' })
    await after.clock.advance(5 * SECOND)
    expect(after.client.session).toEqual(signedOut('idle'))
  })

  test('a login long after the logout of the one before', async () => {
    const [world] = await signedInTabs(1)
    await world.client.logout()
    await world.clock.advance(DAY)
    await world.login('bob')
    await world.clock.advance(IDLE - SECOND)
    expect(status(world)).toEqual(['authenticated'])
  })

  test('an explicit refresh(), by an app whose login happens on the server, is a login too', async () => {
    const before = await closed()
    before.clock.sleep(DAY)
    const after = open(before)
    await after.client.refresh()
    expect(after.client.session.status).toBe('authenticated')
    await after.clock.advance(IDLE - SECOND)
    expect(status(after)).toEqual(['authenticated'])
  })

  test.each([
    ['who was signed in before', true],
    ['of whom nothing is known here', false],
  ])('an outage at the page load that lasts longer signs no user out who is there: %s', async (_, known) => {
    const before = known ? await closed() : open()
    if (!known) before.server.seed()
    before.close()
    const after = open(before)
    after.server.answer('POST /refresh_token', () => after.server.json({}, 503))
    watch(after.client.ready())
    await work(after, IDLE + 5 * MINUTE)
    after.server.mend()
    await work(after, 2 * MINUTE)
    expect(status(after)).toEqual(['authenticated'])
    expect(after.server.count('/logout')).toBe(0)
  })

  test('without the option the same return is restored', async () => {
    const before = await closed()
    before.clock.sleep(DAY)
    const after = open(before, { options: { idle: undefined } })
    expect((await after.client.ready()).status).toBe('authenticated')
  })

  const others = MODES.filter(({ isRestored }) => isRestored)
  test.each(others)('in every mode that a page load restores: $name', async mode => {
    const worlds = worldsOf(mode)
    const before = await worlds.signedIn({ options: { sessionKey: 'app', idle: idleTimeout(IDLE) } })
    before.close()
    before.clock.sleep(IDLE + MINUTE)
    const after = worlds.reload(before)
    expect(await after.client.ready()).toEqual(signedOut('idle'))
    await after.settle()
    expect(after.server.calls.map(({ path }) => path)).toEqual(['/logout'])
  })
})

describe('"idleTimeout" is checked', () => {
  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '900000', null, undefined, true])(
    '%j is refused',
    value => {
      expect(() => idleTimeout(value as number)).toThrow(
        expect.objectContaining({
          code: 'invalid_option',
          message: expect.stringMatching(/^"idleTimeout" must be/),
        }),
      )
    },
  )

  test('C9 dispose leaves no listener and no timer of it', async () => {
    const [world] = await signedInTabs(1)
    world.client.dispose()
    expect([world.listeners, world.clock.timers]).toEqual([0, 0])
  })

  test('C9 disposed with a refresh on the wire: its answer sets no timer, and nobody is signed out', async () => {
    const [world] = await signedInTabs(1, { server: { carrier: 'body' } })
    const answer = world.server.hold('POST /refresh_token')
    watch(world.client.refresh())
    await world.settle()
    world.client.dispose()
    answer()
    await world.clock.advance(30 * SECOND)
    expect(world.clock.timers).toBe(0)
    await world.clock.advance(IDLE)
    expect(world.server.count('/logout')).toBe(0)
  })

  test('C9 disposed while the other tabs are asked: nobody is signed out', async () => {
    const [world] = await signedInTabs(1)
    await world.clock.advance(IDLE + SECOND / 2)
    expect(status(world)).toEqual(['authenticated'])
    world.client.dispose()
    await world.clock.advance(MINUTE)
    expect(world.server.count('/logout')).toBe(0)
    expect(world.clock.timers).toBe(0)
  })
})

describe('E15 what counts as activity, and the warning before the sign-out', () => {
  const WARNING = MINUTE
  const warned: WorldOptions = { options: { idle: idleTimeout(IDLE, { warnBefore: WARNING }) } }
  const warnings = ({ events }: World) =>
    events.filter(([name]) => name === 'idleWarning').map(([, detail]) => detail)

  test('E15 touch() counts as activity, for as long as it is called', async () => {
    const [world] = await signedInTabs(1)
    for (let n = 0; n < 60; n++) {
      world.client.touch()
      await world.clock.advance(MINUTE)
    }
    expect(status(world)).toEqual(['authenticated'])
    await world.clock.advance(IDLE + 2 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
  })

  test('E15 touch() in one tab keeps all of them', async () => {
    const tabs = await signedInTabs(3)
    for (let n = 0; n < 60; n++) {
      tabs[1].client.touch()
      await tabs[1].clock.advance(MINUTE)
    }
    expect(status(...tabs)).toEqual(['authenticated', 'authenticated', 'authenticated'])
  })

  test('E15 touch() that comes too late does not count, nor does one where nobody is signed in', async () => {
    const [world] = await signedInTabs(1)
    world.clock.sleep(IDLE + MINUTE)
    world.client.touch()
    world.wake('focus')
    await world.clock.advance(2 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
    world.client.touch()
    expect([...world.storage.keys()]).not.toContain(ACTIVE)
  })

  test.each([
    ['without "idle"', { options: { idle: undefined } }],
    ['without a page', { page: null, options: { server: true, baseUrl: ORIGIN } }],
  ] satisfies [string, WorldOptions][])('E15 touch() does nothing %s', async (_, given) => {
    const world = open(undefined, given)
    await world.login()
    const before = [...world.storage]
    world.client.touch()
    expect([...world.storage]).toEqual(before)
  })

  test('E15 touch() works detached, and does nothing once the client is disposed', async () => {
    const [world] = await signedInTabs(1)
    const { touch } = world.client
    await world.clock.advance(MINUTE)
    touch()
    const noted = world.storage.get(ACTIVE)
    expect(noted).toBe(`${world.clock.now()}`)
    world.client.dispose()
    await world.clock.advance(MINUTE)
    touch()
    expect(world.storage.get(ACTIVE)).toBe(noted)
  })

  test('E15 the warning comes once, so long before the sign-out, and says when that is', async () => {
    const [world] = await signedInTabs(1, warned)
    const signOutAt = world.clock.now() + IDLE
    await world.clock.advance(IDLE - WARNING - 1)
    expect(warnings(world)).toEqual([])
    await world.clock.advance(1)
    expect(warnings(world)).toEqual([{ signOutAt }])
    await world.clock.advance(WARNING - 1)
    expect(warnings(world)).toEqual([{ signOutAt }])
    expect(status(world)).toEqual(['authenticated'])
    await world.clock.advance(2 * SECOND)
    expect(world.client.session).toEqual(signedOut('idle'))
    expect(world.events.slice(1)).toEqual([...idleOnce, ['idleWarning', null]])
  })

  test.each(['a key', 'touch()'])('E15 %s withdraws the warning at once', async what => {
    const [world] = await signedInTabs(1, warned)
    await world.clock.advance(IDLE - SECOND)
    if (what === 'a key') world.act()
    else world.client.touch()
    await world.settle()
    expect(warnings(world)).toEqual([expect.any(Object), null])
    const signOutAt = world.clock.now() + IDLE
    await world.clock.advance(IDLE - WARNING)
    expect(warnings(world).slice(2)).toEqual([{ signOutAt }])
    expect(status(world)).toEqual(['authenticated'])
  })

  test('E15 also a warning that comes right after the last activity', async () => {
    const [world] = await signedInTabs(1, {
      options: { idle: idleTimeout(10 * SECOND, { warnBefore: 9_500 }) },
    })
    await world.clock.advance(600)
    world.act()
    await world.settle()
    expect(warnings(world)).toEqual([expect.any(Object), null])
  })

  test('E15 activity in any tab withdraws the warning in all of them, by the stored note', async () => {
    const tabs = await signedInTabs(3, warned)
    const signOutAt = tabs[0].clock.now() + IDLE
    await tabs[0].clock.advance(IDLE - WARNING)
    expect(tabs.map(warnings)).toEqual(Array(3).fill([{ signOutAt }]))
    tabs[0].shared.channels.posted.length = 0
    tabs[2].act()
    await tabs[0].settle()
    expect(tabs.map(warnings)).toEqual(Array(3).fill([{ signOutAt }, null]))
    expect(tabs[0].shared.channels.posted).toEqual([])
    await tabs[0].clock.advance(MINUTE)
    expect(status(...tabs)).toEqual(['authenticated', 'authenticated', 'authenticated'])
  })

  test('E15 no message withdraws it: a script on the channel keeps nobody signed in', async () => {
    const tabs = await signedInTabs(2, warned)
    await tabs[0].clock.advance(IDLE - WARNING)
    for (const type of ['here', 'hello', 'renew', 'ask', 'waiting', 'alive']) {
      const message = { v: 1, type, generation: 0, active: tabs[0].clock.now() }
      tabs[0].shared.channels.inject(nameOf('app'), message)
      await tabs[0].settle()
    }
    expect(tabs.map(tab => warnings(tab).length)).toEqual([1, 1])
    await tabs[0].clock.advance(WARNING + 5 * SECOND)
    expect(tabs.map(({ client }) => client.session)).toEqual(Array(2).fill(signedOut('idle')))
  })

  test('E15 what else is written to the storage changes nothing', async () => {
    const tabs = await signedInTabs(2, warned)
    await tabs[0].clock.advance(IDLE - WARNING)
    tabs[1].environment.localStorage().setItem('of the app', 'x')
    tabs[1].environment.localStorage().setItem(ACTIVE, 'nonsense')
    tabs[1].environment.localStorage().setItem(ACTIVE, `${tabs[0].clock.now() + DAY}`)
    await tabs[0].settle()
    expect(tabs.map(tab => warnings(tab).length)).toEqual([1, 1])
  })

  test('E15 I12 with tabs off and a storage of its own the note is the tab’s: activity in one says nothing of the other', async () => {
    const alone = (): WorldOptions => ({
      options: { ...warned.options, tabs: false, storage: tokenStorage(createTabStorage()) },
      server: { carrier: 'body' },
    })
    const first = open(undefined, alone())
    const second = open(first, alone())
    await first.login()
    await second.login('bob')
    for (let n = 0; n < 14; n++) {
      await first.clock.advance(MINUTE)
      second.client.touch()
    }
    expect([warnings(first).length, warnings(second).length]).toEqual([1, 0])
    await first.clock.advance(MINUTE + 5 * SECOND)
    expect(status(first, second)).toEqual(['anonymous', 'authenticated'])
    expect([...first.storage.keys()]).not.toContain(ACTIVE)
  })

  test('E15 storage blocked: each tab warns of what it knows itself', async () => {
    const first = open(undefined, warned)
    const second = open(first, warned)
    for (const tab of [first, second]) {
      tab.environment.localStorage = () => {
        throw new DOMException('Denied', 'SecurityError')
      }
    }
    await first.login()
    await second.client.ready()
    await first.clock.advance(IDLE - WARNING)
    first.act()
    await first.settle()
    expect([warnings(first).at(-1), warnings(second).at(-1)]).toEqual([null, expect.any(Object)])
  })

  test('E15 a tab that wakes within the time is warned of what is left, and too late not at all', async () => {
    const [world] = await signedInTabs(1, warned)
    const signOutAt = world.clock.now() + IDLE
    world.clock.sleep(IDLE - 10 * SECOND)
    world.wake('resume')
    await world.settle()
    expect(warnings(world)).toEqual([{ signOutAt }])
    world.act()
    await world.settle()
    world.events.length = 0
    world.clock.sleep(IDLE + SECOND)
    world.wake('resume')
    await world.clock.advance(2 * SECOND)
    expect(world.events).toEqual(idleOnce)
  })

  test('E15 a page that is opened in the last minute is warned at once', async () => {
    const [before] = await signedInTabs(1, warned)
    const signOutAt = before.clock.now() + IDLE
    before.close()
    before.clock.sleep(IDLE - 20 * SECOND)
    const after = open(before, warned)
    await after.client.ready()
    await after.settle()
    expect(warnings(after)).toEqual([{ signOutAt }])
  })

  test('E15 activity that was noted late moves the time: the new one is told', async () => {
    const tabs = await signedInTabs(2, warned)
    const begin = tabs[0].clock.now()
    await tabs[0].clock.advance(IDLE - 30 * SECOND)
    // Of a moment between, as where a browser has shown it late.
    tabs[1].environment.localStorage().setItem(ACTIVE, `${begin + 10 * SECOND}`)
    await tabs[0].settle()
    expect(warnings(tabs[0])).toEqual([
      { signOutAt: begin + IDLE },
      { signOutAt: begin + 10 * SECOND + IDLE },
    ])
  })

  test.each(['logout', 'login'] as const)('E15 a %s ends the warning, in every tab', async what => {
    const tabs = await signedInTabs(2, warned)
    await tabs[0].clock.advance(IDLE - WARNING)
    if (what === 'logout') await tabs[0].client.logout()
    else await tabs[0].login('bob')
    await tabs[0].settle()
    expect(tabs.map(warnings)).toEqual(Array(2).fill([expect.any(Object), null]))
  })

  test('E15 refreshes and requests do not withdraw it', async () => {
    const [world] = await signedInTabs(1, warned)
    await world.clock.advance(IDLE - WARNING)
    await world.client.fetch(items)
    await world.client.refresh()
    await world.settle()
    expect(warnings(world)).toHaveLength(1)
  })

  test('without the option nothing warns', async () => {
    const [world] = await signedInTabs(1)
    await world.clock.advance(IDLE + 5 * SECOND)
    expect(warnings(world)).toEqual([])
    expect(world.shared.storageListeners.size).toBe(0)
  })

  test('C9 dispose while a warning is shown leaves no listener and no timer', async () => {
    const [world] = await signedInTabs(1, warned)
    await world.clock.advance(IDLE - WARNING)
    world.client.dispose()
    expect([world.listeners, world.clock.timers]).toEqual([0, 0])
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60000', null, true])(
    'a warning %j before is refused',
    value => {
      expect(() => idleTimeout(IDLE, { warnBefore: value as number })).toThrow(
        expect.objectContaining({
          code: 'invalid_option',
          message: expect.stringMatching(/^"warnBefore" must be/),
        }),
      )
    },
  )

  test.each([IDLE, IDLE + 1])(
    'a warning %i before the sign-out is refused where the timeout is not longer',
    value => {
      expect(() => idleTimeout(IDLE, { warnBefore: value })).toThrow(
        expect.objectContaining({
          code: 'invalid_option',
          message: expect.stringMatching(/^"warnBefore" must be .*less than "idleTimeout"/),
        }),
      )
    },
  )
})

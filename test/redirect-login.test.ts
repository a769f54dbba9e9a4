import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cookieMode, shareTabs, tokenStorage } from '../src/core.ts'
import { createTabStorage } from './support/modes.ts'
import { nameOf } from './support/names.ts'
import { watch } from './support/outcome.ts'
import { type Call, ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

const REFRESH = 'POST /refresh_token'
const LOGOUT = 'POST /logout'
const ME = 'GET /me'
const SECOND = 1_000
const MINUTE = 60 * SECOND
const TIMEOUT = 10 * SECOND
const HOUR = 60 * MINUTE
const APP = { sessionKey: 'app' }

const inBearer: WorldOptions = { options: APP }
const inOpaque: WorldOptions = { server: { opaque: true }, options: APP }
const inCookies: WorldOptions = {
  server: { access: 'cookie' },
  options: { ...APP, mode: cookieMode(), endpoints: { user: 'me' } },
}
const inScript: [name: string, given: () => WorldOptions][] = [
  ['in memory', () => ({ server: { carrier: 'body' }, options: APP })],
  [
    'in sessionStorage',
    () => ({ server: { carrier: 'body' }, options: { ...APP, storage: tokenStorage(createTabStorage()) } }),
  ],
]
const inLocalStorage = (): WorldOptions => ({
  server: { carrier: 'body' },
  options: { ...APP, storage: tokenStorage(Object.assign(createTabStorage(), { shared: true })) },
})

/** A page that has not been restored yet asks the user endpoint first in cookie mode. */
const asked = ({ server }: World) => server.refreshes + server.count('/me')
const events = (world: World) => world.events.map(([name]) => name)
const all = <T>(count: number, value: T): T[] => Array(count).fill(value)

/** The user of a session, by whatever says it. */
function who({ client }: World): unknown {
  const { session } = client
  return session.status === 'authenticated' ? (session.claims?.sub ?? session.user?.name) : session.status
}

/** What the redirect does: this user's cookies are in the jar. */
function byRedirect({ server }: World, user = 'bob'): void {
  server.seed(user)
  server.jar.access = server.issueAccess(user).token
}

/** Ada's tab, and beside it a page that the redirect led to, where nobody is signed in yet. */
async function returned(given: WorldOptions): Promise<[ada: World, page: World]> {
  const ada = createWorld(given)
  await ada.login()
  await ada.clock.advance(SECOND)
  byRedirect(ada)
  const page = createWorld({ ...given, browser: ada })
  ada.server.calls.length = 0
  ada.events.length = 0
  return [ada, page]
}

const modes: [name: string, given: WorldOptions][] = [
  ['bearer', inBearer],
  ['cookie mode', inCookies],
]

const siblings: Record<string, (ada: World) => Promise<unknown> | unknown> = {
  visible() {},
  async 'hidden for minutes'(ada) {
    ada.visible = false
    ada.wake('visibilitychange')
    await ada.clock.advance(5 * MINUTE)
  },
  frozen(ada) {
    ada.freeze()
  },
}
const besides = modes.flatMap(([mode, given]) =>
  Object.keys(siblings).map(how => [mode, how, given] as const),
)

describe('I4 refresh() on the page that a redirect led to', () => {
  test.each(besides)(
    'I4 %s, with a tab of the former user that is %s: asks the server, and the tab follows',
    async (_, how, given) => {
      const [ada, page] = await returned(given)
      await siblings[how]!(ada)
      const refresh = watch(page.client.refresh())
      await page.settle()
      expect(refresh.state).toBe('fulfilled')
      expect(who(page)).toBe('bob')
      expect(asked(ada)).toBe(1)
      expect(events(page)).toEqual(['login'])

      if (ada.frozen) ada.thaw()
      await ada.settle()
      expect(who(ada)).toBe('bob')
      expect(events(ada)).toEqual(['login', 'userChange'])
    },
  )

  test.each(modes)(
    'I4 %s: with a restore that was sent before the call, its answer is not taken',
    async (_, given) => {
      const [ada, page] = await returned(given)
      ada.close()
      const route = given === inCookies ? ME : REFRESH
      ada.server.seed('ada')
      ada.server.jar.access = ada.server.issueAccess('ada').token
      const { body } = ada.server.issueAccess('ada')
      const answer = ada.server.hold(route, () =>
        ada.server.json(given === inCookies ? { name: 'ada' } : body),
      )
      const ready = watch(page.client.ready())
      await page.settle()
      byRedirect(page)
      const refresh = watch(page.client.refresh())
      await page.settle()
      expect(refresh.state).toBe('pending')
      answer()
      await page.settle()
      expect(ready.state).toBe('fulfilled')
      expect(refresh.state).toBe('fulfilled')
      expect(asked(ada)).toBe(given === inCookies ? 3 : 2)
      expect(who(page)).toBe('bob')
    },
  )

  describe('I4 what a page hears while it waits for the answer to refresh()', () => {
    const given: WorldOptions = { options: { ...APP, restore: 'manual' } }
    const sessionOf = ({ server, clock }: World, user: string, more: object) => ({
      ...{ v: 1, type: 'session', cause: 'restore', identity: JSON.stringify([ORIGIN, user]), epoch: 0 },
      ...{ accessToken: server.issueAccess(user).token, lineage: null, origins: [ORIGIN] },
      ...{ lifetime: HOUR, expiresAt: clock.time + HOUR },
      ...more,
    })

    async function asking(answered?: (page: World) => Response) {
      const page = createWorld(given)
      byRedirect(page)
      const other = createWorld({ ...given, browser: page })
      await page.settle()
      const answer = page.server.hold(REFRESH, answered && (() => answered(page)))
      const refresh = watch(page.client.refresh())
      const asked = page.clock.time
      await page.settle()
      const hear = async (user: string, more: object) => {
        page.shared.channels.inject(nameOf('app'), sessionOf(page, user, more))
        await page.settle()
      }
      const before = asked - SECOND
      await hear('ada', { generation: asked + SECOND, decided: before, askedAt: before })
      expect([page, other].map(who)).toEqual(['unknown', 'ada'])
      return { page, other, answer, refresh, hear }
    }

    test('I4 what another tab has asked the server for since is the answer, and a decision for all tabs', async () => {
      const { page, other, refresh, hear } = await asking()
      await page.clock.advance(2 * SECOND)
      const now = page.clock.time
      await hear('bob', { generation: now, decided: 0, askedAt: now })
      expect([page, other].map(who)).toEqual(['bob', 'bob'])
      expect(refresh.state).toBe('pending')
    })

    test('I4 a login that is newer than the answer, and was heard before it, is taken after it', async () => {
      const { page, other, hear } = await asking()
      const now = page.clock.time
      const login = now + MINUTE
      await hear('eve', { generation: login, decided: login, askedAt: now - MINUTE })
      expect([page, other].map(who)).toEqual(['unknown', 'eve'])
      await page.clock.advance(SECOND)
      await hear('bob', { generation: now + 2, decided: now + 2, askedAt: now + 2 })
      expect([page, other].map(who)).toEqual(['eve', 'eve'])
    })

    test('I4 where the answer is lost, a login that was heard before is taken after all', async () => {
      const { page, other, answer } = await asking(({ server }) => server.json({}, 503))
      answer()
      await page.settle()
      expect([page, other].map(who)).toEqual(['ada', 'ada'])
    })

    test('I4 after a logout elsewhere a login is taken, however early it was sent', async () => {
      const { page, hear } = await asking()
      const at = page.clock.time + 2 * SECOND
      const logout = { v: 1, type: 'signed-out', generation: at, reason: 'other-tab' }
      page.shared.channels.inject(nameOf('app'), logout)
      await page.settle()
      expect(who(page)).toBe('anonymous')
      await hear('bob', { generation: at + 1, decided: at + 1, askedAt: page.clock.time - MINUTE })
      expect(who(page)).toBe('bob')
    })

    test('I4 the answer counts as newer than what other tabs came to, also by a clock that was set back', async () => {
      const { page, other, answer } = await asking()
      answer()
      await page.settle()
      expect([page, other].map(who)).toEqual(['bob', 'bob'])
      const { generation } = page.shared.channels.posted.findLast(([, { type }]) => type === 'session')![1]
      expect(generation).toBeGreaterThan(page.clock.time + SECOND)
    })
  })

  test.each(modes)(
    'I4 %s: called while the restore waits for its turn, it is that very call',
    async (_, given) => {
      const [ada, page] = await returned(given)
      watch(page.client.ready())
      const refresh = watch(page.client.refresh())
      await page.settle()
      expect(refresh.state).toBe('fulfilled')
      expect(who(page)).toBe('bob')
      expect(asked(ada)).toBe(1)
    },
  )

  test.each(modes)('I4 %s: twenty tabs that call it at once make one request', async (_, given) => {
    const [ada] = await returned(given)
    const pages = all(20, ada).map(browser => createWorld({ ...given, browser }))
    await ada.settle()
    await Promise.all(pages.map(({ client }) => client.refresh()))
    await ada.settle()
    expect(asked(ada)).toBe(1)
    expect(pages.map(who)).toEqual(all(20, 'bob'))
    expect(who(ada)).toBe('bob')
  })

  test('I4 one after the other they make one each', async () => {
    const [ada, page] = await returned(inBearer)
    const other = createWorld({ ...inBearer, browser: ada })
    await page.client.refresh()
    await ada.clock.advance(1)
    await other.client.refresh()
    expect(ada.server.refreshes).toBe(2)
  })

  test('I4 a message of the former session that arrives during the call is not its answer', async () => {
    const [ada, page] = await returned(inBearer)
    await page.settle()
    page.freeze()
    await ada.client.setTokens({ accessToken: ada.server.issueAccess('ada').token })
    await ada.clock.advance(SECOND)
    const refresh = watch(page.client.refresh())
    page.thaw()
    await page.settle()
    expect(refresh.state).toBe('fulfilled')
    expect([who(page), who(ada)]).toEqual(['bob', 'bob'])
    expect(events(page)).toEqual(['login'])
  })

  test('I4 what a tab asked for after the call is taken', async () => {
    const [ada, page] = await returned(inBearer)
    const answer = ada.server.hold(REFRESH)
    const first = watch(page.client.refresh())
    await ada.settle()
    const other = createWorld({ ...inBearer, browser: ada })
    const second = watch(other.client.refresh())
    await ada.settle()
    answer()
    await ada.settle()
    expect([first.state, second.state]).toEqual(['fulfilled', 'fulfilled'])
    // The second was called when the first one's request had left: what it brought is of before the call.
    expect([who(page), who(other)]).toEqual(['bob', 'bob'])
  })

  const refusals = modes.flatMap(([mode, given]) =>
    [401, 400, 403].map(status => [mode, status, given] as const),
  )
  test.each(refusals)(
    'I4 %s, refused with %i: nobody is signed in here, and the other tab stays',
    async (_, status, given) => {
      const [ada, page] = await returned(given)
      for (const route of [ME, REFRESH]) ada.server.answer(route, () => ada.server.json({}, status), 1)
      const refresh = watch(page.client.refresh())
      await page.settle()
      expect(refresh.state).toBe('no_session')
      expect(page.client.session).toMatchObject({ status: 'anonymous' })
      expect(who(ada)).toBe('ada')
      expect(ada.events).toEqual([])
    },
  )

  test.each(modes)('I4 %s: a passing failure decides nothing, and is told', async (_, given) => {
    const [ada, page] = await returned(given)
    for (const route of [ME, REFRESH]) ada.server.answer(route, () => ada.server.json({}, 503), 1)
    const refresh = watch(page.client.refresh())
    await page.settle()
    expect(refresh.state).toBe('refresh_unavailable')
    expect(who(ada)).toBe('ada')
    expect(events(ada)).not.toContain('logout')
  })

  test.each(modes)(
    'I4 %s: where nobody was signed in at all, one call, and "no_session"',
    async (_, given) => {
      const page = createWorld(given)
      const refresh = watch(page.client.refresh())
      await page.settle()
      expect(refresh.state).toBe('no_session')
      expect(page.events).toEqual([])
    },
  )

  test('I4 after an unconfirmed logout it signs in, and the logout is over for all tabs', async () => {
    const ada = createWorld(inBearer)
    await ada.login()
    ada.online = false
    await ada.client.logout()
    ada.online = true
    byRedirect(ada)
    const page = createWorld({ ...inBearer, browser: ada })
    expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
    expect(await page.client.refresh()).toMatchObject({ claims: { sub: 'bob' } })
    await ada.clock.advance(HOUR)
    expect(ada.server.count('/logout')).toBe(0)
    expect([who(ada), who(page)]).toEqual(['bob', 'bob'])
  })

  test('I4 one that was given up by its caller overrules no marker, and holds up no retry', async () => {
    const ada = createWorld(inBearer)
    await ada.login()
    ada.online = false
    await ada.client.logout()
    ada.online = true
    const answer = ada.server.hold(REFRESH, () => ada.server.json({}, 401))
    const controller = new AbortController()
    const refresh = watch(ada.client.refresh(controller))
    await ada.settle()
    controller.abort('enough')
    await ada.settle()
    expect(refresh.state).toBe('enough')
    answer()
    await ada.clock.advance(MINUTE)
    expect(ada.server.count('/logout')).toBe(1)
  })
})

describe('I4 refresh() in a tab that is signed in', () => {
  test.each(modes)('I4 %s: the same user is a refresh', async (_, given) => {
    const ada = createWorld(given)
    await ada.login()
    const other = createWorld({ ...given, browser: ada })
    await other.client.ready()
    for (const tab of [ada, other]) tab.events.length = 0
    await other.client.refresh()
    await ada.settle()
    expect([events(ada), events(other)]).toEqual([['refresh'], ['refresh']])
  })

  test('I4 bearer: another user is a decision, which the other tabs follow', async () => {
    const [ada] = await returned(inBearer)
    const other = createWorld({ ...inBearer, browser: ada })
    await other.client.ready()
    other.events.length = 0
    const before = Number([...ada.storage.keys()].length)
    await ada.client.refresh()
    await ada.settle()
    expect([who(ada), who(other)]).toEqual(['bob', 'bob'])
    expect([events(ada), events(other)].map(names => names.includes('userChange'))).toEqual([true, true])
    expect(ada.storage.size).toBe(before)
  })

  test('I4 cookie mode: another user is a decision, which the other tabs follow', async () => {
    const ids: Record<string, number> = { ada: 1, bob: 2 }
    const given: WorldOptions = {
      ...inCookies,
      options: {
        ...inCookies.options,
        readTokens: (body: any, _, operation) =>
          operation === 'user' ? { user: { name: body.name, id: ids[body.name] } } : {},
      },
    }
    const ada = createWorld(given)
    await ada.login()
    const other = createWorld({ ...given, browser: ada })
    await other.client.ready()
    for (const tab of [ada, other]) tab.events.length = 0
    byRedirect(ada)
    await ada.client.refresh()
    await ada.settle()
    expect([who(ada), who(other)]).toEqual(['bob', 'bob'])
    expect([ada.count('userChange'), other.count('userChange')]).toEqual([1, 1])
  })

  test('I4 opaque tokens: while signed in an answer that names nobody is of the same login', async () => {
    const ada = createWorld(inOpaque)
    await ada.login()
    ada.events.length = 0
    await ada.client.refresh()
    expect(events(ada)).toEqual(['refresh'])
  })

  test('I4 opaque tokens: on a new page it is a decision, and another session for the other tab', async () => {
    const [ada, page] = await returned(inOpaque)
    await page.client.refresh()
    await ada.settle()
    expect(events(page)).toEqual(['login'])
    expect(events(ada)).toEqual(['login', 'userChange'])
    expect(await ada.client.getAccessToken()).toBe(await page.client.getAccessToken())
  })

  test('I4 somebody signs in elsewhere while it is under way: this tab follows them', async () => {
    const given = inScript[0]![1]()
    const ada = createWorld(given)
    await ada.login()
    const other = createWorld({ ...given, browser: ada })
    await other.client.ready()
    const answer = ada.server.hold('POST /login')
    const login = watch(other.client.login({ email: 'bob', password: 'right' }))
    await ada.settle()
    await ada.clock.advance(SECOND)
    const refresh = watch(ada.client.refresh())
    await ada.settle()
    answer()
    await ada.settle()
    expect([login.state, refresh.state]).toEqual(['fulfilled', 'fulfilled'])
    expect([who(ada), who(other)]).toEqual(['bob', 'bob'])
  })
})

test('I4 a call that a logout elsewhere has overtaken keeps no later session out', async () => {
  const [ada, page] = await returned(inBearer)
  await page.settle()
  // The browser takes its time to say what the tabs had when the app called.
  const locks = page.environment.locks()!
  let answer = () => {}
  const answered = new Promise<void>(resolve => {
    answer = resolve
  })
  page.environment.locks = () => ({
    request: locks.request,
    query: () => answered.then(() => locks.query()),
  })
  const refresh = watch(page.client.refresh())
  void ada.client.logout()
  ada.clock.tick(1)
  const { token } = ada.server.issueAccess('bob')
  void ada.client.setTokens({ accessToken: token })
  await ada.settle()
  answer()
  await ada.settle()
  expect(refresh.state).not.toBe('pending')
  expect([who(ada), who(page)]).toEqual(['bob', 'bob'])
})

describe('I4 with tabs that share no tokens', () => {
  const inNotify: WorldOptions = { options: { ...APP, tabs: shareTabs({ tokens: false }) } }

  test.each(['on the page that it led to', 'in the tab that was signed in'])(
    'I4 another user is a decision, which the other tabs follow: refresh() %s',
    async where => {
      const [ada, page] = await returned(inNotify)
      const other = createWorld({ ...inNotify, browser: ada })
      await other.client.setTokens({ accessToken: ada.server.issueAccess('ada').token })
      await ada.settle()
      for (const tab of [ada, other]) tab.events.length = 0
      const isPage = where.startsWith('on')
      await (isPage ? page : ada).client.refresh()
      await ada.settle()
      expect([who(ada), who(other)]).toEqual(['bob', 'bob'])
      expect([ada.count('userChange'), other.count('userChange')]).toEqual([1, 1])
    },
  )

  test('I4 what another tab says during the call is older than its answer', async () => {
    let tenant = 'one'
    const given: WorldOptions = {
      server: { claims: claims => ({ ...claims, tenant }) },
      options: { ...inNotify.options, identity: ({ claims }) => (claims as { tenant: string }).tenant },
    }
    const ada = createWorld(given)
    await ada.login()
    await ada.clock.advance(SECOND)
    const other = createWorld({ ...given, browser: ada })
    await other.client.ready()
    tenant = 'two'
    await ada.client.refresh()
    await ada.settle()
    const { session } = other.client
    expect(session).toMatchObject({ claims: { tenant } })
    expect(other.count('userChange')).toBe(1)
  })

  test('I4 a refresh() that waits its turn while another tab learns of another user shows that user', async () => {
    const [ada, page] = await returned(inNotify)
    const answer = ada.server.hold(REFRESH)
    const first = watch(page.client.refresh())
    await ada.settle()
    const second = watch(ada.client.refresh())
    await ada.settle()
    answer()
    await ada.settle()
    expect([first.state, second.state]).toEqual(['fulfilled', 'fulfilled'])
    expect([who(ada), who(page)]).toEqual(['bob', 'bob'])
  })

  test('I4 a scheduled refresh that answers for another user: the other tabs follow', async () => {
    const [ada] = await returned(inNotify)
    const other = createWorld({ ...inNotify, browser: ada })
    await other.client.setTokens({ accessToken: ada.server.issueAccess('ada').token })
    await ada.settle()
    ada.server.revokeAccess()
    await watch(ada.client.fetch(`${ORIGIN}/items`))
    await ada.settle()
    expect([who(ada), who(other)]).toEqual(['bob', 'bob'])
  })

  test.each([
    ['bearer', {}],
    ['opaque tokens', { server: { opaque: true } }],
  ])('I4 %s: many tabs at once are all signed in, with a call each', async (_, given) => {
    const [ada, page] = await returned({ ...given, ...inNotify })
    const pages = [page, ...all(5, ada).map(browser => createWorld({ ...inNotify, browser }))]
    const calls = [ada, ...pages].map(({ client }) => watch(client.refresh()))
    await ada.settle()
    await ada.clock.advance(SECOND)
    expect(calls.map(({ state }) => state)).toEqual(all(7, 'fulfilled'))
    expect([ada, ...pages].map(({ client }) => client.session.status)).toEqual(all(7, 'authenticated'))
    expect(ada.server.refreshes).toBe(7)
    expect(ada.server.reuses).toBe(0)
  })
})

describe('I4 where one tab has the refresh token in JavaScript, that tab is asked', () => {
  test.each(inScript)('I4 %s', async (_, given) => {
    const ada = createWorld(given())
    await ada.login()
    await ada.clock.advance(SECOND)
    ada.server.calls.length = 0
    const page = createWorld({ ...given(), browser: ada })
    const refresh = watch(page.client.refresh())
    await page.settle()
    expect(refresh.state).toBe('fulfilled')
    expect(ada.server.refreshes).toBe(1)
    expect([who(ada), who(page)]).toEqual(['ada', 'ada'])
    expect(ada.server.reuses).toBe(0)
  })

  test.each(inScript)('I4 %s, twenty tabs at once: one request', async (_, given) => {
    const ada = createWorld(given())
    await ada.login()
    await ada.clock.advance(SECOND)
    ada.server.calls.length = 0
    const pages = all(20, ada).map(browser => createWorld({ ...given(), browser }))
    await ada.settle()
    await Promise.all(pages.map(({ client }) => client.refresh()))
    expect(ada.server.refreshes).toBe(1)
    expect(pages.map(who)).toEqual(all(20, 'ada'))
  })

  test.each(inScript)('I4 %s, in a hidden tab', async (_, given) => {
    const ada = createWorld(given())
    await ada.login()
    await siblings['hidden for minutes']!(ada)
    ada.server.calls.length = 0
    const page = createWorld({ ...given(), browser: ada })
    const refresh = watch(page.client.refresh())
    await page.settle()
    expect(refresh.state).toBe('fulfilled')
    expect(ada.server.refreshes).toBe(1)
  })

  test.each(inScript)('I4 %s, in a frozen tab: a passing failure within the timeout', async (_, given) => {
    const ada = createWorld(given())
    await ada.login()
    ada.freeze()
    const page = createWorld({ ...given(), browser: ada })
    const refresh = watch(page.client.refresh())
    await page.clock.advance(TIMEOUT + SECOND)
    expect(refresh.state).toBe('refresh_unavailable')
    ada.thaw()
    await ada.settle()
    expect(who(ada)).toBe('ada')
  })

  test.each(inScript)('I4 %s, which refreshes already for this one: once more', async (_, given) => {
    const ada = createWorld(given())
    await ada.login()
    const other = createWorld({ ...given(), browser: ada })
    await other.client.ready()
    const answer = ada.server.hold(REFRESH)
    ada.server.revokeAccess()
    const request = watch(other.client.fetch(`${ORIGIN}/items`))
    await ada.clock.advance(SECOND)
    const at = ada.clock.now()
    const refresh = watch(other.client.refresh())
    await ada.clock.advance(SECOND)
    answer()
    await ada.settle()
    expect([request.state, refresh.state]).toEqual(['fulfilled', 'fulfilled'])
    expect(ada.server.calls.filter(call => call.path === '/refresh_token' && call.at >= at)).toHaveLength(1)
  })

  test('I4 where the token renews itself, a new page has it from the other tabs', async () => {
    const given: WorldOptions = { server: { carrier: 'sliding' }, options: { ...APP, sliding: true } }
    const ada = createWorld(given)
    await ada.login()
    await ada.clock.advance(SECOND)
    const page = createWorld({ ...given, browser: ada })
    await page.client.refresh()
    expect([who(ada), who(page)]).toEqual(['ada', 'ada'])
  })

  test('I4 in localStorage any tab asks the server', async () => {
    const given = inLocalStorage()
    const ada = createWorld(given)
    await ada.login()
    await ada.clock.advance(SECOND)
    ada.server.calls.length = 0
    const page = createWorld({ ...given, browser: ada })
    await page.client.refresh()
    await ada.settle()
    expect(ada.server.refreshes).toBe(1)
    expect(ada.server.reuses).toBe(0)
    expect([who(ada), who(page)]).toEqual(['ada', 'ada'])
  })
})

test('I4 an explicit refresh() shows whose cookie it is, after anything that the tabs did before', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('open' as const) }),
    fc.record({ do: fc.constant('hide' as const), tab: fc.nat(3) }),
    fc.record({ do: fc.constant('refresh' as const), tab: fc.nat(3) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, SECOND, HOUR) }),
    fc.record({ do: fc.constant('redirect' as const), user: fc.constantFrom('ada', 'bob', 'carol') }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 7 }), fc.constantFrom('ada', 'bob'), async (steps, last) => {
      const first = createWorld(inBearer)
      await first.login()
      const tabs = [first]
      for (const given of steps) {
        const tab = tabs['tab' in given ? given.tab % tabs.length : 0]!
        if (given.do === 'open') {
          const page = createWorld({ ...inBearer, browser: first })
          watch(page.client.ready())
          tabs.push(page)
        }
        if (given.do === 'hide') {
          tab.visible = false
          tab.wake('visibilitychange')
        }
        if (given.do === 'refresh') watch(tab.client.refresh())
        if (given.do === 'wait') await first.clock.advance(given.ms)
        if (given.do === 'redirect') first.server.seed(given.user)
      }
      await first.settle()
      first.server.seed(last)
      const page = createWorld({ ...inBearer, browser: first })
      await page.client.refresh()
      await first.settle()
      expect(who(page)).toBe(last)
      expect(tabs.map(who)).toEqual(all(tabs.length, last))
      for (const { client } of [page, ...tabs]) client.dispose()
    }),
    { numRuns: 40 },
  )
})

describe('I14 a logout that the server did not confirm', () => {
  const here = `${ORIGIN}/somewhere`
  const stranger = 'https://id.example.com/'
  const load = (browser: World, referrer: string, given = inBearer) =>
    createWorld({ ...given, browser, page: { href: `${ORIGIN}/app`, origin: ORIGIN, referrer } })

  async function unconfirmed(given: WorldOptions = inBearer): Promise<World> {
    const world = createWorld(given)
    await world.login()
    world.server.answer(LOGOUT, () => Response.error(), 1)
    expect(await world.client.logout()).toMatchObject({ revoked: false })
    world.server.calls.length = 0
    return world
  }
  const logouts = ({ server }: World) => server.count('/logout')

  test.each(modes)('I14 %s: the page that made it tries again', async (_, given) => {
    const world = await unconfirmed(given)
    await world.clock.advance(MINUTE)
    expect(logouts(world)).toBe(1)
    expect(world.server.jar.cookie).toBeNull()
  })

  test.each(modes)('I14 %s: and at once when the browser comes online', async (_, given) => {
    const world = await unconfirmed(given)
    world.wake('online')
    await world.settle()
    expect(logouts(world)).toBe(1)
  })

  const referrers: [referrer: string, retries: number][] = [
    [here, 1],
    [`${ORIGIN}/`, 1],
    ['', 0],
    [stranger, 0],
    ['https://api.example.com.evil.example/', 0],
    ['http://api.example.com/', 0],
    ['https://api.example.com:8443/', 0],
    ['about:blank', 0],
    ['garbage', 0],
  ]
  test.each(referrers)(
    'I14 a later page whose referrer is %j tries it again %i times',
    async (referrer, retries) => {
      const world = await unconfirmed()
      world.close()
      const page = load(world, referrer)
      expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
      await page.clock.advance(TIMEOUT - 1)
      page.wake('online')
      await page.settle()
      expect(logouts(page)).toBe(0)
      await page.clock.advance(1)
      expect(logouts(page)).toBe(retries)
      page.wake('online')
      await page.clock.advance(HOUR)
      expect(logouts(page)).toBe(retries)
      expect(page.client.session.status).toBe('anonymous')
    },
  )

  const asks: Record<string, (page: World) => Promise<unknown>> = {
    'refresh()': page => page.client.refresh(),
    'a refresh() that fails': page => {
      page.server.answer(REFRESH, () => page.server.json({}, 401))
      return page.client.refresh()
    },
    'a login that is refused': page => page.client.login({ email: 'bob', password: 'wrong' }),
    'a login': page => page.login('bob'),
    setTokens: page => page.client.setTokens({ accessToken: page.server.issueAccess('bob').token }),
  }
  test.each(Object.keys(asks))('I14 a later page where the app called %s never does', async name => {
    const world = await unconfirmed()
    world.close()
    byRedirect(world)
    const page = load(world, here)
    await page.client.ready()
    await page.clock.advance(SECOND)
    await asks[name]!(page).catch(() => {})
    await page.clock.advance(HOUR)
    page.wake('online')
    await page.settle()
    expect(logouts(page)).toBe(0)
    expect(page.server.holder).toBe('bob')
  })

  test('I14 a login by redirect is not revoked by it, by any page', async () => {
    const world = await unconfirmed()
    world.close()
    byRedirect(world)
    const page = load(world, stranger)
    watch(page.client.ready())
    expect(await page.client.refresh()).toMatchObject({ claims: { sub: 'bob' } })
    const next = load(page, here)
    expect(await next.client.ready()).toMatchObject({ claims: { sub: 'bob' } })
    await page.clock.advance(10 * MINUTE)
    page.wake('online')
    next.wake('online')
    await page.settle()
    expect(logouts(page)).toBe(0)
    expect(page.server.holder).toBe('bob')
  })

  test('I14 a refresh() that is under way holds the retry up', async () => {
    const world = await unconfirmed()
    byRedirect(world)
    const answer = world.server.hold(REFRESH)
    const refresh = watch(world.client.refresh())
    await world.settle()
    world.wake('online')
    await world.clock.advance(5 * SECOND)
    expect(logouts(world)).toBe(0)
    answer()
    await world.settle()
    expect(refresh.state).toBe('fulfilled')
    await world.clock.advance(10 * MINUTE)
    expect(logouts(world)).toBe(0)
  })

  test('I14 with the token in localStorage a later page names it, at once', async () => {
    const storage = Object.assign(createTabStorage(), { shared: true })
    const given: WorldOptions = {
      server: { carrier: 'body' },
      options: { ...APP, storage: tokenStorage(storage) },
    }
    const world = createWorld(given)
    await world.login()
    await world.settle()
    const rest = new Map(storage.kept)
    world.online = false
    await world.client.logout()
    await world.settle()
    world.close()
    // The page went away before its storage had heard of it.
    for (const [key, value] of rest) storage.kept.set(key, value)
    world.server.calls.length = 0
    const page = load(world, '', given)
    expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
    await page.settle()
    expect(page.server.calls.map((call: Call) => [call.path, call.text.includes('refresh_token')])).toEqual([
      ['/logout', true],
    ])
    expect(storage.kept.size).toBe(0)
  })
})

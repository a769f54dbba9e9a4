import { describe, expect, test } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import type { AuthClientOptions, AuthEventMap } from '../src/types.ts'
import { createTabStorage, WORLDS } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { NOBODY, REFUSED } from './support/refused.ts'
import { type Call, makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const items = `${ORIGIN}/items`
const REFRESH = 'POST /refresh_token'
const LOGOUT = 'POST /logout'
const HOUR = 3_600_000
const TIMEOUT = 10_000
const signedOut = { status: 'anonymous', reason: 'logout' }
const as = (email: string) => ({ email, password: 'right' })

const reload = (browser: World, options: AuthClientOptions = {}, referrer = '') =>
  createWorld({ browser, options, page: { href: `${ORIGIN}/app`, origin: ORIGIN, referrer } })

/** Whose token a call carried, read from its JWT. */
function bearerOf({ authorization }: Call): string | null {
  if (!authorization) return null
  return JSON.parse(Buffer.from(authorization.split('.')[1]!, 'base64url').toString()).sub
}
const bearers = (world: World, path = '/items') =>
  world.server.calls.filter(call => call.path === path).map(bearerOf)

/** Signed in, with a refresh on the wire that is answered when `open` is called. */
async function refreshing(given: Parameters<typeof signedIn>[0] = {}) {
  const world = await signedIn(given)
  const open = world.server.hold(REFRESH)
  const refresh = watch(world.client.refresh())
  await world.settle()
  expect(world.server.held).toBe(1)
  return { world, open, refresh }
}

/** Without the number that says which copy of a tab's storage is the newest. */
const unlessCounted = (storage: Map<string, string>) =>
  [...storage].filter(([key]) => !key.startsWith('silent-refresh:newest:'))

/** Signed out while the server could not be reached: the cookie is still there. */
async function signedOutOffline(given: Parameters<typeof signedIn>[0] = {}) {
  const world = await signedIn(given)
  world.online = false
  const result = await world.client.logout()
  return { world, result }
}

describe('C1 a logout while a refresh is under way always ends signed out', () => {
  const starts: Record<string, (world: World) => Promise<unknown>> = {
    'refresh()': ({ client }) => client.refresh(),
    'the timer': ({ clock }) => clock.advance(HOUR - 45_000),
    'a request with an expired token'({ client, clock }) {
      clock.sleep(HOUR)
      return client.fetch(items)
    },
    'a 401'({ client, server }) {
      server.revokeAccess()
      return client.fetch(items)
    },
  }
  describe.each(WORLDS)('$mode.name', ({ mode, signedIn, reload }) => {
    test.each(Object.keys(starts))('C1 started by %s', async start => {
      const kept = new Map<string, string>()
      const storage = mode.options().options?.storage && createTabStorage(kept)
      const world = await signedIn({ options: storage ? { storage: tokenStorage(storage) } : {} })
      const { client, server } = world
      const open = server.hold(REFRESH)
      watch(starts[start]!(world))
      await world.settle()
      expect(server.held).toBe(1)

      const logout = client.logout()
      expect(client.session).toEqual(signedOut)
      open()
      expect(await logout).toEqual({ revoked: true })
      await world.settle()

      expect(client.session).toEqual(signedOut)
      if (mode.isBearer) expect(await client.getAccessToken()).toBeNull()
      expect(world.count('login')).toBe(0)
      expect(world.events).toEqual([['logout', { reason: 'logout' }]])
      expect(server.jar).toEqual({ cookie: null, access: null })
      expect([...unlessCounted(world.storage), ...kept]).toEqual([])
      expect(server.calls.map(call => call.path).filter(path => path !== '/items')).toEqual([
        '/refresh_token',
        '/logout',
      ])
    })

    test('C2 a login during a refresh ends as the new user, whose session goes on', async () => {
      const world = await signedIn()
      const open = world.server.hold(REFRESH)
      const refresh = watch(world.client.refresh())
      await world.settle()
      const login = world.client.login(as('bob'))
      open()
      await login
      expect(refresh.state).toBe('fulfilled')
      await world.client.refresh()
      expect(await (await world.client.fetch(items)).json()).toMatchObject({ user: 'bob' })
      expect(world.server.reuses).toBe(0)
      expect(world.count('logout')).toBe(0)
    })

    test('C7 offline: signed out at once, a reload stays so, and the server is told when it is back', async () => {
      const world = await signedIn()
      world.online = false
      expect((await world.client.logout()).revoked).toBe(false)
      const next = reload(world)
      expect(await next.client.ready()).toEqual(signedOut)
      expect((await next.client.fetch(items)).status).toBe(401)
      world.online = true
      world.wake('online')
      await next.settle()
      expect(next.server.count('/logout')).toBe(1)
      expect(next.server.refreshes).toBe(0)
      expect(next.server.jar).toEqual({ cookie: null, access: null })
      await next.login('bob')
      expect(next.client.session.status).toBe('authenticated')
    })
  })

  test('C1 started by the first restore: it was nobody yet, so there is no event at all', async () => {
    const world = createWorld()
    world.server.seed()
    const open = world.server.hold(REFRESH)
    const ready = world.client.ready()
    await world.settle()
    const logout = world.client.logout()
    open()
    expect(await logout).toEqual({ revoked: true })
    expect(await ready).toEqual(signedOut)
    expect(world.events).toEqual([])
    expect(world.server.jar.cookie).toBeNull()
  })

  test('C1 a refresh that is never answered delays the logout by its timeout and no more', async () => {
    const { world, open, refresh } = await refreshing()
    const logout = watch(world.client.logout())
    await world.clock.advance(TIMEOUT - 1)
    expect(world.server.count('/logout')).toBe(0)
    await world.clock.advance(1)
    expect(refresh.state).toBe('no_session')
    expect(logout).toMatchObject({ state: 'fulfilled', value: { revoked: true } })
    open()
    await world.settle()
    expect(world.client.session).toEqual(signedOut)
    expect(world.server.jar.cookie).toBeNull()
  })

  test.each([
    ['after the server heard of it', true],
    ['and not when it did not', false],
  ])('C1 a reload does not sign back in, %s', async (_, online) => {
    const { world, open } = await refreshing()
    const logout = world.client.logout()
    world.online = online
    open()
    expect((await logout).revoked).toBe(online)
    expect(world.server.jar.cookie === null).toBe(online)

    const offline = reload(world)
    offline.online = false
    expect(await offline.client.ready()).toMatchObject(online ? { status: 'unknown' } : signedOut)
    const refreshes = world.server.refreshes
    const again = reload(world)
    expect((await again.client.ready()).status).toBe('anonymous')
    expect(world.server.refreshes - refreshes).toBe(online ? 1 : 0)
    expect(offline.count('login') + again.count('login')).toBe(0)
  })

  test('C1 a reload in the middle, with refresh and logout still under way, stays signed out', async () => {
    const { world, open } = await refreshing()
    const logout = world.client.logout()
    const next = reload(world)
    expect(await next.client.ready()).toEqual(signedOut)
    open()
    await logout
    await world.settle()
    expect(next.client.session).toEqual(signedOut)
    expect(world.server.refreshes).toBe(1)
    expect(world.server.jar.cookie).toBeNull()
  })

  test('C1 a logout also ends a login that came before it and waits for the same refresh', async () => {
    const { world, open } = await refreshing()
    const login = watch(world.client.login(as('bob')))
    const logout = world.client.logout()
    open()
    await logout
    await world.settle()
    expect(login.state).toBe('superseded')
    expect(world.client.session).toEqual(signedOut)
    expect(world.count('login')).toBe(0)
    expect(world.server.jar.cookie).toBeNull()
  })

  test('C1 a logout ends a login that is on the wire: "superseded", and its cookie goes', async () => {
    const world = createWorld()
    const open = world.server.hold('POST /login')
    const login = watch(world.client.login(as('ada')))
    await world.settle()
    const logout = world.client.logout()
    open()
    expect(await logout).toEqual({ revoked: true })
    expect(login.state).toBe('superseded')
    expect(world.client.session).toEqual(signedOut)
    expect(world.events).toEqual([])
    expect(world.server.jar.cookie).toBeNull()
  })
})

describe('C2 a login while a refresh of the old session is under way ends as the new user', () => {
  async function endsAsBob(world: World) {
    expect(world.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
    expect(await (await world.client.fetch(items)).json()).toMatchObject({ user: 'bob' })
    await world.client.refresh()
    expect(world.client.session).toMatchObject({ claims: { sub: 'bob' } })
    expect(await reload(world).client.ready()).toMatchObject({ claims: { sub: 'bob' } })
    expect(world.server.reuses).toBe(0)
    expect(world.count('logout')).toBe(0)
  }

  test('C2 the refresh is answered: the login comes after it', async () => {
    const { world, open, refresh } = await refreshing()
    const login = world.client.login(as('bob'))
    await world.settle()
    expect(world.server.count('/login')).toBe(0)
    open()
    expect(await login).toBe(world.client.session)
    expect(refresh.state).toBe('fulfilled')
    expect(world.events.map(([name]) => name)).toEqual(['refresh', 'login', 'userChange'])
    await endsAsBob(world)
  })

  test.each([
    ['refused', 401, ['logout', 'login']],
    ['failing', 503, ['refreshError', 'login', 'userChange']],
  ])('C2 the refresh is %s', async (_, status, events) => {
    const world = await signedIn()
    const open = world.server.hold(REFRESH, () => world.server.json({}, status))
    world.server.revokeAccess()
    watch(world.client.fetch(items))
    await world.settle()
    const login = world.client.login(as('bob'))
    open()
    await login
    expect(world.events.map(([name]) => name)).toEqual(events)
    world.events.length = 0
    await endsAsBob(world)
  })

  test('C2 the refresh is never answered: the login goes first, a late answer changes nothing', async () => {
    const { world, open, refresh } = await refreshing()
    const login = watch(world.client.login(as('bob')))
    await world.clock.advance(TIMEOUT)
    expect(refresh.state).toBe('refresh_unavailable')
    expect(login.state).toBe('fulfilled')
    open()
    await world.settle()
    await endsAsBob(world)
  })

  test('C2 the refresh is the first restore', async () => {
    const world = createWorld()
    world.server.seed('ada')
    const open = world.server.hold(REFRESH)
    const ready = world.client.ready()
    const login = world.client.login(as('bob'))
    await world.settle()
    open()
    await login
    expect(await ready).toMatchObject({ claims: { sub: 'ada' } })
    await endsAsBob(world)
  })

  test('C2 tokens that are set win over the refresh at once', async () => {
    const { world, open, refresh } = await refreshing()
    const { token } = world.server.issueAccess('bob')
    await world.client.setTokens({ accessToken: token })
    open()
    await world.settle()
    expect(refresh.state).toBe('fulfilled')
    expect(world.client.session).toMatchObject({ claims: { sub: 'bob' } })
    expect(await world.client.getAccessToken()).toBe(token)
  })

  test('C2 a refusal of the old refresh does not sign out who came since', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    const open = world.server.hold(REFRESH, () => world.server.json({}, 401))
    watch(world.client.fetch(items))
    await world.settle()
    await world.client.setTokens({ accessToken: world.server.issueAccess('bob').token })
    open()
    await world.settle()
    expect(world.client.session).toMatchObject({
      status: 'authenticated',
      error: null,
      claims: { sub: 'bob' },
    })
    expect(world.count('logout')).toBe(0)
  })

  test('C2 the refresh token of the old answer is not taken for one of the new session', async () => {
    const { world, open } = await refreshing({ server: { carrier: 'body' } })
    const { token } = world.server.issueAccess('bob')
    await world.client.setTokens({ accessToken: token, refreshToken: 'of-bob' })
    open()
    await world.settle()
    await world.client.refresh().catch(() => {})
    expect(world.server.calls.at(-1)?.text).toBe('{"refresh_token":"of-bob"}')
  })

  test('C2 a refresh() after tokens were set is one of their own, not the old one that is under way', async () => {
    const { world, open } = await refreshing()
    await world.client.setTokens({ accessToken: world.server.issueAccess('ada').token })
    const refresh = watch(world.client.refresh())
    open()
    await world.settle()
    expect(refresh.state).toBe('fulfilled')
    expect(world.server.refreshes).toBe(2)
  })

  test('C2 a refresh that waits behind the login is not sent: it has become the new session', async () => {
    const world = await signedIn()
    const open = world.server.hold('POST /login')
    const login = world.client.login(as('bob'))
    await world.settle()
    const refresh = world.client.refresh()
    await world.settle()
    open()
    expect(await refresh).toBe(await login)
    expect(world.server.refreshes).toBe(0)
    await endsAsBob(world)
  })

  test('C2 a login waits for tokens that were set before it and still ask for their user, and wins', async () => {
    const world = await signedIn({ options: { endpoints: { user: '/user/whoami' } } })
    const open = world.server.hold('GET /user/whoami')
    const tokens = watch(world.client.setTokens({ accessToken: world.server.issueAccess('ada').token }))
    await world.settle()
    const login = world.client.login(as('bob'))
    open()
    await login
    expect(tokens.state).toBe('fulfilled')
    expect(world.client.session).toMatchObject({ claims: { sub: 'bob' }, user: { name: 'bob' } })
    await endsAsBob(world)
  })
})

describe('C3 a 401 of the old user is never replayed as the new one', () => {
  const changes: Record<string, (world: World) => Promise<unknown>> = {
    login: ({ client }) => client.login(as('bob')),
    setTokens: ({ client, server }) => client.setTokens({ accessToken: server.issueAccess('bob').token }),
    'a refresh that yields another user'({ client, server }) {
      server.seed('bob')
      return client.refresh()
    },
    async 'logout and login'({ client }) {
      await client.logout()
      await client.login(as('bob'))
    },
  }

  test.each(Object.keys(changes))('C3 by %s, while the request is on its way', async name => {
    const world = await signedIn()
    const open = world.server.hold('/items', () => world.server.json({ for: 'ada' }, 401))
    const request = world.client.fetch(items, { method: 'POST', body: 'from ada' })
    await world.settle()
    await changes[name]!(world)
    const { refreshes } = world.server
    open()
    const response = await request
    expect(response.status).toBe(401)
    expect(await response.json()).toEqual({ for: 'ada' })
    expect(bearers(world)).toEqual(['ada'])
    expect(world.server.refreshes).toBe(refreshes)
  })

  test('C3 by login with opaque tokens, also of the same name', async () => {
    const world = await signedIn({ server: { opaque: true } })
    const open = world.server.hold('/items', () => world.server.json({}, 401))
    const request = world.client.fetch(items)
    await world.settle()
    await world.login('ada')
    open()
    expect((await request).status).toBe(401)
    expect(world.server.count('/items')).toBe(1)
    expect(world.server.refreshes).toBe(0)
  })

  test('C3 by login during the refresh for that 401: what is sent is sent as the old user', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    const open = world.server.hold(REFRESH)
    const request = watch(world.client.fetch(items))
    await world.settle()
    const login = world.client.login(as('bob'))
    open()
    await login
    await world.settle()
    expect(request.state).toBe('fulfilled')
    expect(new Set(bearers(world))).toEqual(new Set(['ada']))
  })

  test('C3 by a refresh for that 401 which yields another user', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    world.server.seed('bob')
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(bearers(world)).toEqual(['ada'])
    expect(world.client.session).toMatchObject({ claims: { sub: 'bob' } })
  })
})

describe('C4 a listener that awaits the client never deadlocks', () => {
  type Trigger = [event: keyof AuthEventMap | 'change', start: () => Promise<[World, () => Promise<unknown>]>]
  const triggers: Record<string, Trigger> = {
    'login by login': [
      'login',
      async () => {
        const world = createWorld()
        return [world, () => world.login()]
      },
    ],
    'login by the first restore': [
      'login',
      async () => {
        const world = createWorld()
        world.server.seed()
        return [world, () => world.client.ready()]
      },
    ],
    'login by setTokens': [
      'login',
      async () => {
        const world = createWorld()
        const { token } = world.server.issueAccess('ada')
        return [world, () => world.client.setTokens({ accessToken: token })]
      },
    ],
    logout: [
      'logout',
      async () => {
        const world = await signedIn()
        return [world, () => world.client.logout()]
      },
    ],
    'logout by rejection': [
      'logout',
      async () => {
        const world = await signedIn()
        world.server.revokeAll()
        return [world, () => world.client.fetch(items)]
      },
    ],
    refresh: [
      'refresh',
      async () => {
        const world = await signedIn()
        return [world, () => world.client.refresh()]
      },
    ],
    refreshError: [
      'refreshError',
      async () => {
        const world = await signedIn()
        world.server.answer(REFRESH, () => world.server.json({}, 503), 1)
        return [world, () => world.client.refresh()]
      },
    ],
    'refreshError of the first restore': [
      'refreshError',
      async () => {
        const world = createWorld()
        world.server.seed()
        world.server.answer(REFRESH, () => world.server.json({}, 503), 1)
        return [world, () => world.client.ready()]
      },
    ],
    userChange: [
      'userChange',
      async () => {
        const world = await signedIn()
        return [world, () => world.login('bob')]
      },
    ],
    'the change of the first restore': [
      'change',
      async () => {
        const world = createWorld()
        world.server.seed()
        return [world, () => world.client.ready()]
      },
    ],
  }
  const actions: Record<string, (world: World) => Promise<unknown>> = {
    ready: ({ client }) => client.ready(),
    getAccessToken: ({ client }) => client.getAccessToken(),
    refresh: ({ client }) => client.refresh(),
    login: ({ client }) => client.login(as('cleo')),
    logout: ({ client }) => client.logout(),
    fetch: ({ client }) => client.fetch(items),
    'fetch with a dead token'({ client, server }) {
      server.revokeAccess()
      return client.fetch(items)
    },
  }

  for (const [name, [event, prepare]] of Object.entries(triggers)) {
    test.each(Object.keys(actions))(`C4 in ${name}: %s`, async action => {
      const [world, start] = await prepare()
      const { client } = world
      let inner: ReturnType<typeof watch> | undefined
      const listener = async () => {
        undo()
        inner = watch(actions[action]!(world))
      }
      const undo = event === 'change' ? client.subscribe(listener) : client.on(event, listener)
      const outer = watch(start())
      // No time passes: nothing may need a timeout to come free.
      await world.settle()
      expect(inner).toBeDefined()
      expect(inner!.state).not.toBe('pending')
      expect(outer.state).not.toBe('pending')
      expect(world.reported).toEqual([])
    })
  }

  test('C4 what a listener starts, the caller of the first restore does not wait for', async () => {
    const world = createWorld()
    world.server.seed()
    const open = world.server.hold('/items')
    const seen: unknown[] = []
    world.client.on('login', async () => {
      seen.push((await world.client.fetch(items)).status)
    })
    expect((await world.client.ready()).status).toBe('authenticated')
    await world.settle()
    expect(seen).toEqual([])
    open()
    await world.settle()
    expect(seen).toEqual([200])
  })
})

describe('C5 a listener disturbs no other listener', () => {
  test('C5 one that throws is reported, and the others, the login and the session go on', async () => {
    const world = createWorld()
    const seen: string[] = []
    const error = new Error('listener')
    world.client.on('login', () => seen.push('first'))
    world.client.on('login', () => {
      throw error
    })
    world.client.subscribe(() => {
      throw error
    })
    world.client.on('login', () => seen.push('last'))
    world.client.subscribe(() => seen.push('changed'))
    await world.login()
    await world.settle()
    expect(seen).toEqual(['first', 'last', 'changed'])
    expect(world.reported).toEqual([error, error])
    expect(world.client.session.status).toBe('authenticated')
  })

  test('C5 one that removes itself is called once, and the ones after it still are', async () => {
    const world = await signedIn()
    const seen: string[] = []
    const undo = world.client.on('refresh', () => {
      undo()
      undo()
      seen.push('once')
    })
    world.client.on('refresh', () => seen.push('always'))
    await world.client.refresh()
    await world.client.refresh()
    await world.settle()
    expect(seen).toEqual(['once', 'always', 'always'])
  })

  test('C5 one that removes others keeps those from being called, and no more', async () => {
    const world = await signedIn()
    const seen: string[] = []
    const controller = new AbortController()
    world.client.on('refresh', () => {
      seen.push('remover')
      undo()
      controller.abort()
    })
    const undo = world.client.on('refresh', () => seen.push('undone'))
    world.client.on('refresh', () => seen.push('aborted'), { signal: controller.signal })
    world.client.on('refresh', () => seen.push('kept'))
    await world.client.refresh()
    await world.settle()
    expect(seen).toEqual(['remover', 'kept'])
  })

  test('C5 one that is added by another waits for the next event', async () => {
    const world = await signedIn()
    const seen: number[] = []
    let added = 0
    world.client.on('refresh', () => {
      const number = ++added
      world.client.on('refresh', () => seen.push(number))
    })
    await world.client.refresh()
    await world.settle()
    expect(seen).toEqual([])
    await world.client.refresh()
    await world.settle()
    expect(seen).toEqual([1])
  })

  test('C5 a function registered twice is called twice, and each undo takes back its own', async () => {
    const world = await signedIn()
    let calls = 0
    const listener = () => calls++
    const undo = world.client.on('refresh', listener)
    world.client.on('refresh', listener)
    await world.client.refresh()
    await world.settle()
    expect(calls).toBe(2)
    undo()
    await world.client.refresh()
    await world.settle()
    expect(calls).toBe(3)
  })

  test('C5 a signal that was aborted before registers nothing', async () => {
    const world = await signedIn()
    world.client.on('refresh', () => expect.unreachable(), { signal: AbortSignal.abort() })
    await world.client.refresh()
    await world.settle()
    expect(world.reported).toEqual([])
  })
})

describe('C6 however often it is asked for, there is one restore call', () => {
  test('C6 two ready() calls share it and its session', async () => {
    const world = createWorld()
    world.server.seed()
    const [first, second] = await Promise.all([world.client.ready(), world.client.ready()])
    expect(first).toBe(second)
    expect(first).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(await world.client.ready()).toBe(first)
    expect(world.server.refreshes).toBe(1)
    expect(world.events).toEqual([['login', { cause: 'restore' }]])
  })

  test('C6 mount, unmount, mount: the first wait ends, the restore goes on for the second', async () => {
    const world = createWorld()
    world.server.seed()
    const mount = () => {
      const controller = new AbortController()
      const undo = world.client.subscribe(() => {})
      const ready = watch(world.client.ready({ signal: controller.signal }))
      return { ready, unmount: () => [undo(), controller.abort('unmounted')] }
    }
    const first = mount()
    first.unmount()
    const second = mount()
    await world.settle()
    expect(first.ready.state).toBe('unmounted')
    expect(second.ready.value).toMatchObject({ status: 'authenticated' })
    expect(world.server.refreshes).toBe(1)
  })

  test('C6 the automatic restore, ready(), requests and getAccessToken() share it', async () => {
    const world = createWorld({ options: { restore: 'auto' } })
    world.server.seed()
    const [session, token, response] = await Promise.all([
      world.client.ready(),
      world.client.getAccessToken(),
      world.client.fetch(items),
      world.clock.advance(0),
    ])
    expect(session.status).toBe('authenticated')
    expect(token).toMatch(/^eyJ/)
    expect(response.status).toBe(200)
    expect(world.server.refreshes).toBe(1)
  })

  test('C6 the automatic restore comes one task after creation, and not before', async () => {
    const world = createWorld({ options: { restore: 'auto' } })
    world.server.seed()
    await world.settle()
    expect(world.server.refreshes).toBe(0)
    await world.clock.advance(0)
    expect(world.server.refreshes).toBe(1)
    expect(world.client.session.status).toBe('authenticated')
  })

  test.each(['login', 'setTokens'] as const)('C6 after %s there is none at all', async how => {
    const world = createWorld({ options: { restore: 'auto' } })
    if (how === 'login') await world.login()
    else await world.client.setTokens({ accessToken: world.server.issueAccess('ada').token })
    await world.clock.advance(0)
    expect(await world.client.ready()).toBe(world.client.session)
    expect(world.client.session.status).toBe('authenticated')
    expect(world.server.refreshes).toBe(0)
  })

  test('C6 "manual": nothing before the first ready()', async () => {
    const world = createWorld({ options: { restore: 'manual' } })
    world.server.seed()
    await world.clock.advance(HOUR)
    expect(world.server.calls).toEqual([])
    expect(world.client.session).toEqual({ status: 'unknown', error: null })
    expect((await world.client.ready()).status).toBe('authenticated')
  })

  test('C6 nobody to restore: anonymous, with reason "initial" and without any event', async () => {
    const world = createWorld()
    expect(await world.client.ready()).toEqual({ status: 'anonymous', ...NOBODY })
    await world.client.ready()
    expect(world.server.refreshes).toBe(1)
    expect(world.events).toEqual([])
  })
})

describe('C7 a logout while offline', () => {
  test('C7 clears memory at once and says "revoked: false"', async () => {
    const world = await signedIn()
    world.online = false
    const before = world.client.session
    const logout = world.client.logout()
    expect(before.status).toBe('authenticated')
    expect(world.client.session).toEqual(signedOut)
    const { revoked, error } = await logout
    expect(revoked).toBe(false)
    expect(error).toMatchObject({ name: 'AuthError', code: 'logout_unavailable', retryable: true })
    await world.settle()
    expect(world.events).toEqual([['logout', { reason: 'logout' }]])
    expect(await world.client.getAccessToken()).toBeNull()
  })

  test('C7 from that moment no request carries the token', async () => {
    const world = await signedIn()
    const open = world.server.hold(LOGOUT, () => world.server.json({}, 503))
    const logout = world.client.logout()
    await world.client.fetch(items)
    open()
    await logout
    await world.client.fetch(items)
    await world.client.fetch(new Request(items, { method: 'PUT', body: 'x' }))
    expect(bearers(world)).toEqual([null, null, null])
    expect(world.server.refreshes).toBe(0)
  })

  test('C7 a request that waits for a token is not sent: it rejects "no_session"', async () => {
    const world = await signedIn()
    world.clock.sleep(HOUR)
    const open = world.server.hold(REFRESH)
    const request = watch(world.client.fetch(items))
    await world.settle()
    world.online = false
    const logout = world.client.logout()
    open()
    await logout
    expect(request.state).toBe('no_session')
    expect(world.server.count('/items')).toBe(0)
  })

  const firstCalls: Record<string, (world: World) => Promise<unknown>> = {
    'ready()': ({ client }) => client.ready(),
    'getAccessToken()': ({ client }) => client.getAccessToken(),
    'a request': ({ client }) => client.fetch(items),
    'the automatic restore': ({ clock }) => clock.advance(0),
  }
  test.each(Object.keys(firstCalls))('C7 a reload stays signed out, offline and online: %s', async name => {
    const { world } = await signedOutOffline()
    const restore = name.startsWith('the') ? 'auto' : 'manual'
    for (const online of [false, true]) {
      const next = reload(world, { restore })
      next.online = online
      const call = watch(firstCalls[name]!(next))
      await next.settle()
      await next.settle() // one for the clock's own
      expect(call.state === 'fulfilled' || !online).toBe(true)
      expect(next.client.session).toEqual(signedOut)
      expect(next.events).toEqual([])
    }
    expect(bearers(world)).toEqual(name === 'a request' ? [null] : [])
    expect(world.server.refreshes).toBe(0)
  })

  test('C7 the marker says "signed out" and since when, and nothing else', async () => {
    const { world } = await signedOutOffline()
    expect([...world.storage]).toEqual([
      [expect.stringMatching(/^silent-refresh:signed-out:/), expect.stringMatching(/^\d+$/)],
    ])
  })

  test('I14 a page that was reached from this origin tries again after "timeout", once the server confirms it never', async () => {
    const { world } = await signedOutOffline()
    world.close()
    world.server.answer(LOGOUT, () => world.server.json({}, 503), 1)
    const inside = `${ORIGIN}/settings`
    const first = reload(world, {}, inside)
    await first.client.ready()
    await first.clock.advance(TIMEOUT - 1)
    expect(world.server.count('/logout')).toBe(0)
    await first.clock.advance(1)
    expect(world.server.count('/logout')).toBe(1)
    expect(world.server.jar.cookie).not.toBeNull()
    expect(world.storage.size).toBe(1)
    first.close()

    const next = reload(world, {}, inside)
    expect(await next.client.ready()).toEqual(signedOut)
    await next.clock.advance(TIMEOUT)
    expect(world.server.count('/logout')).toBe(2)
    expect(world.server.jar.cookie).toBeNull()
    expect(world.storage.size).toBe(0)

    const last = reload(world, {}, inside)
    await last.client.ready()
    await last.clock.advance(TIMEOUT)
    expect(world.server.count('/logout')).toBe(2)
  })

  test.each(['', 'https://id.example.net/consent', 'about:blank'])(
    'I14 a page whose referrer is %j never tries again by itself: somebody may have signed in by redirect',
    async referrer => {
      const { world } = await signedOutOffline()
      world.close()
      const next = reload(world, {}, referrer)
      expect(await next.client.ready()).toEqual(signedOut)
      await next.clock.advance(HOUR)
      next.wake('online')
      await next.settle()
      expect(world.server.count('/logout')).toBe(0)
      expect(world.storage.size).toBe(1)
    },
  )

  test('C7 revocation is tried again when the browser comes online, once it worked no more', async () => {
    const { world } = await signedOutOffline()
    world.wake('focus')
    await world.settle()
    expect(world.server.count('/logout')).toBe(0)
    world.online = true
    world.wake('online')
    await world.settle()
    expect(world.server.count('/logout')).toBe(1)
    expect(world.server.jar.cookie).toBeNull()
    expect(world.storage.size).toBe(0)
    world.wake('online')
    await world.settle()
    expect(world.server.count('/logout')).toBe(1)
    expect(world.client.session).toEqual(signedOut)
  })

  test('C7 what is revoked then is the refresh token, where script has it', async () => {
    const { world } = await signedOutOffline({ server: { carrier: 'body' } })
    world.online = true
    world.wake('online')
    await world.settle()
    expect(world.server.calls.map(({ path, text }) => [path, JSON.parse(text)])).toEqual([
      ['/logout', { refresh_token: expect.stringMatching(/^refresh-/) }],
    ])
    world.wake('online')
    await world.settle()
    expect(world.server.count('/logout')).toBe(1)
  })

  test('C7 a page loaded while offline, from this origin, revokes when it comes online', async () => {
    const { world } = await signedOutOffline()
    world.close()
    const next = reload(world, { restore: 'auto' }, `${ORIGIN}/settings`)
    next.online = false
    await next.clock.advance(TIMEOUT)
    expect(next.client.session).toEqual(signedOut)
    next.online = true
    next.wake('online')
    await next.settle()
    expect(world.server.count('/logout')).toBe(1)
    expect(world.server.jar.cookie).toBeNull()
  })

  const ends: Record<string, (world: World) => Promise<unknown>> = {
    login: ({ client }) => client.login(as('bob')),
    setTokens: ({ client, server }) => client.setTokens({ accessToken: server.issueAccess('bob').token }),
    'an explicit refresh()': ({ client }) => client.refresh(),
  }
  test.each(Object.keys(ends))(
    'C7 %s ends it: the marker goes and nothing is revoked any more',
    async name => {
      const { world } = await signedOutOffline()
      const next = reload(world)
      next.online = true
      await ends[name]!(next)
      expect(next.client.session.status).toBe('authenticated')
      expect(world.storage.size).toBe(0)
      next.wake('online')
      await next.settle()
      expect(world.server.count('/logout')).toBe(0)
      expect((await reload(world).client.ready()).status).toBe('authenticated')
    },
  )

  test('C7 requests made while that refresh() is under way wait for it', async () => {
    const { world } = await signedOutOffline()
    const next = reload(world)
    const open = world.server.hold(REFRESH)
    const calls = [watch(next.client.refresh()), watch(next.client.ready()), watch(next.client.fetch(items))]
    await next.settle()
    open()
    await next.settle()
    expect(calls.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(bearers(world)).toEqual(['ada'])
    expect(next.client.session.status).toBe('authenticated')
    expect(world.server.count('/logout')).toBe(0)
  })

  test('C7 a login in the same page ends it too', async () => {
    const { world } = await signedOutOffline()
    world.online = true
    await world.login('bob')
    world.wake('online')
    await world.settle()
    expect(world.server.count('/logout')).toBe(0)
    expect(world.client.session).toMatchObject({ claims: { sub: 'bob' } })
  })

  test.each([
    ['a login', ({ client }: World) => client.login({ email: 'bob', password: 'wrong' }), 'login_rejected'],
    ['a refresh()', ({ client }: World) => client.refresh(), 'no_session'],
  ])('C7 %s that the server refuses does not end it', async (_, act, code) => {
    const { world } = await signedOutOffline()
    world.server.revokeAll()
    const next = reload(world)
    const refused = watch(act(next))
    await next.settle()
    expect(refused.state).toBe(code)
    expect(world.storage.size).toBe(1)
    expect(await reload(world).client.ready()).toEqual(signedOut)
  })

  test('C7 a refresh() that fails for a passing reason does not end it either', async () => {
    const { world } = await signedOutOffline()
    expect(await world.client.refresh().catch(({ code }) => code)).toBe('refresh_unavailable')
    world.online = true
    world.wake('pagehide', true)
    await world.settle()
    world.wake('pageshow', true)
    await world.clock.advance(5_000)
    expect(world.client.session).toEqual(signedOut)
    expect(world.server.refreshes).toBe(0)
    expect(world.server.jar.cookie).toBeNull()
  })

  test('C7 tokens that are set right after the logout: the cookie is theirs, and nothing is revoked', async () => {
    const world = await signedIn()
    const logout = world.client.logout()
    await world.client.setTokens({ accessToken: world.server.issueAccess('bob').token })
    expect(await logout).toMatchObject({ revoked: false, error: { code: 'superseded' } })
    expect(world.server.count('/logout')).toBe(0)
    expect(world.client.session.status).toBe('authenticated')
  })

  test('C7 coming online while a second logout is under way tells the server nothing more', async () => {
    const world = await signedIn()
    const { client, server } = world
    const first = server.hold(LOGOUT)
    const second = server.hold(LOGOUT, () => server.json({}, 503))
    const logouts = [watch(client.logout())]
    await world.settle()
    await client.setTokens({ accessToken: server.issueAccess('bob').token })
    logouts.push(watch(client.logout()))
    first()
    await world.settle()
    world.wake('online')
    // It has nothing more to say than the one under way.
    logouts.push(watch(client.logout()))
    second()
    await world.settle()
    expect(logouts.map(({ value }) => value?.revoked)).toEqual([true, false, false])
    expect(server.count('/logout')).toBe(2)
  })

  test('C7 a server that does not answer: the logout resolves within the timeout', async () => {
    const world = await signedIn()
    const open = world.server.hold(LOGOUT)
    const logout = watch(world.client.logout())
    await world.clock.advance(TIMEOUT)
    expect(logout).toMatchObject({
      state: 'fulfilled',
      value: { revoked: false, error: { code: 'logout_unavailable', retryable: true } },
    })
    open()
    await world.settle()
    expect(world.storage.size).toBe(1)
  })

  test('C7 "endpoints.logout: false": no call, and a reload stays signed out until a login', async () => {
    const options = { endpoints: { logout: false } } as const
    const world = await signedIn({ options })
    expect(await world.client.logout()).toEqual({ revoked: false })
    world.wake('online')
    expect(await reload(world, options).client.ready()).toEqual(signedOut)
    await reload(world, options).login('bob')
    expect(await reload(world, options).client.ready()).toMatchObject({ claims: { sub: 'bob' } })
    expect(world.server.count('/logout')).toBe(0)
  })

  test('C7 a second logout, and one by nobody, only tell the server', async () => {
    const world = createWorld()
    expect(await world.client.logout()).toEqual({ revoked: true })
    expect(await world.client.logout()).toEqual({ revoked: true })
    expect(world.events).toEqual([])
    expect(world.client.session).toEqual(signedOut)
    expect(world.storage.size).toBe(0)
  })
})

describe('C8 a 401 that arrives after the logout starts nothing', () => {
  test.each([
    ['logout()', signedOut, ({ client }: World) => client.logout()],
    [
      'the sign-out of a rejected session',
      { status: 'anonymous', ...REFUSED },
      async ({ client, server }: World) => {
        server.revokeAll()
        await client.fetch(`${ORIGIN}/other`)
      },
    ],
  ])('C8 after %s', async (_, session, signOut) => {
    const world = await signedIn()
    const open = world.server.hold('/items', () => world.server.json({ mine: true }, 401))
    const request = world.client.fetch(items)
    await world.settle()
    await signOut(world)
    const calls = world.server.calls.length
    open()
    const response = await request
    await world.settle()
    expect(response.status).toBe(401)
    expect(await response.json()).toEqual({ mine: true })
    expect(world.server.calls).toHaveLength(calls)
    expect(world.client.session).toEqual(session)
    expect(world.clock.timers).toBe(0)
  })

  test('C8 nor does a 401 to a request that was sent after it', async () => {
    const world = await signedIn()
    await world.client.logout()
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.server.refreshes).toBe(0)
    expect(world.server.count('/items')).toBe(1)
  })
})

test.each([2, 3])('C1 a logout after %s explicit refresh() of nobody, the first on the wire', async times => {
  const world = createWorld()
  await world.client.ready()
  world.server.seed('ada')
  const answer = world.server.delay(REFRESH)
  const calls = Array.from({ length: times }, () => {
    const outcome = watch(world.client.refresh())
    return world.settle().then(() => outcome)
  })
  await world.settle()
  const logout = watch(world.client.logout())
  await world.settle()
  answer()
  await world.settle()
  expect(world.client.session.status).toBe('anonymous')
  expect(world.count('login')).toBe(0)
  expect(logout.value).toEqual({ revoked: true })
  for (const call of calls) expect((await call).state).toBe('no_session')
})

describe('C9 after dispose() nothing is left', () => {
  const states: Record<string, () => Promise<World>> = {
    'just created': async () => createWorld({ options: { restore: 'auto' } }),
    'signed in': () => signedIn(),
    async 'signed out'() {
      const world = await signedIn()
      await world.client.logout()
      return world
    },
    async 'in backoff'() {
      const world = await signedIn()
      world.server.answer(REFRESH, () => world.server.json({}, 503))
      await watch(world.client.refresh())
      await world.settle()
      return world
    },
    async 'never restored, in backoff'() {
      const world = createWorld()
      world.server.answer(REFRESH, () => world.server.json({}, 503))
      await world.client.ready()
      return world
    },
    async 'signed out offline'() {
      return (await signedOutOffline()).world
    },
  }

  test.each(Object.keys(states))('C9 %s: no timer, no listener, no call, no event', async name => {
    const world = await states[name]!()
    await world.settle()
    world.events.length = 0
    expect(world.listeners).toBeGreaterThan(0)
    world.client.dispose()
    expect(world.clock.timers).toBe(0)
    expect(world.listeners).toBe(0)

    const calls = world.server.calls.length
    world.online = true
    world.wake('online')
    await world.clock.advance(2 * HOUR)
    expect(world.server.calls).toHaveLength(calls)
    expect(world.events).toEqual([])
    expect(world.reported).toEqual([])
    expect(world.clock.timers).toBe(0)
  })

  const waiters: Record<string, [route: string, wait: (world: World) => Promise<unknown>]> = {
    'refresh()': [REFRESH, ({ client }) => client.refresh()],
    'getAccessToken() of an expired token': [
      REFRESH,
      ({ client, clock }) => {
        clock.sleep(HOUR)
        return client.getAccessToken()
      },
    ],
    'a request with an expired token': [
      REFRESH,
      ({ client, clock }) => {
        clock.sleep(HOUR)
        return client.fetch(items)
      },
    ],
    'a request whose 401 waits for the refresh': [
      REFRESH,
      ({ client, server }) => {
        server.revokeAccess()
        return client.fetch(items)
      },
    ],
    'login()': ['POST /login', ({ client }) => client.login(as('bob'))],
    'a login() that waits for a refresh': [
      REFRESH,
      ({ client }) => {
        watch(client.refresh())
        return client.login(as('bob'))
      },
    ],
    'setTokens() that asks for the user': [
      'GET /user/whoami',
      ({ client, server }) => client.setTokens({ accessToken: server.issueAccess('bob').token }),
    ],
  }

  test.each(Object.keys(waiters))('C9 %s rejects "disposed" at once', async name => {
    const [route, wait] = waiters[name]!
    const options = route.includes('whoami') ? { endpoints: { user: '/user/whoami' } } : {}
    const world = await signedIn({ options })
    const open = world.server.hold(route)
    const waiter = watch(wait(world))
    await world.settle()
    expect(world.server.held).toBe(1)
    expect(waiter.state).toBe('pending')
    const { session } = world.client
    const calls = world.server.count('/items')

    world.client.dispose()
    await world.settle()
    expect(waiter.state).toBe('disposed')
    open()
    await world.settle()
    expect(world.client.session).toBe(session)
    expect(world.events).toEqual([])
    expect(world.server.count('/items')).toBe(calls)
    expect(world.clock.timers).toBe(0)
  })

  test('C9 ready() and everything that waits for the first restore reject "disposed"', async () => {
    const world = createWorld()
    world.server.seed()
    const open = world.server.hold(REFRESH)
    const { client } = world
    const waiting = [watch(client.ready()), watch(client.getAccessToken()), watch(client.fetch(items))]
    await world.settle()
    client.dispose()
    await world.settle()
    expect(waiting.map(({ state }) => state)).toEqual(['disposed', 'disposed', 'disposed'])
    open()
    await world.settle()
    expect(client.session).toEqual({ status: 'unknown', error: null })
    expect(world.server.count('/items')).toBe(0)
  })

  const beside: Record<string, (world: World) => unknown> = {
    'alone on the wire': () => {},
    'with a request waiting for it': ({ client, server }) => {
      server.revokeAccess()
      return watch(client.fetch(items))
    },
    'with a login waiting for it': ({ client }) => watch(client.login(as('bob'))),
  }
  test.each(Object.keys(beside))(
    'C9 a refresh already sent ends by itself, and burns no session: %s',
    async name => {
      const { world, open, refresh } = await refreshing()
      const { cookie } = world.server.jar
      beside[name]!(world)
      await world.settle()
      world.client.dispose()
      await world.settle()
      expect(refresh.state).toBe('disposed')
      open()
      await world.settle()
      expect(world.clock.timers).toBe(0)
      expect(world.server.count('/login')).toBe(0)
      expect(world.server.jar.cookie).not.toBe(cookie)
      expect(await reload(world).client.ready()).toMatchObject({ status: 'authenticated' })
      expect(world.server.reuses).toBe(0)
    },
  )

  test('C9 a refresh that is never answered is given up after its second bound', async () => {
    const { world, open } = await refreshing()
    world.client.dispose()
    await world.clock.advance(2 * TIMEOUT - 1)
    expect(world.clock.timers).toBe(1)
    await world.clock.advance(1)
    expect(world.clock.timers).toBe(0)
    expect(world.events).toEqual([])
    open()
    await world.settle()
  })

  test('C9 a logout under way still reaches the server and resolves', async () => {
    const world = await signedIn()
    const open = world.server.hold(LOGOUT)
    const logout = watch(world.client.logout())
    await world.settle()
    world.client.dispose()
    open()
    await world.settle()
    expect(logout.state).toBe('fulfilled')
    expect(world.server.jar.cookie).toBeNull()
    expect(world.clock.timers).toBe(0)
  })

  test('C9 a logout that waits for a refresh resolves too, and a reload stays signed out', async () => {
    const { world, open } = await refreshing()
    const logout = watch(world.client.logout())
    await world.settle()
    world.client.dispose()
    open()
    await world.settle()
    expect(logout.state).toBe('fulfilled')
    expect(world.clock.timers).toBe(0)
    expect((await reload(world).client.ready()).status).toBe('anonymous')
  })

  test('C9 afterwards every call rejects "disposed", logout resolves, dispose() is nothing', async () => {
    const world = await signedIn()
    const { client } = world
    client.dispose()
    client.dispose()
    client[Symbol.dispose]()
    const calls = {
      ready: client.ready(),
      login: client.login(as('bob')),
      setTokens: client.setTokens({ accessToken: 'a.b.c' }),
      refresh: client.refresh(),
      getAccessToken: client.getAccessToken(),
      fetch: client.fetch(items),
    }
    for (const [name, call] of Object.entries(calls)) {
      await expect(call, name).rejects.toMatchObject({ code: 'disposed', retryable: false })
    }
    const { revoked, error } = await client.logout()
    expect({ revoked, code: error?.code }).toEqual({ revoked: false, code: 'disposed' })
    client.subscribe(() => {})()
    client.on('login', () => {})()
    expect(world.server.calls).toEqual([])
    expect(world.clock.timers).toBe(0)
  })

  test('C9 Symbol.dispose is dispose', async () => {
    const world = await signedIn()
    world.client[Symbol.dispose]()
    expect(world.clock.timers).toBe(0)
    expect(world.listeners).toBe(0)
    await expect(world.client.ready()).rejects.toMatchObject({ code: 'disposed' })
  })

  test.each(['login', 'refresh', 'refreshError', 'logout', 'userChange'] as const)(
    'C9 disposing in the middle of a "%s" event raises nothing and tells nobody else',
    async event => {
      const world = event === 'login' ? createWorld() : await signedIn()
      world.client.on(event, () => world.client.dispose())
      world.client.on(event, () => expect.unreachable())
      if (event === 'refreshError') world.server.answer(REFRESH, () => world.server.json({}, 503))
      if (event === 'login') watch(world.login())
      else if (event === 'userChange') watch(world.login('bob'))
      else if (event === 'logout') watch(world.client.logout())
      else watch(world.client.refresh())
      await world.settle()
      expect(world.reported).toEqual([])
      expect(world.clock.timers).toBe(0)
      expect(world.listeners).toBe(0)
    },
  )
})

describe('C10 another identity between two refreshes', () => {
  /** The cookie of another user takes the place of ada's, as when another app logs in. */
  const bobTakesOver = (world: World) => world.server.seed('bob')

  test('C10 emits userChange after refresh, with the new claims, and drops the old user', async () => {
    const world = await signedIn({
      server: { claims: claims => ({ ...claims, name: `${claims.sub}!` }) },
      options: { readTokens: body => ({ accessToken: body.access_token, user: { from: 'answer' } }) },
    })
    const before = world.client.session
    bobTakesOver(world)
    await world.client.refresh()
    await world.settle()
    const claims = expect.objectContaining({ sub: 'bob', name: 'bob!' })
    expect(world.events).toEqual([
      ['refresh', { expiresAt: expect.any(Number) }],
      ['userChange', { claims, user: { from: 'answer' } }],
    ])
    expect(world.client.session).not.toBe(before)
    expect(world.client.session).toMatchObject({ claims: { sub: 'bob' } })
  })

  test('C10 nothing queued for the old user goes out: requests reject "user_changed"', async () => {
    const world = await signedIn()
    world.clock.sleep(HOUR)
    bobTakesOver(world)
    const open = world.server.hold(REFRESH)
    const queued = [
      world.client.fetch(items),
      world.client.fetch(items, { method: 'POST', body: 'from ada' }),
      world.client.fetch(new Request(items, { method: 'PUT', body: 'from ada' })),
    ].map(watch)
    await world.settle()
    open()
    await world.settle()
    expect(queued.map(({ state }) => state)).toEqual(['user_changed', 'user_changed', 'user_changed'])
    expect(queued[0]!.error).toMatchObject({ name: 'AuthError', retryable: false })
    expect(world.server.count('/items')).toBe(0)
    expect(world.count('userChange')).toBe(1)

    await world.client.fetch(items)
    expect(bearers(world)).toEqual(['bob'])
  })

  test('C10 the user of the old one is not the user of the new one', async () => {
    const world = await signedIn({ options: { endpoints: { user: '/user/whoami' } } })
    expect(world.client.session).toMatchObject({ user: { name: 'ada' } })
    bobTakesOver(world)
    await world.client.refresh()
    expect(world.client.session).toMatchObject({ claims: { sub: 'bob' }, user: { name: 'bob' } })
    world.server.seed('cleo')
    world.server.answer('GET /user/whoami', () => world.server.json({}, 503))
    await world.client.refresh()
    expect(world.client.session).toMatchObject({ claims: { sub: 'cleo' }, user: null })
  })

  test('C10 another issuer with the same subject is another user', async () => {
    let iss = 'https://one.example'
    const world = await signedIn({ server: { claims: claims => ({ ...claims, iss }) } })
    iss = 'https://two.example'
    await world.client.refresh()
    await world.settle()
    expect(world.count('userChange')).toBe(1)
  })

  test('C10 the same identity is no change, whoever asks; claims and user keep their own', async () => {
    const world = await signedIn({
      server: { claims: ({ iss, sub }) => ({ iss, sub }) },
      options: { endpoints: { user: '/user/whoami' } },
    })
    const before = world.client.session
    await world.client.refresh()
    await world.login('ada')
    await world.client.refresh()
    await world.settle()
    expect(world.count('userChange')).toBe(0)
    const now = world.client.session
    if (before.status !== 'authenticated' || now.status !== 'authenticated') expect.unreachable()
    expect(now.claims).toBe(before.claims)
    expect(now.user).toBe(before.user)
    expect(now.user).toEqual({ name: 'ada' })
  })

  describe('C10 opaque tokens do not tell: each login is another user, a refresh is the same', () => {
    test('C10 refreshes change nobody, a login does', async () => {
      const world = await signedIn({ server: { opaque: true } })
      await world.client.refresh()
      await world.client.refresh()
      await world.settle()
      expect(world.count('userChange')).toBe(0)
      await world.login('ada')
      await world.settle()
      expect(world.events.slice(-1)).toEqual([['userChange', { claims: null, user: null }]])
    })

    test('C10 what was queued before tokens were set is not sent with them', async () => {
      const world = await signedIn({ server: { opaque: true } })
      world.clock.sleep(HOUR)
      const open = world.server.hold(REFRESH)
      const request = watch(world.client.fetch(items))
      await world.settle()
      await world.client.setTokens({ accessToken: world.server.issueAccess('bob').token })
      open()
      await world.settle()
      expect(request.state).toBe('user_changed')
      expect(world.server.count('/items')).toBe(0)
    })
  })

  test('I2 a JWT in place of an opaque token names the user of the same login: no userChange', async () => {
    const world = await signedIn({ server: { opaque: true } })
    world.server.answer(REFRESH, () => world.server.json({ access_token: makeToken({ sub: 'ada' }) }))
    await world.client.refresh()
    await world.settle()
    expect(world.count('userChange')).toBe(0)
    world.server.mend(REFRESH)
    world.server.answer(REFRESH, () => world.server.json({ access_token: makeToken({ sub: 'bob' }) }))
    await world.client.refresh()
    await world.settle()
    expect(world.count('userChange')).toBe(1)
  })
})

test('C1 a refresh() that was called right after logout() comes after it on the server too', async () => {
  const world = await signedIn()
  const left = world.client.logout()
  const again = watch(world.client.refresh())
  expect(await left).toEqual({ revoked: true })
  await world.settle()
  expect(again.state).toBe('no_session')
  expect(world.server.calls.map(call => call.path)).toEqual(['/logout', '/refresh_token'])
  expect(world.client.session.status).toBe('anonymous')
})

test('C10 a caller that waited for a token of one user is not handed the token of another', async () => {
  const world = await signedIn()
  world.server.seed('bob')
  world.clock.sleep(2 * 3_600_000)
  expect(await world.client.getAccessToken().catch(error => error.code)).toBe('user_changed')
  expect(world.client.session).toMatchObject({ claims: { sub: 'bob' } })
})

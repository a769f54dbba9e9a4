import { describe, expect, test } from 'vitest'
import { createClient } from '../src/client.ts'
import { cookieMode, idleTimeout, shareTabs, tokenStorage } from '../src/core.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn as signIn, type World, type WorldOptions } from './support/world.ts'

const items = `${ORIGIN}/items`
const ada = { email: 'ada', password: 'right' }
const SECOND = 1_000
const HOUR = 3_600_000
/** A second may have been lost where the server rounded to whole ones (N1). */
const LIFETIME = HOUR - 1_000

type Endpoints = NonNullable<AuthClientOptions['endpoints']>
const without = (endpoints: Endpoints = {}, options: AuthClientOptions = {}): WorldOptions => ({
  options: { ...options, endpoints: { refresh: false, ...endpoints } },
})
const bearer = without()
const inCookies: WorldOptions = {
  ...without({ user: 'me' }, { mode: cookieMode() }),
  server: { access: 'cookie' },
}
const modes: [name: string, given: WorldOptions][] = [
  ['bearer', bearer],
  ['a refresh token in the body', { ...bearer, server: { carrier: 'body' } }],
  ['cookie mode', inCookies],
]

const signedIn = (given: WorldOptions = bearer) => signIn(given)
const tab = (browser: World, given: WorldOptions = bearer) => createWorld({ ...given, browser })
const paths = ({ server }: World) => server.calls.map(({ path }) => path)
const status = (...worlds: World[]) => worlds.map(({ client }) => client.session.status)
const ended = [['logout', { reason: 'rejected' }]]

test('M6 back to a page after a logout elsewhere that the server has confirmed: signed out too', async () => {
  const a = await signedIn()
  const b = tab(a)
  await b.client.ready()
  expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  b.wake('pagehide', true)
  await a.clock.advance(SECOND)
  expect(await a.client.logout()).toEqual({ revoked: true })
  b.wake('pageshow', true)
  await b.clock.advance(5 * SECOND)
  expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
})

describe.each(modes)('N14 where no refresh exists: %s', (mode, given) => {
  test('N14 the session ends with its token, once and without a call', async () => {
    const world = await signedIn(given)
    await world.clock.advance((mode === 'cookie mode' ? HOUR : LIFETIME) - 1)
    expect(status(world)).toEqual(['authenticated'])
    expect(world.events).toEqual([])
    await world.clock.advance(1)
    expect(world.client.session).toEqual({ status: 'anonymous', reason: 'rejected' })
    expect(world.events).toEqual(ended)
    await world.clock.advance(HOUR)
    expect(paths(world)).toEqual([])
    expect(world.clock.timers).toBe(0)
  })

  test('N14 it ends with its token also in sleep: the next request rejects, and is not sent', async () => {
    const world = await signedIn(given)
    world.clock.sleep(HOUR)
    await expect(world.client.fetch(items)).rejects.toMatchObject({ code: 'no_session' })
    expect(world.events).toEqual(ended)
    expect(paths(world)).toEqual([])
  })

  test('N14 it ends with its token also offline', async () => {
    const world = await signedIn(given)
    world.online = false
    world.wake('offline')
    await world.clock.advance(HOUR)
    expect(world.events).toEqual(ended)
  })

  test('N14 it ends at the first 401, which the caller receives', async () => {
    const world = await signedIn(given)
    world.server.revokeAccess()
    const response = await world.client.fetch(items, { method: 'POST', body: 'x' })
    expect(response.status).toBe(401)
    expect(await response.json()).toEqual({ error: 'unauthorized' })
    expect(world.client.session).toEqual({ status: 'anonymous', reason: 'rejected' })
    expect(world.events).toEqual(ended)
    expect(paths(world)).toEqual(['/items'])
  })

  test('N14 twenty requests that meet that 401 end it once', async () => {
    const world = await signedIn(given)
    world.server.revokeAccess()
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.client.fetch(items)))
    expect(new Set(answers.map(answer => answer.status))).toEqual(new Set([401]))
    expect(world.events).toEqual(ended)
    expect(world.server.refreshes).toBe(0)
  })

  test('N14 refresh() rejects "unsupported", whoever is signed in', async () => {
    const world = createWorld(given)
    const calls = () => expect(world.client.refresh()).rejects.toMatchObject({ code: 'unsupported' })
    await calls()
    await world.client.ready()
    await calls()
    await world.login()
    const { session } = world.client
    await calls()
    expect(world.client.session).toBe(session)
    expect(world.server.refreshes).toBe(0)
  })

  test('N14 the next login works as the first did', async () => {
    const world = await signedIn(given)
    world.clock.sleep(HOUR)
    await world.client.fetch(items).catch(() => {})
    await world.login()
    expect((await world.client.fetch(items)).status).toBe(200)
    await world.clock.advance(HOUR)
    expect(status(world)).toEqual(['anonymous'])
  })

  test('N14 in many tabs: it ends in each, once', async () => {
    const a = await signedIn(given)
    const others = [tab(a, given), tab(a, given)]
    for (const { client } of others) await client.ready()
    expect(status(a, ...others)).toEqual(['authenticated', 'authenticated', 'authenticated'])
    a.server.calls.length = 0
    for (const one of others) one.events.length = 0
    await a.clock.advance(HOUR)
    for (const one of [a, ...others]) expect(one.events).toEqual(ended)
    expect(paths(a)).toEqual([])
  })

  test('N14 the 401 of one tab ends it in every tab', async () => {
    const a = await signedIn(given)
    const b = tab(a, given)
    await b.client.ready()
    await b.settle()
    b.events.length = 0
    a.server.revokeAccess()
    await a.client.fetch(items)
    await a.settle()
    expect([a.events, b.events]).toEqual([ended, ended])
  })

  test('N14 a forged pause keeps no session longer than that', async () => {
    for (const end of ['its token', 'the first 401']) {
      const a = await signedIn(given)
      const { channels } = a.shared
      const [name, { generation }] = channels.posted.findLast(([, { type }]) => type === 'session')!
      const retryAt = a.clock.now() + 2 * HOUR
      const told = { type: 'postponed', generation, code: 'refresh_unavailable', retryAt, binding: true }
      if (end === 'its token') await a.clock.advance(LIFETIME - SECOND)
      channels.inject(name, { v: 1, ...told })
      await a.settle()
      expect(status(a)).toEqual(['authenticated'])
      if (end === 'its token') await a.clock.advance(2 * SECOND)
      else {
        a.server.revokeAccess()
        expect((await a.client.fetch(items)).status).toBe(401)
      }
      expect(a.events).toEqual(ended)
    }
  })

  test('N14 a logout, and a login of another user, are followed as ever', async () => {
    const a = await signedIn(given)
    const b = tab(a, given)
    await b.client.ready()
    await b.client.logout()
    await b.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    await a.login('bob')
    await a.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    expect((await b.client.fetch(items).then(answer => answer.json())).user).toBe('bob')
  })

  test('N14 a page from the back/forward cache has its session again, and its end', async () => {
    const world = await signedIn(given)
    world.wake('pagehide')
    world.wake('pageshow', true)
    await world.settle()
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated' })
    // In cookie mode nothing says any more when that is: the API does.
    world.clock.sleep(HOUR)
    await world.client.fetch(items).catch(() => {})
    expect(status(world)).toEqual(['anonymous'])
    expect(world.server.refreshes).toBe(0)
  })
})

describe('N14 a page load', () => {
  test('N14 is anonymous without a call', async () => {
    for (const restore of ['auto', 'manual'] as const) {
      const world = await signedIn()
      world.close()
      const next = tab(world, without({}, { restore }))
      expect(await next.client.ready()).toEqual({ status: 'anonymous', reason: 'initial' })
      await next.clock.advance(HOUR)
      expect([paths(next), next.events]).toEqual([[], []])
    }
  })

  test('N14 is signed in beside a living tab, without a call', async () => {
    const world = await signedIn()
    const next = tab(world)
    expect(await next.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(paths(world)).toEqual([])
  })

  const session = without({ restore: '/session' })
  const token = (world: World) => () => world.server.json(world.server.issueAccess('ada').body)

  test.each(['cookie', 'body'] as const)(
    'N14 beside a frozen tab it is anonymous after a second, with a refresh token in the %s',
    async carrier => {
      const given: WorldOptions = { ...bearer, server: { carrier } }
      const a = await signedIn(given)
      await a.settle()
      a.freeze()
      const next = tab(a, given)
      const ready = watch(next.client.ready())
      await next.clock.advance(SECOND)
      expect(ready.value).toMatchObject({ status: 'anonymous' })
    },
  )

  test('N14 is restored by "endpoints.restore"', async () => {
    const world = createWorld(session)
    world.server.answer('POST /session', token(world))
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(paths(world)).toEqual(['/session'])
    await expect(world.client.refresh()).rejects.toMatchObject({ code: 'unsupported' })
    await world.clock.advance(HOUR)
    expect(status(world)).toEqual(['anonymous'])
    expect(paths(world)).toEqual(['/session'])
  })

  test('N14 a restore that is refused is final, one that fails is tried again', async () => {
    const world = createWorld(session)
    world.server.answer('POST /session', () => world.server.json({}, 503), 1)
    world.server.answer('POST /session', () => world.server.json({ why: 'none' }, 401), 1)
    expect(await world.client.ready()).toMatchObject({ status: 'unknown', error: { retryable: true } })
    await world.clock.advance(60 * SECOND)
    expect(world.client.session).toMatchObject({ status: 'anonymous', error: { status: 401 } })
    expect(paths(world)).toEqual(['/session', '/session'])
  })

  test('N14 a restore that answers a user and no token names "readTokens"', async () => {
    const world = createWorld(session)
    world.server.answer('POST /session', () => world.server.json({ user: { id: 1 } }))
    expect(await world.client.ready()).toMatchObject({
      status: 'unknown',
      error: { message: expect.stringContaining('"readTokens"') },
    })
    expect(paths(world)).toEqual(['/session'])
  })

  test('N14 cookie mode: the user endpoint says it, and its 401 is final', async () => {
    const world = await signedIn(inCookies)
    world.close()
    const next = tab(world, inCookies)
    expect(await next.client.ready()).toMatchObject({ status: 'authenticated', user: { name: 'ada' } })
    next.server.revokeAccess()
    const last = tab((next.close(), world), inCookies)
    expect(await last.client.ready()).toMatchObject({ status: 'anonymous', error: { status: 401 } })
    expect(paths(world)).toEqual(['/me', '/me'])
  })
})

describe('N14 a token', () => {
  test('N14 of unknown end lives to the first 401', async () => {
    const world = await signedIn({ ...bearer, server: { opaque: true, expiresIn: false } })
    await world.clock.advance(100 * HOUR)
    expect(status(world)).toEqual(['authenticated'])
    world.server.revokeAccess()
    await world.client.fetch(items)
    expect(world.events).toEqual(ended)
  })

  test('N14 is sent to its very end, for there is no other', async () => {
    const world = await signedIn()
    world.clock.sleep(LIFETIME - 1)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(await world.client.getAccessToken()).not.toBeNull()
  })

  test('N14 that is too short for "minValidity" is refused, and the session goes on', async () => {
    const world = await signedIn()
    expect(await world.client.getAccessToken({ minValidity: LIFETIME - 1 })).not.toBeNull()
    await expect(world.client.getAccessToken({ minValidity: HOUR + 1 })).rejects.toMatchObject({
      code: 'refresh_unavailable',
      retryable: false,
    })
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
    expect(paths(world)).toEqual([])
  })

  test('N14 that the app hands in ends by its own claims', async () => {
    const world = createWorld(bearer)
    const exp = Math.floor(world.clock.now() / 1000) + 60
    await world.client.setTokens({ accessToken: makeToken({ sub: 'ada', exp }) })
    await world.clock.advance(61 * SECOND)
    expect(world.client.session).toEqual({ status: 'anonymous', reason: 'rejected' })
  })

  test('N14 and a refresh token beside it: the logout shows both', async () => {
    const world = await signedIn({ ...bearer, server: { carrier: 'body' } })
    expect(await world.client.logout()).toEqual({ revoked: true })
    const [call] = world.server.calls
    expect(call?.authorization).toMatch(/^Bearer /)
    expect(JSON.parse(call!.text)).toEqual({ refresh_token: expect.any(String) })
  })
})

describe('N14 a login', () => {
  test('N14 whose answer holds no token is confirmed by "endpoints.restore"', async () => {
    const world = createWorld(without({ restore: '/session' }))
    world.server.answer('POST /login', () => new Response(null, { status: 204 }))
    world.server.answer('POST /session', () => world.server.json(world.server.issueAccess('ada').body))
    expect(await world.client.login(ada)).toMatchObject({ claims: { sub: 'ada' } })
    expect(paths(world)).toEqual(['/login', '/session'])
  })

  test('N14 without one it is "login_rejected", and nothing more is sent', async () => {
    for (const answer of [
      () => new Response(null, { status: 204 }),
      () => Response.json({ user: { id: 1 } }),
    ]) {
      const world = createWorld(bearer)
      world.server.answer('POST /login', answer)
      const login = watch(world.client.login(ada))
      await world.settle()
      expect(login.state).toBe('login_rejected')
      expect(paths(world)).toEqual(['/login'])
      expect(world.storage.size).toBe(0)
    }
  })
})

describe('N14 with other options', () => {
  test('N14 without tokens in messages every tab has a session of its own, and all sign out together', async () => {
    const given = without({}, { tabs: shareTabs({ tokens: false }) })
    const a = await signedIn(given)
    const b = tab(a, given)
    expect(await b.client.ready()).toMatchObject({ status: 'anonymous' })
    await b.login()
    await b.settle()
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
    await a.client.logout()
    await a.settle()
    expect(status(a, b)).toEqual(['anonymous', 'anonymous'])
    expect(a.server.refreshes).toBe(0)
  })

  test('N14 without tokens in messages a tab keeps its session when another user signs in elsewhere', async () => {
    const given = without({}, { tabs: shareTabs({ tokens: false }) })
    const a = await signedIn(given)
    const b = tab(a, given)
    await b.login('bob')
    await b.settle()
    const userOf = async (world: World) =>
      (await world.client.fetch(items).then(answer => answer.json())).user
    expect([await userOf(a), await userOf(b)]).toEqual(['ada', 'bob'])
    expect(a.server.refreshes).toBe(0)
  })

  test('N14, I12 with "tabs" off two accounts in two tabs are two', async () => {
    const given = without({}, { tabs: false })
    const a = await signedIn(given)
    const b = tab(a, given)
    await b.login('bob')
    await a.client.logout()
    await a.settle()
    expect((await b.client.fetch(items).then(answer => answer.json())).user).toBe('bob')
    const next = createWorld({ ...given, browser: a })
    await next.login('cleo')
    expect(status(next, b)).toEqual(['authenticated', 'authenticated'])
  })

  test('N14 with "tabs" off and a cookie to restore from, a logout holds for all', async () => {
    const given = without({ restore: '/session' }, { tabs: false })
    const a = await signedIn(given)
    a.online = false
    await a.client.logout()
    a.online = true
    const b = tab(a, given)
    b.server.answer('POST /session', () => b.server.json(b.server.issueAccess('ada').body))
    expect(await b.client.ready()).toMatchObject({ status: 'anonymous' })
    expect(b.server.count('/session')).toBe(0)
  })

  test('N14 needs no "sessionKey", and has one of its own', () => {
    const { environment } = createWorld()
    const names = new Set<string>()
    for (const refresh of [false, 'refresh_token'] as const) {
      const channel = (name: string) => {
        names.add(name)
        return environment.channel(name)
      }
      const client = createClient({ tabs: shareTabs(), endpoints: { refresh } }, { ...environment, channel })
      void client.logout()
      client.dispose()
    }
    expect(names.size).toBe(2)
  })

  const unfit: [option: string, options: AuthClientOptions][] = [
    ['sliding', { sliding: true }],
    ['storage', { storage: tokenStorage({ get: () => null, set() {}, remove() {} }) }],
    ['refreshAhead', { refreshAhead: 1 }],
  ]
  test.each(unfit)('N14 "%s" makes no sense beside it, and is refused', (option, options) => {
    const { environment } = createWorld()
    expect(() =>
      createClient({ tabs: shareTabs(), ...options, endpoints: { refresh: false } }, environment),
    ).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringMatching(new RegExp(`^"${option}" .*"endpoints.refresh"`)),
      }),
    )
  })

  test.each([
    { sliding: false },
    { tabs: shareTabs({ tokens: false }) },
    { tabs: false },
    { idle: idleTimeout(1_000) },
    { endpoints: { refresh: false, restore: '/me', logout: false } },
  ] as AuthClientOptions[])('N14 is taken with %j', options => {
    const { environment } = createWorld()
    createClient({ tabs: shareTabs(), endpoints: { refresh: false }, ...options }, environment).dispose()
  })
})

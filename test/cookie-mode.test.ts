import { describe, expect, test } from 'vitest'
import { doubleSubmit, shareTabs, tokenStorage } from '../src/core.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { createTabStorage, MODES, worldsOf } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { NOBODY, REFUSED } from './support/refused.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import type { World, WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const ME = 'GET /me'
const items = `${ORIGIN}/items`
const app = { href: 'https://app.example.com/', origin: 'https://app.example.com' }

const { createWorld, signedIn, reload, reloaded } = worldsOf(MODES.find(({ isBearer }) => !isBearer)!)

const paths = ({ server }: World) => server.calls.map(({ path }) => path)
const status = (...tabs: World[]) => tabs.map(({ client }) => client.session.status)
const signedOut = (reason: string) => ({ status: 'anonymous', reason })

/** Signed in before the page was loaded, with an access cookie that still works. */
async function returning(given?: WorldOptions): Promise<World> {
  const before = await signedIn(given)
  before.close()
  return reload(before)
}

describe('S4 the session is restored through "endpoints.user"', () => {
  test('with an access cookie that works: one GET, and no refresh', async () => {
    const world = await returning()
    expect(await world.client.ready()).toMatchObject({
      status: 'authenticated',
      user: { name: 'ada' },
      claims: null,
    })
    expect(paths(world)).toEqual(['/me'])
    expect(world.server.calls[0]).toMatchObject({ method: 'GET', authorization: null })
    expect(world.events).toEqual([['login', { cause: 'restore' }]])
  })

  test('with one that is dead: a 401, one refresh, and the user once more', async () => {
    const world = await reloaded()
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated', user: { name: 'ada' } })
    expect(paths(world)).toEqual(['/me', '/refresh_token', '/me'])
    expect(world.count('login')).toBe(1)
  })

  test('nobody signed in: a 401, one refresh that is refused, and no event', async () => {
    const world = createWorld()
    expect(await world.client.ready()).toEqual({ status: 'anonymous', ...NOBODY })
    expect(paths(world)).toEqual(['/me', '/refresh_token'])
    expect(world.events).toEqual([])
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.server.refreshes).toBe(1)
  })

  test.each([403, 400])('a refusal by %i is no more final than a 401', async refusal => {
    const world = await reloaded()
    world.server.answer(ME, () => world.server.json({}, refusal), 1)
    expect((await world.client.ready()).status).toBe('authenticated')
    expect(paths(world)).toEqual(['/me', '/refresh_token', '/me'])
  })

  test.each(['null', '{"user":null}'])(
    '200 with %s is nobody, where "readTokens" or the body says so: a refresh is tried',
    async text => {
      const readTokens = (body: any, _: Response, operation: string) =>
        operation === 'user' ? (body?.name ? { user: body } : null) : {}
      const world = createWorld({ options: { readTokens } })
      world.server.answer(ME, () => new Response(text))
      expect(await world.client.ready()).toEqual({ status: 'anonymous', ...NOBODY })
      expect(paths(world)).toEqual(['/me', '/refresh_token'])
    },
  )

  test('200 with the JSON null is nobody by default too', async () => {
    const world = createWorld()
    world.server.answer(ME, () => new Response('null'))
    expect(await world.client.ready()).toEqual({ status: 'anonymous', ...NOBODY })
    expect(paths(world)).toEqual(['/me', '/refresh_token'])
  })

  test.each([
    ['a network error', () => Response.error()],
    ['503', () => new Response(null, { status: 503 })],
    ['429', () => new Response(null, { status: 429 })],
    ['an HTML page with 200', () => new Response('<!doctype html><div id="app"></div>')],
    ['an HTML page with 403', () => new Response('<html>', { status: 403 })],
  ])('%s from it is an outage: unknown, no refresh, and tried again', async (_, answer) => {
    const world = await returning()
    world.server.answer(ME, answer)
    expect(await world.client.ready()).toMatchObject({
      status: 'unknown',
      error: { code: 'refresh_unavailable' },
    })
    expect(world.server.refreshes).toBe(0)
    await expect(world.client.fetch(items)).rejects.toMatchObject({ code: 'refresh_unavailable' })
    world.server.mend()
    await world.clock.advance(MINUTE)
    expect(world.client.session).toMatchObject({ status: 'authenticated', user: { name: 'ada' } })
    expect(world.count('logout')).toBe(0)
  })

  test('"endpoints.restore" takes its place where it is given', async () => {
    const world = createWorld({ options: { endpoints: { user: 'me', restore: 'session' } } })
    world.server.answer('POST /session', () => world.server.json({ user: { name: 'eve' }, expires_in: 60 }))
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated', user: { name: 'eve' } })
    expect(paths(world)).toEqual(['/session'])
  })

  test('an expiry that the answer tells is kept: the refresh comes ahead of it', async () => {
    const world = createWorld({
      options: {
        readTokens: (body, _, operation) =>
          operation === 'user'
            ? { user: { name: body.name }, expiresIn: body.expires_in }
            : { expiresIn: 3600 },
      },
    })
    world.server.answer(ME, () => world.server.json({ name: 'ada', expires_in: 600 }))
    world.server.seed()
    expect(await world.client.ready()).toMatchObject({ expiresAt: world.clock.now() + 600 * SECOND })
    await world.clock.advance(599 * SECOND)
    expect(world.server.refreshes).toBe(1)
    expect(world.client.session).toMatchObject({ expiresAt: expect.any(Number), user: { name: 'ada' } })
  })

  test('without one it relies on the 401', async () => {
    const world = await returning()
    await world.client.ready()
    expect(world.client.session).toMatchObject({ expiresAt: null })
    expect(world.clock.timers).toBe(0)
    world.clock.sleep(2 * HOUR)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(paths(world)).toEqual(['/me', '/items', '/refresh_token', '/items'])
  })
})

describe('S4 a request', () => {
  test('carries the cookie and no header', async () => {
    const world = await signedIn()
    expect((await world.client.fetch(items)).status).toBe(200)
    const [call] = world.server.calls
    expect(call?.authorization).toBeNull()
    expect(call?.headers.get('x-access-cookie')).toMatch(/^ey/)
  })

  test('whose 401 costs one refresh and one replay', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    const answer = await world.client.fetch(items, { method: 'POST', body: 'text' })
    expect(await answer.json()).toEqual({ user: 'ada', method: 'POST', text: 'text' })
    expect(paths(world)).toEqual(['/items', '/refresh_token', '/items'])
  })

  test('after a final refusal gets its 401, and the session ends once', async () => {
    const world = await signedIn()
    world.server.revokeAll()
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.events).toEqual([['logout', REFUSED]])
    await world.clock.advance(2 * HOUR)
    expect(world.server.refreshes).toBe(1)
  })

  const wanted: [name: string, init: RequestInit | undefined, credentials: RequestCredentials][] = [
    ['that says nothing', undefined, 'include'],
    ['that says include', { credentials: 'include' }, 'include'],
    ['that says same-origin', { credentials: 'same-origin' }, 'same-origin'],
    ['that says omit', { credentials: 'omit' }, 'omit'],
  ]
  test.each(wanted)('to an allowed foreign origin, %s', async (_, init, credentials) => {
    const world = await signedIn({ page: app, options: { baseUrl: ORIGIN } })
    world.server.revokeAccess()
    const answer = await world.client.fetch(items, init)
    const sends = world.server.calls.filter(({ path }) => path === '/items')
    expect(sends.map(call => call.credentials)).toEqual([credentials, credentials])
    expect(answer.status).toBe(credentials === 'include' ? 200 : 401)
  })

  test('as a Request to an allowed foreign origin', async () => {
    const world = await signedIn({ page: app, options: { baseUrl: ORIGIN } })
    expect((await world.client.fetch(new Request(items))).status).toBe(200)
    expect((await world.client.fetch(new Request(items, { credentials: 'omit' }))).status).toBe(401)
    const sends = world.server.calls.filter(({ path }) => path === '/items')
    expect(sends[0]?.credentials).toBe('include')
    expect(sends.slice(1).map(call => call.credentials)).toEqual(['omit', 'omit'])
  })

  test('R12 with an Authorization of the app’s own is one in the name of the session all the same', async () => {
    const csrf = doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' })
    const world = await signedIn({ page: app, options: { baseUrl: ORIGIN, csrf } })
    world.cookies = 'XSRF-TOKEN=abc'
    await world.client.refresh()
    world.server.revokeAccess()
    world.server.calls.length = 0
    const init = { method: 'POST', body: 'x', headers: { authorization: 'Basic eDp5' } }
    expect((await world.client.fetch(items, init)).status).toBe(200)
    const sends = world.server.calls.filter(({ path }) => path === '/items')
    expect(sends).toHaveLength(2)
    for (const { authorization, credentials, headers } of sends) {
      expect([authorization, credentials]).toEqual(['Basic eDp5', 'include'])
      expect(headers.get('X-XSRF-TOKEN')).toBe('abc')
    }
    // After the logout it takes no cookie along that the server has not ended.
    world.server.answer('POST /logout', () => Response.error())
    await world.client.logout()
    world.server.calls.length = 0
    await world.client.fetch(items, init)
    expect(world.server.calls.map(call => call.credentials)).toEqual(['omit'])
  })

  test('an Authorization of the app’s own is not for `shouldRefresh` to see', async () => {
    const shown: (string | null)[] = []
    const shouldRefresh = (_: Response, { headers }: Request) => shown.push(headers.get('Authorization')) < 0
    const world = await signedIn({ page: app, options: { baseUrl: ORIGIN, shouldRefresh } })
    await world.client.fetch(items, { headers: { authorization: 'Basic eDp5' } })
    expect(shown).toEqual([null])
  })

  test('to a stranger is left as it is', async () => {
    const world = await signedIn({ page: app, options: { baseUrl: ORIGIN } })
    await world.client.fetch('https://other.example/items')
    expect(world.server.calls.map(call => call.credentials)).toEqual(['same-origin'])
  })

  test('of nobody carries no cookie, also when the jar still holds one', async () => {
    const world = await signedIn()
    world.server.answer('POST /logout', () => Response.error())
    await world.client.logout()
    expect(world.server.jar.access).not.toBeNull()
    world.server.calls.length = 0
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.server.calls[0]).toMatchObject({ credentials: 'omit' })
    expect(world.server.calls[0]?.headers.get('x-access-cookie')).toBeNull()
  })

  test('of nobody, as a Request that says include, says so still', async () => {
    const sent: RequestInit[] = []
    const world = createWorld({
      options: {
        fetch(input, init = {}) {
          sent.push(init)
          return world.environment.fetch(input, init)
        },
      },
    })
    await world.client.ready()
    sent.length = 0
    await world.client.fetch(new Request(items, { credentials: 'include' }))
    await world.client.fetch(new Request(items))
    expect(sent.map(({ credentials }) => credentials)).toEqual(['include', 'omit'])
  })

  test('while the first restore runs waits for it', async () => {
    const world = await returning()
    const open = world.server.hold(ME)
    const answer = watch(world.client.fetch(items))
    await world.settle()
    expect(paths(world)).toEqual(['/me'])
    open()
    await world.settle()
    expect(answer.value).toMatchObject({ status: 200 })
  })
})

describe('S4 no token is to be had', () => {
  test.each([
    ['getAccessToken', ({ client }: World) => client.getAccessToken()],
    ['setTokens', ({ client }: World) => client.setTokens({ accessToken: makeToken({ sub: 'eve' }) })],
  ])('%s rejects "unsupported", and nothing changes', async (_, call) => {
    const world = await signedIn()
    const { session } = world.client
    const outcome = watch<unknown>(call(world))
    await world.settle()
    expect(outcome.state).toBe('unsupported')
    expect(world.client.session).toBe(session)
    expect(world.server.calls).toEqual([])
  })

  test('an access token that a body shows all the same is not kept', async () => {
    const world = createWorld()
    const token = makeToken({ sub: 'ada' })
    const cookies = { 'x-set-access': world.server.issueAccess('ada').token }
    world.server.answer('POST /login', () =>
      world.server.json({ access_token: token, expires_in: 60 }, 200, cookies),
    )
    await world.login()
    expect(world.client.session).toMatchObject({ status: 'authenticated', claims: null })
    await world.client.fetch(items)
    expect(world.server.calls.every(call => call.authorization === null)).toBe(true)
  })

  test('endpoint functions are given none', async () => {
    const seen: unknown[] = []
    const world = await signedIn({
      options: {
        sessionKey: 'app',
        endpoints: {
          user: 'me',
          refresh({ tokens }) {
            seen.push(tokens)
            return { url: '/refresh_token' }
          },
        },
      },
    })
    await world.client.refresh()
    expect(seen).toEqual([null])
  })
})

describe('S4 login, refresh and logout', () => {
  test('a login asks for the user where the answer does not say it', async () => {
    const world = createWorld()
    await world.login()
    expect(world.client.session).toMatchObject({ status: 'authenticated', user: { name: 'ada' } })
    expect(paths(world)).toEqual(['/login', '/me'])
    expect(world.client.session).toMatchObject({ expiresAt: world.clock.now() + HOUR })
  })

  test('a login whose answer is empty is a login: the cookies came beside it', async () => {
    const world = createWorld()
    const headers = { 'x-set-access': world.server.issueAccess('ada').token }
    world.server.answer('POST /login', () => new Response(null, { status: 204, headers }))
    await world.login()
    expect(world.client.session).toMatchObject({ status: 'authenticated', expiresAt: null })
  })

  test('one refresh per lifetime, ahead of its end, with user and claims as they were', async () => {
    const world = await signedIn()
    const before = world.client.session as { user: unknown }
    await world.clock.advance(5 * HOUR)
    expect(world.server.refreshes).toBe(5)
    expect(paths(world)).not.toContain('/me')
    expect((world.client.session as { user: unknown }).user).toBe(before.user)
    expect(new Set(world.events.map(([name]) => name))).toEqual(new Set(['refresh']))
  })

  test('logout clears: the session, the cookies, and what requests carry', async () => {
    const world = await signedIn()
    expect(await world.client.logout()).toEqual({ revoked: true })
    expect(world.server.jar).toEqual({ cookie: null, access: null })
    expect(world.client.session).toEqual(signedOut('logout'))
    expect(await reload(world).client.ready()).toEqual({ status: 'anonymous', ...NOBODY })
    expect(world.storage.size).toBe(0)
  })

  test('logout offline: a reload stays signed out although the cookies are there', async () => {
    const world = await signedIn()
    world.online = false
    expect((await world.client.logout()).revoked).toBe(false)
    expect(world.server.jar.access).not.toBeNull()
    const again = reload(world)
    expect(await again.client.ready()).toEqual(signedOut('logout'))
    await again.settle()
    expect(paths(again)).toEqual([])
    world.online = true
    world.wake('online')
    await world.settle()
    expect(paths(again)).toEqual(['/logout'])
    expect(again.server.jar).toEqual({ cookie: null, access: null })
  })

  test('another login is another user, also of the same name: what waited for the first is not sent', async () => {
    const world = await signedIn()
    const open = world.server.hold('/items', () => world.server.json({}, 401))
    const late = world.client.fetch(items)
    await world.settle()
    await world.login('bob')
    open()
    expect((await late).status).toBe(401)
    expect(world.server.count('/items')).toBe(1)
    expect(world.count('userChange')).toBe(1)
    expect(world.client.session).toMatchObject({ user: { name: 'bob' } })
  })
})

describe('S4 in several tabs', () => {
  async function two(given: WorldOptions = {}) {
    const a = await signedIn(given)
    const b = reload(a)
    return { a, b }
  }

  test('M4 a new tab follows a live one with no call, and no message holds a token', async () => {
    const { a, b } = await two()
    expect(await b.client.ready()).toMatchObject({ status: 'authenticated', user: { name: 'ada' } })
    expect(a.server.calls).toEqual([])
    expect(b.events).toEqual([['login', { cause: 'other-tab' }]])
    expect(JSON.stringify(a.shared.channels.posted)).not.toMatch(/eyJ|refresh-/)
  })

  test('M4 an ID token is in no message with "tokens: false", and in each without', async () => {
    const given = (options: AuthClientOptions): WorldOptions => ({
      options: {
        ...options,
        readTokens: body => ({ idToken: 'id-token', user: body?.name ? body : undefined }),
      },
    })
    const silent = await signedIn(given({ tabs: shareTabs({ tokens: false }) }))
    const open = await signedIn(given({}))
    const told = [silent, open].map(({ shared }) =>
      JSON.stringify(shared.channels.posted).includes('id-token'),
    )
    expect(told).toEqual([false, true])
  })

  test.each([true, false])('M1 one refresh per cycle, where messages carry tokens: %j', async tokens => {
    const { a, b } = await two({ options: { tabs: shareTabs({ tokens }) } })
    await b.client.ready()
    await a.clock.advance(5 * HOUR)
    expect(a.server.refreshes).toBeLessThanOrEqual(tokens ? 5 : 10)
    expect(a.server.reuses).toBe(0)
    expect(status(a, b)).toEqual(['authenticated', 'authenticated'])
  })

  test('M2 two tabs get a 401 in the same tick: one refresh, and both replay', async () => {
    const { a, b } = await two()
    await b.client.ready()
    a.server.revokeAccess()
    const answers = await Promise.all([a, b].map(({ client }) => client.fetch(items)))
    expect(answers.map(answer => answer.status)).toEqual([200, 200])
    expect(a.server.refreshes).toBe(1)
  })

  test('M3 login and logout in one tab reach the other', async () => {
    const { a, b } = await two()
    await b.client.ready()
    await a.client.logout()
    await b.settle()
    expect(b.client.session).toEqual(signedOut('other-tab'))
    await a.login('bob')
    await b.settle()
    expect(b.client.session).toMatchObject({ status: 'authenticated', user: { name: 'bob' } })
  })

  test('M10 the same user in a tab that is opened beside a hidden one: no userChange there', async () => {
    const { a, b } = await two()
    a.visible = false
    a.wake('visibilitychange')
    await a.clock.advance(5 * MINUTE)
    expect(await b.client.ready()).toMatchObject({ status: 'authenticated' })
    await b.settle()
    expect(paths(b)).toEqual(['/me'])
    expect([a, b].map(tab => tab.count('userChange'))).toEqual([0, 0])
  })

  test('M10 another user elsewhere: userChange, and what was queued is dropped', async () => {
    const { a, b } = await two()
    await b.client.ready()
    b.events.length = 0
    await a.login('bob')
    await b.settle()
    expect(b.count('userChange')).toBe(1)
    expect(b.client.session).toMatchObject({ user: { name: 'bob' } })
  })
})

describe('S4 the options of cookie mode', () => {
  const bad: [name: string, options: AuthClientOptions<any>][] = [
    ['endpoints.user', { endpoints: { user: undefined } }],
    ['sliding', { sliding: true }],
    ['storage', { storage: tokenStorage(createTabStorage()) }],
    ['claims', { claims: { '~standard': { validate: value => ({ value }) } } }],
    ['mode', { mode: 'cookie' as never }],
  ]
  test.each(bad)('"%s" is refused', (name, options) => {
    expect(() => createWorld({ options })).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringMatching(`^"${name}" must be`),
      }),
    )
  })
})

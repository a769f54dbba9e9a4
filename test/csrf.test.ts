import { describe, expect, test } from 'vitest'
import { doubleSubmit } from '../src/core.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { MODES, worldsOf } from './support/modes.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const items = `${ORIGIN}/items`
const header = 'X-XSRF-TOKEN'
const csrf = doubleSubmit({ cookie: 'XSRF-TOKEN', header })
const inCookies = worldsOf(MODES.find(({ isBearer }) => !isBearer)!)
const modes: [name: string, signIn: (given?: WorldOptions) => Promise<World>][] = [
  ['bearer', signedIn],
  ['cookie', inCookies.signedIn],
]

/** What the header said in each call, `null` where it was missing. */
const values = ({ server }: World, path = '/items') =>
  server.calls.filter(call => call.path === path).map(({ headers }) => headers.get(header))

/** Notes how requests were made, before the network follows redirects. */
function spied(options: AuthClientOptions = {}) {
  const sent: Request[] = []
  const given: AuthClientOptions = {
    csrf,
    ...options,
    fetch(input, init) {
      sent.push(new Request(input, init))
      return world.environment.fetch(input, init)
    },
  }
  const world = createWorld({ options: given })
  world.cookies = 'XSRF-TOKEN=one'
  return {
    world,
    sent,
    redirects: () => sent.filter(({ url }) => url === items).map(({ redirect }) => redirect),
  }
}

describe.each(modes)('S4 the CSRF header, in %s mode', (_, signIn) => {
  async function guarded(cookies = 'XSRF-TOKEN=one', given: WorldOptions = {}) {
    const world = await signIn({ ...given, options: { csrf, ...given.options } })
    world.cookies = cookies
    // In cookie mode the value is the one that the session began with.
    await world.client.refresh()
    world.server.calls.length = 0
    return world
  }

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY'])('is on %s', async method => {
    const world = await guarded()
    await world.client.fetch(items, { method })
    expect(values(world)).toEqual(['one'])
  })

  test.each(['GET', 'HEAD', 'OPTIONS', 'get'])('is not on %s', async method => {
    const world = await guarded()
    await world.client.fetch(items, { method })
    expect(values(world)).toEqual([null])
  })

  test('is on a Request as well, and on the replay', async () => {
    const world = await guarded()
    world.server.revokeAccess()
    expect((await world.client.fetch(new Request(items, { method: 'PUT', body: 'x' }))).status).toBe(200)
    expect(values(world)).toHaveLength(2)
    expect(values(world)).not.toContain(null)
  })

  test('goes to allowed origins only', async () => {
    const allowedOrigins = [ORIGIN, 'https://two.example.com']
    const world = await guarded(undefined, { options: { allowedOrigins } })
    for (const origin of [...allowedOrigins, 'https://evil.example']) {
      await world.client.fetch(`${origin}/items`, { method: 'POST' })
    }
    expect(values(world)).toEqual(['one', 'one', null])
  })

  test("a caller's own is left alone", async () => {
    const world = await guarded()
    await world.client.fetch(items, { method: 'POST', headers: { 'x-xsrf-token': 'mine' } })
    expect(values(world)).toEqual(['mine'])
  })

  test.each([
    ['without the cookie', 'other=1; XSRF-TOKEN2=no; aXSRF-TOKEN=no', null],
    ['with an empty one', 'XSRF-TOKEN=', null],
    ['among others', 'a=1; XSRF-TOKEN=one; b=2', 'one'],
    ['encoded', 'XSRF-TOKEN=a%2Bb%3D', 'a+b='],
    ['not encoded', 'XSRF-TOKEN=100%', '100%'],
    ['with an equals sign', 'XSRF-TOKEN=a=b==', 'a=b=='],
    ['N11 with one that no header can carry', 'XSRF-TOKEN=a%0Ab', null],
    ['N11 where the first of its name cannot be sent', 'XSRF-TOKEN=a%0Ab; XSRF-TOKEN=one', 'one'],
    ['N11 where the first of its name is empty', 'XSRF-TOKEN=; XSRF-TOKEN=one', 'one'],
    ['N11 with two that can be sent', 'XSRF-TOKEN=one; XSRF-TOKEN=two', 'one'],
  ])('%s', async (_, cookies, value) => {
    const world = await guarded(cookies)
    await world.client.fetch(items, { method: 'POST' })
    expect(values(world)).toEqual([value])
  })

  test('is on login, refresh and logout, which are unsafe too, and not where an endpoint sets its own', async () => {
    const options: AuthClientOptions = {
      endpoints: {
        logout: () => ({ url: '/logout', method: 'POST', headers: { [header]: 'own' } }),
      },
    }
    const world = await guarded(undefined, { options })
    await world.login()
    await world.client.refresh()
    await world.client.logout()
    expect(values(world, '/login')).toEqual(['one'])
    expect(values(world, '/refresh_token')).toEqual(['one'])
    expect(values(world, '/logout')).toEqual(['own'])
  })

  test('is on no auth call to an origin that is not allowed', async () => {
    const options: AuthClientOptions = { endpoints: { logout: 'https://other.example/logout' } }
    const world = await guarded(undefined, { options })
    await world.client.logout()
    expect(values(world, '/logout')).toEqual([null])
  })

  test('is on the requests of nobody: a form that signs up needs it too', async () => {
    const world = await guarded()
    await world.client.logout()
    await world.client.fetch(items, { method: 'POST' })
    expect(values(world)).toEqual(['one'])
  })
})

describe('S4 a value that changes', () => {
  test('R11 bearer mode: it is read at each send, so the replay after a refresh carries the new one', async () => {
    const world = await signedIn({ options: { csrf } })
    world.cookies = 'XSRF-TOKEN=one'
    world.server.revokeAccess()
    world.server.answer('POST /refresh_token', () => {
      world.cookies = 'XSRF-TOKEN=two'
      return world.server.json(world.server.issueAccess('ada').body)
    })
    expect((await world.client.fetch(items, { method: 'POST', body: 'x' })).status).toBe(200)
    expect(values(world)).toEqual(['one', 'two'])
  })

  test('cookie mode: the one of the session stays, whatever another tab has put into the jar', async () => {
    const world = await inCookies.signedIn({ options: { csrf } })
    world.cookies = 'XSRF-TOKEN=one'
    await world.client.refresh()
    await world.client.fetch(items, { method: 'POST' })
    world.cookies = 'XSRF-TOKEN=other'
    await world.client.fetch(items, { method: 'POST' })
    expect(values(world)).toEqual(['one', 'one'])
  })

  test('cookie mode: a refresh or a login begins anew, and the replay carries the new one', async () => {
    const world = await inCookies.signedIn({ options: { csrf } })
    world.cookies = 'XSRF-TOKEN=one'
    await world.client.refresh()
    await world.client.fetch(items, { method: 'POST' })
    world.server.revokeAccess()
    const release = world.server.delay('POST /refresh_token')
    const answer = world.client.fetch(items, { method: 'POST' })
    await world.settle()
    world.cookies = 'XSRF-TOKEN=two'
    release()
    expect((await answer).status).toBe(200)
    world.cookies = 'XSRF-TOKEN=three'
    await world.login('bob')
    await world.client.fetch(items, { method: 'POST' })
    expect(values(world)).toEqual(['one', 'one', 'two', 'three'])
  })

  test('cookie mode: it is the one of when the session began, not of when the first request is made', async () => {
    const world = await inCookies.signedIn({ options: { csrf } })
    world.cookies = 'XSRF-TOKEN=mine'
    await world.client.refresh()
    world.cookies = 'XSRF-TOKEN=other'
    await world.client.fetch(items, { method: 'POST' })
    expect(values(world)).toEqual(['mine'])
  })

  test('cookie mode: where there was none when the session began, the first that comes is its own', async () => {
    const world = await inCookies.signedIn({ options: { csrf } })
    for (const cookies of ['', 'XSRF-TOKEN=mine', 'XSRF-TOKEN=other']) {
      world.cookies = cookies
      await world.client.fetch(items, { method: 'POST' })
    }
    expect(values(world)).toEqual([null, 'mine', 'mine'])
  })

  test('without the option there is no header, and the cookie is not looked at', async () => {
    const world = await signedIn()
    world.cookies = 'XSRF-TOKEN=one'
    world.environment.cookies = () => expect.unreachable('the cookies were read')
    expect((await world.client.fetch(items, { method: 'POST' })).status).toBe(200)
    expect(values(world)).toEqual([null])
  })
})

describe('N11 a CSRF cookie that no header can carry', () => {
  const bad = [
    ...['secret%0Ax', 'secret%0D', 'secret%0D%0ACookie: a=b', 'secret%00', '%01secret', 'secret%7F'],
    ...['secret%E2%82%AC', 'secret\u20ac', 'secret\ud800', '%20%09'],
  ]
  const cases = bad.flatMap(value =>
    ['bearer', 'cookie'].flatMap(mode => ['', '; XSRF-TOKEN=good'].map(other => ({ value, mode, other }))),
  )
  test.each(cases)('$mode mode, $value$other: no call fails', async ({ value, mode, other }) => {
    const world = await (mode === 'bearer' ? signedIn : inCookies.signedIn)({ options: { csrf } })
    const { client, server } = world
    world.cookies = `XSRF-TOKEN=${value}${other}`
    const usable = other ? 'good' : null
    await client.refresh()
    server.calls.length = 0
    expect((await client.fetch(items, { method: 'POST' })).status).toBe(200)
    expect(values(world)).toEqual([usable])
    await world.login()
    expect(values(world, '/login')).toEqual([usable])
    expect(await client.logout()).toEqual({ revoked: true })
    expect(values(world, '/logout')).toEqual([usable])
    expect(JSON.stringify([world.logs, world.events, world.reported])).not.toContain('secret')
  })

  test('what Latin-1 and a tab can say is sent as it is', async () => {
    const world = await signedIn({ options: { csrf } })
    world.cookies = 'XSRF-TOKEN=a%09b%C3%A9 ~'
    await world.client.fetch(items, { method: 'POST' })
    expect(values(world)).toEqual(['a\tb\u00e9 ~'])
  })
})

describe('R11 with "csrf" the header cannot follow a redirect', () => {
  test.each(['POST', 'DELETE'])('%s: redirect "error" unless the caller chose otherwise', async method => {
    const { world, redirects } = spied()
    await world.login()
    await world.client.fetch(items, { method })
    await world.client.fetch(items, { method, redirect: 'follow' })
    await world.client.fetch(items, { method, redirect: 'manual' })
    await world.client.fetch(new Request(items, { method }))
    await world.client.fetch(new Request(items, { method, redirect: 'manual' }))
    expect(redirects()).toEqual(['error', 'follow', 'manual', 'error', 'manual'])
  })

  test('on the replay too', async () => {
    const { world, redirects } = spied()
    await world.login()
    world.server.revokeAccess()
    await world.client.fetch(items, { method: 'POST', body: 'x' })
    expect(redirects()).toEqual(['error', 'error'])
  })

  test('a safe method follows, and a foreign origin, and a client without "csrf"', async () => {
    const { world, redirects, sent } = spied()
    await world.login()
    await world.client.fetch(items)
    await world.client.fetch('https://other.example/items', { method: 'POST' })
    expect(redirects()).toEqual(['follow'])
    expect(sent.at(-1)?.redirect).toBe('follow')
    const without = spied({ csrf: undefined })
    await without.world.login()
    await without.world.client.fetch(items, { method: 'POST' })
    expect(without.redirects()).toEqual(['follow'])
  })

  test('what the header and the bearer are on is not changed in what the caller gave', async () => {
    const { world } = spied()
    await world.login()
    const headers = new Headers({ 'X-One': '1' })
    const init = Object.freeze({ method: 'POST', headers })
    await world.client.fetch(items, init)
    expect([...headers]).toEqual([['x-one', '1']])
  })
})

describe('what doubleSubmit is given is checked', () => {
  test.each([
    true,
    null,
    'XSRF-TOKEN',
    {},
    { cookie: 'a' },
    { header: 'X-A' },
    { cookie: '', header: 'X-A' },
    { cookie: 'a', header: 'X A' },
    { cookie: 'a', header: 'X-A\n' },
    undefined,
  ])('%j is refused', value => {
    expect(() => doubleSubmit(value as never)).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringMatching(/^"doubleSubmit" must be/),
      }),
    )
  })
})

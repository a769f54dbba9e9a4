import { describe, expect, test } from 'vitest'
import { cookieMode, idleTimeout, tokenStorage } from '../src/core.ts'
import type { AuthClientOptions, EndpointFunction, PartialTokens } from '../src/types.ts'
import { createTabStorage, WORLDS } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const LOGIN = 'POST /login'
const REFRESH = 'POST /refresh_token'
const ME = 'GET /me'
const USER = 'GET /user/whoami'
const SECOND = 1_000
const TIMEOUT = 10 * SECOND
const HOUR = 3_600_000
const items = `${ORIGIN}/items`
const as = (email: string) => ({ email, password: 'right' })

let count = 0
const jwt = (sub: string): string => makeToken({ iss: ORIGIN, sub, n: ++count })
const text = (body: string, status = 200) => new Response(body, { status })
const paths = ({ server }: World) => server.calls.map(({ path }) => path)
const events = (world: World) => world.events.map(([name]) => name)

const inBearer: WorldOptions = {}
const inCookies: WorldOptions = {
  server: { access: 'cookie' },
  options: { mode: cookieMode(), endpoints: { user: 'me' } },
}
const inBody: WorldOptions = { server: { carrier: 'body' } }
const with_ = (given: WorldOptions, options: AuthClientOptions<any>): WorldOptions => ({
  ...given,
  options: { ...given.options, ...options },
})

/** The app's own, over the same names. */
const readTokens = (body: any): PartialTokens | undefined =>
  body?.access_token ? { accessToken: body.access_token, user: body.user } : undefined

const modes: [name: string, given: WorldOptions][] = [
  ['bearer', inBearer],
  ['bearer, own readTokens', with_(inBearer, { readTokens })],
  ['bearer, refresh token in the body', inBody],
  ['cookie mode', inCookies],
]

/** Ada's cookie is in the jar, and nobody is signed in here. */
function beside(given: WorldOptions): World {
  const world = createWorld(given)
  world.server.seed('ada')
  return world
}

describe('I7 a login answer that signs nobody in', () => {
  const bodies: [name: string, body: string, parsed: unknown][] = [
    ['two-factor', '{"two_factor":true}', { two_factor: true }],
    ['a null token', '{"access_token":null,"step":"otp"}', { access_token: null, step: 'otp' }],
    [
      'empty members',
      '{"access_token":"","refresh_token":"","expires_in":0,"user":{},"mfa":true}',
      { access_token: '', refresh_token: '', expires_in: 0, user: {}, mfa: true },
    ],
    ['a user that is false', '{"token":false,"user":false}', { token: false, user: false }],
    ['a user that is a list of none', '{"user":[]}', { user: [] }],
    ['{}', '{}', {}],
    ['an array', '[]', []],
    ['an array of tokens', '[{"access_token":"x"}]', [{ access_token: 'x' }]],
    ['false', 'false', false],
    ['a number', '0', 0],
    ['a JSON text', '"check your mail"', 'check your mail'],
    ['a text', 'password expired', 'password expired'],
    ['HTML', '<!doctype html><p>Consent</p>', '<!doctype html><p>Consent</p>'],
  ]
  const cases = modes.flatMap(([mode, given]) =>
    bodies.map(([name, ...rest]) => [mode, name, given, ...rest] as const),
  )

  test.each(cases)(
    'I7 %s: %s is "login_rejected" with its body, and nothing more is sent',
    async (_, __, given, body, parsed) => {
      const world = beside(given)
      world.server.answer(LOGIN, () => text(body))
      const login = watch(world.client.login(as('bob')))
      await world.settle()
      expect(login.state).toBe('login_rejected')
      expect(login.error).toMatchObject({ body: parsed, status: 200, retryable: false })
      expect(paths(world)).toEqual(['/login'])
      expect(world.client.session.status).not.toBe('authenticated')
      expect([...world.storage.keys()].filter(key => key.includes('login-sent'))).toEqual([])
    },
  )

  test.each(cases)('I7 %s: %s leaves a session that was there as it is', async (_, __, given, body) => {
    const world = await signedIn(given)
    const before = world.client.session
    world.server.answer(LOGIN, () => text(body))
    const login = watch(world.client.login(as('bob')))
    await world.settle()
    expect(login.state).toBe('login_rejected')
    expect(world.client.session).toBe(before)
    expect(world.events).toEqual([])
    world.server.revokeAccess()
    if (given !== inCookies) expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('I7 own readTokens that says null is "login_rejected" with the body', async () => {
    for (const given of [inBearer, inCookies]) {
      const world = beside(with_(given, { readTokens: () => null }))
      world.server.answer(LOGIN, () => text('{"consent":"needed"}'))
      const login = watch(world.client.login(as('bob')))
      await world.settle()
      expect(login.error).toMatchObject({ code: 'login_rejected', body: { consent: 'needed' }, status: 200 })
      expect(paths(world)).toEqual(['/login'])
    }
  })

  test('I7 an unconfirmed logout stays one', async () => {
    const world = await signedIn()
    world.online = false
    await world.client.logout()
    world.online = true
    world.server.answer(LOGIN, () => text('{"two_factor":true}'))
    await world.client.login(as('bob')).catch(() => {})
    world.close()
    const next = createWorld({ browser: world })
    expect(await next.client.ready()).toMatchObject({ status: 'anonymous' })
  })
})

describe('I7 a login that may have signed in by cookie is confirmed by one call', () => {
  const bodies: [name: string, body: string | null, status: number][] = [
    ['204', null, 204],
    ['an empty body', '', 200],
    ['whitespace', ' \n ', 200],
    ['null', 'null', 200],
    ['a lifetime alone', '{"expires_in":3600}', 200],
  ]
  const own: [name: string, body: string, status: number][] = [
    ['own readTokens that says {}', '{"ok":true}', 200],
  ]
  const given = (mode: WorldOptions, name: string) =>
    name.startsWith('own')
      ? with_(mode, { readTokens: (body: any) => (body?.ok ? {} : body) && read(body) })
      : mode
  /** What the standard reading finds, so that the later answers of the same server are read as well. */
  const read = (body: any): PartialTokens =>
    body?.access_token ? { accessToken: body.access_token } : body?.name ? { user: body } : {}

  test.each([...bodies, ...own])('I7 bearer: %s, by a refresh', async (name, body, status) => {
    const world = createWorld(given(inBearer, name))
    world.server.answer(LOGIN, () => {
      world.server.seed('bob')
      return new Response(body, { status })
    })
    expect(await world.client.login(as('bob'))).toMatchObject({ claims: { sub: 'bob' } })
    expect(paths(world)).toEqual(['/login', '/refresh_token'])
    expect(events(world)).toEqual(['login'])
  })

  test.each([...bodies, ...own])('I7 cookie mode: %s, by the user endpoint', async (name, body, status) => {
    const world = createWorld(given(inCookies, name))
    world.server.answer(LOGIN, () => new Response(body, { status }))
    world.server.answer(ME, () => world.server.json({ name: 'bob' }))
    expect(await world.client.login(as('bob'))).toMatchObject({ user: { name: 'bob' } })
    expect(paths(world)).toEqual(['/login', '/me'])
  })

  const refusals: [name: string, mode: WorldOptions, route: string, answer: () => Response][] = [
    ['bearer, 401', inBearer, REFRESH, () => text('{"error":"none"}', 401)],
    ['bearer, 400', inBearer, REFRESH, () => text('', 400)],
    ['I8 cookie mode, 401', inCookies, ME, () => text('{"error":"none"}', 401)],
    ['I8 cookie mode, 403', inCookies, ME, () => text('{}', 403)],
    ['I8 cookie mode, 204', inCookies, ME, () => new Response(null, { status: 204 })],
    ['I8 cookie mode, null', inCookies, ME, () => text('null')],
    ['I8 cookie mode, {}', inCookies, ME, () => text('{}')],
    ['I8 cookie mode, []', inCookies, ME, () => text('[]')],
  ]
  test.each(refusals)(
    'I7 refused by that call, it is "login_rejected": %s',
    async (_, mode, route, answer) => {
      for (const [, body, status] of bodies) {
        const world = createWorld(mode)
        world.server.answer(LOGIN, () => new Response(body, { status }))
        world.server.answer(route, answer)
        const login = watch(world.client.login(as('bob')))
        await world.settle()
        expect(login.state).toBe('login_rejected')
        const parsed = body?.trim() ? JSON.parse(body) : undefined
        expect((login.error as { body: unknown }).body).toEqual(parsed)
        expect(world.server.calls).toHaveLength(2)
        expect(world.client.session.status).not.toBe('authenticated')
        expect([...world.storage.keys()].filter(key => key.includes('login-sent'))).toEqual([])
      }
    },
  )

  const failures: [name: string, answer: () => Response][] = [
    ['500', () => text('', 500)],
    ['503', () => text('{}', 503)],
    ['a network error', () => Response.error()],
    ['HTML', () => text('<p>proxy</p>')],
    ['a text', () => text('welcome')],
    ['429', () => text('{}', 429)],
  ]
  const passing = failures.flatMap(([name, answer]) => [
    ['bearer', name, inBearer, REFRESH, answer] as const,
    ['cookie mode', name, inCookies, ME, answer] as const,
  ])
  test.each(passing)(
    'I7 %s: where that call fails with %s, it is "login_unavailable"',
    async (_, __, mode, route, answer) => {
      const world = await signedIn(mode)
      const before = world.client.session
      world.server.answer(LOGIN, () => text('{"expires_in":60}'))
      world.server.answer(route, answer)
      const login = watch(world.client.login(as('bob')))
      await world.settle()
      expect(login.state).toBe('login_unavailable')
      expect(login.error).toMatchObject({ body: { expires_in: 60 } })
      expect(world.client.session).toBe(before)
      expect(world.events).toEqual([])
    },
  )

  test('I8 cookie mode: false and 0 of the user endpoint name nobody', async () => {
    for (const body of ['false', '0', 'true', '"x"']) {
      const world = createWorld(inCookies)
      world.server.answer(ME, () => text(body))
      expect(await world.client.ready()).toMatchObject({ status: 'unknown' })
      world.server.answer(LOGIN, () => new Response(null, { status: 204 }))
      const login = watch(world.client.login(as('bob')))
      await world.settle()
      expect(login.state).toBe('login_unavailable')
    }
  })

  test.each(['', 'null', '{}', '[]'])(
    'I8 cookie mode: a restore that is answered %j is anonymous',
    async body => {
      const world = createWorld(inCookies)
      world.server.answer(ME, () => text(body))
      expect(await world.client.ready()).toMatchObject({ status: 'anonymous', reason: 'initial' })
      expect(world.client.session.status).toBe('anonymous')
    },
  )

  test.each(['<p>proxy</p>', 'welcome'])(
    'I8 cookie mode: a restore that is answered %j is tried again',
    async body => {
      const world = createWorld(inCookies)
      world.server.seed('ada')
      world.server.answer(ME, () => text(body), 1)
      expect(await world.client.ready()).toMatchObject({ status: 'unknown' })
      expect(world.count('refreshError')).toBe(1)
    },
  )

  test('I8 cookie mode: a refresh() of nobody whose user endpoint refuses signs nobody in', async () => {
    for (const [answer, state] of [
      [() => text('{}', 401), 'no_session'],
      [() => text('{}'), 'no_session'],
      [() => text('', 204 as number), 'no_session'],
      [() => text('<p>proxy</p>'), 'refresh_unavailable'],
      [() => text('', 500), 'refresh_unavailable'],
    ] as const) {
      const world = createWorld(inCookies)
      await world.client.logout()
      world.server.answer(REFRESH, () => text('{"ok":true}'))
      world.server.answer(ME, () => (answer === undefined ? text('') : safe(answer)))
      const refresh = watch(world.client.refresh())
      await world.settle()
      expect(refresh.state).toBe(state)
      expect(world.client.session.status).toBe('anonymous')
    }
  })
  /** `new Response('', { status: 204 })` throws. */
  const safe = (answer: () => Response): Response => {
    try {
      return answer()
    } catch {
      return new Response(null, { status: 204 })
    }
  }

  test('I7 a user alone signs in: bearer by a refresh, cookie mode at once', async () => {
    const bearer = createWorld()
    bearer.server.answer(LOGIN, () => {
      bearer.server.seed('bob')
      return text('{"user":{"id":2}}')
    })
    expect(await bearer.client.login(as('bob'))).toMatchObject({ claims: { sub: 'bob' }, user: { id: 2 } })
    const cookies = createWorld(inCookies)
    cookies.server.answer(LOGIN, () => text('{"user":{"id":2}}'))
    expect(await cookies.client.login(as('bob'))).toMatchObject({ user: { id: 2 } })
    expect(paths(cookies)).toEqual(['/login'])
  })

  test.each([true, false])('I7 a refresh token alone signs in, and stays: rotated %s', async isRotated => {
    const world = createWorld(inBody)
    world.server.answer(LOGIN, () => text('{"refresh_token":"first"}'))
    const tokens = () => ({ access_token: jwt('bob'), ...(isRotated && { refresh_token: 'second' }) })
    world.server.answer(REFRESH, () => world.server.json(tokens()))
    expect(await world.client.login(as('bob'))).toMatchObject({ claims: { sub: 'bob' } })
    expect(world.server.calls.at(-1)!.text).toBe('{"refresh_token":"first"}')
    await world.client.refresh()
    expect(world.server.calls.at(-1)!.text).toBe(`{"refresh_token":"${isRotated ? 'second' : 'first'}"}`)
  })

  test('I7 the refresh token of a session that was there is not used for the call', async () => {
    const world = await signedIn(inBody)
    world.server.answer(LOGIN, () => new Response(null, { status: 204 }))
    const login = watch(world.client.login(as('bob')))
    await world.settle()
    expect(login.state).toBe('login_rejected')
    expect(world.server.calls.map(call => call.text).filter(body => body.includes('refresh_token'))).toEqual(
      [],
    )
    expect(world.client.session).toMatchObject({ claims: { sub: 'ada' } })
    expect(await world.client.refresh()).toMatchObject({ claims: { sub: 'ada' } })
  })
})

describe('I9 a login without an outcome', () => {
  /** The server signs bob in by cookie, and the answer does not come. */
  function lost(world: World, how: 'never' | 'body' | 'network' | 'garbage' = 'never'): void {
    world.server.answer(
      LOGIN,
      () => {
        world.server.seed('bob')
        if (how === 'network') return Response.error()
        if (how === 'garbage') return world.server.json({ access_token: 'not\nusable' })
        if (how === 'body') return new Response(new ReadableStream({ start() {} }))
        return new Promise<Response>(() => {})
      },
      1,
    )
  }
  const ends: Record<string, (world: World) => Promise<unknown>> = {
    async 'the timeout'(world) {
      lost(world)
      const login = watch(world.client.login(as('bob')))
      await elapse(world, TIMEOUT)
      expect(login.state).toBe('login_unavailable')
    },
    async 'an abort before the answer'(world) {
      lost(world)
      const controller = new AbortController()
      const login = watch(world.client.login(as('bob'), controller))
      await beat()
      controller.abort('enough')
      await beat()
      expect(login.state).toBe('enough')
    },
    async 'an abort after the headers'(world) {
      lost(world, 'body')
      const controller = new AbortController()
      const login = watch(world.client.login(as('bob'), controller))
      await beat()
      controller.abort('enough')
      await beat()
      expect(login.state).toBe('enough')
    },
    async 'dispose()'(world) {
      lost(world)
      watch(world.client.login(as('bob')))
      await beat()
      world.client.dispose()
    },
    async 'a closed page'(world) {
      lost(world)
      watch(world.client.login(as('bob')))
      await beat()
    },
    async 'a network error'(world) {
      lost(world, 'network')
      expect(await code(world.client.login(as('bob')))).toBe('login_unavailable')
    },
    async 'an answer that cannot be used'(world) {
      lost(world, 'garbage')
      expect(await code(world.client.login(as('bob')))).toBe('malformed_response')
    },
  }
  /** Some tasks: an answer that never comes keeps `settle` waiting. */
  async function beat(): Promise<void> {
    for (let i = 0; i < 60; i++) await new Promise(resolve => setImmediate(resolve))
  }
  async function elapse(world: World, ms: number): Promise<void> {
    await beat()
    world.shared.inFlight = 0
    await world.clock.advance(ms)
  }
  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => 'fulfilled',
      error => error.code,
    )
  function reload(world: World, given: WorldOptions = {}): World {
    world.close()
    world.shared.inFlight = 0
    return createWorld({ ...given, browser: world })
  }
  const notes = (world: World) => [...world.storage.keys()].filter(key => key.includes('login-sent'))

  test.each(Object.keys(ends))('I9 %s: a reload does not sign in', async name => {
    const world = createWorld()
    await ends[name]!(world)
    world.server.calls.length = 0
    for (let loads = 0, page = world; loads < 2; loads++) {
      page = reload(page)
      expect(await page.client.ready()).toMatchObject({ status: 'anonymous', reason: 'initial' })
      expect(page.events).toEqual([])
      expect(await page.client.getAccessToken()).toBeNull()
    }
    expect(world.server.calls).toEqual([])
    expect([...world.storage.keys()].some(key => key.includes('signed-out'))).toBe(false)
  })

  // In cookie mode no token is there to be garbage.
  const inBoth = Object.keys(ends).filter(name => name !== 'an answer that cannot be used')
  test.each(inBoth)('I9 %s, in cookie mode: a reload does not sign in', async name => {
    const world = createWorld(inCookies)
    await ends[name]!(world)
    world.server.calls.length = 0
    const page = reload(world, inCookies)
    expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
    expect(world.server.calls).toEqual([])
  })

  test('I9 the note says nothing but that and when', async () => {
    const world = createWorld()
    await ends['a network error']!(world)
    expect(notes(world)).toHaveLength(1)
    expect(world.storage.get(notes(world)[0]!)).toBe(`${world.clock.now()}`)
  })

  const outcomes: [name: string, run: (world: World) => Promise<unknown>][] = [
    ['a login that succeeds', world => world.login('bob')],
    ['refresh()', world => world.client.refresh()],
    ['a logout that the server confirms', world => world.client.logout()],
  ]
  test.each(outcomes)('I9 %s removes the note', async (_, run) => {
    const world = createWorld()
    await ends['a network error']!(world)
    expect(notes(world)).toHaveLength(1)
    await run(world)
    expect(notes(world)).toEqual([])
  })

  test('I9 tokens that the app hands in say nothing of the cookie: a refresh for the same user removes the note', async () => {
    const world = createWorld()
    await ends['a network error']!(world)
    await world.client.setTokens({ accessToken: jwt('bob'), expiresIn: 60 })
    expect(notes(world)).toHaveLength(1)
    world.server.answer('POST /refresh_token', () =>
      world.server.json({ access_token: jwt('bob'), expires_in: 3600 }),
    )
    await world.clock.advance(60_000)
    expect(notes(world)).toEqual([])
    expect(world.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
  })

  test('I9 a logout that is not confirmed leaves the note', async () => {
    const world = createWorld()
    await ends['a network error']!(world)
    world.online = false
    await world.client.logout()
    expect(notes(world)).toHaveLength(1)
  })

  const answered: [name: string, answer: () => Response][] = [
    ['wrong password', () => text('{}', 401)],
    ['503', () => text('', 503)],
    ['429', () => text('', 429)],
    ['two-factor', () => text('{"two_factor":true}')],
  ]
  test.each(answered)('I9 an answer leaves no note: %s', async (_, answer) => {
    const world = beside(inBearer)
    world.server.answer(LOGIN, answer)
    await code(world.client.login(as('bob')))
    expect(notes(world)).toEqual([])
    const page = reload(world)
    expect(await page.client.ready()).toMatchObject({ claims: { sub: 'ada' } })
  })

  test.each(answered)('I9 the outcome of another login says nothing of the first: %s', async (_, answer) => {
    const world = createWorld()
    await ends['a network error']!(world)
    world.server.answer(LOGIN, answer, 1)
    await code(world.client.login(as('carol')))
    const page = reload(world)
    expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
  })

  test('I9 a login that was never sent leaves no note', async () => {
    const world = createWorld({ options: { endpoints: { login: () => Promise.reject(new Error('no')) } } })
    await code(world.client.login(as('bob')))
    const controller = new AbortController()
    controller.abort()
    await world.client.login(as('bob'), controller).catch(() => {})
    expect(notes(world)).toEqual([])
  })

  describe('a session that is held', () => {
    const held = [
      ['cookie', inBearer],
      ['body', inBody],
    ] as const
    test.each(held)(
      'I9 goes on, and is refreshed for the same user: refresh token in the %s',
      async (_, given) => {
        const world = await signedIn(given)
        world.server.answer(LOGIN, () => Response.error(), 1)
        expect(await code(world.client.login(as('bob')))).toBe('login_unavailable')
        expect(notes(world)).toHaveLength(1)
        expect(world.client.session).toMatchObject({ claims: { sub: 'ada' } })
        await world.clock.advance(3 * HOUR)
        expect(world.client.session).toMatchObject({ claims: { sub: 'ada' } })
        expect(world.count('logout')).toBe(0)
        await world.client.refresh()
        expect(notes(world)).toEqual([])
      },
    )

    test('I9 a scheduled refresh that answers for somebody else ends the session', async () => {
      const world = await signedIn()
      const other = createWorld({ browser: world })
      await other.client.ready()
      lost(world, 'network')
      await code(world.client.login(as('bob')))
      await world.clock.advance(HOUR)
      for (const { client, events } of [world, other]) {
        expect(client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
        expect(events.filter(([name]) => name === 'logout')).toHaveLength(1)
        expect(events.map(([name]) => name)).not.toContain('userChange')
      }
      const page = reload(other)
      expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
    })

    test('I9 a request whose refresh answers for somebody else is not sent as them', async () => {
      const world = await signedIn()
      lost(world, 'network')
      await code(world.client.login(as('bob')))
      world.clock.sleep(2 * HOUR)
      const request = watch(world.client.fetch(items))
      await world.settle()
      expect(request.state).toBe('no_session')
      expect(world.server.count('/items')).toBe(0)
    })

    test('I9 in cookie mode the refresh asks whose cookie it is while the note stands', async () => {
      const world = await signedIn(inCookies)
      world.server.answer(ME, () => world.server.json({ id: 1 }), 1)
      await world.client.refresh()
      world.server.answer(ME, () => world.server.json({ id: 2 }))
      lost(world, 'network')
      await code(world.client.login(as('bob')))
      await world.clock.advance(HOUR)
      expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
      expect(world.count('userChange')).toBe(0)
    })

    test('I9 an explicit refresh() may answer for somebody else: the app asked', async () => {
      const world = await signedIn()
      lost(world, 'network')
      await code(world.client.login(as('bob')))
      expect(await world.client.refresh()).toMatchObject({ claims: { sub: 'bob' } })
      expect(events(world)).toContain('userChange')
      expect(notes(world)).toEqual([])
    })

    test('I9 is still there after the back/forward cache, for the same user alone', async () => {
      for (const [how, expected] of [
        [undefined, { status: 'authenticated', claims: { sub: 'ada' } }],
        ['network', { status: 'anonymous', reason: 'rejected' }],
      ] as const) {
        const world = await signedIn()
        if (how) lost(world, how)
        else world.server.answer(LOGIN, () => Response.error(), 1)
        await code(world.client.login(as('bob')))
        world.wake('pagehide', true)
        world.wake('pageshow', true)
        await world.settle()
        expect(world.client.session).toMatchObject(expected)
      }
    })

    test.each([true, false])(
      'I9 one that rests in a storage (shared: %s) survives a reload',
      async shared => {
        const storage = tokenStorage({ ...createTabStorage(), shared })
        const given = { ...inBody, options: { storage } }
        const world = await signedIn(given)
        lost(world, 'network')
        await code(world.client.login(as('bob')))
        const page = reload(world, given)
        expect(await page.client.ready()).toMatchObject({ claims: { sub: 'ada' } })
      },
    )

    test('I9 of another tab is taken by a new one, note or not', async () => {
      const world = await signedIn()
      const other = createWorld({ browser: world })
      await other.client.ready()
      lost(other, 'network')
      await code(other.client.login(as('bob')))
      const page = reload(other)
      expect(await page.client.ready()).toMatchObject({ claims: { sub: 'ada' } })
      expect(notes(world)).toHaveLength(1)
    })
  })

  test('I9 tokens that are set while a login is on its way: its cookie does not come back for them', async () => {
    const world = createWorld()
    const answer = world.server.delay(LOGIN)
    const login = watch(world.client.login(as('bob')))
    await world.settle()
    await world.client.setTokens({ accessToken: jwt('ada') })
    answer()
    await world.settle()
    expect(login.state).toBe('superseded')
    expect(world.client.session).toMatchObject({ claims: { sub: 'ada' } })
    const page = reload(world)
    expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
  })

  test('I9 so it is where another tab, without locks, has refreshed meanwhile and removed the note', async () => {
    const world = createWorld({ locks: false })
    const other = createWorld({ browser: world, locks: false })
    await world.settle()
    const answer = world.server.hold(LOGIN)
    const login = watch(world.client.login(as('bob')))
    await world.settle()
    world.server.seed('ada')
    await world.client.setTokens({ accessToken: jwt('ada') })
    await other.client.refresh()
    await world.settle()
    expect(notes(world)).toEqual([])
    answer()
    await world.settle()
    expect(login.state).toBe('superseded')
    expect(world.server.holder).toBe('bob')
    other.close()
    const page = reload(world)
    expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
  })

  test('I9 where storage is blocked the note holds for the page', async () => {
    const world = createWorld()
    world.environment.localStorage = () => {
      throw new DOMException('Denied', 'SecurityError')
    }
    await ends['a network error']!(world)
    expect(await world.client.ready()).toMatchObject({ status: 'anonymous' })
  })
})

describe('I10 setTokens for who is signed in is a refresh', () => {
  const next = (world: World, user = 'ada') => ({ accessToken: world.server.issueAccess(user).token })

  test('I10 no login event, no userChange, and the refresh token stays', async () => {
    const world = await signedIn(inBody)
    await world.client.setTokens(next(world))
    expect(events(world)).toEqual(['refresh'])
    world.server.revokeAccess()
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(world.server.refreshes).toBe(1)
  })

  test.each([true, false])('I10 it stays in a storage as well (shared: %s)', async shared => {
    const storage = tokenStorage({ ...createTabStorage(), shared })
    const given = { ...inBody, options: { storage } }
    const world = await signedIn(given)
    await world.client.setTokens(next(world))
    await world.settle()
    world.close()
    const page = createWorld({ ...given, browser: world })
    expect(await page.client.ready()).toMatchObject({ claims: { sub: 'ada' } })
  })

  test('I10 one that comes along replaces it', async () => {
    const world = await signedIn(inBody)
    await world.client.setTokens({ ...next(world), refreshToken: 'newer' })
    await world.client.refresh().catch(() => {})
    expect(world.server.calls.at(-1)!.text).toContain('newer')
  })

  test.each([true, false])(
    'I10 for another user it is a login, and what was held is dropped (stored: %s)',
    async isStored => {
      const storage = createTabStorage()
      const given = { ...inBody, ...(isStored && { options: { storage: tokenStorage(storage) } }) }
      const world = await signedIn(given)
      await world.client.setTokens(next(world, 'bob'))
      await world.settle()
      expect(events(world)).toEqual(['login', 'userChange'])
      expect(storage.kept.size).toBe(0)
      world.server.calls.length = 0
      await world.client.refresh().catch(() => {})
      expect(world.server.calls.filter(({ text }) => text.includes('refresh'))).toEqual([])
    },
  )

  test('I10 in a tab that follows: the others take it, and nobody loses the refresh token', async () => {
    const a = await signedIn(inBody)
    const b = createWorld({ ...inBody, browser: a })
    await b.client.ready()
    b.events.length = 0
    await b.client.setTokens(next(a))
    await a.settle()
    expect([events(a), events(b)]).toEqual([['refresh'], ['refresh']])
    a.server.revokeAccess()
    expect((await b.client.fetch(items)).status).toBe(200)
    expect(a.server.refreshes).toBe(1)
  })

  test('I10 in a tab that follows, with a refresh token: that one refreshes for all', async () => {
    const a = await signedIn(inBody)
    const b = createWorld({ ...inBody, browser: a })
    await b.client.ready()
    a.server.answer(REFRESH, () => a.server.json({ access_token: jwt('ada') }))
    await b.client.setTokens({ ...next(a), refreshToken: 'newer' })
    await a.settle()
    for (const { client } of [a, b]) {
      await client.refresh()
      await a.settle()
      expect(a.server.calls.at(-1)!.text).toContain('newer')
    }
    expect([a.count('logout'), b.count('logout')]).toEqual([0, 0])
  })

  test('I10 with "endpoints.user" the user stays, and is not asked for', async () => {
    const world = await signedIn({ options: { endpoints: { user: '/user/whoami' } } })
    await world.client.setTokens(next(world))
    expect(world.server.calls).toEqual([])
    expect(world.client.session).toMatchObject({ user: { name: 'ada' } })
  })

  const claims = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value: any) => ({ value: { who: value.sub } }),
    },
  } as const

  test('I10 with a schema', async () => {
    const world = await signedIn({ ...inBody, options: { claims } })
    await world.client.setTokens(next(world))
    expect(events(world)).toEqual(['refresh'])
    await world.client.setTokens(next(world, 'bob'))
    expect(events(world)).toEqual(['refresh', 'login', 'userChange'])
  })

  test.each([undefined, claims])(
    'I10 a login under way is not superseded, and wins (schema: %s)',
    async schema => {
      const world = await signedIn({ options: schema ? { claims: schema } : {} })
      const answer = world.server.hold(LOGIN)
      const login = watch(world.client.login(as('bob')))
      await world.settle()
      const tokens = watch(world.client.setTokens(next(world)))
      await world.settle()
      answer()
      await world.settle()
      expect(login.state).toBe('fulfilled')
      expect(world.client.session).toMatchObject({ claims: schema ? { who: 'bob' } : { sub: 'bob' } })
      expect(tokens.state).toBe(schema ? 'superseded' : 'fulfilled')
    },
  )

  test('I10 what a refresh under way brings is not lost', async () => {
    const world = await signedIn(inBody)
    const answer = world.server.delay(REFRESH)
    const refresh = watch(world.client.refresh())
    await world.settle()
    await world.client.setTokens(next(world))
    answer()
    await world.settle()
    expect(refresh.state).toBe('fulfilled')
    await world.client.refresh()
    expect(world.server.reuses).toBe(0)
    expect(world.client.session.status).toBe('authenticated')
  })

  test('I10 is no activity of the user; a login is', async () => {
    const idle = 10 * 60 * SECOND
    const world = await signedIn({ options: { idle: idleTimeout(idle) } })
    await world.clock.advance(idle - SECOND)
    await world.client.setTokens(next(world))
    await world.clock.advance(2 * SECOND)
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'idle' })
    await world.client.setTokens(next(world))
    await world.clock.advance(idle - SECOND)
    expect(world.client.session.status).toBe('authenticated')
  })

  test('I10 rolling tokens: the next one in an answer is no login, and polling is no activity', async () => {
    const idle = idleTimeout(15 * 60 * SECOND)
    const world: World = createWorld({
      server: { carrier: 'sliding', lifetime: 600 },
      options: {
        sliding: true,
        idle,
        async fetch(input, init) {
          const response = await world.environment.fetch(input, init)
          const renewed = response.headers.get('x-renewed')
          if (renewed) await world.client.setTokens({ accessToken: renewed, expiresIn: 600 })
          return response
        },
      },
    })
    world.server.answer('/items', request =>
      request.headers.has('authorization')
        ? world.server.json([], 200, { 'x-renewed': world.server.issueAccess('ada').token })
        : world.server.json({}, 401),
    )
    await world.login()
    const other = createWorld({ browser: world, options: { sliding: true, idle } })
    await other.client.ready()
    for (const tab of [world, other]) tab.events.length = 0
    for (let minute = 0; minute < 30; minute++) {
      watch(world.client.fetch(items))
      await world.clock.advance(60 * SECOND)
    }
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'idle' })
    for (const tab of [world, other]) {
      expect(events(tab)).not.toContain('login')
      expect(events(tab)).not.toContain('userChange')
      expect(tab.count('logout')).toBe(1)
    }
  })

  test('I10 an opaque token is a login, unless its user or the identity option says otherwise', async () => {
    const world = await signedIn({ server: { opaque: true } })
    await world.client.setTokens({ accessToken: 'opaque-1' })
    expect(events(world)).toEqual(['login', 'userChange'])
    await world.client.setTokens({ accessToken: 'opaque-2', user: { id: 1 } })
    world.events.length = 0
    await world.client.setTokens({ accessToken: 'opaque-3', user: { id: '1' } })
    expect(events(world)).toEqual(['refresh'])
    await world.client.setTokens({ accessToken: 'opaque-4', user: { id: 2 } })
    expect(events(world)).toEqual(['refresh', 'login', 'userChange'])

    const named = await signedIn({ server: { opaque: true }, options: { identity: () => 'always' } })
    await named.client.setTokens({ accessToken: 'opaque-1' })
    expect(events(named)).toEqual(['refresh'])
  })
})

describe('I11 an explicit refresh() asks for the user again', () => {
  const given: WorldOptions = { options: { endpoints: { user: '/user/whoami' } } }
  const renamed = ({ server }: World, route = USER) =>
    server.answer(route, () => server.json({ name: 'Ada L.' }))
  const user = (world: World) => (world.client.session as { user: unknown }).user

  const ways: [name: string, given: WorldOptions, route: string][] = [
    ['bearer', given, USER],
    ['refresh token in the body', { ...inBody, ...given }, USER],
    ['cookie mode', inCookies, ME],
    ['opaque tokens', { server: { opaque: true }, ...given }, USER],
  ]
  test.each(ways)('I11 %s; a scheduled one does not', async (_, options, route) => {
    const world = await signedIn(options)
    renamed(world, route)
    await world.clock.advance(HOUR)
    expect(user(world)).toEqual({ name: 'ada' })
    await world.client.refresh()
    expect(user(world)).toEqual({ name: 'Ada L.' })
    expect(events(world)).not.toContain('userChange')
  })

  test.each([
    ['follows', { ...inBody, ...given }],
    ['shares a cookie', given],
  ])('I11 in a tab that %s: both tabs get it, by one refresh', async (_, options) => {
    const a = await signedIn(options)
    const b = createWorld({ ...options, browser: a })
    await b.client.ready()
    renamed(a)
    a.server.calls.length = 0
    await b.client.refresh()
    await a.settle()
    expect([user(a), user(b)]).toEqual([{ name: 'Ada L.' }, { name: 'Ada L.' }])
    expect(a.server.refreshes).toBe(1)
  })

  test('I11 joined to a refresh under way', async () => {
    const world = await signedIn(given)
    renamed(world)
    world.server.revokeAccess()
    const answer = world.server.hold(REFRESH)
    const request = watch(world.client.fetch(items))
    await world.settle()
    const refresh = watch(world.client.refresh())
    answer()
    await world.settle()
    expect([request.state, refresh.state]).toEqual(['fulfilled', 'fulfilled'])
    expect(user(world)).toEqual({ name: 'Ada L.' })
    expect(world.server.refreshes).toBe(1)
  })

  test.each([
    ['500', () => text('', 500)],
    ['401', () => text('{}', 401)],
    ['a network error', () => Response.error()],
    ['an empty body', () => new Response(null, { status: 204 })],
  ])('I11 where the user endpoint fails (%s) the old user stays', async (_, answer) => {
    const world = await signedIn(given)
    world.server.answer(USER, answer)
    await world.client.refresh()
    expect(user(world)).toEqual({ name: 'ada' })
    expect(events(world)).toEqual(['refresh'])
  })

  test('I11 an answer that holds the user is not asked for it', async () => {
    const login: EndpointFunction = () => ({ url: '/login', json: as('ada') })
    const world = await signedIn({ options: { endpoints: { user: '/user/whoami', login } } })
    world.server.answer(REFRESH, () =>
      world.server.json({ access_token: jwt('ada'), user: { name: 'told' } }),
    )
    await world.client.refresh()
    expect(world.server.count('/user/whoami')).toBe(0)
  })
})

describe.each(WORLDS)('S6 $mode.name', ({ signedIn }) => {
  test('S6 a logout that is answered by a redirect is not followed, and not tried again by itself', async () => {
    const world = await signedIn()
    world.server.answer(
      'POST /logout',
      () => new Response(null, { status: 302, headers: { Location: '/bye' } }),
    )
    const { revoked, error } = await world.client.logout()
    expect(revoked).toBe(false)
    expect(error).toMatchObject({ code: 'logout_unavailable', retryable: false })
    expect(error!.message).toContain('redirect')
    world.server.calls.length = 0
    await world.clock.advance(HOUR)
    world.wake('online')
    await world.settle()
    expect(world.server.calls).toEqual([])
    expect([...world.storage.keys()].some(key => key.includes('signed-out'))).toBe(true)
    await world.login()
    expect([...world.storage.keys()].some(key => key.includes('signed-out'))).toBe(false)
  })
})

import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { createAuthClient } from '../src/core.ts'
import { isAuthError } from '../src/kernel/errors.ts'
import type { AuthClientOptions, EndpointContext, EndpointFunction, Failure } from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { REFUSED } from './support/refused.ts'
import { type Call, makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const items = `${ORIGIN}/items`
const credentials = { email: 'ada', password: 'right' }
type Endpoints = NonNullable<AuthClientOptions['endpoints']>

const withEndpoints = (endpoints: Endpoints, options: AuthClientOptions = {}): WorldOptions => ({
  options: { sessionKey: 'app', ...options, endpoints },
})
const lastCall = (world: World) => world.server.calls.at(-1) as Call
const tokenOf = (sub: string, claims: object = {}) => makeToken({ iss: ORIGIN, sub, ...claims })

/** A world where the route answers with this body, and the promise of a login into it. */
function loginAnswered(body: unknown, options: AuthClientOptions = {}, headers: Record<string, string> = {}) {
  const world = createWorld({ options })
  world.server.answer('POST /login', () => world.server.json(body, 200, headers), 1)
  return { world, login: watch(world.client.login(credentials)) }
}

describe('what goes out', () => {
  test.each([
    ['an object', { email: 'a', n: 1 }, '{"email":"a","n":1}', 'application/json'],
    ['a string', 'magic-link', '"magic-link"', 'application/json'],
    ['null', null, 'null', 'application/json'],
    ['nothing', undefined, '', null],
  ])('login as a string: the credentials are the JSON body: %s', async (_, given, text, type) => {
    const world = createWorld()
    watch(world.client.login(given))
    world.server.answer('POST /login', () => world.server.json({ access_token: 'opaque' }))
    await world.settle()
    const call = lastCall(world)
    expect(call.text).toBe(text)
    expect(call.headers.get('content-type')).toBe(text ? type : call.headers.get('content-type'))
  })

  test('refresh and logout as strings: JSON with the refresh token, only where one is held', async () => {
    const inCookie = await signedIn()
    await inCookie.client.refresh()
    await inCookie.client.logout()
    expect(inCookie.server.calls.map(({ text }) => text)).toEqual(['', ''])

    const inBody = await signedIn({ server: { carrier: 'body' } })
    await inBody.client.refresh()
    await inBody.client.logout()
    expect(inBody.server.calls.map(({ text }) => Object.keys(JSON.parse(text)))).toEqual([
      ['refresh_token'],
      ['refresh_token'],
    ])
    const [first, second] = inBody.server.calls.map(({ text }) => JSON.parse(text).refresh_token)
    expect(first).not.toBe(second)
  })

  const shorthands: [name: string, request: ReturnType<EndpointFunction>, text: string, type: string][] = [
    ['json', { url: '/login', json: { a: [1] } }, '{"a":[1]}', 'application/json'],
    ['json that is false', { url: '/login', json: false }, 'false', 'application/json'],
    [
      'json with a type of its own',
      { url: '/login', json: {}, headers: { 'content-type': 'application/vnd.api+json' } },
      '{}',
      'application/vnd.api+json',
    ],
    [
      'form',
      { url: '/login', form: { grant_type: 'password', q: 'a b&c' } },
      'grant_type=password&q=a+b%26c',
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['a body', { url: '/login', body: 'plain' }, 'plain', 'text/plain;charset=UTF-8'],
  ]
  test.each(shorthands)('an endpoint function: %s', async (_, request, text, type) => {
    const world = createWorld(withEndpoints({ login: () => request }))
    world.server.answer('POST /login', () => world.server.json({ access_token: 'opaque' }))
    await world.client.login()
    expect(lastCall(world)).toMatchObject({ method: 'POST', path: '/login', text, authorization: null })
    expect(lastCall(world).headers.get('content-type')).toBe(type)
  })

  test('an endpoint function: URLs are used verbatim, method and headers are its own', async () => {
    const login = () => ({
      url: new URL(`${ORIGIN}/v2/session/?x=1`),
      method: 'PUT',
      headers: { 'X-Tenant': 'acme' },
    })
    const world = createWorld(withEndpoints({ login }, { baseUrl: `${ORIGIN}/v1` }))
    let url = ''
    world.server.answer('PUT /v2/session/', request => {
      url = request.url
      return world.server.json({ access_token: 'opaque' })
    })
    await world.client.login()
    expect(url).toBe(`${ORIGIN}/v2/session/?x=1`)
    expect(lastCall(world).headers.get('x-tenant')).toBe('acme')
    expect(lastCall(world).headers.get('content-type')).toBeNull()
  })

  test('an endpoint function may be async, and runs at each send', async () => {
    let n = 0
    const refresh = async () => {
      await null
      return { url: '/refresh_token', headers: { 'X-Send': String(++n) } }
    }
    const world = await signedIn(withEndpoints({ refresh }))
    expect(n).toBe(0)
    await world.client.refresh()
    await world.client.refresh()
    expect(world.server.calls.map(({ headers }) => headers.get('x-send'))).toEqual(['1', '2'])
  })

  test('the context: tokens, credentials and a signal', async () => {
    const seen: [string, EndpointContext][] = []
    const at =
      (path: string): EndpointFunction =>
      context => {
        seen.push([path, context])
        const token = context.tokens?.refreshToken
        if (path === '/login') return { url: path, json: context.credentials }
        return { url: path, json: token ? { refresh_token: token } : {} }
      }
    const world = createWorld({
      ...withEndpoints({ login: at('/login'), refresh: at('/refresh_token'), logout: at('/logout') }),
      server: { carrier: 'body' },
    })
    await world.client.login(credentials)
    const accessToken = await world.client.getAccessToken()
    const { expiresAt } = world.client.session as { expiresAt?: number }
    await world.client.refresh()
    const latest = await world.client.getAccessToken()
    await world.client.logout()
    const held = { refreshToken: expect.stringMatching(/^refresh-/) }
    const signal = expect.any(AbortSignal)
    expect(seen).toEqual([
      ['/login', { tokens: null, credentials, signal }],
      ['/refresh_token', { tokens: { ...held, accessToken, expiresAt, user: null }, signal }],
      ['/logout', { tokens: expect.objectContaining({ ...held, accessToken: latest }), signal }],
    ])
  })

  test('the context of the user endpoint is a TokenSet too', async () => {
    const seen: EndpointContext[] = []
    const user: EndpointFunction = context => {
      seen.push(context)
      const headers = { Authorization: `Bearer ${context.tokens?.accessToken}` }
      return { url: '/user/whoami', method: 'GET', headers }
    }
    const world = await signedIn(withEndpoints({ user }))
    expect(world.client.session).toMatchObject({ user: { name: 'ada' } })
    const known = ['accessToken', 'refreshToken', 'expiresIn', 'expiresAt', 'user', 'idToken', 'key']
    expect(Object.keys(seen[0]!.tokens!).filter(key => !known.includes(key))).toEqual([])
    expect(seen[0]!.tokens).toMatchObject({ accessToken: await world.client.getAccessToken() })
  })

  test('the signal aborts when the operation is given up', async () => {
    let signal: AbortSignal | undefined
    const login: EndpointFunction = context => {
      signal = context.signal
      return new Promise(() => {})
    }
    const world = createWorld(withEndpoints({ login }))
    const outcome = watch(world.client.login(credentials))
    await world.clock.advance(9_999)
    expect(signal!.aborted).toBe(false)
    await world.clock.advance(1)
    expect(signal!.aborted).toBe(true)
    expect(outcome.state).toBe('login_unavailable')
  })

  test("the caller's own abort ends a login with its reason, and nothing is adopted", async () => {
    const world = createWorld()
    const open = world.server.hold('POST /login')
    const controller = new AbortController()
    const outcome = watch(world.client.login(credentials, { signal: controller.signal }))
    await world.settle()
    controller.abort('left the page')
    await world.settle()
    expect(outcome.state).toBe('left the page')
    open()
    await world.settle()
    expect(world.client.session.status).toBe('unknown')
    await expect(world.client.login(credentials, { signal: controller.signal })).rejects.toBe('left the page')
    expect(world.server.count('/login')).toBe(1)
  })

  test.each(['login', 'refresh'] as const)('an endpoint function that throws: %s', async name => {
    const fail = () => {
      throw new RangeError(`Bearer ${tokenOf('ada')}`)
    }
    const world = createWorld(withEndpoints({ [name]: fail }))
    const outcome = watch(name === 'login' ? world.client.login(credentials) : world.client.refresh())
    await world.settle()
    expect(outcome.error).toMatchObject({
      name: 'AuthError',
      message: `"endpoints.${name}" threw. Its error may quote a token, and is not shown.`,
    })
    expect(world.logs).toContainEqual({
      type: 'callback-threw',
      option: `endpoints.${name}`,
      name: 'RangeError',
    })
    expect(world.server.calls).toEqual([])
  })

  const cyclic: Record<string, unknown> = { password: 'secret' }
  cyclic.self = cyclic
  const unfit: [name: string, request: object | string | undefined][] = [
    ['no request', undefined],
    ['a text', '/login'],
    ['no URL', {}],
    ['a URL that is none', { url: 'https://secret:99999' }],
    ['a header that no request can carry', { url: '/login', headers: { 'X-Key': 'secret\nx' } }],
    ['a header name that is none', { url: '/login', headers: { 'secret key': '1' } }],
    ['JSON that has no end', { url: '/login', json: cyclic }],
    ['a number that JSON does not know', { url: '/login', json: { secret: 1n } }],
    ['a form that is none', { url: '/login', form: { secret: Symbol('secret') } }],
    ['a method that is none', { url: '/login', method: 'secret method' }],
    ['a body where none may be', { url: '/login', method: 'GET', body: 'secret' }],
  ]
  const calls = ['login', 'refresh', 'logout'] as const
  const cases = unfit.flatMap(([kind, request]) => calls.map(name => ({ kind, request, name })))
  test.each(cases)('N11 $name: an endpoint function that returns $kind', async ({ request, name }) => {
    const world = createWorld(withEndpoints({ [name]: () => request as never }))
    await world.client.setTokens({ accessToken: 'opaque' })
    const outcome = watch(
      name === 'logout'
        ? world.client.logout().then(({ error }) => Promise.reject(error))
        : name === 'login'
          ? world.client.login(credentials)
          : world.client.refresh(),
    )
    await world.settle()
    expect(isAuthError(outcome.error)).toBe(true)
    expect(outcome.error).not.toHaveProperty('cause')
    expect(`${outcome.error} ${JSON.stringify(world.logs)}`).not.toContain('secret')
    expect(world.server.calls).toEqual([])
  })

  test('N11 credentials that JSON cannot say reject "invalid_option", naming them', async () => {
    const world = createWorld()
    for (const bad of [cyclic, { secret: 1n }]) {
      await expect(world.client.login(bad)).rejects.toMatchObject({
        code: 'invalid_option',
        message: '"credentials" must be what JSON can say.',
      })
    }
    expect(world.server.calls).toEqual([])
  })

  test('"endpoints.restore" is what restores; refreshes go on with "endpoints.refresh"', async () => {
    const world = createWorld(withEndpoints({ restore: '/me' }))
    world.server.answer('POST /me', () => world.server.json({ token: tokenOf('ada') }))
    world.server.seed()
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    await world.client.refresh()
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/me', '/refresh_token'])
  })

  test('N4 the client adds no header of its own to a call but Accept', async () => {
    const world = await signedIn(withEndpoints({ user: '/user/whoami' }))
    await world.client.refresh()
    await world.client.logout()
    // Those two are the platform's and the cookie jar's.
    const ours = world.server.calls.map(({ path, headers }) => [
      path,
      [...headers.keys()].filter(name => name !== 'cookie'),
    ])
    expect(ours).toEqual([
      ['/refresh_token', ['accept']],
      ['/user/whoami', ['accept', 'authorization']],
      ['/logout', ['accept', 'authorization']],
    ])
  })
})

describe('what comes back from a login', () => {
  test.each([
    ['access_token', { access_token: tokenOf('ada') }],
    ['accessToken', { accessToken: tokenOf('ada') }],
    ['token', { token: tokenOf('ada') }],
    ['beside unknown fields', { token: tokenOf('ada'), ok: true, data: [1] }],
  ])('the default reads %s', async (_, body) => {
    const { world, login } = loginAnswered(body)
    await world.settle()
    expect(login.value).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(await world.client.getAccessToken()).toBe(tokenOf('ada'))
  })

  test.each([
    ['expires_in', 60],
    ['expiresIn', 60],
    ['expires_in', '60'],
  ])('the default reads %s: %j', async (name, value) => {
    const { world, login } = loginAnswered({ access_token: 'opaque', [name]: value })
    await world.settle()
    expect(login.value).toMatchObject({ expiresAt: world.clock.now() + 60_000 })
  })

  test.each(['refresh_token', 'refreshToken'])('the default reads %s', async name => {
    const { world } = loginAnswered({ access_token: 'opaque', [name]: 'refresh-1' })
    await world.settle()
    watch(world.client.refresh())
    await world.settle()
    expect(JSON.parse(lastCall(world).text)).toEqual({ refresh_token: 'refresh-1' })
  })

  test('the default reads a user', async () => {
    const { world, login } = loginAnswered({ access_token: 'opaque', user: { id: 7 } })
    await world.settle()
    expect(login.value).toMatchObject({ user: { id: 7 }, claims: null, expiresAt: null })
  })

  const tokenless: [name: string, body: () => Response][] = [
    ['an empty body', () => new Response(null, { status: 204 })],
    ['a user', () => Response.json({ user: { id: 7 } })],
  ]
  test.each(tokenless)('a login that yields no token is followed by a refresh: %s', async (name, answer) => {
    const world = createWorld()
    world.server.seed('ada')
    world.server.answer('POST /login', answer)
    const session = await world.client.login(credentials)
    await world.settle()
    expect(session).toMatchObject({ claims: { sub: 'ada' }, user: name === 'a user' ? { id: 7 } : null })
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/login', '/refresh_token'])
    expect(world.events).toEqual([['login', { cause: 'login' }]])
  })

  test.each([
    ['refused', 401, 'login_rejected', false],
    ['away', 503, 'login_unavailable', true],
  ])('a login that yields no token and whose refresh is %s fails', async (_, status, code, retryable) => {
    const world = createWorld()
    world.server.answer('POST /login', () => new Response(null, { status: 204 }))
    world.server.answer('POST /refresh_token', () => world.server.json({}, status))
    await expect(world.client.login(credentials)).rejects.toMatchObject({ code, status, retryable })
    await world.settle()
    expect(world.events).toEqual([])
  })

  test.each([
    ['another kind', { access_token: 'opaque', token_type: 'DPoP' }, {}, 'malformed_response'],
    ['another kind', { access_token: 'opaque', token_type: 'mac' }, { scheme: 'JWT' }, 'malformed_response'],
    ['its own', { access_token: 'opaque', token_type: 'bearer' }, {}, 'fulfilled'],
    ['its own', { access_token: 'opaque', token_type: 'jwt' }, { scheme: 'JWT' }, 'fulfilled'],
    [
      'Bearer under another scheme',
      { access_token: 'opaque', token_type: 'Bearer' },
      { scheme: 'JWT' },
      'fulfilled',
    ],
    ['none', { access_token: 'opaque' }, {}, 'fulfilled'],
    ['no string', { access_token: 'opaque', token_type: 5 }, {}, 'fulfilled'],
  ])('"token_type" of %s: %j, %j', async (_, body, options, state) => {
    const { world, login } = loginAnswered(body, options)
    await world.settle()
    expect(login.state).toBe(state)
    expect(world.client.session.status).toBe(state === 'fulfilled' ? 'authenticated' : 'unknown')
  })

  test('"scheme" is the word before the token, on requests, user and logout', async () => {
    const world = createWorld(withEndpoints({ user: '/user/whoami' }, { scheme: 'JWT' }))
    await world.client.login(credentials)
    await world.client.fetch(items)
    await world.client.logout()
    expect(world.server.calls.map(({ authorization }) => authorization?.split(' ')[0])).toEqual([
      undefined,
      'JWT',
      'JWT',
      'JWT',
    ])
  })
})

describe('"endpoints.user"', () => {
  const given = withEndpoints({ user: '/user/whoami' })

  test('is asked with the bearer by GET after a login, and fills session.user', async () => {
    const world = createWorld(given)
    const session = await world.client.login(credentials)
    await world.settle()
    expect(session.user).toEqual({ name: 'ada' })
    const token = await world.client.getAccessToken()
    expect(lastCall(world)).toMatchObject({
      method: 'GET',
      path: '/user/whoami',
      authorization: `Bearer ${token}`,
      text: '',
    })
    expect(world.events).toEqual([['login', { cause: 'login' }]])
  })

  test('I11 is asked after the restore, setTokens and an explicit refresh(), not by a scheduled one', async () => {
    const restored = createWorld(given)
    restored.server.seed('ada')
    expect(await restored.client.ready()).toMatchObject({ user: { name: 'ada' } })
    const { token } = restored.server.issueAccess('bob')
    expect(await restored.client.setTokens({ accessToken: token })).toMatchObject({ user: { name: 'bob' } })
    expect(restored.server.count('/user/whoami')).toBe(2)

    const world = await signedIn(given)
    const before = world.client.session
    await world.clock.advance(3_600_000)
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/refresh_token'])
    expect(world.client.session).toMatchObject({ user: { name: 'ada' } })
    expect(world.client.session).not.toBe(before)
    world.server.answer('GET /user/whoami', () => world.server.json({ name: 'Ada Lovelace' }))
    await world.client.refresh()
    expect(world.client.session).toMatchObject({ user: { name: 'Ada Lovelace' } })
  })

  test('is not asked where the answer has said it', async () => {
    const world = createWorld(given)
    world.server.answer('POST /login', () => world.server.json({ access_token: 'opaque', user: { id: 7 } }))
    expect(await world.client.login(credentials)).toMatchObject({ user: { id: 7 } })
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/login'])
  })

  test('as a function is a GET as well', async () => {
    const user: EndpointFunction = ({ tokens }) => ({
      url: '/user/whoami?full=1',
      headers: { Authorization: `Bearer ${tokens?.accessToken}` },
    })
    const world = createWorld(withEndpoints({ user }))
    const session = await world.client.login(credentials)
    expect(lastCall(world)).toMatchObject({ method: 'GET', path: '/user/whoami' })
    expect(session.user).toEqual({ name: 'ada' })
  })

  const failures: [name: string, spoil: (world: World) => unknown][] = [
    ['500', ({ server }) => server.answer('/user/whoami', () => server.json({}, 500), 1)],
    ['401', ({ server }) => server.answer('/user/whoami', () => server.json({}, 401), 1)],
    ['a network error', ({ server }) => server.answer('/user/whoami', () => Response.error(), 1)],
  ]
  test.each(failures)(
    'its failure does not fail the login; the next refresh asks again: %s',
    async (_, spoil) => {
      const world = createWorld(given)
      spoil(world)
      expect(await world.client.login(credentials)).toMatchObject({ status: 'authenticated', user: null })
      expect(world.logs).toContainEqual(
        expect.objectContaining({
          type: 'user-failed',
          error: expect.objectContaining({ name: 'AuthError' }),
        }),
      )
      expect(await world.client.refresh()).toMatchObject({ user: { name: 'ada' } })
    },
  )

  test('its silence does not fail the login either, which takes no longer than "timeout"', async () => {
    const world = createWorld(given)
    const open = world.server.hold('/user/whoami')
    const login = watch(world.client.login(credentials))
    await world.clock.advance(9_999)
    expect(login).toMatchObject({ state: 'fulfilled', value: { status: 'authenticated', user: null } })
    open()
    await world.settle()
    expect(world.clock.timers).toBe(1)
  })

  test('what "readTokens" makes of it is the user', async () => {
    const readTokens: AuthClientOptions['readTokens'] = (body, _, operation) =>
      operation === 'user' ? { user: body.name.toUpperCase() } : { accessToken: body.access_token }
    const world = createWorld(withEndpoints({ user: '/user/whoami' }, { readTokens }))
    expect(await world.client.login(credentials)).toMatchObject({ user: 'ADA' })
  })
})

describe('"readTokens"', () => {
  test('is given the body, the response and the operation', async () => {
    const seen: unknown[] = []
    const readTokens: AuthClientOptions['readTokens'] = (body, response, operation) => {
      seen.push([operation, response.status, typeof body])
      return operation === 'user' ? { user: body } : { accessToken: body.access_token }
    }
    const world = createWorld(withEndpoints({ user: '/user/whoami' }, { readTokens }))
    world.server.seed()
    await world.client.ready()
    await world.client.refresh()
    await world.client.login(credentials)
    expect(seen).toEqual([
      ['restore', 200, 'object'],
      ['user', 200, 'object'],
      ['refresh', 200, 'object'],
      ['user', 200, 'object'],
      ['login', 200, 'object'],
      ['user', 200, 'object'],
    ])
  })

  test('may read headers, and be async', async () => {
    const readTokens = async (_: unknown, { headers }: Response) => ({
      accessToken: headers.get('x-token') ?? '',
      expiresIn: 60,
    })
    const { world, login } = loginAnswered({}, { readTokens }, { 'X-Token': tokenOf('ada') })
    await world.settle()
    expect(login.value).toMatchObject({ claims: { sub: 'ada' }, expiresAt: world.clock.now() + 60_000 })
  })

  test('may yield expiresAt, by the clock of the server', async () => {
    const world = createWorld({ skew: 7_200_000, server: { date: true } })
    // A second may have been lost to rounding.
    const expiresAt = world.clock.time + 61_000
    const other = createWorld({
      browser: world,
      options: { readTokens: ({ access_token }) => ({ accessToken: access_token, expiresAt }) },
    })
    expect(await other.client.login(credentials)).toMatchObject({ expiresAt: world.clock.now() + 60_000 })
  })

  const nulls: [
    operation: string,
    act: (world: World) => Promise<unknown>,
    state: string,
    session: object,
  ][] = [
    ['login', ({ client }) => client.login(credentials), 'login_rejected', { status: 'unknown' }],
    ['restore', ({ client }) => client.ready(), 'fulfilled', { status: 'anonymous', reason: 'initial' }],
  ]
  test.each(nulls)('null says signed out: %s', async (_, act, state, session) => {
    const world = createWorld({ options: { readTokens: () => null } })
    world.server.seed()
    const outcome = watch(act(world))
    await world.settle()
    expect(outcome.state).toBe(state)
    expect(world.client.session).toMatchObject(session)
    expect(world.events).toEqual([])
  })

  test('null says signed out: a refresh that was due signs out with "rejected", once', async () => {
    let dead = false
    const readTokens: AuthClientOptions['readTokens'] = body =>
      dead ? null : { accessToken: body.access_token, expiresIn: 60 }
    const world = await signedIn({ options: { readTokens } })
    dead = true
    world.server.revokeAccess()
    expect((await world.client.fetch(items)).status).toBe(401)
    await world.settle()
    expect(world.client.session).toEqual({ status: 'anonymous', ...REFUSED })
    expect(world.events).toEqual([['logout', REFUSED]])
    expect(world.server.refreshes).toBe(1)
  })

  test.each([
    ['undefined', () => undefined],
    ['an empty set', () => ({})],
    ['a set whose token is null', () => ({ accessToken: null as never })],
  ])('a refresh that yields %s is malformed: passing, and the session stays', async (_, read) => {
    let broken = false
    const readTokens: AuthClientOptions['readTokens'] = body =>
      broken ? read() : { accessToken: body.access_token }
    const world = await signedIn({ options: { readTokens } })
    broken = true
    const outcome = watch(world.client.refresh())
    await world.settle()
    expect(outcome.error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: { retryable: true } })
    expect(world.count('logout')).toBe(0)
  })

  test('one that throws is reported by name alone; a login rejects "malformed_response"', async () => {
    const readTokens = (body: { access_token: string }) => {
      throw new SyntaxError(body.access_token)
    }
    const { world, login } = loginAnswered({ access_token: tokenOf('ada') }, { readTokens })
    await world.settle()
    expect(login.state).toBe('malformed_response')
    expect(JSON.stringify([world.logs, login.error, String(login.error)])).not.toContain(
      tokenOf('ada').slice(-12),
    )
    expect(world.logs).toContainEqual({ type: 'callback-threw', option: 'readTokens', name: 'SyntaxError' })
  })

  test.each([
    ['a number', 5],
    ['an object', {}],
    ['with a space', 'a b'],
  ])('an access token that is %s is refused', async (_, token) => {
    const { world, login } = loginAnswered({ access_token: token })
    await world.settle()
    expect(login.state).toBe('malformed_response')
    expect(world.client.session.status).toBe('unknown')
  })
})

describe('"isRejected"', () => {
  test('decides what is final, and sees operation, status, body and response', async () => {
    const seen: Failure[] = []
    const isRejected = (failure: Failure) => {
      seen.push(failure)
      return failure.status === 418
    }
    const world = await signedIn({ options: { isRejected } })
    world.server.revokeAccess()
    const answer = (status: number) =>
      world.server.answer('POST /refresh_token', () => world.server.json({ no: status }, status), 1)

    answer(401)
    await expect(world.client.fetch(items)).rejects.toMatchObject({
      code: 'refresh_unavailable',
      status: 401,
    })
    expect(world.client.session.status).toBe('authenticated')

    answer(418)
    world.clock.sleep(60_000)
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.client.session).toEqual({ status: 'anonymous', ...REFUSED })
    expect(seen).toEqual([
      { operation: 'refresh', status: 401, body: { no: 401 }, response: expect.any(Response) },
      { operation: 'refresh', status: 418, body: { no: 418 }, response: expect.any(Response) },
    ])
  })

  const html = (status: number) =>
    new Response('\n<!doctype html><p>Blocked', { status, headers: { 'Content-Type': 'text/html' } })
  test.each([
    ['400 is final', () => Response.json({}, { status: 400 }), true],
    ['401 is final', () => new Response(null, { status: 401 }), true],
    ['403 is final', () => new Response('Forbidden', { status: 403 }), true],
    ['404 is passing', () => Response.json({}, { status: 404 }), false],
    ['422 is passing', () => Response.json({}, { status: 422 }), false],
    ['500 is passing', () => Response.json({}, { status: 500 }), false],
    ['an HTML 403 is passing', () => html(403), false],
    ['an HTML 401 is final', () => html(401), true],
  ])('by default %s', async (_, answer, final) => {
    const world = await signedIn()
    world.server.answer('POST /refresh_token', answer)
    world.server.revokeAccess()
    const outcome = watch(world.client.fetch(items))
    await world.settle()
    expect(outcome.state).toBe(final ? 'fulfilled' : 'refresh_unavailable')
    expect(world.client.session.status).toBe(final ? 'anonymous' : 'authenticated')
  })

  test('one that throws makes the failure a passing one', async () => {
    const isRejected = () => {
      throw new Error('oops')
    }
    const world = await signedIn({ options: { isRejected } })
    world.server.revokeAll()
    const outcome = watch(world.client.fetch(items))
    await world.settle()
    expect(outcome.state).toBe('refresh_unavailable')
    expect(world.client.session.status).toBe('authenticated')
    expect(world.logs).toContainEqual({ type: 'callback-threw', option: 'isRejected', name: 'Error' })
  })
})

describe('"shouldRefresh"', () => {
  const bodySaysSo = async (response: Response) => (await response.json()).error === 'expired'

  test.each([
    ['by status', ({ status }: Response) => status === 403, 403],
    ['by a promise', ({ status }: Response) => Promise.resolve(status === 403), 403],
    ['by reading the body of a 200', bodySaysSo, 200],
  ])('%s: refreshed once and replayed', async (_, shouldRefresh, status) => {
    const world = await signedIn({ options: { shouldRefresh } })
    world.server.answer('/items', () => world.server.json({ error: 'expired' }, status), 1)
    const response = await world.client.fetch(items, { method: 'POST', body: 'x' })
    expect(await response.json()).toMatchObject({ user: 'ada', text: 'x' })
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/items', '/refresh_token', '/items'])
  })

  test('the answer that it has read is whole for the caller', async () => {
    const world = await signedIn({ options: { shouldRefresh: bodySaysSo } })
    const response = await world.client.fetch(items)
    expect(await response.json()).toMatchObject({ user: 'ada' })
    expect(world.server.refreshes).toBe(0)
  })

  test('takes the place of the default: a 401 that it lets pass is the answer', async () => {
    const world = await signedIn({ options: { shouldRefresh: () => false } })
    world.server.answer('/items', () => world.server.json({}, 401))
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.server.refreshes).toBe(0)
  })

  test('is asked about the first answer only, and not when signed out', async () => {
    let asked = 0
    const shouldRefresh = () => ++asked > 0
    const world = await signedIn({ options: { shouldRefresh } })
    await world.client.fetch(items)
    expect(asked).toBe(1)
    await world.client.logout()
    await world.client.fetch(items)
    expect(asked).toBe(1)
  })

  test('is shown the request, without its body and without the bearer', async () => {
    let shown: Request | undefined
    const shouldRefresh = (_: Response, request: Request) => {
      shown = request
      return false
    }
    const world = await signedIn({ options: { shouldRefresh } })
    await world.client.fetch(new Request(items, { method: 'PUT', body: 'x', headers: { 'X-Own': '1' } }))
    expect(shown).toMatchObject({ url: items, method: 'PUT', body: null })
    expect(shown!.headers.get('x-own')).toBe('1')
    expect(shown!.headers.has('authorization')).toBe(false)
  })
})

describe('"claims"', () => {
  const claims = v.object({ sub: v.string(), roles: v.pipe(v.array(v.string()), v.minLength(1)) })
  const token = (roles: unknown) => tokenOf('ada', { roles, secret: 'claim-that-no-message-may-show' })

  test('what the schema makes of them is what the session shows', async () => {
    const { world, login } = loginAnswered({ token: token(['admin']) }, { claims } as never)
    await world.settle()
    expect(login.value!.claims).toEqual({ sub: 'ada', roles: ['admin'] })
  })

  test('the schema types them', () => {
    const client = createAuthClient({ baseUrl: ORIGIN, tabs: false, restore: 'manual', claims })
    const { session } = client
    if (session.status === 'authenticated') {
      expectTypeOf(session.claims).toEqualTypeOf<{ sub: string; roles: string[] } | null>()
    }
    client.on('userChange', detail => {
      expectTypeOf(detail.claims).toEqualTypeOf<{ sub: string; roles: string[] } | null>()
    })
    client.dispose()
  })

  test('an async schema is awaited', async () => {
    const upper = v.pipeAsync(
      claims,
      v.transformAsync(async ({ sub }) => ({ id: sub.toUpperCase() })),
    )
    const { world, login } = loginAnswered({ token: token(['admin']) }, { claims: upper } as never)
    await world.settle()
    expect(login.value!.claims).toEqual({ id: 'ADA' })
  })

  test.each([
    ['wrong claims', token('none')],
    ['an opaque token', 'opaque'],
  ])('%s: the login is refused, and no value is shown', async (_, refused) => {
    const { world, login } = loginAnswered({ token: refused }, { claims } as never)
    await world.settle()
    expect(login.error).toMatchObject({ code: 'malformed_response' })
    expect(login.error).not.toHaveProperty('cause')
    expect(
      Object.values(login.error as object)
        .concat((login.error as Error).stack)
        .join(),
    ).not.toMatch(/claim-that|none|opaque/)
    expect(JSON.stringify(world.logs)).not.toMatch(/claim-that|"none"|opaque/)
    expect(world.client.session.status).toBe('unknown')
    expect(await world.client.setTokens({ accessToken: token(['admin']) })).toMatchObject({
      claims: { roles: ['admin'] },
    })
  })

  test('wrong claims of a refresh are a passing failure: the session and its claims stay', async () => {
    let roles: unknown = ['admin']
    const world = await signedIn({
      server: { claims: given => ({ ...given, roles }) },
      options: { claims } as never,
    })
    const before = world.client.session
    roles = []
    const outcome = watch(world.client.refresh())
    await world.settle()
    expect(outcome.state).toBe('refresh_unavailable')
    expect(world.client.session).toMatchObject({ status: 'authenticated', claims: { roles: ['admin'] } })
    expect(world.client.session).not.toBe(before)
  })

  test('the identity is read from the token, not from what the schema makes of it', async () => {
    const none = v.pipe(
      v.unknown(),
      v.transform(() => ({ shown: true })),
    )
    const world = await signedIn({ options: { claims: none } as never })
    await world.login('bob')
    await world.settle()
    expect(world.count('userChange')).toBe(1)
    expect(world.client.session).toMatchObject({ claims: { shown: true } })
  })

  test('a schema that throws is a refusal, by name alone', async () => {
    const throwing = {
      '~standard': {
        validate(value: unknown): never {
          throw new TypeError(JSON.stringify(value))
        },
      },
    }
    const { world, login } = loginAnswered({ token: token(['admin']) }, { claims: throwing } as never)
    await world.settle()
    expect(login.state).toBe('malformed_response')
    expect(world.logs).toContainEqual({ type: 'callback-threw', option: 'claims', name: 'TypeError' })
  })
})

import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { createClient } from '../src/client.ts'
import { cookieMode, shareTabs } from '../src/core.ts'
import { isAuthError } from '../src/kernel/errors.ts'
import type {
  AuthClientOptions,
  EndpointContext,
  EndpointFunction,
  EndpointRequest,
  Failure,
  LogoutAnswer,
  PartialTokens,
  TokenSet,
} from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const LOGIN = 'POST /login'
const REFRESH = 'POST /refresh_token'
const items = `${ORIGIN}/items`
const ada = { email: 'ada', password: 'right' }

const inCookies: WorldOptions = {
  server: { access: 'cookie' },
  options: { mode: cookieMode(), endpoints: { user: 'me' } },
}
const text = (body: string | null, status: number, type = 'text/plain') =>
  new Response(body, { status, headers: { 'Content-Type': type } })
const page = (status: number) => text('<!doctype html>\n<title>Unauthorized</title>', status, 'text/html')
const calls = ({ server }: World) => server.calls.map(({ method, path }) => `${method} ${path}`)

/** A world where the login is answered so, and the promise of that login. */
function loginAnswered(answer: (world: World) => Response, options: AuthClientOptions = {}) {
  const world = createWorld({ options })
  world.server.answer(LOGIN, () => answer(world), 1)
  return { world, login: watch(world.client.login(ada)) }
}

const HOUR = 3_600_000

describe('N4 auth calls say what they read', () => {
  const accepted = ({ server }: World) =>
    server.calls.map(({ path, headers }) => [path, headers.get('accept')] as const)

  test('N4 login, refresh, user, restore and logout say "Accept: application/json"', async () => {
    for (const given of [{ options: { endpoints: { user: '/user/whoami' } } }, inCookies]) {
      const world = createWorld(given)
      await world.client.ready()
      await world.client.login(ada)
      await world.client.refresh()
      await world.client.logout()
      const named = accepted(world)
      expect(new Set(named.map(([path]) => path)).size).toBe(4)
      expect(new Set(named.map(([, accept]) => accept))).toEqual(new Set(['application/json']))
    }
  })

  test.each<[kind: string, headers: HeadersInit]>([
    ['an object', { accept: 'application/vnd.api+json' }],
    ['pairs', [['Accept', 'application/vnd.api+json']]],
    ['Headers', new Headers({ ACCEPT: 'application/vnd.api+json' })],
  ])('N4 unless the app says otherwise: %s', async (_, headers) => {
    const login = () => ({ url: '/login', json: ada, headers })
    const world = createWorld({ options: { endpoints: { login } } })
    await world.client.login()
    expect(accepted(world)).toEqual([['/login', 'application/vnd.api+json']])
  })

  test('N4 an endpoint function that sets other headers says it too', async () => {
    const login = () => ({ url: '/login', json: ada, headers: { 'X-Tenant': 'acme' } })
    const world = createWorld({ options: { endpoints: { login } } })
    await world.client.login()
    expect(accepted(world)).toEqual([['/login', 'application/json']])
  })

  test('N4 a request of the API says what its caller says', async () => {
    const world = await signedIn()
    await world.client.fetch(items)
    expect(accepted(world)).toEqual([['/items', null]])
  })

  test('N4 a backend that redirects page loads to its login page answers in JSON', async () => {
    const refused = (request: Request) =>
      request.headers.get('accept')?.startsWith('application/json')
        ? Response.json({ message: 'Unauthenticated.' }, { status: 401 })
        : Response.error() // what a redirect is under `redirect: 'error'`
    const world = createWorld()
    world.server.answer(REFRESH, refused)
    world.server.answer(LOGIN, refused)
    expect(await world.client.ready()).toMatchObject({ status: 'anonymous' })
    await expect(world.client.login(ada)).rejects.toMatchObject({
      code: 'login_rejected',
      body: { message: 'Unauthenticated.' },
    })
  })
})

describe('N5 a login that is refused', () => {
  const kinds: [kind: string, answer: (status: number) => Response, body: unknown][] = [
    ['JSON', status => Response.json({ no: 1 }, { status }), { no: 1 }],
    ['HTML', page, expect.stringContaining('Unauthorized')],
    ['text', status => text('Bad credentials', status), 'Bad credentials'],
    ['empty', status => text(null, status), undefined],
  ]
  const refused = [400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 418, 419, 422, 423, 428, 451, 499]
  const passing = [408, 425, 429, 500, 501, 502, 503, 504, 520]
  const cases = (statuses: number[]) =>
    kinds.flatMap(([kind, answer, body]) => statuses.map(status => ({ kind, status, answer, body })))

  test.each(cases(refused))('N5 $status, $kind: "login_rejected"', async ({ status, answer, body }) => {
    const { world, login } = loginAnswered(() => answer(status))
    await world.settle()
    expect(login.error).toMatchObject({ code: 'login_rejected', retryable: false, status, body })
    expect(calls(world)).toEqual([LOGIN])
  })

  test.each(cases(passing))('N5 $status, $kind: "login_unavailable"', async ({ status, answer, body }) => {
    const { world, login } = loginAnswered(() => answer(status))
    await world.settle()
    expect(login.error).toMatchObject({ code: 'login_unavailable', retryable: true, status, body })
  })

  test.each([429, 503])('N5 %s keeps the body and "retryAt"', async status => {
    const message = 'Please try again in 47 seconds.'
    const { world, login } = loginAnswered(({ server }) =>
      server.json({ message }, status, { 'Retry-After': '47' }),
    )
    await world.settle()
    expect(login.error).toMatchObject({
      code: 'login_unavailable',
      status,
      retryAt: world.clock.now() + 47_000,
      body: { message },
    })
  })

  test('N5 a session that was there is untouched', async () => {
    for (const answer of [page(401), text('no', 429)]) {
      const world = await signedIn()
      const before = world.client.session
      world.server.answer(LOGIN, () => answer)
      await expect(world.client.login(ada)).rejects.toMatchObject({ status: answer.status })
      expect(world.client.session).toBe(before)
    }
  })
})

describe('N5 "isRejected" about a login', () => {
  const answers: [name: string, answer: () => Response][] = [
    ['429 in JSON', () => Response.json({ error: 'locked' }, { status: 429 })],
    ['503 as HTML', () => page(503)],
    ['500, empty', () => text(null, 500)],
  ]
  test.each(answers)('N5 can make a refusal of %s', async (_, answer) => {
    const seen: Failure[] = []
    const isRejected = (failure: Failure) => seen.push(failure) > 0 && failure.operation === 'login'
    const { world, login } = loginAnswered(answer, { isRejected })
    await world.settle()
    const { status } = answer()
    expect(login.error).toMatchObject({ code: 'login_rejected', retryable: false, status })
    expect(seen).toEqual([
      { operation: 'login', status, body: seen[0]?.body, response: expect.any(Response) },
    ])
  })

  test('N5 a refusal keeps "retryAt"', async () => {
    const { world, login } = loginAnswered(
      ({ server }) => server.json({ error: 'locked' }, 429, { 'Retry-After': '60' }),
      { isRejected: () => true },
    )
    await world.settle()
    expect(login.error).toMatchObject({
      code: 'login_rejected',
      body: { error: 'locked' },
      retryAt: world.clock.now() + 60_000,
    })
  })

  test('N5 cannot take a refusal away, and is not asked about one', async () => {
    for (const answer of [() => text('no', 401), () => page(404), () => Response.json({}, { status: 422 })]) {
      const isRejected = () => expect.unreachable()
      const { world, login } = loginAnswered(answer, { isRejected })
      await world.settle()
      expect(login.state).toBe('login_rejected')
    }
  })

  test('N5 one that throws, or says no, leaves an outage an outage', async () => {
    const throwing = ({ body }: Failure) => (body as { error: string }).error === 'locked'
    for (const isRejected of [throwing, () => false]) {
      const { world, login } = loginAnswered(() => text(null, 503), { isRejected })
      await world.settle()
      expect(login.error).toMatchObject({ code: 'login_unavailable', status: 503, retryable: true })
    }
  })

  test('N5 knows which call it is asked about', async () => {
    const seen: string[] = []
    const isRejected = ({ operation }: Failure) => seen.push(operation) < 0
    for (const given of [{}, inCookies]) {
      const world = createWorld({ ...given, options: { ...given.options, isRejected } })
      for (const route of [LOGIN, REFRESH, 'GET /me']) world.server.answer(route, () => text(null, 503))
      await world.client.login(ada).catch(() => {})
      await world.client.ready()
    }
    const world = await signedIn({ options: { isRejected } })
    world.server.answer(REFRESH, () => text(null, 503))
    await world.client.refresh().catch(() => {})
    expect(seen).toEqual(['login', 'restore', 'login', 'user', 'refresh'])
  })
})

describe('N6 which refusal of a refresh is final', () => {
  const final: [name: string, answer: () => Response][] = [
    ['401, HTML', () => page(401)],
    ['401, text', () => text('Unauthorized', 401)],
    ['401, another text', () => text('session store says no', 401)],
    ['401, XML', () => text('<error/>', 401, 'application/xml')],
    ['401, empty', () => text(null, 401)],
    ['401, JSON', () => Response.json({ error: 'invalid_grant' }, { status: 401 })],
    ...[400, 403].flatMap<[string, () => Response]>(status => [
      [`${status}, JSON`, () => Response.json({ error: 'invalid_grant' }, { status })],
      [`${status}, JSON that calls itself text`, () => text('{"error":"x"}', status)],
      [`${status}, a JSON text`, () => Response.json('the token was revoked', { status })],
      [`${status}, a JSON text with a tag`, () => Response.json('<b>', { status })],
      [`${status}, a JSON list`, () => Response.json([], { status })],
      [`${status}, JSON null`, () => Response.json(null, { status })],
      [`${status}, empty`, () => text(null, status)],
      [`${status}, white space`, () => text(' \r\n', status)],
    ]),
    ['400, just the reason phrase', () => text('Bad Request', 400)],
    ['403, just the reason phrase', () => text('Forbidden', 403)],
    ['403, just the reason phrase, as Go writes it', () => text('Forbidden\n', 403)],
    ['403, just the reason phrase, in lower case', () => text('forbidden', 403)],
  ]
  const passing: [name: string, answer: () => Response][] = [
    ...[400, 403].flatMap<[string, () => Response]>(status => [
      [`${status}, HTML`, () => page(status)],
      [`${status}, HTML that calls itself JSON`, () => text('<html>', status, 'application/json')],
      [`${status}, text`, () => text('RBAC: access denied', status)],
      [`${status}, a text with the reason phrase in it`, () => text('403 Forbidden by the proxy', status)],
      [`${status}, JSON that was cut off`, () => text('{"error":"inv', status, 'application/json')],
    ]),
    ...[302, 402, 404, 405, 407, 408, 410, 418, 422, 425, 429, 500, 503].map<[string, () => Response]>(
      status => [`${status}, JSON`, () => Response.json({ error: 'x' }, { status })],
    ),
  ]
  const routes: [name: string, route: string, given: WorldOptions][] = [
    ['the refresh', REFRESH, {}],
    ['the user endpoint in cookie mode', 'GET /me', inCookies],
  ]
  const cases = (answers: typeof final) =>
    routes.flatMap(([where, route, given]) =>
      answers.map(([name, answer]) => ({ where, route, given, name, answer })),
    )

  test.each(cases(final))('N6 final, by $where: $name', async ({ route, given, answer }) => {
    const world = createWorld(given)
    world.server.answer(route, answer)
    expect(await world.client.ready()).toMatchObject({ status: 'anonymous' })
    expect(world.count('refreshError')).toBe(0)
  })

  test.each(cases(passing))('N6 passing, by $where: $name', async ({ route, given, answer }) => {
    const world = createWorld(given)
    world.server.answer(route, answer)
    expect(await world.client.ready()).toMatchObject({ status: 'unknown', error: { retryable: true } })
    expect(world.count('refreshError')).toBe(1)
  })
})

describe('N7 "token_type"', () => {
  const body = (type: unknown) => ({ access_token: makeToken({ sub: 'ada' }), token_type: type })
  const readTokens = (answer: ReturnType<typeof body>) => ({ accessToken: answer.access_token })

  test.each(['BearerToken', 'jwt-bearer', 'N_A', 'access_token', 'DPoP', 'mac', ''])(
    'N7 with the readTokens of the app it is judged by the app: %j',
    async type => {
      const { world, login } = loginAnswered(({ server }) => server.json(body(type)), { readTokens })
      await world.settle()
      expect(login.value).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    },
  )

  test('N7 without it, one that is no bearer is "malformed_response"', async () => {
    const { world, login } = loginAnswered(({ server }) => server.json(body('DPoP')))
    await world.settle()
    expect(login.state).toBe('malformed_response')
  })
})

describe('N8 what login is given is what is sent', () => {
  const form = (): FormData => {
    const data = new FormData()
    data.set('email', 'ada')
    data.set('file', new File(['bytes'], 'a.txt'))
    return data
  }
  const bytes = new TextEncoder().encode('{"email":"ada"}')
  const sent: [kind: string, credentials: unknown, type: RegExp | null, body: RegExp][] = [
    [
      'FormData',
      form(),
      /^multipart\/form-data; ?boundary=/,
      /name="email"\s+ada[\s\S]*filename="a\.txt"[\s\S]*bytes/,
    ],
    [
      'URLSearchParams',
      new URLSearchParams({ email: 'ada', password: 'a&b' }),
      /^application\/x-www-form-urlencoded/,
      /^email=ada&password=a%26b$/,
    ],
    ['a Blob', new Blob([bytes], { type: 'application/cbor' }), /^application\/cbor$/, /^{"email":"ada"}$/],
    ['a File', new File([bytes], 'a', { type: 'text/x' }), /^text\/x$/, /^{"email":"ada"}$/],
    ['bytes', bytes, null, /^{"email":"ada"}$/],
    ['a buffer', bytes.buffer, null, /^{"email":"ada"}$/],
    ['a DataView', new DataView(bytes.buffer), null, /^{"email":"ada"}$/],
    ['an object', { email: 'ada' }, /^application\/json$/, /^{"email":"ada"}$/],
    ['an empty object', {}, /^application\/json$/, /^{}$/],
    ['an object without a prototype', Object.create(null), /^application\/json$/, /^{}$/],
    ['a list', ['ada', null], /^application\/json$/, /^\["ada",null]$/],
    ['a text', 'magic', /^application\/json$/, /^"magic"$/],
    ['a Date', { at: new Date(0) }, /^application\/json$/, /^{"at":"1970-01-01T00:00:00.000Z"}$/],
    [
      'an object of a class',
      new (class {
        email = 'ada'
      })(),
      /^application\/json$/,
      /^{"email":"ada"}$/,
    ],
    [
      'what says itself what it is in JSON',
      new (class {
        #id = 'key'
        toJSON = () => ({ id: this.#id })
      })(),
      /^application\/json$/,
      /^{"id":"key"}$/,
    ],
    ['a member that is undefined', { a: undefined, b: 1 }, /^application\/json$/, /^{"b":1}$/],
    ['a Proxy', new Proxy({ email: 'ada' }, {}), /^application\/json$/, /^{"email":"ada"}$/],
  ]
  test.each(sent)('N8 %s', async (_, credentials, type, body) => {
    const world = createWorld()
    world.server.answer(LOGIN, () => world.server.json({ access_token: 'opaque' }))
    await world.client.login(credentials)
    const [call] = world.server.calls
    expect(call?.text).toMatch(body)
    if (type) expect(call?.headers.get('content-type')).toMatch(type)
    else expect(call?.headers.get('content-type')).toBeNull()
  })

  const refused: [kind: string, value: unknown][] = [
    ['a Map', new Map([['email', 'secret']])],
    ['a Set', new Set(['secret'])],
    ['a stream', new ReadableStream()],
    ['a promise', Promise.resolve({ email: 'secret' })],
    ['a function', () => ({ email: 'secret' })],
    ['a symbol', Symbol('secret')],
    ['a BigInt', 1n],
    ['an error', new Error('secret')],
    ['a regular expression', /secret/],
    ['Headers', new Headers({ secret: '1' })],
    ['an event', new Event('submit')],
    ['a form element', Object.create({ [Symbol.toStringTag]: 'HTMLFormElement' })],
    [
      'an object whose members are private',
      new (class {
        #password = 'secret'
        get length() {
          return this.#password.length
        }
      })(),
    ],
  ]
  const places: [where: string, at: (value: unknown) => unknown][] = [
    ['alone', value => value],
    ['as a member', value => ({ email: 'ada', more: value })],
    ['in a list', value => [[value]]],
  ]
  const nested: [kind: string, value: unknown][] = [
    ['FormData', form()],
    ['a Blob', new Blob(['secret'])],
    ['bytes', bytes],
    ['a buffer', bytes.buffer],
  ]
  const bad = [
    ...places.flatMap(([where, at]) => refused.map(([kind, value]) => ({ kind, where, value: at(value) }))),
    ...places
      .slice(1)
      .flatMap(([where, at]) => nested.map(([kind, value]) => ({ kind, where, value: at(value) }))),
  ]
  test.each(bad)('N8 $kind, $where: "invalid_option", and nothing is sent', async ({ value }) => {
    const world = createWorld()
    const login = watch(world.client.login(value))
    await world.settle()
    expect(login.error).toMatchObject({
      code: 'invalid_option',
      message: expect.stringMatching(/^"credentials"/),
    })
    expect(`${login.error}`).not.toContain('secret')
    expect(world.server.calls).toEqual([])
  })

  test.each(bad)('N8 $kind, $where, as "json" of an endpoint function', async ({ value }) => {
    const login = (): EndpointRequest => ({ url: '/login', json: value })
    const world = createWorld({ options: { endpoints: { login } } })
    const outcome = watch(world.client.login())
    await world.settle()
    expect(outcome.error).toMatchObject({ message: expect.stringMatching(/^"endpoints.login" must be/) })
    expect(world.server.calls).toEqual([])
  })
})

describe('a token that is handed out as a whole header', () => {
  const token = makeToken({ sub: 'ada' })
  const prefixes: [scheme: string | undefined, prefix: string][] = [
    [undefined, 'Bearer '],
    [undefined, 'bearer '],
    [undefined, 'BEARER   '],
    ['JWT', 'JWT '],
    ['JWT', 'jwt '],
    ['JWT', 'Bearer '],
    ['X.Y+z', 'x.y+Z '],
  ]
  const sentWith = async (world: World) => {
    await world.client.fetch(items)
    return world.server.calls.find(({ path }) => path === '/items')?.authorization
  }

  test.each(prefixes)('with the scheme %s, %j is taken off', async (scheme, prefix) => {
    const options = { options: { scheme } }
    const expected = `${scheme ?? 'Bearer'} ${token}`
    const { world, login } = loginAnswered(
      ({ server }) => server.json({ access_token: `${prefix}${token}` }),
      options.options,
    )
    await world.settle()
    expect(login.value).toMatchObject({ claims: { sub: 'ada' } })
    expect(await world.client.getAccessToken()).toBe(token)
    expect(await sentWith(world)).toBe(expected)

    const other = createWorld(options)
    await other.client.setTokens({ accessToken: `${prefix}${token}` })
    expect(await sentWith(other)).toBe(expected)
  })

  test('in a response header, and in the answer to a refresh', async () => {
    const readTokens = (_: unknown, { headers }: Response) => ({ accessToken: headers.get('Authorization') })
    const world = createWorld({ options: { readTokens } })
    const answer = () => world.server.json({}, 200, { Authorization: `Bearer ${token}` })
    world.server.answer(LOGIN, answer)
    world.server.answer(REFRESH, answer)
    await world.client.login(ada)
    await world.client.refresh()
    expect(await sentWith(world)).toBe(`Bearer ${token}`)
  })

  test.each(['Basic abc', 'Bearer a b', 'Bearer ', ' Bearer abc', 'JWT abc', 'Bearer\tabc', 'Bearer abc\n'])(
    'F13 %j is no token',
    async accessToken => {
      const world = createWorld()
      await expect(world.client.setTokens({ accessToken })).rejects.toMatchObject({
        code: 'malformed_response',
      })
    },
  )

  test.each(['Bearer', 'bearerX', 'BearerX.y.z'])(
    'a token that only begins so is whole: %s',
    async accessToken => {
      const world = createWorld()
      await world.client.setTokens({ accessToken })
      expect(await world.client.getAccessToken()).toBe(accessToken)
    },
  )
})

describe('null where there is nothing', () => {
  test('the types allow it in what the app hands in, and never hand it out', () => {
    const nothing = { refreshToken: null, expiresIn: null, expiresAt: null, user: null }
    expectTypeOf({ accessToken: 'a', ...nothing }).toExtend<TokenSet>()
    expectTypeOf({ accessToken: null, ...nothing }).toExtend<PartialTokens>()
    expectTypeOf({ accessToken: null }).not.toExtend<TokenSet>()
    type Held = NonNullable<EndpointContext['tokens']>
    expectTypeOf<Held['refreshToken']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<Held['expiresAt']>().toEqualTypeOf<number | undefined>()
    expectTypeOf<Held>().toExtend<TokenSet>()
  })

  test('an answer read with null in every member keeps what is held', async () => {
    const readTokens: AuthClientOptions['readTokens'] = (body, _, operation) => ({
      accessToken: body.access_token ?? null,
      refreshToken: operation === 'login' ? 'refresh-1' : null,
      expiresIn: null,
      expiresAt: null,
      user: operation === 'login' ? { id: 7 } : null,
    })
    const world = createWorld({ options: { readTokens } })
    await world.client.login(ada)
    expect(await world.client.refresh()).toMatchObject({ claims: { sub: 'ada' }, user: { id: 7 } })
    await world.client.refresh().catch(() => {})
    expect(world.server.calls.slice(1).map(({ text }) => text)).toEqual([
      '{"refresh_token":"refresh-1"}',
      '{"refresh_token":"refresh-1"}',
    ])
  })

  test('setTokens with null in every member', async () => {
    const world = await signedIn({ server: { carrier: 'body' } })
    const { token } = world.server.issueAccess('ada')
    const nothing = { refreshToken: null, expiresIn: null, expiresAt: null, user: null }
    await world.client.setTokens({ accessToken: token, ...nothing })
    expect(await world.client.getAccessToken()).toBe(token)
    await world.client.refresh()
    expect(world.server.calls[0]?.text).toMatch(/refresh_token/)
  })

  test('a login answer of nulls signs nobody in', async () => {
    const world = createWorld({ options: { readTokens: () => ({ accessToken: null, user: null }) } })
    world.server.answer(REFRESH, () => world.server.json({}, 401))
    await expect(world.client.login(ada)).rejects.toMatchObject({ code: 'login_rejected' })
  })
})

describe('N3 a logout', () => {
  const LOGOUT = 'POST /logout'
  const moved = () => new Response(null, { status: 302, headers: { Location: 'https://id.example.com/bye' } })
  /** What a browser makes of one that it was told not to follow. */
  const opaque = () => ({
    type: 'opaqueredirect',
    status: 0,
    ok: false,
    headers: new Headers(),
    text: async () => '',
  })
  const markers = ({ storage }: World) => [...storage.keys()].filter(key => key.includes('signed-out'))
  const logouts = ({ server }: World) => server.count('/logout')
  const HERE = { href: `${ORIGIN}/app`, origin: ORIGIN, referrer: `${ORIGIN}/` }
  const load = (browser: World, options: AuthClientOptions = {}) =>
    createWorld({ browser, options: { restore: 'auto', ...options }, page: HERE })

  test('N3 answered by a redirect: "revoked" is false, and the error names the redirect', async () => {
    const answers = [moved, ...[301, 303, 307, 308].map(status => () => new Response(null, { status }))]
    for (const answer of answers) {
      const world = await signedIn()
      world.server.answer(LOGOUT, answer)
      expect(await world.client.logout()).toMatchObject({
        revoked: false,
        error: { code: 'logout_unavailable', message: expect.stringContaining('redirect'), retryable: false },
      })
    }
  })

  test('N3 answered by a redirect as a browser shows it', async () => {
    const fetch: typeof globalThis.fetch = async input =>
      `${input}`.endsWith('/logout') ? (opaque() as Response) : Response.json({ access_token: 'opaque' })
    const seen: unknown[] = []
    for (const isLoggedOut of [
      undefined,
      (answer: LogoutAnswer) => {
        seen.push([answer.status, answer.body, answer.redirected])
        return answer.redirected
      },
    ]) {
      const world = createWorld({ options: { fetch, isLoggedOut } })
      await world.login()
      const { revoked, error } = await world.client.logout()
      expect(revoked).toBe(isLoggedOut !== undefined)
      if (!isLoggedOut) expect(error?.message).toContain('redirect')
    }
    expect(seen).toEqual([[0, undefined, true]])
  })

  test('N3 no page repeats it: not when it comes online, not after a load, not in another tab', async () => {
    const world = await signedIn()
    const other = createWorld({ browser: world })
    await other.settle()
    world.server.answer(LOGOUT, moved)
    await world.client.logout()
    for (let loads = 0; loads < 3; loads++) {
      const page = load(world)
      await page.clock.advance(HOUR)
      page.wake('online')
      other.wake('online')
      await page.clock.advance(HOUR)
      expect(page.client.session.status).toBe('anonymous')
      page.close()
    }
    expect(logouts(world)).toBe(1)
    expect(world.server.refreshes).toBe(0)
    expect(markers(world)).toHaveLength(1)
  })

  test('N3 where localStorage is blocked, this page does not repeat it either', async () => {
    const world = createWorld({ page: HERE })
    const localStorage = () => {
      throw new Error('blocked')
    }
    const options = { restore: 'manual', tabs: shareTabs() } as const
    const client = createClient(options, { ...world.environment, localStorage })
    await client.login(ada)
    world.server.answer(LOGOUT, moved)
    await client.logout()
    world.wake('online')
    await world.clock.advance(HOUR)
    expect(logouts(world)).toBe(1)
    client.dispose()
  })

  test('N3 the marker stays until a login or refresh()', async () => {
    const ways: ((world: World) => Promise<unknown>)[] = [
      ({ client }) => client.login(ada),
      ({ client, server }) => {
        server.seed('bob')
        return client.refresh()
      },
    ]
    for (const signIn of ways) {
      const world = await signedIn()
      world.server.answer(LOGOUT, moved)
      await world.client.logout()
      expect(markers(world)).toHaveLength(1)
      const page = load(world)
      expect(await page.client.ready()).toMatchObject({ status: 'anonymous' })
      await signIn(page)
      expect(page.client.session.status).toBe('authenticated')
      expect(markers(world)).toEqual([])
    }
  })

  test('N3 the next logout is a new one: an outage of it is made up for', async () => {
    const world = await signedIn()
    world.server.answer(LOGOUT, moved, 1)
    await world.client.logout()
    await world.client.login(ada)
    world.server.answer(LOGOUT, () => Response.error(), 1)
    expect(await world.client.logout()).toMatchObject({ revoked: false })
    const page = load(world)
    await page.clock.advance(HOUR)
    expect(logouts(world)).toBe(3)
    expect(markers(world)).toEqual([])
  })

  test('N3 "isLoggedOut" says what confirms', async () => {
    const seen: unknown[] = []
    const isLoggedOut = ({ response, ...answer }: LogoutAnswer) => {
      seen.push(answer)
      return response.status === 302 || answer.status === 401 || (answer.body as any)?.data?.logout === true
    }
    const answers: [answer: () => Response, revoked: boolean][] = [
      [moved, true],
      [() => Response.json({ error: 'no session' }, { status: 401 }), true],
      [() => Response.json({ data: { logout: true } }), true],
      [() => Response.json({ data: null, errors: [{ message: 'db' }] }), false],
      [() => new Response(null, { status: 204 }), false],
      [() => text('busy', 503), false],
    ]
    for (const [answer, revoked] of answers) {
      const world = await signedIn({ options: { isLoggedOut } })
      world.server.answer(LOGOUT, answer, 1)
      const result = await world.client.logout()
      expect(result.revoked).toBe(revoked)
      expect(result.error?.code).toBe(revoked ? undefined : 'logout_unavailable')
      expect(markers(world)).toHaveLength(revoked ? 0 : 1)
    }
    expect(seen).toEqual([
      { status: 302, body: undefined, redirected: true },
      { status: 401, body: { error: 'no session' }, redirected: false },
      { status: 200, body: { data: { logout: true } }, redirected: false },
      { status: 200, body: { data: null, errors: [{ message: 'db' }] }, redirected: false },
      { status: 204, body: undefined, redirected: false },
      { status: 503, body: 'busy', redirected: false },
    ])
  })

  test('N3 a 2xx that "isLoggedOut" does not confirm is tried again, and a redirect is not', async () => {
    for (const [answer, sends] of [
      [() => Response.json({ errors: [{}] }), 2],
      [moved, 1],
    ] as const) {
      const isLoggedOut = ({ body }: LogoutAnswer) => (body as any)?.data?.logout === true
      const world = await signedIn({ options: { isLoggedOut } })
      world.server.answer(LOGOUT, answer, 1)
      world.server.answer(LOGOUT, () => Response.json({ data: { logout: true } }))
      await world.client.logout()
      await world.clock.advance(HOUR)
      expect(logouts(world)).toBe(sends)
    }
  })

  test('N3 an "isLoggedOut" that throws confirms nothing, and is named', async () => {
    const isLoggedOut = () => {
      throw new RangeError('secret')
    }
    const world = await signedIn({ options: { isLoggedOut } })
    const { revoked, error } = await world.client.logout()
    expect(revoked).toBe(false)
    expect(error).toMatchObject({ message: expect.stringContaining('"isLoggedOut" threw') })
    expect(world.logs).toContainEqual({ type: 'callback-threw', option: 'isLoggedOut', name: 'RangeError' })
  })

  test('N3 an "isLoggedOut" that throws at an outage leaves it an outage, which is tried again', async () => {
    const isLoggedOut = ({ body }: LogoutAnswer) => (body as any).data.logout === true
    const world = await signedIn({ options: { isLoggedOut } })
    world.server.answer('POST /logout', () => page(503), 1)
    world.server.answer('POST /logout', () => Response.json({ data: { logout: true } }))
    expect(await world.client.logout()).toMatchObject({ error: { code: 'logout_unavailable', status: 503 } })
    await world.clock.advance(60_000)
    expect(world.logs.at(-1)).toEqual({ type: 'revoked' })
  })

  test('N3 "isLoggedOut" is asked about logouts alone', async () => {
    const isLoggedOut = () => expect.unreachable()
    const world = createWorld({ options: { isLoggedOut, endpoints: { user: '/user/whoami' } } })
    await world.login()
    await world.client.refresh()
  })

  const inputs: unknown[] = []
  const logout: EndpointFunction = ({ input, credentials }) => {
    inputs.push(input)
    expect(credentials).toBeUndefined()
    return { url: '/logout', json: input }
  }
  const withLogout: WorldOptions = { options: { endpoints: { logout } } }

  test('what logout() is given is the input of its endpoint function, and of no other', async () => {
    const others: unknown[] = []
    const at =
      (url: string): EndpointFunction =>
      context => {
        others.push(context.input)
        return { url, json: context.credentials }
      }
    const endpoints = { logout, login: at('/login'), refresh: at('/refresh_token') }
    const world = createWorld({ options: { sessionKey: 'app', endpoints } })
    await world.login()
    await world.client.refresh()
    inputs.length = 0
    await world.client.logout({ everywhere: true })
    expect(inputs).toEqual([{ everywhere: true }])
    expect(others).toEqual([undefined, undefined])
    await world.login()
    await world.client.logout()
    expect(inputs).toEqual([{ everywhere: true }, undefined])
  })

  test('this page repeats the logout with its input, and no later session inherits it', async () => {
    const world = await signedIn(withLogout)
    inputs.length = 0
    world.server.answer(LOGOUT, () => Response.error(), 2)
    await world.client.logout('everywhere')
    await world.clock.advance(HOUR)
    expect(inputs).toEqual(['everywhere', 'everywhere', 'everywhere'])
    await world.login()
    await world.client.logout()
    expect(inputs.at(-1)).toBeUndefined()
  })

  test('a login before the repeat ends it, with its input', async () => {
    const world = await signedIn(withLogout)
    world.server.answer(LOGOUT, () => Response.error(), 1)
    await world.client.logout('everywhere')
    inputs.length = 0
    await world.login()
    await world.client.logout()
    expect(inputs).toEqual([undefined])
  })

  test('a later page repeats it without the input, which is stored nowhere', async () => {
    const world = await signedIn(withLogout)
    world.server.answer(LOGOUT, () => Response.error(), 1)
    await world.client.logout({ returnTo: 'https://example.com/secret-page' })
    expect([...world.storage.values(), ...world.sessionStorage.values()].join()).not.toContain('secret-page')
    world.close()
    inputs.length = 0
    const page = load(world, withLogout.options)
    await page.clock.advance(HOUR)
    expect(inputs).toEqual([undefined])
  })

  test('a string endpoint ignores the input, and a second call joins the first', async () => {
    const world = await signedIn()
    const open = world.server.hold(LOGOUT)
    const first = world.client.logout(new Event('click'))
    const second = world.client.logout({ everywhere: true })
    await world.settle()
    open()
    expect(await Promise.all([first, second])).toEqual([{ revoked: true }, { revoked: true }])
    expect(world.server.calls.map(({ text }) => text)).toEqual([''])
  })
})

describe('N12 why the server refused', () => {
  const body = { type: 'https://example.com/elsewhere', title: 'You signed in on another device' }
  const refused = (status: number, why: unknown = body) => ({ code: 'refresh_rejected', status, body: why })
  const logouts = ({ events }: World) =>
    events.filter(([name]) => name === 'logout').map(([, detail]) => detail)
  /** Tabs of one session. */
  async function tabsOf(given: WorldOptions, count = 3): Promise<[World, ...World[]]> {
    const first = createWorld(given)
    await first.login()
    const others = Array.from({ length: count - 1 }, () => createWorld({ ...given, browser: first }))
    for (const { client } of others) await client.ready()
    await first.settle()
    expect([first, ...others].map(({ client }) => client.session.status)).toEqual(
      Array.from({ length: count }, () => 'authenticated'),
    )
    return [first, ...others]
  }

  /** The server has ended the session, and the API says so to the first tab. */
  async function end(tabs: [World, ...World[]], answer: () => Response): Promise<void> {
    const [first] = tabs
    first.server.answer(REFRESH, answer)
    first.server.revokeAccess()
    expect((await first.client.fetch(items)).status).toBe(401)
    await first.settle()
  }

  const modes: [name: string, given: WorldOptions][] = [
    ['bearer', {}],
    ['the refresh token in one tab', { server: { carrier: 'body' } }],
    ['messages without tokens', { options: { tabs: shareTabs({ tokens: false }) } }],
    ['cookie mode', inCookies],
  ]
  test.each(modes)('N12 "logout" and the session of every tab say it: %s', async (_, given) => {
    const tabs = await tabsOf(given)
    await end(tabs, () => Response.json(body, { status: 401 }))
    for (const tab of tabs) {
      expect(logouts(tab)).toEqual([{ reason: 'rejected', error: expect.objectContaining(refused(401)) }])
      expect(isAuthError(logouts(tab)[0]?.error)).toBe(true)
      expect(tab.client.session).toMatchObject({
        status: 'anonymous',
        reason: 'rejected',
        error: refused(401),
      })
      expect(Object.isFrozen(tab.client.session)).toBe(true)
    }
  })

  test('N12 while the token still works every tab says it too', async () => {
    const tabs = await tabsOf({})
    const [first] = tabs
    first.server.answer(REFRESH, () => Response.json(body, { status: 403 }))
    await expect(first.client.refresh()).rejects.toMatchObject(refused(403))
    await first.settle()
    for (const { client } of tabs) {
      expect(client.session).toMatchObject({ status: 'authenticated', error: refused(403) })
    }
    await first.clock.advance(HOUR)
    for (const tab of tabs) expect(logouts(tab)).toMatchObject([{ reason: 'rejected', error: refused(403) }])
  })

  test('N12 a restore that was refused says it', async () => {
    for (const given of [{}, inCookies]) {
      const world = createWorld(given)
      world.server.answer(REFRESH, () => Response.json(body, { status: 401 }))
      expect(await world.client.ready()).toMatchObject({
        status: 'anonymous',
        reason: 'initial',
        error: refused(401),
      })
      expect(world.events).toEqual([])
    }
  })

  test('N12 where no server has said anything there is no error', async () => {
    const world = await signedIn()
    await world.client.logout()
    expect(world.events).toEqual([['logout', { reason: 'logout' }]])
    expect(Object.keys(world.client.session)).toEqual(['status', 'reason'])
    const sliding = await signedIn({ server: { carrier: 'sliding' }, options: { sliding: true } })
    sliding.clock.sleep(2 * HOUR)
    await sliding.client.fetch(items).catch(() => {})
    expect(logouts(sliding)).toEqual([{ reason: 'rejected' }])
  })

  test('N12 a failure that passes keeps its status, and no body', async () => {
    const world = await signedIn()
    world.server.answer(REFRESH, () => Response.json(body, { status: 503 }))
    await expect(world.client.refresh()).rejects.toMatchObject({ status: 503, body: undefined })
    expect(world.client.session).toMatchObject({ error: { status: 503, body: undefined } })
  })

  const bodies: [name: string, answer: () => Response, own: unknown, told: unknown][] = [
    ['a text', () => text('gone', 401), 'gone', 'gone'],
    ['nothing', () => text(null, 401), undefined, undefined],
    ['null', () => Response.json(null, { status: 401 }), null, null],
    ['false', () => Response.json(false, { status: 401 }), false, false],
    ['too much', () => text('x'.repeat(100_000), 401), 'x'.repeat(100_000), undefined],
    ['as much as may be', () => text('x'.repeat(99_990), 401), 'x'.repeat(99_990), 'x'.repeat(99_990)],
  ]
  test.each(bodies)('N12 %s', async (_, answer, own, told) => {
    const tabs = await tabsOf({}, 2)
    await end(tabs, answer)
    const [first, second] = tabs.map(tab => logouts(tab)[0]?.error)
    expect(first).toMatchObject({ status: 401, body: own })
    expect(second).toMatchObject({ status: 401, body: told })
  })

  test('N12 a body that quotes a token of the session is left out', async () => {
    const tabs = await tabsOf({ server: { carrier: 'body' } }, 2)
    const token = await tabs[0].client.getAccessToken()
    for (const quoted of [`the token ${token} is dead`, tabs[0].server.calls[0]?.text])
      expect(quoted).toBeTruthy()
    await end(tabs, () => Response.json({ error: `the token ${token} is dead` }, { status: 401 }))
    for (const tab of tabs) expect(logouts(tab)[0]?.error).toMatchObject({ status: 401, body: undefined })
  })

  test.each([
    ['PHP', (json: string) => json.replaceAll('/', '\\/')],
    ['.NET', (json: string) => json.replaceAll('+', '\\u002B')],
  ])('N12 nor one that writes the token as the JSON of %s does', async (_, write) => {
    const { client, server } = createWorld()
    const refreshToken = 'a/refresh+token/of/no/letters+alone'
    await client.setTokens({ accessToken: server.issueAccess('ada').token, refreshToken })
    server.answer(REFRESH, () => text(write(JSON.stringify({ refreshToken })), 401, 'application/json'))
    server.revokeAccess()
    expect((await client.fetch(items)).status).toBe(401)
    expect(client.session).toMatchObject({ error: { status: 401, body: undefined } })
  })

  test('N12 nor what is nested too deeply to be looked at', async () => {
    const world = await signedIn()
    await end([world], () => text(`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 401, 'application/json'))
    expect(logouts(world)[0]?.error).toMatchObject({ status: 401, body: undefined })
  })

  test.each<[string, WorldOptions]>([
    ['the refresh token alone', {}],
    ['tokens beside cookies', inCookies],
  ])('N12 nor the answer to a login that was not confirmed: %s', async (_, given) => {
    const world = createWorld(given)
    const access = given === inCookies && { access_token: 'a-token-nobody-may-see' }
    const secret = { ...access, refresh_token: 'a-token-nobody-may-see' }
    world.server.answer(LOGIN, () => Response.json(secret))
    for (const route of [REFRESH, 'GET /me'])
      world.server.answer(route, () => Response.json({}, { status: 401 }))
    const login = watch(world.client.login(ada))
    await world.settle()
    expect(login.state).toBe('login_rejected')
    expect(inspect(login.error, { depth: null })).not.toContain('a-token')
  })

  test('N12 no logger is told a body', async () => {
    const secret = 'what-only-the-app-may-know'
    const given: WorldOptions = { options: { endpoints: { user: '/user/whoami' } } }
    const tabs = await tabsOf(given, 2)
    const [first] = tabs
    const answer = (status: number) => () => Response.json({ secret }, { status })
    first.server.answer('GET /user/whoami', answer(401))
    first.server.answer(REFRESH, answer(403))
    await first.client.refresh().catch(() => {})
    await first.client.login({ email: 'ada', password: 'wrong' }).catch(() => {})
    first.server.answer('POST /logout', answer(500), 1)
    await end(tabs, answer(401))
    await first.login()
    expect(await first.client.logout()).toMatchObject({ error: { body: { secret } } })
    const types = tabs.flatMap(({ logs }) => logs.map(({ type }) => type))
    expect(types).toEqual(
      expect.arrayContaining(['refresh-failed', 'postponed', 'revocation-failed', 'user-failed']),
    )
    for (const { logs } of tabs) {
      expect(inspect(logs, { depth: null, showHidden: true })).not.toContain(secret)
      const errors = logs.flatMap(event => ('error' in event ? [event.error] : []))
      expect(errors.every(isAuthError)).toBe(true)
    }
    expect(
      inspect(
        tabs.map(({ events }) => events),
        { depth: null },
      ),
    ).toContain(secret)
  })

  describe('M9 what is said in its name', () => {
    const deep: Record<string, unknown> = {}
    let inner = deep
    for (let n = 0; n < 20_000; n++) inner = inner.d = {}
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    const forged: [name: string, body: unknown, seen: unknown][] = [
      ['of another size', 'x'.repeat(200_000), undefined],
      ['with no end', cyclic, undefined],
      ['very deep', deep, undefined],
      ['a number that JSON does not know', { n: 1n }, undefined],
      ['a Map of anything', new Map([['x', 'x'.repeat(200_000)]]), {}],
      ['bytes', new Uint8Array(1_000_000), undefined],
      [
        'a getter that throws',
        {
          get x() {
            throw new Error('boo')
          },
        },
        undefined,
      ],
      ['a prototype', JSON.parse('{"__proto__":{"polluted":true}}'), expect.anything()],
      ['what is fine', { title: 'bye' }, { title: 'bye' }],
    ]
    const inject = async (world: World, message: object, ahead = 1) => {
      const [name, last] = world.shared.channels.posted.findLast(
        ([, one]) => (one as any).type === 'session',
      ) as any
      const { v, generation } = last
      world.shared.channels.inject(name, { v, generation: generation + ahead, ...message })
      await world.settle()
    }

    test.each(forged)('M9 a refusal whose body is %s', async (_, body, seen) => {
      const tabs = await tabsOf({}, 2)
      await inject(tabs[0], { type: 'signed-out', reason: 'rejected', status: 401, body })
      for (const tab of tabs) {
        expect(logouts(tab)).toMatchObject([{ reason: 'rejected', error: { status: 401, body: seen } }])
        expect(tab.reported).toEqual([])
      }
      expect('polluted' in {}).toBe(false)
    })

    test.each([['401'], [null], [{}], [Number]])('M9 one whose status is %j was not said', async status => {
      const tabs = await tabsOf({}, 2)
      await inject(tabs[0], { type: 'signed-out', reason: 'rejected', status, body: 'x' })
      for (const { client } of tabs) expect(client.session.status).toBe('authenticated')
    })

    test('M9 a logout in another tab has no refusal to it', async () => {
      const tabs = await tabsOf({}, 2)
      await inject(tabs[0], { type: 'signed-out', reason: 'other-tab', status: 401, body: 'x' })
      for (const tab of tabs) expect(logouts(tab)).toEqual([{ reason: 'other-tab' }])
    })

    test('M9 an outage that another tab has met brings no body along', async () => {
      const tabs = await tabsOf({}, 2)
      const retryAt = tabs[0].clock.now() + 60_000
      const outage = { type: 'postponed', code: 'refresh_unavailable', status: 503, retryAt, binding: true }
      await inject(tabs[0], { ...outage, body: 'x' }, 0)
      for (const { client } of tabs)
        expect(client.session).toMatchObject({ error: { status: 503, body: undefined } })
    })
  })
})

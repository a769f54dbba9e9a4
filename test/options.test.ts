import { afterEach, describe, expect, test } from 'vitest'
import { createFullClient } from '../src/api/full-client.ts'
import { createClient } from '../src/client.ts'
import { cookieMode, doubleSubmit, idleTimeout, shareTabs, tokenStorage } from '../src/core.ts'
import { createAuthClient } from '../src/index.ts'
import { isAuthError } from '../src/kernel/errors.ts'
import { oauth2 } from '../src/presets/oauth2.ts'
import type { AuthClientOptions, EndpointContext, EndpointFunction, TokenSet } from '../src/types.ts'
import { nameOf } from './support/names.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const FEATURES = ['tabs', 'storage', 'csrf', 'idle', 'mode'] as const

const { environment } = createWorld()
/** As from JavaScript, where nothing checks the types. */
const create = (options: unknown, page = environment.page) =>
  createClient(withTabs(options) as never, { ...environment, page })
const withTabs = (options: unknown) =>
  typeof options === 'object' && options ? { tabs: shareTabs(), ...options } : options

/** What the factory throws for these options. */
function refusal(options: unknown, page = environment.page): Error {
  try {
    create(options, page).dispose()
  } catch (error) {
    expect(isAuthError(error)).toBe(true)
    expect(error).toMatchObject({ code: 'invalid_option', retryable: false })
    return error as Error
  }
  return expect.unreachable('nothing was thrown')
}

describe('a bad option throws AuthError "invalid_option", naming it', () => {
  const sessionKey = 'app'
  const bad: [option: string, ...values: unknown[]][] = [
    ['baseUrl', 5, null, {}, 'http://', 'https://', 'ftp://api.example.com', 'javascript:alert(1)', 'data:,'],
    ['baseUrl', 'http://api.example.com', new URL('http://api.example.com'), 'http://localhost.evil.example'],
    ['baseUrl', Object.assign(new URL(ORIGIN), { toString: () => ({}) })], // which is no text
    ['endpoints', 'login', null, 5],
    ['readTokens', 'access_token', null, {}],
    ['isRejected', true, null, 401],
    ['isLoggedOut', true, null, 200],
    ['restore', 'never', true, null, ''],
    ['sessionKey', '', 5, null, {}],
    ['shouldRefresh', 401, null, [401]],
    ['scheme', '', 'Bearer ', 'Two words', 'Bearer:', 'Bea\nrer', 'Ключ', 5, null, true, {}],
    ['allowedOrigins', ORIGIN, null, {}, [5], [null], [''], ['*'], ['api.example.com'], ['null']],
    ['allowedOrigins', [`${ORIGIN}/`], [`${ORIGIN}/path`], ['HTTPS://API.EXAMPLE.COM'], [`${ORIGIN}:443`]],
    ['allowedOrigins', ['http://api.example.com'], [ORIGIN, 'ws://api.example.com'], [/example/]],
    ['server', 'yes', 1, null],
    ['refreshAhead', -1, Number.NaN, Number.POSITIVE_INFINITY, '60', null, true],
    ['timeout', 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '10', null, true],
    ['userSchema', {}, () => true, null, { '~standard': {} }],
    ['claims', {}, () => true, null, { '~standard': {} }, { '~standard': { validate: 'yes' } }],
    ['fetch', 'fetch', null, {}],
    ['logger', console, null, true],
  ]
  const cases = bad.flatMap(([option, ...values]) => values.map(value => [option, value] as const))
  test.each(cases)('"%s": %j', (option, value) => {
    expect(refusal({ [option]: value }).message).toMatch(new RegExp(`^"${option}" must be `))
  })

  const endpoints: [name: string, ...values: unknown[]][] = [
    ['login', '', 5, null, false, {}, 'http://api.example.com/login', 'ftp://api.example.com', 'https://'],
    ['refresh', '', 5, null, true, {}, 'http://api.example.com/refresh'],
    ['logout', '', 5, null, true, {}, 'http://api.example.com/logout'],
    ['user', '', 5, null, false, {}, 'http://api.example.com/user'],
    ['restore', '', 5, null, false, {}, 'http://api.example.com/restore'],
  ]
  const endpointCases = endpoints.flatMap(([name, ...values]) => values.map(value => [name, value] as const))
  test.each(endpointCases)('"endpoints.%s": %j', (name, value) => {
    const { message } = refusal({ sessionKey, endpoints: { [name]: value } })
    expect(message).toMatch(new RegExp(`^"endpoints.${name}" must be `))
  })

  test.each([null, 5, 'https://api.example.com', () => {}])('options that are no object: %s', value => {
    expect(refusal(value).message).toMatch(/^"options" must be /)
    expect(() => createAuthClient(value as never)).toThrow(/^"options" must be /)
  })

  test.each([
    [{ baseURL: ORIGIN }, '"baseURL" is not an option.'],
    [{ endpoints: { signin: 'login' } }, '"endpoints.signin" is not an option.'],
    [{ constructor: 1 }, '"constructor" is not an option.'],
    [JSON.parse('{"__proto__":{}}'), '"__proto__" is not an option.'],
    [{ endpoints: JSON.parse('{"toString":"x"}') }, '"endpoints.toString" is not an option.'],
  ])('a name that is none: %j', (options, message) => {
    expect(refusal(options).message).toBe(message)
  })

  test('"sessionKey" is required where "endpoints.refresh" is a function', () => {
    const refresh = () => ({ url: '/refresh' })
    expect(refusal({ endpoints: { refresh } }).message).toMatch(
      /^"sessionKey" must be .*"endpoints\.refresh"/,
    )
    create({ sessionKey, endpoints: { refresh } }).dispose()
  })

  test('a message never shows the value', () => {
    const secret = 'http://user:secret@api.example.com'
    for (const options of [
      { baseUrl: secret },
      { allowedOrigins: [secret] },
      { endpoints: { login: secret } },
    ]) {
      expect(refusal(options).message).not.toContain('secret')
    }
  })

  test('a client that was refused has left nothing behind', () => {
    const world = createWorld()
    const { listeners } = world
    const { timers } = world.clock
    const options = { timeout: -1, restore: 'auto', tabs: shareTabs() } as const
    expect(() => createClient(options, world.environment)).toThrow(/^"timeout"/)
    expect(world.clock.timers).toBe(timers)
    expect(world.listeners).toBe(listeners)
  })
})

describe('a good option is taken', () => {
  const noop = () => undefined
  test.each([
    [{}],
    [undefined],
    [{ baseUrl: ORIGIN }],
    [{ baseUrl: '/v1' }],
    [{ baseUrl: new URL(`${ORIGIN}/v1/`) }],
    [{ baseUrl: 'http://localhost:8080' }],
    [{ baseUrl: 'http://app.localhost' }],
    [{ baseUrl: 'http://127.0.0.1:3000/api' }],
    [{ baseUrl: 'http://[::1]:3000' }],
    [{ endpoints: {} }],
    [
      {
        endpoints: { login: '/l', refresh: 'r', logout: false, user: 'https://id.example/u', restore: noop },
      },
    ],
    [{ sessionKey: 'app', endpoints: { login: noop, refresh: noop, logout: noop, user: noop } }],
    [{ restore: 'auto', scheme: 'JWT', server: true, refreshAhead: 0, timeout: 1, allowedOrigins: [] }],
    [{ allowedOrigins: [ORIGIN, 'http://localhost:3000', 'https://other.example:8443'] }],
    [
      {
        readTokens: noop,
        isRejected: noop,
        isLoggedOut: noop,
        shouldRefresh: noop,
        fetch: noop,
        logger: noop,
      },
    ],
    [{ claims: { '~standard': { validate: noop } } }],
    [{ baseUrl: undefined, endpoints: undefined, timeout: undefined, scheme: undefined, claims: undefined }],
    [{ endpoints: { login: undefined, logout: undefined, user: undefined } }],
  ])('%j', options => {
    create(options ?? {}).dispose()
  })

  test('"baseUrl" may be http where the page itself is', () => {
    const page = { href: 'http://intranet/app', origin: 'http://intranet' }
    create({}, page).dispose()
    create({ baseUrl: 'http://intranet/api', allowedOrigins: ['http://intranet'] }, page).dispose()
    expect(refusal({ baseUrl: 'http://other' }, page).message).toMatch(/^"baseUrl"/)
  })
})

describe('options are read once', () => {
  test('they may be frozen, and stay as they are', async () => {
    const options = {
      endpoints: Object.freeze({ user: '/user/whoami' }),
      allowedOrigins: Object.freeze([ORIGIN]),
    }
    const text = JSON.stringify(options)
    const world = await signedIn({ options: Object.freeze(options) })
    await world.client.refresh()
    await world.client.logout()
    expect(JSON.stringify(options)).toBe(text)
  })

  test('what is changed afterwards changes nothing', async () => {
    const options = {
      endpoints: { login: '/login', refresh: '/refresh_token' },
      allowedOrigins: [ORIGIN],
      scheme: 'Bearer',
    }
    const world = createWorld({ options })
    options.endpoints.login = 'https://evil.example/login'
    options.endpoints.refresh = 'https://evil.example/refresh'
    options.allowedOrigins.push('https://evil.example')
    options.scheme = 'Evil'
    await world.login()
    await world.client.refresh()
    world.server.answer('/steal', () => world.server.json({}))
    await world.client.fetch('https://evil.example/steal')
    await world.client.fetch(`${ORIGIN}/items`)
    expect(world.server.calls.map(({ path, authorization }) => [path, authorization?.split(' ')[0]])).toEqual(
      [
        ['/login', undefined],
        ['/refresh_token', undefined],
        ['/steal', undefined],
        ['/items', 'Bearer'],
      ],
    )
  })
})

const EVIL = 'https://evil.example'

describe('E17 a polluted Object.prototype changes nothing', () => {
  const noop = () => undefined
  const REST = '{"v":1,"refreshToken":"evil","lineage":1}'
  const evil: [name: string, value: unknown][] = [
    // Options
    ['baseUrl', EVIL],
    ['endpoints', { login: `${EVIL}/login`, refresh: `${EVIL}/refresh`, user: `${EVIL}/user` }],
    ['allowedOrigins', [ORIGIN, EVIL]],
    ['readTokens', () => ({ accessToken: 'evil' })],
    ['isRejected', () => true],
    ['isLoggedOut', () => false],
    ['input', 'evil'],
    ['restore', 'auto'],
    ['sessionKey', 'evil'],
    ['shouldRefresh', () => true],
    ['scheme', 'Evil'],
    ['mode', cookieMode()],
    ['sliding', true],
    ['storage', tokenStorage({ get: () => REST, set: noop, remove: noop })],
    ['csrf', doubleSubmit({ cookie: 'id', header: 'X-Evil' })],
    ['idle', idleTimeout(1)],
    ['server', true],
    ['tabs', false],
    ['refreshAhead', 3_600_000],
    ['timeout', 1],
    ['claims', { '~standard': { validate: () => ({ issues: [] }) } }],
    ['userSchema', { '~standard': { validate: () => ({ issues: [] }) } }],
    ['fetch', noop],
    ['logger', noop],
    ['unknown option', 1],
    // Endpoints
    ['login', `${EVIL}/login`],
    ['refresh', () => ({ url: `${EVIL}/refresh` })],
    ['logout', `${EVIL}/logout`],
    ['user', `${EVIL}/user`],
    // Requests
    ['url', `${EVIL}/url`],
    ['json', { evil: true }],
    ['form', { evil: 'true' }],
    ['headers', { 'X-Evil': 'true' }],
    // Token sets
    ['accessToken', 'evil'],
    ['refreshToken', 'evil'],
    ['expiresIn', 1],
    ['expiresAt', 1],
    // Calls
    ['minValidity', 1e12],
    ['signal', AbortSignal.abort()],
    // Of an auth call, inside
    ['sent', 'evil'],
    ['rotated', 'evil'],
    ['kind', 'logout'],
    ['key', { id: 'evil' }],
    ['read', () => null],
    // Of features, of a schema's result, of a message
    ['flow', { feature: 'flow', create: noop }],
    ['proof', { feature: 'proof', create: noop }],
    ['create', noop],
    ['check', noop],
    ['feature', 'storage'],
    ['tokens', false],
    ['warnBefore', 1],
    ['ms', 1],
    ['shared', true],
    ['cookie', 'id'],
    ['header', 'X-Evil'],
    ['issues', []],
    ['origins', [EVIL]],
  ]
  const polluted = new Set<string>()
  const pollute = (name: string, value: unknown) => {
    polluted.add(name)
    Object.assign(Object.prototype, { [name]: value })
  }
  const clean = () => {
    for (const name of polluted) Reflect.deleteProperty(Object.prototype, name)
  }
  afterEach(clean)

  /** All that was sent, and what became of it. */
  async function story(setUp: () => AuthClientOptions, pollutes: (when: 'before' | 'after') => void) {
    const sent: { url: string; scheme: string | undefined; [part: string]: unknown }[] = []
    const world = createWorld()
    world.cookies = 'id=secret'
    pollutes('before')
    const given: AuthClientOptions = {
      ...setUp(),
      async fetch(input, init) {
        const { method, url, headers, body } = bareRequest(input, init)
        const scheme = headers.get('authorization')?.split(' ')[0]
        sent.push({ method, url, scheme, evil: headers.get('x-evil'), body })
        return answer(url, `${sent.length}`)
      },
    }
    const client = createFullClient(given, world.environment)
    pollutes('after')
    const outcomes: unknown[] = []
    const step = async (run: () => unknown) => {
      const outcome = watch(Promise.resolve().then(run))
      await world.settle()
      outcomes.push(outcome.state)
    }
    await step(() => client.ready())
    await step(() => client.login({ email: 'ada', password: 'secret' }))
    await step(() => client.fetch(`${ORIGIN}/items`))
    await step(() => client.fetch(`${EVIL}/items`))
    await step(() => client.refresh())
    await step(() => client.getAccessToken())
    await step(() => client.setTokens({ accessToken: 'given' }))
    await step(() => client.refresh())
    outcomes.push(client.session.status)
    await step(() => client.logout())
    client.dispose()
    return { sent, outcomes }
  }

  /** As the network sees it, whatever is on the prototype. */
  function bareRequest(input: RequestInfo | URL, init: RequestInit = {}) {
    const own = (name: keyof RequestInit) => (Object.hasOwn(init, name) ? init[name] : undefined)
    const request = input instanceof Request ? input : null
    return {
      method: own('method') ?? request?.method ?? 'GET',
      url: request ? request.url : String(input),
      headers: new Headers((own('headers') as Headers | undefined) ?? request?.headers),
      body: own('body'),
    }
  }

  function answer(url: string, token: string): Response {
    const { pathname } = new URL(url)
    if (pathname === '/logout') return new Response(null, { status: 204 })
    return Response.json(
      pathname === '/items' ? { items: [] } : { access_token: `opaque-${token}`, expires_in: 3600 },
    )
  }

  const setups: [name: string, options: () => AuthClientOptions][] = [
    ['no options', () => ({ restore: 'manual' })],
    [
      'functions for endpoints, and a reader',
      () => ({
        restore: 'manual',
        sessionKey: 'app',
        endpoints: {
          login: ({ credentials }) => ({ url: '/login', json: credentials }),
          refresh: () => ({ url: '/refresh_token', form: { grant_type: 'refresh_token' } }),
          logout: () => ({ url: '/logout' }),
        },
        readTokens: body => ({ accessToken: body.access_token, expiresIn: body.expires_in }),
        claims: { '~standard': { validate: (value: any) => ({ value }) } },
      }),
    ],
    [
      'a value for every option that brings code, but for the mode',
      () => ({
        restore: 'manual',
        tabs: shareTabs(),
        csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }),
        storage: tokenStorage({ get: () => null, set: () => {}, remove: () => {} }),
        idle: idleTimeout(15 * 60_000),
      }),
    ],
  ]
  const cases = setups.flatMap(([setup, options]) =>
    evil.flatMap(([name, value]) =>
      (['before', 'after'] as const).map(when => ({ setup, options, name, value, when })),
    ),
  )
  const told = new Map<string, unknown>()
  test.each(cases)(
    '"$name", $when the creation, with $setup',
    async ({ setup, options, name, value, when }) => {
      if (!told.has(setup)) told.set(setup, await story(options, () => {}))
      const expected = told.get(setup)
      const actual = await story(options, now => now === when && pollute(name, value))
      clean()
      expect(actual).toEqual(expected)
    },
  )

  test('without it all of that succeeds, and no bearer goes to another origin', async () => {
    for (const [, options] of setups.slice(0, 2)) {
      const { sent, outcomes } = await story(options, () => {})
      expect(new Set(outcomes)).toEqual(new Set(['fulfilled', 'authenticated']))
      const bearers = sent.filter(({ scheme }) => scheme === 'Bearer')
      expect(new Set(bearers.map(({ url }) => new URL(url).origin))).toEqual(new Set([ORIGIN]))
    }
  })

  test.each(['baseUrl', 'prefix'])('"%s" leads no request of "api" elsewhere', async name => {
    const sent: string[] = []
    const fetch = async (input: RequestInfo | URL) => {
      sent.push(input instanceof Request ? input.url : String(input))
      return Response.json({ access_token: 'opaque' })
    }
    const client = createFullClient({ restore: 'manual', fetch }, environment)
    await client.login({})
    pollute(name, EVIL)
    await client.api.get('items')
    await client.api.post('items', { json: { password: 'secret' } })
    clean()
    client.dispose()
    expect(sent.slice(1)).toEqual([`${ORIGIN}/items`, `${ORIGIN}/items`])
  })

  test('oauth2 sends no refresh token to a "revokeUrl" that nobody gave', () => {
    pollute('revokeUrl', `${EVIL}/revoke`)
    pollute('passwordGrant', true)
    const preset = oauth2({ tokenUrl: `${ORIGIN}/token`, clientId: 'spa' })
    expect(preset.endpoints?.logout).toBe(false)
    const context = { tokens: null, credentials: {}, signal: new AbortController().signal }
    expect(() => (preset.endpoints!.login as EndpointFunction)(context)).toThrow(/code flow/)
  })

  const lacking: [what: string, make: () => unknown][] = [
    ['an empty storage', () => tokenStorage({} as never)],
    ['a storage without get', () => tokenStorage({ set: noop, remove: noop } as never)],
    ['csrf without its cookie', () => doubleSubmit({ header: 'X' } as never)],
    ['csrf without its header', () => doubleSubmit({ cookie: 'id' } as never)],
    ['a schema', () => create({ claims: {} })],
    ...FEATURES.map((option): [string, () => unknown] => [
      `a value for "${option}"`,
      () => create({ endpoints: { user: '/me' }, [option]: {} }),
    ]),
  ]
  test.each(lacking)('what %s lacks does not come from there', (_, make) => {
    for (const name of ['get', 'set', 'remove']) pollute(name, noop)
    pollute('cookie', 'id')
    pollute('header', 'X')
    pollute('ms', 1)
    pollute('tokens', true)
    for (const option of FEATURES) pollute('feature', option)
    pollute('~standard', { validate: noop })
    let refused: unknown
    try {
      make()
    } catch (error) {
      refused = error
    }
    clean()
    expect(refused).toMatchObject({ code: 'invalid_option', message: expect.stringMatching(/must be/) })
  })

  test('what a class of the app has is read: a storage, a request and a token set with accessors', async () => {
    class Store {
      readonly kept = new Map<string, string>()
      get(key: string) {
        return this.kept.get(key)
      }
      set(key: string, value: string) {
        this.kept.set(key, value)
      }
      remove(key: string) {
        this.kept.delete(key)
      }
    }
    class Login {
      get url() {
        return `${ORIGIN}/login`
      }
      get json() {
        return { email: 'ada', password: 'right' }
      }
    }
    class Tokens {
      readonly body: Record<string, string>
      constructor(body: Record<string, string>) {
        this.body = body
      }
      get accessToken() {
        return this.body.access_token
      }
      get refreshToken() {
        return this.body.refresh_token
      }
    }
    const storage = new Store()
    const world = createWorld({
      server: { carrier: 'body' },
      options: {
        storage: tokenStorage(storage),
        endpoints: { login: () => new Login() },
        readTokens: body => new Tokens(body) as TokenSet,
      },
    })
    await world.login()
    await world.settle()
    expect(world.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'ada' } })
    expect(storage.kept.size).toBe(1)
  })
})

describe('E17 a <base> that was injected leads nothing to another origin', () => {
  const origin = 'https://app.example.com'
  const astray = { origin, href: `${EVIL}/` }

  test.each(['/api', 'api', './', '../api', '?a', 'https:api', 'https:/api', ''])(
    '"baseUrl" %j is refused',
    baseUrl => {
      expect(refusal({ baseUrl: baseUrl || '.' }, astray).message).toMatch(/^"baseUrl" must be .*<base>/)
      expect(() => createFullClient({ baseUrl: baseUrl || '.' }, { ...environment, page: astray })).toThrow(
        /^"baseUrl"/,
      )
    },
  )

  test.each([
    ['https://api.example.com', 'https://api.example.com/login'],
    ['//api.example.com/v1', 'https://api.example.com/v1/login'],
    ['\\\\api.example.com', 'https://api.example.com/login'],
    [undefined, `${origin}/login`],
    [origin, `${origin}/login`],
  ])('%j names its own host, or is the page: it is taken', async (baseUrl, login) => {
    const sent: string[] = []
    const client = createClient(
      {
        restore: 'manual',
        tabs: shareTabs(),
        baseUrl,
        fetch: async input => {
          sent.push(String(input))
          return Response.json({ access_token: 'opaque' })
        },
      },
      { ...environment, page: astray },
    )
    await client.login({})
    client.dispose()
    expect(sent).toEqual([login])
  })

  test('one that keeps to the page is where a relative "baseUrl" begins', async () => {
    const page = { origin: ORIGIN, href: `${ORIGIN}/shop/` }
    const world = createWorld({ page, options: { baseUrl: 'api', endpoints: { login: '../../login' } } })
    await world.login()
    expect(world.server.calls.map(({ path }) => path)).toEqual(['/login'])
  })

  test('a page without an origin of its own needs an absolute one', () => {
    const page = { origin: 'null', href: `${ORIGIN}/app` }
    create({ baseUrl: ORIGIN }, page).dispose()
    expect(refusal({ baseUrl: '/api' }, page).message).toMatch(/^"baseUrl"/)
  })

  const PATHS = { login: '/login', refresh: '/refresh_token', logout: '/logout' }
  const requests: [name: 'login' | 'refresh' | 'logout', call: (world: World) => Promise<unknown>][] = [
    ['login', ({ client }) => client.login({ password: 'secret' })],
    ['refresh', ({ client }) => client.refresh()],
    ['logout', async ({ client }) => Promise.reject((await client.logout()).error)],
  ]
  test.each(requests)('nor the relative URL that "endpoints.%s" returns', async (name, call) => {
    const page = { origin: ORIGIN, href: `${ORIGIN}/app` }
    const world = await signedIn({
      page,
      options: {
        sessionKey: 'app',
        endpoints: {
          [name]: ({ credentials }: EndpointContext) => ({ url: PATHS[name], json: credentials ?? {} }),
        },
      },
    })
    page.href = `${EVIL}/`
    await expect(call(world)).rejects.toMatchObject({
      name: 'AuthError',
      message: expect.stringContaining(`"endpoints.${name}" must be an absolute URL`),
    })
    expect(world.server.calls).toEqual([])
  })

  test('nor the relative "tokenUrl" of oauth2', async () => {
    const page = { origin: ORIGIN, href: `${ORIGIN}/app` }
    const world = createWorld({
      page,
      options: oauth2({ tokenUrl: '/token', clientId: 'spa', passwordGrant: true }),
    })
    page.href = `${EVIL}/`
    const login = world.client.login({ username: 'ada', password: 'right' })
    await expect(login).rejects.toMatchObject({ code: 'invalid_option' })
    expect(world.server.calls).toEqual([])
  })
})

describe('I13 the session is named by the origin of "baseUrl" too', () => {
  const [first, second] = ['https://a.example.net', 'https://b.example.org']

  test('two backends with one "sessionKey" share no lock, no channel, no note, no token', async () => {
    const a = createWorld({ options: { sessionKey: 'example', baseUrl: first } })
    const b = createWorld({ browser: a, options: { sessionKey: 'example', baseUrl: second } })
    await a.login()
    await a.settle()
    expect(b.client.session.status).toBe('unknown')
    a.online = false
    await a.client.logout()
    await a.settle()
    expect([...a.storage.keys()]).toEqual([nameOf('example', 'signed-out', first)])
    expect(new Set(a.shared.channels.names)).toEqual(
      new Set([first, second].map(origin => nameOf('example', undefined, origin))),
    )
    a.server.seed('bob')
    expect((await b.client.ready()).status).toBe('authenticated')
  })

  test.each([
    ['another path', `${ORIGIN}/v1`, `${ORIGIN}/v2`],
    ['a trailing slash', ORIGIN, `${ORIGIN}/`],
  ])('with one "sessionKey" they are one session beyond %s', async (_, one, other) => {
    const a = createWorld({
      options: { sessionKey: 'example', baseUrl: one, endpoints: { login: '/login' } },
    })
    const b = createWorld({ browser: a, options: { sessionKey: 'example', baseUrl: other } })
    await b.settle()
    await a.login()
    await b.settle()
    expect(b.client.session.status).toBe('authenticated')
  })

  test('a function as refresh endpoint leaves none of its text in the storage, and a new build changes nothing', async () => {
    const build = (refresh: () => { url: string; headers?: Record<string, string> }) => ({
      tabs: false as const,
      endpoints: { refresh },
    })
    const before = await signedIn({
      options: build(() => ({ url: '/refresh_token', headers: { 'X-Api-Key': 'literal' } })),
    })
    before.online = false
    await before.client.logout()
    expect(before.storage.size).toBe(1)
    expect([...before.storage].join()).not.toMatch(/literal|=>|url/)
    before.close()
    const after = createWorld({ browser: before, options: build(() => ({ url: '/refresh_token' })) })
    after.online = false
    expect((await after.client.ready()).status).toBe('anonymous')
  })

  /** Beside a tab whose token goes to these origins, one whose token goes to those. */
  async function beside(theirs: string[], ours: string[], given: AuthClientOptions = {}) {
    const a = await signedIn({ options: { sessionKey: 'app', allowedOrigins: theirs } })
    const token = await a.client.getAccessToken()
    const b = createWorld({ browser: a, options: { sessionKey: 'app', allowedOrigins: ours, ...given } })
    const ready = watch(b.client.ready())
    await b.clock.advance(5_000)
    expect(ready.value).toMatchObject({ status: 'authenticated' })
    const isSame = (await b.client.getAccessToken()) === token
    return { a, b, isSame }
  }

  test.each([
    ['the same', [ORIGIN, first], [first, ORIGIN], true],
    ['fewer', [ORIGIN, first], [ORIGIN], true],
    ['none', [ORIGIN], [], true],
    ['more', [ORIGIN], [ORIGIN, first], false],
    ['others', [ORIGIN], [first], false],
    ['any at all', [], [ORIGIN], false],
  ])('a token is handed over to who sends it to %s', async (_, theirs, ours, isTaken) => {
    const { a, isSame } = await beside(theirs, ours)
    expect(isSame).toBe(isTaken)
    expect(a.server.refreshes).toBe(isTaken ? 0 : 1)
  })

  test('who may not take the token of another user asks the server who it is', async () => {
    const { a, b } = await beside([ORIGIN], [ORIGIN, first])
    await a.login('bob')
    const token = await a.client.getAccessToken()
    await b.clock.advance(5_000)
    expect(b.client.session).toMatchObject({ status: 'authenticated', claims: { sub: 'bob' } })
    expect(await b.client.getAccessToken()).not.toBe(token)
    await a.client.logout()
    await b.settle()
    expect(b.client.session).toMatchObject({ status: 'anonymous' })
  })

  test('a message that names no origins, or nonsense, hands nothing over', async () => {
    const a = await signedIn({ options: { sessionKey: 'app' } })
    const [, news] = a.shared.channels.posted.findLast(([, { type }]) => type === 'session')!
    const b = createWorld({ browser: a, options: { sessionKey: 'app', tabs: shareTabs({ tokens: false }) } })
    await b.client.ready()
    const { session } = b.client
    const { origins, ...rest } = news
    expect(origins).toEqual([ORIGIN])
    const token = a.server.issueAccess('eve').token
    for (const bad of [undefined, null, ORIGIN, {}, [1], [ORIGIN, null], ['x'.repeat(2_000)]]) {
      const generation = rest.generation + 100
      a.shared.channels.inject(nameOf('app'), { ...rest, accessToken: token, generation, origins: bad })
    }
    await b.settle()
    expect(b.client.session).toBe(session)
  })
})

describe('defaults', () => {
  /** The URLs of login, user, refresh and logout. */
  async function urls(given: Parameters<typeof createWorld>[0]) {
    const seen: string[] = []
    const world: World = createWorld({
      ...given,
      options: {
        ...given?.options,
        fetch(input) {
          seen.push(String(input))
          return Promise.resolve(Response.json({ access_token: 'opaque' }))
        },
      },
    })
    await world.login()
    await world.client.refresh()
    await world.client.logout()
    return seen
  }

  test.each([
    ['the page', {}, ['/login', '/refresh_token', '/logout']],
    ['a folder', { baseUrl: `${ORIGIN}/v1` }, ['/v1/login', '/v1/refresh_token', '/v1/logout']],
    [
      'a folder with its slash',
      { baseUrl: `${ORIGIN}/v1/` },
      ['/v1/login', '/v1/refresh_token', '/v1/logout'],
    ],
    ['a relative folder', { baseUrl: 'v1' }, ['/v1/login', '/v1/refresh_token', '/v1/logout']],
    [
      "'/' leads to the origin's root",
      { baseUrl: `${ORIGIN}/v1`, endpoints: { login: '/auth/login', refresh: 'token', logout: '../out' } },
      ['/auth/login', '/v1/token', '/out'],
    ],
  ])('endpoints resolve against "baseUrl": %s', async (_, options, paths) => {
    expect(await urls({ options })).toEqual(paths.map(path => ORIGIN + path))
  })

  test('an endpoint may be elsewhere', async () => {
    const endpoints = {
      login: 'https://id.example/login?from=app',
      refresh: 'https://id.example/t',
      logout: false,
    }
    expect(await urls({ options: { endpoints } as never })).toEqual([endpoints.login, endpoints.refresh])
  })

  test('the bearer goes to the origin of "baseUrl", and not to the page', async () => {
    const page = { href: 'https://app.example.com/', origin: 'https://app.example.com' }
    const world = createWorld({ page, options: { baseUrl: ORIGIN } })
    await world.login()
    await world.client.fetch('https://app.example.com/own')
    await world.client.fetch(`${ORIGIN}/items`)
    expect(world.server.calls.slice(1).map(({ authorization }) => authorization !== null)).toEqual([
      false,
      true,
    ])
  })

  test('"timeout" is 10 seconds', async () => {
    const world = createWorld()
    world.server.hold('POST /login')
    const login = watch(world.login())
    await world.clock.advance(9_999)
    expect(login.state).toBe('pending')
    await world.clock.advance(1)
    expect(login.state).toBe('login_unavailable')
  })

  test('"timeout" bounds login, refresh and logout', async () => {
    const world = await signedIn({ options: { timeout: 500 } })
    const calls = {
      '/refresh_token': world.client.refresh,
      '/login': () => world.client.login({}),
      '/logout': world.client.logout,
    }
    for (const [path, call] of Object.entries(calls)) {
      const open = world.server.hold(`POST ${path}`)
      const outcome = watch<unknown>(call())
      await world.clock.advance(499)
      expect(outcome.state, path).toBe('pending')
      await world.clock.advance(1)
      expect(outcome.state, path).not.toBe('pending')
      open()
      await world.settle()
    }
  })

  test('"fetch" is under every call, of the client and of the app', async () => {
    const paths: string[] = []
    const world = createWorld({
      options: {
        fetch(input, init) {
          paths.push(new URL(input instanceof Request ? input.url : input).pathname)
          return world.environment.fetch(input, init)
        },
      },
    })
    await world.login()
    await world.client.fetch(`${ORIGIN}/items`)
    await world.client.refresh()
    await world.client.logout()
    expect(paths).toEqual(['/login', '/items', '/refresh_token', '/logout'])
  })

  test.each([
    ['a fifth of the lifetime, at most a minute, drawn down to its half', {}, 3600, 45],
    ['a fifth of a short lifetime', {}, 101, 15],
    ['"refreshAhead", drawn down to its half', { refreshAhead: 600_000 }, 3600, 450],
    ['"refreshAhead" is never more than half of the lifetime', { refreshAhead: 9_000_000 }, 3601, 1350],
  ])('the timer refreshes ahead: %s', async (_, options, lifetime, seconds) => {
    const world = await signedIn({ options, server: { lifetime }, random: 0.5 })
    // A second may have been lost to rounding.
    await world.clock.advance((lifetime - 1 - seconds) * 1000 - 1)
    expect(world.server.refreshes).toBe(0)
    await world.clock.advance(1)
    expect(world.server.refreshes).toBe(1)
  })

  test('a logger that throws is reported, and disturbs nothing', async () => {
    const error = new Error('logger')
    const world = await signedIn({
      options: {
        logger() {
          throw error
        },
      },
    })
    expect(world.client.session.status).toBe('authenticated')
    expect(new Set(world.reported)).toEqual(new Set([error]))
  })
})

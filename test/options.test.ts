import { describe, expect, test } from 'vitest'
import { createClient } from '../src/client.ts'
import { isAuthError } from '../src/errors.ts'
import { createAuthClient } from '../src/index.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const { environment } = createWorld()
/** As from JavaScript, where nothing checks the types. */
const create = (options: unknown, page = environment.page) =>
  createClient(options as never, { ...environment, page })

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
  const scope = 'app'
  const bad: [option: string, ...values: unknown[]][] = [
    ['baseUrl', 5, null, {}, 'http://', 'https://', 'ftp://api.example.com', 'javascript:alert(1)', 'data:,'],
    ['baseUrl', 'http://api.example.com', new URL('http://api.example.com'), 'http://localhost.evil.example'],
    ['endpoints', 'login', null, 5],
    ['readTokens', 'access_token', null, {}],
    ['isRejected', true, null, 401],
    ['restore', 'never', true, null, ''],
    ['scope', '', 5, null, {}],
    ['shouldRefresh', 401, null, [401]],
    ['scheme', '', 'Bearer ', 'Two words', 'Bearer:', 'Bea\nrer', 'Ключ', 5, null, true, {}],
    ['allowedOrigins', ORIGIN, null, {}, [5], [null], [''], ['*'], ['api.example.com'], ['null']],
    ['allowedOrigins', [`${ORIGIN}/`], [`${ORIGIN}/path`], ['HTTPS://API.EXAMPLE.COM'], [`${ORIGIN}:443`]],
    ['allowedOrigins', ['http://api.example.com'], [ORIGIN, 'ws://api.example.com'], [/example/]],
    ['server', 'yes', 1, null],
    ['refreshAhead', -1, Number.NaN, Number.POSITIVE_INFINITY, '60', null, true],
    ['timeout', 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '10', null, true],
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
    ['refresh', '', 5, null, false, {}, 'http://api.example.com/refresh'],
    ['logout', '', 5, null, true, {}, 'http://api.example.com/logout'],
    ['user', '', 5, null, false, {}, 'http://api.example.com/user'],
    ['restore', '', 5, null, false, {}, 'http://api.example.com/restore'],
  ]
  const endpointCases = endpoints.flatMap(([name, ...values]) => values.map(value => [name, value] as const))
  test.each(endpointCases)('"endpoints.%s": %j', (name, value) => {
    const { message } = refusal({ scope, endpoints: { [name]: value } })
    expect(message).toMatch(new RegExp(`^"endpoints.${name}" must be `))
  })

  test.each([null, 5, 'https://api.example.com'])('options that are no object: %j', value => {
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

  test('"scope" is required where "endpoints.refresh" is a function', () => {
    const refresh = () => ({ url: '/refresh' })
    expect(refusal({ endpoints: { refresh } }).message).toMatch(/^"scope" must be .*"endpoints\.refresh"/)
    create({ scope, endpoints: { refresh } }).dispose()
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
    expect(() => createClient({ timeout: -1, restore: 'auto' }, world.environment)).toThrow()
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
    [{ scope: 'app', endpoints: { login: noop, refresh: noop, logout: noop, user: noop } }],
    [{ restore: 'auto', scheme: 'JWT', server: true, refreshAhead: 0, timeout: 1, allowedOrigins: [] }],
    [{ allowedOrigins: [ORIGIN, 'http://localhost:3000', 'https://other.example:8443'] }],
    [{ readTokens: noop, isRejected: noop, shouldRefresh: noop, fetch: noop, logger: noop }],
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
    ['a fifth of a short lifetime', {}, 100, 15],
    ['"refreshAhead", drawn down to its half', { refreshAhead: 600_000 }, 3600, 450],
    ['"refreshAhead" is never more than half of the lifetime', { refreshAhead: 9_000_000 }, 3600, 1350],
  ])('the timer refreshes ahead: %s', async (_, options, lifetime, seconds) => {
    const world = await signedIn({ options, server: { lifetime }, random: 0.5 })
    await world.clock.advance((lifetime - seconds) * 1000 - 1)
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

import { inspect } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createClient } from '../src/client.ts'
import { idleTimeout, tokenStorage } from '../src/core.ts'
import { combineLoggers, consoleLogger, describeEvent, performanceLogger } from '../src/logging.ts'
import type { AuthClientOptions, EndpointRequest } from '../src/types.ts'
import { createTabStorage } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const items = `${ORIGIN}/items`
const FRAGMENT = 12

/** Every token that the server hands out, access and refresh; `found` is what of them a text holds. */
function spyOnTokens(given: WorldOptions = {}) {
  const tokens = new Set<string>()
  const world = createWorld({
    ...given,
    options: {
      ...given.options,
      async fetch(input, init) {
        const response = await world.environment.fetch(input, init)
        const { access_token, refresh_token } = await response
          .clone()
          .json()
          .catch(() => ({}))
        for (const token of [access_token, refresh_token, world.server.jar.cookie]) {
          if (token) tokens.add(token)
        }
        return response
      },
    },
  })

  function found(text: string): string[] {
    const grams = new Set<string>()
    for (let at = 0; at + FRAGMENT <= text.length; at++) grams.add(text.slice(at, at + FRAGMENT))
    return [...tokens].flatMap(token => {
      for (let at = 0; at + FRAGMENT <= token.length; at++) {
        const fragment = token.slice(at, at + FRAGMENT)
        if (grams.has(fragment)) return [fragment]
      }
      return []
    })
  }
  return { world, tokens, found }
}

/** Every string and key that can be reached: own and inherited, hidden, symbols, getters, collections. */
function reachable(root: unknown): string {
  const seen = new Set<unknown>()
  const texts: string[] = []
  const stack: unknown[] = [root]
  while (stack.length) {
    const value = stack.pop()
    if (typeof value === 'string') texts.push(value)
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value))
      continue
    // What the platform itself has is not ours, and has no end.
    if (value === globalThis) continue
    seen.add(value)
    if (value instanceof Map) stack.push(...value.keys(), ...value.values())
    if (value instanceof Set) stack.push(...value)
    for (const key of Reflect.ownKeys(value)) {
      texts.push(String(key))
      try {
        stack.push((value as never)[key])
      } catch {
        // 'caller' and the like
      }
    }
    stack.push(Object.getPrototypeOf(value))
    if (typeof value === 'function') texts.push(Function.prototype.toString.call(value))
  }
  return texts.join('\n')
}

/** A whole life: login, requests, refresh, replay, failures, another user, logout. */
async function live(world: World, look: (moment: string) => void) {
  const { client, server, clock } = world
  const step = async (moment: string, act: () => unknown) => {
    const outcome = watch(Promise.resolve(act()))
    await world.settle()
    expect(outcome.state, moment).not.toBe('pending')
    look(moment)
  }
  await step('a restore of nobody', () => client.ready())
  await step('a login that is refused', () => client.login({ email: 'ada', password: 'wrong' }))
  await step('a login', () => client.login({ email: 'ada', password: 'right' }))
  await step('a request', () => client.fetch(items))
  await step('a refresh', () => client.refresh())
  await step('a replay', () => {
    server.revokeAccess()
    return client.fetch(items, { method: 'POST', body: 'x' })
  })
  await step('a failing refresh', () => {
    server.answer('POST /refresh_token', () => server.json({ error: 'busy' }, 503), 1)
    return client.refresh()
  })
  await step('an answer that is cut off', () => {
    server.answer('POST /refresh_token', cutOff, 1)
    return client.refresh()
  })
  await step('an answer that no header can carry', () => {
    server.answer('POST /refresh_token', badToken, 1)
    return client.refresh()
  })
  await step('an expired token', () => {
    server.mend()
    clock.sleep(2 * 3_600_000)
    return client.fetch(items)
  })
  await step('another user', () => client.login({ email: 'bob', password: 'right' }))
  await step('a dead session', () => {
    server.revokeAll()
    return client.fetch(items)
  })
  await step('tokens that are set', () => client.setTokens({ accessToken: server.issueAccess('cleo').token }))
  await step('a logout offline', () => {
    world.online = false
    return client.logout()
  })
  await step('a logout online', () => {
    world.online = true
    world.wake('online')
  })
  await step('the end', () => client.dispose())

  // What a server that breaks in the middle may show of the last token.
  function cutOff() {
    const { body } = server.issueAccess('ada')
    return new Response(JSON.stringify(body).slice(0, -3))
  }
  function badToken() {
    const { token } = server.issueAccess('ada')
    return server.json({ access_token: `${token}\n` })
  }
}

const servers: [name: string, given: WorldOptions][] = [
  ['JWTs, refresh token in a cookie', {}],
  ['JWTs, refresh token in the body', { server: { carrier: 'body' } }],
  ['opaque tokens', { server: { carrier: 'body', opaque: true } }],
  [
    'a storage of the tab, and an idle time',
    {
      server: { carrier: 'body' },
      options: { storage: tokenStorage(createTabStorage()), idle: idleTimeout(24 * 3_600_000) },
    },
  ],
  ['a token that renews itself', { server: { carrier: 'sliding' }, options: { sliding: true } }],
]

describe('S1 no part of a token can be reached from the client, or rests in storage', () => {
  const views: Record<string, (client: World['client']) => string> = {
    'recursive walk': reachable,
    JSON: client => JSON.stringify(client),
    'JSON of the session': client => JSON.stringify(client.session),
    'structuredClone of the session': client => inspect(structuredClone(withoutErrors(client.session))),
    inspect: client => inspect(client, { showHidden: true, depth: null, getters: true, showProxy: true }),
    String: client => `${client}${String(client.fetch)}${client.getAccessToken}`,
  }
  /** An error cannot be cloned with what is its own: it is walked instead. */
  const withoutErrors = (session: object) => ({ ...session, error: null })

  test.each(servers)('S1 %s, at every moment of its life', async (_, given) => {
    const { world, tokens, found } = spyOnTokens(given)
    await live(world, moment => {
      for (const [name, view] of Object.entries(views)) {
        expect(found(view(world.client)), `${name} after ${moment}`).toEqual([])
      }
      expect(found([...world.storage].join()), `storage after ${moment}`).toEqual([])
      expect(
        found(inspect(world.events, { depth: null, showHidden: true })),
        `events after ${moment}`,
      ).toEqual([])
    })
    expect(tokens.size).toBeGreaterThanOrEqual(3)
    const others = [...world.storage.keys()].filter(
      key => !/^silent-refresh:(signed-out|active|newest|ended):/.test(key),
    )
    expect(others).toEqual([])
  })

  test('S1 the walk would find one: a client that keeps a token is caught', async () => {
    const { world, tokens, found } = spyOnTokens()
    await world.login()
    const [token = ''] = tokens
    for (const leak of [
      { token },
      Object.create({ token }),
      new Map([[token, 1]]),
      () => token.slice(20, 32),
    ]) {
      const kept = typeof leak === 'function' ? Object.assign(() => {}, { part: leak() }) : leak
      expect(found(reachable({ ...world.client, kept }))).toHaveLength(1)
    }
    expect(found(`…${token.slice(-FRAGMENT)}…`)).toHaveLength(1)
    expect(found(token.slice(-FRAGMENT + 1))).toEqual([])
  })

  test('S1 a session is frozen, and shows no more than its contract', async () => {
    const { client } = await signedIn()
    expect(Object.isFrozen(client.session)).toBe(true)
    expect(Object.keys(client.session).sort()).toEqual(['claims', 'error', 'expiresAt', 'status', 'user'])
  })

  test('S1 a caller that changes its options or its credentials afterwards reaches nothing', async () => {
    const { world, found } = spyOnTokens()
    const credentials = { email: 'ada', password: 'right' }
    await world.client.login(credentials)
    expect(found(reachable(credentials))).toEqual([])
    expect(found(reachable(world.environment.page))).toEqual([])
  })
})

describe('S2 nothing is printed, and the logger sees no token', () => {
  afterEach(() => vi.restoreAllMocks())

  function spyOnConsole() {
    const names = (Object.keys(console) as (keyof Console)[]).filter(
      name => typeof console[name] === 'function' && name !== 'Console',
    )
    expect(names).toEqual(expect.arrayContaining(['log', 'warn', 'error', 'debug', 'info', 'trace']))
    return names.map(name => vi.spyOn(console, name as 'log').mockImplementation(() => undefined))
  }

  test.each(servers)('S2 over a whole life: %s', async (_, given) => {
    const { world, tokens, found } = spyOnTokens(given)
    const spies = spyOnConsole()
    const out = vi.spyOn(process.stdout, 'write')
    const err = vi.spyOn(process.stderr, 'write')
    await live(world, () => {})
    for (const spy of [...spies, out, err]) expect(spy).not.toHaveBeenCalled()
    expect(world.reported).toEqual([])

    expect(tokens.size).toBeGreaterThanOrEqual(3)
    const types = new Set(world.logs.map(({ type }) => type))
    expect([...types]).toEqual(
      expect.arrayContaining([
        'refresh',
        'refreshed',
        'refresh-failed',
        // Where nothing can be had after a 401 there is no replay, and nothing to wait for.
        ...(given.options?.sliding ? [] : ['replay', 'postponed', 'held-back']),
        'signed-in',
        'signed-out',
        'revocation-failed',
        'timer',
      ]),
    )
    for (const event of world.logs) {
      expect(found(inspect(event, { depth: null, showHidden: true }))).toEqual([])
      expect(found(reachable(event))).toEqual([])
      expect(found(JSON.stringify(event))).toEqual([])
      expect(found(describeEvent(event))).toEqual([])
    }
  })

  test('S2 nor do the loggers that come along print one, or leave one to the performance panel', async () => {
    const { world, tokens, found } = spyOnTokens({
      options: { logger: combineLoggers(consoleLogger(), performanceLogger()) },
    })
    performance.clearMeasures()
    performance.clearMarks()
    const printed = spyOnConsole().map(spy => spy.mock.calls)
    await live(world, () => {})
    expect(tokens.size).toBeGreaterThanOrEqual(3)
    expect(printed.flat().length).toBeGreaterThan(20)
    const entries = performance.getEntries().map(entry => [entry.name, (entry as PerformanceMark).detail])
    expect(entries.length).toBeGreaterThan(20)
    for (const seen of [printed, entries]) {
      expect(found(inspect(seen, { depth: null, showHidden: true }))).toEqual([])
    }
    performance.clearMeasures()
    performance.clearMarks()
  })

  test('S2 no error that a caller gets shows a token: in message, stack, cause or fields', async () => {
    const { world, tokens, found } = spyOnTokens({ server: { carrier: 'body' } })
    await world.login()
    const errors: unknown[] = []
    const { client, server } = world
    const refusals: [route: string, answer: () => Response][] = [
      ['POST /refresh_token', () => server.json({ error: [...tokens].join() }, 500)],
      ['POST /refresh_token', () => server.json({ access_token: `${[...tokens][0]}\r\nX: y` })],
      ['POST /refresh_token', () => server.json({ access_token: [...tokens] })],
      ['POST /refresh_token', () => new Response(`<p>${[...tokens].join()}`, { status: 403 })],
      ['POST /refresh_token', () => new Response(`{"access_token":"${[...tokens][0]}`)],
      ['POST /refresh_token', () => server.json({ error: [...tokens].join() }, 401)],
      ['POST /logout', () => server.json({ error: [...tokens].join() }, 500)],
    ]
    for (const [route, answer] of refusals) {
      server.answer(route, answer, 1)
      const { error } = route.endsWith('logout')
        ? { error: (await client.logout()).error }
        : await client.refresh().then(
            () => expect.unreachable(route),
            error => ({ error }),
          )
      errors.push(error)
      world.clock.sleep(60_000)
    }
    expect(errors).toHaveLength(refusals.length)
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'AuthError' })
      expect(found(inspect(error, { depth: null, showHidden: true }))).toEqual([])
      expect(found(reachable(error))).toEqual([])
    }
    expect(found(inspect(world.logs, { depth: null, showHidden: true }))).toEqual([])
    expect(found(inspect(world.events, { depth: null, showHidden: true }))).toEqual([])
  })
})

describe('S6 the fields of every auth call', () => {
  type Sent = { url: string } & RequestInit
  const FIELDS = ['url', 'method', 'cache', 'redirect', 'credentials', 'keepalive'] as const

  /** What each of the client's own calls was sent with, by the last part of its path. */
  async function sent(options: AuthClientOptions, page?: World['environment']['page']) {
    const calls: Record<string, Partial<Sent>> = {}
    const given: WorldOptions = {
      options: {
        ...options,
        fetch(input, init) {
          const fields: Sent = { url: String(input), ...init }
          const name = new URL(fields.url).pathname.split('/').pop() as string
          calls[name] = Object.fromEntries(FIELDS.map(field => [field, fields[field]]))
          return Promise.resolve(Response.json(name === 'whoami' ? { name } : { access_token: 'opaque' }))
        },
      },
    }
    const world = createWorld(page === undefined ? given : { ...given, page })
    await world.client.ready().catch(() => {})
    await world.client.refresh()
    await world.login()
    await world.client.logout()
    return calls
  }
  const endpoints = { restore: 'restore', user: '/user/whoami' }
  const fixed = { method: 'POST', cache: 'no-store', redirect: 'error' }

  test('S6 from the page that the auth server is on: same-origin', async () => {
    const credentials = 'same-origin'
    expect(await sent({ endpoints })).toEqual({
      restore: { ...fixed, url: `${ORIGIN}/restore`, credentials, keepalive: true },
      refresh_token: { ...fixed, url: `${ORIGIN}/refresh_token`, credentials, keepalive: true },
      login: { ...fixed, url: `${ORIGIN}/login`, credentials, keepalive: false },
      logout: { ...fixed, url: `${ORIGIN}/logout`, redirect: 'manual', credentials, keepalive: true },
      whoami: { ...fixed, url: `${ORIGIN}/user/whoami`, method: 'GET', credentials, keepalive: false },
    })
  })

  test('S6 from another origin, a sibling domain included: include', async () => {
    for (const origin of ['https://app.example.com', `${ORIGIN}:8443`, 'http://localhost:3000']) {
      const calls = await sent({ endpoints, baseUrl: ORIGIN }, { href: `${origin}/`, origin })
      expect(Object.keys(calls)).toHaveLength(5)
      for (const [name, call] of Object.entries(calls)) {
        const method = name === 'whoami' ? 'GET' : 'POST'
        const redirect = name === 'logout' ? 'manual' : 'error'
        expect(call, name).toMatchObject({ ...fixed, redirect, method, credentials: 'include' })
      }
    }
  })

  test('S6 by the origin of the call itself, not of "baseUrl"', async () => {
    const calls = await sent({ endpoints: { login: 'https://id.example.com/login' } })
    expect(calls.login!.credentials).toBe('include')
    expect(calls.refresh_token!.credentials).toBe('same-origin')
  })

  test('S6 an endpoint function has the last word on every field', async () => {
    const own = {
      method: 'PATCH',
      cache: 'reload',
      redirect: 'follow',
      credentials: 'omit',
      keepalive: false,
    } as const
    const at = (path: string) => () => ({ url: `${ORIGIN}/${path}`, ...own })
    const calls = await sent({
      sessionKey: 'app',
      endpoints: {
        login: at('login'),
        refresh: at('refresh_token'),
        restore: at('restore'),
        logout: at('logout'),
        user: at('whoami'),
      },
    })
    expect(Object.keys(calls).sort()).toEqual(['login', 'logout', 'refresh_token', 'restore', 'whoami'])
    for (const [name, call] of Object.entries(calls)) {
      expect(call).toEqual({ url: `${ORIGIN}/${name}`, ...own })
    }
  })

  test('S6 an endpoint function that says nothing gets the same fields', async () => {
    const at = (path: string) => () => ({ url: path })
    const calls = await sent({
      sessionKey: 'app',
      endpoints: { login: at('/login'), refresh: at('/refresh_token') },
    })
    expect(calls.refresh_token).toMatchObject({ ...fixed, credentials: 'same-origin', keepalive: true })
    expect(calls.login).toMatchObject({ ...fixed, credentials: 'same-origin', keepalive: false })
  })

  test('S6 nor does one that leaves a field undefined take it away', async () => {
    const none = Object.fromEntries(FIELDS.map(field => [field, undefined]))
    const refresh = (): EndpointRequest => ({ ...none, url: '/refresh_token' })
    const calls = await sent({ sessionKey: 'app', endpoints: { refresh } })
    expect(calls.refresh_token).toMatchObject({ ...fixed, credentials: 'same-origin', keepalive: true })
  })

  test('S6 no auth call but user and logout carries the bearer; logout none that has expired', async () => {
    const world = await signedIn({ options: { endpoints: { user: '/user/whoami' } } })
    await world.client.refresh()
    await world.login()
    world.clock.sleep(2 * 3_600_000)
    await world.client.logout()
    expect(world.server.calls.map(({ path, authorization }) => [path, authorization !== null])).toEqual([
      ['/refresh_token', false],
      ['/user/whoami', true],
      ['/login', false],
      ['/user/whoami', true],
      ['/logout', false],
    ])
  })

  test('S6 user and logout on an origin that is not allowed get no bearer', async () => {
    const bearers: unknown[] = []
    const world = createWorld({
      options: {
        endpoints: { user: 'https://id.example.com/user', logout: 'https://id.example.com/logout' },
        fetch(input, init) {
          bearers.push([new URL(String(input)).pathname, new Headers(init?.headers).get('authorization')])
          return Promise.resolve(Response.json({ access_token: 'opaque' }))
        },
      },
    })
    await world.login()
    await world.client.logout()
    expect(bearers).toEqual([
      ['/login', null],
      ['/user', null],
      ['/logout', null],
    ])
  })
})

describe('S7 two clients share nothing, unless they have the same session key', () => {
  const inOnePage = (first: AuthClientOptions, second: AuthClientOptions) => {
    const a = createWorld({ options: first, server: { carrier: 'body' } })
    return [a, createWorld({ options: second, browser: a })] as const
  }
  const token = (world: World) => world.client.getAccessToken()

  test('S7 in one page: tokens, sessions, refreshes and events are each their own', async () => {
    const [a, b] = inOnePage({ sessionKey: 'a' }, { sessionKey: 'b' })
    await a.login('ada')
    await b.login('bob')
    await a.settle()
    expect(a.client.session).toMatchObject({ claims: { sub: 'ada' } })
    expect(b.client.session).toMatchObject({ claims: { sub: 'bob' } })
    const [ofA, ofB] = [await token(a), await token(b)]
    expect(ofA).not.toBe(ofB)

    await Promise.all([a.client.refresh(), a.client.refresh()])
    expect(a.server.refreshes).toBe(1)
    expect(await token(b)).toBe(ofB)
    await a.client.logout()
    expect(b.client.session).toMatchObject({ status: 'authenticated' })
    expect(await (await b.client.fetch(items)).json()).toMatchObject({ user: 'bob' })
    await b.settle()
    expect(b.events).toEqual([['login', { cause: 'login' }]])
    a.client.dispose()
    expect(await token(b)).toBe(ofB)
    expect(b.clock.timers).toBe(1)
  })

  test("S7 in one page: a header that one client wrote is for the other a caller's own", async () => {
    const [a, b] = inOnePage({ sessionKey: 'a' }, { sessionKey: 'b' })
    await a.login('ada')
    await b.login('bob')
    const Authorization = `Bearer ${await token(a)}`
    const response = await b.client.fetch(items, { headers: { Authorization } })
    expect(await response.json()).toMatchObject({ user: 'ada' })
  })

  const keys: [name: string, first: AuthClientOptions, second: AuthClientOptions, shared: boolean][] = [
    ['different keys', { sessionKey: 'a' }, { sessionKey: 'b' }, false],
    ['the same key', { sessionKey: 'a' }, { sessionKey: 'a' }, true],
    ['no key, the same URLs', {}, {}, true],
    ['no key, another "baseUrl"', {}, { baseUrl: `${ORIGIN}/v2` }, false],
    ['no key, another refresh URL', {}, { endpoints: { refresh: '/v2/refresh_token' } }, false],
    ['no key, another login URL', {}, { endpoints: { login: '/v2/login' } }, true],
  ]
  test.each(keys)('S7 in one page, the signed-out marker: %s', async (_, first, second, shared) => {
    const [a, b] = inOnePage(first, second)
    await a.settle() // they hear of each other from their second task on
    a.online = false
    await a.client.logout()
    expect(a.storage.size).toBe(1)
    b.online = false
    expect(await b.client.ready()).toMatchObject(
      shared ? { status: 'anonymous', reason: 'other-tab' } : { status: 'unknown' },
    )
    b.online = true
    await b.client.setTokens({ accessToken: b.server.issueAccess('bob').token })
    expect(b.storage.size).toBe(shared ? 0 : 1)
  })

  test('S7 in one server process: two clients on one environment share nothing', async () => {
    const host = createWorld({ page: null, server: { carrier: 'body' } })
    const options = { baseUrl: ORIGIN, server: true }
    const clients = ['ada', 'bob'].map(user => ({ user, client: createClient(options, host.environment) }))
    for (const { user, client } of clients) await client.login({ email: user, password: 'right' })
    for (const { user, client } of clients) {
      expect(await (await client.fetch(items)).json()).toMatchObject({ user })
      expect(client.session).toMatchObject({ claims: { sub: user } })
    }
    const [a, b] = clients.map(({ client }) => client)
    const before = await b!.getAccessToken()
    await a!.refresh()
    await a!.logout()
    expect(await b!.getAccessToken()).toBe(before)
    expect((await b!.fetch(items)).status).toBe(200)
    expect(await a!.getAccessToken()).toBeNull()

    const third = createClient(options, host.environment)
    expect(third.session).toEqual({ status: 'unknown', error: null })
    expect(await third.ready()).toEqual({ status: 'unknown', error: null })
    expect(host.storage.size).toBe(0)
    for (const client of [a!, b!, third]) client.dispose()
    expect(host.clock.timers).toBe(0)
  })

  test('S7 in one server process: a logout offline leaves no mark for another client', async () => {
    const host = createWorld({ page: null, options: { baseUrl: ORIGIN, server: true } })
    await host.login()
    host.online = false
    await host.client.logout()
    host.online = true
    const other = createWorld({ browser: host, page: null, options: { baseUrl: ORIGIN, server: true } })
    expect(await other.client.refresh()).toMatchObject({ claims: { sub: 'ada' } })
    expect(host.client.session).toEqual({ status: 'anonymous', reason: 'logout' })
    expect(host.storage.size).toBe(0)
  })
})

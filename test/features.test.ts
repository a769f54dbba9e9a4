import { describe, expect, test } from 'vitest'
import { createFullClient } from '../src/api/full-client.ts'
import { createClient } from '../src/client.ts'
import {
  cookieMode,
  createAuthClient as createCore,
  doubleSubmit,
  idleTimeout,
  isAuthError,
  shareTabs,
  tokenStorage,
  webStorage,
} from '../src/core.ts'
import { createAuthClient } from '../src/index.ts'
import { invalid } from '../src/kernel/errors.ts'
import { plan } from '../src/kernel/feature.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { createTabStorage } from './support/modes.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const ITEMS = `${ORIGIN}/items`

type Option = 'tabs' | 'storage' | 'csrf' | 'idle' | 'mode'

/** What each of these options takes, and what makes it. */
const made: Record<Option, { make: () => object; makers: unknown[]; firstEdition: unknown[] }> = {
  tabs: {
    make: shareTabs,
    makers: [shareTabs],
    firstEdition: ['share', 'notify', 'off', true, { tokens: true }, { feature: 'tabs', create: true }],
  },
  storage: {
    make: () => tokenStorage(createTabStorage()),
    makers: [tokenStorage, webStorage],
    firstEdition: [createTabStorage(), new Map(), 'localStorage', false],
  },
  csrf: {
    make: () => doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }),
    makers: [doubleSubmit],
    firstEdition: [{ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }, 'XSRF-TOKEN', true, false],
  },
  idle: {
    make: () => idleTimeout(15 * MINUTE),
    makers: [idleTimeout],
    firstEdition: [15 * MINUTE, { ms: 15 * MINUTE }, '15', false],
  },
  mode: {
    make: cookieMode,
    makers: [cookieMode],
    firstEdition: ['cookie', 'bearer', true, false],
  },
}
const options = Object.keys(made) as Option[]

/** What throws is an AuthError that names this. */
function expectRefusal(run: () => unknown, name: string): void {
  let refused: unknown
  try {
    run()
  } catch (error) {
    refused = error
  }
  expect(isAuthError(refused)).toBe(true)
  expect(refused).toMatchObject({ code: 'invalid_option', retryable: false })
  expect((refused as Error).message).toMatch(new RegExp(`^"${name}" must be `))
}

describe('an option that brings code takes what its own function made, and nothing else', () => {
  const wrong = options.flatMap(option => {
    const { make, makers, firstEdition } = made[option]
    const values: [what: string, value: unknown][] = [
      ...['', 'share', 0, 1, Number.NaN, null, [], {}, Symbol('x')].map((value): [string, unknown] => [
        `${typeof value} ${String(value)}`,
        value,
      ]),
      ...firstEdition.map((value): [string, unknown] => [`as before: ${JSON.stringify(value)}`, value]),
      ...options
        .filter(other => other !== option)
        .map((other): [string, unknown] => [`what "${other}" takes`, made[other].make()]),
      ...makers.map((maker): [string, unknown] => ['the function itself, not called', maker]),
      ['a promise of it', Promise.resolve(make())],
      ['a list of it', [make()]],
      ['what inherits from it', Object.create(make())],
      ['what only has its name', { feature: option }],
      ['what has its name, and cannot be changed either', Object.freeze({ feature: option })],
      ['what inherits from it, and cannot be changed either', Object.freeze(Object.create(make()))],
      ['what was written down and read again', JSON.parse(JSON.stringify(make()))],
    ]
    return values.map(([what, value]) => ({ option, what, value }))
  })

  test.each(wrong)('"$option": $what', ({ option, value }) => {
    const given = { baseUrl: ORIGIN, tabs: false, endpoints: { user: '/me' }, [option]: value } as never
    expectRefusal(() => createCore(given), option)
    expectRefusal(() => createAuthClient(given), option)
  })

  test.each(options)('"%s": what it made is taken', option => {
    const given = { baseUrl: ORIGIN, endpoints: { user: '/me' }, [option]: made[option].make() }
    createCore({ tabs: false, ...given }).dispose()
    createAuthClient(given).dispose()
  })

  test('"tabs" has to be given to the core, and may be false', () => {
    for (const given of [undefined, {}, { tabs: undefined }, { server: false }, { server: undefined }]) {
      expectRefusal(() => createCore(given as never), given ? 'tabs' : 'options')
    }
    createCore({ tabs: false }).dispose()
    createCore({ server: true }).dispose()
    createCore({ server: true, tabs: false }).dispose()
    createAuthClient({ tabs: false }).dispose()
    createAuthClient().dispose()
  })

  test('M1 without "tabs" the main entry shares, and where the app says false it does not', async () => {
    for (const [given, isShared] of [
      [{}, true],
      [{ tabs: undefined }, true],
      [{ tabs: false }, false],
    ] as const) {
      const world = createWorld({ options: { tabs: false } })
      const client = createFullClient({ restore: 'manual', ...given }, world.environment)
      await client.login({ email: 'ada', password: 'right' })
      await world.settle()
      expect(world.shared.channels.names.length > 0).toBe(isShared)
      client.dispose()
    }
  })
})

describe('what makes such a value throws at once where it is given something else', () => {
  const cookie = 'XSRF-TOKEN'
  const header = 'X-XSRF-TOKEN'
  const bad: [name: string, make: (value: never) => unknown, ...values: unknown[]][] = [
    ['shareTabs', shareTabs, null, true, false, 'share', 0, { token: false }, { tokens: true, other: 1 }],
    ['tokens', shareTabs, ...[null, 0, 'false', {}].map(tokens => ({ tokens }))],
    ['idleTimeout', idleTimeout, 0, -1, Number.NaN, 2 ** 41, '900000', null, undefined, {}, true],
    [
      'idleTimeout',
      (value: never) => idleTimeout(15 * MINUTE, value),
      ...[null, MINUTE, 'x', { warnbefore: MINUTE }],
    ],
    [
      'warnBefore',
      (value: never) => idleTimeout(15 * MINUTE, { warnBefore: value }),
      ...[0, -1, Number.NaN, 15 * MINUTE, 2 ** 41, '60000', null, true],
    ],
    [
      'doubleSubmit',
      doubleSubmit,
      undefined,
      null,
      true,
      cookie,
      {},
      { cookie },
      { header },
      [cookie, header],
    ],
    ['doubleSubmit', doubleSubmit, { cookie: '', header }, { cookie, header: 'X A' }, { cookie: 1, header }],
    ['doubleSubmit', doubleSubmit, { cookie, header, methods: ['POST'] }, () => ({ cookie, header })],
    ['tokenStorage', tokenStorage, undefined, null, {}, [], 'x', new Map(), () => createTabStorage()],
    [
      'tokenStorage',
      tokenStorage,
      { get() {}, set() {} },
      { get: 1, set() {}, remove() {} },
      tokenStorage(createTabStorage()),
    ],
    ['webStorage', webStorage, undefined, true, 'localStorage', 5, {}, [], new Map(), createTabStorage()],
  ]
  const cases = bad.flatMap(([name, make, ...values]) => values.map(value => ({ name, make, value })))
  test.each(cases)('"$name": $value', ({ name, make, value }) => {
    expectRefusal(() => make(value as never), name)
  })

  test.each([undefined, {}, { tokens: undefined }])('M4 shareTabs(%j) hands tokens over', async given => {
    const options = { tabs: shareTabs(given) }
    const a = await signedIn({ options })
    const b = createWorld({ browser: a, options })
    expect(await b.client.ready()).toMatchObject({ status: 'authenticated' })
    expect(a.server.calls).toEqual([])
  })

  test.each([undefined, {}, { warnBefore: undefined }])(
    'E15 idleTimeout(…, %j) warns of nothing',
    async given => {
      const world = await signedIn({ options: { idle: idleTimeout(MINUTE, given) } })
      await world.clock.advance(2 * MINUTE)
      expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'idle' })
      expect(world.count('idleWarning')).toBe(0)
    },
  )

  test('what is changed in it afterwards changes nothing', async () => {
    const names = { cookie: 'mine', header: 'X-Mine' }
    const csrf = doubleSubmit(names)
    names.header = 'X-Other'
    const world = await signedIn({ options: { csrf } })
    world.cookies = 'mine=one'
    await world.client.fetch(ITEMS, { method: 'POST' })
    expect(world.server.calls.at(-1)!.headers.get('x-mine')).toBe('one')
    expect(options.map(option => Object.isFrozen(made[option].make()))).toEqual(options.map(() => true))
  })
})

describe('a feature is asked how it goes with the other options, before any feature is created', () => {
  test.each(['flow', 'proof', 'tabs', 'storage', 'idle', 'csrf', 'mode'] as const)('%s', option => {
    const created: string[] = []
    const value = plan(
      option,
      () => {
        created.push(option)
        return undefined
      },
      ({ timeout }, { idle }) => {
        if (timeout === 7 && idle) throw invalid(option, 'left out here')
      },
    )
    const create = (timeout: number) =>
      createClient(
        { tabs: false, idle: idleTimeout(MINUTE), endpoints: { user: '/me' }, [option]: value, timeout },
        createWorld().environment,
      )
    expectRefusal(() => create(7), option)
    expect(created).toEqual([])
    create(8).dispose()
    expect(created).toEqual([option])
  })
})

describe('S7 one value serves any number of clients, at once and in turn', () => {
  /** Each in a browser of its own, with the very same options. */
  const apart = async (given: WorldOptions): Promise<[World, World]> => [
    await signedIn(given),
    await signedIn(given),
  ]
  const status = (...worlds: World[]) => worlds.map(({ client }) => client.session.status)

  test('S7 tabs: each hears the tabs of its own browser', async () => {
    const given: WorldOptions = { options: { tabs: shareTabs() } }
    const [a, b] = await apart(given)
    const besideA = createWorld({ ...given, browser: a })
    expect(await besideA.client.ready()).toMatchObject({ status: 'authenticated' })
    await a.client.logout()
    await a.settle()
    expect(status(a, besideA, b)).toEqual(['anonymous', 'anonymous', 'authenticated'])
  })

  test('S7 tabs: the next client goes on where the one before was disposed', async () => {
    const given: WorldOptions = { options: { tabs: shareTabs() } }
    const other = await signedIn(given)
    const before = createWorld({ ...given, browser: other })
    await before.client.ready()
    before.client.dispose()
    const next = createWorld({ ...given, tab: before })
    expect(await next.client.ready()).toMatchObject({ status: 'authenticated' })
    await other.login('bob')
    await other.settle()
    expect(next.client.session).toMatchObject({ claims: { sub: 'bob' } })
    expect(other.server.refreshes).toBe(0)
  })

  test('S7 storage: two sessions rest in it side by side, and each page load goes on with its own', async () => {
    const storage = tokenStorage(createTabStorage())
    const given = (sessionKey: string): WorldOptions => ({
      server: { carrier: 'body' },
      options: { sessionKey, storage },
    })
    const a = createWorld(given('a'))
    const b = createWorld({ ...given('b'), browser: a })
    await a.login('ada')
    await b.login('bob')
    await a.settle()
    for (const world of [a, b]) world.close()
    for (const [sessionKey, sub] of [
      ['b', 'bob'],
      ['a', 'ada'],
    ] as const) {
      const next = createWorld({ ...given(sessionKey), browser: a })
      expect(await next.client.ready()).toMatchObject({ claims: { sub } })
    }
  })

  test('S7 storage: one that fails for one client does not fail for the next', async () => {
    const kept = createTabStorage()
    let fails = true
    const storage = tokenStorage({
      ...kept,
      set(key, value) {
        if (fails) throw new DOMException('Full', 'QuotaExceededError')
        return kept.set(key, value)
      },
    })
    const given: WorldOptions = { server: { carrier: 'body' }, options: { storage } }
    const first = await signedIn(given)
    fails = false
    const second = await signedIn(given)
    const warnings = ({ logs }: World) => logs.filter(({ type }) => type === 'storage-unavailable').length
    expect([first, second].map(warnings)).toEqual([1, 0])
    expect(kept.kept.size).toBe(1)
  })

  test('S7 csrf: each client has the value that its own session began with', async () => {
    const given: WorldOptions = {
      server: { access: 'cookie' },
      options: {
        mode: cookieMode(),
        endpoints: { user: 'me' },
        csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }),
      },
    }
    const worlds = await apart(given)
    const sent: (string | null)[] = []
    for (const [index, world] of worlds.entries()) {
      world.cookies = `XSRF-TOKEN=${index}`
      await world.client.refresh()
    }
    for (const world of worlds) {
      world.cookies = 'XSRF-TOKEN=another'
      await world.client.fetch(ITEMS, { method: 'POST' })
      sent.push(world.server.calls.at(-1)!.headers.get('x-xsrf-token'))
    }
    expect(sent).toEqual(['0', '1'])
  })

  test('S7 idle: each client counts its own user’s time', async () => {
    const [a, b] = await apart({ options: { idle: idleTimeout(15 * MINUTE, { warnBefore: MINUTE }) } })
    for (const { clock } of [a, b]) await clock.advance(14 * MINUTE + SECOND)
    expect([a, b].map(world => world.count('idleWarning'))).toEqual([1, 1])
    a.act()
    for (const { clock } of [a, b]) await clock.advance(2 * MINUTE)
    expect(status(a, b)).toEqual(['authenticated', 'anonymous'])
  })

  test('S7 mode: beside a client in cookie mode one without is not', async () => {
    const mode = cookieMode()
    const given: WorldOptions = { server: { access: 'cookie' }, options: { mode, endpoints: { user: 'me' } } }
    const [a, b] = await apart(given)
    const bearer = await signedIn()
    for (const world of [a, b, bearer]) await world.client.fetch(ITEMS)
    const bearers = [a, b, bearer].map(({ server }) => server.calls.at(-1)!.authorization !== null)
    expect(bearers).toEqual([false, false, true])
    await expect(a.client.getAccessToken()).rejects.toMatchObject({ code: 'unsupported' })
    await expect(bearer.client.getAccessToken()).resolves.toEqual(expect.any(String))
  })

  test('S7 all of them: a hundred clients, each created and disposed, leave the value as it was', () => {
    const { environment } = createWorld()
    const values = Object.fromEntries(options.map(option => [option, made[option].make()]))
    const snapshot = () => options.map(option => Object.entries(values[option]!))
    const before = snapshot()
    const { mode, storage, ...rest } = values
    const sets: AuthClientOptions[] = [
      { ...rest, storage: storage as never },
      { ...rest, mode: mode as never, endpoints: { user: '/me' } },
    ]
    for (let n = 0; n < 50; n++) {
      for (const given of sets) createClient({ restore: 'manual', ...given }, environment).dispose()
    }
    expect(snapshot()).toEqual(before)
  })
})

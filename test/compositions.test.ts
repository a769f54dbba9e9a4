import { describe, expect, test } from 'vitest'
import { cookieMode, doubleSubmit, idleTimeout, isAuthError, shareTabs, tokenStorage } from '../src/core.ts'
import type { AuthClientOptions, TokenStorage } from '../src/types.ts'
import { createTabStorage } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { type AuthServerOptions, type Call, ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'
import { bundleOf, COMPOSITIONS, type Composition } from './tools/compositions.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const IDLE = 2 * HOUR
const ITEMS = `${ORIGIN}/items`
const CSRF = 'x-xsrf-token'
const UNSAFE = /^(POST|PUT|PATCH|DELETE)$/

/** What holds for an app, whatever else it imports. Each feature says what it changes in it. */
interface Promises {
  /** Requests carry the access token in a header. */
  bearer: boolean
  /** Where a page that has just been loaded finds what renews the session. */
  found: 'in every tab' | 'in this tab' | 'nowhere'
  /** What a tab tells the others. */
  told: 'the access token' | 'who signs in and out' | 'nothing'
  csrf: boolean
  idle: boolean
}

/** Core alone with `tabs: false`. The refresh token is a cookie. */
const NONE: Promises = { bearer: true, found: 'in every tab', told: 'nothing', csrf: false, idle: false }

interface Feature {
  /** Two features for one place do not go together. */
  place: 'tabs' | 'tokens' | 'csrf' | 'idle'
  promises: Partial<Promises>
  options?(kept: Kept): AuthClientOptions
  server?: AuthServerOptions
  /** How an app asks for it, and where it lives in `src/features/`. */
  imported?: { from: string; code: string; file: string }
}

/** What outlives a page: of its tab, and of the browser. */
interface Kept {
  tab: Map<string, string>
  browser: Map<string, string>
}

const inBody: AuthServerOptions = { carrier: 'body' }
const shared = (kept: Map<string, string>): TokenStorage => ({ ...createTabStorage(kept), shared: true })
const webStorage = {
  from: 'webStorage',
  code: 'storage: webStorage(() => sessionStorage)',
  file: 'storage/index.ts',
}

const FEATURES = {
  tabs: {
    place: 'tabs',
    promises: { told: 'the access token' },
    options: () => ({ tabs: shareTabs() }),
    imported: { from: 'shareTabs', code: 'tabs: shareTabs()', file: 'tabs/index.ts' },
  },
  'tabs without tokens': {
    place: 'tabs',
    promises: { told: 'who signs in and out' },
    options: () => ({ tabs: shareTabs({ tokens: false }) }),
    imported: { from: 'shareTabs', code: 'tabs: shareTabs({ tokens: false })', file: 'tabs/index.ts' },
  },
  'storage of all tabs': {
    place: 'tokens',
    promises: { found: 'in every tab' },
    options: ({ browser }) => ({ storage: tokenStorage(shared(browser)) }),
    server: inBody,
    imported: webStorage,
  },
  'storage of the tab': {
    place: 'tokens',
    promises: { found: 'in this tab' },
    options: ({ tab }) => ({ storage: tokenStorage(createTabStorage(tab)) }),
    server: inBody,
    imported: webStorage,
  },
  'cookie mode': {
    place: 'tokens',
    promises: { bearer: false },
    options: () => ({ mode: cookieMode(), endpoints: { user: 'me' } }),
    server: { access: 'cookie' },
    imported: {
      from: 'cookieMode',
      code: "mode: cookieMode(), endpoints: { user: 'me' }",
      file: 'cookie-mode.ts',
    },
  },
  // No feature, but what a storage is for: a refresh token that JavaScript can read, and that nobody stores.
  'refresh token in memory': { place: 'tokens', promises: { found: 'nowhere' }, server: inBody },
  csrf: {
    place: 'csrf',
    promises: { csrf: true },
    options: () => ({ csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }) }),
    imported: {
      from: 'doubleSubmit',
      code: "csrf: doubleSubmit({ cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' })",
      file: 'double-submit.ts',
    },
  },
  idle: {
    place: 'idle',
    promises: { idle: true },
    options: () => ({ idle: idleTimeout(IDLE) }),
    imported: { from: 'idleTimeout', code: `idle: idleTimeout(${IDLE})`, file: 'idle-timeout.ts' },
  },
} satisfies Record<string, Feature>

type Name = keyof typeof FEATURES
const NAMES = Object.keys(FEATURES) as Name[]
const featuresOf = (names: readonly Name[]): Feature[] => names.map(name => FEATURES[name])

/** None, each alone, and all that go together. */
const COMBINATIONS: { name: string; names: Name[] }[] = [{ name: 'none', names: [] }]
for (const name of NAMES) {
  for (const { names } of [...COMBINATIONS]) {
    const isFree = featuresOf(names).every(({ place }) => place !== FEATURES[name].place)
    if (isFree) COMBINATIONS.push({ name: [...names, name].join(', '), names: [...names, name] })
  }
}

interface Tab extends World {
  kept: Kept
}

/** `before`: the page that this tab had. `beside`: another tab of its browser. */
function open(
  names: readonly Name[],
  { before, beside }: { before?: Tab; beside?: Tab } = {},
  given: AuthClientOptions = {},
): Tab {
  const kept: Kept = {
    tab: before?.kept.tab ?? new Map(),
    browser: (before ?? beside)?.kept.browser ?? new Map(),
  }
  const features = featuresOf(names)
  const options: AuthClientOptions = Object.assign(
    { tabs: false },
    ...features.map(({ options }) => options?.(kept)),
    given,
  )
  const server: AuthServerOptions = Object.assign({}, ...features.map(feature => feature.server))
  const world = createWorld({
    server,
    options,
    ...(before && { before }),
    ...(beside && { browser: beside }),
  })
  world.cookies = 'XSRF-TOKEN=one'
  return Object.assign(world, { kept })
}

async function signedIn(names: readonly Name[]): Promise<Tab> {
  const tab = open(names)
  await tab.login()
  await settled(tab)
  return tab
}

async function settled(...tabs: Tab[]): Promise<void> {
  await tabs[0]!.settle()
  for (const tab of tabs) {
    tab.server.calls.length = 0
    tab.events.length = 0
  }
}

const status = (...tabs: Tab[]) => tabs.map(({ client }) => client.session.status)
const callsOf = ({ server }: Tab, path: string): Call[] => server.calls.filter(call => call.path === path)
const post = ({ client }: Tab, body: string) => client.fetch(ITEMS, { method: 'POST', body })

/** What this composition promises of a tab that is opened beside one that is signed in. */
function newTab({ told, found }: Promises): 'is told' | 'asks the server' | 'is signed out' {
  if (told === 'the access token') return 'is told'
  return found === 'in every tab' ? 'asks the server' : 'is signed out'
}

describe.each(COMBINATIONS)('$name:', ({ names }) => {
  const promises: Promises = Object.assign({ ...NONE }, ...featuresOf(names).map(feature => feature.promises))
  const { bearer, found, told, csrf, idle } = promises
  const stored = ['storage of the tab', 'storage of all tabs'].map(name =>
    Number(names.includes(name as Name)),
  )

  /** The headers that this composition sets, on each call that the server has got. */
  function expectHeaders({ server }: Tab, { value = 'one', isSignedIn = true } = {}): void {
    for (const { path, method, authorization, headers } of server.calls) {
      // A logout says which token it revokes.
      const carries = bearer && (path === '/logout' || (path === '/items' && isSignedIn))
      expect(authorization, path).toEqual(carries ? expect.stringMatching(/^Bearer \S+$/) : null)
      expect(headers.get(CSRF), `${method} ${path}`).toBe(csrf && UNSAFE.test(method) ? value : null)
    }
  }

  test('R2, R5 after a login, requests that meet a 401 make one refresh and are sent again', async () => {
    const tab = open(names)
    await tab.login()
    expect(tab.client.session).toMatchObject({ status: 'authenticated' })
    expect(tab.count('login')).toBe(1)
    await tab.client.fetch(ITEMS)
    await post(tab, 'first')
    expect(callsOf(tab, '/items')).toHaveLength(2)
    expectHeaders(tab)

    await settled(tab)
    tab.server.revokeAccess()
    const bodies = ['a', 'b', 'c']
    const answers = await Promise.all(bodies.map(body => post(tab, body)))
    expect(answers.map(answer => answer.status)).toEqual([200, 200, 200])
    expect(tab.server.refreshes).toBe(1)
    const sent = callsOf(tab, '/items')
    expect(sent.map(({ text }) => text)).toEqual([...bodies, ...bodies])
    expectHeaders(tab)
    const tokens = new Set(sent.map(({ authorization }) => authorization))
    expect(tokens.size).toBe(bearer ? 2 : 1)
    expect(tab.events.map(([name]) => name)).toEqual(['refresh'])
  })

  test('R4 the session is renewed before it expires, and no request sees a 401', async () => {
    const tab = await signedIn(names)
    await tab.clock.advance(HOUR)
    expect(tab.server.refreshes).toBe(1)
    expect((await post(tab, 'x')).status).toBe(200)
    expect(callsOf(tab, '/items')).toHaveLength(1)
    expectHeaders(tab)
    expect(tab.server.reuses).toBe(0)
  })

  test('F1 a refresh that fails for a passing reason signs nobody out, and is tried again', async () => {
    const tab = await signedIn(names)
    tab.server.answer('POST /refresh_token', () => tab.server.json({}, 503))
    tab.server.revokeAccess()
    const refused = watch(post(tab, 'x'))
    await tab.settle()
    expect(refused.state).toBe('refresh_unavailable')
    expect(status(tab)).toEqual(['authenticated'])
    expect([tab.count('refreshError'), tab.count('logout')]).toEqual([1, 0])

    tab.server.mend()
    await tab.clock.advance(10 * MINUTE)
    expect((await post(tab, 'y')).status).toBe(200)
    expect([tab.count('refresh'), tab.count('logout')]).toEqual([1, 0])
  })

  test('C1, C7 a logout is noted without a token, and a page load restores nothing', async () => {
    const tab = await signedIn(names)
    const { cookie } = tab.server.jar
    expect([tab.kept.tab.size, tab.kept.browser.size]).toEqual(stored)
    tab.server.answer('POST /logout', () => tab.server.json({}, 503))
    await tab.client.logout()
    expect(tab.client.session).toEqual({ status: 'anonymous', reason: 'logout' })
    expect(tab.events).toEqual([['logout', { reason: 'logout' }]])
    expect([tab.kept.tab.size, tab.kept.browser.size]).toEqual([0, 0])
    // Where nothing of a session is any other tab's, the note is not either.
    const isApart = told === 'nothing' && found === 'in this tab'
    const markers = [tab.storage, tab.sessionStorage].map(kept =>
      [...kept].filter(([key]) => key.startsWith('silent-refresh:signed-out:')),
    )
    expect(markers.map(({ length }) => length)).toEqual(isApart ? [0, 1] : [1, 0])
    expect(markers.flat().map(([, value]) => value)).toEqual([expect.stringMatching(/^\d+$/)])
    expect(tab.server.jar.cookie).toBe(cookie)
    expectHeaders(tab)

    tab.close()
    const next = open(names, { before: tab })
    await settled(next)
    expect(await next.client.ready()).toMatchObject({ status: 'anonymous' })
    expect((await next.client.fetch(ITEMS)).status).toBe(401)
    expect(next.server.calls.map(({ path }) => path)).toEqual(['/items'])
    expectHeaders(next, { isSignedIn: false })
  })

  test('C9 dispose leaves no listener, timer, channel or lock', async () => {
    for (const tab of [await signedIn(names), open(names, {}, { restore: 'auto' })]) {
      expect(tab.listeners).toBeGreaterThan(0)
      tab.client.dispose()
      await settled(tab)
      expect([tab.listeners, tab.clock.timers, tab.shared.channels.names]).toEqual([0, 0, []])
      expect(tab.shared.locks.snapshot()).toEqual({ held: [], pending: [] })
      tab.wake('online')
      tab.act()
      await tab.clock.advance(2 * IDLE)
      expect([tab.server.calls, tab.events, tab.reported]).toEqual([[], [], []])
      await expect(tab.client.fetch(ITEMS)).rejects.toMatchObject({ code: 'disposed' })
    }
  })

  test(`a page load ${found === 'nowhere' ? 'signs out' : 'goes on with the session'}`, async () => {
    const before = await signedIn(names)
    before.close()
    const tab = open(names, { before })
    expect(await tab.client.ready()).toMatchObject(
      found === 'nowhere' ? { status: 'anonymous' } : { status: 'authenticated' },
    )
    if (found === 'nowhere') return
    expect(tab.server.refreshes).toBe(bearer ? 1 : 0)
    expect((await post(tab, 'x')).status).toBe(200)
    expectHeaders(tab)
    expect(tab.server.reuses).toBe(0)
  })

  const opened = newTab(promises)

  test(`M4 a tab beside one that is signed in ${opened}`, async () => {
    const tab = await signedIn(names)
    const beside = open(names, { beside: tab })
    await beside.client.ready()
    const isSignedIn = opened !== 'is signed out'
    expect(status(tab, beside)).toEqual(['authenticated', isSignedIn ? 'authenticated' : 'anonymous'])
    if (opened === 'is told') expect(tab.server.calls).toEqual([])
    if (opened === 'asks the server') {
      expect(tab.server.calls.map(({ path }) => path)).toEqual([bearer ? '/refresh_token' : '/me'])
    }
    if (!isSignedIn) return
    for (const one of [beside, tab, beside]) {
      await one.client.refresh()
      expect((await post(one, 'x')).status).toBe(200)
    }
    expect(tab.server.reuses).toBe(0)
    expect(status(tab, beside)).toEqual(['authenticated', 'authenticated'])
  })

  if (opened !== 'is signed out') {
    // What a refresh brings in cookies, it brings to all tabs.
    const isShared = told === 'the access token' || !bearer

    test(`M2 two tabs that meet a 401 make ${isShared ? 'one refresh' : 'one refresh each'}`, async () => {
      const tab = await signedIn(names)
      const beside = open(names, { beside: tab })
      await beside.client.ready()
      await settled(tab, beside)
      tab.server.revokeAccess()
      const first = post(tab, 'a')
      // Nothing keeps tabs that do not share from using one refresh token twice.
      if (told === 'nothing') await first
      const answers = await Promise.all([first, post(beside, 'b')])
      expect(answers.map(answer => answer.status)).toEqual([200, 200])
      expect(tab.server.refreshes).toBe(isShared ? 1 : 2)
      expect(tab.server.reuses).toBe(0)
    })
  }

  test(`M3 another tab ${told === 'nothing' ? 'has a session of its own' : 'follows a login and a logout'}`, async () => {
    const tab = open(names)
    const beside = open(names, { beside: tab })
    await Promise.all([tab.client.ready(), beside.client.ready()])
    await settled(tab, beside)
    await tab.login()
    await tab.settle()
    const follows = told !== 'nothing' && opened !== 'is signed out'
    expect(status(tab, beside)).toEqual(['authenticated', follows ? 'authenticated' : 'anonymous'])

    if (opened === 'is signed out') return
    if (!follows) await beside.login()
    await settled(tab, beside)
    await tab.client.logout()
    await tab.settle()
    expect(status(tab, beside)).toEqual(['anonymous', follows ? 'anonymous' : 'authenticated'])
    expect(beside.events).toEqual(follows ? [['logout', { reason: 'other-tab' }]] : [])
    expect(tab.server.calls.map(({ path }) => path)).toEqual(['/logout'])
  })

  test(`a user who is away is ${idle ? '' : 'not '}signed out`, async () => {
    const tab = await signedIn(names)
    await tab.clock.advance(IDLE - MINUTE)
    expect(status(tab)).toEqual(['authenticated'])
    await tab.clock.advance(2 * MINUTE)
    expect(status(tab)).toEqual([idle ? 'anonymous' : 'authenticated'])
    expect(tab.events.filter(([name]) => name === 'logout')).toEqual(
      idle ? [['logout', { reason: 'idle' }]] : [],
    )
    expect(callsOf(tab, '/logout')).toHaveLength(idle ? 1 : 0)
    tab.close()
    const next = open(names, { before: tab })
    await next.client.ready()
    expect(status(next)).toEqual([idle || found === 'nowhere' ? 'anonymous' : 'authenticated'])
  })

  if (idle && opened !== 'is signed out') {
    test('E15 activity in one tab keeps the other one signed in', async () => {
      const tab = await signedIn(names)
      const beside = open(names, { beside: tab })
      await beside.client.ready()
      await tab.clock.advance(IDLE - MINUTE)
      beside.act()
      await tab.clock.advance(IDLE - MINUTE)
      expect(status(tab, beside)).toEqual(['authenticated', 'authenticated'])
      await tab.clock.advance(2 * MINUTE)
      expect(status(tab, beside)).toEqual(['anonymous', 'anonymous'])
      expect(callsOf(tab, '/logout').length).toBe(told === 'nothing' ? 2 : 1)
    })
  }

  if (csrf) {
    test('S4 a request carries the CSRF value of its own session', async () => {
      const tab = await signedIn(names)
      await post(tab, 'x')
      expectHeaders(tab)
      await settled(tab)
      tab.cookies = 'XSRF-TOKEN=two'
      await post(tab, 'x')
      // Where cookies are the session, another tab may have changed the jar.
      expectHeaders(tab, { value: bearer ? 'two' : 'one' })
      await tab.client.refresh()
      await settled(tab)
      await post(tab, 'y')
      await tab.client.fetch('https://other.example.com/items', { method: 'POST' })
      const [own, foreign] = tab.server.calls
      expect([own!.headers.get(CSRF), foreign!.headers.get(CSRF)]).toEqual(['two', null])
    })
  }

  const hasStorage = stored.includes(1)
  const inCookies = names.includes('cookie mode')
  const user = inCookies && { user: 'me' }
  const schema = {
    '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value }) },
  }
  const excluded: [option: string, applies: boolean, given: AuthClientOptions<any>][] = [
    ['tabs', true, { tabs: undefined }],
    ['storage', inCookies, { storage: tokenStorage(createTabStorage()) }],
    ['endpoints.user', inCookies, { endpoints: {} }],
    ['sliding', inCookies, { sliding: true }],
    ['claims', inCookies, { claims: schema }],
    ['storage', hasStorage, { endpoints: { refresh: false } }],
    ['sliding', true, { sliding: true, endpoints: { ...user, refresh: false } }],
    ['refreshAhead', !hasStorage, { refreshAhead: 1, endpoints: { ...user, refresh: false } }],
    ['sessionKey', told !== 'nothing', { endpoints: { ...user, refresh: () => ({ url: ORIGIN }) } }],
  ]
  const refused = excluded.filter(([, applies]) => applies)

  test.each(refused)('"%s" is refused where it does not go with another option', (option, _, given) => {
    let thrown: unknown
    try {
      open(names, {}, given)
    } catch (error) {
      thrown = error
    }
    expect(isAuthError(thrown) && thrown.code).toBe('invalid_option')
    expect((thrown as Error).message).toMatch(new RegExp(`^"${option}" must be `))
  })
})

describe('P3 a bundle holds what its app imports', () => {
  /** Of the sources that are in it, those that an app may leave out. */
  async function optionalParts(composition: Composition): Promise<string[]> {
    const { metafile } = await bundleOf(composition, 'src')
    const files = Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.keys(inputs).filter(file => inputs[file]!.bytesInOutput > 0),
    )
    return files.filter(
      file => !/^(src\/(kernel|client\.ts|core\.ts|index\.ts)|node_modules\/jwt-decode|<stdin>)/.test(file),
    )
  }

  const folderOf = (file: string): string =>
    file
      .replace(/^src\/(features\/[^/]+|api|bindings|devtools|dpop|oauth)(?:\/.*)?$/, 'src/$1')
      .replace(/^node_modules\/([^/]+)\/.*$/, '$1')
  const unique = (list: string[]): string[] => [...new Set(list)].sort()

  test.each(COMPOSITIONS.filter(({ external }) => !external))('$name', async composition => {
    const features = composition.features.map(name => `src/features/${name}`)
    const expected = unique([...features, ...(composition.beside ?? [])])
    expect(unique((await optionalParts(composition)).map(folderOf))).toEqual(expected)
  })

  const imported = COMBINATIONS.filter(({ names }) => featuresOf(names).every(feature => feature.imported))

  test.each(imported)('core with: $name', async ({ names }) => {
    const features = featuresOf(names).flatMap(feature => feature.imported ?? [])
    const code = `import { ${['createAuthClient', ...features.map(({ from }) => from)].join(', ')} } from 'silent-refresh/core'
      createAuthClient({ ${['tabs: false', ...features.map(feature => feature.code)].join(', ')} })`
    const composition: Composition = { file: '', name: '', features: [], meaning: '', code }
    const expected = features.map(({ file }) => `src/features/${file.replace('/index.ts', '')}`)
    expect(unique((await optionalParts(composition)).map(folderOf))).toEqual(unique(expected))
  })
})

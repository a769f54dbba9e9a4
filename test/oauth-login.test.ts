import { describe, expect, test } from 'vitest'
import { oauth, par } from '../src/oauth/index.ts'
import { createFakeAuthorizationServer } from '../src/testing/core.ts'
import { API, APP, createOAuthWorld, HERE, loggedIn, type OAuthWorld } from './support/oauth.ts'
import { watch } from './support/outcome.ts'

const TRANSACTION = 'silent-refresh:oauth:'
const stored = ({ storage }: OAuthWorld) => [...storage].filter(([name]) => name.startsWith(TRANSACTION))
const asked = async (world: OAuthWorld) => new URL(await world.windows.left()).searchParams
const errors = (world: OAuthWorld) =>
  world.events.filter(([name]) => name === 'loginError').map(([, { error }]) => error)

describe('O1: login() goes to the authorization endpoint, and comes back', () => {
  test('O1 with PKCE, state and nonce, and to the address that was left', async () => {
    const world = createOAuthWorld()
    const login = watch(world.client.login())
    const url = new URL(await world.windows.left())
    expect(url.origin + url.pathname).toBe('https://id.example.com/authorize')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'spa',
      response_type: 'code',
      redirect_uri: `${APP}/`,
      scope: 'openid profile offline_access',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    })
    expect(login.state).toBe('pending')
    const next = world.reload((await world.id.authorize(url)).href)
    expect(next.windows.href()).toBe(HERE)
    expect(await next.client.ready()).toMatchObject({
      status: 'authenticated',
      user: { sub: 'ada', name: 'Ada' },
    })
    expect(next.calls()).toEqual(['discovery', 'authorize', 'discovery', 'token'])
    expect(next.events).toEqual([['login', { cause: 'login' }]])
    expect((await next.client.fetch(`${API}/items`)).status).toBe(200)
  })

  test('O1 what the app asks for is asked for, and nothing of the protocol can be replaced', async () => {
    const world = createOAuthWorld({
      oauth: {
        scope: 'openid',
        redirectUri: '/signed-in?from=id',
        resource: ['https://a.example', 'https://b.example'],
        parameters: { audience: 'api', ui_locales: 'de' },
      },
    })
    void world.client
      .login({
        prompt: 'select_account',
        loginHint: 'ada@example.com',
        maxAge: 60,
        acrValues: 'gold silver',
        scope: 'openid more',
        parameters: { ui_locales: 'fr' },
      })
      .catch(() => {})
    const query = await asked(world)
    expect(Object.fromEntries(query)).toMatchObject({
      audience: 'api',
      ui_locales: 'fr',
      prompt: 'select_account',
      login_hint: 'ada@example.com',
      max_age: '60',
      acr_values: 'gold silver',
      scope: 'openid more',
      redirect_uri: `${APP}/signed-in?from=id`,
    })
    expect(query.getAll('resource')).toEqual(['https://a.example', 'https://b.example'])
  })

  test.each([
    'client_id',
    'response_type',
    'redirect_uri',
    'scope',
    'state',
    'nonce',
    'code_challenge',
    'code_challenge_method',
    'request',
    'request_uri',
    'prompt',
    'login_hint',
    'max_age',
    'acr_values',
  ])('O1 "parameters" with %s are refused, here and in login', async name => {
    const parameters = { [name]: 'mine' }
    const refusal = { code: 'invalid_option', message: expect.stringContaining('"parameters"') }
    expect(() => oauth({ issuer: 'https://id.example', clientId: 'spa', parameters })).toThrow(
      expect.objectContaining(refusal),
    )
    const world = createOAuthWorld()
    await expect(world.client.login({ parameters })).rejects.toMatchObject(refusal)
    expect(world.calls()).toEqual([])
  })

  test('O1 without "openid" there is no nonce, and RFC 8414 says where the metadata is', async () => {
    const id = createFakeAuthorizationServer({ issuer: 'https://id.example.com/tenant', baseUrl: API })
    const world = createOAuthWorld({ id, oauth: { scope: 'offline_access' } })
    void world.client.login().catch(() => {})
    const url = await world.windows.left()
    expect(new URL(url).searchParams.has('nonce')).toBe(false)
    expect(id.calls[0]?.url).toBe('https://id.example.com/.well-known/oauth-authorization-server/tenant')
    const next = world.reload((await id.authorize(url)).href)
    expect(await next.client.ready()).toMatchObject({ status: 'authenticated', user: null })
  })

  test('O1 a second login while the page is leaving joins the first; one that gives up ends nothing of the other', async () => {
    const world = createOAuthWorld()
    const controller = new AbortController()
    const first = world.client.login(undefined, { signal: controller.signal })
    const second = watch(world.client.login({ prompt: 'login' }))
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    const next = await world.back()
    expect([second.state, (await next.client.ready()).status]).toEqual(['pending', 'authenticated'])
    expect(next.id.count('authorize')).toBe(1)
  })

  test.each([{}, { popup: true }])('O1 a "prepare" that hangs: %o rejects after "timeout"', async request => {
    const world = createOAuthWorld({ oauth: { prepare: () => new Promise(() => {}) } })
    const login = watch(world.client.login(request))
    await world.clock.advance(10_001)
    expect(login.state).toBe('login_unavailable')
    expect(world.windows.popups.every(({ closed }) => closed)).toBe(true)
  })

  test('O1 a login that everybody gives up does not leave the page', async () => {
    const world = createOAuthWorld()
    const go = world.id.hold('discovery')
    const controller = new AbortController()
    const login = world.client.login(undefined, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(login).rejects.toThrow('enough')
    go()
    await world.settle()
    const again = watch(world.client.login({ loginHint: 'again' }))
    expect((await asked(world)).get('login_hint')).toBe('again')
    expect(again.state).toBe('pending')
  })
})

describe('O2, O3: the address', () => {
  test('O2 the code is out of it when createAuthClient returns, and no entry of the history has it', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const next = world.reload(url)
    // Nothing was awaited since.
    expect(next.windows.shown).toEqual([url, HERE])
  })

  test('O2 an answer in the fragment is taken, too', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const { search } = new URL(await world.answered())
    const next = world.reload(`${APP}/#${search.slice(1)}`)
    expect(next.windows.href()).toBe(HERE)
    expect((await next.client.ready()).status).toBe('authenticated')
  })

  test('O3 "navigate" tells a router the address; one that takes its time leaves no code in it', async () => {
    const told: string[] = []
    const world = createOAuthWorld({ oauth: { navigate: address => told.push(address) } })
    void world.client.login({ returnTo: '/after?x=1#y' }).catch(() => {})
    const url = await world.answered()
    const next = world.reload(url)
    expect([told, next.windows.shown]).toEqual([['/after?x=1#y'], [url, `${APP}/after?x=1#y`]])
  })

  test('O3 a "navigate" that throws leaves no code in the address, and the login succeeds', async () => {
    const error = new Error('no such route')
    const world = createOAuthWorld({
      oauth: {
        navigate() {
          throw error
        },
      },
    })
    void world.client.login().catch(() => {})
    const next = await world.back()
    expect(next.windows.href()).toBe(HERE)
    expect((await next.client.ready()).status).toBe('authenticated')
    expect(next.reported).toEqual([error])
  })
})

describe('O4 to O6: an answer is used once', () => {
  test('O4 a client that is created twice, and one in the tab beside, redeem a code once', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const first = await world.back()
    const second = first.open(first.windows.href())
    await Promise.all([first, second].map(({ client }) => client.ready()))
    await first.settle()
    expect([first, second].map(({ client }) => client.session.status)).toEqual(Array(2).fill('authenticated'))
    expect([first.id.count('token'), first.id.reuses]).toEqual([1, 0])
  })

  test.each(['in the same task', 'while the metadata is read'])(
    'O4 a client that is disposed %s leaves the login to the next one of the page',
    async when => {
      const world = createOAuthWorld()
      void world.client.login().catch(() => {})
      const first = await world.back()
      if (when !== 'in the same task') await Promise.resolve()
      first.client.dispose()
      const second = first.open(first.windows.href())
      expect((await second.client.ready()).status).toBe('authenticated')
      expect([second.windows.href(), second.id.count('token')]).toEqual([HERE, 1])
      const third = second.open('https://app.example.com/elsewhere')
      expect((await third.client.ready()).status).toBe('authenticated')
      expect([third.windows.shown, errors(third), third.id.count('token')]).toEqual([
        ['https://app.example.com/elsewhere'],
        [],
        1,
      ])
    },
  )

  test('O5 a duplicated callback address signs nobody out, redeems nothing twice, and is no news', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const [first, second] = [world.reload(url), world.open(url)]
    const sessions = await Promise.all([first, second].map(({ client }) => client.ready()))
    expect(sessions.map(({ status }) => status)).toEqual(['authenticated', 'authenticated'])
    expect([first, second].map(({ windows }) => windows.href())).toEqual([HERE, HERE])
    expect(first.id.count('token')).toBe(1)
    expect([...errors(first), ...errors(second)]).toEqual([])
    const third = first.open(url)
    expect((await third.client.ready()).status).toBe('authenticated')
    expect([third.windows.href(), errors(third), third.id.count('token')]).toEqual([HERE, [], 1])
  })

  test('O5 where nobody is signed in any more, the session says that the answer was used', async () => {
    const world = createOAuthWorld({ server: { refreshTokens: 'never' } })
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const first = world.reload(url)
    await first.client.ready()
    const next = first.reload(url)
    expect(await next.client.ready()).toMatchObject({
      status: 'anonymous',
      error: { code: 'login_rejected', message: expect.stringContaining('used before') },
    })
    expect(errors(next)).toHaveLength(1)
    expect(next.windows.href()).toBe(HERE)
    expect(next.id.count('token')).toBe(1)
  })

  test('O5 an answer that was refused is used up, too', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const refused = world.reload(`${url}&iss=https%3A%2F%2Fevil.example`)
    await refused.client.ready()
    const next = refused.reload(url)
    expect(await next.client.ready()).toMatchObject({
      status: 'anonymous',
      error: { code: 'login_rejected', message: expect.stringContaining('used before') },
    })
    expect(next.id.count('token')).toBe(0)
  })

  test('O6 after the mark has gone, the address is a stranger’s: it is left as it is', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const first = world.reload(url)
    await first.client.ready()
    await first.clock.advance(11 * 60_000)
    const next = first.open(url)
    expect((await next.client.ready()).status).toBe('authenticated')
    expect(next.windows.href()).toBe(url)
    expect(stored(next)).toEqual([])
  })
})

describe('O7 to O9: several logins', () => {
  test('O7 five tabs log in at once: each comes back to its own address, and one session remains', async () => {
    const first = createOAuthWorld()
    const tabs = [first, ...[1, 2, 3, 4].map(number => first.open(`${APP}/tab/${number}`))]
    for (const tab of tabs) void tab.client.login().catch(() => {})
    const urls: string[] = []
    for (const tab of tabs) urls.push(await tab.answered())
    const backs = tabs.map((tab, index) => tab.reload(urls[index]))
    await Promise.all(backs.map(({ client }) => client.ready()))
    await first.settle()
    expect(backs.map(({ windows }) => windows.href())).toEqual([
      HERE,
      ...[1, 2, 3, 4].map(number => `${APP}/tab/${number}`),
    ])
    expect(backs.map(({ client }) => client.session.status)).toEqual(Array(5).fill('authenticated'))
    const tokens = new Set(backs.map(({ client }) => client.peekAccessToken()))
    expect(tokens.size).toBe(1)
    expect(backs.flatMap(errors)).toEqual([])
  })

  test('O8 a login that ends in another tab succeeds, and the tab where it began is signed in', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const other = world.open(url)
    expect((await other.client.ready()).status).toBe('authenticated')
    await world.settle()
    expect(world.client.session.status).toBe('authenticated')
  })

  test('O9 an abandoned login is gone after 10 minutes', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    expect(stored(world)).toHaveLength(1)
    await world.clock.advance(10 * 60_000 + 1)
    const next = world.reload(url)
    expect(stored(next)).toEqual([])
    expect(await next.client.ready()).toMatchObject({ status: 'anonymous' })
    expect([next.windows.href(), next.id.count('token')]).toEqual([url, 0])
  })

  test('O9 a hundred starts leave no more than twenty', async () => {
    let world = createOAuthWorld()
    for (let start = 0; start < 100; start++) {
      void world.client.login().catch(() => {})
      await world.windows.left()
      world = world.reload(HERE)
    }
    expect(stored(world).length).toBeLessThanOrEqual(20)
    void world.client.login().catch(() => {})
    const next = await world.back()
    expect((await next.client.ready()).status).toBe('authenticated')
  })

  test('O9 where localStorage is full, sessionStorage does not grow, either', async () => {
    const world = createOAuthWorld()
    const { localStorage } = world.environment
    world.environment.localStorage = () => ({
      ...localStorage(),
      setItem() {
        throw new DOMException('full', 'QuotaExceededError')
      },
    })
    const kept = () => [...world.sessionStorage.keys()].filter(name => name.startsWith(TRANSACTION))
    for (let count = 0; count < 30; count++) {
      void world.client.login().catch(() => {})
      await world.windows.left()
      world.wake('pageshow', true)
    }
    expect(kept()).toHaveLength(20)
    await world.clock.advance(600_000)
    await world.reload().settle()
    expect(kept()).toEqual([])
  })

  test('O9 what other scripts have put beside them is swept away, and disturbs nothing', async () => {
    const world = createOAuthWorld()
    for (const [index, text] of ['', '{', 'null', '[]', '{"v":1}', '{"v":2,"at":1}'].entries()) {
      world.storage.set(`${TRANSACTION}x:${index}`, text)
    }
    world.storage.set('of the app', 'x')
    void world.client.login().catch(() => {})
    await world.windows.left()
    expect(stored(world)).toHaveLength(1)
    expect(world.storage.get('of the app')).toBe('x')
  })
})

describe('O10 to O12: answers that are not ours', () => {
  test.each([
    { verifier: 5 },
    { returnTo: {} },
    { returnTo: undefined },
    { redirectUri: undefined },
    { redirectUri: 'https://evil.example/' },
    { how: null },
    { at: 'now' },
    { at: 1e300 },
    { maxAge: '60' },
    { client: 'https://id.example.com another' },
    { v: 2 },
    { more: 1 },
  ])('O10 what is stored with %j is not of this client', async change => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const [[name, text]] = stored(world) as [[string, string]]
    world.storage.set(name, JSON.stringify({ ...JSON.parse(text), ...change }))
    const next = world.reload(url)
    expect(await next.client.ready()).toEqual({ status: 'anonymous', reason: 'initial' })
    expect(next.windows.shown).toEqual([url])
    expect(next.id.count('token')).toBe(0)
  })

  test.each([
    ['of another issuer', (body: object) => ({ ...body, issuer: 'https://evil.example' })],
    ['without an issuer', (body: object) => ({ ...body, issuer: undefined })],
    ['that is none', () => ({})],
    ['without an endpoint', (body: object) => ({ ...body, authorization_endpoint: undefined })],
    ...[
      'http://id.example.com/authorize',
      'javascript:alert(1)',
      'data:text/html,x',
      '/authorize',
      '//id.example.com/authorize',
      'https://ada:secret@id.example.com/authorize',
      '',
      5,
      {},
    ].map(
      value =>
        [
          `with an endpoint ${JSON.stringify(value)}`,
          (body: object) => ({ ...body, authorization_endpoint: value }),
        ] as const,
    ),
  ] as const)('O11 metadata %s: malformed_response, and the page stays', async (_, change) => {
    const world = createOAuthWorld()
    world.id.tamper('discovery', change as never)
    await expect(world.client.login()).rejects.toMatchObject({ code: 'malformed_response' })
    expect(world.logs.filter(({ type }) => type === 'left')).toEqual([])
    expect(stored(world)).toEqual([])
  })

  test('O11 the metadata is asked for without cookies, and by no redirect', async () => {
    const asked: unknown[] = []
    const world = createOAuthWorld({
      options: {
        async fetch(input, init) {
          asked.push({ ...init })
          return world.id.fetch(input, init)
        },
      },
    })
    void world.client.login().catch(() => {})
    await world.windows.left()
    expect(asked).toMatchObject([{ credentials: 'omit', redirect: 'error' }])
  })

  test.each([
    ['an unknown state', '/?code=x&state=unknown&iss=https%3A%2F%2Fid.example.com'],
    ['an unknown state and an error', '/?error=access_denied&state=unknown'],
    ['a code without a state', '/?code=x'],
    ['a state without a code', '/?state=x'],
    ['another page', '/other?code=x&state=unknown'],
  ])('O10 with %s, address, session and storage are left as they were', async (_, address) => {
    const before = await loggedIn()
    const kept = [...before.storage]
    const world = before.open(APP + address)
    expect((await world.client.ready()).status).toBe('authenticated')
    expect(world.windows.shown).toEqual([APP + address])
    expect([...world.storage]).toEqual(kept)
    expect(errors(world)).toEqual([])
  })

  test('O10 our own state at another page is left alone', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const { search } = new URL(await world.answered())
    const next = world.reload(`${APP}/other${search}`)
    expect((await next.client.ready()).status).toBe('anonymous')
    expect(next.windows.shown).toEqual([`${APP}/other${search}`])
  })

  test('O10 our own state without an answer is left alone, and does not use it up', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const address = `${APP}/?state=${new URL(url).searchParams.get('state')}`
    const next = world.reload(address)
    expect((await next.client.ready()).status).toBe('anonymous')
    expect(next.windows.shown).toEqual([address])
    expect((await next.reload(url).client.ready()).status).toBe('authenticated')
  })

  test('O10 the state of a logout answers no login', async () => {
    const before = await loggedIn()
    await before.client.logout()
    const { searchParams } = await before.id.endSession(await before.windows.left())
    const next = before.reload(`${APP}/?code=x&state=${searchParams.get('state')}`)
    expect(await next.client.ready()).toMatchObject({ status: 'anonymous', reason: 'logout' })
    expect(next.windows.shown).toHaveLength(1)
    expect(next.id.count('token')).toBe(1)
  })

  test('O10 two clients of one page each take their own answer', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const other = createOAuthWorld({
      id: world.id,
      href: url,
      oauth: { clientId: 'another' },
      world: { browser: world },
    })
    expect((await other.client.ready()).status).toBe('anonymous')
    expect(other.windows.shown).toEqual([url])
    expect((await world.reload(url).client.ready()).status).toBe('authenticated')
  })

  test.each([
    ['a wrong iss', { iss: 'https://evil.example' }],
    ['the iss of another server', { iss: 'https://id.example.com/other' }],
    ['an iss that almost fits', { iss: 'https://id.example.com/' }],
    ['two of them', { iss: ['https://id.example.com', 'https://evil.example'] }],
    ['no iss, which the metadata promises', { iss: undefined }],
    ['two codes', { code: ['code-1', 'code-2'] }],
    ['an empty code', { code: '' }],
    ['two states', { state: (state: string) => [state, 'another'] }],
  ])('O11 %s: no token request, and one clear error', async (_, change) => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = new URL(await world.answered())
    for (const [name, value] of Object.entries(change)) {
      const values =
        typeof value === 'function' ? value(`${url.searchParams.get(name)}`) : [value ?? []].flat()
      url.searchParams.delete(name)
      for (const one of values) url.searchParams.append(name, one)
    }
    const next = world.reload(url.href)
    expect(await next.client.ready()).toMatchObject({
      status: 'anonymous',
      error: { code: 'login_rejected', message: expect.stringContaining('"issuer"') },
    })
    expect(errors(next)).toHaveLength(1)
    expect(next.id.count('token')).toBe(0)
    expect(next.windows.href()).toBe(HERE)
  })

  test.each(['code', 'state', 'iss', 'response', 'id_token', 'token', 'access_token'])(
    'O11 an answer with another "%s" beside what belongs there: no token request',
    async name => {
      const world = createOAuthWorld()
      void world.client.login().catch(() => {})
      const url = new URL(await world.answered())
      url.searchParams.append(name, 'x')
      const next = world.reload(url.href)
      expect(await next.client.ready()).toMatchObject({
        status: 'anonymous',
        error: { code: 'login_rejected', message: expect.stringContaining('"issuer"') },
      })
      expect(next.id.count('token')).toBe(0)
    },
  )

  test('O11 a refusal that is not of this server is no refusal', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = new URL(await world.answered())
    url.searchParams.delete('code')
    url.searchParams.set('error', 'access_denied')
    url.searchParams.set('iss', 'https://evil.example')
    expect(await world.reload(url.href).client.ready()).toMatchObject({
      error: { code: 'login_rejected', message: expect.stringContaining('"issuer"') },
    })
  })

  test('O11 a server that promises no iss needs none', async () => {
    const next = await loggedIn({ server: { iss: false } })
    expect(next.client.session.status).toBe('authenticated')
  })

  test.each([
    'https://evil.example/',
    '//evil.example',
    '\\\\evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/.//evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    'blob:https://app.example.com/x',
    'http://app.example.com/',
    'https://app.example.com:8443/',
    'https://app.example.com@evil.example/',
    'https://app.example.com.evil.example/',
    'about:blank',
    '/.//app.example.com/inbox',
  ])('O12 a returnTo of %j is refused', async returnTo => {
    const world = createOAuthWorld()
    await expect(world.client.login({ returnTo })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('"returnTo"'),
    })
    expect(stored(world)).toEqual([])
  })

  test('O12 one that somebody has put into the storage leads to the root', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const [[name, text]] = stored(world) as [[string, string]]
    world.storage.set(name, JSON.stringify({ ...JSON.parse(text), returnTo: '//evil.example/' }))
    const next = world.reload(url)
    expect(next.windows.href()).toBe(`${APP}/`)
    expect((await next.client.ready()).status).toBe('authenticated')
  })
})

describe('O13, O14: the server says no', () => {
  const refused = { error: 'access_denied', error_description: 'Ada said no.' }

  test('O13 access_denied reaches session.error and loginError, and a reload shows nothing else', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered(refused)
    const next = world.reload(url)
    expect(await next.client.ready()).toMatchObject({
      status: 'anonymous',
      error: { code: 'login_rejected', body: refused },
    })
    expect(errors(next)).toMatchObject([{ code: 'login_rejected', body: refused }])
    expect(errors(next)[0].message).not.toContain('Ada')
    const again = next.reload()
    expect(await again.client.ready()).toEqual({ status: 'anonymous', reason: 'initial' })
    expect(errors(again)).toEqual([])
  })

  test('O14 a refused step-up leaves the session as it is', async () => {
    const before = await loggedIn()
    const token = before.client.peekAccessToken()
    const world = before.open()
    await world.client.ready()
    void world.client.login({ acrValues: 'gold' }).catch(() => {})
    const next = await world.back(refused)
    expect(await next.client.ready()).toMatchObject({ status: 'authenticated', error: null })
    expect(errors(next)).toMatchObject([{ code: 'login_rejected', body: refused }])
    expect(before.client.peekAccessToken()).toBe(token)
  })
})

describe('O17, O18: the exchange', () => {
  test('O14 a step-up is completed, also where another tab hands its session over first', async () => {
    const first = await loggedIn()
    const tab = first.open()
    await tab.client.ready()
    void tab.client.login({ acrValues: 'gold' }).catch(() => {})
    const next = await tab.back({ acr: 'gold' })
    await first.client.refresh()
    await next.settle()
    expect(next.client.session.status).toBe('authenticated')
    expect(await next.client.ready()).toMatchObject({ user: { acr: 'gold' }, error: null })
    await first.settle()
    expect(first.client.session).toMatchObject({ user: { acr: 'gold' }, error: null })
  })

  test.each(['setTokens', 'logout'] as const)(
    'O14 what the app decides by %s, before it asks for the session, stays',
    async how => {
      const before = createOAuthWorld()
      void before.client.login().catch(() => {})
      const world = await before.back()
      if (how === 'setTokens') await world.client.setTokens({ accessToken: 'of-the-app' })
      else await world.client.logout()
      const { session } = world.client
      await world.client.ready()
      expect(world.client.session).toBe(session)
      expect(world.id.count('token')).toBe(0)
    },
  )

  test('O17 200 requests wait for it, and go out once, with the token', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const go = world.id.hold('token')
    const next = world.reload(url)
    const answers = Array.from({ length: 200 }, () => next.client.fetch(`${API}/items`))
    await next.settle()
    expect(next.id.count('GET /items')).toBe(0)
    go()
    expect((await Promise.all(answers)).every(({ status }) => status === 200)).toBe(true)
    expect([next.id.count('GET /items'), next.id.count('token')]).toEqual([200, 1])
  })

  test.each([
    ['the network fails', 'network'],
    ['503', { status: 503 }],
  ] as const)(
    'O18 where %s, the session from before is restored, and the error is told',
    async (_, fault) => {
      const before = await loggedIn()
      const world = before.open()
      await world.client.ready()
      void world.client.login({ acrValues: 'gold' }).catch(() => {})
      const url = await world.answered()
      world.id.fail('token', fault)
      const next = world.reload(url)
      expect((await next.client.ready()).status).toBe('authenticated')
      expect(errors(next)).toMatchObject([{ code: 'login_unavailable', retryable: true }])
      expect(next.id.count('token')).toBe(2)
    },
  )

  test('O18 with nobody signed in before, the session says why', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    world.id.fail('token', { status: 400 })
    const next = world.reload(url)
    expect(await next.client.ready()).toMatchObject({
      status: 'anonymous',
      error: { code: 'login_rejected', status: 400 },
    })
  })

  test('O18 where the metadata cannot be had at the return, that is told, and a later login succeeds', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    world.id.fail('discovery', { status: 503 })
    const next = world.reload(url)
    expect(await next.client.ready()).toMatchObject({
      status: 'anonymous',
      error: { code: 'login_unavailable', status: 503 },
    })
    void next.client.login().catch(() => {})
    expect((await (await next.back()).client.ready()).status).toBe('authenticated')
  })
})

test('O18 metadata that the network or CORS kept away is told as that', async () => {
  const world = createOAuthWorld()
  world.id.fail('discovery', 'network')
  await expect(world.client.login()).rejects.toMatchObject({
    code: 'login_unavailable',
    message: expect.stringContaining('CORS'),
  })
})

describe('O25: the user comes back without an answer', () => {
  test('O25 from the back/forward cache: the login is cancelled, and another one leaves at once', async () => {
    const world = createOAuthWorld()
    const first = world.client.login()
    await world.windows.left()
    world.wake('pageshow', true)
    await expect(first).rejects.toMatchObject({ code: 'login_cancelled', retryable: false })
    void world.client.login().catch(() => {})
    expect((await (await world.back()).client.ready()).status).toBe('authenticated')
  })

  test('O25 a login in the very task of the return from that cache is another one', async () => {
    const world = createOAuthWorld()
    const first = watch(world.client.login())
    await world.windows.left()
    world.wake('pageshow', true)
    const second = watch(world.client.login())
    expect(await world.windows.left()).toContain('/authorize')
    expect([first.state, second.state]).toEqual(['login_cancelled', 'pending'])
  })

  test('O25 a login after one that was aborted in the same task is another one, as under StrictMode', async () => {
    const world = createOAuthWorld()
    const controller = new AbortController()
    const first = watch(world.client.login(undefined, { signal: controller.signal }))
    controller.abort(new Error('unmounted'))
    const second = watch(world.client.login())
    expect(await world.windows.left()).toContain('/authorize')
    expect([first.state, second.state]).toEqual([new Error('unmounted'), 'pending'])
  })

  test('O25 a page that is still there after "timeout" rejects, too', async () => {
    const world = createOAuthWorld()
    const login = world.client.login()
    const watched = watch(login)
    await world.windows.left()
    await world.clock.advance(9_999)
    expect(watched.state).toBe('pending')
    await world.clock.advance(2)
    await expect(login).rejects.toMatchObject({ code: 'login_cancelled' })
  })
})

describe('O38 to O40', () => {
  test('O38 on a server it touches nothing, and login is not supported', async () => {
    const world = createOAuthWorld({ world: { page: null }, options: { tabs: false } })
    expect(world.client.session).toEqual({ status: 'unknown', error: null })
    await expect(world.client.login()).rejects.toMatchObject({ code: 'unsupported' })
    expect([world.calls(), [...world.storage], world.windows.shown]).toEqual([[], [], [HERE]])
  })

  test('O38 without a storage, and without Web Crypto, login says so before the page leaves', async () => {
    const world = createOAuthWorld()
    world.windows.crypto = false
    await expect(world.client.login()).rejects.toMatchObject({ code: 'unsupported' })
    world.windows.crypto = true
    const denied = () => {
      throw new DOMException('Denied', 'SecurityError')
    }
    world.environment.localStorage = denied
    world.environment.sessionStorage = denied
    await expect(world.client.login()).rejects.toMatchObject({ code: 'unsupported' })
  })

  test('O38 where localStorage alone is blocked, sessionStorage does', async () => {
    const world = createOAuthWorld()
    world.environment.localStorage = () => {
      throw new DOMException('Denied', 'SecurityError')
    }
    void world.client.login().catch(() => {})
    expect((await (await world.back()).client.ready()).status).toBe('authenticated')
    expect(stored(world)).toEqual([])
  })

  test('O39 nothing of a login stays anywhere but the mark that it was used', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const left = new URL(await world.windows.left())
    const [[, begun]] = stored(world) as [[string, string]]
    const { verifier, nonce } = JSON.parse(begun)
    const back = await world.id.authorize(left)
    const next = world.reload(back.href)
    await next.client.ready()
    const token = next.client.peekAccessToken() as string
    const secrets = [verifier, nonce, back.searchParams.get('code'), token]
    const state = back.searchParams.get('state') as string
    expect(secrets.every(secret => typeof secret === 'string' && secret.length > 5)).toBe(true)
    const seen = JSON.stringify([
      [...next.storage],
      [...next.sessionStorage],
      next.windows.href(),
      world.logs,
      next.logs,
      next.events,
      next.client.session,
    ])
    for (const secret of secrets) expect(seen).not.toContain(secret)
    expect(stored(next).map(([name]) => name)).toEqual([expect.stringContaining(state)])
    expect(JSON.stringify([next.logs, next.events, next.client.session])).not.toContain(state)
  })

  test('O40 with "metadata" there is no discovery call', async () => {
    const metadata = {
      authorization_endpoint: 'https://id.example.com/authorize',
      token_endpoint: 'https://id.example.com/token',
      authorization_response_iss_parameter_supported: true,
    }
    const next = await loggedIn({ oauth: { metadata } })
    expect(next.client.session.status).toBe('authenticated')
    expect(next.calls()).toEqual(['authorize', 'token'])
  })

  test('O40 PAR: only client_id and request_uri are in the address', async () => {
    const world = createOAuthWorld({ oauth: { prepare: par } })
    void world.client.login().catch(() => {})
    const url = await world.windows.left()
    expect([...new URL(url).searchParams.keys()].sort()).toEqual(['client_id', 'request_uri'])
    const next = world.reload((await world.id.authorize(url)).href)
    expect((await next.client.ready()).status).toBe('authenticated')
  })

  test.each([
    ['refused', { status: 400 }, { code: 'login_rejected', status: 400 }],
    ['away', 'network', { code: 'login_unavailable' }],
    ['late', { status: 503 }, { code: 'login_unavailable', status: 503 }],
  ] as const)('O40 PAR that is %s rejects the login, and the page stays', async (_, fault, error) => {
    const world = createOAuthWorld({ oauth: { prepare: par } })
    world.id.fail('par', fault)
    await expect(world.client.login()).rejects.toMatchObject(error)
    expect(stored(world)).toEqual([])
  })
})

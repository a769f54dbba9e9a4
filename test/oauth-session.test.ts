import { describe, expect, test } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { oauth } from '../src/oauth/index.ts'
import { createTabStorage } from './support/modes.ts'
import { API, APP, createOAuthWorld, HERE, loggedIn, type OAuthWorld } from './support/oauth.ts'
import { watch } from './support/outcome.ts'

const errors = (world: OAuthWorld) =>
  world.events.filter(([name]) => name === 'loginError').map(([, { error }]) => error)
const stored = ({ storage }: OAuthWorld) => [...storage.keys()].filter(name => name.includes(':oauth:'))
/** A storage of this tab, which outlives its pages. */
const inStorage = () => tokenStorage(createTabStorage())

const marker = ({ storage }: OAuthWorld) => [...storage.keys()].some(name => name.includes('signed-out'))

describe('O15, O16: answers of the token endpoint', () => {
  type Claims = Record<string, unknown>
  const faults: [name: string, change: (claims: Claims) => Claims][] = [
    ['another iss', claims => ({ ...claims, iss: 'https://evil.example' })],
    ['no iss', claims => ({ ...claims, iss: undefined })],
    ['another aud', claims => ({ ...claims, aud: 'another' })],
    ['several aud without azp', claims => ({ ...claims, aud: ['spa', 'another'] })],
    ['another azp', claims => ({ ...claims, aud: ['spa', 'another'], azp: 'another' })],
    ['another azp beside one aud', claims => ({ ...claims, azp: 'another' })],
    ['no aud', claims => ({ ...claims, aud: undefined })],
    ['no sub', claims => ({ ...claims, sub: undefined })],
    ['no iat', claims => ({ ...claims, iat: undefined })],
    ['no exp', claims => ({ ...claims, exp: undefined })],
    ['an exp before iat', claims => ({ ...claims, exp: (claims.iat as number) - 60 })],
    ['another nonce', claims => ({ ...claims, nonce: 'another' })],
    ['no nonce', claims => ({ ...claims, nonce: undefined })],
    ['an exp that is text', claims => ({ ...claims, exp: 'soon' })],
  ]
  test.each(faults)(
    'O15 an ID token with %s is malformed_response, and its tokens are not used',
    async (_, change) => {
      const world = createOAuthWorld()
      void world.client.login().catch(() => {})
      const url = await world.answered()
      world.id.tamper('idToken', change)
      const next = world.reload(url)
      expect(await next.client.ready()).toMatchObject({
        status: 'anonymous',
        error: { code: 'malformed_response', message: expect.stringContaining('token endpoint') },
      })
      await next.client.fetch(`${API}/items`)
      expect(next.id.bearers).toEqual([])
    },
  )

  test.each([
    ['no access token', { access_token: undefined }],
    ['no token_type', { token_type: undefined }],
    ['another token_type', { token_type: 'mac' }],
    ['a token that is bound to a key', { token_type: 'DPoP' }],
    ['no ID token', { id_token: undefined }],
    ['an ID token that is none', { id_token: 'x' }],
    ['an ID token that is encrypted', { id_token: 'a.b.c.d.e' }],
    ['an expires_in that is none', { expires_in: 'soon' }],
    ['a refresh token that is none', { refresh_token: {} }],
  ])('O15 an answer with %s is malformed_response', async (_, change) => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    world.id.tamper('token', body => ({ ...body, ...change }))
    const next = world.reload(url)
    expect(await next.client.ready()).toMatchObject({ error: { code: 'malformed_response' } })
    expect(next.client.session.status).toBe('anonymous')
  })

  test('O15 an ID token is demanded also where somebody has changed what was stored', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    for (const name of stored(world)) {
      const { nonce, ...rest } = JSON.parse(world.storage.get(name) as string)
      expect(nonce).toMatch(/^[\w-]{43}$/)
      world.storage.set(name, JSON.stringify(rest))
    }
    world.id.tamper('token', body => ({ ...body, id_token: undefined }))
    const next = world.reload(url)
    expect(await next.client.ready()).toMatchObject({ error: { code: 'malformed_response' } })
  })

  test('O15 no message, event or log quotes a token of an answer that is refused', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    const secrets: unknown[] = []
    world.id.tamper('token', body => {
      secrets.push(body.access_token, body.refresh_token, body.id_token)
      return { ...body, token_type: 'mac' }
    })
    const next = world.reload(url)
    await next.client.ready()
    const [error] = errors(next)
    const seen = JSON.stringify([next.events, next.logs, error.message, error.stack, { ...error }])
    for (const secret of secrets) expect(seen).not.toContain(secret)
  })

  test('O15 no expires_in, a token_type in capitals, an aud that is a list of one: all fine', async () => {
    const world = createOAuthWorld()
    void world.client.login().catch(() => {})
    const url = await world.answered()
    world.id.tamper('token', body => ({ ...body, expires_in: undefined, token_type: 'BEARER' }))
    world.id.tamper('idToken', claims => ({ ...claims, aud: ['spa'] }))
    const next = world.reload(url)
    expect((await next.client.ready()).status).toBe('authenticated')
  })

  test.each([
    ['fast', 2],
    ['slow', -2],
  ])('O16 a clock that is two hours %s: login, refresh and max_age work', async (_, hours) => {
    const first = createOAuthWorld({ world: { skew: hours * 3_600_000 } })
    void first.client.login({ maxAge: 60 }).catch(() => {})
    const world = await first.back()
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated', error: null })
    await world.clock.advance(270_000)
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
    expect(world.id.count('token')).toBe(2)
    expect((await world.client.fetch(`${API}/items`)).status).toBe(200)
  })

  test.each<[name: string, change: (claims: Claims) => Claims, isRefused: boolean]>([
    ['older than max_age', claims => ({ ...claims, auth_time: (claims.iat as number) - 600 }), true],
    ['a minute and a half old', claims => ({ ...claims, auth_time: (claims.iat as number) - 91 }), true],
    [
      'as old as the tolerance allows',
      claims => ({ ...claims, auth_time: (claims.iat as number) - 89 }),
      false,
    ],
    ['of an unknown time', claims => ({ ...claims, auth_time: undefined }), true],
    ['of a time that is text', claims => ({ ...claims, auth_time: `${claims.iat}` }), true],
  ])('O16 with "maxAge" of a minute, a login that is %s', async (_, change, isRefused) => {
    const world = createOAuthWorld()
    void world.client.login({ maxAge: 60 }).catch(() => {})
    const url = await world.answered()
    world.id.tamper('idToken', change)
    expect(await world.reload(url).client.ready()).toMatchObject(
      isRefused ? { error: { code: 'malformed_response' } } : { status: 'authenticated' },
    )
  })

  test('the user is what the ID token says of the user, and stays the same object over a refresh', async () => {
    const world = await loggedIn()
    const { session } = world.client
    expect(session.user).toEqual({
      iss: 'https://id.example.com',
      aud: 'spa',
      sub: 'ada',
      name: 'Ada',
      email: 'ada@example.com',
      auth_time: expect.any(Number),
    })
    await world.client.refresh()
    expect(world.client.session.user).toBe(session.user)
    expect(world.client.session).not.toBe(session)
  })
})

describe('O26, O27, O30: refresh', () => {
  test('O26 ten tabs with many requests: one token call for each lifetime, with reuse detection', async () => {
    const first = await loggedIn()
    const tabs = [first, ...Array.from({ length: 9 }, () => first.open())]
    await Promise.all(tabs.map(({ client }) => client.ready()))
    for (let lifetime = 1; lifetime <= 3; lifetime++) {
      await first.clock.advance(300_000)
      const answers = await Promise.all(
        tabs.flatMap(({ client }) => [1, 2, 3].map(() => client.fetch(`${API}/items`))),
      )
      expect(answers.every(({ status }) => status === 200)).toBe(true)
    }
    expect(first.id.reuses).toBe(0)
    expect(first.id.count('token')).toBeLessThanOrEqual(1 + 4)
    expect(new Set(tabs.map(({ client }) => client.peekAccessToken())).size).toBe(1)
  })

  test.each([
    ['503', { status: 503 }],
    ['the network', 'network'],
    ['a page of HTML', 'malformed'],
    ['invalid_client', { status: 401, body: { error: 'invalid_client' } }],
    ['a 400 without JSON', { status: 400, body: '<h1>Bad Request</h1>' }],
    ['invalid_dpop_proof', { status: 400, body: { error: 'invalid_dpop_proof' } }],
    ['500 that says invalid_grant', { status: 500, body: { error: 'invalid_grant' } }],
    ['429 that says invalid_grant', { status: 429, body: { error: 'invalid_grant' } }],
  ] as const)('O27 %s at the token endpoint signs nobody out', async (_, fault) => {
    const world = await loggedIn()
    world.id.fail('token', fault, Number.POSITIVE_INFINITY)
    await world.clock.advance(30 * 60_000)
    expect(world.client.session).toMatchObject({ status: 'authenticated' })
    expect(world.client.session.status === 'authenticated' && world.client.session.error).not.toBeNull()
    world.id.mend()
    await world.client.refresh()
    expect((await world.client.fetch(`${API}/items`)).status).toBe(200)
  })

  test.each([
    ['503', { status: 503 }],
    ['the network', 'network'],
    ['a page of HTML', 'malformed'],
  ] as const)('O27 %s at discovery, after a reload, signs nobody out', async (_, fault) => {
    const before = await loggedIn({ options: { storage: inStorage() } })
    before.id.fail('discovery', fault)
    const world = before.reload()
    expect(await world.client.ready()).toMatchObject({ status: 'unknown' })
    await world.clock.advance(5 * 60_000)
    expect(world.client.session.status).toBe('authenticated')
  })

  test('O27 an ID token of another user in a refresh is not used, and the session goes on', async () => {
    const world = await loggedIn()
    world.id.tamper('idToken', claims => ({ ...claims, sub: 'bob' }))
    await expect(world.client.refresh()).rejects.toMatchObject({
      code: 'refresh_unavailable',
      message: expect.stringContaining('another user'),
    })
    expect(world.client.session).toMatchObject({ status: 'authenticated', user: { sub: 'ada' } })
  })

  test('O30 a refresh token that has ended: rejected, once', async () => {
    const world = await loggedIn()
    world.id.revokeAll()
    await world.clock.advance(10 * 60_000)
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
    expect(world.count('logout')).toBe(1)
    expect(world.windows.frames).toEqual([])
  })

  test.each([400, 401, 403])(
    'O30 a server that refuses a refresh token by %s and says nothing: rejected, and a reload asks no more',
    async status => {
      const before = await loggedIn({ options: { storage: inStorage() } })
      before.id.fail('token', { status }, Number.POSITIVE_INFINITY)
      const world = before.reload()
      expect(await world.client.ready()).toMatchObject({
        status: 'anonymous',
        error: { code: 'refresh_rejected' },
      })
      const calls = world.id.count('token')
      const next = world.reload()
      expect(await next.client.ready()).toMatchObject({ status: 'anonymous' })
      expect(next.id.count('token')).toBe(calls)
    },
  )

  test.each([404, 408, 429, 500, 503])('O27 %s without a body signs nobody out', async status => {
    const world = await loggedIn()
    world.id.fail('token', { status })
    await expect(world.client.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect(world.client.session.status).toBe('authenticated')
  })

  test('O27 after a reload, a stored refresh token restores, with one discovery and one token call', async () => {
    const before = await loggedIn({ options: { storage: inStorage() } })
    const calls = before.calls().length
    const world = before.reload()
    expect(await world.client.ready()).toMatchObject({ status: 'authenticated', user: { sub: 'ada' } })
    expect(world.calls().slice(calls)).toEqual(['discovery', 'token'])
  })
})

describe('O28 to O30: the hidden frame', () => {
  const silent = { oauth: { silent: 'iframe', silentRedirectUri: '/silent.html' } } as const

  /** The browser follows what the frame is shown. */
  async function follow(world: OAuthWorld) {
    const url = await world.windows.asked()
    const frame = world.windows.frames.at(-1)
    frame?.loaded((await world.id.authorize(url)).href)
    return new URL(url).searchParams
  }

  test('O28 a reload restores with one frame for all tabs', async () => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    const other = world.open()
    const both = Promise.all([world, other].map(({ client }) => client.ready()))
    const asking = await Promise.race(
      [world, other].map(async tab => {
        await tab.windows.asked()
        return tab
      }),
    )
    const [frame] = asking.windows.frames
    const query = new URL(frame?.url ?? '').searchParams
    frame?.loaded((await world.id.authorize(frame.url)).href)
    expect(query.get('prompt')).toBe('none')
    expect(query.get('redirect_uri')).toBe(`${APP}/silent.html`)
    expect((await both).map(({ status }) => status)).toEqual(['authenticated', 'authenticated'])
    await world.settle()
    expect([...world.windows.frames, ...other.windows.frames].map(({ isRemoved }) => isRemoved)).toEqual([
      true,
    ])
    expect(stored(world)).toHaveLength(1) // the mark of the login
  })

  test('O28 before its token ends, the frame renews the session', async () => {
    const world = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const token = world.client.peekAccessToken()
    const refreshed = new Promise(resolve => world.client.on('refresh', resolve))
    void world.clock.advance(256_000)
    const query = await follow(world)
    expect(query.get('id_token_hint')).toMatch(/^ey/)
    await refreshed
    expect(world.client.session.status).toBe('authenticated')
    expect(world.client.peekAccessToken()).not.toBe(token)
    expect(world.count('userChange')).toBe(0)
  })

  test('O28 the tab with the refresh token is closed: one of the others asks in the frame, for all', async () => {
    const first = await loggedIn(silent)
    const others = [first.open(), first.open()]
    await Promise.all(others.map(({ client }) => client.ready()))
    const before = first.client.peekAccessToken()
    first.client.dispose()
    const asked = Promise.race(
      others.map(async tab => {
        await tab.windows.asked()
        return tab
      }),
    )
    void first.clock.advance(270_000)
    const { windows } = await asked
    windows.frames[0]?.loaded((await first.id.authorize(windows.frames[0].url)).href)
    await first.clock.advance(10_000)
    const tokens = others.map(({ client }) => client.peekAccessToken())
    expect(new Set(tokens).size).toBe(1)
    expect(tokens).not.toContain(before)
    // That tab has a refresh token now.
    await first.clock.advance(600_000)
    expect(others.map(({ client }) => client.session.status)).toEqual(['authenticated', 'authenticated'])
    expect(others.flatMap(tab => tab.windows.frames)).toHaveLength(1)
  })

  test.each([
    ['login_required', 'login_required'],
    ['interaction_required', 'interaction_required'],
    ['consent_required', 'consent_required'],
    ['account_selection_required', 'account_selection_required'],
  ])('O29 %s: anonymous, and nothing is ended at the server', async (_, error) => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    const ready = world.client.ready()
    const url = await world.windows.asked()
    world.windows.frames[0]?.loaded((await world.id.authorize(url, { error })).href)
    expect(await ready).toMatchObject({ status: 'anonymous', reason: 'initial' })
    expect([world.id.count('endSession'), marker(world)]).toEqual([0, false])
  })

  test('O29 a page of another origin: anonymous at once', async () => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    const ready = world.client.ready()
    await world.windows.asked()
    world.windows.frames[0]?.loaded(null)
    expect(await ready).toMatchObject({ status: 'anonymous', reason: 'initial' })
    expect(world.windows.frames[0]?.isRemoved).toBe(true)
  })

  test.each([
    ['that is away', 'network'],
    ['that answers with 503', { status: 503 }],
  ] as const)('O29 a page of another origin, of a server %s: nobody is signed out', async (_, fault) => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    const ready = world.client.ready()
    await world.windows.asked()
    world.id.fail('discovery', fault)
    world.windows.frames[0]?.loaded(null)
    expect(await ready).toMatchObject({ status: 'unknown', error: { code: 'refresh_unavailable' } })
  })

  test('O29 server_error in the frame, and a frame that never loads, are passing', async () => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    const ready = world.client.ready()
    const url = await world.windows.asked()
    world.windows.frames[0]?.loaded((await world.id.authorize(url, { error: 'server_error' })).href)
    expect(await ready).toMatchObject({ status: 'unknown', error: { code: 'refresh_unavailable' } })
    const next = world.reload()
    const again = watch(next.client.ready())
    await next.windows.asked()
    await next.clock.advance(10_001)
    expect(again.value).toMatchObject({ status: 'unknown', error: { code: 'refresh_unavailable' } })
    expect(next.windows.frames[0]?.isRemoved).toBe(true)
  })

  test('O28 dispose removes the frame', async () => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    const ready = watch(world.client.ready())
    await world.windows.asked()
    world.client.dispose()
    await world.settle()
    expect([ready.state, world.windows.frames[0]?.isRemoved]).toEqual(['disposed', true])
  })

  test('O29 an answer that is not to this frame counts as none', async () => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    const ready = world.client.ready()
    const back = await world.id.authorize(await world.windows.asked())
    back.searchParams.set('state', 'another')
    world.windows.frames[0]?.loaded(back.href)
    expect((await ready).status).toBe('anonymous')
  })

  test('O30 a refresh token that has ended: one frame first, which goes on with the session', async () => {
    const world = await loggedIn(silent)
    world.id.revokeAll()
    const refreshed = world.client.refresh()
    await follow(world)
    expect(await refreshed).toMatchObject({ status: 'authenticated', error: null })
    expect((await world.client.fetch(`${API}/items`)).status).toBe(200)
    expect(world.count('logout')).toBe(0)
  })

  test.each(['this tab', 'another tab'])(
    'O30 after a logout in %s, a refresh that is refused then asks no frame',
    async where => {
      const world = await loggedIn({ oauth: { silent: 'iframe', endSession: false } })
      const other = world.open()
      await other.client.ready()
      world.id.revokeAll()
      const release = world.id.hold('token')
      const refreshed = watch(world.client.refresh())
      await world.settle()
      const logout = watch((where === 'this tab' ? world : other).client.logout())
      await world.settle()
      release()
      await world.clock.advance(25_000)
      expect(world.windows.frames).toEqual([])
      expect([refreshed.state, logout.state]).not.toContain('pending')
      expect([world, other].map(({ client }) => client.session.status)).toEqual(['anonymous', 'anonymous'])
    },
  )

  test('O30 after a logout while the frame asks, its code is not exchanged', async () => {
    const before = await loggedIn({ ...silent, server: { refreshTokens: 'never' } })
    const world = before.reload()
    void world.client.ready()
    const url = await world.windows.asked()
    void world.client.logout()
    await world.settle()
    const tokens = world.id.count('token')
    world.windows.frames[0]?.loaded((await world.id.authorize(url)).href)
    await world.clock.advance(25_000)
    expect(world.id.count('token')).toBe(tokens)
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'logout' })
  })

  test('O30 where the frame finds nobody: rejected, once', async () => {
    const world = await loggedIn(silent)
    world.id.revokeAll()
    const { frame } = world.windows
    let frames = 0
    world.windows.frame = (url, loaded) => {
      frames++
      void world.id.authorize(url, { error: 'login_required' }).then(({ href }) => loaded(href))
      return frame(url, () => {})
    }
    await world.clock.advance(600_000)
    // One ahead of the end; and one at the end, as after every refusal while the token still works.
    expect(frames).toBe(2)
    expect(world.count('logout')).toBe(1)
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
  })
})

describe('O31 to O35: logout', () => {
  test('O31 in any tab: it names the session, ends in all tabs, comes back and lifts the marker', async () => {
    const first = await loggedIn({ oauth: { postLogoutRedirectUri: '/bye' } })
    const other = first.open()
    await other.client.ready()
    // The first tab has the refresh token, and revokes it.
    expect(await other.client.logout()).toEqual({ revoked: false })
    const url = new URL(await other.windows.left())
    expect(url.origin + url.pathname).toBe('https://id.example.com/logout')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      id_token_hint: expect.stringMatching(/^ey/),
      client_id: 'spa',
      post_logout_redirect_uri: `${APP}/bye`,
      state: expect.stringMatching(/^[\w-]{43}$/),
    })
    await first.settle()
    expect(first.client.session).toMatchObject({ status: 'anonymous' })
    expect([marker(first), first.id.count('revoke')]).toEqual([true, 1])
    const back = await first.id.endSession(url)
    const next = other.reload(back.href)
    expect(next.windows.href()).toBe(`${APP}/bye`)
    expect(await next.client.ready()).toEqual({ status: 'anonymous', reason: 'initial' })
    expect(marker(next)).toBe(false)
  })

  test('O31 "endSession: false", and a server without that endpoint: the page stays', async () => {
    const world = await loggedIn({ oauth: { endSession: false } })
    expect(await world.client.logout()).toEqual({ revoked: true })
    expect(marker(world)).toBe(false)
    const metadata = {
      authorization_endpoint: 'https://id.example.com/authorize',
      token_endpoint: 'https://id.example.com/token',
      revocation_endpoint: 'https://id.example.com/revoke',
    }
    const other = await loggedIn({ oauth: { metadata } })
    expect(await other.client.logout()).toEqual({ revoked: true })
    expect([...world.logs, ...other.logs].filter(({ type }) => type === 'left')).toEqual([])
  })

  test.each([
    ['"endSession: false"', { endSession: false }],
    [
      'a server that has nowhere to log out',
      {
        metadata: {
          authorization_endpoint: 'https://id.example.com/authorize',
          token_endpoint: 'https://id.example.com/token',
          revocation_endpoint: 'https://id.example.com/revoke',
        },
      },
    ],
  ])('O32 with %s, the next load asks no frame, and a login shows the login form', async (_, options) => {
    const first = await loggedIn({ oauth: { silent: 'iframe', ...options } })
    expect(await first.client.logout()).toEqual({ revoked: true })
    const next = first.reload(HERE)
    expect(await next.client.ready()).toMatchObject({ status: 'anonymous' })
    expect(next.windows.frames).toEqual([])
    void next.client.login().catch(() => {})
    const url = await next.windows.left()
    expect(new URL(url).searchParams.get('prompt')).toBe('login')
    const back = next.reload((await next.id.authorize(url, { user: 'ada' })).href)
    expect((await back.client.ready()).status).toBe('authenticated')
    expect(marker(back)).toBe(false)
  })

  test.each(['the user never comes back', 'the user presses Back'])(
    'O32 where %s, the next load is still signed out',
    async () => {
      const first = await loggedIn({
        oauth: { silent: 'iframe' },
        options: { storage: inStorage() },
      })
      await first.client.logout()
      await first.windows.left()
      const next = first.reload(HERE)
      expect(await next.client.ready()).toMatchObject({ status: 'anonymous' })
      expect(next.windows.frames).toEqual([])
      expect(marker(next)).toBe(true)
    },
  )

  test('O33 a guard in another tab that logs in at once meets the login form', async () => {
    const first = await loggedIn()
    const other = first.open()
    await other.client.ready()
    other.client.on('logout', () => void other.client.login().catch(() => {}))
    await first.client.logout()
    const url = await other.windows.left()
    expect(new URL(url).searchParams.get('prompt')).toBe('login')
  })

  test('O33 the same where that tab does not see the marker yet', async () => {
    const first = await loggedIn()
    const other = first.open()
    await other.client.ready()
    // What a tab stores can arrive later than what it says: so in Chromium and Firefox.
    const { localStorage } = other.environment
    other.environment.localStorage = () => {
      const storage = localStorage()
      return {
        getItem: name => (name.includes('signed-out') ? null : storage.getItem(name)),
        setItem: (name, value) => storage.setItem(name, value),
        removeItem: name => storage.removeItem(name),
      }
    }
    other.client.on('logout', () => void other.client.login().catch(() => {}))
    await first.client.logout()
    const url = await other.windows.left()
    expect(new URL(url).searchParams.get('prompt')).toBe('login')
  })

  test('O33 a server that revokes, and has nowhere to log out: the next login meets its login form', async () => {
    const metadata = {
      authorization_endpoint: 'https://id.example.com/authorize',
      token_endpoint: 'https://id.example.com/token',
      revocation_endpoint: 'https://id.example.com/revoke',
    }
    const world = await loggedIn({ oauth: { metadata } })
    expect(await world.client.logout()).toEqual({ revoked: true })
    void world.client.login().catch(() => {})
    const url = await world.windows.left()
    expect(new URL(url).searchParams.get('prompt')).toBe('login')
    const back = world.reload((await world.id.authorize(url, { user: 'ada' })).href)
    expect((await back.client.ready()).status).toBe('authenticated')
    expect([marker(back), back.id.count('revoke')]).toEqual([false, 1])
  })

  test('O33 what the app says about "prompt" stays', async () => {
    const first = await loggedIn()
    await first.client.logout()
    const next = first.reload(HERE)
    void next.client.login({ prompt: 'select_account' }).catch(() => {})
    expect(new URL(await next.windows.left()).searchParams.get('prompt')).toBe('select_account')
  })

  test('O33 the "prompt" of oauth() is asked for at each login, beside the login form after a logout', async () => {
    const world = createOAuthWorld({ oauth: { prompt: 'consent' } })
    void world.client.login().catch(() => {})
    const url = await world.windows.left()
    expect(new URL(url).searchParams.get('prompt')).toBe('consent')
    const back = world.reload((await world.id.authorize(url)).href)
    await back.client.ready()
    await back.client.logout()
    const next = back.reload(HERE)
    void next.client.login().catch(() => {})
    expect(new URL(await next.windows.left()).searchParams.get('prompt')).toBe('login consent')
  })

  test.each([
    ['login', 'login'],
    ['consent', 'login consent'],
    ['select_account login', 'login select_account'],
    ['none', 'login'],
  ])('O33 the option "prompt" %j does not keep the login form away', async (prompt, asked) => {
    const first = await loggedIn({ oauth: { prompt } }, { user: 'ada' })
    await first.client.logout()
    const next = first.reload(HERE)
    void next.client.login().catch(() => {})
    expect(new URL(await next.windows.left()).searchParams.get('prompt')).toBe(asked)
  })

  test('O33 a login while the page leaves for the logout goes nowhere else', async () => {
    const world = await loggedIn()
    await world.client.logout()
    const url = await world.windows.left()
    const login = watch(world.client.login())
    await world.settle()
    expect(login.state).toBe('pending')
    expect(url).toContain('/logout')
    world.wake('pageshow', true)
    await world.settle()
    expect(login.state).toBe('login_cancelled')
  })

  test.each([
    ['somebody is signed in', loggedIn],
    ['nobody is', async () => createOAuthWorld()],
  ])('O33 a logout while the page leaves for a login takes its place, where %s', async (_, begun) => {
    const world = await begun()
    const login = watch(world.client.login({ acrValues: 'gold' }))
    expect(await world.windows.left()).toContain('/authorize')
    const logout = watch(world.client.logout())
    await world.settle()
    expect([login.state, logout.state]).toEqual(['superseded', 'fulfilled'])
    expect(await world.windows.left()).toContain('/logout')
  })

  test.each(['this tab', 'another tab'])(
    'O33 a logout in %s, before the page has left for a login, keeps it from leaving',
    async where => {
      let go = () => {}
      const prepare = (parameters: URLSearchParams) =>
        new Promise<URLSearchParams>(resolve => {
          go = () => resolve(parameters)
        })
      const first = await loggedIn({ oauth: { endSession: false } })
      const world = createOAuthWorld({
        id: first.id,
        oauth: { endSession: false, prepare },
        world: { browser: first },
      })
      await world.client.ready()
      const login = watch(world.client.login({ acrValues: 'gold' }))
      await world.settle()
      await (where === 'this tab' ? world : first).client.logout()
      go()
      await world.settle()
      expect(login.state).toBe('superseded')
      expect(world.logs.filter(({ type }) => type === 'left')).toEqual([])
    },
  )

  test.each([
    ['the network', 'network'],
    ['503', { status: 503 }],
  ] as const)(
    'O34 with the server away (%s): signed out here, the page stays, and it is revoked later',
    async (_, fault) => {
      const world = await loggedIn()
      world.id.fail('revoke', fault)
      expect(await world.client.logout()).toMatchObject({
        revoked: false,
        error: { code: 'logout_unavailable' },
      })
      expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'logout' })
      expect(world.logs.filter(({ type }) => type === 'left')).toEqual([])
      await world.clock.advance(10 * 60_000)
      expect(world.id.count('revoke')).toBe(2)
    },
  )

  test.each([
    ['401 without a body', { status: 401 }],
    ['400 without a body', { status: 400 }],
    ['invalid_client', { status: 401, body: { error: 'invalid_client' } }],
    ['unsupported_token_type', { status: 400, body: { error: 'unsupported_token_type' } }],
  ] as const)(
    'O31 a server that does not revoke for this client (%s): its session is ended all the same',
    async (_, fault) => {
      const world = await loggedIn()
      world.id.fail('revoke', fault)
      const logout = await world.client.logout()
      expect(logout).toMatchObject({ revoked: false, error: { code: 'logout_unavailable' } })
      expect(world.logs.filter(({ type }) => type === 'left')).toHaveLength(1)
      const back = await world.id.endSession(await world.windows.left())
      const next = world.reload(back.href)
      expect((await next.client.ready()).status).toBe('anonymous')
      expect(marker(next)).toBe(false)
      await next.clock.advance(60 * 60_000)
      expect(next.id.count('revoke')).toBe(1)
    },
  )

  test.each([
    ['the page of a firewall', { status: 403, body: '<!doctype html><title>Firewall</title>' }],
    ['429', { status: 429, body: { error: 'slow_down' } }],
  ] as const)('O34 with %s in place of a revocation, the page stays', async (_, fault) => {
    const world = await loggedIn()
    world.id.fail('revoke', fault)
    expect(await world.client.logout()).toMatchObject({ revoked: false, error: { retryable: true } })
    await world.settle()
    expect(world.logs.filter(({ type }) => type === 'left')).toEqual([])
  })

  test('O34 offline, the page does not leave for an error page of the browser', async () => {
    const world = await loggedIn({ server: { refreshTokens: 'never' } })
    world.online = false
    await world.client.logout()
    await world.settle()
    expect(world.logs.filter(({ type }) => type === 'left')).toEqual([])
    expect(marker(world)).toBe(true)
  })

  test.each([
    ['by discovery', {}],
    [
      'with "metadata"',
      {
        metadata: {
          authorization_endpoint: 'https://id.example.com/authorize',
          token_endpoint: 'https://id.example.com/token',
          end_session_endpoint: 'https://id.example.com/logout',
        },
      },
    ],
  ])(
    'O34 with nothing to revoke, it is looked first whether the server is there (%s)',
    async (_, options) => {
      const world = await loggedIn({ oauth: options, server: { refreshTokens: 'never' } })
      world.id.fail('discovery', 'network')
      expect(await world.client.logout()).toEqual({ revoked: false })
      expect(world.logs.filter(({ type }) => type === 'left')).toEqual([])
      expect(marker(world)).toBe(true)
      await world.client.logout()
      expect(await world.windows.left()).toContain('/logout')
    },
  )

  test('O34 a server that takes too long to show that it is there is not left for later, either', async () => {
    const world = await loggedIn({ server: { refreshTokens: 'never' } })
    const release = world.id.hold('discovery')
    const logout = watch(world.client.logout())
    await world.clock.advance(10_001)
    expect(logout.state).toBe('fulfilled')
    release()
    await world.settle()
    expect(world.logs.filter(({ type }) => type === 'left')).toEqual([])
  })

  test('an endpoint that is null in the metadata is none', async () => {
    const metadata = {
      authorization_endpoint: 'https://id.example.com/authorize',
      token_endpoint: 'https://id.example.com/token',
      revocation_endpoint: null,
      end_session_endpoint: null,
    }
    const world = await loggedIn({ oauth: { metadata: metadata as never } })
    expect(await world.client.logout()).toEqual({ revoked: false })
  })

  test('O35 after a final refusal, logout still names the session', async () => {
    const world = await loggedIn()
    world.id.revokeAll()
    await world.clock.advance(10 * 60_000)
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
    await world.client.logout()
    expect(new URL(await world.windows.left()).searchParams.get('id_token_hint')).toMatch(/^ey/)
  })

  test('O35 a logout names nobody else: the ID token of the user before is forgotten', async () => {
    const world = await loggedIn()
    await world.client.setTokens({ accessToken: 'opaque-of-bob', user: { id: 'bob' } })
    await world.client.logout()
    expect(new URL(await world.windows.left()).searchParams.has('id_token_hint')).toBe(false)
  })
})

describe('O36, O37: step-up', () => {
  const challenge = {
    scheme: 'Bearer',
    error: 'insufficient_user_authentication',
    parameters: { acr_values: 'gold silver', max_age: '120', scope: 'transfer' },
  }

  test('O36 a challenge asks with acr_values, max_age and scope', async () => {
    const world = await loggedIn()
    void world.client.login({ challenge }).catch(() => {})
    const query = new URL(await world.windows.left()).searchParams
    expect(Object.fromEntries(query)).toMatchObject({
      acr_values: 'gold silver',
      max_age: '120',
      scope: 'openid profile offline_access transfer',
    })
  })

  test.each([
    { max_age: '-5' },
    { max_age: '1e999' },
    { max_age: '1.5' },
    { max_age: ' ' },
    { max_age: 'soon' },
    { max_age: '9'.repeat(400) },
    { max_age: [] },
    { scope: 5 },
    { acr_values: {} },
  ])('O36 a challenge with %j is invalid_option, and the page stays', async parameters => {
    const world = await loggedIn()
    const wrong = { challenge: { ...challenge, parameters } }
    await expect(world.client.login(wrong)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('"challenge"'),
    })
    expect(stored(world)).toHaveLength(1) // the mark of the login before
  })

  test.each([
    ['that it asked for', {}, 'fulfilled'],
    ['of another acr', { acr: 'bronze' }, 'malformed_response'],
    ['with less scope', { scope: 'openid profile offline_access' }, 'malformed_response'],
    ['that leaves out another scope, as some servers do', { scope: 'openid profile transfer' }, 'fulfilled'],
  ])('O36 an answer %s', async (_, decision, outcome) => {
    const world = await loggedIn()
    void world.client.login({ challenge }).catch(() => {})
    const next = await world.back({ user: 'ada', ...decision })
    await next.client.ready()
    expect(errors(next).map(({ code }) => code)).toEqual(outcome === 'fulfilled' ? [] : [outcome])
  })

  test('O37 another user at the step-up is a userChange in the other tab', async () => {
    const first = await loggedIn({
      server: { users: [{ claims: { sub: 'ada' } }, { claims: { sub: 'bob' } }] },
    })
    const other = first.open()
    await other.client.ready()
    void first.client.login({ challenge }).catch(() => {})
    const next = await first.back({ user: 'bob' })
    expect(await next.client.ready()).toMatchObject({ status: 'authenticated', user: { sub: 'bob' } })
    await other.settle()
    expect(other.count('userChange')).toBe(1)
    expect(other.client.session).toMatchObject({ user: { sub: 'bob' } })
  })
})

describe('userInfo', () => {
  test('the user comes from the endpoint, and once', async () => {
    const world = await loggedIn({ oauth: { userInfo: true } })
    expect(world.client.session.user).toEqual({ sub: 'ada', name: 'Ada', email: 'ada@example.com' })
    await world.clock.advance(600_000)
    expect(world.id.count('userinfo')).toBe(1)
  })

  test('one of another user is not shown', async () => {
    const world = createOAuthWorld({ oauth: { userInfo: true } })
    void world.client.login().catch(() => {})
    const url = await world.answered()
    world.id.tamper('userinfo', body => ({ ...body, sub: 'bob' }))
    const next = world.reload(url)
    expect(await next.client.ready()).toMatchObject({ status: 'authenticated', user: null })
  })
})

describe('options', () => {
  const good = { issuer: 'https://id.example.com', clientId: 'spa' }

  test.each([
    ['issuer', { issuer: undefined }],
    ['issuer', { issuer: 'http://id.example.com' }],
    ['issuer', { issuer: '/relative' }],
    ['issuer', { issuer: 'https://id.example.com/?x=1' }],
    ['issuer', { issuer: 'https://ada:secret@id.example.com/' }],
    ['clientId', { clientId: '' }],
    ['clientId', { clientId: undefined }],
    ['scope', { scope: 1 }],
    ['scope', { scope: 'profile', userInfo: true }],
    ['scope', { scope: 'profile', silent: 'iframe' }],
    ['resource', { resource: 'api' }],
    ['silent', { silent: true }],
    ['metadata.issuer', { metadata: { issuer: 'https://evil.example' } }],
    ['metadata.token_endpoint', { metadata: { authorization_endpoint: 'https://id.example.com/a' } }],
    [
      'metadata.token_endpoint',
      {
        metadata: {
          authorization_endpoint: 'https://id.example.com/a',
          token_endpoint: 'http://id.example.com/t',
        },
      },
    ],
    ['navigate', { navigate: '/' }],
    ['clientSecret', { clientSecret: 'x' }],
  ])('a wrong %s is invalid_option, and named', (name, wrong) => {
    expect(() => oauth({ ...good, ...wrong } as never)).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringContaining(`"${name}"`),
      }),
    )
  })

  test.each([
    ['"issuer" must be an absolute URL.', { issuer: 'id.example.com' }],
    ['"issuer" must be an absolute URL.', { issuer: '/relative' }],
    ['"issuer" must be https or loopback.', { issuer: 'http://id.example.com' }],
    [
      '"metadata.token_endpoint" must be an absolute URL.',
      { metadata: { authorization_endpoint: 'https://id.example.com/a', token_endpoint: '/token' } },
    ],
  ])('a page cannot help an address of the provider, and no message speaks of one: %s', (message, wrong) => {
    expect(() => oauth({ ...good, ...wrong })).toThrow(
      expect.objectContaining({ code: 'invalid_option', message }),
    )
  })

  test.each([
    ['redirectUri', { redirectUri: 'https://other.example/' }],
    ['redirectUri', { redirectUri: '/#x' }],
    ['redirectUri', { redirectUri: '/#' }],
    ['silentRedirectUri', { silentRedirectUri: 'https://other.example/' }],
    ['postLogoutRedirectUri', { postLogoutRedirectUri: 'https://other.example/' }],
  ])('a %s that no page of this origin can see is refused when the client is created', (name, wrong) => {
    expect(() => createOAuthWorld({ oauth: wrong })).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringContaining(`"${name}"`),
      }),
    )
  })

  test.each([
    ['popUp', { popUp: true }],
    ['popup', { popup: 'yes' }],
    ['maxAge', { maxAge: -1 }],
    ['maxAge', { maxAge: '60' }],
    ['scope', { scope: 'profile' }],
    ['challenge', { challenge: 'Bearer' }],
    ['login', 'ada'],
  ])('login with a wrong %s is invalid_option, and the page stays', async (name, wrong) => {
    const world = createOAuthWorld()
    await expect(world.client.login(wrong)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining(`"${name}"`),
    })
    expect(world.calls()).toEqual([])
  })
})

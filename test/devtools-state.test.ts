import { afterEach, describe, expect, test, vi } from 'vitest'
import { cookieMode, doubleSubmit, idleTimeout, shareTabs, tokenStorage } from '../src/core.ts'
import { expireToken, forgetMemory } from '../src/devtools/actions.ts'
import type { WireEvent } from '../src/devtools/events.ts'
import { clearFaults, devtoolsFetch, faults } from '../src/devtools/faults.ts'
import { factsOf, readState, readTabs } from '../src/devtools/state.ts'
import { kernelOf } from '../src/kernel/registry.ts'
import { createTabStorage } from './support/modes.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const items = `${ORIGIN}/items`
const rowsOf = ({ client }: World): Record<string, string> => Object.fromEntries(readState(client).rows)

describe('what holds now', () => {
  test('of nobody', async () => {
    const world = createWorld()
    await world.client.ready()
    expect(rowsOf(world)).toMatchObject({
      Status: 'signed out (initial)',
      Identity: 'nobody',
      'Access token': 'none',
      'Next refresh': 'none: nobody is signed in',
      Backoff: 'none',
    })
    expect(readState(world.client)).toMatchObject({ life: null, claims: null, user: null })
  })

  test('of a user: the token by its generation, its life, and when it is refreshed', async () => {
    const world = await signedIn()
    const kernel = kernelOf(world.client)!
    const { held } = kernel.session
    const generation = held!.serial % 1_000_000
    const rows = rowsOf(world)
    expect(rows.Status).toBe('signed in')
    expect(rows['Access token']).toContain(`token ${generation}, in memory, sent as Bearer; it expires in`)
    const { life } = readState(world.client)
    expect(life!.until).toBe(world.client.session.expiresAt)
    expect(life!.until - life!.ahead).toBe(held!.ahead)
    expect(rows['Next refresh']).toBe(`in ${Math.round((life!.ahead - life!.now) / 60_000)} min`)
  })

  test('of an outage: the backoff, and when it is tried again', async () => {
    const world = await signedIn()
    world.server.answer('POST /refresh_token', () => world.server.json({}, 503), 1)
    await world.client.refresh().catch(() => {})
    expect(rowsOf(world).Backoff).toMatch(/^1 failure; not before \d\d:\d\d:\d\d \(in \d+ s\)$/)
    expect(rowsOf(world)['Last error']).toContain('refresh_unavailable')
  })

  test('of a logout that the server has not confirmed: the marker', async () => {
    const world = await signedIn()
    world.online = false
    const done = world.client.logout()
    await world.settle()
    expect(rowsOf(world)['Signed-out marker']).toContain('set')
    world.client.dispose()
    await done
  })

  test.each<[string, WorldOptions, string]>([
    ['in a cookie, or none', {}, 'in an HttpOnly cookie, or none'],
    ['readable', { server: { carrier: 'body' } }, 'in memory'],
    [
      'stored',
      {
        server: { carrier: 'body' },
        options: { tabs: false, storage: tokenStorage(createTabStorage()) },
      },
      'in memory and in the storage of this tab',
    ],
  ])('says where the refresh token is: %s', async (_, options, expected) => {
    const world = await signedIn(options)
    expect(rowsOf(world)['Refresh token']).toContain(expected)
  })

  test('lists the features that are on', async () => {
    const world = createWorld({
      options: {
        tabs: shareTabs(),
        mode: cookieMode(),
        endpoints: { user: 'me' },
        csrf: doubleSubmit({ cookie: 'a', header: 'b' }),
        idle: idleTimeout(60_000),
      },
    })
    expect(rowsOf(world).Features).toBe('shareTabs(), idleTimeout(), doubleSubmit(), cookieMode()')
  })

  test('two tabs show the tokens that they hold', async () => {
    const world = await signedIn({ options: { tabs: shareTabs() } })
    const other = createWorld({ browser: world, options: { tabs: shareTabs() } })
    await other.client.ready()
    await world.settle()
    expect(await readTabs(world.client)).toContain('2 with token ')
    expect(await readTabs((await signedIn({ options: { tabs: false } })).client)).toBeNull()
  })

  test('contains no token, and facts for a report name nobody', async () => {
    const world = await signedIn({ server: { carrier: 'body' } })
    const kernel = kernelOf(world.client)!
    const text = JSON.stringify(readState(world.client))
    for (const secret of [kernel.session.held!.accessToken, kernel.session.tokens!.refreshToken!]) {
      expect(text).not.toContain(secret.slice(0, 16))
    }
    expect(factsOf(world.client).join()).not.toContain('Identity')
  })

  test('a client of another copy of the package still shows its status', () => {
    const { client } = createWorld()
    const copy = { ...client, subscribe: () => () => {} }
    expect(readState(copy).rows).toEqual([['Status', 'not known yet']])
    expect(expireToken(copy)).toBe('No token is held here.')
  })
})

describe('what the buttons do', () => {
  test('a token that is made to expire is refreshed by the next request, before it is sent', async () => {
    const world = await signedIn()
    const before = kernelOf(world.client)!.session.held
    world.server.calls.length = 0
    expect(expireToken(world.client)).toContain('The token has expired')
    expect(rowsOf(world)['Access token']).toContain('it has expired')
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(kernelOf(world.client)!.session.held).not.toBe(before)
  })

  test('a memory that is forgotten is restored from the cookie, as after a reload', async () => {
    const world = await signedIn()
    const forgetting = forgetMemory(world.client)
    // The other tabs are asked first.
    await world.clock.advance(2_000)
    expect(await forgetting).toBe('The session was restored.')
    expect(world.client.session.status).toBe('authenticated')
  })

  test('a refresh token that was in memory alone is forgotten with it', async () => {
    const world = await signedIn({ server: { carrier: 'body' }, options: { tabs: false } })
    expect(await forgetMemory(world.client)).toContain('No session was restored.')
    expect(kernelOf(world.client)!.session.tokens).toBeNull()
  })
})

describe('devtoolsFetch', () => {
  afterEach(() => {
    clearFaults()
    vi.unstubAllGlobals()
  })

  async function connected(given: WorldOptions = {}) {
    const world = createWorld({ ...given, options: { fetch: devtoolsFetch, tabs: false, ...given.options } })
    vi.stubGlobal('fetch', world.environment.fetch)
    await world.login()
    const seen: WireEvent[] = []
    faults.kernel = kernelOf(world.client)!
    faults.onRequest = event => seen.push(event)
    return { world, seen }
  }
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      error => error.code ?? error.name,
    )

  test('changes nothing and reports nothing while no panel is mounted', async () => {
    const { world, seen } = await connected()
    clearFaults()
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(seen).toEqual([])
    expect(faults.isUsed).toBe(true)
  })

  test('reports each request with its token’s generation, and no secret', async () => {
    const { world, seen } = await connected()
    const { serial, accessToken } = kernelOf(world.client)!.session.held!
    await world.client.fetch(items)
    await world.client.refresh()
    expect(seen).toMatchObject([
      { method: 'GET', url: items, status: 200, generation: serial, refreshes: false, made: false },
      { method: 'POST', status: 200, generation: null, refreshes: true, made: false },
    ])
    expect(JSON.stringify(seen)).not.toContain(accessToken)
  })

  test.each([
    ['network', 'refresh_unavailable', 'authenticated'],
    ['500', 'refresh_unavailable', 'authenticated'],
    ['401', 'refresh_rejected', 'authenticated'],
  ] as const)('the next refresh fails: %s, and the one after it does not', async (fault, code, status) => {
    const { world } = await connected()
    faults.nextRefresh = fault
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(await codeOf(world.client.refresh())).toBe(code)
    expect(world.client.session.status).toBe(status)
    expect(faults.nextRefresh).toBeNull()
    await world.clock.advance(120_000)
    if (fault !== '401') expect(await codeOf(world.client.refresh())).toBe('done')
  })

  test('a refresh endpoint that is a function is recognized by its grant', async () => {
    const { world, seen } = await connected({
      options: {
        sessionKey: 'x',
        endpoints: {
          refresh: () => ({
            url: `${ORIGIN}/refresh_token`,
            method: 'POST',
            form: { grant_type: 'refresh_token' },
          }),
        },
      },
    })
    await world.client.refresh()
    expect(seen).toMatchObject([{ refreshes: true }])
  })

  test('a rejected request is refreshed and sent again, and the server sees it once', async () => {
    const { world, seen } = await connected()
    faults.rejectsNext = true
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(seen.map(({ status, made }) => [status, made])).toEqual([
      [401, true],
      [200, false],
      [200, false],
    ])
  })

  test('offline, nothing gets an answer', async () => {
    const { world, seen } = await connected()
    faults.isOffline = true
    expect(await codeOf(world.client.fetch(items))).toBe('TypeError')
    expect(seen).toMatchObject([{ status: 0, made: true }])
    faults.isOffline = false
    expect((await world.client.fetch(items)).status).toBe(200)
  })
})

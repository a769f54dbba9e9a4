import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { idleTimeout, tokenStorage } from '../src/core.ts'
import { AuthError, type AuthErrorCode } from '../src/kernel/errors.ts'
import { combineLoggers, consoleLogger, describeEvent, performanceLogger } from '../src/logging.ts'
import type { LogEvent } from '../src/types.ts'
import { readBlocks, run, writeProject } from './recipes/blocks.ts'
import { createTabStorage } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'
import { root } from './tools/report.ts'
import { output, tsc } from './tools/steps.ts'

const items = `${ORIGIN}/items`
const url = items
const SECOND = 1_000
const HOUR = 3_600_000

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** The sentences that a world has told, times and generations left out. */
const sentences = ({ logs }: World): string[] =>
  logs.map(event =>
    describeEvent(event)
      .replace(/\d{2}:\d{2}:\d{2}/g, 'TIME')
      .replace(/\w{3} \d{2} \d{4} TIME/g, 'TIME')
      .replace(/token \d+/g, 'token N')
      .replace(/→ \d+/g, '→ N+1'),
  )

/** Without the timer's, which tells of itself after whatever happens. */
const steps = (world: World): string[] => sentences(world).filter(text => !text.startsWith('timer set'))

describe('each thing that happens at night is told by an event', () => {
  test('a request that is held back by the restore, the restore, and the session', async () => {
    const world = createWorld()
    world.server.seed()
    await world.client.fetch(items)
    expect(steps(world)).toEqual([
      `held back GET ${items} until the session is restored`,
      'asking the server whether somebody is signed in',
      'restored the session: token N, good until TIME',
    ])
  })

  test('a request that goes out without a token, since nobody is signed in', async () => {
    const world = createWorld()
    await world.client.ready()
    world.logs.length = 0
    await world.client.fetch(items, { method: 'DELETE' })
    expect(steps(world)).toEqual([`sent DELETE ${items} without a token: nobody is signed in`])
  })

  test('a request whose Authorization header is of the app’s own', async () => {
    const world = await signedIn()
    world.logs.length = 0
    await world.client.fetch(`${items}?key=secret#part`, { headers: { authorization: 'Basic x' } })
    expect(steps(world)).toEqual([
      `sent GET ${items} without a token: it has an Authorization header of its own, and is left alone`,
    ])
  })

  test('a foreign origin, once for each URL; what is no web address is nobody’s business', async () => {
    const world = await signedIn()
    world.logs.length = 0
    const elsewhere = 'https://cdn.example.net/a.js?key=secret'
    for (const target of [elsewhere, elsewhere, 'data:text/plain,secret']) {
      await world.client.fetch(target).catch(() => {})
    }
    expect(world.logs).toEqual([{ type: 'origin-not-allowed', origin: 'https://cdn.example.net' }])
  })

  test('S2 a password in a URL is in no event: fetch refuses such a URL', async () => {
    const world = createWorld()
    const target = items.replace('//', '//ada:password@')
    for (const headers of [{}, { authorization: 'Basic x' }]) {
      await expect(world.client.fetch(target, { headers })).rejects.toThrow(TypeError)
    }
    expect(world.logs).toEqual([])
    expect(world.server.calls).toEqual([])
  })

  test('a 401, the refresh, and the replay from one generation to the next', async () => {
    const world = await signedIn()
    world.logs.length = 0
    const { generation } = latest(world) ?? { generation: undefined }
    expect(generation).toBeUndefined()
    world.server.revokeAccess()
    await world.client.fetch(new Request(items, { method: 'PUT', body: 'x' }))
    expect(steps(world)).toEqual([
      'refreshing token N',
      'refreshed: token N, good until TIME',
      `replayed PUT ${items}: token N → N+1`,
    ])
    expect(world.logs.find(({ type }) => type === 'replay')).toMatchObject({
      from: expect.any(Number),
      to: latest(world)!.generation,
    })
  })

  test.each<[why: string, act: (world: World) => Promise<unknown>]>([
    [
      'its body is a stream, which can be sent only once; the token is fresh now: send it again',
      ({ client, server }) => {
        server.revokeAccess()
        const body = new Blob(['x']).stream()
        return client.fetch(items, { method: 'POST', body, duplex: 'half' } as RequestInit)
      },
    ],
    [
      'the API refuses the fresh token too: look at its audience, its issuer and the API’s clock',
      ({ client, server }) => {
        server.answer('POST /items', () => server.json({}, 401))
        return client.fetch(items, { method: 'POST' })
      },
    ],
    [
      'it takes more than this user’s token may do: see the "challenge" event',
      ({ client, server }) => {
        const challenge = { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }
        server.answer('POST /items', () => server.json({}, 403, challenge))
        return client.fetch(items, { method: 'POST' })
      },
    ],
    [
      'the session has ended since it was sent',
      async ({ client, server }) => {
        server.revokeAccess()
        const release = server.hold('/items')
        const sent = client.fetch(items, { method: 'POST' })
        await new Promise(setImmediate)
        await client.logout()
        release()
        return sent
      },
    ],
    [
      'another user has signed in since it was sent',
      async ({ client, server }) => {
        server.revokeAccess()
        const release = server.hold('/items')
        const sent = client.fetch(items, { method: 'POST' })
        await new Promise(setImmediate)
        await client.login({ email: 'bob', password: 'right' })
        server.revokeAccess()
        release()
        return sent
      },
    ],
    [
      'so many refreshes lately did not help: the API refuses tokens as soon as they are issued',
      async ({ client, server }) => {
        server.answer('POST /items', () => server.json({}, 401))
        for (let n = 0; n < 11; n++) await client.fetch(items, { method: 'POST' })
      },
    ],
  ])('a 401 that is handed back, and why: %s', async (why, act) => {
    const world = await signedIn()
    await act(world)
    const told = steps(world).filter(text => text.startsWith('did not replay'))
    expect(told.at(-1)).toBe(`did not replay POST ${items}: ${why}`)
  })

  test('a refresh that fails, and when it is tried again', async () => {
    const world = await signedIn()
    world.logs.length = 0
    world.server.answer('POST /refresh_token', () => world.server.json({}, 503, { 'Retry-After': '60' }), 1)
    await watch(world.client.refresh())
    await world.settle()
    expect(steps(world)).toEqual([
      'refreshing token N',
      expect.stringMatching(/^refresh failed: .*503.* \(refresh_unavailable, status 503\)$/),
      expect.stringMatching(/^no refresh before TIME: .*503/),
    ])
    const [postponed] = world.logs.filter(event => event.type === 'postponed')
    const timers = world.logs.filter(event => event.type === 'timer')
    expect(timers.at(-1)!.at).toBeGreaterThanOrEqual(postponed!.retryAt!)
  })

  test('a refresh that takes longer than its waiters may wait', async () => {
    const world = await signedIn({ options: { timeout: SECOND } })
    world.logs.length = 0
    const release = world.server.hold('POST /refresh_token')
    watch(world.client.refresh())
    await world.clock.advance(SECOND)
    expect(steps(world)).toEqual([
      'refreshing token N',
      expect.stringMatching(/^no refresh before TIME: .*1000 ms/),
    ])
    release()
  })

  test('the timer, and what it waits for offline', async () => {
    const world = await signedIn()
    const set = world.logs.findLast(event => event.type === 'timer')
    expect(set!.at! - world.clock.now()).toBeGreaterThan(0)
    world.online = false
    world.wake('focus')
    expect(world.logs.at(-1)).toEqual({ type: 'timer', at: null })
  })

  test('a logout that the server confirms, one that it does not hear, and what then stands', async () => {
    const world = await signedIn()
    await world.client.logout()
    expect(steps(world).slice(-2)).toEqual([
      'signed out: by a logout in this browser',
      'the server confirmed the logout',
    ])

    await world.login()
    world.online = false
    await world.client.logout()
    expect(steps(world).at(-1)).toMatch(
      /^the server did not confirm the logout, and this page asks it again: /,
    )

    const reloaded = createWorld({ browser: world })
    reloaded.online = false
    await reloaded.client.ready()
    expect(steps(reloaded)[0]).toMatch(/^nothing is restored or refreshed: somebody signed out/)
  })

  test('a user who was away for too long', async () => {
    const given: WorldOptions = { options: { idle: idleTimeout(HOUR) } }
    const world = await signedIn(given)
    const { clock } = world
    world.close()
    clock.sleep(2 * HOUR)
    const next = createWorld({ ...given, browser: world })
    await next.client.ready()
    expect(steps(next).slice(0, 2)).toEqual([
      'nothing is restored: the user was away for longer than "idleTimeout"',
      'signed out: nobody did anything for as long as "idleTimeout"',
    ])
  })

  test('a tab that takes up the session, and then the refresh, of another', async () => {
    const a = await signedIn()
    const b = createWorld({ browser: a })
    await b.client.ready()
    expect(steps(b)).toEqual([
      'took up the session of another tab: token N, good until TIME',
      'another tab handed its session over',
    ])
    b.logs.length = 0
    await a.client.refresh()
    await a.settle()
    expect(steps(b)).toEqual(['took up what another tab refreshed: token N, good until TIME'])
  })

  test('a failure that another tab has met', async () => {
    const a = await signedIn()
    const b = createWorld({ browser: a })
    await b.client.ready()
    b.logs.length = 0
    a.server.answer('POST /refresh_token', () => a.server.json({}, 503), 1)
    watch(a.client.refresh())
    await a.settle()
    expect(steps(b)).toEqual([expect.stringMatching(/^no refresh before TIME, as another tab reports: /)])
  })

  test('a tab that shows a session and does not hand it over', async () => {
    const a = await signedIn()
    a.freeze()
    const b = createWorld({ browser: a })
    watch(b.client.ready())
    await a.clock.advance(SECOND)
    expect(steps(b)[0]).toBe('no other tab handed its session over in time')
  })

  test('a lock that another tab has, and one that is frozen with it', async () => {
    const a = await signedIn()
    const b = createWorld({ browser: a })
    await b.client.ready()
    b.logs.length = 0
    a.server.hold('POST /refresh_token')
    watch(a.client.refresh())
    await a.settle()
    a.freeze()
    watch(b.client.refresh())
    await b.clock.advance(SECOND)
    expect(steps(b)).toEqual(['waiting for another tab, which is refreshing, logging in or logging out'])
    await b.clock.advance(22 * SECOND)
    expect(steps(b)).toContain('waiting no longer for another tab that does not let go: it must be frozen')
  })

  test('a tab whose refresh token is in the hands of another', async () => {
    const a = await signedIn({ server: { carrier: 'body' } })
    const b = createWorld({ browser: a })
    await b.client.ready()
    b.logs.length = 0
    watch(b.client.refresh())
    await b.clock.advance(SECOND)
    expect(steps(b)).toEqual([
      'asking the tab that has the refresh token to refresh token N',
      'took up what another tab refreshed: token N, good until TIME',
    ])
  })

  test('what rested in the storage is taken up, and the copy of a duplicated tab is dropped', async () => {
    const { kept, ...methods } = createTabStorage()
    const storage = tokenStorage(methods)
    const world = await signedIn({ server: { carrier: 'body' }, options: { storage } })
    const duplicate = tokenStorage(createTabStorage(new Map(kept)))
    const twin = createWorld({ browser: world, options: { storage: duplicate } })
    await twin.client.ready()
    expect(steps(twin)).toContain('dropped a copy of the refresh token: another tab has it, or a newer one')
    twin.close()

    world.close()
    const next = createWorld({ browser: world, options: { storage } })
    await next.client.ready()
    expect(steps(next)[0]).toBe('goes on with the refresh token in the storage')
  })

  test('a page that is back from the back/forward cache', async () => {
    const world = await signedIn()
    world.logs.length = 0
    world.wake('pagehide', true)
    world.wake('pageshow', true)
    await world.settle()
    expect(steps(world)[0]).toMatch(/^back from the back\/forward cache/)
  })

  test('a browser without locks, and without a channel', async () => {
    const world = createWorld({ locks: false, channel: false })
    await world.client.ready()
    expect(steps(world)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Web Locks cannot be used/),
        expect.stringMatching(/^BroadcastChannel cannot be used/),
      ]),
    )
  })
})

const latest = ({ logs }: World) => logs.findLast(event => event.type === 'refreshed')

const noon = new Date(2026, 0, 5, 12).getTime()
const at = noon + 5_000
const away = new AuthError('refresh_unavailable', 'The refresh request was answered with 503.', {
  status: 503,
})
const failed = (code: AuthErrorCode, what: string) =>
  new AuthError(code, `The ${what} request failed on the network.`, { retryable: true })
const request = { method: 'GET', url: 'https://app.example.com/items' }

/** One of every kind, and of every reason. */
const SAMPLES: { [Type in LogEvent['type']]: Extract<LogEvent, { type: Type }>[] } = {
  refresh: (['refresh', 'restore', 'follow'] as const).map(operation => ({
    type: 'refresh',
    operation,
    generation: 4,
  })),
  refreshed: [
    { type: 'refreshed', cause: 'refresh', generation: 5, expiresAt: at },
    { type: 'refreshed', cause: 'other-tab', generation: 5, expiresAt: null },
  ],
  'refresh-failed': [{ type: 'refresh-failed', error: away }],
  postponed: [
    { type: 'postponed', error: away, retryAt: at, told: false },
    { type: 'postponed', error: away, retryAt: at, told: true },
    { type: 'postponed', error: away, retryAt: null, told: false },
  ],
  'result-dropped': [{ type: 'result-dropped', operation: 'refresh', asked: 4, generation: 6 }],
  timer: [
    { type: 'timer', at },
    { type: 'timer', at: null },
  ],
  'held-back': (['restore', 'refresh'] as const).map(why => ({ type: 'held-back', ...request, why })),
  'sent-without-token': (['anonymous', 'own-header'] as const).map(why => ({
    type: 'sent-without-token',
    ...request,
    why,
  })),
  'origin-not-allowed': [{ type: 'origin-not-allowed', origin: 'https://cdn.example.net' }],
  replay: [{ type: 'replay', ...request, from: 4, to: 5 }],
  'not-replayed': (
    ['one-shot-body', 'user-changed', 'signed-out', 'limited', 'refused-again', 'challenge'] as const
  ).map(why => ({ type: 'not-replayed', ...request, why })),
  'signed-in': (['login', 'restore', 'tokens', 'other-tab'] as const).map(cause => ({
    type: 'signed-in',
    cause,
    generation: 4,
    expiresAt: at,
  })),
  'signed-out': (['initial', 'logout', 'other-tab', 'rejected', 'idle'] as const).map(reason => ({
    type: 'signed-out',
    reason,
    generation: 5,
  })),
  barred: (['marker', 'idle'] as const).map(why => ({ type: 'barred', why })),
  revoked: [{ type: 'revoked' }],
  'revocation-failed': [{ type: 'revocation-failed', error: failed('logout_unavailable', 'logout') }],
  'user-failed': [{ type: 'user-failed', error: failed('user_unavailable', 'user') }],
  'callback-threw': [{ type: 'callback-threw', option: 'readTokens', name: 'TypeError' }],
  'storage-read': (['resumed', 'dropped'] as const).map(outcome => ({ type: 'storage-read', outcome })),
  'storage-unavailable': [{ type: 'storage-unavailable' }],
  lock: (['waiting', 'stuck', 'former-page'] as const).map(state => ({ type: 'lock', state })),
  'tabs-asked': [true, false].map(answered => ({ type: 'tabs-asked', answered })),
  suspended: [{ type: 'suspended' }],
  'tabs-degraded': (['locks', 'lock-query', 'channel'] as const).map(missing => ({
    type: 'tabs-degraded',
    missing,
  })),
  left: (['login', 'logout'] as const).map(what => ({ type: 'left', for: what })),
  returned: (['answer', 'refused', 'used', 'relayed', 'signed-out'] as const).map(outcome => ({
    type: 'returned',
    outcome,
  })),
  proof: (['sent-again', 'refused'] as const).map(outcome => ({ type: 'proof', ...request, outcome })),
  silent: (['answer', 'nobody', 'unreadable'] as const).map(outcome => ({ type: 'silent', outcome })),
}
const samples: LogEvent[] = Object.values(SAMPLES).flat()

describe('sentences', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: noon, toFake: ['Date'] })
    vi.stubGlobal('location', { origin: 'https://app.example.com' })
  })

  test('on the page’s own origin a request is named by its path, elsewhere by its URL', () => {
    const replay = (url: string) => describeEvent({ type: 'replay', method: 'GET', url, from: 4, to: 5 })
    expect(replay('https://app.example.com/items')).toBe('replayed GET /items: token 4 → 5')
    expect(replay(url)).toBe(`replayed GET ${url}: token 4 → 5`)
    expect(replay('https://app.example.com.evil/x')).toContain('https://app.example.com.evil/x')
  })

  test('a generation that began with a login is told by the end of its number', () => {
    const event = {
      type: 'replay',
      method: 'GET',
      url,
      from: 1_767_603_601_007,
      to: 1_767_603_601_008,
    } as const
    expect(describeEvent(event)).toBe(`replayed GET ${url}: token 601007 → 601008`)
  })

  test('what is near is told by its time, what is far by its day as well', () => {
    expect(describeEvent({ type: 'timer', at })).toBe('timer set for 12:00:05')
    expect(describeEvent({ type: 'timer', at: noon + 48 * HOUR })).toBe('timer set for Jan 07 2026 12:00:00')
  })

  test('every event has a sentence of its own, in one line', () => {
    const all = samples.map(describeEvent)
    for (const text of all) expect(text).toMatch(/^\S[^\n]*[^\s.]$/)
    for (const text of all) expect(text).not.toMatch(/undefined|NaN|\[object/)
    expect(new Set(all).size).toBe(samples.length)
  })

  test('an event of another version of the package is told by its type', () => {
    expect(describeEvent({ type: 'unheard-of' } as never)).toBe('unheard-of')
  })

  test('P5 docs/logging.md has every event with its sentences', () => {
    const page = readFileSync(resolve(root, 'docs/logging.md'), 'utf8')
    const lines = page.replaceAll('\\|', '|')
    for (const event of samples) {
      expect(lines, event.type).toContain(`| \`${event.type}\` |`)
      expect(lines).toContain(describeEvent(event))
    }
    const told = [...page.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, type]) => type)
    expect([...new Set(told)].sort()).toEqual(Object.keys(SAMPLES).sort())
  })
})

describe('loggers', () => {
  test('the console gets trouble as a warning, who is signed in as information, the rest for debugging', () => {
    const sink = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() }
    const log = consoleLogger(sink)
    for (const event of samples) log(event)
    const levels = Object.entries(sink).flatMap(([level, spy]) =>
      spy.mock.calls.map(([text, event]) => {
        expect(text).toBe(`silent-refresh: ${describeEvent(event)}`)
        return [event.type === 'lock' ? `lock ${event.state}` : event.type, level]
      }),
    )
    expect(levels).toHaveLength(samples.length)
    const of = (wanted: string) =>
      new Set(levels.flatMap(([type, level]) => (level === wanted ? [type] : [])))
    expect(of('warn')).toEqual(
      new Set([
        'refresh-failed',
        'not-replayed',
        'revocation-failed',
        'user-failed',
        'callback-threw',
        'storage-unavailable',
        'lock stuck',
        'tabs-degraded',
      ]),
    )
    expect(of('info')).toEqual(new Set(['postponed', 'signed-in', 'signed-out', 'barred', 'suspended']))
  })

  test('the console is looked up when the logger is made', () => {
    const debug = vi.spyOn(console, 'debug').mockImplementation(() => {})
    consoleLogger()({ type: 'timer', at: null })
    expect(debug).toHaveBeenCalledWith('silent-refresh: offline: the timer waits for the network', {
      type: 'timer',
      at: null,
    })
  })

  test('several loggers get every event; one that throws keeps it from no other, and is reported', async () => {
    const [first, last] = [vi.fn(), vi.fn()]
    const broken = () => {
      throw new Error('full')
    }
    const world = createWorld({ options: { logger: combineLoggers(first, broken, last) } })
    await world.client.ready()
    expect(first.mock.calls.length).toBeGreaterThan(0)
    expect(last.mock.calls).toEqual(first.mock.calls)
    expect(world.reported).toHaveLength(first.mock.calls.length)
    combineLoggers()({ type: 'suspended' })
  })

  describe('the performance panel', () => {
    beforeEach(() => {
      performance.clearMeasures()
      performance.clearMarks()
    })
    const measures = () => performance.getEntriesByType('measure').map(({ name }) => name)
    const marks = () => performance.getEntriesByType('mark').map(({ name }) => name)

    test('every refresh is a measure, on a track of its own; every other event a mark', async () => {
      const world = createWorld({ options: { logger: performanceLogger() } })
      world.server.seed()
      await world.client.ready()
      expect(measures()).toEqual(['silent-refresh: restore'])
      world.server.revokeAccess()
      await world.client.fetch(items)
      expect(measures()).toEqual(['silent-refresh: restore', 'silent-refresh: refresh'])
      expect(marks()).toContain('silent-refresh: replay')

      const [measure] = performance.getEntriesByName('silent-refresh: refresh') as PerformanceMeasure[]
      expect(measure!.duration).toBeGreaterThan(0)
      expect(measure!.detail).toMatchObject({
        devtools: { dataType: 'track-entry', track: 'silent-refresh', color: 'primary' },
      })
      expect(measure!.detail.devtools.tooltipText).toMatch(/^refreshed: token \d+, good until/)
    })

    test('one that fails ends with the failure; one that is late, with its answer', () => {
      const log = performanceLogger()
      const begin = () => log(SAMPLES.refresh[0]!)
      begin()
      log({ type: 'refresh-failed', error: away })
      log({ type: 'postponed', error: away, retryAt: at, told: false })
      expect(measures()).toEqual(['silent-refresh: refresh'])
      begin()
      // The waiters are freed, and what another tab or a login brings is not its answer.
      log({ type: 'postponed', error: away, retryAt: at, told: false })
      log(SAMPLES.refreshed[1]!)
      log(SAMPLES['signed-in'][0]!)
      expect(measures()).toHaveLength(1)
      log(SAMPLES['result-dropped'][0]!)
      log(SAMPLES['result-dropped'][0]!)
      expect(measures()).toHaveLength(2)
    })

    test('one that another tab does for this one ends with what that tab tells', () => {
      const log = performanceLogger()
      for (const end of [SAMPLES.refreshed[1]!, SAMPLES.postponed[0]!]) {
        log(SAMPLES.refresh[2]!)
        log(end)
      }
      expect(measures()).toEqual(['silent-refresh: follow', 'silent-refresh: follow'])
    })
  })
})

describe('P5 the blocks of docs/logging.md', () => {
  const blocks = readBlocks('docs/logging.md')

  test('P5 they compile', () => {
    expect(blocks).toHaveLength(3)
    expect(output('node', [tsc, '-p', writeProject('logging', blocks)])).toBe('')
  })

  /** Signs in, and meets a 401 that stays one. */
  async function live(n: number): Promise<{ printed: string[]; told?: string[] }> {
    const printed = (['debug', 'info', 'warn'] as const).map(level =>
      vi.spyOn(console, level).mockImplementation(() => {}),
    )
    const answer = (url: string) =>
      url.endsWith('/items')
        ? new Response('', { status: 401 })
        : Response.json({ access_token: `opaque ${url}`.replace(/\W/g, '-'), expires_in: 300 })
    vi.stubGlobal('fetch', async (url: string) => answer(String(url)))
    const exported = run(blocks[n]!, ORIGIN)
    await exported.auth.login({})
    await exported.auth.fetch(items)
    exported.auth.dispose()
    return { ...exported, printed: printed.flatMap(spy => spy.mock.calls.map(([text]) => text as string)) }
  }

  test('P5 the console', async () => {
    const { printed } = await live(0)
    expect(printed).toContainEqual(expect.stringMatching(/^silent-refresh: signed in: token \d+/))
    expect(printed).toContainEqual(expect.stringMatching(/^silent-refresh: replayed GET .*\/items: token/))
  })

  test('P5 the console and the performance panel at once', async () => {
    performance.clearMeasures()
    const { printed } = await live(1)
    expect(printed).toContainEqual(expect.stringMatching(/^silent-refresh: refreshed: token \d+/))
    expect(performance.getEntriesByName('silent-refresh: refresh', 'measure')).toHaveLength(1)
  })

  test('P5 a service of one’s own', async () => {
    const { told, printed } = await live(2)
    expect(told).toEqual([
      expect.stringMatching(/^not-replayed: did not replay GET .* the API refuses the fresh/),
    ])
    expect(printed).toEqual([])
  })
})

test("on('log') hears what the logger hears, from then on, and no body", async () => {
  const world = createWorld()
  await world.login()
  const heard: LogEvent[] = []
  const before = world.logs.length
  const undo = world.client.on('log', event => heard.push(event))
  world.server.answer('POST /refresh_token', () => world.server.json({ error: 'secret' }, 401))
  world.server.revokeAccess()
  await world.client.fetch(items)
  await world.settle()
  expect(heard).toEqual(world.logs.slice(before))
  expect(heard.map(({ type }) => type)).toContain('signed-out')
  expect(JSON.stringify(heard)).not.toContain('secret')
  undo()
  await world.login()
  await world.settle()
  expect(heard.length).toBeLessThan(world.logs.length - before)
})

test('S3 what a logger does to the client when it hears of a logout is not undone by that logout', async () => {
  const storage = createTabStorage()
  const world: World = createWorld({
    server: { carrier: 'body' },
    options: {
      storage: tokenStorage(storage),
      logger({ type }) {
        const next = { accessToken: 'guest', refreshToken: 'refresh-guest' }
        if (type === 'signed-out') void world.client.setTokens(next)
      },
    },
  })
  await world.login()
  await world.client.logout()
  await world.settle()
  expect(world.client.session.status).toBe('authenticated')
  expect([...storage.kept.values()]).toEqual([expect.stringContaining('refresh-guest')])
})

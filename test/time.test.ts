import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAuthError } from '../src/kernel/errors.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const REFRESH = 'POST /refresh_token'
const items = `${ORIGIN}/items`

const times = <T>(n: number, make: (index: number) => T): T[] =>
  Array.from({ length: n }, (_, index) => make(index))

/** What was asked for, or the error's code. */
const outcome = (promise: Promise<string | null>): Promise<string | null> =>
  promise.catch(error => (isAuthError(error) ? error.code : Promise.reject(error)))

const replays = ({ logs }: World): number => logs.filter(({ type }) => type === 'replay').length

const refreshTimes = ({ server }: World): number[] =>
  server.calls.filter(call => call.path === '/refresh_token').map(call => call.at)

/** The most refreshes that the server saw in any minute. */
function busiestMinute(world: World): number {
  const at = refreshTimes(world)
  return Math.max(0, ...at.map(from => at.filter(time => time >= from && time < from + MINUTE).length))
}

const part = (text: string): string => Buffer.from(text).toString('base64url')
const readClaims = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())

const withoutIat = ({ iat, ...claims }: Record<string, unknown>) => claims
/** An answer can state the token's lifetime like this. */
const STATED = {
  expires_in: {},
  'exp and iat': { expiresIn: false },
  'exp and a Date header': { expiresIn: false, date: true, claims: withoutIat },
}
/** Or not, if the clock is wrong. */
const GUESSED = {
  'exp alone': { expiresIn: false, claims: withoutIat },
  'no lifetime': { expiresIn: false, opaque: true },
}

describe('T1 1,000 requests in five lifetimes cost one refresh per lifetime, and nobody is signed out', () => {
  const skews: [name: string, ms: number][] = [
    ['2 h fast', 2 * HOUR],
    ['2 h slow', -2 * HOUR],
    ['10 min fast', 10 * MINUTE],
    ['10 min slow', -10 * MINUTE],
    ['right', 0],
  ]
  const cases = Object.entries({ ...STATED, ...GUESSED }).flatMap(([kind, server]) =>
    skews.map(([clock, skew]) => ({ clock, skew, kind, server })),
  )
  test.each(cases)('the clock is $clock, the answer has $kind', async ({ kind, skew, server: options }) => {
    const world = await signedIn({ skew, server: options })
    const { client, clock, server } = world
    for (let round = 0; round < 50; round++) {
      await clock.advance((5 * HOUR) / 50)
      const responses = await Promise.all(times(20, () => client.fetch(items)))
      expect(responses.every(response => response.ok)).toBe(true)
    }
    // Where nothing else is known, `exp` is held against a clock that takes ten minutes off each hour.
    expect(server.refreshes).toBe(kind === 'exp alone' && skew === 10 * MINUTE ? 6 : 5)
    if (kind in STATED) expect(replays(world)).toBe(0)
    expect(world.count('logout')).toBe(0)
    expect(world.count('refreshError')).toBe(0)
    expect(client.session.status).toBe('authenticated')
  })
})

describe('T2 a jump of the wall clock lets no token live longer, kills none, and costs one refresh at worst', () => {
  const onTheWay = async ({ server, settle }: World, jump: () => void, arrive: () => void) => {
    await settle()
    expect(server.held).toBe(1)
    jump()
    arrive()
    await settle()
  }
  const moments: Record<string, (world: World, jump: () => void) => Promise<void>> = {
    'right after the login': async (_, jump) => jump(),
    'half way': async ({ clock }, jump) => {
      await clock.advance(HOUR / 2)
      jump()
    },
    'shortly before a refresh': async ({ clock }, jump) => {
      await clock.advance(HOUR - MINUTE)
      jump()
    },
    'while a refresh is on its way': async (world, jump) => {
      const arrive = world.server.delay(REFRESH)
      await world.clock.advance(HOUR - 30 * SECOND)
      await onTheWay(world, jump, arrive)
    },
    'while a request waits for a refresh': async (world, jump) => {
      world.clock.sleep(HOUR)
      const arrive = world.server.delay(REFRESH)
      const response = world.client.fetch(items)
      await onTheWay(world, jump, arrive)
      expect((await response).status).toBe(200)
    },
  }
  const cases = Object.keys(moments).flatMap(moment => [
    { moment, jump: 'an hour forward', ms: HOUR },
    { moment, jump: 'an hour back', ms: -HOUR },
  ])

  async function refreshesWith(moment: string, ms: number): Promise<number> {
    const world = await signedIn()
    const { client, clock, server } = world
    await moments[moment]!(world, () => clock.jump(ms))
    for (let minute = 0; minute < 200; minute++) {
      await clock.advance(MINUTE)
      expect((await client.fetch(items)).status).toBe(200)
    }
    expect(replays(world)).toBe(0)
    expect(world.count('logout')).toBe(0)
    return server.refreshes
  }
  test.each(cases)('$jump, $moment', async ({ moment, ms }) => {
    const undisturbed = await refreshesWith(moment, 0)
    expect(await refreshesWith(moment, ms)).toBeLessThanOrEqual(undisturbed + 1)
  })
})

describe('T11 an iat that is older than the request does not lengthen a lifetime', () => {
  type Claims = Record<string, number>
  /** Access tokens with the `iat` of the refresh token: of the login for ever, or of the refresh before. */
  const COPIERS: [name: string, copier: () => (claims: Record<string, unknown>) => Claims][] = [
    [
      'of the login',
      () => {
        let first: unknown
        return claims => {
          first ??= claims.iat
          return { ...claims, iat: first } as Claims
        }
      },
    ],
    [
      'of the refresh before',
      () => {
        let last: unknown
        return claims => {
          const iat = last ?? claims.iat
          last = claims.iat
          return { ...claims, iat } as Claims
        }
      },
    ],
  ]
  const SKEWS = [0, 30 * SECOND, -30 * SECOND, 10 * MINUTE, -10 * MINUTE, 2 * HOUR, -2 * HOUR]
  const cases = COPIERS.flatMap(([name, copier]) => SKEWS.map(skew => ({ name, copier, skew })))
  const endOf = (token: string | null) => readClaims(token as string).exp * SECOND

  /** How often an app that asks for a token now and then is handed a dead one. */
  async function deadDuring(world: World, ms: number): Promise<number> {
    let dead = 0
    for (let passed = 0; passed < ms; passed += 2.5 * MINUTE) {
      await world.clock.advance(2.5 * MINUTE)
      if (endOf(await world.client.getAccessToken()) <= world.clock.time) dead++
      expect((await world.client.fetch(items)).status).toBe(200)
    }
    return dead
  }

  test.each(cases)('$name, seen by who logged in, with a clock $skew ms off', async ({ copier, skew }) => {
    const world = await signedIn({ skew, server: { expiresIn: false, claims: copier() } })
    expect(await deadDuring(world, 10 * HOUR)).toBe(0)
    expect(replays(world)).toBe(0)
    expect(world.server.refreshes).toBeLessThanOrEqual(11)
    expect(world.count('logout')).toBe(0)
  })

  test.each(cases)('$name, and an expires_in of the session, $skew ms off', async ({ copier, skew }) => {
    const world = await signedIn({ skew, server: { expiresIn: false, claims: copier() } })
    world.server.answer(REFRESH, () =>
      world.server.json({ ...world.server.issueAccess('ada').body, expires_in: 100 * 24 * 3600 }),
    )
    expect(await deadDuring(world, 5 * HOUR)).toBe(0)
    expect(replays(world)).toBe(0)
  })

  /** A page that is loaded hours after the login. */
  async function reloaded(server: object, skew = 0, copier = COPIERS[0]![1]()): Promise<World> {
    const before = await signedIn({ skew, server: { expiresIn: false, claims: copier, ...server } })
    await before.clock.advance(5 * HOUR + 10 * MINUTE)
    before.close()
    const world = createWorld({ browser: before })
    await world.client.ready()
    world.server.calls.length = 0
    return world
  }

  test.each(cases)('$name: a readable Date decides, $skew ms off', async ({ copier, skew }) => {
    const world = await reloaded({ date: true }, skew, copier())
    expect(await deadDuring(world, 5 * HOUR)).toBe(0)
    expect(replays(world)).toBe(0)
  })

  test('a Date that could be read once counts for what comes later', async () => {
    const world = await reloaded({ date: true })
    const { server } = world
    await world.client.refresh()
    server.answer(REFRESH, () => {
      const response = server.json(server.issueAccess('ada').body)
      response.headers.delete('Date')
      return response
    })
    expect(await deadDuring(world, 3 * HOUR)).toBe(0)
    expect(replays(world)).toBe(0)
  })

  test.each(SKEWS)('without any of it the first refused token teaches it: %i ms off', async skew => {
    const world = await reloaded({}, skew)
    await deadDuring(world, 1.5 * HOUR)
    expect(replays(world)).toBe(1)
    expect(await deadDuring(world, 5 * HOUR)).toBe(0)
    expect(replays(world)).toBe(1)
    expect(world.server.refreshes).toBeLessThanOrEqual(8)
  })

  test('getAccessToken({ refused }) teaches it as well as a 401 does', async () => {
    const world = await reloaded({})
    let dead = 0
    for (let passed = 0; passed < 6 * HOUR; passed += 2.5 * MINUTE) {
      await world.clock.advance(2.5 * MINUTE)
      const token = await world.client.getAccessToken()
      if (endOf(token) > world.clock.time) continue
      dead++
      await world.client.getAccessToken({ refused: token })
    }
    expect(dead).toBe(1)
  })

  test('the refused token teaches it too where it is refused long after its end, by the right clock', async () => {
    const world = await reloaded({}, 0, COPIERS[1]![1]())
    await world.clock.advance(3 * HOUR)
    await deadDuring(world, 5 * HOUR)
    expect(replays(world)).toBeLessThanOrEqual(1)
  })

  test('a token that was revoked teaches nothing: lifetimes stay what they are', async () => {
    for (const skew of [...SKEWS, 50 * MINUTE]) {
      const world = await signedIn({ skew, server: STATED['exp and iat'] })
      await world.clock.advance(20 * MINUTE)
      world.server.revokeAccess()
      await deadDuring(world, 5 * HOUR)
      expect(replays(world)).toBe(1)
      expect(world.server.refreshes).toBeLessThanOrEqual(7)
    }
  })

  test('asleep in between', async () => {
    for (const [, copier] of COPIERS) {
      const world = await signedIn({ server: { expiresIn: false, claims: copier() } })
      for (let night = 0; night < 3; night++) {
        await deadDuring(world, 2.5 * HOUR)
        world.clock.sleep(9 * HOUR)
      }
      expect(await deadDuring(world, 2.5 * HOUR)).toBe(0)
      expect(replays(world)).toBe(0)
    }
  })

  test.each([-HOUR, -20 * MINUTE, 20 * MINUTE, HOUR])(
    'T2 a wall clock that jumps by %i ms costs one refresh at worst, where iat is right',
    async ms => {
      const world = await signedIn({ server: STATED['exp and iat'] })
      await deadDuring(world, 30 * MINUTE)
      world.clock.jump(ms)
      await deadDuring(world, 10 * HOUR)
      expect(world.server.refreshes).toBeLessThanOrEqual(12)
      expect(replays(world)).toBe(0)
    },
  )

  test('a tab that was handed the session knows it too', async () => {
    const server = { expiresIn: false, claims: COPIERS[0]![1]() }
    const a = await signedIn({ server })
    const b = createWorld({ browser: a })
    await b.client.ready()
    await b.settle()
    a.close()
    expect(await deadDuring(b, 5 * HOUR)).toBe(0)
    expect(replays(b)).toBe(0)
  })

  test.each([...SKEWS, 50 * MINUTE])(
    'T1 what the app hands in tells the other tabs nothing of it: %i ms off',
    async skew => {
      const a = createWorld({ skew, server: STATED['exp and iat'] })
      a.server.seed()
      await a.client.setTokens({ accessToken: a.server.issueAccess('ada').token })
      const b = createWorld({ browser: a })
      await b.client.ready()
      await b.settle()
      a.close()
      await b.clock.advance(10 * HOUR)
      expect(b.server.refreshes).toBeLessThanOrEqual(12)
    },
  )

  test('E16 a forged handover shortens no later lifetime by more than a minute', async () => {
    const a = await signedIn({ server: STATED['exp and iat'] })
    const b = createWorld({ browser: a })
    await b.client.ready()
    const { channels } = a.shared
    const [name, told] = channels.posted.findLast(([, { type }]) => type === 'session')!
    const expiresAt = a.clock.now() + 10 * SECOND
    channels.inject(name, { ...told, generation: told.generation + 1, lifetime: 10 * SECOND, expiresAt })
    await b.clock.advance(5 * HOUR)
    expect(a.server.refreshes).toBeLessThanOrEqual(9)
  })

  test('so does one that was handed its first token by the app', async () => {
    const world = createWorld({ server: { expiresIn: false, claims: COPIERS[0]![1]() } })
    const { token } = world.server.issueAccess('ada')
    world.server.seed()
    await world.client.setTokens({ accessToken: token })
    expect(await deadDuring(world, 5 * HOUR)).toBe(0)
    expect(replays(world)).toBe(0)
  })
})

describe('N2 the same opaque token with a new expires_in is a renewal', () => {
  async function keeping(expires_in: number | undefined) {
    const world = await signedIn({ server: { opaque: true } })
    const token = await world.client.getAccessToken()
    world.server.answer(REFRESH, () => world.server.json({ access_token: token, expires_in }))
    world.server.answer('/items', () => world.server.json({}))
    return { world, token }
  }

  test('for three hours: three refreshes, and no refreshError', async () => {
    const { world, token } = await keeping(3600)
    for (let minute = 0; minute < 180; minute++) {
      await world.clock.advance(MINUTE)
      expect(await world.client.getAccessToken()).toBe(token)
    }
    expect(world.server.refreshes).toBe(3)
    expect(world.count('refresh')).toBe(3)
    expect(world.count('refreshError')).toBe(0)
  })

  test('also when it had ended, asleep', async () => {
    const { world, token } = await keeping(3600)
    world.clock.sleep(8 * HOUR)
    expect(await world.client.getAccessToken()).toBe(token)
    expect(world.server.refreshes).toBe(1)
  })

  test('the other tabs take it for one as well', async () => {
    const { world, token } = await keeping(3600)
    const b = createWorld({ browser: world })
    await b.client.ready()
    await world.clock.advance(3 * HOUR)
    expect(await b.client.getAccessToken()).toBe(token)
    expect(world.server.refreshes).toBe(3)
    expect([world.count('refreshError'), b.count('refreshError')]).toEqual([0, 0])
  })

  test('without an expires_in it is no younger', async () => {
    const { world } = await keeping(undefined)
    await world.clock.advance(2 * HOUR)
    expect(await outcome(world.client.getAccessToken())).toBe('refresh_unavailable')
  })
})

test.each([60, 365])('T3 a %i-day token starts no refresh before its time comes', async days => {
  const world = await signedIn({ server: { lifetime: (days * DAY) / SECOND } })
  const { clock, server } = world
  await clock.advance(days * DAY - 2 * MINUTE)
  expect(server.refreshes).toBe(0)
  await clock.advance(2 * MINUTE)
  expect(server.refreshes).toBe(1)
  expect(clock.rung).toBeLessThanOrEqual(1 + days / 24)
})

describe('T4 after sleep past expiry the first requests wait for exactly one refresh, with no event from the app', () => {
  test.each(Object.entries(STATED))('lifetime from %s', async (_, options) => {
    const world = await signedIn({ server: options })
    const { client, clock, server } = world
    clock.sleep(2 * HOUR)
    const responses = await Promise.all(times(20, () => client.fetch(items)))
    expect(responses.every(response => response.ok)).toBe(true)
    expect(server.calls.map(call => call.path)).toEqual(['/refresh_token', ...times(20, () => '/items')])
    for (const type of ['resume', 'pageshow', 'visibilitychange', 'focus', 'online']) world.wake(type)
    await clock.advance(MINUTE)
    expect(server.refreshes).toBe(1)
  })

  test.each(Object.entries(GUESSED))('%s', async (_, options) => {
    const { client, clock, server } = await signedIn({ server: options })
    clock.sleep(2 * HOUR)
    const responses = await Promise.all(times(20, () => client.fetch(items)))
    expect(responses.every(response => response.ok)).toBe(true)
    expect(server.refreshes).toBe(1)
  })

  test('a token in its last second counts as ended: it might die on its way', async () => {
    const { client, clock, server, settle } = await signedIn()
    clock.sleep(HOUR - 500)
    await client.fetch(items)
    await settle()
    const [sent] = server.calls.filter(({ path }) => path === '/items')
    expect(sent?.authorization).toBe(`Bearer ${await client.getAccessToken()}`)
  })

  test('a wake-up event is enough, without any request', async () => {
    const world = await signedIn()
    world.clock.sleep(2 * HOUR)
    world.wake('visibilitychange')
    await world.settle()
    expect(world.server.refreshes).toBe(1)
    expect(world.count('refresh')).toBe(1)
  })
})

describe('T5 after waking offline there is a fresh token within 2 s of coming online', () => {
  const late = { random: 1 - Number.EPSILON }

  async function freshWithin2s(world: World) {
    const { client, clock, server } = world
    world.wake('online')
    await clock.advance(2 * SECOND)
    const { refreshes } = server
    expect(client.session).toMatchObject({ status: 'authenticated', error: null })
    expect(await client.getAccessToken({ minValidity: HOUR / 2 })).toEqual(expect.any(String))
    expect(server.refreshes).toBe(refreshes)
    expect(world.count('logout')).toBe(0)
  }

  test.each([0, MINUTE, HOUR])('offline for %i ms', async ms => {
    const world = await signedIn(late)
    const { client, clock, server } = world
    clock.sleep(2 * HOUR)
    world.online = false
    world.wake('resume')
    for (let passed = 0; passed < ms; passed += MINUTE / 4) {
      await clock.advance(MINUTE / 4)
      await expect(client.fetch(items)).rejects.toMatchObject({
        code: 'refresh_unavailable',
        retryable: true,
      })
    }
    world.online = true
    await freshWithin2s(world)
    expect(server.refreshes).toBe(1)
  })

  test('the browser took itself for online all the time', async () => {
    const world = await signedIn(late)
    const { clock, server } = world
    server.answer(REFRESH, () => Response.error())
    clock.sleep(2 * HOUR)
    world.wake('resume')
    await clock.advance(HOUR)
    server.mend()
    await freshWithin2s(world)
  })

  test('an attempt under way falls victim to the change of networks', async () => {
    const world = await signedIn(late)
    const { clock, server } = world
    server.answer(REFRESH, () => Response.error())
    clock.sleep(2 * HOUR)
    world.wake('resume')
    await clock.advance(10 * MINUTE)
    server.mend()
    const fail = server.hold(REFRESH, () => Response.error())
    while (server.held === 0) await clock.advance(SECOND)
    world.wake('online')
    fail()
    await freshWithin2s(world)
  })
})

describe('T6 whatever a token says of its own life, refreshes are few', () => {
  /** Raw JSON: what a hostile or confused server can put in the place of a number. */
  const hostile = [
    '0',
    '-1',
    '-1e9',
    '1',
    '1e-7',
    '15',
    '"3600"',
    '"soon"',
    '""',
    '"NaN"',
    '1767603600000',
    '1e400',
    '-1e400',
    '99999999999999999999',
    'null',
    'true',
    '[]',
    '[1]',
    '{}',
  ]
  type Fields = { expires_in?: string; exp?: string; iat?: string; nbf?: string }

  /** Raw JSON object; `undefined` fields are missing. */
  const raw = (fields: Record<string, string | undefined>): string =>
    `{${Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `"${name}":${value}`)
      .join()}}`

  /** A server whose every token says the same of itself. */
  async function hostileWorld({ expires_in, ...claims }: Fields, sameToken = false): Promise<World> {
    const world = createWorld()
    let issued = 0
    const answer = () => {
      if (!sameToken) issued++
      const token = `${part('{"alg":"none"}')}.${part(raw({ sub: '"ada"', ...claims, jti: `${issued}` }))}.x`
      return new Response(raw({ access_token: `"${token}"`, expires_in }))
    }
    world.server.answer('POST /login', answer)
    world.server.answer(REFRESH, answer)
    world.server.answer('/items', () => Response.json({}))
    await world.login()
    return world
  }

  test('a 15 s token is refreshed about once per lifetime, and no request sees a dead one', async () => {
    const world = await signedIn({ server: { lifetime: 15 } })
    const { client, clock, server } = world
    for (let second = 0; second < 600; second++) {
      expect((await client.fetch(items)).status).toBe(200)
      await clock.advance(SECOND)
    }
    expect(replays(world)).toBe(0)
    expect(server.refreshes).toBeGreaterThanOrEqual(600 / 15)
    expect(server.refreshes).toBeLessThanOrEqual(600 / 12)
  })

  test.each(['1', '2', '3'])('a %s s token makes no loop, idle or busy', async expires_in => {
    const world = await hostileWorld({ expires_in })
    const { client, clock } = world
    await clock.advance(5 * MINUTE)
    expect(busiestMinute(world)).toBeLessThanOrEqual(30)
    for (let n = 0; n < 600; n++) {
      await outcome(client.getAccessToken())
      await clock.advance(SECOND / 2)
    }
    expect(busiestMinute(world)).toBeLessThanOrEqual(30)
    expect(world.count('logout')).toBe(0)
  })

  const senseless: [name: string, fields: Fields][] = [
    ['expires_in 0', { expires_in: '0' }],
    ['expires_in negative', { expires_in: '-1' }],
    ['expires_in 1e400', { expires_in: '1e400' }],
    ['expires_in a word', { expires_in: '"soon"' }],
    ['exp 0', { exp: '0', iat: '0' }],
    ['exp negative', { exp: '-1' }],
    ['exp a word', { exp: '"soon"', iat: '1767603600' }],
    ['exp a numeric string', { exp: '"1767607200"', iat: '"1767603600"' }],
    ['exp in milliseconds', { exp: '1767607200000', iat: '1767603600000' }],
    ['exp 1e400', { exp: '1e400', iat: '1767603600' }],
    ['exp before iat', { exp: '1767603600', iat: '1767607200' }],
    ['exp in the next century', { exp: '4923277200', iat: '1767603600' }],
    ['nbf in the future', { exp: '1767607200', iat: '1767603600', nbf: '1767605400' }],
    ['no exp', { iat: '1767603600' }],
    ['nothing', {}],
  ]
  test.each(senseless)(
    '%s starts no refresh by itself, nor while the API takes the token',
    async (_, fields) => {
      const world = await hostileWorld(fields)
      const { client, clock, server } = world
      for (let minute = 0; minute < 30; minute++) {
        await clock.advance(MINUTE)
        expect((await client.fetch(items)).status).toBe(200)
      }
      expect(server.refreshes).toBe(0)
    },
  )

  test.each(senseless)('%s makes no loop when the API refuses each token', async (_, fields) => {
    const world = await hostileWorld(fields)
    const { client, clock, server } = world
    server.mend('/items')
    server.answer('/items', () => server.json({}, 401))
    for (let n = 0; n < 120; n++) {
      expect((await client.fetch(items)).status).toBe(401)
      await clock.advance(SECOND)
    }
    expect(busiestMinute(world)).toBeLessThanOrEqual(30)
    expect(world.count('logout')).toBe(0)
  })

  test('a refresh that hands back the very same token makes no loop, and gives it no new life', async () => {
    const world = await signedIn()
    const { client, clock, server } = world
    const token = await client.getAccessToken()
    server.answer(REFRESH, () => server.json({ access_token: token, expires_in: 3600 }))
    await clock.advance(HOUR)
    for (let n = 0; n < 120; n++) {
      expect(await outcome(client.getAccessToken())).toBe('refresh_unavailable')
      await clock.advance(SECOND)
    }
    expect(busiestMinute(world)).toBeLessThanOrEqual(30)
    expect(world.count('logout')).toBe(0)
    server.mend()
    await clock.advance(MINUTE)
    expect((await client.fetch(items)).status).toBe(200)
  })

  test('in any minute there are at most 30, and nobody is signed out, for any mixture of these', async () => {
    const value = fc.option(
      fc.oneof(
        fc.constantFrom(...hostile),
        fc.integer({ min: 1_767_600_000, max: 1_767_610_000 }).map(String),
      ),
      { nil: undefined },
    )
    const fields = fc.record({ expires_in: value, exp: value, iat: value, nbf: value })
    await fc.assert(
      fc.asyncProperty(fields, fc.boolean(), fc.boolean(), async (given, sameToken, accepted) => {
        const world = await hostileWorld(given as Fields, sameToken)
        const { client, clock, server } = world
        if (!accepted) {
          server.mend('/items')
          server.answer('/items', () => server.json({}, 401))
        }
        for (let n = 0; n < 40; n++) {
          const send = () => client.fetch(items).then(({ status }) => String(status))
          const ends = await Promise.all(times(3, () => outcome(send())))
          expect(['200', '401', 'refresh_unavailable']).toEqual(expect.arrayContaining(ends))
          await clock.advance(3 * SECOND)
        }
        expect(busiestMinute(world)).toBeLessThanOrEqual(30)
        expect(client.session.status).toBe('authenticated')
        expect(world.count('logout')).toBe(0)
        client.dispose()
      }),
      { numRuns: 60 },
    )
  })
})

describe('T7 lifetime counts from before the request was sent: a tab suspended until the answer takes no old token', () => {
  const kinds = Object.entries({ ...STATED, 'exp alone': GUESSED['exp alone'] })

  test.each(kinds)('a request that waited goes out with a live token only (%s)', async (_, options) => {
    const world = await signedIn({ server: options })
    const { client, clock, server, settle } = world
    clock.sleep(2 * HOUR)
    const arrive = server.delay(REFRESH)
    const response = client.fetch(items)
    await settle()
    clock.sleep(2 * HOUR)
    arrive()
    expect((await response).status).toBe(200)
    expect(server.count('/items')).toBe(1)
    expect(server.refreshes).toBe(2)
  })

  test('a second answer that comes too late as well: nothing is sent, and the caller can try again', async () => {
    const { client, clock, server, settle } = await signedIn()
    clock.sleep(2 * HOUR)
    const answers = [server.delay(REFRESH), server.delay(REFRESH)]
    const response = outcome(client.fetch(items).then(({ status }) => `${status}`))
    for (const arrive of answers) {
      await settle()
      clock.sleep(2 * HOUR)
      arrive()
    }
    expect(await response).toBe('refresh_unavailable')
    expect(server.count('/items')).toBe(0)
  })

  test.each(kinds)('a caller that waited for a token gets no dead one (%s)', async (_, options) => {
    const world = await signedIn({ server: options })
    const { client, clock, server, settle } = world
    clock.sleep(2 * HOUR)
    const arrive = server.delay(REFRESH)
    const token = client.getAccessToken()
    await settle()
    clock.sleep(2 * HOUR)
    arrive()
    expect(readClaims((await token) as string).exp * SECOND).toBeGreaterThan(clock.time)
  })

  test.each(kinds)("the timer's own refresh (%s)", async (_, options) => {
    const { client, clock, server, settle } = await signedIn({ server: options })
    const arrive = server.delay(REFRESH)
    await clock.advance(HOUR - 30 * SECOND)
    expect(server.held).toBe(1)
    clock.sleep(2 * HOUR)
    arrive()
    await settle()
    expect((await client.fetch(items)).status).toBe(200)
    expect(server.count('/items')).toBe(1)
    expect(server.refreshes).toBe(2)
  })

  test.each(kinds)('the login (%s)', async (_, options) => {
    const { client, clock, login, server, settle } = createWorld({ server: options })
    const arrive = server.delay('POST /login')
    const done = login()
    await settle()
    clock.sleep(2 * HOUR)
    arrive()
    await done
    expect((await client.fetch(items)).status).toBe(200)
    expect(server.count('/items')).toBe(1)
    expect(server.refreshes).toBe(1)
  })
})

describe('T8 a hidden idle tab has no periodic timer', () => {
  test.each([5 * MINUTE, HOUR, DAY])('at most one timer rings per lifetime of %i ms', async lifetime => {
    const world = await signedIn({ server: { lifetime: lifetime / SECOND } })
    const { clock, server } = world
    const before = clock.rung
    for (let n = 0; n < 100; n++) {
      await clock.advance(lifetime / 10)
      expect(clock.timers).toBe(1)
      expect(clock.rung - before).toBe(server.refreshes)
    }
    expect(server.refreshes).toBeLessThanOrEqual(12)
  })

  test('nor does a deadline between two milliseconds make it ring twice', async () => {
    const { clock, server } = await signedIn({ random: 1 / 3 + Number.EPSILON })
    const before = clock.rung
    await clock.advance(10 * HOUR)
    expect(clock.rung - before).toBe(server.refreshes)
  })

  const quiet: [name: string, world: () => Promise<World>][] = [
    ['nothing was restored yet', async () => createWorld()],
    ['nobody is signed in', async () => within(createWorld(), ({ client }) => client.ready())],
    ['the user has signed out', async () => within(await signedIn(), ({ client }) => client.logout())],
    ['the lifetime is unknown', () => signedIn({ server: GUESSED['no lifetime']! })],
    ['the browser is offline', async () => within(await signedIn(), goOffline)],
  ]
  const within = async (world: World, run: (world: World) => Promise<unknown> | void) => {
    await run(world)
    return world
  }
  const goOffline = async (world: World) => {
    world.online = false
    await world.clock.advance(HOUR)
  }
  test.each(quiet)('no timer at all while %s', async (_, create) => {
    const { clock } = await create()
    const before = clock.rung
    expect(clock.timers).toBe(0)
    await clock.advance(10 * HOUR)
    expect(clock.rung).toBe(before)
  })
})

describe('T9 getAccessToken never returns a token that is expired, or shorter-lived than asked', () => {
  test('more than a lifetime asked: one refresh, then it rejects', async () => {
    const { client, clock, server } = await signedIn()
    await clock.advance(MINUTE)
    const error = await client.getAccessToken({ minValidity: 2 * HOUR }).catch(error => error)
    expect(error).toMatchObject({ name: 'AuthError', code: 'refresh_unavailable' })
    expect(server.refreshes).toBe(1)
  })

  test('a token that lives as long as asked is handed out without a refresh', async () => {
    const { client, clock, server } = await signedIn()
    await clock.advance(HOUR / 2)
    // A server that counts in whole seconds may have issued it almost one later than it says.
    expect(await client.getAccessToken({ minValidity: HOUR / 2 - 2 * SECOND })).toEqual(expect.any(String))
    expect(server.refreshes).toBe(0)
    expect(await client.getAccessToken({ minValidity: HOUR / 2 + SECOND })).toEqual(expect.any(String))
    expect(server.refreshes).toBe(1)
  })

  test('an outage changes nothing about it', async () => {
    const { client, clock, server } = await signedIn()
    server.answer(REFRESH, () => Response.error())
    await clock.advance(HOUR - 10 * SECOND)
    expect(await client.getAccessToken({ minValidity: 5 * SECOND })).toEqual(expect.any(String))
    expect(await outcome(client.getAccessToken({ minValidity: 15 * SECOND }))).toBe('refresh_unavailable')
    await clock.advance(10 * SECOND)
    expect(await outcome(client.getAccessToken())).toBe('refresh_unavailable')
  })

  test('a token of unknown lifetime counts as valid', async () => {
    const { client, clock, server } = await signedIn({ server: GUESSED['no lifetime'] })
    await clock.advance(HOUR / 2)
    expect(await client.getAccessToken({ minValidity: DAY })).toEqual(expect.any(String))
    expect(server.refreshes).toBe(0)
  })

  test('it returns null only when nobody is signed in', async () => {
    const { client } = createWorld()
    expect(await client.getAccessToken({ minValidity: MINUTE })).toBeNull()
  })

  test('over any history of sleep, outages and slow answers', async () => {
    const ms = fc.oneof(
      fc.nat({ max: 5 * SECOND }),
      fc.nat({ max: MINUTE }),
      fc.nat({ max: HOUR }),
      fc.nat({ max: 3 * HOUR }),
    )
    const none = fc.constant(0)
    const step = fc.oneof(
      fc.record({ type: fc.constantFrom('advance', 'sleep'), ms, minValidity: none }),
      fc.record({ type: fc.constantFrom('break', 'mend', 'wake'), ms: none, minValidity: none }),
      fc.record({ type: fc.constant('ask'), ms: fc.oneof(none, ms), minValidity: fc.oneof(none, ms) }),
    )
    const skew = fc.integer({ min: -3 * HOUR, max: 3 * HOUR })
    const lifetime = fc.integer({ min: 1, max: 7200 })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), lifetime, skew, async (steps, lifetime, skew) => {
        const claims = (given: object) => ({ ...given, end: world.clock.time + lifetime * SECOND })
        const world: World = createWorld({ skew, server: { lifetime, claims } })
        const { client, clock, server, settle } = world
        await world.login()
        for (const { type, ms, minValidity } of steps) {
          if (type === 'advance') await clock.advance(ms)
          if (type === 'sleep') clock.sleep(ms)
          if (type === 'wake') world.wake('visibilitychange')
          if (type === 'break') server.answer(REFRESH, () => Response.error())
          if (type === 'mend') server.mend()
          if (type !== 'ask') continue
          const arrive = server.delay(REFRESH)
          // Judged by when it is handed out: one that still works is, while its refresh runs beside it.
          const asked = outcome(client.getAccessToken({ minValidity })).then(token => ({
            token,
            at: clock.time,
          }))
          await settle()
          if (server.held > 0) clock.sleep(ms)
          let isPending = true
          void asked.then(() => {
            isPending = false
          })
          arrive()
          await settle()
          // After a wake-up in a backoff it waits for the next attempt, which comes within a second.
          if (isPending) await clock.advance(2 * SECOND)
          const { token, at } = await asked
          if (token === 'refresh_unavailable') continue
          const { end } = readClaims(token as string)
          expect(end).toBeGreaterThan(at)
          expect(end - at).toBeGreaterThanOrEqual(minValidity)
        }
        expect(world.count('logout')).toBe(0)
        client.dispose()
      }),
      { numRuns: 80 },
    )
  })
})

describe('T10 scheduled refreshes of many clients do not fall on one instant', () => {
  /** How long before the token's end the timer refreshed it. */
  async function leadOf(random: () => number, refreshAhead: number | undefined): Promise<number> {
    const world = await signedIn({ random, options: { refreshAhead } })
    const { client, clock } = world
    // As far as a client can know that takes the second into account which a server may have rounded away.
    const end = clock.time + HOUR - SECOND
    await clock.advance(HOUR)
    client.dispose()
    return end - refreshTimes(world)[0]!
  }
  test.each([undefined, 10 * MINUTE, 10 * SECOND])(
    'but between refreshAhead (%s) and half of it',
    async refreshAhead => {
      const longest = refreshAhead ?? MINUTE
      const leads = new Set<number>()
      for (let n = 0; n < 100; n++) leads.add(await leadOf(() => n / 100, refreshAhead))
      expect(leads.size).toBe(100)
      expect(Math.max(...leads)).toBeLessThanOrEqual(longest)
      expect(Math.min(...leads)).toBeGreaterThanOrEqual(longest / 2)
      // Evenly: each tenth of the span has its tenth of the clients, but for those on its edge.
      for (let tenth = 0; tenth < 10; tenth++) {
        const from = longest / 2 + (tenth * longest) / 20
        const inside = [...leads].filter(lead => lead > from && lead < from + longest / 20)
        expect(inside.length).toBeGreaterThanOrEqual(8)
      }
    },
  )

  test('the draw decides: the earliest and the latest moment', async () => {
    expect(await leadOf(() => 0, 10 * MINUTE)).toBe(10 * MINUTE)
    expect(await leadOf(() => 1, 10 * MINUTE)).toBe(5 * MINUTE)
  })
})

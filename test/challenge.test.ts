import { describe, expect, test } from 'vitest'
import { MODES, worldsOf } from './support/modes.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const items = `${ORIGIN}/items`
const challenges = ({ events }: World) =>
  events.filter(([name]) => name === 'challenge').map(([, detail]) => detail)

async function challenged(status: number, header: string, world?: World) {
  const asked = world ?? (await signedIn())
  asked.server.answer('/items', () =>
    asked.server.json({ why: 'step up' }, status, { 'WWW-Authenticate': header }),
  )
  const response = await asked.client.fetch(`${items}?secret=1#part`)
  await asked.settle()
  return { world: asked, response }
}

describe('an answer that asks for more than the token can show raises "challenge"', () => {
  const cases: [status: number, header: string, error: string, parameters: object][] = [
    [
      403,
      'Bearer error="insufficient_scope", scope="items:write"',
      'insufficient_scope',
      { scope: 'items:write' },
    ],
    [401, 'Bearer error="insufficient_scope"', 'insufficient_scope', {}],
    [
      401,
      'Bearer error="insufficient_user_authentication", error_description="A different level, please", acr_values="gold silver", max_age="5"',
      'insufficient_user_authentication',
      { error_description: 'A different level, please', acr_values: 'gold silver', max_age: '5' },
    ],
    [
      403,
      'bearer ERROR=insufficient_user_authentication, Max_Age=5',
      'insufficient_user_authentication',
      { max_age: '5' },
    ],
    [
      401,
      'Basic realm="a, \\"b\\"", Bearer realm="api", error="insufficient_scope", scope="x", DPoP error="invalid_token"',
      'insufficient_scope',
      { realm: 'api', scope: 'x' },
    ],
    [
      401,
      'Negotiate YWJj==, Bearer error="insufficient_scope", scope="x"',
      'insufficient_scope',
      { scope: 'x' },
    ],
  ]
  test.each(cases)('R14 %d %s', async (status, header, error, parameters) => {
    const { world, response } = await challenged(status, header)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ why: 'step up' })
    expect(challenges(world)).toEqual([
      {
        status,
        url: items,
        challenge: {
          scheme: expect.stringMatching(/^bearer$/i),
          error,
          parameters: { error, ...parameters },
        },
      },
    ])
    expect(world.server.refreshes).toBe(0)
    expect(world.server.count('/items')).toBe(1)
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
  })

  test('in cookie mode too', async () => {
    const world = await worldsOf(MODES.find(({ isBearer }) => !isBearer)!).signedIn()
    await challenged(403, 'Bearer error="insufficient_scope"', world)
    expect(challenges(world)).toHaveLength(1)
    expect(world.server.refreshes).toBe(0)
  })

  test('under the "scheme" of the client', async () => {
    const jwt = await signedIn({ options: { scheme: 'JWT' } })
    await challenged(401, 'JWT error="insufficient_scope", scope="x"', jwt)
    expect(challenges(jwt)).toMatchObject([{ challenge: { scheme: 'JWT' } }])
    const other = await signedIn({ options: { scheme: 'JWT' } })
    await challenged(403, 'Bearer error="insufficient_scope"', other)
    expect(challenges(other)).toEqual([])
  })

  test('in the answer to a replay as well, once', async () => {
    const world = await signedIn()
    world.server.answer('/items', () => world.server.json({}, 401), 1)
    world.server.answer('/items', () =>
      world.server.json({}, 403, { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' }),
    )
    expect((await world.client.fetch(items)).status).toBe(403)
    await world.settle()
    expect(challenges(world)).toHaveLength(1)
    expect(world.server.refreshes).toBe(1)
  })

  test('before "shouldRefresh" is asked: it would not help', async () => {
    let asked = 0
    const world = await signedIn({ options: { shouldRefresh: () => ++asked > 0 } })
    await challenged(403, 'Bearer error="insufficient_scope"', world)
    expect([asked, world.server.refreshes, challenges(world).length]).toEqual([0, 0, 1])
  })

  test('a listener that throws disturbs no caller', async () => {
    const world = await signedIn()
    world.client.on('challenge', () => {
      throw new Error('mine')
    })
    const { response } = await challenged(403, 'Bearer error="insufficient_scope"', world)
    expect(response.status).toBe(403)
    expect(world.reported).toHaveLength(1)
  })
})

describe('nothing else does', () => {
  test.each([
    [401, 'Bearer error="invalid_token"'],
    [403, 'Bearer error="invalid_token"'],
    [403, 'Bearer scope="insufficient_scope"'],
    [403, 'Basic error="insufficient_scope"'],
    [200, 'Bearer error="insufficient_scope"'],
    [500, 'Bearer error="insufficient_scope"'],
    [403, 'error="insufficient_scope"'],
    [403, 'Bearer realm="error=\\"insufficient_scope\\""'],
  ])('%d %s', async (status, header) => {
    const { world } = await challenged(status, header)
    expect(challenges(world)).toEqual([])
  })

  test('R10 a foreign origin, and one that a redirect led to', async () => {
    const answer = (init?: object) =>
      Object.defineProperties(
        new Response(null, {
          status: 403,
          headers: { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' },
        }),
        Object.fromEntries(Object.entries(init ?? {}).map(([name, value]) => [name, { value }])),
      )
    const world = createWorld({
      options: {
        fetch: async (input, init) => {
          if (String(input) === items) return answer({ redirected: true, url: 'https://other.example/' })
          if (String(input).startsWith('https://other.example')) return answer()
          return world.environment.fetch(input, init)
        },
      },
    })
    await world.login()
    await world.client.fetch(items)
    await world.client.fetch('https://other.example/items')
    await world.settle()
    expect(challenges(world)).toEqual([])
  })

  test('an answer to nobody', async () => {
    const world = createWorld()
    await world.client.ready()
    await challenged(403, 'Bearer error="insufficient_scope"', world)
    expect(challenges(world)).toEqual([])
  })

  test('a hostile header takes no time', async () => {
    const began = performance.now()
    await challenged(403, `Bearer ${'a="'.repeat(2_000)}${'\\'.repeat(2_000)}`)
    await challenged(403, `${'a '.repeat(5_000)}=`)
    expect(performance.now() - began).toBeLessThan(5_000)
  })
})

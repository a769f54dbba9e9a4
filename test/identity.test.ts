import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AuthClientOptions, TokenSet } from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

const LOGIN = 'POST /login'
const REFRESH = 'POST /refresh_token'
const USER = 'GET /user/whoami'
const HOUR = 3_600_000
const items = `${ORIGIN}/items`

let count = 0
/** Never the same token twice. */
type Claims = Record<string, unknown>
const jwt = (claims: Claims): string => makeToken({ n: ++count, ...claims })

const open = (browser?: World, { options, ...given }: WorldOptions = {}): World =>
  createWorld({ ...given, options: { sessionKey: 'app', ...options }, ...(browser && { browser }) })

/** The server's next answers: to the login, and then to each refresh; the last one for ever. */
function answers(world: World, first: object, ...refreshes: object[]): void {
  world.server.answer(LOGIN, () => world.server.json(first))
  refreshes.forEach((body, index) => {
    const isLast = index === refreshes.length - 1
    world.server.answer(REFRESH, () => world.server.json(body), isLast ? undefined : 1)
  })
}

async function signedInAs(first: object, refreshes: object[], options: AuthClientOptions<any> = {}) {
  const world = open(undefined, { options })
  answers(world, first, ...refreshes)
  await world.client.login({})
  await world.settle()
  world.events.length = 0
  return world
}

const sent = ({ server }: World, path = '/items') => server.calls.filter(call => call.path === path)

/** What a request, its replay and a waiting caller come to when the first answer is refused and refreshed. */
async function refused(world: World) {
  let refusals = 1
  world.server.answer('/items', () =>
    refusals-- > 0 ? world.server.json({}, 401) : world.server.json({ ok: true }),
  )
  const request = watch(world.client.fetch(items, { method: 'POST', body: 'for the first one' }))
  await world.settle()
  await world.clock.advance(0)
  return request
}

const one: Record<string, [first: Claims, second: Claims]> = {
  'a number and its text': [{ sub: 1 }, { sub: '1' }],
  'a text and its number': [{ sub: '1' }, { sub: 1 }],
  '0 and "0"': [{ sub: 0 }, { sub: '0' }],
  'a negative number': [{ sub: -5 }, { sub: '-5' }],
  'no sub, and no sub': [{}, {}],
  'a sub, and an answer that names nobody': [{ sub: 1 }, {}],
  'no sub, and then one': [{}, { sub: 1 }],
  'a sub that is an object counts as none': [{ sub: { id: 1 } }, { sub: { id: 2 } }],
}
const two: Record<string, [first: Claims, second: Claims]> = {
  'two numbers': [{ sub: 1 }, { sub: 2 }],
  '0 and 1': [{ sub: 0 }, { sub: 1 }],
  'a number and another text': [{ sub: 1 }, { sub: '2' }],
  'a text with a zero before it': [{ sub: 1 }, { sub: '01' }],
  'two issuers': [
    { iss: 'a', sub: 1 },
    { iss: 'b', sub: 1 },
  ],
}

describe('I1 a sub may be a number', () => {
  test.each(Object.keys(one))('I1 one user: %s', async name => {
    const [first, second] = one[name]!
    const world = await signedInAs({ access_token: jwt(first) }, [{ access_token: jwt(second) }])
    const request = await refused(world)
    expect(request.value?.status).toBe(200)
    expect(world.count('userChange')).toBe(0)
    expect(world.count('refresh')).toBe(1)
  })

  test.each(Object.keys(two))('I1 two users, of a request that was refused: %s', async name => {
    const [first, second] = two[name]!
    const world = await signedInAs({ access_token: jwt(first) }, [{ access_token: jwt(second) }])
    const request = await refused(world)
    expect(request.value?.status).toBe(401)
    expect(sent(world)).toHaveLength(1)
    expect(world.count('userChange')).toBe(1)
  })

  test.each(Object.keys(two))('I1 two users, of what waits for a token: %s', async name => {
    const [first, second] = two[name]!
    const world = await signedInAs({ access_token: jwt(first), expires_in: 60 }, [
      { access_token: jwt(second), expires_in: 60 },
    ])
    world.clock.sleep(HOUR)
    const request = watch(world.client.fetch(items))
    const token = watch(world.client.getAccessToken())
    await world.settle()
    expect([request.state, token.state]).toEqual(['user_changed', 'user_changed'])
    expect(sent(world)).toEqual([])
  })

  test.each(Object.keys(two))('I1 two users, over the channel: %s', async name => {
    const [first, second] = two[name]!
    const a = await signedInAs({ access_token: jwt(first), expires_in: 60 }, [
      { access_token: jwt(second), expires_in: 60 },
    ])
    const b = open(a)
    await b.client.ready()
    b.events.length = 0
    await a.client.refresh()
    await a.settle()
    expect(b.count('userChange')).toBe(1)
    expect(b.client.session).toMatchObject({ claims: second })
  })

  test.each(Object.keys(one))('I1 one user, over the channel: %s', async name => {
    const [first, second] = one[name]!
    const a = await signedInAs({ access_token: jwt(first) }, [{ access_token: jwt(second) }])
    const b = open(a)
    await b.client.ready()
    b.events.length = 0
    await a.client.refresh()
    await a.settle()
    expect(b.events.map(([event]) => event)).toEqual(['refresh'])
  })

  test('I1 setTokens for the same number is a refresh, for another one a login', async () => {
    const world = await signedInAs({ access_token: jwt({ sub: 1 }) }, [])
    await world.client.setTokens({ accessToken: jwt({ sub: '1' }) })
    await world.client.setTokens({ accessToken: jwt({ sub: 2 }) })
    expect(world.events.map(([event]) => event)).toEqual(['refresh', 'login', 'userChange'])
  })

  test('I1 any two values are one user exactly where their texts are the same', async () => {
    const sub = fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom('0', '1', '-1', '2', 'a', '01', '1.0'),
    )
    await fc.assert(
      fc.asyncProperty(sub, sub, async (a, b) => {
        const world = await signedInAs({ access_token: jwt({ sub: a }) }, [{ access_token: jwt({ sub: b }) }])
        const request = await refused(world)
        expect(request.value?.status).toBe(String(a) === String(b) ? 200 : 401)
        expect(world.count('userChange')).toBe(String(a) === String(b) ? 0 : 1)
        world.client.dispose()
      }),
      { numRuns: 25 },
    )
  })
})

describe('I2 a token without a sub', () => {
  const users: [name: string, first: unknown, second: unknown, isOne: boolean][] = [
    ['the same id', { id: 7 }, { id: 7 }, true],
    ['an id as number and text', { id: 7 }, { id: '7' }, true],
    ['another id', { id: 7 }, { id: 8 }, false],
    ['the same sub', { sub: 'x' }, { sub: 'x' }, true],
    ['another sub', { sub: 'x' }, { sub: 'y' }, false],
    ['the id goes before the sub', { id: 7, sub: 'x' }, { id: 7, sub: 'y' }, true],
    ['neither', { name: 'ada' }, { name: 'bob' }, true],
    ['an id of null', { id: null, sub: 'x' }, { id: null, sub: 'y' }, false],
    ['an empty id', { id: '', sub: 'x' }, { id: '', sub: 'y' }, false],
    ['an id that is an object', { id: { a: 1 } }, { id: { a: 2 } }, true],
    ['no user in the second answer', { id: 7 }, undefined, true],
    ['null in the second answer', { id: 7 }, null, true],
    ['no user in the first answer', undefined, { id: 7 }, true],
    ['a user that is a text', 'ada', 'bob', true],
  ]
  test.each(users)('I2 the user of the answer says who it is: %s', async (_, first, second, isOne) => {
    const world = await signedInAs({ access_token: 'opaque-1', user: first }, [
      { access_token: 'opaque-2', user: second },
    ])
    const request = await refused(world)
    expect(request.value?.status).toBe(isOne ? 200 : 401)
    expect(world.count('userChange')).toBe(isOne ? 0 : 1)
  })

  test('I2 what was added to Object.prototype names nobody', async () => {
    Object.assign(Object.prototype, { id: 'everybody', sub: 'everybody' })
    try {
      const world = await signedInAs({ access_token: jwt({ a: 1 }), user: { name: 'ada' } }, [
        { access_token: jwt({ sub: 'ada' }) },
      ])
      await world.client.refresh()
      expect(world.count('userChange')).toBe(0)
      await world.client.setTokens({ accessToken: jwt({ sub: 'bob' }) })
      expect(world.count('userChange')).toBe(1)
    } finally {
      for (const name of ['id', 'sub']) delete (Object.prototype as Record<string, unknown>)[name]
    }
  })

  test('I2 with "endpoints.user" the user that it names is the one', async () => {
    const world = await signedInAs({ access_token: 'opaque-1' }, [{ access_token: 'opaque-2' }], {
      endpoints: { user: '/user/whoami' },
    })
    // The login asked the server's own route, whose user has a name only: the identity is learned now.
    world.server.answer(USER, () => world.server.json({ id: 7 }), 1)
    await world.client.refresh()
    expect(world.events.map(([event]) => event)).toEqual(['refresh'])
    world.server.answer(USER, () => world.server.json({ id: 8 }))
    await world.client.refresh()
    expect(world.events.map(([event]) => event)).toEqual(['refresh', 'refresh', 'userChange'])
    expect(world.client.session).toMatchObject({ user: { id: 8 } })
  })

  test('I2 the user that is known says nothing of whose an answer is that names nobody', async () => {
    const first = { access_token: jwt({ sub: 'ada' }), user: { id: 7 } }
    const world = await signedInAs(first, [{ access_token: 'opaque' }, { access_token: jwt({ sub: 'ada' }) }])
    const request = await refused(world)
    expect(request.value?.status).toBe(200)
    await world.client.refresh()
    expect(world.events.map(([event]) => event)).toEqual(['refresh', 'refresh'])
    expect(world.client.session).toMatchObject({ user: { id: 7 } })
  })

  test('I2 an answer that names nobody keeps the identity: the next one is compared with it', async () => {
    const world = await signedInAs({ access_token: jwt({ sub: 1 }) }, [
      { access_token: 'opaque' },
      { access_token: jwt({ sub: 2 }) },
    ])
    await world.client.refresh()
    expect(world.count('userChange')).toBe(0)
    await world.client.refresh()
    expect(world.count('userChange')).toBe(1)
  })

  test('I2 a request that waits, and a caller, get the token by which the user is learned', async () => {
    const world = await signedInAs({ access_token: 'opaque', expires_in: 60 }, [
      { access_token: jwt({ sub: 'ada' }), expires_in: 60 },
    ])
    world.clock.sleep(HOUR)
    world.server.answer('/items', () => world.server.json({}))
    const request = watch(world.client.fetch(items))
    const token = watch(world.client.getAccessToken())
    await world.settle()
    expect([request.state, token.state]).toEqual(['fulfilled', 'fulfilled'])
    expect(world.count('userChange')).toBe(0)
  })

  test('I2 learned in one tab, it is learned in the other: a 401 there is replayed', async () => {
    const a = await signedInAs({ access_token: 'opaque' }, [
      { access_token: jwt({ sub: 'ada' }) },
      { access_token: jwt({ sub: 'bob' }) },
    ])
    const b = open(a)
    await b.client.ready()
    b.events.length = 0
    const answer = a.server.hold('/items', () => a.server.json({}, 401))
    const request = watch(b.client.fetch(items))
    await b.settle()
    await a.client.refresh()
    await a.settle()
    a.server.answer('/items', () => a.server.json({ ok: true }))
    answer()
    await b.settle()
    expect(request.value?.status).toBe(200)
    expect(b.events.map(([event]) => event)).toEqual(['refresh'])
    await a.client.refresh()
    await a.settle()
    expect(b.count('userChange')).toBe(1)
  })

  test('I2 two logins that name nobody are two, in every tab', async () => {
    const a = await signedInAs({ access_token: 'opaque-1' }, [])
    const b = open(a)
    await b.client.ready()
    a.server.mend(LOGIN)
    answers(a, { access_token: 'opaque-2' })
    b.events.length = 0
    await a.client.login({})
    await a.settle()
    expect([a.count('userChange'), b.count('userChange')]).toEqual([1, 1])
  })

  describe('the identity option', () => {
    const byUserId = { identity: ({ claims }: any) => claims?.user_id }

    test('I2 names the user by another claim, as number or text', async () => {
      const world = await signedInAs(
        { access_token: jwt({ user_id: 1 }) },
        [{ access_token: jwt({ user_id: '1' }) }, { access_token: jwt({ user_id: 2 }) }],
        byUserId,
      )
      await world.client.refresh()
      expect(world.count('userChange')).toBe(0)
      expect((await refused(world)).value?.status).toBe(401)
      expect(world.count('userChange')).toBe(1)
    })

    test.each([null, undefined])('I2 where it says %s, the default does', async value => {
      const world = await signedInAs(
        { access_token: jwt({ sub: 1 }) },
        [{ access_token: jwt({ sub: 1 }) }, { access_token: jwt({ sub: 2 }) }],
        { identity: () => value },
      )
      await world.client.refresh()
      expect(world.count('userChange')).toBe(0)
      await world.client.refresh()
      expect(world.count('userChange')).toBe(1)
    })

    test('I2 the same text of the option and of a sub are two', async () => {
      let isNamed = true
      const world = await signedInAs(
        { access_token: jwt({ sub: '1' }) },
        [{ access_token: jwt({ sub: '1' }) }],
        {
          identity: () => (isNamed ? '1' : null),
        },
      )
      isNamed = false
      await world.client.refresh()
      expect(world.count('userChange')).toBe(1)
    })

    const bad: [name: string, identity: () => any][] = [
      [
        'a throw',
        () => {
          throw new Error('secret-in-error')
        },
      ],
      ['an object', () => ({ id: 'secret' })],
      ['a promise', async () => 'secret'],
      ['NaN', () => Number.NaN],
      ['Infinity', () => Number.POSITIVE_INFINITY],
      ['true', () => true],
      ['a bigint', () => 1n],
      ['a symbol', () => Symbol('secret')],
    ]
    test.each(bad)('I2 %s is "malformed_response", and quotes nothing', async (_, identity) => {
      const world = open(undefined, { options: { identity } })
      const login = watch(world.login())
      await world.settle()
      expect(login.state).toBe('malformed_response')
      expect(`${(login.error as Error).message} ${(login.error as Error).stack}`).not.toContain(
        'secret-in-error',
      )
      expect((login.error as Error).message).toContain('"identity"')
      expect(JSON.stringify(world.logs)).not.toContain('secret')
      expect(world.client.session.status).not.toBe('authenticated')

      const tokens = watch(world.client.setTokens({ accessToken: jwt({ sub: 1 }) }))
      await world.settle()
      expect(tokens.state).toBe('malformed_response')
    })

    test('I2 a throw in the answer to a refresh is a passing failure: the session is kept', async () => {
      let isBroken = false
      const world = await signedInAs({ access_token: jwt({ sub: 1 }) }, [{ access_token: jwt({ sub: 1 }) }], {
        identity() {
          if (isBroken) throw new Error('secret')
          return null
        },
      })
      isBroken = true
      const refresh = watch(world.client.refresh())
      await world.settle()
      expect(refresh.state).toBe('refresh_unavailable')
      expect(world.client.session.status).toBe('authenticated')
    })

    test('I2 a long text reaches the other tabs', async () => {
      const a = await signedInAs({ access_token: jwt({ sub: 1 }) }, [], { identity: () => 'x'.repeat(5_000) })
      const b = open(a)
      expect(await b.client.ready()).toMatchObject({ status: 'authenticated' })
      expect(a.server.refreshes).toBe(0)
    })

    test('I2 the tab that is told does not compute it anew', async () => {
      const a = await signedInAs(
        { access_token: jwt({ sub: 1 }) },
        [{ access_token: jwt({ sub: 1 }) }],
        byUserId,
      )
      let asked = 0
      const b = open(a, { options: { identity: () => `${++asked}` } })
      await b.client.ready()
      b.events.length = 0
      await a.client.refresh()
      await a.settle()
      expect(asked).toBe(0)
      expect(b.events.map(([event]) => event)).toEqual(['refresh'])
    })

    test('I2 it sees what session.claims and session.user are, and no user of somebody else', async () => {
      const seen: unknown[] = []
      const world = await signedInAs(
        { access_token: jwt({ sub: 'ada' }), user: { org: 'acme' } },
        [{ access_token: jwt({ sub: 'ada' }) }, { access_token: jwt({ sub: 'bob' }) }],
        {
          identity({ claims, user }: any) {
            const name = `${claims.sub} of ${user?.org}`
            seen.push(name)
            return name
          },
        },
      )
      await world.client.refresh()
      expect(world.count('userChange')).toBe(0)
      expect(seen.at(-1)).toBe('ada of acme')
      await world.client.refresh()
      expect(world.client.session).toMatchObject({ claims: { sub: 'bob' }, user: null })
      expect(seen.at(-1)).toBe('bob of undefined')
      await world.client.refresh()
      expect(world.count('userChange')).toBe(1)
    })

    test('I2 setTokens without a user is compared with the user that stays', async () => {
      const world = await signedInAs({ access_token: jwt({ sub: 'ada' }), user: { org: 'acme' } }, [], {
        identity: ({ claims, user }: any) => `${claims.sub} of ${user?.org}`,
      })
      await world.client.setTokens({ accessToken: jwt({ sub: 'ada' }) })
      expect(world.events.map(([event]) => event)).toEqual(['refresh'])
      expect(world.client.session).toMatchObject({ user: { org: 'acme' } })
    })
  })
})

describe('I3 the app decides what makes two sessions one', () => {
  const identity = ({ claims }: any) => `${claims.act ?? claims.sub}@${claims.tenant}`
  const ada = () => jwt({ sub: 'ada', tenant: 'acme' })
  const others: Record<string, () => string> = {
    'another tenant': () => jwt({ sub: 'ada', tenant: 'globex' }),
    'an impersonated user': () => jwt({ sub: 'ada', tenant: 'acme', act: 'bob' }),
  }
  const ways: Record<string, (world: World, token: string) => Promise<unknown>> = {
    'a refresh': world => world.client.refresh(),
    setTokens: (world, accessToken) => world.client.setTokens({ accessToken, expiresIn: 3600 }),
    async 'another tab'(world, accessToken) {
      const other = open(world, { options: { identity } })
      await other.client.ready()
      await other.client.setTokens({ accessToken, expiresIn: 3600 })
    },
  }
  const cases = Object.keys(others).flatMap(other => Object.keys(ways).map(way => [other, way] as const))

  test.each(cases)('I3 %s by %s: userChange, and a refused request is not replayed', async (other, way) => {
    const token = others[other]!()
    const world = await signedInAs({ access_token: ada(), expires_in: 3600 }, [{ access_token: token }], {
      identity,
    })
    const answer = world.server.hold('/items', () => world.server.json({}, 401))
    const request = watch(world.client.fetch(items, { method: 'POST', body: 'for acme' }))
    await world.settle()
    await ways[way]!(world, token)
    answer()
    await world.settle()
    expect(request.value?.status).toBe(401)
    expect(sent(world)).toHaveLength(1)
    expect(world.count('userChange')).toBe(1)
  })

  test.each(Object.keys(others))('I3 %s by a refresh: what waits for a token rejects', async other => {
    const first = { access_token: ada(), expires_in: 60 }
    const world = await signedInAs(first, [{ access_token: others[other]!(), expires_in: 60 }], { identity })
    world.clock.sleep(HOUR)
    const request = watch(world.client.fetch(items))
    const token = watch(world.client.getAccessToken())
    await world.settle()
    expect([request.state, token.state]).toEqual(['user_changed', 'user_changed'])
    expect(sent(world)).toEqual([])
  })

  test('I3 the same tenant again is the same session, whatever else the token says', async () => {
    const world = await signedInAs({ access_token: ada() }, [{ access_token: ada() }], { identity })
    expect((await refused(world)).value?.status).toBe(200)
    expect(world.count('userChange')).toBe(0)
  })

  test('I3 with a schema, identity sees what session.claims will be', async () => {
    const claims = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value: any) => ({ value: { who: value.sub, where: value.tenant.toUpperCase() } }),
      },
    } as const
    const seen: unknown[] = []
    const options: AuthClientOptions<any> = {
      claims,
      identity({ claims }: any) {
        seen.push(claims)
        return `${claims.who}@${claims.where}`
      },
    }
    const world = await signedInAs(
      { access_token: ada() },
      [{ access_token: others['another tenant']!() }],
      options,
    )
    expect(seen).toEqual([{ who: 'ada', where: 'ACME' }])
    expect((await refused(world)).value?.status).toBe(401)
    expect(world.count('userChange')).toBe(1)
    expect(world.client.session).toMatchObject({ claims: { who: 'ada', where: 'GLOBEX' } })
  })
})

test('I2 tokens that name nobody: any order of refreshes in two tabs learns one user once', async () => {
  const answer = fc.constantFrom<TokenSet['user']>(undefined, { id: 1 }, { id: '1' }, { name: 'x' })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), answer), { maxLength: 5 }), async turns => {
      const a = await signedInAs({ access_token: 'opaque' }, [])
      const b = open(a)
      await b.client.ready()
      for (const [isFirst, user] of turns) {
        a.server.answer(REFRESH, () => a.server.json({ access_token: `opaque-${++count}`, user }), 1)
        await (isFirst ? a : b).client.refresh()
        await a.settle()
      }
      expect([a.count('userChange'), b.count('userChange')]).toEqual([0, 0])
      for (const { client } of [a, b]) client.dispose()
    }),
    { numRuns: 15 },
  )
})

import { inspect } from 'node:util'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { type CoreOptions, cookieMode, createAuthClient } from '../src/core.ts'
import { createAuthClient as createFull } from '../src/index.ts'
import { type LoginRequest, oauth } from '../src/oauth/index.ts'
import type { AuthClient, ClaimsSchema, EndpointContext, JwtClaims, Session } from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

interface Claims {
  sub: string
  roles: string[]
}
const SECRET = 'value-that-no-message-may-show'
const zod = z.object({ sub: z.string(), roles: z.array(z.string()).min(1) })
const valibot = v.object({ sub: v.string(), roles: v.pipe(v.array(v.string()), v.minLength(1)) })
const arktype = type({ sub: 'string', roles: 'string[] >= 1', '+': 'delete' })
const schemas: [name: string, schema: ClaimsSchema<Claims>][] = [
  ['zod', zod],
  ['valibot', valibot],
  ['arktype', arktype],
]

const tokenWith = (more: object) => makeToken({ iss: ORIGIN, sub: 'ada', secret: SECRET, ...more })

describe.each(schemas)('a schema of %s', (_, claims) => {
  const create = () => createWorld({ options: { claims } })

  test('makes the claims what the session shows', async () => {
    const { client } = create()
    const session = await client.setTokens({ accessToken: tokenWith({ roles: ['admin'] }) })
    expect(session.claims).toEqual({ sub: 'ada', roles: ['admin'] })
  })

  const unfit: [name: string, token: string][] = [
    ['a claim of another type', tokenWith({ roles: SECRET })],
    ['a claim that is too short', tokenWith({ roles: [] })],
    ['a claim that is missing', tokenWith({})],
    ['no claims at all', `opaque-${SECRET}`],
  ]
  test.each(unfit)('refuses a token with %s, and leaks nothing', async (_, token) => {
    const world = create()
    world.server.answer('POST /login', () => world.server.json({ access_token: token }))
    for (const call of [() => world.client.setTokens({ accessToken: token }), () => world.login()]) {
      const outcome = watch<unknown>(call())
      await world.settle()
      expect(outcome.state).toBe('malformed_response')
      const seen = inspect([outcome.error, world.logs, world.events, world.reported], {
        depth: null,
        showHidden: true,
      })
      expect(seen).not.toContain(SECRET)
      expect(seen).not.toContain(token.slice(-12))
    }
    expect(world.client.session.status).toBe('unknown')
    expect(world.reported).toEqual([])
  })

  test('F1 a refresh whose claims fail is a passing failure: the session stays', async () => {
    let roles: unknown = ['admin']
    const world = await signedIn({ server: { claims: given => ({ ...given, roles }) }, options: { claims } })
    roles = SECRET
    const outcome = watch(world.client.refresh())
    await world.settle()
    expect(outcome.state).toBe('refresh_unavailable')
    expect(world.client.session).toMatchObject({ status: 'authenticated', claims: { roles: ['admin'] } })
    expect(inspect([world.logs, world.events], { depth: null })).not.toContain(SECRET)
  })

  test('M3 judges what another tab hands over as well', async () => {
    const a = await signedIn({
      server: { claims: given => ({ ...given, roles: ['admin'] }) },
      options: { claims, sessionKey: 'app' },
    })
    const b = createWorld({ browser: a, options: { claims, sessionKey: 'app' } })
    expect(await b.client.ready()).toMatchObject({ claims: { sub: 'ada', roles: ['admin'] } })
    expect(a.server.refreshes).toBe(0)
  })
})

test('each library types the claims of the session, of its events and of login', () => {
  const clients = [
    createAuthClient({ baseUrl: ORIGIN, tabs: false, restore: 'manual', claims: zod }),
    createAuthClient({ baseUrl: ORIGIN, tabs: false, restore: 'manual', claims: valibot }),
    createAuthClient({ baseUrl: ORIGIN, tabs: false, restore: 'manual', claims: arktype }),
  ]
  for (const client of clients) {
    const { session } = client
    if (session.status === 'authenticated') expectTypeOf(session.claims).toEqualTypeOf<Claims | null>()
    client.on('userChange', ({ claims }) => expectTypeOf(claims).toEqualTypeOf<Claims | null>())
    expectTypeOf<Awaited<ReturnType<typeof client.login>>['claims']>().toEqualTypeOf<Claims | null>()
    client.dispose()
  }
  const transforming = createAuthClient({
    baseUrl: ORIGIN,
    tabs: false,
    restore: 'manual',
    claims: z.object({ sub: z.string() }).transform(({ sub }) => ({ id: sub.length })),
  })
  expectTypeOf<Awaited<ReturnType<typeof transforming.refresh>>['claims']>().toEqualTypeOf<{
    id: number
  } | null>()
  transforming.dispose()
})

interface User {
  id: number
  name: string
}

describe('"userSchema"', () => {
  const toUser = (value: unknown): User => {
    const { id, name } = value as { id: string; name: string }
    return { id: Number(id), name }
  }
  /** The server's user has its number as a text: what it makes of it does not fit it a second time. */
  const userSchema = z.object({ id: z.string(), name: z.string().min(2) }).transform(toUser)
  const ada = { id: '7', name: 'Ada' }
  const seven = { id: 7, name: 'Ada' }
  const answered = (world: World, user: unknown) =>
    world.server.answer('POST /login', () => world.server.json({ access_token: tokenWith({}), user }))

  test('makes the user of a login, of a refresh, of setTokens and of the user endpoint', async () => {
    const world = createWorld({ options: { userSchema, endpoints: { user: '/user/whoami' } } })
    answered(world, ada)
    expect((await world.client.login({})).user).toEqual(seven)
    world.server.answer('GET /user/whoami', () => world.server.json({ id: '8', name: 'Ada L.' }))
    const refreshed = (more: object) => world.server.json({ access_token: tokenWith({ n: 1 }), ...more })
    world.server.answer('POST /refresh_token', () => refreshed({}), 1)
    expect((await world.client.refresh()).user).toEqual({ id: 8, name: 'Ada L.' })
    world.server.answer('POST /refresh_token', () => refreshed({ user: ada }), 1)
    expect((await world.client.refresh()).user).toEqual(seven)
    const eve = { id: '9', name: 'Eve' }
    const session = await world.client.setTokens({ accessToken: tokenWith({ n: 2 }), user: eve })
    expect(session.user).toEqual({ id: 9, name: 'Eve' })
  })

  test('in cookie mode', async () => {
    const world = createWorld({
      server: { access: 'cookie' },
      options: { mode: cookieMode(), endpoints: { user: 'me' }, userSchema },
    })
    world.server.answer('GET /me', () => world.server.json(ada))
    expect((await world.client.login({ email: 'ada', password: 'right' })).user).toEqual(seven)
    const next = createWorld({
      browser: world,
      options: { mode: cookieMode(), endpoints: { user: 'me' }, userSchema },
    })
    expect(await next.client.ready()).toMatchObject({ user: seven })
  })

  test('in cookie mode, also where refresh() finds somebody who signed in elsewhere', async () => {
    const options = { mode: cookieMode(), endpoints: { user: 'me' }, userSchema } as const
    const world = createWorld({ server: { access: 'cookie' }, options })
    expect(await world.client.ready()).toMatchObject({ status: 'anonymous' })
    world.server.seed('ada')
    world.server.answer('GET /me', () => world.server.json(ada))
    expect((await world.client.refresh()).user).toEqual(seven)
  })

  test('another tab takes the user as it is: it was validated there', async () => {
    const world = createWorld({ options: { userSchema } })
    answered(world, ada)
    await world.client.login({})
    const other = createWorld({ browser: world, options: { userSchema } })
    expect(await other.client.ready()).toMatchObject({ user: seven })
  })

  test('"identity" sees what it makes of the user', async () => {
    const seen: unknown[] = []
    const identity = ({ user }: { user: User | null }) => (seen.push(user), user?.id)
    const world = createWorld({ options: { userSchema, identity } })
    answered(world, ada)
    await world.client.login({})
    await world.client.setTokens({ accessToken: tokenWith({ n: 1 }), user: ada })
    expect(seen).not.toContainEqual(ada)
    expect(seen).toContainEqual(seven)
  })

  const unfit = [{ id: 7, name: SECRET }, { id: SECRET }, SECRET, [SECRET]]
  test.each(unfit)(
    'a login, a restore or setTokens with an unfit user is refused, and leaks nothing: %j',
    async user => {
      const world = createWorld({ options: { userSchema } })
      answered(world, user)
      const token = tokenWith({})
      for (const call of [
        () => world.client.login({}),
        () => world.client.setTokens({ accessToken: token, user }),
      ]) {
        const outcome = watch<unknown>(call())
        await world.settle()
        expect(outcome.state).toBe('malformed_response')
        const shown = [outcome.error, world.logs, world.events, world.reported]
        expect(inspect(shown, { depth: null, showHidden: true })).not.toContain(SECRET)
      }
      const next = createWorld({ options: { userSchema } })
      next.server.answer('POST /refresh_token', () => next.server.json({ access_token: token, user }))
      expect(await next.client.ready()).toMatchObject({ status: 'unknown', error: { retryable: true } })
    },
  )

  test('an unfit answer of the user endpoint leaves the user unknown, and the session there', async () => {
    const world = createWorld({ options: { userSchema, endpoints: { user: '/user/whoami' } } })
    world.server.answer('GET /user/whoami', () => world.server.json({ name: SECRET }))
    await world.login()
    expect(world.client.session).toMatchObject({ status: 'authenticated', user: null })
    expect(world.logs.map(({ type }) => type)).toContain('user-failed')
    expect(inspect(world.logs, { depth: null })).not.toContain(SECRET)
  })

  test('I10 the next token of who is signed in counts at once where it brings no user to check', async () => {
    const world = createWorld({ options: { userSchema } })
    const { client, server } = world
    await client.setTokens({ accessToken: server.issueAccess('ada').token })
    const next = server.issueAccess('ada').token
    void client.setTokens({ accessToken: next })
    expect(client.peekAccessToken()).toBe(next)
  })

  test('is not asked where there is no user', async () => {
    const world = createWorld({ options: { userSchema } })
    await world.login()
    expect(world.client.session).toMatchObject({ status: 'authenticated', user: null })
  })
})

describe('the three types', () => {
  interface Form {
    email: string
  }
  const userSchema = z.object({ id: z.number() })
  const login = ({ credentials }: EndpointContext<Form>) => ({ url: '/login', json: credentials })
  const make = [createAuthClient, createFull] as const

  test('schemas and endpoint functions infer all three together', () => {
    for (const create of make) {
      const all = () => create({ tabs: false, claims: zod, userSchema, endpoints: { login } })
      expectTypeOf(all).returns.toExtend<AuthClient<Claims, { id: number }, Form>>()
      type All = ReturnType<typeof all>
      expectTypeOf<Parameters<All['login']>[0]>().toEqualTypeOf<Form | undefined>()
      expectTypeOf<All['session']>().toEqualTypeOf<Session<Claims, { id: number }>>()
    }
  })

  test('each is inferred without the others, which keep their defaults', () => {
    for (const create of make) {
      const none = () => create({ tabs: false, baseUrl: ORIGIN })
      expectTypeOf<ReturnType<typeof none>['session']>().toEqualTypeOf<Session>()
      expectTypeOf<Parameters<ReturnType<typeof none>['login']>[0]>().toEqualTypeOf<unknown>()
      const user = () => create({ tabs: false, userSchema })
      expectTypeOf<ReturnType<typeof user>['session']>().toEqualTypeOf<Session<JwtClaims, { id: number }>>()
      const form = () => create({ tabs: false, endpoints: { login } })
      expectTypeOf<ReturnType<typeof form>['session']>().toEqualTypeOf<Session>()
      expectTypeOf<Parameters<ReturnType<typeof form>['login']>[0]>().toEqualTypeOf<Form | undefined>()
      const bare = () =>
        create({
          tabs: false,
          endpoints: { login: ({ credentials }) => ({ url: '/login', json: credentials }) },
        })
      expectTypeOf<Parameters<ReturnType<typeof bare>['login']>[0]>().toEqualTypeOf<unknown>()
    }
  })

  test('a login at a provider has the claims of OpenID Connect for its user, or what is said or validated', () => {
    const config = { issuer: 'https://id.example.com', clientId: 'spa' }
    for (const create of make) {
      const standard = () => create({ ...oauth(config), tabs: false })
      expectTypeOf<NonNullable<ReturnType<typeof standard>['session']['user']>['name']>().toEqualTypeOf<
        string | undefined
      >()
      expectTypeOf<Parameters<ReturnType<typeof standard>['login']>[0]>().toEqualTypeOf<
        LoginRequest | undefined
      >()
      const said = () => create({ ...oauth<User>(config), tabs: false })
      expectTypeOf<ReturnType<typeof said>['session']>().toEqualTypeOf<Session<JwtClaims, User>>()
      const validated = () => create({ ...oauth(config), tabs: false, userSchema })
      expectTypeOf<ReturnType<typeof validated>['session']>().toEqualTypeOf<
        Session<JwtClaims, { id: number }>
      >()
    }
    expect(oauth(config)).not.toHaveProperty('userSchema')
  })

  test('explicit type arguments switch inference off', () => {
    for (const create of make) {
      const given = () => create<Claims, User>({ tabs: false, endpoints: { user: '/me' } })
      expectTypeOf<ReturnType<typeof given>['session']>().toEqualTypeOf<Session<Claims, User>>()
      expectTypeOf<Parameters<ReturnType<typeof given>['login']>[0]>().toEqualTypeOf<unknown>()
      // @ts-expect-error its credentials are not what was said
      void (() => create<Claims, User>({ tabs: false, endpoints: { login } }))
      // @ts-expect-error its user is not what was said
      void (() => create<Claims, User>({ tabs: false, userSchema }))
      expectTypeOf(create<Claims, User, Form>).toBeCallableWith({ tabs: false, endpoints: { login } })
    }
  })

  test('an annotation, and options that are typed before, go on as they did', () => {
    const options: CoreOptions = { tabs: false, baseUrl: ORIGIN }
    const annotated = (): AuthClient<JwtClaims, User> => createAuthClient(options)
    expectTypeOf(annotated).returns.toHaveProperty('session').toEqualTypeOf<Session<JwtClaims, User>>()
    const explicit = () => createAuthClient<JwtClaims, User>(options)
    expectTypeOf(explicit).returns.toEqualTypeOf<AuthClient<JwtClaims, User>>()
  })
})

import { inspect } from 'node:util'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { createAuthClient } from '../src/core.ts'
import type { ClaimsSchema } from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn } from './support/world.ts'

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
      options: { claims, scope: 'app' },
    })
    const b = createWorld({ browser: a, options: { claims, scope: 'app' } })
    expect(await b.client.ready()).toMatchObject({ claims: { sub: 'ada', roles: ['admin'] } })
    expect(a.server.refreshes).toBe(0)
  })
})

test('each library types the claims of the session, of its events and of login', () => {
  const clients = [
    createAuthClient({ baseUrl: ORIGIN, restore: 'manual', claims: zod }),
    createAuthClient({ baseUrl: ORIGIN, restore: 'manual', claims: valibot }),
    createAuthClient({ baseUrl: ORIGIN, restore: 'manual', claims: arktype }),
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
    restore: 'manual',
    claims: z.object({ sub: z.string() }).transform(({ sub }) => ({ id: sub.length })),
  })
  expectTypeOf<Awaited<ReturnType<typeof transforming.refresh>>['claims']>().toEqualTypeOf<{
    id: number
  } | null>()
  transforming.dispose()
})

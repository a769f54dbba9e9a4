import * as valibot from 'valibot'
import { describe, expect, test } from 'vitest'
import { cookieMode, idleTimeout } from '../src/core.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { MODES, worldsOf } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World, type WorldOptions } from './support/world.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const REFRESH = 'POST /refresh_token'
const items = `${ORIGIN}/items`

const shared: WorldOptions = { options: { sessionKey: 'app' } }

/** A token that the client gave to the app. */
async function given({ client }: World): Promise<string> {
  const token = await client.getAccessToken()
  if (token === null) throw new Error('Nobody is signed in.')
  return token
}

/** Every answer hands out these tokens in turn, the last one for ever. */
function hands(world: World, ...tokens: string[]): void {
  world.server.answer(REFRESH, () =>
    world.server.json({ access_token: tokens.length > 1 ? tokens.shift() : tokens[0], expires_in: 3600 }),
  )
}

describe('getAccessToken({ refused }) gives another token of the same identity', () => {
  test('after one refresh, though the refused one has an hour to live', async () => {
    const world = await signedIn()
    const token = await given(world)
    const next = await world.client.getAccessToken({ refused: token })
    expect(next).toEqual(expect.any(String))
    expect(next).not.toBe(token)
    expect(world.server.refreshes).toBe(1)
    expect(await world.client.getAccessToken()).toBe(next)
  })

  test.each(MODES.filter(({ isBearer }) => isBearer))(
    'in every mode that shows tokens: $name',
    async mode => {
      const world = await worldsOf(mode).signedIn()
      const token = await given(world)
      world.server.revokeAccess()
      const next = await world.client.getAccessToken({ refused: token })
      expect(next).not.toBe(token)
      expect((await world.client.fetch(items)).status).toBe(200)
      expect(world.server.refreshes).toBe(1)
      expect(world.server.reuses).toBe(0)
    },
  )

  test('a token that renews itself is renewed while the server takes it, and else the session has ended', async () => {
    const world = await signedIn({ server: { carrier: 'sliding' }, options: { sliding: true } })
    const token = await given(world)
    const next = await world.client.getAccessToken({ refused: token })
    expect(next).not.toBe(token)
    world.server.revokeAll()
    expect(await world.client.getAccessToken({ refused: next })).toBeNull()
  })

  test('R2 two hundred callers with the same refused token, and requests beside them, share one refresh', async () => {
    const world = await signedIn()
    const token = await given(world)
    world.server.revokeAccess()
    const requests = Array.from({ length: 20 }, () => world.client.fetch(items))
    const tokens = await Promise.all(
      Array.from({ length: 200 }, () => world.client.getAccessToken({ refused: token })),
    )
    expect(new Set(tokens).size).toBe(1)
    expect(tokens[0]).not.toBe(token)
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(world.server.refreshes).toBe(1)
  })

  test('at once where a newer one is there: nothing is asked', async () => {
    const world = await signedIn()
    const token = await given(world)
    await world.client.refresh()
    expect(await world.client.getAccessToken({ refused: token })).toBe(await world.client.getAccessToken())
    expect(world.server.refreshes).toBe(1)
  })

  test('it joins a refresh that is under way', async () => {
    const world = await signedIn()
    const token = await given(world)
    const answer = world.server.hold(REFRESH)
    const refresh = world.client.refresh()
    const next = world.client.getAccessToken({ refused: token })
    await world.settle()
    answer()
    await refresh
    expect(await next).not.toBe(token)
    expect(world.server.refreshes).toBe(1)
  })

  test('two tabs whose shared token was refused make one refresh', async () => {
    const first = await signedIn(shared)
    const second = createWorld({ ...shared, browser: first })
    await second.client.ready()
    const token = await given(first)
    expect(await given(second)).toBe(token)
    const tokens = await Promise.all(
      [first, second, first, second].map(({ client }) => client.getAccessToken({ refused: token })),
    )
    expect(new Set(tokens).size).toBe(1)
    expect(tokens[0]).not.toBe(token)
    expect(first.server.refreshes).toBe(1)
  })

  test('a refused token that has expired costs one refresh, not two', async () => {
    const world = await signedIn()
    const token = await given(world)
    world.clock.sleep(2 * HOUR)
    expect(await world.client.getAccessToken({ refused: token })).not.toBe(token)
    expect(world.server.refreshes).toBe(1)
  })

  test('a newer one that has expired meanwhile is refreshed first', async () => {
    const world = await signedIn()
    const token = await given(world)
    const newer = await world.client.getAccessToken({ refused: token })
    world.clock.sleep(2 * HOUR)
    const next = await world.client.getAccessToken({ refused: token })
    expect([token, newer]).not.toContain(next)
    expect(world.server.refreshes).toBe(2)
  })

  test.each([null, undefined])('%j: no token was refused', async refused => {
    const world = await signedIn()
    expect(await world.client.getAccessToken({ refused })).toBe(await given(world))
    expect(world.server.refreshes).toBe(0)
  })

  test('"minValidity" holds for the other token', async () => {
    const world = await signedIn()
    const token = await given(world)
    const wanted = { refused: token, minValidity: HOUR / 2 }
    expect(await world.client.getAccessToken(wanted)).not.toBe(token)
    const error = await world.client
      .getAccessToken({ ...wanted, minValidity: 2 * HOUR })
      .catch(error => error)
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: false })
  })

  test('R8 the caller gives up, and the refresh goes on for the others', async () => {
    const world = await signedIn()
    const token = await given(world)
    const answer = world.server.hold(REFRESH)
    const controller = new AbortController()
    const one = watch(world.client.getAccessToken({ refused: token, signal: controller.signal }))
    const other = watch(world.client.getAccessToken({ refused: token }))
    await world.settle()
    controller.abort('no longer needed')
    await world.settle()
    expect([one.state, other.state]).toEqual(['no longer needed', 'pending'])
    answer()
    await world.settle()
    expect(other.state).toBe('fulfilled')
  })

  test('a token from setTokens that was never sent or given out counts as written by the client', async () => {
    const world = createWorld()
    await world.client.setTokens({ accessToken: 'opaque', refreshToken: 'r' })
    hands(world, 'another')
    expect(await world.client.getAccessToken({ refused: 'opaque' })).toBe('another')
  })
})

describe('getAccessToken({ refused }) where there is no other token', () => {
  test('null where the refresh is refused for good: the session has ended', async () => {
    const world = await signedIn()
    const token = await given(world)
    world.server.revokeAll()
    const tokens = [1, 2, 3].map(() => world.client.getAccessToken({ refused: token }))
    expect(await Promise.all(tokens)).toEqual([null, null, null])
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
    expect(world.count('logout')).toBe(1)
    expect(world.server.refreshes).toBe(1)
  })

  test('N14 null where tokens cannot be renewed: the session has ended', async () => {
    const world = await signedIn({ options: { endpoints: { refresh: false } } })
    const token = await given(world)
    expect(await world.client.getAccessToken({ refused: token })).toBeNull()
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
    expect(await watchedCode(world, token)).toBe('no_session')
    expect(world.server.calls).toEqual([])
  })

  test('null where the user logs out meanwhile, and no_session for who asks later', async () => {
    const world = await signedIn()
    const token = await given(world)
    const answer = world.server.hold(REFRESH)
    const next = watch(world.client.getAccessToken({ refused: token }))
    await world.settle()
    watch(world.client.logout())
    answer()
    await world.settle()
    expect([next.state, next.value]).toEqual(['fulfilled', null])
    expect(await watchedCode(world, token)).toBe('no_session')
    expect(world.server.refreshes).toBe(1)
  })

  test('user_changed where another user signs in meanwhile, and afterwards', async () => {
    const world = await signedIn()
    const token = await given(world)
    const answer = world.server.hold(REFRESH)
    const next = watch(world.client.getAccessToken({ refused: token }))
    await world.settle()
    await world.client.setTokens({ accessToken: makeToken({ iss: ORIGIN, sub: 'bob' }) })
    answer()
    await world.settle()
    expect(next.state).toBe('user_changed')
    const { refreshes } = world.server
    expect(await watchedCode(world, token)).toBe('user_changed')
    expect(world.server.refreshes).toBe(refreshes)
  })

  test('I3 user_changed where the refresh itself shows another user', async () => {
    const world = await signedIn()
    const token = await given(world)
    hands(world, makeToken({ iss: ORIGIN, sub: 'bob' }))
    expect(await watchedCode(world, token)).toBe('user_changed')
    expect(world.count('userChange')).toBe(1)
  })

  test.each([true, false])('the same user signs in again (opaque tokens: %s)', async opaque => {
    const world = await signedIn({ server: { opaque } })
    const token = await given(world)
    await world.client.logout()
    await world.login()
    // Where nothing but the login is known, each login is a user of its own.
    expect(await watchedCode(world, token)).toBe(opaque ? 'user_changed' : 'fulfilled')
    expect(world.server.refreshes).toBe(0)
  })

  test('refresh_unavailable for a passing reason, and the session stays', async () => {
    const world = await signedIn()
    const token = await given(world)
    world.server.answer(REFRESH, () => world.server.json({}, 503))
    const error = await world.client.getAccessToken({ refused: token }).catch(error => error)
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
    expect(error.retryAt).toBeGreaterThan(world.clock.now())
    expect(world.client.session.status).toBe('authenticated')
    expect(JSON.stringify([error.message, error.stack])).not.toContain(token)
  })

  test('refresh_unavailable at the burst limit: no loop, whoever refuses each token', async () => {
    const world = await signedIn()
    let token = await given(world)
    let error: any
    for (let n = 0; n < 100 && !error; n++) {
      await world.client.getAccessToken({ refused: token }).then(
        next => {
          token = next as string
        },
        reason => {
          error = reason
        },
      )
    }
    expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
    expect(error.retryAt).toBeGreaterThan(world.clock.now())
    expect(world.server.refreshes).toBe(10)
    expect(world.client.session.status).toBe('authenticated')
    await world.clock.advance(MINUTE)
    expect(await world.client.getAccessToken({ refused: token })).not.toBe(token)
  })

  test('refresh_unavailable where the server hands back the very token', async () => {
    const world = await signedIn()
    const token = await given(world)
    hands(world, token)
    expect(await watchedCode(world, token)).toBe('refresh_unavailable')
    expect(world.server.refreshes).toBe(1)
  })

  test('no_session where nobody is signed in, and nothing is asked', async () => {
    const world = await signedIn()
    const token = await given(world)
    await world.client.logout()
    expect(await watchedCode(world, token)).toBe('no_session')
    expect(world.server.refreshes).toBe(0)
  })

  test('null where the time of a user who was away is over', async () => {
    const world = await signedIn({ options: { idle: idleTimeout(MINUTE) } })
    const token = await given(world)
    world.clock.sleep(2 * MINUTE)
    const next = watch(world.client.getAccessToken({ refused: token }))
    await world.clock.advance(2 * SECOND)
    expect([next.state, next.value]).toEqual(['fulfilled', null])
    expect(world.server.refreshes).toBe(0)
  })

  test('unsupported in cookie mode', async () => {
    const world = createWorld({ options: { mode: cookieMode(), endpoints: { user: '/user/whoami' } } })
    expect(await watchedCode(world, 'token')).toBe('unsupported')
  })

  test('disposed', async () => {
    const world = await signedIn()
    const token = await given(world)
    world.client.dispose()
    expect(await watchedCode(world, token)).toBe('disposed')
  })
})

const watchedCode = (world: World, refused: unknown): Promise<string> =>
  world.client.getAccessToken({ refused: refused as string }).then(
    () => 'fulfilled',
    error => error.code,
  )

describe('getAccessToken({ refused }) with a token that the client did not write', () => {
  const iss = ORIGIN
  const ofAda = () => makeToken({ iss, sub: 'ada', other: true })

  test('of the same user by its claims: the token in use is another one', async () => {
    const world = await signedIn()
    expect(await world.client.getAccessToken({ refused: ofAda() })).toBe(await given(world))
    expect(world.server.refreshes).toBe(0)
  })

  test('of another user by its claims: user_changed', async () => {
    const world = await signedIn()
    for (const claims of [
      { iss, sub: 'bob' },
      { iss: 'https://other.example', sub: 'ada' },
      { sub: 'ada' },
    ]) {
      expect(await watchedCode(world, makeToken(claims))).toBe('user_changed')
    }
    expect(world.server.refreshes).toBe(0)
  })

  test('where nobody is signed in: no_session', async () => {
    const world = createWorld()
    await world.client.ready()
    expect(await watchedCode(world, ofAda())).toBe('no_session')
  })

  test('while the session is unknown: the restore says', async () => {
    const world = createWorld()
    world.server.seed('ada')
    const next = await world.client.getAccessToken({ refused: ofAda() })
    expect(next).toEqual(expect.any(String))
    const other = createWorld()
    other.server.seed('bob')
    expect(await watchedCode(other, ofAda())).toBe('user_changed')
    const nobody = createWorld()
    expect(await watchedCode(nobody, ofAda())).toBe('no_session')
  })

  test('I3 by the "identity" option, which sees no user: that of the session is not the one of the token', async () => {
    const seen: unknown[] = []
    const options: AuthClientOptions = {
      identity({ claims, user }) {
        seen.push(user)
        return `${claims?.sub} ${claims?.tenant}`
      },
    }
    const world = createWorld({ options, server: { claims: claims => ({ ...claims, tenant: 'a' }) } })
    world.server.answer('POST /login', () =>
      world.server.json({ access_token: makeToken({ sub: 'ada', tenant: 'a' }), user: { id: 1 } }),
    )
    await world.client.login({})
    seen.length = 0
    expect(await watchedCode(world, makeToken({ sub: 'ada', tenant: 'a', n: 2 }))).toBe('fulfilled')
    expect(await watchedCode(world, makeToken({ sub: 'ada', tenant: 'b' }))).toBe('user_changed')
    expect(seen).toEqual([null, null])
  })

  test('the schema of "claims" reads it first', async () => {
    const claims = valibot.object({ sub: valibot.string() })
    const world = await signedIn({ options: { claims } })
    expect(await watchedCode(world, makeToken({ sub: 5 }))).toBe('malformed_response')
    expect(await watchedCode(world, makeToken({ iss, sub: 'ada', n: 1 }))).toBe('fulfilled')
  })

  test('F10 R8 a schema that never answers is waited for until "timeout", or until the caller gives up', async () => {
    const hangs = { '~standard': { validate: () => new Promise<never>(() => {}) } }
    const world = createWorld({ options: { claims: hangs } })
    const controller = new AbortController()
    const { signal } = controller
    const one = watch(world.client.getAccessToken({ refused: ofAda() }))
    const other = watch(world.client.getAccessToken({ refused: ofAda(), signal }))
    controller.abort('no longer needed')
    await world.clock.advance(10 * SECOND)
    expect([one.state, other.state]).toEqual(['refresh_unavailable', 'no longer needed'])
    expect(world.clock.timers).toBe(0)
    const last = watch(world.client.getAccessToken({ refused: ofAda() }))
    world.client.dispose()
    await world.settle()
    expect(last.state).toBe('disposed')
  })

  test('one that nothing names a user for is refused by name, and no part of it is told', async () => {
    const world = await signedIn()
    for (const token of ['opaque-token-of-a-stranger', makeToken({ exp: 1 }), makeToken({ sub: {} })]) {
      const error = await world.client.getAccessToken({ refused: token }).catch(error => error)
      expect(error).toMatchObject({
        code: 'invalid_option',
        message: expect.stringMatching(/^"refused" must be/),
      })
      expect(error.stack).not.toContain(token)
    }
    expect(world.server.refreshes).toBe(0)
  })

  test.each(['', 'Bearer token', 'two\nlines', 'x'.repeat(65_537), 5, true, {}, ['token']])(
    'what is no token is refused by name: %j',
    async refused => {
      const world = await signedIn()
      const error = await world.client.getAccessToken({ refused: refused as string }).catch(error => error)
      expect(error).toMatchObject({
        code: 'invalid_option',
        message: expect.stringMatching(/^"refused" must be/),
      })
    },
  )
})

describe('peekAccessToken gives what a request would be sent with right now', () => {
  test('null while unknown, the token, and null once signed out', async () => {
    const world = createWorld()
    expect(world.client.peekAccessToken()).toBeNull()
    await world.settle()
    expect(world.server.calls).toEqual([])
    await world.login()
    const token = world.client.peekAccessToken()
    expect(token).toEqual(expect.any(String))
    await world.client.fetch(items)
    expect(world.server.calls.at(-1)?.authorization).toBe(`Bearer ${token}`)
    const end = world.client.logout()
    expect(world.client.peekAccessToken()).toBeNull()
    await end
    expect(world.client.peekAccessToken()).toBeNull()
  })

  test('null from the moment on at which no request is sent with it, and the refresh begins', async () => {
    const world = await signedIn({ server: { lifetime: 60 } })
    const token = world.client.peekAccessToken()
    // The last second is not used, and another can have been lost where the server rounds to whole ones (N1).
    world.clock.sleep(MINUTE - 2 * SECOND - 1)
    expect(world.client.peekAccessToken()).toBe(token)
    await world.settle()
    const next = world.client.peekAccessToken()
    expect(next).not.toBe(token)
    expect(next).not.toBeNull()
    world.clock.sleep(MINUTE - 2 * SECOND)
    expect(world.client.peekAccessToken()).toBeNull()
    await world.settle()
    expect(world.client.peekAccessToken()).not.toBeNull()
    expect(world.server.refreshes).toBe(2)
  })

  test('in the window ahead of expiry it gives the token and starts one refresh, as a request does', async () => {
    const world = await signedIn()
    const token = world.client.peekAccessToken()
    expect(world.server.refreshes).toBe(0)
    world.clock.sleep(HOUR - 20 * SECOND)
    const peeked = Array.from({ length: 100 }, () => world.client.peekAccessToken())
    expect(new Set(peeked)).toEqual(new Set([token]))
    await world.settle()
    expect(world.server.refreshes).toBe(1)
    expect(world.client.peekAccessToken()).not.toBe(token)
  })

  test('an expired token is not given, and its refresh is started once', async () => {
    const world = await signedIn()
    world.clock.sleep(2 * HOUR)
    for (let n = 0; n < 100; n++) expect(world.client.peekAccessToken()).toBeNull()
    await world.settle()
    expect(world.server.refreshes).toBe(1)
    expect(world.client.peekAccessToken()).not.toBeNull()
  })

  test('N14 where tokens cannot be renewed, it gives the token to its end and asks nothing', async () => {
    const world = await signedIn({ options: { endpoints: { refresh: false } }, server: { lifetime: 60 } })
    const token = world.client.peekAccessToken()
    world.clock.sleep(MINUTE - 2 * SECOND)
    expect(world.client.peekAccessToken()).toBe(token)
    world.clock.sleep(2 * SECOND)
    expect(world.client.peekAccessToken()).toBeNull()
    await world.settle()
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'rejected' })
    expect(world.server.calls).toEqual([])
  })

  test('during a backoff nothing more is asked, however often a library looks', async () => {
    const world = await signedIn()
    world.server.answer(REFRESH, () => world.server.json({}, 503, { 'Retry-After': '60' }))
    world.clock.sleep(2 * HOUR)
    for (let n = 0; n < 100; n++) {
      expect(world.client.peekAccessToken()).toBeNull()
      await world.clock.advance(100)
    }
    expect(world.server.refreshes).toBe(1)
  })

  test('null once the user has been away for too long, and nothing is refreshed', async () => {
    const world = await signedIn({ options: { idle: idleTimeout(MINUTE) } })
    expect(world.client.peekAccessToken()).not.toBeNull()
    world.clock.sleep(HOUR)
    expect(world.client.peekAccessToken()).toBeNull()
    await world.settle()
    expect(world.server.refreshes).toBe(0)
  })

  test('null for a page back from the back/forward cache', async () => {
    const world = await signedIn(shared)
    world.wake('pagehide', true)
    world.wake('pageshow', true)
    expect(world.client.peekAccessToken()).toBeNull()
    await world.settle()
    expect(world.client.peekAccessToken()).not.toBeNull()
  })

  test('what it gave may be shown as refused later, opaque or not', async () => {
    const world = await signedIn({ server: { opaque: true } })
    const token = world.client.peekAccessToken()
    await world.client.refresh()
    expect(await world.client.getAccessToken({ refused: token })).toBe(world.client.peekAccessToken())
    expect(world.server.refreshes).toBe(1)
  })

  test('unsupported in cookie mode, thrown at once', () => {
    const { client } = createWorld({ options: { mode: cookieMode(), endpoints: { user: '/user/whoami' } } })
    expect(() => client.peekAccessToken()).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  test('disposed, thrown at once', async () => {
    const { client } = await signedIn()
    client.dispose()
    expect(() => client.peekAccessToken()).toThrow(expect.objectContaining({ code: 'disposed' }))
  })
})

describe('what the client knows of the tokens that it gave', () => {
  test('where another tab has the refresh token, that tab refreshes once for all', async () => {
    const given: WorldOptions = { ...shared, server: { carrier: 'body' } }
    const owner = await signedIn(given)
    const follower = createWorld({ ...given, browser: owner })
    await follower.client.ready()
    const token = await follower.client.getAccessToken()
    const tokens = [follower, owner, follower].map(({ client }) => client.getAccessToken({ refused: token }))
    const [next, ...others] = await Promise.all(tokens)
    expect(next).not.toBe(token)
    expect(others).toEqual([next, next])
    expect(owner.server.refreshes).toBe(1)
    expect(owner.server.reuses).toBe(0)
  })

  test('given out by getAccessToken and never sent, it is known: opaque, of this login and of one before', async () => {
    const world = await signedIn({ server: { opaque: true } })
    const token = await given(world)
    const next = await world.client.getAccessToken({ refused: token })
    expect(await world.client.getAccessToken({ refused: token })).toBe(next)
    await world.client.logout()
    expect(await watchedCode(world, token)).toBe('no_session')
    await world.login('bob')
    expect(await watchedCode(world, token)).toBe('user_changed')
    expect(await watchedCode(world, next)).toBe('user_changed')
  })

  test('another tab gave it the token: known here as well', async () => {
    const first = await signedIn({ ...shared, server: { opaque: true } })
    const second = createWorld({ ...shared, browser: first })
    await second.client.ready()
    const token = await given(second)
    await first.client.refresh()
    await first.settle()
    const next = await second.client.getAccessToken({ refused: token })
    expect(next).toBe(await given(first))
    expect(next).not.toBe(token)
  })
})

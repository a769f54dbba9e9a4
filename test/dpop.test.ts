import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { cookieMode } from '../src/core.ts'
import { dpop, getProof } from '../src/dpop/index.ts'
import { createKey, isKey } from '../src/dpop/key.ts'
import { createKeys } from '../src/dpop/keys.ts'
import { createProofs } from '../src/dpop/proof.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { API, createDPoPServer, type DPoPServer, OTHER } from './support/dpop-server.ts'
import { createKeyStore, type TestKeyStore } from './support/key-store.ts'
import { watch } from './support/outcome.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

interface Bound {
  world: World
  server: DPoPServer
  keys: TestKeyStore
  /** A page after this one, or another tab. */
  next(given: WorldOptions, options?: AuthClientOptions): Bound
}

async function open(options: AuthClientOptions = {}, given: WorldOptions = {}): Promise<Bound> {
  let world: World | undefined
  const server = await createDPoPServer(() => world?.clock.time ?? Date.now())
  const keys = createKeyStore()
  const create = (around: WorldOptions, more: AuthClientOptions = {}): Bound => {
    const made = createWorld({
      keyStore: keys.change,
      page: { href: 'https://app.example.com/', origin: 'https://app.example.com' },
      ...around,
      options: {
        ...dpop(),
        baseUrl: API,
        allowedOrigins: [API, OTHER],
        fetch: (input, init) => server.fetch(input, init),
        ...options,
        ...more,
      },
    })
    world ??= made
    return { world: made, server, keys, next: create }
  }
  return create(given)
}

async function signedIn(options: AuthClientOptions = {}, given: WorldOptions = {}): Promise<Bound> {
  const bound = await open(options, given)
  await bound.world.client.login({ user: 'ada' })
  return bound
}

const items = `${API}/items`
const jtis = ({ seen }: DPoPServer) => seen.map(({ proof }) => proof?.jti)

describe('D1 to D3: proofs', () => {
  test('D1 every call and request bears a proof that an independent judge accepts', async () => {
    const { world, server } = await signedIn()
    expect((await world.client.fetch(items)).status).toBe(200)
    expect((await world.client.fetch(`${items}?page=2#x`, { method: 'DELETE' })).status).toBe(200)
    await world.client.refresh()
    expect((await world.client.fetch(items)).status).toBe(200)
    await world.client.logout()
    expect(server.seen.map(({ path, status }) => [path, status])).toEqual([
      ['/login', 200],
      ['/items', 200],
      ['/items', 200],
      ['/refresh_token', 200],
      ['/items', 200],
      ['/logout', 200],
    ])
    expect(new Set(server.seen.map(({ jkt }) => jkt)).size).toBe(1)
  })

  test('D1 with Ed25519, where both servers know it', async () => {
    const { world, server } = await signedIn({ ...dpop({ algorithm: 'Ed25519' }) })
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.seen.every(({ status }) => status === 200)).toBe(true)
  })

  test('D1 an algorithm that is none is invalid_option', () => {
    for (const wrong of [{ algorithm: 'RS256' }, { algorithm: null }, { alg: 'ES256' }]) {
      expect(() => dpop(wrong as never)).toThrow(expect.objectContaining({ code: 'invalid_option' }))
    }
  })

  test('D1 two keys at once: each proof shows the key that signed it', async () => {
    const { sign } = createProofs({ now: () => Date.now() })
    const keys = await Promise.all([createKey('ES256'), createKey('ES256'), createKey('Ed25519')])
    const calls = [...keys, ...keys].map(async (key, index) => {
      const headers = new Headers(index % 2 === 0 ? {} : { Authorization: `DPoP token-${index}` })
      await sign(key, { url: items, method: 'GET', headers })
      const { protectedHeader } = await jwtVerify(headers.get('DPoP') ?? '', EmbeddedJWK, { typ: 'dpop+jwt' })
      return [protectedHeader.alg, await calculateJwkThumbprint(protectedHeader.jwk as JWK)]
    })
    expect(await Promise.all(calls)).toEqual([...keys, ...keys].map(({ alg, id }) => [alg, id]))
  })

  test('D2 no two sends bear the same jti: a replay, a second try and a copied header are signed anew', async () => {
    const { world, server } = await signedIn()
    server.revokeAccess()
    expect((await world.client.fetch(items)).status).toBe(200)
    const proof = await getProof(world.client, items)
    const copied = { ...proof, 'X-More': '1' }
    expect((await world.client.fetch(items, { headers: copied })).status).toBe(200)
    expect((await world.client.fetch(new Request(items, { headers: copied }))).status).toBe(200)
    expect(new Set(jtis(server)).size).toBe(server.seen.length)
  })

  test.each([
    [`${API}/a%20b/%C3%A9?x=1#y`, `${API}/a%20b/%C3%A9`],
    ['/items?x=1', `${API}/items`],
    [`${OTHER}/items`, `${OTHER}/items`],
    ['https://API.example.com:443/items/../x', `${API}/x`],
  ])('D3 htu of %s', async (url, htu) => {
    const { world, server } = await signedIn({}, { page: { href: `${API}/`, origin: API } })
    await world.client.fetch(url)
    expect(server.seen.at(-1)?.proof?.htu).toBe(htu)
  })

  test.each([
    ['http://[::1]:8080/items?x', 'http://[::1]:8080/items'],
    ['https://bücher.example/ä', 'https://xn--bcher-kva.example/%C3%A4'],
  ])('D3 htu of %s', async (url, htu) => {
    const { origin } = new URL(url)
    const { world, server } = await signedIn({ allowedOrigins: [API, origin] })
    await world.client.fetch(url)
    expect(server.seen.at(-1)?.proof?.htu).toBe(htu)
  })
})

describe('D4 to D7: nonces', () => {
  test('D4 of the auth server, at login and at refresh: one call more, and no failure is told', async () => {
    const { world, server } = await open()
    server.nonces.auth = 'first'
    await world.client.login({ user: 'ada' })
    server.nonces.auth = 'second'
    await world.client.refresh()
    await world.client.refresh()
    expect(server.seen.map(({ path, status }) => [path, status])).toEqual([
      ['/login', 400],
      ['/login', 200],
      ['/refresh_token', 400],
      ['/refresh_token', 200],
      ['/refresh_token', 200],
    ])
    expect(world.events.filter(([name]) => name === 'refreshError')).toEqual([])
  })

  test('D5 of the API: one send more, no refresh', async () => {
    const { world, server } = await signedIn()
    server.nonces.api = 'one'
    expect((await world.client.fetch(items, { method: 'POST', body: 'x' })).status).toBe(200)
    expect(server.of('/items').map(({ status, body }) => [status, body])).toEqual([
      [401, 'x'],
      [200, 'x'],
    ])
    expect(server.of('/refresh_token')).toEqual([])
  })

  test('D5 200 requests at once: 201 sends', async () => {
    const { world, server } = await signedIn()
    server.nonces.api = 'one'
    const answers = await Promise.all(Array.from({ length: 200 }, () => world.client.fetch(items)))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(server.of('/items')).toHaveLength(201)
  })

  test('D5 a first request that is not answered holds the others back for 2 s at most', async () => {
    const { world: other, server } = await signedIn()
    let answer = () => {}
    const held = new Promise<void>(resolve => {
      answer = resolve
    })
    const { fetch } = server
    server.fetch = async (input, init) => {
      if (new URL(new Request(input).url).pathname === '/stream') await held
      return fetch(input, init)
    }
    const first = other.client.fetch(`${API}/stream`)
    const second = other.client.fetch(items)
    await other.settle()
    expect(server.of('/items')).toEqual([])
    await other.clock.advance(2_000)
    expect((await second).status).toBe(200)
    answer()
    expect((await first).status).toBe(200)
  })

  test('D6 a nonce that the server replaces at each answer', async () => {
    const { world, server } = await signedIn()
    server.nonces.api = 'each'
    for (let call = 0; call < 5; call++) expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items').map(({ status }) => status)).toEqual([401, 200, 200, 200, 200, 200])
  })

  test('D6 two origins with nonces of their own', async () => {
    const { world, server } = await signedIn()
    Object.assign(server.nonces, { api: 'of-api', other: 'of-other' })
    for (let call = 0; call < 2; call++) {
      expect((await world.client.fetch(items)).status).toBe(200)
      expect((await world.client.fetch(`${OTHER}/items`)).status).toBe(200)
    }
    expect(server.seen.filter(({ status }) => status === 401)).toHaveLength(2)
  })

  test('D6 a nonce that CORS hides: the answer is handed back, with no refresh', async () => {
    const { world, server } = await signedIn()
    Object.assign(server, { hidesNonces: true })
    server.nonces.api = 'hidden'
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.logs.filter(({ type }) => type === 'proof')).toMatchObject([{ outcome: 'refused' }])
    expect([server.of('/items').length, server.of('/refresh_token').length]).toEqual([1, 0])
  })

  test('D6 a server that asks for another nonce again and again gets two sends', async () => {
    const { world, server } = await signedIn()
    const ask = (nonce: string) => () =>
      new Response('{}', {
        status: 401,
        headers: { 'DPoP-Nonce': nonce, 'WWW-Authenticate': 'DPoP error="use_dpop_nonce"' },
      })
    server.once('/items', ask('a'))
    server.once('/items', ask('b'))
    expect((await world.client.fetch(items)).status).toBe(401)
    expect([server.of('/items').length, server.of('/refresh_token').length]).toEqual([2, 0])
  })

  test('D7 form, bytes and Request: the bytes are the same; a stream is not sent twice', async () => {
    const { world, server } = await signedIn()
    const form = new FormData()
    form.set('a', 'ä')
    const bodies: BodyInit[] = ['text', new URLSearchParams({ a: 'ä' }), new Blob(['bytes'])]
    for (const body of bodies) {
      server.nonces.api = `of ${server.seen.length}`.replace(' ', '-')
      expect((await world.client.fetch(items, { method: 'POST', body })).status).toBe(200)
      const [refused, answered] = server.of('/items').slice(-2)
      expect([refused?.status, refused?.body]).toEqual([401, answered?.body])
    }
    server.nonces.api = 'of-form'
    expect((await world.client.fetch(items, { method: 'POST', body: form })).status).toBe(200)
    server.nonces.api = 'of-request'
    expect((await world.client.fetch(new Request(items, { method: 'PUT', body: 'r' }))).status).toBe(200)
    server.nonces.api = 'of-stream'
    const stream = new Blob(['s']).stream()
    const init = { method: 'POST', body: stream, duplex: 'half' } as RequestInit
    const before = server.of('/items').length
    expect((await world.client.fetch(items, init)).status).toBe(401)
    expect(server.of('/items').length).toBe(before + 1)
    // The next one carries the nonce.
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items').length).toBe(before + 2)
  })
})

describe('D8 to D12: keys', () => {
  test('D8 a second tab uses the handed-over token with the same key, with no call', async () => {
    const bound = await signedIn()
    const { world: other, server } = bound.next({ browser: bound.world })
    const calls = server.seen.length
    expect((await other.client.ready()).status).toBe('authenticated')
    expect(server.seen.length).toBe(calls)
    expect((await other.client.fetch(items)).status).toBe(200)
    expect(server.seen.at(-1)?.jkt).toBe(server.seen[0]?.jkt)
  })

  test('D9 two tabs that log in at the same moment: the surviving session has its own key, in both', async () => {
    const first = await open()
    const second = first.next({ browser: first.world })
    const { server } = first
    await Promise.allSettled([
      first.world.client.login({ user: 'ada' }),
      second.world.client.login({ user: 'ada' }),
    ])
    // Keys that are handed over are hashed by the engine, which takes real time.
    const tokens = () => [first, second].map(({ world }) => world.client.peekAccessToken())
    await vi.waitFor(() => expect(new Set(tokens()).size).toBe(1))
    for (const { world } of [first, second]) expect((await world.client.fetch(items)).status).toBe(200)
    const used = server.of('/items').map(({ jkt }) => jkt)
    expect(new Set(used)).toEqual(new Set([server.cookie?.jkt]))
    await first.world.client.refresh()
    const page = first.next({ browser: first.world })
    expect((await page.world.client.ready()).status).toBe('authenticated')
  })

  test('D10 a reload: the key comes from the store, and the refresh by cookie is accepted', async () => {
    const bound = await signedIn()
    bound.world.close()
    const { world, server } = bound.next({ before: bound.world })
    expect((await world.client.ready()).status).toBe('authenticated')
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(new Set(server.seen.map(({ jkt }) => jkt)).size).toBe(1)
  })

  test('D10 logins that failed, or were never ended, do not displace the key of the session', async () => {
    const bound = await signedIn()
    const { world, server } = bound
    for (let attempt = 0; attempt < 7; attempt++) {
      server.once('/login', () => new Response('{"error":"no"}', { status: 401 }))
      await world.client.login({ user: 'bob' }).catch(() => {})
    }
    world.close()
    const next = bound.next({ before: world })
    expect((await next.world.client.ready()).status).toBe('authenticated')
    expect(bound.keys.records.length).toBeLessThanOrEqual(8)
  })

  test('D10 a step-up that is given up again and again does not displace the key of the session', async () => {
    const bound = await signedIn()
    const { world, server } = bound
    for (let attempt = 0; attempt < 20; attempt++) {
      server.once('/login', () => new Response('{"error":"no"}', { status: 401 }))
      await world.client.login({ user: 'ada' }).catch(() => {})
    }
    expect(bound.keys.records).toHaveLength(8)
    world.close()
    const next = bound.next({ before: world })
    expect((await next.world.client.ready()).status).toBe('authenticated')
  })

  test('D11 keys that cannot be stored live as long as the page', async () => {
    const bound = await open()
    bound.keys.isBroken = true
    await bound.world.client.login({ user: 'ada' })
    expect((await bound.world.client.fetch(items)).status).toBe(200)
    await bound.world.client.refresh()
    bound.world.close()
    const { world } = bound.next({ before: bound.world })
    expect(await world.client.ready()).toMatchObject({ status: 'anonymous' })
  })

  test('D11 a store that never answers delays a login by seconds, and no more', async () => {
    const bound = await open()
    bound.keys.hangs = true
    const login = bound.world.client.login({ user: 'ada' })
    await bound.keys.asked
    await bound.world.clock.advance(4_000)
    expect((await login).status).toBe('authenticated')
  })

  test('D11 site data that is cleared under a living tab: the session goes on in it', async () => {
    const { world, keys } = await signedIn()
    keys.kept.clear()
    await world.client.refresh()
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('D12 no private key can be exported, and none is anywhere but in the store', async () => {
    const { world, keys } = await signedIn()
    const [record] = keys.records
    expect(record.privateKey.extractable).toBe(false)
    await expect(crypto.subtle.exportKey('jwk', record.privateKey)).rejects.toThrow()
    expect(Object.keys(JSON.parse(record.jwk))).toEqual(['crv', 'kty', 'x', 'y'])
    const seen = JSON.stringify([[...world.storage], [...world.sessionStorage], world.logs, world.events])
    expect(seen).not.toContain(JSON.parse(record.jwk).x)
  })

  test('D12 a visitor who does not log in leaves no key behind', async () => {
    const { world, server, keys } = await open()
    expect((await world.client.ready()).status).toBe('anonymous')
    expect([server.of('/refresh_token').length, keys.records]).toEqual([1, []])
    await world.client.login({ user: 'ada' })
    await world.client.logout()
    await world.settle()
    expect(keys.records).toEqual([])
  })

  test('D12 a logout removes the key', async () => {
    const { world, keys } = await signedIn()
    expect(keys.records).toHaveLength(1)
    await world.client.logout()
    await world.settle()
    expect(keys.records).toEqual([])
  })
})

describe('D13 to D16', () => {
  test.each(['Bearer', 'bearer', 'mac', ''])('D13 a token of type %j is refused', async type => {
    const { world, server } = await open()
    server.tokenType = type
    await expect(world.client.login({ user: 'ada' })).rejects.toMatchObject({ code: 'malformed_response' })
  })

  test.each(['dpop', 'DPOP', 'DPoP'])('D13 %s is accepted', async type => {
    const { world, server } = await open()
    server.tokenType = type
    await world.client.login({ user: 'ada' })
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test.each([
    ['no key', () => undefined],
    ['an id alone', (key: any) => ({ id: key.id })],
    [
      'one that can be exported',
      async (key: any) => {
        const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
        const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign'])
        return { ...key, privateKey }
      },
    ],
    [
      'RSA',
      async (key: any) => {
        const algorithm = {
          name: 'RSASSA-PKCS1-v1_5',
          hash: 'SHA-256',
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
        }
        const { privateKey } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
        return { ...key, privateKey }
      },
    ],
    ['a wrong thumbprint', (key: any) => ({ ...key, id: 'x'.repeat(43) })],
    ['another public key', (key: any) => ({ ...key, jwk: key.jwk.replace('"x":"', '"x":"A') })],
    ['a member more', (key: any) => ({ ...key, jwk: key.jwk.replace('{', '{"d":"x",') })],
    ['no text as public key', (key: any) => ({ ...key, jwk: JSON.parse(key.jwk) })],
    ['a number', () => 1],
    ['null', () => null],
    ['the name of another algorithm', (key: any) => ({ ...key, alg: 'Ed25519' })],
    ['the name of no algorithm', (key: any) => ({ ...key, alg: 'none' })],
    ['a look-alike of a key', (key: any) => ({ ...key, privateKey: { ...key.privateKey } })],
  ])('D14 a handover with %s is not adopted', async (_, forge) => {
    const { keys } = await signedIn()
    const [record] = keys.records
    expect(await isKey(record)).toBe(true)
    expect(await isKey(await forge(record))).toBe(false)
  })

  test('D14 a handover with a key of the other algorithm is adopted, and signed as that key signs', async () => {
    const bound = await signedIn()
    const { world, server } = bound.next({ browser: bound.world }, dpop({ algorithm: 'Ed25519' }))
    expect((await world.client.ready()).status).toBe('authenticated')
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.seen.at(-1)?.jkt).toBe(server.seen[0]?.jkt)
  })

  test.each([2, -2])(
    'D15 a clock that is %i hours off: with nonces, and with a readable date',
    async hours => {
      const { world, server } = await open({}, { skew: hours * 3_600_000 })
      server.showsDate = true
      await world.client.login({ user: 'ada' })
      expect(server.of('/login').map(({ status }) => status)).toEqual([400, 200])
      expect((await world.client.fetch(items)).status).toBe(200)
      await world.client.refresh()
      expect(server.of('/refresh_token').map(({ status }) => status)).toEqual([200])
    },
  )

  test('D15 an answer out of the HTTP cache, whose date is old, does not set the clock', async () => {
    const { world, server } = await signedIn()
    const date = new Date(world.clock.time - 3_600_000).toUTCString()
    server.once('/items', () => new Response('{}', { headers: { Date: date } }))
    expect((await world.client.fetch(items)).status).toBe(200)
    expect((await world.client.fetch(`${OTHER}/items`)).status).toBe(200)
    expect(server.seen.map(({ status }) => status)).toEqual([200, 200, 200])
  })

  test('D15 a refusal of the API, whose date can be read, sets the clock: the request is sent once more', async () => {
    const { world, server } = await open({}, { skew: 2 * 3_600_000 })
    server.tolerance = 3 * 3_600
    await world.client.login({ user: 'ada' })
    server.tolerance = 60
    server.showsDate = true
    expect((await world.client.fetch(items)).status).toBe(200)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items').map(({ status }) => status)).toEqual([401, 200, 200])
  })

  test('D16 invalid_dpop_proof of the API: no refresh, and the answer is handed back', async () => {
    const { world, server } = await signedIn()
    server.once(
      '/items',
      () =>
        new Response('{}', {
          status: 401,
          headers: { 'WWW-Authenticate': 'DPoP error="invalid_dpop_proof", algs="ES256"' },
        }),
    )
    expect((await world.client.fetch(items)).status).toBe(401)
    expect([server.of('/items').length, server.of('/refresh_token').length]).toEqual([1, 0])
  })

  test.each([400, 401])('D16 invalid_dpop_proof of the auth server (%i) signs nobody out', async status => {
    const { world, server } = await signedIn()
    server.once('/refresh_token', () => new Response('{"error":"invalid_dpop_proof"}', { status }))
    await expect(world.client.refresh()).rejects.toMatchObject({ code: 'refresh_unavailable' })
    expect(world.client.session.status).toBe('authenticated')
    await world.client.refresh()
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
  })
})

describe('D5 the first request to an origin', () => {
  /** The first request that comes is held until `end` is called, with a failure of the network if that says so. */
  function stall(server: DPoPServer) {
    const { fetch } = server
    let end = (_fails?: boolean) => {}
    const stalled = { isHeld: false, end: (fails?: boolean) => end(fails) }
    server.fetch = async (input, init) => {
      if (stalled.isHeld) return fetch(input, init)
      stalled.isHeld = true
      const request = new Request(input, init)
      await new Promise<void>((resolve, reject) => {
        end = fails => (fails ? reject(new TypeError('network')) : resolve())
        request.signal.addEventListener('abort', () => reject(request.signal.reason))
      })
      return fetch(request)
    }
    return stalled
  }

  async function stalled() {
    const bound = await signedIn()
    const held = stall(bound.server)
    const controller = new AbortController()
    const first = watch(bound.world.client.fetch(`${API}/first`, { signal: controller.signal }))
    await vi.waitFor(() => expect(held.isHeld).toBe(true))
    return { ...bound, held, controller, first }
  }

  test.each(['aborted', 'failed'])('D5 where it is %s, another one goes alone', async how => {
    const { world, server, held, controller, first } = await stalled()
    server.nonces.api = 'one'
    const others = Array.from({ length: 50 }, () => world.client.fetch(items))
    await world.settle()
    expect(server.of('/items')).toEqual([])
    if (how === 'aborted') controller.abort()
    else held.end(true)
    for (const { status } of await Promise.all(others)) expect(status).toBe(200)
    expect(server.of('/items')).toHaveLength(51)
    expect(first.error).toMatchObject({ name: how === 'aborted' ? 'AbortError' : 'TypeError' })
  })

  test('D5 one that waits can be aborted', async () => {
    const { world, server } = await stalled()
    const controller = new AbortController()
    const waiting = watch(world.client.fetch(items, { signal: controller.signal }))
    await world.settle()
    controller.abort(new Error('enough'))
    await world.settle()
    expect(waiting.error).toMatchObject({ message: 'enough' })
    expect(server.of('/items')).toEqual([])
  })

  test.each<[string, (world: World) => unknown, string]>([
    ['the user signs out', world => world.client.logout(), 'no_session'],
    ['another user signs in', world => world.client.login({ user: 'bob' }), 'user_changed'],
    ['the client is disposed', world => world.client.dispose(), 'disposed'],
  ])('D5 %s while others wait: they are not sent', async (_, act, code) => {
    const { world, server, held } = await stalled()
    const waiting = watch(world.client.fetch(items))
    await world.settle()
    await act(world)
    held.end()
    await vi.waitFor(() => expect(waiting.error).toMatchObject({ code }))
    expect(server.of('/items')).toEqual([])
  })

  test('D5 one origin does not wait for another one', async () => {
    const { world } = await stalled()
    expect((await world.client.fetch(`${OTHER}/items`)).status).toBe(200)
  })
})

describe('D15 clocks', () => {
  const HOURS = 3_600_000
  const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  /** The auth server adds an ID token with these claims. It is patient: only the API looks at the time. */
  async function withIdToken(claims: (now: number) => object, skew: number) {
    const bound = await open({}, { skew })
    const { server, world } = bound
    const { fetch } = server
    server.fetch = async (input, init) => {
      const isLogin = new Request(input, init).url.endsWith('/login')
      server.tolerance = isLogin ? Number.POSITIVE_INFINITY : 60
      const response = await fetch(input, init)
      if (!isLogin) return response
      const idToken = `${base64({ alg: 'none' })}.${base64(claims(world.clock.time))}.x`
      return Response.json({ ...(await response.json()), id_token: idToken })
    }
    await world.client.login({ user: 'ada' })
    return bound
  }

  const seconds = (ms: number) => Math.floor(ms / 1000)

  test.each([2, -2])('D15 off by %i hours: the first ID token tells it', async hours => {
    const { world, server } = await withIdToken(now => ({ iat: seconds(now) }), hours * HOURS)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items')).toHaveLength(1)
  })

  test.each([{}, { iat: 'soon' }, { iat: null }])('D15 an ID token with %j tells nothing', async claims => {
    const { world, server } = await withIdToken(() => claims, 0)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items')).toHaveLength(1)
  })

  test('D15 a clock that is set right later, where no server shows a date', async () => {
    const { world, server } = await withIdToken(now => ({ iat: seconds(now) }), 2 * HOURS)
    const { environment } = world
    const { now } = environment
    vi.spyOn(environment, 'now').mockImplementation(() => now() - 2 * HOURS)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items').map(({ status }) => status)).toEqual([401, 200])
    await world.client.refresh()
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
  })

  test('D15 the date of an answer that was not refused, which may be cached, tells nothing', async () => {
    const { world, server } = await signedIn()
    const headers = { Date: 'Thu, 01 Jan 2026 00:00:00 GMT' }
    for (const status of [200, 404, 500]) {
      server.once('/items', () => new Response('{}', { status, headers }))
      await world.client.fetch(items)
    }
    await world.client.fetch(items)
    expect(server.seen.map(({ status }) => status)).toEqual([200, 200, 404, 500, 200])
  })

  test.each(['never', '', 'Thu, 99 Foo 2026'])('D15 a refusal with the date %j', async date => {
    const { world, server } = await signedIn()
    const headers = { Date: date, 'WWW-Authenticate': 'DPoP error="invalid_dpop_proof"' }
    server.once('/items', () => new Response('{}', { status: 401, headers }))
    // A real clock goes on between two looks.
    const { now } = world.environment
    let looks = 0
    vi.spyOn(world.environment, 'now').mockImplementation(() => now() + ++looks)
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(server.of('/items')).toHaveLength(1)
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('D15 an API with a wrong clock does not spoil the refresh', async () => {
    const { world, server } = await signedIn()
    const headers = {
      Date: new Date(world.clock.time + 2 * HOURS).toUTCString(),
      'WWW-Authenticate': 'DPoP error="invalid_dpop_proof"',
    }
    for (let send = 0; send < 2; send++)
      server.once('/items', () => new Response('', { status: 401, headers }))
    expect((await world.client.fetch(items)).status).toBe(401)
    await world.client.refresh()
    expect(server.of('/refresh_token').map(({ status }) => status)).toEqual([400, 200])
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
  })
})

describe('D6 and D16: what servers say', () => {
  test.each([
    'Bearer error="invalid_token", DPoP error="use_dpop_nonce"',
    'DPoP algs="ES256", error="use_dpop_nonce", error_description="a, \\"b\\""',
    'dpop error=use_dpop_nonce',
    'DPoP realm="DPoP error", error = "use_dpop_nonce"',
  ])('D6 %s', async challenge => {
    const { world, server } = await signedIn()
    const headers = { 'DPoP-Nonce': 'n', 'WWW-Authenticate': challenge }
    server.once('/items', () => new Response('{}', { status: 401, headers }))
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items').map(({ proof }) => proof?.nonce)).toEqual([undefined, 'n'])
    expect(server.of('/refresh_token')).toEqual([])
  })

  test.each([
    'DPoP error="invalid_token", error_description="not use_dpop_nonce"',
    'Bearer',
    'DPoP error="use_dpop_nonce_please"',
  ])('D16 %s is about the token: one refresh', async challenge => {
    const { world, server } = await signedIn()
    const headers = { 'DPoP-Nonce': 'n', 'WWW-Authenticate': challenge }
    server.once('/items', () => new Response('{}', { status: 401, headers }))
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/refresh_token')).toHaveLength(1)
  })

  test('D6 what was answered with success is not sent again, whatever its headers say', async () => {
    const { world, server } = await signedIn()
    const headers = { 'DPoP-Nonce': 'n', 'WWW-Authenticate': 'DPoP error="use_dpop_nonce"' }
    server.once('/items', () => new Response('{}', { status: 201, headers }))
    expect((await world.client.fetch(items, { method: 'POST', body: 'x' })).status).toBe(201)
    expect(server.of('/items')).toHaveLength(1)
  })

  test.each(['a"b\\c', 'ä', '{}', 'x'.repeat(5_000)])('D6 the nonce %j is shown as it came', async nonce => {
    const { world, server } = await signedIn()
    server.once('/items', () => new Response('{}', { headers: { 'DPoP-Nonce': nonce } }))
    await world.client.fetch(items)
    expect((await world.client.fetch(items)).status).toBe(200)
    expect(server.of('/items')[1]?.proof?.nonce).toBe(nonce)
  })
})

describe('D8 to D12: keys in the long run', () => {
  /** The keys of a page with this store. */
  const pageWith = ({ change }: TestKeyStore) =>
    createKeys(
      { environment: createWorld({ keyStore: change }).environment, settings: { sessionKey: 's' } } as never,
      'ES256',
    )

  test('D9 two logins that leave their pages at once: each page that comes back finds its own key', async () => {
    const store = createKeyStore()
    const made = await Promise.all([pageWith(store).create(true), pageWith(store).create(true)])
    for (const { id } of made) expect((await pageWith(store).find(id))?.id).toBe(id)
    expect(await pageWith(store).find('another')).toBeNull()
  })

  test('D11 a key that has to outlive the page, and cannot be stored', async () => {
    const store = createKeyStore()
    store.isBroken = true
    const keys = pageWith(store)
    await expect(keys.create(true)).rejects.toMatchObject({ code: 'unsupported' })
    // In a popup the page stays.
    const { id } = await keys.create()
    expect((await keys.find(id))?.id).toBe(id)
  })

  test('D10 twenty logins that failed do not displace the key of the session', async () => {
    const bound = await signedIn()
    const { world, server, keys } = bound
    for (let attempt = 0; attempt < 20; attempt++) {
      server.once('/login', () => new Response('{"error":"no"}', { status: 401 }))
      await world.client.login({ user: 'bob' }).catch(() => {})
    }
    expect(keys.records).toHaveLength(8)
    world.close()
    const next = bound.next({ before: world })
    expect((await next.world.client.ready()).status).toBe('authenticated')
  })

  test('D11 site data that is cleared under a living tab: the next refresh stores the key again', async () => {
    const bound = await signedIn()
    bound.keys.kept.clear()
    await bound.world.client.refresh()
    await bound.world.settle()
    bound.world.close()
    const { world } = bound.next({ before: bound.world })
    expect((await world.client.ready()).status).toBe('authenticated')
  })

  test('D11 no IndexedDB at all', async () => {
    const { world } = await signedIn({}, { keyStore: undefined })
    expect((await world.client.fetch(items)).status).toBe(200)
    await world.client.refresh()
    await world.client.logout()
  })

  test('D11 what a stranger has stored is not used', async () => {
    const bound = await signedIn()
    const { world, keys } = bound
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
    ])
    const [name, [record]] = [...keys.kept][0]!
    keys.kept.set(name, [{ ...record, privateKey }])
    world.close()
    const next = bound.next({ before: world })
    await next.world.client.ready()
    expect(next.server.seen.at(-1)?.jkt).not.toBe(record.id)
    expect(next.world.client.session.status).toBe('anonymous')
  })

  test('D12 a login in place of another removes its key', async () => {
    const { world, keys, server } = await signedIn()
    await world.client.login({ user: 'bob' })
    await world.settle()
    expect(keys.records.map(({ id }) => id)).toEqual([server.cookie?.jkt])
  })

  test('D12 the back/forward cache keeps the key', async () => {
    const { world, keys } = await signedIn()
    world.wake('pagehide', true)
    world.wake('pageshow', true)
    expect((await world.client.ready()).status).toBe('authenticated')
    expect(keys.records).toHaveLength(1)
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('D12 no script reads the token or a proof where a regular expression has matched', async () => {
    const { world } = await signedIn()
    const seen: string[] = []
    for (const name of ['digest', 'sign'] as const) {
      const native = crypto.subtle[name].bind(crypto.subtle) as (...given: unknown[]) => never
      vi.spyOn(crypto.subtle, name).mockImplementation((...given: unknown[]) => {
        seen.push(RegExp.input)
        return native(...given)
      })
    }
    await world.client.refresh()
    await world.client.fetch(items)
    vi.restoreAllMocks()
    expect(seen.length).toBeGreaterThan(2)
    expect(seen.filter(text => /eyJ[^.]*\.eyJ/.test(text))).toEqual([])
  })

  test('D8 two clients with one sessionKey in one document', async () => {
    const bound = await signedIn()
    const { world: twin, server } = bound.next({ tab: bound.world })
    expect((await twin.client.ready()).status).toBe('authenticated')
    for (const { client } of [bound.world, twin]) expect((await client.fetch(items)).status).toBe(200)
    await twin.client.refresh()
    await bound.world.client.login({ user: 'ada' })
    await vi.waitFor(() => expect(twin.client.peekAccessToken()).toBe(bound.world.client.peekAccessToken()))
    for (const { client } of [bound.world, twin]) expect((await client.fetch(items)).status).toBe(200)
    expect(server.seen.every(({ status }) => status === 200)).toBe(true)
  })
})

describe('D1: what is signed', () => {
  test('D1 endpoints that are functions are signed too, with one key for each login', async () => {
    const to = (path: string) => () => ({ url: `${API}${path}`, json: { user: 'ada' } })
    const { world, server } = await signedIn({
      sessionKey: 's',
      endpoints: { login: to('/login'), refresh: to('/refresh_token'), logout: to('/logout') },
    })
    await world.client.refresh()
    expect((await world.client.fetch(items)).status).toBe(200)
    await world.client.logout()
    expect(server.seen.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(new Set(server.seen.map(({ jkt }) => jkt)).size).toBe(1)
  })

  test('D1 an endpoint with the key null is not signed', async () => {
    const { server } = await open({
      sessionKey: 's',
      endpoints: { login: () => ({ url: `${API}/login`, json: {}, key: null }) },
    }).then(async bound => {
      await bound.world.client.login({}).catch(() => {})
      return bound
    })
    expect(server.seen.map(({ proof }) => proof)).toEqual([null])
  })

  test('D1 cookie mode is refused at creation', () => {
    const create = () =>
      createWorld({ options: { ...dpop(), mode: cookieMode(), endpoints: { user: 'me' } } })
    expect(create).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining('"proof"') }),
    )
  })

  test('D1 a token that the app hands in without a key has no proof, until a refresh replaces it', async () => {
    const { world, server } = await signedIn()
    await world.client.setTokens({ accessToken: 'unbound' })
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(server.of('/items').map(({ proof }) => proof)).toEqual([null])
    await world.client.refresh()
    expect((await world.client.fetch(items)).status).toBe(200)
  })
})

describe('D18: what a proof costs', () => {
  test('D18 one signature for each send', async () => {
    const { world, server } = await signedIn()
    await world.client.fetch(items)
    const sign = vi.spyOn(crypto.subtle, 'sign')
    try {
      const before = server.seen.length
      await Promise.all(Array.from({ length: 20 }, () => world.client.fetch(items)))
      expect([server.seen.length - before, sign.mock.calls.length]).toEqual([20, 20])
      await world.client.refresh()
      expect(sign).toHaveBeenCalledTimes(22) // one of ours, and the server's own for its token
    } finally {
      vi.restoreAllMocks()
    }
  })
})

describe('getProof', () => {
  test('makes the headers of one request that auth.fetch does not send', async () => {
    const { world, server } = await signedIn()
    for (const method of ['GET', 'post']) {
      const headers = await getProof(world.client, `${items}?x=1`, method)
      expect((await server.fetch(`${items}?x=1`, { method, headers: { ...headers } })).status).toBe(200)
    }
  })

  test('is of the new token where the old one is due', async () => {
    const { world, server } = await signedIn({ refreshAhead: 0 })
    const old = world.client.peekAccessToken()
    await world.clock.advance(299_000)
    const headers = await getProof(world.client, items)
    expect(headers?.Authorization).not.toBe(`DPoP ${old}`)
    expect((await server.fetch(items, { headers: { ...headers } })).status).toBe(200)
  })

  test('nothing for a stranger, or for nobody', async () => {
    const { world } = await signedIn()
    for (const url of ['https://evil.example/items', 'javascript:1', '//evil.example']) {
      await expect(getProof(world.client, url)).rejects.toMatchObject({
        code: 'invalid_option',
        message: expect.stringContaining('"url"'),
      })
    }
    await world.client.logout()
    expect(await getProof(world.client, items)).toBeNull()
  })

  test('a client without dpop() is named', async () => {
    const world = createWorld()
    await world.login()
    await expect(getProof(world.client, items)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('"auth"'),
    })
  })
})

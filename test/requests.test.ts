import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import ky from 'ky'
import { describe, expect, test } from 'vitest'
import { isAuthError } from '../src/kernel/errors.ts'
import { WORLDS } from './support/modes.ts'
import { NOBODY } from './support/refused.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const items = `${ORIGIN}/items`
const texts = (world: World) => world.server.calls.map(call => call.text)
const bearers = (world: World) => world.server.calls.map(call => call.authorization)
const times = <T>(n: number, make: (index: number) => T) =>
  Array.from({ length: n }, (_, index) => make(index))

describe.each(WORLDS)('$mode.name', ({ mode, createWorld, signedIn, reloaded }) => {
  test('R1 an API that always answers 401 costs one refresh and two sends, and the second 401 is the answer', async () => {
    const { client, server } = await signedIn()
    server.answer('/items', () => server.json({ n: server.count('/items') }, 401, { 'X-Kept': 'yes' }))
    const response = await client.fetch(items)
    expect(response.status).toBe(401)
    expect(response.headers.get('X-Kept')).toBe('yes')
    expect(await response.json()).toEqual({ n: 2 })
    expect(server.count('/items')).toBe(2)
    expect(server.refreshes).toBe(1)
  })

  test('R1 an API that answers 401 to everything cannot make the client refresh without end', async () => {
    const { client, server } = await signedIn()
    server.answer('/items', () => server.json({}, 401))
    for (let n = 0; n < 50; n++) expect((await client.fetch(items)).status).toBe(401)
    expect(server.refreshes).toBeLessThanOrEqual(10)
  })

  test('R2 200 parallel requests that meet a rejected token make one refresh, and all succeed', async () => {
    const { client, server } = await signedIn()
    server.revokeAccess()
    const responses = await Promise.all(times(200, () => client.fetch(items)))
    expect(responses.every(response => response.ok)).toBe(true)
    expect(server.refreshes).toBe(1)
  })

  test('R3 a 401 for an old token that arrives after the refresh has finished is replayed with no second one', async () => {
    const { client, server, settle } = await signedIn()
    const release = server.hold('/items', () => server.json({}, 401))
    const late = client.fetch(items)
    await settle()
    await client.refresh()
    release()
    expect((await late).status).toBe(200)
    expect(server.refreshes).toBe(1)
    expect(server.count('/items')).toBe(2)
  })

  test('R4 200 parallel requests with a token known to be expired make one refresh first and see no 401', async () => {
    const { client, server, clock } = await signedIn()
    clock.sleep(2 * 3_600_000)
    const responses = await Promise.all(times(200, () => client.fetch(items)))
    expect(responses.every(response => response.ok)).toBe(true)
    expect(server.calls.map(call => call.path)).toEqual(['/refresh_token', ...times(200, () => '/items')])
  })

  /** The page goes to the back/forward cache and comes back; what was held is answered then. */
  async function throughTheCache(world: World, release: () => void): Promise<void> {
    world.wake('pagehide', true)
    await world.settle()
    world.wake('pageshow', true)
    await world.settle()
    release()
    await world.clock.advance(5_000)
  }

  describe('R5 a replayed request carries the same method, headers and bytes', () => {
    const bytes = new Uint8Array([0, 255, 10, 13, 128, 7])
    const bodies: [string, () => BodyInit][] = [
      ['string', () => 'naïve ✓'],
      ['Blob', () => new Blob([bytes], { type: 'application/x-thing' })],
      ['URLSearchParams', () => new URLSearchParams({ a: '1', b: 'ü' })],
      ['ArrayBuffer', () => bytes.slice().buffer],
      ['typed array', () => new Uint8Array(bytes.buffer, 1, 4)],
      ['DataView', () => new DataView(bytes.buffer, 2, 3)],
      ['empty string', () => ''],
    ]
    const sendings: [string, (url: string, init: RequestInit) => [RequestInfo, RequestInit?]][] = [
      ['init', (url, init) => [url, init]],
      ['Request', (url, init) => [new Request(url, init)]],
    ]
    for (const [kind, body] of bodies) {
      for (const [form, sending] of sendings) {
        test(`${kind} as ${form}`, async () => {
          const world = await signedIn()
          world.server.revokeAccess()
          const init = { method: 'PUT', body: body(), headers: { 'X-One': '1' } }
          expect((await world.client.fetch(...sending(items, init))).status).toBe(200)
          const [first, , second] = world.server.calls
          expect(second?.method).toBe('PUT')
          expect(second?.body).toEqual(first?.body)
          expect(second?.body.byteLength).toBe((await new Response(body()).arrayBuffer()).byteLength)
          expect(second?.headers.get('content-type')).toBe(first?.headers.get('content-type'))
          expect(second?.headers.get('x-one')).toBe('1')
        })
      }
    }

    test('FormData: the same fields and files, with a boundary of its own', async () => {
      const world = await signedIn()
      world.server.revokeAccess()
      const form = new FormData()
      form.append('title', 'ü')
      form.append('file', new Blob([bytes], { type: 'image/png' }), 'a.png')
      await world.client.fetch(items, { method: 'POST', body: form })
      const [first, , second] = world.server.calls
      for (const call of [first!, second!]) {
        const received = await new Response(call.body as BodyInit, { headers: call.headers }).formData()
        expect(received.get('title')).toBe('ü')
        const file = received.get('file') as File
        expect([file.name, file.type, new Uint8Array(await file.arrayBuffer())]).toEqual([
          'a.png',
          'image/png',
          bytes,
        ])
      }
    })

    test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('method %s', async method => {
      const world = await signedIn()
      world.server.revokeAccess()
      expect((await world.client.fetch(items, { method, keepalive: true })).status).toBe(200)
      expect(world.server.calls.map(call => call.method)).toEqual([method, 'POST', method])
    })

    test('headers in every form, also one that can be read only once', async () => {
      const pairs = fc.uniqueArray(
        fc.tuple(
          fc.stringMatching(/^x-[a-z]{1,8}$/),
          fc.stringMatching(/^[a-z0-9]([a-z0-9 ]{0,8}[a-z0-9])?$/),
        ),
        { selector: ([name]) => name, maxLength: 5 },
      )
      const forms: ((list: [string, string][]) => HeadersInit)[] = [
        list => list,
        list => new Headers(list),
        list => Object.fromEntries(list),
        list => list.values() as unknown as HeadersInit,
        list => ({ [Symbol.iterator]: () => list.values() }) as unknown as HeadersInit,
      ]
      const world = await signedIn()
      await fc.assert(
        fc.asyncProperty(pairs, fc.constantFrom(...forms), async (list, form) => {
          world.server.calls.length = 0
          world.server.answer('/items', () => world.server.json({}, 401), 1)
          await world.clock.advance(2_000)
          expect((await world.client.fetch(items, { headers: form(list) })).status).toBe(200)
          const sends = world.server.calls.filter(call => call.path === '/items')
          expect(sends).toHaveLength(2)
          for (const send of sends)
            for (const [name, value] of list) expect(send.headers.get(name)).toBe(value)
        }),
        { numRuns: 40 },
      )
    })
  })

  test('R6 a Request keeps method, headers, signal, mode, credentials, cache, redirect, referrer and integrity', async () => {
    const seen: Request[] = []
    const world = createWorld({
      options: {
        fetch: async (input, init) => {
          const request = new Request(input, init)
          seen.push(request.clone())
          return world.environment.fetch(request)
        },
      },
    })
    await world.login()
    world.server.revokeAccess()
    seen.length = 0
    const controller = new AbortController()
    const given = new Request(items, {
      method: 'DELETE',
      headers: { 'X-One': '1' },
      signal: controller.signal,
      mode: 'same-origin',
      credentials: 'omit',
      cache: 'no-cache',
      redirect: 'manual',
      referrer: 'about:client',
      referrerPolicy: 'no-referrer',
      integrity: 'sha256-abc',
      keepalive: true,
    })
    await world.client.fetch(given)
    const sends = seen.filter(request => request.url === items)
    expect(sends).toHaveLength(2)
    for (const request of sends) {
      for (const name of [
        'method',
        'mode',
        'credentials',
        'cache',
        'redirect',
        'referrer',
        'referrerPolicy',
        'integrity',
        'keepalive',
      ] as const) {
        expect([name, request[name]]).toEqual([name, given[name]])
      }
      expect(request.headers.get('X-One')).toBe('1')
    }
    controller.abort()
    expect(sends.every(request => request.signal.aborted)).toBe(true)
  })

  test('R6 a Request as second argument is read like fetch reads it', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    const init = new Request(`${ORIGIN}/other`, { method: 'POST', body: 'text', headers: { 'X-One': '1' } })
    Object.defineProperty(init, 'duplex', { value: 'half' })
    expect((await world.client.fetch(items, init)).status).toBe(200)
    const [first, , second] = world.server.calls
    for (const call of [first, second]) {
      expect([call?.path, call?.method, call?.text]).toEqual(['/items', 'POST', 'text'])
      expect(call?.headers.get('x-one')).toBe('1')
    }
  })

  test('R6 an init that inherits its members is read like fetch reads it', async () => {
    class Init {
      get method() {
        return 'DELETE'
      }
      get headers() {
        return { 'X-One': '1' }
      }
    }
    const world = await signedIn()
    world.server.revokeAccess()
    await world.client.fetch(items, new Init())
    await world.client.fetch(items, Object.create({ method: 'PUT', body: 'text' }))
    const sends = world.server.calls.filter(({ path }) => path === '/items')
    expect(sends.map(({ method, headers, text }) => [method, headers.get('x-one'), text])).toEqual([
      ['DELETE', '1', ''],
      ['DELETE', '1', ''],
      ['PUT', null, 'text'],
    ])
  })

  test('R7 a ReadableStream is never buffered and never sent twice; its 401 comes back after the refresh', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    let pulled = 0
    const stream = () =>
      new ReadableStream({
        pull(controller) {
          pulled++
          controller.enqueue(new TextEncoder().encode('part'))
          controller.close()
        },
      })
    const send = () =>
      world.client.fetch(items, { method: 'POST', body: stream(), duplex: 'half' } as RequestInit)
    expect((await send()).status).toBe(401)
    expect(world.server.refreshes).toBe(1)
    expect(world.server.count('/items')).toBe(1)
    expect(pulled).toBe(1)
    expect((await send()).status).toBe(200)
  })

  describe("R8 a caller's abort ends that caller's wait at once, with its own reason, and never the shared refresh", () => {
    const reason = new Error('mine')
    const waits: [string, (world: World, signal: AbortSignal) => Promise<unknown>][] = [
      ['fetch', (world, signal) => world.client.fetch(items, { signal })],
      ['fetch of a Request', (world, signal) => world.client.fetch(new Request(items, { signal }))],
      [
        'fetch of a Request, beside "signal: undefined"',
        (world, signal) =>
          world.client.fetch(new Request(items, { signal }), { signal: undefined } as object),
      ],
      ['refresh', (world, signal) => world.client.refresh({ signal })],
    ]
    if (mode.isBearer) {
      waits.push(['getAccessToken', (world, signal) => world.client.getAccessToken({ signal })])
    }
    test.each(waits)('%s', async (_, wait) => {
      const world = await signedIn()
      world.clock.sleep(2 * 3_600_000)
      const release = world.server.hold('POST /refresh_token')
      const other = world.client.fetch(items)
      const controller = new AbortController()
      const waiting = wait(world, controller.signal)
      const outcome = waiting.catch(error => error)
      await world.settle()
      controller.abort(reason)
      expect(await outcome).toBe(reason)
      release()
      expect((await other).status).toBe(200)
      expect(world.server.refreshes).toBe(1)
    })

    test('aborted after its 401, while the refresh runs', async () => {
      const world = await signedIn()
      world.server.revokeAccess()
      const release = world.server.hold('POST /refresh_token')
      const controller = new AbortController()
      const outcome = world.client.fetch(items, { signal: controller.signal }).catch(error => error)
      await world.settle()
      controller.abort(reason)
      expect(await outcome).toBe(reason)
      release()
      await world.settle()
      expect(world.server.count('/items')).toBe(1)
      expect(world.count('refresh')).toBe(1)
    })

    test('aborted before it began: nothing is sent', async () => {
      const world = await signedIn()
      const signal = AbortSignal.abort(reason)
      for (const [, wait] of waits) expect(await wait(world, signal).catch(error => error)).toBe(reason)
      expect(world.server.calls).toEqual([])
    })
  })

  describe("R10 a stranger's 401 starts no refresh and gets no bearer", () => {
    test('a foreign origin', async () => {
      const world = await signedIn()
      world.server.answer('/items', () => world.server.json({}, 401))
      expect((await world.client.fetch('https://other.example/items')).status).toBe(401)
      expect(world.server.refreshes).toBe(0)
      expect(bearers(world)).toEqual([null])
    })

    test('a redirect that led to a foreign origin', async () => {
      const world = createWorld({
        options: {
          fetch: async (input, init) => {
            if (String(input) !== items) return world.environment.fetch(input, init)
            const response = new Response(null, { status: 401 })
            Object.defineProperties(response, {
              redirected: { value: true },
              url: { value: 'https://other.example/' },
            })
            return response
          },
        },
      })
      await world.login()
      expect((await world.client.fetch(items)).status).toBe(401)
      expect(world.server.refreshes).toBe(0)
    })
  })

  describe('R14 the answers that no other token would change start no refresh', () => {
    const cases: [number, string | null, boolean][] = [
      [403, null, false],
      [403, 'Bearer error="invalid_token"', false],
      [401, null, true],
      [401, 'Bearer', true],
      [401, 'Bearer error="invalid_token", error_description="expired, or revoked"', true],
      [401, 'Bearer error="insufficient_scope", scope="admin"', false],
      [401, 'bearer realm="a", ERROR=insufficient_scope', false],
      [401, 'Bearer error="insufficient_user_authentication", acr_values="gold"', false],
      [401, 'Basic realm="x", Bearer realm="api", error="insufficient_scope"', false],
      [401, 'Bearer error="invalid_token", Basic error="insufficient_scope"', true],
      [401, 'Basic realm="Bearer error=\\"insufficient_scope\\"", Bearer error="invalid_token"', true],
      [401, 'Basic realm="a, Bearer error=insufficient_scope", Bearer', true],
      [401, 'DPoP error="insufficient_scope"', true],
      [401, 'Negotiate YWJj==, Bearer error="insufficient_scope"', false],
    ]
    test.each(cases)('%d %s: refreshes %s', async (status, challenge, refreshes) => {
      const world = await signedIn()
      const headers: Record<string, string> = challenge ? { 'WWW-Authenticate': challenge } : {}
      world.server.answer('/items', () => world.server.json({}, status, headers))
      expect((await world.client.fetch(items)).status).toBe(status)
      expect(world.server.refreshes).toBe(refreshes ? 1 : 0)
    })
  })

  describe('R15 replay works through ky', () => {
    test.each([[{ retry: 0 }], [{ throwHttpErrors: false }], [{}]])('with %j', async options => {
      const world = await signedIn()
      world.server.revokeAccess()
      const api = ky.create({ fetch: world.client.fetch, baseUrl: `${ORIGIN}/`, ...options })
      expect(await api.post('items', { json: { a: 1 } }).json()).toMatchObject({ text: '{"a":1}' })
      expect(world.server.refreshes).toBe(1)
    })

    test('after a 503 that ky retried, the token is read anew', async () => {
      const world = await signedIn()
      world.server.answer('/items', () => world.server.json({}, 503), 1)
      const api = ky.create({
        fetch: world.client.fetch,
        retry: { delay: () => 0 },
        hooks: { beforeRetry: [async () => void (await world.client.refresh())] },
      })
      expect((await api.get(items)).status).toBe(200)
      const sends = world.server.calls.filter(call => call.path === '/items')
      expect(sends).toHaveLength(2)
      const shown = sends.map(({ authorization, headers }) => authorization ?? headers.get('x-access-cookie'))
      expect(shown[0]).not.toBe(shown[1])
      expect(shown).not.toContain(null)
    })

    test('an outage reaches the caller as what it is, and ky does not repeat it', async () => {
      const world = await signedIn()
      world.clock.sleep(2 * 3_600_000)
      world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
      const api = ky.create({ fetch: world.client.fetch })
      const error = await api.get(items).catch(error => error)
      expect(isAuthError(error) && error.code).toBe('refresh_unavailable')
      expect(world.server.refreshes).toBe(1)
    })
  })

  test('R16 fetch and api of one client share one refresh', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    const api = ky.create({ fetch: world.client.fetch, baseUrl: `${ORIGIN}/` })
    const [a, b] = await Promise.all([world.client.fetch(items), api.get('items')])
    expect([a.status, b.status]).toEqual([200, 200])
    expect(world.server.refreshes).toBe(1)
  })

  describe('R18 while the first restore runs', () => {
    if (mode.isRestored) {
      test('requests wait for it and then go out once, with the token', async () => {
        const world = await reloaded()
        const release = world.server.hold('POST /refresh_token')
        const answers = times(5, () => world.client.fetch(items))
        await world.settle()
        expect(world.server.count('/items')).toBe(0)
        release()
        expect((await Promise.all(answers)).map(answer => answer.status)).toEqual(times(5, () => 200))
        expect(world.server.count('/items')).toBe(5)
        expect(world.server.refreshes).toBe(1)
      })

      test('and fails for a passing reason, they reject within the timeout, and during backoff at once', async () => {
        const world = await reloaded({ options: { timeout: 5_000 } })
        world.server.hold('POST /refresh_token')
        const outcome = world.client.fetch(items).catch(error => error)
        await world.clock.advance(5_000)
        const error = await outcome
        expect(error).toMatchObject({
          code: 'refresh_unavailable',
          retryable: true,
          retryAt: expect.any(Number),
        })
        const atOnce = await world.client.fetch(items).catch(error => error)
        expect(atOnce.code).toBe('refresh_unavailable')
        expect(world.client.session).toMatchObject({
          status: 'unknown',
          error: { code: 'refresh_unavailable' },
        })
        expect(world.server.refreshes).toBe(1)
        expect(world.server.count('/items')).toBe(0)
      })
    }

    if (mode.isRestored) {
      test('and the page goes to the back/forward cache and comes back, they go out with the token all the same', async () => {
        const world = await reloaded()
        const release = world.server.hold('POST /refresh_token')
        const answer = world.client.fetch(items)
        await world.settle()
        await throughTheCache(world, release)
        expect((await answer).status).toBe(200)
        expect(world.server.count('/items')).toBe(1)
      })

      for (const [why, make] of [
        ['for a token that is due', world => void world.clock.sleep(2 * 3_600_000)],
        ['for a token that is refused', world => world.server.revokeAccess()],
      ] as [why: string, make: (world: World) => void][]) {
        test(`R18 a request that waits ${why} outlives the back/forward cache`, async () => {
          const world = await signedIn()
          make(world)
          const release = world.server.hold('POST /refresh_token')
          const answer = world.client.fetch(items)
          await world.settle()
          await throughTheCache(world, release)
          expect((await answer).status).toBe(200)
        })
      }
    }

    test('an outage never looks like a 401, and nothing is sent without a token because of one', async () => {
      const world = await signedIn()
      world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
      world.clock.sleep(2 * 3_600_000)
      for (let n = 0; n < 5; n++) {
        const error = await world.client.fetch(items).catch(error => error)
        expect(error).toMatchObject({ code: 'refresh_unavailable', status: 503 })
      }
      expect(world.server.count('/items')).toBe(0)
      expect(world.server.refreshes).toBe(1)
    })

    test('a 401 whose refresh fails for a passing reason rejects refresh_unavailable', async () => {
      const world = await signedIn()
      world.server.revokeAccess()
      world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
      const error = await world.client.fetch(items).catch(error => error)
      expect(error).toMatchObject({ code: 'refresh_unavailable', retryable: true })
      expect(world.client.session.status).toBe('authenticated')
    })
  })

  test('R20 the body of the discarded first 401 is cancelled, and only that one', async () => {
    const cancelled: number[] = []
    let answers = 0
    const world = createWorld({
      options: {
        fetch: async (input, init) => {
          if (String(input) !== items) return world.environment.fetch(input, init)
          const n = ++answers
          const body = new ReadableStream({ cancel: () => void cancelled.push(n) })
          return new Response(body, { status: 401 })
        },
      },
    })
    await world.login()
    await world.client.fetch(items)
    expect(answers).toBe(2)
    expect(cancelled).toEqual([1])
  })
})

describe('R9 the bearer goes to exact allowed origins and nowhere else', () => {
  /** What reached the network, by URL and whether it carried the token. */
  async function spy() {
    const sent: { origin: string; authorization: string | null }[] = []
    const world = createWorld({
      options: {
        fetch: async (input, init) => {
          const url = new URL(input instanceof Request ? input.url : input, `${ORIGIN}/app`)
          const own = input instanceof Request ? input.headers : undefined
          const request = new Request(items, { ...(own && { headers: own }), ...init })
          if (url.pathname === '/login') return world.environment.fetch(input, init)
          const authorization = request.headers.get('authorization')
          sent.push({ origin: url.origin === 'null' ? url.protocol : url.origin, authorization })
          return new Response('{}', { status: 200 })
        },
      },
    })
    await world.login()
    return { world, sent }
  }

  const foreign = [
    '/\\evil.example/items',
    '\\\\evil.example/items',
    '//evil.example/items',
    'https:\\\\evil.example/items',
    'ht\ntps://evil.example/items',
    '\thttps://evil.example\t/items',
    'https://api.example.com.evil.example/items',
    'https://api.example.com@evil.example/items',
    'https://evil.example#https://api.example.com/',
    'https://api.example.com:8443/items',
    'http://api.example.com/items',
    'https://api.example.com./items',
    'https://xapi.example.com/items',
    'https://example.com/items',
    'blob:https://api.example.com/0d7e9a4e-7f3c-4f24-8f2f-1f2c9b8f7a11',
    'data:application/json,{}',
    'wss://api.example.com/items',
    'ftp://api.example.com/items',
  ]
  test.each(foreign)('%j is foreign', async url => {
    const { world, sent } = await spy()
    await world.client.fetch(url)
    expect(sent).toHaveLength(1)
    expect(sent[0]?.authorization).toBeNull()
  })

  const own = [
    'items',
    '/items',
    './items?x=1',
    'HTTPS://API.EXAMPLE.COM/items',
    'https://api.example.com:443/',
  ]
  test.each([...own, 'ht\ntps://api.example.com/items'])('%j is ours', async url => {
    const { world, sent } = await spy()
    await world.client.fetch(url)
    expect(sent).toEqual([{ origin: ORIGIN, authorization: expect.stringMatching(/^Bearer ey/) }])
  })

  test('any URL that fast-check can think of: with the bearer exactly where the origin is ours', async () => {
    const { world, sent } = await spy()
    const part = fc.constantFrom(
      '/',
      '\\',
      '@',
      ':',
      '.',
      '#',
      '?',
      '\t',
      '\n',
      ' ',
      '%2f',
      ...own,
      'evil.example',
    )
    const urls = fc.oneof(
      fc.webUrl(),
      fc.array(part, { maxLength: 6 }).map(parts => parts.join('')),
    )
    const prefixed = fc.tuple(fc.constantFrom('', ORIGIN, 'https://'), urls).map(([a, b]) => a + b)
    await fc.assert(
      fc.asyncProperty(fc.oneof(urls, prefixed), async url => {
        sent.length = 0
        await world.client.fetch(url).catch(() => {})
        for (const { origin, authorization } of sent) expect(authorization !== null).toBe(origin === ORIGIN)
      }),
      { numRuns: 500 },
    )
  })

  test('an object whose text changes between judging and sending is read once', async () => {
    const { world, sent } = await spy()
    let reads = 0
    const shifty = { toString: () => (reads++ === 0 ? items : 'https://evil.example/') }
    await world.client.fetch(shifty as unknown as string)
    expect(sent).toEqual([{ origin: ORIGIN, authorization: expect.any(String) }])
  })

  test('the replay goes where the first send went, also when a URL object has changed meanwhile', async () => {
    const world = await signedIn()
    world.server.revokeAccess()
    const url = new URL(items)
    const answer = world.client.fetch(url)
    url.pathname = '/elsewhere'
    await answer
    expect(world.server.calls.map(call => call.path)).toEqual(['/items', '/refresh_token', '/items'])
  })

  test('a header that this client wrote is not carried to a stranger', async () => {
    const { world, sent } = await spy()
    const token = await world.client.getAccessToken()
    await world.client.fetch(items)
    const headers = { Authorization: `Bearer ${token}` }
    await world.client.fetch('https://evil.example/', { headers })
    await world.client.fetch(new Request('https://evil.example/', { headers }))
    expect(sent.map(send => send.authorization !== null)).toEqual([true, false, false])
  })

  test('nor in a list, nor beside one of the caller that is spelled otherwise', async () => {
    const { world, sent } = await spy()
    await world.client.fetch(items)
    const Authorization = `Bearer ${await world.client.getAccessToken()}`
    const given = [{ Authorization: [Authorization] }, { authorization: 'Basic abc', Authorization }]
    for (const headers of given) {
      await world.client.fetch('https://evil.example/', { headers: headers as Record<string, string> })
    }
    expect(sent.slice(1).map(send => send.authorization)).toEqual([null, 'Basic abc'])
  })
})

describe("R12 a caller's own Authorization", () => {
  test('is respected, and its 401 handed back', async () => {
    const world = await signedIn()
    world.server.answer('/items', () => world.server.json({}, 401))
    const response = await world.client.fetch(items, { headers: { authorization: 'Basic abc' } })
    expect(response.status).toBe(401)
    expect(bearers(world)).toEqual(['Basic abc'])
  })

  test('that this client wrote earlier is replaced by the current token', async () => {
    const world = await signedIn()
    await world.client.fetch(items)
    const old = bearers(world)[0] as string
    await world.client.refresh()
    await world.client.fetch(items, { headers: { Authorization: old } })
    const now = bearers(world).at(-1)
    expect(now).toBe(`Bearer ${await world.client.getAccessToken()}`)
    expect(now).not.toBe(old)
  })

  test('that this client wrote for a session that has ended rejects no_session', async () => {
    const world = await signedIn()
    await world.client.fetch(items)
    const old = bearers(world)[0] as string
    await world.client.logout()
    world.server.calls.length = 0
    for (const headers of [
      { Authorization: old },
      [['authorization', old]],
      new Headers({ Authorization: old }),
    ]) {
      const error = await world.client.fetch(items, { headers: headers as HeadersInit }).catch(error => error)
      expect(error.code).toBe('no_session')
    }
    expect(world.server.calls).toEqual([])
  })

  test('that this client wrote for another user rejects user_changed, and is replaced for the same one', async () => {
    const world = await signedIn()
    await world.client.fetch(items)
    const old = bearers(world)[0] as string
    await world.login('bob')
    world.server.calls.length = 0
    const headers = { Authorization: old }
    const error = await world.client.fetch(items, { headers }).catch(error => error)
    expect(error.code).toBe('user_changed')
    expect(world.server.calls).toEqual([])
    await world.client.logout()
    await world.login('ada')
    expect((await world.client.fetch(new Request(items, { headers }))).status).toBe(200)
    expect(bearers(world).at(-1)).not.toBe(old)
  })

  test("is not lost beside one of the client's in one list", async () => {
    const world = await signedIn()
    await world.client.fetch(items)
    const old = bearers(world)[0] as string
    const headers = new Headers([
      ['Authorization', old],
      ['Authorization', 'Basic abc'],
    ])
    const other = 'https://other.example/items'
    for (const given of [headers, { authorization: `Basic abc,${old}` }]) {
      world.server.calls.length = 0
      for (const url of [items, other]) {
        await world.client.fetch(url, { headers: given })
        await world.client.fetch(new Request(url, { headers: given }))
      }
      expect(bearers(world)).toEqual(Array(4).fill('Basic abc'))
    }
  })
})

test('R12 the headers of one request do not go along with the next', async () => {
  const { client, server } = await signedIn()
  const inits: RequestInit[] = [{ headers: { 'X-One': '1' } }, { headers: { 'X-Two': '2' } }, {}]
  for (const init of inits) await client.fetch(items, init)
  const seen = server.calls.map(({ headers }) => [headers.get('x-one'), headers.get('x-two')])
  expect(seen.slice(-3)).toEqual([
    ['1', null],
    [null, '2'],
    [null, null],
  ])
})

test('R13 without a token there is no header at all', async () => {
  const world = createWorld()
  expect((await world.client.fetch(items)).status).toBe(401)
  expect(world.client.session).toEqual({ status: 'anonymous', ...NOBODY })
  expect(bearers(world)).toEqual([null, null])
  expect(await world.client.getAccessToken()).toBeNull()
})

test('R17 no global is patched, and a detached fetch works', async () => {
  const before = [globalThis.fetch, globalThis.Request, globalThis.Headers, Promise.prototype.then]
  const world = await signedIn()
  const { fetch } = world.client
  expect((await fetch(items)).status).toBe(200)
  expect([globalThis.fetch, globalThis.Request, globalThis.Headers, Promise.prototype.then]).toEqual(before)
})

test('R19 login, refresh, restore and logout never pass through the wrapper, whatever their URL', async () => {
  const endpoint = (path: string) => `${ORIGIN}/items${path}`
  const world = createWorld({
    options: {
      endpoints: {
        login: endpoint('/?in'),
        refresh: endpoint('?r'),
        restore: endpoint('/'),
        logout: endpoint(''),
      },
    },
  })
  const { server, client } = world
  const grant = () => server.json(server.issueAccess('ada').body)
  const refuse = () => server.json({}, 401)
  server.answer('POST /items/', refuse, 1)
  server.answer('POST /items/', grant, 1)
  server.answer('POST /items', grant, 1)
  server.answer('POST /items', refuse)
  await client.ready()
  await client.login({})
  await client.refresh()
  await client.logout()
  expect(server.calls.map(call => [call.path, call.authorization !== null])).toEqual([
    ['/items/', false],
    ['/items/', false],
    ['/items', false],
    ['/items', true],
  ])
  expect(texts(world)[1]).toBe('{}')
})

describe('R20 nothing is left behind', () => {
  test('10,000 requests and 1,000 replays leave no growth in memory', async () => {
    const token = { access_token: 'opaque', expires_in: 3600 }
    let refreshed = 0
    const world = createWorld({
      options: {
        fetch: async input => {
          if (String(input) !== items)
            return Response.json({ ...token, access_token: `opaque-${refreshed++}` })
          return new Response('x'.repeat(1000), { status: sends++ % 20 === 0 ? 401 : 200 })
        },
      },
    })
    let sends = 1
    await world.client.login({})
    const { signal } = new AbortController()
    const round = async (n: number) => {
      for (let done = 0; done < n; done++) {
        if (done % 10 === 0) world.clock.sleep(1)
        await world.client.fetch(items, { signal })
        if (done % 10 === 0) await world.clock.advance(2_000)
      }
      // What the test itself has noted down is not the client's.
      world.logs.length = 0
      world.events.length = 0
      world.shared.channels.posted.length = 0
      gc()
      return process.memoryUsage().heapUsed
    }
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    await round(16_000) // what the engine itself keeps of code that runs for the first time
    const before = await round(2_000)
    const after = await round(16_000)
    expect(refreshed).toBeGreaterThan(1_000)
    expect(after - before).toBeLessThan(1_000_000)
  })
})

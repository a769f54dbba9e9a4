import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { types } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthClient, idleTimeout } from '../src/core.ts'
import { isAuthError } from '../src/kernel/errors.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const items = `${ORIGIN}/items`
const sends = (world: World) => world.server.calls.filter(({ path }) => path === '/items')

/** A world in which Ada is signed in, and what native `fetch` makes of the requests. */
async function watched() {
  const seen: Request[] = []
  const inputs: unknown[] = []
  const world = createWorld({
    options: {
      fetch(input, init) {
        inputs.push(input)
        const request = new Request(input, init)
        if (!/login|refresh/.test(request.url)) seen.push(request.clone())
        return world.environment.fetch(request)
      },
    },
  })
  await world.login()
  world.server.calls.length = 0
  return { world, seen, inputs }
}

describe('R6 fetch as native fetch reads its arguments', () => {
  let server: Server
  let url: string

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString()
      const isOurs = (name: string) => /^(x-|content-type)/i.test(name)
      const headers = request.rawHeaders.flatMap((name, n, all) =>
        n % 2 === 0 && isOurs(name) ? [`${name}: ${all[n + 1]!.replace(/boundary=.*/, '')}`] : [],
      )
      response.end(JSON.stringify([request.method, headers, body.replace(/formdata-[\w-]+/g, 'boundary')]))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
  })
  afterAll(() => server.close())

  class Init {
    constructor(members: object) {
      Object.assign(this, members)
    }
  }
  class Hidden {
    #method = 'PUT'
    get method() {
      return this.#method
    }
  }
  class Loud extends Request {
    override get method() {
      return 'DELETE'
    }
  }
  const aborted = AbortSignal.abort()
  const stream = () => new Response('streamed').body
  const hidden = (name: string, value: unknown) => Object.defineProperty({}, name, { value })
  const throwing = (name: string) =>
    Object.defineProperty({}, name, {
      enumerable: true,
      get() {
        throw new RangeError(name)
      },
    })
  const form = new FormData()
  form.append('a', '1')

  const samples: Record<string, (url: string) => unknown[]> = {
    'no argument': () => [],
    'undefined as URL': () => [undefined],
    'a symbol as URL': () => [Symbol('x')],
    'null as URL': () => [null],
    'an object as URL': url => [{ toString: () => url }],
    'an object that cannot be text': () => [Object.create(null)],
    'a URL that throws': () => [
      {
        toString() {
          throw new RangeError('mine')
        },
      },
      0,
    ],
    'userinfo in the URL': url => [url.replace('//', '//a:b@')],
    'init is undefined': url => [url, undefined],
    'init is null': url => [url, null],
    'init is 0': url => [url, 0],
    'init is false': url => [url, false],
    'init is empty text': url => [url, ''],
    'init is text': url => [url, 'POST'],
    'init is a function': url => [url, Object.assign(() => {}, { method: 'POST' })],
    'init is an array': url => [url, [1]],
    'init is a Map': url => [url, new Map([['method', 'POST']])],
    'init is a Request': url => [url, new Request(url, { method: 'PUT', headers: { 'X-Case': '1' } })],
    'init has no prototype': url => [url, Object.assign(Object.create(null), { method: 'POST' })],
    'init inherits': url => [url, Object.create({ method: 'POST', body: 'text' })],
    'init is of a class with getters': url => [url, new Hidden()],
    'init is of a class, window': url => [url, new Init({ window: 'not null' })],
    'a member that is not enumerable': url => [url, hidden('method', 'POST')],
    'headers that are not enumerable': url => [url, hidden('headers', { 'X-Case': '1' })],
    'a getter that throws': url => [url, throwing('body')],
    'a getter that throws and is not read': url => [url, throwing('unheard')],
    'headers are null': url => [url, { headers: null }],
    'headers are undefined': url => [url, { headers: undefined }],
    'headers are empty text': url => [url, { headers: '' }],
    'headers are a number': url => [url, { headers: 5 }],
    'headers are pairs': url => [url, { headers: [['X-Case', '1'], ['x-Two', '2']] }], // biome-ignore format: pairs
    'headers are pairs of one': url => [url, { headers: [['X-Case']] }],
    'headers are a Map': url => [url, { headers: new Map([['X-Case', '1']]) }],
    'headers are Headers': url => [url, { headers: new Headers({ 'X-Case': '1' }) }],
    'headers are a generator': url => [
      url,
      {
        headers: (function* () {
          yield ['X-Case', '1']
        })(),
      },
    ],
    'headers in one name twice': url => [url, { headers: { 'X-Case': '1', 'x-case': '2' } }],
    'headers of a class': url => [url, { headers: new Init({ 'X-Case': '1' }) }],
    'a header of undefined': url => [url, { headers: { 'X-Case': undefined } }],
    'a header named by a symbol': url => [url, { headers: { [Symbol('a')]: '1' } }],
    'a hidden header': url => [url, { headers: hidden('X-Case', '1') }],
    'a header with a bad name': url => [url, { headers: { 'a b': '1' } }],
    'a header that throws': url => [url, { headers: throwing('X-Case') }],
    'method in lower case': url => [url, { method: 'post' }],
    'method patch in lower case': url => [url, { method: 'patch' }],
    'method is null': url => [url, { method: null }],
    'method is an object': url => [url, { method: { toString: () => 'PUT' } }],
    'method is forbidden': url => [url, { method: 'TRACE' }],
    'method is undefined': url => [url, { method: undefined, body: undefined }],
    'a body with GET': url => [url, { body: 'text' }],
    'body null': url => [url, { method: 'POST', body: null }],
    'body text': url => [url, { method: 'POST', body: 'text' }],
    'body a number': url => [url, { method: 'POST', body: 5 }],
    'body an object': url => [url, { method: 'POST', body: {} }],
    'body URLSearchParams': url => [url, { method: 'POST', body: new URLSearchParams({ a: '1' }) }],
    'body FormData': url => [url, { method: 'POST', body: form }],
    'body Blob': url => [url, { method: 'POST', body: new Blob(['text'], { type: 'a/b' }) }],
    'body bytes': url => [url, { method: 'POST', body: new Uint8Array([65, 66]) }],
    'body stream without duplex': url => [url, { method: 'POST', body: stream() }],
    'body stream': url => [url, { method: 'POST', body: stream(), duplex: 'half' }],
    'a Request': url => [new Request(url, { headers: { 'X-Case': '1' } })],
    'a Request of a subclass': url => [new Loud(url, { method: 'POST', body: 'text' })],
    'a Request and init': url => [new Request(url, { method: 'POST', body: 'text' }), { body: 'other' }],
    'a Request and null as body': url => [new Request(url, { method: 'POST', body: 'text' }), { body: null }],
    'a Request and GET': url => [new Request(url, { method: 'POST', body: 'text' }), { method: 'GET' }],
    'a Request and headers': url => [
      new Request(url, { headers: { 'X-One': '1' } }),
      { headers: { 'X-Two': '2' } },
    ],
    'mode navigate': url => [url, { mode: 'navigate' }],
    'unknown mode': url => [url, { mode: 'other' }],
    'signal null': url => [url, { signal: null }],
    'no signal': url => [url, { signal: {} }],
    aborted: url => [url, { signal: aborted }],
    'aborted and wrong': url => [url, { signal: aborted, mode: 'navigate' }],
    'aborted and a wrong header': url => [url, { signal: aborted, headers: { 'a b': '1' } }],
    'aborted Request': url => [new Request(url, { method: 'POST', body: 'text', signal: aborted })],
    'other members': url => [
      url,
      {
        keepalive: true,
        referrer: url,
        priority: 'low',
        cache: 'no-store',
        attributionReporting: {},
        mine: 1,
      },
    ],
    'a wrong referrer': url => [url, { referrer: 'http://[' }],
    'a wrong priority': url => [url, { priority: 'other' }],
    'integrity that does not fit': url => [
      url,
      { integrity: 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
    ],
  }

  const states = ['signed in', 'signed out', 'a stranger', 'waiting for a refresh'] as const

  async function client(state: (typeof states)[number]) {
    const { origin } = new URL(url)
    let refreshed = 0
    const auth = createAuthClient({
      baseUrl: state === 'a stranger' ? 'https://elsewhere.example' : origin,
      restore: 'manual',
      tabs: false,
      server: true,
      fetch: (input, init) =>
        typeof input === 'string' && input.includes('refresh_token')
          ? Promise.resolve(Response.json({ access_token: `b${refreshed++}`, expires_in: 3600 }))
          : fetch(input, init),
    })
    const expiresIn = state === 'waiting for a refresh' ? 0.001 : 3600
    if (state !== 'signed out') await auth.setTokens({ accessToken: 'a', expiresIn })
    return auth
  }

  const outcome = (call: () => Promise<Response>) =>
    call().then(
      async response => [response.status, await response.text()],
      error => (isAuthError(error) ? `AuthError ${error.code}` : error.name),
    )

  describe.each(states)('%s', state => {
    test.each(Object.entries(samples))('%s', async (_, make) => {
      const auth = await client(state)
      const [native, own] = [make(url), make(url)]
      const expected = await outcome(() => (fetch as (...args: unknown[]) => Promise<Response>)(...native))
      const got = await outcome(() => (auth.fetch as (...args: unknown[]) => Promise<Response>)(...own))
      expect(got).toEqual(expected)
      if (native[0] instanceof Request) expect((own[0] as Request).bodyUsed).toBe(native[0].bodyUsed)
      auth.dispose()
    })
  })

  test('it has as many parameters', async () => {
    expect((await client('signed in')).fetch.length).toBe(fetch.length)
  })
})

describe('E17 only a real Request is one', () => {
  const evil = 'https://evil.example/collect'
  const as = (text: string, members: object) => Object.assign(members, { toString: () => text })
  class Lying extends Request {
    override get url() {
      return items
    }
  }
  class Changing extends URL {
    #reads = 0
    override toString() {
      return this.#reads++ === 0 ? items : evil
    }
  }
  /** Those that are in fact sent: what no engine can read is not. */
  const lookalikes: Record<string, () => unknown> = {
    'an object with clone()': () => as(evil, { clone() {} }),
    'an object with clone() and url': () => as(evil, { clone() {}, url: items, method: 'GET' }),
    'an object of its prototype': () => as(evil, Object.create(Request.prototype)),
    'a Proxy around one': () =>
      new Proxy(new Request(items), {
        get: (target, name) =>
          name === 'url' ? items : name === Symbol.toPrimitive ? () => evil : target[name as 'url'],
      }),
    'a tagged object': () => as(evil, { url: items, [Symbol.toStringTag]: 'Request' }),
    'a subclass that says another url': () => new Lying(evil),
    'one with a url of its own': () => Object.defineProperty(new Request(evil), 'url', { value: items }),
    'a URL that changes': () => new Changing(items),
    'an object that changes': () => {
      let reads = 0
      return { toString: () => (reads++ === 0 ? items : evil) }
    },
  }
  test.each(Object.entries(lookalikes))('%s', async (_, make) => {
    const { world, seen, inputs } = await watched()
    for (const init of [undefined, { method: 'POST' }]) {
      await world.client.fetch(make() as Request, init).catch(() => {})
    }
    // A browser makes text of it, which Node refuses.
    expect(inputs.filter(input => types.isProxy(input))).toEqual([])
    for (const request of seen) {
      expect([request.url, request.headers.has('Authorization')]).toEqual([
        request.url,
        new URL(request.url).origin === ORIGIN,
      ])
    }
  })

  test('a subclass keeps what it was made of', async () => {
    const { world } = await watched()
    world.server.revokeAccess()
    class Mine extends Request {}
    const request = new Mine(items, { method: 'PUT', body: 'text', headers: { 'X-One': '1' } })
    expect((await world.client.fetch(request)).status).toBe(200)
    expect(sends(world).map(({ method, text, headers }) => [method, text, headers.get('x-one')])).toEqual([
      ['PUT', 'text', '1'],
      ['PUT', 'text', '1'],
    ])
  })
})

describe('E12 a body changed after the call is not sent', () => {
  const text = (value: string) => new TextEncoder().encode(value)
  const changes: Record<string, () => [body: unknown, change: () => void]> = {
    FormData() {
      const form = new FormData()
      form.append('a', 'before')
      return [form, () => form.set('a', 'after')]
    },
    URLSearchParams() {
      const form = new URLSearchParams({ a: 'before' })
      return [form, () => form.set('a', 'after')]
    },
    ArrayBuffer() {
      const bytes = text('before')
      return [bytes.buffer, () => bytes.fill(33)]
    },
    'typed array'() {
      const bytes = text('before')
      return [bytes, () => bytes.fill(33)]
    },
    DataView() {
      const bytes = text('before')
      return [new DataView(bytes.buffer), () => bytes.fill(33)]
    },
    'what becomes text'() {
      let value = 'before'
      return [
        { toString: () => value },
        () => {
          value = 'after'
        },
      ]
    },
  }
  const ways: Record<string, (world: World) => void> = {
    'on the replay': world => world.server.revokeAccess(),
    'where it waits for a token': world => world.clock.sleep(2 * 3_600_000),
    'where it waits, and on the replay': world => {
      world.clock.sleep(2 * 3_600_000)
      world.server.answer('/items', () => world.server.json({}, 401), 1)
    },
  }
  const cases = Object.entries(changes).flatMap(([kind, make]) =>
    Object.entries(ways).map(([way, prepare]) => ({ kind, way, make, prepare })),
  )
  test.each(cases)('$kind, $way', async ({ make, prepare }) => {
    const world = await signedIn()
    const [body, change] = make()
    const [same] = make()
    const expected = new Request(items, { method: 'POST', body: same as BodyInit })
    prepare(world)
    const answer = world.client.fetch(items, { method: 'POST', body: body as BodyInit })
    change()
    expect((await answer).status).toBe(200)
    const type = (headers: Headers) => headers.get('content-type')?.replace(/boundary=.*/, '')
    for (const call of sends(world)) {
      expect(call.text).toContain('before')
      expect(call.text).not.toMatch(/after|!/)
      expect(type(call.headers)).toBe(type(expected.headers))
    }
    expect(sends(world).length).toBeGreaterThan(0)
  })

  test.each(Object.entries(changes))('%s, where a Request does not show its body', async (_, make) => {
    const shown = Object.getOwnPropertyDescriptor(Request.prototype, 'body')!
    const world = await signedIn()
    const [body, change] = make()
    world.server.revokeAccess()
    Reflect.deleteProperty(Request.prototype, 'body')
    try {
      const answer = world.client.fetch(items, { method: 'POST', body: body as BodyInit })
      change()
      expect((await answer).status).toBe(200)
    } finally {
      Object.defineProperty(Request.prototype, 'body', shown)
    }
    expect(sends(world).map(({ text }) => /before/.test(text))).toEqual([true, true])
  })

  test.each(Object.entries(ways))('a header that becomes text when it is sent, %s', async (_, prepare) => {
    const world = await signedIn()
    prepare(world)
    const value = ['before']
    const headers = { 'X-One': value } as unknown as HeadersInit
    const answer = world.client.fetch(items, { headers })
    value[0] = 'after'
    expect((await answer).status).toBe(200)
    for (const call of sends(world)) expect(call.headers.get('x-one')).toBe('before')
    expect(sends(world).length).toBeGreaterThan(0)
  })

  const signals: [string, (world: World) => void][] = [
    ['signed in', () => {}],
    ['waiting', world => world.clock.sleep(2 * 3_600_000)],
  ]
  test.each(signals)('a Request is used up by the call: %s', async (_, prepare) => {
    const world = await signedIn()
    prepare(world)
    const request = new Request(items, { method: 'POST', body: 'text', headers: { 'X-One': '1' } })
    const answer = world.client.fetch(request)
    expect(request.bodyUsed).toBe(true)
    request.headers.set('X-One', '2')
    await expect(request.text()).rejects.toThrow(TypeError)
    expect((await answer).status).toBe(200)
    expect(sends(world).map(({ text, headers }) => [text, headers.get('x-one')])).toEqual([['text', '1']])
  })

  const parts = async function* () {
    yield text('part')
  }
  const once: Record<string, () => unknown> = {
    'a stream': () => new Response('part').body,
    'an async iterable': parts,
    'an async iterable of its own making': () => ({ [Symbol.asyncIterator]: parts }),
  }
  describe.each(Object.entries(once))('%s', (_, make) => {
    const init = (given: object = {}) =>
      ({ method: 'POST', body: make(), duplex: 'half', ...given }) as RequestInit

    test('is never sent again, and never empty', async () => {
      const world = await signedIn()
      world.server.revokeAccess()
      expect((await world.client.fetch(items, init())).status).toBe(401)
      expect(sends(world).map(call => call.text)).toEqual(['part'])
      expect(world.server.refreshes).toBe(1)
    })

    test('is sent whole after a wait', async () => {
      const world = await signedIn()
      world.clock.sleep(2 * 3_600_000)
      expect((await world.client.fetch(items, init())).status).toBe(200)
      expect(sends(world).map(call => call.text)).toEqual(['part'])
    })
  })

  test('a stream is locked by the call, also where it waits', async () => {
    const world = await signedIn()
    world.clock.sleep(2 * 3_600_000)
    const body = new Response('part').body!
    const answer = world.client.fetch(items, { method: 'POST', body, duplex: 'half' } as RequestInit)
    expect(body.locked).toBe(true)
    expect((await answer).status).toBe(200)
  })

  describe('a stream that is not needed any more is cancelled', () => {
    function source() {
      const cancelled: unknown[] = []
      const body = new ReadableStream({ cancel: reason => void cancelled.push(reason) })
      return { cancelled, body }
    }
    const forms: [string, (init: RequestInit) => [RequestInfo, RequestInit?]][] = [
      ['init', init => [items, init]],
      ['Request', init => [new Request(items, init)]],
    ]
    test.each(forms)('by an abort while it waits: %s', async (_, form) => {
      const world = await signedIn()
      world.clock.sleep(2 * 3_600_000)
      world.server.hold('POST /refresh_token')
      const { cancelled, body } = source()
      const controller = new AbortController()
      const { signal } = controller
      const init = { method: 'POST', body, signal, duplex: 'half' } as RequestInit
      const outcome = watch(world.client.fetch(...form(init)))
      await world.settle()
      const reason = new Error('mine')
      controller.abort(reason)
      await world.settle()
      expect(outcome.error).toBe(reason)
      expect(cancelled).toEqual([reason])
    })

    test.each(forms)('by an early answer: %s', async (_, form) => {
      const world = createWorld({
        options: {
          async fetch(input, init) {
            const request = new Request(input, init)
            if (request.url !== items) return world.environment.fetch(request)
            void request.body!.cancel('early')
            return new Response(null, { status: 413 })
          },
        },
      })
      await world.login()
      const { cancelled, body } = source()
      const init = { method: 'POST', body, duplex: 'half' } as RequestInit
      expect((await world.client.fetch(...form(init))).status).toBe(413)
      await world.settle()
      expect(cancelled).toHaveLength(1)
    })
  })
})

describe('E13 a replay is answered by the server, not by the HTTP cache', () => {
  const cases: [given: RequestCache | undefined, replayed: RequestCache][] = [
    [undefined, 'reload'],
    ['default', 'reload'],
    ['force-cache', 'reload'],
    ['reload', 'reload'],
    ['no-cache', 'no-cache'],
    ['no-store', 'no-store'],
  ]
  describe.each(cases)('cache %s', (cache, replayed) => {
    const init = cache ? { cache } : {}
    test.each([
      ['init', () => [items, init] as const],
      ['Request', () => [new Request(items, init)] as const],
      ['a body', () => [items, { ...init, method: 'POST', body: new URLSearchParams() }] as const],
    ])('%s', async (_, form) => {
      const { world, seen } = await watched()
      world.server.revokeAccess()
      const [input, given] = form()
      expect((await world.client.fetch(input, given)).status).toBe(200)
      expect(seen.map(request => request.cache)).toEqual([cache ?? 'default', replayed])
    })
  })
})

describe("E18 a caller's signal ends every wait", () => {
  test('also the one for whether the user is still there', async () => {
    const world = createWorld({ options: { idle: idleTimeout(60_000) } })
    await world.login()
    // A tab that holds the lock, and is frozen.
    const other = createWorld({ browser: world, options: { idle: idleTimeout(60_000) } })
    void other.environment.locks()!.request('held', () => new Promise(() => {}))
    await world.settle()
    world.clock.sleep(120_000)
    const controller = new AbortController()
    const waits = [
      watch(world.client.fetch(items, { signal: controller.signal })),
      watch(world.client.getAccessToken({ signal: controller.signal })),
    ]
    const reason = new Error('mine')
    controller.abort(reason)
    await Promise.resolve()
    await Promise.resolve()
    await world.settle()
    expect(waits.map(({ error }) => error)).toEqual([reason, reason])
  })
})

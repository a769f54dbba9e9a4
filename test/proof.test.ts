import { describe, expect, test } from 'vitest'
import { plan } from '../src/kernel/feature.ts'
import { type Proof, toProofPart } from '../src/kernel/proof-part.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

const items = `${ORIGIN}/items`
const key = { id: 'thumbprint' }
const ada = { email: 'ada', password: 'right' }

interface Signer extends Proof {
  /** Of each send: method, URL, nonce, and the access token that was in the headers. */
  signed: (readonly [method: string, url: string, nonce: string, bearer: string | null])[]
  /** What goes on while a request is signed. */
  meanwhile: () => unknown
}

function createSigner(): Signer {
  let nonce = 'none'
  const asksForNonce = (response: Response) =>
    response.headers.get('WWW-Authenticate')?.includes('use_dpop_nonce') === true
  const signer: Signer = {
    signed: [],
    meanwhile: () => {},
    create: async () => key,
    find: async () => key,
    current: async () => key,
    fits: (value): value is typeof key => value === key,
    async sign(_, { method, url, headers }) {
      // The calls of the client itself are signed too: see seams.test.ts.
      if (!url.startsWith(items)) return
      await signer.meanwhile()
      signer.signed.push([method, url, nonce, headers.get('Authorization')])
      headers.set('DPoP', `${signer.signed.length} ${nonce}`)
    },
    learn(_request, response) {
      const before = nonce
      nonce = response.headers.get('DPoP-Nonce') ?? nonce
      return asksForNonce(response) && nonce !== before
    },
    refuses: asksForNonce,
  }
  return signer
}

/** Signed in with a token that is bound to the key. */
async function signedIn({
  wrap = sending => sending,
  ...options
}: AuthClientOptions & {
  wrap?: (sending: Promise<Response>, input: RequestInfo | URL) => Promise<Response>
} = {}): Promise<{ world: World; signer: Signer }> {
  const signer = createSigner()
  const world: World = createWorld({
    options: {
      proof: plan('proof', kernel => toProofPart(kernel, signer)),
      fetch: (input, init) => wrap(world.environment.fetch(input, init), input),
      readTokens: body => ({ accessToken: body.access_token, expiresIn: body.expires_in, key }),
      ...options,
    },
  })
  await world.login()
  await world.settle()
  world.server.calls.length = 0
  return { world, signer }
}

/** An API that answers only where the proof has this nonce. */
function demand(world: World, nonce: string): void {
  world.server.answer('/items', request =>
    request.headers.get('DPoP')?.endsWith(` ${nonce}`)
      ? world.server.json({}, 200, { 'DPoP-Nonce': nonce })
      : world.server.json({}, 401, {
          'DPoP-Nonce': nonce,
          'WWW-Authenticate': 'DPoP error="use_dpop_nonce"',
        }),
  )
}

const calls = (world: World) => world.server.calls.filter(({ path }) => path === '/items')
const proofs = (world: World) => calls(world).map(({ headers }) => headers.get('DPoP'))
const texts = (world: World) => calls(world).map(({ text }) => text)

test('each send has a proof of its own, made when the access token is in the headers', async () => {
  const { world, signer } = await signedIn()
  await world.client.fetch(`${items}?page=2`)
  await world.client.fetch(items, { method: 'DELETE' })
  const bearer = `Bearer ${world.client.peekAccessToken()}`
  expect(signer.signed).toEqual([
    ['GET', `${items}?page=2`, 'none', bearer],
    ['DELETE', items, 'none', bearer],
  ])
  expect(proofs(world)).toEqual(['1 none', '2 none'])
})

test('a replay after a refresh is signed anew, for the new token', async () => {
  const { world, signer } = await signedIn()
  const old = world.client.peekAccessToken()
  world.server.revokeAccess()
  expect((await world.client.fetch(items)).status).toBe(200)
  expect(signer.signed.map(([, , , bearer]) => bearer)).toEqual([
    `Bearer ${old}`,
    `Bearer ${world.client.peekAccessToken()}`,
  ])
})

test('a token that is bound to no key is sent without a proof', async () => {
  const { world, signer } = await signedIn({
    endpoints: { login: () => ({ url: `${ORIGIN}/login`, json: ada, key: null }) },
    readTokens: body => ({ accessToken: body.access_token }),
    sessionKey: 's',
  })
  expect((await world.client.fetch(items)).status).toBe(200)
  expect(signer.signed).toEqual([])
})

describe('an API that asks for a nonce', () => {
  const bodies: [name: string, init: () => RequestInit, sent: string][] = [
    ['no body', () => ({}), ''],
    ['text', () => ({ method: 'POST', body: 'text' }), 'text'],
    ['a Blob', () => ({ method: 'POST', body: new Blob(['blob']) }), 'blob'],
    ['a form', () => ({ method: 'POST', body: new URLSearchParams({ a: '1' }) }), 'a=1'],
  ]
  test.each(bodies)('has the same request once more, and no refresh: %s', async (_, init, sent) => {
    const { world } = await signedIn()
    demand(world, 'first')
    expect((await world.client.fetch(items, init())).status).toBe(200)
    expect(texts(world)).toEqual([sent, sent])
    expect(proofs(world)).toEqual(['1 none', '2 first'])
    expect(world.server.refreshes).toBe(0)
    await world.client.fetch(items)
    expect(proofs(world)).toEqual(['1 none', '2 first', '3 first'])
  })

  test.each(bodies)('the same of a Request: %s', async (_, init, sent) => {
    const { world } = await signedIn()
    demand(world, 'first')
    const request = new Request(items, init())
    const answer = world.client.fetch(request)
    // Native `fetch` has taken the body by now.
    expect(request.bodyUsed).toBe(sent !== '')
    expect((await answer).status).toBe(200)
    expect(texts(world)).toEqual([sent, sent])
    expect(proofs(world)).toEqual(['1 none', '2 first'])
  })

  test('and then refuses the token: the refresh and the replay are those of any request', async () => {
    const { world } = await signedIn()
    world.server.revokeAccess()
    let asked = 0
    world.server.answer(
      '/items',
      () => {
        asked++
        return world.server.json({}, 401, {
          'DPoP-Nonce': 'first',
          'WWW-Authenticate': `DPoP error="${asked === 1 ? 'use_dpop_nonce' : 'invalid_token'}"`,
        })
      },
      2,
    )
    const response = await world.client.fetch(items, { method: 'PUT', body: 'text' })
    expect(response.status).toBe(200)
    expect(proofs(world)).toEqual(['1 none', '2 first', '3 first'])
    expect(world.server.refreshes).toBe(1)
    expect(texts(world)).toEqual(['text', 'text', 'text'])
  })

  test('and is never content has its answer handed back: no refresh, no logout', async () => {
    const { world } = await signedIn()
    let n = 0
    world.server.answer('/items', () =>
      world.server.json({}, 401, {
        'DPoP-Nonce': `${++n}`,
        'WWW-Authenticate': 'DPoP error="use_dpop_nonce"',
      }),
    )
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.server.count('/items')).toBe(2)
    expect(world.server.refreshes).toBe(0)
    expect(world.client.session.status).toBe('authenticated')
  })

  test('and names none has its answer handed back', async () => {
    const { world } = await signedIn()
    world.server.answer('/items', () =>
      world.server.json({}, 401, { 'WWW-Authenticate': 'DPoP error="use_dpop_nonce"' }),
    )
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(world.server.count('/items')).toBe(1)
    expect(world.server.refreshes).toBe(0)
  })

  test('has a stream once; its answer is handed back, and the next call has the nonce', async () => {
    const { world } = await signedIn()
    demand(world, 'first')
    const send = () =>
      world.client.fetch(items, {
        method: 'POST',
        body: new Blob(['stream']).stream(),
        duplex: 'half',
      } as RequestInit)
    expect((await send()).status).toBe(401)
    expect(world.server.count('/items')).toBe(1)
    expect(world.server.refreshes).toBe(0)
    expect(world.logs).toContainEqual({
      type: 'not-replayed',
      method: 'POST',
      url: items,
      why: 'one-shot-body',
    })
    expect((await send()).status).toBe(200)
    expect(texts(world)).toEqual(['stream', 'stream'])
  })

  test('by the answer of a redirect teaches nothing', async () => {
    const redirected = async (sending: Promise<Response>, input: RequestInfo | URL) =>
      Object.defineProperty(await sending, 'redirected', { value: String(input) === items })
    const { world } = await signedIn({ wrap: redirected })
    demand(world, 'of a stranger')
    expect((await world.client.fetch(items)).status).toBe(401)
    expect(proofs(world)).toEqual(['1 none'])
  })
})

describe('while a request is signed', () => {
  test('the user signs out: it is not sent', async () => {
    const { world, signer } = await signedIn()
    signer.meanwhile = () => {
      // The call of the logout is signed too.
      signer.meanwhile = () => {}
      return world.client.logout()
    }
    expect(await world.client.fetch(items).catch(error => error.code)).toBe('no_session')
    expect(world.server.count('/items')).toBe(0)
  })

  test('another user signs in: it is not sent', async () => {
    const { world, signer } = await signedIn()
    signer.meanwhile = () => world.login('bob')
    expect(await world.client.fetch(items).catch(error => error.code)).toBe('user_changed')
    expect(world.server.count('/items')).toBe(0)
  })

  test('the token is refreshed: it is sent all the same', async () => {
    const { world, signer } = await signedIn()
    signer.meanwhile = () => world.client.refresh()
    expect((await world.client.fetch(items)).status).toBe(200)
  })

  test('E18 the caller aborts: the request ends, whatever becomes of the proof', async () => {
    const { world, signer } = await signedIn()
    signer.meanwhile = () => new Promise(() => {})
    const enough = new Error('enough')
    const controller = new AbortController()
    const { signal } = controller
    const requests = [items, new Request(items, { signal })].map(input =>
      watch(world.client.fetch(input, typeof input === 'string' ? { signal } : undefined)),
    )
    await world.settle()
    controller.abort(enough)
    await world.settle()
    expect(requests.map(({ state }) => state)).toEqual([enough, enough])
  })

  test('the app changes its Request: what is sent is what was given', async () => {
    const { world, signer } = await signedIn()
    const request = new Request(items, { headers: { 'X-Kind': 'given' } })
    signer.meanwhile = () => request.headers.set('X-Kind', 'changed')
    await world.client.fetch(request)
    expect(world.server.calls[0]?.headers.get('X-Kind')).toBe('given')
  })
})

test('a proof that fails is a typed error, and nothing is sent', async () => {
  const { world, signer } = await signedIn()
  signer.meanwhile = () => Promise.reject(new DOMException('The key is gone', 'OperationError'))
  const error = await world.client.fetch(items).catch(error => error)
  expect(error).toMatchObject({ code: 'malformed_response' })
  expect(world.server.count('/items')).toBe(0)
  expect(world.logs).toContainEqual({ type: 'callback-threw', option: 'proof', name: 'OperationError' })
})

test('what a retry of the app has copied is signed anew', async () => {
  const { world } = await signedIn()
  await world.client.fetch(items, { headers: { DPoP: 'copied' } })
  expect(proofs(world)).toEqual(['1 none'])
})

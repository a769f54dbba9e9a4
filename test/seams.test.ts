import { describe, expect, test, vi } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { plan } from '../src/kernel/feature.ts'
import { type Proof, toProofPart } from '../src/kernel/proof-part.ts'
import type { AuthClientOptions, EndpointFunction, ProofKey } from '../src/types.ts'
import { createTabStorage } from './support/modes.ts'
import { watch } from './support/outcome.ts'
import { makeToken, ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

/** A proof that shows what was signed, with what, and after which answer. */
function toyProof(find: Proof['find'] = async () => null) {
  let nonce = ''
  let keys = 0
  const sign = vi.fn<Proof['sign']>(async ({ id }, { url, method, headers }) => {
    const token = headers.get('Authorization')?.split(' ')[1]
    headers.set('Proof', [id, method, url, nonce || '-', token || '-'].join(' '))
  })
  const learn = vi.fn<Proof['learn']>((_url, response, text = '') => {
    const told = response.headers.get('Nonce') ?? nonce
    const isNew = told !== nonce
    nonce = told
    return isNew && text.includes('use_nonce')
  })
  const part = {
    create: async () => ({ id: `key-${++keys}` }),
    current: async () => ({ id: 'current' }),
    find,
    fits: (key: unknown): key is ProofKey => typeof (key as ProofKey | null)?.id === 'string',
    refuses: () => false,
    sign,
    learn,
  }
  const proof = plan('proof', kernel => toProofPart(kernel, part))
  return { proof, sign, learn }
}

const key: ProofKey = { id: 'key-1' }
const accessToken = makeToken({ iss: ORIGIN, sub: 'ada' })
const granted = { access_token: accessToken, token_type: 'DPoP', expires_in: 300 }

const login: EndpointFunction = () => ({ url: '/login', form: { code: 'c' }, key })

/** Logs in where `POST /login` answers so, once for each answer; the last one stays. */
function loginAnswered(options: AuthClientOptions, ...answers: (() => Response)[]) {
  const world = createWorld({ options: { scheme: 'DPoP', ...options } })
  let asked = 0
  world.server.answer('POST /login', () => answers[Math.min(asked++, answers.length - 1)]!())
  return { world, outcome: watch(world.client.login({})) }
}

const ok = (body: object = granted, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { headers })
const useNonce = (nonce: string) => () =>
  new Response('{"error":"use_nonce"}', { status: 400, headers: { Nonce: nonce } })

const proofs = ({ server }: World, path: string) =>
  server.calls.filter(call => call.path === path).map(({ headers }) => headers.get('Proof'))

describe('seam S4: the option "proof", in the auth calls', () => {
  test('a request that names a key is signed with it, once for each send', async () => {
    const { proof, sign } = toyProof()
    const { world, outcome } = loginAnswered({ proof, endpoints: { login } }, () => ok())
    await world.settle()
    expect(outcome.state).toBe('fulfilled')
    expect(sign).toHaveBeenCalledTimes(1)
    expect(proofs(world, '/login')).toEqual([`key-1 POST ${ORIGIN}/login - -`])
  })

  test('with the key null it is not, and without the option a key does nothing', async () => {
    const { proof, sign, learn } = toyProof()
    const bare = loginAnswered({ proof, endpoints: { login: () => ({ url: '/login', key: null }) } }, () =>
      ok(),
    )
    const without = loginAnswered({ endpoints: { login } }, () => ok())
    await bare.world.settle()
    await without.world.settle()
    expect([bare.outcome.state, without.outcome.state]).toEqual(['fulfilled', 'fulfilled'])
    expect(sign).not.toHaveBeenCalled()
    expect(learn).not.toHaveBeenCalled()
  })

  test('what the server wants to see in the proof is learned: the same request goes once more', async () => {
    const { proof, learn } = toyProof()
    const { world, outcome } = loginAnswered({ proof, endpoints: { login } }, useNonce('n1'), () =>
      ok(granted, { Nonce: 'n2' }),
    )
    await world.settle()
    expect(outcome.state).toBe('fulfilled')
    expect(proofs(world, '/login')).toEqual([
      `key-1 POST ${ORIGIN}/login - -`,
      `key-1 POST ${ORIGIN}/login n1 -`,
    ])
    expect(world.server.calls.map(({ text }) => text)).toEqual(['code=c', 'code=c'])
    // Every answer is learned from.
    expect(learn.mock.calls.map(([{ url }, _, text]) => [url, text])).toEqual([
      [`${ORIGIN}/login`, '{"error":"use_nonce"}'],
      [`${ORIGIN}/login`, JSON.stringify(granted)],
    ])
  })

  test('once: a server that asks again has its answer judged', async () => {
    const { proof } = toyProof()
    const options = { proof, endpoints: { login } }
    const { world, outcome } = loginAnswered(options, useNonce('n1'), useNonce('n2'), () => ok())
    await world.settle()
    expect(outcome.error).toMatchObject({ code: 'login_rejected', body: { error: 'use_nonce' } })
    expect(world.server.count('/login')).toBe(2)
  })

  test('a login that is given up while it is signed sends nothing', async () => {
    const { proof, sign } = toyProof()
    let signed = () => {}
    sign.mockImplementation(() => new Promise<void>(resolve => (signed = resolve)))
    const world = createWorld({ options: { scheme: 'DPoP', proof, endpoints: { login } } })
    const controller = new AbortController()
    const outcome = watch(world.client.login({}, { signal: controller.signal }))
    await world.settle()
    controller.abort()
    signed()
    await world.settle()
    expect(outcome.error).toMatchObject({ name: 'AbortError' })
    expect(world.server.calls).toEqual([])
    // No login has left, so no note of one stands.
    expect(world.storage.size).toBe(0)
  })

  test('a proof that cannot be made is no outage, and its error is not shown', async () => {
    const { proof, sign } = toyProof()
    sign.mockRejectedValue(new Error(`secret ${accessToken}`))
    const { world, outcome } = loginAnswered({ proof, endpoints: { login } }, () => ok())
    await world.settle()
    expect(outcome.error).toMatchObject({ code: 'malformed_response' })
    expect(String(outcome.error)).toContain('"proof"')
    expect(String(outcome.error)).not.toContain('secret')
    expect(world.server.calls).toEqual([])
  })

  test('the user endpoint that is a URL is asked with the bearer and a proof for it', async () => {
    const { proof } = toyProof()
    const { world, outcome } = loginAnswered({ proof, endpoints: { login, user: '/user' } }, () => ok())
    world.server.answer('GET /user', () => ok({ name: 'Ada' }))
    await world.settle()
    expect(outcome.value).toMatchObject({ user: { name: 'Ada' } })
    expect(proofs(world, '/user')).toEqual([`key-1 GET ${ORIGIN}/user - ${accessToken}`])
  })
})

describe('seam S5: an answer that is read by whoever made the request', () => {
  test('"read" takes the place of "readTokens" for this answer alone', async () => {
    const readTokens = vi.fn(() => null)
    const read = vi.fn(() => ({ accessToken, user: { id: 1 } }))
    const signIn: EndpointFunction = () => ({ url: '/login', read })
    const { world, outcome } = loginAnswered({ readTokens, endpoints: { login: signIn } }, () =>
      ok({ odd: true }),
    )
    await world.settle()
    expect(outcome.value).toMatchObject({ user: { id: 1 } })
    expect(read).toHaveBeenCalledWith({ odd: true }, expect.any(Response), 'login')
    expect(readTokens).not.toHaveBeenCalled()
    world.server.answer('POST /refresh_token', () => ok())
    watch(world.client.refresh())
    await world.settle()
    expect(readTokens).toHaveBeenCalledTimes(1)
  })

  test('what it throws is the outcome where it is an AuthError, and else is not shown', async () => {
    const throwing = (error: unknown) => {
      const read = () => {
        throw error
      }
      return loginAnswered({ endpoints: { login: () => ({ url: '/login', read }) } }, () => ok())
    }
    const { world, outcome } = throwing(new Error(`quotes ${accessToken}`))
    await world.settle()
    expect(outcome.error).toMatchObject({ code: 'malformed_response' })
    expect(String(outcome.error)).not.toContain(accessToken)
  })

  test('neither it nor a key is handed to fetch', async () => {
    const seen: (RequestInit | undefined)[] = []
    const options: AuthClientOptions = {
      endpoints: { login: () => ({ url: '/login', key, read: () => ({ accessToken }) }) },
      fetch: async (_, init) => {
        seen.push(init)
        return ok()
      },
    }
    const world = createWorld({ options })
    watch(world.client.login({}))
    await world.settle()
    expect(seen).toHaveLength(1)
    expect(Object.keys(seen[0]!)).not.toContain('key')
    expect(Object.keys(seen[0]!)).not.toContain('read')
  })
})

describe('seam S9: with "proof" the token has to be of the type "scheme"', () => {
  test.each([
    ['DPoP', 'fulfilled'],
    ['dpop', 'fulfilled'],
    ['Bearer', 'malformed_response'],
    ['', 'malformed_response'],
    [undefined, 'malformed_response'],
    [null, 'malformed_response'],
    [7, 'malformed_response'],
  ])('%s: %s', async (type, state) => {
    const { proof } = toyProof()
    const answer = () => ok({ ...granted, token_type: type })
    const { world, outcome } = loginAnswered({ proof, endpoints: { login } }, answer)
    await world.settle()
    expect(outcome.state).toBe(state)
  })

  test('also where the app reads the answer itself', async () => {
    const { proof } = toyProof()
    const read = () => ({ accessToken })
    const options = { proof, endpoints: { login: () => ({ url: '/login', key, read }) } }
    const { world, outcome } = loginAnswered(options, () => ok({ token_type: 'Bearer' }))
    await world.settle()
    expect(outcome.error).toMatchObject({ code: 'malformed_response' })
  })

  test('without it "Bearer", "scheme" or nothing are as good', async () => {
    for (const type of ['Bearer', 'dpop', undefined]) {
      const answer = () => ok({ ...granted, token_type: type })
      const { world, outcome } = loginAnswered({ endpoints: { login } }, answer)
      await world.settle()
      expect(outcome.state).toBe('fulfilled')
    }
  })
})

describe('seam S4: the key of a stored refresh token cannot be read', () => {
  let inTab = createTabStorage()
  const kept = () => [...inTab.kept.values()]
  const stored = async (find: Proof['find']) => {
    inTab = createTabStorage()
    const storage = tokenStorage(inTab)
    const readTokens = (body: any) => ({
      accessToken: body.access_token,
      refreshToken: body.refresh_token,
      expiresIn: body.expires_in,
      key,
    })
    const options = { storage, readTokens, scheme: 'Bearer' }
    const before = createWorld({
      server: { carrier: 'body' },
      options: { ...options, proof: toyProof().proof },
    })
    await before.login()
    await before.settle()
    before.close()
    return createWorld({ before, options: { ...options, proof: toyProof(find).proof } })
  }

  test.each<[string, Proof['find']]>([
    ['throws', () => Promise.reject(new Error('blocked'))],
    ['hangs', () => new Promise(() => {})],
  ])('seam S4: where it %s, the session is unknown, and a login goes on', async (_, find) => {
    const world = await stored(find)
    const ready = watch(world.client.ready())
    await world.clock.advance(1_001)
    expect(ready.value).toMatchObject({ status: 'unknown', error: { code: 'refresh_unavailable' } })
    const again = watch(world.login())
    await world.clock.advance(2_001)
    expect(again.state).toBe('fulfilled')
  })

  test('seam S4: after a logout it is not the key of the next session', async () => {
    const world = await stored(async () => key)
    await world.client.ready()
    await world.client.logout()
    const tokens = makeToken({ iss: ORIGIN, sub: 'bob' })
    await world.client.setTokens({ accessToken: tokens, refreshToken: 'unbound' })
    await world.settle()
    expect(kept()).toEqual([expect.not.stringContaining('"key"')])
  })

  test('seam S4: where it is found, the session goes on', async () => {
    const world = await stored(async () => key)
    expect((await world.client.ready()).status).toBe('authenticated')
  })
})

import { describe, expect, test, vi } from 'vitest'
import { AuthError } from '../src/kernel/errors.ts'
import { plan } from '../src/kernel/feature.ts'
import { type Flow, type Returned, toFlowPart } from '../src/kernel/flow-part.ts'
import type { AuthClientOptions } from '../src/types.ts'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World, type WorldOptions } from './support/world.ts'

/** A login flow that does nothing but what the test says: what `start` settles with, and what the page comes back with. */
function createToy({
  returned = null,
  leaves = false,
}: {
  returned?: Returned | null
  leaves?: boolean
} = {}) {
  const started: { request: unknown; isSignedOut: boolean; signal: AbortSignal }[] = []
  let finish: (credentials: unknown) => void = () => {}
  let fail: (error: unknown) => void = () => {}
  const left: unknown[] = []
  const flow = plan('flow', kernel =>
    toFlowPart(kernel, {
      start(request, options) {
        started.push({ request, ...options })
        return new Promise((resolve, reject) => {
          finish = resolve
          fail = reject
        })
      },
      resume: () => returned,
      async leave(tokens) {
        left.push(tokens)
        return leaves
      },
    }),
  )
  return {
    flow,
    started,
    left,
    finish: (credentials: unknown) => finish(credentials),
    fail: (error: unknown) => fail(error),
  }
}

const ada = { email: 'ada', password: 'right' }
const items = `${ORIGIN}/items`
const calls = ({ server }: World) => server.calls.map(({ method, path }) => `${method} ${path}`)
const open = (options: AuthClientOptions, given: WorldOptions = {}) => createWorld({ ...given, options })

describe('seam S1: login starts the flow, and sends what comes of it', () => {
  test('seam S1: in the same task, with what login was given', async () => {
    const toy = createToy()
    const world = open({ flow: toy.flow })
    const login = world.client.login({ popup: true })
    expect(toy.started).toEqual([
      { request: { popup: true }, isSignedOut: false, signal: expect.any(AbortSignal) },
    ])
    toy.finish(ada)
    expect((await login).status).toBe('authenticated')
    expect(calls(world)).toEqual(['POST /login'])
  })

  test('seam S1: neither the lock nor "timeout" runs meanwhile', async () => {
    const toy = createToy()
    const world = open({ flow: toy.flow })
    const login = watch(world.client.login({}))
    await world.clock.advance(60 * 60_000)
    const other = open({}, { browser: world })
    await other.login()
    expect([login.state, other.client.session.status]).toEqual(['pending', 'authenticated'])
    toy.finish(ada)
    await world.settle()
    expect(login.state).toBe('fulfilled')
  })

  test('seam S1: its error is that of the login', async () => {
    const toy = createToy()
    const world = open({ flow: toy.flow })
    const login = world.client.login({})
    const error = new Error('closed')
    toy.fail(error)
    await expect(login).rejects.toBe(error)
    expect(calls(world)).toEqual([])
  })

  test('seam S1: an abort, and the end of the client, end it', async () => {
    const toy = createToy()
    const world = open({ flow: toy.flow })
    const controller = new AbortController()
    const logins = [world.client.login({}, { signal: controller.signal }), world.client.login({})]
    for (const login of logins) watch(login)
    controller.abort(new Error('enough'))
    world.client.dispose()
    await expect(logins[0]).rejects.toThrow('enough')
    await expect(logins[1]).rejects.toMatchObject({ code: 'disposed' })
    expect(toy.started.map(({ signal }) => signal.aborted)).toEqual([true, true])
  })

  test('seam S1: it is told of a logout that no server has confirmed', async () => {
    const toy = createToy()
    const world = open({ flow: toy.flow })
    world.server.answer('POST /logout', () => world.server.json({}, 503))
    await world.client.logout()
    void world.client.login({}).catch(() => {})
    await world.settle()
    expect(toy.started.map(({ isSignedOut }) => isSignedOut)).toEqual([true])
  })
})

describe('seam S2: what the page has come back with', () => {
  test('seam S2: a login is completed before anything is restored, and requests wait for it', async () => {
    const { flow } = createToy({ returned: { credentials: Promise.resolve(ada) } })
    const world = open({ flow })
    const answers = await Promise.all([1, 2, 3].map(() => world.client.fetch(items)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(calls(world)).toEqual(['POST /login', ...Array(3).fill('GET /items')])
    expect(world.count('login')).toBe(1)
  })

  test('seam S2: where it fails, the session from before goes on, and the event says why', async () => {
    const before = open({})
    await before.login()
    await before.settle()
    before.close()
    const { flow } = createToy({ returned: { credentials: Promise.resolve({ ...ada, password: 'wrong' }) } })
    const world = open({ flow }, { browser: before })
    expect((await world.client.ready()).status).toBe('authenticated')
    await world.settle()
    expect(world.events.filter(([name]) => name === 'loginError')).toEqual([
      ['loginError', { error: expect.objectContaining({ code: 'login_rejected' }) }],
    ])
  })

  test('seam S7: where nobody was signed in before, the session says why', async () => {
    const { flow } = createToy({ returned: { credentials: Promise.reject(new Error('access_denied')) } })
    const world = open({ flow })
    expect(await world.client.ready()).toEqual({
      status: 'anonymous',
      reason: 'initial',
      error: expect.objectContaining({ message: 'access_denied' }),
    })
  })

  test('seam S7: no listener sees the session without that error, or a guard would log in again', async () => {
    const { flow } = createToy({ returned: { credentials: Promise.reject(new Error('access_denied')) } })
    const world = open({ flow })
    const seen: unknown[] = []
    world.client.subscribe(() => {
      const { status, error } = world.client.session
      seen.push([status, error?.message])
    })
    await world.client.ready()
    expect(seen).toEqual([['anonymous', 'access_denied']])
  })

  test('seam S2: credentials that fail where the app never restores are no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    try {
      const { flow } = createToy({ returned: { credentials: Promise.reject(new Error('access_denied')) } })
      const world = open({ flow })
      await world.settle()
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(unhandled).toEqual([])
  })

  test('E18 credentials that never come hold requests up for "timeout", and no longer than the client lives', async () => {
    const never = () => createToy({ returned: { credentials: new Promise(() => {}) } }).flow
    const world = open({ flow: never() })
    const request = watch(world.client.fetch(items))
    await world.clock.advance(10_001)
    expect(request.state).toBe('fulfilled')
    expect(world.events).toContainEqual([
      'loginError',
      { error: expect.objectContaining({ code: 'login_unavailable' }) },
    ])
    const other = open({ flow: never() })
    const waiting = [watch(other.client.ready()), watch(other.client.fetch(items))]
    await other.settle()
    other.client.dispose()
    await other.settle()
    expect(waiting.map(({ state }) => state)).toEqual(['disposed', 'disposed'])
  })

  test('seam S2: a flow that throws keeps no app from creating its client: it is the error of the login', async () => {
    const thrown = (error: Error) =>
      open({
        flow: plan('flow', kernel =>
          toFlowPart(kernel, {
            start: async request => request,
            resume() {
              throw error
            },
            leave: async () => false,
          }),
        ),
      }).client.ready()
    const storage = new DOMException('secret', 'SecurityError')
    expect(await thrown(storage)).toMatchObject({ error: { code: 'malformed_response' } })
    expect(await thrown(new AuthError('login_cancelled', 'Closed.'))).toMatchObject({
      error: { code: 'login_cancelled' },
    })
  })

  test('seam S2: a page that only relays an answer restores nothing', async () => {
    const { flow } = createToy({ returned: { inert: true } })
    const world = open({ flow, restore: 'auto' })
    await world.clock.advance(60_000)
    expect(await world.client.ready()).toEqual({ status: 'unknown', error: null })
    expect(calls(world)).toEqual([])
  })

  test('seam S2: the return from a logout lifts the marker', async () => {
    const before = open({})
    await before.login()
    before.server.answer('POST /logout', () => before.server.json({}, 503))
    await before.client.logout()
    before.close()
    const { flow } = createToy({ returned: { signedOut: true } })
    open({ flow }, { browser: before })
    expect([...before.storage.keys()].filter(key => key.includes('signed-out'))).toEqual([])
  })

  test.each([
    ['on a server', null],
    ['in a worker', { href: `${ORIGIN}/worker.js`, origin: ORIGIN, isWorker: true }],
  ])('seam S2: %s it is not asked', (_, page) => {
    const resume = vi.fn(() => null)
    const flow = plan('flow', kernel =>
      toFlowPart(kernel, { start: async request => request, resume, leave: async () => false }),
    )
    open({ flow, server: true }, { page })
    expect(resume).not.toHaveBeenCalled()
  })
})

describe('seam S3: a logout can take the page to the authorization server', () => {
  const signedOutKeys = ({ storage }: World) => [...storage.keys()].filter(key => key.includes('signed-out'))

  test.each([
    [true, 1],
    [false, 0],
  ])('seam S3: after the revocation; leaves: %s, markers kept: %i', async (leaves, kept) => {
    const toy = createToy({ leaves })
    const world = open({ flow: toy.flow })
    const login = world.client.login({})
    toy.finish(ada)
    await login
    expect(await world.client.logout()).toEqual({ revoked: true })
    expect(toy.left).toEqual([expect.objectContaining({ accessToken: expect.any(String) })])
    expect(signedOutKeys(world).length).toBe(kept)
  })

  test('seam S3: without an endpoint for the logout too, but not where the server is away', async () => {
    const toy = createToy({ leaves: true })
    const world = open({ flow: toy.flow, endpoints: { logout: false } })
    await world.client.logout()
    expect(toy.left.length).toBe(1)
    const away = createToy({ leaves: true })
    const other = open({ flow: away.flow })
    other.server.answer('POST /logout', () => other.server.json({}, 503))
    expect((await other.client.logout()).revoked).toBe(false)
    expect(away.left).toEqual([])
  })

  const leaving = (leave: Flow['leave']) =>
    plan('flow', kernel => toFlowPart(kernel, { start: async request => request, resume: () => null, leave }))

  test('seam S3: a flow that throws changes nothing about a logout that the server has confirmed', async () => {
    const world = open({ flow: leaving(() => Promise.reject(new Error('secret'))) })
    await world.login()
    expect(await world.client.logout()).toEqual({ revoked: true })
    expect(signedOutKeys(world)).toEqual([])
    expect(world.logs).toContainEqual({ type: 'callback-threw', option: 'flow', name: 'Error' })
  })

  test('E18 a flow that hangs keeps the lock for "timeout", and then a login goes on', async () => {
    const world = open({ flow: leaving(() => new Promise(() => {})) })
    await world.login()
    const logout = watch(world.client.logout())
    await world.settle()
    const login = watch(world.login())
    await world.clock.advance(10_001)
    expect([logout.value, login.state]).toEqual([{ revoked: true }, 'fulfilled'])
  })
})

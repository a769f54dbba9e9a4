// @vitest-environment happy-dom
// @vitest-environment-options {"url": "https://api.example.com/app/"}
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAuthClient, idleTimeout, shareTabs } from '../src/core.ts'
import { createAuthServer } from '../src/testing/auth-server.ts'

const API = 'https://api.example.com'
const CREDENTIALS = { email: 'ada@example.com', password: 'secret' }

/** As much of zone.js as counts here: what is scheduled in a zone runs in it, and is kept account of. */
interface FakeZone {
  readonly name: string
  readonly pending: Set<unknown>
  /** What was listened to in it. */
  readonly listening: string[]
  run<T>(work: () => T): T
}

let Zone: { root: FakeZone; current: FakeZone }
let app: FakeZone

function createZone(name: string): FakeZone {
  return {
    name,
    pending: new Set(),
    listening: [],
    run(work) {
      const before = Zone.current
      Zone.current = this
      try {
        return work()
      } finally {
        Zone.current = before
      }
    },
  }
}

beforeEach(() => {
  const root = createZone('root')
  Zone = { root, current: root }
  app = createZone('app')
  vi.stubGlobal('Zone', Zone)
  const { setTimeout, clearTimeout } = globalThis
  vi.stubGlobal('setTimeout', (callback: () => void, ms: number) => {
    const zone = Zone.current
    const id = setTimeout(() => {
      zone.pending.delete(id)
      zone.run(callback)
    }, ms)
    zone.pending.add(id)
    return id
  })
  vi.stubGlobal('clearTimeout', (id: ReturnType<typeof setTimeout>) => {
    for (const zone of [root, app]) zone.pending.delete(id)
    clearTimeout(id)
  })
  for (const target of [window, document]) {
    const { addEventListener } = target
    vi.spyOn(target, 'addEventListener').mockImplementation(function (this: EventTarget, type, ...rest) {
      Zone.current.listening.push(type)
      addEventListener.call(this, type as 'online', ...(rest as [() => void]))
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const create = () => {
  const server = createAuthServer({ baseUrl: API, api: { 'GET /items': ['apple'] } })
  const auth = createAuthClient({ fetch: server.fetch, tabs: shareTabs(), idle: idleTimeout(60_000) })
  return { server, auth }
}

test('E6 no timer and no listener is in the zone of the app, whatever it calls there', async () => {
  const { server, auth } = app.run(create)
  await app.run(() => auth.ready())
  await app.run(() => auth.login(CREDENTIALS))
  server.revokeAccess()
  await app.run(() => auth.fetch(`${API}/items`))
  expect(Zone.root.pending.size).toBeGreaterThan(0)
  expect(app.pending.size).toBe(0)
  expect(Zone.root.listening).toEqual(expect.arrayContaining(['online', 'focus', 'pointermove']))
  expect(app.listening).toEqual([])
  auth.dispose()
  expect(Zone.root.pending.size).toBe(0)
})

test('E6 each listener runs in the zone where it was registered', async () => {
  const { auth } = app.run(create)
  const zones: string[] = []
  const note = (event: string) => () => void zones.push(`${event}: ${Zone.current.name}`)
  app.run(() => auth.on('logout', note('logout')))
  app.run(() => auth.subscribe(note('subscribe')))
  auth.on('logout', note('logout'))
  await auth.login(CREDENTIALS)
  await auth.logout()
  expect(zones).toEqual(['subscribe: app', 'logout: app', 'logout: root', 'subscribe: app'])
  auth.dispose()
})

test('E6, C5 a listener that throws in its zone is reported, and stops no other', async () => {
  const { auth } = app.run(create)
  const reported: unknown[] = []
  vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
  const error = new Error('listener')
  app.run(() =>
    auth.on('login', () => {
      throw error
    }),
  )
  const heard = vi.fn()
  auth.on('login', heard)
  await auth.login(CREDENTIALS)
  await null
  expect(reported).toEqual([error])
  expect(heard).toHaveBeenCalledOnce()
  auth.dispose()
})

test.each([
  ['a class of its own', class Zone {}],
  ['nothing', null],
  ['half of it', { root: {} }],
])('E6 a global "Zone" that is not zone.js (%s) is left alone', async (_, other) => {
  vi.stubGlobal('Zone', other)
  const { auth } = create()
  const heard = vi.fn()
  auth.on('login', heard)
  vi.stubGlobal('setTimeout', () => 0)
  await auth.login(CREDENTIALS)
  await null
  expect(heard).toHaveBeenCalledOnce()
  auth.dispose()
})

// @vitest-environment node
import { setTimeout as sleep } from 'node:timers/promises'
import { CookieJar } from 'tough-cookie'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createFaults } from '../demo/server/faults.ts'
import { type DemoServer, type ServerOptions, startServer } from '../demo/server/server.ts'

const ADA = { email: 'ada@example.com', password: 'correct horse battery staple' }
const GRACE = { ...ADA, email: 'grace@example.com' }

interface Init {
  method?: string
  json?: unknown
  token?: string
  origin?: string
}

let server: DemoServer
let jar: CookieJar

/** A browser's call: with the cookies of its jar, and keeping what is set. */
async function send(path: string, { method, json, token, origin = server.url }: Init = {}) {
  const url = server.url + path
  const cookie = await jar.getCookieString(url)
  const response = await fetch(url, {
    method: method ?? (json === undefined ? 'GET' : 'POST'),
    ...(json !== undefined && { body: JSON.stringify(json) }),
    headers: {
      Origin: origin,
      ...(cookie && { Cookie: cookie }),
      ...(json !== undefined && { 'Content-Type': 'application/json' }),
      ...(token && { Authorization: `Bearer ${token}` }),
    },
  })
  for (const line of response.headers.getSetCookie()) await jar.setCookie(line, url)
  return response
}

const status = async (path: string, init?: Init) => (await send(path, init)).status

async function login(base = '', credentials = ADA): Promise<string> {
  const response = await send(`${base}/auth/login`, { json: credentials })
  expect(response.status).toBe(200)
  return (await response.json()).access_token
}

const refresh = (base = '') => send(`${base}/auth/refresh_token`, { method: 'POST' })

async function openLane(settings: object = {}): Promise<string> {
  const response = await send('/lanes', { json: settings })
  expect(response.status).toBe(201)
  return `/lanes/${(await response.json()).id}`
}

const start = async (options: ServerOptions = {}) => {
  server = await startServer({ passwordCost: 4, staticRoot: '/nowhere', ...options })
  jar = new CookieJar()
}

beforeEach(() => start())
afterEach(() => server.close())

describe('a lane', () => {
  const counters = async (base: string) => (await send(`${base}/counters`)).json()
  /** What a refresh of the lane carries: also what lies above it. */
  const cookies = async (path: string) =>
    (await jar.getCookies(`${server.url}${path}/auth/refresh_token`)).map(({ key, path }) => `${key} ${path}`)

  test('is the same auth server under a path of its own', async () => {
    const lane = await openLane()
    const token = await login(lane)
    expect(await status(`${lane}/api/items`, { token })).toBe(200)
    expect(await status(`${lane}/auth/me`, { token })).toBe(200)
    expect((await refresh(lane)).status).toBe(200)
    expect(await status(`${lane}/nowhere`)).toBe(404)
    expect(await status('/api/items', { token })).toBe(401)
    expect(server.log.entries().map(({ path }) => path)).toEqual(['/api/items'])
  })

  test('shares no cookie with the page’s own session, and takes its own away when it is closed', async () => {
    const lane = await openLane()
    await login()
    await login(lane)
    expect(await cookies('')).toEqual(['refresh_token /auth', 'fingerprint /'])
    expect(await cookies(lane)).toEqual([
      `refresh_token ${lane}/auth`,
      `fingerprint ${lane}/`,
      'fingerprint /',
    ])
    expect((await refresh()).status).toBe(200)
    expect((await refresh(lane)).status).toBe(200)
    expect(await status(lane, { method: 'DELETE' })).toBe(204)
    expect(await cookies(lane)).toEqual(['fingerprint /'])
    expect(await status(`${lane}/counters`)).toBe(404)
    expect((await refresh()).status).toBe(200)
  })

  test('counts what reaches it, until that is cleared', async () => {
    const lane = await openLane()
    const token = await login(lane)
    await refresh(lane)
    await send(`${lane}/api/items`, { token })
    await send(`${lane}/api/items`)
    expect(await counters(lane)).toEqual({ refreshes: 1, requests: 2, refused: 1 })
    await send(`${lane}/counters`, { method: 'DELETE' })
    expect(await counters(lane)).toEqual({ refreshes: 0, requests: 0, refused: 0 })
  })

  test('has a clock of its own, which can be moved ahead', async () => {
    const [lane, other] = [await openLane({ accessTtl: 60 }), await openLane({ accessTtl: 60 })]
    const [token, otherToken] = [await login(lane), await login(other)]
    expect(await status(`${lane}/sleep`, { json: { seconds: 600 } })).toBe(204)
    expect(await status(`${lane}/api/items`, { token })).toBe(401)
    expect(await status(`${other}/api/items`, { token: otherToken })).toBe(200)
    expect((await refresh(lane)).status).toBe(200)
  })

  test('has its own grace', async () => {
    const [lenient, strict] = [await openLane({ grace: 10 }), await openLane({ grace: 0 })]
    for (const [lane, expected] of [
      [lenient, 200],
      [strict, 401],
    ] as const) {
      await login(lane)
      const before = await jar.serialize()
      expect((await refresh(lane)).status).toBe(200)
      jar = await CookieJar.deserialize(before!)
      expect((await refresh(lane)).status).toBe(expected)
    }
  })

  test('fails on demand as the server does, and alone', async () => {
    const lane = await openLane()
    await login()
    const token = await login(lane)
    await send(`${lane}/faults`, { json: { refresh: '500', count: 1 } })
    expect((await refresh(lane)).status).toBe(500)
    expect((await refresh(lane)).status).toBe(200)

    await send(`${lane}/faults`, { json: { refresh: 'drop', count: 1 } })
    await expect(refresh(lane)).rejects.toThrow()
    expect((await refresh(lane)).status).toBe(200)

    await send(`${lane}/faults`, { json: { offline: true } })
    await expect(send(`${lane}/api/items`, { token })).rejects.toThrow()
    expect(await counters(lane)).toMatchObject({ requests: 0 })
    expect((await refresh()).status).toBe(200)
  })

  test('revokes its own access tokens alone', async () => {
    const lane = await openLane()
    const [token, laneToken] = [await login(), await login(lane)]
    await send(`${lane}/revoke-access`, { method: 'POST' })
    expect(await status(`${lane}/api/items`, { token: laneToken })).toBe(401)
    expect(await status('/api/items', { token })).toBe(200)
  })

  test('takes its time over a request that asks for that, however it is answered', async () => {
    const lane = await openLane()
    const slow = status(`${lane}/api/items?wait=300`)
    const first = await Promise.race([
      slow.then(() => 'slow'),
      status(`${lane}/api/items`).then(() => 'quick'),
    ])
    expect(first).toBe('quick')
    expect(await slow).toBe(401)
  })

  test.each([{ grace: -1 }, { accessTtl: 0 }, { nonsense: 1 }])('is not opened with %j', async json => {
    const response = await send('/lanes', { json })
    expect([response.status, (await response.json()).error]).toEqual([400, 'invalid_request'])
  })

  test.each([{ seconds: 0 }, { seconds: 'x' }, {}])('does not sleep for %j', async json => {
    const response = await send(`${await openLane()}/sleep`, { json })
    expect([response.status, (await response.json()).error]).toEqual([400, 'invalid_request'])
  })

  test('answers to its own origin only', async () => {
    const lane = await openLane()
    const origin = 'https://evil.example'
    expect(await status('/lanes', { json: {}, origin })).toBe(403)
    expect(await status(`${lane}/counters`, { origin })).toBe(403)
    expect(await status(lane, { method: 'DELETE', origin })).toBe(403)
  })

  test('is closed where more are opened than the server keeps', async () => {
    const lanes: string[] = []
    for (let i = 0; i < 13; i++) lanes.push(await openLane())
    expect(await status(`${lanes[0]}/counters`)).toBe(404)
    expect(await status(`${lanes[1]}/counters`)).toBe(200)
    expect(await status(`${lanes[12]}/counters`)).toBe(200)
  })
})

describe('the thief', () => {
  const steal = async (token?: string) => {
    const response = await send('/demo/mine/steal', { json: {}, ...(token && { token }) })
    const { outcome, error } = await response.json()
    return [response.status, outcome ?? error]
  }

  test('is taken for a lost answer within the grace, and the session goes on', async () => {
    await login()
    const { access_token: token } = await (await refresh()).json()
    expect(await steal(token)).toEqual([200, 'grace'])
    expect(await steal(token)).toEqual([200, 'grace'])
    expect((await refresh()).status).toBe(200)
    expect(server.log.entries().map(({ note }) => note)).toContain('thief: grace')
  })

  test('ends the session where there is no grace', async () => {
    server.settings.grace = 0
    await login()
    const { access_token: token } = await (await refresh()).json()
    expect(await steal(token)).toEqual([200, 'reuse'])
    const refused = await refresh()
    expect([refused.status, (await refused.json()).error]).toEqual([401, 'session_revoked'])
  })

  test('comes too late after the grace', async () => {
    server.settings.grace = 0.05
    await login()
    const { access_token: token } = await (await refresh()).json()
    await sleep(60)
    expect(await steal(token)).toEqual([200, 'reuse'])
  })

  test('takes from the session that asks, not from another', async () => {
    await login()
    const { access_token: token } = await (await refresh()).json()
    jar = new CookieJar()
    const other = await login('', GRACE)
    expect(await steal(other)).toEqual([409, 'nothing_to_steal'])
    expect(await steal()).toEqual([401, 'unauthorized'])
    expect(await steal(token)).toEqual([401, 'invalid_token'])
  })

  test('steals what the page keeps itself as well', async () => {
    await server.close()
    await start({ mode: 'body' })
    const { refresh_token } = await (await send('/auth/login', { json: ADA })).json()
    const next = await send('/auth/refresh_token', { json: { refresh_token } })
    expect(await steal((await next.json()).access_token)).toEqual([200, 'grace'])
  })
})

test('a visitor’s token can be revoked, and no other is', async () => {
  const token = await login()
  const { access_token: next } = await (await refresh()).json()
  expect(await status('/demo/mine/revoke', { json: {}, token })).toBe(204)
  expect(await status('/api/items', { token })).toBe(401)
  expect(await status('/api/items', { token: next })).toBe(200)
})

describe('without a network', () => {
  const offline = (value: boolean) => send('/demo/faults', { json: { offline: value } })

  test('nothing of the session is answered, and the log knows of nothing', async () => {
    const token = await login()
    server.log.clear()
    expect(await (await offline(true)).json()).toMatchObject({ offline: true })
    for (const path of ['/api/items', '/user/whoami', '/auth/me'])
      await expect(send(path, { token })).rejects.toThrow()
    await expect(refresh()).rejects.toThrow()
    expect(server.log.entries()).toEqual([])
    await offline(false)
    expect(await status('/api/items', { token })).toBe(200)
    expect((await refresh()).status).toBe(200)
  })

  test('the last of a count does not bring it back', () => {
    const faults = createFaults(() => {})
    faults.set({ api: '500', count: 1, offline: true })
    faults.take('api')
    expect(faults.state()).toMatchObject({ offline: true, api: 'none', count: null })
  })

  test.each(['yes', 1, null])('%j is no answer to whether it is there', async value => {
    const response = await send('/demo/faults', { json: { offline: value } })
    expect([response.status, (await response.json()).error]).toEqual([400, 'invalid_request'])
  })
})

import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { checkBackend, contractPoints } from 'silent-refresh/testing/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Backend, backends, isInstalled, python, type Running, startBackend } from './server.ts'

/** In seconds. The contract waits in real time until it and the grace have passed, which is ten seconds in all of them. */
const LIFETIME = 10
/** The servers hash passwords as slowly as they should, and the contract logs in more than a dozen times. */
const PATIENCE = 180_000
const PAGE = 'https://app.example.com'
const NAME = '__Host-refresh_token'
const CREDENTIALS = JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery staple' })
const WAITING = ['refresh-issued-at', 'reuse-after-grace', 'api-expired-token']

/** The tests of one server to copy: skipped by name where a Python package is missing, failing under `REQUIRE_BACKENDS=1`. */
export function testBackend(name: string): void {
  const backend = backends.find(one => one.name === name)
  if (!backend) throw new Error(`demo/backends/ has no ${name}`)
  if (isInstalled(backend)) {
    describe(name, () => suite(backend))
    return
  }
  const missing = `${name} (${python} does not find ${backend.imports?.join(', ')})`
  if (process.env.REQUIRE_BACKENDS === '1') {
    test(missing, () => {
      throw new Error(`REQUIRE_BACKENDS=1, and ${missing}`)
    })
  }
  describe.skip(missing, () => suite(backend))
}

function suite(backend: Backend): void {
  let local: Running
  let inProduction: Running
  let second: Running
  let failing: Running
  beforeAll(async () => {
    ;[local, inProduction, failing] = await Promise.all([
      startBackend(backend, { ACCESS_TTL: `${LIFETIME}` }),
      startBackend(backend, { ORIGINS: `${PAGE},https://b.example` }),
      startBackend(backend, { ORIGINS: PAGE }),
    ])
    second = await startBackend(backend, { ORIGINS: PAGE }, inProduction)
  }, PATIENCE)
  afterAll(async () => {
    await Promise.all([local?.close(), second?.close(), failing?.close()])
    await inProduction?.close()
  })

  test.concurrent('keeps every point of the contract', { timeout: PATIENCE }, async () => {
    const { points, failures } = await checkBackend(local.url)
    expect(failures).toEqual([])
    const skipped = points.filter(({ status }) => status === 'skipped').map(({ id }) => id)
    expect(skipped).toEqual(contractPoints.map(({ id }) => id).filter(id => id.startsWith('cors-')))
  })

  test.concurrent('keeps it with a cookie for https, for the pages that are configured', {
    timeout: PATIENCE,
  }, async () => {
    const { failures } = await checkBackend(inProduction.url, {
      origin: PAGE,
      cookie: NAME,
      without: WAITING,
    })
    expect(failures).toEqual([])
    const foreign = await checkBackend(inProduction.url)
    expect(foreign.failures.map(({ id, seen }) => [id, seen])).toEqual([
      ['login', expect.stringMatching(/^403 .*The check sent Origin: http:.* Name yours with "origin"$/)],
    ])
  })

  test.concurrent('two processes with one database give one new token for an old one', {
    timeout: PATIENCE,
  }, async () => {
    let cookie = cookieOf(await post(second.url, '/auth/login', {}, CREDENTIALS))
    for (let round = 0; round < 5; round++) {
      const urls = Array.from({ length: 6 }, (_, n) => (n % 2 ? second.url : inProduction.url))
      const answers = await Promise.all(urls.map(url => post(url, '/auth/refresh_token', { Cookie: cookie })))
      expect(answers.map(({ status }) => status)).toEqual(urls.map(() => 200))
      const next = new Set(answers.map(cookieOf))
      expect(next.size).toBe(1)
      expect(next).not.toContain(cookie)
      cookie = [...next][0] ?? ''
    }
  })

  test.concurrent('a database that is locked or away is a 503, and ends no session', {
    timeout: PATIENCE,
  }, async () => {
    const login = await post(failing.url, '/auth/login', {}, CREDENTIALS)
    const Cookie = cookieOf(login)
    const { access_token: token } = (await login.json()) as { access_token: string }
    const database = join(failing.data, 'server.db')
    const expectOutage = async () => {
      const answers = await Promise.all([
        post(failing.url, '/auth/refresh_token', { Cookie }),
        post(failing.url, '/auth/logout', { Cookie }),
        post(failing.url, '/auth/login', { Cookie }, CREDENTIALS),
      ])
      for (const answer of answers) {
        expect(await errorOf(answer)).toEqual([503, 'temporarily_unavailable'])
        expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0)
        expect(answer.headers.get('Cache-Control')).toContain('no-store')
        expect(answer.headers.getSetCookie()).toEqual([])
      }
      // Where the API needs the database too.
      expect([200, 503]).toContain((await whoami(failing.url, token)).status)
    }

    const other = new DatabaseSync(database)
    for (const lock of ['BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE']) {
      other.exec(lock)
      await expectOutage()
      other.exec('ROLLBACK')
    }
    other.close()
    expect((await post(failing.url, '/auth/refresh_token', { Cookie })).status).toBe(200)

    await truncate(database)
    await expectOutage()
  })

  test.concurrent('each error is a JSON object with its name', { timeout: PATIENCE }, async () => {
    const { url } = inProduction
    const json = (value: unknown) => post(url, '/auth/login', {}, JSON.stringify(value))
    const login = await post(url, '/auth/login', {}, CREDENTIALS)
    const { access_token: token } = (await login.json()) as { access_token: string }
    const Authorization = `Bearer ${token}`
    const cases: [string, Promise<Response>][] = [
      ['401 invalid_credentials', json({ email: 'ada@example.com', password: 'wrong' })],
      ['400 invalid_request', json({ email: 'ada@example.com' })],
      ['400 invalid_request', json([])],
      ['400 invalid_request', post(url, '/auth/login', {}, '{')],
      ['403 forbidden_origin', post(url, '/auth/login', { Origin: 'https://evil.example' }, CREDENTIALS)],
      ['401 missing_refresh_token', post(url, '/auth/refresh_token', {})],
      ['401 invalid_refresh_token', post(url, '/auth/refresh_token', { Cookie: `${NAME}=unknown` })],
      ['401 unauthorized', fetch(`${url}/user/whoami`)],
      ['401 invalid_token', whoami(url, 'nonsense')],
      ['404 not_found', fetch(`${url}/nowhere`, { headers: { Authorization } })],
    ]
    for (const [expected, answer] of cases) expect((await errorOf(await answer)).join(' ')).toBe(expected)
  })

  test.concurrent('a cookie that a sibling subdomain can set is not the refresh cookie', {
    timeout: PATIENCE,
  }, async () => {
    const { url } = inProduction
    const pair = cookieOf(await post(url, '/auth/login', {}, CREDENTIALS))
    const token = pair.slice(pair.indexOf('=') + 1)
    // Browsers do not see the prefix __Host- behind a Unicode space. They send the name in UTF-8.
    const space = Buffer.from('\u2000').toString('latin1')
    for (const name of ['refresh_token', `${space}${NAME}`, `\xa0${NAME}`, NAME.toLowerCase()]) {
      const refresh = await post(url, '/auth/refresh_token', { Cookie: `theme=dark; ${name}=${token}` })
      expect(await errorOf(refresh), name).toEqual([401, 'missing_refresh_token'])
    }
    const Cookie = `${space}${NAME}=planted; ${pair}; ${space}${NAME}=planted`
    expect((await post(url, '/auth/refresh_token', { Cookie })).status).toBe(200)
  })
}

const post = (url: string, path: string, headers: Record<string, string>, body?: string) =>
  fetch(url + path, {
    method: 'POST',
    headers: { Origin: PAGE, ...(body && { 'Content-Type': 'application/json' }), ...headers },
    body: body ?? null,
  })

const whoami = (url: string, token: string) =>
  fetch(`${url}/user/whoami`, { headers: { Authorization: `Bearer ${token}` } })

const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? ''

async function errorOf(response: Response): Promise<unknown[]> {
  const text = await response.text()
  try {
    return [response.status, JSON.parse(text).error]
  } catch {
    return [response.status, text]
  }
}

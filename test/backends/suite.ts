import { checkBackend, contractPoints } from 'silent-refresh/testing/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Backend, backends, isInstalled, python, type Running, startBackend } from './server.ts'

/** In seconds. The contract waits in real time until it and the grace have passed, which is ten seconds in all of them. */
const LIFETIME = 10
/** The servers hash passwords as slowly as they should, and the contract logs in more than a dozen times. */
const PATIENCE = 180_000
const PAGE = 'https://app.example.com'
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
  beforeAll(async () => {
    ;[local, inProduction] = await Promise.all([
      startBackend(backend, { ACCESS_TTL: `${LIFETIME}` }),
      startBackend(backend, { ORIGINS: `${PAGE},https://b.example` }),
    ])
    second = await startBackend(backend, { ORIGINS: PAGE }, inProduction)
  }, PATIENCE)
  afterAll(async () => {
    await Promise.all([local?.close(), second?.close()])
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
      cookie: '__Host-refresh_token',
      without: WAITING,
    })
    expect(failures).toEqual([])
    const foreign = await checkBackend(inProduction.url)
    expect(foreign.failures.map(({ id, seen }) => [id, seen])).toEqual([
      ['login', expect.stringMatching(/^403 .*Does the server know the origin\?/)],
      ['login-wrong-password', expect.stringMatching(/^403 /)],
    ])
  })

  test.concurrent('two processes with one database give one new token for an old one', {
    timeout: PATIENCE,
  }, async () => {
    const post = (url: string, path: string, headers: Record<string, string>, body?: string) =>
      fetch(url + path, { method: 'POST', headers: { Origin: PAGE, ...headers }, body: body ?? null })
    const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const credentials = { email: 'ada@example.com', password: 'correct horse battery staple' }
    const type = { 'Content-Type': 'application/json' }
    let cookie = cookieOf(await post(second.url, '/auth/login', type, JSON.stringify(credentials)))
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
}

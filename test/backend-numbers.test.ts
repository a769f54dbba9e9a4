// @vitest-environment node
import { scryptSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { checkBackend } from 'silent-refresh/testing/contract'
import { afterEach, describe, expect, test } from 'vitest'
import { type DemoServer, startServer } from '../demo/server/server.ts'
import { root } from './tools/report.ts'

const page = readFileSync(resolve(root, 'docs/backend.md'), 'utf8')
/** The numbers that the page has in place of the groups. */
const said = (pattern: RegExp): number[] => {
  const [, ...numbers] = pattern.exec(page) ?? []
  expect(numbers, `docs/backend.md has no ${pattern}`).not.toEqual([])
  return numbers.map(Number)
}

describe('P5 the numbers of docs/backend.md', () => {
  let server: DemoServer | undefined
  afterEach(() => server?.close())

  test('scrypt takes its parameters with the memory that the page names, and not without it', () => {
    const [cost = 0, r, p] = said(/scrypt with N = 2\^(\d+), r = (\d+), p = (\d+)\./)
    const [memory = 0] = said(/`maxmem: 2 \*\* (\d+)`/)
    const parameters = { N: 2 ** cost, r, p } as { N: number; r: number; p: number }
    expect(() => scryptSync('secret', 'salt', 32, parameters)).toThrow('memory limit exceeded')
    expect(scryptSync('secret', 'salt', 32, { ...parameters, maxmem: 2 ** memory }).length).toBe(32)
  })

  test('the check has as many points, skips as many, and logs in no more often than the page says', async () => {
    let time = Date.now()
    server = await startServer({ passwordCost: 4, accessTtl: 900, now: () => time, staticRoot: '/nowhere' })
    const { points, failures } = await checkBackend(server.url, {
      wait: async ms => {
        time += ms
      },
    })
    expect(failures).toEqual([])
    const [about] = said(/checks about (\d+) points/)
    const applicable = points.filter(({ status }) => status !== 'inapplicable')
    expect(Math.round(applicable.length / 10) * 10).toBe(about)

    expect(page).toContain('it skips five points. Four need `--cors`.')
    const skipped = points.filter(({ status }) => status === 'skipped')
    expect(skipped.length).toBe(5)
    expect(skipped.filter(({ id }) => id.startsWith('cors-')).length).toBe(4)
    const [patience] = said(/an access token that expires within (\d+) seconds/)
    expect(patience).toBe(20)
    expect(skipped.find(({ id }) => !id.startsWith('cors-'))?.seen).toContain('patience')

    const [limit = 0] = said(/Let your limit on logins allow (\d+) for the run/)
    const logins = server.log.entries().filter(({ path }) => path === '/auth/login')
    expect(logins.length).toBeGreaterThan(limit - 5)
    expect(logins.length).toBeLessThanOrEqual(limit)
  })

  test('a refresh token and a fingerprint are 256 random bits and last for 30 days', async () => {
    const time = Date.now()
    server = await startServer({ passwordCost: 4, now: () => time, staticRoot: '/nowhere' })
    const login = await fetch(`${server.url}/auth/login`, {
      method: 'POST',
      headers: { Origin: server.url, 'Content-Type': 'application/json' },
      body: JSON.stringify({ email: 'ada@example.com', password: 'correct horse battery staple' }),
    })
    const cookies = login.headers.getSetCookie()
    for (const name of ['refresh_token', 'fingerprint']) {
      const cookie = cookies.find(line => line.startsWith(`${name}=`)) ?? ''
      const [, value = '', attributes = ''] = /=([^;]*); (.*)$/.exec(cookie) ?? []
      expect(Buffer.from(value, 'base64url').length * 8).toBe(said(/\| value \| (\d+) random bits/)[0])
      const shown = RegExp(`^Set-Cookie: (?:__Secure-)?${name}=…; (Max-Age=[1-9].*)$`, 'm').exec(page)?.[1]
      // The demo is on plain http here.
      expect(shown?.replace('; Secure', '')).toBe(attributes)
      expect(attributes).toContain(
        `Max-Age=${(said(/after the login, (\d+) days in the demo/)[0] ?? 0) * 86_400}`,
      )
    }
    expect((await login.json()).expires_in).toBe(said(/in most systems, (\d+) seconds in the demo/)[0])
  })

  test('the demo refuses a grace of more than ten seconds', async () => {
    expect(page).toContain('the demo refuses more than ten seconds')
    await expect(startServer({ grace: 10.1 })).rejects.toThrow('"grace" must be a number from 0 to 10')
  })
})

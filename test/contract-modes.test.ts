// @vitest-environment node
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import {
  type ContractMode,
  type ContractOptions,
  type ContractReport,
  checkBackend,
  contractPoints,
  formatReport,
  type PointId,
} from 'silent-refresh/testing/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer } from '../demo/server/server.ts'
import { cookieMode, createAuthClient } from '../src/core.ts'
import { LOGINS } from '../src/testing/contract/backend.ts'
import { pointsIn } from '../src/testing/contract/points.ts'
import { breaksIn } from './support/contract/breaks.ts'
import { PAGE } from './support/contract/origins.ts'
import { type ContractServer, startContractServer } from './support/contract/server.ts'
import { root } from './tools/report.ts'

const MODES: readonly ContractMode[] = ['bearer', 'cookie', 'body', 'sliding']
const all = contractPoints.map(({ id }) => id)
const applying = (mode: ContractMode): PointId[] =>
  contractPoints.filter(({ modes }) => modes.includes(mode)).map(({ id }) => id)
const failed = ({ failures }: ContractReport) => failures.map(({ id }) => id)
const withStatus = ({ points }: ContractReport, status: string) =>
  points.filter(point => point.status === status).map(({ id }) => id)

/** A server of a mode that can be broken, and its check. */
function useServer(mode: ContractMode) {
  const given: { server?: ContractServer } = {}
  beforeAll(async () => {
    given.server = await startContractServer(10, mode)
  })
  afterAll(() => given.server?.close())
  const server = () => given.server as ContractServer
  return {
    logins: () => server().logins(),
    break: (...what: Parameters<ContractServer['break']>) => server().break(...what),
    check: (options: ContractOptions = {}) =>
      checkBackend(server().url, {
        ...server().credentials,
        mode,
        wait: async ms => server().pass(ms / 1000),
        ...options,
      }),
  }
}

describe.each(MODES)('a server in the mode %s that is broken on purpose', mode => {
  const server = useServer(mode)
  const breaks = breaksIn(mode)
  const page: ContractOptions = {
    origin: PAGE,
    cors: true,
    ...(mode === 'cookie' && { apiPost: '/api/items' }),
  }

  test('keeps the contract as long as it is whole', async () => {
    server.break()
    const report = await server.check(page)
    expect(report).toMatchObject({ mode, holds: true, failures: [] })
    expect(withStatus(report, 'holds')).toEqual(applying(mode))
    expect(server.logins()).toBeLessThanOrEqual(LOGINS)
    expect(withStatus(report, 'inapplicable')).toEqual(all.filter(id => !applying(mode).includes(id)))
  })

  test.each([...breaks.keys()])('%s', async what => {
    server.break(what)
    const report = await server.check(page)
    expect(failed(report)).toEqual(breaks.get(what))
    expect(report.holds).toBe(report.failures.length === 0)
    for (const { seen } of report.failures) expect(seen).toMatch(/\S/)
  })

  test('every point that applies fails on some server', () => {
    expect(new Set([...breaks.values()].flat())).toEqual(new Set(applying(mode)))
  })
})

test('what applies in one mode and not in another', () => {
  const others = (mode: ContractMode) => all.filter(id => !applying(mode).includes(id))
  const group = (...names: string[]) => all.filter(id => names.some(name => `${id}-`.startsWith(`${name}-`)))
  const inOrder = (...names: PointId[]) => all.filter(id => names.includes(id))
  expect(others('bearer')).toEqual(inOrder('login-refresh-token', ...group('sliding', 'csrf', 'me')))
  expect(others('cookie')).toEqual(inOrder('login-refresh-token', 'refresh-issued-at', ...group('sliding')))
  const byCookie = group('cookie', 'origin', 'csrf', 'me')
  const more: PointId[] = ['login-body', 'refresh-keeps-cookies', 'logout-clears-cookies']
  expect(others('body')).toEqual(inOrder(...byCookie, ...more, ...group('sliding')))
  const rotated: PointId[] = ['login-refresh-token', ...group('grace', 'reuse'), 'logout-rotated-token']
  expect(others('sliding')).toEqual(inOrder(...byCookie, ...more, ...rotated))
})

test('docs/backend-modes.md names what is left out in each mode', () => {
  const page = readFileSync(resolve(root, 'docs/backend-modes.md'), 'utf8')
  const [, table = ''] = /\| mode \| points that are left out \|\n[-|]+\n(.*?)\n\n/s.exec(page) ?? []
  const rows = table.split('\n').map(row => {
    const [mode = '', ...names] = [...row.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name)
    return [mode, all.filter(id => names.some(name => `${id}-`.startsWith(`${name}-`)))]
  })
  expect(rows).toEqual(MODES.map(mode => [mode, all.filter(id => !applying(mode).includes(id))]))
})

describe.each(MODES)('the demo server in the mode %s', mode => {
  test('keeps the contract', async () => {
    let time = Date.parse('2031-05-01T12:00:00Z')
    const server = await startServer({ mode, passwordCost: 4, now: () => time, staticRoot: '/nowhere' })
    const wait = async (ms: number) => {
      time += ms
    }
    const api = mode === 'cookie' && { apiPost: '/api/items' }
    const report = await checkBackend(server.url, { mode, wait, ...api }).finally(server.close)
    expect(report.failures).toEqual([])
    expect(withStatus(report, 'skipped')).toEqual(all.filter(id => id.startsWith('cors-')))
    expect(withStatus(report, 'holds').length).toBe({ bearer: 39, cookie: 45, body: 27, sliding: 24 }[mode])
  })
})

describe('a report', () => {
  const server = useServer('sliding')

  test('names what is for other modes, with the reason, and counts it nowhere', async () => {
    server.break()
    const report = formatReport(await server.check())
    expect(report).toContain('The contract of silent-refresh for the mode sliding, at http')
    expect(report).toContain(
      'Left out in the mode sliding:\n' +
        '  login-body, login-refresh-token, grace-race, grace-lost-answer, reuse-superseded, reuse-after-grace, logout-rotated-token: there is no refresh token\n',
    )
    expect(report).toMatch(/\n24 hold, 0 fail, 4 skipped\n$/)
    expect(report).not.toMatch(/skipped (?!cors-)/)
  })

  test('names no token', async () => {
    server.break('a renewed token stays good', 'a logout is for show', 'expired tokens are fine')
    const shown = JSON.stringify(await server.check())
    expect(shown).toContain('…')
    expect(shown).not.toMatch(/eyJ|rt-[\da-f]{8}/)
  })

  test.each(MODES)('has its words for the mode %s, which lead to a section', mode => {
    for (const { id, title, expected, why, see } of pointsIn(mode)) {
      for (const text of [title, expected, why]) expect(text, id).toMatch(/\S/)
      const [page = '', anchor] = see.split('#')
      const headings = readFileSync(resolve(root, page), 'utf8').match(/^#+ .*$/gm) ?? []
      const anchors = headings.map(heading =>
        heading
          .replace(/^#+ /, '')
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      )
      expect(anchors, id).toContain(anchor)
    }
  })
})

describe('names of its own', () => {
  const cookie = useServer('cookie')
  const body = useServer('body')

  test('of the cookies and of the CSRF header', async () => {
    cookie.break('other cookie names')
    const names = { cookie: 'rt', csrfCookie: 'csrf', csrfHeader: 'X-CSRF' }
    expect(failed(await cookie.check({ ...names, accessCookie: 'at' }))).toEqual([])
    // Of two, the other one.
    expect(failed(await cookie.check(names))).toEqual([])
    const [first] = (await cookie.check()).failures
    expect(first?.seen).toMatch(/^200 with the cookies at, rt, csrf\. Name the one .* with "accessCookie"$/)
  })

  test('of a CSRF cookie that was not named: what to look at', async () => {
    cookie.break('no CSRF cookie')
    const { failures } = await cookie.check()
    expect(failures.map(({ id, seen }) => [id, seen])).toEqual([
      ['refresh', expect.stringMatching(/^403 .*"csrfCookie" and "csrfHeader"$/)],
      ['csrf-cookie', 'no Set-Cookie for XSRF-TOKEN'],
    ])
  })

  test('of the refresh token in the body: where it is read, and how it is sent', async () => {
    body.break('another refresh field')
    expect(failed(await body.check({ refreshField: 'data.refresh' }))).toEqual([])
    const [first] = (await body.check()).failures
    expect(first?.seen).toMatch(/^200 with the fields .*data\. Name the one .* with "refreshField"$/)
    body.break('a refresh needs a bearer')
    const { points } = await body.check()
    expect(points.find(({ id }) => id === 'refresh')?.seen).toMatch(/^401 .* with "refreshField"$/)
  })
})

test('a server in cookie mode may check the origin of each unsafe request instead of a CSRF value', async () => {
  const server = await startContractServer(10, 'cookie')
  const wait = async (ms: number) => server.pass(ms / 1000)
  const options = {
    ...server.credentials,
    mode: 'cookie',
    apiPost: '/api/items',
    wait,
    without: ['csrf'],
  } as const
  server.break('no CSRF check', 'no CSRF cookie', 'the API checks the origin')
  const protectedReport = await checkBackend(server.url, options)
  server.break('no CSRF check', 'no CSRF cookie')
  const { failures } = await checkBackend(server.url, options)
  await server.close()
  expect(failed(protectedReport)).toEqual([])
  expect(failures.map(({ id, seen }) => [id, seen])).toEqual([
    ['origin', '200 {"sub":"ada"} for a POST to the API from https://evil.example'],
  ])
})

describe('a mode that is not the one of the server', () => {
  const cookie = useServer('cookie')
  const body = useServer('body')

  test.each<[string, () => Promise<ContractReport>, PointId]>([
    ['cookie', () => cookie.check({ mode: 'bearer' }), 'login'],
    ['body', () => body.check({ mode: 'bearer' }), 'cookie'],
    ['body', () => body.check({ mode: 'cookie' }), 'login'],
  ])('is asked for, of one in the mode %s', async (_, check, id) => {
    const { failures } = await check()
    expect([failures[0]?.id, failures[0]?.seen]).toEqual([
      id,
      expect.stringMatching(/Do the tokens travel another way\? Name it with "mode"$/),
    ])
  })
})

describe('options', () => {
  const sliding = useServer('sliding')

  test.each<[ContractMode, ContractOptions, RegExp]>([
    ['bearer', { mode: 'oauth' as never }, /^"mode" must be one of bearer, cookie, body, sliding\.$/],
    ['bearer', { csrfHeader: 'X-CSRF' }, /^"csrfHeader" must be left out in the mode bearer\.$/],
    ['bearer', { refreshField: 'refresh' }, /^"refreshField" must be left out in the mode bearer/],
    ['cookie', { tokenField: 'token' }, /^"tokenField" must be left out in the mode cookie/],
    ['cookie', { csrfHeader: 'X CSRF' }, /^"csrfHeader" must be the name of a header/],
    ['cookie', { me: 'https://id.example.com/me' }, /^"me" must be a path on http/],
    ['body', { cookie: 'rt' }, /^"cookie" must be left out in the mode body/],
    ['sliding', { grace: 0 }, /^"grace" must be left out in the mode sliding/],
  ])('in the mode %s, %j is refused', async (mode, options, message) => {
    await expect(sliding.check({ mode, ...options })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringMatching(message),
    })
  })

  test('a token that lives too long is not waited for', async () => {
    sliding.break()
    const waits: number[] = []
    const wait = async (ms: number) => waits.push(ms)
    const report = await sliding.check({ patience: 14, wait, without: ['refresh-issued-at', 'cors'] })
    expect(waits).toEqual([])
    expect(withStatus(report, 'skipped').filter(id => !id.startsWith('cors'))).toEqual([
      'refresh-issued-at',
      'sliding-expired-token',
      'api-expired-token',
    ])
  })
})

describe('a login answer in cookie mode', () => {
  test.each([
    ['nothing', ''],
    ['JSON', '{"expires_in":60,"user":{"sub":"ada"}}'],
    ['an empty object', '{}'],
    ['null', 'null'],
    ['a text', 'Welcome'],
    ['JSON without a field of a login', '{"ok":true}'],
    ['a page', '<html>Welcome</html>'],
    ['a page after white space', '  <p>Welcome</p>'],
  ])('is judged as the client reads it: %s', async (_, text) => {
    const backend = createServer((request, response) => {
      if (request.url === '/auth/me') return void response.end('{"sub":"ada"}')
      const isLogin = request.url === '/auth/login'
      response.writeHead(isLogin ? 200 : 401, {
        'Content-Type': 'application/json',
        'Set-Cookie': ['access_token=a; HttpOnly', 'refresh_token=r; HttpOnly'],
      })
      response.end(isLogin ? text : '{}')
    }).listen(0, '127.0.0.1')
    await once(backend, 'listening')
    const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
    const auth = createAuthClient({
      baseUrl: `${url}/auth`,
      mode: cookieMode(),
      endpoints: { user: 'me' },
      tabs: false,
      server: true,
    })
    const works = await auth.login({ email: 'ada', password: 'secret' }).then(
      () => true,
      () => false,
    )
    const { points } = await checkBackend(url, { mode: 'cookie' })
    expect(points.find(({ id }) => id === 'login')?.status).toBe(works ? 'holds' : 'fails')
    auth.dispose()
    backend.close()
  })
})

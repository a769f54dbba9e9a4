// @vitest-environment node
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import {
  type ContractOptions,
  type ContractReport,
  checkBackend,
  contractPoints,
  formatReport,
} from 'silent-refresh/testing/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthClient } from '../src/core.ts'
import { parseBody } from '../src/kernel/answer.ts'
import { tryBackend } from '../src/testing/contract/check.ts'
import { foreignOrigins } from '../src/testing/contract/checks/origin.ts'
import { isRefused } from '../src/testing/contract/checks/refresh.ts'
import { FLAGS, flagOf, readFlags } from '../src/testing/contract/flags.ts'
import { readPage } from './recipes/blocks.ts'
import type { Break } from './support/contract/breaks.ts'
import { PAGE } from './support/contract/origins.ts'
import { type ContractServer, startContractServer } from './support/contract/server.ts'
import { root } from './tools/report.ts'

const CORS = { origin: PAGE, cors: true }
const all = contractPoints.map(({ id }) => id)
const failed = ({ failures }: ContractReport) => failures.map(({ id }) => id)
const statuses = ({ points }: ContractReport, status: string) =>
  points.filter(point => point.status === status).map(({ id }) => id)

describe('a server in bearer mode', () => {
  let server: ContractServer
  beforeAll(async () => {
    server = await startContractServer()
  })
  afterAll(() => server.close())

  const check = (options: ContractOptions = {}) =>
    checkBackend(server.url, {
      ...server.credentials,
      wait: async ms => server.pass(ms / 1000),
      ...options,
    })

  test('what the app does not have is left out: a point, a group, and a server without a grace', async () => {
    server.break('no grace', 'the API is closed', 'no HttpOnly')
    const report = await check({ without: ['grace', 'api', 'cookie-http-only'] })
    expect(report).toMatchObject({ holds: true, failures: [] })
    expect(statuses(report, 'skipped')).toEqual(
      all.filter(id => /^(grace|api|cors)(-|$)|^cookie-http-only$/.test(id)),
    )
    expect(failed(await check({ grace: 0, without: ['api', 'cookie-http-only'] }))).toEqual([])
  })

  test('a server with a grace that is not to be checked is waited for all the same', async () => {
    server.break()
    for (const without of [['grace'], ['grace-race']]) expect(failed(await check({ without }))).toEqual([])
  })

  test('nobody waits for the grace if the point after it is left out', async () => {
    server.break()
    const waits: number[] = []
    const wait = async (ms: number) => waits.push(ms)
    await check({ without: ['reuse-after-grace'], patience: 0, wait })
    // What is left is for `iat`, which counts seconds.
    expect(waits).toEqual([1100])
  })

  test('a token that is found by its path may have a token type of its own', async () => {
    server.break('another token type')
    expect(failed(await check({ tokenField: 'access_token' }))).toEqual([])
  })

  test('a server without a grace is not waited for, and must end the session at once', async () => {
    server.break('no grace')
    const waits: number[] = []
    const wait = async (ms: number) => {
      waits.push(ms)
      server.pass(ms / 1000)
    }
    const report = await check({ grace: 0, patience: 0, wait })
    expect(failed(report)).toEqual([])
    expect(waits).toEqual([1100])
    server.break('a used token is refused, and no more')
    expect(failed(await check({ grace: 0, patience: 0 }))).toContain('reuse-superseded')
  })

  test('an access token that lives too long is not waited for, and that is said', async () => {
    server.break()
    const { points } = await check({ patience: 14 })
    expect(points.find(({ id }) => id === 'api-expired-token')).toMatchObject({
      status: 'skipped',
      seen: 'the access token lives too long for "patience"',
    })
  })

  test.each([
    ['too many logins', {}],
    ['too many wrong logins', {}],
    ['too many logins', { without: ['login'] }],
  ] as const)('%s: it is said once, and what needs more logins is skipped (%j)', async (what, options) => {
    server.break(what, 'answers may be cached', 'no HttpOnly')
    const { failures, points } = await check(options)
    expect(failures.map(({ id }) => id)).toEqual(['login', 'cookie-http-only'])
    expect(failures[0]).toMatchObject({
      seen: expect.stringMatching(
        /^429 .* for login \d+ of the run\. Raise your limit on logins: the check needs 20$/,
      ),
      why: expect.stringContaining('A limit is right'),
    })
    const skipped = points.filter(({ seen }) => seen === 'more logins are needed').map(({ id }) => id)
    for (const id of ['grace-race', 'grace-lost-answer', 'logout', 'no-store', 'error-bodies']) {
      expect(skipped).toContain(id)
    }
    expect(points.find(({ id }) => id === 'refresh-no-token')?.status).toBe('holds')
    // After the first refusal there is no further try.
    expect(failures[0]?.seen).toContain(`login ${server.logins()} `)
  })

  test('a server that accepts no login at all because of its limit is told so', async () => {
    server.break('no logins')
    const { failures, points } = await check()
    expect(failures.map(({ id, seen }) => [id, seen])).toEqual([
      ['login', expect.stringMatching(/^429 .* for login 1 of the run\. Raise your limit/)],
    ])
    expect(points.filter(({ status }) => status === 'holds')).toEqual([])
  })

  test.each([
    ['the origin is refused', { origin: 'https://evil.example' }],
    ['the path is wrong', { login: '/nowhere' }],
    ['the password is wrong', { password: 'wrong' }],
  ])('nothing is proved if nobody can log in: %s', async (_, options) => {
    server.break()
    const { failures, points } = await check(options)
    expect(failures.map(({ id }) => id)).toEqual(['login'])
    for (const { id, status, seen } of points) {
      if (status === 'inapplicable' || id === 'login') continue
      expect([id, status]).toEqual([id, 'skipped'])
      if (!id.startsWith('cors-')) expect(seen).toBe('a login is needed')
    }
  })

  test.each([
    ['another token field', ['login-unknown-user', 'login-malformed', 'no-store', 'error-bodies']],
    ['no cookie at all', ['no-store', 'error-bodies']],
    ['a refresh needs a bearer', ['no-store', 'error-bodies']],
  ] as const)('%s: what was not tried everywhere is skipped', async (what, ids) => {
    server.break(what)
    const { points } = await check()
    for (const id of ids) expect(points.find(point => point.id === id)?.status).toBe('skipped')
  })

  test.each([
    ['the API has no challenge', 'api-no-token', /RFC 6750/],
    ['SameSite=Lax', 'cookie-same-site', /^With Lax /],
    ['Max-Age in milliseconds', 'cookie-max-age', /Express/],
  ] as const)('%s has a reason of its own', async (what, id, why) => {
    server.break(what)
    const { failures } = await check()
    const usual = contractPoints.find(point => point.id === id)
    expect(usual?.why).not.toMatch(why)
    expect(failures.find(point => point.id === id)?.why).toMatch(why)
  })

  test.each([
    ['no cookie at all', 'a refresh token is needed'],
    ['a refresh needs a bearer', 'a refresh is needed'],
    ['another token field', 'a login is needed'],
  ] as const)('%s: what cannot be tried says why', async (what, reason) => {
    server.break(what)
    const { points } = await check()
    expect(points.find(({ id }) => id === 'logout')).toMatchObject({ status: 'skipped', seen: reason })
    expect(points.find(({ id }) => id === 'login-wrong-password')?.status).toBe('holds')
  })

  test.each([
    ['the path of the login', { login: '/nowhere' }, /404.*"login"/s],
    ['the credentials', { password: 'wrong' }, /401.*"password"/s],
    ['the fields', { userField: 'username' }, /400.*"userField"/s],
    [
      'the origin',
      { origin: 'https://evil.example' },
      /^403 .*\. The check sent Origin: https:\/\/evil\.example\. Name yours with "origin"$/,
    ],
  ])('what to look at where the first login fails: %s', async (_, options, message) => {
    server.break()
    const { failures } = await check(options)
    expect(failures[0]?.id).toBe('login')
    expect(failures[0]?.seen).toMatch(message)
    expect(failures[0]?.seen).not.toContain(server.credentials.password)
  })

  test('the report names no token, whatever the server returns', async () => {
    server.break('the cookie in the body', 'a wrong password is 403', 'a logout clears nothing', 'a Domain')
    const report = await check(CORS)
    const shown = formatReport(report) + JSON.stringify(report)
    expect(shown).not.toMatch(/rt-[\da-f]{8}|eyJ/)
    expect(formatReport(report)).toContain(
      'FAILED  cookie-domain: The refresh cookie belongs to one host\n' +
        '          seen      Set-Cookie: refresh_token=…; Path=/auth; HttpOnly; SameSite=Strict; Max-Age=3600; Domain=127.0.0.1\n' +
        '          expected  no Domain\n' +
        '          why       With Domain every subdomain gets the refresh token.\n' +
        '          see       docs/backend.md#cookies\n',
    )
  })

  test('a report is what docs/backend.md shows', async () => {
    server.break('no HttpOnly')
    const shown = readPage('docs/backend.md').find(({ code }) => code.includes('FAILED'))
    expect(formatReport(await check())).toContain(shown?.code)
  })

  test.each(['refresh', 'logout', 'api'] as const)('what to look at where there is no %s', async name => {
    server.break()
    const { points } = await check({ [name]: '/nowhere', without: ['cookie-path'] })
    expect(points.find(({ id }) => id === name)?.seen).toMatch(
      RegExp(`^404 .*Is /nowhere the right path\\? Name another one with "${name}"$`),
    )
  })

  test.each<[string, ContractOptions, RegExp]>([
    ['a path on another host', { api: 'https://api.example.com/me' }, /^"api" must be a path on http/],
    ['an unknown option', { retries: 2 } as ContractOptions, /^"retries" is not an option/],
    ['an unknown point', { without: ['graces'] }, /^"without" has "graces"/],
    ['an origin with a path', { origin: 'https://a.example/x' }, /^"origin" must be/],
    ['CORS for the own origin', { cors: true }, /^"origin" must be another origin/],
    ['a negative grace', { grace: -1 }, /^"grace" must be a number of seconds/],
    ['no user', { user: '' }, /^"user" must be a text/],
    ['fields that are no texts', { loginFields: { a: 1 } as never }, /^"loginFields" must be/],
  ])('refuses %s', async (_, options, message) => {
    await expect(check(options)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringMatching(message),
    })
  })

  test.each(['', 'nonsense', 'ftp://127.0.0.1'])('refuses the address %j', async address => {
    await expect(checkBackend(address)).rejects.toThrow('"url" must be an http or https address')
  })
})

test.each([
  ['http://localhost:5173', ['http://localhost:51730', 'http://localhost:517']],
  ['http://127.0.0.1:8080', ['http://127.0.0.1:808']],
  ['http://[::1]:43251', ['http://[::1]:4325']],
  ['https://app.example.com', []],
])('the ports that a prefix of %s would let through: %j', (own, expected) => {
  const { hostname } = new URL(own)
  const origins = foreignOrigins(own)
  expect(origins.filter(origin => URL.parse(origin)?.hostname === hostname)).toEqual(expected)
})

describe('a login answer', () => {
  const TOKEN = 'some.opaque-token'

  test.each([
    { access_token: TOKEN },
    { accessToken: TOKEN, expiresIn: 60 },
    { token: TOKEN, expires_in: '60' },
    { access_token: `Bearer ${TOKEN}`, token_type: 'bearer' },
    { access_token: '', token: TOKEN },
    { access_token: TOKEN, token_type: 'MAC' },
    { access_token: 'with a space' },
    { access_token: 'with ümlaut' },
    { access_token: 5 },
    { jwt: TOKEN },
    { data: { token: TOKEN } },
    { user: { sub: 'ada' } },
    [],
    'text',
    7,
  ])('is judged as the client reads it: %j', async body => {
    const backend = createServer((request, response) => {
      const isLogin = request.url === '/auth/login'
      response.writeHead(isLogin ? 200 : 401, { 'Content-Type': 'application/json' })
      response.end(isLogin ? JSON.stringify(body) : '{}')
    }).listen(0, '127.0.0.1')
    await once(backend, 'listening')
    const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
    const auth = createAuthClient({ baseUrl: `${url}/auth`, tabs: false, server: true })
    const works = await auth.login({ email: 'ada', password: 'secret' }).then(
      () => true,
      () => false,
    )
    const { points } = await checkBackend(url)
    expect(points.find(({ id }) => id === 'login')?.status).toBe(works ? 'holds' : 'fails')
    auth.dispose()
    backend.close()
  })
})

describe('the command', () => {
  const run = promisify(execFile)
  const node = resolve(root, 'node_modules/.bin/node')
  const cli = resolve(root, 'src/testing/contract/cli.ts')
  /** What it prints, and its exit code. */
  const command = (...args: string[]): Promise<{ stdout: string; stderr: string; code?: number }> =>
    run(node, [cli, ...args]).catch(error => error)

  let server: ContractServer
  beforeAll(async () => {
    server = await startContractServer(0)
  })
  afterAll(() => server.close())
  const own = () => [
    '--password',
    'secret',
    '--grace',
    '0',
    '--patience',
    '0',
    '--without',
    'refresh-issued-at',
  ]

  test('exits with 0 and a line for each point if all hold', async () => {
    server.break()
    const { stdout, stderr, code } = await command(server.url, ...own())
    expect(stderr).toBe('')
    expect(code).toBeUndefined()
    expect(stdout.match(/^ok /gm)?.length).toBe(35)
    expect(stdout).toMatch(/\n35 hold, 0 fail, 8 skipped\n$/)
    expect(stdout).toContain('(left out by --without)')
  })

  test('exits with 1 and the report as JSON if one fails', async () => {
    server.break('no HttpOnly')
    const { stdout, code } = await command(server.url, '--json', ...own())
    expect(code).toBe(1)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      url: `${server.url}/`,
      holds: false,
      failures: [{ id: 'cookie-http-only' }],
    })
    expect(report.points.length).toBe(all.length)
  })

  test.each(['bearer', 'cookie', 'body', 'sliding'] as const)(
    'lists the points of the mode %s',
    async mode => {
      const { stdout } = await command('--list', '--mode', mode)
      const own = contractPoints.filter(({ modes }) => modes.includes(mode))
      expect(stdout.match(/^\S+/gm)).toEqual(own.map(({ id }) => id))
    },
  )

  test('lists the points of the mode bearer if no mode is named', async () => {
    expect((await command('--list')).stdout).toBe((await command('--list', '--mode', 'bearer')).stdout)
  })

  test('shows every flag that the parser takes, and no other, with a value where it takes one', async () => {
    const { stdout: help } = await command('--help')
    expect(help).toContain('npx silent-refresh-contract http://127.0.0.1:4000')
    const shown = [...help.matchAll(/^ {2}--(\S+)( '?[A-Z]\S*)?/gm)].map(([, name = '', value]) => [
      name,
      value,
    ])
    const taken = [...FLAGS].map(([name, type]) => [name, type === 'string'])
    expect(shown.map(([name, value]) => [name, value !== undefined]).sort()).toEqual(taken.sort())
    // A flag in passing: "for --origin too".
    for (const [, name = ''] of help.matchAll(/--([a-z][\w-]*)/g)) expect([...FLAGS.keys()]).toContain(name)
  })

  test('has a flag for every option that is not a function, and each sets its own', () => {
    const setBy: Record<Exclude<keyof ContractOptions, 'wait' | 'onWait'>, readonly string[]> = {
      mode: ['mode', 'body'],
      login: ['login', '/x'],
      refresh: ['refresh', '/x'],
      logout: ['logout', '/x'],
      api: ['api', '/x'],
      me: ['me', '/x'],
      apiPost: ['api-post', '/x'],
      user: ['user', 'x'],
      password: ['password', 'x'],
      userField: ['user-field', 'x'],
      passwordField: ['password-field', 'x'],
      loginFields: ['field', 'a=b'],
      form: ['form'],
      tokenField: ['token-field', 'x'],
      expiresField: ['expires-field', 'x'],
      refreshField: ['refresh-field', 'x'],
      cookie: ['cookie', 'x'],
      accessCookie: ['access-cookie', 'x'],
      csrfCookie: ['csrf-cookie', 'x'],
      csrfHeader: ['csrf-header', 'x'],
      headers: ['header', 'a: b'],
      origin: ['origin', 'https://a.example'],
      cors: ['cors'],
      grace: ['grace', '1'],
      patience: ['patience', '1'],
      without: ['without', 'x'],
    }
    for (const [option, [flag]] of Object.entries(setBy)) expect(flagOf(option)).toBe(`--${flag}`)
    const before: Record<string, unknown> = { ...readFlags(['http://a']).options }
    for (const [option, [flag = '', ...value]] of Object.entries(setBy)) {
      const after = Object.entries(readFlags(['http://a', `--${flag}`, ...value]).options)
      const changed = after.filter(([name, given]) => JSON.stringify(given) !== JSON.stringify(before[name]))
      expect(changed.map(([name]) => name)).toEqual([option])
    }
    const flags = Object.values(setBy).map(([flag]) => flag)
    expect([...flags, 'list', 'json', 'help'].sort()).toEqual([...FLAGS.keys()].sort())
  })

  test.each<[Break | null, ContractOptions, RegExp]>([
    [null, { password: 'wrong' }, /\(--user, --password\) and the path \(--login\) right\?$/],
    [null, { userField: 'name' }, /They are --user-field, --password-field, --field and --form$/],
    [
      null,
      { origin: 'https://evil.example' },
      /sent Origin: https:\/\/evil\.example\. Name yours with --origin$/,
    ],
    [null, { logout: '/nowhere', without: ['cookie-path'] }, /Name another one with --logout$/],
    ['another token field', {}, /Name it with --mode$/],
    ['no cookie at all', {}, /Name it with --mode$/],
  ])('names its flags where a server fails (%s, %j)', async (what, options, message) => {
    server.break(...(what ? [what] : []))
    const wait = async (ms: number) => server.pass(ms / 1000)
    const given = { ...server.credentials, grace: 0, patience: 0, wait, ...options }
    const { points, failures } = await tryBackend(server.url, given, flagOf)
    expect(failures[0]?.seen).toMatch(message)
    // Without what the server has said.
    for (const { seen = '' } of points) expect(seen.replace(/\{.*\}/, '')).not.toContain('"')
    expect(points.find(({ id }) => id === 'cors-expose')?.seen).toBe('needs the option --cors')
    expect(points.find(({ id }) => id === 'grace-race')?.seen).toBe('left out by --grace with 0')
  })

  test.each(['docs/backend.md', 'docs/backend-modes.md'])('takes the flags that %s shows', page => {
    const shells = readPage(page).filter(({ language }) => language === 'sh')
    const lines = shells.flatMap(({ code }) => code.replaceAll('\\\n', ' ').split('\n'))
    const commands = lines.filter(line => line.startsWith('npx silent-refresh-contract '))
    expect(commands).not.toEqual([])
    for (const line of commands) {
      const [, , ...args] = line.split(/ +/)
      expect(readFlags(args).url).toMatch(/^http:/)
    }
  })

  test.each([
    [[], /^Which backend\? Give its address/],
    [['nonsense'], /^The address must be an http/],
    [['http://127.0.0.1:1', 'more'], /^One address, and not also more/],
    [['http://127.0.0.1:1', '--graces', '1'], /^Unknown option '--graces'/],
    [['http://127.0.0.1:1', '--grace', 'long'], /^"--grace" must be a number of seconds/],
    [['http://127.0.0.1:1', '--header', 'x'], /^"--header" must be NAME:VALUE/],
    [['http://127.0.0.1:1', '--without', 'x'], /^"--without" has "x"/],
    [['http://127.0.0.1:1', '--user', ''], /^"--user" must be a text/],
    [['http://127.0.0.1:1', '--mode', 'oauth'], /^"--mode" must be one of bearer, cookie, body, sliding\.$/m],
    [['--list', '--mode', 'jwt'], /^"--mode" must be one of bearer/],
    [['http://127.0.0.1:1', '--csrf-cookie', 'x'], /^"--csrf-cookie" must be left out in the mode bearer/],
    [
      ['http://127.0.0.1:1', '--mode', 'body', '--cookie', 'x'],
      /^"--cookie" must be left out in the mode body/,
    ],
    [['http://127.0.0.1:1'], /got no answer: .*ECONNREFUSED.*Is the server running\?/],
  ])('says in one line what is wrong with %j, and exits with 2', async (args, message) => {
    const { stdout, stderr, code } = await command(...args)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
    expect(stderr.trim().split('\n').length).toBe(1)
    expect(code).toBe(2)
  })
})

test.each([
  [400, '', true],
  [403, '  ', true],
  [403, 'null', true],
  [403, '{"error":"invalid_grant"}', true],
  [401, '<h1>Sign in</h1>', true],
  [400, 'Bad Request', true],
  [403, '<h1>Blocked</h1>', false],
  [500, '', false],
])('a refresh that is answered with %i and %j ends the session: %s', (status, text, isEnded) => {
  const answer = { call: 'POST /', status, header: () => '', cookies: [], text, body: parseBody(text) }
  expect(isRefused(answer)).toBe(isEnded)
})

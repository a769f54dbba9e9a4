// @vitest-environment node
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DemoServer, type ServerOptions, startServer } from '../demo/server/server.ts'

const MAIN = fileURLToPath(new URL('../demo/server/main.ts', import.meta.url))
const PASSWORD = 'correct horse battery staple'
const ADA = { email: 'ada@example.com', password: PASSWORD }
const ADA_SHOWN = { email: 'ada@example.com', name: 'Ada Lovelace' }
const GRACE = { email: 'grace@example.com', password: PASSWORD }

interface Cookie {
  name: string
  value: string
  path: string
  attributes: string
}

interface Init {
  method?: string
  headers?: Record<string, string>
  json?: unknown
  body?: BodyInit
  /** The cookies to send instead of the jar's. */
  cookies?: Cookie[]
  /** Whether to keep what the answer sets: false for an answer that gets lost. Default true. */
  keep?: boolean
  signal?: AbortSignal
}

interface Browser {
  jar: Cookie[]
  cookie(name: string): Cookie | undefined
  send(path: string, init?: Init): Promise<Response>
  login(credentials?: object): Promise<string>
  refresh(init?: Init): Promise<Response>
  whoami(token: string | undefined, init?: Init): Promise<Response>
}

const parseCookie = (line: string): Cookie => {
  const [, name, value, attributes] = /^([^=]+)=([^;]*)(.*)$/.exec(line)!
  return {
    name: name!,
    value: value!,
    path: /; Path=([^;]+)/.exec(attributes!)![1]!,
    attributes: attributes!,
  }
}

const matches = (cookie: Cookie, path: string) =>
  cookie.path === '/' || path === cookie.path || path.startsWith(`${cookie.path}/`)

const openBrowser = (url: string): Browser => {
  const browser: Browser = {
    jar: [],
    cookie: name => browser.jar.find(cookie => cookie.name === name),
    send: async (path, { json, cookies = browser.jar, keep = true, ...init } = {}) => {
      const cookie = cookies
        .filter(cookie => matches(cookie, path))
        .map(({ name, value }) => `${name}=${value}`)
        .join('; ')
      const response = await fetch(url + path, {
        ...init,
        ...(json !== undefined && { body: JSON.stringify(json) }),
        headers: {
          Origin: url,
          ...(cookie && { Cookie: cookie }),
          ...(json !== undefined && { 'Content-Type': 'application/json' }),
          ...init.headers,
        },
      })
      for (const line of keep ? response.headers.getSetCookie() : []) {
        const set = parseCookie(line)
        browser.jar = browser.jar.filter(({ name }) => name !== set.name)
        if (!/; Max-Age=0(;|$)/.test(set.attributes)) browser.jar.push(set)
      }
      return response
    },
    login: async (credentials = ADA) => {
      const response = await browser.send('/auth/login', { method: 'POST', json: credentials })
      expect(response.status).toBe(200)
      return (await response.json()).access_token
    },
    refresh: init => browser.send('/auth/refresh_token', { method: 'POST', ...init }),
    whoami: (token, init) =>
      browser.send('/user/whoami', {
        ...init,
        ...(token && { headers: { Authorization: `Bearer ${token}` } }),
      }),
  }
  return browser
}

const tokenOf = async (response: Response): Promise<string> => {
  expect(response.status).toBe(200)
  return (await response.json()).access_token
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())

let server: DemoServer
let browser: Browser
let time: number
const opened: DemoServer[] = []

const pass = (seconds: number) => {
  time += seconds * 1000
}

const open = async (options: ServerOptions = {}) => {
  const started = await startServer({ passwordCost: 4, now: () => time, staticRoot: '/nowhere', ...options })
  opened.push(started)
  return started
}

const notes = () => server.log.entries().map(({ status, note }) => `${status} ${note}`)

const errorOf = async (response: Response) => [response.status, (await response.json()).error]

beforeEach(async () => {
  time = Date.parse('2031-05-01T12:00:00Z')
  server = await open()
  browser = openBrowser(server.url)
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map(one => one.close()))
})

describe('login', () => {
  test('returns a token, its lifetime and the user', async () => {
    const response = await browser.send('/auth/login', { method: 'POST', json: ADA })
    expect(response.status).toBe(200)
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    const body = await response.json()
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 15,
      user: { sub: expect.any(String), email: 'ada@example.com', name: 'Ada Lovelace' },
    })
    const claims = claimsOf(body.access_token)
    expect(claims.exp - claims.iat).toBe(15)
    expect(claims).toMatchObject({ sub: body.user.sub, name: 'Ada Lovelace', jti: expect.any(String) })
  })

  test('sets cookies that scripts cannot read, limited in path and site', async () => {
    await browser.login()
    expect(browser.cookie('refresh_token')).toMatchObject({
      path: '/auth',
      attributes: '; Max-Age=2592000; Path=/auth; HttpOnly; SameSite=Strict',
    })
    expect(browser.cookie('fingerprint')).toMatchObject({
      path: '/',
      attributes: '; Max-Age=2592000; Path=/; HttpOnly; SameSite=Strict',
    })
    expect(Buffer.from(browser.cookie('refresh_token')!.value, 'base64url')).toHaveLength(32)
  })

  test('binds the token to the fingerprint cookie by its hash', async () => {
    const token = await browser.login()
    const hash = createHash('sha256').update(browser.cookie('fingerprint')!.value).digest('base64url')
    expect(claimsOf(token).fgp).toBe(hash)
  })

  test.each([
    ['a wrong password', { ...ADA, password: 'wrong' }],
    ['an unknown address', { ...ADA, email: 'nobody@example.com' }],
  ])('says the same for %s', async (_what, credentials) => {
    const response = await browser.send('/auth/login', { method: 'POST', json: credentials })
    expect(response.status).toBe(401)
    expect(await response.json()).toEqual({
      error: 'invalid_credentials',
      message: 'The email or the password is wrong',
    })
    expect(browser.jar).toEqual([])
  })

  test.each(['', '{', 'null', '[]', '"text"', '{}', '{"email":1,"password":2}'])(
    'answers 400 to the body %j',
    async body => {
      const headers = { 'Content-Type': 'application/json' }
      const response = await browser.send('/auth/login', { method: 'POST', headers, body })
      expect(await errorOf(response)).toEqual([400, 'invalid_request'])
    },
  )

  test('refuses a body that no login needs', async () => {
    const response = await browser.send('/auth/login', {
      method: 'POST',
      json: { ...ADA, pad: 'x'.repeat(20_000) },
    })
    expect(await errorOf(response)).toEqual([413, 'too_large'])
  })

  test('refuses such a body also where its length is not told', async () => {
    const request = httpRequest(`${server.url}/auth/login`, {
      method: 'POST',
      headers: { Origin: server.url },
    })
    request.write('x'.repeat(20_000))
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect(response.resume().statusCode).toBe(413)
  })

  test('ends the session that its cookie replaces', async () => {
    await browser.login()
    const former = browser.jar
    await browser.login(GRACE)
    expect(await errorOf(await browser.refresh({ cookies: former, keep: false }))).toEqual([
      401,
      'session_revoked',
    ])
    expect((await browser.refresh()).status).toBe(200)
  })
})

describe('access tokens', () => {
  test('a good token is told whose it is', async () => {
    const token = await browser.login(GRACE)
    const response = await browser.whoami(token)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      sub: claimsOf(token).sub,
      email: 'grace@example.com',
      name: 'Grace Hopper',
    })
  })

  test('a request without a token is told the scheme and no error', async () => {
    const response = await browser.whoami(undefined)
    expect(response.status).toBe(401)
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="demo"')
    expect(await response.json()).toMatchObject({ error: 'unauthorized' })
  })

  const challenge = (description: string) =>
    `Bearer realm="demo", error="invalid_token", error_description="${description}"`

  test('a token ends with its life', async () => {
    const token = await browser.login()
    pass(14)
    expect((await browser.whoami(token)).status).toBe(200)
    pass(1)
    const response = await browser.whoami(token)
    expect(response.status).toBe(401)
    expect(response.headers.get('WWW-Authenticate')).toBe(challenge('The token has expired'))
  })

  test('a token without its fingerprint cookie is refused', async () => {
    const token = await browser.login()
    const other = openBrowser(server.url)
    await other.login(GRACE)
    for (const cookies of [[], other.jar]) {
      const response = await browser.whoami(token, { cookies })
      expect(response.status).toBe(401)
      expect(response.headers.get('WWW-Authenticate')).toBe(challenge('The token belongs to another browser'))
    }
  })

  test('a changed token, one of another server, and one without a signature are refused', async () => {
    const token = await browser.login()
    const [head, payload, signature] = token.split('.')
    const forged = Buffer.from(JSON.stringify({ ...claimsOf(token), sub: 'x' })).toString('base64url')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    const foreign = openBrowser((await open()).url)
    const tokens = [
      `${head}.${forged}.${signature}`,
      `${none}.${payload}.`,
      await foreign.login(),
      'not-a-token',
    ]
    for (const bad of tokens) {
      const response = await browser.whoami(bad)
      expect(response.status).toBe(401)
      expect(response.headers.get('WWW-Authenticate')).toBe(challenge('The token is not valid'))
    }
  })

  test('after a change of the signing key, old tokens fail and new ones work', async () => {
    const token = await browser.login()
    expect((await browser.send('/demo/rotate-key', { method: 'POST' })).status).toBe(204)
    expect((await browser.whoami(token)).status).toBe(401)
    expect((await browser.whoami(await tokenOf(await browser.refresh()))).status).toBe(200)
  })

  test('revoking ends the tokens issued so far, even when the next one comes in the same second', async () => {
    const token = await browser.login()
    await browser.send('/demo/revoke-access', { method: 'POST' })
    const response = await browser.whoami(token)
    expect(response.headers.get('WWW-Authenticate')).toBe(challenge('The token was revoked'))
    expect((await browser.whoami(await tokenOf(await browser.refresh()))).status).toBe(200)
  })

  test('revoking all ends sessions too', async () => {
    const token = await browser.login()
    await browser.send('/demo/revoke-all', { method: 'POST' })
    expect((await browser.whoami(token)).status).toBe(401)
    expect(await errorOf(await browser.refresh())).toEqual([401, 'session_revoked'])
  })
})

describe('refresh', () => {
  test('rotates the token, keeps the fingerprint, and answers like a login', async () => {
    const first = await browser.login()
    const before = { refresh: browser.cookie('refresh_token'), fingerprint: browser.cookie('fingerprint') }
    pass(60)
    const response = await browser.refresh()
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(response.headers.getSetCookie()).toHaveLength(1)
    const body = await response.json()
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 15, user: { name: 'Ada Lovelace' } })
    expect(claimsOf(body.access_token).jti).not.toBe(claimsOf(first).jti)
    expect(browser.cookie('refresh_token')!.value).not.toBe(before.refresh!.value)
    expect(browser.cookie('fingerprint')).toEqual(before.fingerprint)
    expect((await browser.whoami(body.access_token)).status).toBe(200)
    expect(notes()).toEqual(['200 signed in', '200 rotated', '200 '])
  })

  test('without a cookie, or with one that means nothing, is refused and clears nothing', async () => {
    expect(await errorOf(await browser.refresh())).toEqual([401, 'missing_refresh_token'])
    const stranger = { name: 'refresh_token', value: 'x', path: '/auth', attributes: '' }
    const response = await browser.refresh({ cookies: [stranger] })
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await errorOf(response)).toEqual([401, 'invalid_refresh_token'])
  })

  test('with a stolen refresh cookie alone is refused, and the owner goes on', async () => {
    await browser.login()
    const stolen = [browser.cookie('refresh_token')!]
    expect(await errorOf(await browser.refresh({ cookies: stolen, keep: false }))).toEqual([
      401,
      'invalid_refresh_token',
    ])
    expect((await browser.refresh()).status).toBe(200)
  })

  test('does not move the end of the family', async () => {
    await browser.login()
    for (let day = 1; day <= 29; day++) {
      pass(24 * 60 * 60)
      expect((await browser.refresh()).status).toBe(200)
    }
    expect(browser.cookie('refresh_token')!.attributes).toContain('Max-Age=86400;')
    pass(24 * 60 * 60)
    expect(await errorOf(await browser.refresh())).toEqual([401, 'session_expired'])
  })

  test('expired families are cleaned up by the next login', async () => {
    await browser.login()
    pass(30 * 24 * 60 * 60)
    await openBrowser(server.url).login()
    expect(await errorOf(await browser.refresh())).toEqual([401, 'invalid_refresh_token'])
  })
})

describe('reuse and grace', () => {
  test('a refresh cookie that a sibling subdomain has planted opens no session, before or behind the own one', async () => {
    const thief = openBrowser(server.url)
    await thief.login(GRACE)
    const planted = thief.cookie('refresh_token')!
    await browser.login()
    const own = browser.jar
    expect(await errorOf(await browser.refresh({ cookies: [planted, ...own], keep: false }))).toEqual([
      401,
      'invalid_refresh_token',
    ])
    expect((await (await browser.refresh({ cookies: [...own, planted] })).json()).user).toMatchObject(
      ADA_SHOWN,
    )
    expect((await thief.refresh()).status).toBe(200)
  })

  test('a token used again after the grace revokes the family', async () => {
    await browser.login()
    const old = browser.jar
    await browser.refresh()
    pass(10)
    expect(await errorOf(await browser.refresh({ cookies: old, keep: false }))).toEqual([
      401,
      'reuse_detected',
    ])
    expect(await errorOf(await browser.refresh())).toEqual([401, 'session_revoked'])
    expect(notes().slice(-2)).toEqual(['401 reuse detected', '401 refused: revoked'])
  })

  test('reuse ends that family and no other', async () => {
    const other = openBrowser(server.url)
    await other.login()
    await browser.login()
    const old = browser.jar
    await browser.refresh()
    pass(10)
    await browser.refresh({ cookies: old })
    expect((await other.refresh()).status).toBe(200)
  })

  test('a lost answer: the same token works once more, and the session goes on', async () => {
    await browser.login()
    await browser.refresh({ keep: false })
    pass(9)
    const token = await tokenOf(await browser.refresh())
    expect((await browser.whoami(token)).status).toBe(200)
    expect(notes().slice(1, 3)).toEqual(['200 rotated', '200 grace'])
    pass(60)
    expect((await browser.refresh()).status).toBe(200)
    pass(60)
    expect((await browser.refresh()).status).toBe(200)
  })

  test.each([0, 1])('two racing refreshes: whichever cookie ends in the jar works (%i)', async last => {
    await browser.login()
    const start = browser.jar
    const answers = await Promise.all([1, 2].map(() => browser.refresh({ cookies: start, keep: false })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(notes().slice(1).sort()).toEqual(['200 grace', '200 rotated'])
    const kept = parseCookie(answers[last]!.headers.getSetCookie()[0]!)
    browser.jar = [...start.filter(({ name }) => name !== kept.name), kept]
    pass(60)
    expect((await browser.refresh()).status).toBe(200)
    pass(60)
    expect((await browser.refresh()).status).toBe(200)
  })

  test('within the grace, a replay after the successor was used revokes the family', async () => {
    await browser.login()
    const old = browser.jar
    await browser.refresh()
    await browser.refresh()
    expect(await errorOf(await browser.refresh({ cookies: old, keep: false }))).toEqual([
      401,
      'reuse_detected',
    ])
    expect(await errorOf(await browser.refresh())).toEqual([401, 'session_revoked'])
  })

  test('every repeat yields the very same successor, until that is used', async () => {
    await browser.login()
    const old = browser.jar
    const first = browser.cookie('refresh_token')!.value
    await browser.refresh()
    const successor = browser.cookie('refresh_token')!.value
    expect(successor).not.toBe(first)
    for (let n = 0; n < 3; n++) {
      await browser.refresh({ cookies: old })
      expect(browser.cookie('refresh_token')!.value).toBe(successor)
    }
    expect((await browser.refresh()).status).toBe(200)
    expect(browser.cookie('refresh_token')!.value).not.toBe(successor)
  })

  test('a repeat without the fingerprint cookie of the session gets nothing', async () => {
    await browser.login()
    const old = browser.jar.filter(({ name }) => name === 'refresh_token')
    await browser.refresh()
    const stolen = await browser.refresh({ cookies: old, keep: false })
    expect([await errorOf(stolen), stolen.headers.getSetCookie()]).toEqual([
      [401, 'invalid_refresh_token'],
      [],
    ])
    expect((await browser.refresh()).status).toBe(200)
  })

  test('a thief who repeats within the grace, with both cookies, is not noticed by it', async () => {
    await browser.login()
    const thief = openBrowser(server.url)
    thief.jar = browser.jar
    await browser.refresh()
    expect((await thief.refresh()).status).toBe(200)
    expect((await browser.refresh()).status).toBe(200)
    expect((await thief.refresh()).status).toBe(200)
  })

  test("but when either comes after the other's grace", async () => {
    await browser.login()
    const thief = openBrowser(server.url)
    thief.jar = browser.jar
    await browser.refresh()
    expect((await thief.refresh()).status).toBe(200)
    expect((await browser.refresh()).status).toBe(200)
    pass(10)
    expect(await errorOf(await thief.refresh())).toEqual([401, 'reuse_detected'])
    expect(await errorOf(await browser.refresh())).toEqual([401, 'session_revoked'])
  })

  test('a grace of 0 is strict', async () => {
    server = await open({ grace: 0 })
    browser = openBrowser(server.url)
    await browser.login()
    await browser.refresh({ keep: false })
    expect(await errorOf(await browser.refresh())).toEqual([401, 'reuse_detected'])
  })
})

describe('logout', () => {
  test('revokes the family, denies the access token, clears both cookies', async () => {
    const token = await browser.login()
    const before = browser.jar
    const response = await browser.send('/auth/logout', { method: 'POST', headers: bearer(token) })
    expect(response.status).toBe(204)
    expect(browser.jar).toEqual([])
    expect(response.headers.getSetCookie().sort()).toEqual([
      'fingerprint=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict',
      'refresh_token=; Max-Age=0; Path=/auth; HttpOnly; SameSite=Strict',
    ])
    expect((await browser.whoami(token, { cookies: before })).status).toBe(401)
    expect(await errorOf(await browser.refresh({ cookies: before }))).toEqual([401, 'session_revoked'])
  })

  test('works with the cookie alone', async () => {
    await browser.login()
    const before = browser.jar
    expect((await browser.send('/auth/logout', { method: 'POST' })).status).toBe(204)
    expect((await browser.refresh({ cookies: before })).status).toBe(401)
  })

  test('works with a token that was rotated already', async () => {
    await browser.login()
    const old = browser.jar
    await browser.refresh()
    await browser.send('/auth/logout', { method: 'POST', cookies: old, keep: false })
    expect(await errorOf(await browser.refresh())).toEqual([401, 'session_revoked'])
  })

  test('works with neither, with junk, and twice', async () => {
    const logout = (headers?: Record<string, string>) =>
      browser.send('/auth/logout', { method: 'POST', ...(headers && { headers }) })
    expect((await logout()).status).toBe(204)
    expect((await logout(bearer('junk'))).status).toBe(204)
    await browser.login()
    expect((await logout()).status).toBe(204)
    expect((await logout()).status).toBe(204)
  })
})

describe('origins', () => {
  const endpoints = ['/auth/login', '/auth/refresh_token', '/auth/logout', '/demo/faults', '/demo/revoke-all']

  test.each(endpoints)('%s refuses foreign pages', async path => {
    const foreign = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: server.url.replace('127.0.0.1', 'localhost') },
      { Origin: `${server.url}.evil.example` },
      { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' },
    ]
    for (const headers of foreign) {
      const response = await browser.send(path, { method: 'POST', json: {}, headers })
      expect(await errorOf(response)).toEqual([403, 'forbidden_origin'])
    }
  })

  const withoutOrigin = (path: string, headers: Record<string, string>) =>
    fetch(server.url + path, { method: 'POST', headers })

  test('without an Origin header Sec-Fetch-Site decides, and without both the answer is no', async () => {
    const path = '/auth/logout'
    expect((await withoutOrigin(path, { 'Sec-Fetch-Site': 'same-origin' })).status).toBe(204)
    expect((await withoutOrigin(path, { 'Sec-Fetch-Site': 'same-site' })).status).toBe(403)
    expect((await withoutOrigin(path, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
    expect((await withoutOrigin(path, {})).status).toBe(403)
  })

  test('a refused request changes nothing', async () => {
    await browser.login()
    const headers = { Origin: 'https://evil.example' }
    await browser.send('/auth/logout', { method: 'POST', headers })
    await browser.refresh({ headers })
    expect(browser.jar).toHaveLength(2)
    expect((await browser.refresh()).status).toBe(200)
  })

  test('other host names are turned away', async () => {
    const request = httpRequest(`${server.url}/demo/config`, { headers: { Host: 'evil.example' } }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect(response.resume().statusCode).toBe(421)
  })

  describe('behind a proxy that replaces "Host"', () => {
    const PUBLIC = 'https://app.example.com'
    const login = (origin: string) =>
      browser.send('/auth/login', { method: 'POST', json: ADA, headers: { Origin: origin } })

    beforeEach(async () => {
      server = await open({ publicOrigins: ['http://localhost:3000', PUBLIC] })
      browser = openBrowser(server.url)
    })

    test('pages of the public origins can log in, and so can those of its own origin', async () => {
      for (const origin of ['http://localhost:3000', PUBLIC, server.url]) {
        expect((await login(origin)).status).toBe(200)
      }
      const lane = await browser.send('/lanes', { method: 'POST', json: {}, headers: { Origin: PUBLIC } })
      const { id } = await lane.json()
      const inLane = await browser.send(`/lanes/${id}/auth/login`, {
        method: 'POST',
        json: ADA,
        headers: { Origin: PUBLIC },
      })
      expect(inLane.status).toBe(200)
    })

    test('pages of all other origins are refused', async () => {
      const others = ['http://localhost:3001', 'http://app.example.com', `${PUBLIC}.evil.example`, 'null']
      for (const origin of others) {
        expect(await errorOf(await login(origin))).toEqual([403, 'forbidden_origin'])
      }
    })

    test('a proxy that keeps "Host" is answered too, under the public names alone', async () => {
      const statusFor = async (host: string) => {
        const request = httpRequest(`${server.url}/demo/config`, { headers: { Host: host } }).end()
        const [response] = (await once(request, 'response')) as [IncomingMessage]
        return response.resume().statusCode
      }
      expect(await statusFor('app.example.com')).toBe(200)
      expect(await statusFor('app.example.com:8443')).toBe(421)
      expect(await statusFor('evil.example')).toBe(421)
    })
  })

  test.each(['app.example.com', 'ftp://app.example.com', 'https://app.example.com/login', ''])(
    'the public origin %j is refused',
    async origin => {
      await expect(startServer({ publicOrigins: [origin] })).rejects.toThrow('"publicOrigins" must be')
    },
  )
})

describe('the API', () => {
  const api = (token: string, path: string, init: Init = {}) =>
    browser.send(path, { ...init, headers: { ...bearer(token), ...init.headers } })

  test('items are per user, can be added and removed', async () => {
    const token = await browser.login()
    const seeded = await (await api(token, '/api/items')).json()
    expect(seeded).toHaveLength(3)
    const added = await api(token, '/api/items', { method: 'POST', json: { title: ' New ' } })
    expect(added.status).toBe(201)
    const item = await added.json()
    expect(item).toEqual({ id: expect.any(String), title: 'New', createdAt: time })
    expect(await (await api(token, '/api/items')).json()).toEqual([...seeded, item])

    const other = openBrowser(server.url)
    const headers = bearer(await other.login(GRACE))
    expect(await (await other.send('/api/items', { headers })).json()).toHaveLength(3)
    expect((await other.send(`/api/items/${item.id}`, { method: 'DELETE', headers })).status).toBe(404)

    expect((await api(token, `/api/items/${item.id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await api(token, `/api/items/${item.id}`, { method: 'DELETE' })).status).toBe(404)
    expect(await (await api(token, '/api/items')).json()).toEqual(seeded)
  })

  test.each([undefined, '', '  ', 1, 'x'.repeat(201)])('an item titled %j is refused', async title => {
    const token = await browser.login()
    const response = await api(token, '/api/items', { method: 'POST', json: { title } })
    expect(await errorOf(response)).toEqual([400, 'invalid_request'])
  })

  test('echo tells the bytes and hides the secrets', async () => {
    const token = await browser.login()
    const body = new Uint8Array([0, 255, 104, 105])
    const response = await api(token, '/api/echo', { method: 'PUT', body, headers: { 'X-Mine': 'yes' } })
    const text = await response.text()
    expect(text).not.toContain(token)
    for (const cookie of browser.jar) expect(text).not.toContain(cookie.value)
    expect(JSON.parse(text)).toMatchObject({
      method: 'PUT',
      path: '/api/echo',
      headers: { authorization: 'Bearer [valid]', cookie: 'fingerprint=[redacted]', 'x-mine': 'yes' },
      body: {
        size: 4,
        base64: 'AP9oaQ==',
        text: '\u0000\ufffdhi',
        sha256: createHash('sha256').update(body).digest('hex'),
      },
    })
  })

  test('echo parses multipart bodies', async () => {
    const token = await browser.login()
    const form = new FormData()
    form.append('title', 'A photo')
    form.append('photo', new File(['pixels'], 'photo.png', { type: 'image/png' }))
    const { body } = await (await api(token, '/api/echo', { method: 'POST', body: form })).json()
    expect(body.multipart).toEqual({
      fields: [{ name: 'title', value: 'A photo' }],
      files: [
        {
          name: 'photo',
          filename: 'photo.png',
          type: 'image/png',
          size: 6,
          sha256: createHash('sha256').update('pixels').digest('hex'),
        },
      ],
    })
  })

  test('what does not exist is 404 in JSON, behind the login', async () => {
    const token = await browser.login()
    expect(await errorOf(await api(token, '/api/nothing'))).toEqual([404, 'not_found'])
    expect((await browser.send('/api/nothing')).status).toBe(401)
    expect(await errorOf(await browser.send('/auth/login'))).toEqual([404, 'not_found'])
  })
})

describe('cookie mode', () => {
  const xsrf = () => ({ 'X-XSRF-TOKEN': decodeURIComponent(browser.cookie('XSRF-TOKEN')?.value ?? '') })
  const logIn = (credentials: object = ADA) =>
    browser.send('/auth/login', { method: 'POST', json: credentials })
  const post = (headers: Record<string, string>) =>
    browser.send('/api/items', { method: 'POST', json: { title: 'one' }, headers })

  beforeEach(async () => {
    server = await open({ mode: 'cookie' })
    browser = openBrowser(server.url)
  })

  test('S4 a login answers the user, no token, and three cookies', async () => {
    const response = await logIn()
    expect(await response.json()).toEqual({ expires_in: 15, user: expect.objectContaining(ADA_SHOWN) })
    expect(browser.jar.map(({ name, attributes }) => name + attributes)).toEqual([
      'access_token; Max-Age=15; Path=/; HttpOnly; SameSite=Strict',
      'refresh_token; Max-Age=2592000; Path=/auth; HttpOnly; SameSite=Strict',
      'XSRF-TOKEN; Max-Age=2592000; Path=/; SameSite=Strict',
    ])
  })

  test('S4 the access cookie is taken, a bearer is not', async () => {
    await logIn()
    const whoami = await browser.send('/auth/me')
    expect([whoami.status, await whoami.json()]).toEqual([200, expect.objectContaining(ADA_SHOWN)])
    const headers = bearer(browser.cookie('access_token')!.value)
    expect((await browser.send('/api/items', { headers, cookies: [] })).status).toBe(401)
    pass(15)
    expect((await browser.send('/auth/me')).status).toBe(401)
  })

  test('S4 an unsafe call needs the value of its own session; reading and the login need none', async () => {
    await logIn()
    expect((await browser.send('/api/items')).status).toBe(200)
    const stranger = openBrowser(server.url)
    await stranger.send('/auth/login', { method: 'POST', json: GRACE })
    const theirs = decodeURIComponent(stranger.cookie('XSRF-TOKEN')!.value)
    const [nonce, signature] = xsrf()['X-XSRF-TOKEN'].split('.')
    for (const value of ['', 'x', '.', theirs, `${nonce}.`, `x.${signature}`]) {
      expect(await errorOf(await post({ 'X-XSRF-TOKEN': value }))).toEqual([403, 'csrf'])
    }
    expect(await errorOf(await post({}))).toEqual([403, 'csrf'])
    expect((await post(xsrf())).status).toBe(201)
  })

  test('S4 a refresh needs the value, rotates both tokens, and hands out another value', async () => {
    await logIn()
    const [access, refresh, value] = browser.jar.map(cookie => cookie.value)
    expect(await errorOf(await browser.refresh({ keep: false }))).toEqual([403, 'csrf'])
    const old = xsrf()
    pass(20)
    const response = await browser.refresh({ headers: old })
    expect(await response.json()).toEqual({ expires_in: 15, user: expect.objectContaining(ADA_SHOWN) })
    expect(browser.cookie('access_token')!.value).not.toBe(access)
    expect(browser.cookie('refresh_token')!.value).not.toBe(refresh)
    expect(browser.cookie('XSRF-TOKEN')!.value).not.toBe(value)
    expect((await post(xsrf())).status).toBe(201)
    // Another tab may have read it before the refresh.
    expect((await post(old)).status).toBe(201)
  })

  test('S4 a logout needs the value where there is something to end, and clears all', async () => {
    await logIn()
    const former = browser.jar
    const logout = (headers?: Record<string, string>) =>
      browser.send('/auth/logout', { method: 'POST', ...(headers && { headers }) })
    expect(await errorOf(await logout())).toEqual([403, 'csrf'])
    expect((await browser.send('/auth/me')).status).toBe(200)
    expect((await logout(xsrf())).status).toBe(204)
    expect(browser.jar).toEqual([])
    expect((await browser.send('/auth/me', { cookies: former })).status).toBe(401)
    expect((await logout()).status).toBe(204)
  })
})

describe('body mode', () => {
  beforeEach(async () => {
    server = await open({ mode: 'body' })
    browser = openBrowser(server.url)
  })

  test('both tokens are in the body, rotate, and reuse ends the session', async () => {
    const first = await (await browser.send('/auth/login', { method: 'POST', json: ADA })).json()
    expect(first).toMatchObject({ refresh_token: expect.any(String), expires_in: 15 })
    expect((await browser.whoami(first.access_token)).status).toBe(200)
    const exchange = (token: unknown) => browser.refresh({ json: { refresh_token: token } })
    const second = await (await exchange(first.refresh_token)).json()
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect((await browser.whoami(second.access_token)).status).toBe(200)
    pass(11)
    expect(await errorOf(await exchange(first.refresh_token))).toEqual([401, 'reuse_detected'])
    expect(await errorOf(await exchange(second.refresh_token))).toEqual([401, 'session_revoked'])
    for (const nothing of [undefined, 7, '']) {
      expect(await errorOf(await exchange(nothing))).toEqual([401, 'missing_refresh_token'])
    }
    expect(browser.jar).toEqual([])
  })

  test('a logout with the refresh token ends the session', async () => {
    const { access_token, refresh_token } = await (
      await browser.send('/auth/login', { method: 'POST', json: ADA })
    ).json()
    const json = { refresh_token }
    const headers = bearer(access_token)
    expect((await browser.send('/auth/logout', { method: 'POST', json, headers })).status).toBe(204)
    expect(await errorOf(await browser.refresh({ json }))).toEqual([401, 'session_revoked'])
    expect((await browser.whoami(access_token)).status).toBe(401)
  })
})

describe('sliding mode', () => {
  beforeEach(async () => {
    server = await open({ mode: 'sliding' })
    browser = openBrowser(server.url)
  })

  test('a good token buys the next one and dies of it; one that has ended buys nothing', async () => {
    const first = await browser.login()
    expect(browser.jar).toEqual([])
    const next = await browser.refresh({ headers: bearer(first) })
    const body = await next.json()
    expect(Object.keys(body)).toEqual(['access_token', 'token_type', 'expires_in', 'user'])
    expect((await browser.whoami(first)).status).toBe(401)
    expect((await browser.whoami(body.access_token)).status).toBe(200)
    expect(await errorOf(await browser.refresh({ headers: bearer(first) }))).toEqual([401, 'invalid_token'])
    pass(15)
    const late = await browser.refresh({ headers: bearer(body.access_token) })
    expect(await errorOf(late)).toEqual([401, 'invalid_token'])
    expect(await errorOf(await browser.refresh())).toEqual([401, 'invalid_token'])
    expect(notes()).toContain('401 refused: expired')
  })

  test('two exchanges of one token at once yield one', async () => {
    const headers = bearer(await browser.login())
    const answers = await Promise.all([browser.refresh({ headers }), browser.refresh({ headers })])
    expect(answers.map(answer => answer.status).sort()).toEqual([200, 401])
  })

  test('a logout ends the token', async () => {
    const token = await browser.login()
    expect((await browser.send('/auth/logout', { method: 'POST', headers: bearer(token) })).status).toBe(204)
    expect((await browser.whoami(token)).status).toBe(401)
    expect(notes()).toContain('204 signed out')
  })
})

describe('faults', () => {
  const fault = async (json: object) => {
    const response = await browser.send('/demo/faults', { method: 'POST', json })
    expect(response.status).toBe(200)
    return response.json()
  }

  test('500, for the next two refreshes', async () => {
    await browser.login()
    expect(await fault({ refresh: '500', count: 2 })).toEqual({
      refresh: '500',
      api: 'none',
      offline: false,
      retryAfter: 2,
      count: 2,
    })
    expect((await browser.refresh()).status).toBe(500)
    expect(await (await browser.send('/demo/faults')).json()).toMatchObject({ count: 1 })
    expect((await browser.refresh()).status).toBe(500)
    expect(await (await browser.send('/demo/faults')).json()).toMatchObject({ refresh: 'none', count: null })
    expect((await browser.refresh()).status).toBe(200)
  })

  test('429 with the Retry-After that was asked for, until cleared', async () => {
    await browser.login()
    await fault({ refresh: '429', retryAfter: 7 })
    for (let i = 0; i < 3; i++) {
      const response = await browser.refresh()
      expect(response.status).toBe(429)
      expect(response.headers.get('Retry-After')).toBe('7')
    }
    await fault({})
    expect((await browser.refresh()).status).toBe(200)
  })

  test('the last of a count still has its own Retry-After', async () => {
    await fault({ refresh: '429', retryAfter: 9, count: 1 })
    expect((await browser.refresh()).headers.get('Retry-After')).toBe('9')
  })

  const arrived = (path: string) =>
    vi.waitUntil(() => server.log.entries().find(entry => entry.path === path && entry.status === null))

  test('a hanging refresh is answered once the fault is cleared', async () => {
    await browser.login()
    await fault({ refresh: 'hang', count: 1 })
    const hanging = browser.refresh()
    await arrived('/auth/refresh_token')
    await fault({})
    expect((await hanging).status).toBe(200)
    expect(notes().at(-1)).toBe('200 fault: hang, rotated')
  })

  test('a hanging refresh that the client gave up has rotated nothing', async () => {
    await browser.login()
    await fault({ refresh: 'hang' })
    const leave = new AbortController()
    const hanging = browser.refresh({ signal: leave.signal })
    await arrived('/auth/refresh_token')
    leave.abort(new Error('gave up'))
    await expect(hanging).rejects.toThrow('gave up')
    await vi.waitUntil(() => notes().at(-1) === '0 fault: hang')
    pass(60)
    await fault({})
    expect((await browser.refresh()).status).toBe(200)
    expect(notes().at(-1)).toBe('200 rotated')
  })

  test('a dropped refresh has rotated, and the grace saves the session', async () => {
    await browser.login()
    await fault({ refresh: 'drop', count: 1 })
    await expect(browser.refresh()).rejects.toThrow()
    expect(notes().at(-1)).toBe('0 fault: drop, rotated')
    expect((await browser.refresh()).status).toBe(200)
    expect(notes().at(-1)).toBe('200 grace')
  })

  test.each(['bearer', 'sliding'] as const)('drops end no session while there is a grace: %s', async mode => {
    server = await open({ mode, accessTtl: 600 })
    browser = openBrowser(server.url)
    const headers = bearer(await browser.login())
    await fault({ refresh: 'drop' })
    for (let i = 0; i < 4; i++) {
      await expect(browser.refresh({ headers })).rejects.toThrow()
      pass(60)
    }
    await fault({})
    pass(60)
    expect((await browser.refresh({ headers })).status).toBe(200)
  })

  test('a dropped refresh without a grace ends the session', async () => {
    await browser.login()
    await browser.send('/demo/config', { method: 'POST', json: { grace: 0 } })
    await fault({ refresh: 'drop', count: 1 })
    await expect(browser.refresh()).rejects.toThrow()
    expect(await errorOf(await browser.refresh())).toEqual([401, 'reuse_detected'])
  })

  test('while drops are on, no connection is kept, so that no browser repeats the request by itself', async () => {
    const connection = async () => (await browser.send('/demo/config')).headers.get('Connection')
    expect(await connection()).toBe('keep-alive')
    const unused = connect(server.port, '127.0.0.1')
    await once(unused, 'connect')
    const cut = once(unused, 'close')
    await fault({ refresh: 'drop' })
    await cut
    expect(await connection()).toBe('close')
    await fault({})
    expect(await connection()).toBe('keep-alive')
  })

  test('the API can fail with 500 and 401 while the token is good', async () => {
    const headers = bearer(await browser.login())
    await fault({ api: '500', count: 1 })
    expect((await browser.send('/api/items', { headers })).status).toBe(500)
    await fault({ api: '401', count: 1 })
    const response = await browser.send('/api/items', { headers })
    expect(response.status).toBe(401)
    expect(response.headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
    expect((await browser.send('/api/items', { headers })).status).toBe(200)
  })

  test.each([{ refresh: 'x' }, { api: 404 }, { count: 0 }, { retryAfter: -1 }, { nonsense: 1 }])(
    '%j is refused and changes nothing',
    async json => {
      await fault({ refresh: '500' })
      const response = await browser.send('/demo/faults', { method: 'POST', json })
      expect(await errorOf(response)).toEqual([400, 'invalid_request'])
      expect(server.faults.state().refresh).toBe('500')
    },
  )
})

describe('the demo endpoints', () => {
  test('config tells the settings and who can log in, and changes them', async () => {
    const config = await (await browser.send('/demo/config')).json()
    expect(config).toEqual({
      mode: 'bearer',
      accessTtl: 15,
      grace: 10,
      credentials: [
        { ...ADA, name: 'Ada Lovelace' },
        { ...GRACE, name: 'Grace Hopper' },
      ],
    })
    const response = await browser.send('/demo/config', { method: 'POST', json: { accessTtl: 3 } })
    expect(await response.json()).toEqual({ ...config, accessTtl: 3 })
    const claims = claimsOf(await browser.login())
    expect(claims.exp - claims.iat).toBe(3)
  })

  test.each([
    { accessTtl: 0 },
    { accessTtl: 1.5 },
    { accessTtl: '9' },
    { grace: -1 },
    { x: 1 },
    { grace: null },
  ])('the setting %j is refused', async json => {
    const response = await browser.send('/demo/config', { method: 'POST', json })
    expect(await errorOf(response)).toEqual([400, 'invalid_request'])
    expect(server.settings).toEqual({ accessTtl: 15, grace: 10 })
  })

  test('the log tells what arrived and no secret, is bounded, and can be cleared', async () => {
    const token = await browser.login()
    await browser.send(`/api/items?token=${token}`, { headers: bearer(token) })
    const text = await (await browser.send('/demo/log')).text()
    expect(JSON.parse(text)).toEqual([
      { at: time, method: 'POST', path: '/auth/login', status: 200, note: 'signed in' },
      { at: time, method: 'GET', path: '/api/items', status: 200, note: '' },
    ])
    for (const secret of [token, ...browser.jar.map(({ value }) => value)]) expect(text).not.toContain(secret)

    for (let i = 0; i < 250; i++) await browser.send('/user/whoami')
    expect(server.log.entries()).toHaveLength(200)
    expect((await browser.send('/demo/log', { method: 'DELETE' })).status).toBe(204)
    expect(server.log.entries()).toEqual([])
  })
})

describe('the mode, changed while the server runs', () => {
  const change = (json: object) => browser.send('/demo/config', { method: 'POST', json })

  test('another mode ends every session and answers in its own way', async () => {
    const token = await browser.login()
    expect((await (await change({ mode: 'cookie' })).json()).mode).toBe('cookie')
    expect((await browser.whoami(token)).status).toBe(401)
    await change({ mode: 'bearer' })
    expect(await errorOf(await browser.refresh())).toEqual([401, 'session_revoked'])
    expect((await browser.whoami(token)).status).toBe(401)
    await change({ mode: 'cookie' })
    const answer = await (await browser.send('/auth/login', { method: 'POST', json: ADA })).json()
    expect(answer).not.toHaveProperty('access_token')
    expect((await browser.send('/auth/me')).status).toBe(200)
  })

  test.each(['body', 'sliding', 'bearer'])('%s takes over from cookie', async mode => {
    await change({ mode: 'cookie' })
    await change({ mode })
    const answer = await (await browser.send('/auth/login', { method: 'POST', json: ADA })).json()
    expect(answer.access_token).toEqual(expect.any(String))
    expect('refresh_token' in answer).toBe(mode === 'body')
  })

  test('the same mode again ends nothing', async () => {
    const token = await browser.login()
    await change({ mode: 'bearer', accessTtl: 20 })
    expect((await browser.whoami(token)).status).toBe(200)
  })

  test('a mode that is not one is refused, and the settings beside it are not taken', async () => {
    expect(await errorOf(await change({ mode: 'basic', accessTtl: 20 }))).toEqual([400, 'invalid_request'])
    expect(await errorOf(await change({ mode: 'cookie', accessTtl: 0 }))).toEqual([400, 'invalid_request'])
    expect(await (await browser.send('/demo/config')).json()).toMatchObject({ mode: 'bearer', accessTtl: 15 })
  })
})

describe('the event stream', () => {
  const listen = async () => {
    const response = await browser.send('/demo/events')
    expect(response.headers.get('Content-Type')).toBe('text/event-stream')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    return {
      cancel: () => reader.cancel(),
      /** The next event; null at the end. */
      next: async () => {
        while (!text.includes('\n\n')) {
          const { value, done } = await reader.read()
          if (done) return null
          text += value
        }
        const [block = ''] = text.split('\n\n', 1)
        text = text.slice(block.length + 2)
        const [, name, data] = /^event: (.+)\ndata: (.+)$/.exec(block)!
        return { name, data: JSON.parse(data!) }
      },
    }
  }

  test('tells what was before, then each request as it comes and as it is answered, and no secret', async () => {
    const token = await browser.login()
    const stream = await listen()
    expect(await stream.next()).toEqual({
      name: 'config',
      data: { mode: 'bearer', accessTtl: 15, grace: 10 },
    })
    expect(await stream.next()).toEqual({ name: 'faults', data: server.faults.state() })
    const told = { method: 'POST', path: '/auth/login', status: 200, note: 'signed in', answeredAt: time }
    expect(await stream.next()).toMatchObject({ name: 'request', data: told })
    await browser.whoami(token)
    const arrived = await stream.next()
    expect(arrived!.data).toMatchObject({ path: '/user/whoami', status: null, answeredAt: null })
    const answered = await stream.next()
    expect(answered!.data).toEqual({ ...arrived!.data, status: 200, answeredAt: time })
    expect(JSON.stringify([arrived, answered])).not.toContain(token)
    await stream.cancel()
  })

  test('tells a change of the settings', async () => {
    const stream = await listen()
    for (let i = 0; i < 2; i++) await stream.next()
    await browser.send('/demo/config', { method: 'POST', json: { mode: 'sliding', grace: 0 } })
    const data = { mode: 'sliding', accessTtl: 15, grace: 0 }
    expect(await stream.next()).toEqual({ name: 'config', data })
    await stream.cancel()
  })

  test('tells the faults as they are chosen, and as they are spent', async () => {
    const token = await browser.login()
    const stream = await listen()
    const next = async () => {
      for (;;) {
        const { name, data } = (await stream.next())!
        if (name === 'faults') return data
      }
    }
    expect(await next()).toMatchObject({ api: 'none', count: null })
    await browser.send('/demo/faults', { method: 'POST', json: { api: '500', count: 2 } })
    expect(await next()).toMatchObject({ api: '500', count: 2 })
    for (const left of [
      { api: '500', count: 1 },
      { api: 'none', count: null },
    ]) {
      const headers = { Authorization: `Bearer ${token}` }
      expect((await browser.send('/api/items', { headers })).status).toBe(500)
      expect(await next()).toMatchObject(left)
    }
    await stream.cancel()
  })

  test('ends with the server, and one that is gone disturbs nobody', async () => {
    const [stays, leaves] = [await listen(), await listen()]
    for (let i = 0; i < 2; i++) await stays.next()
    await leaves.cancel()
    for (let i = 0; i < 3; i++) await browser.send('/user/whoami')
    for (let i = 0; i < 6; i++) expect((await stays.next())!.name).toBe('request')
    const started = performance.now()
    await server.close()
    expect(await stays.next()).toBeNull()
    expect(performance.now() - started).toBeLessThan(900)
  })

  test('is for pages of its own origin', async () => {
    const response = await browser.send('/demo/events', { headers: { Origin: 'https://evil.example' } })
    expect(response.status).toBe(403)
  })
})

describe('the page', () => {
  test('says how to build it while it is not there', async () => {
    const response = await browser.send('/')
    expect(response.status).toBe(503)
    expect(response.headers.get('Content-Type')).toMatch(/^text\/plain/)
    expect(await response.text()).toContain('npx vite build demo/app')
  })

  test('is served with its types and policies, and nothing outside of its folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-page-'))
    try {
      const page = join(folder, 'dist')
      const late = await open({ staticRoot: page })
      const raw = (path: string) => {
        const request = httpRequest({ port: late.port, host: '127.0.0.1', path }).end()
        return once(request, 'response').then(
          ([response]) => (response as IncomingMessage).resume().statusCode,
        )
      }
      expect(await raw('/')).toBe(503)
      mkdirSync(join(page, 'assets'), { recursive: true })
      writeFileSync(join(page, 'index.html'), '<!doctype html>')
      writeFileSync(join(page, 'assets', 'app-1a2b.js'), 'export {}')
      writeFileSync(join(folder, 'secret.txt'), 'secret')

      const index = await fetch(`${late.url}/`)
      expect(index.status).toBe(200)
      expect(index.headers.get('Content-Type')).toMatch(/^text\/html/)
      expect(index.headers.get('Content-Security-Policy')).toBe(
        `default-src 'self'; require-trusted-types-for 'script'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'`,
      )
      expect(index.headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(index.headers.get('Referrer-Policy')).toBe('same-origin')
      expect(index.headers.get('Cache-Control')).toBe('no-cache')
      const script = await fetch(`${late.url}/assets/app-1a2b.js`)
      expect(script.headers.get('Content-Type')).toMatch(/^text\/javascript/)
      expect(script.headers.get('Cache-Control')).toContain('immutable')

      const escapes = [
        '/../secret.txt',
        '/%2e%2e/secret.txt',
        '/..%2fsecret.txt',
        '/assets/..\\..\\secret.txt',
      ]
      for (const path of escapes) expect(await raw(path)).toBeOneOf([400, 404])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the database', () => {
  test('while it fails, the answer is a 503 with Retry-After, and no session ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-db-'))
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    try {
      const db = join(folder, 'demo.db')
      browser = openBrowser((await open({ db })).url)
      await browser.login()
      const other = new DatabaseSync(db)
      other.exec('ALTER TABLE refresh_tokens RENAME TO away')
      for (const path of ['/auth/refresh_token', '/auth/logout', '/auth/login']) {
        const response = await browser.send(path, { method: 'POST', json: ADA })
        expect(await errorOf(response)).toEqual([503, 'temporarily_unavailable'])
        expect(Number(response.headers.get('Retry-After'))).toBeGreaterThan(0)
        expect(response.headers.getSetCookie()).toEqual([])
      }
      expect(logged).toHaveBeenCalledTimes(3)
      other.exec('ALTER TABLE away RENAME TO refresh_tokens')
      other.close()
      expect((await browser.refresh()).status).toBe(200)
    } finally {
      logged.mockRestore()
      rmSync(folder, { recursive: true })
    }
  })

  test('sessions and keys survive a restart, and hold no token in the clear', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-db-'))
    try {
      const db = join(folder, 'demo.db')
      const first = await open({ db })
      const before = openBrowser(first.url)
      const token = await before.login()
      await first.close()
      expect(statSync(db).mode & 0o077).toBe(0)
      for (const { value } of before.jar) expect(readFileSync(db).includes(value)).toBe(false)
      expect(readFileSync(db).includes(PASSWORD)).toBe(false)

      const after = openBrowser((await open({ db })).url)
      after.jar = before.jar
      expect((await after.whoami(token)).status).toBe(200)
      expect((await after.refresh()).status).toBe(200)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the command', () => {
  const running = new Set<ChildProcess>()

  const run = (...flags: string[]) => {
    const child = spawn(process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let output = ''
    let errors = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    child.stderr.on('data', chunk => {
      errors += chunk
    })
    const ended = once(child, 'close').then(([code]) => ({ code, output, errors }))
    const ready = vi.waitFor(() => /^http:\/\/127\.0\.0\.1:\d+/m.exec(output)![0], { timeout: 15_000 })
    ready.catch(() => undefined)
    return { child, ended, ready, output: () => output }
  }

  afterEach(() => {
    for (const child of running) if (child.exitCode === null) child.kill('SIGKILL')
    running.clear()
  })

  test.each([
    [['--nonsense'], '--nonsense'],
    [['--port', 'http'], '"--port" must be a whole number from 0 to 65535'],
    [['--port', '70000'], '"--port"'],
    [['--access-ttl', '0'], '"--access-ttl" must be a whole number from 1 to 86400'],
    [['--mode', 'basic'], '"--mode" must be one of bearer, cookie, body, sliding'],
    [['--mode', 'cookie', '--dpop'], '"--mode" cannot be cookie if proofs are demanded'],
    [['--nonces'], '"--nonces" needs "--dpop"'],
    [['--grace='], '"--grace" must be a number from 0 to 10'],
    [['--db', '/nowhere/at/all.db', '--port', '0'], '"db" cannot be opened: /nowhere/at/all.db'],
    [
      ['--public-origin', 'localhost:3000'],
      '"--public-origin" must be origins such as http://localhost:3000',
    ],
    [['surplus'], 'surplus'],
  ])('%j ends with 2 and one sentence', async (flags, sentence) => {
    const { code, output, errors } = await run(...flags).ended
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(errors).toContain(sentence)
    expect(errors.trim().split('\n')).toHaveLength(1)
  })

  test('--help tells the flags', async () => {
    const { code, output } = await run('--help').ended
    expect(code).toBe(0)
    for (const flag of [
      '--port',
      '--mode',
      '--dpop',
      '--nonces',
      '--access-ttl',
      '--grace',
      '--public-origin',
      '--db',
    ])
      expect(output).toContain(flag)
  })

  test('tells its address and who can log in; another port is taken when its own is in use', async () => {
    const command = run('--port', String(server.port), '--db', ':memory:')
    const url = await command.ready
    expect(url).not.toBe(server.url)
    await vi.waitUntil(() => command.output().includes(`grace@example.com, with the password: ${PASSWORD}\n`))
    const [what, address, who, rest] = command.output().split('\n')
    expect(what).toContain('in the mode bearer')
    expect(address).toBe(`${url}  (port ${server.port} is taken)`)
    expect([who, rest]).toEqual([expect.stringContaining('ada@example.com or'), ''])
    expect(await (await fetch(`${url}/demo/config`)).json()).toMatchObject({ accessTtl: 15, grace: 10 })
    command.child.kill('SIGTERM')
    expect((await command.ended).code).toBe(0)
  })

  test('--public-origin can be repeated, and can be a list', async () => {
    const list = 'http://localhost:3000, http://localhost:3001'
    const origins = ['--public-origin', list, '--public-origin', 'https://app.example.com']
    const page = openBrowser(await run('--port', '0', '--db', ':memory:', ...origins).ready)
    for (const origin of ['http://localhost:3000', 'http://localhost:3001', 'https://app.example.com']) {
      const init = { method: 'POST', json: {}, headers: { Origin: origin } }
      expect((await page.send('/auth/login', init)).status).toBe(400)
    }
  })

  test('SIGINT ends it cleanly, also while a refresh hangs', async () => {
    const command = run('--port', '0', '--db', ':memory:')
    const page = openBrowser(await command.ready)
    await page.send('/demo/faults', { method: 'POST', json: { refresh: 'hang' } })
    const hanging = page.refresh().then(
      () => 'answered',
      () => 'ended',
    )
    await vi.waitUntil(async () => (await (await page.send('/demo/log')).json())[0]?.status === null)
    command.child.kill('SIGINT')
    const { code, errors } = await command.ended
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(await hanging).toBe('ended')
  })

  test('in process, a taken port is replaced by a free one', async () => {
    const second = await open({ port: server.port })
    expect(second.port).not.toBe(server.port)
    expect((await fetch(`${second.url}/demo/config`)).status).toBe(200)
  })
})

// @vitest-environment node
import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DemoServer, type ServerOptions, startServer } from '../demo/server/server.ts'

// The demo server with `--dpop`, over plain HTTP. The proofs are made by `jose`.

const ADA = { email: 'ada@example.com', password: 'correct horse battery staple' }

type Key = Awaited<ReturnType<typeof newKey>>

async function newKey(alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  const jwk = await exportJWK(publicKey)
  return { alg, privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) }
}

let server: DemoServer
let time: number
let key: Key
let cookie: string
let nonce: string | undefined

async function start(options: ServerOptions = {}): Promise<void> {
  await server?.close()
  server = await startServer({
    dpop: true,
    passwordCost: 4,
    staticRoot: '/nowhere',
    now: () => time,
    ...options,
  })
  cookie = ''
  nonce = undefined
}
beforeEach(async () => {
  time = Date.now()
  key = await newKey()
  await start()
})
afterEach(() => server.close())

interface Call {
  token?: string
  json?: object
  /** What the proof says otherwise. */
  claims?: object
  header?: object
  by?: Key
  /** In place of a new one; `null`: none. */
  proof?: string | null
  scheme?: string
}

async function proofFor(path: string, method: string, { token, claims, header, by = key }: Call = {}) {
  const ath = token && createHash('sha256').update(token).digest('base64url')
  const iat = Math.floor(time / 1000)
  const payload = { jti: randomUUID(), htm: method, htu: server.url + path, iat, ath, nonce, ...claims }
  const proof = new SignJWT(JSON.parse(JSON.stringify(payload)))
  return proof
    .setProtectedHeader({ alg: by.alg, typ: 'dpop+jwt', jwk: by.jwk, ...header })
    .sign(by.privateKey)
}

async function send(method: string, path: string, call: Call = {}) {
  const { token, json, scheme = 'DPoP' } = call
  const proof = call.proof === undefined ? await proofFor(path.split('?')[0]!, method, call) : call.proof
  const response = await fetch(server.url + path, {
    method,
    headers: {
      Origin: server.url,
      ...(cookie && { Cookie: cookie }),
      ...(proof !== null && { DPoP: proof }),
      ...(token && { Authorization: `${scheme} ${token}` }),
      ...(json && { 'Content-Type': 'application/json' }),
    },
    ...(json && { body: JSON.stringify(json) }),
  })
  for (const line of response.headers.getSetCookie()) cookie = line.split(';', 1)[0]!
  nonce = response.headers.get('DPoP-Nonce') ?? nonce
  const body = response.status === 204 ? null : await response.json()
  return { status: response.status, body, challenge: response.headers.get('WWW-Authenticate') }
}

const login = (call: Call = {}) => send('POST', '/auth/login', { json: ADA, ...call })
const refresh = (call: Call = {}) => send('POST', '/auth/refresh_token', call)
const items = (token: string, call: Call = {}) => send('GET', '/api/items', { token, ...call })
const signedIn = async () => (await login()).body.access_token as string

describe('the demo server with --dpop', () => {
  test('binds the access token, and the refresh token in its cookie, to the key of the login', async () => {
    const { status, body } = await login()
    expect([status, body.token_type]).toEqual([200, 'DPoP'])
    expect(decodeJwt(body.access_token).cnf).toEqual({ jkt: key.jkt })
    expect((await items(body.access_token)).status).toBe(200)
    const before = cookie
    const next = await refresh()
    expect([next.status, next.body.token_type, cookie !== before]).toEqual([200, 'DPoP', true])
    expect(decodeJwt(next.body.access_token).cnf).toEqual({ jkt: key.jkt })
    expect((await send('POST', '/auth/logout', { token: next.body.access_token })).status).toBe(204)
    expect((await items(next.body.access_token)).challenge).toContain('error="invalid_token"')
  })

  test('takes Ed25519 as well', async () => {
    key = await newKey('Ed25519')
    expect((await items(await signedIn())).status).toBe(200)
  })

  test('another key can use neither of them', async () => {
    const token = await signedIn()
    const by = await newKey()
    expect(await refresh({ by })).toMatchObject({ status: 401, body: { error: 'invalid_refresh_token' } })
    expect(await items(token, { by })).toMatchObject({
      status: 401,
      challenge: expect.stringMatching(/^DPoP realm="demo", error="invalid_token".*, algs="ES256 Ed25519"$/),
    })
    expect((await refresh()).status).toBe(200)
  })

  test.each<[string, Call | ((token: string) => Call)]>([
    ['none', { proof: null }],
    ['what is no JWT', { proof: 'a.b.c' }],
    ['one of another type', { header: { typ: 'JWT' } }],
    ['one for another method', { claims: { htm: 'PUT' } }],
    ['one for another path', { claims: { htu: 'http://127.0.0.1/api/other' } }],
    ['one for no URL', { claims: { htu: 1 } }],
    ['one of an hour ago', { claims: { iat: 1 } }],
    ['one of the future', { claims: { iat: 9_999_999_999 } }],
    ['one without an id', { claims: { jti: undefined } }],
    ['one with a private key', { header: { jwk: { kty: 'EC', crv: 'P-256', x: 'a', y: 'b', d: 'c' } } }],
  ])('refuses a proof: %s', async (_, given) => {
    const call = given as Call
    const token = await signedIn()
    for (const { status, body } of [await login(call), await refresh(call)]) {
      expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
    }
    expect(await items(token, call)).toMatchObject({
      status: 401,
      body: { error: 'invalid_dpop_proof' },
      challenge: expect.stringContaining('DPoP realm="demo", error="invalid_dpop_proof"'),
    })
  })

  test('refuses an API proof without a hash of the token, or with that of another', async () => {
    const token = await signedIn()
    for (const ath of [undefined, 'x']) {
      expect((await items(token, { claims: { ath } })).body.error).toBe('invalid_dpop_proof')
    }
  })

  test('takes no proof twice', async () => {
    const token = await signedIn()
    const proof = await proofFor('/api/items', 'GET', { token })
    expect((await items(token, { proof })).status).toBe(200)
    expect((await items(token, { proof })).body.error).toBe('invalid_dpop_proof')
  })

  test('takes no bound token as a bearer, and tells the scheme to a request without any', async () => {
    const token = await signedIn()
    expect((await items(token, { scheme: 'Bearer' })).status).toBe(401)
    expect((await items(token, { scheme: 'Bearer', proof: null })).status).toBe(401)
    expect((await items('', { proof: null })).challenge).toBe('DPoP realm="demo", algs="ES256 Ed25519"')
  })

  test('a query and a fragment are no part of what a proof is for', async () => {
    const token = await signedIn()
    expect((await send('GET', '/api/items?page=2', { token })).status).toBe(200)
    expect((await items(token, { claims: { htu: `${server.url}/api/items?x#y` } })).status).toBe(200)
  })

  test('behind a proxy a proof can be for the public origin', async () => {
    const claims = { htu: 'https://app.example.com/api/items' }
    expect((await items(await signedIn(), { claims })).status).toBe(401)
    await start({ publicOrigins: ['https://app.example.com'] })
    const token = await signedIn()
    expect((await items(token, { claims })).status).toBe(200)
    expect((await items(token, { claims: { htu: 'https://evil.example/api/items' } })).status).toBe(401)
  })

  test('with --nonces: asks for one, whatever the clock of the browser, and for the next one after two minutes', async () => {
    await start({ nonces: true })
    expect(await login()).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } })
    const skewed = { claims: { iat: 1 } }
    const { status, body } = await login(skewed)
    expect(status).toBe(200)
    const token = body.access_token
    expect((await items(token, skewed)).status).toBe(200)
    time += 121_000
    const late = await refresh()
    expect([late.status, late.body.error]).toEqual([400, 'use_dpop_nonce'])
    const next = (await refresh()).body.access_token
    nonce = 'x'
    expect(await items(next)).toMatchObject({
      status: 401,
      challenge: expect.stringContaining('error="use_dpop_nonce"'),
    })
    expect((await items(next)).status).toBe(200)
    server.dpop!.nonces = false
    nonce = undefined
    expect((await items(next)).status).toBe(200)
  })

  test.each(['body', 'sliding'] as const)('works in the mode %s', async mode => {
    await start({ mode })
    const { body } = await login()
    const { access_token: token, refresh_token: refreshToken } = body
    expect((await items(token)).status).toBe(200)
    const call = mode === 'body' ? { json: { refresh_token: refreshToken } } : { token }
    expect((await refresh({ ...call, by: await newKey() })).status).toBe(401)
    expect(await refresh(call)).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
  })

  test('a thief who has the cookie, and not the key, is refused', async () => {
    await signedIn()
    const token = (await refresh()).body.access_token
    expect((await send('POST', '/demo/mine/steal', { token })).body).toEqual({ outcome: 'unbound' })
  })

  test('cookie mode has no token to prove', async () => {
    await expect(startServer({ dpop: true, mode: 'cookie' })).rejects.toThrow('"mode" cannot be cookie')
    const change = await send('POST', '/demo/config', { json: { mode: 'cookie' }, proof: null })
    expect([change.status, change.body.message]).toEqual([400, expect.stringContaining('cannot be cookie')])
  })
})

import { createHash, randomUUID } from 'node:crypto'
import { decodeJwt, EmbeddedJWK, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { clockSkew, jwksCache, validateJwtAccessToken } from 'oauth4webapi'

export const API = 'https://api.example.com'
export const OTHER = 'https://other.example.com:8443'

/** What a proof says, and which call it came with. */
export interface Seen {
  readonly path: string
  readonly origin: string
  readonly body: string
  readonly proof: { jti: string; htu: string; iat: number; nonce?: string; ath?: string } | null
  readonly jkt: string | null
  status: number
}

/**
 * A backend that binds its tokens to a key (RFC 9449), the refresh token in its cookie too. Proofs are judged by `jose`, and
 * with an access token by `oauth4webapi`: never by our own code.
 */
export interface DPoPServer {
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  readonly seen: Seen[]
  of(path: string): Seen[]
  /** The session in the browser's cookie. */
  cookie: { token: string; jkt: string } | null
  /** The nonce that is demanded by the auth endpoints, and by the API; `null`: none. `'each'`: another one at each answer. */
  nonces: { auth: string | null; api: string | null; other: string | null }
  /** Are nonces hidden from scripts, as where CORS exposes none? */
  hidesNonces: boolean
  showsDate: boolean
  /** Seconds that a proof may be off. */
  tolerance: number
  tokenType: string
  /** Answers this path so, once. */
  once(path: string, answer: (request: Request) => Response): void
  revokeAccess(): void
}

const sha = (text: string) => createHash('sha256').update(text).digest('base64url')

/** `api`: the origin of the auth endpoints too. */
export async function createDPoPServer(now: () => number, api: string = API): Promise<DPoPServer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] }
  const as = { issuer: api, jwks_uri: `${api}/jwks` }
  const jtis = new Set<string>()
  const answers = new Map<string, ((request: Request) => Response)[]>()
  let serial = 0
  let epoch = 0

  const server: DPoPServer = {
    seen: [],
    of: path => server.seen.filter(call => call.path === path),
    cookie: null,
    nonces: { auth: null, api: null, other: null },
    hidesNonces: false,
    showsDate: false,
    tolerance: 60,
    tokenType: 'DPoP',
    once(path, answer) {
      answers.set(path, [...(answers.get(path) ?? []), answer])
    },
    revokeAccess() {
      epoch++
    },
    async fetch(input, init) {
      const request = new Request(input, init)
      const response = await answer(request)
      if (server.showsDate) response.headers.set('Date', new Date(now()).toUTCString())
      return response
    },
  }

  function json(body: object, status: number, headers: Record<string, string> = {}) {
    return new Response(JSON.stringify(body), {
      status,
      headers: { 'Content-Type': 'application/json', ...headers },
    })
  }

  /** The nonce that a proof for this place must have, and the header that tells it. */
  function nonceOf(place: keyof DPoPServer['nonces']) {
    const wanted = server.nonces[place]
    if (wanted?.startsWith('each')) server.nonces[place] = `each ${++serial}`.replace(' ', '-')
    const next = server.nonces[place]
    return { wanted, headers: next && !server.hidesNonces ? { 'DPoP-Nonce': next } : {} }
  }

  async function judged(request: Request, seen: Seen): Promise<string | null> {
    const proof = request.headers.get('DPoP')
    if (!proof) return 'invalid_dpop_proof'
    const { payload } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256', 'Ed25519'],
      currentDate: new Date(now()),
    })
    const url = new URL(request.url)
    const isFine =
      payload.htm === request.method &&
      payload.htu === url.origin + url.pathname &&
      Math.abs(now() / 1000 - (payload.iat ?? 0)) <= server.tolerance &&
      typeof payload.jti === 'string' &&
      payload.jti.length >= 16 &&
      !jtis.has(payload.jti)
    if (seen.proof) jtis.add(seen.proof.jti)
    return isFine ? null : 'invalid_dpop_proof'
  }

  async function issue(jkt: string, sub: string): Promise<Response> {
    const iat = Math.floor(now() / 1000)
    const token = await new SignJWT({ sub, client_id: 'spa', cnf: { jkt }, epoch })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })
      .setIssuer(api)
      .setAudience('api')
      .setJti(randomUUID())
      .setIssuedAt(iat)
      .setExpirationTime(iat + 300)
      .sign(privateKey)
    server.cookie = { token: sub, jkt }
    return json({ access_token: token, token_type: server.tokenType, expires_in: 300 }, 200)
  }

  async function answer(request: Request): Promise<Response> {
    const { origin, pathname: path } = new URL(request.url)
    const header = request.headers.get('DPoP')
    const jwk = header && JSON.parse(Buffer.from(header.split('.')[0] as string, 'base64url').toString()).jwk
    const jkt = jwk && sha(JSON.stringify(thumbprintOf(jwk)))
    const proof = header ? (decodeJwt(header) as unknown as Seen['proof']) : null
    const seen: Seen = { path, origin, body: await request.clone().text(), proof, jkt, status: 0 }
    server.seen.push(seen)
    const response = answers.get(path)?.shift()?.(request) ?? (await ordinary(request, seen))
    seen.status = response.status
    return response
  }

  async function ordinary(request: Request, seen: Seen): Promise<Response> {
    const { path, jkt } = seen
    const isAuth = ['/login', '/refresh_token', '/logout'].includes(path)
    const { wanted, headers } = nonceOf(isAuth ? 'auth' : seen.origin === api ? 'api' : 'other')
    const refuse = (error: string) =>
      isAuth
        ? json({ error }, 400, headers)
        : json({ error }, 401, { ...headers, 'WWW-Authenticate': `DPoP error="${error}", algs="ES256"` })
    const wrong = await judged(request, seen).catch(() => 'invalid_dpop_proof')
    if (wrong) return refuse(wrong)
    if (wanted && seen.proof?.nonce !== wanted) return refuse('use_dpop_nonce')
    const answered = await (isAuth ? authorized(seen, jkt as string) : resource(request))
    for (const [name, value] of Object.entries(headers)) answered.headers.set(name, value)
    return answered
  }

  async function authorized({ path, body }: Seen, jkt: string): Promise<Response> {
    if (path === '/login') return issue(jkt, JSON.parse(body).user ?? 'ada')
    const { cookie } = server
    if (!cookie || cookie.jkt !== jkt) return json({ error: 'invalid_grant' }, 401)
    if (path === '/refresh_token') return issue(jkt, cookie.token)
    server.cookie = null
    return json({}, 200)
  }

  async function resource(request: Request): Promise<Response> {
    try {
      const claims = await validateJwtAccessToken(as, request, 'api', {
        requireDPoP: true,
        [jwksCache]: { jwks, uat: Math.floor(Date.now() / 1000) },
        [clockSkew]: Math.round((now() - Date.now()) / 1000),
      } as never)
      if (claims.epoch === epoch) return json({ sub: claims.sub }, 200)
    } catch {
      // refused below
    }
    return json({ error: 'invalid_token' }, 401, { 'WWW-Authenticate': 'DPoP error="invalid_token"' })
  }

  return server
}

function thumbprintOf({ crv, kty, x, y }: Record<string, string>) {
  return y === undefined ? { crv, kty, x } : { crv, kty, x, y }
}

import type { Clock } from '../kernel/clock.ts'
import { bytesOf, encode, hash, random } from '../kernel/encoding.ts'
import { type DPoPKey, signing } from './key.ts'

/** What a proof is made for. */
export interface Signed {
  readonly url: string
  readonly method: string
  readonly headers: Headers
}

/** Makes the proofs of one client, and learns from the answers what the servers want to see in them. */
export interface Proofs {
  /** Sets the header `DPoP` (RFC 9449 §4.2), for the access token that is in `Authorization`, if there is one. */
  sign(key: DPoPKey, request: Signed): Promise<void>
  /** Should the same request be sent once more, with what its answer has told? `text`: the body of an auth call. */
  learn(request: Signed, response: Response, text?: string): boolean
  /** Is the proof refused, and not the token? */
  refuses(response: Response, text?: string): boolean
}

/** Of so many origins the last nonce is remembered. */
const ORIGINS = 100
/** A clock that is off by less needs no correction, in milliseconds. */
const TOLERANCE = 5_000
const LONGEST_NONCE = 1_024

export function createProofs(clock: Pick<Clock, 'now'>): Proofs {
  /** By origin (RFC 9449 §8.2). */
  const nonces = new Map<string, string>()
  /** The nonce that a request was sent with. */
  const sent = new WeakMap<Headers, string | undefined>()
  /** What the server's clock is ahead of this machine's, in milliseconds. */
  let ahead = 0
  let hashed: { token: string; ath: Promise<string> } | null = null

  /** Hashed once for each token. */
  function hashOf(token: string): Promise<string> {
    if (hashed?.token !== token) hashed = { token, ath: hash(token) }
    return hashed.ath
  }

  function remember(origin: string, nonce: string): void {
    nonces.delete(origin)
    nonces.set(origin, nonce)
    const [oldest] = nonces.keys()
    if (nonces.size > ORIGINS && oldest !== undefined) nonces.delete(oldest)
  }

  /** `true`: this machine's clock was wrong, as far as was known so far. */
  function correct(response: Response, text: string | undefined): boolean {
    const time = timeOf(response, text)
    if (!Number.isFinite(time)) return false
    const before = ahead
    const measured = time - clock.now()
    ahead = Math.abs(measured) < TOLERANCE ? 0 : measured
    return Math.abs(ahead - before) >= TOLERANCE
  }

  return {
    async sign(key, { url, method, headers }) {
      const { origin, pathname } = new URL(url)
      const nonce = nonces.get(origin)
      const token = headers.get('Authorization')?.replace(/^\S+ /, '')
      const { alg, sign } = signing(key)
      const header = { typ: 'dpop+jwt', alg, jwk: key.jwk }
      const payload = {
        jti: random(16),
        htm: method,
        htu: origin + pathname,
        iat: Math.floor((clock.now() + ahead) / 1000),
        ath: token && (await hashOf(token)),
        nonce,
      }
      const input = [header, payload].map(part => encode(bytesOf(JSON.stringify(part)))).join('.')
      headers.set('DPoP', `${input}.${encode(await sign(bytesOf(input)))}`)
      sent.set(headers, nonce)
    },

    learn({ url, headers }, response, text) {
      const { origin } = new URL(url)
      const nonce = response.headers.get('DPoP-Nonce')
      if (nonce && nonce.length <= LONGEST_NONCE) remember(origin, nonce)
      const wasWrong = correct(response, text)
      const error = errorOf(response, text)
      if (error === 'use_dpop_nonce') return nonces.get(origin) !== sent.get(headers)
      return error === 'invalid_dpop_proof' && wasWrong
    },

    refuses: (response, text) => ['use_dpop_nonce', 'invalid_dpop_proof'].includes(errorOf(response, text)),
  }
}

/** An authorization server says it in the body (RFC 6749 §5.2), an API in `WWW-Authenticate` (RFC 9449 §7.1). */
function errorOf(response: Response, text: string | undefined): string {
  if (response.ok) return ''
  const challenge = /\bDPoP\b[\s\S]*?\berror="?(\w+)/i.exec(
    response.headers.get('WWW-Authenticate') ?? '',
  )?.[1]
  return challenge ?? parsed(text).error ?? ''
}

/** The server's time, epoch milliseconds: of the answer, or of the ID token that was issued just now. */
function timeOf(response: Response, text: string | undefined): number {
  const date = Date.parse(response.headers.get('Date') ?? '')
  if (Number.isFinite(date)) return date
  const [, claims = ''] = String(parsed(text).id_token ?? '').split('.')
  return parsed(decoded(claims)).iat * 1000
}

function decoded(part: string): string {
  try {
    return atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return ''
  }
}

function parsed(text: string | undefined): any {
  try {
    return JSON.parse(text ?? '') ?? {}
  } catch {
    return {}
  }
}

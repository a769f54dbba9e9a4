import { jwtDecode } from 'jwt-decode'
import type { Clock } from '../kernel/clock.ts'
import { bytesOf, encode, hash } from '../kernel/encoding.ts'
import type { SignedRequest } from '../kernel/parts.ts'
import type { Proof } from '../kernel/proof-part.ts'
import type { DPoPKey } from './key.ts'

/** Makes the proofs of one client, and learns from the answers what the servers want to see in them. */
export interface Proofs extends Pick<Proof, 'learn' | 'refuses'> {
  /** Sets the header `DPoP` (RFC 9449 §4.2), for the access token that is in `Authorization`, if there is one. */
  sign(key: DPoPKey, request: SignedRequest): Promise<void>
}

export function createProofs(clock: Pick<Clock, 'now'>): Proofs {
  /** By origin (RFC 9449 §8.2). */
  const nonces = new Map<string, string>()
  /** What the servers' clock is ahead of this machine's, in milliseconds. */
  let ahead = 0
  /** The token that was sent last is hashed once. */
  let token: string | undefined
  let ath: Promise<string> | undefined
  /** The key that signed last is encoded once. */
  let signer: string | undefined
  let header = ''

  return {
    async sign({ alg, privateKey, jwk }, { url, method, headers }) {
      const { origin, pathname } = new URL(url)
      const shown = headers.get('Authorization')?.split(' ')[1]
      if (shown && shown !== token) {
        token = shown
        ath = hash(shown)
      }
      const payload = {
        jti: crypto.randomUUID(),
        htm: method,
        htu: origin + pathname,
        iat: Math.floor((clock.now() + ahead) / 1000),
        nonce: nonces.get(origin),
        ath: shown && (await ath),
      }
      if (jwk !== signer) {
        signer = jwk
        header = encode(bytesOf(`{"typ":"dpop+jwt","alg":"${alg}","jwk":${jwk}}`))
      }
      const input = `${header}.${encode(bytesOf(JSON.stringify(payload)))}`
      const parameters = { name: privateKey.algorithm.name, hash: 'SHA-256' }
      const signature = await crypto.subtle.sign(parameters, privateKey, bytesOf(input))
      headers.set('DPoP', `${input}.${encode(signature)}`)
    },

    learn({ url }, response, text) {
      const { headers } = response
      const nonce = headers.get('DPoP-Nonce')
      if (nonce) nonces.set(new URL(url).origin, nonce)
      const error = errorOf(response, text)
      const isRefused = error === 'invalid_dpop_proof'
      const now = clock.now()
      // Where a server shows no time, this machine's may have been set right meanwhile.
      const time = isRefused ? Date.parse(headers.get('Date') as string) || now : issuedAt(text)
      const off = time && time - now - ahead
      ahead += off
      return isRefused ? off !== 0 : error === 'use_dpop_nonce' && nonce !== null
    },

    refuses: (response, text) => errorOf(response, text) !== undefined,
  }
}

const ERROR = /\berror"?\s*[=:]\s*"?(use_dpop_nonce|invalid_dpop_proof)\b/

/** The error is in the body for an authorization server (RFC 6749 §5.2), and in `WWW-Authenticate` for an API (RFC 9449 §7.1). */
const errorOf = ({ ok, headers }: Response, text = ''): string | undefined =>
  ok ? undefined : ERROR.exec(headers.get('WWW-Authenticate') + text)?.[1]

/** When the ID token of this answer was made, which is now, by the clock of the server: epoch milliseconds. */
function issuedAt(text?: string): number {
  if (!text) return 0
  try {
    return Number(jwtDecode(JSON.parse(text).id_token).iat) * 1000 || 0
  } catch {
    return 0
  }
}

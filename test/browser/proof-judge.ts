import type { IncomingMessage } from 'node:http'
import { decodeJwt } from 'jose'
import { jwksCache, validateJwtAccessToken } from 'oauth4webapi'

/** What the API says to a call. */
export interface Verdict {
  readonly isFine: boolean
  /** The user of the token, or what is wrong with the call. */
  readonly said: string
  readonly headers?: Record<string, string>
}

/** An API that takes bound tokens of a provider alone. Tokens and proofs are judged by `oauth4webapi`. */
export interface ProofJudge {
  /** The nonce that each proof must contain; `null`: none. */
  nonce: string | null
  /** `jti` of each proof that came. */
  readonly seen: string[]
  judge(request: IncomingMessage, origin: string): Promise<Verdict>
  reset(): void
}

export function createProofJudge(issuer: string, audience: string): ProofJudge {
  const as = { issuer, jwks_uri: `${issuer}/jwks` }
  let jwks: Promise<never> | undefined

  const judge: ProofJudge = {
    nonce: null,
    seen: [],
    reset() {
      judge.nonce = null
      judge.seen.length = 0
    },
    async judge({ url = '', method = 'GET', headers }, origin) {
      const refuse = (error: string, more = {}): Verdict => ({
        isFine: false,
        said: error,
        headers: { 'WWW-Authenticate': `DPoP error="${error}", algs="ES256"`, ...more },
      })
      const { authorization = '', dpop } = headers
      if (!authorization) return { isFine: false, said: 'no token', headers: { 'WWW-Authenticate': 'DPoP' } }
      if (typeof dpop !== 'string') return refuse('invalid_dpop_proof')
      const { jti, nonce } = decodeJwt<{ jti: string; nonce?: string }>(dpop)
      if (judge.seen.includes(jti)) return refuse('invalid_dpop_proof')
      judge.seen.push(jti)
      if (judge.nonce && nonce !== judge.nonce) return refuse('use_dpop_nonce', { 'DPoP-Nonce': judge.nonce })
      jwks ??= fetch(as.jwks_uri).then(response => response.json() as Promise<never>)
      const request = new Request(origin + url, { method, headers: { authorization, dpop } })
      const options = {
        requireDPoP: true,
        [jwksCache]: { jwks: await jwks, uat: Math.floor(Date.now() / 1000) },
      }
      try {
        const { sub } = await validateJwtAccessToken(as, request, audience, options)
        return { isFine: true, said: sub }
      } catch (error) {
        return refuse('invalid_token', { 'X-Why': String((error as Error).message) })
      }
    },
  }
  return judge
}

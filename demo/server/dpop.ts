import { createHmac, randomBytes } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify } from 'jose'
import { PROOF_ALGORITHMS } from './config.ts'
import { accessToken, challenge, failure, type ServerContext, type ServerEnv } from './http.ts'
import { sameText, sha256 } from './random.ts'
import { ownOrigins } from './same-origin.ts'

/** Milliseconds. A proof without a nonce may be off by this much; a nonce is good for this long, and as long again. */
const WINDOW = 60_000

const REFUSALS = {
  invalid_dpop_proof: 'The request needs a DPoP proof that fits it',
  use_dpop_nonce: 'The DPoP proof needs the nonce of this answer',
} as const

type Refusal = keyof typeof REFUSALS

/** Demands a proof with each request (RFC 9449). */
export interface DPoP {
  /** Must each proof contain a nonce of this server? Can be changed while the server runs. */
  nonces: boolean
  /** For the endpoints that issue tokens: a refusal is a 400 (RFC 9449 §5). */
  readonly forTokens: MiddlewareHandler<ServerEnv>
  /** For the API: a refusal is a 401 with a challenge (RFC 9449 §7.1). */
  readonly forApi: MiddlewareHandler<ServerEnv>
}

export const createDPoP = (nonces: boolean, now: () => number): DPoP => {
  const secret = randomBytes(32)
  /** When each proof that was seen could be used no longer. */
  const seen = new Map<string, number>()

  const nonceOf = (period: number) => createHmac('sha256', secret).update(`${period}`).digest('base64url')
  const currentNonce = () => nonceOf(Math.floor(now() / WINDOW))
  const isNonce = (nonce: unknown) =>
    typeof nonce === 'string' &&
    (sameText(nonce, currentNonce()) || sameText(nonce, nonceOf(Math.floor(now() / WINDOW) - 1)))

  /** `false`: this proof was used before. */
  const firstUse = (jti: string): boolean => {
    for (const [known, until] of seen) {
      if (until > now()) break
      seen.delete(known)
    }
    if (seen.has(jti)) return false
    seen.set(jti, now() + 2 * WINDOW)
    return true
  }

  /** The thumbprint of the key that made the proof. */
  const judge = async (c: ServerContext): Promise<{ jkt: string } | Refusal> => {
    const { payload, protectedHeader } = await jwtVerify(c.req.header('DPoP') ?? '', EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...PROOF_ALGORITHMS],
      requiredClaims: ['jti', 'htm', 'htu', 'iat'],
      currentDate: new Date(now()),
    })
    const { pathname } = new URL(c.req.url)
    const { htm, htu, jti, iat, ath, nonce } = payload
    const token = accessToken(c)
    const fits =
      htm === c.req.method &&
      typeof htu === 'string' &&
      ownOrigins(c).some(origin => htu.split(/[?#]/, 1)[0] === origin + pathname) &&
      (token === null || ath === sha256(token))
    if (!fits || typeof jti !== 'string' || jti.length > 256) return 'invalid_dpop_proof'
    // A nonce shows when the proof was made, even if the clock of the browser is wrong (RFC 9449 §11.1).
    if (dpop.nonces && !isNonce(nonce)) return 'use_dpop_nonce'
    if (!dpop.nonces && Math.abs(now() - (iat ?? 0) * 1000) > WINDOW) return 'invalid_dpop_proof'
    const jkt = await calculateJwkThumbprint(protectedHeader.jwk as JWK)
    return firstUse(`${jkt}.${jti}`) ? { jkt } : 'invalid_dpop_proof'
  }

  const prove = async (c: ServerContext): Promise<Refusal | null> => {
    // Of what a proof can contain, some makes Node's crypto throw errors of its own.
    const verdict = await judge(c).catch(() => 'invalid_dpop_proof' as const)
    if (dpop.nonces) c.header('DPoP-Nonce', currentNonce())
    if (typeof verdict === 'string') c.get('note')(verdict)
    else c.set('jkt', verdict.jkt)
    return typeof verdict === 'string' ? verdict : null
  }

  const dpop: DPoP = {
    nonces,
    forTokens: async (c, next) => {
      c.set('scheme', 'DPoP')
      const refusal = await prove(c)
      return refusal ? failure(c, 400, refusal, REFUSALS[refusal]) : next()
    },
    forApi: async (c, next) => {
      c.set('scheme', 'DPoP')
      // Who shows no token at all is told the scheme, and nothing else.
      const refusal = c.req.header('Authorization') === undefined ? null : await prove(c)
      if (!refusal) return next()
      c.header('WWW-Authenticate', challenge(c, refusal, REFUSALS[refusal]))
      return failure(c, 401, refusal, REFUSALS[refusal])
    },
  }
  return dpop
}

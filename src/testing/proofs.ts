import { bytesOf, hash } from '../kernel/encoding.ts'
import { json } from './wire.ts'

/** What the DPoP proof of a call says. `jkt`: the thumbprint of its key. */
export interface Proof {
  readonly jkt: string
  readonly nonce: string | undefined
}

/** What a fake server looks at in the proofs of its calls (RFC 9449 §4.3). */
export interface Proofs {
  /** `null`: the call has no proof. `'wrong'`: it has one that is not for this call, or was used before. */
  read(request: Request, bearer: string | null): Promise<Proof | 'wrong' | null>
  /** The nonce that each proof must have. `null`: none is asked for. */
  nonce: string | null
  /** What the call is answered with in place of the server's own answer; `null`: its proof is fine, or it has none. */
  refusal(proof: Proof | 'wrong' | null, isApi: boolean): Response | null
}

const ALGORITHMS: Record<string, { key: EcKeyImportParams | Algorithm; verify: EcdsaParams | Algorithm }> = {
  ES256: { key: { name: 'ECDSA', namedCurve: 'P-256' }, verify: { name: 'ECDSA', hash: 'SHA-256' } },
  Ed25519: { key: { name: 'Ed25519' }, verify: { name: 'Ed25519' } },
}

/** Seconds that the clock of a proof may be off. */
const TOLERANCE = 300

const decode = (part: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), character => character.charCodeAt(0))

const jsonOf = (part: string): any => JSON.parse(new TextDecoder().decode(decode(part)))

/** RFC 7638 §3.2, RFC 8037 §2. */
const thumbprint = ({ crv, kty, x, y }: Record<string, string>): Promise<string> =>
  hash(JSON.stringify({ crv, kty, x, y }))

/** `now`: the server's clock, epoch milliseconds. */
export function createProofs(now: () => number): Proofs {
  const used = new Set<string>()

  async function judge(text: string, request: Request, bearer: string | null): Promise<Proof | 'wrong'> {
    const [header = '', payload = '', signature = ''] = text.split('.')
    const { typ, alg, jwk } = jsonOf(header)
    const { jti, htm, htu, iat, ath, nonce } = jsonOf(payload)
    const { key, verify } = ALGORITHMS[alg] ?? {}
    if (!key || !verify || typ !== 'dpop+jwt' || jwk.d !== undefined) return 'wrong'
    const publicKey = await crypto.subtle.importKey('jwk', jwk, key, false, ['verify'])
    const isSigned = await crypto.subtle.verify(
      verify,
      publicKey,
      decode(signature),
      bytesOf(`${header}.${payload}`),
    )
    const { origin, pathname } = new URL(request.url)
    const isFine =
      isSigned &&
      htm === request.method &&
      htu === origin + pathname &&
      Math.abs(now() / 1000 - iat) <= TOLERANCE &&
      (bearer === null || ath === (await hash(bearer))) &&
      !used.has(jti)
    used.add(jti)
    return isFine ? { jkt: await thumbprint(jwk), nonce } : 'wrong'
  }

  const proofs: Proofs = {
    nonce: null,
    async read(request, bearer) {
      const text = request.headers.get('DPoP')
      return text === null ? null : judge(text, request, bearer).catch(() => 'wrong' as const)
    },
    refusal(proof, isApi) {
      if (proof === null) return null
      const wantsNonce = proofs.nonce !== null && (proof === 'wrong' || proof.nonce !== proofs.nonce)
      if (proof !== 'wrong' && !wantsNonce) return null
      const error = proof === 'wrong' ? 'invalid_dpop_proof' : 'use_dpop_nonce'
      return isApi
        ? json({ error }, 401, { 'WWW-Authenticate': `DPoP error="${error}", algs="ES256 Ed25519"` })
        : json({ error }, 400)
    },
  }
  return proofs
}

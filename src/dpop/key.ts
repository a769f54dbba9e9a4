import { hash } from '../kernel/encoding.ts'
import { AuthError } from '../kernel/errors.ts'
import type { ProofKey } from '../types.ts'

/** The signature algorithms, by their JOSE names (RFC 7518 §3.1, RFC 9864 §2.2). */
export type Algorithm = 'ES256' | 'Ed25519'

/** A key pair. Its private half signs, and no script can export it. Can be stored, and sent to other tabs. */
export interface DPoPKey extends ProofKey {
  /** The thumbprint of the public key (RFC 7638): `jkt`. */
  readonly id: string
  readonly alg: Algorithm
  readonly privateKey: CryptoKey
  /**
   * The public key, as each proof shows it (RFC 9449 §4.2). It is JSON, with the members of the thumbprint in their order
   * (RFC 7638 §3.2, RFC 8037 §2).
   */
  readonly jwk: string
}

const CURVES: Record<Algorithm, string> = { ES256: 'P-256', Ed25519: 'Ed25519' }

export const isAlgorithm = (value: string): boolean => Object.hasOwn(CURVES, value)

/** @throws AuthError `unsupported` */
export async function createKey(alg: Algorithm): Promise<DPoPKey> {
  try {
    const parameters = { name: alg === 'ES256' ? 'ECDSA' : alg, namedCurve: CURVES[alg] }
    const { privateKey, publicKey } = await crypto.subtle.generateKey(parameters, false, ['sign', 'verify'])
    const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
    const jwk = JSON.stringify({ crv, kty, x, y })
    return { id: await hash(jwk), alg, privateKey, jwk }
  } catch {
    throw new AuthError('unsupported', 'No key can be made here: is the page on https?')
  }
}

/** Is it a key that `createKey` could have made? Another tab hands it over, or it was stored: a stranger may have written it. */
export async function isKey(value: unknown): Promise<boolean> {
  const { id, alg, privateKey, jwk }: Partial<DPoPKey> = Object(value)
  if (!(privateKey instanceof CryptoKey) || privateKey.extractable) return false
  const { name, namedCurve = name } = privateKey.algorithm as EcKeyAlgorithm
  return namedCurve === CURVES[alg as Algorithm] && id === (await hash(jwk as string))
}

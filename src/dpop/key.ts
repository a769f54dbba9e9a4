import { hash } from '../kernel/encoding.ts'
import { AuthError } from '../kernel/errors.ts'
import { pick } from '../kernel/own.ts'
import type { ProofKey } from '../types.ts'

/** The signature algorithms, by their JOSE names (RFC 7518 §3.1, RFC 9864 §2.2). */
export type Algorithm = 'ES256' | 'Ed25519'

/** A key pair. Its private half signs, and no script can export it. Can be stored, and sent to other tabs. */
export interface DPoPKey extends ProofKey {
  /** The thumbprint of the public key (RFC 7638): `jkt`. */
  readonly id: string
  readonly privateKey: CryptoKey
  /** The public key, as each proof shows it (RFC 9449 §4.2). */
  readonly jwk: { readonly [member: string]: string }
}

interface Kind {
  readonly generate: EcKeyGenParams | { readonly name: string }
  readonly sign: EcdsaParams | { readonly name: string }
  /** The members that the thumbprint is made of, in its order (RFC 7638 §3.2, RFC 8037 §2). */
  readonly members: readonly string[]
}

const ED25519 = { name: 'Ed25519' }

const KINDS: Record<Algorithm, Kind> = {
  ES256: {
    generate: { name: 'ECDSA', namedCurve: 'P-256' },
    sign: { name: 'ECDSA', hash: 'SHA-256' },
    members: ['crv', 'kty', 'x', 'y'],
  },
  Ed25519: { generate: ED25519, sign: ED25519, members: ['crv', 'kty', 'x'] },
}

export const isAlgorithm = (value: unknown): value is Algorithm => value === 'ES256' || value === 'Ed25519'

/** `null`: a key that is made for something else. */
function algorithmOf({ algorithm }: CryptoKey): Algorithm | null {
  if (algorithm.name === 'Ed25519') return 'Ed25519'
  const { namedCurve } = algorithm as EcKeyAlgorithm
  return algorithm.name === 'ECDSA' && namedCurve === 'P-256' ? 'ES256' : null
}

/** The members of the public key alone. */
const publicPart = (jwk: object, { members }: Kind): { [member: string]: string } =>
  Object.fromEntries(members.map(member => [member, pick(jwk as never, member as never)[member as never]]))

/** @throws AuthError `unsupported` */
export async function createKey(algorithm: Algorithm): Promise<DPoPKey> {
  const kind = KINDS[algorithm]
  try {
    const pair = (await crypto.subtle.generateKey(kind.generate, false, ['sign', 'verify'])) as CryptoKeyPair
    const jwk = publicPart(await crypto.subtle.exportKey('jwk', pair.publicKey), kind)
    return { id: await hash(JSON.stringify(jwk)), privateKey: pair.privateKey, jwk }
  } catch {
    throw new AuthError('unsupported', `This browser makes no ${algorithm} keys here: is the page on https?`)
  }
}

/** Is it a key that `createKey` could have made? Another tab hands it over, or it was stored: a stranger may have written it. */
export async function isKey(value: unknown): Promise<boolean> {
  const { id, privateKey, jwk } = pick(value as DPoPKey, 'id', 'privateKey', 'jwk')
  if (!(privateKey instanceof CryptoKey) || privateKey.type !== 'private' || privateKey.extractable)
    return false
  const algorithm = algorithmOf(privateKey)
  if (!algorithm || !privateKey.usages.includes('sign') || typeof jwk !== 'object' || jwk === null)
    return false
  const own = publicPart(jwk, KINDS[algorithm])
  return Object.keys(jwk).length === Object.keys(own).length && id === (await hash(JSON.stringify(own)))
}

/** The name of the algorithm, and what signs with it. */
export function signing({ privateKey }: DPoPKey): {
  alg: Algorithm
  sign(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>
} {
  const alg = algorithmOf(privateKey) ?? 'ES256'
  return { alg, sign: bytes => crypto.subtle.sign(KINDS[alg].sign, privateKey, bytes) }
}

/**
 * Access tokens that are bound to a key of this browser: DPoP (RFC 9449).
 *
 * @module silent-refresh/dpop
 */
import { checked } from '../kernel/checked.ts'
import { invalid } from '../kernel/errors.ts'
import { demand, type Kernel, type Plans, plan } from '../kernel/feature.ts'
import type { ProofPart } from '../kernel/parts.ts'
import { toProofPart } from '../kernel/proof-part.ts'
import { kernelOf } from '../kernel/registry.ts'
import type { AuthClient, AuthClientOptions } from '../types.ts'
import { type Algorithm, type DPoPKey, isAlgorithm, isKey } from './key.ts'
import { createKeys } from './keys.ts'
import { createProofs } from './proof.ts'

export type { Algorithm } from './key.ts'

/** The options of `dpop`. A wrong value throws `invalid_option`, whose message names the option. */
export interface DPoPOptions {
  /** The algorithm that signs proofs. The server that issues tokens and the API must both support it. @default 'ES256' */
  algorithm?: Algorithm | undefined
}

/**
 * The options for tokens that are bound to a key (RFC 9449): spread them into `createAuthClient`. Each login creates a key
 * pair, and no script can read the private key. Each request carries a proof that is signed with it. The client refuses
 * tokens of another type than `DPoP`.
 *
 * @throws AuthError `invalid_option`, whose message names the option
 * @example
 * createAuthClient({ ...oauth({ issuer: 'https://id.example.com', clientId: 'spa' }), ...dpop() })
 */
export function dpop(options: DPoPOptions = {}): Required<Pick<AuthClientOptions, 'scheme' | 'proof'>> {
  const { algorithm = 'ES256' } = checked(options, { algorithm: [isAlgorithm, '"ES256" or "Ed25519"'] })
  return { scheme: 'DPoP', proof: plan('proof', kernel => createPart(kernel, algorithm), check) }
}

function check(_: unknown, { mode }: Plans): void {
  demand(!mode, 'proof', 'left out in cookie mode, where JavaScript sees no token')
}

function createPart(kernel: Kernel, algorithm: Algorithm): ProofPart {
  const keys = createKeys(kernel, algorithm)
  let last: DPoPKey | undefined

  return toProofPart(kernel, {
    ...keys,
    ...createProofs(kernel.environment),
    fits: isKey,
    changed(change) {
      const { held } = kernel.session
      const key = held?.key as DPoPKey | undefined
      // Tokens from the app are bound to no key, but the refresh token in a cookie may be.
      if (!key && change.type !== 'clear') return
      keys.succeed(last, key)
      last = key
    },
  })
}

/** The headers of a request that `auth.fetch` does not send. */
export interface ProofHeaders {
  readonly Authorization: string
  readonly DPoP: string
}

/**
 * The headers for one request that `auth.fetch` cannot send, such as one by XMLHttpRequest. Make new headers for each request,
 * because a proof is for one URL, one method and one use. If the server returns `use_dpop_nonce`, send the request once more
 * with new headers. The nonce comes from the answers that `auth.fetch` gets from that origin.
 *
 * @returns `null` if nobody is signed in
 * @throws AuthError `invalid_option` if the origin of the URL is not in `allowedOrigins`, or the client has no `dpop()`; else as
 * `getAccessToken`
 */
export async function getProof(
  auth: Pick<AuthClient<any, any, any>, 'subscribe' | 'getAccessToken'>,
  url: string | URL,
  method = 'GET',
): Promise<ProofHeaders | null> {
  const token = await auth.getAccessToken()
  const kernel = kernelOf(auth)
  if (token === null) return null
  const held = kernel?.session.held
  if (!kernel?.proof || !held?.key) throw invalid('auth', 'a client with dpop()')
  const target = URL.canParse(url, kernel.environment.baseURI())
    ? new URL(url, kernel.environment.baseURI())
    : null
  if (!target || !kernel.settings.allowedOrigins.has(target.origin)) {
    throw invalid('url', 'of an origin in "allowedOrigins"')
  }
  const headers = new Headers({ Authorization: `${kernel.settings.scheme} ${held.accessToken}` })
  await kernel.proof.sign(held.key, { url: target.href, method: method.toUpperCase(), headers })
  return { Authorization: headers.get('Authorization') ?? '', DPoP: headers.get('DPoP') ?? '' }
}

import type { ProofKey, ReadTokens } from '../types.ts'

/** `fetch`'s own arguments for a call. */
export interface AuthRequest {
  readonly url: string
  readonly init: RequestInit & { readonly method: string; readonly headers: Headers }
  /** The key to sign the request with. */
  readonly key?: ProofKey | null | undefined
  /** Reads the answer of this request in place of `readTokens`. */
  readonly read?: ReadTokens | undefined
  /** Makes the request that is sent instead where this one is refused for good. */
  readonly otherwise?: (() => Promise<AuthRequest | null>) | undefined
}

/** What came as its answer. */
export interface Received {
  readonly response: Response
  readonly text: string
  /** The key that the call was signed with. */
  readonly key?: ProofKey | undefined
}

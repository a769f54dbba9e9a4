import type { HeldTokens, Operation, ProofKey } from '../types.ts'
import { callback } from './callback.ts'
import type { Kernel } from './feature.ts'
import type { Part, ProofPart } from './parts.ts'
import { createSignedSend, type Signer, tell } from './signed-send.ts'

// Only an app with proofs ships this file.

/** What the maker of proofs writes. See `ProofPart` for what the kernel makes of it. */
export interface Proof extends Part, Signer {
  /** A new key, for a login. `mustOutlive`: rejects if it would be gone with the page. */
  create: ProofPart['create']
  /** The key with this id; `null` if this browser no longer has it. */
  find: ProofPart['find']
  /** The key of the session that a page before this one had, or else a new one. For a refresh token in a cookie. */
  current(): Promise<ProofKey>
  /** Can `sign` use this key? Called for a key that another tab hands over. */
  fits: ProofPart['fits']
}

/** The proofs for the kernel. Each send is signed, and once more if the server names what was missing in the proof. */
export function toProofPart<Own extends Proof>(kernel: Kernel, proof: Own): Own & ProofPart {
  const { log } = kernel.settings

  const keyOf = (name: Operation, tokens: HeldTokens | null): Promise<ProofKey> | ProofKey =>
    name === 'login' ? proof.create() : (tokens?.key ?? proof.current())

  return {
    ...proof,

    send: toInit => createSignedSend(kernel, proof, toInit),

    async call({ url, init, key: given }, name, tokens, signal, send) {
      const { method, headers } = init
      const request = { url, method, headers }
      const key = given === undefined ? await callback(log, 'proof', () => keyOf(name, tokens)) : given
      if (key === null) return send()
      const signed = async () => {
        await callback(log, 'proof', () => proof.sign(key, request))
        signal.throwIfAborted()
        return send()
      }
      let received = await signed()
      const isTaught = proof.learn(request, received.response, received.text)
      tell(log, proof, request, received, isTaught)
      if (isTaught) {
        received = await signed()
        proof.learn(request, received.response, received.text)
        tell(log, proof, request, received, false)
      }
      return { ...received, key }
    },
  }
}

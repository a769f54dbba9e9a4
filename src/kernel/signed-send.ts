import type { ProofKey } from '../types.ts'
import { type Disposal, unlessAborted, within } from './abort.ts'
import { discard, isCopied, nameOf, type Send, type ToInit } from './call.ts'
import { callback } from './callback.ts'
import type { Environment } from './environment.ts'
import type { SignedRequest } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { belonging } from './usable-token.ts'

interface Needs {
  readonly settings: Pick<Settings, 'sending' | 'log'>
  readonly environment: Pick<Environment, 'timer'>
  readonly disposal: Disposal
  readonly session: SessionHolder
}

/** What makes proofs, and learns from the answers. */
export interface Signer {
  /** Called before each send: sets the headers of the proof. An access token is in `Authorization` by then. */
  sign(key: ProofKey, request: SignedRequest): Promise<unknown>
  /**
   * Called with each answer to a signed request. `true`: the server has said what it wants to see in the proof, so the
   * same request is sent once more. `text`: the body of the answer to an auth call.
   */
  learn(request: SignedRequest, response: Response, text?: string): boolean
  /**
   * Is the proof refused, and not the token? The answer of an API then goes to the caller, since no refresh would help, and a
   * refused refresh signs nobody out. `text`: as for `learn`.
   */
  refuses(response: Response, text?: string): boolean
}

/** Says that a proof was refused, and what comes of it. */
export function tell(
  log: Settings['log'],
  proof: Signer,
  { method, url }: Pick<SignedRequest, 'method' | 'url'>,
  { response, text }: { readonly response: Response; readonly text?: string },
  isTaught: boolean,
): void {
  const outcome = isTaught ? 'sent-again' : 'refused'
  if (proof.refuses(response, text)) log({ type: 'proof', method, url: url.replace(/[?#].*/, ''), outcome })
}

/** The others do not wait longer for the first answer: it may be a stream, or a long poll. */
const LONGEST = 2_000

/**
 * Signs each send anew. If the server names what the proof must contain, the same request is sent once more, with the same
 * token and without a refresh. The first request to an origin goes alone, because its answer may have the nonce for the
 * others.
 */
export function createSignedSend(kernel: Needs, proof: Signer, toInit: ToInit): Send {
  const { settings, session, environment, disposal } = kernel
  const { sending, log } = settings
  /** By origin: what the others wait for. `null`: they need not wait. */
  const firsts = new Map<string, Promise<unknown> | null>()

  return async (call, target, token, isReplay) => {
    const key = token?.key
    if (!token || !key) return sending.send(target, toInit(call, target, token, isReplay))
    const url = call.url as string
    /** Did the answer name what the server wants to see in the proof? */
    let isTaught = false

    const signed = async (to: Request | string, isSecond = false): Promise<Response> => {
      const init = toInit(call, to, token, isReplay || isSecond)
      const request = { url, method: call.method, headers: init.headers }
      await unlessAborted(
        callback(log, 'proof', () => proof.sign(key, request)),
        init.signal ?? call.signal,
      )
      // While the request waited and was signed, the user can have signed out, or the client can have been disposed.
      belonging(session.identity && session.owner, token)
      disposal.signal.throwIfAborted()
      const response = await sending.send(to, init)
      isTaught = !response.redirected && proof.learn(request, response) && !isSecond
      tell(log, proof, nameOf(call), { response }, isTaught)
      return response
    }

    const { origin } = new URL(url)
    for (let first = firsts.get(origin); first; first = firsts.get(origin))
      await unlessAborted(first, call.signal)
    const spare = isCopied(call) ? (target as Request).clone() : target
    try {
      const answer = signed(target)
      if (!firsts.has(origin)) {
        const open = () => firsts.set(origin, null)
        // If it fails or is aborted, another one is the first.
        const next = () => firsts.get(origin) && firsts.delete(origin)
        firsts.set(origin, within(environment, LONGEST, open, () => answer).then(open, next))
      }
      const response = await answer
      if (!isTaught) return response
      if (call.isOneShot) {
        log({ type: 'not-replayed', ...nameOf(call), why: 'one-shot-body' })
        return response
      }
      discard(response)
      return await signed(spare, true)
    } finally {
      if (spare !== target) discard(spare)
    }
  }
}

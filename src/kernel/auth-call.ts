import type { HeldTokens, Operation, ProofKey } from '../types.ts'
import type { Answer } from './answer.ts'
import { type AuthRequest, createPrepare, type Input, type Needs as PrepareNeeds } from './auth-request.ts'
import { callback } from './callback.ts'
import { instant } from './clock.ts'
import { type Call, createJudge, failed, type Needs as JudgeNeeds, type Received } from './judge.ts'
import type { ProofPart } from './parts.ts'
import { isUsable } from './token.ts'
import type { WireNote } from './wire-note.ts'

/** What only some auth calls have. */
export interface Asking extends Input {
  /** Called when the request leaves. */
  readonly sent?: (() => void) | undefined
  /** The call decides who is signed in, so a refusal is judged like that of a refresh. */
  readonly decides?: boolean
  /** Called with the refresh token of the answer, even if the rest of the answer cannot be used. */
  readonly rotated?: ((refreshToken: string) => unknown) | undefined
}

/**
 * Sends one auth call and judges its answer. The caller gives up by the signal. An answer that comes after that is
 * ignored, and nothing more is sent.
 *
 * @throws AuthError `…_rejected` when final, `…_unavailable` when passing; `malformed_response`
 */
export type Ask = (
  operation: Operation,
  tokens: HeldTokens | null,
  signal: AbortSignal,
  asking?: Asking,
) => Promise<Answer>

export interface Needs extends PrepareNeeds, JudgeNeeds {
  readonly wireNote: WireNote
  readonly proof: Pick<ProofPart, 'sign' | 'learn'> | undefined
}

export function createAsk(kernel: Needs): Ask {
  const { settings, environment, wireNote } = kernel
  const { endpoints, log } = settings
  const { proof } = kernel
  const prepare = createPrepare(kernel)
  const judge = createJudge(kernel)

  /** The endpoint that is called: `endpoints.restore` is optional. */
  function nameOf(operation: Operation): Operation {
    if (operation !== 'restore' || endpoints.restore) return operation
    return kernel.cookies ? 'user' : 'refresh'
  }

  const sign = (
    key: ProofKey,
    { url, init: { method, headers } }: AuthRequest,
  ): Promise<unknown> | undefined =>
    proof && callback(log, 'proof', () => proof.sign(key, { url, method, headers }))

  async function send(
    call: Call,
    { url, init, key }: AuthRequest,
    arrived: false | (() => void),
  ): Promise<Received & { isTaught?: boolean | undefined }> {
    try {
      const response = await settings.sending.send(url, init)
      if (arrived) arrived()
      const text = await response.text()
      return { response, text, ...(key && { isTaught: proof?.learn(url, response, text) }) }
    } catch {
      // The native error is not passed on: it can quote a header with a token.
      throw failed(call, 'unavailable', 'failed on the network, or CORS forbids it')
    }
  }

  return async (operation, tokens, signal, asking = {}) => {
    const { sent, rotated } = asking
    signal.throwIfAborted()
    const name = nameOf(operation)
    const kind = operation === 'restore' || asking.decides ? 'refresh' : operation
    const decides = kind === 'login' || kind === 'refresh'
    const call: Call = { operation: name === 'user' ? name : operation, kind, decides, tokens }
    // A page that has gone may still get an answer. That can change the cookie, but not a token that JavaScript holds.
    const isByCookie = (name === 'restore' || (name !== 'user' && !settings.sliding)) && !tokens?.refreshToken
    const isLeaving = operation === 'logout' && !sent
    const wait = isByCookie && !isLeaving ? wireNote.lifted(signal) : null
    if (wait) await wait
    const request = await prepare(name, tokens, signal, asking)
    const key = request?.key
    if (key) await sign(key, request)
    signal.throwIfAborted()
    const sentAt = instant(environment)
    if (!request) {
      if (decides) throw failed(call, 'rejected', 'was not sent: there is nothing to send')
      return { arrival: { sentAt } }
    }
    sent?.()
    const arrived = isByCookie && (kind === 'refresh' ? wireNote.sent() : wireNote.lift)
    let received = await send(call, request, arrived)
    // Once more: the server has said what the proof must contain.
    if (key && received.isTaught) {
      await sign(key, request)
      signal.throwIfAborted()
      received = await send(call, request, arrived)
    }
    const answer = await judge(call, request, sentAt, received)
    const refreshToken = answer.set?.refreshToken
    if (isUsable(refreshToken)) await rotated?.(refreshToken)
    return answer
  }
}

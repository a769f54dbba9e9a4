import type { HeldTokens, Operation } from '../types.ts'
import type { Answer } from './answer.ts'
import { createPrepare, type Input, type Needs as PrepareNeeds } from './auth-request.ts'
import type { AuthRequest, Received } from './auth-wire.ts'
import { type Instant, instant } from './clock.ts'
import type { AuthError } from './errors.ts'
import { type AuthCall, createJudge, failed, type Needs as JudgeNeeds } from './judge.ts'
import { pick } from './own.ts'
import type { ProofPart } from './parts.ts'
import { isUsable } from './token.ts'
import type { WireNote } from './wire-note.ts'

/** What only some auth calls have. */
export interface Asking extends Input {
  /** Called when the request leaves. */
  readonly sent?: (() => void) | undefined
  /** What its refusal means, where it means more than the operation says: who is signed in. */
  readonly kind?: 'refresh'
  /** Called with the refresh token of the answer, even if the rest of the answer is unusable. */
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
  readonly proof: Pick<ProofPart, 'call' | 'refuses'> | undefined
}

export function createAsk(kernel: Needs): Ask {
  const { settings, environment, wireNote, proof } = kernel
  const prepare = createPrepare(kernel)
  const judge = createJudge(kernel)

  async function send(
    call: AuthCall,
    { url, init }: AuthRequest,
    arrived: false | (() => void),
  ): Promise<Received> {
    try {
      const response = await settings.sending.send(url, init)
      if (arrived) arrived()
      return { response, text: await response.text() }
    } catch {
      // The native error is not passed on: it can quote a header with a token.
      throw failed(call, 'unavailable', 'failed on the network or by CORS')
    }
  }

  return async (operation, tokens, signal, asking) => {
    const given = pick(asking, 'sent', 'rotated', 'kind', 'credentials', 'input')
    const { sent, rotated, kind = operation === 'restore' ? 'refresh' : operation } = given
    signal.throwIfAborted()
    const decides = kind === 'login' || kind === 'refresh'
    const call: AuthCall = { operation, kind, decides, tokens }
    const name = operation === 'restore' && !settings.endpoints.restore ? 'refresh' : operation
    // Only a cookie can be changed by the answer to a page that has gone.
    const isByCookie = (name === 'restore' || (name !== 'user' && !settings.sliding)) && !tokens?.refreshToken
    const isLeaving = operation === 'logout' && !sent
    if (isByCookie && !isLeaving) await wireNote.lifted(signal)
    const deliver = async (request: AuthRequest): Promise<Answer> => {
      let sentAt: Instant | undefined
      const sendNow = () => {
        if (!sentAt) sent?.()
        sentAt ??= instant(environment)
        const arrived = isByCookie && (kind === 'refresh' ? wireNote.sent() : wireNote.lift)
        return send(call, request, arrived)
      }
      const received = await (proof ? proof.call(request, name, tokens, signal, sendNow) : sendNow())
      try {
        return await judge(call, request, sentAt as Instant, received)
      } catch (error) {
        const isFinal = (error as AuthError).code === `${kind}_rejected`
        const next = isFinal && request.otherwise ? await request.otherwise() : null
        if (!next) throw error
        signal.throwIfAborted()
        return deliver(next)
      }
    }
    const request = await prepare(name, tokens, signal, given)
    signal.throwIfAborted()
    if (!request) {
      if (decides) throw failed(call, 'rejected', 'has nothing to send')
      return { arrival: { sentAt: instant(environment) } }
    }
    const answer = await deliver(request)
    const refreshToken = answer.set?.refreshToken
    if (isUsable(refreshToken)) await rotated?.(refreshToken)
    return answer
  }
}

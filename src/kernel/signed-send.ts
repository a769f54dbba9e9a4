import { unlessAborted } from './abort.ts'
import { discard, isCopied, nameOf, type Send, type ToInit } from './call.ts'
import { callback } from './callback.ts'
import type { ProofPart } from './parts.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { belonging } from './usable-token.ts'

interface Needs {
  readonly settings: Pick<Settings, 'sending' | 'log'>
  readonly session: SessionHolder
}

/**
 * Signs each send anew. If the server says what the proof must contain, the same request is sent once more, with the
 * same token: that is no refresh.
 */
export function createSignedSend(
  kernel: Needs,
  proof: Pick<ProofPart, 'sign' | 'learn'>,
  toInit: ToInit,
): Send {
  const { settings, session } = kernel
  const { sending, log } = settings

  async function signed(
    call: Parameters<Send>[0],
    target: Request | string,
    token: Parameters<Send>[2],
    isReplay = false,
    isAgain = false,
  ): Promise<Response> {
    const key = token?.key
    if (!key) return sending.send(target, toInit(call, target, token, isReplay))
    let spare = !isAgain && isCopied(call) ? (target as Request).clone() : null
    try {
      const init = toInit(call, target, token, isReplay)
      const { url, method } = call
      const request = { url: url as string, method, headers: init.headers }
      await unlessAborted(
        callback(log, 'proof', () => proof.sign(key, request)),
        init.signal ?? call.signal,
      )
      // The user can have signed out while the request was signed.
      belonging(session.identity && session.owner, token)
      const response = await sending.send(target, init)
      const isTaught = !response.redirected && proof.learn(request, response)
      if (!isTaught || isAgain) return response
      if (call.isOneShot) {
        log({ type: 'not-replayed', ...nameOf(call), why: 'one-shot-body' })
        return response
      }
      discard(response)
      const next = spare ?? target
      spare = null
      return await signed(call, next, token, true, true)
    } finally {
      if (spare) discard(spare)
    }
  }

  return signed
}

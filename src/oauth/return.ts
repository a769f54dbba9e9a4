import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import type { Returned } from '../kernel/flow-part.ts'
import type { Windows } from '../kernel/windows.ts'
import { type Callback, readCallback, readCode } from './callback.ts'
import { toLocalAddress } from './local-address.ts'
import type { Metadata } from './metadata.ts'
import type { Config } from './options.ts'
import { isPageOf } from './pages.ts'
import { relay } from './popup.ts'
import type { Transactions } from './transaction.ts'

/** What `endpoints.login` is given: the code, and the login that it answers. */
export interface Credentials {
  readonly code: string
  readonly state: string
}

/** The page comes back from the authorization server. */
export interface Return {
  /**
   * Called while the client is created. An address with an answer to a login of this client is replaced at once, before a
   * router or an analytics script sees it. Any other address is left as it is: another client may know it.
   */
  resume(): Returned | null
  /** @throws AuthError `login_rejected`, `login_unavailable`, `malformed_response` */
  credentialsOf(answer: Pick<Callback, 'parameters' | 'state'>): Promise<Credentials>
}

const CLOSING = 1_000

/**
 * The last answer that a client of this page has read. It is out of the address. If that client is disposed before it has sent
 * the code, as by hot reload or React's StrictMode, the next one goes on with it.
 */
let unsent: Callback | null = null

export const usedBefore = (): AuthError =>
  new AuthError('login_rejected', 'The answer in the address was used before, or is too old: log in again.')

type Needs = Pick<Kernel, 'settings' | 'environment'>

export function createReturn(
  kernel: Needs,
  windows: Windows,
  config: Config,
  metadata: Metadata,
  transactions: Transactions,
): Return {
  const { environment } = kernel
  const { log } = kernel.settings

  async function credentialsOf(answer: Pick<Callback, 'parameters' | 'state'>): Promise<Credentials> {
    const { state } = answer
    const server = await metadata.get('login')
    try {
      return { state, code: readCode(server, answer) }
    } catch (error) {
      // This answer cannot be used a second time.
      transactions.take(state)
      throw error
    }
  }

  async function fromPopup(found: Callback): Promise<Credentials | null> {
    const isTaken = await relay(environment, found.state, `${found.parameters}`)
    if (!isTaken) return credentialsOf(found)
    log({ type: 'returned', outcome: 'relayed' })
    windows.close()
    // The browser closes it a moment later: until then nothing is restored here.
    await new Promise<void>(resolve => environment.timer(resolve, CLOSING))
    return null
  }

  function show(address: string): void {
    let local = '/'
    try {
      local = toLocalAddress(address, windows.href())
    } catch {
      // Somebody has changed what was stored.
    }
    // A router can take its time, and must not see the code.
    windows.replace(local)
    try {
      config.navigate?.(local)
    } catch (error) {
      environment.report(error)
    }
  }

  return {
    credentialsOf,
    resume() {
      transactions.sweep()
      const inAddress = readCallback(windows.href())
      const found = inAddress ?? unsent
      const transaction = found && transactions.peek(found.state)
      if (!transaction || !isPageOf(found.page, transaction.redirectUri)) return null
      const { how, returnTo } = transaction
      if (found.isAnswer === (how === 'logout')) return null
      if (inAddress) show(returnTo)
      if (how === 'logout') {
        transactions.take(found.state)
        log({ type: 'returned', outcome: 'signed-out' })
        return { signedOut: true }
      }
      if (how === 'popup') return { credentials: fromPopup(found) }
      const isUsed = how === 'used'
      if (isUsed && !inAddress) return null
      unsent = found
      const outcome = found.parameters.has('code') ? 'answer' : 'refused'
      log({ type: 'returned', outcome: isUsed ? 'used' : outcome })
      return { credentials: isUsed ? Promise.reject(usedBefore()) : credentialsOf(found) }
    },
  }
}

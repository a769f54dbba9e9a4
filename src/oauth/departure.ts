import { within } from '../kernel/abort.ts'
import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import type { Windows } from '../kernel/windows.ts'

/** The page leaves for the authorization server: for a login, or to log out there. */
export interface Departure {
  /**
   * Makes the address, and leaves for it. Who comes while the page is leaving joins: it leaves once. Never settles where the
   * page goes.
   * @throws AuthError `login_cancelled` where the page is still there after `timeout`, or has come back
   */
  go(
    what: 'login' | 'logout',
    signal: AbortSignal | null,
    make: (signal: AbortSignal) => Promise<string>,
  ): Promise<never>
  /** Gives it up: another one may begin at once. Without `reason` the page has come back, or it could not leave. */
  cancel(reason?: AuthError): void
}

/** A logout came later than the login. */
export const superseded = (): AuthError => new AuthError('superseded', 'logout was called in between.')

type Needs = Pick<Kernel, 'settings' | 'environment' | 'disposal'>

interface Leaving {
  readonly what: 'login' | 'logout'
  readonly left: Promise<never>
  readonly controller: AbortController
  waiting: number
}

export function createDeparture(kernel: Needs, windows: Windows): Departure {
  const { settings, environment } = kernel
  let leaving: Leaving | null = null

  const cancelled = () =>
    new AuthError(
      'login_cancelled',
      'The page is still there: the user has come back, or it could not leave.',
    )

  async function leave(
    what: 'login' | 'logout',
    signal: AbortSignal,
    make: (signal: AbortSignal) => Promise<string>,
  ): Promise<never> {
    const url = await make(signal)
    signal.throwIfAborted()
    settings.log({ type: 'left', for: what })
    windows.assign(url)
    const never = () => new Promise<never>(() => {})
    return within(environment, settings.timeout, cancelled, never, signal)
  }

  /** Who comes next does not join it, not even in the same task. */
  function giveUp(given: Leaving, reason: unknown): void {
    if (leaving === given) leaving = null
    given.controller.abort(reason)
  }

  return {
    go(what, signal, make) {
      // The logout was asked for later.
      if (what === 'logout' && leaving?.what === 'login') giveUp(leaving, superseded())
      if (!leaving) {
        const controller = new AbortController()
        const left = leave(what, controller.signal, make).finally(() => {
          if (leaving === begun) leaving = null
        })
        const begun: Leaving = { what, left, controller, waiting: 0 }
        leaving = begun
      }
      const joined = leaving
      joined.waiting++
      // It is given up when nobody waits for it any more.
      signal?.addEventListener('abort', () => {
        joined.waiting--
        if (joined.waiting === 0) giveUp(joined, signal.reason)
      })
      return joined.left
    },
    cancel(reason = cancelled()) {
      if (leaving) giveUp(leaving, reason)
    },
  }
}

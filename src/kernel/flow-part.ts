import type { AuthEventMap, HeldTokens } from '../types.ts'
import { within } from './abort.ts'
import { threw } from './callback.ts'
import { type AuthError, isAuthError } from './errors.ts'
import type { Kernel } from './feature.ts'
import type { FlowPart, Part } from './parts.ts'

// Only an app with a flow ships this file.

/** What the maker of a login flow writes. See `FlowPart` for what the kernel makes of it. */
export interface Flow extends Part, Pick<FlowPart, 'renews'> {
  /**
   * What `login` does first, outside the lock and `timeout`: a redirect never settles, and a popup takes minutes.
   * Settles with what `endpoints.login` is given as `credentials`. `isSignedOut`: there is a logout that no server has
   * confirmed.
   */
  start: FlowPart['start']
  /**
   * Called once, while the client is created in a page: what the page has come back with from a redirect; `null`:
   * nothing.
   */
  resume(): Returned | null
  /**
   * After the revocation of a logout that the app has asked for. `true`: the page leaves, and the marker is kept until
   * a page comes back with `signedOut`. `isReached`: the revocation has just got an answer from the server. `signal`: the
   * page must not leave any more.
   */
  leave(tokens: HeldTokens | null, options: { signal: AbortSignal; isReached: boolean }): Promise<boolean>
  /**
   * Has the authorization server a session of its own, which ends only where a page leaves for it? A revocation then does
   * not remove the marker.
   */
  hasSession?(): Promise<boolean>
}

/**
 * `credentials`: a login is completed with them, before anything is restored. If they are `null`, there is nothing to
 * complete after all, as where another page has taken the answer. `signedOut`: the logout is confirmed.
 * `inert`: this page only relays an answer, so it restores nothing.
 */
export type Returned =
  | { readonly credentials: Promise<unknown> }
  | { readonly signedOut: true }
  | { readonly inert: true }

/** The flow as the kernel asks it: it never rejects for its own reasons, and completes a login that a page comes back from. */
export function toFlowPart<Own extends Flow>(kernel: Kernel, flow: Own): Own & FlowPart {
  const { settings, environment } = kernel
  const { timeout, log } = settings
  const { page } = environment
  let credentials: Promise<unknown> | null = null
  let isInert = false
  let arriving: Promise<AuthError | null> | null = null

  /** Only a bad option keeps an app from creating its client: any other error is that of the login. */
  function resumed(): Returned | null {
    try {
      return flow.resume()
    } catch (error) {
      return { credentials: Promise.reject(isAuthError(error) ? error : threw(log, 'flow', error)) }
    }
  }

  /** If the login fails, the session from before is restored. */
  async function arrive(
    given: Promise<unknown>,
    restored: () => Promise<AuthError | null>,
  ): Promise<AuthError | null> {
    const { session, signIn } = kernel
    const tell = (error: AuthError) =>
      kernel.emit('loginError', { error } satisfies AuthEventMap['loginError'])
    let loginError: AuthError | null = null
    try {
      await signIn.complete(given)
    } catch (error) {
      loginError = error as AuthError
    }
    // An answer that this page itself refuses, such as one that was used before, is no news to somebody who is signed in.
    const isOwnRefusal = loginError?.code === 'login_rejected' && loginError.body === undefined
    if (loginError && !isOwnRefusal) tell(loginError)
    credentials = null
    if (loginError) session.loginFailed(loginError)
    const failure = await restored()
    if (loginError && isOwnRefusal && session.snapshot.status === 'anonymous') tell(loginError)
    return failure
  }

  return {
    ...flow,

    resumed() {
      // A worker comes back from no redirect.
      const returned = page && !page.isWorker ? resumed() : null
      if (returned && 'signedOut' in returned) kernel.marker.lift()
      if (returned && 'credentials' in returned) credentials = returned.credentials
      isInert = returned !== null && 'inert' in returned
      // It is awaited later, or never where the app does not restore: until then a refusal would count as unhandled.
      credentials?.catch(() => {})
    },

    // A login to complete is the newer decision, also where another tab has handed its session over in the meantime.
    arrival: () =>
      isInert ? 'none' : credentials !== null && kernel.decisions.count === 0 ? 'due' : undefined,

    arrive(restored) {
      if (!credentials) return null
      arriving ??= arrive(credentials, restored)
      return arriving
    },

    async leaves(tokens, isReached) {
      try {
        return await within(environment, timeout, null, async signal =>
          flow.leave(tokens, { signal, isReached }),
        )
      } catch (error) {
        threw(log, 'flow', error)
        return false
      }
    },

    keepsSession: async () => (await flow.hasSession?.().catch(() => true)) ?? false,
  }
}

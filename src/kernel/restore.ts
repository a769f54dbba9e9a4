import type { Abortable, AuthEventMap, Session } from '../types.ts'
import { unlessAborted } from './abort.ts'
import { threw } from './callback.ts'
import type { Decisions } from './decisions.ts'
import type { Environment } from './environment.ts'
import { type AuthError, isAuthError } from './errors.ts'
import type { Marker } from './marker.ts'
import { pick } from './own.ts'
import type { FlowPart, Returned } from './parts.ts'
import type { PrerenderGate } from './prerender.ts'
import type { Refresher } from './refresh.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import type { SignIn } from './sign-in.ts'

/** Finds out, after the page has loaded, whether somebody is signed in. */
export interface Restore {
  /**
   * Joins the restore under way, or starts one (the first, or another after a failed one). Settles at once if it is
   * known who is signed in.
   */
  restored(): Promise<AuthError | null>
  ready(options?: Abortable): Promise<Session<any, any>>
}

interface Needs {
  readonly settings: Pick<Settings, 'log'>
  readonly environment: Environment
  readonly session: SessionHolder
  readonly refresher: Pick<Refresher, 'run'>
  readonly decisions: Pick<Decisions, 'count'>
  readonly marker: Marker
  readonly flow: FlowPart | undefined
  readonly gate: Pick<PrerenderGate, 'hidden'>
  readonly signIn: Pick<SignIn, 'complete'>
  emit(name: 'loginError', detail: AuthEventMap['loginError']): void
  alive(): void
}

export function createRestore(kernel: Needs): Restore {
  const { settings, environment, session, refresher } = kernel
  // A worker comes back from no redirect.
  const returned = environment.page && !environment.page.isWorker ? resumed() : null
  if (returned && 'signedOut' in returned) kernel.marker.lift()
  const isInert = returned != null && 'inert' in returned
  let credentials = returned && 'credentials' in returned ? returned.credentials : null
  // It is awaited later, or never where the app does not restore: until then a refusal would count as unhandled.
  credentials?.catch(() => {})
  let arriving: Promise<AuthError | null> | null = null
  let first: Promise<AuthError | null> | null = null

  /** Only a bad option keeps an app from creating its client: any other error is that of the login. */
  function resumed(): Returned | null {
    try {
      return kernel.flow?.resume() ?? null
    } catch (error) {
      return { credentials: Promise.reject(isAuthError(error) ? error : threw(settings.log, 'flow', error)) }
    }
  }

  /** A login to complete is the newer decision, also where another tab has handed its session over in the meantime. */
  const isDue = (): boolean => credentials !== null && kernel.decisions.count === 0
  const isOpen = (): boolean =>
    (session.snapshot.status === 'unknown' || isDue()) && environment.page !== null && !isInert

  function restored(): Promise<AuthError | null> {
    if (!isOpen()) return Promise.resolve(null)
    return kernel.gate.hidden()?.then(restored) ?? restore()
  }

  function restore(): Promise<AuthError | null> {
    if (!credentials) return refresher.run('dead')
    arriving ??= arrive(credentials)
    return arriving
  }

  /**
   * Completes the login by redirect that the page has come back from. If that fails, the session from before is
   * restored.
   */
  async function arrive(given: Promise<unknown>): Promise<AuthError | null> {
    let loginError: AuthError | null = null
    const tell = (error: AuthError) => kernel.emit('loginError', { error })
    try {
      await kernel.signIn.complete(given)
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
    restored,
    async ready(options) {
      const { signal } = pick(options, 'signal')
      kernel.alive()
      signal?.throwIfAborted()
      first ??= restored()
      await unlessAborted(first, signal)
      kernel.alive()
      return session.snapshot
    },
  }
}

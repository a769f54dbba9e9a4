import type { AuthEventMap } from '../types.ts'
import type { Environment } from './environment.ts'
import type { AuthError } from './errors.ts'
import type { Marker } from './marker.ts'
import type { FlowPart } from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { SessionHolder } from './session.ts'
import type { SignIn } from './sign-in.ts'

interface Needs {
  readonly environment: Environment
  readonly session: SessionHolder
  readonly refresher: Pick<Refresher, 'run'>
  readonly marker: Marker
  readonly flow: FlowPart | undefined
  emit(name: 'loginError', detail: AuthEventMap['loginError']): void
}

/**
 * Restores the session. A login that the page has come back from is completed first; where that fails, the session from
 * before goes on.
 */
export function createArrival(kernel: Needs, signIn: Pick<SignIn, 'complete'>) {
  const { session, refresher } = kernel
  const returned = kernel.environment.page ? kernel.flow?.resume() : null
  if (returned && 'signedOut' in returned) kernel.marker.lift()
  let credentials = returned && 'credentials' in returned ? returned.credentials : null
  let arriving: Promise<AuthError | null> | null = null

  async function arrive(given: Promise<unknown>): Promise<AuthError | null> {
    let loginError: AuthError | null = null
    try {
      await signIn.complete(given)
    } catch (error) {
      loginError = error as AuthError
      kernel.emit('loginError', { error: loginError })
    }
    credentials = null
    const failure = session.snapshot.status === 'unknown' ? await refresher.run('dead') : null
    // Nobody holds the promise of that login.
    if (loginError && session.snapshot.status === 'anonymous') session.fail(loginError, true)
    return failure
  }

  return (): Promise<AuthError | null> => {
    if (returned && 'inert' in returned) return Promise.resolve(null)
    if (!credentials) return refresher.run('dead')
    arriving ??= arrive(credentials)
    return arriving
  }
}

import type { Abortable, AuthenticatedSession } from '../types.ts'
import { unlessAborted } from './abort.ts'
import type { Decisions } from './decisions.ts'
import { AuthError } from './errors.ts'
import type { LoginNote } from './login-note.ts'
import { pick } from './own.ts'
import type { TabsPart } from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { Restore } from './restore.ts'
import type { SessionHolder } from './session.ts'
import { beginSignIn, type SignInBeginning } from './sign-in.ts'

interface Needs extends SignInBeginning {
  readonly session: SessionHolder
  readonly refresher: Refresher
  readonly loginNote: LoginNote
  readonly decisions: Decisions
  readonly tabs: TabsPart | undefined
  readonly restore: Pick<Restore, 'restored'>
}

/** The app's own `refresh()`. It asks the server who is signed in, even if by the marker or the other tabs nobody is. */
export function createAppRefresh(
  kernel: Needs,
): (options?: Abortable) => Promise<AuthenticatedSession<any, any>> {
  const { settings, environment, session, refresher, decisions } = kernel

  async function answered(at: number): Promise<AuthError | null> {
    const error = await refresher.run('asked', at)
    if (error?.retryable && !session.held) kernel.tabs?.hearAgain()
    // The session is unknown again: another tab announced another user without a token, or the page came back from the
    // back/forward cache. So this tab asks once more.
    if (error || session.snapshot.status !== 'unknown') return error
    return kernel.tabs?.sharesTokens === false ? kernel.restore.restored() : refresher.run('asked', at)
  }

  return async options => {
    const { signal } = pick(options, 'signal')
    if (!settings.endpoints.refresh) throw new AuthError('unsupported', '"endpoints.refresh" is false.')
    const hidden = beginSignIn(kernel, signal)
    if (hidden) await hidden
    const asked = decisions.count
    const at = environment.now()
    const call = {}
    decisions.asking = call
    const run = answered(at).finally(() => {
      // It has had its chance then, also where the caller gave up.
      if (decisions.asking === call) decisions.asking = null
    })
    const error = await unlessAborted(run, signal)
    if (error) throw error
    const { held } = session
    // If a logout came in between, a session from another tab can be older than this call.
    if (!held || (asked !== decisions.count && held.askedAt < at)) {
      throw new AuthError('no_session', 'Nobody is signed in.')
    }
    // The app has its answer, so it knows whose cookie this is.
    kernel.loginNote.lift()
    return session.snapshot as AuthenticatedSession
  }
}

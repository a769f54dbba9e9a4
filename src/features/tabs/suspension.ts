import type { Kernel } from '../../kernel/feature.ts'
import { createNote } from '../../kernel/note.ts'
import type { Rest } from '../../kernel/rest.ts'
import { goOnWith } from '../../kernel/resume.ts'

/**
 * Suspends the session of this tab until the other tabs or the server have answered. It does so after the back/forward
 * cache, where a page hears no message, and when another user has signed in elsewhere.
 */
export interface Suspension {
  /** The access token that was held before, if the page has nothing else to go on with. */
  readonly kept: Rest | null
  /** Settles when the session is known again, or could not be restored. */
  begin(): Promise<unknown>
  /** No other tab has a session to hand over: goes on with the kept token. `true`: the user is signed in again. */
  goOn(): Promise<boolean>
  /** The session has changed since. */
  forget(): void
  /** Somebody has signed out here: what other pages keep of that session is worth nothing. */
  signedOut(): void
}

export function createSuspension(kernel: Kernel): Suspension {
  const { settings, session } = kernel
  let kept: Rest | null = null
  /** Of the last logout. A page in the back/forward cache hears no message, and the marker may be gone by then. */
  const ended = createNote(kernel, 'ended')

  return {
    get kept() {
      return kept
    },
    begin() {
      const { held, stamp } = session
      if (held && settings.accessOnly && !kernel.storage) {
        const { accessToken, expires } = held
        kept = { accessToken, expiresAt: expires?.wall, lineage: stamp.epoch }
      }
      session.suspend()
      return kernel.restore.restored()
    },
    async goOn() {
      if (!kept || session.held) return false
      if ((ended.read() ?? 0) >= kept.lineage) {
        kept = null
        return false
      }
      session.see(0, kept.lineage)
      if (!(await goOnWith(kernel, kept))) kept = null
      return session.held !== null
    },
    forget() {
      kept = null
    },
    signedOut() {
      if (settings.accessOnly && !kernel.storage) ended.write(session.stamp.epoch)
    },
  }
}

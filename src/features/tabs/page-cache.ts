import type { Kernel } from '../../kernel/feature.ts'
import type { Rest } from '../../kernel/rest.ts'
import { goOnWith } from '../../kernel/resume.ts'

/**
 * A page that is back from the back/forward cache: it heard of nothing while it was there, so nothing of its session
 * counts before the other tabs or the server have been asked.
 */
export interface PageCache {
  /** An access token that renews itself, of before: nobody but the other tabs could be asked for it. */
  readonly kept: Rest | null
  back(): void
  /** Goes on with the token that is kept. Settles with `true` where somebody is signed in by that. */
  goOn(): Promise<boolean>
  /** The session has changed since. */
  forget(): void
}

export function createPageCache(kernel: Kernel): PageCache {
  const { settings, session } = kernel
  let kept: Rest | null = null

  return {
    get kept() {
      return kept
    },
    back() {
      const { held, stamp } = session
      settings.log({ type: 'suspended' })
      if (held && settings.accessOnly && !kernel.storage) {
        const { accessToken, expires } = held
        kept = { accessToken, expiresAt: expires?.wall, lineage: stamp.epoch }
      }
      session.suspend()
      void kernel.restored()
    },
    async goOn() {
      if (!kept || session.held) return false
      session.see(0, kept.lineage)
      if (!(await goOnWith(kernel, kept))) kept = null
      return session.held !== null
    },
    forget() {
      kept = null
    },
  }
}

import type { LogoutResult } from '../types.ts'
import type { Disposal } from './abort.ts'
import type { Decisions } from './decisions.ts'
import type { Environment } from './environment.ts'
import type { Rested } from './logout-retries.ts'
import type { Marker } from './marker.ts'
import type { Part, StoragePart, TabsPart } from './parts.ts'
import type { PrerenderGate } from './prerender.ts'
import type { Revocation } from './revocation.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'

/** Ends the session here, and keeps it ended. */
export interface SignOut {
  /** Ends the session in this tab first, then in the other tabs, then on the server. */
  signOut(reason: 'logout' | 'idle', input?: unknown): Promise<LogoutResult>
  /** By the app; a page that is prerendered is shown first. */
  logout(input?: unknown): Promise<LogoutResult>
  /** Does something keep a restore or refresh from going out that the app has not asked for? */
  bars(): boolean
}

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly marker: Marker
  readonly revocation: Revocation
  readonly decisions: Decisions
  readonly tabs: TabsPart | undefined
  readonly storage: StoragePart | undefined
  readonly parts: readonly Part[]
  readonly gate: Pick<PrerenderGate, 'hidden'>
  readonly disposal: Pick<Disposal, 'reason'>
}

export function createSignOut(kernel: Needs): SignOut {
  const { environment, session, marker, revocation, decisions } = kernel

  /** The stored token. */
  const loaded = async (): Rested => (kernel.storage ? kernel.storage.load() : kernel.tabs?.kept)

  function signOut(reason: 'logout' | 'idle', input?: unknown): Promise<LogoutResult> {
    decisions.decide()
    const { tokens } = session
    const rested = loaded()
    session.clear(reason)
    marker.set(session.stamp.serial)
    kernel.tabs?.signedOut(reason)
    return revocation.run(tokens, { asked: true, rested, input, leaves: reason === 'logout' })
  }

  return {
    signOut,

    async logout(input) {
      const hidden = kernel.gate.hidden()
      try {
        if (hidden) await hidden
      } catch {}
      const error = kernel.disposal.reason
      return error ? { revoked: false, error } : signOut('logout', input)
    },

    bars() {
      if (decisions.asking) return false
      // Where this tab alone has the refresh token, and tells nobody, it was another session that another tab has ended.
      const isApart = !kernel.tabs && session.lineage !== null
      const { epoch, serial } = session.stamp
      if (isApart || !marker.stands(epoch)) return kernel.parts.some(part => part.bars?.())
      kernel.settings.log({ type: 'barred', why: 'marker' })
      // Decided when the marker was set: a login since then is the newer, and one before it is over.
      const rested = loaded()
      session.clear(session.held ? 'other-tab' : 'logout', Math.max(serial, marker.since()))
      // The tab that signed out may not have seen this storage. There was no login since, or the marker would be gone.
      kernel.storage?.drop(environment.now())
      revocation.found(rested)
      return true
    },
  }
}

import type { Environment } from './environment.ts'
import { createNote } from './note.ts'
import type { Settings } from './settings.ts'

export interface Marker {
  /** `decided`: how far this tab has come; a login that came after the logout does away with it, seen lifted or not. */
  stands(decided: number): boolean
  set(generation: number): void
  lift(): void
}

/**
 * 'Signed out', since when, and no more, kept in a note: while it stands nothing restores the session, so that a
 * server which did not hear the logout cannot bring it back on a shared computer. Where storage fails it holds for this
 * page alone.
 */
export function createMarker(settings: Settings, environment: Environment): Marker {
  const note = createNote(settings, environment, 'signed-out', () => {
    if (!told) settings.log({ type: 'storage-unavailable' })
    told = true
  })
  /** Of the logout, where this page knows of one. */
  let known: number | null = null
  let isStored = false
  let told = false

  return {
    stands(decided) {
      const stored = note.read()
      // What was stored may have been lifted by another page since.
      const generation = stored ?? (stored === null && isStored ? null : known)
      return generation !== null && generation >= decided
    },
    set(generation) {
      known = Math.max(known ?? 0, generation, note.read() ?? 0)
      isStored = note.write(known)
    },
    lift() {
      known = null
      note.remove()
    },
  }
}

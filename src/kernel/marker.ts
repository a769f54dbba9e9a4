import { createNote, type NoteNeeds } from './note.ts'
import { isSerial, lastSerial } from './stamp.ts'

export interface Marker {
  /** `epoch`: how far this tab has come; a login that came after the logout does away with it, seen lifted or not. */
  stands(epoch: number): boolean
  /** The serial of that logout: what is decided next comes after it. 0 where there is none, or only a stranger can have written it. */
  since(): number
  set(serial: number): void
  lift(): void
}

/**
 * 'Signed out', since when, and no more, kept in a note: while it stands nothing restores the session, so that a
 * server which did not hear the logout cannot bring it back on a shared computer. Where storage fails it holds for this
 * page alone.
 */
export function createMarker(kernel: NoteNeeds): Marker {
  const note = createNote(kernel, 'signed-out', () => {
    if (!told) kernel.settings.log({ type: 'storage-unavailable' })
    told = true
  })
  /** Of the logout, where this page knows of one. */
  let known: number | null = null
  let isStored = false
  let told = false

  function read(): number | null {
    const stored = note.read()
    // What was stored may have been lifted by another page since.
    return stored ?? (stored === null && isStored ? null : known)
  }

  return {
    stands(epoch) {
      const serial = read()
      return serial !== null && serial >= epoch
    },
    since() {
      const serial = read() ?? 0
      return isSerial(serial, lastSerial(kernel.environment.now(), 0)) ? serial : 0
    },
    set(serial) {
      known = Math.max(known ?? 0, serial, note.read() ?? 0)
      isStored = note.write(known)
    },
    lift() {
      known = null
      note.remove()
    },
  }
}

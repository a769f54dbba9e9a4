import { createNote, type NoteNeeds } from './note.ts'
import { isSerial, lastSerial } from './stamp.ts'

export interface Marker {
  /**
   * Is the marker set? `epoch`: that of this tab. A login after the logout makes the marker void, even before this tab
   * sees that it was removed.
   */
  stands(epoch: number): boolean
  /** The serial of that logout. 0: there is none, or only a stranger can have written it. */
  since(): number
  set(serial: number): void
  lift(): void
}

/**
 * The note "signed out", with the serial of the logout. While it is set, nothing restores the session. So a logout that
 * did not reach the server stays a logout, also on a shared computer. If storage fails, the marker holds for this page
 * only.
 */
export function createMarker(kernel: NoteNeeds): Marker {
  const note = createNote(kernel, 'signed-out', () => {
    if (!hasLogged) kernel.settings.log({ type: 'storage-unavailable' })
    hasLogged = true
  })
  /** The serial of the logout, if this page knows of one. */
  let known: number | null = null
  let isStored = false
  let hasLogged = false

  function read(): number | null {
    const stored = note.read()
    // If the note was stored and is gone now, another page has removed it.
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

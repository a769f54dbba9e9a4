import { type Disposal, unlessAborted } from './abort.ts'
import { createNote, type NoteNeeds } from './note.ts'
import type { Part } from './parts.ts'

/**
 * The note "a refresh is on the wire", since when, and how long the last one took. A page that goes away while it waits
 * for the answer leaves this note. The server rotates the cookie all the same, so the next page may find a used-up
 * cookie until that answer arrives. So the next page waits a little. Any answer removes the note.
 */
export interface WireNote extends Pick<Part, 'woke'> {
  /** A refresh leaves. To be called when the server has answered: the cookie of its answer is in the jar by then. */
  sent(): () => void
  /** The server has answered another call that sets the cookie. */
  lift(): void
  /** As long as the answer to a page that has gone may take; `null`: no such page is known of. */
  lifted(signal: AbortSignal): Promise<void> | null
}

const LEAST = 1_500

export function createWireNote(kernel: NoteNeeds & { readonly disposal: Disposal }): WireNote {
  const { environment, disposal } = kernel
  const { timeout, log } = kernel.settings
  const note = createNote(kernel, 'refresh-sent')
  const tookNote = createNote(kernel, 'refresh-took')
  let onWire: number | null = null
  /** Milliseconds that the last refresh took, in this page or else in the page before. */
  let took = 0

  function lift(): void {
    note.remove()
    tookNote.remove()
  }

  function left(): number {
    const at = note.read()
    const now = environment.now()
    if (at == null || at > now) return 0
    took ||= Math.min(tookNote.read() ?? 0, 2 * timeout)
    return Math.min(at + Math.max(LEAST, 2 * took) - now, timeout / 2)
  }

  return {
    sent() {
      const at = Math.floor(environment.now())
      const since = environment.monotonic()
      onWire = at
      return () => {
        if (onWire === at) onWire = null
        took = Math.ceil(environment.monotonic() - since)
        lift()
      }
    },

    lift,

    woke({ type }) {
      if (onWire === null) return
      if (type === 'pagehide') {
        note.write(onWire)
        tookNote.write(took)
      }
      // The page was kept, and hears itself what becomes of what it has sent.
      if (type === 'pageshow' && note.read() === onWire) lift()
    },

    lifted(signal) {
      const ms = left()
      if (ms <= 0) return null
      log({ type: 'lock', state: 'former-page' })
      let undo = () => {}
      const wait = new Promise<void>(resolve => {
        undo = environment.timer(resolve, Math.ceil(ms))
      })
      return unlessAborted(unlessAborted(wait, signal), disposal.signal).finally(undo)
    },
  }
}

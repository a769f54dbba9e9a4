import { type Disposal, unlessAborted } from './abort.ts'
import { createNote, type NoteNeeds } from './note.ts'
import type { Part } from './parts.ts'

/**
 * 'A refresh is on the wire', since when, and how long the last one took. A page that goes away meanwhile leaves this
 * note. The server rotates all the same, so the cookie that the next page finds can be used up already. The answer brings
 * the new one, and any answer removes the note.
 */
export interface WireNote extends Pick<Part, 'woke'> {
  /** A refresh leaves. To be called when the server has answered: the cookie of its answer is in the jar by then. */
  sent(): () => void
  /** The server has answered something else that decides about the cookie. */
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
  /** Milliseconds; of a page before this one where it has seen none itself. */
  let took = 0

  function lift(): void {
    note.remove()
    tookNote.remove()
  }

  function left(): number {
    const at = note.read()
    const now = environment.now()
    // This page hears itself what becomes of what it has sent.
    if (at == null || at === onWire || at > now) return 0
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

import { createNote, type NoteNeeds } from './note.ts'

/**
 * The note "a login was sent": written when the login leaves, removed when its outcome is known. If no answer came
 * (timeout, abort, a closed page), the server may have set its cookie all the same. The user was told that the login
 * failed, so while the note exists nothing is restored from a cookie.
 */
export interface LoginNote {
  stands(): boolean
  set(): void
  lift(): void
  /** Another tab has learned the outcome: what this page remembers is out of date. */
  forget(): void
}

export function createLoginNote(kernel: NoteNeeds): LoginNote {
  const note = createNote(kernel, 'login-sent')
  /**
   * The same for this page alone: storage may be blocked, and another tab may remove its own note without seeing this
   * one.
   */
  let known = false

  return {
    stands: () => known || note.read() != null,
    set() {
      known = true
      note.write(Math.floor(kernel.environment.now()))
    },
    lift() {
      known = false
      note.remove()
    },
    forget() {
      known = false
    },
  }
}

import { createNote, type NoteNeeds } from './note.ts'

/**
 * 'A login was sent', and no more, kept in a note from the moment it leaves until its outcome is known. Where none
 * came (timeout, abort, a closed page) the server may have set its cookie all the same. The user was told that the login
 * failed, so while the note stands nothing is restored from a cookie.
 */
export interface LoginNote {
  stands(): boolean
  set(): void
  lift(): void
  /** Another tab has learned the outcome: what this page remembers of it is old. */
  forget(): void
}

export function createLoginNote(kernel: NoteNeeds): LoginNote {
  const note = createNote(kernel, 'login-sent')
  /** Where storage is blocked, or another tab had not seen the note when it lifted its own, it holds for this page. */
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

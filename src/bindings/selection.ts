import type { Session, UnknownSession } from '../types.ts'

/** With claims and user of any type, because only the app knows their types. */
export type AnySession = Session<any, any>

/** The session on a server, and while hydrating. Always the same object, or React would re-render for ever. */
export const UNKNOWN: UnknownSession = Object.freeze({ status: 'unknown', error: null })

/** Selects once for each snapshot, so a selector that makes a new object each time still returns the same one. */
export function selecting<Selected>(
  selector: (session: AnySession) => Selected = session => session as Selected,
): (session: AnySession) => Selected {
  let last: AnySession | undefined
  let selected: Selected
  return session => {
    if (session !== last) {
      selected = selector(session)
      last = session
    }
    return selected
  }
}

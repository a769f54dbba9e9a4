import type { Session, UnknownSession } from '../types.ts'

/** Of whatever claims and user: which, only the app knows. */
export type AnySession = Session<any, any>

/** What a server shows, and so the first thing that hydrating shows: one object, or React would start over for ever. */
export const UNKNOWN: UnknownSession = Object.freeze({ status: 'unknown', error: null })

/** Selects once for each snapshot: a selector that makes a new object each time still answers with the same one. */
export function selecting<Selected>(
  read: () => AnySession,
  selector: (session: AnySession) => Selected,
): () => Selected {
  let last: AnySession | undefined
  let selected: Selected
  return () => {
    const session = read()
    if (session !== last) {
      selected = selector(session)
      last = session
    }
    return selected
  }
}

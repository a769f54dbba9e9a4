import type { SavedAuthServer } from './auth-server-options.ts'
import type { Book } from './ledger.ts'

/** What the browser has in cookies, out of the reach of script. */
export interface Jar {
  refresh: string | null
  access: string | null
}

interface State<Owner> {
  /** Of the last name that was given. */
  readonly serial: number
  readonly book: Book<Owner>
  readonly jar: Jar
  /** The keys that sessions and access tokens are bound to. */
  readonly bound: Map<Owner | string, string>
}

/** Owners are shared by sessions and tokens, so it is cloned as a whole. */
export interface Saved<Owner> extends SavedAuthServer, State<Owner> {}

/** Without the access tokens that have expired by `now`. */
export function save<Owner>({ book, ...state }: State<Owner>, now: number): Saved<Owner> {
  const access = new Map([...book.access].filter(([, { ends }]) => ends > now))
  return structuredClone<Saved<Owner>>({ version: 1, book: { ...book, access }, ...state })
}

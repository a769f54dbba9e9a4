/** What a timeline is drawn from. Entries travel between tabs: no token, and no part of one, is ever in them. */
export type Entry = {
  /** Epoch milliseconds. */
  readonly at: number
  /** The tab's id, `SERVER`, or the name of a lane of its own. */
  readonly lane: string
} & (
  | {
      readonly kind: 'sent'
      readonly id: string
      readonly method: string
      readonly path: string
      /** An auth call. By default the path says so, as at the demo's server. */
      readonly isAuth?: boolean
    }
  /** `status` 0: no answer came. */
  | { readonly kind: 'answered'; readonly id: string; readonly status: number; readonly note: string }
  /** `life`: milliseconds from issue to expiry. `handed`: another tab had it first. */
  | {
      readonly kind: 'token'
      readonly generation: number
      readonly expiresAt: number
      readonly life: number
      readonly handed: boolean
    }
  | { readonly kind: 'replay'; readonly path: string; readonly from: number; readonly to: number }
  | { readonly kind: 'signed-in' | 'signed-out'; readonly words: string }
  /** `about`: for the filter. */
  | {
      readonly kind: 'note'
      readonly words: string
      readonly tone: Tone
      readonly about?: 'page' | 'wait'
    }
  /** Something that lasts begins. Each lane has one of a kind at a time. */
  | { readonly kind: 'begun'; readonly what: Lasting; readonly words: string }
  | { readonly kind: 'over'; readonly what: Lasting }
)

/** `wait`: for another tab's turn. */
export type Lasting = 'wait' | 'hidden' | 'offline'

export type Tone = 'plain' | 'good' | 'warn' | 'bad'

export const SERVER = 'server'

const FIELDS: Record<Entry['kind'], Readonly<Record<string, 'string' | 'number' | 'boolean'>>> = {
  sent: { id: 'string', method: 'string', path: 'string' },
  answered: { id: 'string', status: 'number', note: 'string' },
  token: { generation: 'number', expiresAt: 'number', life: 'number', handed: 'boolean' },
  replay: { path: 'string', from: 'number', to: 'number' },
  'signed-in': { words: 'string' },
  'signed-out': { words: 'string' },
  note: { words: 'string', tone: 'string' },
  begun: { what: 'string', words: 'string' },
  over: { what: 'string' },
}

/** Another tab may run an older page: what does not look like an entry is left out. */
export function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { kind, at, lane } = value as Partial<Entry>
  if (!Number.isFinite(at) || typeof lane !== 'string' || !kind || !Object.hasOwn(FIELDS, kind)) return false
  return Object.entries(FIELDS[kind]).every(
    ([name, type]) => typeof (value as Record<string, unknown>)[name] === type,
  )
}

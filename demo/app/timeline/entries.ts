/** What the timeline is drawn from. Entries travel between tabs: no token, and no part of one, is ever in them. */
export type Entry = { readonly at: number; readonly lane: string } & (
  | { readonly kind: 'sent'; readonly id: string; readonly method: string; readonly path: string }
  | { readonly kind: 'answered'; readonly id: string; readonly status: number; readonly note?: string }
  | { readonly kind: 'token'; readonly generation: number; readonly expiresAt: number; readonly life: number }
  | { readonly kind: 'replay'; readonly path: string; readonly from: number; readonly to: number }
  | { readonly kind: 'signed-in' | 'signed-out'; readonly words: string }
  | { readonly kind: 'note'; readonly words: string; readonly tone: Tone }
)

export type Tone = 'plain' | 'good' | 'warn' | 'bad'

/** `at`: epoch milliseconds. `status` 0: no answer came. `life`: milliseconds from issue to expiry. */
export type Kind = Entry['kind']

export const SERVER = 'server'

const KINDS: Record<Kind, Readonly<Record<string, 'string' | 'number'>>> = {
  sent: { id: 'string', method: 'string', path: 'string' },
  answered: { id: 'string', status: 'number' },
  token: { generation: 'number', expiresAt: 'number', life: 'number' },
  replay: { path: 'string', from: 'number', to: 'number' },
  'signed-in': { words: 'string' },
  'signed-out': { words: 'string' },
  note: { words: 'string', tone: 'string' },
}

/** Another tab may run an older page: what does not look like an entry is left out. */
export function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { kind, at, lane } = value as Partial<Entry>
  if (!Number.isFinite(at) || typeof lane !== 'string' || !kind || !Object.hasOwn(KINDS, kind)) return false
  return Object.entries(KINDS[kind]).every(
    ([name, type]) => typeof (value as Record<string, unknown>)[name] === type,
  )
}

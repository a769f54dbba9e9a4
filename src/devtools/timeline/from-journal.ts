import { capitalized, inWords, type JournalEntry } from '../journal.ts'
import type { Entry, Lasting, Tone } from './entries.ts'

/** The events of the log that are good or bad news, and those that only the timeline shows. */
export const TONES: Readonly<Record<string, Tone>> = {
  'signed-in': 'good',
  refreshed: 'good',
  replay: 'good',
  'refresh-failed': 'bad',
  'revocation-failed': 'bad',
  'user-failed': 'bad',
  'callback-threw': 'bad',
  postponed: 'warn',
  'not-replayed': 'warn',
  barred: 'warn',
  'tabs-degraded': 'warn',
  'storage-unavailable': 'warn',
  left: 'plain',
  returned: 'plain',
  suspended: 'plain',
  revoked: 'good',
}

/** What a tab can do only in its turn: it waits for it no longer. */
const TURNS = [
  ...['refresh', 'refreshed', 'refresh-failed', 'postponed', 'result-dropped'],
  ...['signed-in', 'signed-out', 'barred', 'revoked', 'revocation-failed'],
]

/** What a timeline draws of a journal's entry. */
export function toEntries(journalEntry: JournalEntry): Entry[] {
  const { at, tab: lane, event } = journalEntry
  const drawn = marksOf(journalEntry)
  return TURNS.includes(event.type) ? [{ kind: 'over', at, lane, what: 'wait' }, ...drawn] : drawn
}

function marksOf(journalEntry: JournalEntry): Entry[] {
  const { at, tab: lane, event } = journalEntry
  const words = capitalized(inWords(journalEntry))
  const begun = (what: Lasting): Entry => ({ kind: 'begun', at, lane, what, words })
  const over = (...kinds: Lasting[]): Entry[] => kinds.map(what => ({ kind: 'over', at, lane, what }))
  const note = (about: 'page' | 'wait', tone: Tone = 'plain'): Entry => ({
    ...{ kind: 'note', at, lane, words, tone, about },
  })
  switch (event.type) {
    case 'request': {
      const { method, status, ms, refreshes, made } = event
      const [path, note] = [pathOf(event.url), made ? 'by the devtools' : '']
      return [{ kind: 'request', at: at - ms, answeredAt: at, lane, method, path, refreshes, status, note }]
    }
    case 'replay':
      return [{ kind: 'replay', at, lane, path: pathOf(event.url), from: event.from, to: event.to }]
    case 'signed-in':
    case 'refreshed': {
      const { generation, expiresAt, cause } = event
      const life = expiresAt === null ? 0 : expiresAt - at
      const token = { kind: 'token', at, lane, generation, life, handed: cause === 'other-tab' } as const
      return [
        ...(event.type === 'signed-in' ? [{ kind: 'signed-in', at, lane, words } as const] : []),
        ...(expiresAt === null ? [] : [{ ...token, expiresAt }]),
      ]
    }
    case 'lock':
      return event.state === 'stuck' ? [...over('wait'), note('wait', 'warn')] : [begun('wait')]
    case 'network':
      return event.state === 'offline' ? [begun('offline')] : over('offline')
    case 'page': {
      const { state } = event
      if (state === 'hidden') return [begun('hidden')]
      if (state === 'visible') return over('hidden')
      // A page that was left does nothing any more that would end these.
      return [
        ...(state === 'left' || state === 'kept' ? over('hidden', 'wait', 'offline') : []),
        note('page'),
      ]
    }
    case 'signed-out':
      return [{ kind: 'signed-out', at, lane, words }]
    default: {
      const tone = TONES[event.type]
      return tone ? [{ kind: 'note', at, lane, words, tone }] : []
    }
  }
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url
}

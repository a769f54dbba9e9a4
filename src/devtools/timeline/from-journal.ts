import { capitalized, inWords, type JournalEntry } from '../journal.ts'
import type { Entry, Tone } from './entries.ts'

const TONES: Readonly<Record<string, Tone>> = {
  'refresh-failed': 'bad',
  'revocation-failed': 'bad',
  'user-failed': 'bad',
  'callback-threw': 'bad',
  postponed: 'warn',
  'not-replayed': 'warn',
  barred: 'warn',
  'tabs-degraded': 'warn',
  'storage-unavailable': 'warn',
  lock: 'plain',
  left: 'plain',
  returned: 'plain',
  suspended: 'plain',
  revoked: 'good',
}

/** What a timeline draws of a journal's entry. `id`: another one for each entry. */
export function toEntries(journalEntry: JournalEntry, id: string): Entry[] {
  const { at, tab: lane, event } = journalEntry
  const words = capitalized(inWords(journalEntry))
  switch (event.type) {
    case 'request': {
      const { method, status, ms, refreshes: isAuth, made } = event
      const path = pathOf(event.url)
      return [
        { kind: 'sent', at: at - ms, lane, id, method, path, isAuth },
        { kind: 'answered', at, lane, id, status, note: made ? 'by the devtools' : '' },
      ]
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

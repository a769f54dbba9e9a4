import { describeJournalEvent, type JournalEvent } from './events.ts'

/** One event, with the time and the tab in which it happened. */
export interface JournalEntry {
  /** Epoch milliseconds. */
  readonly at: number
  /** The tab's id. It is another one after a reload. */
  readonly tab: string
  /** What happened. */
  readonly event: JournalEvent
}

/** The newest events, oldest first. */
export interface Journal {
  /** At most as many as `createJournal` was given. */
  readonly entries: readonly JournalEntry[]
  /** How many older ones were left out. */
  readonly dropped: number
  /** Puts an entry in its place by time. */
  add(entry: JournalEntry): void
  /** Calls back with each new entry; returns its undo. */
  subscribe(listener: (entry: JournalEntry) => void): () => void
}

/**
 * A journal of what clients report.
 *
 * @param limit how many entries are kept
 */
export function createJournal(limit = 2_000): Journal {
  const entries: JournalEntry[] = []
  const listeners = new Set<(entry: JournalEntry) => void>()
  let dropped = 0

  return {
    entries,
    get dropped() {
      return dropped
    },
    add(entry) {
      // Nearly always the newest: only what another tab reports comes late.
      const before = entries.findLastIndex(({ at }) => at <= entry.at)
      entries.splice(before + 1, 0, entry)
      while (entries.length > limit) {
        entries.shift()
        dropped++
      }
      for (const listener of [...listeners]) listener(entry)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** What happened, in words that begin with a small letter, as those of `describeEvent`. */
export const inWords = ({ event }: JournalEntry): string => describeJournalEvent(event)

/**
 * A page was loaded while nobody was signed in. The client reports that as a refresh that failed. It is a normal
 * answer of the server, and nothing to worry about.
 */
export function saysNobody({ at, tab, event }: JournalEntry, entries: readonly JournalEntry[]): boolean {
  if (event.type !== 'refresh-failed' || event.error.retryable) return false
  const asked = entries.findLast(
    other => other.tab === tab && other.at <= at && other.event.type === 'refresh',
  )
  return asked?.event.type === 'refresh' && asked.event.operation === 'restore'
}

export const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** By the first characters of its id. In a report, tabs are numbered. */
export function nameOfTab(tab: string, here?: string): string {
  if (tab === here) return 'this tab'
  return /^tab \d+$/.test(tab) ? tab : `tab ${tab.slice(0, 4)}`
}

/** The time of day, by this machine's clock. */
export const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8)

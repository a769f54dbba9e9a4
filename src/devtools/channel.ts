import type { Channel } from '../kernel/environment.ts'
import type { Kernel } from '../kernel/feature.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { readEntry } from './report.ts'

/** How much of its past a tab sends to a new one, and how much one message may contain. */
const MEMORY = 300
/** The clock is the same in all tabs: an entry from later than that was not made by a tab. */
const AHEAD = 5_000

/**
 * Tabs with mounted devtools tell each other what happened. The channel is theirs alone, and exists only while they are
 * mounted. What comes in is checked as what strangers write; returns its undo.
 */
export function shareEntries(
  { environment, settings }: Pick<Kernel, 'environment' | 'settings'>,
  journal: Journal,
  here: string,
): () => void {
  let channel: Channel | null = null

  function open(): void {
    if (channel) return
    try {
      channel = environment.channel(`silent-refresh-devtools:${settings.sessionKey}`)
    } catch {
      return // without channels each tab shows what it has seen itself
    }
    channel.onmessage = ({ data }) => read(data)
    post({ asks: true, entries: mine() })
  }

  function close(): void {
    channel?.close()
    channel = null
  }

  const mine = (): JournalEntry[] => journal.entries.filter(({ tab }) => tab === here).slice(-MEMORY)
  const post = (message: { asks: boolean; entries: JournalEntry[] }): unknown =>
    channel?.postMessage({ v: 1, tab: here, ...message })

  function read(message: unknown): void {
    if (typeof message !== 'object' || message === null) return
    const { v, tab, asks, entries } = message as Readonly<Record<string, unknown>>
    if (v !== 1 || tab === here || !Array.isArray(entries)) return
    const told = entries.slice(0, MEMORY).flatMap(readEntry)
    const times = new Set(told.map(({ at }) => at))
    // Of thousands of entries, these alone are worth a comparison.
    const alike = journal.entries.filter(entry => entry.tab === tab && times.has(entry.at))
    const known = new Set(alike.map(keyOf))
    for (const entry of told) {
      const isTimely = entry.at <= environment.now() + AHEAD
      if (entry.tab === tab && isTimely && !known.has(keyOf(entry))) journal.add(entry)
    }
    if (asks === true) post({ asks: false, entries: mine() })
  }

  const leave = journal.subscribe(entry => {
    if (entry.tab === here) post({ asks: false, entries: [entry] })
  })
  // An open channel keeps a page out of the browser's back/forward cache.
  const stop = environment.onWake(({ type }) => {
    if (type === 'pagehide') close()
    if (type === 'pageshow') open()
  })
  open()
  return () => {
    leave()
    stop()
    close()
  }
}

const keyOf = ({ at, event }: JournalEntry): string => `${at} ${JSON.stringify(event)}`

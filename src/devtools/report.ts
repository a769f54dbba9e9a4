import { AuthError } from '../kernel/errors.ts'
import { readEvent } from './events.ts'
import { capitalized, clock, createJournal, inWords, type Journal, type JournalEntry } from './journal.ts'
import { scrub } from './scrub.ts'
import { why } from './why.ts'

/** What a report says beside its events. */
export interface ReportFacts {
  /** The browser, as its user agent names it. */
  readonly browser?: string | undefined
  /** Which features the client has, and what its session looked like. */
  readonly notes?: readonly string[] | undefined
}

/** A report that was read. */
export interface Report extends ReportFacts {
  /** When it was made, epoch milliseconds. */
  readonly madeAt: number
  /** Its events. */
  readonly journal: Journal
  /** How many entries could not be read, such as those of a newer version. */
  readonly unread: number
}

const FORMAT = 'silent-refresh report'
const VERSION = 1
const HEADING = 'silent-refresh: what happened'
/** Of entries: a report is made from a journal, and is not longer. */
const MOST = 10_000
/** Of characters. */
const LONGEST = 10_000_000

/**
 * The journal for a bug report: as JSON, which `readReport` and the panel open again, or as text for people. No token, no
 * query of a URL and no body of an answer is in it.
 */
export function exportReport(journal: Journal, format: 'json' | 'text', facts: ReportFacts = {}): string {
  const tabs = [...new Set(journal.entries.map(({ tab }) => tab))]
  const nameOf = (tab: string): string => `tab ${tabs.indexOf(tab) + 1}`
  const entries = journal.entries.flatMap(({ at, tab, event }) => {
    const safe = readEvent(event)
    return safe ? [{ at, tab: nameOf(tab), event: safe }] : []
  })
  const browser = scrub(facts.browser ?? '')
  const notes = (facts.notes ?? []).map(scrub)
  const madeAt = Date.now()
  if (format === 'json') {
    return JSON.stringify({ format: FORMAT, version: VERSION, madeAt, browser, notes, entries }, null, 2)
  }
  const lines = entries.map(entry => {
    const words =
      entry.event.type === 'signed-out' ? why(entry, entries).sentence : capitalized(inWords(entry))
    return `${new Date(entry.at).toISOString().slice(0, 10)} ${clock(entry.at)} ${entry.tab}: ${words}`
  })
  return [HEADING, browser, ...notes, '', ...lines].join('\n')
}

/**
 * Reads a report that `exportReport` has made as JSON. It is checked as what strangers write.
 *
 * @throws AuthError `invalid_option`, which says what is wrong with it
 */
export function readReport(text: string): Report {
  if (text.length > LONGEST) throw unreadable('It is longer than ten million characters.')
  if (text.startsWith(HEADING)) throw unreadable('It is the text form, for people. Ask for the JSON form.')
  const given = parse(text)
  if (given?.format !== FORMAT || !Array.isArray(given.entries)) {
    throw unreadable('It is JSON, but no report of silent-refresh.')
  }
  if (given.version !== VERSION) throw unreadable('It was made by another version of the devtools.')
  const entries = given.entries.slice(0, MOST).flatMap(readEntry)
  const journal = createJournal(MOST)
  for (const entry of entries.toSorted((a, b) => a.at - b.at)) journal.add(entry)
  const { madeAt, browser, notes } = given
  return {
    madeAt: isTime(madeAt) ? madeAt : 0,
    browser: typeof browser === 'string' ? scrub(browser) : '',
    notes: Array.isArray(notes) ? notes.slice(0, 50).map(note => scrub(String(note))) : [],
    journal,
    unread: given.entries.length - entries.length,
  }
}

/** From a report or from another tab: no entry, or one. */
export function readEntry(value: unknown): JournalEntry[] {
  if (typeof value !== 'object' || value === null) return []
  const { at, tab, event } = value as Readonly<Partial<Record<keyof JournalEntry, unknown>>>
  const safe = readEvent(event)
  if (!safe || !isTime(at) || typeof tab !== 'string' || tab.length > 64) return []
  return [{ at, tab, event: safe }]
}

/** Of a date that can be shown. */
const isTime = (value: unknown): value is number =>
  Number.isFinite(value) && Math.abs(value as number) <= 8.64e15

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable('It is no JSON.')
  }
}

const unreadable = (reason: string): AuthError =>
  new AuthError('invalid_option', `"report" cannot be read. ${reason}`)

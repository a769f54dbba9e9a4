import { button, h, setText } from '../dom.ts'
import { type Journal, type JournalEntry, nameOfTab } from '../journal.ts'
import { type Report, type ReportFacts, readReport } from '../report.ts'
import { entryItem, lineOf } from './entry.ts'
import { createSharing } from './sharing.ts'
import type { View } from './view.ts'

/** What this page has seen. */
export interface Live {
  readonly journal: Journal
  /** This tab's id. */
  readonly here: string
  facts(): ReportFacts
}

export interface WhyView extends View {
  /** Shows a report in place of what this page has seen; `null`: no longer. */
  show(report: Report | null): void
}

const PAGE = 200

/**
 * The tab "Why": the log, newest first. `live` is missing where a report is shown without a client. `shows`: called when a
 * report is shown, or no longer.
 */
export function createWhy(live: Live | null, shows: (report: Report | null) => void = () => {}): WhyView {
  let report: Report | null = null
  let shown = PAGE
  /** What the list does not show yet. */
  let fresh: JournalEntry[] = []
  let frame = 0
  const list = h('ol', { 'aria-label': 'What happened, newest first' })
  const empty = h('p', { class: 'hint' })
  const problem = h('p', { class: 'bad', role: 'alert' })
  const about = h('p', { class: 'note', hidden: true })
  const filter = h('input', { type: 'search', input: () => again() })
  const more = button('Show older ones', () => {
    shown += PAGE
    again()
  })
  const file = h('input', {
    type: 'file',
    accept: '.json,application/json',
    hidden: true,
    change: () => void read(),
  })
  const back = button('Back to this session', () => show(null), { hidden: true })

  const journal = (): Journal | null => report?.journal ?? live?.journal ?? null
  const entries = (): readonly JournalEntry[] => journal()?.entries ?? []
  const sharing = createSharing({
    journal: () => journal() ?? { entries: [], dropped: 0, add() {}, subscribe: () => () => {} },
    facts: () => report ?? live?.facts() ?? {},
  })

  const nameOf = (tab: string): string => nameOfTab(tab, live?.here)

  const matches = (entry: JournalEntry): boolean => {
    const wanted = filter.value.trim().toLowerCase()
    const line = () => `${entry.event.type} ${nameOf(entry.tab)} ${lineOf(entry, entries())}`
    return wanted === '' || line().toLowerCase().includes(wanted)
  }

  function again(): void {
    forget()
    const found = entries().filter(matches).toReversed()
    list.replaceChildren(...found.slice(0, shown).map(entry => entryItem(entry, entries(), nameOf)))
    look(found.length)
  }

  function look(count: number): void {
    more.hidden = count <= shown
    setText(empty, count > 0 ? '' : filter.value ? 'Nothing matches.' : 'Nothing has happened yet.')
  }

  /** Another tab can tell hundreds at once: the list is brought up to date once a frame. */
  function heard(entry: JournalEntry): void {
    if (report) return
    fresh.push(entry)
    frame ||= requestAnimationFrame(catchUp)
  }

  /** A few more lines: a list that is built anew would fold what the reader has unfolded, and lose the focus. */
  function catchUp(): void {
    const told = fresh
    forget()
    if (told.length === 0 || report) return
    const newest = entries().slice(-told.length)
    if (told.length > shown || !told.every((entry, index) => entry === newest[index])) again()
    else prepend(told.filter(matches))
  }

  function prepend(told: readonly JournalEntry[]): void {
    if (told.length === 0) return
    list.prepend(...told.map(entry => entryItem(entry, entries(), nameOf)).toReversed())
    const count = list.children.length
    while (list.children.length > shown) list.lastElementChild?.remove()
    look(count)
  }

  function forget(): void {
    cancelAnimationFrame(frame)
    frame = 0
    fresh = []
  }

  function show(next: Report | null): void {
    report = next
    shown = PAGE
    back.hidden = !next || !live
    about.hidden = !next
    if (next) setText(about, aboutReport(next))
    setText(problem, '')
    again()
    shows(next)
  }

  async function read(): Promise<void> {
    const [chosen] = file.files ?? []
    if (!chosen) return
    try {
      show(readReport(await chosen.text()))
    } catch (error) {
      setText(problem, error instanceof Error ? error.message : String(error))
    }
    file.value = ''
  }

  const element = h(
    'div',
    {},
    h(
      'div',
      { class: 'bar' },
      h('label', {}, 'Filter', filter),
      ...sharing.buttons,
      button('Open a report …', () => file.click()),
      back,
      file,
    ),
    sharing.outcome,
    problem,
    about,
    empty,
    list,
    more,
  )
  const leave = live?.journal.subscribe(heard)
  again()
  // Frames come while the page is in sight.
  return {
    ...{ name: 'Why', element, show, update: catchUp },
    dispose() {
      leave?.()
      forget()
    },
  }
}

function aboutReport({ madeAt, browser, notes = [], journal, unread }: Report): string {
  const made = madeAt > 0 ? `, made at ${new Date(madeAt).toLocaleString()}` : ''
  const lost = unread > 0 ? [`${unread} entries could not be read.`] : []
  return [`A report${made}, of ${journal.entries.length} events.`, browser ?? '', ...notes, ...lost]
    .filter(line => line !== '')
    .join(' · ')
}

import { h } from '../dom.ts'
import { capitalized, clock, inWords, type JournalEntry, saysNobody } from '../journal.ts'
import { TONES } from '../timeline/from-journal.ts'
import { why } from '../why.ts'

function toneOf(entry: JournalEntry, entries: readonly JournalEntry[]): string {
  const { event } = entry
  if (saysNobody(entry, entries)) return ''
  if (event.type === 'request') return event.status === 0 || event.status >= 400 ? 'warn' : ''
  if (event.type === 'signed-out') return event.reason === 'rejected' ? 'bad' : ''
  const tone = TONES[event.type] ?? 'plain'
  return tone === 'plain' ? '' : tone
}

/** Line of an entry, without its time. A sign-out says at once why. */
export const lineOf = (entry: JournalEntry, entries: readonly JournalEntry[]): string =>
  entry.event.type === 'signed-out' ? why(entry, entries).sentence : `${capitalized(inWords(entry))}.`

const stamp = ({ at }: JournalEntry): HTMLElement =>
  h('time', { datetime: new Date(at).toISOString() }, clock(at))

/** One entry, which unfolds to what happened before it. */
export function entryItem(
  entry: JournalEntry,
  entries: readonly JournalEntry[],
  nameOf: (tab: string) => string,
): HTMLLIElement {
  const explanation = h('div')
  const details = h(
    'details',
    { toggle: () => explain() },
    h(
      'summary',
      {},
      stamp(entry),
      h('span', { class: 'tab' }, nameOf(entry.tab)),
      h('span', { class: toneOf(entry, entries) }, lineOf(entry, entries)),
    ),
    explanation,
  )

  function explain(): void {
    if (!details.open) return
    const { sentence, before } = why(entry, entries)
    const items = before.map(earlier => h('li', {}, stamp(earlier), `${capitalized(inWords(earlier))}.`))
    explanation.replaceChildren(
      h('p', {}, sentence),
      ...(items.length > 0
        ? [h('p', {}, 'Before:'), h('ul', {}, ...items)]
        : [h('p', {}, 'Nothing is known of before.')]),
    )
  }

  return h('li', {}, details)
}

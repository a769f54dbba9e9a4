import { button, h, setText } from '../dom.ts'
import { type Journal, saysNobody } from '../journal.ts'
import { TOPICS, type Topic } from '../timeline/filter.ts'
import { toEntries } from '../timeline/from-journal.ts'
import { createHistory } from '../timeline/history.ts'
import { createLegend } from '../timeline/legend.ts'
import { createStage } from '../timeline/stage.ts'
import { START, type Viewport, zoom } from '../timeline/viewport.ts'
import type { View } from './view.ts'

/** The history that is drawn. */
export interface TimelineSource {
  readonly journal: Journal
  /** This tab's id. `null`: a report, whose end is shown at first. */
  readonly here: string | null
  readonly now: () => number
}

export interface TimelineView extends View {
  /** Draws these events in place of those before. */
  show(source: TimelineSource): void
}

const KEYS = 'Keys: space pauses, + and - zoom, the arrows go from mark to mark and from lane to lane.'

/** The tab "Timeline": a lane for each tab, with its tokens as bars and its requests as marks. */
export function createTimeline(first: TimelineSource): TimelineView {
  const element = h('div', { class: 'timeline' })
  const found = h('span', { class: 'found', role: 'status' })
  const text = h('input', { type: 'search', input: () => filter() })
  const names = Object.entries(TOPICS).map(([value, name]) => h('option', { value }, name))
  const topic = h('select', { change: () => filter() }, ...names)
  const choices = h(
    'div',
    { class: 'bar' },
    h('label', {}, 'Show', topic),
    h('label', {}, 'with the words', text),
    found,
  )
  let drawn = draw(first)

  function filter(): void {
    drawn.filter({ topic: topic.value as Topic, text: text.value })
    tell()
  }

  function tell(): void {
    const result = drawn.found()
    setText(found, result ? `${result.count} of ${result.of} marks` : '')
  }

  function draw({ journal, here, now }: TimelineSource) {
    const surface = h('div', { class: 'surface' })
    const description = { 'aria-label': 'Timeline', 'aria-describedby': 'timeline-keys' }
    const view = h('div', { class: 'lanes', role: 'group', ...description }, surface)
    const detail = h('p', { class: 'detail', role: 'status' })
    const named = (label: string) => button(label, () => {})
    const [pause, earlier, later] = [named('Pause'), named('Earlier'), named('Later')]
    const [closer, wider] = [named('Zoom in'), named('Zoom out')]
    const buttons = [pause, earlier, later, closer, wider]
    element.replaceChildren(
      h('div', { class: 'bar' }, ...buttons),
      choices,
      detail,
      view,
      createLegend(),
      h('p', { class: 'hint', id: 'timeline-keys' }, KEYS),
    )
    const { entries } = journal
    const lane = here ?? entries[0]?.tab ?? ''
    const history = createHistory(lane)
    const stage = createStage({
      controls: { view, surface, pause, earlier, later, closer, wider },
      detail,
      history,
      here: here ?? '',
      now,
      view: here === null ? endOf(journal) : START,
    })
    const add = (entry: Journal['entries'][number]) => {
      const isQuiet = saysNobody(entry, entries)
      for (const drawn of toEntries(entry)) if (!isQuiet || drawn.kind !== 'note') stage.add(drawn)
      // Its lane goes after a while. A report keeps all of them.
      if (here !== null && hasLeft(entry)) history.close(entry.tab)
    }
    for (const entry of entries) add(entry)
    const leave = journal.subscribe(add)
    const dispose = () => {
      leave()
      stage.dispose()
    }
    return { ...stage, dispose }
  }

  return {
    name: 'Timeline',
    element,
    // Frames come while the page is in sight. A panel in a window behind another is kept up to date all the same.
    update() {
      drawn.refresh()
      tell()
    },
    show(source) {
      drawn.dispose()
      drawn = draw(source)
      filter()
    },
    dispose: () => drawn.dispose(),
  }
}

const hasLeft = ({ event }: Journal['entries'][number]): boolean =>
  event.type === 'page' && event.state === 'left'

/** The last minute of a report, or so much more that all of it is in sight, up to half an hour. */
function endOf({ entries }: Journal): Viewport {
  const from = entries[0]?.at ?? 0
  const until = entries.at(-1)?.at ?? 0
  const { span } = zoom(START, (1.2 * (until - from)) / START.span || 1, until)
  return { span, pausedAt: until - 0.9 * span }
}

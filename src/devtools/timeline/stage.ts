import { setText, svg } from '../dom.ts'
import { type Controls, mountControls } from './controls.ts'
import type { Entry } from './entries.ts'
import { createMatcher, type Filter } from './filter.ts'
import { createFrames } from './frames.ts'
import { firstAfter, type History, type Lane, type Mark } from './history.ts'
import { createPicture } from './picture.ts'
import { follow, leftEdge, pan, pause, reveal, type Viewport, zoom } from './viewport.ts'
import { inWords, laneName } from './words.ts'

export interface StageParts {
  readonly controls: Controls
  /** Describes the mark that the user points at. */
  readonly detail: HTMLElement
  readonly history: History
  /** The lane of this tab. */
  readonly here: string
  readonly now: () => number
  /** The time that is visible at first. */
  readonly view: Viewport
}

export interface Stage {
  add(entry: Entry): void
  /** Draws, and goes by key through, these marks alone. */
  filter(filter: Filter): void
  /** How many marks the filter lets through, of how many. `null`: it lets all through. */
  found(): { readonly count: number; readonly of: number } | null
  /** Draws again: the size has changed, or something that is no entry. */
  refresh(): void
  dispose(): void
}

const IDLE = 'Point at a mark, or focus the timeline and use the arrow keys, to see what it was.'
/** What a closed tab did is kept for as long. */
const REMEMBERED = 120_000

/** A history as it is drawn and pointed at: follows the present, pauses, zooms, and says what a mark was. */
export function createStage({ controls, detail, history, here, now, view: first }: StageParts): Stage {
  const { view: frame, surface, pause: pauseButton } = controls
  const drawing = svg('svg', { 'aria-hidden': 'true' })
  surface.append(drawing)

  const nameOf = (lane: Lane) => laneName(lane, here)
  let matches: ((mark: Mark) => boolean) | null = null
  const shows = (mark: Mark): boolean => matches?.(mark) ?? true
  const picture = createPicture(drawing, history, nameOf, shows)
  const mine = () => history.lanes.find(({ id }) => id === here) ?? history.lanes[0]!
  let view = first
  let isDirty = true
  let lane: Lane = mine()
  let selected: Mark | null = null

  function step(): void {
    const time = now()
    const left = leftEdge(view, time)
    if (isDirty || !picture.move(left)) {
      isDirty = false
      picture.draw(left, view.span, time)
    }
  }

  const frames = createFrames(frame, step)

  function change(next: Viewport): void {
    view = next
    const isPaused = view.pausedAt !== null
    frames.want(!isPaused)
    frame.dataset.state = isPaused ? 'paused' : 'live'
    setText(pauseButton, isPaused ? 'Go on' : 'Pause')
    isDirty = true
    step()
  }

  function show(mark: Mark | null): void {
    selected = mark
    if (mark) lane = mark.lane
    picture.ring(mark)
    setText(detail, mark ? inWords(mark, history, nameOf) : IDLE)
  }

  /** To a mark that was chosen by key: it must be in sight. */
  function goTo(mark: Mark | undefined): void {
    if (!mark) return
    const next = reveal(view, mark.at, now())
    if (next !== view) change(next)
    show(mark)
  }

  const shown = (): readonly Mark[] => (matches ? lane.marks.filter(shows) : lane.marks)
  const nearest = (time: number): Mark | undefined => {
    const marks = shown()
    return marks[firstAfter(marks, time) - 1] ?? marks[0]
  }

  mountControls(controls, {
    toggle: () => change(view.pausedAt === null ? pause(view, now()) : follow(view)),
    zoom: (factor, x) => {
      const pivot = x === undefined ? undefined : leftEdge(view, now()) + (x / picture.width) * view.span
      change(zoom(view, factor, now(), pivot))
    },
    pan: part => change(pan(view, part * view.span, now())),
    drag: pixels => change(pan(view, (-pixels / picture.width) * view.span, now())),
    hover: (x, y) => {
      const mark = picture.find(x, y)
      surface.dataset.over = mark ? 'mark' : 'nothing'
      if (mark && mark !== selected) show(mark)
    },
    select: (x, y) => show(picture.find(x, y)),
    step: by => {
      const marks = shown()
      const from = selected?.lane === lane ? marks.indexOf(selected) : -1
      if (from < 0) goTo(nearest(now()))
      else goTo(marks[Math.min(marks.length - 1, Math.max(0, from + by))])
    },
    changeLane: by => {
      const { lanes } = history
      lane = lanes[Math.min(lanes.length - 1, Math.max(0, lanes.indexOf(lane) + by))]!
      const mark = nearest(selected?.at ?? now())
      if (mark) goTo(mark)
      else setText(detail, `${nameOf(lane)}: ${matches ? 'nothing matches' : 'nothing yet'}.`)
    },
    toEnd: end => goTo(shown().at(end === 'first' ? 0 : -1)),
    clear: () => show(null),
  })
  frame.addEventListener('focus', () => {
    if (frame.matches(':focus-visible') && !selected) goTo(nearest(now()))
  })

  function add(entry: Entry): void {
    history.add(entry)
    if (history.forget(now() - REMEMBERED) && !history.lanes.includes(lane)) lane = mine()
    isDirty = true
  }

  function filter(next: Filter): void {
    matches = createMatcher(next, mark => inWords(mark, history, nameOf))
    if (selected && !shows(selected)) show(null)
    refresh()
  }

  function found(): { count: number; of: number } | null {
    if (!matches) return null
    const all = history.lanes.flatMap(({ marks }) => marks)
    return { count: all.filter(shows).length, of: all.length }
  }

  function refresh(): void {
    picture.resize(surface.clientWidth)
    isDirty = true
    step()
  }

  // In a frame of its own, because drawing can change the size of the observed element.
  const observer = new ResizeObserver(() => requestAnimationFrame(refresh))
  observer.observe(surface)
  setText(detail, IDLE)
  if (first.pausedAt !== null) change(first)

  return {
    add,
    filter,
    found,
    refresh,
    dispose: () => {
      frames.dispose()
      observer.disconnect()
    },
  }
}

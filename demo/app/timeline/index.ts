import './timeline.css'
import { type Controls, mountControls } from '../../../src/devtools/timeline/controls.ts'
import type { Entry } from '../../../src/devtools/timeline/entries.ts'
import { createFrames } from '../../../src/devtools/timeline/frames.ts'
import { createHistory, firstAfter, type Lane, type Mark } from '../../../src/devtools/timeline/history.ts'
import { createPicture } from '../../../src/devtools/timeline/picture.ts'
import {
  follow,
  leftEdge,
  pan,
  pause,
  reveal,
  START,
  type Viewport,
  zoom,
} from '../../../src/devtools/timeline/viewport.ts'
import { inWords, laneName } from '../../../src/devtools/timeline/words.ts'
import { realNow } from '../break/clock.ts'
import { button, byId, setText } from '../dom.ts'
import type { Auth } from '../types.ts'
import { HERE, onEntry, tellTokens } from './feed.ts'
import { listenToOtherTabs } from './other-tabs.ts'
import { listenToServer, type ServerListener } from './server-events.ts'

const IDLE = 'Point at a mark, or focus the timeline and use the arrow keys, to see what it was.'
const NARROW = 600
/** What a closed tab did is kept for as long. */
const REMEMBERED = 120_000

/** The live timeline: this tab, the other tabs and the server, as they happen. */
export function mountTimeline(auth: Auth, server: ServerListener): void {
  const frame = byId('timeline-view', HTMLElement)
  const surface = byId('timeline-surface', HTMLElement)
  const detail = byId('timeline-detail', HTMLElement)
  const pauseButton = button('timeline-pause')
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('aria-hidden', 'true')
  surface.append(svg)

  const history = createHistory(HERE)
  const nameOf = (lane: Lane) => laneName(history, lane, HERE)
  const picture = createPicture(svg, history, nameOf)
  let view: Viewport = innerWidth < NARROW ? zoom(START, 0.5, realNow()) : START
  let isDirty = true
  let lane: Lane = history.lanes[1]!
  let selected: Mark | null = null

  function step(): void {
    const now = realNow()
    const left = leftEdge(view, now)
    if (isDirty || !picture.move(left)) {
      isDirty = false
      picture.draw(left, view.span, now)
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
    const next = reveal(view, mark.at, realNow())
    if (next !== view) change(next)
    show(mark)
  }

  const nearest = (time: number): Mark | undefined =>
    lane.marks[firstAfter(lane.marks, time) - 1] ?? lane.marks[0]

  const controls: Controls = {
    view: frame,
    surface,
    pause: pauseButton,
    closer: button('timeline-closer'),
    wider: button('timeline-wider'),
    earlier: button('timeline-earlier'),
    later: button('timeline-later'),
  }
  mountControls(controls, {
    toggle: () => change(view.pausedAt === null ? pause(view, realNow()) : follow(view)),
    zoom: (factor, x) => {
      const pivot = x === undefined ? undefined : leftEdge(view, realNow()) + (x / picture.width) * view.span
      change(zoom(view, factor, realNow(), pivot))
    },
    pan: part => change(pan(view, part * view.span, realNow())),
    drag: pixels => change(pan(view, (-pixels / picture.width) * view.span, realNow())),
    hover: (x, y) => {
      const mark = picture.find(x, y)
      surface.dataset.over = mark ? 'mark' : 'nothing'
      if (mark && mark !== selected) show(mark)
    },
    select: (x, y) => show(picture.find(x, y)),
    step: by => {
      const { marks } = lane
      const from = selected?.lane === lane ? marks.indexOf(selected) : -1
      if (from < 0) goTo(nearest(realNow()))
      else goTo(marks[Math.min(marks.length - 1, Math.max(0, from + by))])
    },
    changeLane: by => {
      const { lanes } = history
      lane = lanes[Math.min(lanes.length - 1, Math.max(0, lanes.indexOf(lane) + by))]!
      const mark = nearest(selected?.at ?? realNow())
      if (mark) goTo(mark)
      else setText(detail, `${nameOf(lane)}: nothing yet.`)
    },
    toEnd: end => goTo(end === 'first' ? lane.marks[0] : lane.marks.at(-1)),
    clear: () => show(null),
  })
  frame.addEventListener('focus', () => {
    if (frame.matches(':focus-visible') && !selected) goTo(nearest(realNow()))
  })

  function add(entry: Entry): void {
    history.add(entry)
    if (history.forget(realNow() - REMEMBERED) && !history.lanes.includes(lane)) lane = history.lanes[1]!
    // A request that was pointed at may have been answered.
    if (selected?.kind === 'request' && entry.kind === 'answered') show(selected)
    isDirty = true
  }

  onEntry(add)
  listenToServer(add, server)
  listenToOtherTabs({
    entry: add,
    opened: history.open,
    closed: id => {
      history.close(id)
      isDirty = true
    },
  })
  tellTokens(auth)

  new ResizeObserver(([entry]) => {
    picture.resize(Math.floor(entry?.contentRect.width ?? 0))
    isDirty = true
    step()
  }).observe(surface)
  setText(detail, IDLE)
}

import { shortGeneration } from '../../logging.ts'
import { clock } from '../journal.ts'
import type { History, Lane, Life, Mark } from './history.ts'
import { BAR, BAR_HEIGHT, drawLane, LANE_HEIGHT, markAt, NAME, type Paths, ringAround } from './lane.ts'
import { createLayers, KINDS, setData } from './layers.ts'
import { drop } from './symbols.ts'
import { roundTimes } from './viewport.ts'

export interface Picture {
  readonly width: number
  /** Draws the visible part and as much again, so that the next frames only have to move it. */
  draw(left: number, span: number, now: number): void
  /** Moves what was drawn; false where it has to be drawn again. */
  move(left: number): boolean
  /** The mark nearest to this place, or none. */
  find(x: number, y: number): Mark | null
  laneAt(y: number): Lane | null
  /** Puts a ring around it. */
  ring(mark: Mark | null): void
  resize(width: number): void
}

const AXIS_HEIGHT = 24
/** Pixels. */
const REACH = 14
const LABEL_GAP = 96
/** What a letter of a bar's name takes at most, on average. */
const LETTER = 6.6

const round = (value: number): number => Math.round(value * 10) / 10

/**
 * One path for each kind of mark, however many there are: the number of nodes does not grow with the events. `shows`: is this
 * mark drawn?
 */
export function createPicture(
  svg: SVGSVGElement,
  history: History,
  nameOf: (lane: Lane) => string,
  shows: (mark: Mark) => boolean = () => true,
): Picture {
  const { moving, paths, labels, floor, present, names } = createLayers(svg)

  let width = 0
  let height = 0
  let selected: Mark | null = null
  let drawn = { left: 0, span: 0, now: 0 }
  let last = { shift: '', present: '' }

  const x = (time: number): number => round(((time - drawn.left) / drawn.span) * width)
  const top = (lane: Lane): number => AXIS_HEIGHT + history.lanes.indexOf(lane) * LANE_HEIGHT
  const timeAt = (left: number): number => (left / width) * drawn.span

  function draw(left: number, span: number, now: number): void {
    if (width === 0) return
    drawn = { left, span, now }
    const from = left - span / 2
    const to = left + span * 1.5
    const data = Object.fromEntries(KINDS.map(kind => [kind, ''])) as Paths
    height = AXIS_HEIGHT + Math.max(3, history.lanes.length) * LANE_HEIGHT
    svg.setAttribute('height', String(height))

    labels.begin()
    for (const time of roundTimes(from, to, timeAt(LABEL_GAP))) {
      data.grid += `M${x(time)} ${AXIS_HEIGHT - 4}V${height}`
      labels.add(x(time), AXIS_HEIGHT - 9, clock(time), 'time')
    }
    const beside = (life: Life, left: number, right: number) => besideLife(life, left, right, data)
    const label = (place: number, y: number, text: string) => labels.add(place, y, text, 'count')
    const sight = { from, to, now, x, shows, beside, label }
    for (const lane of history.lanes) drawLane(lane, top(lane), sight, data)
    labels.end()

    data.ring = ringOf(selected)
    for (const kind of KINDS) setData(paths[kind], data[kind])
    drawStill()
    last = { shift: '', present: '' }
    move(left)
    presentAt(left, now)
  }

  function besideLife(life: Life, left: number, right: number, data: Paths): void {
    const y = top(life.lane) + BAR
    const number = String(shortGeneration(life.generation))
    // A name that is longer than its bar would run into the next one.
    const name = [`token ${number}`, number].find(({ length }) => right - left > 12 + length * LETTER)
    if (name) labels.add(left + 6, y + 11, name, 'life-name')
    const origin = history.originOf(life)
    const middle = BAR_HEIGHT / 2
    if (origin) data.handover += drop(left, top(origin.lane) + BAR + middle, y + middle)
  }

  const ringOf = (mark: Mark | null): string =>
    mark ? ringAround(mark, top(mark.lane), { x, now: drawn.now }) : ''

  function drawStill(): void {
    const tops = history.lanes.map(top)
    setData(floor, tops.map(y => `M0 ${y}H${width}`).join(''))
    names.begin()
    for (const lane of history.lanes) names.add(10, top(lane) + NAME, nameOf(lane), 'name')
    const free = AXIS_HEIGHT + history.lanes.length * LANE_HEIGHT
    if (history.lanes.length === 1)
      names.add(10, free + NAME, 'A second tab of this page gets its lane here.', 'hint')
    names.end()
  }

  function move(left: number): boolean {
    const shift = Math.round(x(left))
    if (Math.abs(shift) > width / 2) return false
    const transform = `translate(${-shift} 0)`
    if (transform !== last.shift) moving.setAttribute('transform', transform)
    last.shift = transform
    return true
  }

  function presentAt(left: number, now: number): void {
    const place = `M${round(((now - left) / drawn.span) * width)} ${AXIS_HEIGHT - 4}V${height}`
    if (place !== last.present) present.setAttribute('d', place)
    last.present = place
  }

  function laneAt(y: number): Lane | null {
    return history.lanes[Math.floor((y - AXIS_HEIGHT) / LANE_HEIGHT)] ?? null
  }

  return {
    get width() {
      return width
    },
    draw,
    move,
    laneAt,
    find: (place, y) => {
      const lane = laneAt(y)
      if (!lane) return null
      const shift = Number(/-?[\d.]+/.exec(last.shift)?.[0] ?? 0)
      const time = drawn.left + timeAt(place - shift)
      return markAt(lane, { time, row: y - top(lane), reach: timeAt(REACH), now: drawn.now, shows })
    },
    ring: mark => {
      selected = mark
      setData(paths.ring, width > 0 ? ringOf(mark) : '')
    },
    resize: wide => {
      width = wide
      svg.setAttribute('width', String(wide))
    },
  }
}

import { SERVER } from './entries.ts'
import { firstAfter, type History, type Lane, type Life, type Mark, outcomeOf } from './history.ts'
import { arch, box, drop, SYMBOLS } from './symbols.ts'
import { roundTimes } from './viewport.ts'

export interface Picture {
  readonly width: number
  /** Draws what is in sight and as much again, so that the next frames only have to move it. */
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
const LANE_HEIGHT = 76
// Within a lane:
const NAME = 18
const BAR = 28
const BAR_HEIGHT = 14
const REQUESTS = 60

/** Pixels. */
const REACH = 14
const LABEL_GAP = 96
/** What is closer than that to a mark of its kind would be drawn over it. */
const RESOLUTION = 1.5

const KINDS = [
  'grid',
  'life',
  'ahead',
  'span',
  'handover',
  'replay',
  'waiting',
  'good',
  'renewed',
  'refused',
  'failed',
  'unanswered',
  'signed-in',
  'signed-out',
  'note-plain',
  'note-good',
  'note-warn',
  'note-bad',
  'ring',
] as const
type Kind = (typeof KINDS)[number]

const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

/** What is drawn, from the back to the front: `moving` follows the time. */
function createLayers(svg: SVGSVGElement) {
  const still = svg.appendChild(node('g'))
  const moving = svg.appendChild(node('g'))
  const paths = {} as Record<Kind, SVGPathElement>
  for (const kind of KINDS) paths[kind] = moving.appendChild(node('path', { class: kind }))
  const labels = createTexts(moving.appendChild(node('g', { class: 'labels' })))
  const floor = still.appendChild(node('path', { class: 'floor' }))
  const present = svg.appendChild(node('path', { class: 'present' }))
  const names = createTexts(svg.appendChild(node('g', { class: 'names' })))
  return { moving, paths, labels, floor, present, names }
}

/** One path for each kind of mark, however many there are: the number of nodes does not grow with the events. */
export function createPicture(svg: SVGSVGElement, history: History, nameOf: (lane: Lane) => string): Picture {
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
    const data = Object.fromEntries(KINDS.map(kind => [kind, ''])) as Record<Kind, string>
    height = AXIS_HEIGHT + Math.max(4, history.lanes.length) * LANE_HEIGHT
    svg.setAttribute('height', String(height))

    labels.begin()
    for (const time of roundTimes(from, to, timeAt(LABEL_GAP))) {
      data.grid += `M${x(time)} ${AXIS_HEIGHT - 4}V${height}`
      labels.add(x(time), AXIS_HEIGHT - 9, TIME.format(time), 'time')
    }
    for (const lane of history.lanes) drawLane(lane, from, to, data)
    labels.end()

    data.ring = selected ? ringAround(selected) : ''
    for (const kind of KINDS) setData(paths[kind], data[kind])
    drawStill()
    last = { shift: '', present: '' }
    move(left)
    presentAt(left, now)
  }

  function drawLane(lane: Lane, from: number, to: number, data: Record<Kind, string>): void {
    const y = top(lane)
    for (const life of lane.lives) if (life.until >= from && life.at <= to) drawLife(life, y, data)

    const reached: Partial<Record<Kind, number>> = {}
    const { marks } = lane
    for (let index = firstAfter(marks, from); index < marks.length && marks[index]!.at <= to; index++) {
      const mark = marks[index]!
      if (mark.kind === 'life') continue
      const place = x(mark.at)
      const kind = kindOf(mark)
      if (mark.kind === 'request' && mark.replayOf) {
        data.replay += arch(x(mark.replayOf.at), place, y + rowOf(mark) - 8)
      }
      // Rows of one lane share what was reached: on the server's two, a mark may be hidden for a pixel or two.
      if (place - (reached[kind] ?? Number.NEGATIVE_INFINITY) < RESOLUTION) continue
      reached[kind] = place
      data[kind] += symbolOf(mark)(place, y + rowOf(mark))
      if (mark.kind !== 'request') continue
      const end = x(mark.answeredAt ?? mark.at)
      if (end - place > 3) data.span += `M${place} ${y + rowOf(mark)}H${end}`
    }
  }

  function drawLife(life: Life, y: number, data: Record<Kind, string>): void {
    // A gap of two pixels tells one token from the next.
    const [left, right] = [x(life.at), x(life.until) - 2]
    data.life += box(left, Math.max(left + 1, right), y + BAR, BAR_HEIGHT)
    const ahead = Math.max(left, x(life.aheadAt))
    if (ahead < right) data.ahead += box(ahead, right, y + BAR, BAR_HEIGHT)
    if (right - left > 64) labels.add(left + 6, y + BAR + 11, `token ${history.numberOf(life)}`, 'life-name')
    const origin = history.originOf(life)
    if (origin) data.handover += drop(left, top(origin.lane) + BAR + BAR_HEIGHT / 2, y + BAR + BAR_HEIGHT / 2)
  }

  function drawStill(): void {
    const tops = history.lanes.map(top)
    setData(floor, tops.map(y => `M0 ${y}H${width}`).join(''))
    names.begin()
    for (const lane of history.lanes) names.add(10, top(lane) + NAME, nameOf(lane), 'name')
    const free = AXIS_HEIGHT + history.lanes.length * LANE_HEIGHT
    if (history.lanes.length === 2)
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

  function ringAround(mark: Mark): string {
    const y = top(mark.lane)
    if (mark.kind === 'life') return box(x(mark.at) - 2, x(mark.until), y + BAR - 2, BAR_HEIGHT + 4)
    return box(x(mark.at) - 11, x(mark.at) + 11, y + rowOf(mark) - 11, 22)
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
      const row = y - top(lane)
      if (row > BAR - 4 && row < BAR + BAR_HEIGHT + 4) {
        const life = lane.lives.find(({ at, until }) => at <= time && time <= until)
        if (life) return life
      }
      return nearest(lane, time, timeAt(REACH), row)
    },
    ring: mark => {
      selected = mark
      setData(paths.ring, mark && width > 0 ? ringAround(mark) : '')
    },
    resize: wide => {
      width = wide
      svg.setAttribute('width', String(wide))
    },
  }
}

function rowOf(mark: Mark): number {
  if (mark.kind === 'life') return BAR + BAR_HEIGHT / 2
  if (mark.kind !== 'request') return NAME - 4
  return mark.lane.id === SERVER && mark.isAuth ? BAR + BAR_HEIGHT / 2 : REQUESTS
}

function kindOf(mark: Exclude<Mark, Life>): Kind {
  if (mark.kind === 'request') return outcomeOf(mark)
  return mark.kind === 'note' ? `note-${mark.tone}` : mark.kind
}

const symbolOf = (mark: Exclude<Mark, Life>) => SYMBOLS[mark.kind === 'request' ? outcomeOf(mark) : mark.kind]

/** By time; the row decides between two at the same one. */
function nearest({ marks }: Lane, time: number, reach: number, row: number): Mark | null {
  let best: Mark | null = null
  let least = Number.POSITIVE_INFINITY
  for (let index = firstAfter(marks, time - reach); index < marks.length; index++) {
    const mark = marks[index]!
    if (mark.at > time + reach) break
    const distance = Math.abs(mark.at - time) / reach + Math.abs(rowOf(mark) - row) / 40
    if (mark.kind !== 'life' && distance < least) [best, least] = [mark, distance]
  }
  return best
}

const round = (value: number): number => Math.round(value * 10) / 10

function setData(path: SVGPathElement, data: string): void {
  if (path.getAttribute('d') !== data) path.setAttribute('d', data)
}

function node<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value)
  return element
}

/** Texts are used again from one drawing to the next. */
function createTexts(group: SVGGElement) {
  let used = 0
  return {
    begin: () => {
      used = 0
    },
    add: (x: number, y: number, text: string, kind: string) => {
      const element = (group.children[used++] ?? group.appendChild(node('text'))) as SVGTextElement
      element.setAttribute('x', String(x))
      element.setAttribute('y', String(y))
      element.setAttribute('class', kind)
      if (element.textContent !== text) element.textContent = text
    },
    end: () => {
      while (group.children.length > used) group.lastElementChild?.remove()
    },
  }
}

import { firstAfter, type Lane, type Life, type Mark, outcomeOf, type Spell } from './history.ts'
import type { Kind } from './layers.ts'
import { arch, box, SYMBOLS } from './symbols.ts'

export const LANE_HEIGHT = 92
// Within a lane:
export const NAME = 18
export const BAR = 28
export const BAR_HEIGHT = 14
/** Refreshes have a row of their own: each is between a 401 and its replay, at nearly one time. */
const REFRESHES = 58
const REQUESTS = 75
/** Where a spell is, and how thick. */
const SPELLS: Readonly<Record<Spell['what'], readonly [top: number, height: number]>> = {
  wait: [44, 5],
  hidden: [84, 3],
  offline: [88, 4],
}

/** A mark that is closer than that to one of its kind would be drawn over it. */
const RESOLUTION = 1.5
/** Requests that are closer together than that look like one. */
const CROWD = 8
/** What the number beside a crowd needs. */
const ROOM = 34

/** What a lane is drawn with. */
export interface Sight {
  /** The times at both edges of the picture, and the present. */
  readonly from: number
  readonly to: number
  readonly now: number
  /** Pixels, of a time. */
  x(time: number): number
  shows(mark: Mark): boolean
  /** The facts about a token beside its bar. */
  beside(life: Life, left: number, right: number): void
  label(x: number, y: number, text: string): void
}

export type Paths = Record<Kind, string>

/**
 * Adds the marks of a lane to the paths. A mark that would be drawn over another one of its kind is left out. So a path is as
 * long as the lane is wide, for any number of marks.
 */
export function drawLane(lane: Lane, y: number, sight: Sight, data: Paths): void {
  const { from, to, now, x, shows } = sight
  const isCovered = createCover()
  const isInSight = (at: number, until: number): boolean => until >= from && at <= to

  for (const spell of lane.spells) {
    const until = spell.until ?? now
    if (!isInSight(spell.at, until) || !shows(spell)) continue
    const [left, right] = [x(spell.at), Math.max(x(until), x(spell.at) + 2)]
    const [above, thick] = SPELLS[spell.what]
    if (!isCovered(spell.what, right)) data[spell.what] += box(left, right, y + above, thick)
  }
  for (const life of lane.lives) {
    if (!isInSight(life.at, life.until) || !shows(life)) continue
    if (!isCovered('life', x(life.until))) drawLife(life, y, sight, data)
  }
  const { marks } = lane
  const crowds = [REQUESTS, REFRESHES].map(row => createCrowd(y + row, sight))
  for (let index = firstAfter(marks, from); index < marks.length && marks[index]!.at <= to; index++) {
    const mark = marks[index]!
    if (!isPoint(mark) || !shows(mark)) continue
    const place = x(mark.at)
    const kind = kindOf(mark)
    const row = y + rowOf(mark)
    if (!isCovered(kind, place)) {
      data[kind] += SYMBOLS[mark.kind === 'request' ? outcomeOf(mark) : mark.kind](place, row)
    }
    if (mark.kind !== 'request') continue
    // A mark that is covered by another one can be a replay, and can last longer than that one.
    if (mark.replayOf && !isCovered('replay', place)) {
      data.replay += arch(x(mark.replayOf.at), place, row - 8)
    }
    const end = x(mark.answeredAt)
    if (end - place > 3 && !isCovered('span', end)) data.span += `M${place} ${row}H${end}`
    crowds[mark.refreshes ? 1 : 0]!.add(place)
  }
  for (const crowd of crowds) crowd.end()
}

/** Is a mark of this kind, which ends at this place, behind the ones before? */
function createCover(): (kind: Kind, end: number) => boolean {
  const reached: Partial<Record<Kind, number>> = {}
  return (kind, end) => {
    if (end - (reached[kind] ?? Number.NEGATIVE_INFINITY) < RESOLUTION) return true
    reached[kind] = end
    return false
  }
}

/** Counts the requests of a row that look like one, and writes their number where there is room for it. */
function createCrowd(y: number, { label }: Sight): { add(place: number): void; end(): void } {
  let [first, count] = [Number.NEGATIVE_INFINITY, 0]
  const end = (next = Number.POSITIVE_INFINITY): void => {
    if (count > 1 && next - first > ROOM) label(first + 9, y + 4, `×${count}`)
  }
  return {
    add(place) {
      if (place - first > CROWD) {
        end(place)
        ;[first, count] = [place, 0]
      }
      count++
    },
    end,
  }
}

function drawLife(life: Life, y: number, { x, beside }: Sight, data: Paths): void {
  // A gap of two pixels tells one token from the next.
  const [left, right] = [x(life.at), x(life.until) - 2]
  data.life += box(left, Math.max(left + 1, right), y + BAR, BAR_HEIGHT)
  const ahead = Math.max(left, x(life.aheadAt))
  if (ahead < right) data.ahead += box(ahead, right, y + BAR, BAR_HEIGHT)
  beside(life, left, right)
}

/** Around the mark. */
export function ringAround(mark: Mark, y: number, { x, now }: Pick<Sight, 'x' | 'now'>): string {
  if (mark.kind === 'life') return box(x(mark.at) - 2, x(mark.until), y + BAR - 2, BAR_HEIGHT + 4)
  if (mark.kind === 'spell') {
    const [above, thick] = SPELLS[mark.what]
    return box(x(mark.at) - 2, x(mark.until ?? now) + 2, y + above - 2, thick + 4)
  }
  return box(x(mark.at) - 11, x(mark.at) + 11, y + rowOf(mark) - 11, 22)
}

/** The place that the user points at, how far from there a mark may be, and the marks. */
export interface Place {
  readonly time: number
  readonly row: number
  readonly reach: number
  readonly now: number
  shows(mark: Mark): boolean
}

export function markAt(lane: Lane, place: Place): Mark | null {
  const { time, row, reach, now, shows } = place
  const isOver = (from: number, until: number): boolean => from <= time && time <= until
  if (row > BAR - 4 && row < BAR + BAR_HEIGHT + 4) {
    const life = lane.lives.find(life => isOver(life.at, life.until) && shows(life))
    if (life) return life
  }
  const spell = lane.spells.find(spell => {
    const [above, thick] = SPELLS[spell.what]
    const isInRow = row >= above - 2 && row < above + thick + 2
    const near = reach / 7
    return isInRow && isOver(spell.at - near, (spell.until ?? now) + near) && shows(spell)
  })
  return spell ?? nearest(lane, place)
}

/** By time; the row decides between two at the same one. */
function nearest({ marks }: Lane, { time, row, reach, shows }: Place): Mark | null {
  let best: Mark | null = null
  let least = Number.POSITIVE_INFINITY
  for (let index = firstAfter(marks, time - reach); index < marks.length; index++) {
    const mark = marks[index]!
    if (mark.at > time + reach) break
    const distance = Math.abs(mark.at - time) / reach + Math.abs(rowOf(mark) - row) / 40
    if (isPoint(mark) && distance < least && shows(mark)) [best, least] = [mark, distance]
  }
  return best
}

type Point = Exclude<Mark, Life | Spell>

const isPoint = (mark: Mark): mark is Point => mark.kind !== 'life' && mark.kind !== 'spell'

function rowOf(mark: Mark): number {
  if (!isPoint(mark)) return BAR + BAR_HEIGHT / 2
  if (mark.kind !== 'request') return NAME - 4
  return mark.refreshes ? REFRESHES : REQUESTS
}

function kindOf(mark: Point): Kind {
  if (mark.kind === 'request') return outcomeOf(mark)
  return mark.kind === 'note' ? `note-${mark.tone}` : mark.kind
}

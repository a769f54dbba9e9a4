import type { Entry, Lasting, Tone } from './entries.ts'

/** One thing to look at in a lane. */
export type Mark = Request | Life | Spell | Moment

export interface Request {
  readonly kind: 'request'
  readonly lane: Lane
  readonly at: number
  readonly method: string
  readonly path: string
  readonly refreshes: boolean
  readonly answeredAt: number
  readonly status: number
  readonly note: string
  /** The refused request that this one repeats. */
  readonly replayOf: Request | null
}

/** A token, for as long as this lane used it. */
export interface Life {
  readonly kind: 'life'
  readonly lane: Lane
  readonly at: number
  readonly generation: number
  readonly expiresAt: number
  /** Its last part, in which the next one is fetched. */
  readonly aheadAt: number
  /** Where the next token, or the sign-out, cut it off; else `expiresAt`. */
  until: number
  readonly handed: boolean
}

/** A time in which the lane waited, or in which nobody saw its page, or in which it had no network. */
export interface Spell {
  readonly kind: 'spell'
  readonly lane: Lane
  readonly at: number
  readonly what: Lasting
  readonly words: string
  /** null: it goes on. */
  until: number | null
}

export interface Moment {
  readonly kind: 'signed-in' | 'signed-out' | 'note'
  readonly lane: Lane
  readonly at: number
  readonly words: string
  readonly tone: Tone
  readonly about?: 'page' | 'wait'
}

export interface Lane {
  readonly id: string
  /** Oldest first. */
  readonly marks: Mark[]
  readonly lives: Life[]
  readonly spells: Spell[]
  isClosed: boolean
}

export interface History {
  /** This tab, then the others as they came. */
  readonly lanes: readonly Lane[]
  add(entry: Entry): void
  /** Its tab has gone; the lane stays for as long as it has something to show. */
  close(lane: string): void
  /** Drops the closed lanes that have nothing after `time`; true where there were any. */
  forget(time: number): boolean
  /** The life in another lane that a life here was handed over from. */
  originOf(life: Life): Life | null
}

/** When a replay was told of, and of which request. */
interface Announcement {
  readonly at: number
  readonly refused: Request
}

/** Per lane. The oldest go first. */
const LIMIT = 12_000
const LONG_LIMIT = 2_000
/** As the client does by itself: a fifth of the lifetime, at most a minute. */
const aheadOf = (life: number): number => Math.min(life / 5, 60_000)
/** Longer than this no hand-over takes. */
const HANDOVER_TIME = 5_000
/** Two clocks of a browser, of which one counts in whole milliseconds, differ by so much. */
const CLOCK_STEPS = 5

export function createHistory(here: string): History {
  const lanes: Lane[] = []
  /** Refused requests whose replay has been told of, and is about to be sent. */
  const announced: Announcement[] = []
  const repeated = new WeakSet<Mark>()

  laneOf(here)

  function laneOf(id: string): Lane {
    const known = lanes.find(lane => lane.id === id)
    if (known) return known
    const lane: Lane = { id, marks: [], lives: [], spells: [], isClosed: false }
    lanes.push(lane)
    return lane
  }

  function add(entry: Entry): void {
    const { at } = entry
    const lane = laneOf(entry.lane)
    switch (entry.kind) {
      case 'request':
        insert(lane, { ...entry, lane, replayOf: refusedBefore(lane, entry.path, at) })
        return
      case 'replay': {
        const isRefused = (mark: Mark): mark is Request =>
          mark.kind === 'request' && mark.path === entry.path && mark.status === 401 && !repeated.has(mark)
        const refused = lane.marks.findLast(isRefused)
        if (!refused) return
        announced.push({ at, refused })
        repeated.add(refused)
        return
      }
      case 'token': {
        const { generation, expiresAt, life, handed } = entry
        const aheadAt = expiresAt - aheadOf(life)
        cut(lane, at)
        const until = Math.max(at, expiresAt)
        const mark: Life = { kind: 'life', lane, at, generation, expiresAt, aheadAt, until, handed }
        lane.lives.push(mark)
        insert(lane, mark)
        return
      }
      case 'signed-out':
        cut(lane, at)
        insert(lane, { kind: entry.kind, lane, at, words: entry.words, tone: 'plain' })
        return
      case 'signed-in':
        insert(lane, { kind: entry.kind, lane, at, words: entry.words, tone: 'good' })
        return
      case 'note': {
        const { kind, words, tone, about } = entry
        insert(lane, { kind, lane, at, words, tone, ...(about && { about }) })
        return
      }
      case 'begun': {
        const { what, words } = entry
        if (goingOn(lane, what)) return
        const spell: Spell = { kind: 'spell', lane, at, what, words, until: null }
        lane.spells.push(spell)
        insert(lane, spell)
        return
      }
      case 'over': {
        const spell = goingOn(lane, entry.what)
        if (spell) spell.until = Math.max(spell.at, at)
      }
    }
  }

  /** The request that this one repeats. One that was sent before the announcement is another. */
  function refusedBefore(lane: Lane, path: string, sentAt: number): Request | null {
    const index = announced.findIndex(
      ({ at, refused }) => refused.lane === lane && refused.path === path && at <= sentAt + CLOCK_STEPS,
    )
    return index < 0 ? null : announced.splice(index, 1)[0]!.refused
  }

  function cut(lane: Lane, at: number): void {
    const last = lane.lives.at(-1)
    if (last && last.until > at) last.until = Math.max(last.at, at)
  }

  function insert(lane: Lane, mark: Mark): void {
    const { marks, lives, spells } = lane
    // Nearly always the newest: only the past of another tab arrives late.
    marks.splice(firstAfter(marks, mark.at), 0, mark)
    if (marks.length > LIMIT) marks.shift()
    if (lives.length > LONG_LIMIT) lives.shift()
    if (spells.length > LONG_LIMIT) spells.shift()
  }

  return {
    lanes,
    add,
    close: id => {
      const lane = lanes.find(lane => lane.id === id)
      if (lane) lane.isClosed = true
    },
    forget: time => {
      const kept = lanes.filter(({ isClosed, marks }) => !isClosed || (marks.at(-1)?.at ?? 0) > time)
      if (kept.length === lanes.length) return false
      lanes.splice(0, lanes.length, ...kept)
      return true
    },
    originOf: life => {
      if (!life.handed) return null
      const candidates = lanes.flatMap(({ lives }) => lives.filter(other => isOrigin(other, life)))
      return candidates.at(0) ?? null
    },
  }
}

const goingOn = ({ spells }: Lane, what: Lasting): Spell | undefined =>
  spells.findLast(spell => spell.what === what && spell.until === null)

const isOrigin = (other: Life, life: Life): boolean =>
  other.lane !== life.lane &&
  !other.handed &&
  other.generation === life.generation &&
  other.at <= life.at &&
  life.at <= other.until + HANDOVER_TIME

/** The index of the first mark later than `time`. */
export function firstAfter(marks: readonly { readonly at: number }[], time: number): number {
  let low = 0
  let high = marks.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (marks[middle]!.at > time) high = middle
    else low = middle + 1
  }
  return low
}

export type Outcome = 'good' | 'renewed' | 'refused' | 'failed' | 'unanswered'

export function outcomeOf({ status, refreshes }: Request): Outcome {
  if (status === 0) return 'unanswered'
  if (status < 400) return refreshes ? 'renewed' : 'good'
  return status === 401 || status === 403 ? 'refused' : 'failed'
}

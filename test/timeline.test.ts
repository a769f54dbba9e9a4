import { describe, expect, test } from 'vitest'
import type { Entry } from '../src/devtools/timeline/entries.ts'
import { createMatcher, type Filter, type Topic } from '../src/devtools/timeline/filter.ts'
import {
  createHistory,
  firstAfter,
  type History,
  type Life,
  type Mark,
  outcomeOf,
  type Request,
  type Spell,
} from '../src/devtools/timeline/history.ts'
import {
  follow,
  leftEdge,
  pan,
  pause,
  reveal,
  roundTimes,
  START,
  zoom,
} from '../src/devtools/timeline/viewport.ts'

const T = 1_900_000_005_000

describe('the stretch of time that is shown', () => {
  test('follows the present, and leaves a fifth for what is to come', () => {
    expect(leftEdge(START, T)).toBe(T - 48_000)
    expect(leftEdge(START, T + 5)).toBe(T - 47_995)
  })

  test('stands still while it is paused, and comes back to the present', () => {
    const paused = pause(START, T)
    expect(leftEdge(paused, T + 60_000)).toBe(T - 48_000)
    expect(leftEdge(follow(paused), T + 60_000)).toBe(T + 12_000)
  })

  test('moving pauses it, and does not go further than the present', () => {
    const moved = pan(START, -30_000, T)
    expect(leftEdge(moved, T + 1)).toBe(T - 78_000)
    expect(leftEdge(pan(moved, 1e9, T), T)).toBe(T - 6_000)
  })

  test('zooming keeps the pivot in its place, and the present while it follows', () => {
    const paused = pause(START, T)
    const pivot = T - 40_000
    const closer = zoom(paused, 0.5, T, pivot)
    const place = (view: typeof START) => (pivot - leftEdge(view, T)) / view.span
    expect(closer.span).toBe(30_000)
    expect(place(closer)).toBeCloseTo(place(paused))
    expect(zoom(START, 2, T)).toEqual({ span: 120_000, pausedAt: null })
  })

  test('zooming ends at five seconds and at half an hour', () => {
    expect(zoom(START, 1e-9, T).span).toBe(5_000)
    expect(zoom(START, 1e9, T).span).toBe(1_800_000)
  })

  test('a time that is shown already moves nothing, another is brought to the middle', () => {
    expect(reveal(START, T - 20_000, T)).toBe(START)
    const moved = reveal(START, T - 500_000, T)
    expect(leftEdge(moved, T)).toBe(T - 530_000)
  })

  test('the axis has round times, and no more of them than fit', () => {
    expect(roundTimes(T, T + 60_000, 12_000)).toEqual([T, T + 15_000, T + 30_000, T + 45_000, T + 60_000])
    expect(roundTimes(T + 1, T + 4_999, 10_000)).toEqual([])
    expect(roundTimes(T, T + 1e7, 1e9).length).toBeLessThan(10)
  })
})

describe('what the lanes hold', () => {
  const here = 'here'
  const request = (at: number, status: number, more: object = {}): Entry => ({
    ...{ kind: 'request', lane: here, at, answeredAt: at + 5, method: 'GET', path: '/api/items' },
    ...{ refreshes: false, status, note: '', ...more },
  })
  const token = (at: number, generation: number, more: object = {}): Entry =>
    ({
      kind: 'token',
      lane: here,
      at,
      generation,
      expiresAt: at + 15_000,
      life: 15_000,
      handed: false,
      ...more,
    }) as Entry
  const told = (...entries: Entry[]): History => {
    const history = createHistory(here)
    for (const entry of entries) history.add(entry)
    return history
  }
  const lane = (history: History, id = here) => history.lanes.find(lane => lane.id === id)!
  const requests = (history: History) =>
    lane(history).marks.filter(({ kind }) => kind === 'request') as Request[]
  const lives = (history: History, id = here): Life[] => lane(history, id).lives

  test('this tab comes first, other tabs as they came', () => {
    const history = told(request(T, 200, { lane: 'b' }), request(T, 200, { lane: 'a' }))
    expect(history.lanes.map(({ id }) => id)).toEqual([here, 'b', 'a'])
  })

  test.each([
    [200, false, 'good'],
    [200, true, 'renewed'],
    [401, false, 'refused'],
    [403, true, 'refused'],
    [429, true, 'failed'],
    [500, false, 'failed'],
    [0, false, 'unanswered'],
  ] as const)('%i counts, as a refresh (%s), as %s', (status, refreshes, outcome) => {
    const [mark] = requests(told(request(T, status, { refreshes })))
    expect(outcomeOf(mark!)).toBe(outcome)
    expect(mark!.answeredAt).toBe(T + 5)
  })

  test('each refused request is repeated by one that is sent after it was announced', () => {
    const replay = { kind: 'replay', lane: here, at: T + 20, path: '/api/items', from: 1, to: 2 } as const
    const history = told(
      ...[request(T, 401), request(T + 1, 401), replay, replay],
      // Sent before: it is no replay, although its answer comes after.
      ...[request(T + 2, 401), request(T + 21, 200), request(T + 21, 200), request(T + 22, 200)],
    )
    const [one, two, late, three, four, five] = requests(history)
    expect([one, two, late].map(mark => mark!.replayOf)).toEqual([null, null, null])
    expect(new Set([three!.replayOf, four!.replayOf])).toEqual(new Set([one, two]))
    expect(five!.replayOf).toBeNull()
  })

  test('a token lives until it expires, is replaced, or its user signs out', () => {
    const history = told(token(T, 1), token(T + 12_500, 2))
    expect(lives(history).map(({ at, until }) => [at, until])).toEqual([
      [T, T + 12_500],
      [T + 12_500, T + 27_500],
    ])
    history.add({ kind: 'signed-out', lane: here, at: T + 14_000, words: 'Signed out' })
    expect(lives(history)[1]!.until).toBe(T + 14_000)
    history.add(token(T + 60_000, 3))
    history.add(token(T + 90_000, 4))
    expect(lives(history)[2]!.until).toBe(T + 75_000)
  })

  test('it is renewed in the last fifth of its life, and in the last minute at the earliest', () => {
    const [short, long] = lives(told(token(T, 1), token(T, 2, { expiresAt: T + 3.6e6, life: 3.6e6 })))
    expect(short!.aheadAt).toBe(T + 12_000)
    expect(long!.aheadAt).toBe(T + 3.54e6)
  })

  test('a token that was handed over came from the tab that fetched it', () => {
    const history = told(
      token(T, 4, { lane: 'b' }),
      token(T + 9_000, 5, { lane: 'b' }),
      token(T + 9_010, 5, { lane: 'c', handed: true }),
      token(T + 9_012, 5, { handed: true }),
    )
    const [mine] = lives(history)
    expect(history.originOf(mine!)).toBe(lives(history, 'b')[1])
    expect(history.originOf(lives(history, 'b')[1]!)).toBeNull()
  })

  test('a generation of long ago is nobody’s origin', () => {
    const history = told(token(T - 3.6e6, 5, { lane: 'b' }), token(T, 5, { handed: true }))
    expect(history.originOf(lives(history)[0]!)).toBeNull()
  })

  test('what comes late is put in its place', () => {
    const history = told(request(T, 200), request(T + 20, 200), request(T + 10, 200))
    expect(requests(history).map(({ at }) => at)).toEqual([T, T + 10, T + 20])
    expect([T - 1, T, T + 15, T + 20].map(time => firstAfter(requests(history), time))).toEqual([0, 1, 2, 3])
  })

  test('the lane of a closed tab goes when it has nothing left to show', () => {
    const history = told(request(T, 200, { lane: 'b' }))
    history.close('b')
    expect(history.forget(T - 1)).toBe(false)
    expect(history.forget(T + 1)).toBe(true)
    expect(history.lanes.map(({ id }) => id)).toEqual([here])
  })

  test('memory is bounded', () => {
    const history = createHistory(here)
    for (let i = 0; i < 30_000; i++) history.add(request(T + i, 200))
    const { marks } = lane(history)
    expect(marks).toHaveLength(12_000)
    expect(marks.at(-1)!.at).toBe(T + 29_999)
  })
})

describe('what lasts', () => {
  const spell = (at: number, kind: 'begun' | 'over', what = 'wait', lane = 'here'): Entry =>
    ({ kind, lane, at, what, ...(kind === 'begun' && { words: 'Waiting' }) }) as Entry
  const spells = (...entries: Entry[]) => {
    const history = createHistory('here')
    for (const entry of entries) history.add(entry)
    return history.lanes.find(({ id }) => id === 'here')!
  }

  test('lasts from its beginning to its end, one of a kind at a time', () => {
    const { spells: found, marks } = spells(
      spell(T, 'begun'),
      spell(T + 1, 'begun'),
      spell(T + 2, 'begun', 'offline'),
      spell(T + 5, 'over'),
      spell(T + 6, 'over'),
      spell(T + 9, 'begun'),
    )
    expect(found.map(({ what, at, until }) => [what, at - T, until && until - T])).toEqual([
      ['wait', 0, 5],
      ['offline', 2, null],
      ['wait', 9, null],
    ])
    expect(marks).toEqual(found)
  })

  test('does not end by what happens in another lane, nor by what has not begun', () => {
    const { spells: found } = spells(spell(T, 'over'), spell(T, 'begun'), spell(T + 5, 'over', 'wait', 'b'))
    expect(found).toMatchObject([{ at: T, until: null }])
  })

  test('is bounded in memory', () => {
    const many = Array.from({ length: 5_000 }, (_, n) => [
      spell(T + 2 * n, 'begun'),
      spell(T + 2 * n + 1, 'over'),
    ])
    expect(spells(...many.flat()).spells).toHaveLength(2_000)
  })
})

describe('a filter', () => {
  const lane = { id: 'a', marks: [], lives: [], spells: [], isClosed: false }
  const request = (status: number, more: Partial<Request> = {}): Request => ({
    ...{ kind: 'request', lane, at: T, method: 'GET', path: '/items', refreshes: false },
    ...{ answeredAt: T + 5, status, note: '', replayOf: null, ...more },
  })
  const marks = {
    good: request(200),
    refused: request(401),
    renewed: request(200, { refreshes: true, path: '/refresh_token' }),
    lost: request(0, { refreshes: true }),
    token: { kind: 'life', lane, at: T, generation: 4, expiresAt: T, aheadAt: T, until: T, handed: false },
    login: { kind: 'signed-in', lane, at: T, words: 'Signed in', tone: 'good' },
    logout: { kind: 'signed-out', lane, at: T, words: 'Signed out', tone: 'plain' },
    wait: { kind: 'spell', lane, at: T, what: 'wait', words: 'Waiting', until: T },
    stuck: { kind: 'note', lane, at: T, words: 'Frozen', tone: 'warn', about: 'wait' },
    hidden: { kind: 'spell', lane, at: T, what: 'hidden', words: 'Hidden', until: T },
    offline: { kind: 'spell', lane, at: T, what: 'offline', words: 'Offline', until: null },
    left: { kind: 'note', lane, at: T, words: 'Left', tone: 'plain', about: 'page' },
    trouble: { kind: 'note', lane, at: T, words: 'Failed', tone: 'bad' },
  } satisfies Record<string, Mark>
  const words = (mark: Mark) =>
    'path' in mark ? `GET ${mark.path}` : 'words' in mark ? mark.words : 'token 4'
  const passed = (filter: Filter) => {
    const matches = createMatcher(filter, words)
    return Object.entries(marks).flatMap(([name, mark]) => (!matches || matches(mark) ? [name] : []))
  }

  test.each<[Topic, string[]]>([
    ['all', Object.keys(marks)],
    ['requests', ['good', 'refused', 'renewed', 'lost']],
    ['refreshes', ['renewed', 'lost']],
    ['failures', ['refused', 'lost', 'stuck', 'trouble']],
    ['tokens', ['token', 'login', 'logout']],
    ['waits', ['wait', 'stuck']],
    ['page', ['hidden', 'offline', 'left']],
  ])('of the topic "%s" lets through what it names', (topic, expected) => {
    expect(passed({ topic, text: ' ' })).toEqual(expected)
  })

  test('of a text lets through what says so, in capitals or not, and of the topic alone', () => {
    expect(passed({ topic: 'all', text: 'REFRESH' })).toEqual(['renewed'])
    expect(passed({ topic: 'all', text: ' token ' })).toEqual(['renewed', 'token'])
    expect(passed({ topic: 'requests', text: 'token' })).toEqual(['renewed'])
    expect(passed({ topic: 'tokens', text: 'items' })).toEqual([])
  })

  test('is null where it lets everything through', () => {
    expect(createMatcher({ topic: 'all', text: '  ' }, words)).toBeNull()
  })

  test('looks again at what lasts, and once at all else', () => {
    const asked: Mark[] = []
    const open: Spell = { ...marks.wait, until: null }
    const matches = createMatcher({ topic: 'all', text: 'over' }, mark => {
      asked.push(mark)
      return mark === open && open.until ? 'It is over.' : ''
    })!
    expect([matches(open), matches(marks.refused), matches(marks.refused)]).toEqual([false, false, false])
    open.until = T + 9
    expect(matches(open)).toBe(true)
    expect(asked).toEqual([open, marks.refused, open])
  })
})

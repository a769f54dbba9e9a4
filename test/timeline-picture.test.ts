// @vitest-environment happy-dom
import { expect, test, vi } from 'vitest'
import { createJournal, type JournalEntry } from '../src/devtools/journal.ts'
import { createTimeline } from '../src/devtools/panel/timeline.ts'
import type { Entry } from '../src/devtools/timeline/entries.ts'
import { createHistory, type History, type Mark } from '../src/devtools/timeline/history.ts'
import { createPicture } from '../src/devtools/timeline/picture.ts'

const T = 1_900_000_005_000
const SPAN = 60_000
const WIDTH = 1_000

const request = (at: number, status: number, refreshes = false): Entry => ({
  ...{ kind: 'request', lane: 'here', at, answeredAt: at + 30, method: 'GET', path: '/items' },
  ...{ refreshes, status, note: '' },
})

/** In one minute: requests of every outcome, replays, tokens, waits and notes, in two lanes. */
function busy(count: number): History {
  const history = createHistory('here')
  const add = (entry: object) => history.add(entry as Entry)
  for (let n = 0; n < count; n++) {
    const at = T + (n * SPAN) / count
    const lane = n % 2 ? 'here' : 'there'
    const status = [200, 401, 500, 0][n % 4]
    if (n % 10 === 0)
      add({
        kind: 'token',
        at,
        lane,
        generation: n,
        expiresAt: at + 9_000,
        life: 9_000,
        handed: n % 20 === 0,
      })
    else if (n % 10 === 1) add({ kind: 'begun', at, lane, what: 'wait', words: 'Waiting' })
    else if (n % 10 === 2) add({ kind: 'over', at, lane, what: 'wait' })
    else if (n % 10 === 3) add({ kind: 'note', at, lane, words: 'Something', tone: 'warn' })
    else {
      add({ ...request(at, status!, n % 3 === 0), lane })
      if (status === 401) add({ kind: 'replay', at: at + 30, lane, path: '/items', from: n, to: n + 1 })
    }
  }
  return history
}

function drawn(history: History, left = T, span = SPAN) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  let visited = 0
  const shows = (_mark: Mark) => {
    visited++
    return true
  }
  const picture = createPicture(svg, history, ({ id }) => id, shows)
  picture.resize(WIDTH)
  picture.draw(left, span, T + SPAN)
  const paths = [...svg.querySelectorAll('path')]
  return {
    nodes: svg.querySelectorAll('*').length,
    length: paths.reduce((sum, path) => sum + (path.getAttribute('d')?.length ?? 0), 0),
    visited,
    of: (kind: string) => svg.querySelector(`path.${kind}`)?.getAttribute('d') ?? '',
    numbers: [...svg.querySelectorAll('.count')].map(({ textContent }) => textContent),
    picture,
  }
}

test('a picture of ten thousand events has as many nodes as one of a thousand, and its paths grow no longer', () => {
  const [few, some, many] = [drawn(busy(1_000)), drawn(busy(5_000)), drawn(busy(10_000))]
  expect(few.length).toBeGreaterThan(5_000)
  expect(many.nodes - many.numbers.length).toBe(few.nodes - few.numbers.length)
  // One beside the last marks of each row.
  for (const { numbers } of [few, many]) expect(numbers.length).toBeLessThan(5)
  // There is one mark of a kind for each place by now.
  expect(many.length).toBeLessThan(1.5 * some.length)
})

test('only the events in sight and around it are looked at', () => {
  const history = busy(10_000)
  const { visited } = drawn(history, T + 20_000, 2_000)
  const marks = history.lanes.reduce((sum, lane) => sum + lane.marks.length, 0)
  expect(visited).toBeGreaterThan(100)
  // Twice what is in sight: a fifteenth of the minute.
  expect(visited).toBeLessThan(marks / 10)
})

test('a wait, a hidden page and a lost network are bars that can be pointed at', () => {
  const history = createHistory('here')
  const begun = (what: string, at: number) =>
    history.add({ kind: 'begun', lane: 'here', at, what, words: what } as Entry)
  begun('wait', T + 6_000)
  history.add({ kind: 'over', lane: 'here', at: T + 12_000, what: 'wait' })
  begun('offline', T + 6_000)
  begun('hidden', T + 30_000)
  const { of, picture } = drawn(history)
  expect(of('wait')).toMatch(/^M100 \d+h100v/)
  expect(of('hidden')).toMatch(/^M500 \d+h500v/)
  expect(of('offline')).toMatch(/^M100 \d+h900v/)
  const top = (kind: string) => Number(/M\S+ (\d+)/.exec(of(kind))?.[1])
  for (const [kind, x] of [
    ['wait', 150],
    ['hidden', 700],
    ['offline', 700],
  ] as const) {
    expect(picture.find(x, top(kind) + 1)).toMatchObject({ kind: 'spell', what: kind })
  }
  expect(picture.find(300, top('wait') + 1)).toBeNull()
  expect(picture.find(50, top('offline') + 1)).toBeNull()
})

test('a replay is drawn where another request of its outcome is at the same place', () => {
  const history = createHistory('here')
  const replay: Entry = { kind: 'replay', lane: 'here', at: T + 6_010, path: '/items', from: 1, to: 2 }
  for (const entry of [request(T + 5_990, 200), request(T + 5_995, 401), replay, request(T + 6_015, 200)])
    history.add(entry)
  const { of } = drawn(history)
  expect(of('good').match(/M/g)).toHaveLength(1)
  expect(of('replay')).toMatch(/^M99.9 \d+C/)
})

test('a request that lasts is drawn to its end, also behind another one', () => {
  const history = createHistory('here')
  history.add(request(T + 6_000, 200))
  history.add({ ...request(T + 6_010, 200), answeredAt: T + 12_000 } as Entry)
  expect(drawn(history).of('span')).toMatch(/H200$/)
})

test('requests that look like one have their number, where there is room for it', () => {
  const numbers = (...times: number[]) => {
    const history = createHistory('here')
    for (const at of times) history.add(request(T + at, 200))
    return drawn(history).numbers
  }
  expect(numbers(0, 0, 10, 20)).toEqual(['×4'])
  expect(numbers(0, 0, 10_000)).toEqual(['×2'])
  expect(numbers(0, 0, 1_000, 10_000)).toEqual([])
  expect(numbers(0, 10_000)).toEqual([])
})

test('a refresh is drawn above the requests that it is for', () => {
  const history = createHistory('here')
  history.add(request(T, 401))
  history.add(request(T, 200, true))
  const { of } = drawn(history)
  const y = (kind: string) => Number(/M\S+ (\d+)/.exec(of(kind))?.[1])
  expect(y('refused') - y('renewed')).toBeGreaterThan(14)
})

test('what the filter does not let through is neither drawn nor found', () => {
  const history = createHistory('here')
  history.add({ kind: 'note', lane: 'here', at: T + 6_000, words: 'one', tone: 'bad' })
  history.add({ kind: 'note', lane: 'here', at: T + 30_000, words: 'other', tone: 'bad' })
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  const picture = createPicture(
    svg,
    history,
    ({ id }) => id,
    mark => 'words' in mark && mark.words === 'other',
  )
  picture.resize(WIDTH)
  picture.draw(T, SPAN, T + SPAN)
  expect(svg.querySelector('path.note-bad')!.getAttribute('d')).toMatch(/^M496 \d+a[^M]*$/)
  const y = Number(/M\S+ (\d+)/.exec(svg.querySelector('path.note-bad')!.getAttribute('d')!)?.[1])
  expect(picture.find(100, y)).toBeNull()
  expect(picture.find(500, y)).toMatchObject({ words: 'other' })
})

test('the hint of a second tab goes when there is one', () => {
  const hints = (history: History) => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
    const picture = createPicture(svg, history, ({ id }) => id)
    picture.resize(WIDTH)
    picture.draw(T, SPAN, T)
    return svg.querySelectorAll('.hint').length
  }
  const alone = createHistory('here')
  const two = createHistory('here')
  two.add({ ...request(T, 200), lane: 'there' })
  expect([hints(alone), hints(two), hints(createHistory('here'))]).toEqual([1, 0, 1])
})

test('the lane of a tab that was left is closed, and goes after two minutes; a report keeps it', () => {
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(WIDTH)
  const other = '0badcafe-1'
  const entry = (at: number, tab: string, state: 'hidden' | 'left' | 'kept'): JournalEntry => ({
    ...{ at, tab, event: { type: 'page', state } },
  })
  const lanes = (here: string | null) => {
    const journal = createJournal()
    let now = T
    const { element, update, dispose } = createTimeline({ journal, here, now: () => now })
    const names = () => {
      update()
      return [...element.querySelectorAll('.name')].map(({ textContent }) => textContent)
    }
    journal.add(entry(T, other, 'kept'))
    const kept = names()
    journal.add(entry(T + 1, other, 'left'))
    const left = names()
    now = T + 130_000
    journal.add(entry(now, 'tab 2', 'hidden'))
    const later = names()
    dispose?.()
    return [kept, left, later].map(all => all.filter(name => name !== 'This tab'))
  }
  expect(lanes('1badcafe-1')).toEqual([['Tab 0bad'], ['Tab 0bad (closed)'], ['Tab 2']])
  expect(lanes(null)[2]).toContain('Tab 0bad')
  vi.restoreAllMocks()
})

import { describe, expect, test } from 'vitest'
import { shareEntries } from '../src/devtools/channel.ts'
import type { JournalEvent } from '../src/devtools/events.ts'
import { readEvent } from '../src/devtools/events.ts'
import {
  createJournal,
  exportReport,
  type Journal,
  type JournalEntry,
  readReport,
  recordEvents,
  why,
} from '../src/devtools/index.ts'
import { saysNobody } from '../src/devtools/journal.ts'
import { scrub, scrubUrl, scrubValue } from '../src/devtools/scrub.ts'
import { toEntries } from '../src/devtools/timeline/from-journal.ts'
import { createHistory, type Request } from '../src/devtools/timeline/history.ts'
import { AuthError } from '../src/kernel/errors.ts'
import { kernelOf } from '../src/kernel/registry.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, signedIn, type World } from './support/world.ts'

const T = new Date(2026, 2, 4, 12, 3, 11).getTime()
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWEtdG9rZW4'
const OPAQUE = '7f3b9c1d5e8a2046bd17c93e50af6284'

const refused = (status = 401) =>
  new AuthError('refresh_rejected', `The refresh request was answered with ${status}.`, { status })
const request = (given: Partial<Extract<JournalEvent, { type: 'request' }>> = {}): JournalEvent => ({
  ...{ type: 'request', method: 'GET', url: 'https://api.example.com/items', status: 200, ms: 12 },
  ...{ generation: 4, refreshes: false, made: false },
  ...given,
})

/** A journal with these events, a second apart; the last is at `T`. */
function journalOf(...events: (JournalEvent | [tab: string, event: JournalEvent])[]): Journal {
  const journal = createJournal()
  events.forEach((given, index) => {
    const [tab, event] = Array.isArray(given) ? given : ['a', given]
    journal.add({ at: T - 1_000 * (events.length - 1 - index), tab, event })
  })
  return journal
}
const newest = ({ entries }: Journal): JournalEntry => entries.at(-1)!
const typesOf = (entries: readonly JournalEntry[]) => entries.map(({ event }) => event.type)

describe('the journal', () => {
  test('is in the order of time, also where another tab reports late', () => {
    const journal = createJournal()
    for (const at of [3, 1, 2]) journal.add({ at, tab: `${at}`, event: { type: 'revoked' } })
    expect(journal.entries.map(({ at }) => at)).toEqual([1, 2, 3])
  })

  test('keeps the newest, and says how many it has dropped', () => {
    const journal = createJournal(2)
    for (const at of [1, 2, 3]) journal.add({ at, tab: 'a', event: { type: 'revoked' } })
    expect(journal.entries.map(({ at }) => at)).toEqual([2, 3])
    expect(journal.dropped).toBe(1)
  })

  test('tells its listeners of each entry, until they leave', () => {
    const journal = createJournal()
    const heard: number[] = []
    const leave = journal.subscribe(({ at }) => heard.push(at))
    journal.add({ at: 1, tab: 'a', event: { type: 'revoked' } })
    leave()
    journal.add({ at: 2, tab: 'a', event: { type: 'revoked' } })
    expect(heard).toEqual([1])
  })
})

describe('why', () => {
  const rejected = (refusal?: string): JournalEvent => ({
    type: 'signed-out',
    reason: 'rejected',
    generation: 5,
    ...(refusal && { refusal }),
  })

  test('a sign-out names the refused refresh, its status, and the request whose 401 asked for it', () => {
    const journal = journalOf(
      { type: 'refreshed', cause: 'refresh', generation: 4, expiresAt: null },
      request({ status: 401 }),
      { type: 'refresh', operation: 'refresh', generation: 4 },
      request({ url: 'https://api.example.com/refresh_token', status: 401, refreshes: true }),
      { type: 'refresh-failed', error: refused() },
      rejected('invalid_grant'),
    )
    const { sentence, before } = why(newest(journal), journal.entries)
    expect(sentence).toBe(
      'Signed out: the refresh endpoint returned 401 at 12:03:10 (invalid_grant), asked because GET https://api.example.com/items returned 401 with token 4.',
    )
    expect(typesOf(before)).toEqual(['request', 'refresh', 'refresh-failed'])
  })

  test('without "devtoolsFetch", the request that was handed back says so', () => {
    const journal = journalOf(
      { type: 'refresh', operation: 'refresh', generation: 4 },
      { type: 'refresh-failed', error: refused(400) },
      rejected(),
      { type: 'not-replayed', method: 'GET', url: 'https://api.example.com/items', why: 'signed-out' },
    )
    expect(why(journal.entries[2]!, journal.entries).sentence).toBe(
      'Signed out: the refresh endpoint returned 400 at 12:03:09, asked because GET https://api.example.com/items returned 401 with token 4.',
    )
  })

  test('a failure from before the last token has nothing to do with a sign-out', () => {
    const journal = journalOf(
      { type: 'refresh-failed', error: refused(500) },
      { type: 'refreshed', cause: 'refresh', generation: 5, expiresAt: null },
      rejected(),
    )
    expect(why(newest(journal), journal.entries).sentence).not.toContain('500')
  })

  test('what another tab did is no cause of what this tab did', () => {
    const journal = journalOf(
      ['b', request({ status: 401 })],
      ['a', { type: 'refresh', operation: 'refresh', generation: 4 }],
      ['a', { type: 'refreshed', cause: 'refresh', generation: 5, expiresAt: null }],
    )
    expect(why(newest(journal), journal.entries).sentence).not.toContain('/items')
  })

  test.each<[string, JournalEvent]>([
    ['the timer rang', { type: 'timer', at: T - 1_000 }],
    [
      'GET https://api.example.com/items waits',
      { type: 'held-back', method: 'GET', url: 'https://api.example.com/items', why: 'refresh' },
    ],
  ])('a refresh is told with its cause: %s', (cause, event) => {
    const journal = journalOf(
      event,
      { type: 'refresh', operation: 'refresh', generation: 4 },
      { type: 'refreshed', cause: 'refresh', generation: 5, expiresAt: null },
    )
    const { sentence, before } = why(newest(journal), journal.entries)
    expect(sentence).toContain(`asked because ${cause}`)
    expect(typesOf(before)).toEqual([event.type, 'refresh'])
  })

  const refresh: JournalEvent = { type: 'refresh', operation: 'refresh', generation: 4 }
  const refreshed: JournalEvent = { type: 'refreshed', cause: 'refresh', generation: 5, expiresAt: null }
  const offline: JournalEvent = { type: 'network', state: 'offline' }

  test.each<[string, JournalEvent[]]>([
    [
      'the browser is online again',
      [
        { type: 'timer', at: null },
        { type: 'network', state: 'online' },
      ],
    ],
    [
      'the page came into sight',
      [
        { type: 'timer', at: T - 9_000 },
        { type: 'page', state: 'visible' },
      ],
    ],
    [
      'the page runs again',
      [
        { type: 'timer', at: T - 9_000 },
        { type: 'page', state: 'resumed' },
      ],
    ],
    [
      'the timer rang late, as it does in a hidden page',
      [
        { type: 'page', state: 'hidden' },
        { type: 'timer', at: T - 9_000 },
      ],
    ],
  ])('a refresh that was due before: %s', (cause, events) => {
    const journal = journalOf(...events, refresh, refreshed)
    const { sentence, before } = why(newest(journal), journal.entries)
    expect(sentence).toContain(`asked because ${cause}`)
    expect(typesOf(before)).toEqual([...events.map(({ type }) => type), 'refresh'])
  })

  test('a page that came into sight long ago, or before the timer was due, is no cause', () => {
    const visible: JournalEvent = { type: 'page', state: 'visible' }
    const wasDue: JournalEvent = { type: 'timer', at: T - 20_000 }
    const isDue: JournalEvent = { type: 'timer', at: T + 20_000 }
    const others = Array.from({ length: 3 }, () => request())
    for (const events of [
      [wasDue, visible, ...others],
      [isDue, visible],
    ]) {
      const journal = journalOf(...events, refresh)
      expect(why(newest(journal), journal.entries).sentence).not.toContain('sight')
    }
  })

  test('a failure while the browser is offline says since when', () => {
    const failed: JournalEvent = {
      type: 'refresh-failed',
      error: new AuthError('refresh_unavailable', 'The refresh request got no answer.', { retryable: true }),
    }
    const journal = journalOf(offline, request(), refresh, failed)
    const { sentence, before } = why(newest(journal), journal.entries)
    expect(sentence).toContain('the browser has been offline since 12:03:08')
    expect(typesOf(before)).toEqual(['network', 'refresh'])
    const back = journalOf(offline, { type: 'network', state: 'online' }, refresh, failed)
    expect(why(newest(back), back.entries).sentence).not.toContain('offline since')
  })

  const waiting: JournalEvent = { type: 'lock', state: 'waiting' }

  test('a refresh that has waited for another tab says how long', () => {
    const journal = journalOf({ type: 'timer', at: T - 3_000 }, waiting, request(), request(), refresh)
    const { sentence, before } = why(newest(journal), journal.entries)
    expect(sentence).toContain('asked because the timer rang, and begun after 3 s of waiting for another tab')
    expect(typesOf(before)).toEqual(['timer', 'lock'])
    const reloaded = journalOf({ type: 'lock', state: 'former-page' }, refresh)
    expect(why(newest(reloaded), reloaded.entries).sentence).toContain('of waiting for the page before')
    const next = journalOf(waiting, refresh, refresh)
    expect(why(newest(next), next.entries).sentence).not.toContain('another tab')
  })

  test('a token of another tab says since when this tab had waited for it, and names no refresh of its own', () => {
    const journal = journalOf(request({ status: 401 }), refresh, refreshed, waiting, {
      ...refreshed,
      cause: 'other-tab',
    })
    const { sentence, before } = why(newest(journal), journal.entries)
    expect(sentence).toMatch(/; this tab had waited for it since 12:03:10\.$/)
    expect(typesOf(before)).toEqual(['lock'])
  })

  test('what happens in the session after that has nothing to do with a refresh', () => {
    const journal = journalOf(
      { type: 'refresh', operation: 'restore', generation: 0 },
      { type: 'refresh-failed', error: refused() },
      { type: 'signed-out', reason: 'initial', generation: 0 },
      { type: 'signed-in', cause: 'login', generation: 4, expiresAt: null },
      { type: 'not-replayed', method: 'GET', url: 'https://api.example.com/items', why: 'signed-out' },
    )
    expect(why(journal.entries[2]!, journal.entries).sentence).toMatch(/asked because the page was loaded\.$/)
  })

  test('a logout by the user is told as it is', () => {
    const journal = journalOf({ type: 'signed-out', reason: 'logout', generation: 5 })
    expect(why(newest(journal), journal.entries)).toEqual({
      sentence: 'Signed out: by a logout in this browser.',
      before: [],
    })
  })

  test('of a client: a 401, and a refresh that is refused', async () => {
    const world = await signedIn()
    const journal = recorded(world)
    world.server.revokeAll()
    await world.client.fetch(`${ORIGIN}/items`)
    await world.settle()
    const signedOut = journal.entries.find(({ event }) => event.type === 'signed-out')!
    expect(why(signedOut, journal.entries).sentence).toMatch(
      /^Signed out: the refresh endpoint returned 401 at [\d:]+( \(\w+\))?, asked because GET \S*\/items returned 401 with token \d+\.$/,
    )
  })
})

describe('the network and the page', () => {
  const told = (journal: Journal) =>
    journal.entries.flatMap(({ event }) =>
      event.type === 'network' || event.type === 'page' ? [`${event.type} ${event.state}`] : [],
    )

  test('are noted as they change', () => {
    const world = createWorld()
    const journal = recorded(world)
    world.wake('offline')
    world.wake('online')
    world.visible = false
    world.wake('visibilitychange')
    world.wake('freeze')
    world.wake('resume')
    world.visible = true
    world.wake('visibilitychange')
    world.wake('pagehide', true)
    world.wake('pageshow', true)
    world.wake('pageshow', false)
    world.wake('focus')
    world.wake('pagehide', false)
    expect(told(journal)).toEqual([
      ...['network offline', 'network online', 'page hidden', 'page frozen', 'page resumed', 'page visible'],
      ...['page kept', 'page back', 'page left'],
    ])
  })

  test('are noted at first where they are not as usual', () => {
    const world = createWorld()
    expect(told(recorded(world))).toEqual([])
    world.online = false
    world.visible = false
    expect(told(recorded(world))).toEqual(['network offline', 'page hidden'])
  })

  test('are noted until the journal is no longer written', () => {
    const world = createWorld()
    const journal = createJournal()
    recordEvents(world.client, journal)()
    world.wake('offline')
    expect(journal.entries).toEqual([])
  })

  test('are said by sentences of their own, also in a report', () => {
    const states = ['visible', 'hidden', 'frozen', 'resumed', 'left', 'kept', 'back'] as const
    const journal = journalOf(
      { type: 'network', state: 'online' },
      { type: 'network', state: 'offline' },
      ...states.map(state => ({ type: 'page', state }) as const),
    )
    const { journal: read, unread } = readReport(exportReport(journal, 'json'))
    expect(unread).toBe(0)
    const lines = exportReport(read, 'text').split('\n').slice(-9)
    expect(new Set(lines.map(line => line.slice(20))).size).toBe(9)
    expect(lines.join()).not.toContain('undefined')
    expect(why(journalOf({ type: 'page', state: 'melted' as 'left' }).entries[0]!, []).sentence).toBe(
      'Page: melted.',
    )
  })
})

const recorded = (world: World): Journal => {
  const journal = createJournal()
  recordEvents(world.client, journal, 'a')
  return journal
}

describe('a report', () => {
  const full = () =>
    journalOf(
      request({ status: 401 }),
      { type: 'refresh', operation: 'refresh', generation: 4 },
      { type: 'refresh-failed', error: refused() },
      ['b', { type: 'signed-out', reason: 'other-tab', generation: 5 }],
      { type: 'signed-out', reason: 'rejected', generation: 5 },
    )

  test('made in one browser says the same in another', () => {
    const journal = full()
    const report = readReport(
      exportReport(journal, 'json', { browser: 'Firefox 1', notes: ['cookieMode()'] }),
    )
    expect(report).toMatchObject({ browser: 'Firefox 1', notes: ['cookieMode()'], unread: 0 })
    expect(typesOf(report.journal.entries)).toEqual(typesOf(journal.entries))
    const tell = ({ entries }: Journal) => entries.map(entry => why(entry, entries).sentence)
    expect(tell(report.journal)).toEqual(tell(journal))
    expect(exportReport(report.journal, 'text')).toBe(exportReport(journal, 'text'))
  })

  test('as text names the tabs by number, and the reason of a sign-out', () => {
    const text = exportReport(full(), 'text')
    expect(text).toContain('tab 2: Signed out: by a logout in another tab')
    expect(text).toContain('tab 1: Signed out: the refresh endpoint returned 401 at')
  })

  test.each<[string, string]>([
    ['', 'It is no JSON.'],
    ['<!doctype html>', 'It is no JSON.'],
    ['null', 'It is JSON, but no report of silent-refresh.'],
    ['[]', 'It is JSON, but no report of silent-refresh.'],
    ['{"format":"silent-refresh report","version":1}', 'It is JSON, but no report of silent-refresh.'],
    ['{"format":"silent-refresh report","version":2,"entries":[]}', 'It was made by another version'],
    ['silent-refresh: what happened\n', 'It is the text form'],
  ])('%j is none, and the error says why', (text, reason) => {
    expect(() => readReport(text)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(reason) }),
    )
  })

  test('entries of no known shape are left out and counted', () => {
    const good = { at: 1, tab: 'tab 1', event: { type: 'revoked' } }
    const bad = [
      null,
      {},
      { at: 'x', tab: 'tab 1', event: { type: 'revoked' } },
      { at: 9e15, tab: 'tab 1', event: { type: 'revoked' } },
      { at: 1, tab: 'x'.repeat(100), event: { type: 'revoked' } },
      { at: 1, tab: 'tab 1', event: { type: '__proto__' } },
      { at: 1, tab: 'tab 1', event: { type: 'constructor' } },
      { at: 1, tab: 'tab 1', event: { type: 'timer', at: 'soon' } },
      { at: 1, tab: 'tab 1', event: { type: 'refresh-failed', error: 'x' } },
    ]
    const text = JSON.stringify({ format: 'silent-refresh report', version: 1, entries: [good, ...bad] })
    const { journal, unread } = readReport(text)
    expect(journal.entries).toEqual([good])
    expect(unread).toBe(bad.length)
  })

  test('contains no token, wherever one is put', () => {
    const journal = createJournal()
    const events: object[] = [
      request({ url: `https://user:${OPAQUE}@api.example.com/reset/${JWT}?access_token=${JWT}#${OPAQUE}` }),
      {
        type: 'refresh-failed',
        error: new AuthError('refresh_rejected', `no ${JWT}`, { status: 401, body: { token: OPAQUE } }),
      },
      { type: 'origin-not-allowed', origin: `https://api.example.com?${OPAQUE}` },
      { type: 'callback-threw', option: 'readTokens', name: OPAQUE },
      { type: 'revoked', accessToken: JWT },
      { type: 'signed-out', reason: 'rejected', generation: 1, refusal: OPAQUE, error: { body: JWT } },
    ]
    // Also where the entry did not come by `record`.
    for (const event of events) journal.add({ at: T, tab: 'a', event: event as JournalEvent })
    for (const format of ['json', 'text'] as const) {
      const text = exportReport(journal, format, { browser: OPAQUE, notes: [JWT] })
      for (const secret of [JWT, OPAQUE]) {
        for (let at = 0; at + 12 <= secret.length; at++) expect(text).not.toContain(secret.slice(at, at + 12))
      }
    }
    expect(JSON.parse(exportReport(journal, 'json')).entries).toHaveLength(events.length)
  })

  test('of a whole life contains no token of it', async () => {
    const tokens = new Set<string>()
    const world = createWorld({
      options: {
        async fetch(input, init) {
          const response = await world.environment.fetch(input, init)
          const body = await response
            .clone()
            .json()
            .catch(() => ({}))
          for (const token of [body.access_token, body.refresh_token, world.server.jar.cookie]) {
            if (token) tokens.add(token)
          }
          return response
        },
      },
    })
    const journal = recorded(world)
    await world.login()
    await world.client.fetch(`${ORIGIN}/items`)
    world.server.revokeAccess()
    await world.client.fetch(`${ORIGIN}/items`)
    world.server.revokeAll()
    await world.client.fetch(`${ORIGIN}/items`)
    await world.settle()
    expect(tokens.size).toBeGreaterThan(1)
    for (const text of [exportReport(journal, 'json'), exportReport(journal, 'text')]) {
      for (const token of tokens) expect(text).not.toContain(token.slice(0, 12))
    }
    expect(typesOf(journal.entries)).toEqual(expect.arrayContaining(['signed-in', 'replay', 'signed-out']))
  })
})

describe('what could be a secret', () => {
  test('is hidden in texts, and words, addresses and ids of users are not', () => {
    expect(scrub(`a ${JWT} b`)).toBe('a … b')
    expect(scrub(OPAQUE)).toBe('…')
    for (const fine of [
      'The refresh request was answered with 401.',
      '550e8400-e29b-41d4-a716-446655440000',
      'auth0|5f7c8ec7c33c6c004bbafe82',
    ]) {
      expect(scrub(fine)).toBe(fine)
    }
    expect(scrub('x'.repeat(1_000)).length).toBeLessThan(400)
  })

  test('is cut from URLs', () => {
    expect(scrubUrl(`https://ada:pass@api.example.com/items/7?code=${OPAQUE}#x`)).toBe(
      'https://api.example.com/items/7',
    )
    expect(scrubUrl(`/invite/${OPAQUE}/accept`)).toBe('/invite/…/accept')
  })

  test('is hidden in values of the app, by its name or by how it looks', () => {
    const circular: Record<string, unknown> = {
      name: 'Ada',
      apiKey: 'k',
      refresh_token: 'r',
      deep: [{ code: 'c', note: JWT }],
    }
    circular.self = circular
    const text = JSON.stringify(scrubValue(circular))
    expect(text).toContain('"name":"Ada"')
    expect(text).toContain('{"code":"…","note":"…"}')
    expect(text).not.toMatch(/"k"|"r"|eyJ/)
  })

  test('an event keeps its known fields alone', () => {
    expect(readEvent({ type: 'timer', at: null, token: JWT })).toEqual({ type: 'timer', at: null })
  })
})

describe('the tabs with mounted devtools', () => {
  const mounted = (world: World, tab: string) => {
    const journal = createJournal()
    const undo = [
      recordEvents(world.client, journal, tab),
      shareEntries(kernelOf(world.client)!, journal, tab),
    ]
    const unmount = () => {
      for (const end of undo) end()
    }
    return { journal, unmount }
  }
  const tabsOf = ({ entries }: Journal) => [...new Set(entries.map(({ tab }) => tab))].sort()

  test('tell each other what happened, also before the second was opened, and each entry once', async () => {
    const world = createWorld()
    const one = mounted(world, 'a')
    await world.login()
    const other = createWorld({ browser: world })
    const two = mounted(other, 'b')
    await other.client.ready()
    await world.settle()
    expect(tabsOf(one.journal)).toEqual(['a', 'b'])
    const told = (tab: string) => (entry: JournalEntry) => entry.tab === tab
    for (const tab of ['a', 'b']) {
      expect(two.journal.entries.filter(told(tab))).toEqual(one.journal.entries.filter(told(tab)))
    }
    two.unmount()
    const before = one.journal.entries.length
    other.client.dispose()
    expect(one.journal.entries).toHaveLength(before)
  })

  test('believe no message of another shape, of this tab’s name, or from the future', async () => {
    const world = createWorld()
    const { journal } = mounted(world, 'a')
    await world.settle()
    const before = journal.entries.length
    const channel = world.environment.channel(
      `silent-refresh-devtools:${kernelOf(world.client)!.settings.sessionKey}`,
    )
    const entry = (given: object) => ({
      at: world.clock.now(),
      tab: 'x',
      event: { type: 'revoked' },
      ...given,
    })
    const bad: unknown[] = [
      null,
      'hello',
      { v: 1, tab: 'x', entries: 'many' },
      { v: 2, tab: 'x', entries: [entry({})] },
      { v: 1, tab: 'a', entries: [entry({ tab: 'a' })] },
      {
        v: 1,
        tab: 'x',
        entries: [
          entry({ tab: 'y' }),
          entry({ at: world.clock.now() + 60_000 }),
          entry({ event: { type: 'x' } }),
        ],
      },
    ]
    for (const message of bad) channel.postMessage(message)
    await world.settle()
    expect(journal.entries).toHaveLength(before)
    channel.postMessage({
      v: 1,
      tab: 'x',
      entries: Array.from({ length: 1_000 }, (_, n) => entry({ at: n })),
    })
    await world.settle()
    expect(journal.entries).toHaveLength(before + 300)
  })

  test('close the channel when the page is left, and open it again when the page comes back', async () => {
    const world = createWorld()
    const { journal } = mounted(world, 'a')
    const other = createWorld({ browser: world })
    mounted(other, 'b')
    await world.settle()
    const ofOther = () => journal.entries.filter(({ tab }) => tab === 'b').length
    world.wake('pagehide')
    const before = ofOther()
    await other.client.ready()
    await world.settle()
    expect(ofOther()).toBe(before)
    world.wake('pageshow', true)
    await world.settle()
    expect(ofOther()).toBeGreaterThan(before)
  })
})

test('a page load that finds nobody signed in is no failure, and a session that cannot be renewed is one', () => {
  const failed = { type: 'refresh-failed', error: refused() } as const
  const isQuiet = (operation: 'restore' | 'refresh', error = failed.error) => {
    const journal = journalOf(
      ['b', { type: 'refresh', operation: 'restore', generation: 0 }],
      { type: 'refresh', operation, generation: 0 },
      ['b', { type: 'refresh', operation: 'refresh', generation: 0 }],
      { ...failed, error },
    )
    return saysNobody(newest(journal), journal.entries)
  }
  expect(isQuiet('restore')).toBe(true)
  expect(isQuiet('refresh')).toBe(false)
  expect(isQuiet('restore', new AuthError('refresh_unavailable', 'No answer.'))).toBe(false)
})

describe('the timeline of a journal', () => {
  const drawn = (journal: Journal) => {
    const history = createHistory('a')
    const entries = journal.entries.flatMap(toEntries)
    for (const entry of entries) history.add(entry)
    return history
  }

  test('has a lane for each tab, tokens, requests, what repeats them, and who was signed in', () => {
    const journal = journalOf(
      { type: 'signed-in', cause: 'login', generation: 4, expiresAt: T + 60_000 },
      request({ status: 401 }),
      { type: 'refresh', operation: 'refresh', generation: 4 },
      request({ url: 'https://api.example.com/refresh_token', refreshes: true }),
      { type: 'refreshed', cause: 'refresh', generation: 5, expiresAt: T + 90_000 },
      ['b', { type: 'refreshed', cause: 'other-tab', generation: 5, expiresAt: T + 90_000 }],
      { type: 'replay', method: 'GET', url: 'https://api.example.com/items', from: 4, to: 5 },
      request(),
      { type: 'refresh-failed', error: refused() },
      { type: 'signed-out', reason: 'rejected', generation: 6 },
    )
    const history = drawn(journal)
    expect(history.lanes.map(({ id }) => id)).toEqual(['a', 'b'])
    const [mine, other] = history.lanes
    expect(mine!.lives.map(({ generation }) => generation)).toEqual([4, 5])
    expect(history.originOf(other!.lives[0]!)).toBe(mine!.lives[1])
    const requests = mine!.marks.filter((mark): mark is Request => mark.kind === 'request')
    expect(requests.map(({ path, status, refreshes }) => [path, status, refreshes])).toEqual([
      ['/items', 401, false],
      ['/refresh_token', 200, true],
      ['/items', 200, false],
    ])
    expect(requests[2]!.replayOf).toBe(requests[0])
    expect(mine!.marks.slice(-2).map(({ kind }) => kind)).toEqual(['note', 'signed-out'])
  })

  test('shows how long this tab waited for another, was hidden and had no network', () => {
    const history = drawn(
      journalOf(
        { type: 'lock', state: 'waiting' },
        { type: 'timer', at: null },
        { type: 'refresh', operation: 'refresh', generation: 4 },
        { type: 'network', state: 'offline' },
        { type: 'page', state: 'hidden' },
        { type: 'network', state: 'online' },
        { type: 'lock', state: 'waiting' },
        { type: 'lock', state: 'stuck' },
        { type: 'lock', state: 'former-page' },
        { type: 'page', state: 'kept' },
        { type: 'page', state: 'visible' },
      ),
    )
    const [lane] = history.lanes
    expect(lane!.spells.map(({ what, at, until }) => [what, ((until ?? 0) - at) / 1_000])).toEqual([
      ['wait', 2],
      ['offline', 2],
      ['hidden', 5],
      ['wait', 1],
      ['wait', 1],
    ])
    const notes = lane!.marks.flatMap(mark => (mark.kind === 'note' ? [[mark.about, mark.tone]] : []))
    expect(notes).toEqual([
      ['wait', 'warn'],
      ['page', 'plain'],
    ])
  })

  test('a token of unknown expiry has no bar, and an event of no interest no mark', () => {
    const history = drawn(
      journalOf(
        { type: 'refreshed', cause: 'refresh', generation: 5, expiresAt: null },
        { type: 'timer', at: null },
        { type: 'refresh', operation: 'refresh', generation: 4 },
      ),
    )
    expect(history.lanes[0]!.marks).toEqual([])
  })
})

import { shortGeneration } from '../logging.ts'
import { requestName } from './events.ts'
import { capitalized, clock, inWords, type JournalEntry } from './journal.ts'

/** Why something happened. */
export interface Explanation {
  /** One sentence, with the cause where it is known. */
  readonly sentence: string
  /** What happened before, oldest first. */
  readonly before: readonly JournalEntry[]
}

type Type = JournalEntry['event']['type']
type Of<Name extends Type> = JournalEntry & {
  readonly event: Extract<JournalEntry['event'], { readonly type: Name }>
}

/** How long after a sign-out a request that waited for the refresh is handed back. */
const SOON = 5_000
/** A timer may ring so much late. */
const LATE = 2_000
/** How many entries are shown where nothing says which of them was the cause. */
const FEW = 3

const is = <Name extends Type>(entry: JournalEntry, ...types: Name[]): entry is Of<Name> =>
  types.some(type => type === entry.event.type)

/** A new token, or the end of a session: what was before has nothing to do with a later refresh. */
const isTurningPoint = (entry: JournalEntry): boolean => is(entry, 'refreshed', 'signed-in', 'signed-out')

/**
 * What happened, and what came before it: a sign-out names the refused refresh, its status, and the request whose 401 asked
 * for that refresh.
 *
 * @param entries those of the journal that has this entry
 */
export function why(entry: JournalEntry, entries: readonly JournalEntry[]): Explanation {
  const mine = entries.filter(({ tab }) => tab === entry.tab)
  const index = mine.indexOf(entry)
  const past = mine.slice(0, Math.max(0, index))
  // With the entry itself: it may be the end of what it is about.
  const future = mine.slice(Math.max(0, index))
  if (is(entry, 'signed-out')) return ofSignOut(entry, past, future)
  if (is(entry, 'refresh')) {
    const { words, before } = causeOf(entry, past, future)
    return { sentence: sentenceOf(entry, words), before }
  }
  if (is(entry, 'refreshed', 'signed-in') && !['refresh', 'restore'].includes(entry.event.cause)) {
    return ofElsewhere(entry, past)
  }
  if (is(entry, 'refreshed', 'signed-in', 'refresh-failed', 'postponed', 'replay', 'not-replayed')) {
    const { words, before } = ofRefresh(past, future)
    // A failure comes before what follows from it.
    const failure = is(entry, 'postponed', 'not-replayed') && last(past, 'refresh-failed')
    const renewed = is(entry, 'replay') && last(past, 'refreshed')
    const offline = is(entry, 'refresh-failed', 'postponed') && offlineSince(past)
    const all = [...before, ...[failure, renewed, offline].filter(one => one !== undefined && one !== false)]
    const gone = offline ? `the browser has been offline since ${clock(offline.at)}` : ''
    if (all.length > 0) return { sentence: sentenceOf(entry, words, gone), before: inOrder(all) }
  }
  return { sentence: sentenceOf(entry), before: past.slice(-FEW) }
}

const sentenceOf = (entry: JournalEntry, ...causes: string[]): string =>
  `${[capitalized(inWords(entry)), ...causes].filter(words => words !== '').join('; ')}.`

const inOrder = (entries: readonly JournalEntry[]): JournalEntry[] =>
  [...new Set(entries)].sort((a, b) => a.at - b.at)

function last<Name extends Type>(past: readonly JournalEntry[], type: Name): Of<Name> | undefined {
  for (const entry of past.toReversed()) {
    if (is(entry, type)) return entry
    if (isTurningPoint(entry)) return undefined
  }
  return undefined
}

/** The consequences of a refresh, up to a new token or a sign-out. After the next refresh everything has another cause. */
function upToSecondTurn(future: readonly JournalEntry[]): readonly JournalEntry[] {
  const first = future.findIndex(isTurningPoint)
  const second = future.findIndex((entry, index) => index > first && isTurningPoint(entry))
  return first < 0 || second < 0 ? future : future.slice(0, second)
}

/** When this turn began to wait: for that of another tab, or for the page before this one. */
function waitOf(past: readonly JournalEntry[]): Of<'lock'> | undefined {
  for (const entry of past.toReversed()) {
    if (is(entry, 'lock') && entry.event.state !== 'stuck') return entry
    if (is(entry, 'refresh') || isTurningPoint(entry)) return undefined
  }
  return undefined
}

/** The client then checks again whether a refresh is due. */
const wakes = (entry: JournalEntry): boolean =>
  (is(entry, 'network') && entry.event.state === 'online') ||
  (is(entry, 'page') && ['visible', 'resumed', 'back'].includes(entry.event.state))

interface Cause {
  readonly words: string
  readonly before: readonly JournalEntry[]
}

/** Of the refresh that was under way last: why it was asked for. */
function ofRefresh(past: readonly JournalEntry[], future: readonly JournalEntry[]): Cause {
  const index = past.findLastIndex(entry => is(entry, 'refresh'))
  const refresh = past[index]
  if (!refresh || !is(refresh, 'refresh')) return { words: '', before: [] }
  const later = [...past.slice(index + 1), ...future]
  const cause = causeOf(refresh, past.slice(0, index), later)
  return { words: cause.words, before: [...cause.before, refresh] }
}

/** A token of another tab, or of a login: no refresh of this tab has brought it. */
function ofElsewhere(entry: Of<'refreshed' | 'signed-in'>, past: readonly JournalEntry[]): Explanation {
  const wait = entry.event.cause === 'other-tab' ? waitOf(past) : undefined
  if (!wait) return { sentence: sentenceOf(entry), before: past.slice(-FEW) }
  return { sentence: sentenceOf(entry, `this tab had waited for it since ${clock(wait.at)}`), before: [wait] }
}

/** The last word about the network, if that is a bad one. */
function offlineSince(past: readonly JournalEntry[]): JournalEntry | undefined {
  const entry = past.findLast(entry => is(entry, 'network'))
  return entry && is(entry, 'network') && entry.event.state === 'offline' ? entry : undefined
}

function causeOf(
  refresh: Of<'refresh'>,
  past: readonly JournalEntry[],
  future: readonly JournalEntry[],
): Cause {
  const wait = waitOf(past)
  const { words, before } = occasionOf(refresh, wait?.at ?? refresh.at, past, future)
  if (!wait) return { words, before }
  const long = `${Math.round((refresh.at - wait.at) / 100) / 10} s`
  const whom = wait.event.state === 'former-page' ? 'the page before' : 'another tab'
  return { words: `${words}, and begun after ${long} of waiting for ${whom}`, before: [...before, wait] }
}

/** `from`: when the refresh was wanted. */
function occasionOf(
  refresh: Of<'refresh'>,
  from: number,
  past: readonly JournalEntry[],
  future: readonly JournalEntry[],
): Cause {
  const since = past.slice(past.findLastIndex(isTurningPoint) + 1)
  const refused = since.findLast(
    entry => is(entry, 'request') && entry.event.status === 401 && !entry.event.refreshes,
  )
  if (refused && is(refused, 'request')) {
    const { generation } = refused.event
    const token = generation === null ? '' : ` with token ${shortGeneration(generation)}`
    return asked(`${requestName(refused.event)} returned 401${token}`, refused)
  }
  // Without `devtoolsFetch`, what became of a request says that it had got a 401.
  const { generation } = refresh.event
  const soon = upToSecondTurn(future).filter(({ at }) => at <= refresh.at + 2 * SOON)
  const replayed = soon.find(entry => is(entry, 'replay') && entry.event.from === generation)
  const handedBack = soon.find(
    entry => is(entry, 'not-replayed') && ['signed-out', 'one-shot-body'].includes(entry.event.why),
  )
  const named = replayed ?? handedBack
  if (named && is(named, 'replay', 'not-replayed')) {
    const token = ` with token ${shortGeneration(generation)}`
    return asked(`${requestName(named.event)} returned 401${token}`)
  }
  const waiting = since.findLast(entry => is(entry, 'held-back'))
  if (waiting) return asked(`${requestName(waiting.event)} waits`, waiting)
  const timer = last(past, 'timer')
  if (timer) {
    const { at } = timer.event
    if (at !== null && Math.abs(from - at) <= LATE) return asked('the timer rang', timer)
    if (at === null || at < from) {
      const woken = since.findLast(entry => wakes(entry) && from - entry.at <= LATE)
      if (woken) return asked(`${inWords(woken)}, and a refresh was due`, timer, woken)
      const page = past.findLast(entry => is(entry, 'page'))
      if (at !== null && page?.event.state === 'hidden') {
        return asked('the timer rang late, as it does in a hidden page', page, timer)
      }
    }
  }
  if (refresh.event.operation === 'restore') return asked('the page was loaded')
  return asked('the app called "refresh()", or a token was about to expire')
}

const asked = (words: string, ...before: JournalEntry[]): Cause => ({
  words: `asked because ${words}`,
  before,
})

function ofSignOut(
  entry: Of<'signed-out'>,
  past: readonly JournalEntry[],
  future: readonly JournalEntry[],
): Explanation {
  const failure = last(past, 'refresh-failed')
  if (!failure || !['rejected', 'initial'].includes(entry.event.reason)) {
    return { sentence: sentenceOf(entry), before: past.slice(-FEW) }
  }
  const { words, before } = ofRefresh(past, future)
  const { error } = failure.event
  const { refusal } = entry.event
  const answer =
    error.status === undefined
      ? `the refresh failed at ${clock(failure.at)}: ${error.message}`
      : `the refresh endpoint returned ${error.status} at ${clock(failure.at)}`
  const code = refusal === undefined ? '' : ` (${refusal})`
  const what = entry.event.reason === 'rejected' ? 'Signed out' : 'Nobody is signed in'
  return {
    sentence: `${what}: ${answer}${code}${words && `, ${words}`}.`,
    before: inOrder([...before, failure]),
  }
}

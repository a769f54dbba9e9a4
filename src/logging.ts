import { DAY } from './clock.ts'
import type { AuthError } from './errors.ts'
import type { LogEvent } from './types.ts'

/** What the `logger` option takes. */
export type Logger = (event: LogEvent) => void

type Sentences = { [Type in LogEvent['type']]: (event: Extract<LogEvent, { type: Type }>) => string }
type Reasons<Name extends keyof Event, Event> = Record<Event[Name] & string, string>
type EventOf<Type extends LogEvent['type']> = Extract<LogEvent, { type: Type }>

const BEGUN: Reasons<'operation', EventOf<'refresh'>> = {
  refresh: 'refreshing token generation',
  restore: 'asking the server whether somebody is signed in: generation',
  follow: 'asking the tab that has the refresh token to refresh generation',
}
const HELD_BACK: Reasons<'why', EventOf<'held-back'>> = {
  restore: 'the session is restored',
  refresh: 'the token is refreshed',
}
const NO_TOKEN: Reasons<'why', EventOf<'sent-without-token'>> = {
  anonymous: 'nobody is signed in',
  'own-header': 'it has an Authorization header of its own, and is left alone',
}
const NOT_REPLAYED: Reasons<'why', EventOf<'not-replayed'>> = {
  'one-shot-body': 'its body is a stream, which can be sent only once; the token is fresh now: send it again',
  'user-changed': 'another user has signed in since it was sent',
  'signed-out': 'the session has ended since it was sent',
  limited: 'so many refreshes lately did not help: the API refuses tokens as soon as they are issued',
  'refused-again':
    'the API refuses the fresh token too: look at its audience, its issuer and the API’s clock',
  challenge: 'it takes more than this user’s token may do: see the "challenge" event',
}
const SIGNED_IN: Reasons<'cause', EventOf<'signed-in'>> = {
  login: 'signed in',
  restore: 'restored the session',
  tokens: 'took up the tokens given to "setTokens"',
  'other-tab': 'took up the session of another tab',
}
const SIGNED_OUT: Reasons<'reason', EventOf<'signed-out'>> = {
  initial: 'nobody is signed in: there was no session to restore',
  logout: 'signed out: by a logout in this browser',
  'other-tab': 'signed out: by a logout in another tab',
  rejected: 'signed out: the server refused to refresh, and the access token is dead',
  idle: 'signed out: nobody did anything for as long as "idleTimeout"',
}
const BARRED: Reasons<'why', EventOf<'barred'>> = {
  marker:
    'nothing is restored or refreshed: somebody signed out, and that stands until the server has confirmed it, a login, or "refresh()"',
  idle: 'nothing is restored: the user was away for longer than "idleTimeout"',
}
const MISSING: Reasons<'missing', EventOf<'tabs-degraded'>> = {
  locks: 'Web Locks cannot be used (an insecure context, or a sandbox): two tabs may refresh at once',
  'lock-query':
    'the browser does not say which locks are held (a frame of another site): the other tabs are asked before each refresh',
  channel: 'BroadcastChannel cannot be used: no login, logout or token is told from tab to tab',
}

const SENTENCES: Sentences = {
  refresh: ({ operation, generation }) => `${BEGUN[operation]} ${short(generation)}`,
  refreshed: ({ cause, generation, expiresAt }) =>
    `${cause === 'refresh' ? 'refreshed' : 'took up what another tab refreshed'}: token generation ${short(generation)}, ${life(expiresAt)}`,
  'refresh-failed': ({ error }) => `refresh failed: ${inWords(error)}`,
  postponed: ({ error, retryAt, told }) =>
    `${retryAt === null ? 'no refresh is tried again by itself' : `no refresh before ${time(retryAt)}`}${told ? ', as another tab has told' : ''}: ${inWords(error)}`,
  'result-dropped': ({ operation, asked, generation }) =>
    `dropped the result of a ${operation} that generation ${short(asked)} had asked for: by now it is generation ${short(generation)}`,
  timer: ({ at }) => (at === null ? 'offline: the timer waits for the network' : `timer set for ${time(at)}`),
  'held-back': event => `held back ${request(event)} until ${HELD_BACK[event.why]}`,
  'sent-without-token': event => `sent ${request(event)} without a token: ${NO_TOKEN[event.why]}`,
  'origin-not-allowed': ({ origin }) =>
    `${origin} is none of "allowedOrigins": no token goes there, and a 401 from there starts nothing`,
  replay: event => `replayed ${request(event)}: token generation ${short(event.from)} → ${short(event.to)}`,
  'not-replayed': event => `did not replay ${request(event)}: ${NOT_REPLAYED[event.why]}`,
  'signed-in': ({ cause, generation, expiresAt }) =>
    `${SIGNED_IN[cause]}: token generation ${short(generation)}, ${life(expiresAt)}`,
  'signed-out': ({ reason }) => SIGNED_OUT[reason],
  barred: ({ why }) => BARRED[why],
  revoked: () => 'the server confirmed the logout',
  'revocation-failed': ({ error }) =>
    `the server did not confirm the logout, and is told again on the next load or when the network is back: ${inWords(error)}`,
  'user-failed': ({ error }) =>
    `who the user is could not be asked; the session goes on, and the next refresh asks again: ${inWords(error)}`,
  'callback-threw': ({ option, name }) => `the option "${option}" threw: ${name}`,
  'storage-read': ({ outcome }) =>
    outcome === 'resumed'
      ? 'took up the refresh token that rests in the storage'
      : 'dropped a copy of the refresh token: another tab has it, or a newer one',
  'storage-unavailable': () =>
    'a storage cannot be used: what should rest in it is kept in memory, and gone with the page',
  lock: ({ state }) =>
    state === 'waiting'
      ? 'waiting for another tab, which is refreshing, logging in or logging out'
      : 'waiting no longer for another tab that does not let go: it must be frozen',
  'tabs-asked': ({ answered }) =>
    answered ? 'another tab handed its session over' : 'no other tab handed its session over in time',
  suspended: () =>
    'back from the back/forward cache: the token counts again when the other tabs or the server say so',
  'tabs-degraded': ({ missing }) => MISSING[missing],
}

/** What happened and why, as a sentence. No token and no part of one is in it. */
export function describeEvent(event: LogEvent): string {
  // The client may be another version's, from a second copy of the package.
  return SENTENCES[event.type]?.(event as never) ?? event.type
}

const WARNINGS = [
  'refresh-failed',
  'not-replayed',
  'revocation-failed',
  'user-failed',
  'callback-threw',
  'storage-unavailable',
  'tabs-degraded',
]
const MILESTONES = ['postponed', 'signed-in', 'signed-out', 'barred', 'suspended']

/**
 * A `logger` that prints every event as a sentence: trouble by `warn`, who is signed in by `info`, the rest by `debug`,
 * which browsers hide until 'Verbose' is chosen. The event itself comes second, to be unfolded.
 *
 * @example
 * createAuthClient({ logger: consoleLogger() })
 */
export function consoleLogger(to: Pick<Console, 'debug' | 'info' | 'warn'> = console): Logger {
  return event => {
    const isTrouble = WARNINGS.includes(event.type) || (event.type === 'lock' && event.state === 'stuck')
    const level = isTrouble ? 'warn' : MILESTONES.includes(event.type) ? 'info' : 'debug'
    to[level](`silent-refresh: ${describeEvent(event)}`, event)
  }
}

/**
 * A `logger` for the browser's performance panel, one for each client: every refresh is a measure, from its beginning to
 * what came of it, and every other event a mark. They stay until `performance.clearMeasures()` and `clearMarks()`.
 *
 * @example
 * createAuthClient({ logger: performanceLogger() })
 */
export function performanceLogger(): Logger {
  let begun: { operation: EventOf<'refresh'>['operation']; start: number } | null = null

  return event => {
    if (event.type === 'refresh') {
      begun = { operation: event.operation, start: performance.now() }
      return
    }
    const tooltipText = describeEvent(event)
    if (begun && ends(event, begun.operation === 'follow')) {
      const color = event.type === 'refreshed' || event.type === 'signed-in' ? 'primary' : 'error'
      const devtools = { dataType: 'track-entry', track: 'silent-refresh', color, tooltipText }
      performance.measure(`silent-refresh: ${begun.operation}`, { start: begun.start, detail: { devtools } })
      begun = null
    } else {
      performance.mark(`silent-refresh: ${event.type}`, {
        detail: { devtools: { dataType: 'marker', tooltipText } },
      })
    }
  }
}

/** Is this what came of the refresh under way? `elsewhere`: another tab does it. */
function ends(event: LogEvent, elsewhere: boolean): boolean {
  switch (event.type) {
    case 'refresh-failed':
    case 'result-dropped':
      return true
    case 'postponed':
      return elsewhere
    case 'refreshed':
      return (event.cause === 'other-tab') === elsewhere
    case 'signed-in':
      return event.cause === (elsewhere ? 'other-tab' : 'restore')
    default:
      return false
  }
}

/** One `logger` of several. One that throws keeps the event from none of the others. */
export function combineLoggers(...loggers: readonly Logger[]): Logger {
  const [first, ...rest] = loggers
  if (!first) return () => {}
  const others = combineLoggers(...rest)
  return event => {
    try {
      first(event)
    } finally {
      others(event)
    }
  }
}

/** A login's is the time of day: its end is enough to tell one from the next. */
const short = (generation: number): number => generation % 1_000_000

function time(at: number): string {
  const date = new Date(at)
  const isNear = Math.abs(at - Date.now()) < DAY / 2
  return isNear ? date.toTimeString().slice(0, 8) : date.toString().slice(4, 24)
}

const life = (expiresAt: number | null): string =>
  expiresAt === null ? 'which ends when the API says so by a 401' : `good until ${time(expiresAt)}`

const inWords = ({ code, status, message }: AuthError): string =>
  `${message} (${code}${status === undefined ? '' : `, status ${status}`})`

/** On the page's own origin the path says it all. */
function request({ method, url }: { method: string; url: string }): string {
  const origin = globalThis.location?.origin
  return `${method} ${origin && url.startsWith(`${origin}/`) ? url.slice(origin.length) : url}`
}

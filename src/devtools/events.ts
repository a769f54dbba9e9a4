import { describeEvent, shortGeneration } from '../logging.ts'
import type { LogEvent } from '../types.ts'
import { scrub, scrubUrl } from './scrub.ts'

/** A request that `devtoolsFetch` has sent: an auth call of the client, or a request of the app. */
export interface WireEvent {
  readonly type: 'request'
  readonly method: string
  /** Without its query. */
  readonly url: string
  /** 0: no answer came. */
  readonly status: number
  /** Milliseconds from when it was sent. */
  readonly ms: number
  /** Of the token that it was sent with; `null`: it had none. */
  readonly generation: number | null
  /** It asked for a new token. */
  readonly refreshes: boolean
  /** The devtools made this answer: the server has not seen the request. */
  readonly made: boolean
}

/** The browser has lost the network, or has it again, as far as it knows. */
export interface NetworkEvent {
  readonly type: 'network'
  readonly state: 'online' | 'offline'
}

/**
 * What became of the page in this tab. `kept`: it was left, and waits in the back/forward cache. `back`: it came back from
 * there. `frozen` and `resumed`: only Chromium reports them.
 */
export interface PageEvent {
  readonly type: 'page'
  readonly state: 'visible' | 'hidden' | 'frozen' | 'resumed' | 'left' | 'kept' | 'back'
}

/**
 * What a journal contains: the client's log events, requests, and what became of the page and its network. `refusal`: the error code of OAuth in the answer that ended
 * the session, such as `invalid_grant`.
 */
export type JournalEvent = (LogEvent & { readonly refusal?: string }) | WireEvent | NetworkEvent | PageEvent

type Kind = 'text' | 'url' | 'number' | 'flag' | 'maybe' | 'error' | 'optional'
type Types = JournalEvent['type']

const REQUEST = { method: 'text', url: 'url', why: 'text' } as const

/** The panel keeps nothing else of an event. */
const FIELDS: Readonly<Record<Types, Readonly<Record<string, Kind>>>> = {
  refresh: { operation: 'text', generation: 'number' },
  refreshed: { cause: 'text', generation: 'number', expiresAt: 'maybe' },
  'refresh-failed': { error: 'error' },
  postponed: { error: 'error', retryAt: 'maybe', told: 'flag' },
  'result-dropped': { operation: 'text', asked: 'number', generation: 'number' },
  timer: { at: 'maybe' },
  'held-back': REQUEST,
  'sent-without-token': REQUEST,
  'origin-not-allowed': { origin: 'url' },
  replay: { method: 'text', url: 'url', from: 'number', to: 'number' },
  'not-replayed': REQUEST,
  'signed-in': { cause: 'text', generation: 'number', expiresAt: 'maybe' },
  'signed-out': { reason: 'text', generation: 'number', refusal: 'optional' },
  barred: { why: 'text' },
  revoked: {},
  'revocation-failed': { error: 'error' },
  'user-failed': { error: 'error' },
  'callback-threw': { option: 'text', name: 'text' },
  'storage-read': { outcome: 'text' },
  'storage-unavailable': {},
  lock: { state: 'text' },
  'tabs-asked': { answered: 'flag' },
  suspended: {},
  'tabs-degraded': { missing: 'text' },
  left: { for: 'text' },
  returned: { outcome: 'text' },
  proof: { method: 'text', url: 'url', outcome: 'text' },
  silent: { outcome: 'text' },
  network: { state: 'text' },
  page: { state: 'text' },
  request: {
    method: 'text',
    url: 'url',
    status: 'number',
    ms: 'number',
    generation: 'maybe',
    refreshes: 'flag',
    made: 'flag',
  },
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => Number.isFinite(value)
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** The code is one of ours, and the message too; the body of an answer is left out. */
function readError(value: unknown): object | undefined {
  if (!isObject(value) || !isText(value.code) || !isText(value.message)) return undefined
  const { code, message, retryable, status, retryAt } = value
  return {
    code: scrub(code),
    message: scrub(message),
    retryable: retryable === true,
    ...(isNumber(status) && { status }),
    ...(isNumber(retryAt) && { retryAt }),
  }
}

const READ: Readonly<Record<Kind, (value: unknown) => unknown>> = {
  text: value => (isText(value) ? scrub(value) : undefined),
  url: value => (isText(value) ? scrubUrl(value) : undefined),
  number: value => (isNumber(value) ? value : undefined),
  maybe: value => (isNumber(value) || value === null ? value : undefined),
  flag: value => (typeof value === 'boolean' ? value : undefined),
  error: readError,
  optional: value => (isText(value) ? scrub(value) : undefined),
}

/** Was it made by `readEvent`? Then each field that its type has was checked. */
const isWhole = (event: object, fields: Readonly<Record<string, Kind>>): event is JournalEvent =>
  Object.entries(fields).every(([name, kind]) => kind === 'optional' || Object.hasOwn(event, name))

/**
 * A copy with the known fields alone, checked and without secrets. `null`: it is no event, or that of another version. For
 * what the client reports, and for what another tab or a file says.
 */
export function readEvent(value: unknown): JournalEvent | null {
  if (!isObject(value) || !isText(value.type) || !Object.hasOwn(FIELDS, value.type)) return null
  const fields = FIELDS[value.type as Types]
  const copy: Record<string, unknown> = { type: value.type }
  for (const [name, kind] of Object.entries(fields)) {
    const member = READ[kind](value[name])
    if (member !== undefined) copy[name] = member
  }
  return isWhole(copy, fields) ? copy : null
}

/** `GET https://api.example.com/items`; on the page's own origin the path alone. */
export function requestName({ method, url }: { method: string; url: string }): string {
  const origin = globalThis.location?.origin
  return `${method} ${origin && url.startsWith(`${origin}/`) ? url.slice(origin.length) : url}`
}

const NETWORK: Readonly<Record<NetworkEvent['state'], string>> = {
  online: 'the browser is online again',
  offline: 'the browser is offline',
}
const PAGE: Readonly<Record<PageEvent['state'], string>> = {
  visible: 'the page came into sight',
  hidden: 'the page is hidden',
  frozen: 'the browser has frozen the page: no code runs in it',
  resumed: 'the page runs again',
  left: 'the page was left',
  kept: 'the page was left, and the browser keeps it for the back button',
  back: 'the page is back, by the back or forward button',
}

/** An event in a sentence. `describeEvent` has those of the client. */
export function describeJournalEvent(event: JournalEvent): string {
  switch (event.type) {
    case 'request':
      return describeRequest(event)
    // A file of another version can contain another state.
    case 'network':
      return NETWORK[event.state] ?? `network: ${event.state}`
    case 'page':
      return PAGE[event.state] ?? `page: ${event.state}`
    default:
      return describeEvent(event)
  }
}

function describeRequest(event: WireEvent): string {
  const { status, ms, generation, made } = event
  const token = generation === null ? '' : ` with token ${shortGeneration(generation)}`
  const answer = status === 0 ? 'got no answer' : `was answered with ${status}`
  return `${requestName(event)}${token} ${answer} ${made ? 'by the devtools' : `after ${Math.round(ms)} ms`}`
}

import { invalid } from '../kernel/errors.ts'
import { isResponse, json } from './wire.ts'

/** What goes wrong with one call. */
export type Fault =
  /** It never arrives: `fetch` rejects, and the server has done nothing. */
  | 'network'
  /** The server does its work, and the answer is lost on its way: a rotation that the client never hears of. */
  | 'drop'
  /** No answer comes, until the client gives up. */
  | 'hang'
  /** 200 with a page of HTML, as from a captive portal. */
  | 'malformed'
  /** An answer instead of the server's own; `retryAfter` in seconds, or a date. */
  | {
      status: number
      /** Text as it is, anything else as JSON. @default none */
      body?: unknown
      headers?: Record<string, string> | undefined
      retryAfter?: number | Date | undefined
    }
  /** The server's own answer, after so many milliseconds. */
  | { delay: number }

export interface Faults {
  add(route: string, fault: Fault, times: number): void
  /** Returns the function that lets it go. */
  hold(route: string): () => void
  mend(route?: string): void
  /** Does the work, or what a fault of one of these routes makes of it. */
  apply(isRoute: (route: string) => boolean, work: () => unknown, signal: AbortSignal): Promise<unknown>
}

type Spoil = (work: () => unknown, signal: AbortSignal) => unknown

interface Entry {
  readonly route: string
  readonly spoil: Spoil
  times: number
}

export function createFaults(): Faults {
  let entries: Entry[] = []

  return {
    add(route, fault, times) {
      if (!(times === Number.POSITIVE_INFINITY || (Number.isInteger(times) && times > 0))) {
        throw invalid('times', 'a positive whole number, or Infinity')
      }
      entries.push({ route, spoil: spoilerOf(fault), times })
    },
    hold(route) {
      let release = () => {}
      const released = new Promise<void>(resolve => {
        release = resolve
      })
      entries.push({ route, spoil: work => released.then(work), times: 1 })
      return release
    },
    mend(route) {
      entries = entries.filter(entry => route !== undefined && entry.route !== route)
    },
    async apply(isRoute, work, signal) {
      const entry = entries.find(({ route }) => isRoute(route))
      if (!entry) return work()
      if (--entry.times === 0) entries = entries.filter(other => other !== entry)
      return entry.spoil(work, signal)
    },
  }
}

function spoilerOf(fault: Fault): Spoil {
  if (fault === 'network') return () => Response.error()
  if (fault === 'drop') {
    return async work => {
      await work()
      return Response.error()
    }
  }
  if (fault === 'hang') return (_, signal) => aborted(signal)
  if (fault === 'malformed') {
    return () =>
      new Response('<!doctype html><title>Sign in</title>', { headers: { 'Content-Type': 'text/html' } })
  }
  if (typeof fault === 'object' && fault !== null && 'delay' in fault) {
    const { delay } = fault
    if (!(delay >= 0 && delay < 2 ** 31)) throw invalid('delay', 'a number of milliseconds')
    return async work => {
      await new Promise(resolve => setTimeout(resolve, delay))
      return work()
    }
  }
  if (typeof fault === 'object' && fault !== null && 'status' in fault) {
    const { status, body, headers = {}, retryAfter } = fault
    if (!(Number.isInteger(status) && status >= 200 && status < 600))
      throw invalid('status', 'an HTTP status')
    if ([204, 205, 304].includes(status) && body !== undefined)
      throw invalid('body', 'left out where the status has none')
    const after = retryAfter instanceof Date ? retryAfter.toUTCString() : retryAfter
    const all = { ...(after !== undefined && { 'Retry-After': `${after}` }), ...headers }
    return () => {
      if (body === undefined || typeof body === 'string') {
        return new Response(body ?? null, { status, headers: all })
      }
      return isResponse(body) ? body.clone() : json(body, status, all)
    }
  }
  throw invalid('fault', '"network", "drop", "hang", "malformed", { status } or { delay }')
}

/** Settles when the client has given up; the answer then reaches nobody. */
function aborted(signal: AbortSignal): Promise<Response> {
  return new Promise(resolve => {
    const settle = () => resolve(Response.error())
    if (signal.aborted) settle()
    else signal.addEventListener('abort', settle, { once: true })
  })
}

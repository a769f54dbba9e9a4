import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { ServerEnv } from './http.ts'

const LIMIT = 200
const PATH_LIMIT = 200

export interface LogEntry {
  /** Epoch milliseconds of the arrival. */
  at: number
  method: string
  /** Without the query. */
  path: string
  /** null: not answered yet. 0: the connection ended without an answer. */
  status: number | null
  /** What the server made of it: 'rotated', 'grace', 'reuse detected', … */
  note: string
}

/** One request, told when it arrives and again when it has been answered. */
export interface Arrival extends LogEntry {
  /** Not the same after a restart. */
  id: string
  answeredAt: number | null
}

export interface RequestLog {
  entries(): LogEntry[]
  arrivals(): Arrival[]
  clear(): void
  record: MiddlewareHandler<ServerEnv>
}

export const createRequestLog = (
  now: () => number,
  tell: (name: 'request', arrival: Arrival) => void = () => {},
): RequestLog => {
  const run = randomUUID()
  let count = 0
  let arrivals: Arrival[] = []

  return {
    entries: () => arrivals.map(({ id, answeredAt, ...entry }) => entry),
    arrivals: () => arrivals.map(arrival => ({ ...arrival })),
    clear: () => {
      arrivals = []
    },
    record: async (c, next) => {
      const path = c.req.path.slice(0, PATH_LIMIT)
      const id = `${run}-${++count}`
      const { method } = c.req
      const arrival: Arrival = { id, at: now(), answeredAt: null, method, path, status: null, note: '' }
      arrivals = [...arrivals, arrival].slice(-LIMIT)
      tell('request', arrival)
      c.set('note', note => {
        arrival.note = arrival.note ? `${arrival.note}, ${note}` : note
      })
      await next()
      arrival.status = c.get('unanswered') ? 0 : c.res.status
      arrival.answeredAt = now()
      tell('request', arrival)
    },
  }
}

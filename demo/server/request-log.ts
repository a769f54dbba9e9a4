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

export interface RequestLog {
  entries(): LogEntry[]
  clear(): void
  record: MiddlewareHandler<ServerEnv>
}

export const createRequestLog = (now: () => number): RequestLog => {
  let entries: LogEntry[] = []

  return {
    entries: () => entries.map(entry => ({ ...entry })),
    clear: () => {
      entries = []
    },
    record: async (c, next) => {
      const path = c.req.path.slice(0, PATH_LIMIT)
      const entry: LogEntry = { at: now(), method: c.req.method, path, status: null, note: '' }
      entries = [...entries, entry].slice(-LIMIT)
      c.set('note', note => {
        entry.note = entry.note ? `${entry.note}, ${note}` : note
      })
      await next()
      entry.status = c.get('unanswered') ? 0 : c.res.status
    },
  }
}

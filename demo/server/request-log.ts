import type { MiddlewareHandler } from 'hono'
import { type Arrival, createArrivals } from './arrivals.ts'
import type { ServerEnv } from './http.ts'

const PATH_LIMIT = 200

export type LogEntry = Omit<Arrival, 'id' | 'answeredAt'>

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
  const { add, all, clear } = createArrivals(arrival => tell('request', arrival), { now })

  return {
    entries: () => all().map(({ id, answeredAt, ...entry }) => entry),
    arrivals: all,
    clear,
    record: async (c, next) => {
      const { note, answered } = add(c.req.method, c.req.path.slice(0, PATH_LIMIT))
      c.set('note', note)
      await next()
      answered(c.get('unanswered') ? 0 : c.res.status)
    },
  }
}

import type { Arrival } from '../server/request-log.ts'

const LIMIT = 100

/** What has reached the server, newest last. */
export interface Arrivals {
  all(): Arrival[]
  /** Notes a request. Returns what notes its answer; 0: it got none. */
  add(method: string, path: string): (status: number, note: string) => void
  clear(): void
}

/** `tell` is called when a request arrives, and again when it was answered. */
export function createArrivals(before: readonly Arrival[], tell: (arrival: Arrival) => void): Arrivals {
  let all = [...before]

  return {
    all: () => all.map(arrival => ({ ...arrival })),
    add(method, path) {
      const arrival: Arrival = {
        ...{ id: crypto.randomUUID(), at: Date.now(), answeredAt: null },
        ...{ method, path, status: null, note: '' },
      }
      all = [...all, arrival].slice(-LIMIT)
      tell(arrival)
      return (status, note) => {
        Object.assign(arrival, { answeredAt: Date.now(), status, note })
        tell(arrival)
      }
    },
    clear: () => {
      all = []
    },
  }
}

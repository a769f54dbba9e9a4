const LIMIT = 200

/** One request, told when it arrives and again when it has been answered. */
export interface Arrival {
  /** Not the same after a restart. */
  readonly id: string
  /** Epoch milliseconds of the arrival. */
  readonly at: number
  /** null: not answered yet. */
  answeredAt: number | null
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** null: not answered yet. 0: the connection ended without an answer. */
  status: number | null
  /** What the server made of it: 'rotated', 'grace', 'reuse detected', … */
  note: string
}

/** What has reached the server, newest last. */
export interface Arrivals {
  all(): Arrival[]
  /** Notes a request. Returns what notes its answer; 0: it got none. */
  add(method: string, path: string): (status: number, note: string) => void
  clear(): void
}

/** `tell` is called when a request arrives, and again when it was answered. */
export function createArrivals(
  tell: (arrival: Arrival) => void,
  { before = [], now = Date.now }: { before?: readonly Arrival[]; now?: () => number } = {},
): Arrivals {
  let all = [...before]

  return {
    all: () => all.map(arrival => ({ ...arrival })),
    add(method, path) {
      const arrival: Arrival = {
        ...{ id: crypto.randomUUID(), at: now(), answeredAt: null },
        ...{ method, path, status: null, note: '' },
      }
      all = [...all, arrival].slice(-LIMIT)
      tell(arrival)
      return (status, note) => {
        Object.assign(arrival, { answeredAt: now(), status, note })
        tell(arrival)
      }
    },
    clear: () => {
      all = []
    },
  }
}

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
  add(method: string, path: string): Pending
  clear(): void
}

/** A request that is not answered yet. */
export interface Pending {
  /** Adds what the server makes of it. */
  note(text: string): void
  /** 0: it got no answer. */
  answered(status: number): void
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
      return {
        note(text) {
          arrival.note = arrival.note ? `${arrival.note}, ${text}` : text
        },
        answered(status) {
          Object.assign(arrival, { answeredAt: now(), status })
          tell(arrival)
        },
      }
    },
    clear: () => {
      all = []
    },
  }
}

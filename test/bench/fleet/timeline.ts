/** Virtual time, in milliseconds since the simulation began. Nothing ever waits for it. */
export interface Timeline {
  readonly now: number
  /** Calls back at that time; returns its undo. */
  at(time: number, callback: () => void): () => void
  /** Runs everything up to that time. `settle`: lets the promises run that an instant has started. */
  run(until: number, settle?: () => Promise<void>): Promise<void>
}

interface Entry {
  readonly time: number
  /** What was set first rings first. */
  readonly order: number
  callback: (() => void) | null
}

export function createTimeline(): Timeline {
  const heap: Entry[] = []
  let now = 0
  let orders = 0

  const isBefore = (a: Entry, b: Entry): boolean =>
    a.time < b.time || (a.time === b.time && a.order < b.order)

  function push(entry: Entry): void {
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (isBefore(heap[parent]!, entry)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  function pop(): Entry {
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(last, heap[child]!)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }

  return {
    get now() {
      return now
    },
    at(time, callback) {
      const entry: Entry = { time: Math.max(now, Math.ceil(time)), order: orders++, callback }
      push(entry)
      return () => {
        entry.callback = null // left in its place: finding it would cost more than passing over it
      }
    },
    async run(until, settle) {
      while (heap.length > 0 && heap[0]!.time <= until) {
        now = heap[0]!.time
        let rang = false
        while (heap.length > 0 && heap[0]!.time === now) {
          const { callback } = pop()
          if (!callback) continue
          callback()
          rang = true
        }
        if (rang) await settle?.()
      }
      now = until
    },
  }
}

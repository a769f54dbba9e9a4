import { createClock } from './clock.ts'

/** A clock of your own, for a test that fakes no timers: nothing passes but what the test lets pass. */
export interface TestClock {
  /** The wall clock, epoch milliseconds. Starts at 2026-01-05, 09:00 UTC. */
  now(): number
  /** The monotonic clock, milliseconds. */
  monotonic(): number
  /** Calls back once, when so many milliseconds have passed; returns its undo. */
  timer(callback: () => void, ms: number): () => void
  /** So many milliseconds pass: timers ring in their order, and what each starts is let settle. */
  advance(ms: number): Promise<void>
  /** The machine sleeps for so many milliseconds: the wall clock goes on, and no timer rings. */
  sleep(ms: number): void
}

/** How many turns of the event loop what a timer has started may take, where it makes no calls that leave the process. */
const TURNS = 20

/** @example const browser = createTestBrowser({ clock: createTestClock() }) */
export function createTestClock(): TestClock {
  return createClock(async () => {
    for (let turn = 0; turn < TURNS; turn++) await nextTurn()
  })
}

/** A task, not a microtask. jsdom has no `setImmediate`. */
const nextTurn = (): Promise<void> =>
  new Promise(resolve => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })

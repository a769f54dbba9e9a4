/** Virtual time. Every promise is let run before the next timer fires, so a test says when things happen, and no more. */
export interface VirtualClock {
  /** True time, epoch milliseconds: the server's. */
  readonly time: number
  /** The client's wall clock. */
  now(): number
  monotonic(): number
  timer(callback: () => void, ms: number): () => void
  /** How many timers are set. */
  readonly timers: number
  /** How many have rung. */
  readonly rung: number
  /** Time passes; timers ring in their order, and what they start is let settle. */
  advance(ms: number): Promise<void>
  /** Time passes, and timers that are due in it ring late. */
  tick(ms: number): void
  /** Time passes while the machine sleeps: no timer rings, and the monotonic clock pauses. */
  sleep(ms: number): void
  /** The client's wall clock is set to another time. */
  jump(ms: number): void
  /** Runs pending work between two timers. */
  settle: () => Promise<void>
}

export function createClock(settle: () => Promise<void>, skew = 0): VirtualClock {
  interface Timer {
    at: number
    order: number
    callback: () => void
  }
  let time = Date.UTC(2026, 0, 5, 9)
  let steady = 1000
  let offset = skew
  let order = 0
  let rung = 0
  const timers = new Set<Timer>()

  const clock: VirtualClock = {
    settle,
    get time() {
      return time
    },
    get timers() {
      return timers.size
    },
    get rung() {
      return rung
    },
    now: () => time + offset,
    monotonic: () => steady,
    timer(callback, ms) {
      // As the browser's: whole milliseconds, and above 2³¹−1 it fires at once. (Here no time passes by itself: 1, not 0.)
      const delay = ms > 2 ** 31 - 1 || !(ms > 0) ? 0 : Math.max(1, Math.trunc(ms))
      const timer = { at: steady + delay, order: order++, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async advance(ms) {
      const end = steady + ms
      await clock.settle()
      for (;;) {
        const [next] = [...timers]
          .filter(timer => timer.at <= end)
          .sort((a, b) => a.at - b.at || a.order - b.order)
        if (!next) break
        timers.delete(next)
        const passed = Math.max(0, next.at - steady)
        time += passed
        steady += passed
        rung++
        next.callback()
        await clock.settle()
      }
      const passed = Math.max(0, end - steady)
      time += passed
      steady += passed
    },
    tick(ms) {
      time += ms
      steady += ms
    },
    sleep(ms) {
      time += ms
    },
    jump(ms) {
      offset += ms
    },
  }
  return clock
}

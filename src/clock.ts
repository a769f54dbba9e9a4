export interface Clock {
  /** Wall clock, epoch milliseconds: spans sleep, but jumps. */
  now(): number
  /** Monotonic clock, milliseconds: never jumps, but stands still in sleep. */
  monotonic(): number
}

/** A moment on both clocks. */
export interface Instant {
  readonly wall: number
  readonly monotonic: number
}

export const instant = (clock: Clock): Instant => ({ wall: clock.now(), monotonic: clock.monotonic() })

export const later = (at: Instant, ms: number): Instant => ({
  wall: at.wall + ms,
  monotonic: at.monotonic + ms,
})

/** Milliseconds until then, by whichever clock says that less is left. */
export const remaining = (clock: Clock, at: Instant): number =>
  Math.min(at.wall - clock.now(), at.monotonic - clock.monotonic())

/** The stretch of time that is shown. Follows the present until it is paused. */
export interface Viewport {
  /** Milliseconds from the left edge to the right one. */
  readonly span: number
  /** The time at the left edge while paused; null: it follows. */
  readonly pausedAt: number | null
}

/** The present is drawn here. The future is to its right. */
const PRESENT = 0.8

const SHORTEST = 5_000
const LONGEST = 1_800_000

export const START: Viewport = { span: 60_000, pausedAt: null }

export const leftEdge = ({ span, pausedAt }: Viewport, now: number): number =>
  pausedAt ?? now - span * PRESENT

export const pause = (view: Viewport, now: number): Viewport => ({ ...view, pausedAt: leftEdge(view, now) })

export const follow = (view: Viewport): Viewport => ({ ...view, pausedAt: null })

/** `pivot` stays where it is; while following, that is the present. */
export function zoom(view: Viewport, factor: number, now: number, pivot?: number): Viewport {
  const span = Math.min(LONGEST, Math.max(SHORTEST, view.span * factor))
  if (view.pausedAt === null) return { ...view, span }
  const fixed = pivot ?? view.pausedAt + view.span / 2
  return clamp({ span, pausedAt: fixed - ((fixed - view.pausedAt) * span) / view.span }, now)
}

/** Moves by so many milliseconds, which pauses. */
export const pan = (view: Viewport, by: number, now: number): Viewport =>
  clamp({ ...view, pausedAt: leftEdge(view, now) + by }, now)

/** Moves no further than needed to show `time`. */
export function reveal(view: Viewport, time: number, now: number): Viewport {
  const left = leftEdge(view, now)
  const margin = view.span * 0.05
  if (time >= left + margin && time <= left + view.span - margin) return view
  return clamp({ ...view, pausedAt: time - view.span / 2 }, now)
}

const clamp = (view: Viewport, now: number): Viewport => ({
  ...view,
  pausedAt: Math.min(view.pausedAt ?? now, now - view.span * 0.1),
})

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200].map(seconds => seconds * 1000)

/** Round times from `from` to `to`, at least `gap` milliseconds apart. */
export function roundTimes(from: number, to: number, gap: number): number[] {
  const step = STEPS.find(step => step >= gap) ?? STEPS.at(-1)!
  const first = Math.ceil(from / step) * step
  const count = Math.max(0, Math.floor((to - first) / step) + 1)
  return Array.from({ length: count }, (_, index) => first + index * step)
}

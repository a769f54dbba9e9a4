import type { Outcome } from './history.ts'

/** A shape around a point, as the data of an SVG path. */
export type Symbol = (x: number, y: number) => string

/** Told apart by their shapes as well as by their colours. */
export const SYMBOLS: Record<Outcome | 'signed-in' | 'signed-out' | 'note', Symbol> = {
  good: (x, y) => `M${x} ${y - 7}v14`,
  renewed: (x, y) => `M${x} ${y - 7}l6 7l-6 7l-6 -7z`,
  refused: (x, y) => `M${x} ${y - 7}l7 12h-14z`,
  failed: (x, y) => `M${x - 5} ${y - 5}l10 10m0 -10l-10 10`,
  unanswered: (x, y) => `M${x - 6} ${y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0`,
  'signed-in': (x, y) => `M${x - 4} ${y - 6}l10 6l-10 6z`,
  'signed-out': (x, y) => `M${x - 5} ${y - 5}h10v10h-10z`,
  note: (x, y) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`,
}

export const box = (left: number, right: number, top: number, height: number): string =>
  `M${left} ${top}h${Math.max(0, right - left)}v${height}h${Math.min(0, left - right)}z`

/** From the refused request to the one that repeats it. */
export const arch = (from: number, to: number, y: number): string => {
  const top = y - Math.min(18, 8 + (to - from) / 4)
  return `M${from} ${y}C${from} ${top} ${to} ${top} ${to} ${y}m-4 -5l4 5l4 -5`
}

export const drop = (x: number, from: number, to: number): string => {
  const tip = to > from ? -6 : 6
  return `M${x} ${from}V${to}m-4 ${tip}l4 ${-tip}l4 ${tip}`
}

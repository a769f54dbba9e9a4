import type { PointId, PointText } from './point.ts'

/** What was seen, with other words than those of the point where they do not fit. */
export type Fault = { readonly seen: string } & Partial<Pick<PointText, 'expected' | 'why' | 'see'>>

/**
 * Says of a point that it holds, or what was seen instead. A point can be judged several times: the first fault counts.
 */
export type Judge = (id: PointId, fault?: string | Fault | false | null | undefined) => void

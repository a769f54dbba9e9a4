import type { PointId } from './point.ts'

/**
 * Says of a point that it holds, or what was seen instead. A point can be judged several times: the first fault counts.
 */
export type Judge = (id: PointId, fault?: string | false | null | undefined) => void

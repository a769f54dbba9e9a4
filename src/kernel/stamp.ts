import { DAY } from './clock.ts'

/**
 * Says how far a tab has come. Every login and logout begins an epoch; every refresh of it has a higher serial. Two stamps
 * are compared as a pair, the epoch first: a refresh is never stronger than what the user decided. A change in this tab
 * makes a new stamp object, so a result belongs to the session it was asked under as long as the object is the same.
 */
export interface Stamp {
  readonly epoch: number
  readonly serial: number
}

export const isNewer = (a: Stamp, b: Stamp): boolean =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.serial > b.serial)

const YEAR = 365 * DAY
/** How many refreshes a tab can have missed. */
const MISSED = 100

/**
 * Epochs and serials keep near the time, or near those before them. A forged one from the far future would make each
 * later one look old: also to a page that is opened when the tabs which have heard of it are gone, and finds it in the
 * storage.
 */
export const lastSerial = (now: number, known: number): number => Math.max(now + DAY, known + MISSED)

export const isSerial = (value: number, last: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= last

/** What is stored may be of before a clock was set back; a number beyond that would count as the newest for ever. */
export const isStored = (value: number, now: number): boolean => isSerial(value, now + YEAR)

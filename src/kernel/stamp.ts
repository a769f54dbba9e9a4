import { DAY } from './clock.ts'

/**
 * Says how far a tab has come. Every login and logout begins an epoch; every refresh within it has a higher serial. Two
 * stamps are compared as a pair, the epoch first, so a refresh is never newer than a later login or logout. Each change
 * of the session in this tab makes a new stamp object. A result is dropped if the object is another one by then. Only
 * `session.see` raises the epoch of the same object: another tab was heard to have come that far, and nothing has changed
 * here.
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
 * The highest epoch or serial that is believed: near the time, or near the highest known one. A forged number from the
 * far future would make every later session look old, also in pages that find it in the storage.
 */
export const lastSerial = (now: number, known: number): number => Math.max(now + DAY, known + MISSED)

export const isSerial = (value: number, last: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= last

/**
 * A stored number may come from before a clock was set back. One further in the future would be the newest for ever.
 */
export const isStored = (value: number, now: number): boolean => isSerial(value, now + YEAR)

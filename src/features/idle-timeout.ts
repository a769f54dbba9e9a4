import { demand, type Feature } from '../feature.ts'
import { hasOnly, pick } from '../own.ts'

/** What `idleTimeout` takes beside the time. */
export interface IdleTimeoutOptions {
  /**
   * Milliseconds before the sign-out at which the event `idleWarning` is emitted, so that the app can show "you will be
   * signed out in 60 seconds". Each tab emits it. Any activity in any tab withdraws it. Less than the timeout.
   * @default none: no warning
   */
  warnBefore?: number | undefined
}

export interface IdleFeature extends Feature<'idle'> {
  readonly ms: number
  readonly warnBefore: number | undefined
}

const isDuration = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 2 ** 40

/**
 * Signs the user out (`idle`) after so many milliseconds without a key, pointer or touch in any tab, asleep or with all
 * tabs closed included. For show and for shared screens: the server has to enforce it too. The tabs read each other's
 * activity in localStorage: where that is blocked, each tab knows its own activity only. A request that finds the time
 * over waits for the verdict: for its turn (see `timeout`) and a second.
 *
 * @throws AuthError `invalid_option`
 */
export function idleTimeout(ms: number, options: IdleTimeoutOptions = {}): IdleFeature {
  demand(hasOnly(options, 'warnBefore'), 'idleTimeout', 'given milliseconds, and { warnBefore } or nothing')
  const { warnBefore } = pick(options, 'warnBefore')
  demand(isDuration(ms), 'idleTimeout', 'a positive number of milliseconds')
  demand(
    warnBefore === undefined || (isDuration(warnBefore) && warnBefore < ms),
    'warnBefore',
    'a positive number of milliseconds, less than "idleTimeout"',
  )
  return Object.freeze({ feature: 'idle', ms, warnBefore })
}

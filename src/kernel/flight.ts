import type { AuthError } from './errors.ts'

/**
 * Why a refresh is wanted. `ahead`: the token still works. `dead`: the token does not work, by the clock or by a 401.
 * `asked`: the app called `refresh()`.
 */
export type Need = 'ahead' | 'dead' | 'asked'

/** When the app asked who is signed in: orders its call among what all tabs ask the server for. */
export interface Moment {
  /** Epoch milliseconds. */
  readonly at: number
  /** The newest serial that a tab showed then; above all others until the browser has told it. */
  serial: number
}

/** One refresh or restore: all who need it wait for its one outcome. */
export interface Flight {
  /** The stamp that it was asked under; its result is dropped where the session has another one by then. */
  stamp: object
  readonly epoch: number
  /** One of a session that is no more: this one waits for its end. */
  former: Flight | null
  /** The token does not work: what comes of this decides about the session. */
  dead: boolean
  /** By the app itself, which knows what it does: not counted. */
  asked: boolean
  /** What other tabs had by then is no answer to the app's call: somebody may have signed in elsewhere since. */
  after: Moment | undefined
  /** The app asked, here or in another tab: its user may have changed as well. */
  again: boolean
  /** It is on the wire. */
  sent: boolean
  /** The refresh token that its answer held, whatever became of the rest. */
  rotated: string | undefined
  /** The network changed under it, or the machine slept: should it fail, that says little. */
  shaken: boolean
  /** Set while it waits for the end of the backoff: ends that wait. */
  stir: (() => void) | null
  readonly outcome: Promise<AuthError | null>
  readonly free: (outcome: AuthError | null) => void
  readonly controller: AbortController
  done: Promise<void>
}

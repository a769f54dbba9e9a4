import type { AuthError } from './errors.ts'

/**
 * Why a refresh is wanted. `ahead`: the token still works. `dead`: the token does not work, by the clock or by a 401.
 * `asked`: the app called `refresh()`.
 */
export type Need = 'ahead' | 'dead' | 'asked'

/** When the app asked who is signed in. Compares its call with the sessions that other tabs got from the server. */
export interface Moment {
  /** Epoch milliseconds. */
  readonly at: number
  /** The newest serial that any tab showed then; infinite until the browser has answered the query. */
  serial: number
}

export const ANY_TIME: Moment = { at: 0, serial: 0 }

/** Was the server asked for that session after this moment? Within one millisecond the serial decides. */
export const isAfter = ({ at, serial: shown }: Moment, askedAt: number, serial: number): boolean =>
  askedAt > at || (askedAt === at && serial > shown)

/** One refresh or restore: all callers that need it wait for its one outcome. */
export interface Flight {
  /** The stamp when the flight began. If the session has another stamp when the answer comes, the result is dropped. */
  stamp: object
  readonly epoch: number
  /** A flight of an earlier session: this flight waits until that one is over. */
  former: Flight | null
  /** The token does not work, so a refusal ends the session. */
  dead: boolean
  /** The app called `refresh()`, so the flight does not count towards the burst limit. */
  asked: boolean
  /**
   * A session that another tab had before this moment is no answer to the app's `refresh()`: another user may have
   * signed in elsewhere since.
   */
  after: Moment
  /**
   * The app asked, here or in another tab: the user's data may have changed too, so the user endpoint is called again.
   */
  again: boolean
  /** The request has left. */
  sent: boolean
  /** The refresh token in its answer, even if the rest of the answer could not be used. */
  rotated: string | undefined
  /** The network changed meanwhile, or the machine slept: a failure then says little about the server. */
  shaken: boolean
  /** Ends its wait for the end of the backoff; `null` while it does not wait. */
  stir: (() => void) | null
  readonly outcome: Promise<AuthError | null>
  readonly free: (outcome: AuthError | null) => void
  readonly controller: AbortController
  done: Promise<void>
}

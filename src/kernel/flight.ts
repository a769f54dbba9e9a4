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

/** One refresh or restore: all who need it wait for its one outcome. */
export interface Flight {
  /** The stamp when the flight began. If the session has another stamp when the answer comes, the result is dropped. */
  stamp: object
  /** As it was then: a stamp hears of later ones. */
  readonly epoch: number
  /** A flight of an earlier session: this flight waits until that one is over. */
  former: Flight | null
  /** The token does not work, so a refusal ends the session. */
  dead: boolean
  /** The app called `refresh()`, so the flight does not count towards the burst limit. */
  asked: boolean
  /** What other tabs had by then is no answer to the app's call: somebody may have signed in elsewhere since. */
  after: Moment | undefined
  /** The app asked, here or in another tab: its user may have changed as well. */
  again: boolean
  /** The request has left. */
  sent?: boolean
  /** The refresh token in its answer, even if the rest of the answer could not be used. */
  rotated?: string
  /** The network changed meanwhile, or the machine slept: a failure then says little about the server. */
  shaken?: boolean | undefined
  /** Set while it waits for the end of the backoff: ends that wait. */
  stir?: (() => void) | null
  readonly outcome: Promise<AuthError | null>
  readonly free: (outcome: AuthError | null) => void
  readonly controller: AbortController
  done?: Promise<void>
}

/**
 * One attempt of a refresh or restore, in its turn among all tabs. It takes the lock and looks again. Then it asks the
 * server, the tab that owns the refresh token, or (in a worker) a page.
 */
export type Attempt = (flight: Flight, isWanted: () => boolean) => Promise<AuthError | null>

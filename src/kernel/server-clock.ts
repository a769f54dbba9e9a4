import { type Clock, type Instant, instant } from './clock.ts'

/**
 * The earliest time that the server's clock can show. A token's `iat` should say when it was issued, but some servers
 * copy it from the refresh token. Then it is as old as the session, and `exp − iat` is longer than the token lives.
 */
export interface ServerClock {
  /** The server's clock has shown this time (epoch milliseconds, or NaN) just now. */
  saw(time: number): void
  /** A login brings a new `iat`. */
  forget(): void
  /**
   * When the token that was asked for at `sentAt` was issued, by the server's clock: its `iat`, unless that must be
   * older. `at`: the server's clock has shown `iat` by then; by default now.
   */
  issued(iat: number, exp: number, sentAt: Instant, at?: Instant): number
  /** The API has refused a token that should have been valid until then. */
  refused(exp: number | undefined): void
}

interface Sight {
  readonly time: number
  readonly at: Instant
}

/** Two calls can take this much longer, or shorter, than each other. */
const SLACK = 5_000

export function createServerClock(clock: Clock): ServerClock {
  let seen: Sight | null = null
  let doubt: Sight | null = null

  return {
    saw(time) {
      if (Number.isFinite(time)) seen = { time, at: instant(clock) }
    },
    forget() {
      seen = doubt = null
    },
    issued(iat, exp, sentAt, at = instant(clock)) {
      const shown = (by: keyof Instant): number => (seen ? seen.time + sentAt[by] - seen.at[by] : 0)
      if (doubt) {
        // If `iat` falls behind, the server has copied it, and the token was refused because it had expired.
        if (iat < shown('wall') - SLACK) {
          // If the old token has expired by this machine's clock, and the new one has not, this clock is right enough.
          const isRight = doubt.time <= doubt.at.wall && sentAt.wall < exp
          seen = isRight ? { time: sentAt.wall, at: sentAt } : doubt
        }
        doubt = null
      }
      const [wall, monotonic] = [shown('wall'), shown('monotonic')]
      // The second: somebody has set this machine's clock forward.
      if (iat >= wall || (wall - monotonic > SLACK && iat > monotonic - SLACK)) {
        seen = { time: iat, at }
        return iat
      }
      seen = { time: wall, at: sentAt }
      return wall
    },
    refused(exp = Number.NaN) {
      if (Number.isFinite(exp)) doubt = { time: exp, at: instant(clock) }
    },
  }
}

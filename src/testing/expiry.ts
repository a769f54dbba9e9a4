import { invalid } from '../kernel/errors.ts'
import type { AuthClient } from '../types.ts'
import type { TestClock } from './test-clock.ts'

/** What Vitest's `vi` and Jest's `jest` have in common once their `useFakeTimers()` was called. */
export interface FakeTimers {
  advanceTimersByTimeAsync(ms: number): unknown
  setSystemTime(time: number): unknown
}

/**
 * Lets time pass, awake, until just after the expiry of the access token. Timers ring, so a client that can refresh has a new
 * token by then.
 *
 * @param clock `vi`, `jest`, or the `createTestClock()` that the client has
 * @throws AuthError `invalid_option` where nobody is signed in, or the token has no end
 */
export async function advancePastExpiry(
  client: AuthClient<any, any>,
  clock: TestClock | FakeTimers,
): Promise<void> {
  const end = endOf(client)
  if ('advance' in clock) await clock.advance(end - clock.now())
  else await clock.advanceTimersByTimeAsync(end - Date.now())
}

/**
 * Lets the machine sleep until just after the end of the access token: no timer rings, and the next request finds a token
 * that has expired.
 *
 * @param clock `vi`, `jest`, or the `createTestClock()` that the client has
 * @throws AuthError `invalid_option` where nobody is signed in, or the token has no end
 */
export function sleepPastExpiry(client: AuthClient<any, any>, clock: TestClock | FakeTimers): void {
  const end = endOf(client)
  if ('sleep' in clock) clock.sleep(end - clock.now())
  else clock.setSystemTime(end)
}

function endOf({ session }: AuthClient<any, any>): number {
  if (session.status !== 'authenticated' || session.expiresAt === null) {
    throw invalid('client', 'signed in, with a token whose expiry is known')
  }
  return session.expiresAt + 1
}

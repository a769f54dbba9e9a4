import { tookTooLong } from '../../kernel/abort.ts'
import { AuthError } from '../../kernel/errors.ts'
import type { Kernel } from '../../kernel/feature.ts'
import type { Moment } from '../../kernel/flight.ts'
import type { TabsPart } from '../../kernel/parts.ts'
import type { TabChannel } from './channel.ts'
import type { Question } from './messages.ts'
import type { Ownership } from './owner.ts'
import type { Telling } from './telling.ts'

/** The owner of a lineage has the refresh token, and refreshes for its followers. */
export interface Following extends Pick<TabsPart, 'isFollower' | 'follow'> {
  /** A follower wants a refresh. */
  answer(question: Question): void
}

/** How often to look, a second apart, for the tab that has the refresh token: it may be reloading. */
const OWNER_LOOKS = 3
/** Fewer than the burst limit of a tab, so that the owner's own requests still get their refreshes. */
const RENEWALS = 8

export function createFollowing(
  kernel: Kernel,
  channel: TabChannel,
  ownership: Ownership,
  telling: Telling,
): Following {
  const { settings, environment, session } = kernel
  const { timeout, log } = settings

  const follow: TabsPart['follow'] = async (flight, isWanted, again) => {
    const { backoff } = kernel
    const { serial } = session.stamp
    const { lineage } = session
    // A pause that the owner announces from here on is an answer to this question.
    if (backoff.current?.told) backoff.replace({ told: null })
    const before = backoff.current
    const isAnswered = () => !isWanted() || backoff.current !== before
    let after: Moment | undefined
    do {
      for (let looks = 0; !(await ownership.isOwned(lineage)); looks++) {
        if (looks === OWNER_LOOKS) return withoutOwner(flight, isWanted, again)
        await channel.consult({ type: 'hello', generation: 0 }, isAnswered, 1_000)
        if (!isWanted()) return null
      }
      log({ type: 'refresh', operation: 'follow', generation: serial })
      after = flight.after
      const generation = Math.max(serial, after?.serial ?? 0)
      const question = { type: 'renew', generation, dead: flight.dead, since: after?.at } as const
      // Where the app has called `refresh()` meanwhile, what comes was asked for too early: once more.
      const isOver = () => isAnswered() || flight.after !== after
      await channel.consult(question, isOver, timeout, flight.controller.signal)
    } while (flight.after !== after && !isAnswered())
    if (!isWanted()) return null
    if (backoff.current !== before) return backoff.current?.error ?? null
    return backoff.postpone(tookTooLong('refresh_unavailable', timeout), backoff.inTime(timeout))
  }

  /** Its tab was closed. A hidden frame needs no refresh token, and the other followers have lost the owner as well. */
  const withoutOwner: TabsPart['follow'] = async (flight, isWanted, again) => {
    if (!isWanted()) return null
    if (kernel.flow?.renews && session.identity) {
      session.resume(undefined, null)
      return again(flight, isWanted)
    }
    const error = new AuthError('refresh_rejected', 'The tab with the refresh token is gone.')
    return kernel.exchange.failed(error, flight, true)
  }

  async function renew(isDead: boolean, since: number): Promise<void> {
    const { refresher, backoff } = kernel
    const need = isDead ? 'dead' : 'ahead'
    // The follower's user may be back at the page, and a hidden owner does not notice that by itself.
    if (isDead && !refresher.flight) refresher.wake(false)
    const { current } = backoff
    const error = await refresher.run(need, since)
    // A pause from before holds it back: followers that are not told would ask again and again.
    if (error && backoff.current === current) return telling.postponed()
    // The flight that this call joined can have left too early.
    if (session.held && session.held.askedAt < since) await refresher.run(need, since)
  }

  return {
    async isFollower() {
      const { isFollower, held, tokens } = session
      return isFollower || (!held && !tokens && (await ownership.isOwned()))
    },
    follow,
    answer({ generation, dead, since: askedAt = 0 }) {
      const { isFollower, lineage, stamp, held } = session
      if (isFollower || lineage === null) return
      const since = Math.min(askedAt, environment.now())
      if (stamp.serial > generation && (held?.askedAt ?? 0) >= since) return telling.offer()
      // A `refresh()` of the follower's app can need another refresh after the one under way.
      const isUnderWay = since === 0 && kernel.refresher.flight !== null
      if (isUnderWay || !channel.isFlood('renew', RENEWALS)) void renew(dead === true, since)
    },
  }
}

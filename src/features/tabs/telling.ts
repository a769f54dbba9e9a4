import type { Kernel } from '../../kernel/feature.ts'
import { NOTHING } from '../../kernel/own.ts'
import type { TabsPart } from '../../kernel/parts.ts'
import type { Change } from '../../kernel/session.ts'
import type { TabChannel } from './channel.ts'
import type { HandingOver } from './handover.ts'
import type { Locks } from './locks.ts'
import type { News } from './messages.ts'
import type { Shown } from './shown.ts'

/** The messages that this tab sends to the others. `news.ts` is the receiving side. */
export interface Telling extends Required<Pick<TabsPart, 'changed' | 'signedOut' | 'postponed'>> {
  tell(news: News): void
  /** Sends the session: another tab has asked for it. */
  offer(): void
}

export function createTelling(
  kernel: Kernel,
  sharesTokens: boolean,
  locks: Locks,
  channel: TabChannel,
  shown: Shown,
  handingOver: HandingOver,
): Telling {
  const { session } = kernel

  function tell(news: News): void {
    channel.open()
    void shown.show()
    // A follower needs the token in the message, and the locks to see which tab is the owner. If either is missing, do
    // not tell.
    const isFollowed = sharesTokens && locks.api() && !locks.lacks('lock-query')
    if (news.type === 'session' && news.lineage !== null && !isFollowed) return
    channel.post(news)
  }

  function postponed(): void {
    const { error, quiet, bound } = kernel.backoff.current ?? NOTHING
    if (!error || quiet || error.retryAt === undefined) return
    const { code, status, body, retryAt } = error
    const generation = session.stamp.serial
    tell({ type: 'postponed', generation, code, status, body, retryAt, binding: bound !== null })
  }

  function changed(change: Change): void {
    const { identity, stamp } = session
    if (change.type === 'commit' && !change.told) {
      const { cause, userChanged, decides } = change
      // Not if the user cannot be named: every tab would take it for a new user, ask the server, and tell the others
      // again.
      const isNew = (decides || userChanged) && identity?.name != null
      const news = handingOver.offer(isNew ? 'login' : cause)
      if (news) tell(news)
    }
    if (change.type === 'clear' && !change.told) {
      const { reason, error } = change.why
      const { status, body } = error ?? NOTHING
      // A logout and an idle sign-out are told by `signedOut`.
      if (reason !== 'rejected') return
      tell({ type: 'signed-out', generation: stamp.serial, reason, status, body })
    }
  }

  return {
    tell,
    offer() {
      const own = sharesTokens && !channel.isFlood('offer') && handingOver.offer()
      if (own) tell(own)
    },
    changed,
    signedOut(reason) {
      const { serial } = session.stamp
      tell({ type: 'signed-out', generation: serial, reason: reason === 'idle' ? reason : 'other-tab' })
    },
    postponed,
  }
}

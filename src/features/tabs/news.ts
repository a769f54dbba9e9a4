import { instant, later, remaining } from '../../kernel/clock.ts'
import { AuthError } from '../../kernel/errors.ts'
import type { Kernel } from '../../kernel/feature.ts'
import { pick } from '../../kernel/own.ts'
import type { TabChannel } from './channel.ts'
import type { Following } from './follow.ts'
import type { Frozen } from './frozen.ts'
import type { HandingOver } from './handover.ts'
import {
  type Handover,
  isDecision,
  type News,
  type Postponed,
  type Question,
  type SignedOut,
} from './messages.ts'
import type { Shown } from './shown.ts'
import type { Telling } from './telling.ts'

/** Receives what other tabs ask and tell. `telling.ts` is the sending side. */
export interface NewsDesk {
  receive(message: News | Question): Promise<void>
  hearAgain(): void
}

/**
 * The longest pause that other tabs can ask for. After it this tab asks the server itself, since any script of the
 * origin can post in their name.
 */
const MAX_TOLD = 1_800_000

export function createNewsDesk(
  kernel: Kernel,
  channel: TabChannel,
  frozen: Frozen,
  shown: Shown,
  handingOver: HandingOver,
  telling: Telling,
  following: Following,
): NewsDesk {
  const { settings, environment, session, marker } = kernel

  async function receive(message: News | Question): Promise<void> {
    const { serial, epoch } = session.stamp
    const { type, generation } = message
    switch (type) {
      case 'hello':
        if (channel.isFlood(type)) return
        shown.leaveNote()
        channel.post({ type: 'here', generation: serial, decided: epoch })
        return
      case 'here': {
        const isLate = session.snapshot.status === 'anonymous' && (message.decided ?? 0) > epoch
        session.see(generation, message.decided)
        // A user may have signed in there before this tab opened its channel.
        if (isLate) channel.post({ type: 'ask', generation })
        return
      }
      case 'ask':
        if (serial >= generation) telling.offer()
        return
      case 'renew':
        following.answer(message)
        return
      case 'waiting':
      case 'alive':
        frozen.hear(message)
        return
      case 'postponed':
        hear(message)
        break
      case 'signed-out':
        end(message)
        break
      case 'session':
        // Each newer session may cost a call of the user endpoint.
        if (generation > serial && channel.isFlood(type)) return
        await take(message)
    }
    await shown.show()
  }

  async function take(news: Handover): Promise<void> {
    // The sender has not heard of the logout, and goes on with a session that is over: tell it.
    if (!isDecision(news) && isSignedOut(news.decided)) {
      // If this tab has a session, the marker it sees may be old, so only the sender's epoch is said to be over.
      const ended = session.held ? news.decided : session.stamp.epoch
      return telling.tell({ type: 'signed-out', generation: ended, reason: 'other-tab' })
    }
    const isAnswer = await handingOver.adopt(news)
    const answer = isAnswer && handingOver.offer('login')
    if (answer) {
      telling.tell(answer)
      hearAgain()
    }
    if (session.isFollower) await kernel.storage?.recover()
  }

  /** Has a logout ended the session of this login, as far as this tab knows? */
  function isSignedOut(decided: number): boolean {
    const { snapshot, stamp } = session
    // Other reasons that end a session begin no epoch.
    const isByLogout = snapshot.status === 'anonymous' && stamp.serial === stamp.epoch
    return (isByLogout && decided < stamp.serial) || marker.stands(decided)
  }

  /** Another tab has signed out, or was refused. */
  function end(news: SignedOut): void {
    const { held, tokens, stamp, snapshot, lineage } = session
    const { reason, generation } = news
    const isRejected = reason === 'rejected'
    // A tab that has the refresh token, or has not looked for one yet, does not follow the refusal of another tab.
    const isOwner = lineage !== null && tokens?.refreshToken
    if (isRejected && (isOwner || snapshot.status === 'unknown')) {
      session.see(generation)
      return
    }
    if (isRejected ? generation <= stamp.serial : generation < stamp.epoch) return
    kernel.decisions.decide()
    // A login here, at the same moment, has lifted the marker of that logout.
    if (generation === stamp.epoch) marker.set(generation)
    const refusal =
      isRejected && news.status !== undefined
        ? new AuthError(
            'refresh_rejected',
            'The refresh of another tab was refused.',
            pick(news, 'status', 'body'),
          )
        : undefined
    session.clear(held || !isRejected ? reason : 'initial', generation, refusal)
    // Only this tab has the refresh token, so only this tab can revoke it.
    if (!isRejected && tokens?.refreshToken && !kernel.storage?.shared)
      void kernel.revocation.run(tokens, { asked: true })
  }

  /** Another tab could not refresh: this tab pauses too. */
  function hear({ generation, code, status, body, retryAt, binding }: Postponed): void {
    const { backoff, refresher } = kernel
    const { flight } = refresher
    if (generation !== session.stamp.serial || flight?.sent) return
    // Without a refresh endpoint there is no refresh to put off, and the session must end with its token.
    if (session.held && !settings.endpoints.refresh) return
    const told = backoff.current?.told ?? instant(environment)
    const named = Math.min(retryAt - environment.now(), remaining(environment, later(told, MAX_TOLD)))
    const wait = binding ? named : backoff.inTime(named)
    // Another tab cannot shorten the current pause. But a flight that follows the owner waits for any answer: `replace`
    // makes a new pause object, by which it sees that one came.
    if (wait <= backoff.wait('ahead')) {
      backoff.replace({})
      return
    }
    const message = 'Another tab could not refresh.'
    const awaited = !binding && flight?.shaken === true
    const bound = binding ? wait : 0
    backoff.postpone({ code, status, body, message }, wait, { bound, quiet: true, told, awaited })
    kernel.schedule.look()
  }

  function hearAgain(): void {
    const { serial } = session.stamp
    channel.post({ type: 'ask', generation: serial })
  }

  return { receive, hearAgain }
}

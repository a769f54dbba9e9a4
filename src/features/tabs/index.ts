import { demand, type Kernel, plan } from '../../kernel/feature.ts'
import { hasOnly, pick } from '../../kernel/own.ts'
import type { TabsPart } from '../../kernel/parts.ts'
import type { Feature } from '../../types.ts'
import { createChannel } from './channel.ts'
import { createFollowing } from './follow.ts'
import { createFrozen } from './frozen.ts'
import { createHandingOver } from './handover.ts'
import { createLocks } from './locks.ts'
import { createNewsDesk } from './news.ts'
import { createOwnership } from './owner.ts'
import { createShown } from './shown.ts'
import { createSuspension } from './suspension.ts'
import { createTelling } from './telling.ts'
import { createTurns } from './turn.ts'

/** The options of `shareTabs`. */
export interface ShareTabsOptions {
  /**
   * `false`: messages between the tabs carry no token, but still `session.user`. Each tab then refreshes on its own, one after
   * the other.
   * @default true
   */
  tokens?: boolean | undefined
}

/**
 * All tabs of the browser share one session. One tab refreshes and gives the access token to the others. A login or logout in
 * one tab takes effect in all of them. It uses Web Locks and BroadcastChannel. A refresh token is never in a message. Every
 * script of the origin can read the messages, with the access token and `session.user`.
 *
 * @throws AuthError `invalid_option`
 * @example
 * createAuthClient({ tabs: shareTabs({ tokens: false }) })
 */
export function shareTabs(options: ShareTabsOptions = {}): Feature<'tabs'> {
  demand(hasOnly(options, 'tokens'), 'shareTabs', 'given { tokens } or nothing')
  const { tokens = true } = pick(options, 'tokens')
  demand(typeof tokens === 'boolean', 'tokens', 'a boolean')
  return plan('tabs', kernel => (kernel.environment.page ? createTabs(kernel, tokens) : undefined))
}

/** How long a page may take to hand its session over to a worker. */
const HAND_OVER = 1_000

/** Web Locks order the tabs, BroadcastChannel informs them. */
function createTabs(kernel: Kernel, sharesTokens: boolean): TabsPart {
  const { settings, environment, session } = kernel
  const locks = createLocks(kernel)
  const channel = createChannel(kernel, locks, message => news.receive(message))
  const frozen = createFrozen(kernel, locks, channel)
  const ownership = createOwnership(kernel, sharesTokens, locks, channel)
  const shown = createShown(kernel, sharesTokens, locks, channel, ownership)
  const exclusive = createTurns(kernel, locks, channel, frozen, shown)
  const suspension = createSuspension(kernel)
  const handingOver = createHandingOver(kernel, sharesTokens, suspension)
  const telling = createTelling(kernel, sharesTokens, locks, channel, shown, handingOver)
  const following = createFollowing(kernel, channel, ownership, telling)
  const news = createNewsDesk(kernel, channel, frozen, shown, handingOver, telling, following)
  // Opening a channel is slow, so it is done in a later task than creating the client.
  const opening = () => locks.isAway || channel.open()
  const cancelOpening = environment.prerendering()
    ? environment.onceShown(opening)
    : environment.timer(opening, 0)

  function close(): void {
    shown.leave()
    channel.close()
    ownership.leave()
  }

  return {
    sharesTokens,
    exclusive,
    catchUp: async after => (await shown.catchUp(after)) || suspension.goOn(),
    momentOf: shown.momentOf,
    isFollower: following.isFollower,
    follow: following.follow,
    async askPages({ controller }, isWanted) {
      const generation = session.stamp.serial + 1
      const ms = Math.min(HAND_OVER, settings.timeout)
      await channel.consult({ type: 'ask', generation }, () => !isWanted(), ms, controller.signal)
      settings.log({ type: 'tabs-asked', answered: !isWanted() })
    },
    askAround: (isAnswered, ms) => channel.consult({ type: 'hello', generation: 0 }, isAnswered, ms),
    hearAgain: news.hearAgain,
    signedOut(reason) {
      suspension.signedOut()
      telling.signedOut(reason)
    },
    own: ownership.own,
    get kept() {
      return suspension.kept
    },
    postponed: telling.postponed,
    changed(change) {
      if (change.type === 'commit' || change.type === 'clear') suspension.forget()
      telling.changed(change)
    },
    woke({ type, persisted }) {
      if (type === 'visibilitychange') shown.look()
      if (type === 'pagehide') {
        close()
        // A logout while the page leaves still opens the channel and notifies the others. If that fails, it does not count
        // as a missing feature.
        locks.isAway = true
      }
      if (type === 'pageshow') {
        locks.isAway = false
        channel.open(true)
        if (persisted) {
          settings.log({ type: 'suspended' })
          void suspension.begin()
        }
      }
    },
    dispose() {
      cancelOpening()
      close()
    },
  }
}

import type { Kernel } from '../../kernel/feature.ts'
import type { TabChannel } from './channel.ts'
import type { Locks } from './locks.ts'
import type { Question } from './messages.ts'

/** Tabs that have an exclusive lock and run no code: a browser freezes them without taking it away. */
export interface Frozen {
  /**
   * Calls back when one and the same tab holds the lock for longer than a tab that is awake may. Returns its undo;
   * `isOurs`: the lock was granted to this tab.
   */
  watch(alone: boolean, stuck: () => void): (isOurs?: boolean) => void
  /** Another tab asks the tab that has the lock whether it is awake, or that tab answers. */
  hear(message: Question): void
}

/** What was seen of a lock's holder last: the turn that waits next does not begin to count anew. */
interface Sight {
  /** `undefined`: nobody has it. */
  readonly holder: string | undefined
  readonly since: number
  seenAt: number
  /** It is not waited for again. */
  isFrozen: boolean
}

/**
 * A login, a logout, or a refresh that is answered in time, holds the lock no longer than the timeout and this. A refresh
 * may last twice the timeout, since an answer that was given up can burn the session. So a tab that holds the lock for
 * longer is asked whether it is alive, and has twice the timeout and this if it is.
 */
const LOCK_MARGIN = 2_000
const ANSWER_TIME = 1_000

export function createFrozen({ settings, environment }: Kernel, locks: Locks, channel: TabChannel): Frozen {
  const { timeout, log } = settings
  const sights = new Map<string, Sight>()
  /** Which lock's holder has answered just now, by `alone`. */
  let alive: boolean | null = null

  function watch(alone: boolean, stuck: () => void): (isOurs?: boolean) => void {
    const name = locks.turn(alone)
    let sight: Sight | null = null
    let askAt = 0
    let isSilent = false
    let stopped = false
    let undo = environment.timer(look, 0)

    async function look(): Promise<void> {
      const held = await locks.held()
      const holder = locks.lacks('lock-query') ? 'unknown' : held.get(name)
      if (stopped) return
      const now = environment.monotonic()
      if (!sight || sight.holder !== holder) {
        if (!sight) log({ type: 'lock', state: 'waiting' })
        sight = begin(holder, now)
        return again()
      }
      sight.seenAt = now
      if (now < askAt) return again()
      const end = sight.since + 2 * timeout + LOCK_MARGIN
      if (now < end && !isSilent) {
        isSilent = await asksInVain()
        // Another one may have taken its turn meanwhile.
        if (isSilent) return look()
        sight.isFrozen = false
        askAt = now < end - timeout ? end - timeout : end
        return again()
      }
      // Held by nobody and yet not to be had.
      if (holder === undefined) locks.degrade('locks')
      sight.isFrozen = true
      log({ type: 'lock', state: 'stuck' })
      stuck()
    }

    function begin(holder: string | undefined, now: number): Sight {
      const before = sights.get(name)
      const last = before?.holder === holder ? before : undefined
      const isFrozen = holder !== undefined && last?.isFrozen === true
      const isStill = last && !isFrozen && now - last.seenAt <= 2 * LOCK_MARGIN
      const next = { holder, since: isStill ? last.since : now, seenAt: now, isFrozen }
      sights.set(name, next)
      askAt = isFrozen && channel.isOpen ? now : next.since + timeout + LOCK_MARGIN
      isSilent = false
      return next
    }

    /** Without a channel no tab can be asked, so its silence says nothing. */
    async function asksInVain(): Promise<boolean> {
      if (!channel.isOpen) return false
      alive = null
      const isAlive = () => stopped || alive === alone
      const ms = Math.min(ANSWER_TIME, timeout)
      await channel.consult({ type: 'waiting', generation: 0, alone }, isAlive, ms)
      return !isAlive()
    }

    /** In steps, so that the time of the next holder begins soon after it has the lock. */
    function again(): void {
      if (!stopped) undo = environment.timer(look, Math.min(askAt - environment.monotonic(), LOCK_MARGIN))
    }

    return isOurs => {
      stopped = true
      undo()
      // The tab that had it before has let it go.
      if (isOurs) sights.delete(name)
    }
  }

  return {
    watch,
    hear({ type, alone: given }) {
      const alone = given === true
      if (type === 'alive') alive = alone
      else if (locks.inside === alone && !channel.isFlood(type)) {
        channel.post({ type: 'alive', generation: 0, alone })
      }
    },
  }
}

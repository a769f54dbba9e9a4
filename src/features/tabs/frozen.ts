import type { Kernel } from '../../kernel/feature.ts'
import type { TabChannel } from './channel.ts'
import type { Locks } from './locks.ts'
import type { Question } from './messages.ts'

/** Finds tabs that hold an exclusive lock and run no code: a browser can freeze a tab and leave it its lock. */
export interface Frozen {
  /**
   * Calls `stuck` when the same tab holds the lock for longer than a tab that is awake would. Returns a function that
   * stops watching; `isOurs`: the lock was granted to this tab.
   */
  watch(alone: boolean, stuck: () => void): (isOurs?: boolean) => void
  /** A message in which a tab asks the holder of the lock whether it is awake, or in which the holder replies. */
  hear(message: Question): void
}

/** What was last seen of the holder of a lock, so that the next waiting turn does not start counting from zero. */
interface Sight {
  /** `undefined`: nobody has it. */
  readonly holder: string | undefined
  readonly since: number
  seenAt: number
  /** The holder did not answer in time: the next turn does not wait for it again. */
  isFrozen: boolean
}

/**
 * A login, a logout, or a refresh that is answered in time, holds the lock for the timeout and this margin at most. A
 * slow refresh may take twice the timeout, since dropping its answer could end the session. So a tab that holds the
 * lock for longer is asked whether it is alive. If it is, it may hold the lock for twice the timeout and this margin.
 */
const LOCK_MARGIN = 2_000
const ANSWER_TIME = 1_000

export function createFrozen({ settings, environment }: Kernel, locks: Locks, channel: TabChannel): Frozen {
  const { timeout, log } = settings
  const sights = new Map<string, Sight>()
  /** The `alone` of the lock whose holder has just answered. */
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
        // Another tab may hold the lock by now.
        if (isSilent) return look()
        sight.isFrozen = false
        askAt = now < end - timeout ? end - timeout : end
        return again()
      }
      // No tab holds the lock, and yet it is not granted: Web Locks do not work here.
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

    /** `true`: the holder did not answer. Without a channel no tab can be asked, so silence means nothing. */
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
      // The holder before has released the lock.
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

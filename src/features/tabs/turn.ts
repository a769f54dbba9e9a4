import type { Kernel } from '../../kernel/feature.ts'
import type { Exclusive } from '../../kernel/parts.ts'
import { createQueue } from '../../kernel/turns.ts'
import type { TabChannel } from './channel.ts'
import type { Frozen } from './frozen.ts'
import type { Locks } from './locks.ts'
import type { Shown } from './shown.ts'

/** The turns of the whole browser: an exclusive lock lets one task run at a time. */
export function createTurns(
  kernel: Kernel,
  locks: Locks,
  channel: TabChannel,
  frozen: Frozen,
  shown: Shown,
): Exclusive {
  const { disposal } = kernel
  const inThisTab = createQueue()

  /** `alone`: under the second lock. Tabs that stop waiting for a frozen holder take turns among themselves by it. */
  async function inTurn<T>(
    task: (alone: boolean) => Promise<T>,
    giveUp: AbortSignal,
    alone: boolean,
  ): Promise<T> {
    const api = locks.api()
    if (!api) return task(alone)
    const waiting = new AbortController()
    const stopWatching = frozen.watch(alone, () => waiting.abort())
    const signal = AbortSignal.any([waiting.signal, disposal.signal, giveUp])
    let run: Promise<T> | undefined
    try {
      await api.request(locks.turn(alone), { signal }, async () => {
        stopWatching(true)
        locks.inside = alone
        try {
          // Reads the serials of the other tabs, so that a decision under this lock gets a higher one.
          await shown.newest()
          run = task(alone)
          await run.catch(() => {})
          await kernel.storage?.settled()
          await shown.show()
        } finally {
          locks.inside = null
        }
      })
    } catch {
      stopWatching()
      if (!run && !signal.aborted) locks.degrade('locks')
    }
    if (run) return run
    if (waiting.signal.aborted && !alone) return inTurn(task, giveUp, true)
    return task(signal.aborted)
  }

  // A tab asks for one lock at a time, so it never gets two turns while another tab waits.
  return (task, giveUp = disposal.signal) => {
    channel.open()
    return inThisTab(() => inTurn(task, giveUp, false))
  }
}

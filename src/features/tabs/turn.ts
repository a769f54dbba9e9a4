import type { Kernel } from '../../kernel/feature.ts'
import type { Exclusive } from '../../kernel/parts.ts'
import { createQueue } from '../../kernel/turns.ts'
import type { TabChannel } from './channel.ts'
import type { Frozen } from './frozen.ts'
import type { Locks } from './locks.ts'
import type { Shown } from './shown.ts'

/** Runs one task at a time in the whole browser, by an exclusive lock. */
export function createTurns(
  kernel: Kernel,
  locks: Locks,
  channel: TabChannel,
  frozen: Frozen,
  shown: Shown,
): Exclusive {
  const { disposal } = kernel
  const inThisTab = createQueue()

  /** A tab that cannot wait any longer for a frozen holder takes turns with the others that cannot. */
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
          // What is decided under the lock comes after what the tabs before have decided.
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

  // One turn of this tab after the other: it is then never granted two while another tab waits.
  return (task, giveUp = disposal.signal) => {
    channel.open()
    return inThisTab(() => inTurn(task, giveUp, false))
  }
}

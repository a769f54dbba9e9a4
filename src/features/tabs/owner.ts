import type { Kernel } from '../../kernel/feature.ts'
import type { LineageOwner } from '../../kernel/parts.ts'
import type { TabChannel } from './channel.ts'
import { type Hold, hold, type LockApi, type Locks } from './locks.ts'

/** Which client owns a lineage, and so refreshes for it: the owner shows it by a lock. */
export interface Ownership {
  /** Makes this client the owner of the lineage, unless another client is. Without locks every client owns its own. */
  own(lineage: number): Promise<LineageOwner>
  /** Does any tab own this lineage? Without an argument: does any tab own any lineage? */
  isOwned(lineage?: number | null): Promise<boolean>
  /** Is this client the owner of a lineage? */
  readonly isOwner: boolean
  /**
   * Holds the lock of the lineage that this client owns, and releases any other. `undefined`: there is nothing to wait
   * for.
   */
  adjust(): Promise<LineageOwner> | undefined
  leave(): void
}

export function createOwnership(
  kernel: Kernel,
  sharesTokens: boolean,
  locks: Locks,
  channel: TabChannel,
): Ownership {
  const { session, disposal } = kernel
  let owning: Hold | null = null
  /** Waits for the lock of a lineage that another client of this document owns, to be the next owner. */
  let heir: Hold | null = null

  const prefix = `${locks.key}:owner:`

  async function own(lineage: number): Promise<LineageOwner> {
    const api = locks.api()
    if (disposal.signal.aborted) return 'another client'
    if (!api) return 'this client'
    const name = `${prefix}${lineage}`
    if (owning?.name !== name) {
      owning?.release()
      owning = hold(api, name, { ifAvailable: true })
    }
    const current = owning
    if (await current.granted) return 'this client'
    if (owning === current) owning = null
    // The client that has the exclusive lock is this one: by that the locks show which document this is.
    const held = await locks.held()
    const here = locks.inside === null ? undefined : held.get(locks.turn(locks.inside))
    if (!here) return 'another client'
    if (held.get(name) !== here) return 'another tab'
    inherit(api, name)
    // If no client can refresh for this one, the clients of one document take turns with the stored token.
    return sharesTokens && channel.isOpen ? 'another client' : 'this client'
  }

  function inherit(api: LockApi, name: string): void {
    if (heir?.name === name) return
    disinherit()
    const current = hold(api, name, {})
    heir = current
    void current.granted.then(isOurs => {
      if (!isOurs || heir !== current) return
      heir = null
      owning = current
      void kernel.exclusive(async () => kernel.storage?.recover())
    })
  }

  function disown(): void {
    owning?.release()
    owning = null
  }

  function disinherit(): void {
    heir?.release()
    heir = null
  }

  return {
    own,
    async isOwned(lineage) {
      const names = sharesTokens ? [...(await locks.held()).keys()] : []
      return names.some(held => (lineage == null ? held?.startsWith(prefix) : held === `${prefix}${lineage}`))
    },
    get isOwner() {
      return owning !== null
    },
    adjust() {
      const { lineage, isFollower } = session
      if (heir?.name !== `${prefix}${lineage}`) disinherit()
      if (lineage === null || isFollower) disown()
      else if (!disposal.signal.aborted) return own(lineage)
      return undefined
    },
    leave() {
      disown()
      disinherit()
    },
  }
}

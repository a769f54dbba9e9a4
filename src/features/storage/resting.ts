import { within } from '../../kernel/abort.ts'
import type { Kernel } from '../../kernel/feature.ts'
import { NOTHING } from '../../kernel/own.ts'
import type { StoragePart } from '../../kernel/parts.ts'
import type { Rest } from '../../kernel/rest.ts'
import { goOnWith } from '../../kernel/resume.ts'
import type { Stamp } from '../../kernel/stamp.ts'
import type { LogoutReason, ProofKey, TokenStorage } from '../../types.ts'
import { createVault, PATIENCE } from './vault.ts'

/**
 * The stored token, and how a session goes on with it. In a storage of one tab it can be a copy, because the browser has
 * duplicated the tab. Then only the owner of the lineage goes on with it. If it belongs to another client of this document,
 * this client follows that one.
 */
export function createResting(kernel: Kernel, storage: TokenStorage): StoragePart {
  const { settings, disposal } = kernel
  const vault = createVault(kernel, storage)
  /** The stored token belongs to another client, maybe one of this document. */
  let isOthers = false

  /** If tabs are not shared, this client is the only possible owner. */
  const ownerOf = async (lineage: number) => (await kernel.tabs?.own(lineage)) ?? 'this client'

  function save(): void {
    const { tokens, stamp, lineage, isFollower } = kernel.session
    const { accessToken, expiresAt, refreshToken, key } = tokens ?? NOTHING
    const { serial, epoch } = stamp
    isOthers &&= isFollower
    if (settings.accessOnly) {
      if (accessToken) vault.save({ accessToken, expiresAt, lineage: epoch })
    } else if (refreshToken) {
      vault.save({ refreshToken, lineage: lineage ?? epoch, serial, key: key?.id })
    } else if (!vault.shared) {
      // Keeps the stored token of the followed lineage, because it may be this tab's own from before a reload. `recover`
      // decides.
      vault.drop(lineage === null ? serial : lineage - 1)
    }
  }

  /** The session is over. */
  function end(reason: LogoutReason, told: boolean): void {
    const { epoch, serial } = kernel.session.stamp
    const isDecision = reason === 'logout' || reason === 'idle'
    // Only the client that refreshes with the stored token may remove it.
    if (isOthers && !isDecision && reason !== 'other-tab') return
    vault.drop(Math.max(serial, epoch), isDecision && !told)
  }

  async function recover(): Promise<boolean> {
    const { session } = kernel
    const { tokens, lineage, stamp } = session
    const { epoch } = stamp
    if (lineage !== null && tokens?.refreshToken) return recheck(lineage, stamp)
    const found = await vault.load(settings.accessOnly ? undefined : () => session.expected)
    if (isOver(stamp)) return true
    if (found === undefined) return tokens?.refreshToken !== undefined
    if (found) session.see(0, found.lineage)
    let key: ProofKey | null | undefined
    try {
      if (found?.refreshToken) key = await keyOf(found)
    } catch {
      return false // the key may exist, and cannot be read now
    }
    if (isOver(stamp)) return true
    if (key === null) {
      vault.drop(found?.lineage ?? 0)
      session.resume(undefined, null)
      return true
    }
    if (settings.accessOnly) {
      if (found && !session.held && !(await goOnWith(kernel, found))) vault.drop(found.lineage)
    } else if (vault.shared) {
      // A tab that had not heard of the newest login may have written last.
      const isCurrent = found !== null && found.lineage >= epoch
      if (isCurrent || !tokens?.refreshToken)
        session.resume(isCurrent ? found.refreshToken : undefined, null, key)
      else save()
    } else if (found?.refreshToken) {
      const isOlder = session.held && lineage !== found.lineage
      const owner = isOlder ? 'another tab' : await ownerOf(found.lineage)
      if (isOver(stamp)) return true
      isOthers = owner === 'another client'
      if (isOthers) {
        session.resume(undefined, found.lineage)
        return true
      }
      const isOurs = owner === 'this client'
      settings.log({ type: 'storage-read', outcome: isOurs ? 'resumed' : 'dropped' })
      if (isOurs) session.resume(found.refreshToken, found.lineage, key)
      else vault.drop(found.lineage)
    }
    return true
  }

  /** A login or logout that came while the storage was read decides what this tab holds. */
  const isOver = (stamp: Stamp): boolean => disposal.signal.aborted || kernel.session.stamp !== stamp

  /** The key that the refresh token is bound to; `null`: this browser no longer has it, so the token cannot be used. */
  async function keyOf({ key }: Rest): Promise<ProofKey | null | undefined> {
    const { proof } = kernel
    const held = kernel.session.tokens?.key
    if (!proof || held?.id === key) return held
    if (key === undefined) return null
    return within(kernel.environment, PATIENCE, null, async () => proof.find(key), disposal.signal)
  }

  /**
   * A stored token that this client goes on with may turn out to be an old copy: browsers show writes of other tabs
   * late.
   */
  async function recheck(lineage: number, stamp: Stamp): Promise<true> {
    const found = await vault.load()
    const isOurs = found !== null && (await ownerOf(lineage)) === 'this client'
    if (isOver(stamp)) return true
    if (!isOurs) kernel.session.resume(undefined, lineage)
    // Without locks another client of this document has refreshed with it.
    else if (found?.refreshToken && found.lineage === lineage)
      kernel.session.resume(found.refreshToken, lineage, kernel.session.tokens?.key)
    return true
  }

  return {
    get shared() {
      return vault.shared
    },
    load: () => vault.load(),
    drop: vault.drop,
    recover,
    settled: vault.settled,
    async succeed(spent, refreshToken) {
      const found = await vault.load()
      if (found?.refreshToken === spent) vault.save({ ...found, refreshToken })
    },
    changed(change) {
      if (change.type === 'commit' || change.type === 'rotate') save()
      else if (change.type === 'clear') end(change.why.reason, change.told)
    },
  }
}

import { within } from '../../kernel/abort.ts'
import type { Kernel } from '../../kernel/feature.ts'
import { createNote } from '../../kernel/note.ts'
import { bare, pick } from '../../kernel/own.ts'
import type { Rest } from '../../kernel/rest.ts'
import { isStored } from '../../kernel/stamp.ts'
import { isUsable } from '../../kernel/token.ts'
import type { TokenStorage } from '../../types.ts'

export interface Vault {
  /** Do all tabs read the same storage? */
  readonly shared: boolean
  /**
   * `undefined`: it cannot be read now. Browsers show writes of other tabs late, so a value with a lower serial than
   * expected is read again, for a second at most.
   */
  load(expected?: () => number): Promise<Rest | null | undefined>
  /** In a storage that the tabs share it never replaces the token of a newer login. */
  save(rest: Rest): void
  /**
   * Removes the stored token of this lineage or an older one, but not of a newer one. `ends`: copies in tabs that are
   * asleep or closed no longer count either.
   */
  drop(lineage: number, ends?: boolean): void
  /** When all that was written has arrived. */
  settled(): Promise<unknown>
}

/** A storage that hangs must not block the session or the lock. */
export const PATIENCE = 1_000
const LOOK_AGAIN = 20

/** The app's storage, which may be full, blocked, slow or filled by somebody else. */
export function createVault(kernel: Kernel, storage: TokenStorage): Vault {
  const { settings, environment } = kernel
  const key = `silent-refresh:token:${settings.sessionKey}`
  const ledger = createNote(kernel, 'newest')
  const isShared = (): boolean => pick(storage, 'shared').shared === true
  let copy: Rest | null = null
  let broken = false
  let told = false
  let last: Promise<unknown> = Promise.resolve()

  function complain(): void {
    if (!told) settings.log({ type: 'storage-unavailable' })
    told = true
  }

  /**
   * `null` if the storage fails. A tab's own storage is replaced by memory from then on; a shared one cannot be
   * replaced.
   */
  async function attempt<T>(use: () => T | Promise<T>): Promise<{ value: T } | null> {
    try {
      const used = use()
      const isLater = typeof (used as Promise<T> | null)?.then === 'function'
      return { value: isLater ? await within(environment, PATIENCE, null, async () => used) : (used as T) }
    } catch {
      broken = !isShared()
      complain()
      return null
    }
  }

  /** The number of the newest copy among all tabs. `raise`: makes a higher one. */
  function newest(raise = false): number {
    // If the number cannot be read, any copy counts as the newest.
    const known = ledger.read() ?? 0
    if (!raise) return known
    const next = Math.max(known + 1, Math.floor(environment.now()))
    ledger.write(next)
    return next
  }

  async function load(expected = () => 0, since = environment.monotonic()): Promise<Rest | null | undefined> {
    const least = newest()
    await last
    const got = broken ? null : await attempt(() => storage.get(key))
    if (!got) return isShared() ? undefined : copy
    const rest = got.value == null ? null : parse(got.value, environment.now())
    if (got.value != null && !rest) complain()
    const serial = rest?.serial ?? 0
    if (!isShared()) return rest?.serial !== undefined && serial < least ? null : rest
    if (serial >= expected() || environment.monotonic() >= since + PATIENCE) return rest
    await new Promise<void>(resolve => void environment.timer(resolve, LOOK_AGAIN))
    return load(expected, since)
  }

  /** Also where it cannot be read: nothing may outlive a logout. What goes back to a newer login is not ours to change. */
  function change(lineage: number, work: () => Promise<unknown>): void {
    last = load().then(found => (found && found.lineage > lineage ? null : work()))
  }

  const remove = () => attempt(() => storage.remove(key))

  return {
    get shared() {
      return isShared()
    },
    load,
    save(rest) {
      // A token that renews itself is in every tab, and no copy of it is used up by another.
      copy = isShared() ? rest : { ...rest, serial: newest(!settings.sliding) }
      const text = JSON.stringify({ v: 1, ...copy })
      // Nobody else writes to a storage of this tab alone. So the stored token is older, even if a wrong clock has given it a
      // higher number.
      const over = isShared() ? rest.lineage : Number.POSITIVE_INFINITY
      // The token that is still stored is used up. A client that sent it would end the session.
      change(over, async () => broken || (await attempt(() => storage.set(key, text))) || remove())
    },
    drop(lineage, ends = false) {
      copy = null
      if (ends && !isShared()) newest(true)
      change(lineage, remove)
    },
    settled: () => last,
  }
}

function parse(text: unknown, now: number): Rest | null {
  try {
    const rest = bare(JSON.parse(text as string))
    const { v, refreshToken, accessToken, expiresAt = 0, lineage, serial = 0, key = '' } = rest
    const fits =
      v === 1 &&
      isUsable(refreshToken ?? accessToken) &&
      isStored(lineage, now) &&
      isStored(serial, now) &&
      Number.isFinite(expiresAt) &&
      typeof key === 'string'
    return fits ? rest : null
  } catch {
    return null
  }
}

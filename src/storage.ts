import type { Environment } from './environment.ts'
import type { Settings } from './options.ts'
import { isUsable } from './token.ts'
import type { TokenStorage } from './types.ts'

export const NOWHERE: TokenStorage = { get: () => null, set() {}, remove() {} }

/** The default: tokens rest in the client's own closure and end with the page. */
export const memoryStorage = (): TokenStorage => NOWHERE

/**
 * Lets what refreshes the session rest in `sessionStorage` or `localStorage`, where any script of the page can read it.
 * Only for backends that cannot set a cookie. A function is called at each use: `webStorage(() => sessionStorage)` also
 * works on a server, and where the browser throws at the very name.
 */
export function webStorage(storage: Storage | (() => Storage)): TokenStorage {
  const open = typeof storage === 'function' ? storage : () => storage
  return {
    get: key => open().getItem(key),
    set: (key, value) => open().setItem(key, value),
    remove: key => open().removeItem(key),
    get shared() {
      try {
        return open() === localStorage
      } catch {
        return false
      }
    },
  }
}

/** What rests: the refresh token, or where there is none the access token that renews itself. */
export interface Rest {
  readonly refreshToken?: string | undefined
  readonly accessToken?: string | undefined
  readonly expiresAt?: number | undefined
  /** The login that it goes back to. */
  readonly lineage: number
}

export interface Vault {
  /** Is there a storage at all? Then what is not in it is nowhere. */
  readonly exists: boolean
  /** All tabs see the same. */
  readonly shared: boolean
  load(): Promise<Rest | null>
  save(rest: Rest): void
  /** Removes what goes back to this login or an older one; a newer one is not ours to remove. */
  drop(lineage: number): void
  /** When all that was written has arrived. */
  settled(): Promise<unknown>
}

/** A storage that hangs must not hold up the session, nor the lock. */
const PATIENCE = 1_000

/** The app's storage, which may be full, blocked, slow or filled by somebody else. */
export function createVault({ storage = NOWHERE, scope, log }: Settings, environment: Environment): Vault {
  const key = `silent-refresh:token:${scope}`
  let copy: Rest | null = null
  let broken = false
  let told = false
  let last: Promise<unknown> = Promise.resolve()

  function complain(): void {
    if (!told) log({ type: 'storage-unavailable' })
    told = true
  }

  /** What the storage says; where it fails, from then on memory takes its place. */
  async function attempt<T>(use: () => T | Promise<T>): Promise<T | undefined> {
    if (broken) return undefined
    let undo = () => {}
    try {
      const used = use()
      if (typeof (used as Promise<T> | null)?.then !== 'function') return used
      const late = new Promise<never>((_, reject) => {
        undo = environment.timer(() => reject(new Error('too slow')), PATIENCE)
      })
      return await Promise.race([used, late])
    } catch {
      broken = true
      complain()
      return undefined
    } finally {
      undo()
    }
  }

  async function load(): Promise<Rest | null> {
    await last
    const text = await attempt(() => storage.get(key))
    if (broken) return copy
    const rest = text == null ? null : parse(text)
    if (text != null && !rest) complain()
    return rest
  }

  return {
    exists: storage !== NOWHERE,
    get shared() {
      return storage.shared === true
    },
    load,
    save(rest) {
      copy = rest
      last = last.then(() => attempt(() => storage.set(key, JSON.stringify({ v: 1, ...rest }))))
    },
    drop(lineage) {
      copy = null
      const isOurs = (rest: Rest | null) => !rest || rest.lineage <= lineage
      last = load().then(rest => (isOurs(rest) ? attempt(() => storage.remove(key)) : undefined))
    },
    settled: () => last,
  }
}

function parse(text: unknown): Rest | null {
  try {
    const rest = JSON.parse(text as string)
    const { v, refreshToken, accessToken, expiresAt = 0, lineage } = rest
    const fits =
      v === 1 &&
      isUsable(refreshToken ?? accessToken) &&
      Number.isSafeInteger(lineage) &&
      Number.isFinite(expiresAt)
    return fits ? rest : null
  } catch {
    return null
  }
}

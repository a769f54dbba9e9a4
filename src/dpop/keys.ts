import { within } from '../kernel/abort.ts'
import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import { browserKeyStore, type KeyStore } from '../kernel/key-store.ts'
import { type Algorithm, createKey, type DPoPKey, isKey } from './key.ts'

/** The keys of one client: one for each login. */
export interface Keys {
  /** A new one. @throws AuthError `unsupported`; also where it cannot be stored, if `mustOutlive` */
  create(mustOutlive?: boolean): Promise<DPoPKey>
  /** `null`: this browser no longer has it. */
  find(id: string): Promise<DPoPKey | null>
  /** The one of the session that a page before this one had, or else a new one. */
  current(): Promise<DPoPKey>
  /** A session with this key has begun. */
  use(key: DPoPKey): void
  /** The session has ended. */
  remove(id: string): void
}

/** A stored key, and what is known of it. */
interface StoredKey extends DPoPKey {
  /** The session that it is of: keys of another one are never removed for this one's. */
  readonly session: string
  /** When it was made, epoch milliseconds. */
  readonly at: number
  /** When a session began with it; 0: never so far. */
  readonly used: number
}

/** So many are kept for the sessions of one key of `sessionKey`, the newest. */
const KEPT = 8
/** How long the browser may take to read or write one. */
const PATIENCE = 3_000

type Needs = Pick<Kernel, 'settings' | 'environment'>

export function createKeys(kernel: Needs, algorithm: Algorithm): Keys {
  const { environment, settings } = kernel
  const store: KeyStore = environment.keyStore ?? browserKeyStore
  const { sessionKey: session } = settings
  /** Where there is no storage, a key lives as long as the page. */
  const known = new Map<string, DPoPKey>()

  const inTime = <T>(work: () => Promise<T>): Promise<T> => within(environment, PATIENCE, null, work)

  /** Of this session, and only what can be used. */
  async function stored(): Promise<StoredKey[]> {
    const all = (await inTime(store.all)) as StoredKey[]
    const own = all.filter(key => key.session === session)
    const fit = await Promise.all(own.map(isKey))
    const usable = own.filter((_, index) => fit[index])
    return usable.sort((a, b) => b.used - a.used || b.at - a.at)
  }

  async function save(key: DPoPKey, used: number): Promise<void> {
    const { id, privateKey, jwk } = key
    const record: StoredKey = { id, privateKey, jwk, session, at: environment.now(), used }
    await inTime(() => store.put(record))
    const all = (await stored()).filter(one => one.id !== id).sort((a, b) => b.at - a.at)
    for (const old of all.slice(KEPT - 1)) await inTime(() => store.remove(old.id))
  }

  async function create(mustOutlive = false): Promise<DPoPKey> {
    const key = await createKey(algorithm)
    known.set(key.id, key)
    try {
      await save(key, 0)
    } catch {
      if (mustOutlive) {
        throw new AuthError('unsupported', 'The browser stores no key for the return: log in by a popup.')
      }
    }
    return key
  }

  return {
    create,
    async find(id) {
      return known.get(id) ?? (await stored()).find(key => key.id === id) ?? null
    },
    async current() {
      const [last] = await stored().catch(() => [])
      // A new one is stored once it has a session: else each visitor would keep one, and be known by it.
      const key = last ?? (await createKey(algorithm))
      known.set(key.id, key)
      return key
    },
    use(key) {
      known.set(key.id, key)
      save(key, environment.now()).catch(() => {})
    },
    remove(id) {
      known.delete(id)
      inTime(() => store.remove(id)).catch(() => {})
    },
  }
}

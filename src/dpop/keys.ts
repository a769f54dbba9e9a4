import { within } from '../kernel/abort.ts'
import { AuthError } from '../kernel/errors.ts'
import type { Kernel } from '../kernel/feature.ts'
import { browserKeyStore } from '../kernel/key-store.ts'
import type { Proof } from '../kernel/proof-part.ts'
import { type Algorithm, createKey, type DPoPKey, isKey } from './key.ts'

/** The keys of one client: one for each login. */
export interface Keys extends Pick<Proof, 'create' | 'find' | 'current'> {
  /** The session with the key `last` has ended, one with the key `next` has begun. */
  succeed(last: DPoPKey | undefined, next: DPoPKey | undefined): void
}

/** First the one of the last session. Then those that were made since, the newest first, and those of older sessions. */
type StoredKeys = readonly DPoPKey[]

/** So many are kept for one `sessionKey`. */
const KEPT = 8
/** How long the browser may take to read or write them. */
const PATIENCE = 3_000

export function createKeys(kernel: Pick<Kernel, 'settings' | 'environment'>, algorithm: Algorithm): Keys {
  const { environment, settings } = kernel
  const store = environment.keyStore ?? browserKeyStore
  /** Where nothing can be stored, the last one lives as long as the page. */
  let made: DPoPKey | undefined

  const change = (update: (keys: StoredKeys) => StoredKeys): Promise<StoredKeys> =>
    within(environment, PATIENCE, null, () => store(settings.sessionKey, update as never) as never)

  async function create(mustOutlive?: boolean): Promise<DPoPKey> {
    const key = await createKey(algorithm)
    made = key
    await change(keys => [...keys.slice(0, 1), key, ...keys.slice(1, KEPT - 1)]).catch(() => {
      if (mustOutlive) throw new AuthError('unsupported', 'No key can be stored: log in by a popup.')
    })
    return key
  }

  /** The first with this id. */
  async function stored(id?: string): Promise<DPoPKey | null> {
    const key = (await change(keys => keys)).find(each => !id || each.id === id)
    return key && (await isKey(key)) ? key : null
  }

  return {
    create,
    find: async id => (made?.id === id ? made : stored(id)),
    async current() {
      // A new one is stored once it has a session: else each visitor would keep one, and be known by it.
      made = (await stored().catch(() => null)) ?? (await createKey(algorithm))
      return made
    },
    succeed(last, next) {
      const others = (keys: StoredKeys) => keys.filter(({ id }) => id !== last?.id && id !== next?.id)
      change(keys => (next ? [next, ...others(keys)] : others(keys))).catch(() => {})
    },
  }
}

import type { ProofKey } from '../types.ts'

/**
 * Keeps a list of keys for each `sessionKey`, beyond the page: replaces it by what `update` makes of it, and settles with that.
 * No other tab changes the list meanwhile. May reject: private windows and full disks.
 */
export type KeyStore = (
  sessionKey: string,
  update: (keys: readonly ProofKey[]) => readonly ProofKey[],
) => Promise<readonly ProofKey[]>

const STORE = 'keys'

/** IndexedDB, since it alone stores keys that no script can read. */
export const browserKeyStore: KeyStore = async (sessionKey, update) => {
  const opening = indexedDB.open('silent-refresh')
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
  const database = await resultOf(opening)
  try {
    const transaction = database.transaction(STORE, 'readwrite')
    const store = transaction.objectStore(STORE)
    const before: readonly ProofKey[] = (await resultOf(store.get(sessionKey))) ?? []
    const keys = update(before)
    if (keys !== before) store.put(keys, sessionKey)
    // A write counts when its transaction has ended: a full disk is noticed then.
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve
      transaction.onabort = () => reject(transaction.error)
    })
    return keys
  } finally {
    database.close()
  }
}

const resultOf = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

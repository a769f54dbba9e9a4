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
export const browserKeyStore: KeyStore = (sessionKey, update) =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open('silent-refresh')
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const database = opening.result
      try {
        const transaction = database.transaction(STORE, 'readwrite')
        const store = transaction.objectStore(STORE)
        const reading = store.get(sessionKey)
        let keys: readonly ProofKey[]
        reading.onsuccess = () => {
          const before = reading.result ?? []
          keys = update(before)
          if (keys !== before) store.put(keys, sessionKey)
        }
        // A write counts when its transaction has ended: a full disk is noticed then.
        transaction.oncomplete = () => resolve(keys)
        transaction.onabort = () => reject(transaction.error)
      } catch (error) {
        reject(error)
      }
      // Waits for the transaction.
      database.close()
    }
  })

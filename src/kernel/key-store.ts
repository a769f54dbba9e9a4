import type { ProofKey } from '../types.ts'

/** Keeps keys beyond the page. Each call may reject: private windows and full disks. */
export interface KeyStore {
  put(key: ProofKey): Promise<unknown>
  all(): Promise<ProofKey[]>
  remove(id: string): Promise<unknown>
}

const NAME = 'silent-refresh'
const STORE = 'keys'

/** IndexedDB, since it alone stores keys that no script can read. */
export const browserKeyStore: KeyStore = {
  put: key => use('readwrite', store => store.put(key)),
  all: () => use('readonly', store => store.getAll()),
  remove: id => use('readwrite', store => store.delete(id)),
}

function use<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: 'id' })
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const database = opening.result
      const end = (settle: () => void) => () => {
        database.close()
        settle()
      }
      try {
        const transaction = database.transaction(STORE, mode)
        const request = ask(transaction.objectStore(STORE))
        transaction.oncomplete = end(() => resolve(request.result))
        transaction.onabort = end(() => reject(transaction.error))
      } catch (error) {
        end(() => reject(error))()
      }
    }
  })
}

import type { State, Store } from './server.ts'

/** A new name with each change of the stored state, because an older state could not be read. */
const NAME = 'silent-refresh-demo-1'

/** In IndexedDB, so that a worker that the browser has stopped goes on where it was. */
export function createStore(): Store {
  let database: Promise<IDBDatabase> | undefined

  const objects = async (mode: IDBTransactionMode): Promise<IDBObjectStore> => {
    database ??= open()
    return (await database).transaction('state', mode).objectStore('state')
  }
  return {
    async read() {
      const found: State | undefined = await settled((await objects('readonly')).get('now'))
      return found
    },
    async write(state) {
      await settled((await objects('readwrite')).put(state, 'now'))
    },
  }
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1)
  request.onupgradeneeded = () => request.result.createObjectStore('state')
  return settled(request)
}

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

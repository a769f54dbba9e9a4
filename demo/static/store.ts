import type { State, Store } from './server.ts'

/** A new number with each change of the stored state, because an older state could not be read. */
const VERSION = 1

/**
 * In IndexedDB, so that a worker that the browser has stopped goes on where it was. `folder`: of the page; a host can have it
 * twice. A browser that stores nothing forgets the sessions with its worker.
 */
export function createStore(folder: string): Store {
  let database: Promise<IDBDatabase> | undefined

  async function objects(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    database ??= open(`silent-refresh-demo-${VERSION} ${folder}`)
    return (await database).transaction('state', mode).objectStore('state')
  }
  async function read(): Promise<State | undefined> {
    return settled((await objects('readonly')).get('now'))
  }
  async function write(state: State): Promise<void> {
    await settled((await objects('readwrite')).put(state, 'now'))
  }
  return {
    read: () => read().catch(() => undefined),
    write: state => write(state).catch(() => {}),
  }
}

function open(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1)
  request.onupgradeneeded = () => request.result.createObjectStore('state')
  return settled(request)
}

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

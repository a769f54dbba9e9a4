import { type AuthClientOptions, createAuthClient, type LogEvent, webStorage } from 'silent-refresh'
import { type DPoPOptions, dpop } from 'silent-refresh/dpop'
import { type OAuthOptions, oauth } from 'silent-refresh/oauth'
import { findFragments } from './find-fragments.ts'
import { record } from './record.ts'

export interface DPoPPageOptions {
  /** At an authorization server; without it, at the app's own backend. */
  oauth?: Partial<OAuthOptions>
  /** Of the proofs. */
  algorithm?: DPoPOptions['algorithm']
  /** By its name. */
  storage?: 'sessionStorage' | 'localStorage'
  /** What this machine's clock is ahead, in milliseconds. */
  skew?: number
  /**
   * What IndexedDB does to this page. `missing`: there is none. `denied`: it refuses to be opened, as where site data is blocked.
   * `full`: nothing can be written. `silent`: it never answers.
   */
  indexedDB?: 'missing' | 'denied' | 'full' | 'silent'
  [option: string]: unknown
}

declare global {
  interface Window {
    /** All stored keys, as IndexedDB gives them to any script of the page. */
    storedKeys(): Promise<any[]>
  }
}

window.seen = []
window.uncaught = []
window.refusals = []
window.logged = []
window.addEventListener('error', event => window.uncaught.push(String(event.message)))
window.addEventListener('unhandledrejection', event => window.uncaught.push(String(event.reason)))
window.findFragments = findFragments

const {
  oauth: provider,
  algorithm,
  storage,
  skew = 0,
  indexedDB: state,
  ...options
}: DPoPPageOptions = JSON.parse(document.querySelector('#options')?.textContent || '{}')

if (skew !== 0) {
  const { now } = Date
  Date.now = () => now() + skew
}

const { open } = IDBFactory.prototype
const { put } = IDBObjectStore.prototype
if (state === 'missing') Object.defineProperty(window, 'indexedDB', { value: undefined })
if (state === 'denied') {
  IDBFactory.prototype.open = () => {
    throw new DOMException('The operation is insecure.', 'SecurityError')
  }
}
if (state === 'silent') {
  IDBFactory.prototype.open = () => new EventTarget() as IDBOpenDBRequest
}
if (state === 'full') {
  IDBObjectStore.prototype.put = function (...given) {
    const request = put.apply(this, given)
    this.transaction.abort()
    return request
  }
}

window.storedKeys = () =>
  new Promise((resolve, reject) => {
    const opening: IDBOpenDBRequest = open.call(indexedDB, 'silent-refresh')
    // There is none yet, and this must not be the one that makes it.
    opening.onupgradeneeded = () => opening.transaction?.abort()
    opening.onerror = () => (opening.error?.name === 'AbortError' ? resolve([]) : reject(opening.error))
    opening.onsuccess = () => {
      const database = opening.result
      const all = database.transaction('keys').objectStore('keys').getAll()
      all.onsuccess = () => {
        database.close()
        resolve(all.result.flat())
      }
    }
  })

window.another = () => {
  const auth: Window['auth'] = createAuthClient({
    ...(provider
      ? oauth(provider as OAuthOptions)
      : { endpoints: { login: 'login', refresh: 'refresh_token', logout: 'logout' } }),
    ...dpop({ algorithm }),
    ...(storage && { storage: webStorage(() => window[storage]) }),
    logger: (event: LogEvent) => window.logged.push(event),
    ...(options as AuthClientOptions),
  })
  record(auth)
  return auth
}
window.auth = window.another()

for (const [id, request] of [
  ['redirect', {}],
  ['popup', { popup: true }],
] as const) {
  document.querySelector(`#${id}`)?.addEventListener('click', () => {
    window.auth.login(request).catch(error => window.refusals.push(error.code))
  })
}

/** In a frame, which tells the page around it how its session goes. */
async function life(): Promise<string[]> {
  const { auth } = window
  const items = new URL('/items', location.href).href
  const stored = await window.storedKeys().then(
    () => 'stored',
    error => error.name,
  )
  const said = [window.origin, stored]
  said.push((await auth.login({ user: 'ada' })).status, `${(await auth.fetch(items)).status}`)
  said.push((await auth.refresh()).status, `${(await auth.fetch(items)).status}`)
  return said
}
if (location.search === '?life') {
  life().then(
    said => parent.postMessage(said, '*'),
    error => parent.postMessage([String(error)], '*'),
  )
}

import { isFunction } from '../../kernel/checked.ts'
import { demand, plan } from '../../kernel/feature.ts'
import { pick } from '../../kernel/own.ts'
import type { Feature, TokenStorage } from '../../types.ts'
import { browserStorage } from './browser-storage.ts'
import { createResting } from './resting.ts'

/**
 * Stores the token that refreshes the session in `sessionStorage` or `localStorage`, where any script of the page can read
 * it. Only for backends that cannot set a cookie. A function is called at each use, so `webStorage(() => sessionStorage)` also
 * works on a server, and in browsers that throw when a script names the storage.
 *
 * @throws AuthError `invalid_option`
 */
export function webStorage(storage: Storage | (() => Storage)): Feature<'storage'> {
  // If the browser has no storage, the value is null, and the app keeps its tokens in memory.
  const isGiven = storage === null || [storage, pick(storage as Storage, 'getItem').getItem].some(isFunction)
  demand(isGiven, 'webStorage', 'given a Storage or a function that returns one')
  return tokenStorage(browserStorage(typeof storage === 'function' ? storage : () => storage))
}

/**
 * Stores the token that refreshes the session in a storage of your own, sync or async.
 *
 * @throws AuthError `invalid_option`
 */
export function tokenStorage(storage: TokenStorage): Feature<'storage'> {
  const methods = Object.values(pick(storage, 'get', 'set', 'remove')).filter(isFunction)
  demand(methods.length === 3, 'tokenStorage', 'given an object with get, set and remove')
  return plan('storage', kernel => createResting(kernel, storage))
}

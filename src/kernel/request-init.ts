import type { Bearer } from './bearer.ts'
import type { Call, ToInit } from './call.ts'
import type { CookiesPart, CsrfPart } from './parts.ts'
import type { Settings } from './settings.ts'
import { noRedirect, supported } from './supported.ts'

export interface Needs {
  readonly settings: Settings
  readonly csrf: CsrfPart | undefined
  readonly cookies: CookiesPart | undefined
}

/** Cache modes that ask the server. */
const ASKING = ['no-store', 'reload', 'no-cache']

export function createToInit(kernel: Needs, bearer: Bearer): ToInit {
  return (call, target, token, isReplay = false) => {
    const { csrf, cookies } = kernel
    const headers = bearer.attach(call.headers, cookies ? null : token)
    // From here on the app may change its own headers: the call goes on with the copy.
    if (call.isGiven) call.headers = headers
    const init = stoppable(call, { ...call.init, headers })
    const request = typeof target === 'string' ? null : target
    if (request) {
      // Any `init` resets these two of a Request (Fetch §5.4), so set them again.
      const { referrer, referrerPolicy } = request
      if (referrer !== 'about:client') init.referrer ??= referrer
      if (referrerPolicy) init.referrerPolicy ??= referrerPolicy
    }
    if (cookies) init.credentials ??= credentialsOf(request) ?? cookies.credentials(token)
    // The cache may hold the answer that was refused.
    if (isReplay && !ASKING.includes((request ?? init).cache as string)) {
      Object.assign(init, supported({ cache: 'reload' }, { cache: 'no-store' }))
    }
    const isGuarded = csrf?.guard(headers, call.method, call.url as string, token)
    if (isGuarded && request?.redirect !== 'manual' && init.redirect == null)
      Object.assign(init, noRedirect())
    return init
  }
}

/** Adds the signal by which `auth.api` gives up an attempt. */
export function stoppable<T extends RequestInit>({ common, signal }: Call, init: T): T {
  if (!common?.signal) return init
  return Object.assign(init, { signal: AbortSignal.any(signal ? [signal, common.signal] : [common.signal]) })
}

/** A Request for which the app set no credentials shows `same-origin`. */
const credentialsOf = (request: Request | null): RequestCredentials | undefined =>
  request && request.credentials !== 'same-origin' ? request.credentials : undefined

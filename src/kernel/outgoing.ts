import type { Bearer } from './bearer.ts'
import type { Call } from './call.ts'
import type { Held } from './held.ts'
import type { CookiesPart, CsrfPart } from './parts.ts'
import type { Settings } from './settings.ts'
import { noRedirect, supported } from './supported.ts'

interface Needs {
  readonly settings: Pick<Settings, 'sending'>
  readonly csrf: Pick<CsrfPart, 'guard'> | undefined
  readonly cookies: Pick<CookiesPart, 'credentials'> | undefined
}

/** Sends a call with this token, without one where it is `null`. `target`: that of the call, or a copy of it. */
export type Send = (
  call: Call,
  target: Request | string,
  token: Held | null,
  isReplay?: boolean,
) => Promise<Response>

/** Cache modes that ask the server. */
const ASKING = ['no-store', 'reload', 'no-cache']

export function createSend(kernel: Needs, bearer: Bearer): Send {
  const { sending } = kernel.settings

  return (call, target, token, isReplay = false) => {
    const { csrf, cookies } = kernel
    const headers = bearer.attach(call.headers, cookies ? null : token)
    // The app may change its own from here on.
    if (call.isGiven) call.headers = headers
    const init = initOf(call)
    init.headers = headers
    const request = typeof target === 'string' ? null : target
    if (request) {
      // Any init at all resets these two on a Request (Fetch §5.4) to what they mostly are, and parses the first.
      const { referrer, referrerPolicy } = request
      if (referrer !== 'about:client') init.referrer ??= referrer
      if (referrerPolicy) init.referrerPolicy ??= referrerPolicy
    }
    if (cookies) init.credentials ??= credentialsOf(request) ?? cookies.credentials(token)
    // The cache may hold the very answer that is asked about again.
    if (isReplay && !ASKING.includes((request ?? init).cache as string)) {
      Object.assign(init, supported({ cache: 'reload' }, { cache: 'no-store' }))
    }
    const isGuarded = csrf?.guard(headers, call.method, call.url as string, token)
    if (isGuarded && request?.redirect !== 'manual' && init.redirect == null)
      Object.assign(init, noRedirect())
    return sending.send(target, init)
  }
}

/** A copy of what the caller gave, with what else gives the request up. */
export function initOf({ init, common, signal }: Call): RequestInit {
  const copy = { ...init }
  if (common?.signal) copy.signal = AbortSignal.any(signal ? [signal, common.signal] : [common.signal])
  return copy
}

/** A Request that says nothing of its credentials says `same-origin`. */
const credentialsOf = (request: Request | null): RequestCredentials | undefined =>
  request && request.credentials !== 'same-origin' ? request.credentials : undefined

import { copyHeaders, copyPlain, type HeaderCopy, NO_HEADERS } from './bearer.ts'
import type { Held } from './held.ts'
import type { Owner } from './identity.ts'
import { NOTHING } from './own.ts'

/** A member of `init` by which `auth.api` says what all attempts of one call have in common. Nothing of it is sent. */
export const OWNER = 'silent-refresh owner'

/** One call of an HTTP client, which may be sent more than once. */
export interface Common {
  /** The owner of all attempts. */
  readonly owner: Owner
  /** The timeout of the call does not run while it waits for a session or a token. */
  readonly isPatient: boolean
  /** Called with each such wait of the current attempt. */
  whileWaiting?: <T>(wait: Promise<T>) => Promise<T>
  /** Aborts the attempt that is on the wire. */
  signal?: AbortSignal
}

type Marked = RequestInit & { [OWNER]?: Common }

export const commonOf = (init: RequestInit | null | undefined): Common | undefined =>
  init != null && Object.hasOwn(init, OWNER) ? (init as Marked)[OWNER] : undefined

/** A request of the app, read once, when `fetch` is called. */
export interface Call {
  /** Absolute URL. `null`: the token may not be sent there. */
  readonly url: string | null
  readonly method: string
  readonly signal: AbortSignal | null | undefined
  /** The two arguments of native `fetch`. */
  target: string | Request
  readonly init: RequestInit
  /** The headers of `init` or `target`, not a copy: a header that is removed from them is not sent. */
  headers: HeaderCopy
  /** `target` is the app's own object, so the app may still change it. */
  readonly isGiven: boolean
  /** The body can be read once only: it is never sent again. */
  readonly isOneShot: boolean
  readonly common: Common | undefined
}

type Attempt<T> = (call: Call, target: Request | string, token: Held | null, isReplay?: boolean) => T

/**
 * Makes the `init` of a call. `token` is `null` if nobody is signed in. `target`: that of the call, or a copy of it.
 */
export type ToInit = Attempt<RequestInit & { readonly headers: Headers }>

/** Sends a call with this token. */
export type Send = Attempt<Promise<Response>>

/**
 * Reads the arguments as native `fetch` does. Values that could still change, such as the body, and objects that only look
 * like a Request, are read by the constructor of Request. `fetch` uses it too.
 */
export function readCall(
  input: RequestInfo | URL,
  given: RequestInit | null | undefined,
  judge: (url: string) => string | null,
): Call {
  // The `body` of a Request is always a stream, so it does not show whether the app gave one.
  if (given instanceof Request) return readCall(new Request(input, given), null, judge)
  const text = typeof input === 'string' || input instanceof URL ? `${input}` : null
  const url = text === null ? null : judge(text)
  const common = commonOf(given)
  // Nothing else is in most of what `auth.api` hands over: no copy then.
  const isNothing = given == null || (common !== undefined && Object.keys(given).length === 1)
  const init: Marked | null = isNothing ? NOTHING : copyPlain(given)
  if (common && !isNothing) delete init?.[OWNER]
  if (init && text !== null && isSettled(init)) {
    const { method = 'GET', signal } = init
    let headers: HeaderCopy = NO_HEADERS
    if (init.headers !== undefined) init.headers = headers = copyHeaders(init.headers)
    const target = url ?? text
    return { url, method, signal, target, init, headers, isGiven: false, isOneShot: false, common }
  }
  const nativeUrl = text === null && isEmpty(init) ? urlOfNative(input) : undefined
  const isNative = nativeUrl !== undefined
  let request = isNative ? (input as Request) : new Request(url ?? text ?? input, init ?? given ?? {})
  let headers = headersOf(request)
  // The header may have to be removed, and never from the app's own object.
  const isGiven = isNative && (headers === NO_HEADERS || !request.headers.has('Authorization'))
  if (isNative && !isGiven) {
    request = new Request(input)
    headers = request.headers
  }
  return {
    url: text === null ? judge(nativeUrl ?? request.url) : url,
    method: request.method,
    signal: request.signal,
    target: request,
    init: restOf(
      init ?? {
        redirect: given?.redirect as RequestRedirect,
        credentials: given?.credentials as RequestCredentials,
      },
    ),
    headers,
    isGiven,
    isOneShot: isStream((init ?? given)?.body),
    common,
  }
}

/** Before a call waits: bad arguments throw now, and later changes by the app have no effect. */
export function hold(call: Call): void {
  const { target, init, headers, isGiven, isOneShot } = call
  if (typeof target === 'string') new Request(target, { ...init, headers })
  else if (isGiven || isOneShot) {
    call.target = new Request(target)
    if (isGiven) call.headers = call.target.headers
  }
}

/** For the logger: without the query, which can hold secrets. */
export const nameOf = ({ method, url }: Call): { method: string; url: string } => ({
  method,
  url: (url as string).replace(/[?#].*/, ''),
})

/** Has it a body that can be sent again? Decided by the method, since older Firefox has no `Request.body`. */
export const isCopied = ({ target, method, isOneShot }: Call): boolean =>
  typeof target !== 'string' && method !== 'GET' && method !== 'HEAD' && !isOneShot

export function discard(message: string | Request | Response, reason?: unknown): void {
  // A body that is locked or was read cannot be cancelled, and need not be.
  if (typeof message !== 'string') message.body?.cancel(reason).catch(() => {})
}

const headersOf = ({ headers }: Request): HeaderCopy => (headers.keys().next().done ? NO_HEADERS : headers)

/** Is it certain that the app cannot change anything in it after the call? */
const isSettled = ({ method = '', body }: RequestInit): boolean =>
  typeof method === 'string' && (Object(body) !== body || body instanceof Blob)

const isEmpty = (init: RequestInit | null): boolean => init !== null && Object.keys(init).length === 0

/**
 * The members of `init` that a Request does not show. Also `redirect` and `credentials`, because a Request does not show
 * whether the app set them. The body is left out: the Request has it, even if it does not show it
 * (Firefox).
 */
function restOf(init: RequestInit): RequestInit {
  if (init === NOTHING) return init
  const { redirect, credentials, ...others } = init
  const rest: Record<PropertyKey, unknown> = {}
  for (const name of Reflect.ownKeys(others))
    if (name !== 'body' && !(name in Request.prototype)) rest[name] = others[name as never]
  return { ...rest, ...(redirect && { redirect }), ...(credentials && { credentials }) }
}

/**
 * The URL of a real Request, read by the engine's own getter. A lookalike, a Proxy or a subclass could show one URL and be
 * sent to another. `undefined`: it is no real Request, or the app has given it members of its own.
 */
function urlOfNative(value: unknown): string | undefined {
  const { prototype } = Request
  if (Object(value) !== value || Object.getPrototypeOf(value) !== prototype) return undefined
  if (Object.keys(value as object).length > 0) return undefined
  if (native?.prototype !== prototype) {
    native = { prototype, getUrl: Object.getOwnPropertyDescriptor(prototype, 'url')?.get }
  }
  try {
    return native.getUrl?.call(value)
  } catch {
    return undefined
  }
}

/** The getter is looked up once because that is slow, and again if a test or a polyfill replaces Request. */
let native: { prototype: Request; getUrl: (() => string) | undefined } | undefined

/** A stream, or what some engines read as one. */
const isStream = (body: unknown): boolean =>
  Object(body) === body && ('getReader' in (body as object) || Symbol.asyncIterator in (body as object))

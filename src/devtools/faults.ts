import type { Kernel } from '../kernel/feature.ts'
import type { WireEvent } from './events.ts'

/** How the next refresh fails. */
export type Fault = 'network' | '401' | '500'

/** What the panel asks of `devtoolsFetch`. There is one panel in a document, so there is one of these. */
interface Faults {
  /** Of the client that the panel shows; `null`: no panel is mounted, and every request goes through unchanged. */
  kernel: Kernel | null
  /** Has any request gone through `devtoolsFetch`? Then the app has given it to its client. */
  isUsed: boolean
  isOffline: boolean
  nextRefresh: Fault | null
  /** Is the next request with a token answered with 401? */
  rejectsNext: boolean
  onRequest(event: WireEvent): void
}

const NONE = { kernel: null, isOffline: false, nextRefresh: null, rejectsNext: false, onRequest: () => {} }

export const faults: Faults = { ...NONE, isUsed: false }

/** The panel is gone: nothing fails any more. */
export const clearFaults = (): unknown => Object.assign(faults, NONE)

interface Call {
  readonly url: string
  readonly method: string
  readonly refreshes: boolean
  readonly generation: number | null
}

/**
 * The option `fetch` during development: it sends each request with the global `fetch`, shows it in the panel, and lets the
 * panel make requests fail. Without a mounted panel it changes nothing.
 *
 * @example
 * createAuthClient({ ...(import.meta.env.DEV && { fetch: devtoolsFetch }) })
 */
export async function devtoolsFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  faults.isUsed = true
  const { kernel, onRequest } = faults
  if (!kernel) return fetch(input, init)
  const call = readCall(kernel, input, init)
  const start = performance.now()
  const tell = (status: number, made: boolean) => {
    const { url, method, refreshes, generation } = call
    onRequest({
      type: 'request',
      method,
      url,
      status,
      ms: performance.now() - start,
      generation,
      refreshes,
      made,
    })
  }
  const fault = faultFor(call)
  if (fault === 'network') {
    tell(0, true)
    throw new TypeError('Failed to fetch')
  }
  if (fault) {
    tell(Number(fault), true)
    const body = { error: fault === '401' ? 'invalid_grant' : 'server_error' }
    return Response.json(body, { status: Number(fault) })
  }
  try {
    const response = await fetch(input, init)
    tell(response.status, false)
    return response
  } catch (error) {
    tell(0, false)
    throw error
  }
}

function faultFor({ refreshes, generation }: Call): Fault | null {
  if (faults.isOffline) return 'network'
  if (refreshes) {
    const fault = faults.nextRefresh
    faults.nextRefresh = null
    return fault
  }
  if (!faults.rejectsNext || generation === null) return null
  faults.rejectsNext = false
  return '401'
}

function readCall(kernel: Kernel, input: RequestInfo | URL, init: RequestInit = {}): Call {
  const request = input instanceof Request ? input : null
  const url = new URL(request?.url ?? String(input), kernel.environment.baseURI()).href
  const headers = new Headers(init.headers ?? request?.headers)
  const { held } = kernel.session
  const refreshes = isRefresh(kernel, url, headers, init.body)
  const isSigned = kernel.cookies
    ? kernel.settings.allowedOrigins.has(new URL(url).origin)
    : headers.has('Authorization')
  return {
    url,
    method: init.method ?? request?.method ?? 'GET',
    refreshes,
    generation: held && isSigned && !refreshes ? held.serial : null,
  }
}

/** Does this request ask for a new token? Where the endpoint is a function, its request says so, or that one is under way. */
function isRefresh(
  { settings, environment, refresher }: Kernel,
  url: string,
  headers: Headers,
  body: unknown,
): boolean {
  const { refresh } = settings.endpoints
  if (typeof refresh === 'string')
    return url === new URL(refresh, settings.baseUrl ?? environment.baseURI()).href
  if (!refresh) return false
  if (/grant_type"?[=:]\s*"?refresh_token/.test(String(body))) return true
  return refresher.flight?.sent === true && !headers.has('Authorization')
}

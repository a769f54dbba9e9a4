import type { Environment } from './environment.ts'
import type { Settings } from './options.ts'

/**
 * Adds the header of `csrf` where it belongs and the caller has not set it; says whether the request is one of those
 * that carry it, and so must not follow a redirect to a stranger. `pin`: what the value stays the same for.
 */
export type GuardRequest = (headers: Headers, method: string, url: string, pin?: object | null) => boolean

/** RFC 9110 §9.2.1. */
const SAFE = /^(GET|HEAD|OPTIONS|TRACE)$/i

export function createCsrfGuard(
  { csrf, mode, allowedOrigins }: Settings,
  environment: Environment,
): GuardRequest {
  let pinned: { to: object; value: string | undefined } | null = null

  function read(): string | undefined {
    const prefix = `${csrf?.cookie}=`
    const pair = environment
      .cookies()
      .split('; ')
      .find(text => text.startsWith(prefix))
    const value = pair?.slice(prefix.length)
    try {
      return value && decodeURIComponent(value)
    } catch {
      return value // not encoded then
    }
  }

  return (headers, method, url, pin) => {
    if (!csrf || SAFE.test(method) || !allowedOrigins.has(new URL(url).origin)) return false
    // Other tabs change the jar: with the value that its session began with, a request fails rather than be another's.
    if (mode === 'cookie' && pin && pinned?.to !== pin) pinned = { to: pin, value: read() }
    const value = mode === 'cookie' && pin ? pinned?.value : read()
    if (value && !headers.has(csrf.header)) headers.set(csrf.header, value)
    return true
  }
}

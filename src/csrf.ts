import type { Environment } from './environment.ts'
import type { Settings } from './options.ts'

/**
 * Adds the header of `csrf` where it belongs and the caller has not set it; says whether the request is one of those
 * that carry it, and so must not follow a redirect to a stranger. `session`: it goes out in the name of this one.
 */
export type GuardRequest = (headers: Headers, method: string, url: string, session?: object | null) => boolean

export interface CsrfGuard {
  readonly guard: GuardRequest
  /** A session, or a refresh of it, begins: its value is the one that is in the jar now. */
  pin(): void
}

/** RFC 9110 §5.5. Of anything else `Headers.set` would throw an error that quotes it. */
const FIELD_VALUE = /^[\t -~\x80-\xff]+$/

/** RFC 9110 §9.2.1. */
const SAFE = /^(GET|HEAD|OPTIONS|TRACE)$/i

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // not encoded then
  }
}

export function createCsrfGuard(
  { csrf, mode, allowedOrigins }: Settings,
  environment: Environment,
): CsrfGuard {
  let pinned: string | undefined

  function read(): string | undefined {
    const prefix = `${csrf?.cookie}=`
    // A sibling subdomain can set another cookie of this name, with whatever is in it.
    return environment
      .cookies()
      .split('; ')
      .filter(text => text.startsWith(prefix))
      .map(text => decode(text.slice(prefix.length)))
      .find(value => FIELD_VALUE.test(value) && value.trim() !== '')
  }

  return {
    guard(headers, method, url, session) {
      if (!csrf || SAFE.test(method) || !allowedOrigins.has(new URL(url).origin)) return false
      // Other tabs change the jar: with the value that its session began with, a request fails rather than be another's.
      if (mode === 'cookie' && session) pinned ??= read()
      const value = mode === 'cookie' && session ? pinned : read()
      if (value && !headers.has(csrf.header)) headers.set(csrf.header, value)
      return true
    },
    pin() {
      if (csrf && mode === 'cookie') pinned = read()
    },
  }
}

import { isName } from '../kernel/checked.ts'
import { demand, type Kernel, plan } from '../kernel/feature.ts'
import { hasOnly, pick } from '../kernel/own.ts'
import type { CsrfPart } from '../kernel/parts.ts'
import type { Feature } from '../types.ts'

/** The double-submit pattern: a readable cookie that is sent back as a header. */
export interface DoubleSubmitOptions {
  /** Name of the cookie, such as `XSRF-TOKEN`. */
  cookie: string
  /** Name of the header, such as `X-XSRF-TOKEN`. */
  header: string
}

/** RFC 9110 §5.5. For any other value `Headers.set` would throw an error that quotes it. */
const FIELD_VALUE = /^[\t -~\x80-\xff]+$/

/** RFC 9110 §9.2.1. */
const SAFE = /^(GET|HEAD|OPTIONS|TRACE)$/i

/**
 * Sends a readable cookie back as a header with unsafe methods (RFC 9110 §9.2.1), to allowed origins only. Such
 * requests do not follow redirects unless they say so themselves. In cookie mode the value stays the one that was read
 * first for each session and refresh, since other tabs change the jar.
 *
 * @throws AuthError `invalid_option`
 */
export function doubleSubmit(names: DoubleSubmitOptions): Feature<'csrf'> {
  const { cookie, header } = pick(names, 'cookie', 'header')
  demand(
    hasOnly(names, 'cookie', 'header') &&
      typeof cookie === 'string' &&
      cookie !== '' &&
      typeof header === 'string' &&
      isName(header),
    'doubleSubmit',
    'given { cookie, header }, the names of both',
  )
  return plan('csrf', kernel => createGuard(kernel, cookie, header))
}

function createGuard(kernel: Kernel, cookie: string, header: string): CsrfPart {
  const { settings, environment } = kernel
  const prefix = `${cookie}=`
  let pinned: string | undefined

  // Another subdomain can set a second cookie of this name, with any value.
  const read = (): string | undefined =>
    environment
      .cookies()
      .split('; ')
      .filter(text => text.startsWith(prefix))
      .map(text => decode(text.slice(prefix.length)))
      .find(value => FIELD_VALUE.test(value) && value.trim() !== '')

  return {
    guard(headers, method, url, session) {
      if (SAFE.test(method) || !settings.allowedOrigins.has(new URL(url).origin)) return false
      // Another tab may have signed in another user. With the first value of its session a request then fails, and is
      // not sent in that user's name.
      const isPinned = kernel.cookies && session
      if (isPinned) pinned ??= read()
      const value = isPinned ? pinned : read()
      if (value && !headers.has(header)) headers.set(header, value)
      return true
    },

    changed({ type }) {
      // A login or refresh has set a new cookie: use its value from now on.
      if (type === 'commit' && kernel.cookies) pinned = read()
    },
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // not encoded then
  }
}

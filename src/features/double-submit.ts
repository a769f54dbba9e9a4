import { demand, type Feature } from '../feature.ts'
import { hasOnly, pick } from '../own.ts'
import type { CsrfOptions } from '../types.ts'

export interface CsrfFeature extends Feature<'csrf'>, CsrfOptions {}

/** A token of RFC 9110 §5.6.2, or nearly. */
const NAME = /^[\w.~+-]+$/

/**
 * Sends a readable cookie back as a header with unsafe methods (RFC 9110 §9.2.1), to allowed origins only. Such
 * requests do not follow redirects unless they say so themselves. In cookie mode the value stays the one that was read
 * first for each session and refresh, since other tabs change the jar.
 *
 * @throws AuthError `invalid_option`
 */
export function doubleSubmit(names: CsrfOptions): CsrfFeature {
  const { cookie, header } = pick(names, 'cookie', 'header')
  const isCookie = typeof cookie === 'string' && cookie !== ''
  const isHeader = typeof header === 'string' && NAME.test(header)
  demand(
    hasOnly(names, 'cookie', 'header') && isCookie && isHeader,
    'doubleSubmit',
    'given { cookie, header }, the names of both',
  )
  return Object.freeze({ feature: 'csrf', cookie: cookie as string, header: header as string })
}

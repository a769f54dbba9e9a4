import type { Environment } from './environment.ts'
import { invalid } from './errors.ts'

/** Is it a URL that needs a page to be resolved? */
export function isRelative(value: string | URL): boolean {
  try {
    return !URL.canParse(value) && URL.canParse(value, 'https://localhost')
  } catch {
    return false // no text at all
  }
}

const LOOPBACK = /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/

/**
 * Resolves the URL as `fetch` does. With `page`, a URL without a host must stay on the page's origin: an injected
 * `<base>` could send passwords to another one.
 *
 * @throws AuthError `invalid_option`, naming it
 */
export function toUrl(
  name: string,
  value: string | URL,
  base?: string | URL,
  page?: Environment['page'],
): URL {
  let url: URL
  let isAstray = false
  try {
    const text = String(value)
    url = new URL(text, base)
    if (page) {
      const onPage = new URL(text, page.origin === 'null' ? undefined : page.origin)
      isAstray = url.origin !== onPage.origin
    }
  } catch {
    const place = page ? 'the origin is opaque' : 'there is no page'
    throw invalid(name, isRelative(value) ? `an absolute URL where ${place}` : 'a URL')
  }
  if (isAstray) throw invalid(name, 'an absolute URL where the <base> of the page leads to another origin')
  return url
}

/** @throws AuthError `invalid_option`, naming a URL that nothing is resolved against */
export function toAbsoluteUrl(name: string, value: string | URL): URL {
  try {
    return new URL(value)
  } catch {
    throw invalid(name, 'an absolute URL')
  }
}

/** Tokens and passwords are sent to this URL, so it must be HTTPS or local. */
export function secure(name: string, url: URL, page: Environment['page']): URL {
  const { protocol, hostname, origin, username } = url
  if (username) throw invalid(name, 'a URL without credentials')
  if (protocol === 'https:') return url
  if (protocol === 'http:' && (LOOPBACK.test(hostname) || origin === page?.origin)) return url
  throw invalid(name, page ? "https, loopback or the page's own origin" : 'https or loopback')
}

/** The folder that relative URLs resolve against; `undefined` if that needs a page and there is none. */
export function readBaseUrl(given: string | URL | undefined, page: Environment['page']): URL | undefined {
  const value = given ?? page?.origin ?? '/'
  if (!page && isRelative(value)) return undefined
  const url = secure('baseUrl', toUrl('baseUrl', value, page?.href, page), page)
  url.pathname = url.pathname.replace(/\/?$/, '/')
  return url
}

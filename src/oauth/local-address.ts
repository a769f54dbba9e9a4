import { invalid } from '../kernel/errors.ts'

/**
 * Path, query and fragment of an address of this origin: where the page goes after a login. Everything else is refused, or
 * a link to the app could send the user to another site after the login.
 *
 * @throws AuthError `invalid_option`
 */
export function toLocalAddress(address: string | URL, here: string): string {
  const page = new URL(here)
  try {
    const url = new URL(address, page)
    const local = url.pathname + url.search + url.hash
    // A path that begins with two slashes would be read as a host.
    const again = new URL(local, page)
    // The path of a blob's URL, which shows the origin that has made it, is an address itself.
    const isLocal = url.origin === page.origin && again.origin === page.origin
    if (isLocal && again.pathname === url.pathname) return local
  } catch {
    // no URL at all
  }
  throw invalid('returnTo', 'an address of this origin')
}

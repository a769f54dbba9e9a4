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
    // Two slashes at its begin would be read as a host, and the path of a blob's URL is an address itself.
    const isPath = new URL(local, page).pathname === url.pathname
    if (isPath && url.origin === page.origin) return local
  } catch {
    // no URL at all
  }
  throw invalid('returnTo', 'an address of this origin')
}

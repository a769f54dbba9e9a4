import type { Fetch } from '../kernel/environment.ts'
import { AuthError } from '../kernel/errors.ts'

/** More redirects than these are a circle. */
const MOST_REDIRECTS = 20

/**
 * A page of this origin leaves for this address, and goes on until a page of the app is shown, as a browser does.
 * @throws AuthError `login_unavailable` where it stays at another server
 */
export async function navigate(fetch: Fetch, origin: string, to: string): Promise<URL> {
  let next = new URL(to)
  for (let hops = 0; hops === 0 || next.origin !== origin; hops++) {
    const response = await fetch(next, { redirect: 'manual' })
    const location = response.headers.get('Location')
    if (!location || response.ok || hops === MOST_REDIRECTS) {
      // Where app and server are of one origin, the address alone does not tell whose page it is.
      if (next.origin === origin) break
      const text = response.ok ? '' : `: ${(await response.text()).slice(0, 500)}`
      throw new AuthError('login_unavailable', `The tab shows a page of ${next.origin}${text}`, {
        status: response.status,
      })
    }
    next = new URL(location, next)
  }
  return next
}

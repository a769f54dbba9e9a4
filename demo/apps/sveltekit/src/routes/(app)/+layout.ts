import { redirect } from '@sveltejs/kit'
import { auth } from '../../lib/auth'
import type { LayoutLoad } from './$types'

// The server knows nobody: it would render these pages for nobody first.
export const ssr = false

// In an outage at the start the status is `unknown`. The layout then waits.
export const load: LayoutLoad = async ({ url }) => {
  const { status, claims } = await auth.ready()
  if (status === 'anonymous')
    redirect(307, `/login?${new URLSearchParams({ to: url.pathname + url.search })}`)
  return { sub: claims?.sub }
}

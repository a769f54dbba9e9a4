import { Outlet } from 'react-router'
import { auth, useSession } from '../auth'
import { signedInOnly } from '../guards'
import type { Route } from './+types/members'

export const clientMiddleware: Route.ClientMiddlewareFunction[] = [signedInOnly]

// The server knows nobody. With `hydrate` the guard runs before the first page is shown.
export const clientLoader = () => ({ sub: auth.session.claims?.sub })
clientLoader.hydrate = true as const

export const HydrateFallback = () => <p>One moment …</p>

export default function Members({ loaderData }: Route.ComponentProps) {
  const { status, claims, user, error } = useSession()
  // Off the screen at once, in whichever tab the user logs out. And what was loaded for one user is not for another.
  const isShown = status === 'authenticated' && claims?.sub === loaderData.sub
  // A page that is back from the back/forward cache is `unknown` for a moment. It keeps what the user has typed, and is hidden.
  const isKept = isShown || (status === 'unknown' && loaderData.sub != null)
  return (
    <>
      {isKept && (
        <div hidden={!isShown}>
          <p>
            Signed in as {user?.name}{' '}
            <button type="button" onClick={() => auth.logout()}>
              Log out
            </button>
          </p>
          <Outlet />
        </div>
      )}
      {!isShown && <p>One moment …</p>}
      {status === 'unknown' && error && (
        <p role="alert">The server cannot be reached. This page tries again.</p>
      )}
    </>
  )
}

import { Outlet } from 'react-router'
import { auth, useSession } from '../auth'
import { signedInOnly } from '../guards'
import type { Route } from './+types/members'

export const clientMiddleware: Route.ClientMiddlewareFunction[] = [signedInOnly]

// The server knows nobody. With `hydrate` the guard runs before the first page is shown.
export const clientLoader = () => null
clientLoader.hydrate = true as const

export const HydrateFallback = () => <p>One moment …</p>

// Off the screen at once, in whichever tab the user logs out.
export default function Members() {
  const isSignedIn = useSession(session => session.status === 'authenticated')
  const name = useSession(session => session.user?.name)
  if (!isSignedIn) return <p>One moment …</p>
  return (
    <>
      <p>
        Signed in as {name}{' '}
        <button type="button" onClick={() => auth.logout()}>
          Log out
        </button>
      </p>
      <Outlet />
    </>
  )
}

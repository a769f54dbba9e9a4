import { Navigate, Outlet, useLocation, useSearchParams } from 'react-router'
import { useSession } from './auth'
import { returnTo } from './return-to'

/** For pages that only users see. In an outage at the start the status is `unknown`: then the page waits. */
export function SignedInOnly() {
  const status = useSession(session => session.status)
  const { pathname, search, hash } = useLocation()
  if (status === 'authenticated') return <Outlet />
  if (status === 'unknown') return <p>One moment …</p>
  return <Navigate replace to={`/login?${new URLSearchParams({ to: pathname + search + hash })}`} />
}

/** For the login page: takes a user who is signed in back to where they wanted to go. */
export function SignedOutOnly() {
  const status = useSession(session => session.status)
  const [query] = useSearchParams()
  if (status === 'anonymous') return <Outlet />
  if (status === 'unknown') return <p>One moment …</p>
  return <Navigate replace to={returnTo(query.get('to'))} />
}

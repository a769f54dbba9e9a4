import { redirect } from 'react-router'
import { auth } from './auth'
import { returnTo } from './return-to'

/** For pages that only users see. In an outage at the start the status is `unknown`: then the page waits. */
export async function signedInOnly({ request }: { request: Request }) {
  const { status } = await auth.ready({ signal: request.signal })
  if (status !== 'anonymous') return
  const { pathname, search } = new URL(request.url)
  throw redirect(`/login?${new URLSearchParams({ to: pathname + search })}`)
}

/** For the login page: takes a user who is signed in back to where they wanted to go. */
export async function signedOutOnly({ request }: { request: Request }) {
  const { status } = await auth.ready({ signal: request.signal })
  if (status === 'authenticated') throw redirect(returnTo(new URL(request.url).searchParams.get('to')))
}

'use client'

import { useRouter } from 'next/navigation'
import { type ReactNode, useEffect } from 'react'
import { useSession } from '../lib/auth'
import { returnTo } from '../lib/return-to'

/** What the server has rendered for the user of the cookie. A logout hides it at once, before the server knows of it. */
export function ForUser({ children, fallback }: { children: ReactNode; fallback: ReactNode }) {
  const isSignedOut = useSession(session => session.status === 'anonymous')
  return isSignedOut ? fallback : children
}

export function ToLogin() {
  const router = useRouter()
  useEffect(() => {
    const { pathname, search } = location
    router.replace(`/login?${new URLSearchParams({ to: pathname + search })}`)
  }, [router])
  return <p>One moment …</p>
}

/** For the login page: takes a user who is signed in back to where they wanted to go. */
export function SignedOutOnly({ children }: { children: ReactNode }) {
  const router = useRouter()
  const status = useSession(session => session.status)
  useEffect(() => {
    const to = new URLSearchParams(location.search).get('to')
    if (status === 'authenticated') router.replace(returnTo(to))
  }, [status, router])
  return status === 'anonymous' ? children : <p>One moment …</p>
}

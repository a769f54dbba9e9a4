'use client'

import { useRouter } from 'next/navigation'
import { type ReactNode, useEffect } from 'react'
import { type User, useSession } from '../lib/auth'
import { returnTo } from '../lib/return-to'

interface ForUserProps {
  user: User | null
  children: ReactNode
  fallback: ReactNode
}

/** What the server has rendered for `user`. A logout and another user hide it at once, before the server knows of them. */
export function ForUser({ user, children, fallback }: ForUserProps) {
  const isSignedOut = useSession(session => session.status === 'anonymous')
  const now = useSession(session => session.user?.sub)
  if (isSignedOut) return fallback
  return user && now && now !== user.sub ? <p>One moment …</p> : children
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

'use client'

import { useRouter } from 'next/navigation'
import { type ReactNode, useEffect } from 'react'
import { useSession } from '../lib/auth'
import { returnTo } from '../lib/return-to'

export function SignedInOnly({ children }: { children: ReactNode }) {
  const router = useRouter()
  const status = useSession(session => session.status)
  useEffect(() => {
    const { pathname, search } = location
    if (status === 'anonymous') router.replace(`/login?${new URLSearchParams({ to: pathname + search })}`)
  }, [status, router])
  return status === 'authenticated' ? children : <Waiting />
}

export function SignedOutOnly({ children }: { children: ReactNode }) {
  const router = useRouter()
  const status = useSession(session => session.status)
  useEffect(() => {
    const to = new URLSearchParams(location.search).get('to')
    if (status === 'authenticated') router.replace(returnTo(to))
  }, [status, router])
  return status === 'anonymous' ? children : <Waiting />
}

/** It is not known yet who is signed in, or the page is about to change. */
export function Waiting() {
  const isFailing = useSession(({ status, error }) => status === 'unknown' && error !== null)
  return (
    <>
      <p>One moment …</p>
      {isFailing && <p role="alert">The server cannot be reached. This page tries again.</p>}
    </>
  )
}

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
  return status === 'authenticated' ? children : <p>One moment …</p>
}

export function SignedOutOnly({ children }: { children: ReactNode }) {
  const router = useRouter()
  const status = useSession(session => session.status)
  useEffect(() => {
    const to = new URLSearchParams(location.search).get('to')
    if (status === 'authenticated') router.replace(returnTo(to))
  }, [status, router])
  return status === 'anonymous' ? children : <p>One moment …</p>
}

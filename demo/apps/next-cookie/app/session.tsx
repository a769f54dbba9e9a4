'use client'

import { useRouter } from 'next/navigation'
import { type ReactNode, useEffect, useState, useTransition } from 'react'
import { auth, renew, useSession } from '../lib/auth'
import { returnTo } from '../lib/return-to'

/** Lets the server render again what it has rendered for another user, or for nobody. */
export function SessionChanges() {
  const router = useRouter()
  useEffect(() => {
    const tabs = new BroadcastChannel('logout-confirmed')
    const gone = new AbortController()
    const refresh = () => router.refresh()
    auth.on('login', ({ cause }) => cause !== 'restore' && refresh(), gone)
    auth.on('userChange', refresh, gone)
    // Not on `logout`: the cookie lives until the server has confirmed, and would bring the user's data once more.
    auth.on(
      'log',
      ({ type }) => {
        if (type !== 'revoked') return
        tabs.postMessage(null)
        refresh()
      },
      gone,
    )
    tabs.onmessage = refresh
    return () => {
      gone.abort()
      tabs.close()
    }
  }, [router])
  return null
}

/** What the server has rendered for the user of the cookie. After a logout it goes at once, whatever the server knows. */
export function ForUser({ children, fallback }: { children: ReactNode; fallback: ReactNode }) {
  const isOut = useSession(session => session.status === 'anonymous')
  return isOut ? fallback : children
}

/** In the place of a page that the server could not render: it had no access cookie that works, or no backend. */
export function Renew() {
  const router = useRouter()
  const isSignedIn = useSession(session => session.status === 'authenticated')
  const isFailing = useSession(session => session.error != null)
  const [isPending, start] = useTransition()
  const [hasFailed, setFailed] = useState(false)

  useEffect(() => {
    if (!isSignedIn || isFailing) return
    start(async () => {
      await renew()
      start(() => {
        router.refresh()
        setFailed(true)
      })
    })
  }, [isSignedIn, isFailing, router])

  if (isPending || !isSignedIn) return <p>One moment …</p>
  return (hasFailed || isFailing) && <p role="alert">The server cannot be reached. This page tries again.</p>
}

export function ToLogin() {
  const router = useRouter()
  useEffect(() => {
    const { pathname, search } = location
    router.replace(`/login?${new URLSearchParams({ to: pathname + search })}`)
  }, [router])
  return <p>One moment …</p>
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

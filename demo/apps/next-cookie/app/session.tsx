'use client'

import { useRouter } from 'next/navigation'
import { useCallback, useEffect, useRef, useState, useTransition } from 'react'
import { auth, renew, useSession } from '../lib/auth'

/** Asks the server for the page again when what it has rendered is another user's, or nobody's. */
export function SessionChanges() {
  const router = useRouter()
  const status = useSession(session => session.status)
  const before = useRef(status)

  useEffect(() => {
    if (status === 'unknown') return
    if (before.current === 'anonymous' && status === 'authenticated') router.refresh()
    before.current = status
  }, [status, router])

  useEffect(() => auth.on('userChange', () => router.refresh()), [router])

  // Not on `logout`: until the server has confirmed it the cookie works, and would bring the data of the user again.
  useEffect(() => {
    const otherTabs = new BroadcastChannel('logout-confirmed')
    otherTabs.onmessage = () => router.refresh()
    const stop = auth.on('log', ({ type }) => {
      if (type !== 'revoked') return
      otherTabs.postMessage(null)
      router.refresh()
    })
    return () => {
      stop()
      otherTabs.close()
    }
  }, [router])

  return null
}

/** In place of a page that the server could not load: the access cookie is dead, or the backend is away. */
export function Renew() {
  const router = useRouter()
  const isSignedIn = useSession(session => session.status === 'authenticated')
  const isFailing = useSession(session => session.error != null)
  const [isPending, start] = useTransition()
  const [isRenewed, setRenewed] = useState(false)

  const tryAgain = useCallback(() => {
    start(async () => {
      await renew()
      start(() => {
        setRenewed(true)
        router.refresh()
      })
    })
  }, [router])

  useEffect(() => {
    if (isSignedIn && !isFailing) tryAgain()
  }, [isSignedIn, isFailing, tryAgain])

  const isWaiting = isPending || !isSignedIn
  return (
    <>
      {isWaiting && <p>One moment …</p>}
      {isFailing && <p role="alert">The server cannot be reached. This page tries again.</p>}
      {isRenewed && !isWaiting && !isFailing && (
        <>
          <p role="alert">The server cannot be reached.</p>
          <button type="button" onClick={tryAgain}>
            Try again
          </button>
        </>
      )}
    </>
  )
}

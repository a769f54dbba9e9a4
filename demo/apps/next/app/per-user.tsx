'use client'

import { Fragment, type ReactNode, useEffect, useState } from 'react'
import { auth } from '../lib/auth'

/**
 * What one user has typed and seen is not for the next one: all pages begin anew. Also those that Next keeps hidden after a
 * navigation. They hear of no logout themselves, so this is in the root layout, which Next never hides.
 */
export function PerUser({ children }: { children: ReactNode }) {
  const [usersBefore, setUsersBefore] = useState(0)
  useEffect(() => {
    const leave = () => setUsersBefore(count => count + 1)
    const stops = [auth.on('logout', leave), auth.on('userChange', leave)]
    return () => {
      for (const stop of stops) stop()
    }
  }, [])
  return <Fragment key={usersBefore}>{children}</Fragment>
}

'use client'

import Link from 'next/link'
import { useSession } from '../lib/auth'
import { Waiting } from './guards'

export default function Home() {
  const status = useSession(session => session.status)
  const name = useSession(session => session.user?.name)
  return (
    <main>
      <h1>Welcome</h1>
      {status === 'unknown' && <Waiting />}
      {status === 'anonymous' && <Link href="/login">Log in</Link>}
      {status === 'authenticated' && (
        <p>
          Signed in as {name}. <Link href="/items">Items</Link>
        </p>
      )}
    </main>
  )
}

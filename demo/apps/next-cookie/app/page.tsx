import Link from 'next/link'
import { Suspense } from 'react'
import type { User } from '../lib/auth'
import { load } from '../lib/backend'
import { ForUser } from './guards'
import { Renew } from './session'

export default function Home() {
  return (
    <main>
      <h1>Welcome</h1>
      <Suspense fallback={<p>One moment …</p>}>
        <Account />
      </Suspense>
    </main>
  )
}

async function Account() {
  const user = await load<User>('/user/whoami')
  return (
    <ForUser user={user} fallback={<Link href="/login">Log in</Link>}>
      {user ? (
        <p>
          Signed in as {user.name}. <Link href="/items">Items</Link>
        </p>
      ) : (
        <Renew />
      )}
    </ForUser>
  )
}

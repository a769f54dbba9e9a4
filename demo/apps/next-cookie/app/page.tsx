import Link from 'next/link'
import type { User } from '../lib/auth'
import { load } from '../lib/backend'
import { ForUser } from './guards'
import { Renew } from './session'

export default async function Home() {
  const user = await load<User>('/user/whoami')
  return (
    <main>
      <h1>Welcome</h1>
      <ForUser fallback={<Link href="/login">Log in</Link>}>
        {user ? (
          <p>
            Signed in as {user.name}. <Link href="/items">Items</Link>
          </p>
        ) : (
          <Renew />
        )}
      </ForUser>
    </main>
  )
}

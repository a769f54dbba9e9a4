import { cookies } from 'next/headers'
import { Suspense } from 'react'
import type { User } from '../../lib/auth'
import { load } from '../../lib/backend'
import { ForUser, ToLogin } from '../guards'
import { Renew } from '../session'
import { AddItem, Buttons, RemoveItem } from './items'

interface Item {
  id: string
  title: string
}

export default function Page() {
  return (
    <Suspense fallback={<p>One moment …</p>}>
      <Items />
    </Suspense>
  )
}

async function Items() {
  const [user, items, jar] = await Promise.all([
    load<User>('/user/whoami'),
    load<Item[]>('/api/items'),
    cookies(),
  ])
  return (
    <ForUser user={user} fallback={<ToLogin />}>
      {user && items ? (
        <main>
          <h1>Items</h1>
          <p>Signed in as {user.name}</p>
          <Buttons />
          <ul>
            {items.map(({ id, title }) => (
              <li key={id}>
                {title} <RemoveItem id={id} title={title} />
              </li>
            ))}
          </ul>
          <AddItem csrf={jar.get('XSRF-TOKEN')?.value ?? ''} />
        </main>
      ) : (
        <Renew />
      )}
    </ForUser>
  )
}

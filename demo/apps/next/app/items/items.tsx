'use client'

import { useQuery } from '@tanstack/react-query'
import { useAuth, useSession } from '../../lib/auth'

interface Item {
  id: string
  title: string
}

export function Items() {
  const { api, logout } = useAuth()
  const name = useSession(session => session.user?.name)
  const isFailing = useSession(session => session.error != null)
  const { data, error, refetch } = useQuery({
    queryKey: ['items'],
    queryFn: ({ signal }) => api.get('/api/items', { signal }).json<Item[]>(),
  })

  return (
    <>
      <p>Signed in as {name}</p>
      <button type="button" onClick={() => logout()}>
        Log out
      </button>
      <button type="button" onClick={() => refetch()}>
        Reload
      </button>
      {error && (
        <p role="alert">
          {isFailing
            ? 'The server cannot be reached. This page tries again.'
            : 'The list could not be loaded.'}
        </p>
      )}
      <ul>
        {data?.map(({ id, title }) => (
          <li key={id}>{title}</li>
        ))}
      </ul>
    </>
  )
}

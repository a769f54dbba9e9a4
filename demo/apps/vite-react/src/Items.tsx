import { useQuery } from '@tanstack/react-query'
import { useAuth, useSession } from './auth'
import { NewItem } from './NewItem'

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
    <main>
      <h1>Items</h1>
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
      <NewItem />
      <ul>
        {data?.map(({ id, title }) => (
          <li key={id}>{title}</li>
        ))}
      </ul>
    </main>
  )
}

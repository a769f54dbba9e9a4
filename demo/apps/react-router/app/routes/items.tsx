import { useRevalidator } from 'react-router'
import { auth, useSession } from '../auth'
import type { Route } from './+types/items'

interface Item {
  id: string
  title: string
}

export const clientLoader = ({ request }: Route.ClientLoaderArgs) =>
  auth.api.get('/api/items', { signal: request.signal }).json<Item[]>()

export default function Items({ loaderData }: Route.ComponentProps) {
  const { revalidate } = useRevalidator()
  return (
    <main>
      <h1>Items</h1>
      <button type="button" onClick={() => revalidate()}>
        Reload
      </button>
      <ul>
        {loaderData.map(({ id, title }) => (
          <li key={id}>{title}</li>
        ))}
      </ul>
    </main>
  )
}

export function ErrorBoundary() {
  const { revalidate } = useRevalidator()
  const isFailing = useSession(session => session.error != null)
  if (isFailing) return <p role="alert">The server cannot be reached. This page tries again.</p>
  return (
    <>
      <p role="alert">The list could not be loaded.</p>
      <button type="button" onClick={() => revalidate()}>
        Reload
      </button>
    </>
  )
}

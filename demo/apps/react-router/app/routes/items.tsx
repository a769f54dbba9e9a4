import { Form, useNavigation, useRevalidator } from 'react-router'
import { isAuthError, isHTTPError } from 'silent-refresh'
import { auth, useSession } from '../auth'
import type { Route } from './+types/items'

interface Item {
  id: string
  title: string
}

export const clientLoader = ({ request }: Route.ClientLoaderArgs) =>
  auth.api.get('/api/items', { signal: request.signal }).json<Item[]>()

/** Returns what the user is told. Afterwards all loaders run again, and the new item is in the list. */
export async function clientAction({ request }: Route.ClientActionArgs) {
  const form = await request.formData()
  try {
    await auth.api.post('/api/items', { json: { title: String(form.get('title')) } })
    return ''
  } catch (error) {
    // The API has answered, with a 4xx or 5xx status.
    if (isHTTPError(error))
      return error.response.status < 500 ? 'Choose another title.' : 'The item was not added.'
    // The user has gone: the layout takes this page away.
    if (isAuthError(error) && !error.retryable) return ''
    return 'The server cannot be reached.'
  }
}

export default function Items({ loaderData, actionData }: Route.ComponentProps) {
  const { revalidate } = useRevalidator()
  const isBusy = useNavigation().state === 'submitting'
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
      {/* After each addition another form, which is empty. */}
      <Form method="post" key={loaderData.length}>
        <label>
          Title <input name="title" required />
        </label>
        <button type="submit" disabled={isBusy}>
          Add
        </button>
        {actionData && <p role="alert">{actionData}</p>}
      </Form>
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

import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { useAuth, useSession } from './auth'

// `auth.api` repeats a failed call itself.
const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } })

export function Queries({ children }: { children: ReactNode }) {
  const auth = useAuth()
  const isFailing = useSession(session => session.error != null)

  useEffect(() => auth.on('logout', forget), [auth])
  useEffect(() => auth.on('userChange', loadAgain), [auth])

  // An outage is over: what has failed is loaded again.
  useEffect(() => {
    if (!isFailing) queries.refetchQueries({ predicate: ({ state }) => state.status === 'error' })
  }, [isFailing])

  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>
}

/** What one user has loaded, or not sent yet, is not for the next one. `clear()` would leave it on the screen. */
function forget() {
  queries.getMutationCache().clear()
  for (const query of queries.getQueryCache().getAll()) query.reset()
}

function loadAgain() {
  forget()
  queries.refetchQueries({ type: 'active' })
}

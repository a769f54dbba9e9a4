import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { useAuth, useSession } from './auth'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // `auth.api` repeats a failed call itself, and rejects without a network, so that the page can say so.
      retry: false,
      networkMode: 'always',
      // What could not be loaded is tried again.
      refetchInterval: ({ state }) => (state.status === 'error' ? 10_000 : false),
    },
  },
})

export function Queries({ children }: { children: ReactNode }) {
  const auth = useAuth()
  const isFailing = useSession(session => session.error != null)

  useEffect(() => auth.on('logout', forget), [auth])
  useEffect(() => auth.on('userChange', loadAgain), [auth])

  // The client can refresh again: what has failed is loaded at once.
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

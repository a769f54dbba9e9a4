import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { useAuth, useSession } from './auth'

// `auth.api` repeats a failed call itself.
const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } })

export function Queries({ children }: { children: ReactNode }) {
  const auth = useAuth()
  const isFailing = useSession(session => session.error != null)

  // What one user has loaded is not for the next one.
  useEffect(() => auth.on('logout', () => queries.clear()), [auth])
  useEffect(() => auth.on('userChange', () => queries.clear()), [auth])

  // An outage is over: what has failed is loaded again.
  useEffect(() => {
    if (!isFailing) queries.refetchQueries({ predicate: ({ state }) => state.status === 'error' })
  }, [isFailing])

  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>
}

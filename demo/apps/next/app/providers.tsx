'use client'

import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'
import { auth, useSession } from '../lib/auth'

export function Providers({ children }: { children: ReactNode }) {
  // Not in a module, which a server has once for all its users.
  const [queries] = useState(createQueries)
  const isFailing = useSession(session => session.error != null)

  useEffect(() => auth.on('logout', () => forget(queries)), [queries])
  useEffect(() => {
    return auth.on('userChange', () => {
      forget(queries)
      queries.refetchQueries({ type: 'active' })
    })
  }, [queries])

  // The client can refresh again: what has failed is loaded at once.
  useEffect(() => {
    if (!isFailing) queries.refetchQueries({ predicate: ({ state }) => state.status === 'error' })
  }, [isFailing, queries])

  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>
}

const createQueries = () =>
  new QueryClient({
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

/** What one user has loaded, or not sent yet, is not for the next one. `clear()` would leave it on the screen. */
function forget(queries: QueryClient) {
  queries.getMutationCache().clear()
  for (const query of queries.getQueryCache().getAll()) query.reset()
}

'use client'

import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'
import { auth, useSession } from '../lib/auth'

export function Providers({ children }: { children: ReactNode }) {
  // Not in a module, which a server has once for all its users. `auth.api` repeats a failed call itself.
  const [queries] = useState(() => new QueryClient({ defaultOptions: { queries: { retry: false } } }))
  const isFailing = useSession(session => session.error != null)

  // What one user has loaded is not for the next one.
  useEffect(() => auth.on('logout', () => queries.clear()), [queries])
  useEffect(() => auth.on('userChange', () => queries.clear()), [queries])

  // An outage is over: what has failed is loaded again.
  useEffect(() => {
    if (!isFailing) queries.refetchQueries({ predicate: ({ state }) => state.status === 'error' })
  }, [isFailing, queries])

  return <QueryClientProvider client={queries}>{children}</QueryClientProvider>
}

import type { Environment } from './environment.ts'
import type { LogEvent } from './types.ts'

export interface Marker {
  stands(): boolean
  set(): void
  lift(): void
}

/**
 * 'Signed out', and no more, kept in localStorage: while it stands nothing restores the session, so that a server which
 * did not hear the logout cannot bring it back on a shared computer. Without storage it holds for this page alone.
 */
export function createMarker(
  environment: Environment,
  scope: string,
  log: (event: LogEvent) => void,
): Marker {
  const key = `silent-refresh:signed-out:${scope}`
  let inMemory = false
  let told = false

  const store = <T>(use: (storage: ReturnType<Environment['localStorage']>) => T): T | undefined => {
    if (!environment.page) return undefined
    try {
      return use(environment.localStorage())
    } catch {
      if (!told) log({ type: 'storage-unavailable' })
      told = true
      return undefined
    }
  }

  return {
    stands: () => inMemory || store(storage => storage.getItem(key)) != null,
    set() {
      inMemory = true
      store(storage => storage.setItem(key, '1'))
    },
    lift() {
      inMemory = false
      store(storage => storage.removeItem(key))
    },
  }
}

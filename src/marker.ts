import type { Environment } from './environment.ts'
import type { LogEvent } from './types.ts'

export interface Marker {
  stands(): boolean
  set(): void
  lift(): void
}

/**
 * 'Signed out', and no more, kept in localStorage: while it stands nothing restores the session, so that a server which
 * did not hear the logout cannot bring it back on a shared computer. Where storage fails it holds for this page alone.
 */
export function createMarker(
  environment: Environment,
  scope: string,
  log: (event: LogEvent) => void,
): Marker {
  const key = `silent-refresh:signed-out:${scope}`
  let inMemory = false
  let isStored = false
  let told = false

  /** Did the storage do it? */
  function attempt(use: (storage: ReturnType<Environment['localStorage']>) => void): boolean {
    if (!environment.page) return false
    try {
      use(environment.localStorage())
      return true
    } catch {
      if (!told) log({ type: 'storage-unavailable' })
      told = true
      return false
    }
  }

  return {
    stands() {
      let stored: string | null = null
      const isReadable = attempt(storage => {
        stored = storage.getItem(key)
      })
      // What was stored may have been lifted by another page since.
      return stored !== null || (inMemory && !(isReadable && isStored))
    },
    set() {
      inMemory = true
      isStored = attempt(storage => storage.setItem(key, '1'))
    },
    lift() {
      inMemory = false
      attempt(storage => storage.removeItem(key))
    },
  }
}

import type { Environment } from './environment.ts'
import type { LogEvent } from './types.ts'

export interface Marker {
  /** `decided`: how far this tab has come; a login that came after the logout does away with it, seen lifted or not. */
  stands(decided: number): boolean
  set(generation: number): void
  lift(): void
}

/**
 * 'Signed out', since when, and no more, kept in localStorage: while it stands nothing restores the session, so that a
 * server which did not hear the logout cannot bring it back on a shared computer. Where storage fails it holds for this
 * page alone.
 */
export function createMarker(
  environment: Environment,
  scope: string,
  log: (event: LogEvent) => void,
): Marker {
  const key = `silent-refresh:signed-out:${scope}`
  /** Of the logout, where this page knows of one. */
  let known: number | null = null
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
    stands(decided) {
      let stored: string | null = null
      const isReadable = attempt(storage => {
        stored = storage.getItem(key)
      })
      // What was stored may have been lifted by another page since.
      const generation = stored ?? (isReadable && isStored ? null : known)
      return generation !== null && !(Number(generation) < decided)
    },
    set(generation) {
      known = Math.max(known ?? 0, generation)
      isStored = attempt(storage => {
        known = Math.max(known ?? 0, Number(storage.getItem(key)) || 0)
        storage.setItem(key, `${known}`)
      })
    },
    lift() {
      known = null
      attempt(storage => storage.removeItem(key))
    },
  }
}

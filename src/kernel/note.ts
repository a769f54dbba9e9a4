import type { Environment } from './environment.ts'
import type { StoragePart } from './parts.ts'
import type { Settings } from './settings.ts'
import { isStored } from './stamp.ts'

/** One number (a time or a serial) that outlives the page. */
export interface Note {
  /** `null`: there is no note, or its value makes no sense; `undefined`: storage cannot be read. */
  read(): number | null | undefined
  /** `true`: it was stored. */
  write(value: number): boolean
  remove(): void
}

export interface NoteNeeds {
  readonly settings: Settings
  readonly environment: Environment
  readonly tabs: object | undefined
  readonly storage: Pick<StoragePart, 'shared'> | undefined
}

/**
 * In localStorage, where all tabs read it; in sessionStorage if the session belongs to this tab alone. If storage is
 * missing, blocked or full, `failed` is called and nothing is thrown.
 */
export function createNote(kernel: NoteNeeds, name: string, failed: () => void = () => {}): Note {
  const { settings, environment } = kernel
  const key = `silent-refresh:${name}:${settings.sessionKey}`
  const isOwn = (): boolean =>
    !kernel.tabs &&
    (kernel.storage ? !kernel.storage.shared : settings.accessOnly && !settings.endpoints.restore)

  function attempt<T>(use: (storage: ReturnType<Environment['localStorage']>) => T): T | undefined {
    // On a server all users would share it, and a worker has no storage.
    if (!environment.page || environment.page.isWorker) return undefined
    try {
      return use(isOwn() ? environment.sessionStorage() : environment.localStorage())
    } catch {
      failed()
      return undefined
    }
  }

  return {
    read() {
      const text = attempt(storage => storage.getItem(key))
      if (text === undefined) return undefined
      const value = Number(text || Number.NaN)
      return isStored(value, environment.now()) ? value : null
    },
    write: value => attempt(storage => storage.setItem(key, `${value}`) ?? true) === true,
    remove: () => attempt(storage => storage.removeItem(key)),
  }
}

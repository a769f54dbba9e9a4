import type { Environment } from './environment.ts'
import { isStored } from './stamp.ts'
import type { Settings } from './settings.ts'

/** One number near the time, which outlives the page. */
export interface Note {
  /** `null`: there is none, or what is there cannot be one; `undefined`: it cannot be read. */
  read(): number | null | undefined
  /** Has it arrived? */
  write(value: number): boolean
  remove(): void
}

/**
 * In localStorage, where all tabs read it; in sessionStorage where nothing of the session is any other tab's. Either may
 * be missing, blocked or full: `failed` is told so, and nobody else is disturbed.
 */
export function createNote(
  { sessionKey, tabs, storage, accessOnly, endpoints }: Settings,
  environment: Environment,
  name: string,
  failed: () => void = () => {},
): Note {
  const key = `silent-refresh:${name}:${sessionKey}`
  const isOwn = (): boolean =>
    tabs === 'off' && (storage ? !storage.shared : accessOnly && !endpoints.restore)

  function attempt<T>(use: (storage: ReturnType<Environment['localStorage']>) => T): T | undefined {
    // On a server it would be everybody's, and a worker has none.
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

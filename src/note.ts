import type { Environment } from './environment.ts'

/** One line of text that all tabs read, and that outlives them. No token is ever in it. */
export interface Note {
  /** `null`: there is none; `undefined`: it cannot be read. */
  read(): string | null | undefined
  /** Has it arrived? */
  write(text: string): boolean
  remove(): void
}

/** In localStorage, which may be blocked or full: `failed` is told so, and nobody else is disturbed. */
export function createNote(environment: Environment, name: string, failed: () => void = () => {}): Note {
  const key = `silent-refresh:${name}`

  function attempt<T>(use: (storage: ReturnType<Environment['localStorage']>) => T): T | undefined {
    // On a server it would be everybody's.
    if (!environment.page) return undefined
    try {
      return use(environment.localStorage())
    } catch {
      failed()
      return undefined
    }
  }

  return {
    read: () => attempt(storage => storage.getItem(key)),
    write: text => attempt(storage => storage.setItem(key, text) ?? true) === true,
    remove: () => attempt(storage => storage.removeItem(key)),
  }
}

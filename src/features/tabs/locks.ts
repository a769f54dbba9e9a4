import type { Environment } from '../../kernel/environment.ts'
import type { Kernel } from '../../kernel/feature.ts'
import type { LogEvent } from '../../types.ts'

export type LockApi = NonNullable<ReturnType<Environment['locks']>>
type Missing = Extract<LogEvent, { type: 'tabs-degraded' }>['missing']

/** The browser's locks, and what the browser refuses to this page. */
export interface Locks {
  /** The name of the channel and of the exclusive lock; the names of all other locks begin with it. */
  readonly key: string
  /**
   * The name of the exclusive lock. `alone`: of the second lock, for tabs that go on without waiting for a frozen
   * holder.
   */
  turn(alone: boolean): string
  /** The `alone` of the lock that this tab holds now; `null`: it holds none. */
  inside: boolean | null
  /**
   * The page is on its way to or from the back/forward cache. Failures in that time do not count as missing features.
   */
  isAway: boolean
  /** `undefined`: Web Locks cannot be used. */
  api(): LockApi | undefined
  /** The locks that are held now: for each name a page or worker that has it. None where the query is refused. */
  held(): Promise<Map<string | undefined, string | undefined>>
  lacks(part: Missing): boolean
  degrade(part: Missing): void
}

export function createLocks({ settings, environment }: Kernel): Locks {
  const key = `silent-refresh:${settings.sessionKey}`
  const missing = new Set<Missing>()

  const locks: Locks = {
    key,
    turn: alone => (alone ? `${key}:alone` : key),
    inside: null,
    isAway: false,
    api() {
      if (missing.has('locks')) return undefined
      const api = environment.locks()
      if (!api) locks.degrade('locks')
      return api
    },
    async held() {
      const api = missing.has('lock-query') ? undefined : locks.api()
      try {
        const { held = [] } = (await api?.query()) ?? {}
        return new Map(held.map(({ name, clientId }) => [name, clientId]))
      } catch {
        locks.degrade('lock-query')
        return new Map()
      }
    },
    lacks: part => missing.has(part),
    degrade(part) {
      if (locks.isAway) return
      if (!missing.has(part)) settings.log({ type: 'tabs-degraded', missing: part })
      missing.add(part)
    },
  }
  return locks
}

/** A lock that this tab keeps. */
export interface Hold {
  readonly name: string
  /** Settles with `false` if another tab holds the lock, or if this one was released before it was granted. */
  readonly granted: Promise<boolean>
  release(): void
}

export function hold(api: LockApi, name: string, options: LockOptions): Hold {
  const giveUp = new AbortController()
  const { signal } = giveUp
  const released = new Promise<void>(done => signal.addEventListener('abort', () => done()))
  const granted = new Promise<boolean>(resolve => {
    const keep = (lock: Lock | null) => {
      resolve(lock !== null)
      return lock && released
    }
    const all = options.ifAvailable ? options : { ...options, signal }
    api.request(name, all, keep).catch(() => resolve(!signal.aborted))
  })
  return { name, granted, release: () => giveUp.abort() }
}

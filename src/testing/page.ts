import {
  browserEnvironment,
  type Channel,
  type Environment,
  type Fetch,
  onActivity,
} from '../kernel/environment.ts'
import type { KeyStore } from '../kernel/key-store.ts'
import type { Windows } from '../kernel/windows.ts'
import type { ChannelHub } from './channel.ts'
import type { Deliver, LockHub } from './locks.ts'
import type { TestClock } from './test-clock.ts'

/** A storage as pages have it. */
export interface PageStorage extends Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'clear'> {
  names(): string[]
}

export function createStorage(before?: PageStorage): PageStorage {
  const stored = new Map<string, string>()
  for (const name of before?.names() ?? []) stored.set(name, before?.getItem(name) ?? '')
  return {
    getItem: key => stored.get(key) ?? null,
    setItem: (key, value) => void stored.set(key, value),
    removeItem: key => void stored.delete(key),
    clear: () => stored.clear(),
    names: () => [...stored.keys()],
  }
}

/** The keys that its pages keep for `dpop()`, as in IndexedDB. */
export function createKeyStore(): KeyStore {
  const stored = new Map<string, Awaited<ReturnType<KeyStore>>>()
  return async (sessionKey, update) => {
    const keys = update(stored.get(sessionKey) ?? [])
    stored.set(sessionKey, keys)
    return keys
  }
}

/** What the pages of one browser share. */
export interface Shared {
  readonly origin: string
  readonly clock: TestClock | undefined
  readonly locks: LockHub
  readonly channels: ChannelHub
  readonly localStorage: PageStorage
  readonly keyStore: KeyStore
  readonly wakeUps: Set<(event: { type: string }) => void>
  readonly hearing: Set<{ page: object; callback: () => void }>
  readonly fetch: Fetch
  isOnline(): boolean
}

/** One page of the app, in a tab. */
export interface Page {
  readonly environment: Environment
  /** The page is gone: nothing of it runs any more, and nobody is told. */
  close(): void
}

/** In the next microtask: no fake timer holds it up. */
const deliver: Deliver = task => void Promise.resolve().then(task)

const never = (): Promise<never> => new Promise(() => {})

/** `name`: of the page, for the locks that it holds. */
export function createPage(
  shared: Shared,
  name: string,
  windows: Windows,
  sessionStorage: PageStorage,
): Page {
  const { origin, clock, hearing, localStorage, wakeUps } = shared
  const globals = browserEnvironment()
  const { locks, close } = shared.locks.open(name, deliver)
  const undos = new Set<() => void>()
  const page = { href: windows.href(), origin }
  let isClosed = false

  /** Undone by its undo, or when the page is gone. */
  function untilClosed(undo: () => void): () => void {
    const end = () => {
      undos.delete(end)
      undo()
    }
    undos.add(end)
    return end
  }

  function timer(callback: () => void, ms: number): () => void {
    if (isClosed) return () => {}
    const end = untilClosed(
      (clock?.timer ?? globals.timer)(() => {
        undos.delete(end)
        callback()
      }, ms),
    )
    return end
  }

  async function fetch(...call: Parameters<Fetch>): Promise<Response> {
    try {
      return await (isClosed ? never() : shared.fetch(...call))
    } finally {
      if (isClosed) await never()
    }
  }

  /** The storage as this page has it: one that is gone writes nothing. */
  const own = (storage: PageStorage, written = () => {}) => ({
    getItem: storage.getItem,
    setItem(key: string, value: string) {
      if (isClosed) return
      storage.setItem(key, value)
      written()
    },
    removeItem(key: string) {
      if (!isClosed) storage.removeItem(key)
    },
  })

  const environment: Environment = {
    ...globals,
    page,
    windows,
    baseURI: () => windows.href(),
    now: clock?.now ?? globals.now,
    monotonic: clock?.monotonic ?? globals.monotonic,
    timer,
    fetch,
    online: () => shared.isOnline(),
    prerendering: () => false,
    onceShown: callback => timer(callback, 0),
    onWake(callback) {
      const stop = globals.onWake(callback)
      wakeUps.add(callback)
      return untilClosed(() => {
        stop()
        wakeUps.delete(callback)
      })
    },
    onActivity: callback => untilClosed(onActivity(callback)),
    locks: () => locks,
    channel(name): Channel {
      const channel = shared.channels.open(name, deliver, globals.report)
      untilClosed(() => channel.close())
      if (isClosed) channel.close()
      return channel
    },
    onStorage(callback) {
      const listener = { page, callback }
      hearing.add(listener)
      return untilClosed(() => void hearing.delete(listener))
    },
    localStorage: () =>
      own(localStorage, () => {
        for (const other of hearing)
          if (other.page !== page) deliver(other.callback, `${name} writes to localStorage`)
      }),
    sessionStorage: () => own(sessionStorage),
    keyStore: async (sessionKey, update) => (isClosed ? never() : shared.keyStore(sessionKey, update)),
  }

  return {
    environment,
    close() {
      isClosed = true
      close()
      for (const undo of [...undos]) undo()
    },
  }
}

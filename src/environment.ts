import type { Clock } from './clock.ts'

/** Everything the client asks of the world around it, so that tests can hand in another one. */
export interface Environment extends Clock {
  /** Where the page came from; `null` without a window. */
  readonly page: { readonly href: string; readonly origin: string; readonly referrer?: string } | null
  /** What `fetch` resolves a relative URL against, now. */
  baseURI(): string | undefined
  /** The global one, looked up at each call. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** The global one that was there at creation. */
  firstFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** Calls back once after `ms`, at most 2³¹−1; returns its undo. */
  timer(callback: () => void, ms: number): () => void
  random(): number
  report(error: unknown): void
  /** The callback, to be called where it was registered: in its zone, with zone.js. */
  inZone<T>(callback: (value: T) => void): (value: T) => void
  online(): boolean
  /**
   * Calls back whenever timers may have slept, the network may have changed, or the page comes and goes (`pageshow`
   * and `pagehide`, with `persisted`); returns its undo.
   */
  onWake(callback: (event: { type: string; persisted?: boolean }) => void): () => void
  /** Calls back one task from now, or when a prerendered page is shown; returns its undo. */
  onceShown(callback: () => void): () => void
  /** Web Locks; `undefined` where they are missing (insecure contexts). Its methods may reject. */
  locks(): Pick<LockManager, 'request' | 'query'> | undefined
  /** May throw, where channels are missing or blocked. */
  channel(name: string): Channel
  visible(): boolean
  /** Calls back, often, while somebody is at the keyboard, the pointer or the screen; returns its undo. */
  onActivity(callback: () => void): () => void
  /** Calls back when another tab has written to localStorage; returns its undo. */
  onStorage(callback: () => void): () => void
  /** `document.cookie`; empty without a window, or where the document may not have any. */
  cookies(): string
  /** May throw, as the browser's does where storage is blocked. */
  localStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  /** The same. */
  sessionStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
}

export interface Channel {
  postMessage(message: unknown): void
  onmessage: ((event: any) => void) | null
  close(): void
}

/** Reads every global late: importing and creating touch nothing that a test or a polyfill replaces afterwards. */
export function browserEnvironment(): Environment {
  const inWindow = typeof window !== 'undefined' && typeof document !== 'undefined'
  const firstFetch = globalThis.fetch
  const timer = (callback: () => void, ms: number) => {
    const id = outside(() => setTimeout(callback, ms))
    return () => clearTimeout(id)
  }

  return {
    page: inWindow ? { href: document.baseURI, origin: location.origin, referrer: document.referrer } : null,
    baseURI: () => (inWindow ? document.baseURI : undefined),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    fetch: (input, init) => fetch(input, init),
    firstFetch: (input, init) => firstFetch(input, init),
    timer,
    random: () => Math.random(),
    report(error) {
      if (typeof reportError === 'function') reportError(error)
      else
        timer(() => {
          throw error
        }, 0)
    },
    inZone(callback) {
      const zone = zones()?.current
      return zone ? value => zone.run(() => callback(value)) : callback
    },
    online: () => !inWindow || navigator.onLine !== false,
    onWake: callback =>
      listen(
        inWindow
          ? [
              [document, ['visibilitychange', 'resume']],
              [window, ['pageshow', 'pagehide', 'online', 'focus']],
            ]
          : [],
        callback,
      ),
    onceShown(callback) {
      if ((document as { prerendering?: boolean }).prerendering !== true) return timer(callback, 0)
      document.addEventListener('prerenderingchange', callback, { once: true })
      return () => document.removeEventListener('prerenderingchange', callback)
    },
    locks: () => (inWindow ? navigator.locks : undefined),
    channel: name => new BroadcastChannel(name),
    visible: () => !inWindow || document.visibilityState === 'visible',
    onActivity: callback =>
      listen(
        inWindow ? [[window, ['keydown', 'pointerdown', 'pointermove', 'touchstart', 'wheel']]] : [],
        callback,
        // Also what the app's own handlers stop on its way.
        { capture: true, passive: true },
      ),
    onStorage: callback => listen(inWindow ? [[window, ['storage']]] : [], callback),
    cookies() {
      try {
        return document.cookie
      } catch {
        return '' // no document, or one in a sandbox
      }
    },
    localStorage: () => localStorage,
    sessionStorage: () => sessionStorage,
  }
}

/** What is used of zone.js. */
interface Zone {
  run<T>(work: () => T): T
}

function zones(): { readonly root: Zone; readonly current: Zone } | undefined {
  const { Zone } = globalThis as { Zone?: ReturnType<typeof zones> }
  return typeof Zone?.root?.run === 'function' ? Zone : undefined
}

/** An app in zone.js, as of Angular, waits for each timer that was set in its own zone, and renders after each event. */
function outside<T>(work: () => T): T {
  const root = zones()?.root
  return root ? root.run(work) : work()
}

function listen(
  sources: [EventTarget, string[]][],
  callback: (event: any) => void,
  options?: AddEventListenerOptions,
): () => void {
  outside(() => {
    for (const [target, types] of sources) {
      for (const type of types) target.addEventListener(type, callback, options)
    }
  })
  return () => {
    for (const [target, types] of sources) {
      for (const type of types) target.removeEventListener(type, callback, options)
    }
  }
}

import type { Clock } from './clock.ts'

export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>

/** Everything the client asks of the world around it, so that tests can hand in another one. */
export interface Environment extends Clock {
  /** Where the page, or the browser's worker, came from; `null` where there is neither, as on a server. */
  readonly page: Page | null
  /** What `fetch` resolves a relative URL against, now. */
  baseURI(): string | undefined
  /** The global one, looked up at each call. */
  fetch: Fetch
  /** The global one that was there at creation. */
  firstFetch: Fetch
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
  /** Is the page prerendered, and not shown yet? */
  prerendering(): boolean
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

export interface Page {
  readonly href: string
  /** That of what runs here: a frame's can be another than that of its address. `'null'`: an opaque one. */
  readonly origin: string
  readonly referrer?: string
  /** A worker of the app's origin, which takes its session from a page. */
  readonly isWorker?: boolean
}

export interface Channel {
  postMessage(message: unknown): void
  onmessage: ((event: any) => void) | null
  close(): void
}

const timer: Environment['timer'] = (callback, ms) => {
  const id = outside(() => setTimeout(callback, ms))
  return () => clearTimeout(id)
}

/** What is the same with and without a page. */
const EVERYWHERE = {
  timer,
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  fetch: (input, init) => fetch(input, init),
  channel: name => new BroadcastChannel(name),
  localStorage: () => localStorage,
  sessionStorage: () => sessionStorage,
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
  cookies() {
    try {
      return document.cookie
    } catch {
      return '' // no document, or one in a sandbox
    }
  },
} satisfies Partial<Environment>

/** Reads every global late: importing and creating touch nothing that a test or a polyfill replaces afterwards. */
export function browserEnvironment(): Environment {
  const page = pageOf()
  const inWindow = page !== null && !page.isWorker
  const firstFetch = globalThis.fetch

  const prerendering = () => inWindow && (document as { prerendering?: boolean }).prerendering === true

  return {
    ...EVERYWHERE,
    page,
    baseURI: () => (inWindow ? document.baseURI : page?.href),
    firstFetch: (input, init) => firstFetch(input, init),
    online: () => !page || navigator.onLine !== false,
    onWake(callback) {
      // A worker hears of the network alone.
      const stop = listen(page && globalThis, ['pageshow', 'pagehide', 'online', 'focus'], callback)
      const stopToo = listen(inWindow && document, ['visibilitychange', 'resume'], callback)
      return () => {
        stop()
        stopToo()
      }
    },
    prerendering,
    onceShown(callback) {
      if (!prerendering()) return timer(callback, 0)
      const stop = listen(document, ['prerenderingchange'], () => {
        stop()
        callback()
      })
      return stop
    },
    locks: () => (page ? navigator.locks : undefined),
    visible: () => (inWindow ? document.visibilityState === 'visible' : !page),
    onActivity: callback =>
      listen(
        inWindow && window,
        ['keydown', 'pointerdown', 'pointermove', 'touchstart', 'wheel'],
        callback,
        // Also what the app's own handlers stop on its way.
        { capture: true, passive: true },
      ),
    onStorage: callback => listen(inWindow && window, ['storage'], callback),
  }
}

function pageOf(): Page | null {
  if (typeof window !== 'undefined' && typeof document !== 'undefined') {
    // happy-dom has no `window.origin`.
    const origin = window.origin ?? location.origin
    return { href: document.baseURI, origin, referrer: document.referrer }
  }
  return isWorker() ? { href: location.href, origin: location.origin, isWorker: true } : null
}

/** A dedicated, shared or service worker of a browser. Runtimes for servers that look like one have no such address. */
function isWorker(): boolean {
  const { WorkerGlobalScope } = globalThis as { WorkerGlobalScope?: unknown }
  if (typeof WorkerGlobalScope !== 'function' || !(globalThis instanceof WorkerGlobalScope)) return false
  if (typeof document !== 'undefined' || typeof location === 'undefined') return false
  return /^https?:/.test(location.origin)
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
  target: EventTarget | null | false,
  types: string[],
  callback: (event: any) => void,
  options?: AddEventListenerOptions,
): () => void {
  if (!target) return () => {}
  outside(() => {
    for (const type of types) target.addEventListener(type, callback, options)
  })
  return () => {
    for (const type of types) target.removeEventListener(type, callback, options)
  }
}

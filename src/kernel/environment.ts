import type { Clock } from './clock.ts'
import type { KeyStore } from './key-store.ts'
import type { Windows } from './windows.ts'

export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>

/** Everything the client asks of the world around it, so that tests can hand in another one. */
export interface Environment extends Clock {
  /** Where the page, or the browser's worker, came from; `null` where there is neither, as on a server. */
  readonly page: Page | null
  /** What `fetch` resolves a relative URL against, now. */
  baseURI(): string | undefined
  /** The global `fetch`, looked up at each call. */
  fetch: Fetch
  /** The global `fetch` at the time when the client was created. */
  firstFetch: Fetch
  /** Calls back once after `ms`, at most 2³¹−1; returns its undo. */
  timer(callback: () => void, ms: number): () => void
  random(): number
  report(error: unknown): void
  /** Binds the callback to the zone in which it was registered, if the app uses zone.js. */
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
  /** May throw if channels are missing or blocked. */
  channel(name: string): Channel
  visible(): boolean
  /** In place of the browser's, which only an app with an idle timeout ships. */
  onActivity?(callback: () => void): () => void
  /** The same. */
  onStorage?(callback: () => void): () => void
  /** The same, for the devtools. */
  onPageLife?(callback: (event: { type: string; persisted?: boolean }) => void): () => void
  /** The same, for an app with `dpop()`. */
  keyStore?: KeyStore
  /** The same, for an app that logs in at an OAuth server. */
  windows?: Windows
  /** `document.cookie`; empty without a window, or if the document may not have cookies. */
  cookies(): string
  /** May throw, as in a browser that blocks storage. */
  localStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  /** The same. */
  sessionStorage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
}

export interface Page {
  readonly href: string
  /** The origin of this script. A frame's origin can differ from that of its URL. `'null'`: an opaque origin. */
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

/** The members that are the same with and without a page. */
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
      const stop = listen(
        inWindow ? window : page && globalThis,
        ['pageshow', 'pagehide', 'online', 'focus'],
        callback,
      )
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
  }
}

/** A test can have a page without a window. */
const anyWindow = () => typeof window !== 'undefined' && window

/** Calls back often while the user types, moves the pointer or touches the screen; returns its undo. */
export const onActivity = (callback: () => void): (() => void) =>
  listen(anyWindow(), ['keydown', 'pointerdown', 'pointermove', 'touchstart', 'wheel'], callback, {
    // In the capture phase, so that handlers of the app cannot stop the event before.
    capture: true,
    passive: true,
  })

/** Calls back when another tab has written to localStorage; returns its undo. */
export const onStorage = (callback: () => void): (() => void) => listen(anyWindow(), ['storage'], callback)

/**
 * Calls back when the network comes or goes, and when the page is hidden, shown, frozen, left or back; returns its undo.
 * More than `onWake`, which leaves out what gives the client nothing to do.
 */
export const onPageLife = (
  callback: (event: { type: string; persisted?: boolean }) => void,
): (() => void) => {
  const stop = listen(anyWindow(), ['online', 'offline', 'pageshow', 'pagehide'], callback)
  const stopToo = listen(anyWindow() && document, ['visibilitychange', 'freeze', 'resume'], callback)
  return () => {
    stop()
    stopToo()
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

/** A dedicated, shared or service worker of a browser. Server runtimes that look like a worker have no such address. */
function isWorker(): boolean {
  const { WorkerGlobalScope } = globalThis as { WorkerGlobalScope?: unknown }
  if (typeof WorkerGlobalScope !== 'function' || !(globalThis instanceof WorkerGlobalScope)) return false
  if (typeof document !== 'undefined' || typeof location === 'undefined') return false
  return /^https?:/.test(location.origin)
}

/** The part of zone.js that the client uses. */
interface Zone {
  run<T>(work: () => T): T
}

function zones(): { readonly root: Zone; readonly current: Zone } | undefined {
  const { Zone } = globalThis as { Zone?: ReturnType<typeof zones> }
  return typeof Zone?.root?.run === 'function' ? Zone : undefined
}

/** An app in zone.js, such as an Angular app, waits for each timer set in its zone, and renders after each event. */
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

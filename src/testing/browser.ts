import { type AuthClient, createFullClient } from '../api/full-client.ts'
import { browserEnvironment, type Environment } from '../kernel/environment.ts'
import { invalid } from '../kernel/errors.ts'
import type { AuthClientOptions, JwtClaims } from '../types.ts'
import { pageUrl } from './auth-server-options.ts'
import { createChannelHub } from './channel.ts'
import { createLockHub, type Deliver } from './locks.ts'
import type { TestClock } from './test-clock.ts'

/** What `createTestBrowser` takes. */
export interface TestBrowserOptions {
  /** URL of the page that its tabs show. @default the document's, else `http://localhost:3000/` */
  url?: string | URL | undefined
  /** Time for all of its tabs. @default the globals, looked up at each use: real, or faked by `vi` or `jest` */
  clock?: TestClock | undefined
  /** The network of its tabs: MSW's, or `server.fetch`. @default globalThis.fetch, looked up at each call */
  fetch?: ((input: RequestInfo | URL, init?: RequestInit) => Promise<Response>) | undefined
}

/** One browser in this process, with Web Locks, broadcast channels, a localStorage, and for each tab a sessionStorage. */
export interface TestBrowser {
  /**
   * A client as in a tab of its own: the real code, in one session with all tabs of this browser that have the same
   * options. `dispose()` closes the tab.
   * @throws AuthError `invalid_option`, naming the option
   */
  openTab<Claims = JwtClaims, User = unknown, Credentials = unknown>(
    options?: AuthClientOptions<Claims, User, Credentials>,
  ): AuthClient<Claims, User, Credentials>
  /** Is there a network? While there is none every call fails; that it is back is told to every tab. */
  online: boolean
  /** What its tabs have in localStorage: the signed-out marker, as a rule nothing else. */
  readonly localStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'clear'>
  /** Closes all tabs. */
  dispose(): void
}

function createStorage(): TestBrowser['localStorage'] {
  const stored = new Map<string, string>()
  return {
    getItem: key => stored.get(key) ?? null,
    setItem: (key, value) => void stored.set(key, value),
    removeItem: key => void stored.delete(key),
    clear: () => stored.clear(),
  }
}

/** In the next microtask: no fake timer holds it up. */
const deliver: Deliver = task => void Promise.resolve().then(task)

/**
 * @throws AuthError `invalid_option`, naming the option
 * @example
 * const browser = createTestBrowser({ fetch: server.fetch })
 * const [first, second] = [browser.openTab(options), browser.openTab(options)]
 */
export function createTestBrowser(options: TestBrowserOptions = {}): TestBrowser {
  const { url = pageUrl() ?? 'http://localhost:3000/', clock, fetch } = options
  if (!URL.canParse(url)) throw invalid('url', 'an absolute URL')
  if (fetch !== undefined && typeof fetch !== 'function') throw invalid('fetch', 'a function')
  if (clock !== undefined && typeof clock.advance !== 'function')
    throw invalid('clock', 'made by createTestClock')
  const { href, origin } = new URL(url)
  const locks = createLockHub()
  const channels = createChannelHub()
  const clients = new Set<AuthClient<any, any>>()
  const wakeUps = new Set<(event: { type: string }) => void>()
  const hearing = new Set<{ tab: string; callback: () => void }>()
  let online = true
  let opened = 0

  function environmentOf(tab: string): Environment {
    const globals = browserEnvironment()
    const timer = clock?.timer ?? globals.timer
    const { locks: tabLocks } = locks.open(tab, deliver)
    const sessionStorage = createStorage()
    return {
      ...globals,
      page: { href, origin },
      baseURI: () => href,
      now: clock?.now ?? globals.now,
      monotonic: clock?.monotonic ?? globals.monotonic,
      timer,
      async fetch(input, init) {
        if (!online) throw new TypeError('Failed to fetch')
        return (fetch ?? globals.fetch)(input, init)
      },
      online: () => online,
      prerendering: () => false,
      onceShown: callback => timer(callback, 0),
      onWake(callback) {
        const stop = globals.onWake(callback)
        wakeUps.add(callback)
        return () => {
          stop()
          wakeUps.delete(callback)
        }
      },
      locks: () => tabLocks,
      channel: name => channels.open(name, deliver, globals.report),
      onStorage(callback) {
        const listener = { tab, callback }
        hearing.add(listener)
        return () => void hearing.delete(listener)
      },
      localStorage: () => ({
        ...localStorage,
        setItem(key, value) {
          localStorage.setItem(key, value)
          for (const other of hearing)
            if (other.tab !== tab) deliver(other.callback, `${tab} writes to localStorage`)
        },
      }),
      sessionStorage: () => sessionStorage,
    }
  }

  const localStorage = createStorage()

  return {
    localStorage,
    openTab<Claims, User, Credentials>(given: AuthClientOptions<Claims, User, Credentials> = {}) {
      const client = createFullClient<Claims, User>(given, environmentOf(`tab ${++opened}`))
      clients.add(client)
      return client
    },
    get online() {
      return online
    },
    set online(value) {
      const isBack = value && !online
      online = value
      if (isBack) for (const callback of [...wakeUps]) callback({ type: 'online' })
    },
    dispose() {
      for (const client of clients) client.dispose()
      clients.clear()
    },
  }
}

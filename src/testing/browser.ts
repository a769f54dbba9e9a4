import { type AuthClient, createFullClient } from '../api/full-client.ts'
import { browserEnvironment } from '../kernel/environment.ts'
import { invalid } from '../kernel/errors.ts'
import type { AuthClientOptions, JwtClaims } from '../types.ts'
import { pageUrl } from './auth-server-options.ts'
import { createChannelHub } from './channel.ts'
import { createLockHub } from './locks.ts'
import { navigate } from './navigation.ts'
import {
  createKeyStore,
  createPage,
  createStorage,
  type Page,
  type PageStorage,
  type Shared,
} from './page.ts'
import type { TestClock } from './test-clock.ts'
import { createPageWindows, type PageWindows, type PopupTab } from './windows.ts'

/** What `createTestBrowser` takes. */
export interface TestBrowserOptions {
  /** URL of the page that its tabs show. @default the document's, else `http://localhost:3000/` */
  url?: string | URL | undefined
  /** Time for all of its tabs. @default the globals, looked up at each use: real, or faked by `vi` or `jest` */
  clock?: TestClock | undefined
  /**
   * The network of its tabs: MSW's, or `server.fetch`. A page that leaves for another server goes by it too.
   * @default globalThis.fetch, looked up at each call
   */
  fetch?: ((input: RequestInfo | URL, init?: RequestInit) => Promise<Response>) | undefined
}

/** One browser in this process, with Web Locks, broadcast channels, a localStorage, and for each tab a sessionStorage. */
export interface TestBrowser {
  /**
   * A client as in a tab of its own: the real code, in one session with all tabs of this browser that have the same
   * options. `dispose()` closes the tab.
   * @param url what the tab shows, of the same origin as the browser's `url`. @default that `url`
   * @throws AuthError `invalid_option`, naming the option
   */
  openTab<Claims = JwtClaims, User = unknown, Credentials = unknown>(
    options?: AuthClientOptions<Claims, User, Credentials>,
    url?: string | URL,
  ): AuthClient<Claims, User, Credentials>
  /**
   * The page of this client is loaded again: settles with the client of the new page. It has the same options and
   * sessionStorage, and the address that the page had. The client before is gone with its page, and does nothing any more.
   */
  reload<Client extends AuthClient<any, any, any>>(client: Client): Client
  /**
   * The page of this client leaves for another server, by `login()` or `logout()` with `oauth()`, and comes back. Settles with
   * the client of the page that is shown then, in the same tab. Waits until the page has left.
   * @throws AuthError `login_unavailable` if the tab shows a page of the server instead
   */
  returned<Client extends AuthClient<any, any, any>>(client: Client): Promise<Client>
  /** What the tab of this client shows. */
  addressOf(client: AuthClient<any, any, any>): string
  /** Are popups blocked? @default false */
  blocksPopups: boolean
  /** The user closes all popups. */
  closePopups(): void
  /** Is there a network? While there is none every call fails; that it is back is told to every tab. */
  online: boolean
  /** What its tabs have in localStorage: the signed-out marker, as a rule nothing else. */
  readonly localStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'clear'>
  /** Closes all tabs. */
  dispose(): void
}

interface Tab {
  readonly sessionStorage: PageStorage
  /** The same app again: the client of a new page. */
  create(page: Page): AuthClient<any, any, any>
  /** The tab goes with it, if it is a popup. */
  close(): void
}

interface Shown {
  readonly tab: Tab
  readonly page: Page
  readonly windows: PageWindows
}

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
  const globals = browserEnvironment()
  const shown = new Map<AuthClient<any, any, any>, Shown>()
  const popups = new Set<PopupTab>()
  const localStorage = createStorage()
  let online = true
  let blocksPopups = false
  let opened = 0

  const shared: Shared = {
    origin,
    clock,
    locks: createLockHub(),
    channels: createChannelHub(),
    localStorage,
    keyStore: createKeyStore(),
    wakeUps: new Set(),
    hearing: new Set(),
    async fetch(input, init) {
      if (!online) throw new TypeError('Failed to fetch')
      return (fetch ?? globals.fetch)(input, init)
    },
    isOnline: () => online,
  }

  function show(tab: Tab, href: string): AuthClient<any, any, any> {
    const windows = createPageWindows({
      href,
      navigate: to => navigate(shared.fetch, origin, to),
      openPopup: () => (blocksPopups ? null : openPopup(tab)),
      close: () => tab.close(),
      isBehind: () => popups.size > 0,
      storedNames: storage => (storage === 'localStorage' ? localStorage : tab.sessionStorage).names(),
      report: globals.report,
    })
    const page = createPage(shared, `page ${++opened}`, windows, tab.sessionStorage)
    const client = tab.create(page)
    shown.set(client, { tab, page, windows })
    return client
  }

  function leave(client: AuthClient<any, any, any>): void {
    shown.get(client)?.page.close()
    shown.delete(client)
    // Its calls never settle, as in a browser. By `dispose` each would reject, and a login that has left is awaited by nobody.
    Object.assign(client, { dispose: () => {} })
  }

  function openPopup(opener: Tab): PopupTab {
    let client: AuthClient<any, any, any> | null = null
    const popup: PopupTab = {
      get isClosed() {
        return !popups.has(popup)
      },
      show(href) {
        if (!popup.isClosed) client = show(tab, href)
      },
      close() {
        popups.delete(popup)
        if (client) leave(client)
      },
    }
    const tab: Tab = { ...opener, sessionStorage: createStorage(opener.sessionStorage), close: popup.close }
    popups.add(popup)
    return popup
  }

  function closePopups(): void {
    for (const popup of [...popups]) popup.close()
  }

  function shownBy(client: AuthClient<any, any, any>): Shown {
    const found = shown.get(client)
    if (!found) throw invalid('client', 'the one of the page that a tab of this browser shows')
    return found
  }

  function reload<Client extends AuthClient<any, any, any>>(client: Client, to?: string): Client {
    const { tab, windows } = shownBy(client)
    leave(client)
    // The options are those that have made the client before.
    return show(tab, to ?? windows.href()) as Client
  }

  return {
    localStorage,
    openTab<Claims, User, Credentials>(
      given: AuthClientOptions<Claims, User, Credentials> = {},
      to: string | URL = href,
    ) {
      const at = URL.canParse(to, href) ? new URL(to, href) : null
      if (at?.origin !== origin) throw invalid('url', `an address of ${origin}`)
      const create = ({ environment }: Page) => createFullClient<Claims, User>(given, environment)
      const tab: Tab = { sessionStorage: createStorage(), create, close: () => {} }
      return show(tab, at.href) as ReturnType<typeof create>
    },
    reload: client => reload(client),
    async returned(client) {
      const { href } = await shownBy(client).windows.returned()
      return reload(client, href)
    },
    addressOf: client => shownBy(client).windows.href(),
    get blocksPopups() {
      return blocksPopups
    },
    set blocksPopups(value) {
      blocksPopups = value
    },
    closePopups,
    get online() {
      return online
    },
    set online(value) {
      const isBack = value && !online
      online = value
      if (isBack) for (const callback of [...shared.wakeUps]) callback({ type: 'online' })
    },
    dispose() {
      closePopups()
      for (const [client, { windows }] of [...shown]) {
        // A login that has left settles in no browser: its rejection would be one that nobody handles.
        if (windows.isLeft) leave(client)
        else client.dispose()
      }
      shown.clear()
    },
  }
}

import type { Page, Browser as PuppeteerBrowser } from 'puppeteer-core'

export type EngineName = 'Chromium' | 'Firefox' | 'WebKit'

export interface Engine {
  readonly name: EngineName
  /** Where the browser is looked for: the environment variable's value, else Debian's place. */
  readonly path: string
  /** The path, or null where nothing is there. */
  find(): string | null
  /** Starts a browser with a profile of its own, which `close()` removes. */
  launch(options?: LaunchOptions): Promise<Browser>
}

export interface LaunchOptions {
  /** More command line arguments (Chromium and Firefox). */
  args?: string[]
  /** Arguments of puppeteer's own to leave out (Chromium). */
  ignoreDefaultArgs?: string[]
  /** Slow hidden tabs' timers down as users' browsers do (Chromium; the other engines always do). */
  throttling?: boolean
  /** Block popups that no click asks for, as users' browsers do (Chromium and Firefox; WebKit always does). */
  popupBlocker?: boolean
}

export interface Browser {
  readonly name: EngineName
  /** Another tab of the same profile: cookies, storage, locks and channels are shared. */
  newTab(): Promise<Tab>
  /** The windows that pages have opened, such as popups, and that are open now. */
  windows(): Promise<Tab[]>
  close(): Promise<void>
  /** For what only one engine can do, such as CDP; null in WebKit. */
  readonly raw: PuppeteerBrowser | null
}

export interface Tab {
  /** Resolves after the load event. */
  goto(url: string): Promise<void>
  reload(): Promise<void>
  /** May resolve before the page is there: Firefox reports no load for one out of its bfcache. `waitFor` what it shows. */
  back(): Promise<void>
  url(): Promise<string>
  /** Runs in the page. Arguments and result travel as JSON; a promise is awaited. */
  evaluate<Args extends unknown[], Result>(
    fn: (...args: Args) => Result,
    ...args: Args
  ): Promise<Awaited<Result>>
  /** Asks the page until the answer is truthy, over navigations too; rejects after thirty seconds. */
  waitFor<Args extends unknown[]>(fn: (...args: Args) => unknown, ...args: Args): Promise<void>
  /** Brings the tab to the front, waits for the element, clicks it. */
  click(selector: string): Promise<void>
  /** Brings the tab to the front, waits for the element, types into it. */
  type(selector: string, text: string): Promise<void>
  bringToFront(): Promise<void>
  /**
   * With the HttpOnly ones. Chromium and Firefox list the whole profile; WebKit lists what a request for the
   * tab's own address would carry, so that a cookie with another `Path` needs a tab under that path.
   */
  cookies(): Promise<Cookie[]>
  close(): Promise<void>
  /** Everything that the page logged, uncaught errors as `pageerror`; null in WebKit, which cannot tell. */
  readonly console: readonly ConsoleEntry[] | null
  /** For what only one engine can do, such as CDP; null in WebKit. */
  readonly raw: Page | null
}

export interface Cookie {
  name: string
  value: string
  domain: string
  path: string
  httpOnly: boolean
  secure: boolean
  sameSite: string | undefined
}

export interface ConsoleEntry {
  kind: string
  text: string
}

const PATIENCE = 30_000

/** Polls from outside: a timer inside the page would be throttled with it. */
export async function poll<Args extends unknown[]>(
  tab: Pick<Tab, 'evaluate'>,
  fn: (...args: Args) => unknown,
  args: Args,
): Promise<void> {
  const deadline = Date.now() + PATIENCE
  let last: unknown
  while (Date.now() < deadline) {
    try {
      last = await tab.evaluate(fn, ...args)
      if (last) return
    } catch (error) {
      last = error // a navigation took the page away under the question
    }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`still ${String(last)} after ${PATIENCE} ms: ${fn} ${JSON.stringify(args)}`)
}

export function goBack(tab: Pick<Tab, 'evaluate'>): Promise<void> {
  return tab.evaluate(() => void setTimeout(() => history.back()))
}

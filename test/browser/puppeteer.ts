import puppeteer, {
  type Page,
  type Browser as PuppeteerBrowser,
  type Cookie as RawCookie,
} from 'puppeteer-core'
import {
  type Browser,
  type ConsoleEntry,
  type Cookie,
  goBack,
  type LaunchOptions,
  poll,
  type Tab,
} from './engine.ts'

const CHROMIUM_ARGS = [
  '--no-sandbox', // the sandbox does not start as root, which containers are
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

// Among puppeteer's own arguments: what keeps hidden tabs at full speed.
const UNTHROTTLED = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
]

export async function launchPuppeteer(
  name: 'Chromium' | 'Firefox',
  executablePath: string,
  { args = [], ignoreDefaultArgs = [], throttling = false, popupBlocker = false }: LaunchOptions = {},
): Promise<Browser> {
  const raw = await puppeteer.launch({
    browser: name === 'Chromium' ? 'chrome' : 'firefox',
    executablePath,
    args: name === 'Chromium' ? [...CHROMIUM_ARGS, ...args] : args,
    ignoreDefaultArgs: [
      ...(throttling ? UNTHROTTLED : []),
      ...(popupBlocker ? ['--disable-popup-blocking'] : []),
      ...ignoreDefaultArgs,
    ],
    ...(popupBlocker && { extraPrefsFirefox: { 'dom.disable_open_during_load': true } }),
    defaultViewport: null,
  })
  // That of the launch is nobody's.
  const known = new Map<Page, Tab | null>((await raw.pages()).map(page => [page, null]))
  const toTab = (page: Page) => {
    const tab = known.get(page) ?? pageTab(raw, page)
    known.set(page, tab)
    return tab
  }
  const own = new Set<Page>(known.keys())
  return {
    name,
    raw,
    async newTab() {
      const page = await raw.newPage()
      own.add(page)
      return toTab(page)
    },
    windows: async () => (await raw.pages()).filter(page => !own.has(page)).map(toTab),
    close: () => raw.close(),
  }
}

function pageTab(browser: PuppeteerBrowser, raw: Page): Tab {
  const console: ConsoleEntry[] = []
  raw.on('console', message => console.push({ kind: message.type(), text: message.text() }))
  raw.on('pageerror', error => console.push({ kind: 'pageerror', text: String(error) }))

  const tab: Tab = {
    raw,
    console,
    goto: async url => void (await raw.goto(url)),
    reload: async () => void (await raw.reload()),
    back: () => goBack(tab),
    url: () => tab.evaluate(() => location.href),
    evaluate: async (fn, ...args) =>
      (await raw.evaluate(fn as (...args: unknown[]) => unknown, ...args)) as never,
    waitFor: (fn, ...args) => poll(tab, fn, args),
    async click(selector) {
      await present(selector)
      await raw.click(selector)
    },
    async type(selector, text) {
      await present(selector)
      await raw.type(selector, text)
    },
    bringToFront: () => raw.bringToFront(),
    cookies: async () => (await browser.cookies()).map(cookie),
    close: () => raw.close(),
  }

  async function present(selector: string) {
    await raw.bringToFront()
    await tab.waitFor(selector => document.querySelector(selector) !== null, selector)
  }
  return tab
}

function cookie({ name, value, domain, path, httpOnly, secure, sameSite }: RawCookie): Cookie {
  return { name, value, domain, path, httpOnly: httpOnly ?? false, secure, sameSite }
}

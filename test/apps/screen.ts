import type { Browser, ConsoleEntry, Tab } from '../browser/engine.ts'
import { until } from '../browser/site.ts'

/** A tab of an app, as its user sees it: by headings, labels, buttons, links and messages. */
export interface Screen {
  readonly tab: Tab
  goto(path: string): Promise<void>
  reload(): Promise<void>
  /** Presses the button or follows the link of this name. */
  press(role: 'button' | 'link', name: string): Promise<void>
  /** Fills the field with this label. */
  fill(label: string, text: string): Promise<void>
  /** What is in the field with this label. */
  valueOf(label: string): Promise<string>
  /** Waits until the text is on the screen. */
  shows(text: string): Promise<void>
  /** Waits for a message (`role="alert"`) with this text. */
  alerts(text: string): Promise<void>
  /** Path and query of the address. */
  address(): Promise<string>
  /** Everything that was on the screen since the last call, over navigations too. */
  seen(): Promise<string[]>
  /** Warnings and errors since the last call. What Chromium itself logs of an answer such as 401 is none of the app's. */
  complaints(): ConsoleEntry[]
  /** Where the tab is, what it shows and what it has logged. */
  look(): Promise<string>
  /** Clients in this page that are not disposed of. */
  liveClients(): Promise<number>
}

export async function openScreen(browser: Browser, origin: string): Promise<Screen> {
  const tab = await browser.newTab()
  const page = tab.raw!
  await page.evaluateOnNewDocument(() => {
    const look = () => {
      const text = document.body?.innerText.replace(/\s+/g, ' ').trim()
      const screens = JSON.parse(sessionStorage.getItem('screens') ?? '[]')
      if (text && screens.at(-1) !== text) {
        sessionStorage.setItem('screens', JSON.stringify([...screens, text]))
      }
    }
    new MutationObserver(look).observe(document, {
      childList: true,
      subtree: true,
      characterData: true,
      attributeFilter: ['hidden'],
    })

    // Each client that shares its session with other tabs keeps one channel open until it is disposed of.
    const open = new Set<BroadcastChannel>()
    Object.assign(window, { openChannels: open })
    window.BroadcastChannel = class extends BroadcastChannel {
      constructor(name: string) {
        super(name)
        if (name.startsWith('silent-refresh:')) open.add(this)
      }
      override close() {
        open.delete(this)
        super.close()
      }
    }
  })
  let complained = 0

  return {
    tab,
    goto: path => tab.goto(origin + path),
    reload: () => tab.reload(),
    press: (role, name) => page.locator(`::-p-aria([name="${name}"][role="${role}"])`).click(),
    fill: (label, text) => page.locator(`::-p-aria([name="${label}"][role="textbox"])`).fill(text),
    valueOf: label =>
      page.$eval(`::-p-aria([name="${label}"][role="textbox"])`, field => (field as HTMLInputElement).value),
    shows: text =>
      tab.waitFor(wanted => document.body?.innerText.replace(/\s+/g, ' ').includes(wanted), text),
    alerts: text =>
      tab.waitFor(
        wanted =>
          [...document.querySelectorAll('[role="alert"]')].some(({ textContent }) =>
            textContent.includes(wanted),
          ),
        text,
      ),
    // Escaped alike: Vue Router leaves more of a query as it is.
    address: () =>
      tab.evaluate(() => location.pathname + (location.search && `?${new URLSearchParams(location.search)}`)),
    seen: () =>
      tab.evaluate(() => {
        const all: string[] = JSON.parse(sessionStorage.getItem('screens') ?? '[]')
        sessionStorage.removeItem('screens')
        return all
      }),
    complaints() {
      const entries = tab.console!.slice(complained)
      complained = tab.console!.length
      return entries.filter(
        ({ kind, text }) =>
          ['warn', 'error', 'pageerror'].includes(kind) && !text.startsWith('Failed to load resource'),
      )
    },
    async look() {
      const shown = await tab
        .evaluate(() => `${location.href}\n${document.body?.innerText ?? ''}`)
        .catch(error => String(error))
      const logged = tab.console!.slice(-20).map(({ kind, text }) => `  ${kind}: ${text}`)
      return [shown, ...logged].join('\n')
    },
    async liveClients() {
      await until(() => tab.evaluate(() => 'openChannels' in window))
      return tab.evaluate(() => (Reflect.get(window, 'openChannels') as Set<unknown>).size)
    },
  }
}

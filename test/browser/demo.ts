import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect } from 'vitest'
import { type DemoServer, type ServerOptions, startServer } from '../../demo/server/server.ts'
import type { ConsoleEntry, Tab } from './engine.ts'
import { panelOf } from './panel.ts'
import { until } from './site.ts'

// The demo's page, as whoever sits before it meets it.

const staticRoot = resolve(import.meta.dirname, '../../demo/app/dist')

export function startDemo(options: ServerOptions = {}): Promise<DemoServer> {
  expect(existsSync(staticRoot), 'run `npx vite build demo/app` first').toBe(true)
  return startServer({ staticRoot, passwordCost: 4, ...options })
}

export const textOf = (tab: Tab, selector: string): Promise<string> =>
  tab.evaluate(wanted => document.querySelector(wanted)?.textContent?.trim() ?? '', selector)

/** Over navigations too. */
export const shows = (tab: Tab, selector: string, part: string): Promise<void> =>
  until(async () => (await textOf(tab, selector).catch(() => '')).includes(part))

/** To where nothing that is fixed covers it. */
export const scrollTo = (tab: Tab, selector: string): Promise<void> =>
  tab.evaluate(selector => document.querySelector(selector)!.scrollIntoView({ block: 'center' }), selector)

/** Clicks, and waits until it is done: the words of the time before, which may be the same, count for nothing. */
export async function press(tab: Tab, button: string, outcome: string, part: string): Promise<void> {
  await scrollTo(tab, button)
  await tab.click(button)
  await isDone(tab, button)
  await shows(tab, outcome, part)
}

export const isDone = (tab: Tab, button: string): Promise<void> =>
  tab.waitFor(wanted => document.querySelector(wanted)?.ariaBusy !== 'true', button)

export const choose = (tab: Tab, selector: string, value: string): Promise<void> =>
  tab.evaluate(
    (selector, value) => {
      const field = document.querySelector(selector) as HTMLSelectElement | HTMLInputElement
      field.value = value
      field.dispatchEvent(new Event('change', { bubbles: true }))
    },
    selector,
    value,
  )

export async function logIn(tab: Tab): Promise<void> {
  await shows(tab, '#status', 'signed out')
  await clickInside(tab, '[data-testid="login-as-ada@example.com"]')
  await shows(tab, '#status', 'signed in')
}

/** In the page: WebKit's driver now and then sends half a click, most of all after a script chose in a `select`. */
export const clickInside = (tab: Tab, selector: string): Promise<void> =>
  tab.evaluate(selector => {
    const element = document.querySelector<HTMLElement>(selector)!
    if (!element.checkVisibility({ visibilityProperty: true })) throw new Error(`${selector} is not shown`)
    element.click()
  }, selector)

/** Wide enough for the panel beside the steps. WebKit's driver has its own window: there it may be in the drawer. */
export async function showPanel(tab: Tab): Promise<void> {
  await tab.raw?.setViewport({ width: 1440, height: 900 })
  await tab.evaluate(() => {
    const drawer = document.querySelector<HTMLElement>('#drawer')
    if (drawer?.checkVisibility() && drawer.ariaExpanded !== 'true') drawer.click()
  })
}

/** What is folded is unfolded, as if each was clicked. */
export const unfold = (tab: Tab): Promise<void> =>
  tab.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true
  })

/** What is shown in these elements of the panel. */
export const panelText = (tab: Tab, selector: string): Promise<string> => panelOf(() => tab).textOf(selector)

export const panelShows = (tab: Tab, selector: string, words: string): Promise<void> =>
  panelOf(() => tab).shows(words, selector)

export const clickInPanel = (tab: Tab, name: string): Promise<void> => panelOf(() => tab).click(name)

/** These kinds of marks. All in one question: a busy machine draws few frames, and each answer waits for one. */
export async function areDrawn(tab: Tab, ...kinds: string[]): Promise<void> {
  let missing = kinds
  const look = async () => {
    missing = await tab.evaluate(kinds => {
      const root = document.querySelector('silent-refresh-devtools')?.shadowRoot
      return kinds.filter(kind => !root?.querySelector(`.surface .${kind}`)?.getAttribute('d'))
    }, kinds)
    return missing.length === 0
  }
  await until(look).catch(cause => {
    throw new Error(`never drawn: ${missing}`, { cause })
  })
}

/** Uncaught errors, and what the page's own policy forbade. WebKit does not tell. */
export const complaints = (tab: Tab): ConsoleEntry[] =>
  (tab.console ?? []).filter(
    ({ kind, text }) => kind === 'pageerror' || /Content Security Policy|Uncaught/.test(text),
  )

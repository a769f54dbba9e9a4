import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect } from 'vitest'
import { type DemoServer, type ServerOptions, startServer } from '../../demo/server/server.ts'
import type { ConsoleEntry, Tab } from './engine.ts'
import { until } from './site.ts'

// The demo's page, as whoever sits before it meets it.

const staticRoot = resolve(import.meta.dirname, '../../demo/app/dist')

export function startDemo(options: ServerOptions = {}): Promise<DemoServer> {
  expect(existsSync(staticRoot), 'run `npx tsup && npx vite build demo/app` first').toBe(true)
  return startServer({ staticRoot, passwordCost: 4, ...options })
}

export const textOf = (tab: Tab, selector: string): Promise<string> =>
  tab.evaluate(wanted => document.querySelector(wanted)?.textContent?.trim() ?? '', selector)

/** Over navigations too. */
export const shows = (tab: Tab, selector: string, part: string): Promise<void> =>
  until(async () => (await textOf(tab, selector).catch(() => '')).includes(part))

/** Clicks, and waits until it is done: the words of the time before, which may be the same, count for nothing. */
export async function press(tab: Tab, button: string, outcome: string, part: string): Promise<void> {
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
  await shows(tab, '#status', 'anonymous')
  await tab.click('[data-testid="login-as-ada@example.com"]')
  await shows(tab, '#status', 'authenticated')
}

/** Uncaught errors, and what the page's own policy forbade. WebKit does not tell. */
export const complaints = (tab: Tab): ConsoleEntry[] =>
  (tab.console ?? []).filter(
    ({ kind, text }) => kind === 'pageerror' || /Content Security Policy|Uncaught/.test(text),
  )

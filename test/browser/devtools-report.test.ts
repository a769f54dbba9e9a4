import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import type { Engine, Tab } from './engine.ts'
import { type PanelUser, panelOf } from './panel.ts'
import { ready, type Site, startSite } from './site.ts'

/** A report, and what the panel showed in the browser that has made it. */
interface Made {
  readonly text: string
  readonly log: string
  readonly marks: string[]
}

const found: readonly Engine[] = engines.filter(engine => engine.find())
const names = found.map(({ name }) => name)
const pairs = names.flatMap(maker => names.map(reader => [maker, reader] as const))

describe.skipIf(found.length < 2)('a report', () => {
  let site: Site
  const made = new Map<string, Made>()
  const read = new Map<string, Omit<Made, 'text'>>()

  beforeAll(async () => {
    site = await startSite({ accessTtl: 600 }, 'devtools')
    // One browser at a time: three at once are too much for a small machine.
    for (const engine of found)
      await inBrowser(engine, async tab => void made.set(engine.name, await make(tab)))
    for (const engine of found) await inBrowser(engine, tab => readAll(engine, tab))
  }, 300_000)
  afterAll(() => site?.close())

  async function inBrowser(engine: Engine, work: (tab: Tab) => Promise<void>): Promise<void> {
    const browser = await engine.launch()
    try {
      const tab = await browser.newTab()
      await tab.goto(site.url)
      await ready(tab)
      await work(tab)
    } finally {
      await browser.close()
    }
  }

  /** A session with a bit of everything, which ends in a sign-out. */
  async function make(tab: Tab): Promise<Made> {
    const panel = panelOf(() => tab)
    await site.login(tab)
    await tab.evaluate(async () => {
      await window.auth.fetch('/api/items')
      await fetch('/demo/revoke-access', { method: 'POST' })
      await window.auth.fetch('/api/items')
      dispatchEvent(new Event('offline'))
      dispatchEvent(new Event('online'))
      await fetch('/demo/revoke-all', { method: 'POST' })
      await fetch('/demo/revoke-access', { method: 'POST' })
      await window.auth.fetch('/api/items')
      // Then the report can be taken from the page.
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
    })
    await panel.click('Session')
    await panel.click('Why')
    await panel.shows('Signed out: the refresh endpoint returned 401', 'ol')
    await panel.click('Copy as JSON')
    await panel.shows('Copy the text below.')
    const text = await tab.evaluate(
      () => document.querySelector('silent-refresh-devtools')!.shadowRoot!.querySelector('textarea')!.value,
    )
    return { text, ...(await shown(panel)) }
  }

  async function readAll({ name }: Engine, tab: Tab): Promise<void> {
    const panel = panelOf(() => tab)
    for (const [maker, { text }] of made) {
      await tab.evaluate(async text => {
        window.closeReport = await window.openReport(text)
      }, text)
      await panel.shows('A report, made at')
      read.set(`${maker} ${name}`, await shown(panel))
      await tab.evaluate(() => window.closeReport())
    }
  }

  /** The lines of the log, unfolded, and what the timeline says of each mark. */
  async function shown(panel: PanelUser): Promise<Omit<Made, 'text'>> {
    await panel.click('Why')
    const log = (await panel.textOf('ol summary')).replaceAll('this tab', 'tab 1')
    await panel.click('Timeline')
    await panel.focus('.lanes')
    const marks: string[] = []
    await panel.press('Home')
    for (let said = ''; ; ) {
      const next = (await panel.textOf('.detail')).replaceAll('This tab', 'Tab 1')
      if (next === said) break
      said = next
      marks.push(said)
      await panel.press('ArrowRight')
    }
    await panel.click('Why')
    return { log, marks }
  }

  test.each(names)('made in %s has a sign-out and its cause, and the marks of a whole session', name => {
    const { log, marks } = made.get(name)!
    expect(log).toContain('Signed out: the refresh endpoint returned 401')
    expect(log).toContain('asked because GET /api/items returned 401 with token')
    expect(marks.length).toBeGreaterThan(6)
    expect(marks.join()).toContain('The browser is offline')
  })

  test.each(pairs)('made in %s shows the same in %s', (maker, reader) => {
    const { log, marks } = made.get(maker)!
    expect(read.get(`${maker} ${reader}`)).toEqual({ log, marks })
  })
})

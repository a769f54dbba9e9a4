import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { type Site, startSite } from './site.ts'

const SECOND = 1_000
const OPTIONS = {
  sessionKey: 'test',
  patient: true,
  idle: [60 * SECOND, { warnBefore: 50 * SECOND }],
}

const warnings = (tab: Tab) =>
  tab.evaluate(() => window.seen.flatMap(([name, detail]) => (name === 'idleWarning' ? [detail] : [])))

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let site: Site
    /** Keeps the browser open between the tests. */
    let outside: Tab
    let tabs: [Tab, Tab]

    beforeAll(async () => {
      browser = await engine.launch()
      outside = await browser.newTab()
    })
    afterAll(() => browser?.close())
    beforeEach(async () => {
      site = await startSite({ grace: 0 })
      await outside.goto(site.blank)
      tabs = [await browser.newTab(), await browser.newTab()]
      for (const tab of tabs) await site.open(tab, OPTIONS)
      await site.login(tabs[0])
      for (const tab of tabs) await tab.waitFor(() => window.auth.session.status === 'authenticated')
    })
    afterEach(async () => {
      for (const tab of tabs) await tab.close()
      await outside.goto('about:blank')
      await site.close()
    })

    /** The clock of both pages goes on, and they look at it. */
    async function pass(ms: number): Promise<void> {
      for (const tab of tabs) {
        await tab.evaluate(ms => {
          const { now } = Date
          Date.now = () => now() + ms
          window.dispatchEvent(new Event('focus'))
        }, ms)
      }
    }

    const isWarned = () => window.seen.at(-1)?.[0] === 'idleWarning' && window.seen.at(-1)?.[1] !== null
    const isWithdrawn = () => window.seen.at(-1)?.[0] === 'idleWarning' && window.seen.at(-1)?.[1] === null

    test.each(['a key', 'touch(), for typing in a frame,'])(
      'E15 %s in one tab withdraws the warning in the other, which sees it in the storage',
      async what => {
        await pass(20 * SECOND)
        for (const tab of tabs) await tab.waitFor(isWarned)
        const [[first], [second]] = [await warnings(tabs[0]), await warnings(tabs[1])] as [
          { signOutAt: number }[],
          { signOutAt: number }[],
        ]
        expect(first).toEqual(second)
        await tabs[0].evaluate(what => {
          let target: Window = window
          if (what !== 'a key') {
            target = document.body.appendChild(document.createElement('iframe')).contentWindow as Window
            target.addEventListener('keydown', window.auth.touch)
          }
          target.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }))
        }, what)
        for (const tab of tabs) await tab.waitFor(isWithdrawn)
        await pass(20 * SECOND)
        for (const tab of tabs) await tab.waitFor(isWarned)
        for (const tab of tabs) expect(await warnings(tab)).toHaveLength(3)
      },
    )
  })
}

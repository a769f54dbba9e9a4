import axe from 'axe-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DemoServer } from '../../demo/server/server.ts'
import { axeFaults } from './axe.ts'
import { chromium } from './browsers.ts'
import { areDrawn, clickInside, isDone, logIn, panelShows, press, shows, startDemo, unfold } from './demo.ts'
import type { Browser, Tab } from './engine.ts'

describe.skipIf(!chromium.find())('Chromium: the craft of the demo page', () => {
  let browser: Browser
  let server: DemoServer

  // Each test in a browser of its own: none finds what another has left, signed in or broken.
  beforeEach(async () => {
    server = await startDemo()
    browser = await chromium.launch()
  })
  afterEach(async () => {
    await browser?.close()
    await server?.close()
  })

  async function open(width: number, height = 900): Promise<Tab> {
    const tab = await browser.newTab()
    await tab.raw!.setViewport({ width, height })
    await tab.goto(server.url)
    await shows(tab, '#status', 'signed out')
    return tab
  }

  async function fail(tab: Tab): Promise<void> {
    server.faults.set({ refresh: '500' })
    await press(tab, '#refresh', '#refresh-result', 'refresh_unavailable')
    await shows(tab, '#status-detail', 'Still signed in')
  }

  test.each([360, 1280, 1920])('nothing moves by itself at %i px, and no line is too wide', async width => {
    const tab = await browser.newTab()
    const page = tab.raw!
    await page.setViewport({ width, height: 900 })
    await page.evaluateOnNewDocument(() => {
      const shifts: string[] = []
      Object.assign(window, { shifts })
      new PerformanceObserver(list => {
        for (const entry of list.getEntries()) {
          const { hadRecentInput, sources } = entry as PerformanceEntry & {
            hadRecentInput: boolean
            sources: { node: Node | null }[]
          }
          // The log in the panel grows; all of it is in a shadow root.
          const own = sources.flatMap(({ node }) =>
            node && !(node.getRootNode() instanceof ShadowRoot) ? [node] : [],
          )
          if (hadRecentInput || own.length === 0) continue
          shifts.push(own.map(node => `${node.nodeName} ${node.textContent?.slice(0, 60)}`).join())
        }
      }).observe({ type: 'layout-shift', buffered: true })
    })
    await tab.goto(server.url)
    await logIn(tab)
    await press(tab, '#ten', '#replay-result', '10 × 200')
    await fail(tab)
    server.faults.set({})
    expect(await page.evaluate(() => (window as unknown as { shifts: string[] }).shifts)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    await unfold(tab)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
  })

  test('the buttons of a step and what they do are on one screen of 1440 × 900, and of 360 × 760 with the drawer', async () => {
    const tab = await open(1440)
    /** Is all of it within the window, and not behind something else? */
    const inSight = (...selectors: string[]) =>
      tab.evaluate(
        selectors =>
          selectors.filter(selector => {
            const element = document.querySelector(selector)!
            const { top, bottom, left, right } = element.getBoundingClientRect()
            const front = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
            return (
              top < 0 ||
              bottom > innerHeight ||
              !(front && (element.contains(front) || front.contains(element)))
            )
          }),
        selectors,
      )
    const buttons = ['#refresh', '#revoke-mine', '#ten', '#second-tab', '#offline', '#send-one']
    expect(await inSight('#status', '#panel', ...buttons)).toEqual([])

    await clickInside(tab, '#skip')
    await tab.evaluate(() => document.querySelector('#comparison')!.scrollIntoView())
    expect(
      await inSight('#status', '#comparison thead th:last-child'),
      'the panel does not cover it',
    ).toEqual([])

    await tab.raw!.setViewport({ width: 360, height: 760 })
    await tab.click('#drawer')
    await shows(tab, '#drawer', 'Hide the timeline')
    for (const button of buttons) {
      await tab.evaluate(
        button => document.querySelector(button)!.scrollIntoView({ block: 'nearest' }),
        button,
      )
      expect(await inSight('#status', '#panel', button)).toEqual([])
    }
    await panelShows(tab, '.surface', 'This tab')
    await tab.click('#drawer')
    await shows(tab, '#drawer', 'Show the timeline')
  })

  test('axe finds nothing, light and dark, at 360 and 1440 px: signed out, and in an outage beside a comparison', async () => {
    const tab = await open(1440)
    const page = tab.raw!
    await page.evaluate(axe.source)

    async function look(state: string): Promise<void> {
      for (const value of ['light', 'dark'])
        for (const width of [360, 1440]) {
          await page.setViewport({ width, height: 900 })
          // Colours are looked at where they end, not on their way.
          const still = { name: 'prefers-reduced-motion', value: 'reduce' }
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }, still])
          expect(await axeFaults(tab), `${state}, ${value}, ${width} px`).toEqual([])
        }
    }

    await look('signed out')
    await logIn(tab)
    await unfold(tab)
    await page.setViewport({ width: 360, height: 900 })
    await clickInside(tab, '#drawer')
    await clickInside(tab, '#compare-late')
    await shows(tab, '[data-experiment="late"] .seen', 'The others refresh a second time')
    await press(tab, '#list-items', '#api-result', '200')
    await fail(tab)
    await look('in an outage')
  })

  test('by key alone: log in, walk the timeline, break it and compare', async () => {
    const tab = await open(1440)
    const { keyboard } = tab.raw!
    await tab.waitFor(() => document.querySelector('[data-testid^="login-as"]'))
    const focused = () =>
      tab.evaluate(() => {
        const { id, dataset, shadowRoot } = document.activeElement as HTMLElement
        const inside = shadowRoot?.activeElement
        if (inside) return inside.className || inside.textContent!
        return id || dataset.testid || document.activeElement!.textContent!.trim()
      })
    /** Forward alone: what comes too late in the order is not found. */
    async function tabTo(wanted: string): Promise<void> {
      const passed: string[] = []
      while (passed.at(-1) !== wanted) {
        await keyboard.press('Tab')
        passed.push(await focused())
        expect(passed.length, `${wanted} was not among ${passed.join()}`).toBeLessThan(60)
      }
    }
    async function pressOn(id: string, key: 'Enter' | 'Space', outcome: string, part: string): Promise<void> {
      await tabTo(id)
      await keyboard.press(key)
      await shows(tab, outcome, part)
      await isDone(tab, `#${id}`)
      expect(await focused(), 'the focus stays').toBe(id)
    }
    async function unfoldByKey(title: string): Promise<void> {
      await tabTo(title)
      await keyboard.press('Enter')
    }

    await tabTo('login-as-ada@example.com')
    await keyboard.press('Enter')
    await shows(tab, '#status', 'signed in')
    expect(await focused()).toBe('session')
    await pressOn('refresh', 'Enter', '#refresh-result', 'A new token')
    await pressOn('revoke-mine', 'Space', '#replay-result', 'refuses this token')
    await pressOn('ten', 'Enter', '#replay-result', '10 × 200')
    await pressOn('offline', 'Space', '#offline', 'Bring the server back')
    await keyboard.press('Space')
    await shows(tab, '#offline', 'Take the server away')
    await unfoldByKey('The server fails')
    await tabTo('refresh-fault')
    await keyboard.type('is answered with 500')
    await shows(tab, '#server-result', 'refreshes (500) fail')
    await keyboard.press('Home')
    await shows(tab, '#server-result', 'answers as it should')
    await unfoldByKey('The refresh token is stolen')
    await pressOn('steal', 'Enter', '#steal-result', 'You stay signed in')
    await pressOn('grace-on', 'Space', '#grace-words', 'Off:')
    await keyboard.press('Space')
    await shows(tab, '#grace-words', 'On:')
    await unfoldByKey('Setup: modes, tabs, lifetimes')
    await pressOn('apply', 'Enter', '#setup-result', 's of grace')
    await tabTo('skip')
    await tabTo('Timeline')
    await tabTo('Pause')
    await keyboard.press('Enter')
    await panelShows(tab, '.timeline button', 'Go on')
    await tabTo('lanes')
    await keyboard.press('Home')
    await panelShows(tab, '.detail', ', This tab: ')
    await keyboard.press('Space')
    await panelShows(tab, '.timeline button', 'Pause')
    await areDrawn(tab, 'replay')
    // Past the log by the link in front of the panel.
    for (let back = 0; (await focused()) !== 'skip'; back++) {
      await keyboard.down('Shift')
      await keyboard.press('Tab')
      await keyboard.up('Shift')
      expect(back).toBeLessThan(20)
    }
    await keyboard.press('Enter')
    await pressOn(
      'compare-late',
      'Enter',
      '[data-experiment="late"] .seen',
      'The others refresh a second time',
    )
  })

  test('a user who wants less motion gets one step a second', async () => {
    const tab = await browser.newTab()
    const page = tab.raw!
    await page.setViewport({ width: 1440, height: 900 })
    await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }])
    await tab.goto(server.url)
    await panelShows(tab, '.surface', 'This tab')
    // The picture moves with each event too, and the load of a page has several.
    await shows(tab, '#status', 'signed out')
    const start = performance.now()
    const steps = await page.evaluate(async () => {
      let moves = 0
      const svg = document
        .querySelector('silent-refresh-devtools')!
        .shadowRoot!.querySelector('.surface > svg')!
      const observer = new MutationObserver(list => {
        moves += list.length
      })
      observer.observe(svg, { subtree: true, attributeFilter: ['transform'] })
      for (let i = 0; i < 60; i++) await new Promise(requestAnimationFrame)
      observer.disconnect()
      return moves
    })
    // Sixty frames are a second, where nobody else is busy.
    expect(steps).toBeLessThanOrEqual(2 + (performance.now() - start) / 1_000)
  })
})

import axe from 'axe-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DemoServer } from '../../demo/server/server.ts'
import { chromium, engines } from './browsers.ts'
import { choose, complaints, logIn, press, shows, startDemo, textOf } from './demo.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { until } from './site.ts'

const attribute = (tab: Tab, selector: string, name: string) =>
  tab.evaluate(
    (wanted, name) => document.querySelector(wanted)?.getAttribute(name) ?? '',
    `#timeline-surface ${selector}`,
    name,
  )
/** It draws only while it is in sight. */
const look = (tab: Tab) => tab.evaluate(() => document.querySelector('#timeline-view')!.scrollIntoView())

/** All in one question: a busy machine draws few frames, and each answer waits for one. */
async function areDrawn(tab: Tab, ...kinds: string[]): Promise<void> {
  await look(tab)
  const missing = () =>
    tab.evaluate(
      kinds =>
        kinds.filter(kind => !document.querySelector(`#timeline-surface .${kind}`)?.getAttribute('d')).join(),
      kinds,
    )
  await until(async () => (await missing()) === '')
}

async function isWritten(tab: Tab, words: string): Promise<void> {
  await look(tab)
  await shows(tab, '#timeline-surface', words)
}
const pressKey = (tab: Tab, key: string) =>
  tab.evaluate(key => {
    const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
    document.querySelector('#timeline-view')!.dispatchEvent(event)
  }, key)
/** In the page: WebKit's driver now and then sends half a click, most of all after a script chose in a `select`. */
const clickInside = (tab: Tab, selector: string) =>
  tab.evaluate(selector => document.querySelector<HTMLButtonElement>(selector)!.click(), selector)

/** How often the picture, or only its place, was changed in this many frames. */
const moves = (tab: Tab, frames: number, only?: 'transform') =>
  tab.evaluate(
    async (frames, only) => {
      let records = 0
      const svg = document.querySelector('#timeline-surface > svg')!
      const observer = new MutationObserver(list => {
        records += list.length
      })
      const everything = { attributes: true, childList: true, characterData: true }
      observer.observe(svg, { subtree: true, ...(only ? { attributeFilter: [only] } : everything) })
      for (let i = 0; i < frames; i++) await new Promise(requestAnimationFrame)
      await new Promise(resolve => setTimeout(resolve))
      observer.disconnect()
      return records
    },
    frames,
    only,
  )

const isAt = (tab: Tab, end: string) => until(async () => (await tab.url().catch(() => '')).endsWith(end))

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let server: DemoServer
    let tab: Tab

    beforeAll(async () => {
      server = await startDemo({ accessTtl: 60 })
      browser = await engine.launch()
      tab = await browser.newTab()
      await tab.goto(server.url)
      await logIn(tab)
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
    })

    async function repeatTen(): Promise<void> {
      await tab.click('#revoke-access')
      await press(tab, '#ten', '#last-result', '10 × 200')
    }

    test('the timeline shows tokens, requests, refusals and what was sent again, of this tab and of the server', async () => {
      await areDrawn(tab, 'life', 'renewed', 'signed-in')
      await repeatTen()
      await areDrawn(tab, 'good', 'refused', 'replay', 'ahead', 'grid')
      for (const words of ['Server', 'This tab', 'token 2']) await isWritten(tab, words)
      const done = await tab.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('#guide [data-done]')].map(({ dataset }) => dataset.step),
      )
      expect(done).toEqual(['login', 'refresh', 'replay'])
    })

    test('pause stops it, go on lets it run, and earlier, later and both zooms move it', async () => {
      await tab.click('#timeline-pause')
      await shows(tab, '#timeline-pause', 'Go on')
      expect(await moves(tab, 3)).toBe(0)
      const places = [await attribute(tab, '.present', 'd')]
      for (const id of ['closer', 'earlier', 'wider', 'later']) {
        await tab.click(`#timeline-${id}`)
        places.push(await attribute(tab, '.present', 'd'))
      }
      expect(new Set(places).size).toBe(places.length)
      await tab.click('#timeline-pause')
      await shows(tab, '#timeline-pause', 'Pause')
      await look(tab)
      await until(async () => (await moves(tab, 2)) > 0)
    })

    test('keys go from mark to mark and tell what each was; so does the pointer', async () => {
      const isAlone = !server.log
        .entries()
        .some(({ path, status }) => path === '/api/items' && status === 401)
      if (isAlone) await repeatTen()
      await areDrawn(tab, 'replay')
      const detail = () => textOf(tab, '#timeline-detail')
      await pressKey(tab, 'Home')
      await pressKey(tab, 'ArrowRight')
      const second = await detail()
      expect(second).toMatch(/^\d\d:\d\d:\d\d, This tab: /)
      await pressKey(tab, 'ArrowLeft')
      expect(await detail()).not.toBe(second)
      await pressKey(tab, 'End')
      expect(await detail()).toMatch(/GET \/api\/items was answered with 200 .* It repeats a request/)
      await pressKey(tab, 'ArrowUp')
      expect(await detail()).toMatch(/, Server: /)
      expect(await attribute(tab, '.ring', 'd')).not.toBe('')
      await pressKey(tab, 'Escape')
      expect(await attribute(tab, '.ring', 'd')).toBe('')

      await tab.evaluate(() => {
        const surface = document.querySelector('#timeline-surface')!
        const bar = document.querySelector('#timeline-surface .life')!.getBoundingClientRect()
        const over = { clientX: bar.right - 4, clientY: bar.top + 7, bubbles: true }
        surface.dispatchEvent(new PointerEvent('pointermove', over))
      })
      expect(await detail()).toMatch(/This tab: token 2 expires at .* renewed from/)
    })

    test('another tab has its lane, and gets the token handed over', async () => {
      const refreshes = () => server.log.entries().filter(({ path }) => path === '/auth/refresh_token').length
      const before = refreshes()
      const other = await browser.newTab()
      await other.goto(server.url)
      await shows(other, '#status', 'authenticated')
      // WebKit's driver shows the first tab alone, and a hidden one draws nothing and hears nothing of the server.
      for (const one of engine.name === 'WebKit' ? [tab] : [tab, other]) {
        await one.bringToFront()
        await isWritten(one, 'Tab 2')
        await areDrawn(one, 'handover')
      }
      expect(refreshes()).toBe(before)
      await other.close()
      await tab.bringToFront()
      await isWritten(tab, 'Tab 2 (closed)')
      await areDrawn(tab, 'handover')
    })

    test('ten thousand events make no more nodes, and no more work for a frame', async () => {
      await pressKey(tab, 'End')
      if ((await textOf(tab, '#timeline-pause')) === 'Go on') await pressKey(tab, ' ')
      const before = await tab.evaluate(() => document.querySelectorAll('#timeline-surface *').length)
      await tab.evaluate(() => {
        const channel = new BroadcastChannel('silent-refresh-demo')
        const now = Date.now()
        const entries = Array.from({ length: 10_000 }, (_, index) => {
          const common = { lane: 'crowd', at: now - 40_000 + index * 4, id: `crowd-${index}` }
          const sent = { ...common, kind: 'sent', method: 'GET', path: '/api/items' }
          return [sent, { ...common, kind: 'answered', status: [200, 401, 500, 0][index % 4], note: '' }]
        })
        channel.postMessage({ type: 'entries', lane: 'crowd', entries: entries.flat() })
      })
      await isWritten(tab, 'crowd')
      await areDrawn(tab, 'unanswered')
      const drawn = await tab.evaluate(() => {
        const paths = [...document.querySelectorAll('#timeline-surface path')]
        return {
          nodes: document.querySelectorAll('#timeline-surface *').length,
          length: paths.reduce((sum, path) => sum + (path.getAttribute('d') ?? '').length, 0),
        }
      })
      expect(drawn.nodes).toBeLessThan(before + 20)
      expect(drawn.length).toBeLessThan(250_000)
      // One a frame, and a whole drawing or two where frames are slow: never one for each event.
      expect(await moves(tab, 5)).toBeLessThan(1_000)
    })

    async function changeSetup(): Promise<void> {
      await choose(tab, '#access-ttl', '30')
      await choose(tab, '#grace', '5')
      await press(tab, '#apply', '#setup-result', '30 s of life, 5 s of grace')
      expect(server.settings).toEqual({ accessTtl: 30, grace: 5 })
      await choose(tab, '#tabs', 'notify')
      await clickInside(tab, '#apply')
      await isAt(tab, '/?tabs=notify')
      await shows(tab, '#status', 'authenticated')
    }

    test('what the tabs tell each other and how long tokens live can be changed', async () => {
      await changeSetup()
      expect(await tab.evaluate(() => (document.querySelector('#tabs') as HTMLSelectElement).value)).toBe(
        'notify',
      )
    })

    const everyMode = engine.name === 'Chromium'
    const modes = everyMode ? ['cookie', 'body', 'sliding', 'bearer'] : ['sliding', 'bearer']
    test(`another mode signs everybody out, in each tab, and says so (${modes.join(', ')})`, async () => {
      if (!(await tab.url()).includes('tabs=notify')) await changeSetup()
      // A tab that WebKit's driver does not show hears nothing of the server.
      const other = engine.name === 'WebKit' ? null : await browser.newTab()
      await other?.goto(server.url)
      if (other) await shows(other, '#status', 'authenticated')
      for (const mode of modes) {
        await tab.bringToFront()
        await choose(tab, '#mode', mode)
        await clickInside(tab, '#apply')
        await isAt(tab, `switched=${mode}`)
        await shows(tab, '#setup-result', `in ${mode} mode`)
        await shows(tab, '#grace-words', mode === 'sliding' ? 'longer than a token’s life (30 s)' : 'On:')
        await logIn(tab)
        await areDrawn(tab, 'life')
        await clickInside(tab, '#list-items')
        await shows(tab, '#last-result', '200')
        if (!other) continue
        await other.bringToFront()
        await isAt(other, `switched=${mode}`)
      }
      expect((await tab.url()).includes('tabs=notify')).toBe(true)
      await other?.close()
      await tab.bringToFront()
      await tab.click('#logout')
      await shows(tab, '#status', 'anonymous')
      await areDrawn(tab, 'signed-out')
    })

    test.skipIf(engine.name === 'WebKit')(
      'nothing of that was an error, or against the page’s policy',
      () => {
        expect(complaints(tab)).toEqual([])
      },
    )
  })
}

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
          if (hadRecentInput) continue
          shifts.push(sources.map(({ node }) => (node as Element | null)?.outerHTML?.slice(0, 80)).join())
        }
      }).observe({ type: 'layout-shift', buffered: true })
    })
    await tab.goto(server.url)
    await logIn(tab)
    await press(tab, '#list-items', '#last-result', '200')
    await fail(tab)
    server.faults.set({})
    expect(await page.evaluate(() => (window as unknown as { shifts: string[] }).shifts)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    await tab.click('#logout')
    await shows(tab, '#status', 'anonymous')
    await tab.close()
  })

  async function fail(tab: Tab): Promise<void> {
    server.faults.set({ refresh: '500' })
    await tab.click('#refresh')
    await shows(tab, '#status-detail', 'cannot be renewed')
    await shows(tab, '#server-result', 'refreshes (500) fail')
  }

  test('axe finds nothing, light and dark, at 360 and 1280 px: signed out, and in an outage beside a comparison', async () => {
    const tab = await browser.newTab()
    const page = tab.raw!
    await tab.goto(server.url)
    await shows(tab, '#status', 'anonymous')
    await page.evaluate(axe.source)

    async function look(state: string): Promise<void> {
      for (const value of ['light', 'dark'])
        for (const width of [360, 1280]) {
          await page.setViewport({ width, height: 900 })
          // Colours are looked at where they end, not on their way.
          const still = { name: 'prefers-reduced-motion', value: 'reduce' }
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }, still])
          const found = await page.evaluate(async () => {
            const { violations } = await (window as unknown as { axe: typeof axe }).axe.run()
            return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
          })
          expect(found, `${state}, ${value}, ${width} px`).toEqual([])
        }
    }

    await look('signed out')
    await logIn(tab)
    await clickInside(tab, '#compare-late')
    await shows(tab, '[data-experiment="late"] .why', 'The others refresh a second time')
    await fail(tab)
    await look('in an outage')
    server.faults.set({})
    await tab.click('#logout')
    await shows(tab, '#status', 'anonymous')
    await tab.close()
  })

  test('by key alone: log in, walk the timeline, break it and compare', async () => {
    const tab = await browser.newTab()
    const { keyboard } = tab.raw!
    await tab.goto(server.url)
    await shows(tab, '#status', 'anonymous')
    await tab.waitFor(() => document.querySelector('[data-testid^="login-as"]'))
    const focused = () =>
      tab.evaluate(() => {
        const { id, dataset } = document.activeElement as HTMLElement
        return id || dataset.testid || ''
      })
    /** Forward alone: whoever comes too late in the order is not found. */
    async function tabTo(wanted: string): Promise<void> {
      const passed: string[] = []
      while (passed.at(-1) !== wanted) {
        await keyboard.press('Tab')
        passed.push(await focused())
        expect(passed.length, `${wanted} was not among ${passed.join()}`).toBeLessThan(40)
      }
    }
    async function pressOn(id: string, key: 'Enter' | 'Space', outcome: string, part: string): Promise<void> {
      await tabTo(id)
      await keyboard.press(key)
      await shows(tab, outcome, part)
      expect(await focused(), 'the focus stays').toBe(id)
    }

    await tabTo('login-as-ada@example.com')
    await keyboard.press('Enter')
    await shows(tab, '#status', 'authenticated')
    expect(await focused()).toBe('account')
    await pressOn('refresh', 'Enter', '#last-result', 'a new token')
    await pressOn('timeline-pause', 'Space', '#timeline-pause', 'Go on')
    await tabTo('timeline-view')
    await keyboard.press('Home')
    expect(await textOf(tab, '#timeline-detail')).toMatch(/, This tab: /)
    await keyboard.press('Space')
    await shows(tab, '#timeline-pause', 'Pause')
    await pressOn('ten', 'Enter', '#last-result', '10 × 200')
    await pressOn('apply', 'Enter', '#setup-result', 's of grace')
    await pressOn('revoke-mine', 'Space', '#revoke-result', 'is refused from now on')
    await pressOn(
      'compare-late',
      'Enter',
      '[data-experiment="late"] .why',
      'The others refresh a second time',
    )
    await pressOn('offline', 'Space', '#server-result', 'The network is away')
    await keyboard.press('Space')
    await shows(tab, '#server-result', 'answers as it should')
    await tabTo('refresh-fault')
    await keyboard.type('is answered with 500')
    await shows(tab, '#server-result', 'refreshes (500) fail')
    await keyboard.press('Home')
    await shows(tab, '#server-result', 'answers as it should')
    await pressOn('steal', 'Enter', '#steal-result', 'You stay signed in')
    await pressOn('grace-on', 'Space', '#grace-words', 'Off:')
    await keyboard.press('Space')
    await shows(tab, '#grace-words', 'On:')
    await tab.click('#logout')
    await shows(tab, '#status', 'anonymous')
    await tab.close()
  })

  test('whoever wants less motion gets one step a second', async () => {
    const tab = await browser.newTab()
    await tab.raw!.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }])
    await tab.goto(server.url)
    await shows(tab, '#status', 'anonymous')
    await isWritten(tab, 'This tab')
    await look(tab)
    const start = performance.now()
    const steps = await moves(tab, 60, 'transform')
    // Sixty frames are a second, where nobody else is busy.
    expect(steps).toBeLessThanOrEqual(2 + (performance.now() - start) / 1_000)
    await tab.close()
  })
})

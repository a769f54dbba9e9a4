import { afterAll, beforeAll, expect, test } from 'vitest'
import { axeFaults } from './axe.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { panelOf } from './panel.ts'
import { ready, type Site, startSite, until } from './site.ts'

// The panel of `silent-refresh/devtools` in browsers, under the strict policy of S5: every control of it is clicked.

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let site: Site
    let base: Tab
    let tab: Tab

    beforeAll(async () => {
      site = await startSite({ accessTtl: 600 }, 'devtools')
      // Out of the box puppeteer switches the back/forward cache off.
      browser = await engine.launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
      // WebKit ends with its last tab.
      base = await browser.newTab()
    })
    afterAll(async () => {
      await browser?.close()
      await site?.close()
    })

    async function open(options: Record<string, unknown> = {}, isSignedIn = true): Promise<void> {
      // Where the driver is in a tab that was closed, it opens no other.
      await base.evaluate(() => 0)
      tab = await browser.newTab()
      await tab.goto(`${site.url}/?options=${encodeURIComponent(JSON.stringify(options))}`)
      await ready(tab)
      if (isSignedIn) await site.login(tab)
    }

    const { click, textOf, shows, enter, focus, focused, press, isDrawn } = panelOf(() => tab)
    const send = () => tab.evaluate(async () => (await window.auth.fetch('/api/items')).status)
    async function isClean(): Promise<void> {
      expect(await tab.evaluate(() => window.uncaught)).toEqual([])
      await tab.close()
    }

    test('S5 the button says the state, opens the panel, and Escape closes it again', async () => {
      await open({}, false)
      await shows('Session: signed out', 'button.open')
      await site.login(tab)
      await shows('Session: signed in', 'button.open')
      await click('Session')
      expect(await focused()).toBe('Now')
      await press('ArrowRight')
      expect(await focused()).toBe('Timeline')
      await press('End')
      expect(await focused()).toBe('Do')
      await press('ArrowRight')
      expect(await focused()).toBe('Now')
      await click('Dock right')
      await click('Dock below')
      await press('Escape')
      expect(await focused()).toContain('Session')
      await click('Session')
      await click('Close')
      expect(await textOf('[role=tab]')).toBe('')
      await isClean()
    })

    test('S5 it is styled, and no attribute or element has a style', async () => {
      await open()
      await click('Session')
      const [position, styles] = await tab.evaluate(() => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        const section = root.querySelector('section')!
        return [
          getComputedStyle(section).position,
          document.querySelectorAll('[style], style').length + root.querySelectorAll('[style], style').length,
        ] as const
      })
      expect(position).toBe('fixed')
      expect(styles).toBe(0)
      await isClean()
    })

    test('Now shows who is signed in, the token by its number, the refresh and the claims, and never a token', async () => {
      await open()
      await click('Session')
      await click('Claims and user')
      await shows('signed in')
      await shows('token ')
      await shows('"sub"', 'pre')
      await shows(' with token ')
      const [html, token] = await tab.evaluate(async () => [
        document.querySelector('silent-refresh-devtools')!.shadowRoot!.textContent!,
        (await window.auth.getAccessToken())!,
      ])
      for (let at = 0; at + 16 <= token.length; at += 4) expect(html).not.toContain(token.slice(at, at + 16))
      expect(
        await tab.evaluate(() =>
          document
            .querySelector('silent-refresh-devtools')!
            .shadowRoot!.querySelector('svg')!
            .getAttribute('aria-label'),
        ),
      ).toContain('The token expires at')
      await isClean()
    })

    test('Do refreshes, expires, forgets, fails, goes offline and logs out, and Why says so', async () => {
      await open()
      await send()
      await click('Session')
      await click('Do')
      await click('Refresh now')
      await shows('Refreshed.', '.result')
      site.server.log.clear()
      await click('Expire the token')
      await shows('has expired', '.result')
      expect(await send()).toBe(200)
      expect(site.calls('/auth/refresh_token')).toHaveLength(1)

      await click('Forget the memory')
      await shows('The session was restored.', '.result')

      for (const fault of ['Network error', '500']) {
        await click(fault)
        await click('Refresh now')
        await shows('Refresh now: ', '.result')
      }
      await click('Network error')
      await click('Network error')
      await shows('does not fail', '.result')

      await click('Refresh now')
      await shows('Refreshed.', '.result')

      site.server.log.clear()
      await click('Answer the next request')
      expect(await send()).toBe(200)
      expect(site.calls('/api/items')).toHaveLength(1)
      await click('Offline')
      expect(await tab.evaluate(() => window.auth.fetch('/api/items').catch(error => error.name))).toBe(
        'TypeError',
      )
      await click('Offline')
      expect(await send()).toBe(200)

      // The page has noted the 401 of the devtools; the refresh after it is refused.
      await click('401')
      await click('Answer the next request')
      expect(await send()).toBe(401)
      await click('Why')
      await shows('Signed out: the refresh endpoint returned 401 at')
      await shows('(invalid_grant), asked because GET /api/items returned 401 with token')

      await tab.evaluate(async () => void (await window.auth.refresh()))
      await click('Do')
      await click('Log out')
      await shows('Signed out, and the server has confirmed it.', '.result')
      await isClean()
    })

    test('without "devtoolsFetch" the buttons that need it say so and cannot be pressed', async () => {
      await open({ bare: true })
      await click('Session')
      await click('Do')
      await shows('These need "devtoolsFetch"')
      const disabled = await tab.evaluate(
        () =>
          document
            .querySelector('silent-refresh-devtools')!
            .shadowRoot!.querySelectorAll('fieldset button:disabled').length,
      )
      expect(disabled).toBe(5)
      await isClean()
    })

    test('Why filters, unfolds and hands out a report, and a second tab opens it', async () => {
      await open()
      await send()
      await click('Session')
      await click('Why')
      await shows('Signed in', 'ol')
      await click('Signed in')
      await shows('Before:', 'ol')
      const filter = (words: string) => enter('#panel-Why [type=search]', words)
      await filter('no such thing')
      await shows('Nothing matches.')
      await filter('/api/items')
      await shows('GET /api/items', 'ol')
      await filter('')

      // Whatever the browser allows, the report can be taken: from the clipboard, or from the text below.
      await tab.evaluate(() => {
        Object.defineProperty(navigator, 'clipboard', { value: undefined })
      })
      const report = async () => {
        await shows('Copy the text below.')
        return tab.evaluate(
          () =>
            document.querySelector('silent-refresh-devtools')!.shadowRoot!.querySelector('textarea')!.value,
        )
      }
      await click('Copy as text')
      expect(await report()).toContain('Signed in')
      await click('Copy as JSON')
      const text = await report()
      await click('Save as file')
      await shows('Saved as')
      const lines = await textOf('ol summary')
      await isClean()

      await open({}, false)
      const pick = (content: string) =>
        tab.evaluate(content => {
          const input = document
            .querySelector('silent-refresh-devtools')!
            .shadowRoot!.querySelector<HTMLInputElement>('[type=file]')!
          const data = new DataTransfer()
          data.items.add(new File([content], 'report.json'))
          input.files = data.files
          input.dispatchEvent(new Event('change'))
        }, content)
      await click('Session')
      await click('Why')
      await pick('<html>')
      await shows('It is no JSON.')
      await pick(text)
      await shows('A report, made at')
      expect((await textOf('ol summary')).replaceAll('tab 1', 'this tab')).toBe(lines)
      await click('Back to this session')
      expect(await textOf('.note')).toBe('')
      // By call, in the same panel.
      await tab.evaluate(async text => {
        const close = await window.openReport(text)
        close()
        window.closeReport = await window.openReport(new Blob([text]))
      }, text)
      await shows('A report, made at')
      await click('Timeline')
      await until(async () => (await textOf('.timeline .name')).includes('Tab 1'))
      // Without a panel, the report has one of its own.
      await tab.evaluate(async text => {
        window.closeReport()
        window.unmount()
        window.closeReport = await window.openReport(text, { dock: 'right' })
      }, text)
      await shows('A report, made at')
      await click('Timeline')
      await until(async () => (await textOf('.timeline .name')).includes('Tab 1'))
      await tab.evaluate(() => window.closeReport())
      expect(await textOf('[role=tab]').catch(() => 'gone')).toBe('gone')
      await isClean()
    })

    test('Timeline draws tokens and requests, pauses, zooms, and says what a mark was', async () => {
      await open()
      await send()
      await click('Session')
      await click('Timeline')
      await until(async () => (await isDrawn('life')) && (await isDrawn('good')))
      await focus('.lanes')
      await press('End')
      await shows('GET /api/items was answered with 200', '.detail')
      await press('Home')
      await press('ArrowRight')
      await press('ArrowUp')
      await click('Pause')
      await click('Zoom in')
      await click('Zoom out')
      await click('Earlier')
      await click('Later')
      await click('Go on')
      await press('Escape')
      await isClean()
    })

    test('Timeline is filtered by kind and by text, and says how many marks are left', async () => {
      await open()
      await send()
      await click('Session')
      await click('Timeline')
      const drawn = async () => {
        const kinds = ['life', 'good', 'renewed', 'signed-in']
        const found = await Promise.all(kinds.map(isDrawn))
        return kinds.filter((_, index) => found[index])
      }
      const choose = (topic: string) => enter('.timeline select', topic)
      const type = (text: string) => enter('.timeline input', text)
      await until(async () => (await drawn()).length === 4)
      expect(await textOf('.found')).toBe('')
      await choose('tokens')
      expect(await drawn()).toEqual(['life', 'signed-in'])
      await choose('requests')
      expect(await drawn()).toEqual(['good', 'renewed'])
      await type('/API/items')
      expect(await drawn()).toEqual(['good'])
      expect(await textOf('.found')).toMatch(/^1 of \d+ marks$/)
      await focus('.lanes')
      await press('Home')
      await shows('GET /api/items was answered with 200', '.detail')
      await type('no such thing')
      expect(await drawn()).toEqual([])
      await choose('all')
      await type('')
      expect(await drawn()).toHaveLength(4)
      await isClean()
    })

    test('a lost network, a hidden page and a wait for another tab are on the timeline, and Why names them', async () => {
      await open()
      await click('Session')
      await click('Timeline')
      // As a browser reports them: no driver of the three hides a page, or takes its network away, for itself.
      const see = (visibility: string, network: string) =>
        tab.evaluate(
          (value, network) => {
            Object.defineProperty(document, 'visibilityState', { configurable: true, value })
            document.dispatchEvent(new Event('visibilitychange'))
            dispatchEvent(new Event(network))
          },
          visibility,
          network,
        )
      await see('hidden', 'offline')
      for (const kind of ['hidden', 'offline']) await until(() => isDrawn(kind))
      // Another tab refreshes, and its answer takes its time.
      const first = tab
      await open({}, false)
      const other = tab
      site.server.log.clear()
      site.server.faults.set({ refresh: 'hang', count: 1 })
      await other.evaluate(() => void window.auth.refresh().catch(() => {}))
      await until(() => site.calls('/auth/refresh_token').length === 1)
      tab = first
      await see('visible', 'online')
      await tab.evaluate(() => void window.auth.refresh().catch(() => {}))
      await until(() => isDrawn('wait'))
      site.server.faults.set({ refresh: 'none' })
      await click('Why')
      for (const words of ['The browser is offline', 'The page is hidden', 'Waiting for another tab']) {
        await shows(words, 'ol')
      }
      await isClean()
      tab = other
      await isClean()
    })

    // Firefox keeps no page that has held a lock.
    test.skipIf(engine.name === 'Firefox')(
      'Why says that a page was kept in the back/forward cache, and is back',
      async () => {
        await open()
        await tab.evaluate(() =>
          addEventListener('pageshow', ({ persisted }) => {
            window.isBack = persisted
          }),
        )
        await tab.goto(site.blank)
        await tab.back()
        await tab.waitFor(() => window.isBack === true)
        await click('Session')
        await click('Why')
        await shows('The page was left, and the browser keeps it for the back button', 'ol')
        await shows('The page is back, by the back or forward button', 'ol')
        await isClean()
      },
    )

    test('with ten thousand events the panel has as many elements as with a thousand, and still answers', async () => {
      await open()
      await click('Session')
      // As another tab tells them: 300 in a message, all of the last minute.
      const tell = (count: number) =>
        tab.evaluate(count => {
          const channel = new BroadcastChannel(`silent-refresh-devtools:${location.origin} devtools`)
          const now = Date.now()
          const request = { type: 'request', method: 'GET', ms: 20, refreshes: false, made: false }
          const event = (n: number) =>
            n % 5 === 0
              ? { type: 'refreshed', cause: 'refresh', generation: n, expiresAt: now + 9_000 }
              : { ...request, url: `/items/${n}`, status: n % 4 ? 200 : 401, generation: n }
          const at = (n: number) => now - 60_000 + (n * 60_000) / count
          const tab = `of-${count}`
          for (let from = 0; from < count; from += 300) {
            const part = Array.from({ length: Math.min(300, count - from) }, (_, n) => from + n)
            const entries = part.map(n => ({ at: at(n), tab, event: event(n) }))
            channel.postMessage({ v: 1, tab, asks: false, entries })
          }
          channel.close()
        }, count)
      const size = async (count: number) => {
        await tell(count)
        await click('Why')
        await enter('#panel-Why [type=search]', `/items/${count - 1} `)
        await until(async () => {
          await enter('#panel-Why [type=search]', `/items/${count - 1} `)
          return (await textOf('ol')).includes(`/items/${count - 1} `)
        })
        await enter('#panel-Why [type=search]', '')
        await click('Timeline')
        return tab.evaluate(() => {
          const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
          return root.querySelectorAll('*').length
        })
      }
      const few = await size(1_000)
      const many = await size(10_000)
      expect(many).toBeLessThan(1.1 * few)
      await click('Why')
      await click('Show older ones')
      await click('Timeline')
      await click('Zoom out')
      await enter('.timeline select', 'failures')
      await shows('marks', '.found')
      await focus('.lanes')
      await press('ArrowDown')
      await press('Home')
      await shows('GET /items/4 was answered with 401', '.detail')
      await isClean()
    })

    test('every control of every view can be used, and nothing breaks', async () => {
      await open()
      await send()
      await click('Session')
      /** Uses the control at this place in the view, and returns its name; `null`: there is none. */
      const use = (view: string, index: number) =>
        tab.evaluate(
          (view, index) => {
            const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
            const controls = [
              ...root.querySelectorAll<HTMLElement>(
                `#panel-${view} :is(button, input, select, textarea, summary)`,
              ),
            ].filter(one => one.checkVisibility())
            const control = controls[index]
            if (!control) return null
            const name = control.closest('label')?.firstChild?.textContent ?? control.textContent
            control.focus()
            control.click()
            control.dispatchEvent(new Event('input'))
            control.dispatchEvent(new Event('change'))
            return name
          },
          view,
          index,
        )
      const used: Record<string, string[]> = {}
      for (const view of ['Now', 'Timeline', 'Why', 'Do']) {
        await click(view)
        used[view] = []
        for (let index = 0; ; index++) {
          const name = await use(view, index)
          if (name === null) break
          used[view].push(name)
        }
      }
      expect(used.Now).toEqual(['Claims and user'])
      expect(used.Timeline).toEqual([
        'Pause',
        'Earlier',
        'Later',
        'Zoom in',
        'Zoom out',
        'Show',
        'with the words',
      ])
      expect(used.Why!.slice(0, 5)).toEqual([
        ...['Filter', 'Copy as text', 'Copy as JSON', 'Save as file', 'Open a report …'],
      ])
      expect(used.Do).toEqual([
        ...['Refresh now', 'Expire the token', 'Forget the memory', 'Log out'],
        ...['Network error', '401', '500', 'Answer the next request with 401', 'Offline'],
      ])
      for (const name of ['Dock right', 'Dock below', 'Now', 'Close', 'Session']) await click(name)
      await shows('Status')
      await isClean()
    })

    test('Why shows what another tab with devtools has done', async () => {
      await open()
      const first = tab
      await open({}, false)
      await click('Session')
      await click('Why')
      await shows('tab ', 'ol .tab')
      await tab.evaluate(async () => void (await window.auth.refresh()))
      const other = tab
      tab = first
      await click('Session')
      await click('Why')
      await until(async () => (await textOf('ol .tab')).split('\n').some(name => /^tab \w{4}$/.test(name)))
      await isClean()
      tab = other
      await isClean()
    })

    test('is mounted once, and taken away when the last caller does so', async () => {
      await open()
      const panels = () => tab.evaluate(() => document.querySelectorAll('silent-refresh-devtools').length)
      await tab.evaluate(() => {
        const again = window.mountDevtools(window.client, { open: true })
        again()
        again()
      })
      expect(await panels()).toBe(1)
      await tab.evaluate(() => window.unmount())
      expect(await panels()).toBe(0)
      expect(await send()).toBe(200)
      await isClean()
    })

    test('axe finds nothing in any view, light and dark', async () => {
      await open()
      await send()
      for (const value of engine.name === 'Chromium' ? ['light', 'dark'] : ['light']) {
        if (engine.name === 'Chromium') {
          const still = { name: 'prefers-reduced-motion', value: 'reduce' }
          await tab.raw!.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }, still])
        }
        expect(await axeFaults(tab), `closed, ${value}`).toEqual([])
        await click('Session')
        for (const view of ['Now', 'Timeline', 'Why', 'Do']) {
          await click(view)
          expect(await axeFaults(tab), `${view}, ${value}`).toEqual([])
        }
        await click('Close')
      }
      await isClean()
    })
  })
}

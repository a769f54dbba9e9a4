import { afterAll, beforeAll, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
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
      browser = await engine.launch()
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

    /** Clicks the button with this name, as a user sees it. */
    async function click(name: string): Promise<void> {
      const found = await tab.evaluate(name => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        const button = [...root.querySelectorAll<HTMLElement>('button, summary')].find(
          one =>
            one.textContent!.includes(name) && one.checkVisibility() && !(one as HTMLButtonElement).disabled,
        )
        button?.click()
        return button !== undefined
      }, name)
      expect(found, `a button "${name}"`).toBe(true)
    }
    const textOf = (selector: string) =>
      tab.evaluate(selector => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        return [...root.querySelectorAll(selector)]
          .filter(one => one.checkVisibility())
          .map(one => one.textContent)
          .join('\n')
      }, selector)
    const shows = (words: string, selector = '[role=tabpanel]') =>
      until(async () => (await textOf(selector)).includes(words))
    const send = () => tab.evaluate(async () => (await window.auth.fetch('/api/items')).status)
    const focused = () =>
      tab.evaluate(
        () => document.querySelector('silent-refresh-devtools')?.shadowRoot?.activeElement?.textContent,
      )
    const press = (key: string) =>
      tab.evaluate(key => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        root.activeElement!.dispatchEvent(
          new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }),
        )
      }, key)
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

    test('Now shows who is signed in, the token by its generation, the refresh and the claims, and never a token', async () => {
      await open()
      await click('Session')
      await click('Claims and user')
      await shows('signed in')
      await shows('generation')
      await shows('"sub"', 'pre')
      await shows('with a token, of generation')
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
      await shows('(invalid_grant), asked because GET /api/items returned 401 with token generation')

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
      const filter = (words: string) =>
        tab.evaluate(words => {
          const input = document
            .querySelector('silent-refresh-devtools')!
            .shadowRoot!.querySelector<HTMLInputElement>('[type=search]')!
          input.value = words
          input.dispatchEvent(new Event('input'))
        }, words)
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
      await until(async () => (await textOf('.timeline .name')).includes('tab 1'))
      // Without a panel, the report has one of its own.
      await tab.evaluate(async text => {
        window.closeReport()
        window.unmount()
        window.closeReport = await window.openReport(text, { dock: 'right' })
      }, text)
      await shows('A report, made at')
      await click('Timeline')
      await until(async () => (await textOf('.timeline .name')).includes('tab 1'))
      await tab.evaluate(() => window.closeReport())
      expect(await textOf('[role=tab]').catch(() => 'gone')).toBe('gone')
      await isClean()
    })

    test('Timeline draws tokens and requests, pauses, zooms, and says what a mark was', async () => {
      await open()
      await send()
      await click('Session')
      await click('Timeline')
      const drawn = (kind: string) =>
        tab.evaluate(
          kind =>
            document
              .querySelector('silent-refresh-devtools')!
              .shadowRoot!.querySelector(`path.${kind}`)!
              .getAttribute('d'),
          kind,
        )
      await until(async () => Boolean((await drawn('life')) && (await drawn('good'))))
      const focus = () =>
        tab.evaluate(() =>
          document
            .querySelector('silent-refresh-devtools')!
            .shadowRoot!.querySelector<HTMLElement>('.lanes')!
            .focus(),
        )
      await focus()
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
      const faults = async () =>
        tab.evaluate(async () => {
          const { violations } = await window.axe.run()
          return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
        })
      for (const value of engine.name === 'Chromium' ? ['light', 'dark'] : ['light']) {
        if (engine.name === 'Chromium') {
          const still = { name: 'prefers-reduced-motion', value: 'reduce' }
          await tab.raw!.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }, still])
        }
        expect(await faults(), `closed, ${value}`).toEqual([])
        await click('Session')
        for (const view of ['Now', 'Timeline', 'Why', 'Do']) {
          await click(view)
          expect(await faults(), `${view}, ${value}`).toEqual([])
        }
        await click('Close')
      }
      await isClean()
    })
  })
}

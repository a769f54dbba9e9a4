import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoServer } from '../../demo/server/server.ts'
import { engines } from './browsers.ts'
import { complaints, press, shows, startDemo, textOf } from './demo.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { fillIn, popupOf } from './oauth-site.ts'
import { until } from './site.ts'

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let server: DemoServer
    let tab: Tab

    const refreshes = () => server.log.entries().filter(({ path }) => path === '/auth/refresh_token')

    async function typeIn(): Promise<void> {
      await tab.type('#email', 'ada@example.com')
      await tab.type('#password', 'correct horse battery staple')
      await tab.click('#login')
      await shows(tab, '#status', 'authenticated')
      await shows(tab, '#user', 'Ada')
    }

    beforeAll(async () => {
      server = await startDemo()
      browser = await engine.launch()
      tab = await browser.newTab()
      await tab.goto(server.url)
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
    })

    test('the demo page: log in, call the API, survive a revoked token, faults and a reload, log out', async () => {
      await shows(tab, '#status', 'anonymous')

      await tab.type('#email', 'ada@example.com')
      await tab.type('#password', 'wrong')
      await tab.click('#login')
      await until(async () => (await textOf(tab, '#login-error')) !== '')
      expect(await textOf(tab, '#status')).toBe('anonymous')

      await tab.evaluate(() => {
        for (const name of ['#email', '#password'])
          (document.querySelector(name) as HTMLInputElement).value = ''
      })
      await typeIn()

      await press(tab, '#list-items', '#last-result', '200')
      server.log.clear()
      await tab.click('#revoke-access')
      await until(async () => (await textOf(tab, '#server-result')) !== '')
      await press(tab, '#ten', '#last-result', '10')
      expect(refreshes()).toHaveLength(1)

      server.faults.set({ ...server.faults.state(), refresh: '500' })
      await press(tab, '#refresh', '#last-result', 'refresh_unavailable')
      expect(await textOf(tab, '#status')).toBe('authenticated')
      server.faults.set({ ...server.faults.state(), refresh: 'none' })

      await tab.reload()
      await shows(tab, '#status', 'authenticated')
      // The server has heard it by then: a page that is left before that has its cookies.
      await press(tab, '#logout', '#status', 'anonymous')
      await tab.reload()
      await shows(tab, '#status', 'anonymous')
      await tab.goto(`${server.url}/auth/`) // where WebKit lists the cookies of both paths
      expect(await tab.cookies()).toEqual([])
    })

    test.each([
      ['cookie', false],
      ['body', false],
      ['sliding', false],
      ['bearer', true],
      ['sliding', true],
      ['oauth', true],
    ] as const)('the demo page with --mode %s, and --dpop --nonces: %s', async (mode, dpop) => {
      const other = await startDemo({ mode, dpop, nonces: dpop })
      await tab.goto(other.url)
      await shows(tab, '#status', 'anonymous')
      if (mode === 'oauth') {
        await tab.click('#login-redirect')
        await fillIn(tab)
        await shows(tab, '#status', 'authenticated')
      } else await typeIn()
      await press(tab, '#list-items', '#last-result', '200')
      await press(tab, '#refresh', '#last-result', 'a new token')
      if (dpop) {
        // What the server says of the request it has got, which it refuses without a proof.
        await press(tab, '#echo', '#last-result', 'DPoP [valid]')
        // The token is bound to the key: for a thief it is worth nothing.
        if (mode === 'bearer') await press(tab, '#steal', '#steal-result', 'refused the thief')
      }
      await tab.reload()
      await shows(tab, '#status', 'authenticated')
      await tab.click('#logout')
      await shows(tab, '#status', 'anonymous')
      await tab.reload()
      await shows(tab, '#status', 'anonymous')
      await tab.goto('about:blank')
      await other.close()
    })

    test('the demo page with --mode oauth: by redirect and in a popup, reload, logout at the provider', async () => {
      const other = await startDemo({ mode: 'oauth' })
      const { calls } = other.provider!
      await tab.goto(other.url)
      await shows(tab, '#status', 'anonymous')
      await tab.click('#login-redirect')
      await fillIn(tab)
      await shows(tab, '#status', 'authenticated')
      await shows(tab, '#user', 'Ada')
      await press(tab, '#list-items', '#last-result', '200')
      await press(tab, '#refresh', '#last-result', 'a new token')
      await tab.reload()
      await shows(tab, '#status', 'authenticated')
      await press(tab, '#list-items', '#last-result', '200')

      await tab.click('#logout')
      await until(() => calls.all().some(({ url }) => url === '/session/end/confirm'))
      await until(async () => (await tab.url().catch(() => '')) === `${other.url}/`)
      await shows(tab, '#status', 'anonymous')

      await tab.click('#login-popup')
      await fillIn(await popupOf(browser))
      await shows(tab, '#status', 'authenticated')
      await press(tab, '#list-items', '#last-result', '200')
      await until(async () => (await browser.windows()).length === 0)
      await tab.goto('about:blank')
      await other.close()
    })

    test.skipIf(engine.name === 'WebKit')(
      'nothing of that was an error, or against the page’s own policy (WebKit does not tell)',
      () => {
        expect(complaints(tab)).toEqual([])
      },
    )
  })
}

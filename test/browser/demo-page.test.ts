import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoServer } from '../../demo/server/server.ts'
import { engines } from './browsers.ts'
import {
  areDrawn,
  choose,
  clickInside,
  complaints,
  logIn,
  panelShows,
  press,
  showPanel,
  shows,
  startDemo,
  textOf,
  unfold,
} from './demo.ts'
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
    const isAt = (tab: Tab, end: string) => until(async () => (await tab.url().catch(() => '')).endsWith(end))

    beforeAll(async () => {
      server = await startDemo()
      browser = await engine.launch()
      tab = await browser.newTab()
      await tab.raw?.setViewport({ width: 1440, height: 900 })
      await tab.goto(server.url)
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
    })

    test('the demo page: log in, call the API, survive a revoked token, faults and a reload, log out', async () => {
      await shows(tab, '#status', 'signed out')
      await unfold(tab)

      await tab.type('#email', 'ada@example.com')
      await tab.type('#password', 'wrong')
      await clickInside(tab, '#login')
      await shows(tab, '#password-result', 'wrong')
      expect(await textOf(tab, '#status')).toBe('signed out')
      await tab.evaluate(() => {
        for (const name of ['#email', '#password'])
          (document.querySelector(name) as HTMLInputElement).value = ''
      })
      await tab.type('#email', 'ada@example.com')
      await tab.type('#password', 'correct horse battery staple')
      await clickInside(tab, '#login')
      await shows(tab, '#status', 'signed in')
      await shows(tab, '#user', 'Ada')

      await press(tab, '#list-items', '#api-result', '200')
      server.log.clear()
      await press(tab, '#revoke-mine', '#replay-result', 'refuses this token')
      await press(tab, '#ten', '#replay-result', '10 × 200, after 1 refresh and 10 sent again')
      expect(refreshes()).toHaveLength(1)

      server.faults.set({ ...server.faults.state(), refresh: '500' })
      await press(tab, '#refresh', '#refresh-result', 'refresh_unavailable')
      await shows(tab, '#status-detail', 'Still signed in')
      server.faults.set({ ...server.faults.state(), refresh: 'none' })

      await clickInside(tab, '#reload')
      await until(async () => (await textOf(tab, '#replay-result').catch(() => 'x')) === '')
      await shows(tab, '#status', 'signed in')
      // The server has heard it by then: a page that is left before that has its cookies.
      await press(tab, '#logout', '#login-result', 'the server has confirmed it')
      await tab.reload()
      await shows(tab, '#status', 'signed out')
      await tab.goto(`${server.url}/auth/`) // where WebKit lists the cookies of both paths
      expect(await tab.cookies()).toEqual([])
    })

    /** Under whatever mode: what each has to do. */
    async function goThrough(): Promise<void> {
      await logIn(tab)
      await unfold(tab)
      await press(tab, '#list-items', '#api-result', '200')
      await press(tab, '#refresh', '#refresh-result', 'A new token')
      await showPanel(tab)
      await areDrawn(tab, 'life')
      await tab.reload()
      await shows(tab, '#status', 'signed in')
    }

    async function switchTo(mode: string): Promise<void> {
      await unfold(tab)
      await choose(tab, '#mode', mode)
      await clickInside(tab, '#apply')
      await isAt(tab, `switched=${mode}`)
      await shows(tab, '#setup-result', `in ${mode} mode`)
    }

    test('the demo page: each mode by the form, which signs everybody out, in each tab, and says so', async () => {
      await tab.goto(server.url)
      await logIn(tab)
      await unfold(tab)
      await choose(tab, '#access-ttl', '30')
      await choose(tab, '#grace', '5')
      await press(tab, '#apply', '#setup-result', '30 s of life, 5 s of grace')
      expect(server.settings).toEqual({ accessTtl: 30, grace: 5 })
      await choose(tab, '#tabs', 'notify')
      await clickInside(tab, '#apply')
      await isAt(tab, '/?tabs=notify')
      await shows(tab, '#status', 'signed in')

      // A tab that WebKit's driver does not show hears nothing of the server.
      const other = engine.name === 'WebKit' ? null : await browser.newTab()
      await other?.goto(server.url)
      if (other) await shows(other, '#status', 'signed in')
      for (const mode of ['cookie', 'body', 'sliding', 'bearer']) {
        await tab.bringToFront()
        await switchTo(mode)
        await shows(tab, '#grace-words', mode === 'sliding' ? 'longer than a token’s life (30 s)' : 'On:')
        await goThrough()
        await other?.bringToFront()
        if (other) await isAt(other, `switched=${mode}`)
      }
      expect(await tab.url()).toContain('tabs=notify')
      await other?.close()
      await tab.bringToFront()
      await press(tab, '#logout', '#login-result', 'Signed out')
      await showPanel(tab)
      await areDrawn(tab, 'signed-out')
    })

    test('the demo page with --dpop --nonces: requests are signed, and a thief is refused', async () => {
      const other = await startDemo({ dpop: true, nonces: true })
      await tab.goto(other.url)
      await goThrough()
      await unfold(tab)
      // What the server says of the request it has got, which it refuses without a proof.
      await press(tab, '#echo', '#api-result', 'DPoP [valid]')
      // The token is bound to the key: for a thief it is worth nothing.
      await press(tab, '#steal', '#steal-result', 'refused the thief')
      await switchTo('sliding')
      await goThrough()
      await tab.goto('about:blank')
      await other.close()
    })

    test.each([false, true])('the demo page with --mode oauth, and --dpop --nonces: %s', async dpop => {
      const other = await startDemo({ mode: 'oauth', dpop, nonces: dpop })
      const { calls } = other.provider!
      await tab.goto(other.url)
      await shows(tab, '#status', 'signed out')
      await clickInside(tab, '#login-redirect')
      await fillIn(tab)
      await shows(tab, '#status', 'signed in')
      await shows(tab, '#user', 'Ada')
      await press(tab, '#ten', '#replay-result', '10 × 200')
      await press(tab, '#refresh', '#refresh-result', 'A new token')
      await unfold(tab)
      if (dpop) await press(tab, '#echo', '#api-result', 'DPoP [valid]')
      await tab.reload()
      await shows(tab, '#status', 'signed in')
      await panelShows(tab, '.surface', 'token')

      await clickInside(tab, '#logout')
      await until(() => calls.all().some(({ url }) => url === '/session/end/confirm'))
      await isAt(tab, `${other.url}/`)
      await shows(tab, '#status', 'signed out')

      if (!dpop) {
        await tab.click('#login-popup')
        await fillIn(await popupOf(browser))
        await shows(tab, '#status', 'signed in')
        await press(tab, '#ten', '#replay-result', '10 × 200')
        await until(async () => (await browser.windows()).length === 0)
      }
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

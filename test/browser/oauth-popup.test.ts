import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import {
  ADA,
  callApi,
  events,
  exchanges,
  fillIn,
  formIsShown,
  type OAuthSite,
  type OAuthSites,
  open,
  popupOf,
  type Sites,
  signedIn,
  startOAuthSites,
  status,
  whoIs,
} from './oauth-site.ts'
import { until } from './site.ts'

// A login in a popup at a real authorization server: see oauth-redirect.test.ts for the two sites.

const COOP = { 'Cross-Origin-Opener-Policy': 'same-origin' }
const DEEP = '/deep/page?q=1#part'

for (const engine of engines) {
  describeEngine(engine, () => {
    /** Only Firefox moves the focus to a popup where there is no screen. */
    const hasFocus = engine.name === 'Firefox'
    let browser: Browser
    let tab: Tab
    let sites: OAuthSites
    let site: OAuthSite

    beforeAll(async () => {
      sites = await startOAuthSites()
      browser = await engine.launch({ popupBlocker: true })
      tab = await browser.newTab()
    })
    afterAll(async () => {
      await browser?.close()
      await sites?.close()
    })
    beforeEach(() => start('cross'))
    afterEach(async () => {
      for (const popup of await browser.windows()) await popup.close()
    })

    async function start(kind: Sites): Promise<void> {
      site = await sites.begin(kind, tab)
    }

    /** The form of the provider, in a popup that a click has opened. */
    async function openForm(): Promise<Tab> {
      await open(tab, site.url + DEEP)
      await tab.click('#popup')
      const popup = await popupOf(browser)
      await formIsShown(popup)
      return popup
    }

    const allClosed = () => until(async () => (await browser.windows()).length === 0)
    const refusals = (tab: Tab) => tab.evaluate(() => window.refusals)

    test('O19 a login in a popup: the page has the session, and the popup is gone', async () => {
      await fillIn(await openForm())
      await signedIn(tab)
      await allClosed()
      expect(await whoIs(tab)).toMatchObject({ name: ADA.name })
      expect(await callApi(tab)).toBe(ADA.name)
      expect(await events(tab, 'login')).toEqual([{ cause: 'login' }])
      // The page has stayed where it was, and owns the refresh token.
      expect(await tab.evaluate(() => location.pathname + location.search + location.hash)).toBe(DEEP)
      await tab.evaluate(async () => void (await window.auth.refresh()))
      expect(site.provider.calls.of('token').map(({ note }) => note)).toEqual([
        'authorization_code',
        'refresh_token',
      ])
      expect(await tab.evaluate(() => [window.uncaught, window.refusals])).toEqual([[], []])
    })

    const policies = [
      ['same', 'the provider', true, false],
      ['cross', 'the provider', true, false],
      ['cross', 'the app', false, true],
      ['cross', 'both', true, true],
    ] as const
    test.each(policies)('O20 the same with COOP: %s site, %s', async (sites, _, coop, app) => {
      await start(sites)
      site.provider.settings.coop = coop
      if (app) site.headers = COOP
      // In the other two the page with the popup still says that it has the focus.
      if (!hasFocus) site.options = { focus: false }
      await fillIn(await openForm())
      await signedIn(tab)
      await allClosed()
      expect(await callApi(tab)).toBe(ADA.name)
      expect(exchanges(site)).toEqual(['authorization_code'])
      expect(await refusals(tab)).toEqual([])
    })

    test('O21 the user closes the popup: the login is cancelled', async () => {
      site.options = { hurry: true }
      const popup = await openForm()
      await popup.close()
      await tab.waitFor(() => window.refusals.length > 0)
      expect(await refusals(tab)).toEqual(['login_cancelled'])
      expect(await status(tab)).toBe('anonymous')
    })

    test.runIf(hasFocus)(
      'O21 under COOP too, where a closed popup looks like one with the form',
      async () => {
        site.options = { hurry: true }
        site.provider.settings.coop = true
        const popup = await openForm()
        await popup.close()
        await tab.waitFor(() => window.refusals.length > 0)
        expect(await refusals(tab)).toEqual(['login_cancelled'])
      },
    )

    test('O21 a popup under COOP is not taken for closed while the user types there', async () => {
      site.options = { hurry: true, ...(!hasFocus && { focus: false }) }
      site.provider.settings.coop = true
      const popup = await openForm()
      const looks = await tab.evaluate(() => window.looks)
      // More often than it takes to give a closed popup up.
      await tab.waitFor(before => window.looks > before + 8, looks)
      expect(await refusals(tab)).toEqual([])
      await fillIn(popup)
      await signedIn(tab)
      await allClosed()
    })

    test('O21 a popup that was taken for closed by mistake signs in all the same', async () => {
      // As where the user clicks into the page meanwhile.
      site.options = { hurry: true, focus: true }
      site.provider.settings.coop = true
      const popup = await openForm()
      await tab.waitFor(() => window.refusals.length > 0)
      expect(await refusals(tab)).toEqual(['login_cancelled'])
      await fillIn(popup)
      await signedIn(popup)
      await signedIn(tab)
      expect(exchanges(site)).toEqual(['authorization_code'])
    })

    test('O22 a blocked popup rejects at once, and the same handler can leave by redirect', async () => {
      site.options = { popupAtLoad: true }
      await tab.goto(site.url + DEEP)
      await fillIn(tab)
      site.options = {}
      await signedIn(tab)
      expect(await browser.windows()).toEqual([])
      expect(await tab.evaluate(() => sessionStorage.getItem('refusal'))).toBe('popup_blocked')
    })

    test('O23 the page reloads meanwhile: the popup goes on by itself, and the page gets the session', async () => {
      const popup = await openForm()
      await tab.reload()
      await fillIn(popup)
      await signedIn(popup)
      await signedIn(tab)
      expect(await popup.evaluate(() => location.pathname + location.search + location.hash)).toBe(DEEP)
      expect(exchanges(site)).toEqual(['authorization_code'])
      expect(await callApi(tab)).toBe(ADA.name)
    })

    test.each(['abort', 'dispose'] as const)('O24 %s closes the popup', async what => {
      await openForm()
      await tab.evaluate(what => {
        if (what === 'abort') window.controller.abort()
        else window.auth.dispose()
      }, what)
      await allClosed()
      await tab.waitFor(() => window.refusals.length > 0)
      expect(await refusals(tab)).toEqual([what === 'abort' ? 'AbortError' : 'disposed'])
    })

    test('O25 a popup that was given up can be opened again at once', async () => {
      await openForm()
      await tab.evaluate(() => window.controller.abort())
      await allClosed()
      await tab.evaluate(() => {
        window.controller = new AbortController()
      })
      await tab.click('#popup')
      await fillIn(await popupOf(browser))
      await signedIn(tab)
      await allClosed()
    })
  })
}

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
  GRACE,
  leave,
  logInByRedirect,
  type OAuthSite,
  type OAuthSites,
  open,
  type Sites,
  signedIn,
  startOAuthSites,
  status,
  whoIs,
} from './oauth-site.ts'
import { until } from './site.ts'

// A login by redirect at a real authorization server. The app is on `localhost`. The provider is too, or it is on
// `127.0.0.1`, which is another site.

const DEEP = '/deep/page?q=1&x=%20y#part'

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let tab: Tab
    let sites: OAuthSites
    let site: OAuthSite
    let opened: Tab[] = []

    beforeAll(async () => {
      sites = await startOAuthSites()
      // Out of the box puppeteer switches the bfcache off.
      browser = await engine.launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
      tab = await browser.newTab()
    })
    afterAll(async () => {
      await browser?.close()
      await sites?.close()
    })
    beforeEach(() => start('cross'))
    afterEach(async () => {
      for (const tab of opened) await tab.close()
      opened = []
    })

    async function start(kind: Sites): Promise<void> {
      site = await sites.begin(kind, tab)
    }

    async function newTab(): Promise<Tab> {
      const tab = await browser.newTab()
      opened.push(tab)
      return tab
    }

    /** The address at which the provider has sent the browser back. */
    const callback = () => site.url + site.pageLoads.find(address => address.includes('code='))!

    const address = (tab: Tab) => tab.evaluate(() => location.pathname + location.search + location.hash)
    /** The transactions in storage. */
    const stored = (tab: Tab) =>
      tab.evaluate(() =>
        Object.entries(localStorage)
          .filter(([name]) => name.startsWith('silent-refresh:oauth:'))
          .map(([, text]) => JSON.parse(text).how),
      )
    const error = (tab: Tab) =>
      tab.evaluate(() => {
        const { session } = window.auth
        return session.status === 'authenticated' ? null : (session.error?.code ?? null)
      })

    test.each(['same', 'cross'] as const)(
      'O1 a login leaves with PKCE, state and nonce, and comes back to the address that was left: %s site',
      async sites => {
        await start(sites)
        await open(tab, site.url + DEEP)
        await leave(tab)
        await fillIn(tab)
        await signedIn(tab)
        expect(await address(tab)).toBe(DEEP)
        const { url } = site.provider.calls.of('authorization')[0]!
        expect(Object.fromEntries(new URL(url, site.url).searchParams)).toMatchObject({
          response_type: 'code',
          client_id: 'spa',
          redirect_uri: `${site.url}/`,
          code_challenge_method: 'S256',
          code_challenge: expect.stringMatching(/^[\w-]{43}$/),
          state: expect.stringMatching(/^[\w-]{43}$/),
          nonce: expect.stringMatching(/^[\w-]{43}$/),
        })
        expect(await whoIs(tab)).toMatchObject({ name: ADA.name, email: ADA.email })
        expect(await callApi(tab)).toBe(ADA.name)
        expect(await events(tab, 'login')).toEqual([{ cause: 'login' }])
        expect(await tab.evaluate(() => window.uncaught)).toEqual([])
        await tab.evaluate(async () => void (await window.auth.refresh()))
        expect(site.provider.calls.of('token').map(({ note }) => note)).toEqual([
          'authorization_code',
          'refresh_token',
        ])
      },
    )

    test('O2 the code is out of the address before the script goes on, and never in the history', async () => {
      await open(tab, site.url + DEEP)
      const before = await tab.evaluate(() => history.length)
      await logInByRedirect(tab)
      expect(await tab.evaluate(() => window.firstAddress)).toBe(site.url + DEEP)
      if (engine.name === 'Chromium') {
        const cdp = await tab.raw!.createCDPSession()
        const { entries } = await cdp.send('Page.getNavigationHistory')
        expect(entries.filter(({ url }) => /code=|state=/.test(url) && url.startsWith(site.url))).toEqual([])
        await cdp.detach()
      }
      // The form, and the page again.
      expect((await tab.evaluate(() => history.length)) - before).toBeLessThanOrEqual(2)
      await tab.back()
      await tab.waitFor(() => document.querySelector('#redirect') === null)
      await tab.evaluate(() => void setTimeout(() => history.forward()))
      await signedInOrNot(tab)
      expect(await address(tab)).toBe(DEEP)
    })

    test('O3 a router that comes after the client never sees the callback', async () => {
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      expect(await tab.evaluate(() => window.routed)).toEqual([DEEP])
    })

    test('O3 a router that comes before the client is told by "navigate"', async () => {
      site.options = { router: 'before' }
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      const [first, ...others] = await tab.evaluate(() => window.routed)
      expect(first).toContain('code=')
      expect(others).toEqual([DEEP])
      expect(await address(tab)).toBe(DEEP)
    })

    test('O4 two clients of one session redeem a code once', async () => {
      site.options = { twice: true }
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      await tab.waitFor(() => window.second?.session.status === 'authenticated')
      expect(exchanges(site)).toEqual(['authorization_code'])
      expect(await address(tab)).toBe(DEEP)
      expect(await tab.evaluate(() => window.uncaught)).toEqual([])
    })

    test('O5 a reload of the callback, and a duplicated tab on it, neither sign out nor redeem twice', async () => {
      site.options = { storage: 'sessionStorage' }
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      const used = callback()
      const copy = await newTab()
      await open(copy, used)
      expect([await status(copy), await address(copy)]).toEqual(['authenticated', DEEP])
      await open(tab, used)
      expect([await status(tab), await address(tab)]).toEqual(['authenticated', DEEP])
      await tab.reload()
      await signedIn(tab)
      expect(exchanges(site)).toEqual(['authorization_code'])
      expect(await callApi(tab)).toBe(ADA.name)
    })

    test('O6 back to the provider and through again: signed in, no second code, no loop', async () => {
      site.options = { storage: 'sessionStorage' }
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      const again = site.provider.calls.of('authorization')[0]!.url
      await tab.back()
      await tab.waitFor(() => document.querySelector('#redirect') === null)
      // What the form leads to where the provider has kept it: its session answers the same request once more.
      await tab.goto(site.provider.issuer + again)
      await signedIn(tab)
      expect(await address(tab)).toBe(DEEP)
      expect(exchanges(site)).toEqual(['authorization_code'])
      expect(await error(tab)).toBeNull()
    })

    test('O6 the same where no session is left: one clear error, and no loop', async () => {
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      const again = site.provider.calls.of('authorization')[0]!.url
      await tab.goto(`${site.url}/blank.html`)
      site.pageLoads.length = 0
      await tab.goto(site.provider.issuer + again)
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect([await error(tab), await address(tab)]).toEqual(['login_rejected', DEEP])
      expect(await events(tab, 'loginError')).toHaveLength(1)
      expect(site.pageLoads).toHaveLength(1)
      expect(exchanges(site)).toEqual(['authorization_code'])
      // It says so once.
      await tab.reload()
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect(await error(tab)).toBeNull()
      await leave(tab)
      await signedIn(tab)
    })

    test('O7 five tabs log in at once: each comes back to its own address, one session remains', async () => {
      const tabs = [tab]
      while (tabs.length < 5) tabs.push(await newTab())
      for (const [n, tab] of tabs.entries()) await open(tab, `${site.url}/tab/${n}`)
      await Promise.all(tabs.map(tab => leave(tab)))
      await Promise.all(tabs.map(formIsShown))
      for (const tab of tabs) await fillIn(tab)
      await Promise.all(tabs.map(signedIn))
      expect(await Promise.all(tabs.map(address))).toEqual(tabs.map((_, n) => `/tab/${n}`))
      const tokens = () => Promise.all(tabs.map(tab => tab.evaluate(() => window.auth.getAccessToken())))
      // A tab that was told of a login elsewhere still redeems the code of its own. It marks the code as used before that.
      await until(() => exchanges(site).length === 5)
      await until(async () => (await stored(tab)).every(how => how === 'used'))
      await until(async () => new Set(await tokens()).size === 1)
      expect(await stored(tab)).toHaveLength(5)
      expect(exchanges(site)).toEqual(Array(5).fill('authorization_code'))
      expect(await Promise.all(tabs.map(error))).toEqual(Array(5).fill(null))
    })

    test('O8 a login that is completed in another tab succeeds', async () => {
      await open(tab, site.url + DEEP)
      await leave(tab)
      await formIsShown(tab)
      // As from a link in an e-mail.
      const other = await newTab()
      await other.goto(await tab.url())
      await fillIn(other)
      await signedIn(other)
      expect(await address(other)).toBe(DEEP)
      await open(tab, `${site.url}/elsewhere`)
      expect(await status(tab)).toBe('authenticated')
      expect(exchanges(site)).toEqual(['authorization_code'])
    })

    test('O10 the callback of somebody else stays as it is', async () => {
      await open(tab, `${site.url}/?code=abc&state=of-another-client`)
      expect([await status(tab), await address(tab)]).toEqual([
        'anonymous',
        '/?code=abc&state=of-another-client',
      ])
      expect(site.provider.calls.count('token')).toBe(0)
    })

    test('O13 a user who cancels: the error is told, and a reload shows no other', async () => {
      await open(tab, site.url + DEEP)
      await leave(tab)
      await formIsShown(tab)
      await tab.click('#cancel')
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect(await address(tab)).toBe(DEEP)
      expect(await events(tab, 'loginError')).toEqual([
        {
          error: expect.objectContaining({
            code: 'login_rejected',
            body: expect.objectContaining({ error: 'access_denied' }),
          }),
        },
      ])
      await tab.reload()
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect(await error(tab)).toBeNull()
    })

    test('O17 200 requests wait while the code is redeemed, and go out once, with the token', async () => {
      await open(tab, site.url + DEEP)
      site.options = { requests: 200 }
      await leave(tab)
      await formIsShown(tab)
      site.provider.outage.set({ failure: 'hang', endpoints: ['token'] })
      await fillIn(tab)
      await until(() => site.provider.calls.count('token') === 1)
      expect(site.apiCalls).toEqual([])
      site.provider.outage.set({})
      await tab.waitFor(() => window.answers !== undefined)
      expect(new Set(await tab.evaluate(() => window.answers))).toEqual(new Set([ADA.name]))
      expect(site.apiCalls).toEqual(Array(200).fill(ADA.name))
      expect(site.provider.calls.count('token')).toBe(1)
    })

    test('O25 back from the provider, the next login can begin at once', async () => {
      await open(tab, site.url + DEEP)
      await leave(tab)
      await formIsShown(tab)
      await tab.back()
      await tab.waitFor(() => document.querySelector('#redirect') !== null && 'auth' in window)
      const isCached = await tab.evaluate(() => window.refusals.length > 0)
      if (isCached) expect(await tab.evaluate(() => window.refusals)).toEqual(['login_cancelled'])
      await logInByRedirect(tab, GRACE)
      expect(await whoIs(tab)).toMatchObject({ name: GRACE.name })
      expect(await address(tab)).toBe(DEEP)
    })

    test('O40 with "metadata" there is no call for it, from the login to the logout', async () => {
      site.options = { oauth: { metadata: await site.metadata() } }
      site.provider.calls.clear()
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      await tab.evaluate(async () => void (await window.auth.refresh()))
      await tab.evaluate(() => void window.auth.logout())
      await until(() => site.pageLoads.some(address => /^\/\?state=/.test(address)))
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect(site.provider.calls.count('logout')).toBe(1)
      expect(site.provider.calls.count('discovery')).toBe(0)
    })

    test('O40 a pushed request leaves two parameters in the address', async () => {
      site.options = { par: true }
      await open(tab, site.url + DEEP)
      await logInByRedirect(tab)
      expect(site.provider.calls.count('par')).toBe(1)
      const { url } = site.provider.calls.of('authorization')[0]!
      expect([...new URL(url, site.url).searchParams.keys()].sort()).toEqual(['client_id', 'request_uri'])
      expect(await address(tab)).toBe(DEEP)
    })
  })
}

/** A page that is back, from the bfcache or anew. */
const signedInOrNot = (tab: Tab): Promise<void> =>
  tab.waitFor(() => ['authenticated', 'anonymous'].includes(window.auth?.session.status))

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Failure } from '../../demo/server/provider/outage.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import {
  ADA,
  callApi,
  events,
  exchanges,
  formIsShown,
  leave,
  logInByRedirect,
  type OAuthSite,
  type OAuthSites,
  open,
  type Sites,
  signedIn,
  startOAuthSites,
  status,
} from './oauth-site.ts'
import { ready, until } from './site.ts'

// What comes after a login at a real authorization server: refresh, restore by a frame, logout. See oauth-redirect.test.ts
// for the two sites.

/** A client that has no refresh token, and asks the provider in a frame instead. */
const SILENT = { clientId: 'no-refresh', silent: 'iframe', silentRedirectUri: '/silent.html' } as const

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let tab: Tab
    let sites: OAuthSites
    let site: OAuthSite
    let opened: Tab[] = []

    beforeAll(async () => {
      sites = await startOAuthSites()
      browser = await engine.launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
      tab = await browser.newTab()
    })
    afterAll(async () => {
      await browser?.close()
      await sites?.close()
    })
    beforeEach(() => start('cross'))
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') await tellAll(task.name)
      for (const tab of opened) await tab.close()
      opened = []
    })

    /** What there is to know of a failure that does not come again. */
    async function tellAll(name: string): Promise<void> {
      console.log(name, JSON.stringify(site.provider.calls.all()), site.pageLoads)
      for (const shown of [tab, ...opened]) {
        const { seen, logged, refusals, session } = await shown
          .evaluate(() => ({
            seen: location.href,
            logged: JSON.stringify(window.logged),
            refusals: window.refusals,
            session: window.auth?.session,
          }))
          .catch(error => ({ seen: String(error), logged: '', refusals: [], session: null }))
        console.log(seen, logged, refusals, session)
      }
    }

    async function start(kind: Sites): Promise<void> {
      site = await sites.begin(kind, tab)
    }

    /** Tabs of one session, the first of which has logged in. */
    async function signedInTabs(count: number): Promise<Tab[]> {
      await open(tab, site.url)
      await logInByRedirect(tab)
      const others = await Promise.all(
        Array.from({ length: count - 1 }, async (_, n) => {
          const other = await browser.newTab()
          opened.push(other)
          await open(other, `${site.url}/tab/${n}`)
          await signedIn(other)
          return other
        }),
      )
      site.provider.calls.clear()
      return [tab, ...others]
    }

    const refresh = (tab: Tab) =>
      tab.evaluate(() =>
        window.auth.refresh().then(
          ({ status }) => status,
          error => error.code,
        ),
      )
    const tokenCalls = () => site.provider.calls.of('token').map(({ note }) => note)
    /** The authorization requests that a frame has made. */
    const frames = () =>
      site.provider.calls.of('authorization').filter(({ url }) => url.includes('prompt=none'))
    const isAnonymous = (tab: Tab) => tab.waitFor(() => window.auth?.session.status === 'anonymous')
    const markers = (tab: Tab) =>
      tab.evaluate(() => Object.keys(localStorage).filter(name => !name.startsWith('silent-refresh:oauth:')))

    test('O26 ten tabs, ten requests each: one token call for each life of a token, and no reuse', async () => {
      const tabs = await signedInTabs(10)
      for (let round = 1; round <= 3; round++) {
        site.provider.accessTokens.revokeIssued()
        const answers = await Promise.all(
          tabs.map(tab =>
            tab.evaluate(() =>
              Promise.all(
                Array.from({ length: 10 }, () =>
                  window.auth.fetch('/api/items').then(
                    answer => answer.json(),
                    error => error.code,
                  ),
                ),
              ),
            ),
          ),
        )
        expect(new Set(answers.flat())).toEqual(new Set([ADA.name]))
        expect(tokenCalls()).toEqual(Array(round).fill('refresh_token'))
      }
      // By the timer, too.
      site.provider.settings.accessTtl = 2
      await refresh(tabs[9]!)
      site.provider.calls.clear()
      site.provider.settings.accessTtl = 60
      await until(() => site.provider.calls.count('token') > 0)
      await until(async () => (await Promise.all(tabs.map(callApi))).every(name => name === ADA.name))
      expect(tokenCalls()).toEqual(['refresh_token'])
    })

    test('O27 an outage of the provider signs nobody out', async () => {
      site.options = { timeout: 700 }
      await open(tab, site.url)
      await logInByRedirect(tab)
      for (const failure of ['503', 'html', 'refuse', 'hang'] satisfies Failure[]) {
        site.provider.outage.set({ failure })
        expect([failure, await refresh(tab)]).toEqual([failure, 'refresh_unavailable'])
        expect(await status(tab)).toBe('authenticated')
        site.provider.outage.set({})
        await until(async () => (await refresh(tab)) === 'authenticated')
      }
      expect(await events(tab, 'logout')).toEqual([])
      expect(await callApi(tab)).toBe(ADA.name)
    })

    test('O27 a page that is loaded while the provider is away knows nothing yet, and finds its session later', async () => {
      site.options = { storage: 'sessionStorage', timeout: 700 }
      await open(tab, site.url)
      await logInByRedirect(tab)
      for (const failure of ['503', 'html', 'refuse'] satisfies Failure[]) {
        site.provider.outage.set({ failure })
        await open(tab, `${site.url}/${failure}`)
        expect([failure, await status(tab)]).toEqual([failure, 'unknown'])
        site.provider.outage.set({})
        await until(async () => (await refresh(tab)) === 'authenticated')
      }
      expect(site.provider.calls.count('logout')).toBe(0)
    })

    test('O28 a frame restores after a reload, one for all tabs, and no script runs in it', async () => {
      await start('same')
      // The page of the app itself, which would start the app again.
      site.options = { oauth: { ...SILENT, silentRedirectUri: '/' } }
      const tabs = await signedInTabs(3)
      const app = site.url
      await Promise.all(tabs.map(tab => tab.goto(`${app}/blank.html`)))
      site.pageLoads.length = 0
      site.starts = 0
      // Until all are there: a tab that comes later is handed the session without a frame of its own.
      site.provider.outage.set({ failure: 'hang', endpoints: ['authorization'] })
      for (const tab of tabs) await tab.evaluate(app => void setTimeout(() => location.assign(app)), app)
      await until(() => site.starts === 3)
      site.provider.outage.set({})
      await Promise.all(tabs.map(signedIn))
      expect(await Promise.all(tabs.map(callApi))).toEqual(Array(3).fill(ADA.name))
      expect(frames()).toHaveLength(1)
      expect(exchanges(site)).toEqual(['authorization_code'])
      expect(site.pageLoads).toHaveLength(4)
      expect(site.starts).toBe(3)
      expect(await tab.evaluate(() => document.querySelector('iframe'))).toBeNull()
    })

    test('O28 the same where the page for the frame is empty', async () => {
      await start('same')
      site.options = { oauth: SILENT }
      await signedInTabs(1)
      await tab.reload()
      await signedIn(tab)
      expect(frames()).toHaveLength(1)
      expect(await refresh(tab)).toBe('authenticated')
      expect(frames()).toHaveLength(2)
      expect(await events(tab, 'userChange')).toEqual([])
    })

    const BLIND = [
      ['cookies that a third party does not get', 'cross', true, false],
      ['a login page in the frame', 'same', true, true],
      ['a page that forbids the frame', 'same', false, true],
    ] as const
    test.each(BLIND)(
      'O29 %s: nobody is signed in, at once, and the provider hears of no logout',
      async (_, sites, framing, showsPage) => {
        await start(sites)
        site.options = { oauth: SILENT }
        await signedInTabs(1)
        site.provider.settings.framing = framing
        const metadata = {
          ...(await site.metadata()),
          authorization_endpoint: `${site.provider.issuer}/login/none`,
        }
        // Far longer than this test may take: what ends it is that the frame has loaded.
        site.options = { oauth: { ...SILENT, ...(showsPage && { metadata }) }, timeout: 120_000 }
        await open(tab, site.url)
        expect(await status(tab)).toBe('anonymous')
        expect(site.provider.calls.count('logout')).toBe(0)
        // The session there is untouched: no password is asked for.
        site.options = {}
        await open(tab, site.url)
        await leave(tab)
        await signedIn(tab)
      },
    )

    test('O30 the refresh token has ended: a frame goes on; nobody at the provider: rejected, once', async () => {
      await start('same')
      site.options = { oauth: { ...SILENT, clientId: 'spa' } }
      await signedInTabs(1)
      site.provider.endRefreshTokens()
      expect(await refresh(tab)).toBe('authenticated')
      expect([frames().length, tokenCalls()]).toEqual([
        1,
        ['refresh_token: invalid_grant', 'authorization_code'],
      ])
      expect(await events(tab, 'logout')).toEqual([])
      site.provider.endSessions()
      site.provider.accessTokens.revokeIssued()
      expect(await callApi(tab)).toBe('revoked')
      expect(frames()).toHaveLength(2)
      expect(await status(tab)).toBe('anonymous')
      expect(await events(tab, 'logout')).toEqual([expect.objectContaining({ reason: 'rejected' })])
    })

    test('O31 a logout in any tab ends the session in all, and at the provider, and comes back', async () => {
      const [first, second] = (await signedInTabs(2)) as [Tab, Tab]
      site.pageLoads.length = 0
      await second.evaluate(() => void window.auth.logout())
      await until(() => site.pageLoads.some(address => address.startsWith('/?state=')))
      await isAnonymous(second)
      await isAnonymous(first)
      const [{ url }] = site.provider.calls.of('logout') as unknown as [{ url: string }]
      const { searchParams } = new URL(url, site.url)
      expect([...searchParams.keys()].sort()).toEqual([
        'client_id',
        'id_token_hint',
        'post_logout_redirect_uri',
        'state',
      ])
      expect(await second.evaluate(() => location.pathname + location.search)).toBe('/')
      expect(site.provider.calls.count('revocation')).toBe(1)
      await until(async () => (await markers(second)).length === 0)
      expect(await events(first, 'logout')).toEqual([{ reason: 'other-tab' }])
      // Nobody is signed in there any more.
      await leave(first)
      await formIsShown(first)
    })

    test('O32 the back button in the middle of the logout: still signed out, and nothing restores', async () => {
      await start('same')
      site.options = { oauth: { ...SILENT, clientId: 'spa' } }
      await signedInTabs(1)
      // The provider shows a page of its own instead of an answer.
      site.provider.outage.set({ failure: 'html', endpoints: ['logout'] })
      await tab.evaluate(() => void window.auth.logout())
      await tab.waitFor(() => document.title === 'Firewall')
      site.provider.calls.clear()
      await tab.back()
      await isAnonymous(tab)
      // By the page itself: Firefox's driver waits for ever for what comes after a page out of the bfcache.
      await tab.evaluate(() => void setTimeout(() => location.assign('/next')))
      await tab.waitFor(() => location.pathname === '/next' && 'auth' in window)
      await ready(tab)
      expect(await status(tab)).toBe('anonymous')
      expect(await callApi(tab)).toBe('no token')
      expect([frames(), tokenCalls()]).toEqual([[], []])
      expect(await markers(tab)).not.toEqual([])
    })

    test('O33 a guard in another tab meets the login form, and not the session of the provider', async () => {
      const [first, second] = (await signedInTabs(2)) as [Tab, Tab]
      site.provider.outage.set({ failure: 'hang', endpoints: ['logout'] })
      await second.evaluate(() => {
        window.auth.on('logout', () => {
          window.auth.login().catch(error => window.refusals.push(error.code))
        })
      })
      await first.evaluate(() => {
        document.title = 'leaving'
        void window.auth.logout()
      })
      await formIsShown(second)
      const { url } = site.provider.calls.of('authorization')[0]!
      expect(new URL(url, site.url).searchParams.get('prompt')).toBe('login')
      site.provider.outage.set({})
      // The page that comes back: while the one that leaves is on its way, no other test can use the tab.
      await first.waitFor(() => document.title !== 'leaving' && window.auth?.session.status === 'anonymous')
    })

    test('O34 a logout while the provider is away: signed out here, revoked later, no page of the browser', async () => {
      await signedInTabs(1)
      site.provider.outage.set({ failure: 'refuse' })
      site.pageLoads.length = 0
      const { revoked } = await tab.evaluate(() => window.auth.logout())
      expect(revoked).toBe(false)
      expect(await status(tab)).toBe('anonymous')
      site.provider.outage.set({})
      site.provider.calls.clear()
      await tab.evaluate(() => void window.dispatchEvent(new Event('online')))
      await until(() => site.provider.calls.count('revocation') === 1)
      expect(site.pageLoads).toEqual([])
    })

    test('O39 after redirect, popup, frame, refresh, a refused login and logout no secret is left in reach', async () => {
      await start('same')
      const { silentRedirectUri } = SILENT
      site.options = { spies: true, oauth: { silent: 'iframe', silentRedirectUri } }
      const consoleBefore = tab.console?.length ?? 0
      await open(tab, `${site.url}/deep`)
      await logInByRedirect(tab)
      expect(await refresh(tab)).toBe('authenticated')
      const found: string[] = await search()

      // In the popup, another login; the page that it came back in is closed by now.
      await tab.click('#popup')
      await until(async () => (await events(tab, 'login')).length === 2)
      await until(async () => (await browser.windows()).length === 0)
      found.push(...(await search()))

      // By the frame, which was asked when the page was loaded first, too.
      await tab.reload()
      await signedIn(tab)
      expect(frames()).toHaveLength(2)
      found.push(...(await search()))

      await leave(tab, { prompt: 'login' })
      await formIsShown(tab)
      await tab.click('#cancel')
      await tab.waitFor(() => window.auth?.session.status === 'authenticated')
      await until(async () => (await events(tab, 'loginError')).length === 1)
      found.push(...(await search()))

      await tab.evaluate(() => void window.auth.logout())
      await until(() => site.pageLoads.some(address => address.startsWith('/?state=')))
      await isAnonymous(tab)
      found.push(...(await search()))

      expect(site.secrets.size).toBeGreaterThan(12)
      expect(found).toEqual([])
      const said =
        tab.console
          ?.slice(consoleBefore)
          .map(({ text }) => text)
          .join() ?? ''
      expect([...site.secrets].filter(secret => said.includes(secret))).toEqual([])
    })

    /** Where a script finds one of the secrets, or a part of it. */
    async function search(): Promise<string[]> {
      const states: string[] = []
      for (const { url } of [
        ...site.provider.calls.of('authorization'),
        ...site.provider.calls.of('logout'),
      ]) {
        const { searchParams } = new URL(url, site.url)
        states.push(searchParams.get('state')!)
        const nonce = searchParams.get('nonce')
        if (nonce) site.secrets.add(nonce)
      }
      // A JWT's parts: the header is the same in all.
      const parts = [...site.secrets].flatMap(secret => secret.split('.').slice(secret.includes('.') ? 1 : 0))
      const found = await tab.evaluate(
        parts => window.findFragments(parts),
        parts.map(part => part.slice(0, 30)),
      )
      // Of a login that was used the mark remains, with its `state` in its name: it does not count again.
      const inStates = await tab.evaluate(states => window.findFragments(states), states)
      return [
        ...found,
        ...inStates.filter(place => place !== 'localStorage' && place !== 'window.localStorage'),
      ]
    }
  })
}

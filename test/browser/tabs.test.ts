import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { nameOf } from '../support/names.ts'
import { REFUSED } from '../support/refused.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { ready, type Site, startSite, until } from './site.ts'

const REFRESH = '/auth/refresh_token'
const OPTIONS = { sessionKey: 'test', patient: true }
/** How long a tab waits for a frozen one with the lock before it goes on alone. */
const lockWait = (timeout: number) => timeout + 3_000

const status = (tab: Tab) => tab.evaluate(() => window.auth.session.status)
const getItems = (tab: Tab) => tab.evaluate(async () => (await window.auth.fetch('/api/items')).status)
const accessToken = (tab: Tab) => tab.evaluate(() => window.auth.getAccessToken())
const email = (tab: Tab) =>
  tab.evaluate(() =>
    window.auth.session.status === 'authenticated' ? window.auth.session.user?.email : null,
  )
const events = (tab: Tab, name: string) =>
  tab.evaluate(wanted => window.seen.filter(([name]) => name === wanted).map(([, detail]) => detail), name)
const authenticated = (tabs: Tab[]) =>
  Promise.all(tabs.map(tab => tab.waitFor(() => window.auth?.session.status === 'authenticated')))
const all = <Result>(tabs: Tab[], ask: (tab: Tab) => Promise<Result>) => Promise.all(tabs.map(ask))

interface Spy {
  heard: string[]
  channel: BroadcastChannel
}

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let site: Site
    /** A page without a client: it listens, it sets off, and it keeps the browser open between the tests. */
    let outside: Tab
    let opened: Tab[] = []

    beforeAll(async () => {
      // Out of the box puppeteer switches the bfcache off, and the slowing down of hidden tabs.
      const ignoreDefaultArgs = ['--disable-back-forward-cache']
      browser = await engine.launch({ ignoreDefaultArgs, throttling: true })
      outside = await browser.newTab()
    })
    afterAll(() => browser?.close())
    beforeEach(async () => {
      site = await startSite({ grace: 0 })
      await outside.goto(site.blank)
    })
    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') await tellAll(task.name)
      for (const tab of opened) await tab.close()
      opened = []
      await outside.goto('about:blank')
      await site.close()
    })

    /** What there is to know of a failure that does not come again. */
    async function tellAll(name: string): Promise<void> {
      console.log(name, JSON.stringify(site.server.log.entries()))
      for (const tab of opened) {
        const told = async () => ({
          at: location.href,
          seen: window.seen,
          session: window.auth?.session,
          uncaught: window.uncaught,
          isReadyToGo: window.isReadyToGo,
          locks: JSON.parse(JSON.stringify(await navigator.locks.query())),
        })
        console.log(JSON.stringify(await tab.evaluate(told).catch(String)))
      }
    }

    async function newTab(): Promise<Tab> {
      const tab = await browser.newTab()
      opened.push(tab)
      return tab
    }

    async function open(count: number, options: object = {}): Promise<Tab[]> {
      const tabs: Tab[] = []
      while (tabs.length < count) {
        const tab = await newTab()
        await site.open(tab, { ...OPTIONS, ...options })
        tabs.push(tab)
      }
      return tabs
    }

    /** Tabs that are all signed in, with an empty server log. */
    async function signedIn(count: number, options: object = {}): Promise<Tab[]> {
      const tabs = await open(count, options)
      await site.login(tabs[0]!)
      await authenticated(tabs)
      site.server.log.clear()
      return tabs
    }

    const notes = () => site.calls(REFRESH).map(call => call.note)
    const demo = (path: string) =>
      outside.evaluate(async path => void (await fetch(path, { method: 'POST' })), `/demo/${path}`)

    /**
     * The same in every tab, set off by one message. `prepare` hands the work to `window.onGo`. A channel that was just
     * opened misses what is sent at once (WebKit, one time in three hundred): each tab has heard something before.
     */
    async function together(tabs: Tab[], prepare: () => void): Promise<unknown[]> {
      await all(tabs, tab => tab.evaluate(prepare))
      const say = (word: string) =>
        outside.evaluate(word => {
          const channel = new BroadcastChannel('go')
          channel.postMessage(word)
          channel.close()
        }, word)
      await until(async () => {
        await say('ready?')
        return (await all(tabs, tab => tab.evaluate(() => window.isReadyToGo))).every(Boolean)
      })
      await say('go')
      return all(tabs, tab => tab.evaluate(() => window.outcome))
    }

    const fetchOnGo = () =>
      window.onGo(() =>
        window.auth.fetch('/api/items').then(
          response => response.status,
          error => error.code,
        ),
      )

    /** Keeps every message of the client's channel; answers with them as JSON, oldest first. */
    async function eavesdrop(): Promise<() => Promise<string[]>> {
      await outside.evaluate(
        name => {
          const heard: string[] = []
          const channel = new BroadcastChannel(name)
          channel.onmessage = ({ data }) => heard.push(JSON.stringify(data))
          Object.assign(window, { heard, channel })
        },
        nameOf(OPTIONS.sessionKey, undefined, site.url),
      )
      return () => outside.evaluate(() => (window as unknown as Spy).heard)
    }

    /** Resolves when all that was sent on the client's channel before the fence has reached every tab. */
    async function fence(tabs: Tab[]): Promise<() => Promise<unknown>> {
      await all(tabs, tab =>
        tab.evaluate(
          name => {
            window.outcome = new Promise(resolve => {
              const channel = new BroadcastChannel(name)
              channel.onmessage = ({ data }) => {
                if (data !== 'fence') return
                channel.close()
                resolve(true)
              }
            })
          },
          nameOf(OPTIONS.sessionKey, undefined, site.url),
        ),
      )
      return async () => {
        await outside.evaluate(() => (window as unknown as Spy).channel.postMessage('fence'))
        await all(tabs, tab => tab.evaluate(() => window.outcome))
      }
    }

    test('M2 two tabs get a 401 in the same tick: one POST leaves the browser, both succeed', async () => {
      const tabs = await signedIn(2)
      await demo('revoke-access')
      expect(await together(tabs, fetchOnGo)).toEqual([200, 200])
      expect(notes()).toEqual(['rotated'])
      expect(await all(tabs, tab => events(tab, 'logout'))).toEqual([[], []])
    })

    test('M2 four tabs, a hundred rounds of 401s at once: a hundred refreshes, no call too many', async () => {
      const tabs = await signedIn(4)
      site.server.settings.accessTtl = 86_400
      await demo('revoke-access')
      await all(tabs, getItems)
      site.server.log.clear()
      await all(tabs, tab =>
        tab.evaluate(() => {
          // The rounds are 21 s apart for the page, so that what bounds refreshes a minute has nothing to say.
          const now = performance.now.bind(performance)
          let ahead = 0
          performance.now = () => now() + ahead
          const name = crypto.randomUUID()
          const channel = new BroadcastChannel('rounds')
          channel.onmessage = async ({ data }) => {
            if (data === 'ready?') channel.postMessage({ name })
            if (data !== 'go') return
            ahead += 21_000
            const outcome = await window.auth.fetch('/api/items').then(
              response => response.status,
              error => error.code,
            )
            channel.postMessage({ outcome })
          }
        }),
      )
      const rounds = await outside.evaluate(
        async (rounds: number, tabs: number, refresh: string) => {
          const channel = new BroadcastChannel('rounds')
          const names = new Set<string>()
          await new Promise<void>(resolve => {
            const asking = setInterval(() => channel.postMessage('ready?'), 50)
            channel.onmessage = ({ data }) => {
              if (names.add(data.name).size < tabs) return
              clearInterval(asking)
              resolve()
            }
          })
          const results: Record<string, number> = {}
          for (let round = 0; round < rounds; round++) {
            await fetch('/demo/revoke-access', { method: 'POST' })
            const outcomes = await new Promise<unknown[]>(resolve => {
              const got: unknown[] = []
              channel.onmessage = ({ data }) => {
                if ('outcome' in data && got.push(data.outcome) === tabs) resolve(got)
              }
              channel.postMessage('go')
            })
            const log: { path: string; note: string }[] = await (await fetch('/demo/log')).json()
            await fetch('/demo/log', { method: 'DELETE' })
            const notes = log.filter(({ path }) => path === refresh).map(({ note }) => note)
            const result = `${outcomes} by ${notes}`
            results[result] = (results[result] ?? 0) + 1
          }
          return results
        },
        100,
        tabs.length,
        REFRESH,
      )
      expect(rounds).toEqual({ '200,200,200,200 by rotated': 100 })
      expect(notes()).toEqual([])
      expect(await all(tabs, status)).toEqual(Array(4).fill('authenticated'))
    })

    test('M3 log in in one tab: the other is authenticated without a reload, and log out: it is told', async () => {
      const [a, b] = (await open(2)) as [Tab, Tab]
      site.server.log.clear()
      await site.login(a)
      await authenticated([b])
      expect(await events(b, 'login')).toEqual([{ cause: 'other-tab' }])
      expect(await email(b)).toBe('ada@example.com')
      expect(await getItems(b)).toBe(200)
      expect(notes()).toEqual([])

      expect(await a.evaluate(() => window.auth.logout())).toEqual({ revoked: true })
      await until(async () => (await status(b)) === 'anonymous')
      expect(await events(b, 'logout')).toEqual([{ reason: 'other-tab' }])
      expect(await events(a, 'logout')).toEqual([{ reason: 'logout' }])
      site.server.log.clear()
      expect(await getItems(b)).toBe(401)
      expect(site.calls('/api/items').map(call => call.note)).toEqual(['no token'])
      expect(notes()).toEqual([])
    })

    /** Opens the page and restores at once, in a call that can be timed: ms, by the page's clock. */
    async function restoreIn(tab: Tab): Promise<number> {
      await openCold([tab])
      return tab.evaluate(async () => {
        const start = performance.now()
        await window.auth.ready()
        return performance.now() - start
      })
    }

    async function openCold(tabs: Tab[]) {
      const options = encodeURIComponent(JSON.stringify({ ...OPTIONS, restore: 'manual' }))
      await all(tabs, tab => tab.goto(`${site.url}/?options=${options}`))
      await all(tabs, tab => tab.waitFor(() => 'auth' in window))
    }

    test('M4 a first tab waits for nobody, and a new tab beside a live one takes its session with no call', async () => {
      const [a] = (await signedIn(1)) as [Tab]
      await a.goto(site.blank)
      // Asking another tab is given up after a second, nine here: neither the first nor the second comes to that.
      expect(await restoreIn(a)).toBeLessThan(8_000)
      expect(await status(a)).toBe('authenticated')
      expect(notes()).toEqual(['rotated'])

      site.server.log.clear()
      const b = await newTab()
      expect(await restoreIn(b)).toBeLessThan(8_000)
      expect(await status(b)).toBe('authenticated')
      expect(await email(b)).toBe('ada@example.com')
      expect(await getItems(b)).toBe(200)
      expect(notes()).toEqual([])
    })

    test('M4 a new tab takes the session too from one that has itself been handed it', async () => {
      const [a] = (await signedIn(2)) as [Tab]
      await a.goto(site.blank)
      const [c] = (await open(1)) as [Tab]
      expect(await status(c)).toBe('authenticated')
      expect(await getItems(c)).toBe(200)
      expect(notes()).toEqual([])
    })

    test('M4 five tabs restored at once with a live cookie: one restore call in all', async () => {
      const tabs = await signedIn(5)
      await all(tabs, tab => tab.goto(site.blank))
      await openCold(tabs)
      expect(notes()).toEqual([])
      const outcomes = await together(tabs, () => window.onGo(async () => (await window.auth.ready()).status))
      expect(outcomes).toEqual(Array(5).fill('authenticated'))
      expect(notes()).toEqual(['rotated'])
      expect(await all(tabs, getItems)).toEqual(Array(5).fill(200))
    })

    test.skipIf(engine.name !== 'Chromium')(
      'M5 a tab frozen while it holds the lock delays the others by the stated bound (Chromium alone can freeze)',
      async () => {
        site.server.settings.grace = 10
        const [a, b] = (await signedIn(2, { timeout: 1_500, patient: false })) as [Tab, Tab]
        const devtools = await a.raw!.createCDPSession()
        site.server.faults.set({ refresh: 'hang', count: 1 })
        await a.evaluate(() => void window.auth.refresh().catch(() => {}))
        await until(() => notes().length === 1)
        await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
        await demo('revoke-access')

        const waited = await b.evaluate(async () => {
          const start = performance.now()
          for (;;) {
            const answer = await window.auth.fetch('/api/items').then(
              response => response.status,
              error => error.code,
            )
            if (answer !== 'refresh_unavailable') return { answer, ms: performance.now() - start }
            await new Promise(resolve => setTimeout(resolve, 50))
          }
        })
        expect(waited.answer).toBe(200)
        expect(waited.ms).toBeLessThan(lockWait(1_500) + 1_000)
        expect(notes()).toEqual(['fault: hang', 'rotated'])

        site.server.faults.set({ refresh: 'none' })
        await until(() => notes()[0] !== 'fault: hang')
        await devtools.send('Page.setWebLifecycleState', { state: 'active' })
        await until(async () => (await getItems(a).catch(() => 0)) === 200)
        expect(await getItems(b)).toBe(200)
        expect(notes()).toEqual(['fault: hang, grace', 'rotated'])
        expect(await accessToken(a)).toBe(await accessToken(b))
        expect(await all([a, b], tab => events(tab, 'logout'))).toEqual([[], []])
        expect(await all([a, b], status)).toEqual(['authenticated', 'authenticated'])
      },
    )

    /** Ten minutes in the background for the client: its shared lock is let go after one. */
    async function hide(tab: Tab): Promise<void> {
      await tab.evaluate(() => {
        const { setTimeout } = window
        const soon = (work: () => void, ms = 0) => setTimeout(work, ms === 60_000 ? 0 : ms)
        window.setTimeout = soon as typeof setTimeout
        Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      })
      // What is held would keep it from being frozen.
      await until(
        async () => (await tab.evaluate(async () => (await navigator.locks.query()).held?.length)) === 0,
      )
    }

    const SLIDING = { sliding: true, patient: false }
    /** `asked`: what timers took of it, in ms, which a busy machine does not make longer. */
    async function restoreBeside(options: object): Promise<{ status: string; asked: number }> {
      const tab = await newTab()
      const given = JSON.stringify({ ...OPTIONS, ...options, restore: 'manual' })
      await tab.goto(`${site.url}/?options=${encodeURIComponent(given)}`)
      await tab.waitFor(() => 'auth' in window)
      return tab.evaluate(async () => {
        let asked = 0
        const { setTimeout } = window
        const counted = (work: () => void, ms = 0) =>
          setTimeout(() => {
            asked += ms
            work()
          }, ms)
        window.setTimeout = counted as typeof setTimeout
        const { status } = await window.auth.ready()
        return { status, asked }
      })
    }

    test('M11 a new tab beside a hidden one has the token that renews itself, with no call', async () => {
      await site.close()
      site = await startSite({ mode: 'sliding' })
      const [a] = (await signedIn(1, SLIDING)) as [Tab]
      await hide(a)
      // A second is what it would take without an answer, nine seconds here.
      expect((await restoreBeside({ ...SLIDING, patient: true })).status).toBe('authenticated')
      expect(notes()).toEqual([])
      // All have left, and the next one does not wait.
      await all(opened, tab => tab.goto(site.blank))
      const { status, asked } = await restoreBeside({ ...SLIDING, patient: true })
      expect(status).toBe('anonymous')
      expect(asked).toBeLessThan(1_000)
    })

    test('M11 a new tab beside a hidden one, with the refresh token in a cookie', async () => {
      const [a] = (await signedIn(1)) as [Tab]
      await hide(a)
      expect((await restoreBeside({})).status).toBe('authenticated')
      expect(await events(a, 'logout')).toEqual([])
    })

    test.skipIf(engine.name !== 'Chromium')(
      'M11 beside a frozen one: anonymous or one call within 1.5 s, and the frozen one stays signed in',
      async () => {
        for (const sliding of [true, false]) {
          await site.close()
          site = await startSite({ mode: sliding ? 'sliding' : 'bearer', grace: 0 })
          await outside.goto(site.blank)
          const [a] = (await signedIn(1, { patient: false, sliding })) as [Tab]
          await hide(a)
          const devtools = await a.raw!.createCDPSession()
          await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
          const beside = await restoreBeside({ patient: false, sliding }).finally(() =>
            devtools.send('Page.setWebLifecycleState', { state: 'active' }),
          )
          // Chromium 156 stops the timers of a frozen page, and not its BroadcastChannel.
          expect(sliding ? ['anonymous', 'authenticated'] : ['authenticated']).toContain(beside.status)
          expect(beside.asked).toBeLessThan(1_500)
          expect(notes()).toEqual(sliding ? [] : ['rotated'])
          await until(async () => (await getItems(a).catch(() => 0)) === 200)
          expect(await events(a, 'logout')).toEqual([])
        }
      },
    )

    test('S8 several clients in one document with sessionStorage: one refresh serves them, and the first may go', async () => {
      await site.close()
      site = await startSite({ mode: 'body', grace: 0 })
      const tab = await newTab()
      await site.open(tab, { ...OPTIONS, storage: 'sessionStorage' })
      await site.login(tab)
      site.server.log.clear()
      const joined = await tab.evaluate(async () => {
        const others = [window.another(), window.another()]
        Object.assign(window, { others })
        const sessions = await Promise.all(others.map(auth => auth.ready()))
        return { statuses: sessions.map(({ status }) => status), stored: sessionStorage.length }
      })
      expect(joined).toEqual({ statuses: ['authenticated', 'authenticated'], stored: 1 })
      expect(notes()).toEqual([])

      const calls = await tab.evaluate(async () => {
        await fetch('/demo/revoke-access', { method: 'POST' })
        const { others } = window as unknown as { others: Window['auth'][] }
        const sent = [window.auth, ...others].map(auth => auth.fetch('/api/items'))
        return (await Promise.all(sent)).map(({ status }) => status)
      })
      expect(calls).toEqual([200, 200, 200])
      expect(notes()).toEqual(['rotated'])

      const left = await tab.evaluate(async () => {
        const { others } = window as unknown as { others: Window['auth'][] }
        const underway = window.auth.refresh().catch(({ code }) => code)
        window.auth.dispose()
        const statuses: (string | number)[] = [await underway]
        for (const auth of others) {
          statuses.push((await auth.refresh()).status, (await auth.fetch('/api/items')).status)
        }
        return { statuses, stored: sessionStorage.length }
      })
      expect(left).toEqual({
        statuses: ['disposed', 'authenticated', 200, 'authenticated', 200],
        stored: 1,
      })
      expect(new Set(notes())).toEqual(new Set(['rotated']))
      expect(await events(tab, 'logout')).toEqual([])

      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('authenticated')
    })

    // Firefox keeps no page in its bfcache that has held a lock (accepted, DESIGN 11): it is loaded anew.
    const kept = engine.name !== 'Firefox'

    async function backTo(tab: Tab) {
      await tab.back()
      await tab.waitFor(() => window.shown?.length > 0)
      const shown = await tab.evaluate(() => window.shown.at(-1))
      expect(shown?.persisted).toBe(kept)
      expect(shown?.status).not.toBe('authenticated')
    }

    test('M6 back to a page after logging out elsewhere: it shows signed out before it sends anything', async () => {
      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      await a.goto(site.blank)
      await b.evaluate(async () => void (await window.auth.logout()))
      // Browsers show one tab late what another has removed: the marker of a confirmed logout has to be gone here too.
      await until(() =>
        a.evaluate(() =>
          Object.keys(localStorage).every(key => !key.startsWith('silent-refresh:signed-out')),
        ),
      )
      site.server.log.clear()
      await backTo(a)
      expect(await getItems(a)).toBe(401)
      expect(await status(a)).toBe('anonymous')
      await ready(a)
      expect(await status(a)).toBe('anonymous')
      expect(site.calls('/api/items').map(call => call.note)).toEqual(['no token'])
      // The server has confirmed the logout, so no marker stands: it was asked once, and knows nobody.
      expect(notes()).toEqual(['refused: no cookie'])
      expect(site.server.log.entries()).toHaveLength(2)
    })

    test('M6 back to a page after a logout that the server did not hear: nothing is asked at all', async () => {
      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      await a.goto(site.blank)
      await b.evaluate(async () => {
        const { fetch } = window
        window.fetch = async (...args) => {
          if (String(args[0]).endsWith('/auth/logout')) throw new TypeError('nobody hears it')
          return fetch(...args)
        }
        await window.auth.logout()
      })
      // Browsers show one tab late what another has written.
      await until(() =>
        a.evaluate(() => Object.keys(localStorage).some(key => key.startsWith('silent-refresh:signed-out'))),
      )
      await backTo(a)
      expect(await getItems(a)).toBe(401)
      expect(await status(a)).toBe('anonymous')
      expect(site.calls('/api/items').map(call => call.note)).toEqual(['no token'])
      expect(notes()).toEqual([])
    })

    test('M6 back to a page of a live session: with another tab no call, alone one', async () => {
      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      await a.goto(site.blank)
      await backTo(a)
      await authenticated([a])
      expect(await getItems(a)).toBe(200)
      expect(notes()).toEqual([])

      await all([a, b], tab => tab.goto(site.blank))
      await backTo(a)
      await authenticated([a])
      expect(await getItems(a)).toBe(200)
      expect(notes()).toEqual(['rotated'])
      expect(await events(a, 'logout')).toEqual([])
    })

    test('M6 back to a page after another user has logged in elsewhere: nothing is sent as the old one', async () => {
      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      await a.goto(site.blank)
      await site.login(b, 'grace@example.com')
      await backTo(a)
      await authenticated([a])
      expect(await email(a)).toBe('grace@example.com')
      expect(await accessToken(a)).toBe(await accessToken(b))
      expect(notes()).toEqual([])
    })

    test('M7 four tabs with a dead refresh token: at most two calls, then one logout per tab', async () => {
      const tabs = await signedIn(4)
      await demo('revoke-all')
      expect(await together(tabs, fetchOnGo)).toEqual(Array(4).fill(401))
      await all(tabs, tab => tab.waitFor(() => window.auth.session.status === 'anonymous'))
      expect(await all(tabs, tab => events(tab, 'logout'))).toEqual(Array(4).fill([REFUSED]))
      expect(notes().length).toBeLessThanOrEqual(2)
      expect(new Set(notes())).toEqual(new Set(['refused: revoked']))

      site.server.log.clear()
      expect(await all(tabs, getItems)).toEqual(Array(4).fill(401))
      expect(notes()).toEqual([])
      await site.login(tabs[3]!)
      await authenticated(tabs)
      expect(await all(tabs, getItems)).toEqual(Array(4).fill(200))
    })

    test('M8 a tab closed in the middle of a refresh leaves the others able to refresh', async () => {
      const [a, b, c] = (await signedIn(3)) as [Tab, Tab, Tab]
      site.server.faults.set({ refresh: 'hang', count: 1 })
      await a.evaluate(() => void window.auth.refresh().catch(() => {}))
      await until(() => notes().length === 1)
      await demo('revoke-access')
      const calls = together([b, c], fetchOnGo)
      await until(() => site.calls('/api/items').filter(({ status }) => status === 401).length === 2)
      opened = opened.filter(tab => tab !== a)
      await a.close()
      expect(await calls).toEqual([200, 200])
      expect(notes().slice(1)).toEqual(['rotated'])
      expect(await all([b, c], tab => events(tab, 'logout'))).toEqual([[], []])
    })

    test('M8 a tab closed while the server rotates: its answer still reaches the cookie jar', async () => {
      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      site.server.faults.set({ refresh: 'hang', count: 1 })
      await a.evaluate(() => void window.auth.refresh().catch(() => {}))
      await until(() => notes().length === 1)
      opened = opened.filter(tab => tab !== a)
      await a.close()
      site.server.faults.set({ refresh: 'none' })
      await until(() => site.calls(REFRESH)[0]?.status !== null)
      await demo('revoke-access')
      expect(await getItems(b)).toBe(200)
      expect(notes()).not.toContain('reuse detected')
    })

    test('M9 hostile messages on the channel throw nothing and change nothing', async () => {
      await eavesdrop()
      const tabs = await signedIn(2)
      const arrived = await fence(tabs)
      const before = await all(tabs, tab =>
        tab.evaluate(() => JSON.stringify([window.auth.session, window.seen])),
      )
      const token = await accessToken(tabs[0]!)
      const refused = await outside.evaluate(async () => {
        const cyclic: Record<string, unknown> = { type: 'token', v: 1, version: 1 }
        cyclic.self = cyclic
        const nested: unknown[] = []
        for (let depth = 0, at = nested; depth < 500; depth++) {
          const next: unknown[] = []
          at.push(next)
          at = next
        }
        const types = ['token', 'tokens', 'login', 'logout', 'signed-out', 'refresh', 'ask', 'failed', 'x']
        const values = [
          null,
          true,
          0,
          -1,
          NaN,
          Infinity,
          2 ** 53,
          '',
          'x',
          [],
          {},
          new Date(NaN),
          new Map(),
          1n,
        ]
        const messages: unknown[] = [
          undefined,
          null,
          0,
          1n,
          NaN,
          '',
          'logout',
          'x'.repeat(5_000_000),
          { type: 'token', version: 1, v: 1, accessToken: 'x'.repeat(5_000_000) },
          [],
          ['logout'],
          Array(100_000).fill({ type: 'logout' }),
          cyclic,
          nested,
          new Map([['type', 'logout']]),
          new Set(['logout']),
          new Date(),
          /logout/g,
          new Error('logout'),
          new ArrayBuffer(1_000_000),
          new Uint8Array(10),
          new Blob(['logout']),
          Object.create({ type: 'logout', version: 1, v: 1 }),
          Object.create(null),
          JSON.parse('{"__proto__":{"type":"logout","version":1,"v":1},"constructor":1,"toString":null}'),
          // Not one of the other versions is ours, and none of these says what a real message has to say.
          ...types.flatMap(type =>
            values.flatMap(value => [
              { type, version: value, v: value },
              { type, version: 1e9, v: 1e9, generation: value, tab: value, token: value, from: value },
            ]),
          ),
          () => {},
          Symbol('logout'),
          new Proxy({}, {}),
          Object.defineProperty({}, 'type', {
            enumerable: true,
            get() {
              throw new Error('a getter that throws')
            },
          }),
        ]
        const { channel } = window as unknown as Spy
        const refused: string[] = []
        for (const message of messages) {
          try {
            channel.postMessage(message)
          } catch {
            refused.push(typeof message) // it cannot be cloned, or says so itself: such a thing reaches nobody
          }
        }
        return refused
      })
      expect(refused).toEqual(['function', 'symbol', 'object', 'object'])
      await arrived()
      await demo('revoke-access')
      expect(await all(tabs, tab => tab.evaluate(() => window.uncaught))).toEqual([[], []])
      expect(
        await all(tabs, tab => tab.evaluate(() => JSON.stringify([window.auth.session, window.seen]))),
      ).toEqual(before)
      expect(await accessToken(tabs[0]!)).toBe(token)
      expect(await accessToken(tabs[1]!)).toBe(token)
      expect(notes()).toEqual([])
      expect(await together(tabs, fetchOnGo)).toEqual([200, 200])
      expect(notes()).toEqual(['rotated'])
    })

    test('M9 real messages with one field spoiled: nothing throws, and at worst one has to log in again', async () => {
      const heard = await eavesdrop()
      const tabs = await signedIn(2)
      const [a] = tabs as [Tab, Tab]
      await a.evaluate(async () => void (await window.auth.refresh()))
      tabs.push(...(await open(1)))
      await a.evaluate(async () => void (await window.auth.logout()))
      await all(tabs, tab => tab.waitFor(() => window.auth.session.status === 'anonymous'))
      await site.login(a)
      await authenticated(tabs)
      const samples = [...new Set(await heard())]
      expect(samples.length).toBeGreaterThan(1)

      const arrived = await fence(tabs)
      await outside.evaluate((samples: string[]) => {
        const { channel } = window as unknown as Spy
        const spoilt = [
          undefined,
          null,
          true,
          NaN,
          Infinity,
          -1,
          1e308,
          2 ** 53,
          2 ** 53 - 1,
          '',
          'x\ny',
          'x'.repeat(100_000),
          [],
          {},
          1n,
          new Date(),
        ]
        function* variants(value: unknown): Generator<unknown> {
          yield* spoilt
          if (typeof value !== 'object' || value === null) return
          for (const [key, child] of Object.entries(value)) {
            for (const variant of variants(child)) {
              yield Array.isArray(value)
                ? value.map((item, index) => (String(index) === key ? variant : item))
                : { ...value, [key]: variant }
            }
          }
        }
        for (const sample of samples) {
          for (const variant of variants(JSON.parse(sample))) channel.postMessage(variant)
        }
      }, samples)
      await arrived()

      await demo('revoke-access')
      await all(tabs, tab =>
        tab.evaluate(() =>
          window.auth
            .fetch('/api/items')
            .catch(() => {})
            .then(() => {}),
        ),
      )
      expect(await all(tabs, tab => tab.evaluate(() => window.uncaught))).toEqual([[], [], []])
      // Whatever was believed, the next login and the next refresh are everybody's again.
      await site.login(a, 'grace@example.com')
      await until(async () => (await all(tabs, email)).every(user => user === 'grace@example.com'))
      expect(await all(tabs, getItems)).toEqual([200, 200, 200])
      site.server.log.clear()
      await demo('revoke-access')
      expect(await together(tabs, fetchOnGo)).toEqual([200, 200, 200])
      expect(notes()).toEqual(['rotated'])
    })

    test('M9 locks of strange names beside the client’s own change nothing', async () => {
      const tabs = await signedIn(2)
      await outside.evaluate(async () => {
        const held: Promise<unknown>[] = []
        const { held: found = [] } = await navigator.locks.query()
        const names = [...new Set(found.map(({ name = '' }) => name))].filter(name => /\d$/.test(name))
        for (const name of names) {
          for (const end of ['x', '', '-1', '1e300', 'Infinity', '9'.repeat(400)]) {
            const odd = name.replace(/\d+$/, end)
            held.push(
              new Promise<void>(granted => {
                void navigator.locks.request(odd, { mode: 'shared' }, () => {
                  granted()
                  return new Promise(() => {})
                })
              }),
            )
          }
        }
        await Promise.all(held)
        if (held.length === 0) throw new Error('no lock tells a generation')
      })
      await demo('revoke-access')
      expect(await together(tabs, fetchOnGo)).toEqual([200, 200])
      expect(notes()).toEqual(['rotated'])
      await site.login(tabs[1]!, 'grace@example.com')
      await until(async () => (await all(tabs, email)).every(user => user === 'grace@example.com'))
      expect(await all(tabs, getItems)).toEqual([200, 200])
      expect(await all(tabs, tab => tab.evaluate(() => window.uncaught))).toEqual([[], []])
    })

    test('M10 another user logs in in one tab: the other says so, and hands back what the old user was refused', async () => {
      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      await demo('revoke-access')
      // The answer to the old user's request arrives when the new one is there already.
      await b.evaluate(() => {
        const { fetch } = window
        const gate = new Promise<void>(resolve => Object.assign(window, { openGate: resolve }))
        window.fetch = async (...args) => {
          const response = await fetch(...args)
          if (String(args[0]).includes('/api/')) await gate
          return response
        }
        window.outcome = window.auth.fetch('/api/items', { method: 'POST', body: '{"title":"of Ada"}' }).then(
          response => response.status,
          error => error.code,
        )
      })
      await until(() => site.calls('/api/items').some(call => call.status === 401))
      await site.login(a, 'grace@example.com')
      await until(async () => (await events(b, 'userChange')).length > 0)
      await b.evaluate(() => (window as unknown as { openGate(): void }).openGate())
      expect(await b.evaluate(() => window.outcome)).toBe(401)
      expect(await email(b)).toBe('grace@example.com')
      expect(await events(b, 'userChange')).toMatchObject([{ user: { email: 'grace@example.com' } }])
      expect(await getItems(b)).toBe(200)
      expect(site.calls('/api/items').map(({ method, status }) => `${method} ${status}`)).toEqual([
        'POST 401',
        'GET 200',
      ])
      expect(notes()).toEqual([])
    })

    test('M10 a request that waits for the old user’s token rejects when another user comes', async () => {
      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      // The login takes until the old token has ended, and holds the lock meanwhile.
      await a.evaluate(() => {
        const { fetch } = window
        const gate = new Promise<void>(resolve => Object.assign(window, { openGate: resolve }))
        window.fetch = async (...args) => {
          const response = await fetch(...args)
          if (String(args[0]).endsWith('/auth/login')) await gate
          return response
        }
        window.outcome = window.auth.login({
          email: 'grace@example.com',
          password: 'correct horse battery staple',
        })
      })
      await until(() => site.calls('/auth/login').some(call => call.status === 200))
      await b.evaluate(() => {
        // A minute later, for this tab.
        const [now, ticks] = [Date.now.bind(Date), performance.now.bind(performance)]
        let ahead = 60_000
        Date.now = () => now() + ahead
        performance.now = () => ticks() + ahead
        Object.assign(window, {
          setClocksRight() {
            ahead = 0
          },
        })
        window.outcome = window.auth.fetch('/api/items', { method: 'POST', body: '{"title":"of Ada"}' }).then(
          response => response.status,
          error => error.code,
        )
      })
      await b.evaluate(() => (window as unknown as { setClocksRight(): void }).setClocksRight())
      await a.evaluate(() => (window as unknown as { openGate(): void }).openGate())
      expect(await b.evaluate(() => window.outcome)).toBe('user_changed')
      expect(await events(b, 'userChange')).toHaveLength(1)
      expect(site.calls('/api/items')).toEqual([])
      expect(await getItems(b)).toBe(200)
      expect(notes()).toEqual([])
    })

    test('S2 tabs "share": no message carries a refresh token, and none a token’s fragment in a lock’s name', async () => {
      const heard = await eavesdrop()
      const jar = await newTab()
      await jar.goto(`${site.url}/auth/`) // WebKit lists the cookies of the tab's own path
      const cookies = async () =>
        (await jar.cookies()).filter(({ name }) => name === 'refresh_token').map(({ value }) => value)

      const [a, b] = (await signedIn(2)) as [Tab, Tab]
      const secrets = await cookies()
      await a.evaluate(async () => void (await window.auth.refresh()))
      secrets.push(...(await cookies()))
      const token = (await accessToken(a))!
      const [c] = (await open(1)) as [Tab]
      const { held = [], pending = [] } = await outside.evaluate(async () =>
        JSON.parse(JSON.stringify(await navigator.locks.query())),
      )
      const locks = [...held, ...pending].map(({ name }) => name).join(' ')
      expect(locks).toContain('test')
      for (const part of token.split('.').slice(1)) expect(locks).not.toContain(part.slice(0, 12))
      await c.evaluate(async () => void (await window.auth.logout()))
      // In script's hands, where a backend puts it there: it is the owner's all the same.
      await b.evaluate(async accessToken => {
        await window.auth.setTokens({ accessToken, refreshToken: 'refresh-token-in-script' })
      }, token)
      await until(async () => (await heard()).some(message => message.includes(token)))
      await open(1)
      const messages = await heard()
      expect(new Set(secrets).size).toBeGreaterThan(1)
      for (const secret of [...secrets, 'refresh-token-in-script']) {
        expect(messages.filter(message => message.includes(secret))).toEqual([])
      }
    })

    test('S2 shareTabs({ tokens: false }): the other tabs follow, and no message carries a token', async () => {
      const heard = await eavesdrop()
      const tabs = await signedIn(2, { tabs: { tokens: false } })
      const [a, b] = tabs as [Tab, Tab]
      const tokens = await all(tabs, accessToken)
      await demo('revoke-access')
      expect(await together(tabs, fetchOnGo)).toEqual([200, 200])
      expect(notes()).not.toContain('reuse detected')
      tokens.push(...(await all(tabs, accessToken)))
      await open(1, { tabs: { tokens: false } })
      await a.evaluate(async () => void (await window.auth.logout()))
      await until(async () => (await status(b)) === 'anonymous')
      expect(await events(b, 'logout')).toEqual([{ reason: 'other-tab' }])
      const messages = (await heard()).join()
      expect(messages).not.toBe('')
      expect(new Set(tokens).size).toBeGreaterThan(1)
      for (const token of tokens) {
        // The first part says how it was signed, the same for all.
        for (const part of token!.split('.').slice(1)) expect(messages).not.toContain(part.slice(0, 16))
      }
    })

    test('S2 tabs: false, no message and no lock at all', async () => {
      const heard = await eavesdrop()
      const [a, b] = (await open(2, { tabs: false })) as [Tab, Tab]
      await site.login(a)
      await a.evaluate(async () => void (await window.auth.refresh()))
      const locks = await outside.evaluate(async () =>
        JSON.parse(JSON.stringify(await navigator.locks.query())),
      )
      await a.evaluate(async () => void (await window.auth.logout()))
      expect(await status(b)).toBe('anonymous')
      expect(await heard()).toEqual([])
      expect(locks).toEqual({ held: [], pending: [] })
    })

    test('S1 log in, call, reload, refresh, log out: no part of a token is where a script can find it', async () => {
      const [tab] = (await open(1)) as [Tab]
      expect(await status(tab)).toBe('anonymous')
      await site.login(tab)
      expect(await getItems(tab)).toBe(200)
      expect(await tab.evaluate(async () => (await window.auth.api.get('api/items')).status)).toBe(200)
      site.server.log.clear()
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('authenticated')
      expect(notes()).toEqual(['rotated'])

      const found = await tab.evaluate(async () => {
        const { auth } = window
        const tokens = [(await auth.getAccessToken())!]
        await auth.refresh()
        tokens.push((await auth.getAccessToken())!)
        // Not the first part: it says how the token was signed, and is no secret.
        const fragments = tokens.flatMap(token =>
          token
            .split('.')
            .slice(1)
            .flatMap(part => [part.slice(0, 16), part.slice(-16)]),
        )
        tokens.length = 0
        const signedIn = await window.findFragments(fragments)
        await auth.logout()
        return { signedIn, signedOut: await window.findFragments(fragments) }
      })
      expect(found).toEqual({ signedIn: [], signedOut: [] })
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('anonymous')
      expect(await getItems(tab)).toBe(401)
    })
  })
}

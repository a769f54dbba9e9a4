import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ServerOptions } from '../../demo/server/server.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { listen } from './origin.ts'
import { ready, type Site, startSite, until } from './site.ts'

const REFRESH = '/auth/refresh_token'
const ME = '/auth/me'
const IN_COOKIES = {
  mode: 'cookie',
  csrf: { cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' },
  endpoints: { login: '/auth/login', refresh: REFRESH, logout: '/auth/logout', user: ME },
}

const status = (tab: Tab) => tab.evaluate(() => window.auth.session.status)
const getItems = (tab: Tab) => tab.evaluate(async () => (await window.auth.fetch('/api/items')).status)
const refresh = (tab: Tab) => tab.evaluate(async () => (await window.auth.refresh()).status)
const events = (tab: Tab, name: string) =>
  tab.evaluate(wanted => window.seen.filter(([name]) => name === wanted).map(([, detail]) => detail), name)

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let site: Site
    let tab: Tab
    /** Keeps the browser open between the tests. */
    let base: Tab
    const opened: Tab[] = []

    beforeAll(async () => {
      browser = await engine.launch()
      base = await browser.newTab()
    })
    afterAll(() => browser?.close())
    afterEach(async () => {
      for (const one of opened.splice(0)) await one.close()
      await base.goto('about:blank')
      await site.close()
    })

    async function newTab(): Promise<Tab> {
      const one = await browser.newTab()
      opened.push(one)
      return one
    }

    /** Strict: each reuse of a refresh token shows. */
    async function start(mode: ServerOptions['mode'] & string, options: ServerOptions = {}): Promise<void> {
      site = await startSite({ mode, grace: 0, ...options })
      tab = await newTab()
    }

    const notes = () => site.calls(REFRESH).map(call => call.note)

    test('S3 sessionStorage: a reload goes on, and a duplicated tab uses no token twice', async () => {
      await start('body')
      tab = base // WebKit lets a page in the front open another, and no hidden one
      await site.open(tab, { storage: 'sessionStorage' })
      await site.login(tab)
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('authenticated')
      expect(notes()).toEqual(['rotated'])

      // What the browser makes of 'duplicate tab': another page, and a copy of the storage.
      await tab.evaluate(blank => {
        const button = document.createElement('button')
        button.textContent = 'duplicate'
        button.addEventListener('click', () => Object.assign(window, { copy: window.open(blank) }))
        document.body.append(button)
      }, site.blank)
      await tab.click('button')
      await tab.waitFor(() => (window as unknown as { copy: Window | null }).copy?.document.title === 'blank')
      const copied = await tab.evaluate(() => {
        const { copy } = window as unknown as { copy: Window }
        const { length } = copy.sessionStorage
        copy.location.href = location.href
        return length
      })
      expect(copied).toBe(1)
      await tab.waitFor(() => (window as unknown as { copy: Window | null }).copy?.auth !== undefined)
      const seen = await tab.evaluate(async () => {
        const { copy } = window as unknown as { copy: typeof window }
        await copy.auth.ready()
        const statuses: (string | number)[] = [copy.auth.session.status]
        for (const { auth } of [copy, window, copy, window]) {
          statuses.push((await auth.refresh()).status, (await auth.fetch('/api/items')).status)
        }
        copy.close()
        return { statuses, events: [...copy.seen, ...window.seen].map(([name]) => name) }
      })
      expect(seen.statuses).toEqual(['authenticated', ...Array(4).fill(['authenticated', 200]).flat()])
      expect(seen.events).not.toContain('logout')
      expect(new Set(notes())).toEqual(new Set(['rotated']))

      await tab.reload()
      await ready(tab)
      expect(await getItems(tab)).toBe(200)
      expect(new Set(notes())).toEqual(new Set(['rotated']))
    })

    /** Another tab, signed in by what the first has put into localStorage. */
    async function sharing(): Promise<Tab> {
      await start('body')
      const other = await newTab()
      await site.open(tab, { storage: 'localStorage' })
      await site.login(tab)
      await site.open(other, { storage: 'localStorage' })
      return other
    }

    test('S3 localStorage: two tabs take turns at one token', async () => {
      const other = await sharing()
      expect(await status(other)).toBe('authenticated')
      expect(await Promise.all([refresh(tab), refresh(other)])).toEqual(['authenticated', 'authenticated'])
      expect([await refresh(other), await refresh(tab)]).toEqual(['authenticated', 'authenticated'])
      await other.reload()
      await ready(other)
      expect([await getItems(tab), await getItems(other)]).toEqual([200, 200])
      expect(new Set(notes())).toEqual(new Set(['rotated']))
      expect(await tab.evaluate(() => window.auth.logout())).toEqual({ revoked: true })
      await other.waitFor(() => window.auth.session.status === 'anonymous')
      expect(await tab.evaluate(() => Object.values(localStorage))).not.toContainEqual(
        expect.stringContaining('refreshToken'),
      )
    })

    test('S3, M2 localStorage, which a browser shows late: a hundred turns, each at once after the last, use no token twice', async () => {
      const other = await sharing()
      site.server.log.clear()
      // The page that is told that it is its turn takes it in the same task.
      const play = (page: Tab, begins: boolean) =>
        page.evaluate(begins => {
          const channel = new BroadcastChannel('turns')
          const take = async (turn: number) => {
            await window.auth.refresh().catch(error => window.uncaught.push(String(error)))
            channel.postMessage(turn + 1)
            return turn + 1
          }
          window.outcome = new Promise(resolve => {
            const end = (turn: number) => turn >= 100 && resolve(turn)
            channel.onmessage = ({ data }) => end(data) || void take(data).then(end)
            if (begins) void take(0).then(end)
          })
        }, begins)
      await play(other, false)
      await play(tab, true)
      for (const page of [tab, other]) {
        await page.evaluate(() => window.outcome)
        expect(await page.evaluate(() => window.uncaught)).toEqual([])
        expect(await status(page)).toBe('authenticated')
      }
      expect(new Set(notes())).toEqual(new Set(['rotated']))
    })

    test('S4 cookie mode: log in, read and write, reload, expire, log out', async () => {
      await start('cookie')
      await site.open(tab, IN_COOKIES)
      await site.login(tab)
      const post = () =>
        tab.evaluate(async () => {
          const init = { method: 'POST', body: '{"title":"one"}' }
          const plain = await fetch('/api/items', init)
          return [plain.status, (await window.auth.fetch('/api/items', init)).status]
        })
      expect(await getItems(tab)).toBe(200)
      // The same call without the header is what another site could have made.
      expect(await post()).toEqual([403, 201])
      expect(await tab.evaluate(() => document.cookie.replace(/=[^;]*/g, ''))).toBe('XSRF-TOKEN')

      site.server.log.clear()
      await tab.reload()
      await ready(tab)
      expect(await tab.evaluate(() => JSON.parse(JSON.stringify(window.auth.session)))).toMatchObject({
        status: 'authenticated',
        user: { email: 'ada@example.com' },
      })
      expect(site.calls(ME)).toHaveLength(1)
      expect(notes()).toEqual([])

      const statuses = await tab.evaluate(async () => {
        await fetch('/demo/revoke-access', { method: 'POST' })
        const send = (_: unknown, index: number) =>
          window.auth.fetch('/api/items', index % 2 ? { method: 'POST', body: '{"title":"two"}' } : {})
        return (await Promise.all(Array.from({ length: 6 }, send))).map(answer => answer.status)
      })
      expect(statuses).toEqual([200, 201, 200, 201, 200, 201])
      expect(notes()).toEqual(['rotated'])

      // While no page was open the access cookie came to its end.
      site.server.settings.accessTtl = 1
      expect(await refresh(tab)).toBe('authenticated')
      site.server.settings.accessTtl = 60
      await tab.goto(site.blank)
      await new Promise(resolve => setTimeout(resolve, 1_100))
      site.server.log.clear()
      await site.open(tab, IN_COOKIES)
      expect(await status(tab)).toBe('authenticated')
      expect(site.calls(ME)[0]?.status).toBe(401)
      expect(notes()).toEqual(['rotated'])

      expect(await tab.evaluate(() => window.auth.logout())).toEqual({ revoked: true })
      expect(await tab.evaluate(() => document.cookie)).toBe('')
      expect(await getItems(tab)).toBe(401)
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('anonymous')
    })

    test('S4, M3 cookie mode in two tabs: one refresh, a write from either, another user is noticed', async () => {
      await start('cookie')
      const other = await newTab()
      await site.open(tab, IN_COOKIES)
      await site.login(tab)
      await site.open(other, IN_COOKIES)
      const write = (one: Tab) =>
        one.evaluate(
          async () =>
            (await window.auth.fetch('/api/items', { method: 'POST', body: '{"title":"x"}' })).status,
        )
      site.server.log.clear()
      expect(await refresh(tab)).toBe('authenticated')
      expect([await write(other), await write(tab)]).toEqual([201, 201])
      expect(notes()).toEqual(['rotated'])
      await site.login(other, 'grace@example.com')
      await tab.waitFor(() => window.seen.some(([name]) => name === 'userChange'))
      expect(await write(tab)).toBe(201)
      await tab.evaluate(() => window.auth.logout())
      await other.waitFor(() => window.auth.session.status === 'anonymous')
      expect(await events(other, 'logout')).toEqual([{ reason: 'other-tab' }])
    })

    test('S5 works under a strict policy, with nothing forbidden', async () => {
      await start('bearer')
      await site.open(tab)
      const policy = await tab.evaluate(async () =>
        (await fetch(location.href)).headers.get('Content-Security-Policy'),
      )
      expect(policy).toContain("default-src 'self'; require-trusted-types-for 'script'")
      await site.login(tab)
      expect(await getItems(tab)).toBe(200)
      expect(await tab.evaluate(async () => (await window.auth.api.get('api/items')).status)).toBe(200)
      expect(await refresh(tab)).toBe('authenticated')
      await tab.evaluate(() => window.auth.logout())
      expect(await tab.evaluate(() => window.uncaught)).toEqual([])
      // The policy is in force, and this would have been heard.
      await tab.evaluate(() => {
        new Image().src = 'http://127.0.0.1:9/forbidden'
      })
      await tab.waitFor(() => window.uncaught.some(text => text.startsWith('img-src')))
    })

    test('T6 sliding: the token renews itself, in two tabs, and past its end nobody is signed in', async () => {
      await start('sliding', { accessTtl: 10 })
      const other = await newTab()
      // Early enough for a server that counts in whole seconds: its token ends up to one before it says. The moment is
      // drawn between this and half of it, so a busy machine has a second and a half.
      const options = { sliding: true, storage: 'sessionStorage', refreshAhead: 4_900 }
      await site.open(tab, options)
      await site.login(tab)
      await site.open(other, options)
      expect(await status(other)).toBe('authenticated')
      await until(() => notes().length > 0)
      expect([await refresh(other), await refresh(tab)]).toEqual(['authenticated', 'authenticated'])
      expect([await getItems(tab), await getItems(other)]).toEqual([200, 200])
      await tab.reload()
      await ready(tab)
      expect(await getItems(tab)).toBe(200)
      expect(new Set(notes())).toEqual(new Set(['renewed']))

      site.server.faults.set({ refresh: '500' })
      await tab.waitFor(() => window.auth.session.status === 'anonymous')
      await other.waitFor(() => window.auth.session.status === 'anonymous')
      expect(await events(tab, 'logout')).toEqual([{ reason: 'rejected' }])
      expect(notes()).not.toContain('refused: expired')
    })

    test('R11 a redirect to another origin does not take the CSRF header along', async () => {
      await start('bearer')
      const [home, stranger] = [await listen(), await listen()]
      home.answer = ({ url = '', method }) => {
        if (method === 'POST') return [307, { Location: `${stranger.origin}/taken` }]
        const headers = { 'Set-Cookie': 'XSRF-TOKEN=double; Path=/' }
        return url.startsWith('/client.js') ? [200, {}, site.script] : [200, headers, site.page]
      }
      try {
        const options = { csrf: IN_COOKIES.csrf, restore: 'manual', tabs: false }
        await tab.goto(`${home.origin}/?options=${encodeURIComponent(JSON.stringify(options))}`)
        await tab.waitFor(() => 'auth' in window)
        const send = (init: RequestInit) =>
          tab.evaluate(async given => {
            await window.auth.setTokens({ accessToken: 'opaque' })
            return window.auth.fetch('/go', { method: 'POST', ...given }).then(
              answer => answer.status,
              error => error.name,
            )
          }, init)
        expect(await send({})).toBe('TypeError')
        const sent = home.seen.find(({ method }) => method === 'POST')
        expect(sent?.headers['x-xsrf-token']).toBe('double')
        expect(stranger.seen).toEqual([])
        // Had it been followed, the header would have come along: that is the caller's own choice.
        expect(await send({ redirect: 'follow' })).toBe(204)
        expect(stranger.seen.map(({ headers }) => headers['x-xsrf-token'])).toEqual(['double'])
      } finally {
        for (const server of [home, stranger]) server.close()
      }
    })
  })
}

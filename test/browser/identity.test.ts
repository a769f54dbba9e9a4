import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { listen, type Origin } from './origin.ts'
import { ready, type Site, startSite, until } from './site.ts'

const password = 'correct horse battery staple'
const ENDPOINTS = {
  login: '/auth/login',
  refresh: '/auth/refresh_token',
  logout: '/auth/logout',
  user: '/auth/me',
}
const MODES = [
  ['bearer', { endpoints: ENDPOINTS }],
  [
    'cookie',
    { mode: 'cookie', csrf: { cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }, endpoints: ENDPOINTS },
  ],
] as const

const status = (tab: Tab) => tab.evaluate(() => window.auth.session.status)
const isUser = (tab: Tab, email: string) =>
  tab.waitFor(wanted => {
    const { session } = window.auth
    return session.status === 'authenticated' && session.user?.email === wanted
  }, email)
const names = (tab: Tab) => tab.evaluate(() => window.seen.map(([name]) => name))
const apiUser = (tab: Tab) =>
  tab.evaluate(async () => (await (await window.auth.fetch('/auth/me')).json()).email as string)

/** The origin of the app: its page, the server behind it, and what the server does at the end of a redirect. */
interface Front {
  readonly url: string
  /** Path and referrer of every call. */
  readonly calls: [path: string, from: string][]
  /** `login`: its headers arrive, cookies among them, and its body never does. `logout`: fails; `redirect`: redirects. */
  broken: 'login' | 'logout' | 'redirect' | null
  page(options: object, name?: string): string
  close(): void
}

async function serve(site: Site): Promise<Front> {
  const server = createServer(async (incoming, outgoing) => {
    const { url = '/', method, headers } = incoming
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    front.calls.push([pathname, headers.referer ?? ''])
    if (pathname === '/client.js') {
      outgoing.writeHead(200, { 'Content-Type': 'text/javascript' }).end(site.script)
      return
    }
    if (pathname === '/') {
      // As docs/security.md recommends it: with `no-referrer` no later page would repeat a logout.
      outgoing
        .writeHead(200, { 'Content-Type': 'text/html', 'Referrer-Policy': 'same-origin' })
        .end(site.page)
      return
    }
    if (pathname === '/callback') {
      const answer = await fetch(`${site.url}/auth/login`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: site.url },
        body: JSON.stringify({ email: searchParams.get('email'), password }),
      })
      outgoing.writeHead(302, {
        'Set-Cookie': answer.headers.getSetCookie(),
        Location: searchParams.get('to') as string,
      })
      outgoing.end()
      return
    }
    if (pathname === ENDPOINTS.logout && front.broken === 'logout') {
      incoming.resume()
      outgoing.writeHead(500).end()
      return
    }
    if (pathname === ENDPOINTS.logout && front.broken === 'redirect') {
      incoming.resume()
      outgoing.writeHead(302, { Location: '/blank.html' }).end()
      return
    }
    const passed = request(site.url + url, { method, headers }, answer => {
      const isCut = pathname === ENDPOINTS.login && front.broken === 'login'
      outgoing.writeHead(answer.statusCode as number, answer.headers)
      if (isCut) {
        answer.resume()
        // Firefox takes no notice of headers that nothing follows.
        outgoing.write('{')
      } else answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const front: Front = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    broken: null,
    page: (options, name = '') =>
      `${front.url}/?name=${name}&options=${encodeURIComponent(JSON.stringify(options))}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return front
}

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    /** Keeps the browser open between the tests. */
    let base: Tab
    let site: Site
    let front: Front
    /** Where the user types the password: another origin, which leads back. */
    let elsewhere: Origin
    let opened: Tab[] = []

    beforeAll(async () => {
      browser = await engine.launch()
      base = await browser.newTab()
      elsewhere = await listen(({ url = '' }) => {
        const to = new URL(url, 'http://localhost').searchParams.get('to')
        return [200, {}, to ? `<!doctype html><script>location.href = ${JSON.stringify(to)}</script>` : '']
      })
    })
    afterAll(async () => {
      elsewhere?.close()
      await browser?.close()
    })
    afterEach(async () => {
      for (const tab of opened) await tab.close()
      opened = []
      await base.goto('about:blank')
      front.close()
      await site.close()
    })

    async function start(mode: 'bearer' | 'cookie' = 'bearer'): Promise<void> {
      site = await startSite({ mode, grace: 0 })
      front = await serve(site)
    }

    async function open(url: string): Promise<Tab> {
      const tab = await browser.newTab()
      opened.push(tab)
      await tab.goto(url)
      await ready(tab)
      return tab
    }

    /** A page of the app that the login page of another origin led to. */
    async function returned(email: string, page: string): Promise<Tab> {
      const callback = `${front.url}/callback?email=${email}&to=${encodeURIComponent(page)}`
      const tab = await browser.newTab()
      opened.push(tab)
      await tab.goto(`${elsewhere.origin}/?to=${encodeURIComponent(callback)}`)
      await tab.waitFor(wanted => location.origin === wanted && 'auth' in window, front.url)
      return tab
    }

    test.each(MODES)(
      'I4 %s: after a login by redirect refresh() shows the new user, in every tab',
      async (mode, given) => {
        await start(mode)
        const options = { ...given, sessionKey: 'test' }
        const ada = await open(front.page(options))
        await site.login(ada)
        await isUser(ada, 'ada@example.com')

        const page = await returned('grace@example.com', front.page({ ...options, restore: 'manual' }))
        await page.evaluate(async () => void (await window.auth.refresh()))
        await isUser(page, 'grace@example.com')
        await isUser(ada, 'grace@example.com')
        expect(await names(page)).toEqual(['login'])
        expect(await names(ada)).toEqual(['login', 'login', 'userChange'])
        expect([await apiUser(page), await apiUser(ada)]).toEqual(['grace@example.com', 'grace@example.com'])
      },
    )

    test('I9 a login whose answer never came whole does not come back with a reload', async () => {
      await start()
      front.broken = 'login'
      const tab = await open(front.page({ endpoints: ENDPOINTS, sessionKey: 'test', timeout: 1_000 }))
      const code = await tab.evaluate(
        given => window.auth.login(given).catch(error => error.code as string),
        { email: 'ada@example.com', password },
      )
      expect(code).toBe('login_unavailable')
      front.calls.length = 0
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('anonymous')
      expect(front.calls.filter(([path]) => path === ENDPOINTS.refresh)).toEqual([])
      // The server did sign in: the cookie is there, for an app that asks.
      await tab.evaluate(async () => void (await window.auth.refresh()))
      await isUser(tab, 'ada@example.com')
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('authenticated')
    })

    test('N3 a logout that redirects is named, is not followed, and is not repeated by the next page', async () => {
      await start()
      const options = { endpoints: ENDPOINTS, sessionKey: 'test', timeout: 500 }
      const tab = await open(front.page(options))
      await site.login(tab)
      front.broken = 'redirect'
      const message = await tab.evaluate(async () => (await window.auth.logout()).error?.message)
      expect(message).toContain('redirect')
      await tab.evaluate(url => location.assign(url), front.page(options, 'here'))
      await tab.waitFor(() => location.search.includes('name=here') && 'auth' in window)
      await ready(tab)
      expect(await tab.evaluate(() => document.referrer)).toContain(front.url)
      expect(await status(tab)).toBe('anonymous')
      // A page that repeats it does so after "timeout": the timer of this one, which is set later, rings after that.
      await tab.evaluate(() => new Promise<void>(resolve => void setTimeout(resolve, 600)))
      const paths = front.calls.map(([path]) => path)
      expect(paths.filter(path => path === ENDPOINTS.logout)).toHaveLength(1)
      expect(paths).not.toContain('/blank.html')
      await site.login(tab)
      expect(await status(tab)).toBe('authenticated')
    })

    test('I14 a logout is tried again by a page that was reached from here, not by one that a redirect led to', async () => {
      await start()
      const options = { endpoints: ENDPOINTS, sessionKey: 'test', timeout: 500 }
      const tab = await open(front.page(options))
      await site.login(tab)
      front.broken = 'logout'
      expect(await tab.evaluate(async () => (await window.auth.logout()).revoked)).toBe(false)
      const next = front.page(options, 'here')
      const leave = async () => {
        await tab.evaluate(url => location.assign(url), front.page({ ...options, restore: 'manual' }, 'away'))
        await tab.waitFor(() => location.search.includes('name=away') && 'auth' in window)
      }
      await leave()

      const page = await returned('grace@example.com', front.page(options, 'redirect'))
      await ready(page)
      expect(await page.evaluate(() => new URL(document.referrer).origin)).toBe(elsewhere.origin)
      expect(await status(page)).toBe('anonymous')
      front.calls.length = 0
      await tab.evaluate(url => location.assign(url), next)
      await tab.waitFor(() => location.search.includes('name=here') && 'auth' in window)
      expect(await tab.evaluate(() => document.referrer)).toContain(front.url)
      // The page of the redirect was loaded before it, and has had the same time.
      const logouts = () => front.calls.filter(([path]) => path === ENDPOINTS.logout)
      await until(() => logouts().length > 0)
      expect(logouts().filter(([, from]) => !from.includes('name=here'))).toEqual([])
      await page.evaluate(async () => void (await window.auth.refresh()))
      await isUser(page, 'grace@example.com')
    })
  })
}

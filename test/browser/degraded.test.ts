import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { cookieBackend, pageOf } from './cookie-backend.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import type { Origin } from './origin.ts'
import type { Account } from './pages/degraded.ts'
import { ready } from './site.ts'

const startBackend = await cookieBackend(['degraded', 'client'], 60)

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let backend: Origin
    let tab: Tab
    /** Not the name of a loopback address to any of them. */
    let insecure: string

    beforeAll(async () => {
      browser = await engine.launch()
      tab = await browser.newTab()
    })
    afterAll(() => browser?.close())
    beforeEach(async () => {
      backend = await startBackend()
      insecure = `http://[::ffff:127.0.0.1]:${backend.port}`
      return () => backend.close()
    })

    /** The life of a client in a page of its own. */
    async function life(url: string): Promise<Account> {
      await tab.goto(url)
      await tab.waitFor(() => 'account' in window)
      return tab.evaluate(() => window.account)
    }

    /** In a frame, of a page on `localhost`: another site than `127.0.0.1`. */
    async function lifeInFrame(src: string, sandbox: string | null = null): Promise<Account> {
      await tab.goto(`http://localhost:${backend.port}/blank`)
      return tab.evaluate(
        (src, sandbox) =>
          new Promise<Account>(resolve => {
            window.addEventListener('message', ({ data }) => resolve(data), { once: true })
            const frame = document.createElement('iframe')
            if (sandbox) frame.setAttribute('sandbox', sandbox)
            frame.src = src
            document.body.append(frame)
          }),
        src,
        sandbox,
      )
    }

    /** Everything works but what needs the cookie; nothing throws; each piece that is missing is told once. */
    function expectGoodLife({ steps, missing, uncaught }: Account, cookie: boolean, lacking: string[]) {
      expect(steps).toEqual([
        'ready: anonymous',
        'login: authenticated',
        'fetch: 200',
        `refresh: ${cookie ? 'authenticated' : 'refresh_rejected'}`,
        'fetch: 200',
        'setTokens: authenticated',
        'fetch: 200',
        'logout: true',
        'fetch: 401',
      ])
      expect(missing.sort()).toEqual(lacking)
      expect(uncaught).toEqual([])
      const bearers = backend.seen
        .filter(({ url }) => url === '/items')
        .map(seen => seen.headers.authorization)
      const second = cookie ? 'Bearer refreshed' : 'Bearer logged-in'
      expect(bearers).toEqual(['Bearer logged-in', second, 'Bearer from-elsewhere', undefined])
    }

    test('F9 a sandboxed frame, whose origin is opaque: the client does without locks', async () => {
      const account = await lifeInFrame(`${backend.origin}/degraded`, 'allow-scripts')
      expect(account.origin).toBe('null')
      expectGoodLife(account, false, ['locks'])
    })

    test('F9 a document from a data: URL, which has no address of its own either', async () => {
      const page = pageOf(`${backend.origin}/degraded.js`)
      const account = await lifeInFrame(`data:text/html,${encodeURIComponent(page)}`)
      expect(account.origin).toBe('null')
      expectGoodLife(account, false, ['locks'])
    })

    test('F9 a cross-site frame: locks and channel are there, the cookie is not', async () => {
      const account = await lifeInFrame(`${backend.origin}/degraded`)
      expect(account.origin).toBe(backend.origin)
      // Firefox grants such a frame its locks, and refuses to tell which there are.
      expectGoodLife(account, false, engine.name === 'Firefox' ? ['lock-query'] : [])
    })

    test('F9 an insecure context, which has no locks: the cookie works', async () => {
      const account = await life(`${insecure}/degraded`)
      expect(account.secure).toBe(false)
      expectGoodLife(account, true, ['locks'])
    })

    test('F9 a browser without locks and without BroadcastChannel', async () => {
      expectGoodLife(await life(`${backend.origin}/degraded?without=locks&without=channel`), true, [
        'channel',
        'locks',
      ])
    })

    test('F9, M3 tabs of an insecure context still tell each other of a login and a logout', async () => {
      const endpoints = { login: 'login', refresh: 'refresh_token', logout: 'logout' }
      const url = `${insecure}/client?options=${encodeURIComponent(JSON.stringify({ endpoints }))}`
      const other = await browser.newTab()
      try {
        for (const each of [tab, other]) {
          await each.goto(url)
          await ready(each)
        }
        await tab.evaluate(async () => void (await window.auth.login({})))
        await other.waitFor(() => window.auth.session.status === 'authenticated')
        expect(await other.evaluate(async () => (await window.auth.fetch('/items')).status)).toBe(200)
        await other.evaluate(async () => void (await window.auth.logout()))
        await tab.waitFor(() => window.auth.session.status === 'anonymous')
        expect(await tab.evaluate(() => window.seen.map(([name]) => name))).toEqual(['login', 'logout'])
        // The two restores: the login was handed over.
        expect(backend.seen.filter(({ url }) => url === '/refresh_token')).toHaveLength(2)
      } finally {
        await other.close()
      }
    })
  })
}

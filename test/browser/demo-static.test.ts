import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { output } from '../tools/steps.ts'
import { engines } from './browsers.ts'
import { complaints, isDone, shows, textOf } from './demo.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { until } from './site.ts'

// The page without a server, as `npm run demo:static` builds it, from a web host that has nothing but files.

const root = resolve(import.meta.dirname, '../..')
const dist = join(root, 'demo/static/dist')
const FOLDER = '/some/path/'
const TYPES: Record<string, string> = {
  ...{ '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' },
  '.svg': 'image/svg+xml',
}

/** What any web host does, and no more. */
function serveFiles() {
  const asked: string[] = []
  const server = createServer(async ({ method, url = '/' }, answer) => {
    const { pathname } = new URL(url, 'http://host')
    asked.push(`${method} ${pathname}`)
    const name = pathname.endsWith('/') ? 'index.html' : pathname.slice(FOLDER.length)
    const content = pathname.startsWith(FOLDER) && (await readFile(join(dist, name)).catch(() => null))
    if (method !== 'GET' || !content) {
      answer.writeHead(404).end()
      return
    }
    answer
      .writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'text/plain', Connection: 'close' })
      .end(content)
  })
  return new Promise<{ url: string; asked: string[]; close(): void }>(done =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      done({ url: `http://127.0.0.1:${port}${FOLDER}`, asked, close: () => server.close() })
    }),
  )
}

beforeAll(() => void output('node', [join(root, 'demo/static/build.ts')]))

for (const engine of engines) {
  describeEngine(engine, () => {
    let host: Awaited<ReturnType<typeof serveFiles>>
    let browser: Browser
    let base: Tab
    let tab: Tab

    beforeAll(async () => {
      host = await serveFiles()
      browser = await engine.launch()
      // WebKit ends with its last tab.
      base = await browser.newTab()
    })
    afterAll(async () => {
      await browser?.close()
      host?.close()
    })
    beforeEach(async () => {
      tab = await open()
      if ((await session()) === 'authenticated')
        await press('#logout', '#login-result', 'Signed out in all tabs')
      // Long enough that no timer rings in between.
      await tab.evaluate(async () => {
        await fetch('demo/config', { method: 'POST', body: JSON.stringify({ accessTtl: 600 }) })
      })
      await press('[data-testid="login-as-ada@example.com"]')
      await isSignedIn()
    })
    afterEach(async () => {
      // Firefox logs a server that is away, and a request that a reload ends, as errors of the page.
      const isEnded = /A ServiceWorker (passed an Error Response|intercepted the request)/
      expect(complaints(tab).filter(({ text }) => !isEnded.test(text))).toEqual([])
      await tab.close()
      // All that the host was asked for are files.
      const files = /^GET \/(favicon\.ico|some\/path\/(index\.html|worker\.js|assets\/[\w.-]+)?)$/
      expect(host.asked.filter(one => !files.test(one))).toEqual([])
    })

    async function open(): Promise<Tab> {
      // Where the driver is in a tab that was closed, it opens no other.
      await base.evaluate(() => 0)
      const next = await browser.newTab()
      await next.goto(host.url)
      // A page that is hidden does not listen to the server, and WebKit's driver opens a tab behind the others.
      if (engine.name === 'WebKit') {
        await next.evaluate(() => {
          Object.defineProperty(document, 'hidden', { configurable: true, value: false })
          document.dispatchEvent(new Event('visibilitychange'))
        })
      }
      await next.waitFor(() => ['authenticated', 'anonymous'].includes(document.body.dataset.session ?? ''))
      return next
    }
    const session = (of = tab) => of.evaluate(() => document.body.dataset.session ?? '')
    const isSignedIn = (of = tab) =>
      until(async () => (await session(of).catch(() => '')) === 'authenticated')

    /** In the page: what is pressed may be in a part that is folded, or below what is in sight. */
    async function press(button: string, outcome?: string, part = ''): Promise<void> {
      await tab.evaluate(selector => {
        const element = document.querySelector<HTMLElement>(selector)!
        for (let one = element.closest('details'); one; one = one.parentElement?.closest('details') ?? null) {
          one.open = true
        }
        if (!element.checkVisibility({ visibilityProperty: true }))
          throw new Error(`${selector} is not shown`)
        element.click()
      }, button)
      await isDone(tab, button)
      if (outcome) await shows(tab, outcome, part)
    }
    const refreshes = async () => Number(await textOf(tab, '#count-refreshes'))

    test('ten requests with a revoked token cost one refresh, and all are sent again', async () => {
      await press('#revoke-mine', '#replay-result', 'The server refuses this token')
      await press('#clear-counts')
      await press('#ten', '#replay-result', '10 × 200, after 1 refresh and 10 sent again.')
      // As the server tells the page, by a stream of events.
      await until(async () => (await refreshes()) === 1)
    })

    test('a second tab is signed in at once, and a reload goes on', async () => {
      const first = tab
      const second = await open()
      await isSignedIn(second)
      await second.close()
      tab = first
      await tab.reload()
      await isSignedIn()
      await press('#list-items', '#api-result', 'GET api/items: 200, 3 items.')
    })

    test('a session that the server has ended is over', async () => {
      await press('#revoke-all', '#revoke-result', '')
      await press('#send-one')
      await until(async () => (await session()) === 'anonymous')
    })

    test('the server can be taken away, and comes back', async () => {
      await press('#offline', '#outage-result', 'The server answers nobody')
      await press('#send-one', '#outage-result', '')
      expect(await session()).toBe('authenticated')
      await until(async () => (await textOf(tab, '#offline')).includes('Bring the server back'))
      await press('#offline', '#outage-result', 'The server is back')
      await press('#send-one', '#outage-result', 'was answered with 200')
    })

    test('another worker goes on with the session', async () => {
      await tab.evaluate(async () => {
        for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister()
      })
      await tab.reload()
      await isSignedIn()
      await press('#refresh', '#refresh-result', 'A new token')
    })

    if (engine.name === 'Chromium') {
      test('so does one that the browser has stopped', async () => {
        const devtools = await tab.raw!.createCDPSession()
        await devtools.send('ServiceWorker.enable')
        await devtools.send('ServiceWorker.stopAllWorkers')
        await press('#send-one', '#outage-result', 'was answered with 200')
        await devtools.send('ServiceWorker.stopAllWorkers')
        await press('#refresh', '#refresh-result', 'A new token')
        await press('#clear-counts')
        await press('#send-one', '#outage-result', 'was answered with 200')
        // The stream of events has begun anew.
        await until(async () => (await textOf(tab, '#count-requests')) !== '0')
      })
    }

    test('says that it has no server, and shows nothing that would need one', async () => {
      expect(await textOf(tab, '.static-note')).toContain('This page has no server')
      const modes = await tab.evaluate(() =>
        [...document.querySelectorAll<HTMLOptionElement>('#mode option')].map(({ value }) => value),
      )
      expect(modes).toEqual(['bearer', 'body'])
      for (const selector of ['#compare', '#steal', '#rotate-key']) {
        const isShown = (selector: string) => document.querySelector(selector)!.checkVisibility()
        expect(await tab.evaluate(isShown, selector), selector).toBe(false)
      }
    })
  })
}

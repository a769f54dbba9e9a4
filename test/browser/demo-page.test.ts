import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DemoServer, startServer } from '../../demo/server/server.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { until } from './site.ts'

const staticRoot = resolve(import.meta.dirname, '../../demo/app/dist')

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let server: DemoServer
    let tab: Tab

    const text = (selector: string) =>
      tab.evaluate(wanted => document.querySelector(wanted)?.textContent?.trim() ?? '', selector)
    const shows = (selector: string, part: string) => until(async () => (await text(selector)).includes(part))
    const refreshes = () => server.log.entries().filter(({ path }) => path === '/auth/refresh_token')

    async function logIn(): Promise<void> {
      await tab.type('#email', 'ada@example.com')
      await tab.type('#password', 'correct horse battery staple')
      await tab.click('#login')
      await shows('#status', 'authenticated')
      await shows('#user', 'Ada')
    }

    beforeAll(async () => {
      expect(existsSync(staticRoot), 'run `npx tsup && npx vite build demo/app` first').toBe(true)
      server = await startServer({ staticRoot, passwordCost: 4 })
      browser = await engine.launch()
      tab = await browser.newTab()
      await tab.goto(server.url)
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
    })

    test('the demo page: log in, call the API, survive a revoked token, faults and a reload, log out', async () => {
      await shows('#status', 'anonymous')

      await tab.type('#email', 'ada@example.com')
      await tab.type('#password', 'wrong')
      await tab.click('#login')
      await until(async () => (await text('#login-error')) !== '')
      expect(await text('#status')).toBe('anonymous')

      await tab.evaluate(() => {
        for (const name of ['#email', '#password'])
          (document.querySelector(name) as HTMLInputElement).value = ''
      })
      await logIn()

      await tab.click('#list-items')
      await shows('#last-result', '200')
      server.log.clear()
      await tab.click('#revoke-access')
      await until(async () => (await text('#server-result')) !== '')
      await tab.click('#ten')
      await shows('#last-result', '10')
      expect(refreshes()).toHaveLength(1)

      server.faults.set({ ...server.faults.state(), refresh: '500' })
      await tab.click('#refresh')
      await shows('#last-result', 'refresh_unavailable')
      expect(await text('#status')).toBe('authenticated')
      server.faults.set({ ...server.faults.state(), refresh: 'none' })

      await tab.reload()
      await shows('#status', 'authenticated')
      await tab.click('#logout')
      await shows('#status', 'anonymous')
      await tab.reload()
      await shows('#status', 'anonymous')
      await tab.goto(`${server.url}/auth/`) // where WebKit lists the cookies of both paths
      expect(await tab.cookies()).toEqual([])
    })

    test.each(['cookie', 'body', 'sliding'] as const)('the demo page with --mode %s', async mode => {
      const other = await startServer({ staticRoot, passwordCost: 4, mode })
      await tab.goto(other.url)
      await shows('#status', 'anonymous')
      await logIn()
      await tab.click('#list-items')
      await shows('#last-result', '200')
      await tab.click('#refresh')
      await shows('#last-result', 'a new token')
      await tab.reload()
      await shows('#status', 'authenticated')
      await tab.click('#logout')
      await shows('#status', 'anonymous')
      await tab.reload()
      await shows('#status', 'anonymous')
      await tab.goto('about:blank')
      await other.close()
    })

    test.skipIf(engine.name === 'WebKit')(
      'nothing of that was an error, or against the page’s own policy (WebKit does not tell)',
      () => {
        const complaints = (tab.console ?? []).filter(
          ({ kind, text }) => kind === 'pageerror' || /Content Security Policy|Uncaught/.test(text),
        )
        expect(complaints).toEqual([])
      },
    )
  })
}

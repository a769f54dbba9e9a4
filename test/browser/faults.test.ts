import { afterAll, beforeAll, expect, test } from 'vitest'
import { FAULTS, type FaultServer, startFaultServer } from '../support/fault-server.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { ready, type Site, startSite, until } from './site.ts'

const REFRESH = '/auth/refresh_token'

// What a browser makes of a broken connection is its own affair: some send a POST again by themselves.
for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let site: Site
    let faults: FaultServer
    let tab: Tab

    beforeAll(async () => {
      browser = await engine.launch()
      site = await startSite()
      faults = await startFaultServer(site.server)
      tab = await browser.newTab()
      await tab.goto(`${faults.url}/?options=${encodeURIComponent('{"timeout":1500}')}`)
      await ready(tab)
    })
    afterAll(async () => {
      await browser?.close()
      await faults?.close()
      await site?.close()
    })

    const names = () => tab.evaluate(() => window.seen.map(([name]) => name))

    test.each(FAULTS)('F1 the session outlives a refresh that meets %s', async fault => {
      await site.login(tab)
      await tab.evaluate(() => void window.seen.splice(0))
      faults.spoil(REFRESH, fault)
      const refused = await tab.evaluate(() => window.auth.refresh().catch(error => error.code))
      expect(refused).toBe('refresh_unavailable')
      expect(new Set(await names())).toEqual(new Set(['refreshError']))
      expect(await tab.evaluate(async () => (await window.auth.fetch('/api/items')).status)).toBe(200)

      faults.mend()
      // It would come by itself; asked for, it need not wait for the backoff.
      await until(() => tab.evaluate(() => window.auth.refresh().then(Boolean, () => false)))
      expect(await names()).not.toContain('logout')
      expect(await tab.evaluate(() => window.auth.session)).toMatchObject({
        status: 'authenticated',
        error: null,
      })
      expect(await tab.evaluate(() => window.uncaught)).toEqual([])
    })
  })
}

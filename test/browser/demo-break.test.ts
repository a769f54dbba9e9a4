import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoServer } from '../../demo/server/server.ts'
import { engines } from './browsers.ts'
import { choose, complaints, isDone, logIn, press, shows, startDemo, textOf } from './demo.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { until } from './site.ts'

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let server: DemoServer
    let tab: Tab

    const value = (id: string) =>
      tab.evaluate(wanted => (document.getElementById(wanted) as HTMLSelectElement).value, id)
    const signedIn = () => textOf(tab, '#status')
    /** Each test finds somebody signed in, when it is run alone as well. */
    const beSignedIn = async () => {
      if ((await signedIn()) !== 'authenticated') await logIn(tab)
    }
    const notes = () => server.log.entries().map(({ note }) => note)

    /** The rows of a comparison's tables: refreshes, API calls, failed, signed out. */
    const rows = (experiment: string, client: string) =>
      tab.evaluate(
        selector =>
          [...document.querySelectorAll(selector)].map(row =>
            [...row.querySelectorAll('td')].map(cell => Number.parseInt(cell.textContent, 10)),
          ),
        `[data-experiment="${experiment}"] [data-client="${client}"]`,
      )

    const hasRun = (experiment: string) =>
      until(
        () =>
          tab.evaluate(
            selector =>
              [...document.querySelectorAll<HTMLElement>(selector)].every(
                ({ dataset }) => dataset.state === 'done',
              ),
            `[data-experiment="${experiment}"] .why`,
          ),
        60_000,
      )

    beforeAll(async () => {
      server = await startDemo({ accessTtl: 60 })
      browser = await engine.launch()
      tab = await browser.newTab()
      await tab.goto(server.url)
      await shows(tab, '#status', 'anonymous')
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
    })

    test('the demo page: nothing can be broken before somebody is signed in', async () => {
      await press(tab, '#fire', '#fire-result', 'Log in first')
      await press(tab, '#steal', '#steal-result', 'Log in first')
    })

    test('the demo page: 200 requests after a sleep make one refresh', async () => {
      await beSignedIn()
      await press(tab, '#sleep', '#fire-result', 'ten minutes ahead')
      server.log.clear()
      await press(tab, '#fire', '#fire-result', '200 answered, 0 failed')
      expect(notes().filter(note => note === 'rotated').length).toBeLessThanOrEqual(1)
    })

    test.each([
      ['#revoke-mine', 'Your access token is refused'],
      ['#revoke-access', 'Every access token issued so far is refused'],
      ['#rotate-key', 'signed with a new key'],
    ])('the demo page: %s, and ten requests need one refresh', async (button, words) => {
      await beSignedIn()
      server.log.clear()
      await press(tab, button, '#revoke-result', words)
      await press(tab, '#ten', '#last-result', '10')
      await until(() => notes().includes('rotated'))
      expect(notes().filter(note => note === 'rotated')).toHaveLength(1)
    })

    test('the demo page: no fault of the server signs anybody out while the grace is on', async () => {
      await beSignedIn()
      await press(tab, '#offline', '#server-result', 'The network is away')
      await press(tab, '#refresh', '#last-result', 'refresh_unavailable')
      await press(tab, '#offline', '#server-result', 'answers as it should')
      await press(tab, '#refresh', '#last-result', 'a new token')

      for (const fault of ['drop', '500', '429']) {
        await choose(tab, '#refresh-fault', fault)
        await shows(tab, '#server-result', `refreshes (${fault}) fail`)
        await press(tab, '#refresh', '#last-result', 'refresh_unavailable')
      }
      await choose(tab, '#refresh-fault', 'none')
      await shows(tab, '#server-result', 'answers as it should')
      // What the server said with Retry-After is waited for.
      await until(async () => {
        await tab.click('#refresh')
        await isDone(tab, '#refresh')
        return (await textOf(tab, '#last-result')).includes('a new token')
      })
      await choose(tab, '#refresh-fault', 'hang')
      await shows(tab, '#server-result', 'refreshes (hang) fail')
      await press(tab, '#echo', '#last-result', '200')
      server.log.clear()
      await tab.click('#refresh')
      await until(() =>
        server.log.entries().some(({ path, status }) => path.endsWith('token') && status === null),
      )
      await choose(tab, '#refresh-fault', 'none')
      await shows(tab, '#last-result', 'a new token')

      await choose(tab, '#api-fault', '500')
      await shows(tab, '#server-result', 'API calls (500) fail')
      await press(tab, '#echo', '#last-result', '500')
      await choose(tab, '#fault-count', '1')
      await choose(tab, '#api-fault', '401')
      await shows(tab, '#server-result', 'The next request fails: API calls (401)')
      await press(tab, '#echo', '#last-result', '200')
      // It is spent: the page hears so from the server.
      await shows(tab, '#server-result', 'answers as it should')
      expect([await value('api-fault'), await value('fault-count')]).toEqual(['none', ''])

      server.log.clear()
      await press(tab, '#lose-answer', '#lose-result', 'The answer is lost')
      await until(() => notes().includes('grace'))
      await press(tab, '#steal', '#steal-result', 'You stay signed in')
      expect(notes()).toContain('thief: grace')
      expect(await signedIn()).toBe('authenticated')
      await press(tab, '#read-server-log', '#server-log', 'grace')
    })

    test('the demo page: more tabs are opened, or offered where the browser allows none', async () => {
      await beSignedIn()
      await tab.click('#more-tabs')
      await until(async () => (await textOf(tab, '#more-tabs-result')) !== '')
      const links = await tab.evaluate(() => document.querySelectorAll('#more-tabs-result a').length)
      const opened = 3 - links
      expect(await textOf(tab, '#more-tabs')).toBe(
        opened > 0 ? 'Close the tabs again' : 'Open three more tabs',
      )
      if (opened > 0) await press(tab, '#more-tabs', '#more-tabs-result', 'Closed')
      expect(await signedIn()).toBe('authenticated')
    })

    async function expectOneRefreshForThreeTabs(): Promise<void> {
      for (const row of await rows('tabs', 'silent-refresh')) expect(row).toEqual([1, 30, 0, 0])
      const [withGrace, without] = await rows('tabs', 'ky')
      expect(withGrace![0]).toBeGreaterThanOrEqual(1)
      expect(without!.every(Number.isInteger)).toBe(true)
    }

    async function expectLateToBeSentAgain(): Promise<void> {
      expect(await rows('late', 'silent-refresh')).toEqual([[1, 4, 0, 0]])
      expect(await rows('late', 'axios')).toEqual([[2, 4, 0, 0]])
    }

    // There all of them are run.
    test.skipIf(engine.name === 'Chromium')(
      'the demo page: one situation beside what others make of it',
      async () => {
        await beSignedIn()
        await tab.click('#compare-late')
        await hasRun('late')
        await expectLateToBeSentAgain()
      },
    )

    test.runIf(engine.name === 'Chromium')(
      'the demo page: every situation beside what others make of it',
      async () => {
        await beSignedIn()
        await tab.click('#compare-all')
        for (const experiment of ['wake', 'tabs', 'revoked', 'late', 'outage', 'lost'])
          await hasRun(experiment)
        await shows(tab, '#compare-status', 'All 6')
        await expectOneRefreshForThreeTabs()
        expect(await rows('wake', 'silent-refresh')).toEqual([[1, 200, 0, 0]])
        expect(await rows('revoked', 'silent-refresh')).toEqual([[1, 100, 0, 0]])
        await expectLateToBeSentAgain()
        const [[calls, , failed, signedOut]] = (await rows('outage', 'silent-refresh')) as [number[]]
        expect(calls).toBeLessThan(18)
        expect([failed, signedOut]).toEqual([18, 0])
        for (const client of ['silent-refresh', 'ky', 'axios']) {
          const [withGrace, without] = await rows('lost', client)
          expect([withGrace![3], without![3]], 'no client survives a lost answer without a grace').toEqual([
            0, 1,
          ])
        }
        expect(await tab.evaluate(() => document.querySelectorAll('iframe').length)).toBe(0)
        expect(
          await tab.evaluate(() => Object.keys(localStorage).filter(key => key.includes('/lanes/'))),
        ).toEqual([])
        expect(await signedIn()).toBe('authenticated')
      },
      // Each in its own time, however busy the machine.
      300_000,
    )

    test('the demo page: without the grace a theft signs out, and the page says why', async () => {
      await beSignedIn()
      await press(tab, '#grace-on', '#grace-words', 'Off:')
      expect(server.settings.grace).toBe(0)
      server.settings.accessTtl = 3
      await press(tab, '#steal', '#steal-result', 'the server has ended the session')
      await shows(tab, '#status', 'anonymous')
      await shows(tab, '#steal-result', 'You are signed out, with reason “rejected”')
      await press(tab, '#grace-on', '#grace-words', 'On:')
      expect(server.settings.grace).toBe(10)
    })

    test('the demo page: revoking everything signs out', async () => {
      await beSignedIn()
      await press(tab, '#revoke-all', '#revoke-result', 'Every session is ended')
      await shows(tab, '#status', 'anonymous')
    })

    test.skipIf(engine.name === 'WebKit')(
      'nothing of that was an error, or against the page’s own policy (WebKit does not tell)',
      () => {
        expect(complaints(tab)).toEqual([])
      },
    )
  })
}

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

    async function press(button: string, outcome: string, part: string): Promise<void> {
      await tab.click(button)
      await shows(outcome, part)
    }

    const choose = (id: string, value: string) =>
      tab.evaluate(
        (wanted, chosen) => {
          const field = document.getElementById(wanted) as HTMLSelectElement
          field.value = chosen
          field.dispatchEvent(new Event('change', { bubbles: true }))
        },
        id,
        value,
      )

    const value = (id: string) =>
      tab.evaluate(wanted => (document.getElementById(wanted) as HTMLSelectElement).value, id)
    const signedIn = () => text('#status')
    const notes = () => server.log.entries().map(({ note }) => note)

    async function logIn(): Promise<void> {
      await tab.evaluate(() => {
        for (const name of ['#email', '#password'])
          (document.querySelector(name) as HTMLInputElement).value = ''
      })
      await tab.type('#email', 'ada@example.com')
      await tab.type('#password', 'correct horse battery staple')
      await tab.click('#login')
      await shows('#status', 'authenticated')
    }

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
      expect(existsSync(staticRoot), 'run `npx tsup && npx vite build demo/app` first').toBe(true)
      server = await startServer({ staticRoot, passwordCost: 4, accessTtl: 60, grace: 60 })
      browser = await engine.launch()
      tab = await browser.newTab()
      await tab.goto(server.url)
      await shows('#status', 'anonymous')
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
    })

    test('the demo page: nothing can be broken before somebody is signed in', async () => {
      await press('#fire', '#fire-result', 'Log in first')
      await press('#steal', '#steal-result', 'Log in first')
      await logIn()
    })

    test('the demo page: 200 requests after a sleep make one refresh', async () => {
      await press('#sleep', '#fire-result', 'ten minutes ahead')
      server.log.clear()
      await press('#fire', '#fire-result', '200 answered, 0 failed')
      expect(notes().filter(note => note === 'rotated').length).toBeLessThanOrEqual(1)
    })

    test.each([
      ['#revoke-mine', 'Your access token is refused'],
      ['#revoke-access', 'Every access token issued so far is refused'],
      ['#rotate-key', 'signed with a new key'],
    ])('the demo page: %s, and ten requests need one refresh', async (button, words) => {
      server.log.clear()
      await press(button, '#revoke-result', words)
      await press('#ten', '#last-result', '10')
      await until(() => notes().includes('rotated'))
      expect(notes().filter(note => note === 'rotated')).toHaveLength(1)
    })

    test('the demo page: no fault of the server signs anybody out while the grace is on', async () => {
      await press('#offline', '#server-result', 'The network is away')
      await press('#refresh', '#last-result', 'refresh_unavailable')
      await press('#offline', '#server-result', 'answers as it should')
      await press('#refresh', '#last-result', 'a new token')

      for (const fault of ['drop', '500', '429']) {
        await choose('refresh-fault', fault)
        await shows('#server-result', `refreshes (${fault}) fail`)
        await press('#refresh', '#last-result', 'refresh_unavailable')
      }
      await choose('refresh-fault', 'none')
      await shows('#server-result', 'answers as it should')
      // What the server said with Retry-After is waited for.
      await until(async () => {
        await tab.click('#refresh')
        return (await text('#last-result')).includes('a new token')
      })
      await choose('refresh-fault', 'hang')
      await shows('#server-result', 'refreshes (hang) fail')
      await press('#echo', '#last-result', '200')
      server.log.clear()
      await tab.click('#refresh')
      await until(() =>
        server.log.entries().some(({ path, status }) => path.endsWith('token') && status === null),
      )
      await choose('refresh-fault', 'none')
      await shows('#last-result', 'a new token')

      await choose('api-fault', '500')
      await shows('#server-result', 'API calls (500) fail')
      await press('#echo', '#last-result', '500')
      await choose('fault-count', '1')
      await choose('api-fault', '401')
      await shows('#server-result', 'The next request fails: API calls (401)')
      await press('#echo', '#last-result', '200')
      // It is spent: the page hears so from the server.
      await shows('#server-result', 'answers as it should')
      expect([await value('api-fault'), await value('fault-count')]).toEqual(['none', ''])

      server.log.clear()
      await press('#lose-answer', '#lose-result', 'The answer is lost')
      await until(() => notes().includes('grace'))
      await press('#steal', '#steal-result', 'You stay signed in')
      expect(notes()).toContain('thief: grace')
      expect(await signedIn()).toBe('authenticated')
      await press('#read-server-log', '#server-log', 'grace')
    })

    test('the demo page: more tabs are opened, or offered where the browser allows none', async () => {
      await tab.click('#more-tabs')
      await until(async () => (await text('#more-tabs-result')) !== '')
      const links = await tab.evaluate(() => document.querySelectorAll('#more-tabs-result a').length)
      const opened = 3 - links
      expect(await text('#more-tabs')).toBe(opened > 0 ? 'Close the tabs again' : 'Open three more tabs')
      if (opened > 0) await press('#more-tabs', '#more-tabs-result', 'Closed')
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
        await tab.click('#compare-late')
        await hasRun('late')
        await expectLateToBeSentAgain()
      },
    )

    test.runIf(engine.name === 'Chromium')(
      'the demo page: every situation beside what others make of it',
      async () => {
        await tab.click('#compare-all')
        for (const experiment of ['wake', 'tabs', 'revoked', 'late', 'outage', 'lost'])
          await hasRun(experiment)
        await shows('#compare-status', 'All 6')
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
      await press('#grace-on', '#grace-words', 'Off:')
      expect(server.settings.grace).toBe(0)
      server.settings.accessTtl = 3
      await press('#steal', '#steal-result', 'the server has ended the session')
      await shows('#status', 'anonymous')
      await shows('#steal-result', 'You are signed out, with reason “rejected”')
      await press('#grace-on', '#grace-words', 'On:')
      expect(server.settings.grace).toBe(10)
    })

    test('the demo page: revoking everything signs out', async () => {
      await logIn()
      await press('#revoke-all', '#revoke-result', 'Every session is ended')
      await shows('#status', 'anonymous')
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

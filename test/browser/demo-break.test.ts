import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoServer } from '../../demo/server/server.ts'
import { engines } from './browsers.ts'
import {
  areDrawn,
  choose,
  clickInPanel,
  clickInside,
  complaints,
  isDone,
  logIn,
  panelShows,
  panelText,
  press,
  showPanel,
  shows,
  startDemo,
  textOf,
  unfold,
} from './demo.ts'
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
      if ((await signedIn()) !== 'signed in') await logIn(tab)
    }
    const notes = () => server.log.entries().map(({ note }) => note)

    /** A row of the comparison: refreshes, API calls, failed, signed out. */
    const row = async (experiment: string, client: string, grace = 10): Promise<number[]> => {
      const text = await textOf(
        tab,
        `[data-experiment="${experiment}"][data-grace="${grace}"] [data-client="${client}"]`,
      )
      const [, refreshes, calls, failed, out] =
        /^(\d+) refresh.*?(\d+) API calls?(\d+) of \d+ failed(still|\d+|signed out)/.exec(text) ?? []
      return [refreshes, calls, failed, out === 'still' ? '0' : out === 'signed out' ? '1' : out].map(Number)
    }
    const best = () =>
      tab.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('#comparison [data-outcome="best"]')].map(
          ({ dataset, parentElement }) =>
            `${parentElement!.dataset.experiment}-${parentElement!.dataset.grace} ${dataset.client}`,
        ),
      )
    const hasRun = (experiment: string) =>
      tab.waitFor(
        experiment =>
          [...document.querySelectorAll<HTMLElement>(`[data-experiment="${experiment}"]`)].every(
            ({ dataset }) => dataset.state === 'done',
          ),
        experiment,
      )

    beforeAll(async () => {
      server = await startDemo({ accessTtl: 60 })
      browser = await engine.launch()
      tab = await browser.newTab()
      await tab.raw?.setViewport({ width: 1440, height: 900 })
      await tab.goto(server.url)
      await shows(tab, '#status', 'signed out')
      await unfold(tab)
    })
    afterAll(async () => {
      await browser?.close()
      await server?.close()
    })

    test('the demo page: nothing can be broken before somebody is signed in', async () => {
      await press(tab, '#fire', '#fire-result', 'Log in first')
      await press(tab, '#steal', '#steal-result', 'Log in first')
      await press(tab, '#revoke-mine', '#replay-result', 'Log in first')
    })

    test('the demo page: the five steps, and what the panel and the bar show of them', async () => {
      await showPanel(tab)
      if ((await signedIn()) === 'signed in') await press(tab, '#logout', '#login-result', 'Signed')
      await shows(tab, '#token-name', 'no token')
      await logIn(tab)
      await areDrawn(tab, 'life', 'signed-in')
      // One number for one token.
      const number = /^token (\d+)$/.exec(await textOf(tab, '#token-name'))![1]!
      await panelShows(tab, '.surface', `token ${number}`)
      await panelShows(tab, '.below', `token ${number}`)
      await clickInPanel(tab, 'Now')
      await panelShows(tab, '[role=tabpanel]', `token ${number}`)
      await clickInPanel(tab, 'Timeline')

      await press(tab, '#refresh', '#refresh-result', 'A new token')
      server.log.clear()
      await clickInside(tab, '#clear-counts')
      await press(tab, '#revoke-mine', '#replay-result', 'refuses this token')
      await press(tab, '#ten', '#replay-result', '10 × 200, after 1 refresh and 10 sent again')
      await shows(tab, '#count-refreshes', '1')
      await shows(tab, '#count-requests', '20')
      await areDrawn(tab, 'good', 'renewed', 'refused', 'replay', 'ahead')

      const other = await browser.newTab()
      await other.goto(
        await tab.evaluate(() => document.querySelector<HTMLAnchorElement>('#second-tab')!.href),
      )
      await shows(other, '#status', 'signed in')
      expect(await textOf(other, '#token-name')).toBe(await textOf(tab, '#token-name'))
      await tab.bringToFront()
      await panelShows(tab, '.surface', 'Tab ')
      await areDrawn(tab, 'handover')
      expect(notes().filter(note => note === 'rotated')).toHaveLength(1)
      await other.close()
      await tab.bringToFront()

      await press(tab, '#offline', '#outage-result', 'The server answers nobody')
      await shows(tab, '#offline', 'Bring the server back')
      await press(tab, '#refresh', '#refresh-result', 'refresh_unavailable')
      await press(tab, '#send-one', '#outage-result', 'could not be reached')
      await areDrawn(tab, 'unanswered')
      await shows(tab, '#status', 'signed in')
      await press(tab, '#offline', '#outage-result', 'The server is back')
      await shows(tab, '#offline', 'Take the server away')
      await press(tab, '#send-one', '#outage-result', 'was answered with 200')
      const done = await tab.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('#guide [data-done]')].map(({ dataset }) => dataset.step),
      )
      expect(done).toEqual(['login', 'refresh', 'replay', 'outage'])
      expect(await panelText(tab, 'header button')).not.toContain('Close')
    })

    test('the demo page: items are added and deleted, and the token is not shown', async () => {
      await beSignedIn()
      await press(tab, '#list-items', '#api-result', '3 items')
      await tab.type('#new-item', 'Milk')
      await press(tab, '#add-item', '#api-result', '“Milk” added')
      await clickInside(tab, '#items li:last-child button')
      await shows(tab, '#api-result', '“Milk” deleted')
      await press(tab, '#get-token', '#api-result', 'A token of')
    })

    test('the demo page: 200 requests after a sleep make one refresh', async () => {
      await beSignedIn()
      await press(tab, '#sleep', '#fire-result', 'ten minutes ahead')
      server.log.clear()
      await press(tab, '#fire', '#fire-result', '200 answered, 0 failed')
      expect(notes().filter(note => note === 'rotated').length).toBeLessThanOrEqual(1)
    })

    test.each([
      ['#revoke-access', 'Every access token issued so far is refused'],
      ['#rotate-key', 'signed with a new key'],
    ])('the demo page: %s, and ten requests need one refresh', async (button, words) => {
      await beSignedIn()
      server.log.clear()
      await press(tab, button, '#revoke-result', words)
      await press(tab, '#ten', '#replay-result', '10 × 200')
      await until(() => notes().includes('rotated'))
      expect(notes().filter(note => note === 'rotated')).toHaveLength(1)
    })

    test('the demo page: no fault of the server signs anybody out while the grace is on', async () => {
      await beSignedIn()
      for (const fault of ['drop', '500', '429']) {
        await choose(tab, '#refresh-fault', fault)
        await shows(tab, '#server-result', `refreshes (${fault}) fail`)
        await press(tab, '#refresh', '#refresh-result', 'refresh_unavailable')
      }
      await choose(tab, '#refresh-fault', 'none')
      await shows(tab, '#server-result', 'answers as it should')
      // What the server said with Retry-After is waited for.
      await until(async () => {
        await clickInside(tab, '#refresh')
        await isDone(tab, '#refresh')
        return (await textOf(tab, '#refresh-result')).includes('A new token')
      })
      await choose(tab, '#refresh-fault', 'hang')
      await shows(tab, '#server-result', 'refreshes (hang) fail')
      await press(tab, '#echo', '#api-result', '200')
      server.log.clear()
      await clickInside(tab, '#refresh')
      await until(() =>
        server.log.entries().some(({ path, status }) => path.endsWith('token') && status === null),
      )
      await choose(tab, '#refresh-fault', 'none')
      await shows(tab, '#refresh-result', 'A new token')

      await choose(tab, '#api-fault', '500')
      await shows(tab, '#server-result', 'API calls (500) fail')
      await press(tab, '#echo', '#api-result', '500')
      await choose(tab, '#fault-count', '1')
      await choose(tab, '#api-fault', '401')
      await shows(tab, '#server-result', 'The next request fails: API calls (401)')
      await press(tab, '#echo', '#api-result', '200')
      // It is spent: the page hears so from the server.
      await shows(tab, '#server-result', 'answers as it should')
      expect([await value('api-fault'), await value('fault-count')]).toEqual(['none', ''])

      server.log.clear()
      await press(tab, '#lose-answer', '#lose-result', 'The answer is lost')
      await until(() => notes().includes('grace'))
      await press(tab, '#steal', '#steal-result', 'You stay signed in')
      expect(notes()).toContain('thief: grace')
      expect(await signedIn()).toBe('signed in')
      await press(tab, '#read-server-log', '#server-log', 'grace')
    })

    test('the demo page: more tabs are opened, or offered where the browser allows none', async () => {
      await beSignedIn()
      await clickInside(tab, '#more-tabs')
      await until(async () => (await textOf(tab, '#more-tabs-result')) !== '')
      const links = await tab.evaluate(() => document.querySelectorAll('#more-tabs-result a').length)
      const opened = 3 - links
      expect(await textOf(tab, '#more-tabs')).toBe(
        opened > 0 ? 'Close the tabs again' : 'Open three more tabs',
      )
      if (opened > 0) await press(tab, '#more-tabs', '#more-tabs-result', 'Closed')
      expect(await signedIn()).toBe('signed in')
    })

    async function expectLateToBeSentAgain(): Promise<void> {
      expect(await row('late', 'silent-refresh')).toEqual([1, 4, 0, 0])
      expect(await row('late', 'axios')).toEqual([2, 4, 0, 0])
      await shows(tab, '[data-experiment="late"] .seen', '1 refresh, against 2 and 2.')
      expect(await best()).toContain('late-10 silent-refresh')
    }

    // There all of them are run.
    test.skipIf(engine.name === 'Chromium')(
      'the demo page: one situation beside what others make of it',
      async () => {
        await clickInside(tab, '#compare-late')
        await hasRun('late')
        await expectLateToBeSentAgain()
      },
    )

    test.runIf(engine.name === 'Chromium')(
      'the demo page: every situation beside what others make of it',
      async () => {
        await clickInside(tab, '#compare-all')
        await shows(tab, '#compare-left', 's left')
        for (const experiment of ['wake', 'tabs', 'revoked', 'late', 'outage', 'lost'])
          await hasRun(experiment)
        await shows(tab, '#compare-status', 'Done: 8 rows')
        await shows(
          tab,
          '#compare-summary',
          'silent-refresh did best in 6 of 8 situations; in 2 all did the same',
        )
        await shows(tab, '#compare-summary', 'could have succeeded: silent-refresh 0,')
        for (const grace of [10, 0]) expect(await row('tabs', 'silent-refresh', grace)).toEqual([1, 30, 0, 0])
        expect((await row('tabs', 'ky'))[0]).toBeGreaterThanOrEqual(1)
        expect((await row('tabs', 'ky', 0)).every(Number.isInteger)).toBe(true)
        expect(await row('wake', 'silent-refresh')).toEqual([1, 200, 0, 0])
        expect(await row('revoked', 'silent-refresh')).toEqual([1, 100, 0, 0])
        await expectLateToBeSentAgain()
        const [calls, , failed, signedOut] = await row('outage', 'silent-refresh')
        expect(calls).toBeLessThan(18)
        expect([failed, signedOut]).toEqual([18, 0])
        for (const client of ['silent-refresh', 'ky', 'axios']) {
          const both = [(await row('lost', client))[3], (await row('lost', client, 0))[3]]
          expect(both, 'no client survives a lost answer without a grace').toEqual([0, 1])
        }
        // What no client can avoid is nobody's fault.
        const faults = await tab.evaluate(() =>
          [...document.querySelectorAll('#comparison [data-outcome="bad"]')].map(
            element => element.closest('td')!.dataset.client,
          ),
        )
        expect(faults).not.toContain('silent-refresh')
        expect(faults).toContain('axios')
        expect(await tab.evaluate(() => document.querySelectorAll('iframe').length)).toBe(0)
        expect(
          await tab.evaluate(() => Object.keys(localStorage).filter(key => key.includes('/lanes/'))),
        ).toEqual([])
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
      await shows(tab, '#status', 'signed out')
      await shows(tab, '#steal-result', 'You are signed out, with reason “rejected”')
      await press(tab, '#grace-on', '#grace-words', 'On:')
      expect(server.settings.grace).toBe(10)
    })

    test('the demo page: revoking everything signs out', async () => {
      await beSignedIn()
      await press(tab, '#revoke-all', '#revoke-result', 'Every session is ended')
      await shows(tab, '#status', 'signed out')
    })

    test.skipIf(engine.name === 'WebKit')(
      'nothing of that was an error, or against the page’s own policy (WebKit does not tell)',
      () => {
        expect(complaints(tab)).toEqual([])
      },
    )
  })
}

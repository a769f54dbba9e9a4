import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ServerOptions } from '../../demo/server/server.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { type Front, serveBefore } from './front.ts'
import { ready, type Site, startSite, until } from './site.ts'

// Pages that go away in the middle of something.

const REFRESH = '/auth/refresh_token'
/** Milliseconds that an answer takes. */
const SLOW = 400
/** Chromium loads a page in a few hundredths of a second, WebKitGTK under its driver takes ten times as long. */
const RELOADS = { Chromium: 50, Firefox: 12, WebKit: 6 }

const session = (tab: Tab) => tab.evaluate(() => window.auth.session)

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let site: Site
    let line: Front
    let tab: Tab

    beforeAll(async () => {
      browser = await engine.launch()
      tab = await browser.newTab()
    })
    afterAll(() => browser?.close())
    afterEach(async () => {
      await tab.goto('about:blank')
      line.close()
      await site.close()
    })

    /** How many refreshes there were before the login. */
    let before = 0

    /** Ada is signed in; from then on the answers to refreshes come late. */
    async function start(options: ServerOptions, clientOptions = {}): Promise<void> {
      site = await startSite(options)
      line = await serveBefore(site.url, new Map())
      await tab.goto(`${line.url}/blank.html`)
      await tab.evaluate(() => localStorage.clear())
      await tab.goto(`${line.url}/?options=${encodeURIComponent(JSON.stringify(clientOptions))}`)
      await ready(tab)
      await site.login(tab)
      before = site.calls(REFRESH).length
      line.slow(REFRESH, SLOW)
    }

    /** The server has rotated, and its answer is on the way. */
    async function refreshOnWire(): Promise<void> {
      await tab.evaluate(() => void window.auth.refresh().catch(() => {}))
      await until(() => line.onWire === 1)
    }

    const notes = () =>
      site
        .calls(REFRESH)
        .slice(before)
        .map(({ note }) => note)

    // The client does not know whether there is a grace: one engine is enough to see that it does no harm.
    test.each(engine.name === 'Chromium' ? [0, 10] : [0])(
      'E9 a reload in the middle of a refresh goes on, with a grace of %i s',
      async grace => {
        await start({ grace })
        await refreshOnWire()
        await tab.reload()
        await ready(tab)
        expect(await session(tab)).toMatchObject({ status: 'authenticated' })
        expect(notes()).toEqual(['rotated', 'rotated'])
        expect(await tab.evaluate(() => Object.keys(localStorage))).toEqual([])
      },
    )

    test('E9 so does a navigation, in cookie mode', async () => {
      const endpoints = { login: '/auth/login', refresh: REFRESH, logout: '/auth/logout', user: '/auth/me' }
      const csrf = { cookie: 'XSRF-TOKEN', header: 'X-XSRF-TOKEN' }
      await start({ mode: 'cookie', grace: 0, accessTtl: 1 }, { mode: 'cookie', csrf, endpoints })
      await refreshOnWire()
      await tab.goto(`${await tab.url()}&again`)
      await ready(tab)
      expect(await session(tab)).toMatchObject({ status: 'authenticated' })
      expect(notes()).not.toContain('reuse detected')
    })

    test("E9 fifty reloads over a slow line keep the session, with the grace of the demo's server", async () => {
      await start({})
      for (let n = 0; n < RELOADS[engine.name]; n++) await tab.reload()
      await ready(tab)
      expect(await session(tab)).toMatchObject({ status: 'authenticated' })
      await tab.evaluate(async () => void (await window.auth.refresh()))
      expect(notes().length).toBeGreaterThan(2)
      expect(notes().filter(note => note !== 'rotated' && note !== 'grace')).toEqual([])
    })

    test('E9 F11 with the refresh token in localStorage a reload in the middle needs a grace', async () => {
      for (const grace of [10, 0]) {
        await start({ mode: 'body', grace }, { storage: 'localStorage' })
        await refreshOnWire()
        await tab.reload()
        await ready(tab)
        const { status } = await session(tab)
        expect([grace, status]).toEqual([grace, grace ? 'authenticated' : 'anonymous'])
        expect(notes().at(-1)).toBe(grace ? 'grace' : 'reuse detected')
        if (!grace) continue
        await tab.goto('about:blank')
        line.close()
        await site.close()
      }
    })

    const carriers: [name: string, server: ServerOptions, client: object][] = [
      ['a cookie', {}, {}],
      ['localStorage', { mode: 'body' }, { storage: 'localStorage' }],
    ]
    test.each(carriers)(
      'E10 the server hears a logout from a page that is left at once: %s',
      async (_, server, client) => {
        for (const isRefreshing of [false, true]) {
          await start({ grace: 0, ...server }, client)
          if (isRefreshing) await refreshOnWire()
          const address = await tab.url()
          await tab.evaluate(blank => {
            void window.auth.logout()
            location.href = blank
          }, `${line.url}/blank.html`)
          await until(() => site.calls('/auth/logout').some(({ note }) => note === 'signed out'))
          await until(() => line.onWire === 0)
          await tab.waitFor(() => document.title === 'blank')
          await tab.goto(address)
          await ready(tab)
          expect(await session(tab)).toMatchObject({ status: 'anonymous' })
          // Whatever is in the jar by now opens nothing: the app itself asks.
          const error = await tab.evaluate(() => window.auth.refresh().then(String, error => error.code))
          expect(error).toBe('no_session')
          if (isRefreshing) continue
          await tab.goto('about:blank')
          line.close()
          await site.close()
        }
      },
    )
  })
}

import type { IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { REFUSED } from '../support/refused.ts'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import type { Browser, Tab } from './engine.ts'
import { listen } from './origin.ts'
import { ready, type Site, startSite, until } from './site.ts'

const REFRESH = '/auth/refresh_token'
const status = (tab: Tab) => tab.evaluate(() => window.auth.session.status)
const getItems = (tab: Tab) => tab.evaluate(async () => (await window.auth.fetch('/api/items')).status)
const events = (tab: Tab, name: string) =>
  tab.evaluate(wanted => window.seen.filter(([name]) => name === wanted).map(([, detail]) => detail), name)

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let site: Site
    let tab: Tab
    /** Where WebKit lists the cookies of both paths. It also keeps the browser open between the tests. */
    let jar: Tab

    beforeAll(async () => {
      browser = await engine.launch()
      jar = await browser.newTab()
    })
    afterAll(() => browser?.close())
    beforeEach(async () => {
      site = await startSite()
      tab = await browser.newTab()
      await jar.goto(`${site.url}/auth/`)
    })
    afterEach(async () => {
      await tab.close()
      await jar.goto('about:blank')
      await site.close()
    })

    const cookies = async () => (await jar.cookies()).map(cookie => cookie.name).sort()

    test('log in, call the API through fetch and api, reload: one refresh restores the session', async () => {
      await site.open(tab)
      expect(await status(tab)).toBe('anonymous')
      await site.login(tab)
      const called = await tab.evaluate(async () => {
        const viaFetch = await (await window.auth.fetch('/api/items')).json()
        const viaApi = await window.auth.api.get('api/items').json()
        const created = await window.auth.api.post('api/items', { json: { title: 'from ky' } })
        return { same: JSON.stringify(viaFetch) === JSON.stringify(viaApi), created: created.status }
      })
      expect(called).toEqual({ same: true, created: 201 })

      site.server.log.clear()
      await tab.reload()
      await ready(tab)
      const session = await tab.evaluate(() => JSON.parse(JSON.stringify(window.auth.session)))
      expect(session).toMatchObject({
        status: 'authenticated',
        user: { email: 'ada@example.com' },
        error: null,
      })
      expect(await getItems(tab)).toBe(200)
      expect(site.calls(REFRESH).map(call => call.note)).toEqual(['rotated'])
    })

    test('the token is refreshed before it expires, with no 401 on the wire', async () => {
      site.server.settings.accessTtl = 3
      await site.open(tab)
      await site.login(tab)
      site.server.log.clear()
      await until(() => site.calls(REFRESH).length >= 2)
      expect(await getItems(tab)).toBe(200)
      expect(site.server.log.entries().filter(entry => entry.status === 401)).toEqual([])
      expect((await events(tab, 'refresh')).length).toBeGreaterThanOrEqual(2)
    })

    test('R2 a revoked access token costs one 401 each, one refresh, and every request succeeds', async () => {
      await site.open(tab)
      await site.login(tab)
      site.server.log.clear()
      const statuses = await tab.evaluate(async () => {
        await fetch('/demo/revoke-access', { method: 'POST' })
        const answers = await Promise.all(Array.from({ length: 10 }, () => window.auth.fetch('/api/items')))
        return answers.map(answer => answer.status)
      })
      expect(statuses).toEqual(Array(10).fill(200))
      expect(site.calls(REFRESH)).toHaveLength(1)
    })

    test('R5, R6 a real Request with a file is replayed with the same bytes', async () => {
      await site.open(tab)
      await site.login(tab)
      const echoes = await tab.evaluate(async () => {
        const bytes = new Uint8Array(70_000).map((_, index) => index % 251)
        const send = async () => {
          const request = new Request('/api/echo', { method: 'PUT', body: bytes, headers: { 'X-One': '1' } })
          const { method, headers, body } = await (await window.auth.fetch(request)).json()
          return { method, one: headers['x-one'], size: body.size, sha256: body.sha256 }
        }
        const before = await send()
        await fetch('/demo/revoke-access', { method: 'POST' })
        return [before, await send()]
      })
      expect(echoes[0]).toMatchObject({ method: 'PUT', one: '1', size: 70_000 })
      expect(echoes[1]).toEqual(echoes[0])
    })

    test('F7 a wrong password is refused with the server’s own words, and changes nothing', async () => {
      await site.open(tab)
      const refused = () =>
        tab.evaluate(() =>
          window.auth.login({ email: 'ada@example.com', password: 'wrong' }).then(
            () => null,
            error => ({
              known: window.isAuthError(error),
              code: error.code,
              status: error.status,
              body: error.body,
            }),
          ),
        )
      const error = {
        known: true,
        code: 'login_rejected',
        status: 401,
        body: { error: 'invalid_credentials' },
      }
      expect(await refused()).toMatchObject(error)
      expect(await status(tab)).toBe('anonymous')
      await site.login(tab)
      expect(await refused()).toMatchObject(error)
      expect(await status(tab)).toBe('authenticated')
      expect(await events(tab, 'logout')).toEqual([])
      expect(site.calls(REFRESH)).toHaveLength(1)
    })

    test('F1, F8 the server goes down and comes back: nobody is signed out', async () => {
      site.server.settings.accessTtl = 2
      await site.open(tab)
      await site.login(tab)
      await site.stop()
      await until(async () => (await events(tab, 'refreshError')).length > 0)
      expect(await status(tab)).toBe('authenticated')
      await site.start()
      await until(async () => (await getItems(tab).catch(() => 0)) === 200)
      expect(await events(tab, 'logout')).toEqual([])
    })

    test('F8 a page that starts during an outage is restored when it ends, without a reload', async () => {
      await site.open(tab)
      await site.login(tab)
      await tab.evaluate(() =>
        fetch('/demo/faults', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ refresh: '500' }),
        }),
      )
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('unknown')
      site.server.faults.set({ ...site.server.faults.state(), refresh: 'none' })
      await until(async () => (await status(tab)) === 'authenticated')
      expect(await events(tab, 'logout')).toEqual([])
    })

    const refreshNotes = () => site.calls(REFRESH).map(call => call.note)

    test('F11 an answer that is lost after the rotation: a server with a grace keeps the user signed in', async () => {
      await loseOneAnswer()
      expect(await tab.evaluate(async () => (await window.auth.refresh()).status)).toBe('authenticated')
      expect(refreshNotes().slice(0, 2)).toEqual(['fault: drop, rotated', 'grace'])
      expect(await getItems(tab)).toBe(200)
    })

    test('F11 without a grace the user is signed out as rejected, once, when the access token has ended', async () => {
      site.server.settings.grace = 0
      site.server.settings.accessTtl = 4
      await loseOneAnswer()
      await until(async () => (await events(tab, 'logout')).length > 0)
      expect(refreshNotes()[0]).toBe('fault: drop, rotated')
      expect(refreshNotes()).toContain('reuse detected')
      expect(await events(tab, 'logout')).toEqual([REFUSED])
      expect(await getItems(tab)).toBe(401)
    })

    /** In one call: between two, a busy machine may come to a refresh ahead of the end, and after it to the next try. */
    async function loseOneAnswer() {
      await site.open(tab)
      site.server.log.clear()
      site.server.faults.set({ ...site.server.faults.state(), refresh: 'drop', count: 1 })
      const refused = await tab.evaluate(async () => {
        await window.auth.login({ email: 'ada@example.com', password: 'correct horse battery staple' })
        return window.auth.refresh().catch(error => error.code)
      })
      expect(refused).toBe('refresh_unavailable')
    }

    test('C1 log out: the cookie is gone, the API refuses the old token, and a reload stays signed out', async () => {
      await site.open(tab)
      await site.login(tab)
      const old = await tab.evaluate(() => window.auth.getAccessToken())
      const api = () =>
        tab.evaluate(
          async token =>
            (await fetch('/api/items', { headers: { Authorization: `Bearer ${token}` } })).status,
          old,
        )
      expect(await api()).toBe(200)
      expect(await cookies()).toEqual(['fingerprint', 'refresh_token'])
      expect(await tab.evaluate(() => window.auth.logout())).toEqual({ revoked: true })
      expect(await cookies()).toEqual([])
      expect(await api()).toBe(401)
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('anonymous')
    })

    test('C1 logout while a refresh is in flight ends signed out, and no late cookie brings the session back', async () => {
      await site.open(tab)
      await site.login(tab)
      site.server.faults.set({ ...site.server.faults.state(), refresh: 'hang', count: 1 })
      await tab.evaluate(() => void window.auth.refresh().catch(() => {}))
      await until(() => site.calls(REFRESH).some(call => call.status === null))
      await tab.evaluate(() => {
        Object.assign(window, { leaving: window.auth.logout() })
      })
      expect(await status(tab)).toBe('anonymous')
      site.server.faults.set({ ...site.server.faults.state(), refresh: 'none' })
      expect(await tab.evaluate(() => (window as unknown as { leaving: unknown }).leaving)).toEqual({
        revoked: true,
      })
      expect(await cookies()).toEqual([])
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('anonymous')
      expect(await events(tab, 'login')).toEqual([])
    })

    test('C7 a logout that the server did not hear is not undone by a reload, and the next one is heard', async () => {
      await site.open(tab)
      await site.login(tab)
      await site.stop()
      const result = await tab.evaluate(async () => {
        const { revoked, error } = await window.auth.logout()
        return { revoked, code: error?.code }
      })
      expect(result).toEqual({ revoked: false, code: 'logout_unavailable' })
      expect(await status(tab)).toBe('anonymous')
      await site.start()
      expect(await cookies()).toEqual(['fingerprint', 'refresh_token'])
      await tab.reload()
      await ready(tab)
      expect(await status(tab)).toBe('anonymous')
      expect(site.calls(REFRESH)).toEqual([])
      expect(await cookies()).toEqual(['fingerprint', 'refresh_token'])
      expect(await tab.evaluate(async () => (await window.auth.logout()).revoked)).toBe(true)
      expect(await cookies()).toEqual([])
    })

    test('S1 after login, refresh and logout no part of a token is where a script can find it', async () => {
      await site.open(tab)
      await site.login(tab)
      const found = await tab.evaluate(async () => {
        const { auth } = window
        const tokens: string[] = [(await auth.getAccessToken()) as string]
        await auth.fetch('/api/items')
        await auth.refresh()
        tokens.push((await auth.getAccessToken()) as string)
        const fragments = tokens.flatMap(token =>
          token.split('.').flatMap(part => [part.slice(0, 16), part.slice(-16)]),
        )
        // The header of a token is no secret, and the same for all.
        const secret = fragments.filter(fragment => !tokens[0]?.startsWith(fragment))
        const signedIn = await window.findFragments(secret)
        await auth.logout()
        return [...signedIn, ...(await window.findFragments(secret))]
      })
      expect(found).toEqual([])
    })

    test('S1 the search finds a token in every place that a page could have put it', async () => {
      await site.open(tab)
      const found = await tab.evaluate(async () => {
        const secret = 'a-planted-fragment'
        localStorage.setItem('key', `{"token":"${secret}"}`)
        sessionStorage.setItem(secret, '')
        Object.assign(document, { cookie: `token=${secret}` })
        history.replaceState({ token: secret }, '', `#${secret}`)
        window.name = secret
        document.body.dataset.token = secret
        await new Promise(resolve => {
          indexedDB.open('tokens').onsuccess = resolve
        })
        await caches.open('tokens')
        void navigator.locks.request(secret, () => new Promise(() => {}))
        Object.assign(window, { kept: new Map([['deep', { in: [secret] }]]).get('deep') })
        Object.assign(window.auth, { last: () => 'a-planted-fragment' })
        return window.findFragments([secret])
      })
      const places = ['localStorage', 'sessionStorage', 'cookie', 'location', 'history', 'window.name']
      places.push(
        'document',
        'IndexedDB tokens',
        'Cache tokens',
        'lock',
        'window.kept.in.0',
        'auth.last source',
      )
      expect(places.filter(place => !found.includes(place))).toEqual([])
      await tab.evaluate(() => {
        localStorage.clear()
        Object.assign(document, { cookie: 'token=; Max-Age=0' })
        indexedDB.deleteDatabase('tokens')
      })
    })

    test('with "performanceLogger" every refresh is a measure of the browser, and what else happens a mark', async () => {
      await site.open(tab, { measures: true })
      await site.login(tab)
      await tab.evaluate(async () => void (await window.auth.refresh()))
      const [measures, marks] = await tab.evaluate(() => {
        const entries = (type: string) =>
          performance.getEntriesByType(type).map(({ name, duration }) => ({ name, lasts: duration > 0 }))
        return [entries('measure'), entries('mark')]
      })
      expect(measures).toEqual([
        { name: 'silent-refresh: restore', lasts: true },
        { name: 'silent-refresh: refresh', lasts: true },
      ])
      expect(marks).toContainEqual({ name: 'silent-refresh: signed-in', lasts: false })
    })

    test('R11, R10 a redirect to another origin carries no Authorization, but the app’s own headers, and its 401 starts nothing', async () => {
      const [home, stranger] = [await listen(), await listen()]
      const api = await listen(({ url = '' }) => [
        Number(url.slice(1)),
        { Location: `${stranger.origin}/taken` },
      ])
      home.answer = request => {
        const { url = '', method } = request
        if (method === 'POST') return api.answer(request)
        return url.startsWith('/client.js') ? [200, {}, site.script] : [200, {}, site.page]
      }
      stranger.answer = () => [401]
      try {
        const options = { allowedOrigins: [home.origin, api.origin], restore: 'manual' }
        await tab.goto(`${home.origin}/?options=${encodeURIComponent(JSON.stringify(options))}`)
        await tab.waitFor(() => 'auth' in window)
        for (const code of [301, 302, 303, 307, 308]) {
          const send = async (url: string) => {
            await window.auth.setTokens({ accessToken: 'opaque' })
            const init = { method: 'POST', body: 'x', headers: { 'X-Api-Key': 'of the app' } }
            const { status, redirected } = await window.auth.fetch(url, init)
            return { status, redirected }
          }
          for (const { origin } of [home, api]) {
            expect(await tab.evaluate(send, `${origin}/${code}`)).toEqual({ status: 401, redirected: true })
          }
        }
        const posts = home.seen.filter(request => request.method === 'POST')
        const bearers = (list: IncomingMessage[]) => list.map(request => request.headers.authorization)
        // The first sends alone: no refresh, and no replay.
        expect(bearers(posts)).toEqual(Array(5).fill('Bearer opaque'))
        expect(bearers(api.seen)).toEqual(Array(5).fill('Bearer opaque'))
        expect(bearers(stranger.seen)).toEqual(Array(10).fill(undefined))
        expect(stranger.seen.map(request => request.headers['x-api-key'])).toEqual(
          Array(10).fill('of the app'),
        )
        const methods = stranger.seen.map(({ method }) => method)
        expect(methods).toEqual([...Array(6).fill('GET'), ...Array(4).fill('POST')])
      } finally {
        for (const server of [home, stranger, api]) server.close()
      }
    })
  })
}

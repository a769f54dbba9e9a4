import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import { type DPoPSite, startDPoPSite } from './dpop-site.ts'
import type { Browser, Tab } from './engine.ts'
import {
  callApi,
  fillIn,
  forget,
  formIsShown,
  leave,
  logInByRedirect,
  type OAuthSite,
  open,
  popupOf,
  signedIn,
  startOAuthSite,
  status,
  whoIs,
} from './oauth-site.ts'
import type { DPoPPageOptions } from './pages/dpop.ts'
import { ready, until } from './site.ts'

// `dpop()` in browsers, with the app's own backend and with an authorization server. Proofs are judged by `jose` and
// `oauth4webapi`, or by oidc-provider: never by our own code.

const HOUR = 3_600_000

for (const engine of engines) {
  describeEngine(engine, () => {
    let browser: Browser
    let tab: Tab
    let opened: Tab[] = []

    beforeAll(async () => {
      browser = await engine.launch()
      tab = await browser.newTab()
    })
    afterAll(() => browser?.close())
    afterEach(async () => {
      for (const tab of opened) await tab.close()
      opened = []
    })

    async function newTab(): Promise<Tab> {
      const tab = await browser.newTab()
      opened.push(tab)
      return tab
    }

    /** Nothing is signed with a key of the test before. */
    async function forgetKeys(tab: Tab, blank: string): Promise<void> {
      await tab.goto(blank)
      await tab.evaluate(
        () =>
          new Promise<void>((resolve, reject) => {
            localStorage.clear()
            sessionStorage.clear()
            const deleting = indexedDB.deleteDatabase('silent-refresh')
            deleting.onsuccess = () => resolve()
            deleting.onerror = () => reject(deleting.error)
          }),
      )
    }

    const refresh = (tab: Tab) =>
      tab.evaluate(() =>
        window.auth.refresh().then(
          () => 'refreshed',
          error => error.code,
        ),
      )
    const keyIds = (tab: Tab) => tab.evaluate(async () => (await window.storedKeys()).map(({ id }) => id))

    describe('at the app’s own backend', () => {
      let site: DPoPSite

      beforeAll(async () => {
        site = await startDPoPSite()
      })
      afterAll(() => site?.close())
      beforeEach(async () => {
        await site.reset()
        await forgetKeys(tab, `${site.url}/blank.html`)
      })

      async function load(options: DPoPPageOptions = {}, into = tab): Promise<Tab> {
        site.options = options
        await open(into, `${site.url}/`)
        return into
      }

      const login = (tab: Tab, user = 'ada') =>
        tab.evaluate(
          user =>
            window.auth.login({ user }).then(
              () => 'signed in',
              error => error.code,
            ),
          user,
        )

      async function loggedIn(options: DPoPPageOptions = {}): Promise<void> {
        await load(options)
        // The calls of the restore, which nobody is signed in by.
        site.backend.seen.length = 0
        expect(await login(tab)).toBe('signed in')
      }

      const send = (tab: Tab, url: string, init: RequestInit = {}) =>
        tab.evaluate(async (url, init) => (await window.auth.fetch(url, init)).status, url, init)
      const many = (tab: Tab, url: string, count: number) =>
        tab.evaluate(
          async (url, count) => {
            const requests = Array.from({ length: count }, () => window.auth.fetch(url))
            return (await Promise.all(requests)).filter(({ status }) => status === 200).length
          },
          url,
          count,
        )
      const items = () => `${site.api}/items`
      const statuses = (path: string) => site.backend.of(path).map(({ status }) => status)
      const keysUsed = () => [...new Set(site.backend.seen.map(({ jkt }) => jkt))]

      test('D1 every call and request bears a proof that an independent judge accepts', async () => {
        await loggedIn()
        expect(await send(tab, '/items')).toBe(200)
        expect(await send(tab, `${items()}?page=2#x`, { method: 'DELETE' })).toBe(200)
        expect(await refresh(tab)).toBe('refreshed')
        expect(await send(tab, `${site.api}/a%20b/%C3%A9?x`, { method: 'PUT', body: 'x' })).toBe(200)
        await tab.evaluate(async () => void (await window.auth.logout()))
        expect(site.backend.seen.map(({ path, status }) => [path, status])).toEqual([
          ['/login', 200],
          ['/items', 200],
          ['/items', 200],
          ['/refresh_token', 200],
          ['/a%20b/%C3%A9', 200],
          ['/logout', 200],
        ])
        expect(keysUsed()).toHaveLength(1)
        expect(await tab.evaluate(() => window.uncaught)).toEqual([])
      })

      test('D1 with Ed25519', async () => {
        await loggedIn({ algorithm: 'Ed25519' })
        expect([await send(tab, items()), await refresh(tab), await send(tab, items())]).toEqual([
          200,
          'refreshed',
          200,
        ])
        await tab.reload()
        await ready(tab)
        expect(await send(tab, items())).toBe(200)
        expect(keysUsed()).toHaveLength(1)
      })

      test('D2 ky’s retry, and a request with copied headers, are signed anew', async () => {
        await loggedIn()
        site.backend.once(
          '/items',
          () => new Response('{}', { status: 503, headers: { 'Retry-After': '0', 'X-From': 'test' } }),
        )
        expect(await tab.evaluate(async () => (await window.auth.api.get('items')).status)).toBe(200)
        expect(statuses('/items')).toEqual([503, 200])
        const { proof } = site.backend.of('/items').at(-1)!
        expect(await send(tab, '/items', { headers: { DPoP: 'old', 'X-Jti': proof!.jti } })).toBe(200)
        site.backend.revokeAccess()
        expect(await send(tab, '/items')).toBe(200)
        const jtis = site.backend.seen.map(({ proof }) => proof?.jti)
        expect(new Set(jtis).size).toBe(site.backend.seen.length)
      })

      test('D4 nonces of the auth server, at login and at refresh: one call more, and no failure is told', async () => {
        site.backend.nonces.auth = 'first'
        await load()
        site.backend.seen.length = 0
        site.backend.nonces.auth = 'second'
        expect(await login(tab)).toBe('signed in')
        site.backend.nonces.auth = 'third'
        expect([await refresh(tab), await refresh(tab)]).toEqual(['refreshed', 'refreshed'])
        expect([statuses('/login'), statuses('/refresh_token')]).toEqual([
          [400, 200],
          [400, 200, 200],
        ])
        expect(await tab.evaluate(() => window.seen.map(([name]) => name))).toEqual([
          'login',
          'refresh',
          'refresh',
        ])
      })

      test('D5 a nonce of an API on another origin: one send more, no refresh; 200 requests at once: 201 sends', async () => {
        await loggedIn()
        site.backend.nonces.other = 'one'
        expect(await send(tab, items(), { method: 'POST', body: 'x' })).toBe(200)
        expect(site.backend.of('/items').map(({ status, body }) => [status, body])).toEqual([
          [401, 'x'],
          [200, 'x'],
        ])
        site.backend.nonces.api = 'two'
        site.backend.seen.length = 0
        expect(await many(tab, '/items', 200)).toBe(200)
        expect([statuses('/items').length, statuses('/refresh_token').length]).toEqual([201, 0])
      })

      test('D6 a nonce that is replaced at each answer, and two origins with different ones', async () => {
        await loggedIn()
        Object.assign(site.backend.nonces, { api: 'each', other: 'other' })
        for (let call = 0; call < 3; call++) {
          expect([await send(tab, '/items'), await send(tab, items())]).toEqual([200, 200])
        }
        expect(statuses('/items').filter(status => status === 401)).toHaveLength(2)
        expect(statuses('/refresh_token')).toEqual([])
      })

      test('D6 a nonce that CORS does not expose: the answer is handed back, without a refresh', async () => {
        await loggedIn()
        site.exposes = 'WWW-Authenticate'
        site.backend.nonces.other = 'hidden'
        expect(await send(tab, items())).toBe(401)
        expect([statuses('/items'), statuses('/refresh_token')]).toEqual([[401], []])
      })

      test('D6 where CORS does not even expose the challenge, it is a 401 like any other: one refresh, and no logout', async () => {
        await loggedIn()
        site.exposes = ''
        site.backend.nonces.other = 'hidden'
        expect(await send(tab, items())).toBe(401)
        expect([statuses('/items'), statuses('/refresh_token')]).toEqual([[401, 401], [200]])
        expect(await status(tab)).toBe('authenticated')
      })

      test('D7 form, bytes and Request: the same bytes after a nonce', async () => {
        await loggedIn()
        for (const kind of ['form', 'bytes', 'request'] as const) {
          site.backend.nonces.other = `of-${kind}`
          const got = await tab.evaluate(
            async (url, kind) => {
              const form = new FormData()
              form.set('a', 'ä')
              form.set('file', new Blob(['bytes']), 'name')
              const { auth } = window
              if (kind === 'form') return (await auth.fetch(url, { method: 'POST', body: form })).status
              if (kind === 'bytes') {
                return (await auth.fetch(url, { method: 'POST', body: new Blob(['bytes']) })).status
              }
              return (await auth.fetch(new Request(url, { method: 'PUT', body: 'text' }))).status
            },
            items(),
            kind,
          )
          expect(got).toBe(200)
          // Each send of a form has a boundary of its own.
          const [refused, answered] = site.backend
            .of('/items')
            .slice(-2)
            .map(({ body }) => body.replaceAll(/-{4,}\w+/g, '--'))
          expect(refused).toBe(answered)
          expect(refused).not.toBe('')
        }
      })

      test('D8 a second tab uses the handed-over token with the same key, with no call', async () => {
        await loggedIn()
        const calls = site.backend.seen.length
        const other = await load({}, await newTab())
        expect(await status(other)).toBe('authenticated')
        expect(site.backend.seen.length).toBe(calls)
        expect([await send(other, '/items'), await send(other, items())]).toEqual([200, 200])
        expect(await refresh(other)).toBe('refreshed')
        expect(await send(tab, '/items')).toBe(200)
        expect(keysUsed()).toHaveLength(1)
      })

      test('D9 two tabs that log in at the same moment: the surviving session has its own key, in both', async () => {
        await load()
        const other = await load({}, await newTab())
        site.backend.seen.length = 0
        await Promise.all([login(tab, 'ada'), login(other, 'grace')])
        for (const each of [tab, other]) await signedIn(each)
        await until(async () => {
          const users = await Promise.all(
            [tab, other].map(each =>
              each.evaluate(async () => (await (await window.auth.fetch('/items')).json()).sub),
            ),
          )
          return users[0] === users[1]
        })
        for (const each of [tab, other]) {
          expect([await refresh(each), await send(each, items())]).toEqual(['refreshed', 200])
        }
        const last = site.backend.seen.slice(-2).map(({ jkt }) => jkt)
        expect(last).toEqual([site.backend.cookie?.jkt, site.backend.cookie?.jkt])
        await other.close()
        opened = []
        await tab.reload()
        await ready(tab)
        expect([await status(tab), await send(tab, '/items')]).toEqual(['authenticated', 200])
      })

      test('D10 a reload: the key comes from IndexedDB, and the refresh by cookie is accepted', async () => {
        await loggedIn()
        await tab.reload()
        await ready(tab)
        expect([await status(tab), await send(tab, items())]).toEqual(['authenticated', 200])
        expect(keysUsed()).toEqual([site.backend.cookie?.jkt])
      })

      test.skipIf(engine.name === 'WebKit')(
        'D10 a restart of the browser: the key is still there (WebKit keeps nothing of an automated session)',
        async () => {
          const profile = await mkdtemp(join(tmpdir(), 'silent-refresh-profile-'))
          const flag = engine.name === 'Chromium' ? [`--user-data-dir=${profile}`] : ['--profile', profile]
          let first = await engine.launch({ args: flag })
          try {
            const before = await load({}, await first.newTab())
            expect(await login(before)).toBe('signed in')
            await first.close()
            first = await engine.launch({ args: flag })
            const after = await load({}, await first.newTab())
            expect([await status(after), await send(after, items())]).toEqual(['authenticated', 200])
            expect(site.backend.seen.at(-1)?.jkt).toBe(site.backend.of('/login')[0]?.jkt)
          } finally {
            await first.close()
            await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
          }
        },
      )

      test('D11 a frame of an opaque origin, where the browser itself denies IndexedDB', async () => {
        await load()
        site.options = { baseUrl: site.url }
        const said = await tab.evaluate(
          () =>
            new Promise<string[]>(resolve => {
              window.addEventListener('message', ({ data }) => resolve(data), { once: true })
              const frame = document.createElement('iframe')
              frame.setAttribute('sandbox', 'allow-scripts')
              frame.src = '/?life'
              document.body.append(frame)
            }),
        )
        expect(said).toEqual(['null', 'SecurityError', 'authenticated', '200', 'authenticated', '200'])
      })

      test.each(['missing', 'denied', 'full'] as const)(
        'D11 IndexedDB %s: the key lives as long as the page',
        async state => {
          await loggedIn({ indexedDB: state })
          expect([await send(tab, items()), await refresh(tab), await send(tab, items())]).toEqual([
            200,
            'refreshed',
            200,
          ])
          const other = await load({ indexedDB: state }, await newTab())
          expect([await status(other), await send(other, items())]).toEqual(['authenticated', 200])
          await other.close()
          opened = []
          await tab.reload()
          await ready(tab)
          expect([await status(tab), await login(tab)]).toEqual(['anonymous', 'signed in'])
          expect(await tab.evaluate(() => window.uncaught)).toEqual([])
        },
      )

      test('D11 site data that is cleared under a living tab: the next refresh stores the key again', async () => {
        await loggedIn()
        await tab.evaluate(
          () =>
            new Promise<void>(resolve => {
              localStorage.clear()
              sessionStorage.clear()
              indexedDB.deleteDatabase('silent-refresh').onsuccess = () => resolve()
            }),
        )
        expect([await refresh(tab), await send(tab, items())]).toEqual(['refreshed', 200])
        // No refresh waits for it.
        await until(async () => (await keyIds(tab)).length === 1)
        await tab.reload()
        await ready(tab)
        expect([await status(tab), await send(tab, items())]).toEqual(['authenticated', 200])
        expect(keysUsed()).toHaveLength(1)
      })

      test('D12 the private key cannot be exported, and is found in no storage but IndexedDB', async () => {
        await loggedIn()
        expect(await send(tab, items())).toBe(200)
        const found = await tab.evaluate(async () => {
          const [key] = await window.storedKeys()
          const refused = await Promise.all(
            (['jwk', 'pkcs8', 'raw'] as const).map(format =>
              crypto.subtle.exportKey(format as 'jwk', key.privateKey).then(
                () => `${format} exported`,
                error => error.name,
              ),
            ),
          )
          const wrapping = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
            'wrapKey',
          ])
          const wrapped = await crypto.subtle
            .wrapKey('jwk', key.privateKey, wrapping, { name: 'AES-GCM', iv: new Uint8Array(12) })
            .then(
              () => 'wrapped',
              error => error.name,
            )
          const { privateKey } = key
          const jwk = JSON.parse(key.jwk)
          return {
            refused,
            wrapped,
            members: Object.keys(jwk).sort(),
            extractable: privateKey.extractable,
            places: await window.findFragments([jwk.x]),
            databases: (await indexedDB.databases()).map(({ name }) => name),
          }
        })
        expect(found).toEqual({
          refused: Array(3).fill(expect.stringMatching(/^(InvalidAccess|NotSupported)Error$/)),
          wrapped: 'InvalidAccessError',
          members: ['crv', 'kty', 'x', 'y'],
          extractable: false,
          places: ['IndexedDB silent-refresh'],
          databases: ['silent-refresh'],
        })
        await tab.evaluate(async () => void (await window.auth.logout()))
        await until(async () => (await keyIds(tab)).length === 0)
      })

      test('D13 a token of type Bearer is refused, and dpop in any case is accepted', async () => {
        await load()
        site.backend.tokenType = 'Bearer'
        expect(await login(tab)).toBe('malformed_response')
        expect([await status(tab), await send(tab, '/items')]).toEqual(['anonymous', 401])
        site.backend.tokenType = 'dPoP'
        expect([await login(tab), await send(tab, '/items')]).toEqual(['signed in', 200])
      })

      test.each([2, -2])('D15 a clock that is %i hours off, where the date can be read', async hours => {
        site.backend.showsDate = true
        await load({ skew: hours * HOUR })
        site.backend.seen.length = 0
        expect(await login(tab)).toBe('signed in')
        expect([await send(tab, '/items'), await send(tab, items()), await refresh(tab)]).toEqual([
          200,
          200,
          'refreshed',
        ])
        expect(site.backend.seen.filter(({ status }) => status !== 200)).toEqual([])
      })

      test('D16 invalid_dpop_proof refreshes nothing, and signs nobody out', async () => {
        await loggedIn()
        const headers = { 'WWW-Authenticate': 'DPoP error="invalid_dpop_proof", algs="ES256"' }
        site.backend.once('/items', () => new Response('{}', { status: 401, headers }))
        expect(await send(tab, items())).toBe(401)
        expect([statuses('/items'), statuses('/refresh_token')]).toEqual([[401], []])
        site.backend.once(
          '/refresh_token',
          () => new Response('{"error":"invalid_dpop_proof"}', { status: 401 }),
        )
        expect(await refresh(tab)).toBe('refresh_unavailable')
        expect([await status(tab), await send(tab, items()), await refresh(tab)]).toEqual([
          'authenticated',
          200,
          'refreshed',
        ])
      })
    })

    describe('at an authorization server', () => {
      let site: OAuthSite

      beforeAll(async () => {
        site = await startOAuthSite('cross', { dpop: true, nonces: true })
      })
      afterAll(() => site?.close())
      beforeEach(async () => {
        site.reset()
        await forget(tab, site)
        await forgetKeys(tab, `${site.url}/blank.html`)
      })

      const start = async (options: OAuthSite['options'] = {}): Promise<void> => {
        site.options = options
        await open(tab, `${site.url}/`)
      }
      const tokenCalls = () => site.provider.calls.of('token').map(({ status, note }) => [status, note])
      const authorization = () =>
        new URL(site.provider.calls.of('authorization')[0]!.url, site.url).searchParams
      const sub = async (): Promise<unknown> => ((await whoIs(tab)) as { sub: string }).sub

      const callProvider = (path: string) =>
        site.provider.calls.of(path as 'userinfo').map(({ status }) => status)
      const refreshToken = () =>
        tab.evaluate(
          () =>
            /"refreshToken":"([^"]+)"/.exec(JSON.stringify({ ...sessionStorage }).replaceAll('\\', ''))?.[1],
        )

      test('D1, D4 a login by redirect: the key is in IndexedDB before the page leaves, and signs after it', async () => {
        await start()
        await leave(tab)
        await formIsShown(tab)
        const jkt = authorization().get('dpop_jkt')
        await tab.back()
        await tab.waitFor(() => 'storedKeys' in window)
        expect(await keyIds(tab)).toEqual([jkt])
        await tab.evaluate(() => void setTimeout(() => history.forward()))
        await fillIn(tab)
        await signedIn(tab)
        expect(tokenCalls()).toEqual([
          [400, 'authorization_code: use_dpop_nonce'],
          [200, 'authorization_code'],
        ])
        site.judge.nonce = 'of-api'
        const name = await sub()
        expect([await callApi(tab), await callApi(tab)]).toEqual([name, name])
        expect(await refresh(tab)).toBe('refreshed')
        expect(await callApi(tab)).toBe(name)
        expect(site.apiCalls).toEqual(['use_dpop_nonce', name, name, name])
        const token = await tab.evaluate(() => window.auth.getAccessToken())
        expect(decodeJwt(token!).cnf).toEqual({ jkt })
        expect(await tab.evaluate(() => window.uncaught)).toEqual([])
      })

      test('D1 the userinfo request bears a proof', async () => {
        await start({ oauth: { userInfo: true, resource: undefined } })
        await logInByRedirect(tab)
        expect(callProvider('userinfo')).toEqual([200])
        expect(await whoIs(tab)).toMatchObject({ sub: await sub(), name: 'Ada Lovelace' })
      })

      test('D1, D4 a login in a popup', async () => {
        await start()
        await tab.click('#popup')
        const popup = await popupOf(browser)
        await fillIn(popup)
        await signedIn(tab)
        await until(async () => (await browser.windows()).length === 0)
        expect(tokenCalls().map(([status]) => status)).toEqual([400, 200])
        expect(await callApi(tab)).toBe(await sub())
        expect(await keyIds(tab)).toEqual([authorization().get('dpop_jkt')])
        expect(await refresh(tab)).toBe('refreshed')
      })

      test('D9 two tabs that log in at once: one session remains, with its own key in both', async () => {
        await start()
        const other = await newTab()
        await open(other, `${site.url}/`)
        for (const each of [tab, other]) await leave(each)
        for (const each of [tab, other]) await formIsShown(each)
        for (const each of [tab, other]) await fillIn(each)
        for (const each of [tab, other]) await signedIn(each)
        for (const each of [tab, other]) {
          expect([await refresh(each), await callApi(each)]).toEqual(['refreshed', await sub()])
        }
        const tokens = await Promise.all(
          [tab, other].map(each => each.evaluate(() => window.auth.getAccessToken())),
        )
        expect(tokens[0]).toBe(tokens[1])
        expect(site.apiCalls).toEqual([await sub(), await sub()])
      })

      test('O28 a reload that a hidden frame restores has a key of its own, which the next tab is handed', async () => {
        const cross = site
        site = await startOAuthSite('same', { dpop: true, nonces: true })
        try {
          await forget(tab, site)
          await start({ oauth: { silent: 'iframe', silentRedirectUri: '/silent.html' } })
          await logInByRedirect(tab)
          const keys = [await keyIds(tab)]
          await tab.reload()
          await ready(tab)
          expect([await status(tab), await callApi(tab)]).toEqual(['authenticated', await sub()])
          keys.push(await keyIds(tab))
          expect(keys[1]?.[0]).not.toBe(keys[0]?.[0])
          const calls = tokenCalls().length
          const other = await newTab()
          await open(other, `${site.url}/`)
          expect([await status(other), await callApi(other)]).toEqual(['authenticated', await sub()])
          expect(tokenCalls()).toHaveLength(calls)
          expect(await refresh(other)).toBe('refreshed')
        } finally {
          await site.close()
          site = cross
        }
      })

      test('D10 a reload: the refresh token from storage, with the key from IndexedDB', async () => {
        await start({ storage: 'sessionStorage' })
        await logInByRedirect(tab)
        const calls = tokenCalls().length
        await tab.reload()
        await ready(tab)
        expect([await status(tab), await callApi(tab)]).toEqual(['authenticated', await sub()])
        expect(tokenCalls().slice(calls).at(-1)).toEqual([200, 'refresh_token'])
      })

      test('D11 a refresh token whose key is gone is dropped without a call', async () => {
        await start({ storage: 'sessionStorage' })
        await logInByRedirect(tab)
        await tab.evaluate(
          () =>
            new Promise<void>(resolve => {
              indexedDB.deleteDatabase('silent-refresh').onsuccess = () => resolve()
            }),
        )
        site.provider.calls.clear()
        await tab.reload()
        await ready(tab)
        expect([await status(tab), tokenCalls(), await refreshToken()]).toEqual(['anonymous', [], undefined])
      })

      test('D11 IndexedDB denied: a redirect is refused before the page leaves, and a popup works', async () => {
        await start({ indexedDB: 'denied' })
        await tab.click('#redirect')
        await tab.waitFor(() => window.refusals.length > 0)
        expect(await tab.evaluate(() => window.refusals)).toEqual(['unsupported'])
        expect(site.provider.calls.of('authorization')).toEqual([])
        await tab.click('#popup')
        await fillIn(await popupOf(browser))
        await signedIn(tab)
        expect([await callApi(tab), await refresh(tab)]).toEqual([await sub(), 'refreshed'])
        await until(async () => (await browser.windows()).length === 0)
      })

      test.each([
        [2, true],
        [-2, true],
        [-2, false],
      ])('D15 a clock that is %i hours off, nonces demanded: %s', async (hours, nonces) => {
        site.provider.settings.nonces = nonces
        await start({ skew: hours * HOUR })
        await logInByRedirect(tab)
        expect([await callApi(tab), await refresh(tab), await callApi(tab)]).toEqual([
          await sub(),
          'refreshed',
          await sub(),
        ])
        expect(site.apiCalls).toEqual([await sub(), await sub()])
      })

      test.each([false, true])('D17 bound refresh tokens, replaced at each use: %s', async rotation => {
        site.provider.settings.rotation = rotation
        await start({ storage: 'sessionStorage' })
        await logInByRedirect(tab)
        const tokens = [await refreshToken()]
        for (let use = 0; use < 2; use++) {
          expect(await refresh(tab)).toBe('refreshed')
          tokens.push(await refreshToken())
        }
        expect(tokens).not.toContain(undefined)
        expect(new Set(tokens).size).toBe(rotation ? 3 : 1)
        await tab.reload()
        await ready(tab)
        expect([await status(tab), await callApi(tab)]).toEqual(['authenticated', await sub()])
      })
    })
  })
}

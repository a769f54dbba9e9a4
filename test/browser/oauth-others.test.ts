import type { OAuthOptions } from 'silent-refresh/oauth'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Failure } from '../../demo/server/provider/outage.ts'
import { chromium } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'
import { DJANGO, type Django, startDjango } from './django.ts'
import type { Browser, Tab } from './engine.ts'
import { GLEWLWYD, type Glewlwyd, startGlewlwyd } from './glewlwyd.ts'
import { callApi, events, leave, open, signedIn, status } from './oauth-site.ts'
import { askWho, type OtherApp, startApp } from './other-app.ts'
import { describeServer, type Gate, USER } from './other-servers.ts'
import { createProofJudge } from './proof-judge.ts'
import { until } from './site.ts'

// A second opinion: authorization servers that others wrote. The first is oidc-provider, see oauth-redirect.test.ts.

const API = 'https://api.example.com'
const DEEP = '/deep/page?q=1#part'

/** What differs between the servers. */
interface Second {
  readonly gate: Gate
  readonly oauth: Partial<OAuthOptions>
  readonly userInfo: string
  /** Paths. */
  readonly token: string
  readonly revocation: string
  /** From the first form of the server to the app. */
  fillIn(tab: Tab): Promise<void>
}

describeEngine(chromium, () => {
  let browser: Browser
  let app: OtherApp
  let tab: Tab
  let opened: Tab[] = []
  let server: Second

  beforeAll(async () => {
    app = await startApp()
    browser = await chromium.launch()
  })
  afterAll(async () => {
    await browser?.close()
    app?.close()
  })
  afterEach(async () => {
    await browser.raw?.deleteCookie(...(await browser.raw.cookies()))
    for (const tab of opened) await tab.close()
    opened = []
  })

  async function begin(of: Second): Promise<void> {
    server = of
    server.gate.reset()
    app.judge = askWho(server.userInfo)
    app.options = { storage: 'sessionStorage', oauth: server.oauth }
    tab = await newTab()
    await tab.goto(`${app.url}/blank.html`)
    await tab.evaluate(() => localStorage.clear())
  }

  async function newTab(): Promise<Tab> {
    const tab = await browser.newTab()
    opened.push(tab)
    return tab
  }

  async function logIn(address = app.url): Promise<void> {
    await open(tab, address)
    await leave(tab)
    await server.fillIn(tab)
    await signedIn(tab)
  }

  const refresh = (tab: Tab) =>
    tab.evaluate(() =>
      window.auth.refresh().then(
        ({ status }) => status,
        error => error.code,
      ),
    )
  const grants = () => server.gate.of(server.token).map(({ form }) => form.get('grant_type'))
  const markers = () =>
    tab.evaluate(() => Object.keys(localStorage).filter(name => name.includes('signed-out')))
  const forms = async () => {
    await tab.type('#id_username', USER.name)
    await tab.type('#id_password', USER.password)
    await tab.click('#log-in')
  }

  /** What holds at every server. */
  function everywhere(): void {
    test('O1 a login by redirect comes back to the address that was left, and a reload restores', async () => {
      await logIn(app.url + DEEP)
      expect(await tab.evaluate(() => location.pathname + location.search + location.hash)).toBe(DEEP)
      const name = await callApi(tab)
      expect(name).toMatch(/^\w+$/)
      await tab.reload()
      await signedIn(tab)
      expect(await callApi(tab)).toBe(name)
      expect(grants()).toEqual(['authorization_code', 'refresh_token'])
    })

    test('O26 the API refuses a token of two tabs: one call, with the newest refresh token each time', async () => {
      await logIn()
      const name = await callApi(tab)
      const other = await newTab()
      await open(other, app.url)
      await signedIn(other)
      server.gate.calls.length = 0
      const ask = app.judge
      for (let round = 1; round <= 3; round++) {
        const token = await tab.evaluate(() => window.auth.getAccessToken())
        app.judge = async request =>
          request.headers.authorization?.endsWith(` ${token}`)
            ? { isFine: false, said: 'over' }
            : ask(request)
        expect(await Promise.all([tab, other].map(callApi))).toEqual(Array(2).fill(name))
        expect(grants()).toHaveLength(round)
      }
      const sent = server.gate.of(server.token).map(({ form }) => form.get('refresh_token'))
      expect(new Set(sent).size).toBe(3)
    })

    test('O27 an outage signs nobody out', async () => {
      await logIn()
      for (const failure of ['503', 'html', 'refuse'] satisfies Failure[]) {
        server.gate.outage.set({ failure })
        expect([failure, await refresh(tab)]).toEqual([failure, 'refresh_unavailable'])
        server.gate.outage.set({})
        await until(async () => (await refresh(tab)) === 'authenticated')
      }
      expect(await events(tab, 'logout')).toEqual([])
    })

    test('O30 a refresh token that is not known there: rejected, once', async () => {
      await logIn()
      await tab.evaluate(() => {
        for (const [name, text] of Object.entries(sessionStorage)) {
          sessionStorage.setItem(name, text.replace(/("refreshToken":")[^"]+/, '$1unknown'))
        }
      })
      server.gate.calls.length = 0
      await tab.reload()
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect(
        server.gate.of(server.token).map(({ form, status }) => [form.get('refresh_token'), status]),
      ).toEqual([['unknown', 400]])
    })

    test('O34 a logout while the server is away: signed out here, revoked later', async () => {
      await logIn()
      server.gate.outage.set({ failure: 'refuse' })
      expect((await tab.evaluate(() => window.auth.logout())).revoked).toBe(false)
      expect(await status(tab)).toBe('anonymous')
      server.gate.reset()
      await tab.evaluate(() => void window.dispatchEvent(new Event('online')))
      await until(() => server.gate.of(server.revocation).length === 1)
    })
  }

  describeServer(DJANGO, () => {
    let django: Django
    beforeAll(async () => {
      django = await startDjango(app.url)
    })
    afterAll(() => django?.close())
    beforeEach(() => {
      const { issuer, gate } = django
      return begin({
        gate,
        oauth: {
          issuer,
          clientId: 'spa',
          scope: 'openid',
          metadata: {
            authorization_endpoint: `${issuer}/authorize/`,
            token_endpoint: `${issuer}/token/`,
            revocation_endpoint: `${issuer}/revoke_token/`,
          },
        },
        userInfo: `${issuer}/userinfo/`,
        token: '/o/token/',
        revocation: '/o/revoke_token/',
        async fillIn(tab) {
          await forms()
          await tab.click('input[name=allow]')
        },
      })
    })

    everywhere()

    test('O1 its metadata is behind a redirect, which is not followed', async () => {
      const { metadata: _, ...oauth } = server.oauth
      app.options = { oauth }
      await open(tab, app.url)
      expect(await tab.evaluate(() => window.auth.login().catch(error => error.code))).toBe(
        'login_unavailable',
      )
    })

    test('O13 a user who refuses the consent', async () => {
      await open(tab, app.url + DEEP)
      await leave(tab)
      await forms()
      await tab.click('input[type=submit]:not([name=allow])')
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect(await events(tab, 'loginError')).toEqual([
        { error: expect.objectContaining({ code: 'login_rejected', body: { error: 'access_denied' } }) },
      ])
    })

    test('O27 an answer that is lost after the rotation: its grace gives another', async () => {
      await logIn()
      server.gate.lose(server.token)
      expect(await refresh(tab)).toBe('refresh_unavailable')
      await until(async () => (await refresh(tab)) === 'authenticated')
      const [, first, second] = server.gate.of(server.token)
      expect([first?.status, second?.form.get('refresh_token')]).toEqual([
        200,
        first?.form.get('refresh_token'),
      ])
    })

    test('O31 a logout revokes; the session at the server stays, and its form is asked for', async () => {
      await logIn()
      const stored = await tab.evaluate(() => JSON.stringify(sessionStorage))
      expect(await tab.evaluate(() => window.auth.logout())).toEqual({ revoked: true })
      const token = server.gate.of(server.revocation)[0]?.form.get('token') ?? ''
      expect(stored).toContain(token)
      expect(token).not.toBe('')
      const again = await fetch(`${django.issuer}/token/`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: token,
          client_id: 'spa',
        }),
      })
      expect(again.ok).toBe(false)
      server.gate.calls.length = 0
      await leave(tab)
      // It does not know `prompt`: who is signed in there is not asked for a password.
      await tab.click('input[name=allow]')
      await signedIn(tab)
      expect(server.gate.of('/o/authorize/')[0]?.query.get('prompt')).toBe('login')
      expect(server.gate.of('/accounts/login/')).toEqual([])
    })
  })

  describeServer(GLEWLWYD, () => {
    let glewlwyd: Glewlwyd
    const at = (name: 'oidc' | 'nonce'): Second => ({
      gate: glewlwyd.gate,
      oauth: { issuer: glewlwyd.issuers[name], clientId: 'spa', scope: 'openid' },
      userInfo: `${glewlwyd.issuers[name]}/userinfo`,
      token: `/api/${name}/token`,
      revocation: `/api/${name}/revoke`,
      fillIn: forms,
    })
    beforeAll(async () => {
      glewlwyd = await startGlewlwyd(app.url, API)
    })
    afterAll(() => glewlwyd?.close())
    beforeEach(() => begin(at('oidc')))

    everywhere()

    test('O27 an answer that is lost after the rotation: its refresh tokens are for one use, so signed out', async () => {
      await logIn()
      server.gate.lose(server.token)
      expect(await refresh(tab)).toBe('refresh_unavailable')
      await until(async () => (await refresh(tab)) === 'refresh_rejected')
      // The access token is good until it expires, or the API refuses it.
      expect(await status(tab)).toBe('authenticated')
      app.judge = async () => ({ isFine: false, said: 'over' })
      await callApi(tab)
      await tab.waitFor(() => window.auth.session.status === 'anonymous')
      expect(await events(tab, 'logout')).toEqual([expect.objectContaining({ reason: 'rejected' })])
    })

    test('O31 it revokes for no public client; its own session is ended all the same', async () => {
      await logIn(app.url + DEEP)
      expect(await tab.evaluate(() => window.auth.logout())).toMatchObject({ revoked: false })
      // It asks the user first.
      await tab.waitFor(() => location.search.includes('prompt=end_session'))
      await tab.click('#log-in')
      await tab.waitFor(() => window.auth?.session.status === 'anonymous' && location.pathname === '/')
      expect(await tab.evaluate(() => location.search)).toBe('')
      await until(async () => (await markers()).length === 0)
      expect(server.gate.of(server.revocation).map(({ status }) => status)).toEqual([401])
      await tab.reload()
      await tab.waitFor(() => window.auth?.session.status === 'anonymous')
      expect(grants()).toEqual(['authorization_code'])
    })

    test('O40 a pushed request leaves two parameters in the address', async () => {
      app.options = { ...app.options, par: true }
      await logIn(app.url + DEEP)
      const query = server.gate.of('/api/oidc/auth')[0]?.query ?? []
      expect([...query].map(([name]) => name).sort()).toEqual(['client_id', 'request_uri'])
      expect(server.gate.of('/api/oidc/par')).toHaveLength(1)
    })

    test.each(['oidc', 'nonce'] as const)(
      'D1, D17 bound tokens: login, API, reload, rotation (%s)',
      async name => {
        await begin(at(name))
        const judge = createProofJudge(glewlwyd.issuers[name], API)
        app.judge = request => judge.judge(request, app.url)
        server.gate.exposes = 'DPoP-Nonce'
        app.options = { ...app.options, dpop: true, oauth: { ...server.oauth, resource: API } }
        await logIn(app.url + DEEP)
        const user = await callApi(tab)
        expect(user).toMatch(/^\w+$/)
        expect(await refresh(tab)).toBe('authenticated')
        await tab.reload()
        await signedIn(tab)
        expect(await callApi(tab)).toBe(user)
        expect(judge.seen).toHaveLength(2)
        const calls = server.gate.of(server.token)
        const { length } = calls.filter(({ status }) => status === 200)
        // The page asks for the nonce once after each load.
        expect([length, calls.length]).toEqual([3, name === 'nonce' ? 5 : 3])
        expect(new Set(calls.map(({ headers }) => headers.dpop)).size).toBe(calls.length)
      },
    )
  })
})

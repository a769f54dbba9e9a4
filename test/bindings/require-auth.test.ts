// @vitest-environment happy-dom
import { createElement, type ReactNode, StrictMode } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { AuthProvider, createAuthHooks, RequireAuth, type RequireAuthProps } from 'silent-refresh/react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { comeBack, type OAuthPage, openPage } from '../support/oauth-page.ts'
import { onServer } from './on-server.ts'
import { createStage } from './stage.ts'

let root: Root | undefined
const stage = createStage()

afterEach(() => {
  root?.unmount()
  root = undefined
})

const ITEMS = 'Items'
const WAITING = 'One moment …'
const props: RequireAuthProps = {
  fallback: WAITING,
  error: ({ code }, login) => createElement('button', { type: 'button', onClick: login }, code),
}
const guarded = (Guard: typeof RequireAuth) => createElement(Guard, props, createElement('p', null, ITEMS))

function render(page: ReactNode): void {
  root ??= createRoot(stage.container)
  root.render(page)
}

const shows = (text: string) => vi.waitUntil(() => stage.shown === text)
const leaves = ({ left }: OAuthPage, times = 1) => vi.waitUntil(() => left.length === times)
const click = () => stage.container.querySelector('button')?.click()

describe.each([
  [
    'with a provider',
    (page: OAuthPage) => createElement(AuthProvider, { client: page.client }, guarded(RequireAuth)),
  ],
  ['bound to a client', (page: OAuthPage) => guarded(createAuthHooks(page.client).RequireAuth)],
])('RequireAuth %s', (_, app) => {
  /** The page that the user comes back to from the login, on the stage. */
  async function signedIn(given?: Parameters<typeof openPage>[0]): Promise<OAuthPage> {
    const page = openPage(given)
    void page.client.login().catch(() => {})
    await vi.waitUntil(() => page.left.length === 1)
    const back = await comeBack(page, given)
    render(app(back))
    await shows(ITEMS)
    return back
  }

  test('O1 takes a visitor to the login, and back to the page', async () => {
    const page = openPage({ at: '/items?page=2#notes' })
    render(app(page))
    await leaves(page)
    expect(stage.shown).toBe(WAITING)
    const back = await comeBack(page)
    render(app(back))
    await shows(ITEMS)
    expect(back.address).toBe('/items?page=2#notes')
    expect(back.left).toEqual([])
  })

  test('restores the session first, also where the app restores by hand', async () => {
    const page = openPage({ options: { restore: 'manual' } })
    render(app(page))
    await leaves(page)
    expect(page.client.session.status).toBe('anonymous')
    expect(stage.shown).toBe(WAITING)
  })

  test('O4 StrictMode, another render and a second guard on the page make one login', async () => {
    const page = openPage()
    const twice = createElement(StrictMode, null, app(page), app(page))
    render(twice)
    render(twice)
    await leaves(page)
    render(twice)
    await page.world.settle()
    expect(page.left).toHaveLength(1)
    expect(page.idp.count('discovery')).toBe(1)
    expect(stage.shown).toBe(WAITING + WAITING)
  })

  test('O13 shows why the login has failed, and leaves again only when the user asks', async () => {
    const page = openPage()
    render(app(page))
    await leaves(page)
    page.idp.next({ error: 'access_denied' })
    const back = await comeBack(page)
    render(createElement(StrictMode, null, app(back)))
    await shows('login_rejected')
    await back.world.settle()
    expect(back.left).toEqual([])
    click()
    await leaves(back)
  })

  test('O27 shows that the server cannot be reached, and tries again when the user asks', async () => {
    const page = openPage()
    page.idp.fail('discovery', { status: 503 })
    render(app(page))
    await shows('login_unavailable')
    expect(page.left).toEqual([])
    click()
    await leaves(page)
  })

  test('O25 the back button from the login does not lead there again', async () => {
    const page = openPage()
    render(app(page))
    await leaves(page)
    page.world.wake('pageshow', true)
    await shows('login_cancelled')
    await vi.waitUntil(() => page.client.session.status === 'anonymous')
    await page.world.settle()
    expect([stage.shown, page.left.length]).toEqual(['login_cancelled', 1])
    click()
    await leaves(page, 2)
  })

  test('O32 a logout is not undone while the page leaves for the logout at the server', async () => {
    const page = await signedIn()
    await page.client.logout()
    await shows('no_session')
    await leaves(page)
    await page.world.settle()
    expect(page.left).toEqual([expect.stringContaining('id_token_hint')])
  })

  test('O33 a logout in another tab is not undone where the server’s own session goes on', async () => {
    const page = await signedIn({ oauth: { endSession: false } })
    const other = openPage({ tab: page, oauth: { endSession: false } })
    await other.client.ready()
    await other.client.logout()
    await shows('no_session')
    await page.world.settle()
    expect([...page.left, ...other.left]).toEqual([])
    expect(page.idp.user).not.toBeNull()
    click()
    await leaves(page)
  })

  test('a login in another tab is shown, and its end leads to the login as ever', async () => {
    const page = openPage()
    page.idp.fail('discovery', { status: 503 })
    render(app(page))
    await shows('login_unavailable')
    const other = openPage({ tab: page })
    void other.client.login().catch(() => {})
    await vi.waitUntil(() => other.left.length === 1)
    const back = await comeBack(other)
    await back.client.ready()
    await shows(ITEMS)
    back.world.close()
    page.idp.revokeAll()
    page.world.clock.tick(2 * 3_600_000)
    await page.client.fetch('/items').catch(() => {})
    await leaves(page)
    expect(stage.shown).toBe(WAITING)
  })

  test('an outage throws nobody out', async () => {
    const page = await signedIn()
    page.idp.fail('token', { status: 503 })
    await page.client.refresh().catch(() => {})
    expect(page.client.session.error).toMatchObject({ code: 'refresh_unavailable' })
    expect([stage.shown, page.left.length]).toEqual([ITEMS, 0])
  })

  test('O38 a server renders the fallback, and hydrating it is no mismatch', async () => {
    const page = openPage()
    void page.client.login().catch(() => {})
    await vi.waitUntil(() => page.left.length === 1)
    const back = await comeBack(page)
    await back.client.ready()
    stage.container.innerHTML = renderToString(app(back))
    expect(stage.shown).toBe(WAITING)
    const errors: unknown[] = []
    root = hydrateRoot(stage.container, app(back), { onRecoverableError: error => errors.push(error) })
    await shows(ITEMS)
    expect(errors).toEqual([])
  })
})

test('O38 on a server nothing is touched', async () => {
  const { html, listeners } = await onServer(`
    const { createElement } = await import('react')
    const { renderToString } = await import('react-dom/server')
    const { createAuthHooks } = await import('${import.meta.dirname}/../../src/bindings/react.ts')
    const { oauth } = await import('${import.meta.dirname}/../../src/oauth/index.ts')
    const touched = () => { throw new Error('touched') }
    const options = { ...oauth({ issuer: 'https://id.example.com', clientId: 'spa' }), tabs: false, fetch: touched }
    const auth = Object.create(createAuthClient(options), { login: { value: touched }, ready: { value: touched } })
    const { RequireAuth } = createAuthHooks(Object.create(auth, { subscribe: { value: subscribe } }))
    const html = renderToString(createElement(RequireAuth, { fallback: 'One moment', error: () => 'error' }, 'Items'))
  `)
  expect([html, listeners]).toEqual(['One moment', 0])
})

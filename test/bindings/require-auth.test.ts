// @vitest-environment happy-dom
import { Activity, createElement, type ReactNode, StrictMode } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { AuthProvider, createAuthHooks, RequireAuth, type RequireAuthProps } from 'silent-refresh/react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createOAuthWorld, HERE, loggedIn, type OAuthWorld } from '../support/oauth.ts'
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
const page = createElement('p', null, ITEMS)
const Frame = ({ children }: { children?: ReactNode }) => createElement('main', null, children)
const guarded = (Guard: typeof RequireAuth, content: ReactNode = page) => createElement(Guard, props, content)

const render = (page: ReactNode): void => root?.render(page)
const shows = (text: string) => vi.waitUntil(() => stage.shown === text)
const departures = ({ logs }: OAuthWorld) => logs.filter(({ type }) => type === 'left').length
const leaves = (world: OAuthWorld, times = 1) => vi.waitUntil(() => departures(world) === times)
const click = () => stage.container.querySelector('button')?.click()

const withProvider = ({ client }: OAuthWorld, content?: ReactNode) =>
  createElement(AuthProvider, { client }, guarded(RequireAuth, content))
const bound = ({ client }: OAuthWorld, content?: ReactNode) =>
  guarded(createAuthHooks(client).RequireAuth, content)

describe.each([
  ['with a provider', withProvider],
  ['bound to a client', bound],
])('RequireAuth %s', (_, app) => {
  /** A page load: nothing is left of the page before. */
  function open(world: OAuthWorld, page: ReactNode = app(world)): OAuthWorld {
    root?.unmount()
    root = createRoot(stage.container)
    render(page)
    return world
  }
  const openSignedIn = async (given?: Parameters<typeof loggedIn>[0]) => {
    const world = open(await loggedIn(given))
    await shows(ITEMS)
    return world
  }

  test('O1 takes a visitor to the login, and back to the page', async () => {
    const world = open(createOAuthWorld())
    await leaves(world)
    expect(stage.shown).toBe(WAITING)
    const back = open(await world.back())
    await shows(ITEMS)
    expect([back.windows.href(), departures(back)]).toEqual([HERE, 0])
  })

  test('restores the session first, also where the app restores by hand', async () => {
    const world = open(createOAuthWorld({ options: { restore: 'manual' } }))
    await leaves(world)
    expect(world.client.session).toMatchObject({ status: 'anonymous', reason: 'initial' })
    expect(stage.shown).toBe(WAITING)
  })

  test('O4 StrictMode, another render and a second guard on the page make one login', async () => {
    const world = createOAuthWorld()
    const Guard = createAuthHooks(world.client).RequireAuth
    const twice = () => createElement(StrictMode, null, guarded(Guard), guarded(Guard), app(world))
    open(world, twice())
    render(twice())
    await leaves(world)
    render(twice())
    await world.settle()
    expect(departures(world)).toBe(1)
    expect(world.calls()).toEqual(['discovery'])
    expect(stage.shown).toBe(WAITING.repeat(3))
  })

  test('O13 shows why the login has failed, and leaves again only when the user asks', async () => {
    const world = open(createOAuthWorld())
    await leaves(world)
    const back = await world.back({ error: 'access_denied' })
    open(back, createElement(StrictMode, null, app(back)))
    await shows('login_rejected')
    await back.settle()
    expect(departures(back)).toBe(0)
    click()
    await leaves(back)
  })

  test('O27 shows that the server cannot be reached, and tries again when the user asks', async () => {
    const world = createOAuthWorld()
    world.id.fail('discovery', { status: 503 }, 2)
    open(world)
    await shows('login_unavailable')
    click()
    await vi.waitUntil(() => world.calls().length === 2)
    await shows('login_unavailable')
    expect(departures(world)).toBe(0)
    click()
    await leaves(world)
  })

  test('O25 the back button from the login does not lead there again', async () => {
    const world = open(createOAuthWorld())
    await leaves(world)
    world.wake('pageshow', true)
    expect(world.client.session.status).toBe('unknown')
    await shows('login_cancelled')
    await vi.waitUntil(() => world.client.session.status === 'anonymous')
    await world.settle()
    expect([stage.shown, departures(world)]).toEqual(['login_cancelled', 1])
    click()
    await leaves(world, 2)
  })

  test('O32 a logout is not undone while the page leaves for the logout at the server', async () => {
    const world = await openSignedIn()
    await world.client.logout()
    await shows('no_session')
    await leaves(world)
    await world.settle()
    expect(departures(world)).toBe(1)
    expect(await world.windows.left()).toContain('id_token_hint')
  })

  test('O33 a logout in another tab is not undone where the session at the server goes on', async () => {
    const world = await openSignedIn({ oauth: { endSession: false } })
    const other = world.open()
    await other.client.ready()
    await other.client.logout()
    await shows('no_session')
    await world.settle()
    expect(world.id.user).not.toBeNull()
    expect([departures(world), departures(other)]).toEqual([0, 0])
    click()
    await leaves(world)
  })

  test('a login in another tab is shown, and the end of that session leads to the login as ever', async () => {
    const world = createOAuthWorld()
    world.id.fail('discovery', { status: 503 })
    open(world)
    await shows('login_unavailable')
    const other = world.open()
    void other.client.login().catch(() => {})
    const back = await other.back()
    await back.client.ready()
    await shows(ITEMS)
    back.id.revokeAll()
    back.clock.tick(600_000)
    await back.client.refresh().catch(() => {})
    await leaves(world)
    expect(world.client.session).toMatchObject({ reason: 'rejected' })
    expect(stage.shown).toBe(WAITING)
  })

  describe('what one user has typed is not there for the next one', () => {
    const field = () => stage.container.querySelector('input')
    const isHidden = () => field()?.style.display === 'none'
    const signInAsGrace = ({ client }: OAuthWorld) =>
      client.setTokens({ accessToken: 'opaque-of-grace', user: { id: 'grace' } })

    /** A page with a field that Ada has typed into. React hides it, as a router does that keeps pages. */
    async function typeAndHide() {
      const world = await loggedIn()
      const content = { children: app(world, createElement('input')) }
      const show = (mode: 'visible' | 'hidden') => render(createElement(Activity, { ...content, mode }))
      open(world, null)
      show('visible')
      await vi.waitUntil(field)
      Object.assign(field()!, { value: 'Of Ada' })
      show('hidden')
      await vi.waitUntil(isHidden)
      return { world, show }
    }

    test('after a logout: the hidden page loses it at once', async () => {
      const { world, show } = await typeAndHide()
      await world.client.logout()
      await vi.waitUntil(() => !field())
      await signInAsGrace(world)
      show('visible')
      await vi.waitUntil(field)
      expect(field()?.value).toBe('')
    })

    test('when another user takes the place of the first', async () => {
      const { world, show } = await typeAndHide()
      await signInAsGrace(world)
      show('visible')
      await vi.waitUntil(() => !isHidden())
      expect(field()?.value).toBe('')
    })

    /** A page with a field that Ada has typed into, and that Grace finds empty. */
    async function expectItEmpty(world: OAuthWorld, page: ReactNode): Promise<void> {
      open(world, page)
      await vi.waitUntil(field)
      const ofAda = Object.assign(field()!, { value: 'Of Ada' })
      await signInAsGrace(world)
      await vi.waitUntil(() => field() && field() !== ofAda)
      expect(field()?.value).toBe('')
    }

    test('on a page that is shown', async () => {
      const world = await loggedIn()
      await expectItEmpty(world, app(world, createElement('input')))
    })

    test('where the fallback begins with the same component as the page', async () => {
      const world = await loggedIn()
      const { RequireAuth: Guard } = createAuthHooks(world.client)
      const content = createElement(Frame, null, createElement('input'))
      await expectItEmpty(world, createElement(Guard, { ...props, fallback: content }, content))
    })

    test('and is still there for the same user', async () => {
      const { world, show } = await typeAndHide()
      await world.client.refresh()
      show('visible')
      await vi.waitUntil(() => !isHidden())
      expect(field()?.value).toBe('Of Ada')
    })
  })

  test('F1 an outage throws nobody out', async () => {
    const world = await openSignedIn()
    world.id.fail('token', { status: 503 })
    await world.client.refresh().catch(() => {})
    expect(world.client.session.error).toMatchObject({ code: 'refresh_unavailable' })
    await world.settle()
    expect([stage.shown, departures(world)]).toEqual([ITEMS, 0])
  })

  test('O38 a server renders the fallback, and hydrating it is no mismatch', async () => {
    const world = await loggedIn()
    stage.container.innerHTML = renderToString(app(world))
    expect(stage.shown).toBe(WAITING)
    const errors: unknown[] = []
    root = hydrateRoot(stage.container, app(world), { onRecoverableError: error => errors.push(error) })
    await shows(ITEMS)
    expect(errors).toEqual([])
  })
})

test('O38 a server asks the client for nothing', async () => {
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

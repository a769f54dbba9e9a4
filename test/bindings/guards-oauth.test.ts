// @vitest-environment happy-dom
// @vitest-environment-options { "url": "https://app.example.com/" }
import { createElement, type ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { APP, createOAuthWorld, loggedIn, type OAuthWorld, type OAuthWorldOptions } from '../support/oauth.ts'
import { type Outcome, watch } from '../support/outcome.ts'
import { createStage } from './stage.ts'

const ITEMS = 'Items'
const WELCOME = 'Welcome'
const WANTED = `${APP}/items?page=2`

interface App {
  leave(): void
  /** Goes to another page of the app, without a page load. */
  go?(path: string): Promise<unknown>
}

/** The app of the docs, around the client that is mocked as its `./auth`. */
type Start = (client: OAuthWorld['client'], target: HTMLElement) => Promise<App>

const shown = (text: string) => () => createElement('p', null, text)

const startReact =
  (open: (client: OAuthWorld['client']) => Promise<App & { page: ReactNode }>): Start =>
  async (client, target) => {
    vi.doMock('virtual:docs/pages', () => ({ Items: shown(ITEMS) }))
    const { createRoot } = await import('react-dom/client')
    const app = await open(client)
    const root = createRoot(target)
    root.render(app.page)
    return {
      ...app,
      leave() {
        root.unmount()
        app.leave()
      },
    }
  }

const startMembers = startReact(async () => {
  const { Members } = await import('virtual:docs/members.tsx')
  return { page: createElement(location.pathname === '/' ? shown(WELCOME) : Members), leave() {} }
})

const startReactRouter = startReact(async client => {
  const { RouterProvider } = await import('react-router/dom')
  const { AuthProvider } = await import('silent-refresh/react')
  const { router } = await import('virtual:docs/react-router-members.tsx')
  return {
    page: createElement(AuthProvider, { client }, createElement(RouterProvider, { router })),
    leave: () => router.dispose(),
    go: path => router.navigate(path),
  }
})

const startVue: Start = async (client, target) => {
  const { createApp, defineComponent, h } = await import('vue')
  vi.doMock('virtual:docs/pages', () => ({ Items: defineComponent(() => () => h('p', ITEMS)) }))
  const { RouterView } = await import('vue-router')
  const { createAuth } = await import('silent-refresh/vue')
  const { router } = await import('virtual:docs/vue-router-members.ts')
  const app = createApp(RouterView).use(createAuth(client)).use(router)
  app.mount(target)
  return { leave: () => app.unmount(), go: path => router.push(path) }
}

const frameworks: [string, Start][] = [
  ['RequireAuth', startMembers],
  ['React Router', startReactRouter],
  ['Vue Router', startVue],
]

const stage = createStage()
let app: App | undefined
/** Everything that was on the screen, in its order. */
let screens: string[]
let observer: MutationObserver

beforeEach(() => {
  vi.resetModules()
  observer = new MutationObserver(() => void screens.push(stage.shown))
  observer.observe(stage.container, { childList: true, subtree: true, characterData: true })
})

afterEach(() => {
  close()
  observer.disconnect()
})

function close(): void {
  app?.leave()
  app = undefined
  vi.doUnmock('virtual:docs/auth.ts')
  vi.doUnmock('virtual:docs/pages')
  vi.resetModules()
}

const shows = (text: string) => vi.waitUntil(() => stage.shown.includes(text))
const departures = ({ logs }: OAuthWorld) => logs.filter(({ type }) => type === 'left').length
const leaves = (world: OAuthWorld, times = 1) => vi.waitUntil(() => departures(world) === times)
const click = () => stage.container.querySelector('button')?.click()

describe.each(frameworks)('%s', (_, start) => {
  /** A page load: the address bar is that of the document. */
  async function open(world: OAuthWorld): Promise<OAuthWorld> {
    close()
    history.replaceState(null, '', world.windows.href())
    world.windows.href = () => location.href
    screens = []
    const { client } = world
    vi.doMock('virtual:docs/auth.ts', () => ({ auth: client }))
    app = await start(client, stage.container)
    return world
  }
  const visit = (given: OAuthWorldOptions = {}) => open(createOAuthWorld({ href: WANTED, ...given }))
  const openSignedIn = async (given: OAuthWorldOptions = {}) => {
    const world = await open(await loggedIn({ href: WANTED, ...given }))
    await shows(ITEMS)
    return world
  }

  test('O1 a visitor is taken to the provider, and back to the page that they wanted', async () => {
    const world = await visit()
    await leaves(world)
    expect(screens.join()).not.toContain(ITEMS)
    const back = await open(await world.back())
    await shows(ITEMS)
    expect(location.href).toBe(WANTED)
    expect([departures(world), departures(back)]).toEqual([1, 0])
  })

  test('a page without a guard takes nobody to the provider', async () => {
    const world = await visit({ href: `${APP}/` })
    await shows(WELCOME)
    await world.client.ready()
    await world.settle()
    expect(departures(world)).toBe(0)
  })

  test('O13 a login that failed is shown, and the next one is up to the user', async () => {
    const world = await visit()
    await leaves(world)
    const back = await open(await world.back({ error: 'access_denied' }))
    await shows('The login did not work.')
    await back.settle()
    expect([departures(back), location.href]).toEqual([0, WANTED])
    click()
    await leaves(back)
    await open(await back.back())
    await shows(ITEMS)
    expect(location.href).toBe(WANTED)
  })

  test('O27 a provider that cannot be reached is shown', async () => {
    const world = createOAuthWorld({ href: WANTED })
    world.id.fail('discovery', { status: 503 }, 2)
    await open(world)
    await vi.waitUntil(() => stage.container.querySelector('button'))
    click()
    await vi.waitUntil(() => world.calls().length === 2)
    await world.settle()
    expect(departures(world)).toBe(0)
    click()
    await leaves(world)
  })

  test('O32 a logout is not undone', async () => {
    const world = await openSignedIn()
    await world.client.logout()
    await shows('You are signed out.')
    await leaves(world)
    await world.settle()
    expect(departures(world)).toBe(1)
    expect(await world.windows.left()).toContain('id_token_hint')
    expect(location.href).toBe(WANTED)
  })

  test('O33 a logout in another tab is not undone, and a login there is shown', async () => {
    const world = await openSignedIn({ oauth: { endSession: false } })
    const other = world.open()
    await other.client.ready()
    await other.client.logout()
    await shows('You are signed out.')
    await world.settle()
    expect([departures(world), departures(other)]).toEqual([0, 0])
    void other.client.login().catch(() => {})
    await (await other.back()).client.ready()
    await shows(ITEMS)
    expect(location.href).toBe(WANTED)
  })

  test('O33 from page to page a logout is not undone either, and the login comes back to the page that was wanted', async () => {
    const world = await openSignedIn({ oauth: { endSession: false } })
    await world.client.logout()
    await shows('You are signed out.')
    if (!app?.go) return
    await app.go('/')
    await shows(WELCOME)
    await app.go('/items?page=3')
    await shows('You are signed out.')
    expect([location.href, departures(world)]).toEqual([`${APP}/items?page=3`, 0])
    click()
    const back = await open(await world.back())
    await shows(ITEMS)
    expect([location.href, departures(back)]).toEqual([`${APP}/items?page=3`, 0])
  })

  test('a session that the provider has ended leads to the login, and back', async () => {
    const world = await openSignedIn()
    world.id.revokeAll()
    world.clock.tick(600_000)
    await world.client.refresh().catch(() => {})
    await leaves(world)
    await open(await world.back())
    await shows(ITEMS)
    expect(location.href).toBe(WANTED)
  })

  test('F1 an outage throws nobody out', async () => {
    const world = await openSignedIn()
    world.id.fail('token', { status: 503 })
    await world.client.refresh().catch(() => {})
    await world.settle()
    expect([stage.shown, departures(world)]).toEqual([ITEMS, 0])
  })
})

describe('SvelteKit', () => {
  /** What the `load` of the group says when SvelteKit asks it for that page. */
  async function ask(world: OAuthWorld) {
    close()
    const { client } = world
    vi.doMock('virtual:docs/auth.ts', () => ({ auth: client }))
    const { load } = await import('virtual:docs/src/routes/(members)/+layout.ts')
    return watch(load({ url: new URL(WANTED) }))
  }
  const settled = (load: Outcome<unknown>) => vi.waitUntil(() => load.state !== 'pending')

  test('O1 a visitor is taken to the provider, and back to the page that they wanted', async () => {
    const world = createOAuthWorld({ href: `${APP}/` })
    const load = await ask(world)
    await leaves(world)
    expect(load.state).toBe('pending')
    const back = await world.back()
    expect(back.windows.href()).toBe(WANTED)
    const again = await ask(back)
    await settled(again)
    expect([again.state, departures(back)]).toEqual(['fulfilled', 0])
  })

  test('O13 a login that failed is an error with its reason', async () => {
    const world = createOAuthWorld({ href: WANTED })
    await ask(world)
    const back = await world.back({ error: 'access_denied' })
    const load = await ask(back)
    await settled(load)
    expect(load.error).toMatchObject({
      status: 401,
      body: { message: 'The login did not work.' },
    })
    expect(departures(back)).toBe(0)
  })

  test('O32 a logout is not undone', async () => {
    const world = await loggedIn({ href: WANTED, oauth: { endSession: false } })
    await world.client.logout()
    const load = await ask(world)
    await settled(load)
    expect(load.error).toMatchObject({ status: 401, body: { message: 'You are signed out.' } })
    expect(departures(world)).toBe(0)
  })
})

describe('Angular', () => {
  async function ask(world: OAuthWorld, url = '/items?page=2') {
    close()
    const { client } = world
    vi.doMock('virtual:docs/auth.ts', () => ({ auth: client }))
    await import('@angular/compiler')
    const [{ signedInOnly }, { Router }, { Location }, { Injector, runInInjectionContext }] =
      await Promise.all([
        import('virtual:docs/angular-guard.ts'),
        import('@angular/router'),
        import('@angular/common'),
        import('@angular/core'),
      ])
    const injector = Injector.create({
      providers: [
        { provide: Router, useValue: { parseUrl: (path: string) => path } },
        { provide: Location, useValue: { prepareExternalUrl: (path: string) => `/base${path}` } },
      ],
    })
    return watch(runInInjectionContext(injector, () => signedInOnly(null, { url })))
  }
  const settled = (guard: Outcome<unknown>) => vi.waitUntil(() => guard.state !== 'pending')

  test('O1 a visitor is taken to the provider, and back to the page that they wanted', async () => {
    const world = createOAuthWorld({ href: `${APP}/base/` })
    const guard = await ask(world)
    await leaves(world)
    expect(guard.state).toBe('pending')
    const back = await world.back()
    expect(back.windows.href()).toBe(`${APP}/base/items?page=2`)
    const again = await ask(back)
    await settled(again)
    expect([again.value, departures(back)]).toEqual([true, 0])
  })

  test.each([
    ['O13 a login that failed', { error: 'access_denied' }, 'login_rejected'],
    ['O32 a logout', undefined, 'no_session'],
  ])('%s leads to the page that shows it, under the same address', async (_, decision, code) => {
    const first = createOAuthWorld({ href: WANTED, oauth: { endSession: false } })
    await ask(first)
    const world = await first.back(decision)
    await world.client.ready()
    if (!decision) await world.client.logout()
    const guard = await ask(world)
    await settled(guard)
    expect(guard.value).toMatchObject({
      redirectTo: '/signed-out',
      navigationBehaviorOptions: { browserUrl: '/items?page=2', info: { code } },
    })
    expect(departures(world)).toBe(0)
  })
})

// @vitest-environment happy-dom
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import fc from 'fast-check'
import { createElement } from 'react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { root } from '../tools/report.ts'
import { blocks } from './doc-blocks.ts'
import { createStage } from './stage.ts'

const LOGIN = 'Sign in'
const ITEMS = 'Items of ada'

/** The app of the docs around the client that is mocked as its `./auth`. Answers with what takes it away. */
type Start = (client: World['client'], target: HTMLElement) => Promise<() => void>

let signingIn: Promise<unknown> | undefined
const signIn = (client: World['client']) => () => {
  signingIn = client.login({ email: 'ada', password: 'right' })
}

const startReact: Start = async (client, target) => {
  const page = (tag: string, text: string, onClick?: () => void) => () =>
    createElement(tag, { onClick }, text)
  const { createRoot } = await import('react-dom/client')
  const { RouterProvider } = await import('react-router/dom')
  const { AuthProvider } = await import('silent-refresh/react')
  vi.doMock('virtual:docs/pages', () => ({
    Items: page('p', ITEMS),
    Login: page('button', LOGIN, signIn(client)),
  }))
  const { router } = await import('virtual:docs/react-router.tsx')
  const root = createRoot(target)
  root.render(createElement(AuthProvider, { client }, createElement(RouterProvider, { router })))
  return () => {
    root.unmount()
    router.dispose()
  }
}

const startVue: Start = async (client, target) => {
  const { createApp, defineComponent, h } = await import('vue')
  const page = (tag: string, text: string, onClick?: () => void) =>
    defineComponent(() => () => h(tag, { onClick }, text))
  const { RouterView } = await import('vue-router')
  const { createAuth } = await import('silent-refresh/vue')
  vi.doMock('virtual:docs/Items.vue', () => ({ default: page('p', ITEMS) }))
  vi.doMock('virtual:docs/Login.vue', () => ({ default: page('button', LOGIN, signIn(client)) }))
  const { router } = await import('virtual:docs/router.ts')
  const app = createApp(RouterView).use(createAuth(client)).use(router)
  app.mount(target)
  return () => app.unmount()
}

const frameworks: [string, Start][] = [
  ['React Router', startReact],
  ['Vue Router', startVue],
]

const hostile = [
  'https://evil.example/items',
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/.//evil.example',
  '/a/..//evil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  'blob:https://app.invalid/x',
  'http://',
]

const stage = createStage()
let leave: () => void
/** Everything that was on the screen, in its order. */
let screens: string[]
let observer: MutationObserver

beforeEach(() => {
  vi.resetModules()
  leave = () => {}
  screens = []
  observer = new MutationObserver(() => void screens.push(stage.shown))
  observer.observe(stage.container, { childList: true, subtree: true, characterData: true })
})

afterEach(() => {
  leave()
  observer.disconnect()
  vi.doUnmock('virtual:docs/auth.ts')
  for (const page of ['pages', 'Items.vue', 'Login.vue']) vi.doUnmock(`virtual:docs/${page}`)
})

const shows = (text: string) => vi.waitUntil(() => stage.shown === text)
/** Escaped alike: Vue Router leaves more of a query as it is. */
const address = () => `${location.pathname}?${new URLSearchParams(location.search)}`
const path = (login: string) => `/login?${new URLSearchParams({ to: login })}`

describe.each(frameworks)('%s', (_, start) => {
  async function open({ client }: World, to: string): Promise<void> {
    history.replaceState(null, '', to)
    vi.doMock('virtual:docs/auth.ts', () => ({ auth: client }))
    leave = await start(client, stage.container)
  }

  test('who is being restored sees neither the login page nor the app, and then the app', async () => {
    const world = createWorld()
    world.server.seed('ada')
    const answer = world.server.hold('POST /refresh_token')
    await open(world, '/?page=2')
    await world.settle()
    expect(stage.shown).toMatch(/^(One moment …)?$/)
    answer()
    await shows(ITEMS)
    expect(address()).toBe('/?page=2')
    expect(screens).not.toContain(LOGIN)
    expect(world.server.refreshes).toBe(1)
  })

  test('who is signed out is sent to the login page, and back after the login', async () => {
    const world = createWorld()
    await open(world, '/?page=2')
    await shows(LOGIN)
    expect(address()).toBe(path('/?page=2'))
    expect(screens).not.toContain(ITEMS)
    stage.container.querySelector('button')?.click()
    await signingIn
    await shows(ITEMS)
    expect(address()).toBe('/?page=2')
  })

  test('who is signed in does not see the login page', async () => {
    const world = await signedIn()
    await open(world, path('/?page=2'))
    await shows(ITEMS)
    expect(address()).toBe('/?page=2')
    expect(screens).not.toContain(LOGIN)
  })

  test.each(hostile)('the way back leads to no other site: %j', async to => {
    const world = await signedIn()
    await open(world, path(to))
    await shows(ITEMS)
    expect(location.href).toBe(new URL('/', location.origin).href)
  })

  test('a logout takes the app off the screen at once, and leads to the login page', async () => {
    const world = await signedIn()
    await open(world, '/?page=2')
    await shows(ITEMS)
    void world.client.logout()
    await shows(LOGIN)
    expect(address()).toBe(path('/?page=2'))
  })

  test('a logout in another tab leads to the login page, and a login there back', async () => {
    const world = await signedIn()
    const other = createWorld({ browser: world })
    await other.client.ready()
    await open(world, '/?page=2')
    await shows(ITEMS)
    await other.client.logout()
    await shows(LOGIN)
    expect(address()).toBe(path('/?page=2'))
    await other.login()
    await shows(ITEMS)
    expect(address()).toBe('/?page=2')
  })

  test('F1 an outage throws nobody out', async () => {
    const world = await signedIn()
    await open(world, '/?page=2')
    await shows(ITEMS)
    world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
    await world.client.refresh().catch(() => {})
    expect(world.count('refreshError')).toBe(1)
    await world.settle()
    expect(stage.shown).toBe(ITEMS)
    expect(address()).toBe('/?page=2')
    expect(screens).not.toContain(LOGIN)
  })

  test('F8 who comes during an outage waits for its end where they are', async () => {
    const world = createWorld()
    world.server.seed('ada')
    world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
    await open(world, '/?page=2')
    await shows('One moment …')
    await world.client.ready()
    expect(world.client.session.status).toBe('unknown')
    world.server.mend()
    await world.clock.advance(120_000)
    await shows(ITEMS)
    expect(address()).toBe('/?page=2')
    expect(screens).not.toContain(LOGIN)
  })
})

test('F1 React Router runs its loaders again when an outage is over, and not when it begins', async () => {
  const world = await signedIn()
  history.replaceState(null, '', '/')
  vi.doMock('virtual:docs/auth.ts', () => ({ auth: world.client }))
  leave = await startReact(world.client, stage.container)
  await shows(ITEMS)
  const { router } = await import('virtual:docs/react-router.tsx')
  let revalidations = 0
  router.subscribe(({ revalidation }) => {
    if (revalidation === 'loading') revalidations++
  })
  world.server.answer('POST /refresh_token', () => world.server.json({}, 503))
  await world.client.refresh().catch(() => {})
  await world.settle()
  expect(world.client.session).toMatchObject({ status: 'authenticated', error: expect.anything() })
  expect(revalidations).toBe(0)
  world.server.mend()
  await world.client.refresh()
  await world.settle()
  expect(world.client.session.error).toBe(null)
  expect(revalidations).toBe(1)
})

test('every app has the same function for the way back, the one that is tested below', () => {
  const { code } = blocks.find(({ file }) => file === 'return-to.ts')!
  const copies = globSync('demo/apps/*/{src,app,lib}/**/return-to.ts', { cwd: root })
  expect(copies.length).toBeGreaterThan(6)
  for (const copy of copies) expect(readFileSync(resolve(root, copy), 'utf8'), copy).toBe(code)
})

test('whatever the address says, the way back is a path of this app', async () => {
  const { returnTo } = await import('virtual:docs/return-to.ts')
  const parts = fc.constantFrom(
    '/',
    '\\',
    '.',
    '..',
    ':',
    '@',
    '\t',
    '\n',
    ' ',
    '//',
    'https:',
    'javascript:',
    'evil.example',
    '%2f',
  )
  const to = fc.oneof(
    fc.array(parts).map(list => list.join('')),
    fc.webUrl(),
    fc.string(),
    fc.constantFrom(...hostile, 'https:evil.example'),
  )
  fc.assert(
    fc.property(to, given => {
      const path = returnTo(given)
      expect(path).toMatch(/^\/(?![/\\])/)
      expect(new URL(path, 'https://app.example').origin).toBe('https://app.example')
    }),
  )
})

test.each(['/', '/items', '/items?page=2', '/items/1?q=%2F#notes', '/?to=https://evil.example'])(
  'a path of this app stays as it is: %s',
  async to => {
    const { returnTo } = await import('virtual:docs/return-to.ts')
    expect(returnTo(to)).toBe(to)
  },
)

test.each([undefined, null, ['/a', '/b'], ''])('%j leads to the start', async to => {
  const { returnTo } = await import('virtual:docs/return-to.ts')
  expect(returnTo(to)).toBe('/')
})

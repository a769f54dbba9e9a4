// @vitest-environment happy-dom
import { AuthProvider, createAuthHooks, useAuth, useSession } from 'silent-refresh/solid'
import {
  type Accessor,
  type Component,
  createComponent,
  createEffect,
  createRoot,
  createSignal,
} from 'solid-js'
import { getNextElement, hydrate, insert, render, template } from 'solid-js/web'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { onServer } from './on-server.ts'
import { createStage, expectToFollow, status } from './stage.ts'
import { watched } from './watched.ts'

let leave: () => void
const stage = createStage()

beforeEach(() => {
  leave = () => {}
})

afterEach(() => {
  leave()
  vi.unstubAllGlobals()
})

const paragraph = template('<p></p>')

/** Shows what the hook answers, and counts: what the compiler makes of `<p>{show(value())}</p>`. */
const showing =
  (use: () => Accessor<unknown>): Component =>
  () => {
    const value = use()
    const element = getNextElement(paragraph)
    insert(element, () => {
      stage.renders++
      return JSON.stringify(value())
    })
    return element
  }
const Status = showing(() => useSession(status))

/** `<AuthProvider client={client}><Shown /></AuthProvider>` */
const page = (client: World['client'], Shown: Component) => () =>
  createComponent(AuthProvider, {
    client,
    get children() {
      return createComponent(Shown, {})
    },
  })

function show(client: World['client'], Shown: Component): void {
  leave = render(page(client, Shown), stage.container)
}

/** The component on the stage shows who signs in and out. */
const expectFollowing = (world: World) => expectToFollow(() => stage.shown, world.login, world.client.logout)

describe('what is shown', () => {
  test('follows a login and a logout', async () => {
    const world = createWorld()
    show(
      world.client,
      showing(() =>
        useSession(session => (session.status === 'authenticated' ? session.claims?.sub : session.status)),
      ),
    )
    await expectFollowing(world)
  })

  test('is the whole session where nothing is selected, and a refresh shows its new end', async () => {
    const world = await signedIn()
    show(
      world.client,
      showing(() => useSession()),
    )
    const before = stage.shown
    world.clock.tick(1000)
    await world.client.refresh()
    expect(stage.shown).not.toBe(before)
    expect(stage.shown).toBe(JSON.stringify(world.client.session))
  })

  test('a refresh runs nobody again who does not show it', async () => {
    const world = await signedIn()
    show(world.client, Status)
    const { session } = world.client
    world.clock.tick(1000)
    await world.client.refresh()
    expect(world.client.session).not.toBe(session)
    expect(stage.renders).toBe(1)
  })

  test('a selector may read what is reactive', async () => {
    const world = await signedIn()
    const [key, setKey] = createSignal<'status' | 'error'>('status')
    show(
      world.client,
      showing(() => useSession(session => (session.status === 'authenticated' ? session[key()] : undefined))),
    )
    expect(stage.shown).toBe('"authenticated"')
    setKey('error')
    expect(stage.shown).toBe('null')
  })

  test('is what came between the render and its effects', async () => {
    const world = await signedIn()
    show(
      world.client,
      showing(() => {
        const session = useSession(status)
        void world.client.logout()
        return session
      }),
    )
    expect(stage.shown).toBe('"anonymous"')
  })
})

describe('the client', () => {
  test('useAuth returns the client of the nearest provider', () => {
    const world = createWorld()
    let got: unknown
    show(
      world.client,
      showing(() => {
        got = useAuth()
        return () => null
      }),
    )
    expect(got).toBe(world.client)
  })

  test('without a provider the error says what is missing', () => {
    expect(() => render(() => createComponent(Status, {}), stage.container)).toThrow(
      '<AuthProvider client={…}>',
    )
  })

  test('unmounting leaves no listener, and the client alive', async () => {
    const world = await signedIn()
    const spied = watched(world)
    show(spied.client, Status)
    expect(spied.listeners).toBe(1)
    leave()
    expect(spied.listeners).toBe(0)
    expect(await world.client.getAccessToken()).not.toBeNull()
  })

  test('outside of components it ends with its root', async () => {
    const world = await signedIn()
    const spied = watched(world)
    const seen: unknown[] = []
    const dispose = createRoot(end => {
      createComponent(AuthProvider, {
        client: spied.client,
        get children() {
          const session = useSession(status)
          createEffect(() => seen.push(session()))
          return null
        },
      })
      return end
    })
    await world.client.logout()
    expect(seen).toEqual(['authenticated', 'anonymous'])
    dispose()
    expect(spied.listeners).toBe(0)
  })
})

describe('the hooks of one client', () => {
  const statusOf = (client: World['client']) => {
    const bound = createAuthHooks(client)
    return showing(() => bound.useSession(status))
  }

  function showPage(...components: Component[]): void {
    leave = render(() => components.map(component => createComponent(component, {})), stage.container)
  }

  test('need no provider, and follow a login and a logout', async () => {
    const world = createWorld()
    const bound = createAuthHooks(world.client)
    showPage(showing(() => bound.useSession(session => session.claims?.sub ?? session.status)))
    await expectFollowing(world)
  })

  test('return that client and its whole session', async () => {
    const world = await signedIn()
    const bound = createAuthHooks(world.client)
    showPage(showing(() => bound.useSession()))
    expect(bound.useAuth()).toBe(world.client)
    expect(stage.shown).toBe(JSON.stringify(world.client.session))
  })

  test('show two clients on one page, whatever provider is above them', async () => {
    const [ada, nobody] = [await signedIn(), createWorld()]
    const both = [statusOf(ada.client), statusOf(nobody.client)]
    show(nobody.client, () => both.map(component => createComponent(component, {})))
    expect(stage.shown).toBe('"authenticated""unknown"')
    await ada.client.logout()
    expect(stage.shown).toBe('"anonymous""unknown"')
  })

  test('re-run nothing when a refresh does not change the selected value, and end with the page', async () => {
    const world = await signedIn()
    const spied = watched(world)
    showPage(statusOf(spied.client))
    expect(spied.listeners).toBe(1)
    world.clock.tick(1000)
    await world.client.refresh()
    expect(stage.renders).toBe(1)
    leave()
    expect(spied.listeners).toBe(0)
  })

  test('show "unknown" on a server, listen to nothing there, and hydrate without a mismatch', async () => {
    const { html, listeners } = await onServer(`
      const { createComponent } = await import('solid-js')
      const { escape, renderToString, ssr, ssrHydrationKey } = await import('solid-js/web')
      const { createAuthHooks } = await import('./src/bindings/solid.ts')
      const { useSession } = createAuthHooks(client)
      const parts = ['<p', '>', '</p>']
      function Shown() {
        const session = useSession(status)
        return ssr(parts, ssrHydrationKey(), escape(JSON.stringify(session())))
      }
      const html = renderToString(() => createComponent(Shown, {}))
    `)
    expect(html).toMatch(/^<p data-hk="?\w+"?>"unknown"<\/p>$/)
    expect(listeners).toBe(0)

    const world = await signedIn()
    vi.stubGlobal('_$HY', { events: [], completed: new WeakSet(), r: {}, fe() {} })
    stage.container.innerHTML = html
    const served = stage.container.firstChild
    const Shown = statusOf(world.client)
    leave = hydrate(() => createComponent(Shown, {}), stage.container)
    expect(stage.shown).toBe('"authenticated"')
    expect(stage.container.firstChild).toBe(served)
  })
})

describe('server rendering', () => {
  test('shows "unknown", whoever is signed in, listens to nothing, and hydrates without a mismatch', async () => {
    const { html, listeners } = await onServer(`
      const { createComponent } = await import('solid-js')
      const { escape, renderToString, ssr, ssrHydrationKey } = await import('solid-js/web')
      const { AuthProvider, useSession } = await import('./src/bindings/solid.ts')
      const parts = ['<p', '>', '</p>']
      function Shown() {
        const session = useSession(status)
        return ssr(parts, ssrHydrationKey(), escape(JSON.stringify(session())))
      }
      const page = { client, get children() { return createComponent(Shown, {}) } }
      const html = renderToString(() => createComponent(AuthProvider, page))
    `)
    expect(html).toMatch(/^<p data-hk="?\w+"?>"unknown"<\/p>$/)
    expect(listeners).toBe(0)

    const world = await signedIn()
    // What generateHydrationScript() puts into the page.
    vi.stubGlobal('_$HY', { events: [], completed: new WeakSet(), r: {}, fe() {} })
    stage.container.innerHTML = html
    const served = stage.container.firstChild
    const first: unknown[] = []
    const Shown = showing(() => {
      const session = useSession(status)
      first.push(session())
      return session
    })
    leave = hydrate(page(world.client, Shown), stage.container)
    expect(first).toEqual(['unknown'])
    expect(stage.shown).toBe('"authenticated"')
    expect(stage.container.firstChild).toBe(served)
  })
})

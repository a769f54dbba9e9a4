// @vitest-environment happy-dom
import {
  act,
  createElement,
  type FunctionComponent,
  type ReactNode,
  StrictMode,
  startTransition,
  useEffect,
  useLayoutEffect,
  useState,
} from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { AuthProvider, createAuthHooks, useAuth, useSession } from 'silent-refresh/react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { createStage, expectToFollow, status } from './stage.ts'
import { watched } from './watched.ts'

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)

let root: Root | undefined
const stage = createStage()

afterEach(async () => {
  await act(async () => root?.unmount())
  root = undefined
})

const show = (client: World['client'], ...children: ReactNode[]): Promise<void> =>
  showPage(createElement(AuthProvider, { client }, ...children))

async function showPage(page: ReactNode): Promise<void> {
  root ??= createRoot(stage.container)
  await act(async () => root?.render(page))
}

/** Shows what the hook answers, and counts. */
const showing =
  (use: () => unknown): FunctionComponent =>
  () => {
    stage.renders++
    return createElement('p', null, JSON.stringify(use()))
  }
const Status = showing(() => useSession(status))

const login = (world: World) => act(() => world.login())
const refresh = (world: World) => act(async () => void (await world.client.refresh()))
const logout = (world: World) => act(async () => void (await world.client.logout()))

/** The component on the stage shows who signs in and out. */
const expectFollowing = (world: World) =>
  expectToFollow(
    () => stage.shown,
    () => login(world),
    () => logout(world),
  )

describe('what is shown', () => {
  test('follows a login and a logout', async () => {
    const world = createWorld()
    const Sub = showing(() =>
      useSession(session => (session.status === 'authenticated' ? session.claims?.sub : session.status)),
    )
    await show(world.client, createElement(Sub))
    await expectFollowing(world)
  })

  test('is the whole session where nothing is selected, and a refresh shows its new end', async () => {
    const world = await signedIn()
    const Whole = showing(() => useSession())
    await show(world.client, createElement(Whole))
    const before = stage.shown
    expect(before).toBe(JSON.stringify(world.client.session))
    world.clock.tick(1000)
    await refresh(world)
    expect(stage.shown).not.toBe(before)
    expect(stage.shown).toBe(JSON.stringify(world.client.session))
  })

  test('a refresh renders nobody again who does not show it', async () => {
    const world = await signedIn()
    await show(world.client, createElement(Status))
    const before = stage.renders
    const { session } = world.client
    world.clock.tick(1000)
    await refresh(world)
    expect(world.client.session).not.toBe(session)
    expect(stage.renders).toBe(before)
  })

  test('a selector that makes a new object each time neither loops nor is warned of', async () => {
    const world = await signedIn()
    const Fresh = showing(() => useSession(session => ({ is: session.status })))
    await show(world.client, createElement(Fresh))
    expect(stage.renders).toBe(1)
    world.clock.tick(1000)
    await refresh(world)
    expect(stage.renders).toBe(2)
  })

  test('a selector sees the props of its own render', async () => {
    const world = await signedIn()
    let choose: (key: 'status' | 'error') => void = () => {}
    const Chosen = showing(() => {
      const [key, setKey] = useState<'status' | 'error'>('status')
      choose = setKey
      return useSession(session => (session.status === 'authenticated' ? session[key] : null))
    })
    await show(world.client, createElement(Chosen))
    expect(stage.shown).toBe('"authenticated"')
    await act(async () => choose('error'))
    expect(stage.shown).toBe('null')
  })

  test('is what came between the render and its effects', async () => {
    const world = await signedIn()
    const Early = showing(() => {
      const shown = useSession(status)
      useState(() => void world.client.logout())
      return shown
    })
    await show(world.client, createElement(Early))
    expect(stage.shown).toBe('"anonymous"')
  })

  test('is one and the same all over a concurrent render that a logout comes into', async () => {
    const world = await signedIn()
    const seen: string[] = []
    let open: (isOpen: boolean) => void = () => {}
    let rendered = 0
    const row = () => {
      const shown = useSession(status)
      // In the middle of a render that React cuts into pieces.
      if (++rendered === 10) void world.client.logout()
      const end = performance.now() + 2
      while (performance.now() < end);
      return createElement('li', null, shown)
    }
    const list = () => {
      const [isOpen, setOpen] = useState(false)
      open = setOpen
      const rows = isOpen ? Array.from({ length: 20 }, (_, key) => createElement(row, { key })) : []
      useLayoutEffect(() => void seen.push(rowsShown()))
      return createElement('ul', null, rows)
    }
    const rowsShown = () =>
      [...new Set([...stage.container.querySelectorAll('li')].map(one => one.textContent))].join()
    await show(world.client, createElement(list))
    await act(async () => startTransition(() => open(true)))
    expect(rendered).toBeGreaterThan(20)
    expect(rowsShown()).toBe('anonymous')
    expect(seen).not.toContain('authenticated,anonymous')
  })

  test('another client takes over when the provider is given one', async () => {
    const world = await signedIn()
    const other = createWorld()
    const first = watched(world)
    await show(first.client, createElement(Status))
    expect(stage.shown).toBe('"authenticated"')
    await show(other.client, createElement(Status))
    expect(stage.shown).toBe('"unknown"')
    expect(first.listeners).toBe(0)
  })
})

describe('the client', () => {
  test('useAuth returns the client of the nearest provider', async () => {
    const world = createWorld()
    let got: unknown
    const Getting = showing(() => {
      got = useAuth()
      return null
    })
    await show(world.client, createElement(Getting))
    expect(got).toBe(world.client)
  })

  test('without a provider the error says what is missing', () => {
    expect(() => renderToString(createElement(Status))).toThrow('<AuthProvider client={…}>')
  })

  test('unmounting leaves no listener, and the client alive', async () => {
    const world = await signedIn()
    const spied = watched(world)
    await show(spied.client, createElement(Status), createElement(Status))
    expect(spied.listeners).toBe(2)
    await act(async () => root?.unmount())
    root = undefined
    expect(spied.listeners).toBe(0)
    expect(await world.client.getAccessToken()).not.toBeNull()
  })

  test('StrictMode mounts twice: one restore, and one listener each', async () => {
    const world = createWorld()
    world.server.seed('ada')
    const spied = watched(world)
    const Restoring = showing(() => {
      const auth = useAuth()
      useEffect(() => void auth.ready(), [auth])
      return useSession(status)
    })
    await show(spied.client, createElement(StrictMode, null, createElement(Restoring)))
    await act(() => world.settle())
    expect(stage.shown).toBe('"authenticated"')
    expect(world.server.refreshes).toBe(1)
    expect(spied.listeners).toBe(1)
  })
})

describe('the hooks of one client', () => {
  const statusOf = (client: World['client']) => {
    const bound = createAuthHooks(client)
    return showing(() => bound.useSession(status))
  }

  test('need no provider, and follow a login and a logout', async () => {
    const world = createWorld()
    const bound = createAuthHooks(world.client)
    const Sub = showing(() => bound.useSession(session => session.claims?.sub ?? session.status))
    await showPage(createElement(Sub))
    await expectFollowing(world)
  })

  test('return that client and its whole session', async () => {
    const world = await signedIn()
    const bound = createAuthHooks(world.client)
    let got: unknown
    const Whole = showing(() => {
      got = bound.useAuth()
      return bound.useSession()
    })
    await showPage(createElement(Whole))
    expect(got).toBe(world.client)
    expect(stage.shown).toBe(JSON.stringify(world.client.session))
  })

  test('show two clients on one page, whatever provider is above them', async () => {
    const [ada, nobody] = [await signedIn(), createWorld()]
    const both = [ada, nobody].map(({ client }, key) => createElement(statusOf(client), { key }))
    await showPage(both)
    expect(stage.shown).toBe('"authenticated""unknown"')
    await show(nobody.client, both)
    expect(stage.shown).toBe('"authenticated""unknown"')
    await logout(ada)
    expect(stage.shown).toBe('"anonymous""unknown"')
  })

  test('re-render nothing when a refresh does not change the selected value', async () => {
    const world = await signedIn()
    await showPage(createElement(statusOf(world.client)))
    const before = stage.renders
    world.clock.tick(1000)
    await refresh(world)
    expect(stage.renders).toBe(before)
  })

  test('a selector that makes a new object each time neither loops nor is warned of', async () => {
    const world = await signedIn()
    const bound = createAuthHooks(world.client)
    await showPage(createElement(showing(() => bound.useSession(session => ({ is: session.status })))))
    expect(stage.renders).toBe(1)
  })

  test('have one listener in StrictMode, and none after unmounting', async () => {
    const spied = watched(await signedIn())
    await showPage(createElement(StrictMode, null, createElement(statusOf(spied.client))))
    expect(stage.shown).toBe('"authenticated"')
    expect(spied.listeners).toBe(1)
    await act(async () => root?.unmount())
    root = undefined
    expect(spied.listeners).toBe(0)
  })

  test('show "unknown" on a server, and hydrate without a mismatch', async () => {
    const world = await signedIn()
    const bound = createAuthHooks(world.client)
    const Fresh = showing(() => bound.useSession(session => ({ is: session.status })))
    stage.container.innerHTML = renderToString(createElement(Fresh))
    expect(stage.shown).toBe('{"is":"unknown"}')
    const served = stage.container.firstChild
    const errors: unknown[] = []
    await act(async () => {
      root = hydrateRoot(stage.container, createElement(Fresh), {
        onRecoverableError: error => errors.push(error),
      })
    })
    expect(stage.shown).toBe('{"is":"authenticated"}')
    expect(stage.container.firstChild).toBe(served)
    expect(errors).toEqual([])
  })
})

describe('server rendering', () => {
  const page = (client: World['client'], child: FunctionComponent) =>
    createElement(AuthProvider, { client }, createElement(child))

  test('shows "unknown", whoever is signed in, and hydrates without a mismatch', async () => {
    const world = await signedIn()
    const Fresh = showing(() => useSession(session => ({ is: session.status })))
    const html = renderToString(page(world.client, Fresh))
    expect(html).toBe('<p>{&quot;is&quot;:&quot;unknown&quot;}</p>')

    stage.container.innerHTML = html
    const served = stage.container.firstChild
    const errors: unknown[] = []
    await act(async () => {
      root = hydrateRoot(stage.container, page(world.client, Fresh), {
        onRecoverableError: error => errors.push(error),
      })
    })
    expect(stage.shown).toBe('{"is":"authenticated"}')
    expect(stage.container.firstChild).toBe(served)
    expect(errors).toEqual([])
  })
})

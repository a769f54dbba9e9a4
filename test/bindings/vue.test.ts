// @vitest-environment happy-dom
import { bindAuth, createAuth, useAuth, useSession } from 'silent-refresh/vue'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type App,
  createApp,
  createSSRApp,
  defineComponent,
  effectScope,
  h,
  isReadonly,
  isRef,
  nextTick,
  ref,
  Suspense,
} from 'vue'
import { renderToString } from 'vue/server-renderer'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { onServer } from './on-server.ts'
import { createStage, expectToFollow, status } from './stage.ts'
import { watched } from './watched.ts'

let app: App | undefined
const stage = createStage()

afterEach(() => {
  app?.unmount()
  app = undefined
})

/** Shows what the composable answers, and counts. */
const showing = (use: () => { value: unknown }) =>
  defineComponent(() => {
    const value = use()
    return () => {
      stage.renders++
      return h('p', JSON.stringify(value.value))
    }
  })
const Status = showing(() => useSession(status))

function show(client: World['client'], component: ReturnType<typeof showing>): void {
  app = createApp(component).use(createAuth(client))
  app.mount(stage.container)
}

/** The component on the stage shows who signs in and out. */
const expectFollowing = (world: World) =>
  expectToFollow(
    () => stage.shown,
    async () => {
      await world.login()
      await nextTick()
    },
    async () => {
      await world.client.logout()
      await nextTick()
    },
  )

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
    await nextTick()
    expect(stage.shown).not.toBe(before)
    expect(stage.shown).toBe(JSON.stringify(world.client.session))
  })

  test('a refresh renders nobody again who does not show it', async () => {
    const world = await signedIn()
    show(world.client, Status)
    const { session } = world.client
    world.clock.tick(1000)
    await world.client.refresh()
    await nextTick()
    expect(world.client.session).not.toBe(session)
    expect(stage.renders).toBe(1)
  })

  test('a selector may read what is reactive', async () => {
    const world = await signedIn()
    const key = ref<'status' | 'error'>('status')
    show(
      world.client,
      showing(() =>
        useSession(session => (session.status === 'authenticated' ? session[key.value] : undefined)),
      ),
    )
    expect(stage.shown).toBe('"authenticated"')
    key.value = 'error'
    await nextTick()
    expect(stage.shown).toBe('null')
  })

  test('is a ref that nobody can write, and the snapshot itself, not a proxy of it', async () => {
    const world = await signedIn()
    let session: ReturnType<typeof useSession> | undefined
    show(
      world.client,
      showing(() => {
        session = useSession()
        return session
      }),
    )
    expect([isRef(session), isReadonly(session)]).toEqual([true, true])
    expect(session?.value).toBe(world.client.session)
  })
})

describe('the client', () => {
  test('useAuth returns the client of the app', () => {
    const world = createWorld()
    let got: unknown
    show(
      world.client,
      showing(() => {
        got = useAuth()
        return ref()
      }),
    )
    expect(got).toBe(world.client)
  })

  test('without the plugin the error says what is missing', () => {
    // Not in a component: Vue would go on to take the one whose setup threw for the current one.
    const without = createApp({})
    for (const use of [useAuth, useSession]) {
      expect(() => without.runWithContext(() => use())).toThrow('app.use(createAuth(client))')
    }
  })

  test('unmounting leaves no listener, and the client alive', async () => {
    const world = await signedIn()
    const spied = watched(world)
    show(spied.client, Status)
    expect(spied.listeners).toBe(1)
    app?.unmount()
    app = undefined
    expect(spied.listeners).toBe(0)
    expect(await world.client.getAccessToken()).not.toBeNull()
  })

  test('outside of components it follows, and ends, with its scope', async () => {
    const world = await signedIn()
    const spied = watched(world)
    const other = createApp({}).use(createAuth(spied.client))
    const scope = effectScope()
    const session = other.runWithContext(() => scope.run(() => useSession(status)))
    expect(session?.value).toBe('authenticated')
    await world.client.logout()
    expect(session?.value).toBe('anonymous')
    scope.stop()
    expect(spied.listeners).toBe(0)
  })
})

describe('the composables of one client', () => {
  const statusOf = (client: World['client']) => showing(() => bindAuth(client).useSession(status))

  function showPage(...components: ReturnType<typeof showing>[]): App {
    app = createApp({ render: () => components.map(component => h(component)) })
    app.mount(stage.container)
    return app
  }

  test('need no plugin, and follow a login and a logout', async () => {
    const world = createWorld()
    const bound = bindAuth(world.client)
    showPage(showing(() => bound.useSession(session => session.claims?.sub ?? session.status)))
    await expectFollowing(world)
  })

  test('return that client and its whole session', async () => {
    const world = await signedIn()
    const bound = bindAuth(world.client)
    showPage(showing(() => bound.useSession()))
    expect(bound.useAuth()).toBe(world.client)
    expect(stage.shown).toBe(JSON.stringify(world.client.session))
  })

  test('show two clients on one page, whatever plugin the app has', async () => {
    const [ada, nobody] = [await signedIn(), createWorld()]
    const both = () => [statusOf(ada.client), statusOf(nobody.client)].map(component => h(component))
    app = createApp({ render: both }).use(createAuth(nobody.client))
    app.mount(stage.container)
    expect(stage.shown).toBe('"authenticated""unknown"')
    await ada.client.logout()
    await nextTick()
    expect(stage.shown).toBe('"anonymous""unknown"')
  })

  test('re-render nothing when a refresh does not change the selected value, and end with the app', async () => {
    const world = await signedIn()
    const spied = watched(world)
    showPage(statusOf(spied.client))
    expect(spied.listeners).toBe(1)
    world.clock.tick(1000)
    await world.client.refresh()
    await nextTick()
    expect(stage.renders).toBe(1)
    app?.unmount()
    app = undefined
    expect(spied.listeners).toBe(0)
  })

  test('follow, and end with, a scope without an app', async () => {
    const world = await signedIn()
    const spied = watched(world)
    const scope = effectScope()
    const session = scope.run(() => bindAuth(spied.client).useSession(status))
    expect(session?.value).toBe('authenticated')
    await world.client.logout()
    expect(session?.value).toBe('anonymous')
    scope.stop()
    expect(spied.listeners).toBe(0)
  })

  test('show "unknown" on a server, listen to nothing there, and hydrate without a mismatch', async () => {
    const { html, listeners } = await onServer(`
      const { createSSRApp, defineComponent, h } = await import('vue')
      const { renderToString } = await import('vue/server-renderer')
      const { bindAuth } = await import('./src/bindings/vue.ts')
      const { useSession } = bindAuth(client)
      const Status = defineComponent(() => {
        const value = useSession(status)
        return () => h('p', JSON.stringify(value.value))
      })
      const html = await renderToString(createSSRApp(Status))
    `)
    expect(html).toBe('<p>&quot;unknown&quot;</p>')
    expect(listeners).toBe(0)

    const world = await signedIn()
    stage.container.innerHTML = html
    const served = stage.container.firstChild
    app = createSSRApp(statusOf(world.client))
    app.mount(stage.container)
    await nextTick()
    expect(stage.shown).toBe('"authenticated"')
    expect(stage.container.firstChild).toBe(served)
  })
})

describe('server rendering', () => {
  test('shows "unknown", whoever is signed in, listens to nothing, and hydrates without a mismatch', async () => {
    const { html, listeners } = await onServer(`
      const { createSSRApp, defineComponent, h } = await import('vue')
      const { renderToString } = await import('vue/server-renderer')
      const { createAuth, useSession } = await import('./src/bindings/vue.ts')
      const Status = defineComponent(() => {
        const value = useSession(status)
        return () => h('p', JSON.stringify(value.value))
      })
      const html = await renderToString(createSSRApp(Status).use(createAuth(client)))
    `)
    expect(html).toBe('<p>&quot;unknown&quot;</p>')
    expect(listeners).toBe(0)

    const world = await signedIn()
    stage.container.innerHTML = html
    const served = stage.container.firstChild
    app = createSSRApp(Status).use(createAuth(world.client))
    app.mount(stage.container)
    await nextTick()
    expect(stage.shown).toBe('"authenticated"')
    expect(stage.container.firstChild).toBe(served)
  })

  test('outside of a component, as in a plugin or a store, it listens to nothing on a server either', async () => {
    const { html, listeners } = await onServer(`
      const { createSSRApp, effectScope, h } = await import('vue')
      const { renderToString } = await import('vue/server-renderer')
      const { bindAuth } = await import('./src/bindings/vue.ts')
      const { useSession } = bindAuth(client)
      const app = createSSRApp({ render: () => h('p', shown.value) })
      // As Nuxt runs a plugin: in the context of the app, and in a scope that nobody ends.
      const shown = effectScope().run(() => app.runWithContext(() => useSession(status)))
      const html = await renderToString(app)
    `)
    expect(html).toBe('<p>unknown</p>')
    expect(listeners).toBe(0)
  })

  test('a login while an async setup waits does not change what that component hydrates with', async () => {
    const world = createWorld()
    let wait: Promise<void> | undefined
    const Late = defineComponent(async () => {
      const value = useSession(status)
      await wait
      return () => h('p', JSON.stringify(value.value))
    })
    const create = () => createSSRApp(() => h(Suspense, () => h(Late))).use(createAuth(world.client))
    stage.container.innerHTML = await renderToString(create())

    let go = () => {}
    wait = new Promise(resolve => {
      go = resolve
    })
    const served = stage.container.firstChild
    app = create()
    app.mount(stage.container)
    await world.login()
    go()
    await vi.waitUntil(() => stage.shown === '"authenticated"')
    expect(stage.container.firstChild).toBe(served)
  })
})

// @vitest-environment happy-dom
import { createAuth, useAuth, useSession } from 'silent-refresh/vue'
import { afterEach, describe, expect, test } from 'vitest'
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
} from 'vue'
import { renderToString } from 'vue/server-renderer'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { createStage, status } from './stage.ts'
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

describe('what is shown', () => {
  test('follows a login and a logout', async () => {
    const world = createWorld()
    show(
      world.client,
      showing(() =>
        useSession(session => (session.status === 'authenticated' ? session.claims?.sub : session.status)),
      ),
    )
    expect(stage.shown).toBe('"unknown"')
    await world.login()
    await nextTick()
    expect(stage.shown).toBe('"ada"')
    await world.client.logout()
    await nextTick()
    expect(stage.shown).toBe('"anonymous"')
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
  test('useAuth answers with the very client of the app', () => {
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
    expect(() => createApp(Status).mount(stage.container)).toThrow('app.use(createAuth(client))')
    // Vue tells besides where it came from.
    stage.complaints = []
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

describe('server rendering', () => {
  test('shows "unknown", whoever is signed in, listens to nothing, and hydrates without a mismatch', async () => {
    const world = await signedIn()
    const spied = watched(world)
    const create = () => createSSRApp(Status).use(createAuth(spied.client))
    stage.container.innerHTML = await renderToString(create())
    expect(stage.container.innerHTML).toBe('<p>"unknown"</p>')
    expect(spied.listeners).toBe(0)

    const served = stage.container.firstChild
    app = create()
    app.mount(stage.container)
    await nextTick()
    expect(stage.shown).toBe('"authenticated"')
    expect(stage.container.firstChild).toBe(served)
  })
})

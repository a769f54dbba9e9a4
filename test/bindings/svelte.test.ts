// @vitest-environment happy-dom
import { resolve } from 'node:path'
import { bindAuth, sessionStore, useSession } from 'silent-refresh/svelte'
import { type Component, flushSync, hydrate, mount, unmount } from 'svelte'
import { get } from 'svelte/store'
import { afterEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/types.ts'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { cache } from '../tools/report.ts'
import { onServer } from './on-server.ts'
import Runes from './Runes.svelte'
import Store from './Store.svelte'
import { createStage, status } from './stage.ts'
import { watched } from './watched.ts'

let mounted: object | undefined
const stage = createStage()

afterEach(async () => {
  await leave()
})

async function leave(): Promise<void> {
  if (mounted) await unmount(mounted)
  mounted = undefined
}

const subject = (session: Session) =>
  session.status === 'authenticated' ? session.claims?.sub : session.status

/** Counts how often it is asked. */
function show(value: unknown): string {
  stage.renders++
  return JSON.stringify(value)
}

describe.each<[string, Component<any>, (client: World['client'], selector?: any) => object]>([
  ['the store', Store, sessionStore],
  ['the rune', Runes, useSession],
])('%s', (_, Shown, make) => {
  function render(client: World['client'], selector?: (session: Session) => unknown): void {
    const props = { session: make(client, selector), show }
    mounted = mount(Shown, { target: stage.container, props })
    flushSync()
  }

  test('follows a login and a logout', async () => {
    const world = createWorld()
    render(world.client, subject)
    expect(stage.shown).toBe('"unknown"')
    await world.login()
    flushSync()
    expect(stage.shown).toBe('"ada"')
    await world.client.logout()
    flushSync()
    expect(stage.shown).toBe('"anonymous"')
  })

  test('is the whole session where nothing is selected, and a refresh shows its new end', async () => {
    const world = await signedIn()
    render(world.client)
    const before = stage.shown
    world.clock.tick(1000)
    await world.client.refresh()
    flushSync()
    expect(stage.shown).not.toBe(before)
    expect(stage.shown).toBe(JSON.stringify(world.client.session))
  })

  test('a refresh renders nobody again who does not show it', async () => {
    const world = await signedIn()
    render(world.client, status)
    const { session } = world.client
    world.clock.tick(1000)
    await world.client.refresh()
    flushSync()
    expect(world.client.session).not.toBe(session)
    expect(stage.renders).toBe(1)
  })

  test('unmounting leaves no listener, and the client alive', async () => {
    const world = await signedIn()
    const spied = watched(world)
    render(spied.client, status)
    expect(spied.listeners).toBe(1)
    await leave()
    await world.settle()
    expect(spied.listeners).toBe(0)
    expect(await world.client.getAccessToken()).not.toBeNull()
  })

  test('shown again, it is up to date', async () => {
    const world = await signedIn()
    const session = make(world.client, status)
    for (const expected of ['"authenticated"', '"anonymous"']) {
      mounted = mount(Shown, { target: stage.container, props: { session, show } })
      flushSync()
      expect(stage.shown).toBe(expected)
      await leave()
      await world.settle()
      await world.client.logout()
    }
  })

  test('a server renders it, keeps no listener, and the page hydrates', async () => {
    const name = Shown === Store ? 'Store' : 'Runes'
    const { html, listeners } = await onServer(`
      const { compile } = await import('svelte/compiler')
      const { readFileSync, mkdirSync, writeFileSync } = await import('node:fs')
      const { render } = await import('svelte/server')
      const { sessionStore, useSession } = await import('./src/bindings/svelte.ts')
      const source = readFileSync('test/bindings/${name}.svelte', 'utf8')
      const file = '${resolve(cache, `${name}.server.js`)}'
      mkdirSync('${cache}', { recursive: true })
      writeFileSync(file, compile(source, { generate: 'server' }).js.code)
      const { default: Shown } = await import(file)
      const session = ${name === 'Store' ? 'sessionStore' : 'useSession'}(client, status)
      const html = render(Shown, { props: { session, show: JSON.stringify } }).body
    `)
    expect(html).toContain('<p>"authenticated"</p>')
    expect(listeners).toBe(0)

    const world = createWorld()
    stage.container.innerHTML = html
    const served = stage.container.querySelector('p')
    mounted = hydrate(Shown, {
      target: stage.container,
      props: { session: make(world.client, status), show },
    })
    flushSync()
    expect(stage.shown).toBe('"unknown"')
    expect(stage.container.querySelector('p')).toBe(served)
    await world.login()
    flushSync()
    expect(stage.shown).toBe('"authenticated"')
  })
})

describe('the functions of one client', () => {
  test.each<[string, Component<any>, (client: World['client']) => object]>([
    ['the store', Store, client => bindAuth(client).sessionStore(subject)],
    ['the rune', Runes, client => bindAuth(client).useSession(subject)],
  ])('%s shows two clients on one page, and keeps no listener', async (_, Shown, make) => {
    const [ada, nobody] = [await signedIn(), createWorld()]
    const spied = [ada, nobody].map(watched)
    const pages = spied.map(({ client }) => {
      const props = { session: make(client), show }
      return mount(Shown, { target: stage.container, props })
    })
    flushSync()
    expect(stage.shown).toBe('"ada""unknown"')
    await ada.client.logout()
    flushSync()
    expect(stage.shown).toBe('"anonymous""unknown"')
    for (const page of pages) await unmount(page)
    await ada.settle()
    expect(spied.map(({ listeners }) => listeners)).toEqual([0, 0])
  })

  test('show the whole session where nothing is selected', async () => {
    const { client } = await signedIn()
    const bound = bindAuth(client)
    expect(get(bound.sessionStore())).toBe(client.session)
    expect(bound.useSession().current).toBe(client.session)
  })
})

test('read by nobody that stage.renders, both are up to date and keep no listener', async () => {
  const world = await signedIn()
  const spied = watched(world)
  const store = sessionStore(spied.client)
  const rune = useSession(spied.client)
  void world.client.logout()
  expect(get(store)).toBe(world.client.session)
  expect(rune.current).toBe(world.client.session)
  expect(spied.listeners).toBe(0)
})

test('who reads before the others are told does not keep them from being told', async () => {
  const world = await signedIn()
  const session = useSession(world.client, status)
  mounted = mount(Runes, { target: stage.container, props: { session, show } })
  flushSync()
  void world.client.logout()
  expect(session.current).toBe('anonymous')
  await world.settle()
  flushSync()
  expect(stage.shown).toBe('"anonymous"')
})

// @vitest-environment happy-dom
import { resolve } from 'node:path'
import { sessionStore, useSession } from 'silent-refresh/svelte'
import { type Component, flushSync, hydrate, mount, unmount } from 'svelte'
import { get } from 'svelte/store'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Session } from '../../src/types.ts'
import { createWorld, signedIn, type World } from '../support/world.ts'
import { cache } from '../tools/report.ts'
import { onServer } from './on-server.ts'
import Runes from './Runes.svelte'
import Store from './Store.svelte'
import { watched } from './watched.ts'

let container: HTMLElement
let mounted: object | undefined
/** What Svelte has to complain about. */
let complaints: unknown[][]
let renders: number

beforeEach(() => {
  container = document.body.appendChild(document.createElement('div'))
  complaints = []
  renders = 0
  for (const method of ['warn', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((...words) => complaints.push(words))
  }
})

afterEach(async () => {
  await leave()
  container.remove()
  vi.restoreAllMocks()
  expect(complaints).toEqual([])
})

async function leave(): Promise<void> {
  if (mounted) await unmount(mounted)
  mounted = undefined
}

const status = (session: Session) => session.status
const subject = (session: Session) =>
  session.status === 'authenticated' ? session.claims?.sub : session.status
const shown = () => container.textContent

/** Counts how often it is asked. */
function show(value: unknown): string {
  renders++
  return JSON.stringify(value)
}

describe.each<[string, Component<any>, (client: World['client'], selector?: any) => object]>([
  ['the store', Store, sessionStore],
  ['the rune', Runes, useSession],
])('%s', (_, Shown, make) => {
  function render(client: World['client'], selector?: (session: Session) => unknown): void {
    const props = { session: make(client, selector), show }
    mounted = mount(Shown, { target: container, props })
    flushSync()
  }

  test('follows a login and a logout', async () => {
    const world = createWorld()
    render(world.client, subject)
    expect(shown()).toBe('"unknown"')
    await world.login()
    flushSync()
    expect(shown()).toBe('"ada"')
    await world.client.logout()
    flushSync()
    expect(shown()).toBe('"anonymous"')
  })

  test('is the whole session where nothing is selected, and a refresh shows its new end', async () => {
    const world = await signedIn()
    render(world.client)
    const before = shown()
    world.clock.tick(1000)
    await world.client.refresh()
    flushSync()
    expect(shown()).not.toBe(before)
    expect(shown()).toBe(JSON.stringify(world.client.session))
  })

  test('a refresh renders nobody again who does not show it', async () => {
    const world = await signedIn()
    render(world.client, status)
    const { session } = world.client
    world.clock.tick(1000)
    await world.client.refresh()
    flushSync()
    expect(world.client.session).not.toBe(session)
    expect(renders).toBe(1)
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
      mounted = mount(Shown, { target: container, props: { session, show } })
      flushSync()
      expect(shown()).toBe(expected)
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
    container.innerHTML = html
    const served = container.querySelector('p')
    mounted = hydrate(Shown, { target: container, props: { session: make(world.client, status), show } })
    flushSync()
    expect(shown()).toBe('"unknown"')
    expect(container.querySelector('p')).toBe(served)
    await world.login()
    flushSync()
    expect(shown()).toBe('"authenticated"')
  })
})

test('read by nobody that renders, both are up to date and keep no listener', async () => {
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
  mounted = mount(Runes, { target: container, props: { session, show } })
  flushSync()
  void world.client.logout()
  expect(session.current).toBe('anonymous')
  await world.settle()
  flushSync()
  expect(shown()).toBe('"anonymous"')
})

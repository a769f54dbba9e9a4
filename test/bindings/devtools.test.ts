// @vitest-environment happy-dom
import { act, createElement, type ReactNode, StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { AuthDevtools as ReactDevtools } from 'silent-refresh/devtools/react'
import { AuthDevtools as VueDevtools } from 'silent-refresh/devtools/vue'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type App, createApp, createSSRApp, defineComponent, h, nextTick, shallowReactive } from 'vue'
import { renderToString as renderVue } from 'vue/server-renderer'
import type { DevtoolsOptions } from '../../src/devtools/index.ts'
import { createWorld, type World } from '../support/world.ts'
import { createStage } from './stage.ts'

vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)

interface Given extends DevtoolsOptions {
  readonly client: World['client']
}

const stage = createStage()
const panels = () => [...document.querySelectorAll('silent-refresh-devtools')].map(one => one.shadowRoot!)
const dock = () => panels()[0]!.querySelector('section')!.className
const isOpen = () => !panels()[0]!.querySelector('section')!.hidden
const status = () => panels()[0]!.querySelector('button.open')!.textContent

/** What each framework does with the component. */
interface Stand {
  show(given: Given | null): Promise<void>
  close(): Promise<void>
}

function react(): Stand {
  let root: Root | undefined
  const render = (page: ReactNode) => act(async () => root?.render(page))
  return {
    async show(given) {
      root ??= createRoot(stage.container)
      await render(createElement(StrictMode, null, given && createElement(ReactDevtools, given)))
    },
    close: () => act(async () => root?.unmount()),
  }
}

function vue(): Stand {
  let app: App | undefined
  const state = shallowReactive<{ given: Given | null }>({ given: null })
  return {
    async show(given) {
      state.given = given
      if (!app) {
        app = createApp(defineComponent(() => () => state.given && h(VueDevtools, state.given)))
        app.mount(stage.container)
      }
      await nextTick()
    },
    close: async () => app?.unmount(),
  }
}

describe.each([
  ['React', react],
  ['Vue', vue],
])('<AuthDevtools> of %s', (_, stand) => {
  let { show, close } = stand()
  afterEach(async () => {
    await close()
    ;({ show, close } = stand())
    expect(panels()).toEqual([])
  })

  test('shows one panel while it is rendered, and renders nothing in its place', async () => {
    const { client } = createWorld()
    await show({ client })
    expect(panels()).toHaveLength(1)
    expect(isOpen()).toBe(false)
    expect(stage.container.textContent).toBe('')
    await show(null)
    expect(panels()).toEqual([])
  })

  test('passes its options on, and takes up what they become', async () => {
    const { client } = createWorld()
    await show({ client, dock: 'right', open: true })
    expect(dock()).toBe('panel right')
    expect(isOpen()).toBe(true)
    await show({ client, dock: 'bottom' })
    expect(panels()).toHaveLength(1)
    expect(dock()).toBe('panel bottom')
  })

  test('fills an element of the page, and begins with the view that is asked for', async () => {
    const container = document.body.appendChild(document.createElement('div'))
    await show({ client: createWorld().client, container, view: 'do' })
    expect(container.querySelector('silent-refresh-devtools')).not.toBeNull()
    expect(panels()[0]!.querySelector('[aria-selected=true]')!.textContent).toBe('Do')
    await show(null)
    container.remove()
  })

  test('shows another client when it gets one, and keeps its panel when it gets the same', async () => {
    const world = createWorld()
    await world.login()
    await show({ client: world.client })
    const [panel] = panels()
    expect(status()).toBe('Session: signed in')
    await show({ client: world.client })
    expect(panels()).toEqual([panel])
    await show({ client: createWorld().client })
    expect(panels()).toHaveLength(1)
    expect(status()).toBe('Session: not known yet')
  })
})

test('a server renders nothing, and mounts nothing', async () => {
  const { client } = createWorld()
  expect(renderToString(createElement(ReactDevtools, { client }))).toBe('')
  expect(await renderVue(createSSRApp(() => h(VueDevtools, { client })))).toBe('<!---->')
  expect(panels()).toEqual([])
})

// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { mountDevtools } from '../src/devtools/index.ts'
import { createAuthClient } from '../src/index.ts'

// The panel as a part of a page: the option `container`.

const auth = createAuthClient({
  endpoints: { refresh: '/refresh' },
  tabs: false,
  fetch: async () => new Response(null, { status: 401 }),
})
let unmount = () => {}

beforeEach(() => {
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      observe() {}
      disconnect() {}
    },
  )
  document.body.innerHTML = '<div id="here"></div>'
})
afterEach(() => {
  unmount()
  vi.unstubAllGlobals()
})

const container = () => document.getElementById('here')!
const panel = () => container().querySelector('silent-refresh-devtools')!.shadowRoot!
const shown = (selector: string) =>
  [...panel().querySelectorAll<HTMLElement>(selector)]
    .filter(one => !one.closest('[hidden]'))
    .map(one => one.textContent)

test('it fills the container, is open without taking the focus, and cannot be closed', () => {
  unmount = mountDevtools(auth, { container: container(), open: true })
  expect(document.activeElement).toBe(document.body)
  expect(shown('[role=tab]')).toEqual(['Now', 'Timeline', 'Do'])
  expect(shown('button').join()).not.toMatch(/Close|Dock|Session/)
  const pressed = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })
  panel().querySelector('[role=tab]')!.dispatchEvent(pressed)
  expect(shown('[role=tab]')).toHaveLength(3)
  unmount()
  expect(container().children).toHaveLength(0)
})

test('"Why" stands below the other views, and "view" says which of them comes first', () => {
  unmount = mountDevtools(auth, { container: container(), view: 'timeline' })
  expect(shown('[aria-selected=true]')).toEqual(['Timeline'])
  expect(shown('.below h3')).toEqual(['What happened, newest first'])
})

test.each([
  [{ container: '#here' }, '"container" must be an element'],
  [{ view: 'Timeline' }, '"view" must be "now" or "timeline" or "why" or "do"'],
])('%j throws', (options, message) => {
  expect(() => mountDevtools(auth, options as object)).toThrow(message)
})

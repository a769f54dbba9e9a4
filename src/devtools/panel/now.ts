import { h, setText, svg } from '../dom.ts'
import { clock } from '../journal.ts'
import type { Client } from '../record.ts'
import { type Life, readState, readTabs, seconds } from '../state.ts'
import type { View } from './view.ts'

/** The tab "Now": what the client holds, and what it will do next. */
export function createNow(auth: Client): View {
  const bar = createBar()
  const list = h('dl')
  const values = new Map<string, HTMLElement>()
  const claims = h('pre')
  const user = h('pre')
  const details = h(
    'details',
    {},
    h('summary', {}, 'Claims and user'),
    h('h3', {}, 'Claims of the access token'),
    claims,
    h('h3', {}, 'User'),
    user,
  )
  let tabs: string | null = null

  function show(label: string, value: string): void {
    let element = values.get(label)
    if (!element) {
      element = h('dd')
      values.set(label, element)
      list.append(h('dt', {}, label), element)
    }
    setText(element, value)
  }

  function update(): void {
    const { rows, life, ...rest } = readState(auth)
    bar.show(life)
    for (const [label, value] of rows) show(label, value)
    for (const label of values.keys()) {
      if (!rows.some(([known]) => known === label) && label !== 'Tabs') show(label, 'none')
    }
    if (tabs !== null) show('Tabs', tabs)
    setText(claims, JSON.stringify(rest.claims, null, 2) ?? 'none')
    setText(user, JSON.stringify(rest.user, null, 2) ?? 'none')
    void readTabs(auth).then(found => {
      tabs = found
    })
  }

  return { name: 'Now', element: h('div', {}, bar.element, list, details), update }
}

/** The life of the token: the rest of it, and the time in which it is refreshed. */
function createBar() {
  const part = (name: string) => svg('rect', { class: name, y: '2', height: '18' })
  const parts = { track: part('track'), left: part('left'), window: part('window'), present: part('present') }
  parts.present.setAttribute('width', '2')
  const element = svg('svg', { class: 'life', role: 'img' })
  element.append(...Object.values(parts))

  function place(rect: SVGRectElement, from: number, to: number): void {
    rect.setAttribute('x', `${from}%`)
    rect.setAttribute('width', `${Math.max(0, to - from)}%`)
  }

  function show(life: Life | null): void {
    element.toggleAttribute('hidden', life === null)
    if (!life) return
    const { from, until, ahead, now } = life
    const at = (time: number) => Math.min(100, Math.max(0, (100 * (time - from)) / Math.max(1, until - from)))
    place(parts.track, 0, 100)
    place(parts.left, at(now), at(ahead))
    place(parts.window, Math.max(at(now), at(ahead)), 100)
    parts.present.setAttribute('x', `${Math.min(99.5, at(now))}%`)
    const words = `The token expires at ${clock(until)}, in ${seconds(until - now)}. It is refreshed from ${clock(ahead)} on.`
    element.setAttribute('aria-label', words)
  }

  return { element, show }
}

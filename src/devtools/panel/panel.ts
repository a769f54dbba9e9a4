import { button, h, setText } from '../dom.ts'
import { addStyles } from './styles.ts'
import type { View } from './view.ts'

export interface PanelOptions {
  readonly position: 'left' | 'right'
  readonly dock: 'bottom' | 'right'
  readonly nonce: string | undefined
  /** What the panel fills, and does not leave. */
  readonly container: HTMLElement | undefined
  /** Has no tab: it is shown below each of the others. */
  readonly below: View | undefined
  /** The view to begin with, by its name in small letters. */
  readonly first: string | undefined
  /** Another copy of this code, as after a hot reload, has put its panel in place of this one. */
  replaced(): void
}

export interface Panel {
  readonly isOpen: boolean
  /** `view`: the tab to show. */
  open(view?: View): void
  /** For the button that opens it. */
  status(words: string, kind: string): void
  /** Brings the tab that is shown up to date. */
  update(): void
  remove(): void
}

/** The name of the element, by which a panel of another copy of this code is found too. */
const NAME = 'silent-refresh-devtools'

/** A button, and the panel that it opens, apart from the page in a shadow root. */
export function createPanel(views: readonly View[], options: PanelOptions): Panel {
  for (const former of document.querySelectorAll(NAME)) former.dispatchEvent(new Event('replaced'))
  const host = document.createElement(NAME)
  const root = host.attachShadow({ mode: 'open' })
  addStyles(root, options.nonce)
  const { container, below } = options
  let shown = views.find(({ name }) => name.toLowerCase() === options.first) ?? views[0]!

  const label = h('span')
  const dot = h('span', { 'aria-hidden': 'true' })
  const opener = button('', () => open(), {
    class: `open ${options.position}`,
    'aria-expanded': 'false',
    title: 'Open the devtools of silent-refresh',
  })
  opener.append(dot, label)

  const tabs = views.map(view =>
    button(view.name, () => select(view), {
      role: 'tab',
      id: `tab-${view.name}`,
      'aria-controls': `panel-${view.name}`,
    }),
  )
  const bodies = views.map(view =>
    h(
      'div',
      { role: 'tabpanel', id: `panel-${view.name}`, 'aria-labelledby': `tab-${view.name}`, tabindex: '0' },
      view.element,
    ),
  )
  const list = h('div', { role: 'tablist', 'aria-label': 'Views', keydown: move }, ...tabs)
  let dock = options.dock
  const docking = button('', () => setDock(dock === 'bottom' ? 'right' : 'bottom'))
  const heading = h('h3', {}, 'What happened, newest first')
  const section = h(
    'section',
    { hidden: true, 'aria-label': 'silent-refresh devtools' },
    h(
      'header',
      {},
      h('h2', {}, 'silent-refresh'),
      list,
      ...(container ? [] : [docking, button('Close', close)]),
    ),
    ...bodies,
    ...(below
      ? [h('section', { class: 'below', tabindex: '0', 'aria-label': below.name }, heading, below.element)]
      : []),
  )
  const aside = h('aside', { 'aria-label': 'Devtools', keydown: pressed }, opener, section)
  root.append(aside)

  function fill(): void {
    for (const element of [host, aside, section]) element.classList.add('filling')
    section.classList.add('panel')
    section.hidden = false
    opener.hidden = true
  }

  function setDock(next: 'bottom' | 'right'): void {
    dock = next
    section.className = `panel ${next}`
    setText(docking, next === 'bottom' ? 'Dock right' : 'Dock below')
  }

  function select(view: View): void {
    shown = view
    views.forEach((other, index) => {
      const isShown = other === view
      tabs[index]!.setAttribute('aria-selected', String(isShown))
      tabs[index]!.tabIndex = isShown ? 0 : -1
      bodies[index]!.hidden = !isShown
    })
    view.update()
  }

  const focusTab = (): void => tabs[views.indexOf(shown)]!.focus()

  /** As in every list of tabs: one of them is reached by Tab, the others by the arrow keys. */
  function move(event: Event): void {
    const { key } = event as KeyboardEvent
    const index = views.indexOf(shown)
    const last = views.length - 1
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: last }[key]
    if (to === undefined) return
    event.preventDefault()
    select(views[to > last ? 0 : to < 0 ? last : to]!)
    focusTab()
  }

  function pressed(event: Event): void {
    // Keys that are typed here are no shortcuts of the app.
    event.stopPropagation()
    if ((event as KeyboardEvent).key === 'Escape' && !section.hidden && !container) close()
  }

  function open(view = shown): void {
    section.hidden = false
    opener.hidden = true
    if (views.includes(view)) select(view)
    focusTab()
  }

  function close(): void {
    section.hidden = true
    opener.hidden = false
    opener.focus()
  }

  if (container) fill()
  else setDock(dock)
  select(shown)
  host.addEventListener('replaced', options.replaced)
  ;(container ?? document.body ?? document.documentElement).append(host)

  return {
    get isOpen() {
      return !section.hidden
    },
    open,
    status(words, kind) {
      setText(label, `Session: ${words}`)
      dot.className = `dot ${kind}`
    },
    update() {
      if (!section.hidden) shown.update()
    },
    remove() {
      for (const view of [...views, ...(below ? [below] : [])]) view.dispose?.()
      host.remove()
    },
  }
}

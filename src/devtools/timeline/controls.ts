/** What can be done to the timeline, by button, key, wheel or pointer. */
export interface Actions {
  toggle(): void
  zoom(factor: number, x?: number): void
  /** By a part of the visible time. */
  pan(part: number): void
  drag(pixels: number): void
  hover(x: number, y: number): void
  select(x: number, y: number): void
  /** To the mark before or after, in the lane. */
  step(by: 1 | -1): void
  changeLane(by: 1 | -1): void
  toEnd(end: 'first' | 'last'): void
  clear(): void
}

/** What the user acts on. */
export interface Controls {
  /** Has the focus, and hears the keys. */
  readonly view: HTMLElement
  /** Is pointed at. */
  readonly surface: HTMLElement
  readonly pause: HTMLElement
  readonly closer: HTMLElement
  readonly wider: HTMLElement
  readonly earlier: HTMLElement
  readonly later: HTMLElement
}

const CLOSER = 0.5
const WIDER = 2
const A_CLICK = 4

export function mountControls(controls: Controls, actions: Actions): void {
  const { view, surface } = controls
  view.tabIndex = 0
  const keys = new Map<string, () => void>([
    [' ', actions.toggle],
    ['+', () => actions.zoom(CLOSER)],
    ['=', () => actions.zoom(CLOSER)],
    ['-', () => actions.zoom(WIDER)],
    ['ArrowLeft', () => actions.step(-1)],
    ['ArrowRight', () => actions.step(1)],
    ['ArrowUp', () => actions.changeLane(-1)],
    ['ArrowDown', () => actions.changeLane(1)],
    ['PageUp', () => actions.pan(-0.5)],
    ['PageDown', () => actions.pan(0.5)],
    ['Home', () => actions.toEnd('first')],
    ['End', () => actions.toEnd('last')],
    ['Escape', actions.clear],
  ])
  view.addEventListener('keydown', event => {
    const action = keys.get(event.key)
    if (!action || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    action()
  })

  controls.pause.addEventListener('click', actions.toggle)
  controls.closer.addEventListener('click', () => actions.zoom(CLOSER))
  controls.wider.addEventListener('click', () => actions.zoom(WIDER))
  controls.earlier.addEventListener('click', () => actions.pan(-0.5))
  controls.later.addEventListener('click', () => actions.pan(0.5))

  const place = ({ clientX, clientY }: MouseEvent): [x: number, y: number] => {
    const { left, top } = surface.getBoundingClientRect()
    return [clientX - left, clientY - top]
  }

  let dragged: { x: number; moved: number } | null = null
  surface.addEventListener('pointerdown', event => {
    if (event.button !== 0) return
    dragged = { x: event.clientX, moved: 0 }
    surface.setPointerCapture(event.pointerId)
  })
  surface.addEventListener('pointermove', event => {
    if (!dragged) {
      actions.hover(...place(event))
      return
    }
    const by = event.clientX - dragged.x
    dragged = { x: event.clientX, moved: dragged.moved + Math.abs(by) }
    if (dragged.moved > A_CLICK) actions.drag(by)
  })
  surface.addEventListener('pointerup', event => {
    if (dragged && dragged.moved <= A_CLICK) actions.select(...place(event))
    dragged = null
  })
  surface.addEventListener('pointercancel', () => {
    dragged = null
  })
  // Without a modifier the wheel scrolls the page, as everywhere.
  surface.addEventListener(
    'wheel',
    event => {
      if (!event.ctrlKey) return
      event.preventDefault()
      actions.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, place(event)[0])
    },
    { passive: false },
  )
}

import { h, svg } from '../dom.ts'
import type { Kind } from './layers.ts'
import { arch, box, drop, SYMBOLS } from './symbols.ts'

const WIDTH = 22
const HEIGHT = 18
const [X, Y] = [WIDTH / 2, HEIGHT / 2]
const bar = (left: number, height: number): string => box(left, WIDTH - 1, Y - height / 2, height)

/** Each mark as the layers draw it, and its meaning. */
const MEANINGS: readonly (readonly [drawn: Partial<Record<Kind | 'present', string>>, meaning: string])[] = [
  [{ life: bar(1, 12), ahead: bar(15, 12) }, 'token, renewed in its dark end'],
  [{ good: SYMBOLS.good(X, Y) }, 'request'],
  [{ renewed: SYMBOLS.renewed(X, Y) }, 'refresh'],
  [{ refused: SYMBOLS.refused(X, Y) }, '401 or 403'],
  [{ failed: SYMBOLS.failed(X, Y) }, 'another error'],
  [{ unanswered: SYMBOLS.unanswered(X, Y) }, 'no answer'],
  [{ replay: arch(4, 18, Y + 5) }, 'sent again'],
  [{ handover: drop(X, 2, HEIGHT - 2) }, 'handed to another tab'],
  [{ 'signed-in': SYMBOLS['signed-in'](X, Y) }, 'signed in'],
  [{ 'signed-out': SYMBOLS['signed-out'](X, Y) }, 'signed out'],
  [{ present: `M${X} 0V${HEIGHT}` }, 'now'],
  [{ 'note-plain': SYMBOLS.note(X, Y) }, 'something else'],
  [{ wait: bar(1, 5) }, 'waits for another tab'],
  [{ hidden: bar(1, 3) }, 'page is hidden'],
  [{ offline: bar(1, 4) }, 'no network'],
]

/** The key to the marks, drawn as they are. */
export function createLegend(): HTMLElement {
  const items = MEANINGS.map(([drawn, meaning]) => {
    const picture = svg('svg', { 'aria-hidden': 'true', width: String(WIDTH), height: String(HEIGHT) })
    for (const [kind, d] of Object.entries(drawn)) picture.append(svg('path', { class: kind, d }))
    return h('li', {}, picture, meaning)
  })
  return h('ul', { class: 'legend', 'aria-label': 'What the marks mean' }, ...items)
}

import { svg as node } from '../dom.ts'

/** The layers, each drawn by a path of its own, from the back to the front. */
export const KINDS = [
  'grid',
  'hidden',
  'offline',
  'wait',
  'life',
  'ahead',
  'span',
  'handover',
  'replay',
  'good',
  'renewed',
  'refused',
  'failed',
  'unanswered',
  'signed-in',
  'signed-out',
  'note-plain',
  'note-good',
  'note-warn',
  'note-bad',
  'ring',
] as const
export type Kind = (typeof KINDS)[number]

/** `moving` follows the time. */
export function createLayers(svg: SVGSVGElement): {
  readonly moving: SVGGElement
  readonly paths: Readonly<Record<Kind, SVGPathElement>>
  readonly labels: Texts
  readonly floor: SVGPathElement
  readonly present: SVGPathElement
  readonly names: Texts
} {
  const still = svg.appendChild(node('g'))
  const moving = svg.appendChild(node('g'))
  const paths = {} as Record<Kind, SVGPathElement>
  for (const kind of KINDS) paths[kind] = moving.appendChild(node('path', { class: kind }))
  const labels = createTexts(moving.appendChild(node('g', { class: 'labels' })))
  const floor = still.appendChild(node('path', { class: 'floor' }))
  const present = svg.appendChild(node('path', { class: 'present' }))
  const names = createTexts(svg.appendChild(node('g', { class: 'names' })))
  return { moving, paths, labels, floor, present, names }
}

export function setData(path: SVGPathElement, data: string): void {
  if (path.getAttribute('d') !== data) path.setAttribute('d', data)
}

/** Texts are used again from one drawing to the next. */
export interface Texts {
  begin(): void
  add(x: number, y: number, text: string, kind: string): void
  end(): void
}

function createTexts(group: SVGGElement): Texts {
  let used = 0
  return {
    begin: () => {
      used = 0
    },
    add: (x: number, y: number, text: string, kind: string) => {
      const element = (group.children[used++] ?? group.appendChild(node('text'))) as SVGTextElement
      element.setAttribute('x', String(x))
      element.setAttribute('y', String(y))
      element.setAttribute('class', kind)
      if (element.textContent !== text) element.textContent = text
    },
    end: () => {
      while (group.children.length > used) group.lastElementChild?.remove()
    },
  }
}

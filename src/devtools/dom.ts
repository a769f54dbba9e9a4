type Attributes = Readonly<Record<string, string | boolean | ((event: Event) => void)>>

/**
 * An element with these attributes. A function is a listener of the event by that name. There is no HTML and no style in it:
 * a strict Content Security Policy allows neither.
 */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(attribute, value)
    else element.toggleAttribute(attribute, value !== false)
    if (typeof value === 'string') element.setAttribute(attribute, value)
  }
  element.append(...children)
  return element
}

export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value)
  return element
}

/** A screen reader says nothing again where nothing changes. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export const button = (label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement =>
  h('button', { type: 'button', click: act, ...attributes }, label)

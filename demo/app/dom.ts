/** @throws Error where the page has no such element: a mistake in index.html */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id)
  if (found instanceof type) return found
  throw new Error(`#${id} is not a ${type.name}`)
}

export const button = (id: string): HTMLButtonElement => byId(id, HTMLButtonElement)
export const input = (id: string): HTMLInputElement => byId(id, HTMLInputElement)

export function create<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children)
  return element
}

/** Does nothing if the text is the same: a screen reader would read a live region again. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Shows that something is under way, and lets nobody start it twice. Not `disabled`: that would take the
 * keyboard's focus away. `action` must not reject.
 */
export async function whileBusy(element: HTMLElement, action: () => Promise<void>): Promise<void> {
  if (element.ariaBusy === 'true') return
  element.ariaBusy = element.ariaDisabled = 'true'
  await action()
  element.ariaBusy = element.ariaDisabled = null
}

export function onSubmit(form: HTMLFormElement, submit: HTMLElement, action: () => Promise<void>): void {
  form.addEventListener('submit', event => {
    event.preventDefault()
    void whileBusy(submit, action)
  })
}

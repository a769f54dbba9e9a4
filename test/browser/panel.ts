import { expect } from 'vitest'
import type { Tab } from './engine.ts'
import { until } from './site.ts'

/** The panel of `silent-refresh/devtools` on a page, as its user has it. */
export interface PanelUser {
  /** Clicks the button with this name. */
  click(name: string): Promise<void>
  /** What is shown in these elements. */
  textOf(selector: string): Promise<string>
  shows(words: string, selector?: string): Promise<void>
  /** Puts a value into a field of the panel. */
  enter(selector: string, value: string): Promise<void>
  focus(selector: string): Promise<void>
  focused(): Promise<string | null | undefined>
  press(key: string): Promise<void>
  /** Is anything of this kind drawn on the timeline? */
  isDrawn(kind: string): Promise<boolean>
}

/** `tab`: the one that is looked at now. */
export function panelOf(tab: () => Tab): PanelUser {
  const user: PanelUser = {
    async click(name) {
      const found = await tab().evaluate(name => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        const button = [...root.querySelectorAll<HTMLElement>('button, summary')].find(
          one =>
            one.textContent!.includes(name) && one.checkVisibility() && !(one as HTMLButtonElement).disabled,
        )
        button?.click()
        return button !== undefined
      }, name)
      expect(found, `a button "${name}"`).toBe(true)
    },
    textOf: selector =>
      tab().evaluate(selector => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        return [...root.querySelectorAll(selector)]
          .filter(one => one.checkVisibility())
          .map(one => one.textContent)
          .join('\n')
      }, selector),
    shows: (words, selector = '[role=tabpanel]') =>
      // The panel may not be there yet.
      until(async () => (await user.textOf(selector).catch(() => '')).includes(words)),
    enter: (selector, value) =>
      tab().evaluate(
        (selector, value) => {
          const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
          const field = root.querySelector<HTMLInputElement | HTMLSelectElement>(selector)!
          field.value = value
          field.dispatchEvent(new Event(field.localName === 'select' ? 'change' : 'input'))
        },
        selector,
        value,
      ),
    focus: selector =>
      tab().evaluate(selector => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        root.querySelector<HTMLElement>(selector)!.focus()
      }, selector),
    focused: () =>
      tab().evaluate(
        () => document.querySelector('silent-refresh-devtools')?.shadowRoot?.activeElement?.textContent,
      ),
    press: key =>
      tab().evaluate(key => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        root.activeElement!.dispatchEvent(
          new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }),
        )
      }, key),
    isDrawn: kind =>
      tab().evaluate(kind => {
        const root = document.querySelector('silent-refresh-devtools')!.shadowRoot!
        return Boolean(root.querySelector(`.timeline path.${kind}`)?.getAttribute('d'))
      }, kind),
  }
  return user
}

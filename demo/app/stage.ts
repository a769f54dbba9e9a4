import { mountDevtools } from 'silent-refresh/devtools'
import { button, byId, setText } from './dom.ts'
import type { Auth } from './types.ts'

/** The devtools of the client, as a part of this page: beside the steps, and in a narrow window in a drawer below. */
export function mountStage(auth: Auth): void {
  mountDevtools(auth, { container: byId('panel', HTMLElement), view: 'timeline' })

  const stage = byId('stage', HTMLElement)
  const toggle = button('drawer')
  toggle.addEventListener('click', () => {
    const isOpen = stage.classList.toggle('open')
    toggle.ariaExpanded = String(isOpen)
    setText(toggle, isOpen ? 'Hide the timeline' : 'Show the timeline')
  })
}

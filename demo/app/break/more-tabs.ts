import { button, byId, create, setText } from '../dom.ts'
import { plural } from '../words.ts'

const COUNT = 3

const toggle = button('more-tabs')
const result = byId('more-tabs-result', HTMLElement)

/** Real tabs. What was opened from here can also be closed from here. */
export function mountMoreTabs(): void {
  let opened: Window[] = []

  toggle.addEventListener('click', () => {
    opened = opened.filter(tab => !tab.closed)
    if (opened.length > 0) {
      for (const tab of opened) tab.close()
      opened = []
      setText(result, 'Closed.')
    } else {
      opened = Array.from({ length: COUNT }, () => window.open(location.href)).filter(tab => tab !== null)
      tell(opened.length)
    }
    setText(toggle, opened.length > 0 ? 'Close the tabs again' : 'Open three more tabs')
  })
}

function tell(count: number): void {
  const missing = COUNT - count
  setText(
    result,
    missing === 0
      ? 'Three more tabs are open, with this session in each. Come back here to see them on the timeline.'
      : `Your browser has allowed ${plural(count, 'new tab')} for one click. Open the rest by hand:`,
  )
  for (let i = 1; i <= missing; i++) {
    const link = create(
      'a',
      { href: location.href, target: '_blank', rel: 'noopener' },
      `one more tab (${i})`,
    )
    result.append(' ', link)
  }
}

import { isAuthError } from '../kernel/errors.ts'
import { browserWindows, type Windows } from '../kernel/windows.ts'

/** A page's windows: its own address, and what it opens. */
export interface PageWindows extends Windows {
  /** Settles with the address that the page has come back to, once it has left; rejects where it stays elsewhere. */
  returned(): Promise<URL>
  /** The page has left. */
  readonly isLeft: boolean
}

/** What a page needs of the browser, and of its tab. */
export interface Surroundings {
  readonly href: string
  /** Goes to this address, and on, until a page of the app is shown. */
  navigate(url: string): Promise<URL>
  /** `null`: popups are blocked. */
  openPopup(): PopupTab | null
  /** Closes the tab. */
  close(): void
  /** Does the user type in a popup? */
  isBehind(): boolean
  storedNames: Windows['storedNames']
  report(error: unknown): void
}

/** A popup, from its opening; a page of the app is in it when the server has sent it back. */
export interface PopupTab {
  readonly isClosed: boolean
  show(href: string): void
  close(): void
}

export function createPageWindows(surroundings: Surroundings): PageWindows {
  const { navigate, report } = surroundings
  let href = surroundings.href
  /** Where the page is going. */
  let going: Promise<URL> | null = null
  let waiting: ((going: Promise<URL>) => void)[] = []
  let isLeft = false

  /** Only a mistake of the test is worth a report: a page that stays elsewhere is what happens to users, too. */
  const stayed = (error: unknown): void => {
    if (isAuthError(error) && error.code === 'invalid_option') report(error)
  }

  return {
    href: () => href,
    replace(url) {
      href = new URL(url, href).href
    },
    get isLeft() {
      return isLeft
    },
    assign(url) {
      isLeft = true
      const next = navigate(url)
      next.catch(() => {})
      if (waiting.length === 0) going = next
      for (const resolve of waiting) resolve(next)
      waiting = []
    },
    returned() {
      const left = going
      going = null
      return left ?? new Promise<URL>(resolve => waiting.push(resolve))
    },
    open() {
      const popup = surroundings.openPopup()
      return (
        popup && {
          get closed() {
            return popup.isClosed
          },
          show: url => void navigate(url).then(({ href }) => popup.show(href), stayed),
          close: () => popup.close(),
        }
      )
    },
    close: () => surroundings.close(),
    hasFocus: () => !surroundings.isBehind(),
    frame(url, loaded) {
      let isShown = true
      const load = (shown: string | null) => {
        if (isShown) loaded(shown)
      }
      navigate(url).then(
        ({ href }) => load(href),
        error => {
          stayed(error)
          load(null)
        },
      )
      return () => {
        isShown = false
      }
    },
    storedNames: storage => surroundings.storedNames(storage),
    hasCrypto: browserWindows.hasCrypto,
  }
}

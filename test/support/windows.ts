import type { Windows } from '../../src/kernel/windows.ts'

/** A page and its windows: where it goes is remembered, and nothing goes anywhere by itself. */
export interface TestWindows extends Windows {
  /** Every address that was shown, the present one last. The browser's history has the last one only. */
  readonly shown: readonly string[]
  /** The address that the page leaves for: the next one, or the one that it is leaving for already. */
  left(): Promise<string>
  readonly popups: TestPopup[]
  readonly frames: TestFrame[]
  /** The next popup that is shown an address, or frame. */
  asked(): Promise<string>
  focus: boolean
  blocksPopups: boolean
  crypto: boolean
  isClosed: boolean
}

export interface TestPopup {
  closed: boolean
  url: string | null
}

export interface TestFrame {
  readonly url: string
  loaded(href: string | null): void
  isRemoved: boolean
}

export function createWindows(href: string, storedNames: Windows['storedNames']): TestWindows {
  const shown = [href]
  const leaving = createLatest<string>()
  const asking = createLatest<string>()

  const windows: TestWindows = {
    shown,
    left: leaving.next,
    asked: asking.next,
    popups: [],
    frames: [],
    focus: true,
    blocksPopups: false,
    crypto: true,
    isClosed: false,
    href: () => shown.at(-1) as string,
    replace: url => void shown.push(new URL(url, shown.at(-1)).href),
    assign: leaving.come,
    open() {
      if (windows.blocksPopups) return null
      const popup: TestPopup = { closed: false, url: null }
      windows.popups.push(popup)
      return {
        get closed() {
          return popup.closed
        },
        show(url) {
          popup.url = url
          asking.come(url)
        },
        close() {
          popup.closed = true
        },
      }
    },
    close() {
      windows.isClosed = true
    },
    hasFocus: () => windows.focus,
    frame(url, loaded) {
      const frame: TestFrame = { url, loaded, isRemoved: false }
      windows.frames.push(frame)
      asking.come(url)
      return () => {
        frame.isRemoved = true
      }
    },
    storedNames,
    hasCrypto: () => windows.crypto,
  }
  return windows
}

/** What comes is kept until it is asked for. */
function createLatest<T>() {
  const come: T[] = []
  const waiting: ((value: T) => void)[] = []
  return {
    come(value: T) {
      const first = waiting.shift()
      if (first) first(value)
      else come.push(value)
    },
    next: () =>
      new Promise<T>(resolve => {
        if (come.length > 0) resolve(come.shift() as T)
        else waiting.push(resolve)
      }),
  }
}

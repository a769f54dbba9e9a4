/** The page and its windows, as a login at another server needs them, so that tests can hand in others. */
export interface Windows {
  /** The address of the page, now. */
  href(): string
  /** Shows another address of this origin, without loading it. The entry in the history is replaced. */
  replace(url: string): void
  /** Leaves the page for this address. */
  assign(url: string): void
  /** Opens an empty popup; `null` if the browser has blocked it. */
  open(): Popup | null
  /** Closes this window. The browser allows it if a script has opened it. */
  close(): void
  /** Does the user type in this document, and in no other window? */
  hasFocus(): boolean
  /**
   * Loads the address in a hidden frame in which no script runs. `loaded` is called at each load with the address that is
   * shown; `null`: the page is of another origin. Returns its undo, which removes the frame.
   */
  frame(url: string, loaded: (href: string | null) => void): () => void
  /** The names in the storage. May throw, as in a browser that blocks it. */
  storedNames(storage: 'localStorage' | 'sessionStorage'): string[]
  /** Does the browser have Web Crypto? It does not on pages over plain http. */
  hasCrypto(): boolean
}

export interface Popup {
  /**
   * The user has closed it. Also `true` while it shows a page that does not let itself be watched
   * (`Cross-Origin-Opener-Policy`).
   */
  readonly closed: boolean
  show(url: string): void
  close(): void
}

const WIDTH = 480
const HEIGHT = 640

/** Each is looked up when it is used, since a test or a polyfill may replace it. */
export const browserWindows: Windows = {
  href: () => location.href,
  // The <base> of the page may lead elsewhere.
  replace: url => history.replaceState(history.state, '', new URL(url, location.href)),
  assign: url => location.assign(url),
  open() {
    const left = Math.max(0, Math.round(screenX + (outerWidth - WIDTH) / 2))
    const top = Math.max(0, Math.round(screenY + (outerHeight - HEIGHT) / 2))
    const popup = window.open(
      'about:blank',
      '',
      `popup,width=${WIDTH},height=${HEIGHT},left=${left},top=${top}`,
    )
    return (
      popup && {
        get closed() {
          return popup.closed
        },
        show: url => popup.location.replace(url),
        close: () => popup.close(),
      }
    )
  },
  close: () => window.close(),
  hasFocus: () => document.hasFocus(),
  frame(url, loaded) {
    const frame = document.createElement('iframe')
    // The page is of our own origin when it comes back, so its address can be read; the app is not started in it.
    frame.setAttribute('sandbox', 'allow-same-origin')
    frame.setAttribute('aria-hidden', 'true')
    frame.hidden = true
    frame.onload = () => {
      let href: string | null = null
      try {
        href = frame.contentWindow?.location.href ?? null
      } catch {
        // a page of another origin
      }
      loaded(href)
    }
    frame.src = url
    // A script in the head can run before there is a body.
    const place = document.body ?? document.documentElement
    place.append(frame)
    return () => frame.remove()
  },
  storedNames: storage => Object.keys(globalThis[storage]),
  hasCrypto: () => typeof crypto !== 'undefined' && crypto.subtle !== undefined,
}

import type { TokenStorage } from '../../types.ts'

/** The browser's own storage, looked up at each use: a browser can throw at the very name. */
export const browserStorage = (open: () => Storage): TokenStorage => ({
  get: key => open().getItem(key),
  set: (key, value) => open().setItem(key, value),
  remove: key => open().removeItem(key),
  get shared() {
    try {
      const opened = open()
      // One that cannot be read is no storage at all, and no other tab sees anything in it.
      opened.getItem('')
      return opened === localStorage
    } catch {
      return false
    }
  },
})

import type { TokenStorage } from '../../types.ts'

/** The browser's own storage, looked up at each use, since the lookup itself can throw. */
export const browserStorage = (open: () => Storage): TokenStorage => ({
  get: key => open().getItem(key),
  set: (key, value) => open().setItem(key, value),
  remove: key => open().removeItem(key),
  get shared() {
    try {
      const opened = open()
      // A storage that cannot be read is not shared with any tab.
      opened.getItem('')
      return opened === localStorage
    } catch {
      return false
    }
  },
})

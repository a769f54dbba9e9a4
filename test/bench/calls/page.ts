/** What a client of tokens looks for to tell a page from a server. Locks and channels Node has itself. */
export function installPage(origin: string): void {
  const stored = new Map<string, string>()
  const events = new EventTarget()
  const listening = {
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
    dispatchEvent: events.dispatchEvent.bind(events),
  }
  setGlobals({
    ...listening,
    window: globalThis,
    location: new URL(`${origin}/`),
    document: { ...listening, baseURI: `${origin}/`, visibilityState: 'visible', cookie: '', hidden: false },
    localStorage: {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
      removeItem: (key: string) => void stored.delete(key),
    },
  })
}

export function setGlobals(globals: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
}

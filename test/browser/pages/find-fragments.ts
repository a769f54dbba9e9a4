/** Every place that a script can reach, searched for pieces of text. Answers with where they were found. */
export async function findFragments(fragments: readonly string[]): Promise<string[]> {
  const hits: string[] = []
  const look = (where: string, text: unknown): void => {
    if (typeof text === 'string' && fragments.some(fragment => text.includes(fragment))) hits.push(where)
  }
  for (const [name, storage] of Object.entries({ localStorage, sessionStorage })) {
    // By number: `Object.keys` leaves out a key that has a method's name.
    for (let index = 0; index < storage.length; index++) {
      const key = storage.key(index)!
      look(name, key + storage.getItem(key))
    }
  }
  look('cookie', document.cookie)
  look('location', location.href)
  look('history', JSON.stringify(history.state))
  look('window.name', window.name)
  look('document', document.documentElement.outerHTML)
  for (const { name } of await indexedDB.databases()) hits.push(`IndexedDB ${name}`)
  for (const name of await caches.keys()) hits.push(`Cache ${name}`)
  const { held = [], pending = [] } = await navigator.locks.query()
  for (const { name } of [...held, ...pending]) look('lock', name)

  const known = new Set<unknown>([fragments])
  function walk(value: unknown, path: string, depth: number): void {
    look(path, value)
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return
    if (known.has(value) || depth > 8) return
    known.add(value)
    if (typeof value === 'function') look(`${path} source`, Function.prototype.toString.call(value))
    for (const key of Reflect.ownKeys(value)) {
      look(path, String(key))
      let child: unknown
      try {
        child = (value as Record<PropertyKey, unknown>)[key]
      } catch {
        continue
      }
      walk(child, `${path}.${String(key)}`, depth + 1)
    }
    walk(Object.getPrototypeOf(value), `${path}.__proto__`, depth + 1)
  }
  const { auth } = window
  walk(auth, 'auth', 0)
  walk(window, 'window', 0)
  look('JSON', JSON.stringify(auth) + JSON.stringify(auth.session))
  look('clone', JSON.stringify(structuredClone(auth.session)))
  return hits
}

import { button, byId, setText } from './dom.ts'
import type { Arrival } from './server.ts'

const refreshes = byId('count-refreshes', HTMLElement)
const requests = byId('count-requests', HTMLElement)

/** Counts what has reached the server, as it says itself. Returns what hears of each request. */
export function mountCounts(): (arrival: Arrival) => void {
  const seen = { refreshes: new Set<string>(), requests: new Set<string>() }
  /** The server sends its earlier events again to a page that comes back. */
  const cleared = new Set<string>()

  function show(): void {
    setText(refreshes, String(seen.refreshes.size))
    setText(requests, String(seen.requests.size))
  }

  button('clear-counts').addEventListener('click', () => {
    for (const kind of [seen.refreshes, seen.requests]) {
      for (const id of kind) cleared.add(id)
      kind.clear()
    }
    show()
  })

  return ({ id, path }) => {
    if (cleared.has(id)) return
    if (path.startsWith('/api/')) seen.requests.add(id)
    else if (path === '/auth/refresh_token') seen.refreshes.add(id)
    show()
  }
}

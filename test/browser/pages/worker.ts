import { createAuthClient, isAuthError } from 'silent-refresh'

/** A worker with a client of the page's own session. Each message names what to do, and has a port for the outcome. */
const auth = createAuthClient()

const tasks: Record<string, () => unknown> = {
  status: () => auth.session.status,
  ready: async () => (await auth.ready()).status,
  fetch: async () => (await auth.fetch('/items')).status,
  refresh: async () => (await auth.refresh()).status,
}

async function answer({ data, ports }: MessageEvent): Promise<void> {
  try {
    ports[0]!.postMessage(await tasks[data]!())
  } catch (error) {
    ports[0]!.postMessage(isAuthError(error) ? error.code : String(error))
  }
}

addEventListener('message', answer as unknown as EventListener)
// A shared worker has a port for each page.
addEventListener('connect', event => {
  ;(event as MessageEvent).ports[0]!.onmessage = answer
})

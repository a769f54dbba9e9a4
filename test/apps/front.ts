import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Front {
  readonly url: string
  /** Lets the backend see its own address as `Host`, as many proxies do. It then takes the page for a foreign one. */
  replaceHost(replaces: boolean): void
  /** Keeps the requests for this path. They go on when the returned function is called. */
  hold(path: string): () => void
  close(): void
}

const OF_BACKEND = /^\/(auth|user|api)\//

/** One origin for the app and the backend, as a reverse proxy in production makes it. */
export async function startFront(app: string, backend: string): Promise<Front> {
  let replacesHost = false
  const held = new Map<string, Promise<void>>()
  const front = createServer(async (incoming, outgoing) => {
    const { url = '/', method, headers } = incoming
    await held.get(url)
    const isBackend = OF_BACKEND.test(url)
    const target = isBackend ? backend : app
    const host = isBackend && replacesHost ? new URL(backend).host : headers.host
    const passed = request(target + url, { method, headers: { ...headers, host } }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    replaceHost(replaces) {
      replacesHost = replaces
    },
    hold(path) {
      let go = () => {}
      held.set(path, new Promise(resolve => (go = resolve)))
      return () => {
        held.delete(path)
        go()
      }
    },
    close() {
      front.closeAllConnections()
      front.close()
    },
  }
}

import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Front {
  readonly url: string
  /** How many answers the server has given that are still on a slow line. */
  readonly onWire: number
  /** From now on the answers for this path arrive so many milliseconds late. */
  slow(path: string, ms: number): void
  close(): void
}

/**
 * Pages of one's own on one origin with the demo's server, whose policy for its own page forbids inline scripts (an import
 * map is one). What is no file here is the server's to answer.
 */
export async function serveBefore(server: string, files: ReadonlyMap<string, string>): Promise<Front> {
  const delays = new Map<string, number>()
  let onWire = 0
  const front = createServer((incoming, outgoing) => {
    const { url = '/', method, headers } = incoming
    const file = files.get(url)
    if (file !== undefined) {
      const type = /js$/.test(url) ? 'text/javascript' : 'text/html'
      outgoing.writeHead(200, { 'Content-Type': type, Connection: 'close' }).end(file)
      return
    }
    const passed = request(server + url, { method, headers }, answer => {
      const send = () => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      }
      const ms = delays.get(url)
      if (ms === undefined) return send()
      onWire++
      setTimeout(() => {
        onWire--
        send()
      }, ms)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  const { port } = front.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    get onWire() {
      return onWire
    },
    slow: (path, ms) => void delays.set(path, ms),
    close() {
      front.closeAllConnections()
      front.close()
    },
  }
}

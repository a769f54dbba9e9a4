import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Front {
  readonly url: string
  close(): void
}

/**
 * Pages of one's own on one origin with the demo's server, whose policy for its own page forbids inline scripts (an import
 * map is one). What is no file here is the server's to answer.
 */
export async function serveBefore(server: string, files: ReadonlyMap<string, string>): Promise<Front> {
  const front = createServer((incoming, outgoing) => {
    const { url = '/', method, headers } = incoming
    const file = files.get(url)
    if (file !== undefined) {
      const type = /js$/.test(url) ? 'text/javascript' : 'text/html'
      outgoing.writeHead(200, { 'Content-Type': type, Connection: 'close' }).end(file)
      return
    }
    const passed = request(server + url, { method, headers }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
  const { port } = front.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      front.closeAllConnections()
      front.close()
    },
  }
}

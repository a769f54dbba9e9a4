import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** What goes wrong between a client and its server, in bytes on the wire. */
export const FAULTS = [
  'a connection reset before the server was reached',
  'a connection reset after the server has answered',
  'a body cut off',
  'a body of garbage',
  'a 429 with Retry-After',
  'no answer',
  'headers that do not end',
  'a body that does not end',
] as const

export type Fault = (typeof FAULTS)[number]
/** Until `mend()`: then the rest arrives. */
export const HOLDING: readonly Fault[] = FAULTS.slice(-3)
export const RETRY_AFTER = 1

export interface FaultServer {
  readonly url: string
  /** How many requests wait for `mend()`, their clients still there. */
  readonly held: number
  /** Every request to this path, until mended. */
  spoil(path: string, fault: Fault): void
  mend(): void
  close(): Promise<void>
}

/** Stands in front of a server on 127.0.0.1, and knows nothing of what passes. */
export async function startFaultServer(target: { readonly port: number }): Promise<FaultServer> {
  const faults = new Map<string, Fault>()
  const held = new Map<Socket, () => void>()

  /** False when the client has gone. */
  function hold(socket: Socket): Promise<boolean> {
    return new Promise<boolean>(resolve => {
      held.set(socket, () => resolve(true))
      socket.once('close', () => resolve(false))
    }).finally(() => held.delete(socket))
  }

  async function handle(incoming: IncomingMessage): Promise<void> {
    const { socket, url = '' } = incoming
    const fault = faults.get(url.split('?')[0]!)
    if (fault === 'a connection reset before the server was reached') return void socket.resetAndDestroy()
    if (fault === 'a 429 with Retry-After') {
      return void socket.end(answer('429 Too Many Requests', [['Retry-After', `${RETRY_AFTER}`]]))
    }
    if (fault === 'no answer' && !(await hold(socket))) return
    const bytes = await forward(incoming, target.port, fault === 'a body of garbage')
    if (fault === 'a connection reset after the server has answered') return void socket.resetAndDestroy()
    if (fault === 'a body cut off') return void socket.end(bytes.subarray(0, -20))
    const pause = fault === 'headers that do not end' ? 20 : fault === 'a body that does not end' ? -20 : 0
    if (pause) {
      socket.write(bytes.subarray(0, pause))
      if (!(await hold(socket))) return
    }
    socket.end(bytes.subarray(pause))
  }

  const server = createServer(incoming => {
    incoming.socket.on('error', () => {}) // the client has gone
    void handle(incoming).catch(() => incoming.socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get held() {
      return held.size
    },
    spoil: (path, fault) => void faults.set(path, fault),
    mend() {
      faults.clear()
      for (const release of held.values()) release()
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** The whole answer of the server: what it does for the request is done by then. */
async function forward(incoming: IncomingMessage, port: number, garbage: boolean): Promise<Buffer> {
  const { method, url, headers } = incoming
  const outgoing = request({ host: '127.0.0.1', port, method, path: url, headers })
  incoming.pipe(outgoing)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const body = Buffer.concat(await response.toArray())
  const { statusCode, statusMessage, headersDistinct } = response
  const kept = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    ['connection', 'keep-alive', 'content-length', 'transfer-encoding'].includes(name)
      ? []
      : values.map((value): [string, string] => [name, value]),
  )
  return answer(`${statusCode} ${statusMessage}`, kept, garbage ? Buffer.from('\0{"access_token":') : body)
}

function answer(status: string, headers: [string, string][], body: Buffer = Buffer.alloc(0)): Buffer {
  const lines = [...headers, ['Content-Length', `${body.length}`], ['Connection', 'close']]
  const head = `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

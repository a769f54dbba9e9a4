import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = (request: IncomingMessage) => [status: number, headers?: Record<string, string>, body?: string]

export interface Origin {
  readonly origin: string
  readonly port: number
  /** What arrived, without the preflights. */
  readonly seen: IncomingMessage[]
  answer: Answer
  close(): void
}

/** Another origin, which allows everything to everybody and keeps what it saw. */
export async function listen(answer: Answer = () => [204]): Promise<Origin> {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    request.resume()
    const preflight = request.method === 'OPTIONS'
    if (!preflight) seen.push(request)
    const [status, headers, body] = preflight ? [204] : origin.answer(request)
    response.writeHead(status, {
      'Access-Control-Allow-Origin': request.headers.origin ?? '*',
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Allow-Headers': 'authorization, content-type, x-xsrf-token, x-api-key',
      'Content-Type': request.url?.split('?')[0]?.endsWith('.js') ? 'text/javascript' : 'text/html',
      Connection: 'close',
      ...headers,
    })
    response.end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const origin: Origin = {
    origin: `http://127.0.0.1:${port}`,
    port,
    seen,
    answer,
    close: () => server.close(),
  }
  return origin
}

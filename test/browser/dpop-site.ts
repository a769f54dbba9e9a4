import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createDPoPServer, type DPoPServer } from '../support/dpop-server.ts'
import type { DPoPPageOptions } from './pages/dpop.ts'
import { bundle } from './site.ts'

/** What DPoP needs. */
const EXPOSED = 'DPoP-Nonce, WWW-Authenticate'

/** Pages of an app with `dpop()`, its own backend, and an API on another origin. */
export interface DPoPSite {
  readonly url: string
  /** The origin of the API. */
  readonly api: string
  backend: DPoPServer
  /** Of the clients that pages create from now on. */
  options: DPoPPageOptions
  /** `Access-Control-Expose-Headers` of the API. */
  exposes: string
  /** Forgets everything. */
  reset(): Promise<void>
  close(): void
}

export async function startDPoPSite(): Promise<DPoPSite> {
  const script = await bundle('dpop')
  const servers: Server[] = []

  async function listen(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
    const server = createServer(answer)
    servers.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  const pages = (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? '/', site.url)
    const send = (type: string, body: string) => response.writeHead(200, { 'Content-Type': type }).end(body)
    if (pathname === '/dpop.js') return cross(request, response) ?? send('text/javascript', script)
    if (pathname === '/favicon.ico') return send('image/x-icon', '')
    if (pathname === '/blank.html') return send('text/html', '<!doctype html><title>blank</title>')
    if (pathname === '/') return send('text/html', pageOf())
    return pass(request, response, site.url)
  }

  const pageOf = () => `<!doctype html><title>app</title>
<script type="application/json" id="options">${JSON.stringify({ allowedOrigins: [site.url, site.api], ...site.options })}</script>
<script type="module" src="/dpop.js"></script>`

  /** For pages of any other origin, opaque ones too. Answers a preflight itself. */
  function cross({ method, headers }: IncomingMessage, response: ServerResponse): unknown {
    response.setHeader('Access-Control-Allow-Origin', headers.origin ?? '*')
    response.setHeader('Access-Control-Allow-Credentials', 'true')
    if (site.exposes) response.setHeader('Access-Control-Expose-Headers', site.exposes)
    if (method !== 'OPTIONS') return null
    const allowed = headers['access-control-request-headers'] ?? ''
    return response
      .writeHead(204, {
        'Access-Control-Allow-Headers': allowed,
        'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE',
        'Access-Control-Max-Age': '600',
      })
      .end()
  }

  async function pass(incoming: IncomingMessage, response: ServerResponse, origin: string): Promise<void> {
    if (cross(incoming, response)) return
    const { method = 'GET', url = '/', headers } = incoming
    const body = await buffer(incoming)
    const request = new Request(origin + url, {
      method,
      headers: Object.entries(headers).flatMap(([name, value]) =>
        typeof value === 'string' && !/^(connection|host|content-length|keep-alive)$/.test(name)
          ? [[name, value] as [string, string]]
          : [],
      ),
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    })
    const answer = await site.backend.fetch(request)
    // Node tells the date by itself.
    response.sendDate = site.backend.showsDate
    for (const [name, value] of answer.headers) response.setHeader(name, value)
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
  }

  const url = await listen(pages)
  const api = await listen((request, response) => pass(request, response, api))
  const site: DPoPSite = {
    url,
    api,
    backend: await createDPoPServer(Date.now, url),
    options: {},
    exposes: EXPOSED,
    async reset() {
      site.backend = await createDPoPServer(Date.now, url)
      site.options = {}
      site.exposes = EXPOSED
    },
    close() {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
  return site
}

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { OAuthOptions } from 'silent-refresh/oauth'
import type { DPoPPageOptions } from './pages/dpop.ts'
import type { OAuthPageOptions } from './pages/oauth.ts'
import type { Verdict } from './proof-judge.ts'
import { bundle } from './site.ts'

/** Pages of an app on `localhost`, and its API on the same origin. */
export interface OtherApp {
  readonly url: string
  /** Of the clients that pages create from now on. */
  options: (OAuthPageOptions | DPoPPageOptions) & { oauth: Partial<OAuthOptions>; dpop?: boolean }
  /** The API's judge of a call. */
  judge(request: IncomingMessage): Promise<Verdict>
  /** What the API has answered. */
  readonly apiCalls: string[]
  close(): void
}

export async function startApp(): Promise<OtherApp> {
  const scripts = { oauth: await bundle('oauth'), dpop: await bundle('dpop') }
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', app.url)
    const send = (type: string, body: string) => response.writeHead(200, { 'Content-Type': type }).end(body)
    if (pathname === '/oauth.js' || pathname === '/dpop.js')
      return send('text/javascript', scripts[pathname === '/dpop.js' ? 'dpop' : 'oauth'])
    if (pathname === '/favicon.ico') return send('image/x-icon', '')
    if (pathname === '/blank.html') return send('text/html', '<!doctype html><title>blank</title>')
    if (pathname !== '/api/items') return send('text/html', pageOf(app.options))
    const { isFine, said, headers } = await app.judge(request)
    app.apiCalls.push(said)
    return response
      .writeHead(isFine ? 200 : 401, { 'Content-Type': 'application/json', ...headers })
      .end(JSON.stringify(said))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))

  const app: OtherApp = {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    options: { oauth: {} },
    judge: () => Promise.reject(new Error('nobody judges')),
    apiCalls: [],
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
  return app
}

const pageOf = ({ dpop, ...options }: OtherApp['options']) => `<!doctype html><title>app</title>
<button id="redirect">Log in</button>
<script type="application/json" id="options">${JSON.stringify(options)}</script>
<script type="module" src="/${dpop ? 'dpop' : 'oauth'}.js"></script>`

/** An API that asks the server whose token it is. */
export const askWho =
  (userInfo: string): OtherApp['judge'] =>
  async ({ headers }) => {
    const { authorization } = headers
    if (!authorization) return { isFine: false, said: 'no token' }
    const answer = await fetch(userInfo, { headers: { authorization } })
    return answer.ok
      ? { isFine: true, said: (await answer.json()).sub }
      : { isFine: false, said: `refused: ${answer.status}` }
  }

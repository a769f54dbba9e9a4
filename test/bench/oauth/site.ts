import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openDatabase } from '../../../demo/server/database.ts'
import { type ProviderServer, startProvider } from '../../../demo/server/provider.ts'
import { createUsers } from '../../../demo/server/users.ts'
import type { Browser, Tab } from '../../browser/engine.ts'
import { fillIn } from '../../browser/oauth-site.ts'
import { bundle } from '../build.ts'

/** What each client under test is made to look like; see `peers/`. */
interface Candidate {
  /** Whatever the client does when a page is loaded. */
  ready(): Promise<unknown>
  /** The error that the app was given of a return from the provider. */
  error(): string | null
  /** Leaves the page. */
  login(): Promise<unknown>
  /** What the app would show its user. */
  isSignedIn(): boolean | Promise<boolean>
  /** Asks for new tokens, as an app may do by hand. */
  renew(): Promise<unknown>
  /** The status that the app gets to see; rejects where it gets an error. */
  get(url: string): Promise<number>
}

declare global {
  interface Window {
    oauthCandidate: Candidate
  }
}

export interface Variant {
  /** Of the file in `peers/`. */
  peer: 'oauth-ours' | 'oauth-oidc-client-ts'
  title: string
  store: 'sessionStorage' | 'localStorage'
}

/** Seconds that an access token lives. */
export const LIFETIME = 20
/** How many seconds before that both clients renew it: oidc-client-ts looks at its clock every five. */
export const AHEAD = 6

/** An app on `localhost` with one client, its API, and a provider on `127.0.0.1`, which to the browser is another site. */
export interface Site {
  readonly url: string
  readonly provider: ProviderServer
  /** Is a return from the provider shown a page without a script? */
  holds: boolean
  close(): Promise<void>
}

export async function startSite({ peer, store }: Variant): Promise<Site> {
  const script = await bundle(`import { create } from './peers/${peer}.js'
    window.oauthCandidate = create(window.settings)`)
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', site.url)
    const send = (type: string, body: string, status = 200) =>
      response.writeHead(status, { 'Content-Type': type }).end(body)
    if (pathname === '/script.js') return send('text/javascript', script)
    if (pathname === '/favicon.ico') return send('image/x-icon', '')
    if (pathname === '/api') {
      // A token for no API in particular is good for the provider's own: of the clients here, one sends `resource` at each
      // renewal, and the other only at the login.
      const { authorization = '' } = request.headers
      const { status } = await fetch(`${site.provider.issuer}/me`, { headers: { authorization } })
      return send('application/json', '{}', status)
    }
    const isEmpty = pathname === '/empty' || (site.holds && pathname === '/back')
    return send('text/html', `<!doctype html><title>bench</title>${isEmpty ? '' : page()}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  const provider = await startProvider({
    accessTtl: LIFETIME,
    users: await createUsers(openDatabase(':memory:'), 4, Date.now),
    resource: 'urn:silent-refresh:bench',
    clients: [{ id: 'bench', redirectUris: [`${url}/back`] }],
  })
  const page = () => {
    const settings = { issuer: provider.issuer, store, ahead: AHEAD }
    return `<script>window.settings = ${JSON.stringify(settings)}</script>
<script type="module" src="/script.js"></script>`
  }
  const site: Site = {
    url,
    provider,
    holds: false,
    async close() {
      server.close()
      server.closeAllConnections()
      await provider.close()
    },
  }
  return site
}

export async function open(browser: Browser, { url }: Site): Promise<Tab> {
  const tab = await browser.newTab()
  await tab.goto(`${url}/`)
  await ready(tab)
  return tab
}

export async function ready(tab: Tab): Promise<void> {
  await tab.waitFor(() => 'oauthCandidate' in window)
  await tab.evaluate(async () => void (await window.oauthCandidate.ready()))
}

/** The page goes. */
export const leave = (tab: Tab): Promise<void> =>
  tab.evaluate(() => {
    setTimeout(() => window.oauthCandidate.login().catch(() => {}))
  })

/** To the provider and back; its form is shown where it has no session of this user. */
export async function logIn(tab: Tab, isFirst = true): Promise<void> {
  await leave(tab)
  if (isFirst) await fillIn(tab)
  await tab.waitFor(() => window.oauthCandidate?.isSignedIn())
}

export const isSignedIn = (tab: Tab): Promise<boolean> =>
  tab.evaluate(async () => await window.oauthCandidate.isSignedIn())

export const errorOf = (tab: Tab): Promise<string | null> => tab.evaluate(() => window.oauthCandidate.error())

/** Can the app still have new tokens, if it asks? */
export const canRenew = (tab: Tab): Promise<boolean> =>
  tab.evaluate(() =>
    window.oauthCandidate.renew().then(
      () => true,
      () => false,
    ),
  )

/** 0: an error. */
export const callApi = (tab: Tab): Promise<number> =>
  tab.evaluate(() => window.oauthCandidate.get('/api').catch(() => 0))

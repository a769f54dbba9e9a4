import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ServerMetadata } from 'silent-refresh/oauth'
import { DEMO_CREDENTIALS } from '../../demo/server/credentials.ts'
import { openDatabase } from '../../demo/server/database.ts'
import { type ProviderOptions, type ProviderServer, startProvider } from '../../demo/server/provider.ts'
import { createUsers } from '../../demo/server/users.ts'
import type { Browser, Tab } from './engine.ts'
import type { DPoPPageOptions } from './pages/dpop.ts'
import type { OAuthPageOptions } from './pages/oauth.ts'
import { createProofJudge, type ProofJudge } from './proof-judge.ts'
import { bundle, ready, until } from './site.ts'

export type Account = (typeof DEMO_CREDENTIALS)[number]
export const ADA: Account = DEMO_CREDENTIALS[0]!
export const GRACE: Account = DEMO_CREDENTIALS[1]!

export const API = 'urn:silent-refresh:test:api'

/** Pages of an app on `localhost`, its API, and the provider where its users log in. */
export interface OAuthSite {
  readonly url: string
  readonly provider: ProviderServer
  /** Of the clients that pages create from now on. */
  options: OAuthPageOptions & DPoPPageOptions
  /** Judges the proofs at the API, if the provider demands DPoP. */
  readonly judge: ProofJudge
  /** Headers of the app's pages from now on. */
  headers: Record<string, string>
  /** The API calls that arrived: whose token they had, or why it was refused. */
  readonly apiCalls: string[]
  /** The addresses of the pages that were asked for, with their queries. */
  readonly pageLoads: string[]
  /** Every code, verifier, state, nonce and token that pages with `spies` have had. */
  readonly secrets: Set<string>
  /** How often the app has started. */
  starts: number
  /** What the provider says of itself. */
  metadata(): Promise<ServerMetadata>
  /** Forgets what was counted and chosen, and everybody's session at the provider. */
  reset(): void
  close(): Promise<void>
}

/** `same`: the provider is on the site of the pages. `cross`: to the browser it is a third party. */
export type Sites = 'same' | 'cross'

export async function startOAuthSite(
  sites: Sites,
  providerOptions: Partial<ProviderOptions> = {},
): Promise<OAuthSite> {
  const script = await bundle(providerOptions.dpop ? 'dpop' : 'oauth')
  const users = await createUsers(openDatabase(':memory:'), 4, Date.now)
  const DEFAULTS = {
    accessTtl: 60,
    refreshTtl: 86_400,
    coop: false,
    framing: true,
    nonces: false,
    rotation: true,
  }

  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', site.url)
    const send = (type: string, body: string, status = 200) =>
      response.writeHead(status, { 'Content-Type': type, ...site.headers }).end(body)
    if (pathname === '/oauth.js') return send('text/javascript', script)
    if (pathname === '/started') {
      site.starts++
      return send('text/plain', '')
    }
    if (pathname === '/favicon.ico') return send('image/x-icon', '')
    if (pathname === '/secrets') {
      collect(site.secrets, JSON.parse(await text(request)))
      return send('text/plain', '')
    }
    if (pathname.startsWith('/api/')) {
      const { said, isFine, headers = {} } = await answerOf(request)
      site.apiCalls.push(said)
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      return send('application/json', JSON.stringify(said), isFine ? 200 : 401)
    }
    site.pageLoads.push(pathname + search)
    if (pathname === '/silent.html') return send('text/html', '<!doctype html><title>silent</title>')
    if (pathname === '/blank.html') return send('text/html', '<!doctype html><title>blank</title>')
    return send('text/html', pageOf(site.options))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://localhost:${(server.address() as AddressInfo).port}`

  const provider = await startProvider({
    ...DEFAULTS,
    host: sites === 'same' ? 'localhost' : '127.0.0.1',
    users,
    resource: API,
    clients: [
      { id: 'spa', redirectUris: [`${url}/`, `${url}/silent.html`] },
      { id: 'no-refresh', redirectUris: [`${url}/`, `${url}/silent.html`], refreshTokens: false },
    ],
    ...providerOptions,
  })

  async function answerOf(request: IncomingMessage) {
    if (providerOptions.dpop) return site.judge.judge(request, url)
    const [, token = ''] = request.headers.authorization?.split(' ') ?? []
    const verdict = token ? await provider.accessTokens.verify(token, '') : null
    const said = !verdict ? 'no token' : verdict.valid ? verdict.user.name : verdict.reason
    return { said, isFine: verdict?.valid ?? false, headers: undefined }
  }

  const site: OAuthSite = {
    url,
    provider,
    judge: createProofJudge(provider.issuer, API),
    options: {},
    headers: {},
    apiCalls: [],
    pageLoads: [],
    starts: 0,
    secrets: new Set(),
    reset() {
      site.options = {}
      site.headers = {}
      site.apiCalls.length = 0
      site.pageLoads.length = 0
      site.starts = 0
      site.secrets.clear()
      site.judge.reset()
      provider.outage.set({})
      provider.endSessions()
      provider.calls.clear()
      Object.assign(provider.settings, DEFAULTS, providerOptions)
    },
    metadata: async () => (await fetch(`${provider.issuer}/.well-known/openid-configuration`)).json(),
    async close() {
      server.close()
      server.closeAllConnections()
      await provider.close()
    },
  }

  function pageOf({ oauth, ...options }: OAuthPageOptions): string {
    const given = {
      ...options,
      oauth: {
        issuer: provider.issuer,
        clientId: 'spa',
        scope: 'openid profile email offline_access',
        resource: API,
        ...oauth,
      },
    }
    return `<!doctype html><title>app</title>
<button id="redirect">Log in</button><button id="popup">Log in in a popup</button>
<script type="application/json" id="options">${JSON.stringify(given).replaceAll('<', '\\u003c')}</script>
<script type="module" src="/oauth.js"></script>`
  }
  return site
}

/** From a call of the token endpoint: what was sent, and the answer. */
function collect(secrets: Set<string>, [sent, answered]: [string, string]): void {
  const form = new URLSearchParams(sent)
  const answer = JSON.parse(answered)
  for (const value of [
    ...['code', 'code_verifier', 'refresh_token'].map(name => form.get(name)),
    ...['access_token', 'refresh_token', 'id_token'].map(name => answer[name]),
  ]) {
    if (value) secrets.add(value)
  }
}

/** Nothing of the test before is left in the browser. */
export async function forget(tab: Tab, { url }: OAuthSite): Promise<void> {
  await tab.goto(`${url}/blank.html`)
  await tab.evaluate(() => {
    localStorage.clear()
    sessionStorage.clear()
  })
}

/** Both kinds of site, for the tests of one engine. */
export interface OAuthSites {
  /** As it is at the beginning: nobody is signed in, there or in the browser of this tab. */
  begin(sites: Sites, tab: Tab): Promise<OAuthSite>
  close(): Promise<void>
}

export async function startOAuthSites(): Promise<OAuthSites> {
  const [same, cross] = await Promise.all([startOAuthSite('same'), startOAuthSite('cross')])
  const built = { same, cross }
  return {
    async begin(sites, tab) {
      const site = built[sites]
      site.reset()
      await forget(tab, site)
      return site
    },
    async close() {
      await Promise.all([same.close(), cross.close()])
    },
  }
}

/** What was asked of the token endpoint with a code. */
export const exchanges = ({ provider }: OAuthSite): string[] =>
  provider.calls
    .of('token')
    .map(({ note }) => note)
    .filter(note => note.startsWith('authorization_code'))

export const formIsShown = (tab: Tab): Promise<void> =>
  tab.waitFor(() => document.querySelector('#log-in') !== null)

/** Fills in the provider's form, in the tab or popup that shows it. */
export async function fillIn(tab: Tab, { email, password }: Account = ADA): Promise<void> {
  await formIsShown(tab)
  await tab.evaluate(
    (email, password) => {
      const field = (id: string) => document.querySelector(id) as HTMLInputElement
      field('#email').value = email
      field('#password').value = password
      // Not within this call: the page goes.
      setTimeout(() => field('#log-in').click())
    },
    email,
    password,
  )
}

/** From the app's page to the provider and back, signed in. */
export async function logInByRedirect(tab: Tab, account: Account = ADA): Promise<void> {
  await leave(tab)
  await fillIn(tab, account)
  await signedIn(tab)
}

/** Starts a login by redirect; the page goes. */
export const leave = (tab: Tab, request: object = {}): Promise<void> =>
  tab.evaluate(request => {
    setTimeout(() => window.auth.login(request).catch(error => window.refusals.push(error.code)))
  }, request)

export const signedIn = (tab: Tab): Promise<void> =>
  tab.waitFor(() => window.auth?.session.status === 'authenticated')

export async function open(tab: Tab, address: string): Promise<void> {
  await tab.goto(address)
  await ready(tab)
}

export const status = (tab: Tab): Promise<string> => tab.evaluate(() => window.auth.session.status)
export const whoIs = (tab: Tab): Promise<unknown> => tab.evaluate(() => window.auth.session.user)
export const callApi = (tab: Tab): Promise<unknown> =>
  tab.evaluate(() =>
    window.auth.fetch('/api/items').then(
      response => response.json(),
      error => error.code,
    ),
  )
export const events = (tab: Tab, name: string): Promise<unknown[]> =>
  tab.evaluate(wanted => window.seen.filter(([name]) => name === wanted).map(([, detail]) => detail), name)

/** The one window that a page has opened, when it is there. */
export async function popupOf(browser: Browser): Promise<Tab> {
  let found: Tab[] = []
  await until(async () => {
    found = await browser.windows()
    return found.length > 0
  })
  return found[0]!
}

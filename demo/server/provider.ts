import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Context, Provider } from 'oidc-provider'
import { createProviderTokens, type ProviderTokens } from './provider/access-tokens.ts'
import { type Calls, createCalls } from './provider/calls.ts'
import { createConfiguration } from './provider/configuration.ts'
import { createProviderKeys } from './provider/keys.ts'
import { createLoginPage, LOGIN_PATH } from './provider/login-page.ts'
import { createOutage, type Outage } from './provider/outage.ts'
import type { ProviderOptions, ProviderSettings } from './provider/settings.ts'
import { createStore } from './provider/store.ts'

export type { ProviderOptions }

/** An authorization server of its own: oidc-provider, with a login page, and switches for what can go wrong. */
export interface ProviderServer {
  /** `http://HOST:PORT`, without a slash at the end. */
  readonly issuer: string
  readonly settings: ProviderSettings
  readonly calls: Calls
  readonly outage: Pick<Outage, 'state' | 'set'>
  /** For the API. */
  readonly accessTokens: ProviderTokens
  /** Ends every session and grant. A JWT that was issued is good until it expires, as everywhere. */
  endSessions(): void
  /** Ends all refresh tokens, as their age does. The sessions at the provider go on. */
  endRefreshTokens(): void
  close(): Promise<void>
}

const LISTEN_ON = '127.0.0.1'

export const startProvider = async (options: ProviderOptions): Promise<ProviderServer> => {
  const { port = 0, host = LISTEN_ON, users, resource } = options
  const settings: ProviderSettings = {
    accessTtl: options.accessTtl ?? 60,
    refreshTtl: options.refreshTtl ?? 24 * 60 * 60,
    coop: options.coop ?? false,
    framing: options.framing ?? true,
    nonces: options.nonces ?? false,
    rotation: options.rotation ?? true,
  }
  const calls = createCalls()
  const outage = createOutage()
  const store = createStore()
  const keys = await createProviderKeys()

  let answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>
  const server = createServer(async (request, response) => {
    const { endpoint } = calls.record(request, response)
    if (settings.coop) response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
    if (!settings.framing) response.setHeader('X-Frame-Options', 'DENY')
    response.setHeader('Referrer-Policy', 'no-referrer')
    if (await outage.pass(request, response, endpoint)) await answer(request, response)
  })
  server.listen(port, LISTEN_ON)
  await once(server, 'listening')
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`

  const accessTokens = createProviderTokens(issuer, resource, keys.public, users, options.dpop ?? false)
  const provider = new Provider(
    issuer,
    createConfiguration(options, settings, store, keys, accessTokens.claims),
  )
  const loginPage = createLoginPage(provider, users, options.suggested)
  const endpoints = provider.callback()
  // A name that an attacker points at 127.0.0.1 (DNS rebinding) is not the issuer's.
  const isOurs = ({ headers }: IncomingMessage) => `http://${headers.host}` === issuer
  answer = async (request, response) => {
    if (!isOurs(request)) response.writeHead(421).end()
    else if (request.url?.startsWith(LOGIN_PATH)) await loginPage(request, response)
    else await endpoints(request, response)
  }

  const note = ({ req, oidc }: Context, error?: { error?: string }) => {
    const call = calls.find(req)
    const { grant_type: grantType = '' } = oidc.params ?? {}
    if (call) call.note = [grantType, error?.error].filter(Boolean).join(': ')
  }
  provider.on('grant.success', ctx => note(ctx))
  provider.on('grant.error', note)
  provider.on('server_error', (_, error) => console.error(error))

  let closing: Promise<unknown> | undefined
  return {
    issuer,
    settings,
    calls,
    outage,
    accessTokens,
    endSessions: () => store.clear(),
    endRefreshTokens: () => store.clear('RefreshToken'),
    close: async () => {
      closing ??= new Promise(resolve => {
        server.close(resolve)
        server.closeAllConnections()
      })
      await closing
    },
  }
}

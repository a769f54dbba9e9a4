import { vi } from 'vitest'
import type { AuthClient } from '../../src/index.ts'
import { type Recipe, readBlocks, run } from '../recipes/blocks.ts'
import { CREDENTIALS, LIFETIME } from '../recipes/ledger.ts'
import { createBrowserFetch } from '../support/cookie-jar.ts'
import { type ClientsServer, startClientsServer } from './server.ts'

/** What the blocks import. */
const LIBRARIES: Record<string, () => Promise<object>> = {
  '@apollo/client': () => import('@apollo/client'),
  '@microsoft/fetch-event-source': () => import('@microsoft/fetch-event-source'),
  '@tanstack/query-core': () => import('@tanstack/query-core'),
  '@trpc/client': () => import('@trpc/client'),
  '@urql/core': () => import('@urql/core'),
  axios: () => import('axios'),
  eventsource: () => import('eventsource'),
  'graphql-request': () => import('graphql-request'),
  'graphql-ws': () => import('graphql-ws'),
  ky: () => import('ky'),
  ofetch: () => import('ofetch'),
  'openapi-fetch': () => import('openapi-fetch'),
  'socket.io-client': () => import('socket.io-client'),
  wretch: () => import('wretch'),
}

export interface SignedIn {
  readonly server: ClientsServer
  readonly auth: AuthClient
  /** The signal of the session that is there now, as the page has it. */
  readonly inSession: () => AbortSignal
  /** What the nth block under this heading exports, with the libraries that it imports. */
  load(heading: string, nth?: number): Promise<Record<string, any>>
  /** Another login of the same person. */
  again(): Promise<unknown>
  /** The token ends, on both sides. */
  expire(): void
  /** The token ends while the auth server is away, which is back as soon as a refresh has failed. */
  outage(): void
  close(): Promise<unknown>
}

export const blocks: Recipe[] = readBlocks('docs/clients.md')
const block = (heading: string, nth = 0) => blocks.filter(one => one.heading === heading)[nth]!

/** Somebody signed in at a server of its own. Its clock and the client's stand, but for `expire`. */
export async function signIn(heading: string = blocks[0]!.heading): Promise<SignedIn> {
  vi.useFakeTimers({ toFake: ['Date'] })
  const server = await startClientsServer()
  vi.stubGlobal('fetch', createBrowserFetch().fetch)
  hurry()
  const { auth } = run(block(heading), server.origin) as { auth: AuthClient }
  await auth.login(CREDENTIALS)

  const inSession = run(block('Retries after another user has signed in'), server.origin, {
    './auth': { auth },
  })

  const expire = () => void vi.setSystemTime(Date.now() + LIFETIME + 1_000)

  return {
    server,
    auth,
    inSession: inSession.inSession,
    async load(heading, nth) {
      const { code } = block(heading, nth)
      const modules: Record<string, unknown> = { './auth': { auth } }
      if (code.includes("'./in-session'")) modules['./in-session'] = inSession
      for (const [, name = ''] of code.matchAll(/^import (?!type).* from '([^.'][^']*)'$/gm)) {
        modules[name] = { __esModule: true, ...(await LIBRARIES[name]?.()) }
      }
      const sockets = server.origin.replace('http', 'ws')
      return run({ heading, code: code.replace('wss://api.example.com', sockets) }, server.origin, modules)
    },
    again: () => auth.login(CREDENTIALS),
    expire,
    outage() {
      server.away = true
      expire()
      auth.on('refreshError', () => {
        server.away = false
        expire() // and with it the time that the client waits
      })
    },
    async close() {
      auth.dispose()
      vi.useRealTimers()
      vi.unstubAllGlobals()
      await server.close()
    },
  }
}

/** Patient with a busy machine. */
export const until = (isSo: () => boolean): Promise<unknown> => vi.waitUntil(isSo, { timeout: 20_000 })

/** Libraries wait for a second or three before they connect again; no rule depends on for how long. */
function hurry(): void {
  const { setTimeout } = globalThis
  const isPause = (ms = 0) => ms >= 500 && ms < 5_000
  vi.stubGlobal('setTimeout', (callback: () => void, ms?: number, ...given: []) =>
    setTimeout(callback, isPause(ms) ? 1 : ms, ...given),
  )
}

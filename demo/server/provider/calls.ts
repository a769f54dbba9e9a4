import type { IncomingMessage, ServerResponse } from 'node:http'

const ENDPOINTS = {
  '/.well-known/openid-configuration': 'discovery',
  '/.well-known/oauth-authorization-server': 'discovery',
  '/auth': 'authorization',
  '/request': 'par',
  '/token': 'token',
  '/token/revocation': 'revocation',
  '/me': 'userinfo',
  '/jwks': 'jwks',
  '/session/end': 'logout',
} as const

/** `page`: what only the user's window asks for, between the endpoints that a client knows. */
export type Endpoint = (typeof ENDPOINTS)[keyof typeof ENDPOINTS] | 'page'

export interface Call {
  readonly endpoint: Endpoint
  readonly method: string
  /** With the query. */
  readonly url: string
  /** null: not answered yet. 0: the connection ended without an answer. */
  status: number | null
  /** What was asked of the token endpoint, and what it refused: `refresh_token: invalid_grant`. */
  note: string
}

export interface Calls {
  /** In the order of their arrival; CORS preflights are not among them. */
  all(): readonly Call[]
  of(endpoint: Endpoint): readonly Call[]
  count(endpoint: Endpoint): number
  clear(): void
}

export interface CallRecorder extends Calls {
  record(request: IncomingMessage, response: ServerResponse): Call
  find(request: IncomingMessage): Call | undefined
}

const endpointOf = (path: string): Endpoint =>
  Object.entries(ENDPOINTS).find(([known]) => known === path)?.[1] ?? 'page'

export const createCalls = (): CallRecorder => {
  const byRequest = new WeakMap<IncomingMessage, Call>()
  let calls: Call[] = []
  const of = (endpoint: Endpoint) => calls.filter(call => call.endpoint === endpoint)

  return {
    all: () => [...calls],
    of,
    count: endpoint => of(endpoint).length,
    clear: () => {
      calls = []
    },
    find: request => byRequest.get(request),
    record: (request, response) => {
      const { url = '/', method = 'GET' } = request
      const endpoint = endpointOf(url.split('?', 1)[0]!)
      const call: Call = { endpoint, method, url, status: null, note: '' }
      byRequest.set(request, call)
      if (method !== 'OPTIONS') calls.push(call)
      response.on('close', () => {
        call.status = response.writableEnded ? response.statusCode : 0
      })
      return call
    },
  }
}

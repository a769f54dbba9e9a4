import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { parse } from 'hono/utils/cookie'

/** One request, read. */
export interface Call {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  /** The parsed body; undefined where it is not JSON. */
  readonly json: any
  readonly form: URLSearchParams
  readonly cookies: Record<string, string>
  /** The scheme and what follows it. */
  readonly authorization: readonly [scheme: string, token: string] | null
}

export type Route = (call: Call) => Response | Promise<Response>
export type Routes = Record<`${string} /${string}`, Route>

export interface Backend {
  readonly origin: string
  /** Every request that arrived, with the status that it got. */
  readonly log: { route: string; status: number }[]
  /** Answers this route so, once, in place of its own answer. */
  answerOnce(route: string, answer: Route): void
  close(): Promise<unknown>
}

async function read(request: Request): Promise<Call> {
  const text = await request.text()
  const [scheme, token] = request.headers.get('Authorization')?.split(' ') ?? []
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {}
  return {
    method: request.method,
    path: new URL(request.url).pathname,
    headers: request.headers,
    json,
    form: new URLSearchParams(text),
    cookies: parse(request.headers.get('Cookie') ?? ''),
    authorization: scheme && token ? [scheme, token] : null,
  }
}

/** A backend of these routes on a free port. */
export async function serve(routes: Routes): Promise<Backend> {
  const log: Backend['log'] = []
  const instead = new Map<string, Route>()

  async function answer(request: Request): Promise<Response> {
    const call = await read(request)
    const route = `${call.method} ${call.path}`
    const own =
      instead.get(route) ?? routes[route as keyof Routes] ?? (() => new Response(null, { status: 404 }))
    instead.delete(route)
    const response = await own(call)
    // Node's own would not follow a clock that a test moves.
    response.headers.set('Date', new Date().toUTCString())
    log.push({ route, status: response.status })
    return response
  }

  const server = createAdaptorServer({ fetch: answer, overrideGlobalObjects: false }) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    answerOnce: (route, given) => instead.set(route, given),
    close() {
      server.close()
      server.closeAllConnections()
      return once(server, 'close')
    },
  }
}

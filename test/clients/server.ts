import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { initTRPC, TRPCError } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { buildSchema, execute, graphql, subscribe, validate } from 'graphql'
import { useServer as serveGraphql } from 'graphql-ws/use/ws'
import { type Context, Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { streamSSE } from 'hono/streaming'
import { Server as SocketServer } from 'socket.io'
import { WebSocketServer } from 'ws'
import { createLedger, type Issued, type Ledger, LIFETIME } from '../recipes/ledger.ts'

export interface ClientsServer {
  readonly origin: string
  readonly ledger: Ledger
  /** Every call of the API, with the status that it got. */
  readonly calls: Call[]
  /** The titles of the items. */
  readonly items: string[]
  /** Whether `/refresh_token` says 503, and to come back in half a minute. */
  away: boolean
  /** Runs before the next call of `/items` is answered, with 503. */
  busy: (() => Promise<unknown>) | null
  /** Called before `/refresh_token` answers. */
  onRefresh: () => void
  /** How often `/refresh_token` was asked. */
  readonly refreshes: number
  /** Cuts every open stream and socket. */
  cut(): void
  close(): Promise<unknown>
}

export interface Call {
  readonly route: string
  readonly status: number
  readonly token: 'none' | 'good' | 'bad'
  readonly body: string
}

const schema = buildSchema(`
  type Query { items: [String!]! }
  type Mutation { addItem(title: String!): String! }
  type Subscription { hello: String! }
`)

const unauthenticated = { errors: [{ message: 'no', extensions: { code: 'UNAUTHENTICATED' } }] }

const t = initTRPC.context<{ signedIn: boolean; items: string[] }>().create()
const guarded = t.procedure.use(({ ctx, next }) => {
  if (!ctx.signedIn) throw new TRPCError({ code: 'UNAUTHORIZED' })
  return next()
})
const appRouter = t.router({
  version: t.procedure.query(() => 1),
  items: guarded.query(({ ctx }) => ctx.items),
  addItem: guarded.input(String).mutation(({ ctx, input }) => {
    ctx.items.push(input)
    return input
  }),
})

/**
 * One API in the ways that the clients know: REST, GraphQL, tRPC, server-sent events, graphql-ws and socket.io, behind
 * one login with rotating refresh tokens.
 */
export async function startClientsServer(): Promise<ClientsServer> {
  const ledger = createLedger(true)
  const calls: Call[] = []
  const items = ['first']
  const cuts = new Set<() => void>()
  let refreshes = 0
  const rootValue = {
    items: () => items,
    addItem({ title }: { title: string }) {
      items.push(title)
      return title
    },
    async *hello() {
      yield { hello: 'ada' }
      await new Promise<never>(() => {}) // until it is cut
    },
  }

  const tokenOf = (c: Context) => c.req.header('Authorization')?.replace('Bearer ', '')
  const isSignedIn = (c: Context) => ledger.user(tokenOf(c)) !== null

  function grant(c: Context, issued: Issued | null): Response {
    if (!issued) return c.json({ error: 'invalid' }, 401)
    setCookie(c, 'refresh', issued.refresh, { httpOnly: true, path: '/' })
    return c.json({ access_token: issued.access, expires_in: LIFETIME / 1000 })
  }

  const app = new Hono()
  app.post('/login', async c => {
    const { email, password } = await c.req.json()
    return grant(c, ledger.login(email, password))
  })
  app.post('/refresh_token', c => {
    refreshes++
    server.onRefresh()
    if (server.away) return c.text('upstream is away', 503, { 'Retry-After': '30' })
    return grant(c, ledger.refresh(getCookie(c, 'refresh')))
  })
  app.post('/logout', c => {
    ledger.end(getCookie(c, 'refresh'))
    return c.body(null, 204)
  })

  const api = new Hono()
  api.use(async (c, next) => {
    const shown = tokenOf(c)
    const token = !shown ? 'none' : ledger.user(shown) ? 'good' : 'bad'
    const body = await c.req.raw.clone().text()
    await next()
    calls.push({ route: `${c.req.method} ${c.req.path}`, status: c.res.status, token, body })
  })
  api.use('/items', async (c, next) => {
    const { busy } = server
    if (!busy) return next()
    server.busy = null
    await busy()
    return c.text('busy', 503)
  })
  api.use('/items', async (c, next) => (isSignedIn(c) ? next() : c.json({ error: 'unauthorized' }, 401)))
  api.get('/items', c => c.json(items))
  api.post('/items', async c => {
    const { title } = await c.req.json()
    items.push(title)
    return c.json(title, 201)
  })
  const answerGraphql = async (c: Context) => {
    const { query: source, variables } = c.req.method === 'GET' ? c.req.query() : await c.req.json()
    const variableValues = typeof variables === 'string' ? JSON.parse(variables) : variables
    return c.json(await graphql({ schema, source, rootValue, variableValues }))
  }
  api.on(['GET', 'POST'], '/graphql', c => (isSignedIn(c) ? answerGraphql(c) : c.json(unauthenticated, 401)))
  // Many GraphQL servers say it so.
  api.post('/always-200', c => (isSignedIn(c) ? answerGraphql(c) : c.json(unauthenticated)))
  api.all('/trpc/*', c =>
    fetchRequestHandler({
      endpoint: '/trpc',
      req: c.req.raw,
      router: appRouter,
      createContext: () => ({ signedIn: isSignedIn(c), items }),
    }),
  )
  api.get('/events', c => {
    if (!isSignedIn(c)) return c.json({ error: 'unauthorized' }, 401)
    return streamSSE(c, async stream => {
      await stream.writeSSE({ data: 'ada', retry: 10 })
      await new Promise<void>(resolve => {
        cuts.add(resolve)
        stream.onAbort(resolve)
      })
    })
  })
  app.route('/', api)

  const http = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
  const sockets = new WebSocketServer({ noServer: true })
  const shown = (token: unknown, route: string) => {
    const good = ledger.user(token as string) !== null
    calls.push({ route, status: good ? 200 : 401, token: good ? 'good' : token ? 'bad' : 'none', body: '' })
    return good
  }
  serveGraphql(
    {
      schema,
      // By default its own: those of another copy, where the bundler of the tests has found one for us.
      execute,
      subscribe,
      validate,
      // The tests have no patience with timers.
      connectionInitWaitTimeout: 0,
      roots: { subscription: rootValue },
      onConnect: ({ connectionParams }) => shown(connectionParams?.token, 'WS /graphql'),
    },
    sockets,
  )
  http.on('upgrade', (request: IncomingMessage, socket, head) => {
    if (request.url === '/graphql')
      sockets.handleUpgrade(request, socket, head, one => sockets.emit('connection', one, request))
  })
  const io = new SocketServer(http, { destroyUpgrade: false })
  io.use((socket, next) => {
    if (shown(socket.handshake.auth.token, 'IO')) next()
    else next(new Error('unauthorized'))
  })
  io.on('connection', socket => void socket.on('hello', answer => answer('ada')))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')

  const server: ClientsServer = {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    ledger,
    calls,
    items,
    away: false,
    busy: null,
    onRefresh: () => {},
    get refreshes() {
      return refreshes
    },
    cut() {
      for (const end of cuts) end()
      cuts.clear()
      for (const one of sockets.clients) one.terminate()
      for (const { conn } of io.sockets.sockets.values()) conn.close()
    },
    async close() {
      server.cut()
      const closed = once(http, 'close')
      void io.close()
      http.closeAllConnections()
      return closed
    },
  }
  return server
}

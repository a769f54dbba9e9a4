import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createAccessTokens } from './access-tokens.ts'
import { createApiRoutes, requireUser } from './api-routes.ts'
import { createAuthRoutes } from './auth-routes.ts'
import { BodyTooLarge } from './body.ts'
import { createCarriers } from './carriers.ts'
import {
  checkAccessTtl,
  checkGrace,
  checkMode,
  checkOrigin,
  checkPasswordCost,
  checkPort,
  checkProvable,
  type Mode,
  OptionError,
  type ServerOptions,
  type Settings,
} from './config.ts'
import { createCsrf } from './csrf.ts'
import { isOutage, openDatabase } from './database.ts'
import { createDemoRoutes } from './demo-routes.ts'
import { createDPoP, type DPoP } from './dpop.ts'
import { createEventStream } from './event-stream.ts'
import { createFaults, type Faults, hangUpWhenOffline } from './faults.ts'
import { failure, type ServerEnv } from './http.ts'
import { createLanes } from './lanes.ts'
import type { ProviderServer } from './provider.ts'
import { applyFaults, currentTokens, startProviderBeside } from './provider-beside.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { createRequestLog, type RequestLog } from './request-log.ts'
import { loopbackHost } from './same-origin.ts'
import { createSigningKeys } from './signing-keys.ts'
import { servePage } from './static.ts'
import { createOwnSessionRoutes, createThief } from './thief.ts'
import { createUsers } from './users.ts'

const HOST = '127.0.0.1'
const CLOSE_PATIENCE = 1000
const PAGE = fileURLToPath(new URL('../app/dist', import.meta.url))

export type { ServerOptions }

export interface DemoServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** Can be changed while the server runs. */
  readonly settings: Settings
  readonly log: Pick<RequestLog, 'entries' | 'clear'>
  readonly faults: Pick<Faults, 'state' | 'set'>
  /** If the server was started with `dpop`. */
  readonly dpop: DPoP | undefined
  /** Where users log in, if the server was started in the mode `oauth`. */
  readonly provider: ProviderServer | undefined
  close(): Promise<void>
}

const listen = async (server: Server, port: number): Promise<number> => {
  try {
    server.listen(port, HOST)
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || port === 0) throw error
    return listen(server, 0)
  }
  return (server.address() as AddressInfo).port
}

/** Node's own call spares the connections that a browser opened ahead and has not used yet. */
const idleCloser = (server: Server): (() => void) => {
  const unused = new Set<Socket>()
  server.on('connection', socket => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', ({ socket }) => unused.delete(socket))
  return () => {
    server.closeIdleConnections()
    for (const socket of unused) socket.destroy()
  }
}

const close = async (server: Server, closeIdle: () => void): Promise<void> => {
  const closed = once(server, 'close')
  server.close()
  closeIdle()
  const impatient = setTimeout(() => server.closeAllConnections(), CLOSE_PATIENCE)
  await closed
  clearTimeout(impatient)
}

export const startServer = async (options: ServerOptions = {}): Promise<DemoServer> => {
  const { now = Date.now, staticRoot = PAGE } = options
  const dpop = options.dpop ? createDPoP(options.nonces ?? false, now) : undefined
  let mode = checkProvable(checkMode(options.mode ?? 'bearer'), dpop !== undefined)
  let provider: ProviderServer | undefined
  const askedPort = checkPort(options.port ?? 0)
  const publicOrigins = (options.publicOrigins ?? []).map(origin => checkOrigin(origin))
  const cost = checkPasswordCost(options.passwordCost ?? 15)
  const settings: Settings = {
    accessTtl: checkAccessTtl(options.accessTtl ?? 15),
    grace: checkGrace(options.grace ?? 10),
  }

  const db = openDatabase(options.db ?? ':memory:')
  const keys = await createSigningKeys(db, now)
  const users = await createUsers(db, cost, now)
  const accessTokens = createAccessTokens(db, keys, now, dpop !== undefined)
  const refreshTokens = createRefreshTokens(db, now)
  const carriers = createCarriers(createCsrf(db))
  const thief = createThief()
  const lanes = createLanes(() => closeIdle(), publicOrigins)
  const events = createEventStream()
  const faults = createFaults(
    () => closeIdle(),
    state => {
      events.send('faults', state)
      if (provider) applyFaults(provider, state)
    },
  )
  const log = createRequestLog(now, events.send)

  const readMode = () => mode
  const carrier = () => carriers[mode]
  const issuer = () => provider?.issuer
  const tokens = currentTokens(() => (mode === 'oauth' && provider?.accessTokens) || accessTokens)
  const endSessions = () => {
    refreshTokens.revokeAll()
    provider?.endSessions()
    tokens.revokeIssued()
  }
  /** What one mode gave out means nothing to another. */
  const changeMode = (wanted: Mode) => {
    if (wanted === 'oauth' && !provider) {
      throw new OptionError('"mode" can be oauth only if the demo was started with --mode oauth')
    }
    if (checkProvable(wanted, dpop !== undefined) !== mode) endSessions()
    mode = wanted
    if (provider) provider.settings.accessTtl = settings.accessTtl
  }

  const isDropping = () => faults.state().refresh === 'drop' || lanes.isDropping()

  const app = new Hono<ServerEnv>()
  app.use(async (c, next) => {
    c.set('publicOrigins', publicOrigins)
    const dropping = isDropping()
    await next()
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store')
    c.res.headers.set('X-Content-Type-Options', 'nosniff')
    if (dropping || isDropping()) c.res.headers.set('Connection', 'close')
  })
  app.use(loopbackHost)
  for (const path of ['/auth/*', '/user/*', '/api/*']) app.use(path, hangUpWhenOffline(faults))
  for (const path of ['/auth/*', '/user/*', '/api/*', '/demo/mine/*']) app.use(path, log.record)
  if (dpop) {
    for (const name of ['login', 'refresh_token', 'logout']) app.use(`/auth/${name}`, dpop.forTokens)
    for (const path of ['/auth/me', '/user/*', '/api/*', '/demo/mine/*']) app.use(path, dpop.forApi)
  }
  app.route(
    '/auth',
    createAuthRoutes({
      mode: readMode,
      settings,
      carrier,
      users,
      accessTokens,
      refreshTokens,
      faults,
      thief,
      now,
    }),
  )
  app.get('/user/whoami', requireUser(tokens, carrier), c => c.json(c.get('user')))
  app.route('/api', createApiRoutes({ db, accessTokens: tokens, carrier, faults, now }))
  app.route(
    '/demo/mine',
    createOwnSessionRoutes({ settings, carrier, accessTokens: tokens, refreshTokens, thief }),
  )
  app.route('/lanes', lanes.routes)
  app.route(
    '/demo',
    createDemoRoutes({
      mode: readMode,
      changeMode,
      issuer,
      dpop: dpop !== undefined,
      settings,
      accessTokens: tokens,
      endSessions,
      keys,
      faults,
      log,
      events,
    }),
  )
  for (const path of ['/auth/*', '/user/*', '/api/*', '/demo/*']) {
    app.all(path, c => failure(c, 404, 'not_found', 'There is no such endpoint'))
  }
  app.get('*', servePage(staticRoot, issuer))
  app.notFound(c => c.text('Not found', 404))
  app.onError((error, c) => {
    if (error instanceof BodyTooLarge) return failure(c, 413, 'too_large', 'The body is too large')
    console.error(error)
    if (isOutage(error)) {
      c.header('Retry-After', '5')
      return failure(c, 503, 'temporarily_unavailable', 'The database is away')
    }
    return failure(c, 500, 'server_error', 'Something went wrong')
  })

  // The globals stay as they are: tests run this server in the process whose fetch they call.
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server
  const closeIdle = idleCloser(server)
  const port = await listen(server, askedPort).catch(error => {
    db.close()
    throw error
  })
  const url = `http://${HOST}:${port}`
  if (mode === 'oauth')
    provider = await startProviderBeside([url, ...publicOrigins], users, settings.accessTtl, dpop)

  let closing: Promise<void> | undefined
  return {
    url,
    port,
    settings,
    log,
    faults,
    dpop,
    provider,
    close: () => {
      events.close()
      closing ??= Promise.all([close(server, closeIdle), provider?.close()]).then(() => {
        lanes.close()
        db.close()
      })
      return closing
    },
  }
}

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Hono } from 'hono'
import { createAccessTokens } from './access-tokens.ts'
import { createApiRoutes } from './api-routes.ts'
import { createAuthRoutes } from './auth-routes.ts'
import { readJsonObject } from './body.ts'
import { createCarriers } from './carriers.ts'
import { OptionError, readSettings } from './config.ts'
import { clearBearerCookies } from './cookies.ts'
import { createCsrf } from './csrf.ts'
import { openDatabase } from './database.ts'
import { createFaults, hangUpWhenOffline } from './faults.ts'
import { failure, type ServerContext, type ServerEnv } from './http.ts'
import { createRefreshTokens } from './refresh-tokens.ts'
import { sameOrigin } from './same-origin.ts'
import { createSigningKeys } from './signing-keys.ts'
import { createUsers } from './users.ts'

/** More than this many are never open: the oldest is closed. */
const LIMIT = 12
/** Of a lane's sessions, and so of its cookies in the visitor's browser. */
const SESSION_LIFETIME = 60 * 60 * 1000
const PASSWORD_COST = 4
const LONGEST_WAIT = 2000

/** What reached the lane since it was last cleared. */
export interface Counters {
  refreshes: number
  requests: number
  /** API calls that were answered with 401. */
  refused: number
}

interface Lane {
  readonly app: Hono<ServerEnv>
  isDropping(): boolean
  close(): void
}

export interface Lanes {
  readonly routes: Hono<ServerEnv>
  /** Is one of them to lose an answer? */
  isDropping(): boolean
  close(): void
}

const CLEAR: Counters = { refreshes: 0, requests: 0, refused: 0 }
const SETTINGS = { accessTtl: 60, grace: 10 }

const whole = (name: string, value: unknown, low: number, high: number): number => {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return value as number
  throw new OptionError(`"${name}" must be a whole number from ${low} to ${high}`)
}

const refuse = (error: Error, c: ServerContext) => {
  if (error instanceof OptionError) return failure(c, 400, 'invalid_request', error.message)
  throw error
}

/**
 * The same auth server once more, for one client of the comparison. It has a database, a clock, a cookie path and counters of
 * its own, and the same faults. It carries its tokens as the mode `bearer` does.
 */
const createLane = async (
  base: string,
  given: Record<string, unknown>,
  closeIdle: () => void,
  publicOrigins: readonly string[],
): Promise<Lane> => {
  const settings = readSettings(given, SETTINGS)
  let ahead = 0
  const now = () => Date.now() + ahead
  let counters = { ...CLEAR }

  const db = openDatabase(':memory:')
  const keys = await createSigningKeys(db, now)
  const users = await createUsers(db, PASSWORD_COST, now)
  const accessTokens = createAccessTokens(db, keys, now)
  const refreshTokens = createRefreshTokens(db, now, SESSION_LIFETIME)
  const { bearer } = createCarriers(createCsrf(db))
  const carrier = () => bearer
  const mode = () => 'bearer' as const
  const faults = createFaults(closeIdle)

  const sleep = async (c: ServerContext) => {
    ahead += whole('seconds', (await readJsonObject(c))?.seconds, 1, 86_400) * 1000
    return c.body(null, 204)
  }

  const app = new Hono<ServerEnv>()
    .basePath(base)
    .use(async (c, next) => {
      c.set('note', () => {})
      c.set('base', base)
      c.set('publicOrigins', publicOrigins)
      await next()
    })
    .post('/sleep', sleep)
    .post('/faults', async c => c.json(faults.set((await readJsonObject(c)) ?? {})))
    .post('/revoke-access', c => {
      accessTokens.revokeIssued()
      return c.body(null, 204)
    })
    .get('/counters', c => c.json(counters))
    .delete('/counters', c => {
      counters = { ...CLEAR }
      return c.body(null, 204)
    })
    .use(hangUpWhenOffline(faults))
    .use('/auth/refresh_token', (_c, next) => {
      counters.refreshes++
      return next()
    })
    .use('/api/*', async (c, next) => {
      counters.requests++
      // An answer that takes its time, the 401 included.
      await pause(Math.min(Number(c.req.query('wait')) || 0, LONGEST_WAIT))
      await next()
      if (c.res.status === 401) counters.refused++
    })
    .route(
      '/auth',
      createAuthRoutes({ mode, settings, carrier, users, accessTokens, refreshTokens, faults, now }),
    )
    .route('/api', createApiRoutes({ db, accessTokens, carrier, faults, now }))
    .notFound(c => failure(c, 404, 'not_found', 'There is no such endpoint'))
    .onError(refuse)

  return { app, isDropping: () => faults.state().refresh === 'drop', close: () => db.close() }
}

/** `POST /lanes` opens one, and `DELETE /lanes/ID` takes it and its cookies away. */
export const createLanes = (closeIdle: () => void, publicOrigins: readonly string[]): Lanes => {
  const open = new Map<string, Lane>()

  const closeLane = (id: string) => {
    open.get(id)?.close()
    open.delete(id)
  }

  const create = async (c: ServerContext) => {
    const id = randomUUID()
    open.set(id, await createLane(`/lanes/${id}`, (await readJsonObject(c)) ?? {}, closeIdle, publicOrigins))
    const [oldest] = open.keys()
    if (open.size > LIMIT) closeLane(oldest!)
    return c.json({ id }, 201)
  }

  const routes = new Hono<ServerEnv>()
    .onError(refuse)
    .use(sameOrigin)
    .post('/', create)
    .delete('/:id', c => {
      const id = c.req.param('id')
      c.set('base', `/lanes/${id}`)
      clearBearerCookies(c)
      closeLane(id)
      return c.body(null, 204)
    })
    .all('/:id/*', c => {
      const lane = open.get(c.req.param('id'))
      return lane ? lane.app.fetch(c.req.raw, c.env) : failure(c, 404, 'not_found', 'There is no such lane')
    })

  return {
    routes,
    isDropping: () => [...open.values()].some(lane => lane.isDropping()),
    close: () => {
      for (const id of [...open.keys()]) closeLane(id)
    },
  }
}

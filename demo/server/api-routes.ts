import { randomUUID } from 'node:crypto'
import { Hono, type MiddlewareHandler } from 'hono'
import type { AccessTokens } from './access-tokens.ts'
import { readJsonObject } from './body.ts'
import type { Carrier } from './carriers.ts'
import type { Database } from './database.ts'
import { echo } from './echo.ts'
import type { Faults } from './faults.ts'
import { challenge, failure, type ServerContext, type ServerEnv } from './http.ts'

const TITLE_LIMIT = 200

const REFUSALS = {
  invalid: 'The token is not valid',
  expired: 'The token has expired',
  revoked: 'The token was revoked',
  unbound: 'The token belongs to another browser',
} as const

const invalidToken = (c: ServerContext, description: string) => {
  c.header('WWW-Authenticate', challenge(c, 'invalid_token', description))
  return failure(c, 401, 'invalid_token', description)
}

/** A request without any token is told the scheme and nothing else. */
export const requireUser =
  (accessTokens: Pick<AccessTokens, 'verify'>, readCarrier: () => Carrier): MiddlewareHandler<ServerEnv> =>
  async (c, next) => {
    const carrier = readCarrier()
    const token = carrier.readAccess(c)
    if (!token) {
      c.get('note')('no token')
      c.header('WWW-Authenticate', challenge(c))
      return failure(c, 401, 'unauthorized', 'An access token is needed')
    }
    const verification = await accessTokens.verify(token, carrier.readBinding(c))
    if (!verification.valid) {
      c.get('note')(`token ${verification.reason}`)
      return invalidToken(c, REFUSALS[verification.reason])
    }
    const refusal = carrier.guard(c, verification.session)
    if (refusal) return refusal
    c.set('user', verification.user)
    c.set('session', verification.session)
    return next()
  }

const failOnDemand =
  (faults: Faults): MiddlewareHandler<ServerEnv> =>
  async (c, next) => {
    const { api: fault } = faults.take('api')
    if (fault === 'none') return next()
    c.get('note')(`fault: ${fault}`)
    return fault === '401'
      ? invalidToken(c, 'A fault was asked for')
      : failure(c, 500, 'server_error', 'A fault was asked for')
  }

export interface ApiServices {
  db: Database
  accessTokens: Pick<AccessTokens, 'verify'>
  /** As of now: the mode can change while the server runs. */
  carrier: () => Carrier
  faults: Faults
  now: () => number
}

export const createApiRoutes = ({ db, accessTokens, carrier, faults, now }: ApiServices): Hono<ServerEnv> => {
  const list = db.prepare(
    'SELECT id, title, created_at AS createdAt FROM items WHERE user_id = ? ORDER BY created_at, rowid',
  )
  const add = db.prepare('INSERT INTO items (id, user_id, title, created_at) VALUES (?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM items WHERE id = ? AND user_id = ?')

  const createItem = async (c: ServerContext) => {
    const title = (await readJsonObject(c))?.title
    if (typeof title !== 'string' || title.trim() === '' || title.length > TITLE_LIMIT) {
      return failure(c, 400, 'invalid_request', `"title" must be a text of 1 to ${TITLE_LIMIT} characters`)
    }
    const item = { id: randomUUID(), title: title.trim(), createdAt: now() }
    add.run(item.id, c.get('user').sub, item.title, item.createdAt)
    return c.json(item, 201)
  }

  return new Hono<ServerEnv>()
    .use(requireUser(accessTokens, carrier))
    .use(failOnDemand(faults))
    .get('/items', c => c.json(list.all(c.get('user').sub)))
    .post('/items', createItem)
    .delete('/items/:id', c =>
      remove.run(c.req.param('id'), c.get('user').sub).changes > 0
        ? c.body(null, 204)
        : failure(c, 404, 'not_found', 'There is no such item'),
    )
    .all('/echo', echo)
}

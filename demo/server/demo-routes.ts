import { Hono } from 'hono'
import type { AccessTokens } from './access-tokens.ts'
import { readJsonObject } from './body.ts'
import { type Mode, OptionError, readSettings, type Settings } from './config.ts'
import type { Faults } from './faults.ts'
import { failure, type ServerContext, type ServerEnv } from './http.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { RequestLog } from './request-log.ts'
import { sameOrigin } from './same-origin.ts'
import type { SigningKeys } from './signing-keys.ts'
import { DEMO_CREDENTIALS } from './users.ts'

export interface DemoServices {
  mode: Mode
  settings: Settings
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  keys: SigningKeys
  faults: Faults
  log: RequestLog
}

/** What the page's buttons do; a real server has none of this. */
export const createDemoRoutes = (services: DemoServices): Hono<ServerEnv> => {
  const { mode, settings, accessTokens, refreshTokens, keys, faults, log } = services
  const config = () => ({ mode, ...settings, credentials: DEMO_CREDENTIALS })

  const change = async (c: ServerContext, apply: (input: Record<string, unknown>) => object) => {
    const input = await readJsonObject(c)
    if (!input) return failure(c, 400, 'invalid_request', 'Send a JSON object')
    try {
      return c.json(apply(input))
    } catch (error) {
      if (error instanceof OptionError) return failure(c, 400, 'invalid_request', error.message)
      throw error
    }
  }

  return new Hono<ServerEnv>()
    .use(sameOrigin)
    .get('/config', c => c.json(config()))
    .post('/config', c =>
      change(c, input => {
        Object.assign(settings, readSettings(input, settings))
        return config()
      }),
    )
    .get('/faults', c => c.json(faults.state()))
    .post('/faults', c => change(c, faults.set))
    .post('/revoke-access', c => {
      accessTokens.revokeIssued()
      return c.body(null, 204)
    })
    .post('/revoke-all', c => {
      refreshTokens.revokeAll()
      accessTokens.revokeIssued()
      return c.body(null, 204)
    })
    .post('/rotate-key', async c => {
      await keys.rotate()
      return c.body(null, 204)
    })
    .get('/log', c => c.json(log.entries()))
    .delete('/log', c => {
      log.clear()
      return c.body(null, 204)
    })
}

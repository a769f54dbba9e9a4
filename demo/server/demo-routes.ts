import { Hono } from 'hono'
import type { AccessTokens } from './access-tokens.ts'
import { readJsonObject } from './body.ts'
import { AUDIENCE, checkMode, type Mode, OptionError, readSettings, type Settings } from './config.ts'
import { DEMO_CREDENTIALS } from './credentials.ts'
import type { EventStream } from './event-stream.ts'
import type { Faults } from './faults.ts'
import { failure, type ServerContext, type ServerEnv } from './http.ts'
import { CLIENT_ID } from './provider-beside.ts'
import type { RequestLog } from './request-log.ts'
import { sameOrigin } from './same-origin.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface DemoServices {
  mode: () => Mode
  /**
   * Ends every session where the mode is another one.
   * @throws OptionError
   */
  changeMode: (mode: Mode) => void
  /** Of the authorization server, if there is one. */
  issuer: () => string | undefined
  /** Are proofs demanded? */
  dpop: boolean
  settings: Settings
  accessTokens: Pick<AccessTokens, 'revokeIssued'>
  endSessions: () => void
  keys: SigningKeys
  faults: Faults
  log: RequestLog
  events: EventStream
}

/** What the page's buttons do; a real server has none of this. */
export const createDemoRoutes = (services: DemoServices): Hono<ServerEnv> => {
  const { mode, changeMode, issuer, dpop, settings, accessTokens, endSessions, keys, faults, log, events } =
    services
  const config = () => {
    const provider = issuer() && { issuer: issuer(), clientId: CLIENT_ID, resource: AUDIENCE }
    const more = { ...(provider && { provider }), ...(dpop && { dpop }) }
    return { mode: mode(), ...settings, credentials: DEMO_CREDENTIALS, ...more }
  }

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
        const { mode: wanted = mode(), ...rest } = input
        const nextMode = checkMode(wanted)
        Object.assign(settings, readSettings(rest, settings))
        changeMode(nextMode)
        events.send('config', { mode: mode(), ...settings })
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
      endSessions()
      return c.body(null, 204)
    })
    .post('/rotate-key', async c => {
      await keys.rotate()
      return c.body(null, 204)
    })
    .get('/events', () =>
      events.open([
        ['config', { mode: mode(), ...settings }],
        ['faults', faults.state()],
        ...log.arrivals().map(arrival => ['request', arrival] as const),
      ]),
    )
    .get('/log', c => c.json(log.entries()))
    .delete('/log', c => {
      log.clear()
      return c.body(null, 204)
    })
}

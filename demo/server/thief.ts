import { Hono } from 'hono'
import type { AccessTokens } from './access-tokens.ts'
import { requireUser } from './api-routes.ts'
import type { Carrier } from './carriers.ts'
import type { Settings } from './config.ts'
import { failure, type ServerContext, type ServerEnv } from './http.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import { sameOrigin } from './same-origin.ts'

/** How many sessions it keeps an eye on: the last ones to have refreshed. */
const LIMIT = 100

interface Loot {
  token: string
  binding: string
}

/** A thief with the refresh token that a session used last, and with the cookie that it is bound to. */
export interface Thief {
  watch(session: string, token: string, binding: string): void
  loot(session: string): Loot | undefined
}

export const createThief = (): Thief => {
  const seen = new Map<string, Loot>()

  return {
    watch: (session, token, binding) => {
      seen.delete(session)
      seen.set(session, { token, binding })
      const [oldest] = seen.keys()
      if (seen.size > LIMIT) seen.delete(oldest!)
    },
    loot: session => seen.get(session),
  }
}

export interface OwnSessionServices {
  settings: Settings
  carrier: () => Carrier
  accessTokens: Pick<AccessTokens, 'verify' | 'deny'>
  refreshTokens: RefreshTokens
  thief: Thief
}

/** What visitors can do to their own session alone; a real server has none of this. */
export const createOwnSessionRoutes = (services: OwnSessionServices): Hono<ServerEnv> => {
  const { settings, carrier, accessTokens, refreshTokens, thief } = services

  /** The thief sends the last used refresh token again. Its answer stays with the server. */
  const steal = (c: ServerContext) => {
    const loot = thief.loot(c.get('session'))
    if (!loot) return failure(c, 409, 'nothing_to_steal', 'This session has not used a refresh token yet')
    const { outcome } = refreshTokens.rotate(loot.token, loot.binding, settings.grace)
    c.get('note')(`thief: ${outcome}`)
    return c.json({ outcome })
  }

  return new Hono<ServerEnv>()
    .use(sameOrigin)
    .use(requireUser(accessTokens, carrier))
    .post('/steal', steal)
    .post('/revoke', async c => {
      await accessTokens.deny(carrier().readAccess(c) ?? '')
      c.get('note')('token revoked')
      return c.body(null, 204)
    })
}

import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import type { AccessTokens } from './access-tokens.ts'
import { requireUser } from './api-routes.ts'
import { readJsonObject } from './body.ts'
import type { Carrier } from './carriers.ts'
import type { Mode, Settings } from './config.ts'
import { readRefreshCookie } from './cookies.ts'
import type { Faults } from './faults.ts'
import { failure, hangUp, type ServerContext, type ServerEnv } from './http.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import { sameOrigin } from './same-origin.ts'
import type { Thief } from './thief.ts'
import type { User, Users } from './users.ts'

const REFUSALS = {
  unknown: ['invalid_refresh_token', 'The refresh token is not known'],
  unbound: ['invalid_refresh_token', 'The refresh token belongs to another browser'],
  revoked: ['session_revoked', 'The session was ended'],
  expired: ['session_expired', 'The session has reached its end'],
  reuse: ['reuse_detected', 'The refresh token was used before; the session is ended'],
} as const

/** With a token whose answer was lost on demand. */
const PATIENCE = 60 * 60 * 1000

export interface AuthServices {
  mode: () => Mode
  settings: Settings
  carrier: () => Carrier
  users: Users
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  faults: Faults
  /** Is told which token was used up. */
  thief?: Pick<Thief, 'watch'>
  now: () => number
}

export const createAuthRoutes = (services: AuthServices): Hono<ServerEnv> => {
  const { mode, settings, carrier, users, accessTokens, refreshTokens, faults, thief, now } = services

  const secondsUntil = (time: number) => Math.floor((time - now()) / 1000)

  const grant = async (
    c: ServerContext,
    user: User,
    session: string,
    binding: string,
    refreshToken?: { token: string; expiresAt: number },
  ) => {
    const lifetime = settings.accessTtl
    const accessToken = await accessTokens.issue(user, session, binding, lifetime)
    const sessionLifetime = refreshToken ? secondsUntil(refreshToken.expiresAt) : lifetime
    const { token } = refreshToken ?? {}
    return carrier().answer(c, {
      user,
      session,
      accessToken,
      lifetime,
      sessionLifetime,
      ...(token && { refreshToken: token }),
    })
  }

  const login = async (c: ServerContext) => {
    const { email, password } = (await readJsonObject(c)) ?? {}
    if (typeof email !== 'string' || typeof password !== 'string') {
      return failure(c, 400, 'invalid_request', 'Send a JSON object with "email" and "password"')
    }
    const user = await users.byCredentials(email, password)
    if (!user) {
      c.get('note')('wrong credentials')
      return failure(c, 401, 'invalid_credentials', 'The email or the password is wrong')
    }
    // The cookie is about to be overwritten: what it opened must not stay open behind it.
    const former = readRefreshCookie(c)
    if (former) refreshTokens.revokeFamily(former)
    c.get('note')('signed in')
    const binding = carrier().bind(c, refreshTokens.lifetime / 1000)
    if (mode() === 'sliding') return grant(c, user, randomUUID(), binding)
    const issued = refreshTokens.startFamily(user.sub, binding)
    return grant(c, user, issued.familyId, binding, issued)
  }

  // A refusal clears no cookie: it may arrive late, after a login has put new ones into the jar.
  const refuse = (c: ServerContext, outcome: keyof typeof REFUSALS) => {
    const [error, message] = REFUSALS[outcome]
    c.get('note')(outcome === 'reuse' ? 'reuse detected' : `refused: ${outcome}`)
    return failure(c, 401, error, message)
  }

  const rotate = async (c: ServerContext, forgiving: boolean) => {
    const presented = await carrier().readRefresh(c)
    if (!presented) {
      c.get('note')(`refused: no ${mode() === 'body' ? 'token' : 'cookie'}`)
      return failure(c, 401, 'missing_refresh_token', 'No refresh token was sent')
    }
    const refusal = carrier().guard(c, refreshTokens.familyOf(presented) ?? '')
    if (refusal) return refusal
    const binding = carrier().readBinding(c)
    const rotation = refreshTokens.rotate(presented, binding, settings.grace)
    if (!('token' in rotation)) return refuse(c, rotation.outcome)
    const user = users.byId(rotation.userId)
    if (!user) return refuse(c, 'unknown')
    if (forgiving) refreshTokens.keepRepeatable(presented, now() + PATIENCE)
    // A cookie can be stolen as well. The key cannot.
    thief?.watch(rotation.familyId, presented, c.get('jkt') ? '' : binding)
    c.get('note')(rotation.outcome)
    return grant(c, user, rotation.familyId, binding, rotation)
  }

  /** An access token that is still good buys the next one, and is worth nothing from then on. */
  const slide = async (c: ServerContext, forgiving: boolean) => {
    const presented = carrier().readAccess(c) ?? ''
    const verification = await accessTokens.verify(presented, carrier().readBinding(c))
    // Of two exchanges at once only one finds it not denied yet.
    const isOurs = verification.valid && (forgiving || (await accessTokens.deny(presented)))
    if (!isOurs) {
      c.get('note')(`refused: ${verification.valid ? 'revoked' : verification.reason}`)
      return failure(c, 401, 'invalid_token', 'Only a token that is still good can be renewed')
    }
    c.get('note')('renewed')
    return grant(c, verification.user, verification.session, carrier().readBinding(c))
  }

  /**
   * `forgiving`: of an answer that gets lost on purpose. Where there is a grace, that ends nobody's session, however
   * long it goes on.
   */
  const exchange = (c: ServerContext, forgiving = false) =>
    mode() === 'sliding' ? slide(c, forgiving) : rotate(c, forgiving)

  const refresh = async (c: ServerContext) => {
    const { refresh: fault, retryAfter } = faults.take('refresh')
    if (fault !== 'none') c.get('note')(`fault: ${fault}`)
    if (fault === '500') return failure(c, 500, 'server_error', 'A fault was asked for')
    if (fault === '429') {
      c.header('Retry-After', String(retryAfter))
      return failure(c, 429, 'too_many_requests', 'A fault was asked for')
    }
    if (fault === 'hang' && !(await faults.hang(c.req.raw.signal))) return hangUp(c)
    if (fault === 'drop') {
      await exchange(c, settings.grace > 0)
      return hangUp(c)
    }
    return exchange(c)
  }

  const logout = async (c: ServerContext) => {
    const presented = await carrier().readRefresh(c)
    const family = presented && refreshTokens.familyOf(presented)
    const refusal = family ? carrier().guard(c, family) : null
    if (refusal) return refusal
    const access = carrier().readAccess(c)
    const revoked = presented !== undefined && refreshTokens.revokeFamily(presented)
    const denied = access !== null && (await accessTokens.deny(access))
    carrier().clear(c)
    c.get('note')(revoked || (mode() === 'sliding' && denied) ? 'signed out' : 'nothing to sign out')
    return c.body(null, 204)
  }

  return new Hono<ServerEnv>()
    .use(sameOrigin)
    .use((c, next) =>
      mode() === 'oauth'
        ? Promise.resolve(failure(c, 404, 'not_found', 'Users log in at the provider'))
        : next(),
    )
    .post('/login', login)
    .post('/refresh_token', refresh)
    .post('/logout', logout)
    .get('/me', requireUser(accessTokens, carrier), c => c.json(c.get('user')))
}

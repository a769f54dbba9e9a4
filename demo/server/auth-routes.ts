import { Hono } from 'hono'
import type { AccessTokens } from './access-tokens.ts'
import { readJsonObject } from './body.ts'
import type { Settings } from './config.ts'
import {
  clearCookies,
  readFingerprintHash,
  readRefreshCookie,
  writeFingerprintCookie,
  writeRefreshCookie,
} from './cookies.ts'
import type { Faults } from './faults.ts'
import { bearerToken, failure, hangUp, type ServerContext, type ServerEnv } from './http.ts'
import { randomSecret, sha256 } from './random.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import { sameOrigin } from './same-origin.ts'
import type { User, Users } from './users.ts'

const REFUSALS = {
  unknown: ['invalid_refresh_token', 'The refresh token is not known'],
  unbound: ['invalid_refresh_token', 'The refresh token belongs to another browser'],
  revoked: ['session_revoked', 'The session was ended'],
  expired: ['session_expired', 'The session has reached its end'],
  reuse: ['reuse_detected', 'The refresh token was used before; the session is ended'],
} as const

export interface AuthServices {
  settings: Settings
  users: Users
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  faults: Faults
  now: () => number
}

export const createAuthRoutes = (services: AuthServices): Hono<ServerEnv> => {
  const { settings, users, accessTokens, refreshTokens, faults, now } = services

  const secondsUntil = (time: number) => Math.floor((time - now()) / 1000)

  const answer = async (c: ServerContext, user: User, fingerprintHash: string) => {
    const lifetime = settings.accessTtl
    const accessToken = await accessTokens.issue(user, fingerprintHash, lifetime)
    return c.json({ access_token: accessToken, token_type: 'Bearer', expires_in: lifetime, user })
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
    const fingerprint = randomSecret()
    const fingerprintHash = sha256(fingerprint)
    const { token, expiresAt } = refreshTokens.startFamily(user.sub, fingerprintHash)
    writeRefreshCookie(c, token, secondsUntil(expiresAt))
    writeFingerprintCookie(c, fingerprint, secondsUntil(expiresAt))
    c.get('note')('signed in')
    return answer(c, user, fingerprintHash)
  }

  // A refusal clears no cookie: it may arrive late, after a login has put new ones into the jar.
  const refuse = (c: ServerContext, outcome: keyof typeof REFUSALS) => {
    const [error, message] = REFUSALS[outcome]
    c.get('note')(outcome === 'reuse' ? 'reuse detected' : `refused: ${outcome}`)
    return failure(c, 401, error, message)
  }

  const rotate = async (c: ServerContext) => {
    const presented = readRefreshCookie(c)
    if (!presented) {
      c.get('note')('refused: no cookie')
      return failure(c, 401, 'missing_refresh_token', 'No refresh token was sent')
    }
    const fingerprintHash = readFingerprintHash(c)
    const rotation = refreshTokens.rotate(presented, fingerprintHash, settings.grace)
    if (!('token' in rotation)) return refuse(c, rotation.outcome)
    const user = users.byId(rotation.userId)
    if (!user) return refuse(c, 'unknown')
    c.get('note')(rotation.outcome)
    writeRefreshCookie(c, rotation.token, secondsUntil(rotation.expiresAt))
    return answer(c, user, fingerprintHash)
  }

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
      await rotate(c)
      return hangUp(c)
    }
    return rotate(c)
  }

  const logout = async (c: ServerContext) => {
    const presented = readRefreshCookie(c)
    const bearer = bearerToken(c)
    const revoked = presented !== undefined && refreshTokens.revokeFamily(presented)
    if (bearer) await accessTokens.deny(bearer)
    clearCookies(c)
    c.get('note')(revoked ? 'signed out' : 'nothing to sign out')
    return c.body(null, 204)
  }

  return new Hono<ServerEnv>()
    .use(sameOrigin)
    .post('/login', login)
    .post('/refresh_token', refresh)
    .post('/logout', logout)
}

import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ContractMode } from 'silent-refresh/testing/contract'
import type { Is } from './breaks.ts'
import type { ContractCookies } from './cookies.ts'
import { failure, type Reply, readJson } from './reply.ts'
import type { ContractRotation } from './rotation.ts'
import type { Shown } from './shown.ts'
import { type ContractTokens, LIFETIME } from './tokens.ts'

export const ADA = { email: 'ada@example.com', password: 'secret' }

interface Parts {
  readonly mode: ContractMode
  readonly is: Is
  readonly cookies: ContractCookies
  readonly tokens: ContractTokens
  readonly rotation: ContractRotation
  readonly shown: Shown
}

/** The auth endpoints of a server that can be broken. */
export interface ContractAuth {
  login(text: string): Reply
  refresh(request: IncomingMessage, text: string): Reply
  logout(request: IncomingMessage, text: string): Reply
  reset(): void
}

interface Grant {
  readonly session: string
  readonly refreshToken: string
  readonly isLogin: boolean
  readonly access: string
}

export function createAuth({ mode, is, cookies, tokens, rotation, shown }: Parts): ContractAuth {
  let logins = 0
  let wrongLogins = 0
  const hasCookies = mode === 'bearer' || mode === 'cookie'

  function grant(
    session: string,
    refreshToken: string,
    isLogin: boolean,
    access = tokens.issue(session),
  ): Reply {
    const given = { session, refreshToken, isLogin, access }
    return { status: 200, body: bodyOf(given), cookies: hasCookies ? cookiesOf(given) : [] }
  }

  function bodyOf({ refreshToken, isLogin, access }: Grant): object {
    const isOurs = mode !== 'cookie' || is('the access token in the body')
    const isMissing = isLogin ? is('no refresh token') : is('a refresh sets no cookie')
    const isInBody = (mode === 'body' && !isMissing) || is('the refresh token in the body')
    const field = is('another token field') ? 'jwt' : 'access_token'
    return {
      ...(isOurs && {
        [field]: is('a token with a space') ? 'a token' : access,
        token_type: is('another token type') ? 'MAC' : 'Bearer',
      }),
      ...(!is('no expires_in') && { expires_in: LIFETIME * (is('expires_in in milliseconds') ? 1000 : 1) }),
      ...((isLogin || !is('no user in a refresh')) && { user: { sub: 'ada' } }),
      ...(isInBody && !is('another refresh field') && { refresh_token: refreshToken }),
      ...(isInBody && is('another refresh field') && { data: { refresh: refreshToken } }),
      ...(is('the cookie in the body') && { session: refreshToken }),
    }
  }

  function cookiesOf({ session, refreshToken, isLogin, access }: Grant): string[] {
    const isRefreshSet = !is('no cookie at all') && (isLogin || !is('a refresh sets no cookie'))
    const older = isLogin && is('a login removes an older cookie')
    const own = [
      ...(isRefreshSet ? [cookies.refresh(refreshToken)] : []),
      ...(older ? [`${cookies.names.refresh()}=; Path=/old; Max-Age=0`] : []),
    ]
    if (mode === 'bearer') return own
    const isAccessSet = isLogin ? !is('no access cookie') : !is('a refresh sets no access cookie')
    return [
      ...(isAccessSet ? [cookies.access(access)] : []),
      ...own,
      ...(is('no CSRF cookie') ? [] : [cookies.csrf(tokens.issueCsrf(session))]),
    ]
  }

  function open(): Reply {
    const session = randomUUID()
    return grant(session, rotation.open(session), true)
  }

  const refused = (status: number, error: string): Reply => ({
    ...failure(status, error),
    ...(is('a refusal clears the cookie') && { cookies: [cookies.refresh('')] }),
    ...(is('a refusal clears the access cookie') && { cookies: [cookies.access('')] }),
  })

  function slide(presented: string): Reply {
    tokens.repeated(presented)
    const session = tokens.sessionOf(presented, 'refresh')
    if (session === null) return refused(401, 'invalid_token')
    if (is('the same cookie again')) return grant(session, '', false, presented)
    tokens.deny(presented)
    return grant(session, '', false)
  }

  function rotate(presented: string): Reply {
    const next = rotation.exchange(presented)
    return typeof next === 'string' ? refused(401, next) : grant(next.session, next.token, false)
  }

  return {
    login(text) {
      if (is('no logins')) return failure(429, 'too_many_requests')
      const fields = readJson(text)
      if (typeof fields?.email !== 'string' || typeof fields.password !== 'string') {
        if (is('a malformed login is accepted')) return open()
        const status = is('a malformed login is 500') ? 500 : 400
        return { status, body: { error: 'invalid_request', message: `cannot read ${text}` } }
      }
      if (fields.email !== ADA.email && is('an unknown user is told')) return failure(401, 'unknown_user')
      if (fields.email !== ADA.email || fields.password !== ADA.password) {
        if (is('too many wrong logins') && ++wrongLogins > 1) return failure(429, 'too_many_requests')
        const wrong = failure(is('a wrong password is 403') ? 403 : 401, 'invalid_credentials')
        return is('a wrong password sets a cookie') ? { ...wrong, cookies: [cookies.refresh('none')] } : wrong
      }
      if (is('too many logins') && ++logins > 3) return failure(429, 'too_many_requests')
      if (is('a login returns {"ok":true}')) return { ...open(), body: { ok: true } }
      return is('a login as HTML') ? { ...open(), body: '<html>Welcome</html>' } : open()
    },

    refresh(request, text) {
      if (is('a refresh without a body is 500') && !text) return failure(500, 'no body')
      const presented = shown.renewing(request, text)
      if (!presented) {
        if (is('no cookie is 200')) return { status: 200, body: {} }
        return refused(is('no cookie is 403') ? 403 : 401, 'missing_refresh_token')
      }
      if (presented === 'unknown' && is('an unknown cookie is 500')) return refused(500, 'server_error')
      const isBare = is('a refresh needs a bearer') && !shown.access(request)
      if (isBare || is('a refresh needs a refresh token')) return refused(401, 'unauthorized')
      if (mode === 'sliding') return slide(presented)
      return shown.refusal(request, rotation.sessionOf(presented), 'a refresh') ?? rotate(presented)
    },

    logout(request, text) {
      const presented = shown.renewing(request, text)
      const session = !presented
        ? null
        : mode === 'sliding'
          ? tokens.sessionOf(presented, 'refresh')
          : rotation.sessionOf(presented)
      const refusal = shown.refusal(request, session, 'a logout')
      if (refusal && !is('a missing CSRF value is refused too late')) return refusal
      if (presented && !session && is('a dead logout is 401')) return failure(401, 'unknown')
      if (!presented && is('a logout without a cookie is 401')) return failure(401, 'unauthorized')
      if (presented && session && !is('a logout is for show')) {
        if (mode === 'sliding') tokens.end(session)
        else rotation.close(presented)
      }
      if (refusal) return refusal
      const others = mode === 'cookie' ? [cookies.access(''), cookies.csrf('')] : []
      const all = [cookies.refresh(''), ...(is('a logout leaves the access cookie') ? [] : others)]
      const set = hasCookies && !is('a logout clears nothing') ? all : []
      if (is('a logout is a redirect')) return { status: 302, headers: { Location: '/' }, cookies: set }
      return { status: 204, cookies: set }
    },

    reset() {
      logins = 0
      wrongLogins = 0
    },
  }
}

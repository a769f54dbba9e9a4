import { createHmac, randomUUID } from 'node:crypto'
import type { Is } from './breaks.ts'

export const LIFETIME = 15

/** The access tokens and the CSRF values of a server that can be broken. */
export interface ContractTokens {
  issue(session: string): string
  /** Whose token this is, at this endpoint; `null` if it is not good. */
  sessionOf(token: string, endpoint: 'api' | 'refresh'): string | null
  /** A token was renewed. */
  deny(token: string): void
  end(session: string): void
  /** A token that was renewed is renewed again. */
  repeated(token: string): void
  issueCsrf(session: string): string
  fits(value: string, session: string): boolean
  reset(): void
}

export function createTokens(now: () => number, is: Is): ContractTokens {
  const seconds = () => Math.floor(now() / 1000)
  const sign = (data: string) => createHmac('sha256', 'key').update(data).digest('base64url')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const denied = new Set<string>()
  const ended = new Set<string>()
  const csrf = new Map<string, string>()
  const newest = new Map<string, string>()
  let firstIssued: number | null = null

  function read(
    token: string,
  ): { alg: string; exp: number; sub: string; sid: string; isSigned: boolean } | null {
    const [head = '', payload = '', signature = ''] = token.split('.')
    try {
      const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString())
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
      return { ...claims, alg, isSigned: signature === sign(`${head}.${payload}`) }
    } catch {
      return null
    }
  }

  return {
    issue(sid) {
      const iat = is('iat is copied') && firstIssued !== null ? firstIssued : seconds()
      firstIssued = iat
      const claims = { sub: 'ada', sid, iat, exp: iat + LIFETIME, jti: randomUUID() }
      const data = `${part({ alg: 'HS256' })}.${part(claims)}`
      return `${data}.${sign(data)}`
    },
    sessionOf(token, endpoint) {
      const claims = read(token)
      if (!claims || typeof claims.sub !== 'string' || ended.has(claims.sid)) return null
      const isUnsigned = is('the algorithm of the token is used') && claims.alg === 'none'
      if (!claims.isSigned && !isUnsigned && !is('no signature check')) return null
      const isDenied = denied.has(token) && !(endpoint === 'api' && is('the API takes renewed tokens'))
      const isEndless = is(endpoint === 'api' ? 'expired tokens are fine' : 'an expired token is renewed')
      return isDenied || (claims.exp <= seconds() && !isEndless) ? null : claims.sid
    },
    deny(token) {
      if (!is('a renewed token stays good')) denied.add(token)
    },
    end: session => void ended.add(session),
    repeated(token) {
      const session = denied.has(token) && read(token)?.sid
      if (session && is('an old token ends the session')) ended.add(session)
    },
    issueCsrf(session) {
      // A sign that a cookie has to escape.
      const value = `${randomUUID()}=`
      csrf.set(value, session)
      newest.set(session, value)
      return value
    },
    fits(value, session) {
      if (is('the CSRF value of any session is fine')) return csrf.has(value)
      if (is('only the newest CSRF value is fine')) return newest.get(session) === value
      return csrf.get(value) === session
    },
    reset() {
      firstIssued = null
    },
  }
}

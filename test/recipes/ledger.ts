import { randomUUID } from 'node:crypto'

export interface User {
  id: number
  email: string
}

export interface Issued {
  access: string
  refresh: string
  user: User
  /** Epoch milliseconds. */
  expiresAt: number
}

/** What every backend of the recipes keeps: who is signed in, with single-use refresh tokens. */
export interface Ledger {
  login(email: unknown, password: unknown): Issued | null
  refresh(token: string | null | undefined): Issued | null
  /** Exchanges an access token that is still good, which dies of it. */
  renew(access: string | null): Issued | null
  user(access: string | null | undefined): User | null
  /** Ends the session of either token. */
  end(token: string | null | undefined): boolean
  revokeAccess(): void
  revokeSessions(): void
  /** How many sessions are open. */
  readonly open: number
  /** How many exchanges were asked for, granted or not. */
  readonly exchanges: number
  readonly reuses: number
}

export const CREDENTIALS: { email: string; password: string } = {
  email: 'ada@example.com',
  password: 'correct horse',
}

export const LIFETIME = 60_000

/** `jwt`: the access tokens say themselves when they end. Otherwise nobody can read them. */
export function createLedger(jwt: boolean, lifetime: number = LIFETIME): Ledger {
  const user: User = { id: 1, email: CREDENTIALS.email }
  const accesses = new Map<string, { session: string; expiresAt: number }>()
  const refreshes = new Map<string, { session: string; used: boolean }>()
  const sessions = new Set<string>()
  let exchanges = 0
  let reuses = 0

  function issue(session: string): Issued {
    const expiresAt = Date.now() + lifetime
    const payload = { sub: '1', jti: randomUUID(), exp: Math.floor(expiresAt / 1000) }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const access = jwt ? `${part({ alg: 'none' })}.${part(payload)}.x` : randomUUID()
    const refresh = randomUUID()
    accesses.set(access, { session, expiresAt })
    refreshes.set(refresh, { session, used: false })
    return { access, refresh, user, expiresAt }
  }

  const good = (token: string | null | undefined) => {
    const found = accesses.get(token ?? '')
    return found && found.expiresAt > Date.now() && sessions.has(found.session) ? found : null
  }

  return {
    login(email, password) {
      if (email !== CREDENTIALS.email || password !== CREDENTIALS.password) return null
      const session = randomUUID()
      sessions.add(session)
      return issue(session)
    },
    refresh(token) {
      exchanges++
      const found = refreshes.get(token ?? '')
      if (!found || !sessions.has(found.session)) return null
      if (found.used) {
        reuses++
        sessions.delete(found.session)
        return null
      }
      found.used = true
      return issue(found.session)
    },
    renew(access) {
      exchanges++
      const found = good(access)
      if (!found) return null
      accesses.delete(access as string)
      return issue(found.session)
    },
    user: access => (good(access) ? user : null),
    end(token) {
      const found = refreshes.get(token ?? '') ?? accesses.get(token ?? '')
      return found !== undefined && sessions.delete(found.session)
    },
    revokeAccess: () => accesses.clear(),
    revokeSessions: () => sessions.clear(),
    get open() {
      return sessions.size
    },
    get exchanges() {
      return exchanges
    },
    get reuses() {
      return reuses
    },
  }
}

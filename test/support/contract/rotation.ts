import { randomUUID } from 'node:crypto'
import { createLedger, type Ledger } from '../../../src/testing/ledger.ts'
import type { Is } from './breaks.ts'

/** The refresh tokens of a server that can be broken, by the sessions that they belong to. */
export interface ContractRotation {
  open(session: string): string
  /** `null`: the token is unknown, or its session has ended. */
  sessionOf(token: string): string | null
  /** The next token, or the error code of the refusal. */
  exchange(token: string): { session: string; token: string } | string
  /** Ends the session of this token. */
  close(token: string): void
}

export function createRotation(now: () => number, grace: number, is: Is): ContractRotation {
  const name = () => `rt-${randomUUID()}`
  const strict = createLedger<string>(now, 0, name)
  const forgiving = createLedger<string>(now, grace * 1000, name)
  const endless = createLedger<string>(now, Number.POSITIVE_INFINITY, name)
  const ledger = (): Ledger<string> =>
    is('no grace') ? strict : is('the grace does not end') ? endless : forgiving
  /** When each refresh token was used first. */
  const used = new Map<string, number>()
  const parents = new Map<string, string>()
  /** Used, and their successors too. */
  const superseded = new Set<string>()

  return {
    open: session => ledger().open(session),
    sessionOf: token => ledger().ownerOf(token),

    exchange(token) {
      const session = ledger().ownerOf(token)
      if (session && is('the same cookie again')) return { session, token }
      const isFirst = session !== null && !used.has(token)
      if (session && !isFirst && is('a used token is always good')) {
        return { session, token: ledger().open(session) }
      }
      const isReuse = superseded.has(token) || now() - (used.get(token) ?? now()) > grace * 1000
      if (session && isReuse && is('a used token is refused, and no more')) return 'reuse_detected'
      const next = ledger().exchange(token)
      if (typeof next === 'string') return next === 'reused' ? 'reuse_detected' : 'invalid_refresh_token'
      if (isFirst) {
        used.set(token, now())
        superseded.add(parents.get(token) ?? '')
        parents.set(next.refreshToken, token)
      }
      const isDead = !isFirst && is('a repeat gets a dead cookie')
      return { session: next.owner, token: isDead ? name() : next.refreshToken }
    },

    close(token) {
      const isOld = used.has(token) && is('only the newest cookie logs out')
      if (!isOld) ledger().close(token)
    },
  }
}

import type { AuthErrorCode } from './errors.ts'
import type { LoginCause } from './types.ts'

/** Absolute times: a message may lie about for as long as its reader is frozen. */
export interface Handover {
  readonly type: 'session'
  readonly generation: number
  /** The login that it goes back to. */
  readonly decided: number
  readonly cause: LoginCause | 'refresh'
  readonly identity: string
  /** Missing under `tabs: 'notify'`. A refresh token is never in any message. */
  readonly accessToken?: string | undefined
  /** Not `null`: one tab has the refresh token, and refreshes for the others. */
  readonly lineage: number | null
  readonly lifetime: number | null
  readonly expiresAt: number | null
  readonly user?: unknown
}

export interface SignedOut {
  readonly type: 'signed-out'
  readonly generation: number
  readonly reason: 'other-tab' | 'rejected' | 'idle'
}

export interface Postponed {
  readonly type: 'postponed'
  readonly generation: number
  readonly code: AuthErrorCode
  readonly message: string
  readonly status?: number | undefined
  readonly retryAt: number
  readonly binding: boolean
}

export type News = Handover | SignedOut | Postponed
/**
 * `hello`: who is there, and how far have they come? A tab that was opened just now has seen nothing; `here` answers it.
 * `ask`: for the session; `renew`: for a refresh, from the tab that has the refresh token.
 */
export type Question = {
  readonly type: 'hello' | 'here' | 'ask' | 'renew'
  readonly generation: number
  readonly decided?: number
  /** With `renew`: the token does not work any more. */
  readonly dead?: boolean
  /** The user's last activity, epoch milliseconds. */
  readonly active?: number | undefined
}

export const VERSION = 1
const MAX_USER = 100_000
const YEAR = 365 * 24 * 3_600_000

/** They keep near the time: one from the far future would leave no room for any decision after it. */
export const isGeneration = (value: number, now: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= now + YEAR

/** Whatever runs on this origin can post: what does not have the very shape is not there. */
export function readMessage(data: unknown, now: number): News | Question | null {
  try {
    const message = data as Record<string, any>
    const { v, type, generation } = message
    if (v !== VERSION || !isGeneration(generation, now) || !isGeneration(message.decided ?? 0, now))
      return null
    const isTime = (value: unknown) => value === null || Number.isFinite(value)
    const isText = (value: unknown) => typeof value === 'string' && value.length < 1000
    const holds =
      (['hello', 'here', 'ask', 'renew'].includes(type) && isTime(message.active ?? null)) ||
      (type === 'signed-out' && ['other-tab', 'rejected', 'idle'].includes(message.reason)) ||
      (type === 'postponed' &&
        Number.isFinite(message.retryAt) &&
        isText(message.message) &&
        (message.code === 'refresh_unavailable' || message.code === 'refresh_rejected')) ||
      (type === 'session' &&
        isText(message.identity) &&
        isText(message.cause) &&
        isTime(message.lifetime) &&
        (message.lineage === null || isGeneration(message.lineage, now)) &&
        isTime(message.expiresAt) &&
        (JSON.stringify(message.user) ?? '').length < MAX_USER)
    return holds ? (message as News | Question) : null
  } catch {
    return null
  }
}

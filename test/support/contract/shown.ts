import type { IncomingMessage } from 'node:http'
import type { ContractMode } from 'silent-refresh/testing/contract'
import type { Is } from './breaks.ts'
import type { ContractCookies } from './cookies.ts'
import { failure, type Reply, readJson } from './reply.ts'
import type { ContractTokens } from './tokens.ts'

/** What a request shows: the tokens of a mode, and the CSRF value. */
export interface Shown {
  /** The token of a refresh or a logout. */
  renewing(request: IncomingMessage, text: string): string | undefined
  access(request: IncomingMessage): string | undefined
  /** The refusal of a request that acts on a session and does not show its CSRF value. `null`: no session. */
  refusal(request: IncomingMessage, session: string | null, where: Where): Reply | null
}

type Where = 'a refresh' | 'a logout' | 'the API'

interface Parts {
  readonly mode: ContractMode
  readonly is: Is
  readonly cookies: ContractCookies
  readonly tokens: ContractTokens
}

export function createShown({ mode, is, cookies, tokens }: Parts): Shown {
  const bearer = ({ headers }: IncomingMessage) => headers.authorization?.replace('Bearer ', '')
  const cookie = ({ headers }: IncomingMessage, name: 'refresh' | 'access' | 'csrf') =>
    new RegExp(`(?:^|; )${cookies.names[name]()}=([^;]+)`).exec(headers.cookie ?? '')?.[1]

  return {
    renewing(request, text) {
      if (mode === 'sliding') return bearer(request)
      if (mode !== 'body') return cookie(request, 'refresh')
      const { refresh_token, refresh } = readJson(text) ?? {}
      const token = is('another refresh field') ? refresh : refresh_token
      return typeof token === 'string' ? token : undefined
    },

    access: request => (mode === 'cookie' ? cookie(request, 'access') : bearer(request)),

    refusal(request, session, where) {
      if (mode !== 'cookie' || is('no CSRF check') || is(`no CSRF check at ${where}`)) return null
      if (session === null) return is('the CSRF check comes first') ? failure(403, 'csrf') : null
      const header = is('other cookie names') ? 'x-csrf' : 'x-xsrf-token'
      const shown = String(request.headers[header])
      const isGood = is('the CSRF value is compared with its cookie')
        ? shown === decodeURIComponent(cookie(request, 'csrf') ?? '')
        : tokens.fits(shown, session)
      return isGood ? null : failure(403, 'csrf')
    },
  }
}

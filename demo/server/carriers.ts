import { readJsonObject } from './body.ts'
import type { Mode } from './config.ts'
import {
  clearBearerCookies,
  clearSessionCookies,
  readAccessCookie,
  readFingerprintHash,
  readRefreshCookie,
  writeAccessCookie,
  writeCsrfCookie,
  writeFingerprintCookie,
  writeRefreshCookie,
} from './cookies.ts'
import type { Csrf } from './csrf.ts'
import { accessToken, type ServerContext } from './http.ts'
import { randomSecret, sha256 } from './random.ts'
import type { User } from './users.ts'

/** What a login or refresh gives out. */
export interface Grant {
  user: User
  session: string
  accessToken: string
  /** Seconds. */
  lifetime: number
  /** Absent where the access token renews itself. */
  refreshToken?: string
  /** Seconds until the session ends. */
  sessionLifetime: number
}

/** How the tokens travel: the one thing in which the modes differ. */
export interface Carrier {
  readAccess(c: ServerContext): string | null
  readRefresh(c: ServerContext): Promise<string | undefined>
  /** At login: ties the tokens to this browser; what it has to show again. */
  bind(c: ServerContext, sessionLifetime: number): string
  readBinding(c: ServerContext): string
  answer(c: ServerContext, grant: Grant): Response
  clear(c: ServerContext): void
  /** Where a cookie says who it is: the refusal of a request that does not show the CSRF value. */
  guard(c: ServerContext, session: string): Response | null
}

/** A token that JavaScript can read cannot be bound to a cookie, and a token in a cookie need not be. */
const UNBOUND = 'unbound'

/** Where each request proves a key, the tokens are bound to that key, and need no cookie for it. */
const keyOf = (c: ServerContext): string | undefined => c.get('jkt')

const tokenBody = (c: ServerContext, { accessToken, lifetime, user }: Grant) => ({
  access_token: accessToken,
  token_type: keyOf(c) ? 'DPoP' : 'Bearer',
  expires_in: lifetime,
  user,
})

const bearer: Carrier = {
  readAccess: accessToken,
  readRefresh: async c => readRefreshCookie(c),
  bind: (c, sessionLifetime) => {
    const key = keyOf(c)
    if (key) return key
    const fingerprint = randomSecret()
    writeFingerprintCookie(c, fingerprint, sessionLifetime)
    return sha256(fingerprint)
  },
  readBinding: c => keyOf(c) ?? readFingerprintHash(c),
  answer: (c, grant) => {
    writeRefreshCookie(c, grant.refreshToken ?? '', grant.sessionLifetime)
    return c.json(tokenBody(c, grant))
  },
  clear: clearBearerCookies,
  guard: () => null,
}

const body: Carrier = {
  readAccess: accessToken,
  readRefresh: async c => {
    const token = (await readJsonObject(c))?.refresh_token
    return typeof token === 'string' ? token : undefined
  },
  bind: c => keyOf(c) ?? UNBOUND,
  readBinding: c => keyOf(c) ?? UNBOUND,
  answer: (c, grant) => c.json({ ...tokenBody(c, grant), refresh_token: grant.refreshToken }),
  clear: () => {},
  guard: () => null,
}

const sliding: Carrier = {
  ...body,
  readRefresh: async () => undefined,
  answer: (c, grant) => c.json(tokenBody(c, grant)),
}

const cookie = (csrf: Csrf): Carrier => ({
  readAccess: c => readAccessCookie(c) ?? null,
  readRefresh: async c => readRefreshCookie(c),
  bind: () => UNBOUND,
  readBinding: () => UNBOUND,
  answer: (c, { user, session, accessToken, refreshToken = '', lifetime, sessionLifetime }) => {
    writeAccessCookie(c, accessToken, lifetime)
    writeRefreshCookie(c, refreshToken, sessionLifetime)
    writeCsrfCookie(c, csrf.issue(session), sessionLifetime)
    return c.json({ expires_in: lifetime, user })
  },
  clear: clearSessionCookies,
  guard: csrf.refusal,
})

const oauth: Carrier = { ...body, readRefresh: async () => undefined }

export const createCarriers = (csrf: Csrf): Record<Mode, Carrier> => ({
  bearer,
  cookie: cookie(csrf),
  body,
  sliding,
  oauth,
})

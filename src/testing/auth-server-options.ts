import { AuthError, invalid } from '../kernel/errors.ts'
import type { JwtClaims } from '../types.ts'

/** Somebody who can sign in. */
export interface FakeUser {
  /** What a login has to carry, field by field; more may come along. A user without any cannot log in. */
  credentials?: Record<string, unknown> | undefined
  /** Claims of the access token. @default `sub`: the first text of the credentials; `iss`, `iat`, `exp`, `jti` */
  claims?: JwtClaims | undefined
  /** What `endpoints.user` answers; without that endpoint it is part of every token answer. @default none */
  user?: unknown
}

/** What `createFakeAuthServer` takes. */
export interface FakeAuthServerOptions {
  /** The folder that endpoints and `api` resolve against, as the client's option. @default the page's origin */
  baseUrl?: string | URL | undefined
  /** The same strings that the client has. */
  endpoints?:
    | {
        /** @default 'login' */
        login?: string | undefined
        /** @default 'refresh_token' */
        refresh?: string | undefined
        /** @default 'logout' */
        logout?: string | undefined
        /** @default none */
        user?: string | undefined
      }
    | undefined
  /** @default one: `{ email: 'ada@example.com', password: 'secret' }`, with `sub` and `user.name` 'Ada' */
  users?: readonly FakeUser[] | undefined
  /**
   * Routes that want a bearer, as `'GET /items'`, exact, without query: with a slash from the origin's root, without one
   * (`'GET items'`) from `baseUrl`. A value is the JSON that is answered, or a `Response`; a function may answer with
   * either.
   * @default none
   */
  api?: Record<string, unknown> | undefined
  /** Where the access token travels, as the client's option. In `'cookie'` the refresh token is one too. @default 'bearer' */
  mode?: 'bearer' | 'cookie' | undefined
  /** Where the refresh token travels: an HttpOnly cookie, or `refresh_token` in the bodies. @default 'cookie' */
  refreshToken?: 'cookie' | 'body' | undefined
  /** Lifetime of an access token, in seconds. @default 3600 */
  expiresIn?: number | undefined
  /** Milliseconds in which a refresh token that was used still gets its successor; 0: a second use ends the session. @default 0 */
  grace?: number | undefined
  /** The server's clock, epoch milliseconds. @default Date.now, looked up at each use */
  now?: (() => number) | undefined
  /**
   * What a server knew, as its `save` has told: its sessions, tokens and cookies go on here.
   * @default none
   */
  saved?: SavedAuthServer | undefined
}

/**
 * The sessions, tokens and cookies of a server, without its calls and its faults. It can be cloned, so IndexedDB keeps it and
 * `postMessage` sends it. Its content may change with each version.
 */
export interface SavedAuthServer {
  readonly version: 1
}

const ADA: FakeUser = {
  credentials: { email: 'ada@example.com', password: 'secret' },
  claims: { sub: 'ada' },
  user: { name: 'Ada', email: 'ada@example.com' },
}

const ENDPOINTS = { login: 'login', refresh: 'refresh_token', logout: 'logout' }

/** What was given, without what was given as `undefined`. */
export const defined = (values: object): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

/** Where the page is, if there is one. */
export const pageUrl = (): URL | null =>
  typeof location !== 'undefined' && /^https?:/.test(location.href) ? new URL(location.href) : null

type Settings = {
  [Name in keyof Omit<FakeAuthServerOptions, 'baseUrl' | 'saved'>]-?: NonNullable<FakeAuthServerOptions[Name]>
} & {
  readonly baseUrl: string
  readonly saved: SavedAuthServer | null
}

/** @throws AuthError `invalid_option`, naming the option */
export function readSettings(options: FakeAuthServerOptions): Settings {
  if (typeof options !== 'object' || options === null) throw invalid('options', 'an object')
  const defaults = {
    baseUrl: pageUrl()?.origin ?? 'http://localhost:3000',
    users: [ADA],
    api: {},
    mode: 'bearer',
    refreshToken: 'cookie',
    expiresIn: 3600,
    grace: 0,
    now: () => Date.now(),
    endpoints: {},
    saved: null as SavedAuthServer | null,
  }
  const given = defined(options)
  const unknown = Object.keys(given).find(name => !Object.hasOwn(defaults, name))
  if (unknown) throw new AuthError('invalid_option', `"${unknown}" is not an option.`)
  const settings = { ...defaults, ...given }
  if (!URL.canParse(settings.baseUrl as string)) throw invalid('baseUrl', 'an absolute URL')
  const baseUrl = new URL(settings.baseUrl as string)
  baseUrl.pathname = baseUrl.pathname.replace(/\/?$/, '/')
  const rules: [name: string, holds: boolean, requirement: string][] = [
    ['users', Array.isArray(settings.users), 'an array'],
    ['endpoints', typeof settings.endpoints === 'object' && settings.endpoints !== null, 'an object'],
    ['api', typeof settings.api === 'object' && settings.api !== null, 'an object'],
    ['mode', ['bearer', 'cookie'].includes(settings.mode), '"bearer" or "cookie"'],
    ['refreshToken', ['cookie', 'body'].includes(settings.refreshToken), '"cookie" or "body"'],
    ['expiresIn', Number.isFinite(settings.expiresIn), 'a number of seconds'],
    ['grace', settings.grace >= 0, 'a number of milliseconds'],
    ['now', typeof settings.now === 'function', 'a function'],
    ['saved', !settings.saved || settings.saved.version === 1, 'what "save" has returned'],
  ]
  for (const [name, holds, requirement] of rules) if (!holds) throw invalid(name, requirement)
  const endpoints = { ...ENDPOINTS, ...defined(settings.endpoints) }
  for (const [name, value] of Object.entries(endpoints)) {
    if (!['login', 'refresh', 'logout', 'user'].includes(name) || typeof value !== 'string') {
      throw invalid(`endpoints.${name}`, 'the text of login, refresh, logout or user')
    }
  }
  return { ...settings, endpoints, baseUrl: baseUrl.href } as Settings
}

import type { AuthError } from './errors.ts'

/** Registered JWT claims (RFC 7519 §4.1), beside whatever else the token carries. For display and scheduling, never for trust. */
export interface JwtClaims {
  iss?: string
  sub?: string
  aud?: string | string[]
  exp?: number
  nbf?: number
  iat?: number
  jti?: string
  [claim: string]: unknown
}

/** What a login or refresh yields, in the client's own words. */
export interface TokenSet {
  /** Visible ASCII, at most 65,536 characters; sent as the credentials of the `Authorization` header (RFC 6750 §2.1). */
  readonly accessToken: string
  /** Only where the backend hands it to script; a missing one keeps the one held. */
  readonly refreshToken?: string | undefined
  /** Lifetime in seconds, counted from the moment that the request left. Wins over `expiresAt`. */
  readonly expiresIn?: number | string | undefined
  /** End of life, epoch milliseconds by the server's clock. */
  readonly expiresAt?: number | undefined
  /** Becomes `session.user`; `undefined` keeps the one held. */
  readonly user?: unknown
}

/** What an answer may hold of one. */
export type PartialTokens = { readonly [Name in keyof TokenSet]?: TokenSet[Name] | undefined }

/** A request to one of the backend's auth endpoints: `fetch`'s own options, and two shorthands for the body. */
export type EndpointRequest = RequestInit & {
  /** Used verbatim; a relative one resolves like `fetch` resolves it. */
  url: string | URL
  /** Sent as JSON with `Content-Type: application/json`. */
  json?: unknown
  /** Sent form encoded. */
  form?: Record<string, string> | undefined
}

/** What a function that builds a request is given. */
export interface EndpointContext {
  /**
   * The token set held at send time; `null` in cookie mode. Its `accessToken` is empty where only a refresh token is
   * left, as after a page load.
   */
  readonly tokens: TokenSet | null
  /** What `login` was called with; `undefined` for every other operation. */
  readonly credentials: unknown
  /** Aborts when the operation is given up. */
  readonly signal: AbortSignal
}

/**
 * Builds the request at send time. May be async; bounded by `timeout`; must not call the client, which waits for it.
 * Headers are yours alone: the client adds none but the one of `csrf`, and that only where you set none.
 * `null`: there is nothing to send. A refresh or restore then counts as refused, and a logout as not revoked.
 */
export type EndpointFunction = (
  context: EndpointContext,
) => EndpointRequest | null | Promise<EndpointRequest | null>
/** Where an auth call goes: a URL, or a function that builds the request. */
export type Endpoint = string | EndpointFunction

/**
 * A key-value store for what must outlive the page: `webStorage(…)`, or your own, sync or async. The values are text;
 * the keys name the scope. One that throws, hangs or hands back nonsense is replaced by memory, with one
 * `storage-unavailable` event.
 */
export interface TokenStorage {
  get(key: string): string | null | undefined | Promise<string | null | undefined>
  set(key: string, value: string): unknown
  remove(key: string): unknown
  /** Do all tabs of the browser see the same, within a second (as with localStorage)? @default false */
  readonly shared?: boolean
}

/** The double-submit pattern: a readable cookie that is sent back as a header. */
export interface CsrfOptions {
  /** Name of the cookie, such as `XSRF-TOKEN`. */
  cookie: string
  /** Name of the header, such as `X-XSRF-TOKEN`. */
  header: string
}

/** Which call an answer belongs to. */
export type Operation = 'login' | 'refresh' | 'restore' | 'logout' | 'user'

/** A refresh or restore that was answered with something else than 2xx. */
export interface Failure {
  readonly status: number
  /** Parsed JSON; else the text; `undefined` when empty. */
  readonly body: unknown
  readonly response: Response
}

/** The part of Standard Schema v1 that is used: any schema of zod, valibot or arktype fits. */
export interface ClaimsSchema<Output> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}
type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] }

/**
 * What the client did and why, for a `logger`. No token and no part of one is ever in it.
 * `generation` counts sessions and refreshes: it tells one token from the next without showing either.
 */
export type LogEvent =
  /** A refresh begins; `follow`: the tab that has the refresh token is asked for one. */
  | { type: 'refresh'; operation: 'refresh' | 'restore' | 'follow'; generation: number }
  | {
      type: 'refreshed'
      cause: 'refresh' | 'other-tab'
      generation: number
      expiresAt: number | null
    }
  | { type: 'refresh-failed'; error: AuthError }
  /** No other attempt before `retryAt`; `null`: none by itself. `told`: another tab has met the failure. */
  | { type: 'postponed'; error: AuthError; retryAt: number | null; told: boolean }
  | { type: 'result-dropped'; operation: Operation; asked: number; generation: number }
  /** The timer is set; `null`: it waits for the browser to come online. */
  | { type: 'timer'; at: number | null }
  /** A request waits for the restore, or for a token that still lives. */
  | { type: 'held-back'; method: string; url: string; why: 'restore' | 'refresh' }
  | { type: 'sent-without-token'; method: string; url: string; why: 'anonymous' | 'own-header' }
  /** Once for each URL that is met. */
  | { type: 'origin-not-allowed'; origin: string }
  | { type: 'replay'; method: string; url: string; from: number; to: number }
  | { type: 'not-replayed'; method: string; url: string; why: NotReplayed }
  | { type: 'signed-in'; cause: LoginCause; generation: number; expiresAt: number | null }
  | { type: 'signed-out'; reason: LogoutReason; generation: number }
  /** Nothing is restored or refreshed: the signed-out marker stands, or the user was away for too long. */
  | { type: 'barred'; why: 'marker' | 'idle' }
  | { type: 'revoked' }
  | { type: 'revocation-failed'; error: AuthError }
  | { type: 'user-failed'; error: AuthError }
  | { type: 'callback-threw'; option: string; name: string }
  /** What rests in this tab's `storage` was taken up, or is another tab's. */
  | { type: 'storage-read'; outcome: 'resumed' | 'dropped' }
  | { type: 'storage-unavailable' }
  /** Another tab is refreshing, logging in or out; `stuck`: for so long that it must be frozen. */
  | { type: 'lock'; state: 'waiting' | 'stuck' }
  /** The other tabs were asked for the session that one of them has. */
  | { type: 'tabs-asked'; answered: boolean }
  /** Back from the back/forward cache. */
  | { type: 'suspended' }
  | { type: 'tabs-degraded'; missing: 'locks' | 'lock-query' | 'channel' }

/**
 * Why an answer that says 'the token is no longer good' was handed back: its body could be read once only; the user has
 * changed, or signed out, meanwhile; too many refreshes lately; the second answer said the same; or the API asks for more
 * than any token of this user has.
 */
export type NotReplayed =
  | 'one-shot-body'
  | 'user-changed'
  | 'signed-out'
  | 'limited'
  | 'refused-again'
  | 'challenge'

/** What `createAuthClient` takes; read once. A bad one throws `invalid_option`, naming it. */
export interface AuthClientOptions<Claims = JwtClaims> {
  /**
   * The folder that endpoints, and relative URLs of `api`, resolve against; a missing trailing slash is added.
   * https, loopback, or the page's own origin. `fetch` itself resolves against the page, as the platform's does.
   * @default the page's origin
   */
  baseUrl?: string | URL | undefined
  /** Where the backend's auth calls go: relative to `baseUrl`, or from the origin's root with a leading slash. */
  endpoints?:
    | {
        /** POST with the credentials as JSON. @default 'login' */
        login?: Endpoint | undefined
        /** POST; JSON `{ refresh_token }` only where the session holds one. @default 'refresh_token' */
        refresh?: Endpoint | undefined
        /** POST with the bearer, and `{ refresh_token }` where one is held; `false`: no call. @default 'logout' */
        logout?: Endpoint | false | undefined
        /** GET with the bearer; its answer becomes `session.user`. Required in cookie mode. @default none */
        user?: Endpoint | undefined
        /**
         * What restores the session after a page load, POST unless a function says otherwise. One that yields a user and
         * no token is followed by a refresh. @default the refresh endpoint; in cookie mode the user endpoint
         */
        restore?: Endpoint | undefined
      }
    | undefined
  /**
   * Turns a 2xx answer of login, refresh, restore or user into tokens, a user, both, or neither (`undefined`).
   * `null` says: signed out (for `'user'`: no user). A login that yields no token is followed by a refresh.
   * @default RFC 6749 §5.1 names (`access_token`, `expires_in`, `refresh_token`), their camelCase twins, `token`, `user`
   */
  readTokens?:
    | ((
        body: any,
        response: Response,
        operation: Operation,
      ) => PartialTokens | null | undefined | Promise<PartialTokens | null | undefined>)
    | undefined
  /**
   * Is this failed refresh final (the refresh token is dead), or passing? A passing failure never signs anyone out.
   * @default status 400, 401 or 403 with a body that is not HTML
   */
  isRejected?: ((failure: Failure) => boolean) | undefined
  /**
   * `'auto'`: the session is restored one task after creation. `'manual'`: at the first `ready()`, or the first request
   * that needs to know.
   * @default 'auto'
   */
  restore?: 'auto' | 'manual' | undefined
  /** Clients with one scope are one session. Required where `endpoints.refresh` is a function and `tabs` is not `'off'`. @default from the URLs */
  scope?: string | undefined
  /**
   * Does this answer of the API mean that the access token is no longer good? Given a clone of the response and a
   * description of the request (without body and without the bearer). May be async.
   * @default status 401, unless RFC 6750 §3.1 `insufficient_scope` or RFC 9470 `insufficient_user_authentication`
   */
  shouldRefresh?: ((response: Response, request: Request) => boolean | Promise<boolean>) | undefined
  /**
   * `'bearer'`: the access token is in memory and goes along as a header. `'cookie'`: the access token is an HttpOnly
   * cookie that script never sees; `endpoints.user` is required, and says after a page load whether somebody is signed in.
   * @default 'bearer'
   */
  mode?: 'bearer' | 'cookie' | undefined
  /**
   * The access token renews itself, and there is no refresh token: a refresh carries the bearer, and works only before
   * the token ends. A session that slept past that end is signed out (`rejected`) without a call; with `storage`, a page
   * load goes on with the token that rests there.
   * @default false
   */
  sliding?: boolean | undefined
  /**
   * Where the refresh token (a sliding access token) rests when the backend puts it into script's hands. The access
   * token otherwise stays in memory. Nothing is restored where the storage is empty.
   * @default memoryStorage(): it ends with the page
   */
  storage?: TokenStorage | undefined
  /**
   * Sends a readable cookie back as a header with unsafe methods (RFC 9110 §9.2.1), to allowed origins only; such
   * requests do not follow redirects unless they say so themselves. In cookie mode the value stays the one that was read
   * first for each session and refresh, since other tabs change the jar.
   * @default none
   */
  csrf?: CsrfOptions | undefined
  /**
   * Milliseconds without a key, pointer or touch in any tab after which the user is signed out (`idle`), asleep or with
   * all tabs closed included. For show and for shared screens: the server has to enforce it too.
   * @default none
   */
  idleTimeout?: number | undefined
  /** The word before the token in the `Authorization` header. @default 'Bearer' */
  scheme?: string | undefined
  /** The only origins that ever see the bearer, exact: `https://api.example.com`. @default the origin of `baseUrl` */
  allowedOrigins?: readonly string[] | undefined
  /** Allows `login`, `setTokens` and `refresh` where there is no window. One client per request. @default false */
  server?: boolean | undefined
  /**
   * `'share'`: one tab refreshes and hands the access token to the others. `'notify'`: messages carry no token, and each
   * tab refreshes on its own, one after the other. `'off'`: this tab is alone.
   * @default 'share'
   */
  tabs?: 'share' | 'notify' | 'off' | undefined
  /**
   * Milliseconds before expiry to refresh at the earliest; the moment is drawn between this and half of it, so that
   * many clients do not come at once. Never more than half the lifetime.
   * @default a fifth of the lifetime, at most 60,000
   */
  refreshAhead?: number | undefined
  /** Milliseconds for one login, refresh, restore or logout, follow-up calls included. @default 10_000 */
  timeout?: number | undefined
  /** A Standard Schema that validates and types the claims; a token that fails it is refused. @default none */
  claims?: ClaimsSchema<Claims> | undefined
  /** The fetch underneath. @default globalThis.fetch, looked up at each call */
  fetch?: ((input: RequestInfo | URL, init?: RequestInit) => Promise<Response>) | undefined
  /** Receives structured events; nothing is ever printed without it. @default none */
  logger?: ((event: LogEvent) => void) | undefined
}

/** How somebody came to be signed in. */
export type LoginCause = 'login' | 'restore' | 'tokens' | 'other-tab'
/** Why nobody is signed in; `'initial'`: nobody was so far. */
export type LogoutReason = 'initial' | 'logout' | 'other-tab' | 'rejected' | 'idle'

/** Not restored yet, or the server could not be reached so far. An outage is not a logout. */
export interface UnknownSession {
  readonly status: 'unknown'
  readonly error: AuthError | null
}

/** Somebody is signed in, also while the server cannot be reached. */
export interface AuthenticatedSession<Claims = JwtClaims, User = unknown> {
  readonly status: 'authenticated'
  /** The access token's claims; `null` when it is not a JWT. The same object over a refresh that changes none. */
  readonly claims: Claims | null
  /** From the login or refresh answer, or `endpoints.user`; `null` when neither says. */
  readonly user: User | null
  /** Epoch milliseconds by this machine's clock; `null` when nothing tells. */
  readonly expiresAt: number | null
  /** Not null while refreshing fails for a passing reason, or was refused while the token still works. */
  readonly error: AuthError | null
}

/** Nobody is signed in. */
export interface AnonymousSession {
  readonly status: 'anonymous'
  readonly reason: LogoutReason
}

/** The current state, frozen; the same object until something changes. */
export type Session<Claims = JwtClaims, User = unknown> =
  | UnknownSession
  | AuthenticatedSession<Claims, User>
  | AnonymousSession

/** What the API asks for before it will answer: RFC 6750 §3, RFC 9470 §3. */
export interface Challenge {
  readonly scheme: string
  /** `insufficient_scope`, or `insufficient_user_authentication`: a step-up. */
  readonly error: string
  /** Every parameter, by its name in lower case: `scope`, `acr_values`, `max_age`, `error_description`, … */
  readonly parameters: Readonly<Record<string, string>>
}

/** What `on` calls back for, by name, and with what. */
export interface AuthEventMap<Claims = JwtClaims, User = unknown> {
  login: { cause: LoginCause }
  /** Only when somebody was signed in: not for unknown → anonymous. */
  logout: { reason: LogoutReason }
  refresh: { expiresAt: number | null }
  /** `retryAt`: epoch milliseconds of the next attempt. */
  refreshError: { error: AuthError; retryAt: number | null }
  /** Another identity (`iss` and `sub`, or another login for opaque tokens) took the place of the one before. */
  userChange: { claims: Claims | null; user: User | null }
  /** The API wants more than this token can show; its answer went to the caller, and nothing was refreshed. */
  challenge: { challenge: Challenge; url: string; status: number }
}

/** What became of a logout on the server. */
export interface LogoutResult {
  /** Did the server confirm? Signed out here it is in any case. */
  readonly revoked: boolean
  /** Why not; revocation is tried again on the next load and when the browser comes online. */
  readonly error?: AuthError
}

/** What every call that waits can be given. */
export interface Abortable {
  /** Ends this caller's wait with the signal's reason; never work that others share. */
  signal?: AbortSignal | null | undefined
}

/** Lets `using` take the client where the app's `lib` knows `Symbol.dispose`; no other app has to know it. */
type MaybeDisposable = typeof Symbol extends { readonly dispose: infer Name extends symbol }
  ? Record<Name, () => void>
  : object

/** What `createAuthClient` returns. Every function works detached. */
export interface AuthClient<Claims = JwtClaims, User = unknown> extends MaybeDisposable {
  /** The current snapshot. */
  readonly session: Session<Claims, User>
  /** The first restore, shared by all callers. Never rejects because the user is signed out or the server is away. */
  ready(options?: Abortable): Promise<Session<Claims, User>>
  /**
   * Logs in; what `credentials` are is between you and the backend.
   * @throws AuthError `login_rejected` with the server's parsed `body`; `login_unavailable`; `malformed_response`;
   * `superseded` when `logout` or `setTokens` came in between. A session that exists is untouched by a failure.
   */
  login(credentials?: unknown, options?: Abortable): Promise<AuthenticatedSession<Claims, User>>
  /**
   * Adopts tokens obtained elsewhere.
   * @throws AuthError `malformed_response` where they cannot be used; `unsupported` in cookie mode: call `refresh` there
   */
  setTokens(tokens: TokenSet): Promise<AuthenticatedSession<Claims, User>>
  /**
   * Refreshes now, shared with any refresh under way; lifts the signed-out marker when it succeeds.
   * @throws AuthError `refresh_unavailable`, `refresh_rejected` while the access token still works, `no_session`
   */
  refresh(options?: Abortable): Promise<AuthenticatedSession<Claims, User>>
  /** Signs out here at once, then on the server. Always resolves. */
  logout(): Promise<LogoutResult>
  /**
   * A token good for at least `minValidity` milliseconds (default 0), for sockets and uploads; `null` only when
   * anonymous. A token of unknown expiry counts as valid.
   * @throws AuthError `refresh_unavailable` where one is due and cannot be had now; `unsupported` in cookie mode
   */
  getAccessToken(options?: Abortable & { minValidity?: number | undefined }): Promise<string | null>
  /** A drop-in `fetch`: the bearer to `allowedOrigins` only, refreshed and replayed when needed. Works detached. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** Calls back after `session` changed; returns its undo. */
  subscribe(listener: () => void): () => void
  /** Calls back on an event; returns its undo. A listener that throws is reported and disturbs nobody else. */
  on<Name extends keyof AuthEventMap>(
    event: Name,
    listener: (detail: AuthEventMap<Claims, User>[Name]) => void,
    options?: Abortable,
  ): () => void
  /** Ends every timer and listener; waiters reject `disposed`. A refresh already sent ends by itself. */
  dispose(): void
}

import type { HeldTokens, LogoutReason, Operation, ProofKey } from '../types.ts'
import type { Answer } from './answer.ts'
import type { AuthRequest, Received } from './auth-wire.ts'
import type { Send, ToInit } from './call.ts'
import type { AuthError } from './errors.ts'
import type { Attempt, Flight, Moment } from './flight.ts'
import type { Held } from './held.ts'
import type { Rest } from './rest.ts'
import type { Change } from './session.ts'
import type { Token } from './token.ts'

/**
 * What the kernel asks of an imported feature. All members are optional, and so is each feature. If several features
 * hear of the same change, they hear of it in the order of `parts` in client.ts: CSRF, storage, idle, tabs, flow, proof.
 */
export interface Part {
  /**
   * The session has changed. The kernel has set its timer and its notes, and has queued the events for the app: its
   * listeners run after all features.
   */
  changed?(change: Change): void
  /** Must a restore or refresh not leave, if the app did not ask for it? */
  bars?(): boolean
  /** Timers may have been late, the network may have changed, or the page was hidden or shown. */
  woke?(event: Wake): void
  dispose?(): void
}

export interface Wake {
  readonly type: string
  readonly persisted?: boolean
}

/**
 * Runs a task in its turn: refresh, restore, login, logout. `alone`: the tab that holds the lock did not release it in
 * time, so this task runs without that lock.
 */
export type Exclusive = <T>(task: (alone: boolean) => Promise<T>, giveUp?: AbortSignal) => Promise<T>

/**
 * Which client owns a lineage, and so refreshes for it. `another tab`: the token that is stored in this tab is a copy, because
 * the browser has duplicated the tab. `another client`: maybe one in this same document, with the same storage.
 */
export type LineageOwner = 'this client' | 'another client' | 'another tab'

/** The other tabs of this browser. */
export interface TabsPart extends Part {
  /** `false`: messages between the tabs carry no token. */
  readonly sharesTokens: boolean
  /** One turn at a time in the whole browser. */
  readonly exclusive: Exclusive
  /**
   * Called under the lock. If a sibling has a newer session, asks it to hand the session over. `true`: this tab has it
   * now. `after`: ignores sessions that a sibling had, or had asked the server for, at that moment.
   */
  catchUp(after?: Moment): Promise<boolean>
  /** When the app asked, and how far the tabs had come by then. `undefined`: a sibling's session is good in any case. */
  momentOf(at: number): Moment | undefined
  /** Under the lock: is it another tab that has the refresh token, and has to be asked for a token? */
  isFollower(): Promise<boolean>
  /**
   * Asks the owner of the lineage to refresh, and waits. Not under the lock, which the owner needs. `again`: goes on without
   * an owner that is gone.
   */
  follow(flight: Flight, isWanted: () => boolean, again: Attempt): Promise<AuthError | null>
  /** In a worker: waits for a page to hand its session over. Not under the lock, which a loading page needs. */
  askPages(flight: Flight, isWanted: () => boolean): Promise<void>
  /** Sends `hello` to the siblings, and waits until `isAnswered`, for `ms` milliseconds at most. */
  askAround(isAnswered: () => boolean, ms: number): Promise<void>
  /**
   * A login elsewhere that was ignored while the app's `refresh()` was under way may be the newest: asks the siblings
   * for it.
   */
  hearAgain(): void
  /**
   * The user or the app has signed out in this tab: the siblings follow. Called even if nobody was signed in here,
   * since a sibling may know of a session. `changed` is not called then, so it does not send this.
   */
  signedOut(reason: Extract<LogoutReason, 'logout' | 'idle'>): void
  /**
   * Makes this client the one that refreshes for this lineage, unless another is. Without locks every one is its own.
   */
  own(lineage: number): Promise<LineageOwner>
  /** The access token from before, while this tab asks whether its session still counts (see `suspension.ts`). */
  readonly kept: Rest | null
  /** A refresh was put off: tells the siblings, so that they do not ask either. */
  postponed(): void
}

/** The app's storage, where what refreshes the session is kept. */
export interface StoragePart extends Part {
  /** Do all tabs read the same storage? */
  readonly shared: boolean
  /** `undefined`: it cannot be read now. */
  load(): Promise<Rest | null | undefined>
  /** Removes the stored token of this lineage or an older one. */
  drop(lineage: number): void
  /**
   * Called under the lock: goes on with the token that an earlier page, or another tab, has stored. Settles with
   * `false` if the storage cannot be read now, and no refresh is possible without it.
   */
  recover(): Promise<boolean>
  /** If the stored refresh token is `spent`, which was just used up, replaces it by the next one. */
  succeed(spent: string, refreshToken: string): Promise<void>
  /** When all that was written has arrived. */
  settled(): Promise<unknown>
}

export interface IdlePart extends Part {
  /** Was the user away for too long, as far as this tab and its storage know? */
  isOver(): boolean
  /** If the user was away for too long: asks the siblings, and signs out unless they know of activity. */
  judged(): Promise<void>
  /** The user has done something. Ignored if the time is already over. */
  act(): void
}

/**
 * Adds the CSRF header to a request that needs it, unless the caller has set it. `true`: the request needs the header,
 * so it must not follow a redirect to another origin. `session`: the held token that the request is sent for.
 */
export type GuardRequest = (headers: Headers, method: string, url: string, session?: object | null) => boolean

export interface CsrfPart extends Part {
  readonly guard: GuardRequest
}

/**
 * The access token is a cookie, which JavaScript cannot read. A session is then restored by `endpoints.user`, or by
 * `endpoints.restore` if it is set, because only the server knows the user of these cookies.
 */
export interface CookiesPart {
  /** Is this answer of the user or restore endpoint empty, so that nobody is signed in? */
  namesNobody(operation: Operation, body: unknown): boolean
  /**
   * The token for the answer to a login or refresh, without an access token: with the lifetime and the user, if the
   * answer has them.
   * @throws AuthError `malformed_response` where the answer is a page
   */
  read(answer: Answer): Token
  /** Asks the server whose cookies these are, and adds that user to the token. */
  whoIs(token: Token, operation: 'restore' | 'user', signal: AbortSignal): Promise<Token>
  /** Asks the server who is signed in, after a refresh where that is needed. */
  restore(
    tokens: HeldTokens | null,
    signal: AbortSignal,
    rotated?: (refreshToken: string) => unknown,
  ): Promise<Token>
  /** The `credentials` of a request for which the app sets none. */
  credentials(token: Held | null): RequestCredentials
  /** @throws AuthError `unsupported`: there is no token to take or to hand out */
  refuse(name: string, instead: string): never
}

/** A request that is signed: the same object for `sign`, and for `learn` with its answer. */
export interface SignedRequest {
  readonly url: string
  readonly method: string
  readonly headers: Headers
}

/**
 * Proves with each request that the sender has the key which the access token is bound to, as DPoP does (RFC 9449). The
 * kernel has no such feature itself: an entry of its own, or an app, makes one with
 * `plan('proof', kernel => toProofPart(kernel, …))`.
 */
export interface ProofPart extends Part {
  /** A new key, for a login. `mustOutlive`: rejects if it would be gone with the page. */
  create(mustOutlive?: boolean): Promise<ProofKey>
  /** The key with this id; `null` if this browser no longer has it. */
  find(id: string): Promise<ProofKey | null>
  /** Can it be used? Called for a key that another tab hands over. */
  fits(key: unknown): boolean | Promise<boolean>
  /** Signs a request that the kernel does not send. */
  sign(key: ProofKey, request: SignedRequest): Promise<unknown>
  /** Is the proof refused, and not the token? `text`: the body of the answer to an auth call. */
  refuses(response: Response, text?: string): boolean
  /** Sends the app's requests in place of the kernel. */
  send(toInit: ToInit): Send
  /** Sends an auth call, signed by its key, or by that of the session. */
  call(
    request: AuthRequest,
    name: Operation,
    tokens: HeldTokens | null,
    signal: AbortSignal,
    send: () => Promise<Received>,
  ): Promise<Received>
}

/**
 * A login that takes more than a call with credentials: a redirect, a popup, a passkey. The kernel has no such feature
 * itself: an entry of its own, or an app, makes one with `plan('flow', kernel => toFlowPart(kernel, …))`.
 */
export interface FlowPart extends Part {
  /** What `login` does first: see `Flow`. */
  start(request: unknown, options: { signal: AbortSignal; isSignedOut: boolean }): Promise<unknown>
  /** Called once, while the client is created: looks what the page has come back with. */
  resumed(): void
  /** `due`: there is a login to complete. `none`: this page only relays an answer, so it restores nothing. */
  arrival(): 'due' | 'none' | undefined
  /** Completes that login, and then restores; `null`: there is none. */
  arrive(restored: () => Promise<AuthError | null>): Promise<AuthError | null> | null
  /**
   * Does the page leave, to end the session at the authorization server? `isReached`: the server has answered just now. A
   * flow that throws, or hangs while this tab has the lock, does not count as leaving.
   */
  leaves(tokens: HeldTokens | null, isReached: boolean): Promise<boolean>
  /** Does its `refresh` need no refresh token? */
  readonly renews?: boolean
  /** Can a session at the authorization server sign the user in again? If it cannot be asked, it can. */
  keepsSession(): Promise<boolean>
}

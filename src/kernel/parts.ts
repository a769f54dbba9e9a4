import type { HeldTokens, LogoutReason, Operation, PartialTokens, ProofKey } from '../types.ts'
import type { Answer } from './answer.ts'
import type { Send, ToInit } from './call.ts'
import type { AuthError } from './errors.ts'
import type { Flight, Moment } from './flight.ts'
import type { Held } from './held.ts'
import type { Rest } from './rest.ts'
import type { Change } from './session.ts'
import type { Arrival, Token } from './token.ts'

/**
 * What the kernel asks of an imported feature. All of it is optional: what an app does not import is not there. Where
 * several features hear of the same, they hear it in this order: CSRF, storage, idle, tabs.
 */
export interface Part {
  /** The session has changed. The kernel has set its timer and its notes by then, and listeners are called later. */
  changed?(change: Change): void
  /** Does something keep a restore or refresh from going out that the app has not asked for? */
  bars?(): boolean
  /** Timers may have slept, the network may have changed, or the page comes or goes. */
  woke?(event: Wake): void
  dispose?(): void
}

export interface Wake {
  readonly type: string
  readonly persisted?: boolean
}

/** Runs refresh, login and logout one at a time. `alone`: another tab that had the lock did not let go in time. */
export type Exclusive = <T>(task: (alone: boolean) => Promise<T>, giveUp?: AbortSignal) => Promise<T>

/**
 * Which client refreshes for a lineage: this one; one of another tab, so that what is stored in this tab is the copy that
 * a duplicated tab brought along; or another one, which may be of this very document and have the same storage.
 */
export type Owner = 'this client' | 'another client' | 'another tab'

/** The other tabs of this browser. */
export interface TabsPart extends Part {
  /** `false`: messages between the tabs carry no token. */
  readonly sharesTokens: boolean
  /** In the whole browser. */
  readonly exclusive: Exclusive
  /**
   * Under the lock: has a sibling a newer session? Then it is asked to hand it over. `after`: one that it had, or had
   * asked the server for, by then is none.
   */
  catchUp(after?: Moment): Promise<boolean>
  /** When the app asked, and how far the tabs had come by then. `undefined`: a sibling's session is good in any case. */
  momentOf(at: number): Moment | undefined
  /** Under the lock: is it another tab that has the refresh token, and has to be asked for a token? */
  isFollower(): Promise<boolean>
  /** The tab that has the refresh token refreshes for this one. Not under the lock. */
  follow(flight: Flight, isWanted: () => boolean): Promise<AuthError | null>
  /** A worker waits for a page that hands its session over. Not under the lock, since a page that loads waits for that. */
  askPages(flight: Flight, isWanted: () => boolean): Promise<void>
  /** Asks the siblings to look, and waits until `isAnswered`, for so many milliseconds at most. */
  askAround(isAnswered: () => boolean, ms: number): Promise<void>
  /** A login that was heard while the app's `refresh()` was under way, and was no answer to it, may be the newest yet. */
  hearAgain(): void
  /** The user, or the app, has signed out here: the others follow. Said also where nobody was signed in here. */
  signedOut(reason: Extract<LogoutReason, 'logout' | 'idle'>): void
  /** Makes this client the one that refreshes for this lineage, unless another is. Without locks every one is its own. */
  own(lineage: number): Promise<Owner>
  /** The access token that renews itself, of a page that is on its way back from the back/forward cache. */
  readonly kept: Rest | null
  /** A refresh was put off: the others need not ask either. */
  postponed(): void
}

/** The app's storage, where what refreshes the session is kept. */
export interface StoragePart extends Part {
  /** Do all tabs see the same? */
  readonly shared: boolean
  /** `undefined`: it cannot be read now. */
  load(): Promise<Rest | null | undefined>
  /** Removes what goes back to this login or an older one. */
  drop(lineage: number): void
  /**
   * Under the lock: takes up what was stored while no page was open, or what another tab has put there since. Settles
   * with `false` where the storage cannot be read now, and holds what is needed.
   */
  recover(): Promise<boolean>
  /** Another tab has stored, for a session of its own, the token that was just used up: the next one takes its place. */
  succeed(spent: string, refreshToken: string): Promise<void>
  /** When all that was written has arrived. */
  settled(): Promise<unknown>
}

export interface IdlePart extends Part {
  /** Was the user away for too long? By what is known in this tab, and stored in the browser. */
  isOver(): boolean
  /** Where it is over: gives the siblings a moment, and signs out if they know no better. */
  judged(): Promise<void>
  /** The user has done something: counts unless it comes too late. */
  act(): void
}

/**
 * Adds the header where it belongs and the caller has not set it; says whether the request is one of those that carry it,
 * and so must not follow a redirect to a stranger. `session`: it goes out in the name of this one.
 */
export type GuardRequest = (headers: Headers, method: string, url: string, session?: object | null) => boolean

export interface CsrfPart extends Part {
  readonly guard: GuardRequest
}

/**
 * The access token is a cookie that JavaScript never sees. What restores a session is then `endpoints.user`, unless
 * `endpoints.restore` is given: the server says whose the cookies are.
 */
export interface CookiesPart {
  /** Is this answer to the call that says who is signed in empty, and so names nobody? */
  namesNobody(operation: Operation, body: unknown): boolean
  /** Of a session whose tokens are all in cookies: its lifetime and user, where the answer says them. */
  toToken(set: PartialTokens, arrival: Arrival): Token
  /**
   * The session that the answer to a login or refresh stands for.
   * @throws AuthError `malformed_response` where the answer is a page
   */
  read(answer: Answer): Token
  /** The session of these cookies, with the user that the server names for them. */
  whoIs(token: Token, operation: 'restore' | 'user', signal: AbortSignal): Promise<Token>
  /** Asks the server who is signed in, after a refresh where that is needed. */
  restore(
    tokens: HeldTokens | null,
    signal: AbortSignal,
    rotated?: (refreshToken: string) => unknown,
  ): Promise<Token>
  /** `credentials` of a request that says nothing of them. */
  credentials(token: Held | null): RequestCredentials
  /** @throws AuthError `unsupported`: there is no token to take or to hand out */
  refuse(name: string, instead: string): never
}

/** Proves with each request that the sender has the key which the access token is bound to, as DPoP does (RFC 9449). */
export interface ProofPart extends Part {
  /** A new key, for a login. */
  create(): Promise<ProofKey>
  /** The key of this id; `null` where this browser no longer has it. */
  find(id: string): Promise<ProofKey | null>
  /** Is it a key that `sign` can use? Asked about what another tab hands over. */
  fits(key: unknown): key is ProofKey
  /** Called before each send: sets the headers of the proof. An access token is in `Authorization` by then. */
  sign(key: ProofKey, request: { url: string; method: string; headers: Headers }): Promise<unknown>
  /**
   * Called with each answer to a signed request. `true`: the server has said what it wants to see in the proof, so the
   * same request is sent once more. `text`: the body of the answer to an auth call.
   */
  learn(url: string, response: Response, text?: string): boolean
  /** Does an API refuse the proof, and not the token? The answer then goes to the caller: no refresh would help. */
  refuses(response: Response): boolean
  /** Sends the app's requests in place of the kernel: see `createSignedSend`. */
  send(toInit: ToInit): Send
}

/** A login that takes more than a call with credentials: a redirect, a popup, a passkey. */
export interface FlowPart extends Part {
  /**
   * What `login` does first, outside the lock and `timeout`: a redirect never settles, and a popup takes minutes. Settles
   * with what `endpoints.login` is given as `credentials`. `isSignedOut`: there is a logout that no server has confirmed.
   */
  start(request: unknown, options: { signal: AbortSignal; isSignedOut: boolean }): Promise<unknown>
  /** Called once, while the client is created in a page: what the page has come back with; `null`: nothing. */
  resume(): Returned | null
  /**
   * After the revocation of a logout that the app has asked for. `true`: the page leaves, and the marker is kept until a
   * page comes back with `signedOut`.
   */
  leave(tokens: HeldTokens | null): Promise<boolean>
}

/**
 * `credentials`: a login is completed with them, before anything is restored. `signedOut`: the logout is confirmed.
 * `inert`: this page only relays an answer, so it restores nothing.
 */
export type Returned =
  | { readonly credentials: Promise<unknown> }
  | { readonly signedOut: true }
  | { readonly inert: true }

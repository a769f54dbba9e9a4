import type { Abortable, AuthenticatedSession, TokenSet } from '../types.ts'
import { type Disposal, tookTooLong, unlessAborted, within } from './abort.ts'
import { instant } from './clock.ts'
import type { Decisions } from './decisions.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError, invalid } from './errors.ts'
import type { Identity } from './identity.ts'
import type { LoginNote } from './login-note.ts'
import type { Marker } from './marker.ts'
import { pick } from './own.ts'
import type { CookiesPart, Exclusive, FlowPart } from './parts.ts'
import type { PrerenderGate } from './prerender.ts'
import type { Refresher } from './refresh.ts'
import type { Revocation } from './revocation.ts'
import type { ServerClock } from './server-clock.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { parseToken, type Token } from './token.ts'
import { takeTurn } from './turns.ts'

/** The calls by which the app decides who is signed in. */
export interface SignIn {
  login(credentials?: unknown, options?: Abortable): Promise<AuthenticatedSession<any, any>>
  setTokens(tokens: TokenSet): Promise<AuthenticatedSession<any, any>>
  /** Completes the login that this page has come back from, unless there is nothing to complete. */
  complete(credentials: Promise<unknown>): Promise<unknown>
}

export interface SignInBeginning {
  readonly settings: Settings
  readonly environment: Environment
  readonly revocation: Pick<Revocation, 'doubt'>
  readonly gate: Pick<PrerenderGate, 'hidden'>
  /** @throws AuthError `disposed` */
  alive(): void
}

/**
 * What every call by which the app says, or asks, who is signed in begins with. While the page is prerendered it settles
 * when the page is shown; else it returns `null`. What was called first goes on first.
 * @throws AuthError `unsupported`: without a window, one session per request is a decision that the app has to make
 */
export function beginSignIn(kernel: SignInBeginning, signal?: AbortSignal | null): Promise<void> | null {
  kernel.alive()
  if (!kernel.environment.page && !kernel.settings.server) {
    throw new AuthError(
      'unsupported',
      'Without a window a session needs "server": true and a client per request.',
    )
  }
  signal?.throwIfAborted()
  kernel.revocation.doubt()
  return kernel.gate.hidden(signal)
}

interface Needs extends SignInBeginning {
  readonly disposal: Disposal
  readonly session: SessionHolder
  readonly endpoints: Endpoints
  readonly refresher: Refresher
  readonly revocation: Revocation
  readonly loginNote: LoginNote
  readonly serverClock: ServerClock
  readonly exclusive: Exclusive
  readonly decisions: Decisions
  readonly cookies: CookiesPart | undefined
  readonly flow: FlowPart | undefined
  readonly marker: Marker
}

export function createSignIn(kernel: Needs): SignIn {
  const { settings, environment, session, endpoints, loginNote, decisions } = kernel

  /** Within `timeout`, or until the client is disposed. */
  function inTime<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal | null): Promise<T> {
    const late = () => tookTooLong('login_unavailable', settings.timeout)
    return within(environment, settings.timeout, late, work, signal, kernel.disposal.signal)
  }

  async function login(credentials?: unknown, options?: Abortable) {
    const { signal } = pick(options, 'signal')
    const hidden = beginSignIn(kernel, signal)
    if (hidden) await hidden
    const asked = decisions.count
    return loginWith(
      kernel.flow ? await started(kernel.flow, credentials, signal) : credentials,
      asked,
      signal,
    )
  }

  function started(flow: FlowPart, request: unknown, signal: AbortSignal | null | undefined) {
    const both = AbortSignal.any(signal ? [signal, kernel.disposal.signal] : [kernel.disposal.signal])
    const isSignedOut = kernel.marker.stands(session.stamp.epoch)
    return unlessAborted(flow.start(request, { signal: both, isSignedOut }), both)
  }

  /** The call with the credentials. */
  const loginWith = (credentials: unknown, asked: number, signal?: AbortSignal | null) =>
    inTurn('login', asked, signal, inner => endpoints.login(credentials, inner))

  async function setTokens(tokens: TokenSet) {
    kernel.cookies?.refuse('setTokens', 'Call "refresh" where somebody may have signed in.')
    if (typeof tokens !== 'object' || tokens === null) throw invalid('tokens', 'a token set')
    const { claims, userSchema, scheme } = settings
    const { serverClock } = kernel
    const parsed = parseToken(tokens, { sentAt: instant(environment), adopted: true, scheme, serverClock })
    const hidden = beginSignIn(kernel)
    if (hidden) await hidden
    // What a schema makes of the claims, or of the user, is known later.
    const isChecked = claims !== undefined || (userSchema !== undefined && parsed.user !== undefined)
    const known = session.user
    const token = isChecked ? parsed : endpoints.named(parsed, known)
    const isRefresh = isRenewal(token)
    // The next token of who is signed in does not end a login that is under way.
    const asked = isRefresh ? decisions.count : ++decisions.count
    // Where nothing is left to ask, the very next request carries the token, awaited or not.
    if (!isChecked && (isRefresh || !settings.endpoints.user)) return commit(token, 'tokens')
    const identity = isRefresh ? session.identity : null
    return inTurn('tokens', asked, null, async () => token, known, identity)
  }

  /** Is it a token of the user who is signed in? */
  const isRenewal = (token: Token): boolean =>
    token.identity !== null && token.identity === session.held?.identity.name

  /**
   * In its turn: gets the token, and commits it unless there was another decision meanwhile. `renewed`: the token may
   * only renew the session of this identity.
   */
  function inTurn(
    cause: 'login' | 'tokens',
    asked: number,
    signal: AbortSignal | null | undefined,
    getToken: (signal: AbortSignal) => Promise<Token>,
    known?: unknown,
    renewed: Identity | null = null,
  ): Promise<AuthenticatedSession> {
    const isOver = () => asked !== decisions.count
    const unlessSuperseded = () => {
      if (isOver() || (renewed && session.identity !== renewed)) {
        throw new AuthError('superseded', 'login, logout or setTokens was called in between.')
      }
    }
    const signIn = async (inner: AbortSignal) => {
      unlessSuperseded()
      const got = await getToken(inner)
      // There was a logout meanwhile, and this login has set its cookie all the same: sign out on the server again.
      if (isOver() && !session.held) void kernel.revocation.run(got, { asked: true })
      // There was another login meanwhile, and the cookie of this one may have replaced its cookie.
      else if (isOver() && cause === 'login') loginNote.set()
      const token = await endpoints.complete(got, known, inner)
      inner.throwIfAborted()
      unlessSuperseded()
      return commit(token, cause)
    }
    const turn = takeTurn(kernel, () => inTime(signIn, signal), signal)
    return unlessAborted(unlessAborted(turn, signal), kernel.disposal.signal)
  }

  function commit(token: Token, cause: 'login' | 'tokens'): AuthenticatedSession {
    // A tab that has found the marker takes no login from before that logout.
    session.see(kernel.marker.since())
    session.commit(token, cause === 'tokens' && isRenewal(token) ? 'refresh' : cause)
    return session.snapshot as AuthenticatedSession
  }

  return {
    login,
    setTokens,
    async complete(credentials) {
      const asked = decisions.count
      // All requests of the page wait for this login.
      const given = await inTime(() => credentials)
      return given === null ? null : loginWith(given, asked)
    },
  }
}

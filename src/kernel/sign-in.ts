import type { Abortable, AuthenticatedSession, TokenSet } from '../types.ts'
import { type Disposal, unlessAborted } from './abort.ts'
import { instant } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError, invalid } from './errors.ts'
import type { Identity } from './identity.ts'
import type { LoginNote } from './login-note.ts'
import type { Revocation } from './logout.ts'
import type { Marker } from './marker.ts'
import { pick } from './own.ts'
import type { CookiesPart, Exclusive, FlowPart, TabsPart } from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { ServerClock } from './server-clock.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { parseToken, type Token } from './token.ts'
import { takeTurn } from './turns.ts'

/** The calls by which the app says, or asks, who is signed in. */
export interface SignIn {
  login(credentials?: unknown, options?: Abortable): Promise<AuthenticatedSession<any, any>>
  setTokens(tokens: TokenSet): Promise<AuthenticatedSession<any, any>>
  refresh(options?: Abortable): Promise<AuthenticatedSession<any, any>>
  /** Completes the login that this page has come back from. */
  complete(credentials: Promise<unknown>): Promise<AuthenticatedSession<any, any>>
  /** Somebody has decided who is signed in: calls that were made before have lost their say. */
  decide(): void
  /** Is an explicit `refresh()` under way? Whatever the marker says, somebody may have signed in elsewhere. */
  isAsking(): boolean
}

interface Needs {
  readonly settings: Settings
  readonly environment: Environment
  readonly disposal: Disposal
  readonly session: SessionHolder
  readonly endpoints: Endpoints
  readonly refresher: Refresher
  readonly revocation: Revocation
  readonly loginNote: LoginNote
  readonly serverClock: ServerClock
  readonly exclusive: Exclusive
  readonly tabs: TabsPart | undefined
  readonly cookies: CookiesPart | undefined
  readonly flow: FlowPart | undefined
  readonly marker: Marker
  /** @throws AuthError `disposed` */
  alive(): void
  /** While the page is prerendered; settles when it is shown. What was called first goes on first. */
  hidden(signal?: AbortSignal | null): Promise<void> | null
  restored(): Promise<AuthError | null>
}

export function createSignIn(kernel: Needs): SignIn {
  const { settings, environment, session, endpoints, refresher, loginNote } = kernel
  /** Raised by every call that decides who is signed in; one that was called before it has lost its say. */
  let decisions = 0
  /** The explicit `refresh()` under way. */
  let asking: object | null = null

  /** Where there is no window, one session per request is a decision that the app has to make. */
  function canSignIn(): void {
    kernel.alive()
    if (environment.page || settings.server) return
    throw new AuthError(
      'unsupported',
      'Without a window a session needs "server": true and a client per request.',
    )
  }

  async function login(credentials?: unknown, options?: Abortable) {
    const { signal } = pick(options, 'signal')
    canSignIn()
    signal?.throwIfAborted()
    const hidden = kernel.hidden(signal)
    if (hidden) await hidden
    kernel.revocation.doubt()
    const asked = decisions
    return exchange(
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
  function exchange(credentials: unknown, asked: number, signal?: AbortSignal | null) {
    let isOpen = false
    const sent = () => {
      isOpen = loginNote.stands()
      loginNote.set()
    }
    // Of a login before this one the outcome is still not known.
    const refused = () => isOpen || loginNote.lift()
    return inTurn('login', asked, signal, inner =>
      endpoints.login(credentials, session.tokens, inner, sent, refused),
    )
  }

  async function setTokens(tokens: TokenSet) {
    canSignIn()
    kernel.cookies?.refuse('setTokens', 'Call "refresh" where somebody may have signed in.')
    if (typeof tokens !== 'object' || tokens === null) throw invalid('tokens', 'a token set')
    const { claims, userSchema, scheme } = settings
    const { serverClock } = kernel
    const parsed = parseToken(tokens, { sentAt: instant(environment), adopted: true, scheme, serverClock })
    const hidden = kernel.hidden()
    if (hidden) await hidden
    kernel.revocation.doubt()
    // What a schema makes of the claims, or of the user, is known later.
    const isChecked = claims !== undefined || (userSchema !== undefined && parsed.user !== undefined)
    const { snapshot } = session
    const known = snapshot.status === 'authenticated' ? snapshot.user : undefined
    const token = isChecked ? parsed : endpoints.named(parsed, known)
    const isRefresh = isRenewal(token)
    // The next token of who is signed in does not end a login that is under way.
    const asked = isRefresh ? decisions : ++decisions
    // Where nothing is left to ask, the very next request carries the token, awaited or not.
    if (!isChecked && (isRefresh || !settings.endpoints.user)) return commit(token, 'tokens')
    const identity = isRefresh ? session.identity : null
    return inTurn('tokens', asked, null, async () => token, known, identity)
  }

  /** Does it name the user who is signed in? */
  const isRenewal = (token: Token): boolean =>
    token.identity !== null && token.identity === session.held?.identity.name

  /**
   * When what was under way is over: gets the token, and commits it unless somebody else has decided meanwhile.
   * `renewed`: the token renews the session of this identity, and no other one.
   */
  function inTurn(
    cause: 'login' | 'tokens',
    asked: number,
    signal: AbortSignal | null | undefined,
    getToken: (signal: AbortSignal) => Promise<Token>,
    known?: unknown,
    renewed: Identity | null = null,
  ): Promise<AuthenticatedSession> {
    const signIn = async (inner: AbortSignal) => {
      unlessSuperseded(asked)
      const got = await getToken(inner)
      // Its cookie is in the jar by now, and whoever signed out meanwhile must not find it there.
      if (asked !== decisions && !session.held) void kernel.revocation.run(got, true)
      // The session that is held came after it, and must not go on with that cookie.
      else if (asked !== decisions && cause === 'login') loginNote.set()
      const token = await endpoints.complete(got, known, inner)
      inner.throwIfAborted()
      unlessSuperseded(asked)
      if (renewed && session.identity !== renewed) throw superseded()
      return commit(token, cause)
    }
    return takeTurn(kernel, tookTooLong, signIn, signal)
  }

  function commit(token: Token, cause: 'login' | 'tokens'): AuthenticatedSession {
    session.commit(token, cause === 'tokens' && isRenewal(token) ? 'refresh' : cause)
    return signedIn()
  }

  function unlessSuperseded(asked: number): void {
    if (asked !== decisions) throw superseded()
  }

  const superseded = (): AuthError =>
    new AuthError('superseded', 'login, logout or setTokens was called in between.')

  const tookTooLong = (): AuthError =>
    new AuthError('login_unavailable', `The login took longer than "timeout", ${settings.timeout} ms.`)

  async function refresh(options?: Abortable) {
    const { signal } = pick(options, 'signal')
    canSignIn()
    if (!settings.endpoints.refresh) throw new AuthError('unsupported', '"endpoints.refresh" is false.')
    signal?.throwIfAborted()
    const hidden = kernel.hidden(signal)
    if (hidden) await hidden
    kernel.revocation.doubt()
    const call = {}
    const [asked, at] = [decisions, environment.now()]
    asking = call
    const run = answered(at).finally(() => {
      // It has had its chance, also where the caller gave up: from here on the marker counts again.
      if (asking === call) asking = null
    })
    const error = await unlessAborted(run, signal)
    if (error) throw error
    const { held } = session
    // After a logout in between, another tab's session can be older than the call.
    if (!held || (asked !== decisions && held.askedAt < at)) {
      throw new AuthError('no_session', 'Nobody is signed in.')
    }
    // The app asked, and knows now whose cookie it is.
    loginNote.lift()
    return signedIn()
  }

  async function answered(at: number): Promise<AuthError | null> {
    const error = await refresher.run('asked', at)
    if (error?.retryable && !session.held) kernel.tabs?.hearAgain()
    // Told of another user meanwhile, without the token, or back from the back/forward cache: this tab asks anew.
    if (error || session.snapshot.status !== 'unknown') return error
    return kernel.tabs?.sharesTokens === false ? kernel.restored() : refresher.run('asked', at)
  }

  const signedIn = () => session.snapshot as AuthenticatedSession

  return {
    login,
    setTokens,
    refresh,
    async complete(credentials) {
      const asked = decisions
      return exchange(await credentials, asked)
    },
    decide() {
      decisions++
      asking = null
    },
    isAsking: () => asking !== null,
  }
}

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
import type { CookiesPart, Exclusive, FlowPart } from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { Say } from './say.ts'
import type { ServerClock } from './server-clock.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { parseToken, type Token } from './token.ts'
import { takeTurn } from './turns.ts'

/** The calls by which the app decides who is signed in. */
export interface SignIn {
  login(credentials?: unknown, options?: Abortable): Promise<AuthenticatedSession<any, any>>
  setTokens(tokens: TokenSet): Promise<AuthenticatedSession<any, any>>
  /** Completes the login that this page has come back from. */
  complete(credentials: Promise<unknown>): Promise<AuthenticatedSession<any, any>>
}

interface CanSignIn {
  readonly settings: Settings
  readonly environment: Environment
  /** @throws AuthError `disposed` */
  alive(): void
}

/**
 * Without a window, the app has to say by the option `server` that each request has a client of its own.
 * @throws AuthError `unsupported`
 */
export function canSignIn({ settings, environment, alive }: CanSignIn): void {
  alive()
  if (environment.page || settings.server) return
  throw new AuthError(
    'unsupported',
    'Without a window a session needs "server": true and a client per request.',
  )
}

interface Needs extends CanSignIn {
  readonly disposal: Disposal
  readonly session: SessionHolder
  readonly endpoints: Endpoints
  readonly refresher: Refresher
  readonly revocation: Revocation
  readonly loginNote: LoginNote
  readonly serverClock: ServerClock
  readonly exclusive: Exclusive
  readonly say: Say
  readonly cookies: CookiesPart | undefined
  readonly flow: FlowPart | undefined
  readonly marker: Marker
  /** While the page is prerendered: settles when it is shown. Calls go on in the order in which they were made. */
  hidden(signal?: AbortSignal | null): Promise<void> | null
}

export function createSignIn(kernel: Needs): SignIn {
  const { settings, environment, session, endpoints, loginNote, say } = kernel
  async function login(credentials?: unknown, options?: Abortable) {
    const { signal } = pick(options, 'signal')
    canSignIn(kernel)
    signal?.throwIfAborted()
    const hidden = kernel.hidden(signal)
    if (hidden) await hidden
    kernel.revocation.doubt()
    const asked = say.decisions
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
    canSignIn(kernel)
    kernel.cookies?.refuse('setTokens', 'Call "refresh" where somebody may have signed in.')
    if (typeof tokens !== 'object' || tokens === null) throw invalid('tokens', 'a token set')
    const { claims, userSchema, scheme } = settings
    const { serverClock } = kernel
    const parsed = parseToken(tokens, { sentAt: instant(environment), adopted: true, scheme, serverClock })
    const hidden = kernel.hidden()
    if (hidden) await hidden
    kernel.revocation.doubt()
    // Schemas are async, so with one the claims or the user are known later.
    const isChecked = claims !== undefined || (userSchema !== undefined && parsed.user !== undefined)
    const { snapshot } = session
    const known = snapshot.status === 'authenticated' ? snapshot.user : undefined
    const token = isChecked ? parsed : endpoints.named(parsed, known)
    const isRefresh = isRenewal(token)
    // The next token of the same user does not end a login that is under way.
    const asked = isRefresh ? say.decisions : say.decide()
    // If nothing has to be asked, commit now: the next request carries the token, even if the app does not await this
    // call.
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
    const signIn = async (inner: AbortSignal) => {
      unlessSuperseded(asked)
      const got = await getToken(inner)
      // There was a logout meanwhile, and this login has set its cookie all the same: sign out on the server again.
      if (asked !== say.decisions && !session.held) void kernel.revocation.run(got, { asked: true })
      // There was another login meanwhile, and the cookie of this one may have replaced its cookie.
      else if (asked !== say.decisions && cause === 'login') loginNote.set()
      const token = await endpoints.complete(got, known, inner)
      inner.throwIfAborted()
      unlessSuperseded(asked)
      if (renewed && session.identity !== renewed) throw superseded()
      return commit(token, cause)
    }
    return takeTurn(kernel, tookTooLong, signIn, signal)
  }

  function commit(token: Token, cause: 'login' | 'tokens'): AuthenticatedSession {
    // A tab that has found the marker takes no login from before that logout.
    session.see(kernel.marker.since())
    session.commit(token, cause === 'tokens' && isRenewal(token) ? 'refresh' : cause)
    return signedIn()
  }

  function unlessSuperseded(asked: number): void {
    if (asked !== say.decisions) throw superseded()
  }

  const superseded = (): AuthError =>
    new AuthError('superseded', 'login, logout or setTokens was called in between.')

  const tookTooLong = (): AuthError =>
    new AuthError('login_unavailable', `The login took longer than "timeout", ${settings.timeout} ms.`)

  const signedIn = () => session.snapshot as AuthenticatedSession

  return {
    login,
    setTokens,
    async complete(credentials) {
      const asked = say.decisions
      return loginWith(await credentials, asked)
    },
  }
}

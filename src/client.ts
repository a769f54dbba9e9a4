import { unlessAborted, within } from './abort.ts'
import { createAuthorizedFetch } from './authorized-fetch.ts'
import { instant } from './clock.ts'
import { createEndpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'
import { createEmitter } from './events.ts'
import { createMarker } from './marker.ts'
import { invalid, readOptions } from './options.ts'
import { createRefresher } from './refresh.ts'
import { createScheduler } from './scheduler.ts'
import { type Change, createSession, isDue } from './session.ts'
import { createSoloTab, type Tabs } from './tabs.ts'
import { parseToken, type Token } from './token.ts'
import type {
  Abortable,
  AuthClient,
  AuthClientOptions,
  AuthEventMap,
  AuthenticatedSession,
  LoginCause,
  LogoutResult,
  Session,
  TokenSet,
} from './types.ts'

/** Wires the parts. Tests hand in another environment; the public factory hands in the browser's. */
export function createClient<Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
  tabs: Tabs = createSoloTab(),
): AuthClient<Claims, User> {
  const settings = readOptions(options, environment)
  const { timeout, log } = settings
  const emitter = createEmitter<AuthEventMap<Claims, User> & { change: undefined }>(environment.report)
  const session = createSession(environment, settings.refreshAhead, changed)
  const marker = createMarker(environment, settings.scope, log)
  const endpoints = createEndpoints(settings, environment)
  const refresher = createRefresher(settings, environment, session, endpoints, tabs, {
    failed: (error, retryAt) => emitter.emit('refreshError', { error, retryAt }),
    settled: () => scheduler.look(),
  })
  const scheduler = createScheduler(environment, session, refresher)
  const { fetch, usableToken } = createAuthorizedFetch(
    settings,
    environment,
    session,
    refresher,
    () => alive(),
    restored,
  )
  const disposal = new AbortController()
  /** Raised by every call that decides who is signed in; one that was called before it has lost its say. */
  let decisions = 0
  let firstRestore: Promise<AuthError | null> | null = null

  /** The one place where a session change fans out. */
  function changed(change: Change): void {
    scheduler.look()
    const { snapshot, generation } = session
    if (change.type === 'commit' && snapshot.status === 'authenticated') {
      const { cause } = change
      const { claims, user, expiresAt } = snapshot
      if (cause === 'refresh') {
        log({ type: 'refreshed', generation, expiresAt })
        emitter.emit('refresh', { expiresAt })
      } else {
        log({ type: 'signed-in', cause, generation })
        emitter.emit('login', { cause })
      }
      if (change.userChanged) emitter.emit('userChange', { claims, user })
    }
    if (change.type === 'clear') {
      const { reason } = change
      log({ type: 'signed-out', reason, generation })
      if (change.wasSignedIn) emitter.emit('logout', { reason })
    }
    emitter.emit('change', undefined)
  }

  const alive = (): void => disposal.signal.throwIfAborted()

  /** Where there is no window, one session per request is a decision that the app has to make. */
  function canSignIn(): void {
    alive()
    if (environment.page || settings.server) return
    throw new AuthError(
      'unsupported',
      'Without a window a session needs "server": true and a client per request.',
    )
  }

  const signedIn = () => session.snapshot as AuthenticatedSession<Claims, User>

  /** The restore under way, or the first one, or after a failed one the next. */
  function restored(): Promise<AuthError | null> {
    if (session.snapshot.status !== 'unknown' || !environment.page) return Promise.resolve(null)
    if (!refresher.busy && marker.stands()) {
      session.clear('logout')
      void revoke(null)
      return Promise.resolve(null)
    }
    return refresher.run('dead')
  }

  async function ready({ signal }: Abortable = {}): Promise<Session<Claims, User>> {
    alive()
    signal?.throwIfAborted()
    firstRestore ??= restored()
    await unlessAborted(firstRestore, signal)
    alive()
    return session.snapshot
  }

  async function login(
    credentials?: unknown,
    { signal }: Abortable = {},
  ): Promise<AuthenticatedSession<Claims, User>> {
    canSignIn()
    signal?.throwIfAborted()
    const asked = decisions
    return inTurn('login', asked, signal, inner => endpoints.login(credentials, session.tokens, inner))
  }

  async function setTokens(tokens: TokenSet): Promise<AuthenticatedSession<Claims, User>> {
    canSignIn()
    if (typeof tokens !== 'object' || tokens === null) throw invalid('tokens', 'a token set')
    const token = parseToken(tokens, { sentAt: instant(environment), adopted: true })
    const asked = ++decisions
    // Where nothing is left to ask, the very next request carries the token, awaited or not.
    if (!settings.claims && !settings.endpoints.user) return commit(token, 'tokens')
    return inTurn('tokens', asked, null, async () => token)
  }

  /** When what was under way is over: gets the token, and commits it unless somebody else has decided meanwhile. */
  function inTurn(
    cause: 'login' | 'tokens',
    asked: number,
    signal: AbortSignal | null | undefined,
    getToken: (signal: AbortSignal) => Promise<Token>,
  ): Promise<AuthenticatedSession<Claims, User>> {
    const signIn = async (inner: AbortSignal) => {
      unlessSuperseded(asked)
      const token = await endpoints.complete(await getToken(inner), undefined, inner)
      inner.throwIfAborted()
      unlessSuperseded(asked)
      return commit(token, cause)
    }
    const run = () =>
      tabs.exclusive(() =>
        within(environment, timeout, tookTooLong('login'), signIn, signal, disposal.signal),
      )
    const turn = refresher.busy ? refresher.settled().then(run) : run()
    return unlessAborted(unlessAborted(turn, signal), disposal.signal)
  }

  function commit(token: Token, cause: LoginCause): AuthenticatedSession<Claims, User> {
    marker.lift()
    session.commit(token, cause)
    return signedIn()
  }

  function unlessSuperseded(asked: number): void {
    if (asked !== decisions) throw new AuthError('superseded', 'logout or setTokens was called in between.')
  }

  async function refresh({ signal }: Abortable = {}): Promise<AuthenticatedSession<Claims, User>> {
    canSignIn()
    signal?.throwIfAborted()
    const error = await unlessAborted(refresher.run('asked'), signal)
    if (error) throw error
    if (session.snapshot.status !== 'authenticated') throw new AuthError('no_session', 'Nobody is signed in.')
    marker.lift()
    return signedIn()
  }

  async function logout(): Promise<LogoutResult> {
    if (disposal.signal.aborted) return { revoked: false, error: disposal.signal.reason }
    decisions++
    const { tokens } = session
    marker.set()
    session.clear('logout')
    return revoke(tokens)
  }

  /** Tells the server. Until it has confirmed, the marker keeps this browser signed out. */
  async function revoke(tokens: TokenSet | null): Promise<LogoutResult> {
    if (!settings.endpoints.logout) return { revoked: false }
    if (refresher.busy) await refresher.settled()
    return tabs.exclusive(async () => {
      try {
        if (!tokens && !marker.stands()) return { revoked: false }
        await within(environment, timeout, tookTooLong('logout'), inner => endpoints.logout(tokens, inner))
        marker.lift()
        return { revoked: true }
      } catch (caught) {
        const error = caught as AuthError
        log({ type: 'revocation-failed', error })
        return { revoked: false, error }
      }
    })
  }

  async function getAccessToken({
    minValidity = 0,
    signal,
  }: Abortable & { minValidity?: number | undefined } = {}): Promise<string | null> {
    if (!(minValidity >= 0)) throw invalid('minValidity', 'a non-negative number of milliseconds')
    const held = await usableToken(signal, minValidity)
    if (held && minValidity > 0 && isDue(environment, held, minValidity)) {
      throw new AuthError('refresh_unavailable', `No token that lives for ${minValidity} ms can be had.`)
    }
    return held ? held.accessToken : null
  }

  const tookTooLong = (operation: 'login' | 'logout') => () =>
    new AuthError(
      `${operation}_unavailable` as AuthErrorCode,
      `The ${operation} took longer than ${timeout} ms.`,
      {
        retryable: true,
      },
    )

  const stopWaking = environment.onWake(({ type }) => {
    if (type === 'online') {
      refresher.retrySoon()
      if (session.snapshot.status === 'anonymous' && marker.stands()) void revoke(null)
    }
    scheduler.look()
  })
  const stopRestoring =
    environment.page && settings.restore !== 'manual'
      ? environment.onceShown(() => void ready().catch(() => {}))
      : () => {}

  function dispose(): void {
    if (disposal.signal.aborted) return
    disposal.abort(new AuthError('disposed', 'The client was disposed.'))
    stopRestoring()
    stopWaking()
    scheduler.dispose()
    refresher.dispose(disposal.signal.reason)
    emitter.clear()
  }

  return {
    get session() {
      return session.snapshot
    },
    ready,
    login,
    setTokens,
    refresh,
    logout,
    getAccessToken,
    fetch,
    subscribe: listener => emitter.on('change', () => listener()),
    on: (event, listener, { signal } = {}) => emitter.on(event, listener as never, signal),
    dispose,
    [Symbol.dispose]: dispose,
  }
}

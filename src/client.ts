import { unlessAborted, within } from './abort.ts'
import { createAuthorizedFetch } from './authorized-fetch.ts'
import { instant, later, remaining } from './clock.ts'
import { createEndpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'
import { createEmitter } from './events.ts'
import { createMarker } from './marker.ts'
import { invalid, readOptions } from './options.ts'
import { createRefresher } from './refresh.ts'
import { createScheduler } from './scheduler.ts'
import { type Change, createSession, isDue } from './session.ts'
import { createSoloTab, createTabs, type Handover, type News, type Tabs } from './tabs.ts'
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
): AuthClient<Claims, User> {
  const settings = readOptions(options, environment)
  const { timeout, log } = settings
  const disposal = new AbortController()
  const alive = (): void => disposal.signal.throwIfAborted()
  /** Raised by every call that decides who is signed in; one that was called before it has lost its say. */
  let decisions = 0
  /** By an explicit `refresh()`: whatever the marker says, somebody may have signed in elsewhere. */
  let overruled = false
  let firstRestore: Promise<AuthError | null> | null = null
  let revoking: Promise<LogoutResult> | null = null
  let isRevokingAsked = false

  const emitter = createEmitter<AuthEventMap<Claims, User> & { change: undefined }>(environment.report)
  const marker = createMarker(environment, settings.scope, log)
  const endpoints = createEndpoints(settings, environment)
  const session = createSession(environment, settings.refreshAhead, changed)
  const isLone = settings.tabs === 'off' || !environment.page
  const tabs: Tabs = isLone
    ? createSoloTab()
    : createTabs(settings, environment, session, { session: handover, read })
  const refresher = createRefresher(settings, environment, session, endpoints, tabs, {
    isBarred: () => !overruled && marker.stands(),
    barred() {
      // Nobody decided that just now: what another tab has come to since is the newer.
      session.clear(session.held ? 'other-tab' : 'logout', session.generation)
      void revoke(null)
    },
    failed(error, retryAt, news) {
      emitter.emit('refreshError', { error, retryAt })
      if (news) tabs.tell(news)
    },
    settled: () => scheduler.look(),
  })
  const scheduler = createScheduler(environment, session, refresher)
  const { fetch, usableToken } = createAuthorizedFetch(
    settings,
    environment,
    session,
    refresher,
    alive,
    restored,
  )

  /** The one place where a session change fans out. */
  function changed(change: Change): void {
    scheduler.look()
    const { generation } = session
    if (change.type === 'commit') {
      const { cause, userChanged, told } = change
      const { claims, user, expiresAt } = signedIn()
      const isDecision = cause === 'login' || cause === 'tokens' || (cause === 'restore' && overruled)
      if (isDecision && !told) marker.lift()
      if (cause === 'refresh') emitter.emit('refresh', { expiresAt })
      else emitter.emit('login', { cause })
      if (userChanged) emitter.emit('userChange', { claims, user })
      const news = handover(cause)
      if (news && !told) tabs.tell(news)
      log(
        cause === 'refresh'
          ? { type: 'refreshed', generation, expiresAt }
          : { type: 'signed-in', cause, generation },
      )
    }
    if (change.type === 'clear') {
      const { reason, wasSignedIn, told } = change
      if (wasSignedIn) emitter.emit('logout', { reason })
      if (reason === 'rejected' && !told) tabs.tell({ type: 'signed-out', generation, reason })
      log({ type: 'signed-out', reason, generation })
    }
    emitter.emit('change', undefined)
  }

  /** This tab's session, for the others. One whose refresh token is in script's hands stays in its tab. */
  function handover(cause: LoginCause | 'refresh' = 'refresh'): Handover | null {
    const { held, tokens, generation, decided } = session
    if (!held || !tokens || tokens.refreshToken) return null
    const { identity, lifetime, expires, accessToken } = held
    const shared = settings.tabs === 'notify' ? undefined : accessToken
    const expiresAt = expires && environment.now() + remaining(environment, expires)
    return {
      type: 'session',
      generation,
      decided,
      cause,
      identity,
      accessToken: shared,
      lifetime,
      expiresAt,
      user: tokens.user,
    }
  }

  /** What another tab has told. An old message changes nothing. */
  async function read(news: News): Promise<void> {
    const { held, generation, decided } = session
    if (news.type === 'postponed') refresher.hear(news)
    else if (news.type === 'session') {
      if (isNewer(news)) await adopt(news)
    } else if (news.reason === 'rejected' ? news.generation > generation : news.generation >= decided) {
      decisions++
      overruled = false
      // A login here, at the same moment, has lifted the marker of that logout.
      if (news.generation === decided) marker.set()
      session.clear(held || news.reason === 'other-tab' ? news.reason : 'initial', news.generation)
    }
  }

  const isNewer = ({ generation, decided }: Handover): boolean =>
    generation > session.generation && decided >= session.decided

  async function adopt(news: Handover): Promise<void> {
    const { generation, identity, accessToken, lifetime, expiresAt, user, cause } = news
    const sameUser = session.held?.identity === identity
    if (accessToken === undefined) {
      session.see(generation, news.decided)
      // Somebody signed in over there: this tab asks the server who it is.
      if (sameUser || (cause !== 'login' && cause !== 'tokens')) return
      session.suspend()
      await restored()
      return
    }
    try {
      const now = instant(environment)
      const since = later(now, lifetime === null || expiresAt === null ? 0 : expiresAt - lifetime - now.wall)
      const parsed = {
        ...parseToken({ accessToken }, { sentAt: now }),
        since,
        lifetime,
        identity,
        user: user ?? null,
      }
      const token = await endpoints.complete(parsed, user ?? null, disposal.signal)
      if (disposal.signal.aborted || !isNewer(news)) return
      session.see(generation, news.decided)
      session.commit(token, session.held?.identity === identity ? 'refresh' : 'other-tab', false, generation)
    } catch {
      // What cannot be used was not said.
    }
  }

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
    const isOpen = session.snapshot.status === 'unknown' && environment.page
    return isOpen ? refresher.run('dead') : Promise.resolve(null)
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
    session.commit(token, cause)
    return signedIn()
  }

  function unlessSuperseded(asked: number): void {
    if (asked !== decisions) throw new AuthError('superseded', 'logout or setTokens was called in between.')
  }

  async function refresh({ signal }: Abortable = {}): Promise<AuthenticatedSession<Claims, User>> {
    canSignIn()
    signal?.throwIfAborted()
    overruled ||= session.snapshot.status !== 'authenticated'
    const error = await unlessAborted(refresher.run('asked'), signal)
    if (error) throw error
    if (session.snapshot.status !== 'authenticated') throw new AuthError('no_session', 'Nobody is signed in.')
    return signedIn()
  }

  async function logout(): Promise<LogoutResult> {
    if (disposal.signal.aborted) return { revoked: false, error: disposal.signal.reason }
    decisions++
    overruled = false
    const { tokens } = session
    marker.set()
    session.clear('logout')
    tabs.tell({ type: 'signed-out', generation: session.generation, reason: 'other-tab' })
    return revoke(tokens, true)
  }

  /** Tells the server, once for all who ask. Until it has confirmed, the marker keeps this browser signed out. */
  function revoke(tokens: TokenSet | null, asked = false): Promise<LogoutResult> {
    if (revoking && !tokens && (isRevokingAsked || !asked)) return revoking
    const current = revocation(tokens, asked).finally(() => {
      if (revoking === current) revoking = null
    })
    revoking = current
    isRevokingAsked = asked
    return current
  }

  async function revocation(tokens: TokenSet | null, asked: boolean): Promise<LogoutResult> {
    if (!settings.endpoints.logout) return { revoked: false }
    const rotated = refresher.busy ? await refresher.settled() : undefined
    return tabs.exclusive(async () => {
      await tabs.catchUp()
      // Somebody has signed in since: the cookie is theirs.
      if (session.held || (!asked && !marker.stands())) {
        return { revoked: false, error: new AuthError('superseded', 'A login came before it on the server.') }
      }
      // Another logout, confirmed meanwhile, has lifted it.
      marker.set()
      try {
        const newest = tokens && { ...tokens, refreshToken: rotated ?? tokens.refreshToken }
        await within(environment, timeout, tookTooLong('logout'), inner => endpoints.logout(newest, inner))
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

  const stopWaking = environment.onWake(({ type, persisted }) => {
    if (type === 'pageshow' && persisted && !isLone) {
      session.suspend()
      void restored()
    }
    if (type === 'online') {
      refresher.retrySoon()
      if (session.snapshot.status === 'anonymous' && !overruled && marker.stands()) void revoke(null)
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
    tabs.dispose()
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
    [Symbol.dispose ?? '@@dispose']: dispose,
  }
}

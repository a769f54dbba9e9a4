import { createDisposal, unlessAborted, within } from './abort.ts'
import { type AuthorizedFetch, createAuthorizedFetch } from './authorized-fetch.ts'
import { createBearer } from './bearer.ts'
import { instant } from './clock.ts'
import { createCsrfGuard } from './csrf.ts'
import { createEndpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import { createEmitter } from './events.ts'
import { createHandingOver } from './handover.ts'
import type { Identity, Owner } from './identity.ts'
import { createIdle } from './idle.ts'
import { createLoginNote } from './login-note.ts'
import { createMarker } from './marker.ts'
import { bounded, type News } from './messages.ts'
import { invalid, readOptions } from './options.ts'
import { pick } from './own.ts'
import { createRefresher } from './refresh.ts'
import { createResting } from './resting.ts'
import { createRevocation } from './revocation.ts'
import { createScheduler } from './scheduler.ts'
import { createServerClock } from './server-clock.ts'
import { type Change, createSession, type Held, isDue } from './session.ts'
import { createVault, type Rest } from './storage.ts'
import { createSoloTab, createTabs, type Tabs } from './tabs.ts'
import { isUsable, parseToken, type Token } from './token.ts'
import type {
  Abortable,
  AuthClient,
  AuthClientOptions,
  AuthEventMap,
  AuthenticatedSession,
  LogEvent,
  LogoutResult,
  Session,
  TokenSet,
} from './types.ts'
import { createWireNote } from './wire-note.ts'

/** Tests hand in another environment; the public factory hands in the browser's. */
export const createClient = <Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): AuthClient<Claims, User> => createParts<Claims, User>(options, environment).client

/** Wires the parts. `forNow`: what an HTTP client on top of `fetch` gives to all attempts of one call. */
export function createParts<Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): { client: AuthClient<Claims, User>; forNow: AuthorizedFetch['forNow'] } {
  const settings = readOptions(options, environment)
  const { timeout, log } = settings
  const disposal = createDisposal()
  let disposed: AuthError | null = null
  const alive = (): void => {
    if (disposed) throw disposed
  }
  /** Raised by every call that decides who is signed in; one that was called before it has lost its say. */
  let decisions = 0
  /** By an explicit `refresh()`, as long as it runs: whatever the marker says, somebody may have signed in elsewhere. */
  let overruled: object | null = null
  let firstRestore: Promise<AuthError | null> | null = null
  /**
   * While the page is prerendered: before it is shown nothing begins. Its locks would wait, and timeouts would run; and
   * the user may never come to see it.
   */
  let shown: Promise<void> | null = null
  let show = () => {}
  if (environment.prerendering()) {
    shown = new Promise(resolve => {
      show = () => {
        stopWaiting()
        shown = null
        resolve()
      }
      const stopWaiting = environment.onceShown(show)
    })
  }

  const emitter = createEmitter<AuthEventMap<Claims, User> & { change: undefined }>(environment)
  const marker = createMarker(settings, environment)
  const loginNote = createLoginNote(settings, environment)
  const vault = createVault(settings, environment)
  const { guard, pin } = createCsrfGuard(settings, environment)
  const wireNote = createWireNote(settings, environment, disposal)
  const serverClock = createServerClock(environment)
  const endpoints = createEndpoints(settings, environment, guard, wireNote, serverClock, token =>
    session.isSameUser(token),
  )
  // Renewed by any tab that has it, or read from where all tabs look: nobody's own.
  const isOwned = !settings.accessOnly && !vault.shared
  const session = createSession(environment, settings.refreshAhead, isOwned, changed)
  const isLone = settings.tabs === 'off' || !environment.page
  const tabs: Tabs = isLone
    ? createSoloTab()
    : createTabs(settings, environment, session, {
        session: () => handingOver.offer(),
        read,
        renew,
        inherit: () => void tabs.exclusive(resting.recover),
        isRefreshing: () => refresher.busy,
        settled: vault.settled,
      })
  const resting = createResting(settings, environment, session, tabs, endpoints, vault, disposal)
  const idle = createIdle(
    settings,
    environment,
    tabs,
    () => session.snapshot.status,
    () => void signOut('idle'),
    warning => emitter.emit('idleWarning', warning),
  )
  const refresher = createRefresher(settings, environment, session, endpoints, tabs, {
    bars,
    loginNote,
    recover: resting.recover,
    succeed: resting.succeed,
    failed(error, retryAt, news) {
      emitter.emit('refreshError', { error, retryAt })
      if (news) tabs.tell(news)
    },
    settled: () => scheduler.look(),
  })
  const scheduler = createScheduler(settings, environment, session, refresher)
  const revocation = createRevocation(
    settings,
    environment,
    session,
    endpoints,
    tabs,
    refresher,
    marker,
    loginNote,
    vault,
    () => overruled !== null,
  )
  const handingOver = createHandingOver(
    settings,
    environment,
    session,
    endpoints,
    serverClock,
    disposal,
    restored,
    () => refresher.after,
  )
  const bearer = createBearer(settings.scheme)
  const { fetch, usableToken, peek, forNow } = createAuthorizedFetch(
    settings,
    environment,
    session,
    refresher,
    idle,
    bearer,
    {
      guard,
      alive,
      restored,
      refused: ({ exp }) => serverClock.refused(exp),
      challenged: detail => emitter.emit('challenge', detail),
    },
  )

  /** The one place where a session change fans out. */
  function changed(change: Change): void {
    scheduler.look()
    const { generation } = session
    if (change.type === 'commit') {
      const { cause, userChanged, told, decides } = change
      const { claims, user, expiresAt } = signedIn()
      pin()
      resting.save()
      // A page that reloads itself is nobody at the keyboard.
      if (decides || idle.active() === undefined) idle.touch()
      // Whoever signed in may not have been able to lift it: a worker has no storage.
      if (decides || (told && !marker.stands(session.decided))) marker.lift()
      // Tokens that the app hands in say nothing of the cookie that a lost login may have replaced.
      if (cause === 'login' && !told) loginNote.lift()
      else if (told) loginNote.forget()
      revocation.forget()
      if (cause === 'refresh') emitter.emit('refresh', { expiresAt })
      else emitter.emit('login', { cause })
      if (userChanged) emitter.emit('userChange', { claims, user })
      // Where nobody can say who it is, the others would all ask anew, and tell it each other again.
      const isNew = (decides || userChanged) && session.identity?.name != null
      const news = handingOver.offer(isNew ? 'login' : cause)
      if (news && !told) tabs.tell(news)
      const by = told ? 'other-tab' : cause
      log({
        type: cause === 'refresh' ? 'refreshed' : 'signed-in',
        cause: by,
        generation,
        expiresAt,
      } as LogEvent)
    }
    if (change.type === 'clear') {
      const { why, wasSignedIn, told } = change
      const { reason, error } = why
      resting.drop(reason, told)
      idle.forget(!told)
      if (wasSignedIn) emitter.emit('logout', why)
      if (reason === 'rejected' && !told) {
        const { status, body } = error ?? {}
        tabs.tell({ type: 'signed-out', generation, reason, status, body: bounded(body) })
      }
      log({ type: 'signed-out', reason, generation })
    }
    if (change.type === 'rotate') resting.save()
    else emitter.emit('change', undefined)
    idle.look()
  }

  /** Does something keep a restore or refresh from going out that the app has not asked for? */
  function bars(): boolean {
    if (overruled) return false
    // Where this tab alone has the refresh token, and tells nobody, it was another session that another tab has ended.
    const isApart = settings.tabs === 'off' && session.lineage !== null
    if (!isApart && marker.stands(session.decided)) {
      log({ type: 'barred', why: 'marker' })
      // Nobody decided that just now: what another tab has come to since is the newer.
      const rested = loaded()
      session.clear(session.held ? 'other-tab' : 'logout', session.generation)
      // Whoever signed out may not have had it: while the marker stands there has been no login since.
      vault.drop(environment.now())
      revocation.found(rested)
      return true
    }
    const isAway = session.snapshot.status === 'unknown' && idle.isOver()
    if (isAway) {
      log({ type: 'barred', why: 'idle' })
      void signOut('idle')
    }
    return isAway
  }

  /** What another tab has told. */
  async function read(news: News): Promise<void> {
    if (news.type === 'postponed') return refresher.hear(news)
    if (news.type === 'session') {
      // A tab that has not heard of the logout goes on with a session that is over.
      const isDecision = news.cause === 'login' || news.cause === 'tokens'
      if (!isDecision && isSignedOut(news.decided)) {
        // This tab can see the marker of that logout late, when somebody has logged in since.
        const ended = session.held ? news.decided : session.decided
        return tabs.tell({ type: 'signed-out', generation: ended, reason: 'other-tab' })
      }
      const isAnswer = await handingOver.adopt(news)
      const answer = isAnswer && handingOver.offer('login')
      if (answer) {
        tabs.tell(answer)
        hearAgain()
      }
      if (session.isFollower) await resting.recover()
      return
    }
    const { held, tokens, generation, decided, snapshot } = session
    const { reason } = news
    // Whoever has the refresh token, or has yet to look for one, knows better than a tab that has none.
    const isOwner = session.lineage !== null && tokens?.refreshToken
    if (reason === 'rejected' && (isOwner || snapshot.status === 'unknown')) {
      return session.see(news.generation)
    }
    if (reason === 'rejected' ? news.generation <= generation : news.generation < decided) return
    decisions++
    overruled = null
    // A login here, at the same moment, has lifted the marker of that logout.
    if (news.generation === decided) marker.set(decided)
    const refusal =
      reason === 'rejected' && news.status !== undefined
        ? new AuthError(
            'refresh_rejected',
            'The refresh of another tab was refused.',
            pick(news, 'status', 'body'),
          )
        : undefined
    session.clear(held || reason !== 'rejected' ? reason : 'initial', news.generation, refusal)
    // The refresh token was in this tab's hands alone.
    if (reason !== 'rejected' && tokens?.refreshToken && !vault.shared) void revocation.run(tokens, true)
  }

  /** A login that was heard while the app's `refresh()` was under way, and was no answer to it, may be the newest yet. */
  function hearAgain(): void {
    void tabs.consult({ type: 'ask', generation: session.generation }, () => true, 0)
  }

  /** Has a logout ended the session of this login, as far as this tab knows? */
  function isSignedOut(decided: number): boolean {
    const { snapshot, generation } = session
    const isByLogout = snapshot.status === 'anonymous' && !['initial', 'rejected'].includes(snapshot.reason)
    return marker.stands(decided) || (isByLogout && generation === session.decided && decided < generation)
  }

  /** A tab that has no refresh token asks this one, which has it. */
  async function renew(isDead: boolean, since: number): Promise<void> {
    const need = isDead ? 'dead' : 'ahead'
    // Its user may be back, of which a hidden tab hears nothing.
    if (isDead && !refresher.busy) refresher.wake(false)
    const refusal = refresher.refusal(need)
    if (refusal) return tabs.tell(refusal)
    await refresher.run(need, since)
    // One that was under way can have left too early.
    if (session.held && session.held.askedAt < since) await refresher.run(need, since)
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

  function noTokens(name: string, instead: string): void {
    if (settings.mode !== 'cookie') return
    throw new AuthError('unsupported', `"${name}" is not for cookie mode: script sees no token. ${instead}`)
  }

  const signedIn = () => session.snapshot as AuthenticatedSession<Claims, User>

  /** The restore under way, or the first one, or after a failed one the next. */
  function restored(): Promise<AuthError | null> {
    const isOpen = session.snapshot.status === 'unknown' && environment.page
    if (!isOpen) return Promise.resolve(null)
    return shown ? shown.then(restored) : refresher.run('dead')
  }

  /** What was called first goes on first: each takes as many steps. */
  async function untilShown(gate: Promise<void>, signal?: AbortSignal | null): Promise<void> {
    await unlessAborted(gate, signal ?? disposal.signal)
    alive()
  }

  async function ready(options?: Abortable): Promise<Session<Claims, User>> {
    const { signal } = pick(options, 'signal')
    alive()
    signal?.throwIfAborted()
    firstRestore ??= restored()
    await unlessAborted(firstRestore, signal)
    alive()
    return session.snapshot
  }

  async function login(
    credentials?: unknown,
    options?: Abortable,
  ): Promise<AuthenticatedSession<Claims, User>> {
    const { signal } = pick(options, 'signal')
    canSignIn()
    signal?.throwIfAborted()
    if (shown) await untilShown(shown, signal)
    revocation.doubt()
    let isOpen = false
    const sent = () => {
      isOpen = loginNote.stands()
      loginNote.set()
    }
    // Of a login before this one the outcome is still not known.
    const refused = () => isOpen || loginNote.lift()
    return inTurn('login', decisions, signal, inner =>
      endpoints.login(credentials, session.tokens, inner, sent, refused),
    )
  }

  async function setTokens(tokens: TokenSet): Promise<AuthenticatedSession<Claims, User>> {
    canSignIn()
    noTokens('setTokens', 'Call "refresh" where somebody may have signed in.')
    if (typeof tokens !== 'object' || tokens === null) throw invalid('tokens', 'a token set')
    const parsed = parseToken(tokens, {
      sentAt: instant(environment),
      adopted: true,
      scheme: settings.scheme,
      serverClock,
    })
    if (shown) await untilShown(shown)
    revocation.doubt()
    const { claims, userSchema } = settings
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

  /** When what was under way is over: gets the token, and commits it unless somebody else has decided meanwhile. */
  function inTurn(
    cause: 'login' | 'tokens',
    asked: number,
    signal: AbortSignal | null | undefined,
    getToken: (signal: AbortSignal) => Promise<Token>,
    known?: unknown,
    /** The token renews the session of this identity, and no other one. */
    renewed: Identity | null = null,
  ): Promise<AuthenticatedSession<Claims, User>> {
    const signIn = async (inner: AbortSignal) => {
      unlessSuperseded(asked)
      const got = await getToken(inner)
      // Its cookie is in the jar by now, and whoever signed out meanwhile must not find it there.
      if (asked !== decisions && !session.held) void revocation.run(got, true)
      // The session that is held came after it, and must not go on with that cookie.
      else if (asked !== decisions && cause === 'login') loginNote.set()
      const token = await endpoints.complete(got, known, inner)
      inner.throwIfAborted()
      unlessSuperseded(asked)
      if (renewed && session.identity !== renewed) throw superseded()
      return commit(token, cause)
    }
    const run = () =>
      tabs.exclusive(
        () => within(environment, timeout, tookTooLong, signIn, signal, disposal.signal),
        signal ?? undefined,
      )
    const turn = refresher.busy ? refresher.settled().then(run) : run()
    return unlessAborted(unlessAborted(turn, signal), disposal.signal)
  }

  function commit(token: Token, cause: 'login' | 'tokens'): AuthenticatedSession<Claims, User> {
    session.commit(token, cause === 'tokens' && isRenewal(token) ? 'refresh' : cause)
    return signedIn()
  }

  function unlessSuperseded(asked: number): void {
    if (asked !== decisions) throw superseded()
  }

  const superseded = (): AuthError =>
    new AuthError('superseded', 'login, logout or setTokens was called in between.')

  async function refresh(options?: Abortable): Promise<AuthenticatedSession<Claims, User>> {
    const { signal } = pick(options, 'signal')
    canSignIn()
    if (!settings.endpoints.refresh) throw new AuthError('unsupported', '"endpoints.refresh" is false.')
    signal?.throwIfAborted()
    if (shown) await untilShown(shown, signal)
    revocation.doubt()
    const call = {}
    const [asked, at] = [decisions, environment.now()]
    overruled = call
    const ask = () => refresher.run('asked', at)
    // Told of another user meanwhile, without the token, or back from the back/forward cache: this tab asks anew.
    const askAnew = () =>
      settings.tabs === 'notify' || session.snapshot.status !== 'unknown' ? restored() : ask()
    const run = ask()
      .then(error => {
        if (error?.retryable && !session.held) hearAgain()
        return error ?? askAnew()
      })
      .finally(() => {
        // It has had its chance, also where the caller gave up: from here on the marker counts again.
        if (overruled === call) overruled = null
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

  async function logout(input?: unknown): Promise<LogoutResult> {
    try {
      if (shown) await untilShown(shown)
    } catch {}
    if (disposed) return { revoked: false, error: disposed }
    return signOut('logout', input)
  }

  const loaded = (): Promise<Rest | null | undefined> | null => (vault.exists ? vault.load() : null)

  /** Here first, then in the other tabs, then on the server. */
  function signOut(reason: 'logout' | 'idle', input?: unknown): Promise<LogoutResult> {
    decisions++
    overruled = null
    const { tokens } = session
    const rested = loaded()
    session.clear(reason)
    const { generation } = session
    marker.set(generation)
    tabs.tell({ type: 'signed-out', generation, reason: reason === 'idle' ? reason : 'other-tab' })
    return revocation.run(tokens, true, rested, input)
  }

  async function getAccessToken(
    options?: Abortable & { minValidity?: number | undefined; refused?: string | null | undefined },
  ): Promise<string | null> {
    const { minValidity = 0, refused, signal } = pick(options, 'minValidity', 'refused', 'signal')
    noTokens('getAccessToken', 'Use "fetch".')
    if (!(minValidity >= 0)) throw invalid('minValidity', 'a non-negative number of milliseconds')
    const held = await (refused == null
      ? usableToken(signal, minValidity)
      : usableToken(signal, minValidity, await ownerOf(refused, signal), refused))
    if (held && minValidity > 0 && isDue(environment, held, minValidity)) {
      throw new AuthError(
        'refresh_unavailable',
        `Even a fresh token lives for less than "minValidity", ${minValidity} ms.`,
        {
          retryable: false,
        },
      )
    }
    return handOut(held)
  }

  /** The owner of a token that the app shows as refused. */
  async function ownerOf(token: string, signal: AbortSignal | null | undefined): Promise<Owner> {
    if (isUsable(token)) {
      const { held } = session
      const known = held?.accessToken === token ? held : bearer.ownerOf(token)
      if (known) return known
      const parsed = parseToken({ accessToken: token }, { sentAt: instant(environment) })
      const late = () => new AuthError('refresh_unavailable', '"claims" took too long.')
      const ask = () => endpoints.nameByClaims(parsed)
      const name = await within(environment, timeout, late, ask, signal, disposal.signal)
      if (name !== null) return { identity: { name, epoch: -1 } }
    }
    throw invalid('refused', 'an access token of this client, or one whose claims name its user')
  }

  function peekAccessToken(): string | null {
    noTokens('peekAccessToken', 'Use "fetch".')
    return handOut(peek())
  }

  /** The app may show it as refused later. */
  function handOut(held: Held | null): string | null {
    if (held) bearer.remember(held)
    return held?.accessToken ?? null
  }

  const tookTooLong = (): AuthError =>
    new AuthError('login_unavailable', `The login took longer than "timeout", ${timeout} ms.`)

  const stopWaking = environment.onWake(({ type, persisted }) => {
    if (type === 'pagehide') for (const part of [revocation, wireNote]) part.leave()
    if (type === 'pageshow') for (const part of [revocation, wireNote]) part.back()
    if (type === 'pageshow' && persisted && !isLone) {
      log({ type: 'suspended' })
      session.suspend()
      void restored()
    }
    const isOnline = type === 'online'
    if (isOnline) revocation.retrySoon()
    if (isOnline || (type !== 'pagehide' && environment.visible())) refresher.wake(isOnline)
    idle.look()
    scheduler.look()
  })
  const stopRestoring =
    environment.page && settings.restore !== 'manual'
      ? environment.onceShown(() => void ready().catch(() => {}))
      : () => {}

  function dispose(): void {
    if (disposed) return
    disposed = new AuthError('disposed', 'The client was disposed: create another one.')
    disposal.abort(disposed)
    show()
    stopRestoring()
    stopWaking()
    scheduler.dispose()
    revocation.dispose()
    idle.dispose()
    refresher.dispose(disposed)
    settings.sending.retire()
    tabs.dispose()
    emitter.clear()
  }

  const client: AuthClient<Claims, User> = {
    get session() {
      return session.snapshot
    },
    ready,
    login,
    setTokens,
    refresh,
    logout,
    getAccessToken,
    peekAccessToken,
    touch: idle.act,
    fetch,
    subscribe: listener => emitter.on('change', () => listener()),
    on: (event, listener, options) => emitter.on(event, listener as never, pick(options, 'signal').signal),
    dispose,
    [Symbol.dispose ?? '@@dispose']: dispose,
  }
  return { client, forNow }
}

import { createDisposal, unlessAborted } from './kernel/abort.ts'
import { createAccessToken } from './kernel/access-token.ts'
import { createArrival } from './kernel/arrival.ts'
import { createBackoff } from './kernel/backoff.ts'
import { createBearer } from './kernel/bearer.ts'
import { createEndpoints } from './kernel/endpoints.ts'
import type { Environment } from './kernel/environment.ts'
import { AuthError } from './kernel/errors.ts'
import { createEmitter } from './kernel/events.ts'
import { createExchange } from './kernel/exchange.ts'
import type { Kernel } from './kernel/feature.ts'
import { createLoginNote } from './kernel/login-note.ts'
import { createRevocation } from './kernel/logout.ts'
import type { Rested } from './kernel/logout-retries.ts'
import { createMarker } from './kernel/marker.ts'
import { readOptions } from './kernel/options.ts'
import { pick } from './kernel/own.ts'
import type { Part, Wake } from './kernel/parts.ts'
import { createPrerenderGate } from './kernel/prerender.ts'
import { createRefresher } from './kernel/refresh.ts'
import { type AuthorizedFetch, createAuthorizedFetch } from './kernel/request.ts'
import { createSchedule } from './kernel/schedule.ts'
import { createServerClock } from './kernel/server-clock.ts'
import { type Change, createSession } from './kernel/session.ts'
import { createSignIn } from './kernel/sign-in.ts'
import { createQueue } from './kernel/turns.ts'
import { createTokenSource } from './kernel/usable-token.ts'
import { createWireNote, type WireNote } from './kernel/wire-note.ts'
import type {
  Abortable,
  AuthClient,
  AuthClientOptions,
  AuthEventMap,
  AuthenticatedSession,
  LogEvent,
  LogoutResult,
  Session,
} from './types.ts'

/** Tests hand in another environment; the public factory hands in the browser's. */
export const createClient = <Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): AuthClient<Claims, User> => createParts<Claims, User>(options, environment).client

/** What the kernel's own parts know of each other, beside what features are shown. */
interface Wiring extends Kernel {
  readonly wireNote: WireNote
  alive(): void
  hidden(signal?: AbortSignal | null): Promise<void> | null
  bars(): boolean
  isAsking(): boolean
}

/**
 * Puts the kernel and the imported features together. `forNow`: what an HTTP client on top of `fetch` gives to all
 * attempts of one call.
 */
export function createParts<Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): { client: AuthClient<Claims, User>; forNow: AuthorizedFetch['forNow'] } {
  const { settings, plans } = readOptions(options, environment)
  const { log } = settings
  const disposal = createDisposal()
  let disposed: AuthError | null = null
  let firstRestore: Promise<AuthError | null> | null = null
  const emitter = createEmitter<AuthEventMap<Claims, User> & { change: undefined }>(environment)
  const gate = createPrerenderGate(environment, disposal)
  const queue = createQueue()

  // Each part is handed the kernel and reads from it what it needs. What is created later is read late.
  const kernel: Wiring = {
    settings,
    environment,
    disposal,
    emit: emitter.emit,
    look: () => schedule.look(),
    alive,
    hidden,
    bars,
    restored,
    signOut,
    decide: () => signIn.decide(),
    isAsking: () => signIn.isAsking(),
    get exclusive() {
      return tabs?.exclusive ?? queue
    },
    get session() {
      return session
    },
    get endpoints() {
      return endpoints
    },
    get refresher() {
      return refresher
    },
    get backoff() {
      return backoff
    },
    get exchange() {
      return exchange
    },
    get revocation() {
      return revocation
    },
    get marker() {
      return marker
    },
    get loginNote() {
      return loginNote
    },
    get wireNote() {
      return wireNote
    },
    get serverClock() {
      return serverClock
    },
    get tabs() {
      return tabs
    },
    get storage() {
      return storage
    },
    get idle() {
      return idle
    },
    get csrf() {
      return csrf
    },
    get cookies() {
      return cookies
    },
    get flow() {
      return flow
    },
    get proof() {
      return proof
    },
  }

  const cookies = plans.mode?.create(kernel)
  const flow = plans.flow?.create(kernel)
  const proof = plans.proof?.create(kernel)
  const csrf = plans.csrf?.create(kernel)
  const storage = plans.storage?.create(kernel)
  // A token that every tab renews, or reads from where all tabs look, is nobody's own.
  const isOwned = !settings.accessOnly && !storage?.shared
  const session = createSession(environment, settings.refreshAhead, isOwned, changed)
  const marker = createMarker(kernel)
  const loginNote = createLoginNote(kernel)
  const wireNote = createWireNote(kernel)
  const serverClock = createServerClock(environment)
  const endpoints = createEndpoints(kernel)
  const tabs = plans.tabs?.create(kernel)
  const backoff = createBackoff(kernel)
  const exchange = createExchange(kernel)
  const refresher = createRefresher(kernel)
  const schedule = createSchedule(kernel)
  const revocation = createRevocation(kernel)
  const idle = plans.idle?.create(kernel)
  const signIn = createSignIn(kernel)
  const restore = createArrival(kernel, signIn)
  const bearer = createBearer(settings.scheme)
  const tokens = createTokenSource(kernel)
  const { getAccessToken, peekAccessToken } = createAccessToken(kernel, tokens, bearer)
  const { fetch, forNow } = createAuthorizedFetch(kernel, tokens, bearer)
  const parts: Part[] = [csrf, storage, idle, tabs].filter(part => part !== undefined)

  /** The one place where a session change fans out: to the timer, the notes, the listeners, and then the features. */
  function changed(change: Change): void {
    schedule.look()
    const { serial, epoch } = session.stamp
    if (change.type === 'commit') {
      const { cause, userChanged, told, decides } = change
      const { claims, user, expiresAt } = session.snapshot as AuthenticatedSession<Claims, User>
      // Whoever signed in may not have been able to lift it: a worker has no storage.
      if (decides || (told && !marker.stands(epoch))) marker.lift()
      // Tokens that the app hands in say nothing of the cookie that a lost login may have replaced.
      if (cause === 'login' && !told) loginNote.lift()
      else if (told) loginNote.forget()
      revocation.forget()
      if (cause === 'refresh') emitter.emit('refresh', { expiresAt })
      else emitter.emit('login', { cause })
      if (userChanged) emitter.emit('userChange', { claims, user })
      const type = cause === 'refresh' ? 'refreshed' : 'signed-in'
      log({ type, cause: told ? 'other-tab' : cause, generation: serial, expiresAt } as LogEvent)
    }
    if (change.type === 'clear') {
      const { why, wasSignedIn } = change
      if (wasSignedIn) emitter.emit('logout', why)
      log({ type: 'signed-out', reason: why.reason, generation: serial })
    }
    if (change.type !== 'rotate') emitter.emit('change', undefined)
    for (const part of parts) part.changed?.(change)
  }

  /** Does something keep a restore or refresh from going out that the app has not asked for? */
  function bars(): boolean {
    if (signIn.isAsking()) return false
    // Where this tab alone has the refresh token, and tells nobody, it was another session that another tab has ended.
    const isApart = !plans.tabs && session.lineage !== null
    const { epoch, serial } = session.stamp
    if (isApart || !marker.stands(epoch)) return parts.some(part => part.bars?.())
    log({ type: 'barred', why: 'marker' })
    // Nobody decided that just now: what another tab has come to since is the newer.
    const rested = loaded()
    session.clear(session.held ? 'other-tab' : 'logout', serial)
    // The tab that signed out may not have had it: while the marker is set there has been no login since.
    storage?.drop(environment.now())
    revocation.found(rested)
    return true
  }

  function loaded(): Rested {
    if (storage) return storage.load()
    return tabs?.kept ? Promise.resolve(tabs.kept) : null
  }

  /** Here first, then in the other tabs, then on the server. */
  function signOut(reason: 'logout' | 'idle', input?: unknown): Promise<LogoutResult> {
    signIn.decide()
    const held = session.tokens
    const rested = loaded()
    session.clear(reason)
    marker.set(session.stamp.serial)
    tabs?.signedOut(reason)
    return revocation.run(held, true, rested, input)
  }

  function alive(): void {
    if (disposed) throw disposed
  }

  function hidden(signal?: AbortSignal | null): Promise<void> | null {
    return gate.hidden(signal)?.then(alive) ?? null
  }

  /** The restore under way, or the first one, or after a failed one the next. */
  function restored(): Promise<AuthError | null> {
    const isOpen = session.snapshot.status === 'unknown' && environment.page
    if (!isOpen) return Promise.resolve(null)
    return gate.hidden()?.then(restored) ?? restore()
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

  async function logout(input?: unknown): Promise<LogoutResult> {
    const wait = hidden()
    try {
      if (wait) await wait
    } catch {}
    if (disposed) return { revoked: false, error: disposed }
    return signOut('logout', input)
  }

  function woke(event: Wake): void {
    const { type } = event
    if (type === 'pagehide') for (const part of [revocation, wireNote]) part.leave()
    if (type === 'pageshow') for (const part of [revocation, wireNote]) part.back()
    for (const part of parts) part.woke?.(event)
    const isOnline = type === 'online'
    if (isOnline) revocation.retrySoon()
    if (isOnline || (type !== 'pagehide' && environment.visible())) refresher.wake(isOnline)
    schedule.look()
  }

  const stopWaking = environment.onWake(woke)
  const stopRestoring =
    environment.page && settings.restore !== 'manual'
      ? environment.onceShown(() => void ready().catch(() => {}))
      : () => {}

  function dispose(): void {
    if (disposed) return
    disposed = new AuthError('disposed', 'The client was disposed: create another one.')
    disposal.abort(disposed)
    gate.open()
    stopRestoring()
    stopWaking()
    schedule.dispose()
    revocation.dispose()
    refresher.dispose(disposed)
    settings.sending.retire()
    for (const part of parts) part.dispose?.()
    emitter.clear()
  }

  const client: AuthClient<Claims, User> = {
    get session() {
      return session.snapshot
    },
    ready,
    login: signIn.login,
    setTokens: signIn.setTokens,
    refresh: signIn.refresh,
    logout,
    getAccessToken,
    peekAccessToken,
    touch: () => idle?.act(),
    fetch,
    subscribe: listener => emitter.on('change', () => listener()),
    on: (event, listener, options) => emitter.on(event, listener as never, pick(options, 'signal').signal),
    dispose,
    [Symbol.dispose ?? '@@dispose']: dispose,
  }
  return { client, forNow }
}

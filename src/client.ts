import { createDisposal } from './kernel/abort.ts'
import { createAccessToken } from './kernel/access-token.ts'
import { createAsk } from './kernel/ask.ts'
import { createBackoff } from './kernel/backoff.ts'
import { createBearer } from './kernel/bearer.ts'
import { fanOut } from './kernel/changes.ts'
import { createEndpoints } from './kernel/endpoints.ts'
import type { Environment } from './kernel/environment.ts'
import { AuthError } from './kernel/errors.ts'
import { createEmitter } from './kernel/events.ts'
import { createExchange } from './kernel/exchange.ts'
import type { Kernel } from './kernel/feature.ts'
import { createLoginNote } from './kernel/login-note.ts'
import { createRevocation } from './kernel/logout.ts'
import { createMarker } from './kernel/marker.ts'
import { readOptions } from './kernel/options.ts'
import { pick } from './kernel/own.ts'
import type { Part, Wake } from './kernel/parts.ts'
import { createPrerenderGate } from './kernel/prerender.ts'
import { createRefresher } from './kernel/refresh.ts'
import { type AuthorizedFetch, createAuthorizedFetch } from './kernel/request.ts'
import { createRestore } from './kernel/restore.ts'
import { createSay, type Say } from './kernel/say.ts'
import { createSchedule } from './kernel/schedule.ts'
import { createServerClock } from './kernel/server-clock.ts'
import { createSession } from './kernel/session.ts'
import { createSignIn } from './kernel/sign-in.ts'
import { createSignOut } from './kernel/sign-out.ts'
import { createQueue } from './kernel/turns.ts'
import { createTokenSource } from './kernel/usable-token.ts'
import { createWireNote, type WireNote } from './kernel/wire-note.ts'
import type { AuthClient, AuthClientOptions, AuthEventMap, LogoutResult } from './types.ts'

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
  readonly say: Say
  readonly parts: readonly Part[]
  notify(): void
}

// Long on purpose: what is created, in which order, and what each part is handed, is read in one piece. It decides nothing.
/**
 * Puts the kernel and the imported features together. `forNow`: what an HTTP client on top of `fetch` gives to all
 * attempts of one call.
 */
export function createParts<Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): { client: AuthClient<Claims, User>; forNow: AuthorizedFetch['forNow'] } {
  const { settings, plans } = readOptions(options, environment)
  const disposal = createDisposal()
  let disposed: AuthError | null = null
  const say = createSay()
  const emitter = createEmitter<AuthEventMap<Claims, User> & { change: undefined }>(environment)
  const gate = createPrerenderGate(environment, disposal)
  const queue = createQueue()

  // Each part is handed the kernel and reads from it what it needs. What is created later is read late.
  const kernel: Wiring = {
    settings,
    environment,
    disposal,
    say,
    alive,
    hidden: signal => gate.hidden(signal)?.then(alive) ?? null,
    emit: emitter.emit,
    notify: () => emitter.emit('change', undefined),
    look: () => schedule.look(),
    bars: () => signOut.bars(),
    restored: () => restored(),
    signOut: (reason, input) => signOut.signOut(reason, input),
    decide() {
      say.decide()
      say.answered()
    },
    get parts() {
      return parts
    },
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
  const session = createSession(environment, settings.refreshAhead, isOwned, change => fanOut(kernel, change))
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
  const refresh = createAsk(kernel)
  const signOut = createSignOut(kernel)
  const { restored, ready } = createRestore(kernel, gate, signIn)
  const bearer = createBearer(settings.scheme)
  const tokens = createTokenSource(kernel)
  const { getAccessToken, peekAccessToken } = createAccessToken(kernel, tokens, bearer)
  const { fetch, forNow } = createAuthorizedFetch(kernel, tokens, bearer)
  const parts: Part[] = [csrf, storage, idle, tabs].filter(part => part !== undefined)

  function alive(): void {
    if (disposed) throw disposed
  }

  async function logout(input?: unknown): Promise<LogoutResult> {
    const wait = kernel.hidden()
    try {
      if (wait) await wait
    } catch {}
    if (disposed) return { revoked: false, error: disposed }
    return signOut.signOut('logout', input)
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
    refresh,
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

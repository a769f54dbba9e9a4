import { createDisposal, type Disposal } from './kernel/abort.ts'
import { createAccessToken } from './kernel/access-token.ts'
import { createAppRefresh } from './kernel/app-refresh.ts'
import { type Backoff, createBackoff } from './kernel/backoff.ts'
import { createBearer } from './kernel/bearer.ts'
import { fanOut } from './kernel/changes.ts'
import { createDecisions, type Decisions } from './kernel/decisions.ts'
import { createEndpoints, type Endpoints } from './kernel/endpoints.ts'
import type { Environment } from './kernel/environment.ts'
import { AuthError } from './kernel/errors.ts'
import { createEmitter, type Events } from './kernel/events.ts'
import { createExchange, type Exchange } from './kernel/exchange.ts'
import type { Kernel } from './kernel/feature.ts'
import { createLoginNote, type LoginNote } from './kernel/login-note.ts'
import { createMarker, type Marker } from './kernel/marker.ts'
import { readOptions } from './kernel/options.ts'
import { pick } from './kernel/own.ts'
import type {
  CookiesPart,
  CsrfPart,
  Exclusive,
  FlowPart,
  IdlePart,
  Part,
  ProofPart,
  StoragePart,
  TabsPart,
  Wake,
} from './kernel/parts.ts'
import { createPrerenderGate, type PrerenderGate } from './kernel/prerender.ts'
import { createRefresher, type Refresher } from './kernel/refresh.ts'
import { register } from './kernel/registry.ts'
import { type AuthorizedFetch, createAuthorizedFetch } from './kernel/request.ts'
import { createRestore, type Restore } from './kernel/restore.ts'
import { createRevocation, type Revocation } from './kernel/revocation.ts'
import { createSchedule, type Schedule } from './kernel/schedule.ts'
import { createServerClock, type ServerClock } from './kernel/server-clock.ts'
import { type Change, createSession, type SessionHolder } from './kernel/session.ts'
import type { Settings } from './kernel/settings.ts'
import { createSignIn, type SignIn } from './kernel/sign-in.ts'
import { createSignOut, type SignOut } from './kernel/sign-out.ts'
import { createQueue } from './kernel/turns.ts'
import { createTokenSource } from './kernel/usable-token.ts'
import { createWireNote, type WireNote } from './kernel/wire-note.ts'
import type { AuthClient, AuthClientOptions } from './types.ts'

// Where to begin reading: a request goes kernel/request.ts → usable-token.ts → refresh.ts → attempt.ts → exchange.ts. A login
// begins in sign-in.ts, a logout in sign-out.ts. What has changed reaches the other tabs by features/tabs/telling.ts, and
// comes in by features/tabs/news.ts.

/** Tests hand in another environment; the public factory hands in the browser's. */
export const createClient = <Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): AuthClient<Claims, User> => assemble<Claims, User>(options, environment).client

/**
 * Puts the kernel and the imported features together. `forNow`: the init that an HTTP client on top of `fetch` uses for all
 * attempts of one call. This file shows all parts and the order in which they are created. It decides nothing.
 */
export function assemble<Claims, User>(
  options: AuthClientOptions<Claims>,
  environment: Environment,
): { client: AuthClient<Claims, User>; forNow: AuthorizedFetch['forNow'] } {
  const emitter = createEmitter<Events<Claims, User>>(environment)
  const { settings, plans } = readOptions(options, environment, event => emitter.emit('log', event))

  // The only class beside the error. A class has a type before its members exist, so each part can be given the whole
  // object without a cast. A part that is created earlier reads the later ones only when it runs.
  class Wiring implements Kernel {
    readonly settings: Settings = settings
    readonly environment: Environment = environment
    readonly disposal: Disposal = createDisposal()
    readonly decisions: Decisions = createDecisions()
    readonly gate: PrerenderGate = createPrerenderGate(this)
    readonly cookies: CookiesPart | undefined = plans.mode?.create(this)
    readonly flow: FlowPart | undefined = plans.flow?.create(this)
    readonly proof: ProofPart | undefined = plans.proof?.create(this)
    readonly csrf: CsrfPart | undefined = plans.csrf?.create(this)
    readonly storage: StoragePart | undefined = plans.storage?.create(this)
    readonly session: SessionHolder = createSession(this)
    readonly marker: Marker = createMarker(this)
    readonly loginNote: LoginNote = createLoginNote(this)
    readonly wireNote: WireNote = createWireNote(this)
    readonly serverClock: ServerClock = createServerClock(environment)
    readonly endpoints: Endpoints = createEndpoints(this)
    readonly tabs: TabsPart | undefined = plans.tabs?.create(this)
    readonly exclusive: Exclusive = this.tabs?.exclusive ?? createQueue()
    readonly backoff: Backoff = createBackoff(this)
    readonly exchange: Exchange = createExchange(this)
    readonly refresher: Refresher = createRefresher(this)
    readonly schedule: Schedule = createSchedule(this)
    readonly revocation: Revocation = createRevocation(this)
    readonly idle: IdlePart | undefined = plans.idle?.create(this)
    readonly signIn: SignIn = createSignIn(this)
    readonly ending: SignOut = createSignOut(this)
    readonly restore: Restore = createRestore(this)
    readonly parts: readonly Part[] = [
      this.revocation,
      this.wireNote,
      this.csrf,
      this.storage,
      this.idle,
      this.tabs,
      this.flow,
      this.proof,
    ].filter(part => part !== undefined)

    readonly emit: Kernel['emit'] = emitter.emit

    changed(change: Change): void {
      fanOut(this, change)
    }

    alive(): void {
      if (this.disposal.reason) throw this.disposal.reason
    }
  }

  const kernel = new Wiring()
  const { disposal, gate, session, parts, refresher, schedule, signIn, ending, restore, idle } = kernel
  const bearer = createBearer(settings.scheme)
  const tokens = createTokenSource(kernel)
  const { getAccessToken, peekAccessToken } = createAccessToken(kernel, tokens, bearer)
  const { fetch, forNow } = createAuthorizedFetch(kernel, tokens, bearer)

  function woke(event: Wake): void {
    for (const part of parts) part.woke?.(event)
    const isOnline = event.type === 'online'
    if (isOnline || (event.type !== 'pagehide' && environment.visible())) refresher.wake(isOnline)
    schedule.look()
  }

  const stopWaking = environment.onWake(woke)
  const stopRestoring =
    environment.page && settings.restore !== 'manual'
      ? environment.onceShown(() => void restore.ready().catch(() => {}))
      : () => {}

  function dispose(): void {
    if (disposal.reason) return
    const reason = new AuthError('disposed', 'The client was disposed: create another one.')
    disposal.abort(reason)
    gate.open()
    stopRestoring()
    stopWaking()
    schedule.look()
    refresher.dispose(reason)
    settings.sending.retire()
    for (const part of parts) part.dispose?.()
    emitter.clear()
  }

  const client: AuthClient<Claims, User> = {
    get session() {
      return session.snapshot
    },
    ready: restore.ready,
    login: signIn.login,
    setTokens: signIn.setTokens,
    refresh: createAppRefresh(kernel),
    logout: ending.logout,
    getAccessToken,
    peekAccessToken,
    touch: () => idle?.act(),
    fetch,
    subscribe: listener => emitter.on('change', () => listener()),
    on: (event, listener, options) => emitter.on(event, listener as never, pick(options, 'signal').signal),
    dispose,
    [Symbol.dispose ?? '@@dispose']: dispose,
  }
  register(client, kernel)
  return { client, forNow }
}

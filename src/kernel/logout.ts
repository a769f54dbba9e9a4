import { within } from './abort.ts'
import { instant, later, remaining } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { LoginNote } from './login-note.ts'
import type { Marker } from './marker.ts'
import { createNote } from './note.ts'
import type { Settings } from './settings.ts'
import type { Refresher } from './refresh.ts'
import type { SessionHolder } from './session.ts'
import type { Rest, Vault } from './storage.ts'
import type { Tabs } from './tabs.ts'
import type { HeldTokens, LogoutResult } from '../types.ts'

type Rested = Promise<Rest | null | undefined> | null

/** Tells the server that a session is over. Until the server has confirmed it, the marker keeps this browser signed out. */
export interface Revocation {
  /**
   * One call for all who ask. `asked`: the app or the user decides it now, so a session that is signed in elsewhere does
   * not count as newer. `rested`: what was in the storage at that moment. `input`: for the app's own endpoint function.
   */
  run(tokens: HeldTokens | null, asked?: boolean, rested?: Rested, input?: unknown): Promise<LogoutResult>
  /** The marker of a logout stands that no server has confirmed yet, and that another page may have made. */
  found(rested: Rested): void
  /** The browser has come online. */
  retrySoon(): void
  /** The page goes away: a logout that still waits for its turn leaves now. */
  leave(): void
  /** The page was kept. */
  back(): void
  /** The app signs in, or asks who is signed in: on a page that did not sign out, the cookie can be of a newer login. */
  doubt(): void
  /** Somebody is signed in. */
  forget(): void
  dispose(): void
}

const RETRY = 1_000
const MAX_RETRY = 15 * 60_000

export function createRevocation(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  endpoints: Endpoints,
  tabs: Tabs,
  refresher: Refresher,
  marker: Marker,
  loginNote: LoginNote,
  vault: Vault,
  /** An explicit `refresh()` is under way: nothing is revoked before its answer. */
  isAsking: () => boolean,
): Revocation {
  const { timeout, log } = settings
  /** When a page that did not sign out itself may retry. */
  const mayRetryAt = environment.page && later(instant(environment), timeout)
  let running: Promise<LogoutResult> | null = null
  let isRunningAsked = false
  /** What the server has not confirmed to be worthless yet. */
  let unrevoked: HeldTokens | null = null
  /** What the app has given to the logout that is not confirmed. */
  let lastInput: unknown
  /** The server would answer that logout in the same way again, so no page repeats it. */
  const pointless = createNote(settings, environment, 'logout-answered')
  /** This page made a logout that is not confirmed, and knows of no login since. */
  let isOurs = false
  let hasAppAsked = false
  let failures = 0
  /** Sends the logout that waits for its turn. */
  let sendNow: (() => Promise<void>) | null = null
  let isLeaving = false
  let cancelRetry = () => {}
  let disposed = false

  function run(
    tokens: HeldTokens | null,
    asked = false,
    rested: Rested = null,
    input: unknown = lastInput,
  ): Promise<LogoutResult> {
    if (running && !tokens && (isRunningAsked || !asked)) return running
    cancelRetry()
    if (asked) {
      isOurs = true
      pointless.remove()
    }
    lastInput = input
    const current = revoke(tokens, asked, rested, input).finally(() => {
      if (running === current) running = null
      if (!running) sendNow = null
    })
    running = current
    isRunningAsked = asked
    return current
  }

  async function revoke(
    tokens: HeldTokens | null,
    asked: boolean,
    rested: Rested,
    input: unknown,
  ): Promise<LogoutResult> {
    if (!settings.endpoints.logout) return { revoked: false }
    // Nobody hears what comes of it: the marker stands, and a page that is loaded later may ask again.
    const send = async () => {
      const known = merge(tokens, await rested)
      if (!session.held) await endpoints.logout(known, new AbortController().signal, input)
    }
    if (asked) {
      sendNow = send
      if (isLeaving) leave()
    }
    const rotated = refresher.busy ? await refresher.settled() : undefined
    return tabs.exclusive(async () => {
      await tabs.catchUp()
      // Somebody has signed in since: the cookie is theirs.
      if (session.held || (!asked && !marker.stands(session.decided))) {
        return { revoked: false, error: new AuthError('superseded', 'Somebody has signed in since.') }
      }
      // Another logout, confirmed meanwhile, has lifted it.
      marker.set(session.decided)
      // A refresh of a tab that had not heard of it yet has put it there.
      const late = vault.exists ? await vault.load() : null
      if (late) vault.drop(session.decided)
      const rest = late && late.lineage <= session.decided ? late : await rested
      const newest = merge(tokens, rest, rotated)
      const sent = () => {
        if (sendNow === send) sendNow = null
      }
      try {
        const wasSent = await within(environment, timeout, tookTooLong, inner =>
          endpoints.logout(newest, inner, input, sent),
        )
        forget()
        if (wasSent) {
          marker.lift()
          loginNote.lift()
          log({ type: 'revoked' })
        }
        return { revoked: wasSent }
      } catch (caught) {
        const error = caught as AuthError
        unrevoked = newest
        log({ type: 'revocation-failed', error })
        if (error.retryable) schedule(error)
        else giveUp()
        return { revoked: false, error }
      }
    })
  }

  /** The newest that is known of the session, with the refresh token that came last. */
  function merge(
    tokens: HeldTokens | null,
    rest: Rest | null | undefined,
    rotated?: string | undefined,
  ): HeldTokens | null {
    const known = tokens ?? unrevoked
    const refreshToken = rotated ?? rest?.refreshToken ?? known?.refreshToken
    const accessToken = known?.accessToken ?? rest?.accessToken ?? ''
    const isAny = accessToken || refreshToken
    return isAny ? { expiresAt: rest?.expiresAt, ...known, accessToken, refreshToken } : null
  }

  function leave(): void {
    isLeaving = true
    void sendNow?.().catch(() => {})
    sendNow = null
  }

  const tookTooLong = (): AuthError =>
    new AuthError('logout_unavailable', `The logout took longer than "timeout", ${timeout} ms.`)

  /** A server that is away is asked less and less often. */
  function schedule(error: AuthError): void {
    const wait = Math.min(MAX_RETRY, RETRY * 2 ** failures++) * (1 - environment.random() / 2)
    retryIn(Math.max(wait, (error.retryAt ?? 0) - environment.now()))
  }

  function retryIn(ms: number): void {
    cancelRetry()
    if (!disposed && environment.page) cancelRetry = environment.timer(retry, Math.max(0, ms))
  }

  /**
   * A page that did not sign out itself may retry where nothing hints at a login by redirect: its document was reached
   * from this origin, and the app has had time to ask who is signed in.
   */
  function retry(): void {
    if (session.snapshot.status !== 'anonymous' || !marker.stands(session.decided)) return
    if (pointless.read() != null) return
    if (isAsking()) {
      retryIn(RETRY)
      return
    }
    if (!isOurs && (hasAppAsked || !isFromHere())) return
    const wait = isOurs ? 0 : untilLater()
    // A timer can ring a little early.
    if (wait > 0) retryIn(Math.ceil(wait))
    else void run(null)
  }

  const untilLater = (): number => (mayRetryAt ? remaining(environment, mayRetryAt) : 0)

  function isFromHere(): boolean {
    const { referrer, origin } = environment.page ?? {}
    return URL.canParse(referrer ?? '') && new URL(referrer as string).origin === origin
  }

  /** The server would answer the same again. */
  function giveUp(): void {
    isOurs = false
    hasAppAsked = true
    pointless.write(Math.floor(environment.now()))
  }

  function forget(): void {
    cancelRetry()
    unrevoked = null
    lastInput = undefined
    sendNow = null
    isOurs = false
    failures = 0
  }

  return {
    run,
    async found(rested) {
      if (isOurs) return void run(null, false, rested)
      const rest = await rested
      // The call names this token, so it cannot end any other session.
      if (rest?.refreshToken) void run(null, false, rested)
      else retry()
    },
    retrySoon: retry,
    leave,
    back() {
      isLeaving = false
    },
    doubt() {
      hasAppAsked = true
    },
    forget,
    dispose() {
      disposed = true
      cancelRetry()
    },
  }
}

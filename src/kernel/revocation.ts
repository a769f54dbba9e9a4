import type { HeldTokens, LogoutResult } from '../types.ts'
import { type Disposal, tookTooLong, within } from './abort.ts'
import type { Decisions } from './decisions.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { AuthError } from './errors.ts'
import type { LoginNote } from './login-note.ts'
import { createLogoutRetries, type Rested } from './logout-retries.ts'
import type { Marker } from './marker.ts'
import type { Exclusive, FlowPart, Part, StoragePart, TabsPart } from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { Rest } from './rest.ts'
import type { SessionHolder } from './session.ts'
import type { Settings } from './settings.ts'
import { takeTurn } from './turns.ts'

/** Tells the server that a session is over. Until the server has confirmed it, the marker keeps this browser signed out. */
export interface Revocation extends Part {
  /** One call for all who ask. */
  run(tokens: HeldTokens | null, how?: How): Promise<LogoutResult>
  /** There is a marker of a logout that no server has confirmed yet. Another page may have set it. */
  found(rested: Rested): void
  /** The app signs in, or asks who is signed in: on a page that did not sign out, the cookie can be of a newer login. */
  doubt(): void
}

export interface How {
  /** The app or the user decides it now, so a session that is signed in elsewhere does not count as newer. */
  readonly asked?: boolean
  /** What was stored at that moment. */
  readonly rested?: Rested | undefined
  /** For the app's own endpoint function. */
  readonly input?: unknown
  /** By the app's own `logout`: the page may leave, to end the session at the authorization server. */
  readonly leaves?: boolean
}

export interface LogoutNeeds {
  readonly settings: Settings
  readonly environment: Environment
  readonly session: SessionHolder
  readonly endpoints: Endpoints
  readonly refresher: Refresher
  readonly marker: Marker
  readonly loginNote: LoginNote
  readonly exclusive: Exclusive
  readonly tabs: TabsPart | undefined
  readonly storage: StoragePart | undefined
  readonly flow: FlowPart | undefined
  /** An explicit `refresh()` is under way: nothing is revoked before its answer. */
  readonly decisions: Pick<Decisions, 'asking'>
  readonly disposal: Pick<Disposal, 'reason'>
}

export function createRevocation(kernel: LogoutNeeds): Revocation {
  const { settings, environment, session, endpoints, marker } = kernel
  const { timeout, log } = settings
  let running: Promise<LogoutResult> | null = null
  let isRunningAsked = false
  /** Tokens of a logout that the server has not confirmed. */
  let unrevoked: HeldTokens | null = null
  /** The `input` of the logout that is not confirmed. */
  let lastInput: unknown
  /** Sends the logout that waits for its turn. */
  let sendNow: (() => Promise<void>) | null = null
  let isLeaving = false
  const retries = createLogoutRetries(kernel, rested => void run(null, { rested }))

  function run(tokens: HeldTokens | null, how: How = {}): Promise<LogoutResult> {
    const { asked = false, input = lastInput } = how
    if (running && !tokens && (isRunningAsked || !asked)) return running
    retries.begin(asked)
    lastInput = input
    const current = revoke(tokens, { ...how, input }).finally(() => {
      if (running === current) running = sendNow = null
    })
    running = current
    isRunningAsked = asked
    return current
  }

  async function revoke(
    tokens: HeldTokens | null,
    { asked = false, rested, input, leaves = false }: How,
  ): Promise<LogoutResult> {
    const flow = leaves ? kernel.flow : undefined
    if (!settings.endpoints.logout && !flow) return { revoked: false }
    // This page does not see the outcome. The marker stays, and a page that is loaded later may send it again.
    const send = async () => {
      const known = merge(tokens, await rested)
      if (!session.held) await endpoints.logout(known, new AbortController().signal, input)
    }
    if (asked) {
      sendNow = send
      if (isLeaving) leave()
    }
    return takeTurn(kernel, async rotated => {
      await kernel.tabs?.catchUp()
      const { epoch } = session.stamp
      // Somebody has signed in since: the cookie belongs to that session.
      if (session.held || (!asked && !marker.stands(epoch))) {
        return { revoked: false, error: new AuthError('superseded', 'Somebody has signed in since.') }
      }
      // Another logout that was confirmed meanwhile has removed the marker.
      marker.set(epoch)
      // A tab that had not heard of the logout may have stored a refreshed token.
      const late = await kernel.storage?.load()
      if (late) kernel.storage?.drop(epoch)
      const newest = merge(tokens, late && late.lineage <= epoch ? late : await rested, rotated)
      const sent = () => {
        if (sendNow === send) sendNow = null
      }
      return sendLogout(newest, input, sent, flow)
    })
  }

  async function sendLogout(
    tokens: HeldTokens | null,
    input: unknown,
    sent: () => void,
    flow: FlowPart | undefined,
  ): Promise<LogoutResult> {
    const late = () => tookTooLong('logout_unavailable', timeout)
    try {
      const wasSent = await within(environment, timeout, late, inner =>
        endpoints.logout(tokens, inner, input, sent),
      )
      forget()
      // The marker is kept until a page comes back from there.
      if (await flow?.leaves(tokens, wasSent)) return { revoked: wasSent }
      if (wasSent) {
        log({ type: 'revoked' })
        if (!(await kernel.flow?.keepsSession())) {
          marker.lift()
          kernel.loginNote.lift()
        }
      }
      return { revoked: wasSent }
    } catch (caught) {
      const error = caught as AuthError
      unrevoked = tokens
      log({ type: 'revocation-failed', error })
      const { status, body, retryable } = error
      // A server that does not revoke for this client has a session of its own to end. A page is a firewall's.
      const isRefused = [400, 401, 403].includes(status ?? 0) && typeof body !== 'string'
      const mayLeave = !retryable || isRefused
      if (!mayLeave || !(await flow?.leaves(tokens, status !== undefined))) retries.failed(error)
      return { revoked: false, error }
    }
  }

  /** The newest known tokens of the session, with the refresh token that came last. */
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

  function forget(): void {
    retries.forget()
    unrevoked = null
    lastInput = undefined
  }

  return {
    run,
    found: retries.found,
    doubt: retries.doubt,
    changed({ type }) {
      if (type === 'commit') forget()
    },
    woke({ type }) {
      if (type === 'online') retries.retry()
      if (type === 'pagehide') leave()
      if (type === 'pageshow') isLeaving = false
    },
    dispose: retries.dispose,
  }
}

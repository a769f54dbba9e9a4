import { unlessAborted } from './abort.ts'
import { remaining } from './clock.ts'
import type { Environment } from './environment.ts'
import { AuthError, unavailable } from './errors.ts'
import { type Held, isDue, isExpired } from './held.ts'
import { isSameIdentity, type Owner } from './identity.ts'
import type { IdlePart } from './parts.ts'
import type { Refresher } from './refresh.ts'
import type { Restore } from './restore.ts'
import type { ServerClock } from './server-clock.ts'
import type { SessionHolder } from './session.ts'

/** Which token may be used now, and what a call waits for if there is none. */
export interface TokenSource {
  /**
   * The token to send with; `null` if nobody is signed in; `undefined` if the caller has to wait. Starts a refresh if
   * one is due soon.
   */
  ready(): Held | null | undefined
  /** The same for a caller that does not wait: starts the refresh that a request would wait for. */
  peek(): Held | null
  /**
   * The token to send with, refreshed first if that is due; `null` if nobody is signed in. `refused`: a token of the
   * owner that a server has refused; `null` then means that the session ended while the call waited.
   */
  usable(
    signal?: AbortSignal | null,
    minValidity?: number,
    owner?: Owner,
    refused?: string | null,
  ): Promise<Held | null>
  /** Refreshes, unless another valid token has replaced the refused one already. */
  renewed(sent: Held, signal?: AbortSignal | null): Promise<void>
}

interface Needs {
  readonly environment: Environment
  readonly session: SessionHolder
  readonly refresher: Pick<Refresher, 'run' | 'limited'>
  readonly serverClock: Pick<ServerClock, 'refused'>
  readonly idle: Pick<IdlePart, 'isOver' | 'judged'> | undefined
  /** @throws AuthError `disposed` */
  alive(): void
  readonly restore: Pick<Restore, 'restored'>
}

export function createTokenSource(kernel: Needs): TokenSource {
  const { environment, session, refresher } = kernel

  const isOver = (): boolean => session.held !== null && isExpired(environment, session.held)
  const isShort = (ms: number): boolean =>
    session.held !== null && isDue(environment, session.held, Math.max(session.held.margin, ms))
  const mustRestore = (): boolean => session.snapshot.status === 'unknown' && environment.page !== null
  const refresh = (): Promise<AuthError | null> => refresher.run(isOver() ? 'dead' : 'ahead')

  function ready(): Held | null | undefined {
    kernel.alive()
    const { held } = session
    if (!held) return mustRestore() ? undefined : null
    if (kernel.idle?.isOver()) return undefined
    const { expires, margin, ahead } = held
    if (!expires) return held
    const left = remaining(environment, expires)
    if (left <= margin) return undefined
    // Browsers throttle timers in hidden tabs, so a request starts the refresh too.
    if (left <= ahead) void refresher.run('ahead')
    return held
  }

  function peek(): Held | null {
    const token = ready()
    if (!token && session.held && !kernel.idle?.isOver()) void refresh()
    return token ?? null
  }

  async function usable(
    signal?: AbortSignal | null,
    minValidity = 0,
    owner: Owner = session.owner,
    refused?: string | null,
  ): Promise<Held | null> {
    kernel.alive()
    signal?.throwIfAborted()
    const isRefused = () => session.held !== null && session.held.accessToken === refused
    const { identity } = session
    const wasTheirs = identity && owner.identity && isSameIdentity(identity, owner.identity)
    await unlessAborted(Promise.resolve(kernel.idle?.judged()), signal)
    do {
      if (mustRestore()) await restored(signal)
      if (isRefused()) await replaceDead(signal)
      if (isRefused()) throw unavailable('The server returned the refused token again.')
      if (isShort(minValidity)) {
        await replaceShort(signal)
        // The machine may have slept while the answer was on its way, so the new token may have expired already.
        if (isShort(0)) await replaceShort(signal)
        if (isOver()) throw unavailable('Even a new token has expired: see its lifetime.')
      } else ready()
      // Meanwhile the page may have been in the back/forward cache.
    } while (mustRestore())
    if (refused != null && wasTheirs && !session.held) return null
    return belonging(session.held, owner)
  }

  async function restored(signal?: AbortSignal | null): Promise<void> {
    for (let tries = 0; mustRestore(); tries++) {
      if (tries === 2) throw unavailable('The session is not restored yet.')
      raise(await unlessAborted(kernel.restore.restored(), signal))
    }
  }

  async function replaceShort(signal?: AbortSignal | null): Promise<void> {
    const error = await unlessAborted(refresh(), signal)
    // The refresh was refused: the held token stays usable until it expires.
    if (error?.code !== 'refresh_rejected' || isOver()) raise(error)
  }

  /** Refreshes: the held token was refused, or has expired. */
  async function replaceDead(signal?: AbortSignal | null): Promise<void> {
    if (!isOver()) kernel.serverClock.refused(session.held?.exp)
    raise(await unlessAborted(refresher.run('dead'), signal))
  }

  return {
    ready,
    peek,
    usable,
    async renewed(sent, signal) {
      await restored(signal)
      if (refresher.limited || (session.held !== sent && !isOver())) return
      await replaceDead(signal)
      await restored(signal)
    },
  }
}

/** The token (or session) if it belongs to the owner of the request. */
export function belonging<T extends Owner>(token: T | null, { identity }: Owner): T | null {
  if (identity === null) return token
  if (!token) throw new AuthError('no_session', 'The session ended before the request was sent.')
  if (token.identity && isSameIdentity(token.identity, identity)) return token
  throw new AuthError('user_changed', 'Another user signed in before the request was sent.')
}

function raise(error: AuthError | null): void {
  if (error) throw error
}

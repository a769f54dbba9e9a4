import { type Disposal, within } from './abort.ts'
import { instant } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import { isAuthError } from './errors.ts'
import type { Settings } from './options.ts'
import type { SessionHolder } from './session.ts'
import type { Rest, Vault } from './storage.ts'
import type { Tabs } from './tabs.ts'
import { parseToken } from './token.ts'
import type { LogoutReason } from './types.ts'

/** What of the session rests in the app's storage, and how a session goes on from there. */
export interface Resting {
  /** Lets the storage have what it takes to go on after a page load. */
  save(): void
  /** The session is over. */
  drop(reason: LogoutReason, told: boolean): void
  /**
   * Under the lock: takes up what rested while no page was open, or what another tab has put there since. In a storage
   * of this tab alone it can be the copy that a duplicated tab brought along: who owns the lineage goes on with it. Or it
   * belongs to another client of this document, which is followed. Settles with `false` where the storage cannot be read
   * now, and holds what is needed.
   */
  recover(): Promise<boolean>
  /** Another tab has stored, for a session of its own, the token that was just used up: the next one takes its place. */
  succeed(spent: string, refreshToken: string): Promise<void>
}

export function createResting(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  tabs: Tabs,
  endpoints: Endpoints,
  vault: Vault,
  disposal: Disposal,
): Resting {
  /** What rests is what another client refreshes with, maybe one of this document. */
  let isOthers = false

  function save(): void {
    const { held, tokens, generation, lineage, decided } = session
    if (!vault.exists) return
    isOthers &&= session.isFollower
    if (settings.accessOnly) {
      if (held) vault.save({ accessToken: held.accessToken, expiresAt: held.expires?.wall, lineage: decided })
    } else if (tokens?.refreshToken) {
      vault.save({ refreshToken: tokens.refreshToken, lineage: lineage ?? decided, serial: generation })
    } else if (!vault.shared) {
      // Of the session that is followed there may be a copy from before a reload: `recover` decides about that.
      vault.drop(lineage === null ? generation : lineage - 1)
    }
  }

  async function succeed(spent: string, refreshToken: string): Promise<void> {
    const found = vault.exists ? await vault.load() : null
    if (found?.refreshToken === spent) vault.save({ ...found, refreshToken })
  }

  async function recover(): Promise<boolean> {
    const { tokens, lineage, decided } = session
    if (lineage !== null && tokens?.refreshToken) {
      // A copy that was taken up may turn out to be an old one: the browser tells its tabs late what others have stored.
      const found = vault.exists ? await vault.load() : undefined
      const isOurs = found !== null && (await tabs.own(lineage)) === 'this client'
      if (disposal.signal.aborted) return true
      if (!isOurs) session.resume(undefined, lineage)
      // Without locks another client of this document has refreshed with it.
      else if (found?.refreshToken && found.lineage === lineage) session.resume(found.refreshToken, lineage)
      return true
    }
    if (!vault.exists) return true
    const found = await vault.load(settings.accessOnly ? undefined : () => session.expected)
    if (disposal.signal.aborted) return true
    if (found === undefined) return tokens?.refreshToken !== undefined
    if (found) session.see(0, found.lineage)
    if (settings.accessOnly) {
      if (found && !session.held) await goOnWith(found)
    } else if (vault.shared) {
      // A tab that had not heard of the newest login may have written last.
      const isCurrent = found !== null && found.lineage >= decided
      if (isCurrent || !tokens?.refreshToken) session.resume(isCurrent ? found.refreshToken : undefined, null)
      else save()
    } else if (found?.refreshToken) {
      const isOlder = session.held && lineage !== found.lineage
      const owner = isOlder ? 'another tab' : await tabs.own(found.lineage)
      if (disposal.signal.aborted) return true
      isOthers = owner === 'another client'
      if (isOthers) {
        session.resume(undefined, found.lineage)
        return true
      }
      const isOurs = owner === 'this client'
      settings.log({ type: 'storage-read', outcome: isOurs ? 'resumed' : 'dropped' })
      if (isOurs) session.resume(found.refreshToken, found.lineage)
      else vault.drop(found.lineage)
    }
    return true
  }

  /** A token that renews itself is all there is: while it lives nobody has to be asked. */
  async function goOnWith({ accessToken, expiresAt, lineage }: Rest): Promise<void> {
    // Its end is by this machine's clock: what the token says of its beginning is by another.
    const left = expiresAt === undefined ? undefined : expiresAt - environment.now()
    if (left !== undefined && left <= 0) return vault.drop(lineage)
    const { version } = session
    try {
      const set = { accessToken: accessToken as string, expiresIn: left && left / 1000 }
      const parsed = parseToken(set, { sentAt: instant(environment), adopted: left === undefined })
      const complete = (inner: AbortSignal) => endpoints.complete(parsed, undefined, inner)
      const token = await within(environment, settings.timeout / 2, null, complete, disposal.signal)
      // Whoever signed in or out meanwhile has decided.
      if (session.version === version) session.commit(token, 'restore')
    } catch (error) {
      // Not what the app's schema takes for claims.
      if (isAuthError(error) && error.code === 'malformed_response') vault.drop(lineage)
    }
  }

  return {
    save,
    drop(reason, told) {
      const isDecision = reason === 'logout' || reason === 'idle'
      // Whoever refreshes with it is answered for itself.
      if (isOthers && !isDecision && reason !== 'other-tab') return
      vault.drop(Math.max(session.generation, session.decided), isDecision && !told)
    },
    recover,
    succeed,
  }
}

import { instant } from './clock.ts'
import type { Endpoints } from './endpoints.ts'
import type { Environment } from './environment.ts'
import type { Settings } from './options.ts'
import type { SessionHolder } from './session.ts'
import type { Rest, Vault } from './storage.ts'
import type { Tabs } from './tabs.ts'
import { parseToken } from './token.ts'

/** What of the session rests in the app's storage, and how a session goes on from there. */
export interface Resting {
  /** Lets the storage have what it takes to go on after a page load. */
  save(): void
  drop(): void
  /**
   * Under the lock: takes up what rested while no page was open, or what another tab has put there since. In a storage
   * of this tab alone it can be the copy that a duplicated tab brought along: who owns the lineage goes on with it.
   */
  recover(): Promise<void>
}

export function createResting(
  settings: Settings,
  environment: Environment,
  session: SessionHolder,
  tabs: Tabs,
  endpoints: Endpoints,
  vault: Vault,
  signal: AbortSignal,
): Resting {
  function save(): void {
    const { held, tokens, generation, lineage, decided } = session
    if (!vault.exists) return
    if (settings.sliding) {
      if (held) vault.save({ accessToken: held.accessToken, expiresAt: held.expires?.wall, lineage: decided })
    } else if (tokens?.refreshToken) {
      vault.save({ refreshToken: tokens.refreshToken, lineage: lineage ?? decided })
    } else if (!vault.shared) {
      // Of the session that is followed there may be a copy from before a reload: `recover` decides about that.
      vault.drop(lineage === null ? generation : lineage - 1)
    }
  }

  async function recover(): Promise<void> {
    const { tokens, lineage } = session
    if (lineage !== null && tokens?.refreshToken) {
      if (!(await tabs.own(lineage))) session.resume(undefined, lineage)
      return
    }
    if (!vault.exists) return
    const found = await vault.load()
    if (found) session.see(0, found.lineage)
    if (vault.shared && !settings.sliding) session.resume(found?.refreshToken, null)
    else if (found?.accessToken && !session.held) await goOnWith(found.accessToken, found)
    else if (found?.refreshToken) {
      const isOurs = !session.held || lineage === found.lineage
      if (isOurs && (await tabs.own(found.lineage))) session.resume(found.refreshToken, found.lineage)
      else vault.drop(found.lineage)
    }
  }

  /** A token that renews itself is all there is: while it lives nobody has to be asked. */
  async function goOnWith(accessToken: string, { expiresAt, lineage }: Rest): Promise<void> {
    // Its end is by this machine's clock: what the token says of its beginning is by another.
    const left = expiresAt === undefined ? undefined : expiresAt - environment.now()
    if (left !== undefined && left <= 0) return vault.drop(lineage)
    try {
      const set = { accessToken, expiresIn: left && left / 1000 }
      const token = parseToken(set, { sentAt: instant(environment), adopted: true })
      session.commit(await endpoints.complete(token, undefined, signal), 'restore')
    } catch {
      vault.drop(lineage) // not what the app's schema takes for claims
    }
  }

  return {
    save,
    drop() {
      if (vault.exists) vault.drop(Math.max(session.generation, session.decided))
    },
    recover,
  }
}

import type { HeldTokens } from '../types.ts'
import { within } from './abort.ts'
import { threw } from './callback.ts'
import type { Environment } from './environment.ts'
import type { FlowPart } from './parts.ts'
import type { Settings } from './settings.ts'

/** The session that an authorization server has of its own: a page has to leave for it to end. */
export interface Elsewhere {
  /** Does the page leave? `isReached`: the server has answered just now. A flow that throws, or hangs while this tab has the lock, does not count as leaving. */
  leaves(flow: FlowPart | undefined, tokens: HeldTokens | null, isReached: boolean): Promise<boolean>
  /** Can that session sign the user in again? If it cannot be asked, it can. */
  hasSession(): Promise<boolean>
}

interface Needs {
  readonly settings: Pick<Settings, 'timeout' | 'log'>
  readonly environment: Environment
  readonly flow: FlowPart | undefined
}

export function createElsewhere({ settings, environment, flow: own }: Needs): Elsewhere {
  const { timeout, log } = settings

  return {
    async leaves(flow, tokens, isReached) {
      if (!flow) return false
      try {
        return await within(environment, timeout, null, async signal =>
          flow.leave(tokens, { signal, isReached }),
        )
      } catch (error) {
        threw(log, 'flow', error)
        return false
      }
    },
    hasSession: async () => (await own?.hasSession?.().catch(() => true)) ?? false,
  }
}

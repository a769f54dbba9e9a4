import { instant } from '../kernel/clock.ts'
import type { Kernel } from '../kernel/feature.ts'
import { kernelOf } from '../kernel/registry.ts'
import type { Client } from './record.ts'

/** The token counts as expired on this machine, as after a long sleep: the next request waits for a refresh. */
export function expireToken(auth: Client): string {
  const kernel = kernelOf(auth)
  const { held } = kernel?.session ?? {}
  if (!kernel || !held) return 'No token is held here.'
  Object.assign(held, { expires: instant(kernel.environment) })
  return 'The token has expired. The next request waits for a refresh.'
}

/**
 * Forgets all tokens in memory, and restores the session as after a reload: from the cookie, the storage or another tab.
 */
export async function forgetMemory(auth: Client): Promise<string> {
  const kernel: Kernel | undefined = kernelOf(auth)
  if (!kernel) return 'This client is of another copy of the package.'
  kernel.session.suspend()
  kernel.session.resume(undefined, null)
  const error = await kernel.restore.restored()
  const found =
    auth.session.status === 'authenticated' ? 'The session was restored.' : 'No session was restored.'
  return error ? `${found} ${error.message}` : found
}

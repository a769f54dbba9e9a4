import type { Abortable, Session } from '../types.ts'
import { unlessAborted } from './abort.ts'
import type { Environment } from './environment.ts'
import type { AuthError } from './errors.ts'
import { pick } from './own.ts'
import type { FlowPart } from './parts.ts'
import type { PrerenderGate } from './prerender.ts'
import type { Refresher } from './refresh.ts'
import type { SessionHolder } from './session.ts'

/** Finds out, after the page has loaded, whether somebody is signed in. */
export interface Restore {
  /**
   * Joins the restore under way, or starts one (the first, or another after a failed one). Settles at once if it is
   * known who is signed in.
   */
  restored(): Promise<AuthError | null>
  ready(options?: Abortable): Promise<Session<any, any>>
}

interface Needs {
  readonly environment: Environment
  readonly session: SessionHolder
  readonly refresher: Pick<Refresher, 'run'>
  readonly flow: FlowPart | undefined
  readonly gate: Pick<PrerenderGate, 'hidden'>
  alive(): void
}

export function createRestore(kernel: Needs): Restore {
  const { environment, session, refresher } = kernel
  kernel.flow?.resumed()
  let first: Promise<AuthError | null> | null = null

  function isOpen(): boolean {
    const arrival = kernel.flow?.arrival()
    const isWanted = session.snapshot.status === 'unknown' || arrival === 'due'
    return isWanted && environment.page !== null && arrival !== 'none'
  }

  function restored(): Promise<AuthError | null> {
    if (!isOpen()) return Promise.resolve(null)
    return kernel.gate.hidden()?.then(restored) ?? kernel.flow?.arrive(restored) ?? refresher.run('dead')
  }

  return {
    restored,
    async ready(options) {
      const { signal } = pick(options, 'signal')
      kernel.alive()
      signal?.throwIfAborted()
      first ??= restored()
      await unlessAborted(first, signal)
      kernel.alive()
      return session.snapshot
    },
  }
}

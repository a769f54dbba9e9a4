import { type Disposal, unlessAborted } from './abort.ts'
import type { Environment } from './environment.ts'

/**
 * While the page is prerendered, nothing begins before it is shown. Locks would wait and timeouts would run, and the
 * user may never see the page.
 */
export interface PrerenderGate {
  /** Settles when the page is shown, or rejects with the signal's reason; `null`: it is shown already. */
  hidden(signal?: AbortSignal | null): Promise<void> | null
  /** Ends the wait: the client is disposed. */
  open(): void
}

interface Needs {
  readonly environment: Environment
  readonly disposal: Disposal
  alive(): void
}

export function createPrerenderGate(kernel: Needs): PrerenderGate {
  let shown: Promise<void> | null = null
  let open = () => {}
  if (kernel.environment.prerendering()) {
    shown = new Promise(resolve => {
      open = () => {
        stopWaiting()
        shown = null
        resolve()
      }
      const stopWaiting = kernel.environment.onceShown(open)
    })
  }
  return {
    // What was called first goes on first: each takes as many steps.
    hidden: signal =>
      shown && unlessAborted(shown, signal ?? kernel.disposal.signal).then(() => kernel.alive()),
    open: () => open(),
  }
}

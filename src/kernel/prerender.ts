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

export function createPrerenderGate(environment: Environment, disposal: Disposal): PrerenderGate {
  let shown: Promise<void> | null = null
  let open = () => {}
  if (environment.prerendering()) {
    shown = new Promise(resolve => {
      open = () => {
        stopWaiting()
        shown = null
        resolve()
      }
      const stopWaiting = environment.onceShown(open)
    })
  }
  return {
    // Every caller waits for the same number of promise steps, so the first caller goes on first.
    hidden: signal => shown && unlessAborted(shown, signal ?? disposal.signal),
    open: () => open(),
  }
}

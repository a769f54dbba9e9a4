import { type Environment, onPageLife } from '../kernel/environment.ts'
import type { NetworkEvent, PageEvent } from './events.ts'

type Needs = Pick<Environment, 'page' | 'online' | 'visible' | 'onPageLife'>

/**
 * Calls `heard` with each change of the page and of its network, and with all that is unusual now. Returns a function that ends
 * this. It explains many questions about a session: in a hidden page timers ring late, and an offline one refreshes nothing.
 */
export function watchPageLife(
  environment: Needs,
  heard: (event: NetworkEvent | PageEvent) => void,
): () => void {
  const page = (state: PageEvent['state']): void => heard({ type: 'page', state })
  const look = (): void => page(environment.visible() ? 'visible' : 'hidden')
  const network = (state: NetworkEvent['state']): void => heard({ type: 'network', state })

  const stop = (environment.onPageLife ?? onPageLife)(({ type, persisted = false }) => {
    if (type === 'online' || type === 'offline') network(type)
    if (type === 'visibilitychange') look()
    if (type === 'freeze') page('frozen')
    if (type === 'resume') page('resumed')
    if (type === 'pagehide') page(persisted ? 'kept' : 'left')
    // The first load shows a page too.
    if (type === 'pageshow' && persisted) page('back')
  })
  if (!environment.online()) network('offline')
  // A worker is never in sight.
  if (!environment.page?.isWorker && !environment.visible()) look()
  return stop
}

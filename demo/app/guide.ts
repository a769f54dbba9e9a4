import { byId, create } from './dom.ts'
import { onEntry } from './timeline/feed.ts'
import type { Auth } from './types.ts'

/** Ticks off what the visitor has seen. */
export function mountGuide(auth: Auth): void {
  const list = byId('guide', HTMLOListElement)

  function done(step: string): void {
    const item = list.querySelector<HTMLElement>(`[data-step="${step}"]`)
    if (!item || item.dataset.done) return
    item.dataset.done = 'yes'
    item.append(create('span', { className: 'unseen' }, ' Done.'))
  }

  auth.on('login', () => done('login'))
  auth.on('refresh', () => done('refresh'))
  auth.on('refreshError', () => done('outage'))
  onEntry(({ kind }) => {
    if (kind === 'replay') done('replay')
  })
  byId('second-tab', HTMLAnchorElement).addEventListener('click', () => done('tabs'))
  if (auth.session.status === 'authenticated') done('login')
}

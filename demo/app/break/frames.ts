import { create } from '../dom.ts'
import type { ContestantName, Tab } from './tab.ts'

/** A tab as seen from this page. */
export interface OpenTab extends Tab {
  close(): void
}

/**
 * To a client, a frame is the same as a browser tab: a document of this origin with a memory of its own. All of them share the
 * cookies, the locks and the channels.
 */
export async function openTab(client: ContestantName, base: string): Promise<OpenTab> {
  const frame = create('iframe', {
    hidden: true,
    title: `A tab of ${client}`,
    src: `break/tab.html?${new URLSearchParams({ client, base })}`,
  })
  const loaded = new Promise(resolve => frame.addEventListener('load', resolve, { once: true }))
  document.body.append(frame)
  await loaded
  const tab = frame.contentWindow?.tab
  if (!tab) {
    frame.remove()
    throw new Error('A frame of this page could not be loaded')
  }
  return { ...tab, close: () => frame.remove() }
}

import { type Entry, isEntry } from '../../../src/devtools/timeline/entries.ts'
import { HERE, onEntry } from './feed.ts'

const NAME = 'silent-refresh-demo'
/** What a tab tells a new one of its past. */
const MEMORY = 500

export interface OtherTabs {
  entry(entry: Entry): void
  opened(lane: string): void
  closed(lane: string): void
}

/** The demo's own channel between its tabs: each tells the others what it sees. */
export function listenToOtherTabs({ entry, opened, closed }: OtherTabs): void {
  let channel: BroadcastChannel | null = null
  const past: Entry[] = []

  onEntry(mine => {
    past.push(mine)
    if (past.length > MEMORY) past.shift()
    channel?.postMessage({ type: 'entries', lane: HERE, entries: [mine] })
  })

  function open(): void {
    channel ??= new BroadcastChannel(NAME)
    channel.onmessage = ({ data }) => read(data)
    channel.postMessage({ type: 'hello', lane: HERE, entries: past })
  }

  function read(message: { type?: unknown; lane?: unknown; entries?: unknown } | null): void {
    if (typeof message?.lane !== 'string') return
    const { type, lane } = message
    if (type === 'bye') {
      closed(lane)
      return
    }
    opened(lane)
    for (const told of Array.isArray(message.entries) ? message.entries : []) if (isEntry(told)) entry(told)
    if (type === 'hello') channel?.postMessage({ type: 'entries', lane: HERE, entries: past })
  }

  // An open channel keeps a page out of the browser's back-forward cache.
  addEventListener('pagehide', () => {
    channel?.postMessage({ type: 'bye', lane: HERE })
    channel?.close()
    channel = null
  })
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) open()
  })
  open()
}

import { type Entry, SERVER } from '../../../src/devtools/timeline/entries.ts'
import type { Config, FaultState } from '../server.ts'

interface Arrival {
  id: string
  at: number
  answeredAt: number | null
  method: string
  path: string
  status: number | null
  note: string
}

export type ServerState = Pick<Config, 'mode' | 'accessTtl' | 'grace'>

/** Called with what holds now, and again with each change, whoever has made it. */
export interface ServerListener {
  config(state: ServerState): void
  faults(state: FaultState): void
}

/**
 * What the server tells of itself. Listened to while the page is visible only: a browser has few connections for one
 * server, and each tab would hold one of them. The server begins with what it told before.
 */
export function listenToServer(entry: (entry: Entry) => void, { config, faults }: ServerListener): void {
  let source: EventSource | null = null

  function listen(): void {
    source?.close()
    source = null
    if (document.hidden) return
    source = new EventSource('/demo/events')
    source.addEventListener('request', ({ data }) => {
      for (const told of toEntries(JSON.parse(data))) entry(told)
    })
    source.addEventListener('config', ({ data }) => config(JSON.parse(data)))
    source.addEventListener('faults', ({ data }) => faults(JSON.parse(data)))
  }

  document.addEventListener('visibilitychange', listen)
  addEventListener('pagehide', () => source?.close())
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) listen()
  })
  listen()
}

export function toEntries({ id, at, answeredAt, method, path, status, note }: Arrival): Entry[] {
  const sent: Entry = { kind: 'sent', lane: SERVER, at, id, method, path }
  if (answeredAt === null) return [sent]
  return [sent, { kind: 'answered', lane: SERVER, at: answeredAt, id, status: status ?? 0, note }]
}

import { base, call } from '../server.ts'

/** What reached a lane's server. */
export interface Counters {
  refreshes: number
  requests: number
  refused: number
}

/** An auth server for one client that is compared: the same code, and nothing shared with the others. */
export interface Lane {
  /** With a slash at the end. */
  readonly base: string
  sleep(seconds: number): Promise<void>
  setFaults(faults: object): Promise<void>
  revokeAccess(): Promise<void>
  counters(): Promise<Counters>
  clearCounters(): Promise<void>
  close(): Promise<void>
}

export async function openLane(settings: { accessTtl: number; grace: number }): Promise<Lane> {
  const { id } = await call<{ id: string }>('lanes', 'POST', settings)
  const path = `lanes/${id}`
  return {
    base: new URL(`${path}/`, base).href,
    sleep: seconds => call(`${path}/sleep`, 'POST', { seconds }),
    setFaults: faults => call(`${path}/faults`, 'POST', faults),
    revokeAccess: () => call(`${path}/revoke-access`, 'POST'),
    counters: () => call(`${path}/counters`, 'GET'),
    clearCounters: () => call(`${path}/counters`, 'DELETE'),
    close: () => call(path, 'DELETE'),
  }
}

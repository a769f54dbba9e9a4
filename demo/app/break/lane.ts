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

async function call<T>(path: string, method: string, body?: object): Promise<T> {
  const response = await fetch(path, {
    method,
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const answer = response.status === 204 ? undefined : await response.json()
  if (!response.ok) throw new Error(answer?.message ?? `The server answered with ${response.status}`)
  return answer
}

export async function openLane(settings: { accessTtl: number; grace: number }): Promise<Lane> {
  const { id } = await call<{ id: string }>('/lanes', 'POST', settings)
  const path = `/lanes/${id}`
  return {
    base: `${path}/`,
    sleep: seconds => call(`${path}/sleep`, 'POST', { seconds }),
    setFaults: faults => call(`${path}/faults`, 'POST', faults),
    revokeAccess: () => call(`${path}/revoke-access`, 'POST'),
    counters: () => call(`${path}/counters`, 'GET'),
    clearCounters: () => call(`${path}/counters`, 'DELETE'),
    close: () => call(path, 'DELETE'),
  }
}

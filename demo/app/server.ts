/** The demo server's own switches, open to everybody: a real server has none of this. */

/** How the server carries its tokens: `npm run demo -- --mode cookie`. `oauth`: users log in at the provider. */
export type Mode = 'bearer' | 'cookie' | 'body' | 'sliding' | 'oauth'

export interface Config {
  mode: Mode
  accessTtl: number
  grace: number
  credentials: { email: string; password: string; name: string }[]
  /** Must each request prove the key that its token is bound to? `npm run demo -- --dpop` */
  dpop?: true
  /** The authorization server, if the demo was started with one. */
  provider?: { issuer: string; clientId: string; resource: string }
}

export interface FaultState {
  refresh: string
  api: string
  offline: boolean
  /** How many more requests fail; null: all of them. */
  count: number | null
}

export interface LogEntry {
  method: string
  path: string
  note: string
}

async function call<T>(path: string, body?: object): Promise<T> {
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`/demo/${path}`, body ? post : {})
  const answer = response.status === 204 ? undefined : await response.json()
  if (!response.ok) throw new Error(answer?.message ?? `The server answered with ${response.status}`)
  return answer
}

export const readConfig = (): Promise<Config> => call('config')
export const changeConfig = (change: Partial<Config>): Promise<Config> => call('config', change)
export const readFaults = (): Promise<FaultState> => call('faults')
export const setFaults = (faults: FaultState): Promise<FaultState> => call('faults', faults)
export const readLog = (): Promise<LogEntry[]> => call('log')
export const revokeAccess = (): Promise<void> => call('revoke-access', {})
export const revokeAll = (): Promise<void> => call('revoke-all', {})
export const rotateKey = (): Promise<void> => call('rotate-key', {})

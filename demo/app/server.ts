/**
 * Everything that this page asks of the demo server. Most of it are the demo's own switches, open to everybody: a real
 * server has none of them. All addresses are relative to the page, so that the page can be put under any path.
 */

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

/** A request as the server has seen it. */
export interface Arrival {
  id: string
  method: string
  path: string
  /** `null`: not answered yet. */
  status: number | null
}

export type ServerState = Pick<Config, 'mode' | 'accessTtl' | 'grace'>

/** Called with the current state, and again with each change from this page or another. */
export interface ServerListener {
  config(state: ServerState): void
  faults(state: FaultState): void
  /** When it has arrived, and again when it was answered. */
  request(arrival: Arrival): void
}

/** The folder of the page, with a slash at the end. */
export const base: string = new URL('.', document.baseURI).href

const address = (path: string): string => new URL(path, base).href

/** For the requests of the client, `auth.fetch`. */
export const api: Record<'items' | 'echo' | 'revoke' | 'steal', string> = {
  items: address('api/items'),
  echo: address('api/echo'),
  /** Revokes the access token that the request carries. */
  revoke: address('demo/mine/revoke'),
  /** Plays the thief of the session's refresh token. */
  steal: address('demo/mine/steal'),
}

export async function call<T>(path: string, method: string, body?: object): Promise<T> {
  const response = await fetch(address(path), {
    method,
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const answer = response.status === 204 ? undefined : await response.json()
  if (!response.ok) throw new Error(answer?.message ?? `The server answered with ${response.status}`)
  return answer
}

export const readConfig = (): Promise<Config> => call('demo/config', 'GET')
export const changeConfig = (change: Partial<Config>): Promise<Config> => call('demo/config', 'POST', change)
export const readFaults = (): Promise<FaultState> => call('demo/faults', 'GET')
export const setFaults = (faults: FaultState): Promise<FaultState> => call('demo/faults', 'POST', faults)
export const readLog = (): Promise<LogEntry[]> => call('demo/log', 'GET')
export const revokeAccess = (): Promise<void> => call('demo/revoke-access', 'POST')
export const revokeAll = (): Promise<void> => call('demo/revoke-all', 'POST')
export const rotateKey = (): Promise<void> => call('demo/rotate-key', 'POST')

/**
 * The events of the server. Listened to while the page is visible only: a browser has few connections for one
 * server, and each tab would hold one of them. The server begins with what it told before.
 */
export function listen({ config, faults, request }: ServerListener): void {
  let source: EventSource | null = null

  function look(): void {
    source?.close()
    source = null
    if (document.hidden) return
    source = new EventSource(address('demo/events'))
    source.addEventListener('request', ({ data }) => request(JSON.parse(data)))
    source.addEventListener('config', ({ data }) => config(JSON.parse(data)))
    source.addEventListener('faults', ({ data }) => faults(JSON.parse(data)))
  }

  document.addEventListener('visibilitychange', look)
  addEventListener('pagehide', () => source?.close())
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) look()
  })
  look()
}

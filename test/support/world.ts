import { getResponse } from 'msw'
import { afterEach } from 'vitest'
import { createClient } from '../../src/client.ts'
import type { Environment } from '../../src/environment.ts'
import type { AuthClient, AuthClientOptions, AuthEventMap, JwtClaims, LogEvent } from '../../src/types.ts'
import { createClock, type VirtualClock } from './clock.ts'
import { type AuthServer, type AuthServerOptions, createAuthServer, ORIGIN } from './server.ts'

const worlds: World[] = []

afterEach(() => {
  for (const world of worlds.splice(0)) world.client.dispose()
})

export interface WorldOptions {
  server?: AuthServerOptions
  options?: AuthClientOptions<any>
  /** Milliseconds that the client's wall clock is ahead of the server's. */
  skew?: number
  /** `Math.random()`, or what it always is. */
  random?: number | (() => number)
  /** Shares the browser (cookies, storage, network, time) with another world: a reload, or a second tab. */
  browser?: World
  page?: Environment['page']
}

export interface World {
  client: AuthClient<JwtClaims, any>
  clock: VirtualClock
  server: AuthServer
  storage: Map<string, string>
  environment: Environment
  /** Every event in its order, as [name, detail]. */
  events: [name: string, detail: any][]
  logs: LogEvent[]
  reported: unknown[]
  online: boolean
  /** Tells the page that something happened: `online`, `focus`, `visibilitychange`, … */
  wake(type: string): void
  /** How many wake listeners are registered. */
  readonly listeners: number
  /** Lets everything that does not wait for time or for a held answer run. */
  settle(): Promise<void>
  /** How many events of this name. */
  count(name: keyof AuthEventMap): number
  /** Signed in as this user by `login`. */
  login(user?: string): Promise<void>
}

/** A client in a browser over a server, all on virtual time; the network between them is MSW. */
export function createWorld(given: WorldOptions = {}): World {
  const { browser } = given
  let inFlight = 0
  let wakeUps: ((event: { type: string }) => void)[] = []

  async function settle() {
    for (let calm = 0; calm < 4; ) {
      await new Promise(resolve => setImmediate(resolve))
      calm = inFlight <= server.held ? calm + 1 : 0
    }
  }
  const clock = browser?.clock ?? createClock(() => world.settle(), given.skew)
  const server = browser?.server ?? createAuthServer(() => clock.time, given.server)
  const storage = browser?.storage ?? new Map<string, string>()

  /** MSW answers without patching a global; an abort ends the wait, as the platform's fetch would. */
  function answer(request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(request.signal.reason)
      if (request.signal.aborted) return abort()
      request.signal.addEventListener('abort', abort, { once: true })
      const none = () => new TypeError('fetch failed')
      getResponse(server.handlers, request)
        .then(
          response => (response?.type === 'error' ? reject(none()) : resolve(response as Response)),
          reject,
        )
        .finally(() => request.signal.removeEventListener('abort', abort))
    })
  }

  const environment: Environment = {
    page: given.page === undefined ? { href: `${ORIGIN}/app`, origin: ORIGIN } : given.page,
    baseURI: () => (environment.page ? environment.page.href : undefined),
    now: clock.now,
    monotonic: clock.monotonic,
    timer: clock.timer,
    random: () => (typeof given.random === 'function' ? given.random() : (given.random ?? 0.5)),
    report: error => world.reported.push(error),
    online: () => world.online,
    async fetch(input, init) {
      const request = new Request(input, init)
      if (!world.online) throw new TypeError('fetch failed')
      if (server.jar.cookie) request.headers.set('cookie', server.jar.cookie)
      inFlight++
      try {
        const response = await answer(request)
        const cookie = response.headers.get('x-set-cookie')
        if (cookie !== null) server.jar.cookie = cookie || null
        return response
      } finally {
        inFlight--
      }
    },
    onWake(callback) {
      wakeUps.push(callback)
      return () => {
        wakeUps = wakeUps.filter(other => other !== callback)
      }
    },
    onceShown: callback => clock.timer(callback, 0),
    localStorage: () => ({
      getItem: key => storage.get(key) ?? null,
      setItem: (key, value) => void storage.set(key, value),
      removeItem: key => void storage.delete(key),
    }),
  }

  const world: World = {
    clock,
    server,
    storage,
    environment,
    events: [],
    logs: [],
    reported: [],
    online: true,
    wake(type) {
      for (const callback of [...wakeUps]) callback({ type })
    },
    get listeners() {
      return wakeUps.length
    },
    settle,
    count: name => world.events.filter(([other]) => other === name).length,
    async login(user = 'ada') {
      await world.client.login({ email: user, password: 'right' })
    },
    client: undefined as never,
  }
  world.client = createClient<JwtClaims, any>(
    { restore: 'manual', logger: event => world.logs.push(event), ...given.options },
    environment,
  )
  for (const name of ['login', 'logout', 'refresh', 'refreshError', 'userChange'] as const) {
    world.client.on(name, detail => world.events.push([name, detail]))
  }
  worlds.push(world)
  return world
}

/** A world in which ada is signed in. */
export async function signedIn(given: WorldOptions = {}): Promise<World> {
  const world = createWorld(given)
  await world.login()
  await world.settle()
  world.server.calls.length = 0
  world.events.length = 0
  return world
}

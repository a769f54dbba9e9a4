import { getResponse } from 'msw'
import { afterEach } from 'vitest'
import { createClient } from '../../src/client.ts'
import { shareTabs } from '../../src/core.ts'
import type { Channel, Environment } from '../../src/kernel/environment.ts'
import { type ChannelHub, createChannelHub } from '../../src/testing/channel.ts'
import { createClock, type VirtualClock } from '../../src/testing/clock.ts'
import { createLockHub, type Deliver, type LockHub, type Locks } from '../../src/testing/locks.ts'
import type { AuthClient, AuthClientOptions, AuthEventMap, JwtClaims, LogEvent } from '../../src/types.ts'
import { type AuthServer, type AuthServerOptions, createAuthServer, ORIGIN } from './server.ts'

const worlds = new Set<World>()

afterEach(() => {
  for (const world of worlds) world.client.dispose()
  worlds.clear()
})

/** What the tabs of one browser share beside cookies, storage and time. */
export interface Browser {
  locks: LockHub
  channels: ChannelHub
  /** Grants, messages and answers that are still on their way between the tabs and the browser. */
  pending: number
  /** Requests that no answer has come for. */
  inFlight: number
  tabs: number
  /** Told of what other tabs write to localStorage. */
  storageListeners: Set<{ clientId: string; notify: () => void }>
}

export interface WorldOptions {
  server?: AuthServerOptions
  options?: AuthClientOptions<any>
  /** Milliseconds that the client's wall clock is ahead of the server's. */
  skew?: number
  /** `Math.random()`, or what it always is. */
  random?: number | (() => number)
  /** Shares the browser (cookies, storage, network, time) with another world: a reload, or a second tab. */
  browser?: World
  /** The page that this tab had before: its sessionStorage is still there. Its browser is this world's too. */
  before?: World
  /** Shares the document, too: a second client on the page of that world, to which the browser gives the same locks. */
  tab?: World
  page?: Environment['page']
  windows?: Environment['windows']
  keyStore?: Environment['keyStore']
  /** Nobody sees the page before `show()`. */
  prerendered?: boolean
  /** `false`: the browser has none; `'throws'`: it has, and refuses every use; `'blind'`: the query alone. */
  locks?: boolean | 'throws' | 'blind'
  channel?: boolean | 'throws'
  /**
   * How everything arrives that goes between a tab and its browser: locks, messages, requests and their answers. By
   * default in the next task. Given one, the server is called directly, without MSW.
   */
  deliver?: Deliver
}

export interface World {
  client: AuthClient<JwtClaims, any>
  clock: VirtualClock
  server: AuthServer
  storage: Map<string, string>
  /** Of this tab alone. */
  sessionStorage: Map<string, string>
  environment: Environment
  /** Every event in its order, as [name, detail]. */
  events: [name: string, detail: any][]
  logs: LogEvent[]
  reported: unknown[]
  online: boolean
  /** What the tabs share; of this world alone where it was given no other one as its `browser`. */
  shared: Browser
  /** The tab's own name among the holders of locks. */
  readonly clientId: string
  visible: boolean
  /** What `document.cookie` says. */
  cookies: string
  readonly frozen: boolean
  readonly closed: boolean
  shown: boolean
  /** A prerendered page is shown. */
  show(): void
  /** The user presses a key. */
  act(): void
  /** Tells the page that something happened: `online`, `focus`, `visibilitychange`, … */
  wake(type: string, persisted?: boolean): void
  /** The tab is gone, and all that was its own; what it has sent goes on, and cookies that are answered are kept. */
  close(): void
  /** No task of the tab runs: timers, answers, grants and messages wait. */
  freeze(): void
  /** `resume`, and then all that has waited, in its order. */
  thaw(): void
  /** How many wake listeners are registered. */
  readonly listeners: number
  /** Lets everything that does not wait for time or for a held answer run. */
  settle(): Promise<void>
  /** How many events of this name. */
  count(name: keyof AuthEventMap): number
  /** Signed in as this user by `login`. */
  login(user?: string): Promise<void>
}

const storageOf = (kept: Map<string, string>, changed = () => {}) => ({
  getItem: (key: string) => kept.get(key) ?? null,
  setItem(key: string, value: string) {
    kept.set(key, value)
    changed()
  },
  removeItem(key: string) {
    if (kept.delete(key)) changed()
  },
})

const EVENTS = [
  'login',
  'logout',
  'refresh',
  'refreshError',
  'userChange',
  'idleWarning',
  'loginError',
  'challenge',
] as const

/** A client in a browser over a server, all on virtual time; the network between them is MSW. */
export function createWorld(given: WorldOptions = {}): World {
  const { before, tab: document, browser = before ?? document } = given
  let wakeUps: ((event: { type: string; persisted?: boolean }) => void)[] = []
  const shared: Browser = browser?.shared ?? {
    locks: createLockHub(),
    channels: createChannelHub(),
    pending: 0,
    inFlight: 0,
    tabs: 0,
    storageListeners: new Set(),
  }
  const clientId = document?.clientId ?? `tab ${++shared.tabs}`

  async function settle() {
    for (let calm = 0; calm < 4; ) {
      await new Promise(resolve => setImmediate(resolve))
      calm = shared.inFlight <= server.held && shared.pending === 0 ? calm + 1 : 0
    }
  }
  const deliver: Deliver =
    given.deliver ??
    (task => {
      shared.pending++
      setImmediate(() => {
        shared.pending--
        task()
      })
    })

  let state: 'running' | 'frozen' | 'thawing' | 'closed' = 'running'
  const backlog: (() => void)[] = []
  const activity = new Set<() => void>()
  const showings = new Set<() => void>()
  const undoTimers = new Set<() => void>()
  const channels = new Set<Channel>()
  let hearsStorage = 0

  /** Every task of the tab begins here. */
  function enter(task: () => void): void {
    if (state === 'running') task()
    else if (state !== 'closed') backlog.push(task)
  }
  const tell: Deliver = (task, label) => deliver(() => enter(task), label)
  const tab = shared.locks.open(clientId, tell, given.deliver)

  /** One task after the other: what comes meanwhile queues behind. */
  function catchUp(): void {
    if (state !== 'thawing') return
    const task = backlog.shift()
    if (!task) {
      state = 'running'
      return
    }
    task()
    deliver(catchUp, `${clientId} catches up`)
  }

  /** One that rings at once is a task like any other; of the rest the virtual clock says when. */
  function timer(callback: () => void, ms: number, isTask = ms <= 0): () => void {
    let live = true
    const end = () => {
      live = false
      undoTimers.delete(undo)
    }
    const ring = () => {
      if (!live) return
      end()
      callback()
    }
    const stop = isTask ? tell(ring, `${clientId}: a timer rings`) : clock.timer(() => enter(ring), ms)
    const undo = () => {
      end()
      stop?.()
    }
    undoTimers.add(undo)
    return undo
  }

  const refuse = () => {
    throw new DOMException('Denied', 'SecurityError')
  }
  const deniedLocks: Locks = { request: async () => refuse(), query: async () => refuse() }
  const clock = browser?.clock ?? createClock(() => world.settle(), given.skew)
  const server = browser?.server ?? createAuthServer(() => clock.time, given.server)
  const storage = browser?.storage ?? new Map<string, string>()
  const sessionStorage = (before ?? document)?.sessionStorage ?? new Map<string, string>()

  function hop(label: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason)
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      deliver(() => {
        signal.removeEventListener('abort', abort)
        resolve()
      }, label)
    })
  }

  /** MSW answers without patching a global; an abort ends the wait, as the platform's fetch would. */
  function answer(request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(request.signal.reason)
      if (request.signal.aborted) return abort()
      request.signal.addEventListener('abort', abort, { once: true })
      const none = () => new TypeError('fetch failed')
      const asked = given.deliver ? server.handle(request) : getResponse(server.handlers, request)
      asked
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
    timer: (callback, ms) => timer(callback, ms),
    random: () => (typeof given.random === 'function' ? given.random() : (given.random ?? 0.5)),
    report: error => world.reported.push(error),
    inZone: callback => callback,
    online: () => world.online,
    async fetch(input, init) {
      if (state === 'closed') return new Promise(() => {})
      const request = new Request(input, init)
      if (!world.online) throw new TypeError('fetch failed')
      const isOwn = new URL(request.url).origin === environment.page?.origin
      const carries = request.credentials === 'include' || (request.credentials === 'same-origin' && isOwn)
      if (carries || !environment.page) {
        if (server.jar.cookie) request.headers.set('cookie', server.jar.cookie)
        if (server.jar.access) request.headers.set('x-access-cookie', server.jar.access)
      }
      shared.inFlight++
      let response: Response
      try {
        if (given.deliver) await hop(`${clientId}: ${request.method} ${request.url} arrives`, request.signal)
        response = await answer(request)
        if (given.deliver)
          await hop(`${clientId}: ${request.method} ${request.url} is answered`, request.signal)
        // The cookie jar is the browser's: the tab may be gone by now.
        for (const [header, name] of [
          ['x-set-cookie', 'cookie'],
          ['x-set-access', 'access'],
        ] as const) {
          const value = response.headers.get(header)
          if (carries && value !== null) server.jar[name] = value || null
        }
      } finally {
        shared.inFlight--
        if (state !== 'running') await new Promise<void>(resolve => enter(resolve))
      }
      return response
    },
    firstFetch: (input, init) => environment.fetch(input, init),
    onWake(callback) {
      wakeUps.push(callback)
      return () => {
        wakeUps = wakeUps.filter(other => other !== callback)
      }
    },
    onPageLife: callback => environment.onWake(callback),
    prerendering: () => !world.shown,
    onceShown(callback) {
      if (world.shown) return timer(callback, 0, false)
      showings.add(callback)
      return () => void showings.delete(callback)
    },
    locks() {
      if (given.locks === 'blind') return { request: tab.locks.request, query: deniedLocks.query }
      return given.locks === 'throws' ? deniedLocks : given.locks === false ? undefined : tab.locks
    },
    channel(name) {
      if (given.channel === false) throw new ReferenceError('BroadcastChannel is not defined')
      if (given.channel === 'throws') refuse()
      const channel = shared.channels.open(name, tell, environment.report)
      channels.add(channel)
      return channel
    },
    visible: () => world.visible,
    onActivity(callback) {
      activity.add(callback)
      return () => void activity.delete(callback)
    },
    onStorage(callback) {
      const notify = () => tell(callback, `${clientId}: a storage event`)
      const listener = { clientId, notify }
      shared.storageListeners.add(listener)
      hearsStorage++
      return () => {
        if (shared.storageListeners.delete(listener)) hearsStorage--
      }
    },
    ...(given.windows && { windows: given.windows }),
    ...(given.keyStore && { keyStore: given.keyStore }),
    cookies: () => world.cookies,
    localStorage: () =>
      storageOf(storage, () => {
        for (const other of shared.storageListeners) if (other.clientId !== clientId) other.notify()
      }),
    sessionStorage: () => storageOf(sessionStorage),
  }

  const world: World = {
    clock,
    server,
    storage,
    sessionStorage,
    environment,
    events: [],
    logs: [],
    reported: [],
    online: true,
    cookies: '',
    shared,
    clientId,
    visible: true,
    get frozen() {
      return state === 'frozen'
    },
    get closed() {
      return state === 'closed'
    },
    shown: given.prerendered !== true,
    show() {
      world.shown = true
      for (const callback of [...showings]) callback()
      showings.clear()
    },
    act() {
      for (const callback of [...activity]) callback()
    },
    wake(type, persisted) {
      const event = { type, ...(persisted !== undefined && { persisted }) }
      for (const callback of [...wakeUps]) callback(event)
    },
    close() {
      state = 'closed'
      backlog.length = 0
      wakeUps = []
      for (const undo of [...undoTimers]) undo()
      for (const channel of channels) channel.close()
      for (const listener of shared.storageListeners) {
        if (listener.clientId === clientId) shared.storageListeners.delete(listener)
      }
      tab.close()
      worlds.delete(world)
    },
    freeze() {
      if (state === 'running' || state === 'thawing') state = 'frozen'
    },
    thaw() {
      if (state !== 'frozen') return
      state = 'thawing'
      world.wake('resume')
      deliver(catchUp, `${clientId} thaws`)
    },
    get listeners() {
      return wakeUps.length + activity.size + showings.size + hearsStorage
    },
    settle,
    count: name => world.events.filter(([other]) => other === name).length,
    async login(user = 'ada') {
      await world.client.login({ email: user, password: 'right' })
    },
    client: undefined as never,
  }
  world.client = createClient<JwtClaims, any>(
    { restore: 'manual', tabs: shareTabs(), logger: event => world.logs.push(event), ...given.options },
    environment,
  )
  for (const name of EVENTS) world.client.on(name, detail => world.events.push([name, detail]))
  worlds.add(world)
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

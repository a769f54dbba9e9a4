import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { isAuthError } from '../src/kernel/errors.ts'
import type { LogEvent, TokenStorage } from '../src/types.ts'
import { type Outcome, watch } from './support/outcome.ts'
import { CUT_PASSWORD, HALF_PASSWORD, LOST_PASSWORD, ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

// C11: the tabs of one browser over one server with single-use refresh tokens. Every lock grant and query, every
// message, every request and every answer arrives when fast-check says so, and localStorage lags between the tabs.
// INTERLEAVINGS=<runs per property> and SEED=<number> override; a failure prints seed, path and the schedule.

const SECOND = 1_000
const LIFETIME = 300
const TIMEOUT = 10 * SECOND
const LOCK_WAIT = 2 * TIMEOUT + 2 * SECOND
/** No promise takes longer: a refresh under way, then the lock, then the call itself. */
const BOUND = 2 * TIMEOUT + 2 * LOCK_WAIT + TIMEOUT + SECOND
const RUNS = Number(process.env.INTERLEAVINGS ?? 2_300)
const LONG = process.env.PATIENT ? 3_600_000 : 300_000
/** Thaws, late answers and the like come to rest within so many deliveries, or never. */
const MANY = 3_000

type Action =
  | { type: 'request' | 'ready' | 'refresh' | 'logout' | 'close' | 'freeze' | 'thaw' | 'hide'; tab: number }
  | { type: 'login' | 'half'; tab: number; user: string }
  /** `bare`: for whom the tab shows already, without a refresh token. */
  | { type: 'setTokens'; tab: number; user: string; bare: boolean }
  | { type: 'interrupt'; tab: number; password: string }
  | { type: 'abort'; tab: number }
  /** Somebody signs in on a page of the server's; `asks`: the page that this leads back to calls `refresh()`. */
  | { type: 'redirect'; tab: number; user: string; asks: boolean }
  /** An app's own call: from now on the user is in the other organisation. */
  | { type: 'switch'; user: string }
  | { type: 'bfcache' | 'reload' | 'duplicate'; tab: number }
  | { type: 'open' | 'revoke' | 'lose' }
  | { type: 'advance'; ms: number; calm: boolean }
  | { type: 'sleep'; ms: number }
type Step = Action & { deliveries: number }

interface Program {
  tabs: number
  start: 'cold' | 'warm' | 'anonymous'
  grace: number
  /** Where the refresh token is: in a cookie, in one tab's hands, in a storage of each tab, in one of all tabs. */
  keeping: 'cookie' | 'memory' | 'own' | 'shared'
  /** Is a user of another organisation another one to the app? */
  tenants: boolean
  steps: Step[]
}

interface Tab {
  readonly world: World
  /** A refresh on the wire, since when. */
  wire: number | null
  loggingIn: number
  /** How many log events were looked at. */
  read: number
  generation: number
  signedIn: boolean
  /** Whom it shows, or knew last while it is unknown. */
  user: string | null
  /** When it last learned by itself who is signed in: by a login, or by tokens that it was given. */
  decided: number
  /** When the server was asked for the newest session that it has taken. */
  asked: number
  /** The app asked who is signed in, and nobody was: that holds for this tab alone. */
  refused: boolean
  /** Not before it was thawed do bounds count. */
  since: number
  /** In the back/forward cache. */
  kept: boolean
  /** What it sees of localStorage. */
  readonly seen: Map<string, string>
  /** Its sessionStorage. */
  readonly own: Map<string, string>
}

interface Promised {
  readonly tab: Tab
  readonly name: string
  readonly at: number
  readonly outcome: Outcome<unknown>
  /** Ends it, where the caller can. */
  readonly abort: AbortController
}

const mapStorage = (map: Map<string, string>): TokenStorage => ({
  get: key => map.get(key),
  set: (key, value) => map.set(key, value),
  remove: key => map.delete(key),
})

const idle = () => new Promise<void>(resolve => setImmediate(resolve))

/** What a token says of itself, to the model. */
interface Claims {
  readonly sub: string
  readonly tenant: string
  /** When the server was asked for it. */
  readonly asked: number
}

const claimsOf = (bearer: string): Claims =>
  JSON.parse(Buffer.from(bearer.split('.')[1]!, 'base64url').toString())

/** Signs in only where the outcome of the login cannot be known. */
const UNINVITED = 'eve'

function createStage(scheduler: fc.Scheduler, { grace, keeping, tenants }: Program) {
  const tabs: Tab[] = []
  const promised: Promised[] = []
  const violations: string[] = []
  const truth = new Map<string, string>()
  /** What localStorage is to an app's own storage: the same for all tabs, at once. */
  const common = new Map<string, string>()
  const inCookie = keeping === 'cookie'
  /** The network is stuck, whatever else arrives. */
  let stuck = false
  const parked: (() => void)[] = []
  /** A refresh whose answer nobody got, or that a dead or frozen tab left on the wire: its token may come twice. */
  let torn = false
  /** What was stored and is not seen by every tab yet. */
  let unseen = 0
  let requests = 0
  /** Whom a request was made for, by its number; `null`: nobody; missing: the first whom its tab learns of. */
  const owners = new Map<string, string | null>()
  const nameless = new Map<string, Tab>()
  /** When the app got the tokens that it hands in. */
  let handedIn: number | null = null
  const organisations = new Map<string, string>()
  /** The server, or the jar, has come to stand for somebody whom no tab has been told of. */
  let unasked = false
  /** When an app last asked who is signed in, and when a login was last sent that can remain without an outcome. */
  let asked = Number.NEGATIVE_INFINITY
  let interrupted = 0
  /** An outcome of it came all the same. */
  let known = false
  /** An answer that signs nobody in has just come, to a browser that was like this. */
  let before: string | null = null

  const live = () => tabs.filter(({ world }) => !world.closed)
  const awake = () => live().filter(({ world }) => !world.frozen)
  const [first] = [open()]
  const { clock, server } = first.world
  clock.settle = async () => {
    await idle()
    await drain()
  }

  function schedule(task: () => void, label: string): void {
    const run = () => {
      const isNetwork = / (GET|POST) /.test(label)
      if (stuck && isNetwork) parked.push(() => schedule(task, label))
      else {
        if (isNetwork) clock.tick(1)
        task()
      }
    }
    void scheduler.schedule(Promise.resolve(), label).then(run)
  }

  function violate(what: string): void {
    violations.push(what)
  }

  function open(own = new Map<string, string>()): Tab {
    const lead = tabs[0]?.world
    const tab: Tab = {
      world: undefined as never,
      wire: null,
      loggingIn: 0,
      read: 0,
      generation: 0,
      signedIn: false,
      user: null,
      decided: -1,
      asked: -1,
      refused: false,
      since: 0,
      kept: false,
      seen: new Map(truth),
      own,
    }
    const world = createWorld({
      server: { lifetime: LIFETIME, grace, carrier: inCookie ? 'cookie' : 'body', claims },
      deliver: schedule,
      options: {
        fetch: (input, init) => send(tab, new Request(input, init)),
        timeout: TIMEOUT,
        sessionKey: 's',
        logger: event => log(tab, event),
        ...(tenants && { identity: ({ claims }) => identityOf(claims as Claims) }),
        ...(keeping === 'own' && { storage: tokenStorage(mapStorage(own)) }),
        ...(keeping === 'shared' && { storage: tokenStorage({ ...mapStorage(common), shared: true }) }),
      },
      ...(lead && { browser: lead }),
    })
    Object.assign(tab, { world, since: world.clock.monotonic() })
    const { seen } = tab
    world.environment.localStorage = () => ({
      getItem: key => seen.get(key) ?? null,
      setItem: (key, value) => write(tab, key, value),
      removeItem: key => write(tab, key, null),
    })
    tabs.push(tab)
    return tab
  }

  function write(writer: Tab, key: string, value: string | null): void {
    const put = (map: Map<string, string>, now: string | null) => {
      if (now === null) map.delete(key)
      else map.set(key, now)
    }
    // A login that leaves before its tab can see the note of another one takes the place of that note.
    if (key.includes(':login-sent:') && truth.get(key) !== writer.seen.get(key)) known = true
    put(writer.seen, value)
    put(truth, value)
    for (const other of live()) {
      if (other === writer) continue
      const label = `${other.world.clientId} sees what ${writer.world.clientId} stored`
      unseen++
      schedule(() => {
        unseen--
        put(other.seen, truth.get(key) ?? null)
      }, label)
    }
  }

  function claims(given: Record<string, unknown>): Record<string, unknown> {
    const asked = handedIn ?? Number(server.calls.at(-1)?.headers.get('x-asked') ?? clock.time)
    return { ...given, tenant: organisations.get(given.sub as string) ?? 'home', asked }
  }

  function identityOf({ sub, tenant }: Claims): string {
    return tenants ? `${sub} of ${tenant}` : sub
  }

  /** Whom a tab shows. */
  function shownBy({ world }: Tab): string | null {
    const { session } = world.client
    return session.status === 'authenticated' ? identityOf(session.claims as never) : null
  }

  /** Told in the very moment of a change. */
  function log(tab: Tab, event: LogEvent): void {
    tab.world.logs.push(event)
    if (event.type === 'signed-out') tab.user = null
    if (event.type !== 'signed-in' && event.type !== 'refreshed') return
    const user = shownBy(tab) as string
    tab.refused = false
    const { claims } = tab.world.client.session as unknown as { claims: Claims }
    tab.asked = Math.max(tab.asked, claims.asked)
    if (event.cause === 'login' || event.cause === 'tokens') tab.decided = clock.monotonic()
    if (user.startsWith(UNINVITED)) {
      known ||= event.cause === 'login' || asked > interrupted - BOUND
      if (!known) violate(`${tab.world.clientId} shows ${user}, whose login had no outcome`)
    }
    tab.user = user
    for (const [n, owner] of nameless) {
      if (owner !== tab) continue
      owners.set(n, user)
      nameless.delete(n)
    }
  }

  /** Watches what leaves the tab. */
  async function send(tab: Tab, request: Request): Promise<Response> {
    const { world } = tab
    const { pathname, searchParams } = new URL(request.url)
    const bearer = request.headers.get('authorization')
    const { session } = world.client
    if (pathname === '/items') {
      const user = bearer && identityOf(claimsOf(bearer))
      const owner = owners.get(searchParams.get('n')!)
      if (bearer && session.status !== 'authenticated')
        violate(`${world.clientId} sends a bearer while ${session.status}`)
      else if (bearer && shownBy(tab) !== user) violate(`${world.clientId} sends the bearer of ${user}`)
      if (owner !== undefined && owner !== user) violate(`a request of ${owner} was sent as ${user}`)
    } else request.headers.set('x-asked', `${clock.time}`)
    // Whoever goes on without a frozen tab whose login is on the wire cannot know which of the two comes first.
    if (pathname !== '/items' && tabs.some(other => other.loggingIn > 0 && other.world.frozen)) torn = true
    if (pathname === '/login') tab.loggingIn++
    if (pathname !== '/refresh_token') {
      const answer = world.environment.fetch(request).finally(() => {
        if (pathname === '/login') tab.loggingIn--
      })
      const { status } = await answer
      if (pathname === '/login' && status === 202) before = whoIsWho()
      return answer
    }

    for (const other of tabs) {
      if (other.wire === null) continue
      const excused = other.world.closed || other.world.frozen || clock.monotonic() - other.wire >= LOCK_WAIT
      if (excused) torn = true
      else violate(`${world.clientId} and ${other.world.clientId} refresh at once`)
    }
    tab.wire = clock.monotonic()
    try {
      return await world.environment.fetch(request)
    } catch (error) {
      torn = true
      throw error
    } finally {
      tab.wire = null
    }
  }

  function promise(tab: Tab, name: string, make: (signal: AbortSignal) => Promise<unknown>): void {
    const abort = new AbortController()
    promised.push({ tab, name, at: clock.monotonic(), outcome: watch(make(abort.signal)), abort })
  }

  function login(tab: Tab, name: string, email: string, password: string): void {
    promise(tab, name, signal => tab.world.client.login({ email, password }, { signal }))
  }

  /** An explicit `refresh()`. */
  function ask(tab: Tab): void {
    const { client } = tab.world
    const [wasSignedIn, at, since] = [shownBy(tab) !== null, clock.time, clock.monotonic()]
    asked = since
    promise(tab, 'refresh', async () => {
      try {
        await client.refresh()
        // What was decided elsewhere since then may have taken the place of the answer.
        if (!wasSignedIn && tab.asked < at && tab.decided < since)
          violate(`${tab.world.clientId} takes a session from before its refresh()`)
      } catch (error) {
        if (isAuthError(error) && error.code === 'no_session' && !wasSignedIn) tab.refused = true
        throw error
      }
    })
  }

  /** All that an answer which signs nobody in must leave as it is. */
  const whoIsWho = (): string =>
    JSON.stringify([
      live().map(({ world }) => world.client.session),
      [...truth].filter(([key]) => key.includes('signed-out')),
      server.holder,
    ])

  async function deliver(): Promise<void> {
    await scheduler.waitNext(1)
    await idle()
    if (before !== null && before !== whoIsWho())
      violate(`a login that signs nobody in changes ${before} to ${whoIsWho()}`)
    before = null
  }

  async function drain(): Promise<void> {
    for (let n = 0; scheduler.count() > 0; n++) {
      if (n > MANY) return violate('no end of deliveries')
      await deliver()
    }
  }

  async function act(action: Action): Promise<void> {
    // No two decisions fall into one millisecond: a generation is a moment.
    clock.tick(1)
    if ('tab' in action) {
      const all = action.type === 'thaw' ? live() : awake()
      const tab = all[action.tab % Math.max(1, all.length)]
      if (!tab) return
      const { world } = tab
      const { client } = world
      switch (action.type) {
        case 'request': {
          const n = `${requests++}`
          if (client.session.status === 'unknown' && tab.user === null) nameless.set(n, tab)
          else owners.set(n, tab.user)
          return promise(tab, 'request', () => client.fetch(`${ORIGIN}/items?n=${n}`))
        }
        case 'ready':
          return promise(tab, 'ready', () => client.ready())
        case 'refresh':
          return ask(tab)
        case 'login':
          return login(tab, 'login', action.user, 'right')
        case 'half':
          return login(tab, 'half', action.user, HALF_PASSWORD)
        case 'interrupt':
          interrupted = clock.monotonic()
          unasked = true
          known &&= live().some(other => other.user?.startsWith(UNINVITED))
          return login(tab, 'interrupt', UNINVITED, action.password)
        case 'abort':
          for (const { tab: other, abort } of promised) if (other === tab) abort.abort()
          return
        case 'setTokens': {
          const isBare = action.bare && client.session.status === 'authenticated'
          const user = isBare ? shownBy(tab)!.split(' ')[0]! : action.user
          const opened = isBare ? undefined : server.seed(user)
          handedIn = clock.time
          const { token } = server.issueAccess(user)
          handedIn = null
          // An answer on the wire may yet put another cookie in its place.
          unasked = true
          const refreshToken = inCookie ? undefined : opened
          return promise(tab, 'setTokens', () => client.setTokens({ accessToken: token, refreshToken }))
        }
        case 'redirect': {
          if (!inCookie) return
          server.seed(action.user)
          unasked = true
          if (tab.wire !== null || tab.loggingIn > 0) torn = true
          world.close()
          const landed = open(tab.own)
          if (action.asks) ask(landed)
          return
        }
        case 'logout':
          promise(tab, 'logout', () => client.logout())
          if (client.session.status !== 'anonymous') violate('logout leaves the session standing')
          return
        case 'close':
          if (awake().length < 2) return
          // Whatever the server makes of it reaches the jar, and no tab.
          if (tab.wire !== null || tab.loggingIn > 0 || (unseen > 0 && keeping === 'own')) torn = true
          return world.close()
        case 'reload':
          // A copy of its storage may outlive it in a tab that has not seen yet that it is an old one.
          if (tab.wire !== null || tab.loggingIn > 0 || unseen > 0) torn = true
          world.close()
          open(tab.own)
          return
        case 'duplicate':
          if (live().length < 4) open(new Map(tab.own))
          return
        case 'freeze':
          return world.freeze()
        case 'bfcache':
          tab.kept = true
          world.wake('pagehide', true)
          return world.freeze()
        case 'thaw':
          return thaw(tab)
        case 'hide':
          world.visible = !world.visible
          return world.wake('visibilitychange')
      }
    }
    switch (action.type) {
      case 'open':
        if (live().length < 4) open()
        return
      case 'switch':
        organisations.set(action.user, organisations.get(action.user) === 'other' ? 'home' : 'other')
        unasked = true
        return
      case 'revoke':
        return server.revokeAccess()
      case 'lose':
        return server.lose('POST /refresh_token')
      case 'sleep':
        return clock.sleep(action.ms)
      case 'advance':
        stuck = !action.calm
        await clock.advance(action.ms)
        stuck = false
        for (const again of parked.splice(0)) again()
    }
  }

  function thaw(tab: Tab): void {
    if (!tab.world.frozen) return
    clock.tick(1)
    tab.since = clock.monotonic()
    tab.world.thaw()
    if (!tab.kept) return
    look()
    Object.assign(tab, { kept: false, generation: 0 })
    tab.world.wake('pageshow', true)
  }

  /** What must hold at any time. */
  function look(): void {
    for (const tab of tabs) {
      const { world } = tab
      for (const event of world.logs.slice(tab.read)) {
        if (event.type === 'signed-in' || event.type === 'refreshed' || event.type === 'signed-out') {
          // Of a login and a logout in the same millisecond the logout wins.
          // Nor does a decision elsewhere count more than a refresh here that came before it was heard of.
          const mayTie = event.type === 'signed-out' || event.cause === 'other-tab'
          const isNewer = event.generation - tab.generation >= (mayTie ? 0 : 1)
          if (!isNewer) violate(`${world.clientId} goes back from ${tab.generation} to ${event.generation}`)
          tab.generation = event.generation
        }
      }
      tab.read = world.logs.length
      for (const [name, detail] of world.events.splice(0)) {
        if (name === 'logout' && !tab.signedIn) violate(`${world.clientId} logs out twice: ${detail.reason}`)
        if (name === 'login') tab.signedIn = true
        if (name === 'logout') tab.signedIn = false
      }
      if (world.reported.length > 0) violate(`reported: ${world.reported}`)
    }
    for (const { tab, name, at, outcome } of promised) {
      const { world } = tab
      if (outcome.state !== 'pending' || world.closed || world.frozen) continue
      const age = clock.monotonic() - Math.max(at, tab.since)
      if (age > BOUND) violate(`${world.clientId}: ${name} is pending after ${age} ms`)
    }
    for (const { tab, name, outcome } of promised) {
      if (name === 'half' && outcome.state === 'fulfilled')
        violate(`${tab.world.clientId} signs in by half a login`)
    }
    if (server.reuses > 0 && !torn) violate('a refresh token was sent twice')
    if (violations.length > 0) throw new Error(violations.join('\n'))
  }

  /** Everything arrives, every promise has its time, and then the tabs agree with each other and with the jar. */
  async function end(): Promise<void> {
    for (const tab of live()) thaw(tab)
    await idle()
    await drain()
    await clock.advance(BOUND + SECOND)
    await drain()
    look()
    for (const { tab, name, outcome } of promised) {
      if (outcome.state === 'pending' && !tab.world.closed) violate(`${name} never settles`)
    }
    const isAlone = (tab: Tab) => tab.refused && tab.world.client.session.status === 'anonymous'
    agree(live().filter(tab => !isAlone(tab)))
    if (!unasked && !live().some(isAlone)) {
      agreeWithJar()
      return look()
    }
    await expire()
    agree(live())
    look()
    if (!inCookie) return
    const asking = live()[0] as Tab
    ask(asking)
    await idle()
    await drain()
    await clock.advance(BOUND + SECOND)
    await drain()
    agree(live())
    agreeWithJar()
    look()
  }

  /** Until then a tab may go on with the access token that it has: the next one says whom the server knows. */
  async function expire(): Promise<void> {
    await clock.advance(LIFETIME * SECOND)
    await drain()
    for (const n of awake().keys()) await act({ type: 'request', tab: n })
    await idle()
    await drain()
    await clock.advance(BOUND + SECOND)
    await drain()
  }

  function agree(those: Tab[]): void {
    const users = new Set(those.map(tab => shownBy(tab) ?? tab.world.client.session.status))
    users.delete('unknown')
    if (users.size > 1) violate(`the tabs disagree: ${[...users]}`)
  }

  function agreeWithJar(): void {
    const { holder } = server
    const sessions = live().map(({ world }) => world.client.session)
    const users = sessions.flatMap(session =>
      session.status === 'authenticated'
        ? [session.claims?.sub ?? null]
        : session.status === 'anonymous'
          ? [null]
          : [],
    )
    if (!inCookie || torn || users.length === 0) return
    const [user] = users
    if (user && holder !== user) violate(`the session is ${user}'s, the cookie ${holder}'s`)
    if (!user && holder !== null && truth.size === 0)
      violate(`signed out, but ${holder}'s cookie is there and no marker`)
  }

  return {
    open,
    act,
    look,
    end,
    deliver,
    drain,
    idle,
    first,
    live,
    scheduler,
    get torn() {
      return torn
    },
  }
}

async function play(scheduler: fc.Scheduler, program: Program): Promise<void> {
  const stage = createStage(scheduler, program)
  try {
    const { server } = stage.first.world
    while (stage.live().length < program.tabs) stage.open()
    if (program.start !== 'anonymous' && program.keeping === 'cookie') server.seed()
    if (program.start === 'warm') {
      if (program.keeping !== 'cookie') void stage.first.world.login()
      for (const { world } of stage.live()) void world.client.ready()
      await stage.idle()
      await stage.drain()
      expect(stage.live().map(({ world }) => world.client.session.status)).toEqual(
        Array(program.tabs).fill('authenticated'),
      )
    }
    stage.look()
    for (const step of program.steps) {
      await stage.act(step)
      await stage.idle()
      stage.look()
      for (let n = 0; n < step.deliveries && scheduler.count() > 0; n++) {
        await stage.deliver()
        stage.look()
      }
    }
    await stage.end()
  } finally {
    for (const { world } of stage.live()) world.close()
  }
}

const tab = fc.nat({ max: 3 })
const of = <T extends string>(...types: T[]) => fc.record({ type: fc.constantFrom(...types), tab })
const deliveries = fc.nat({ max: 12 })
const times = fc.constantFrom(300, SECOND, 5 * SECOND, TIMEOUT, LOCK_WAIT, 2 * TIMEOUT)
const user = fc.constantFrom('ada', 'bob')

const common = [
  { arbitrary: of('request'), weight: 5 },
  { arbitrary: of('ready', 'refresh', 'hide'), weight: 4 },
  { arbitrary: of('logout'), weight: 2 },
  { arbitrary: fc.record({ type: fc.constant('login' as const), tab, user }), weight: 2 },
  { arbitrary: fc.constant({ type: 'revoke' as const }), weight: 2 },
  { arbitrary: fc.constant({ type: 'open' as const }), weight: 1 },
  {
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      ms: fc.oneof(times, fc.constantFrom(LIFETIME * 800, LIFETIME * SECOND)),
      calm: fc.constant(true),
    }),
    weight: 2,
  },
]
const rough = [
  { arbitrary: of('close', 'freeze', 'thaw', 'bfcache'), weight: 5 },
  { arbitrary: fc.constant({ type: 'lose' as const }), weight: 1 },
  {
    arbitrary: fc.record({ type: fc.constant('advance' as const), ms: times, calm: fc.constant(false) }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ type: fc.constant('sleep' as const), ms: fc.constant(LIFETIME * SECOND) }),
    weight: 1,
  },
]

/** More than one user, and more than one organisation. */
const whose = [
  {
    arbitrary: fc.record({ type: fc.constant('redirect' as const), tab, user, asks: fc.boolean() }),
    weight: 2,
  },
  { arbitrary: fc.record({ type: fc.constant('switch' as const), user }), weight: 2 },
  {
    arbitrary: fc.record({ type: fc.constant('setTokens' as const), tab, user, bare: fc.boolean() }),
    weight: 1,
  },
  { arbitrary: fc.record({ type: fc.constant('half' as const), tab, user }), weight: 1 },
  {
    arbitrary: fc.record({
      type: fc.constant('interrupt' as const),
      tab,
      password: fc.constantFrom(CUT_PASSWORD, LOST_PASSWORD),
    }),
    weight: 1,
  },
  { arbitrary: of('abort'), weight: 1 },
]

const programOf = (
  actions: { arbitrary: fc.Arbitrary<Action>; weight: number }[],
  grace: fc.Arbitrary<number>,
  keeping: fc.Arbitrary<Program['keeping']> = fc.constant('cookie'),
): fc.Arbitrary<Program> =>
  fc.record({
    tabs: fc.integer({ min: 2, max: 4 }),
    start: fc.constantFrom('cold', 'warm', 'anonymous'),
    grace,
    keeping,
    tenants: fc.boolean(),
    steps: fc.array(
      fc.tuple(fc.oneof(...actions), deliveries).map(([action, deliveries]) => ({ ...action, deliveries })),
      { minLength: 1, maxLength: 7 },
    ),
  })

const check = (program: fc.Arbitrary<Program>, numRuns = RUNS) =>
  fc.assert(fc.asyncProperty(fc.scheduler(), program, play), { numRuns })

test(
  'C11 whatever the order of answers, locks and messages',
  () => check(programOf([...common, ...whose], fc.constant(0))),
  LONG,
)

test(
  'C11 tabs that are closed, frozen or kept for later, answers that are lost or late',
  () => check(programOf([...common, ...whose, ...rough], fc.constantFrom(0, 30 * SECOND))),
  LONG,
)

test(
  'C11 two tabs, at close quarters',
  () => check(programOf(common.slice(0, 5), fc.constant(0)).map(program => ({ ...program, tabs: 2 }))),
  LONG,
)

const reopened = [{ arbitrary: of('reload', 'duplicate'), weight: 3 }]
const inScript = fc.constantFrom<Program['keeping'][]>('memory', 'own', 'shared')

test(
  'C11 with the refresh token in script: in one tab, in a storage of each, in a storage of all',
  () => check(programOf([...common, ...whose, ...reopened], fc.constant(0), inScript), RUNS / 2),
  LONG,
)

test(
  'C11 with the refresh token in script, and tabs that are closed or frozen, and answers that are lost',
  () =>
    check(
      programOf([...common, ...whose, ...rough, ...reopened], fc.constantFrom(0, 30 * SECOND), inScript),
      RUNS / 2,
    ),
  LONG,
)

test(
  'C11 with the refresh token in a storage of each tab, and tabs that are duplicated and reloaded',
  () =>
    check(
      programOf(
        [{ arbitrary: of('refresh'), weight: 4 }, { arbitrary: of('ready'), weight: 2 }, ...reopened],
        fc.constant(0),
        fc.constant('own'),
      ).map(program => ({ ...program, start: 'warm', tabs: 2 })),
      RUNS / 2,
    ),
  LONG,
)

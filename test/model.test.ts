import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commandsOf } from './support/commands.ts'
import { watch } from './support/outcome.ts'
import { HALF_PASSWORD, LOST_PASSWORD, ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

// What a user should see, whatever they do in up to three tabs, against a plain model: who is signed in.

const SECOND = 1_000
const LIFETIME = 300
const TIMEOUT = 10 * SECOND
const RUNS = Number(process.env.INTERLEAVINGS ?? 1_000)
const LONG = process.env.PATIENT ? 3_600_000 : 300_000

interface Model {
  user: string | null
  /** Whose session the browser's cookie opens: somebody else's only after a login whose outcome nobody knows. */
  cookie: string | null
  /** Since a login whose outcome nobody knows, nobody has signed in by the server's word. */
  lost: boolean
  organisation: string
  /** Per tab: `false` while it was not asked anything and heard of nothing. */
  tabs: { asked: boolean; frozen: boolean }[]
}

interface Real {
  tabs: World[]
  open(): World
  /** What the server writes into its tokens. */
  organisation: string
}

type Command = fc.AsyncCommand<Model, Real>

const command = commandsOf<Model, Real>(real => real.tabs[0]!.settle(), look)

const awake = (n: number) => (model: Model) => model.tabs[n] !== undefined && !model.tabs[n].frozen

const nameOf = (claims: object | null): string => {
  const { sub, organisation } = claims as { sub: string; organisation: string }
  return `${sub} of ${organisation}`
}

/** All tabs that run show the same; one that was never asked may not know yet. */
function look({ user, cookie, organisation, tabs }: Model, real: Real): void {
  const wanted = user && `${user} of ${organisation}`
  const shown = tabs.map(({ asked, frozen }, n) => {
    const { session } = real.tabs[n]!.client
    if (frozen || (!asked && session.status === 'unknown')) return wanted
    return session.status === 'authenticated' ? nameOf(session.claims) : null
  })
  expect(shown, 'what the tabs show').toEqual(tabs.map(() => wanted))
  expect(real.tabs[0]!.server.holder, 'whose cookie it is').toBe(cookie)
  expect(real.tabs[0]!.server.reuses).toBe(0)
  expect(real.tabs.flatMap(({ reported }) => reported)).toEqual([])
}

/** A sibling that is frozen costs a second of waiting for its answer. */
async function inTime<T>({ clock }: World, promise: Promise<T>): Promise<T> {
  const outcome = watch(promise)
  await clock.advance(2 * SECOND)
  if (outcome.state !== 'fulfilled')
    throw new Error(`not in time: ${outcome.state}`, { cause: outcome.error })
  return outcome.value as T
}

const hear = (model: Model) => {
  for (const tab of model.tabs) if (!tab.frozen) tab.asked = true
}

function decide(model: Model, user: string | null): void {
  Object.assign(model, { user, cookie: user })
  hear(model)
}

const request = (n: number): Command =>
  command(`request in ${n}`, awake(n), async (model, real) => {
    const { client, server } = real.tabs[n]!
    model.tabs[n]!.asked = true
    const before = server.calls.length
    const response = await inTime(real.tabs[n]!, client.fetch(`${ORIGIN}/items`))
    expect(response.status).toBe(model.user ? 200 : 401)
    if (model.user) expect(await response.json()).toMatchObject({ user: model.user })
    else expect(server.calls.slice(before).filter(({ authorization }) => authorization)).toEqual([])
  })

const ready = (n: number): Command =>
  command(`ready in ${n}`, awake(n), async (model, real) => {
    model.tabs[n]!.asked = true
    const session = await inTime(real.tabs[n]!, real.tabs[n]!.client.ready())
    expect(session.status).toBe(model.user ? 'authenticated' : 'anonymous')
  })

const login = (n: number, user: string): Command =>
  command(`${user} signs in in ${n}`, awake(n), async (model, real) => {
    await inTime(real.tabs[n]!, real.tabs[n]!.login(user))
    decide(model, user)
    model.lost = false
  })

const givenTokens = (n: number, user: string): Command =>
  command(
    `${n} is given tokens of ${user}`,
    // They say nothing of the cookie that a lost login may have left: a reload then asks the user anew (I9).
    model => awake(n)(model) && !model.lost,
    async (model, real) => {
      const { client, server } = real.tabs[n]!
      server.seed(user)
      await inTime(real.tabs[n]!, client.setTokens({ accessToken: server.issueAccess(user).token }))
      decide(model, user)
    },
  )

/** On a page of the server's, which leads back to the app. */
const redirect = (n: number, user: string): Command =>
  command(`${user} signs in by redirect in ${n}`, awake(n), async (model, real) => {
    real.tabs[n]!.server.seed(user)
    real.tabs[n]!.close()
    real.tabs[n] = real.open()
    model.tabs[n] = { asked: true, frozen: false }
    await inTime(real.tabs[n], real.tabs[n].client.refresh())
    decide(model, user)
    model.lost = false
  })

const changeOrganisation = (n: number): Command =>
  command(
    `another organisation in ${n}`,
    model => awake(n)(model) && model.user !== null,
    async (model, real) => {
      real.organisation = model.organisation === 'home' ? 'other' : 'home'
      await inTime(real.tabs[n]!, real.tabs[n]!.client.refresh())
      model.organisation = real.organisation
      hear(model)
    },
  )

const refusedLogin = (n: number, password: string): Command =>
  command(`a login with ${password} in ${n}`, awake(n), async (_, real) => {
    const failed = watch(real.tabs[n]!.client.login({ email: 'eve', password }))
    await real.tabs[n]!.clock.advance(2 * SECOND)
    expect(failed.state).toBe('login_rejected')
  })

/** The server signs eve in, and nobody is told. */
const lostLogin = (n: number): Command =>
  command(
    `a login is lost in ${n}`,
    model => awake(n)(model) && model.user === null,
    async (model, real) => {
      const failed = watch(real.tabs[n]!.client.login({ email: 'eve', password: LOST_PASSWORD }))
      await real.tabs[n]!.clock.advance(2 * SECOND)
      expect(failed.state).toBe('login_unavailable')
      model.cookie = 'eve'
      model.lost = true
    },
  )

const logout = (n: number): Command =>
  command(`logout in ${n}`, awake(n), async (model, real) => {
    const { client, clock, settle } = real.tabs[n]!
    const done = watch(client.logout())
    expect(client.session.status).toBe('anonymous')
    await settle()
    await clock.advance(2 * SECOND)
    expect(done.value).toEqual({ revoked: true })
    decide(model, null)
  })

const expire = (): Command =>
  command(
    'the tokens end',
    () => true,
    async (_, real) => {
      await real.tabs[0]!.clock.advance((LIFETIME + 1) * SECOND)
    },
  )

const sleep = (): Command =>
  command(
    'the machine sleeps',
    () => true,
    async (model, real) => {
      real.tabs[0]!.clock.sleep(LIFETIME * SECOND)
      for (const [n, tab] of real.tabs.entries()) if (!model.tabs[n]!.frozen) tab.wake('resume')
    },
  )

const revoke = (): Command =>
  command(
    'the API refuses every token',
    () => true,
    async (_, real) => {
      real.tabs[0]!.server.revokeAccess()
    },
  )

const refuse = (): Command =>
  command(
    'the server ends the session',
    model => model.tabs.every(({ frozen }) => !frozen),
    async (model, real) => {
      const [first] = real.tabs as [World]
      first.server.revokeAll()
      decide(model, null)
      for (const [n, tab] of real.tabs.entries()) {
        model.tabs[n]!.asked = true
        expect((await inTime(tab, tab.client.fetch(`${ORIGIN}/items`))).status).toBe(401)
      }
    },
  )

const drop = (n: number): Command =>
  command(
    `an answer is lost in ${n}`,
    model => awake(n)(model) && model.user !== null,
    async (model, real) => {
      const { client, server, clock } = real.tabs[n]!
      await client.ready()
      model.tabs[n]!.asked = true
      server.lose('POST /refresh_token')
      const refreshed = watch(client.refresh())
      await clock.advance(5 * SECOND)
      expect(refreshed.state).toBe('refresh_unavailable')
      expect(client.session.status).toBe('authenticated')
    },
  )

const outage = (): Command =>
  command(
    'the server is away for a while',
    () => true,
    async (_, real) => {
      const { server, clock } = real.tabs[0]!
      server.answer('POST /refresh_token', () => server.json({ error: 'away' }, 503))
      await clock.advance(2 * LIFETIME * SECOND)
      server.mend()
      await clock.advance(61 * SECOND)
    },
  )

const freeze = (n: number): Command =>
  command(
    `${n} is frozen`,
    model => awake(n)(model) && model.tabs.some((tab, m) => m !== n && !tab.frozen),
    async (model, real) => {
      model.tabs[n]!.frozen = true
      real.tabs[n]!.freeze()
    },
  )

const thaw = (n: number): Command =>
  command(
    `${n} thaws`,
    model => model.tabs[n]?.frozen === true,
    async (model, real) => {
      model.tabs[n]!.frozen = false
      real.tabs[n]!.thaw()
      await real.tabs[n]!.clock.advance(SECOND)
    },
  )

const awayAndBack = (n: number, between: Command[]): Command =>
  command(`away from ${n} and back: ${between.join(', ')}`, awake(n), async (model, real) => {
    const tab = real.tabs[n]!
    tab.wake('pagehide', true)
    tab.freeze()
    model.tabs[n]!.frozen = true
    for (const other of between) if (other.check(model)) await other.run(model, real)
    model.tabs[n]!.frozen = false
    tab.thaw()
    tab.wake('pageshow', true)
    expect(tab.client.session.status).toBe('unknown')
    model.tabs[n]!.asked = true
    await tab.clock.advance(5 * SECOND)
  })

const reload = (n: number): Command =>
  command(`reload of ${n}`, awake(n), async (model, real) => {
    real.tabs[n]!.close()
    real.tabs[n] = real.open()
    model.tabs[n] = { asked: true, frozen: false }
    await inTime(real.tabs[n], real.tabs[n].client.ready())
  })

const open = (): Command =>
  command(
    'a new tab',
    model => model.tabs.length < 3,
    async (model, real) => {
      real.tabs.push(real.open())
      model.tabs.push({ asked: false, frozen: false })
    },
  )

const n = fc.nat({ max: 2 })
const user = fc.constantFrom('ada', 'bob')
const simple: fc.Arbitrary<Command>[] = [
  n.map(request),
  n.map(ready),
  fc.tuple(n, user).map(([tab, name]) => login(tab, name)),
  fc.tuple(n, user).map(([tab, name]) => givenTokens(tab, name)),
  fc.tuple(n, user).map(([tab, name]) => redirect(tab, name)),
  n.map(changeOrganisation),
  fc.tuple(n, fc.constantFrom('wrong', HALF_PASSWORD)).map(([tab, kind]) => refusedLogin(tab, kind)),
  n.map(lostLogin),
  n.map(logout),
  fc.constant(null).map(expire),
  fc.constant(null).map(sleep),
  fc.constant(null).map(revoke),
  fc.constant(null).map(outage),
  n.map(drop),
  n.map(reload),
  fc.constant(null).map(open),
]
const commands: fc.Arbitrary<Command>[] = [
  ...simple,
  fc.constant(null).map(refuse),
  n.map(freeze),
  n.map(thaw),
  fc
    .tuple(n, fc.array(fc.oneof(...simple), { maxLength: 3 }))
    .map(([tab, between]) => awayAndBack(tab, between)),
]

function setup(count: number): { model: Model; real: Real } {
  const options = {
    timeout: TIMEOUT,
    sessionKey: 's',
    identity: ({ claims }: { claims: object | null }) => nameOf(claims),
  }
  const claims = (given: Record<string, unknown>) => ({ ...given, organisation: real.organisation })
  const first = createWorld({ server: { lifetime: LIFETIME, grace: 30 * SECOND, claims }, options })
  const open = () => createWorld({ browser: first, options })
  const tabs = [first, ...Array.from({ length: count - 1 }, open)]
  const real: Real = { tabs, open, organisation: 'home' }
  return {
    model: {
      user: null,
      cookie: null,
      lost: false,
      organisation: 'home',
      tabs: tabs.map(() => ({ asked: false, frozen: false })),
    },
    real,
  }
}

const check = (count: number, arbitraries: fc.Arbitrary<Command>[]) =>
  fc.assert(
    fc.asyncProperty(fc.commands(arbitraries, { maxCommands: 15 }), async steps => {
      const stage = setup(count)
      try {
        // Channels open a task late.
        await stage.real.tabs[0]!.settle()
        await fc.asyncModelRun(() => stage, steps)
      } finally {
        for (const tab of stage.real.tabs) tab.close()
      }
    }),
    { numRuns: RUNS },
  )

test('C11 the user of one tab sees what they did', () => check(1, commands), LONG)

test('C11 the user of three tabs sees the same in each', () => check(3, commands), LONG)

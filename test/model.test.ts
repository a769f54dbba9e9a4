import fc from 'fast-check'
import { expect, test } from 'vitest'
import { watch } from './support/outcome.ts'
import { ORIGIN } from './support/server.ts'
import { createWorld, type World } from './support/world.ts'

// What a user should see, whatever they do in up to three tabs, against a plain model: who is signed in.

const SECOND = 1_000
const LIFETIME = 300
const TIMEOUT = 10 * SECOND
const RUNS = Number(process.env.INTERLEAVINGS ?? 1_000)
const LONG = process.env.PATIENT ? 3_600_000 : 300_000

interface Model {
  /** Whose session the server has, and the browser's cookie opens. */
  user: string | null
  /** Per tab: `false` while it was not asked anything and heard of nothing. */
  tabs: { asked: boolean; frozen: boolean }[]
}

interface Real {
  tabs: World[]
  open(): World
}

type Command = fc.AsyncCommand<Model, Real>

/** Commands are plain objects: what it needs, what it does to the model and to the real thing, its name in a report. */
const command = (
  name: string,
  check: (model: Model) => boolean,
  run: (model: Model, real: Real) => Promise<void>,
): Command => ({
  check: model => check(model),
  async run(model, real) {
    // A generation is a moment where somebody decides: no two decisions of a user fall into one millisecond.
    real.tabs[0]!.clock.tick(1)
    await run(model, real)
    await real.tabs[0]!.settle()
    look(model, real)
  },
  toString: () => name,
})

const awake = (n: number) => (model: Model) => model.tabs[n] !== undefined && !model.tabs[n].frozen

/** All tabs that run show the same; one that was never asked may not know yet. */
function look({ user, tabs }: Model, real: Real): void {
  const shown = tabs.map(({ asked, frozen }, n) => {
    const { session } = real.tabs[n]!.client
    if (frozen || (!asked && session.status === 'unknown')) return user
    return session.status === 'authenticated' ? session.claims?.sub : null
  })
  expect(shown, 'what the tabs show').toEqual(tabs.map(() => user))
  expect(real.tabs[0]!.server.holder, 'whose cookie it is').toBe(user)
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
    model.user = user
    hear(model)
  })

const wrongPassword = (n: number): Command =>
  command(`a wrong password in ${n}`, awake(n), async (_, real) => {
    const failed = watch(real.tabs[n]!.client.login({ email: 'eve', password: 'wrong' }))
    await real.tabs[n]!.clock.advance(2 * SECOND)
    expect(failed.state).toBe('login_rejected')
  })

const logout = (n: number): Command =>
  command(`logout in ${n}`, awake(n), async (model, real) => {
    const { client, clock, settle } = real.tabs[n]!
    const done = watch(client.logout())
    expect(client.session.status).toBe('anonymous')
    await settle()
    await clock.advance(2 * SECOND)
    expect(done.value).toEqual({ revoked: true })
    model.user = null
    hear(model)
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
      model.user = null
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
  n.map(wrongPassword),
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
  const options = { timeout: TIMEOUT, scope: 's' }
  const first = createWorld({ server: { lifetime: LIFETIME, grace: 30 * SECOND }, options })
  const open = () => createWorld({ browser: first, options })
  const tabs = [first, ...Array.from({ length: count - 1 }, open)]
  return {
    model: { user: null, tabs: tabs.map(() => ({ asked: false, frozen: false })) },
    real: { tabs, open },
  }
}

const check = (count: number, arbitraries: fc.Arbitrary<Command>[]) =>
  fc.assert(
    fc.asyncProperty(fc.commands(arbitraries, { maxCommands: 15 }), async steps => {
      const stage = setup(count)
      try {
        await fc.asyncModelRun(() => stage, steps)
      } finally {
        for (const tab of stage.real.tabs) tab.close()
      }
    }),
    { numRuns: RUNS },
  )

test('C11 the user of one tab sees what they did', () => check(1, commands), LONG)

test('C11 the user of three tabs sees the same in each', () => check(3, commands), LONG)

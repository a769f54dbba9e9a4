import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { commandsOf } from './support/commands.ts'
import { createTabStorage } from './support/modes.ts'
import { API, createOAuthWorld, HERE, type OAuthWorld } from './support/oauth.ts'
import { watch } from './support/outcome.ts'
import './support/seed.ts'

// What users should see who log in at an authorization server, in up to three tabs. A plain model says who is signed in in the
// app.

const RUNS = Number(process.env.INTERLEAVINGS ?? 1_000) / 10
const LONG = process.env.PATIENT ? 3_600_000 : 300_000
const USERS = ['ada', 'bob']

interface Model {
  /** Who is signed in in the app. */
  user: string | null
  /** The server has ended what it had granted, and nobody has been told. */
  isRevoked: boolean
  isAway: boolean
  tabs: number
}

interface Real {
  tabs: OAuthWorld[]
  readonly id: OAuthWorld['id']
}

const command = commandsOf<Model, Real>(settled, look)

/** Everything that does not wait for time, also what the platform computes meanwhile. */
async function settled({ tabs }: Real): Promise<void> {
  for (let turn = 0; turn < 3; turn++) for (const tab of tabs) await tab.settle()
}

/** Lets time pass for as long as the call waits for it. */
async function patiently<T>(real: Real, call: Promise<T>): Promise<T> {
  const watched = watch(call)
  for (let second = 0; second < 200 && watched.state === 'pending'; second++) {
    await settled(real)
    if (watched.state === 'pending') await real.tabs[0]!.clock.advance(1_000)
  }
  expect(watched.state).not.toBe('pending')
  return call
}

const userOf = ({ client }: OAuthWorld): string | null =>
  client.session.status === 'authenticated' ? String((client.session.claims as { sub: string }).sub) : null

function look({ user, isAway, isRevoked }: Model, { tabs, id }: Real): void {
  expect(id.reuses).toBe(0)
  for (const tab of tabs) {
    const { session } = tab.client
    // A tab that was opened while the server is away may not know yet.
    if (session.status === 'unknown') expect(isAway).toBe(true)
    else if (!isRevoked) expect(userOf(tab)).toBe(user)
  }
}

/** What outlives the pages where no frame can ask. */
const inStorage = () => tokenStorage({ ...createTabStorage(), shared: true })

/** The hidden frame goes where the server sends it. */
function follow(tab: OAuthWorld): OAuthWorld {
  tab.windows.frame = (url, loaded) => {
    tab.id.authorize(url).then(
      ({ href }) => loaded(href),
      () => loaded(null),
    )
    return () => {}
  }
  return tab
}

/** The next page of this tab. */
function load(real: Real, n: number, href: string): OAuthWorld {
  const next = follow(real.tabs[n]!.reload(href))
  real.tabs[n] = next
  void next.client.ready().catch(() => {})
  return next
}

/** Where the page leaves for; `null`: the login was refused before. */
const leaves = (tab: OAuthWorld, login: Promise<unknown>): Promise<string | null> =>
  Promise.race([
    tab.windows.left(),
    login.then(
      () => null,
      () => null,
    ),
  ])

const login = (n: number, user: string, how: 'once' | 'twice') =>
  command(
    `tab ${n}: ${user} logs in by redirect${how === 'twice' ? ', and the address is opened twice' : ''}`,
    model => n < model.tabs && !model.isAway,
    async (model, real) => {
      const tab = real.tabs[n]!
      const url = await patiently(real, leaves(tab, tab.client.login()))
      expect(url).not.toBeNull()
      const back = await real.id.authorize(url!, { user })
      const next = load(real, n, back.href)
      expect(next.windows.href()).not.toContain('code=')
      if (how === 'twice' && real.tabs.length < 3) {
        real.tabs.push(follow(next.open(back.href)))
        void real.tabs
          .at(-1)!
          .client.ready()
          .catch(() => {})
        model.tabs++
      }
      Object.assign(model, { user, isRevoked: false })
    },
  )

const popup = (n: number, user: string) =>
  command(
    `tab ${n}: ${user} logs in in a popup`,
    model => n < model.tabs && !model.isAway,
    async (model, real) => {
      const tab = real.tabs[n]!
      const logged = tab.client.login({ popup: true })
      const back = await real.id.authorize(await tab.windows.asked(), { user })
      const page = follow(tab.open(back.href))
      await patiently(real, logged)
      expect(page.windows.isClosed).toBe(true)
      page.close()
      Object.assign(model, { user, isRevoked: false })
    },
  )

const refused = (n: number) =>
  command(
    `tab ${n}: a login is refused`,
    model => n < model.tabs && !model.isAway,
    async (_, real) => {
      const tab = real.tabs[n]!
      const url = await patiently(real, leaves(tab, tab.client.login()))
      load(real, n, (await real.id.authorize(url!, { error: 'access_denied' })).href)
    },
  )

const logout = (n: number, comesBack: boolean) =>
  command(
    `tab ${n}: logout${comesBack ? '' : ', and the user does not come back'}`,
    model => n < model.tabs,
    async (model, real) => {
      const tab = real.tabs[n]!
      await patiently(real, tab.client.logout())
      const isLeaving = tab.logs.some(event => event.type === 'left' && event.for === 'logout')
      if (isLeaving) {
        const url = await tab.windows.left()
        load(real, n, comesBack ? (await real.id.endSession(url)).href : HERE)
      }
      Object.assign(model, { user: null })
    },
  )

const commands = [
  ...[0, 1, 2].flatMap(n => [
    ...USERS.flatMap(user => [login(n, user, 'once'), login(n, user, 'twice'), popup(n, user)]),
    refused(n),
    logout(n, true),
    logout(n, false),
    command(
      `tab ${n}: requests`,
      model => n < model.tabs,
      async (model, real) => {
        const tab = real.tabs[n]!
        const { user } = model
        const asked = tab.client.fetch(`${API}/who`).catch(error => error.code as string)
        const answer = await patiently(real, asked)
        if (typeof answer === 'string') expect(model.isAway || model.isRevoked).toBe(true)
        else if (answer.status === 200) expect(await answer.json()).toBe(user)
        else expect([user === null || model.isRevoked, answer.status]).toEqual([true, 401])
        // The API has refused the token, and the server the refresh: now they know.
        if (model.isRevoked && !model.isAway && answer !== 'refresh_unavailable') await told(model, real)
      },
    ),
  ]),
  command(
    'a tab is opened',
    model => model.tabs < 3,
    async (model, real) => {
      real.tabs.push(follow(real.tabs[0]!.open()))
      void real.tabs
        .at(-1)!
        .client.ready()
        .catch(() => {})
      model.tabs++
    },
  ),
  command(
    'time passes',
    () => true,
    async (model, real) => {
      await real.tabs[0]!.clock.advance(200_000)
      await settled(real)
      if (model.isRevoked && !model.isAway) {
        await real.tabs[0]!.clock.advance(400_000)
        await told(model, real)
      }
    },
  ),
  command(
    'the server ends what it has granted',
    model => model.user !== null && !model.isAway,
    async (model, real) => {
      real.id.revokeAll()
      model.isRevoked = true
    },
  ),
  command(
    'the server goes away',
    model => !model.isAway,
    async (model, real) => {
      for (const route of ['discovery', 'token', 'revoke']) {
        real.id.fail(route, 'network', Number.POSITIVE_INFINITY)
      }
      model.isAway = true
    },
  ),
  command(
    'the server is back',
    model => model.isAway,
    async (model, real) => {
      real.id.mend()
      model.isAway = false
      await real.tabs[0]!.clock.advance(120_000)
      await settled(real)
    },
  ),
]

/** The refusal has arrived, wherever it was asked for. */
async function told(model: Model, real: Real): Promise<void> {
  await settled(real)
  const users = real.tabs.map(userOf)
  expect(new Set(users).size).toBe(1)
  model.user = users[0] ?? null
  model.isRevoked = false
}

test(
  'O26, O31, O37 whatever users do in three tabs: one session, no token of one user for another, and a logout that lasts',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.commands(
          commands.map(each => fc.constant(each)),
          { maxCommands: 20, size: 'max' },
        ),
        async (isSilent, steps) => {
          const first = createOAuthWorld({
            server: {
              users: USERS.map(sub => ({ claims: { sub, name: sub } })),
              api: { '/who': ({ claims }: { claims: { sub: string } }) => claims.sub },
              ...(isSilent && { refreshTokens: 'never' as const }),
            },
            oauth: isSilent ? { silent: 'iframe', silentRedirectUri: '/silent.html' } : {},
            options: { restore: 'auto', ...(!isSilent && { storage: inStorage() }) },
          })
          const real: Real = { tabs: [follow(first)], id: first.id }
          await patiently(real, first.client.ready())
          const model: Model = { user: null, isRevoked: false, isAway: false, tabs: 1 }
          await fc.asyncModelRun(() => ({ model, real }), steps)
          for (const tab of real.tabs) tab.close()
        },
      ),
      { numRuns: RUNS },
    )
  },
  LONG,
)

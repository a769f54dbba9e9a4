import { describe, expect, test, vi } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { APP, createOAuthWorld, HERE, loggedIn, type OAuthWorld } from './support/oauth.ts'
import { watch } from './support/outcome.ts'

const departures = ({ logs }: OAuthWorld) => logs.filter(({ type }) => type === 'left').length

/** Asks, as a guard does. Settles with the error where the page stays, and with nothing where it leaves. */
async function ask(world: OAuthWorld): Promise<unknown> {
  const before = departures(world)
  const login = watch(world.client.login({ automatic: true }))
  await vi.waitUntil(() => login.state !== 'pending' || departures(world) > before)
  await world.settle()
  return login.error
}

/** The user asks. */
async function expectToLeave(world: OAuthWorld): Promise<void> {
  const before = departures(world)
  watch(world.client.login())
  await vi.waitUntil(() => departures(world) > before)
}

describe('a login that no user has asked for', () => {
  test('O1 leaves for the server, and comes back to the address of the page', async () => {
    const world = createOAuthWorld()
    expect(await ask(world)).toBeUndefined()
    const back = await world.back()
    expect((await back.client.ready()).status).toBe('authenticated')
    expect(back.windows.href()).toBe(HERE)
  })

  test('leaves after a refused refresh', async () => {
    const world = await loggedIn()
    world.id.revokeAll()
    world.clock.tick(600_000)
    await world.client.refresh().catch(() => {})
    expect(world.client.session).toMatchObject({ reason: 'rejected', error: { code: 'refresh_rejected' } })
    expect(await ask(world)).toBeUndefined()
  })

  test('O32 does not undo a logout while the page leaves for the logout at the server', async () => {
    const world = await loggedIn()
    const logout = world.client.logout()
    expect(await ask(world)).toMatchObject({ code: 'no_session' })
    await logout
    expect(await world.windows.left()).toContain('id_token_hint')
  })

  test('O33 does not undo a logout where the session at the server goes on', async () => {
    const world = await loggedIn({ oauth: { endSession: false } })
    const other = world.open()
    expect((await other.client.ready()).status).toBe('authenticated')
    expect(await world.client.logout()).toEqual({ revoked: true })
    await vi.waitUntil(() => other.client.session.status === 'anonymous')
    expect(world.id.user).not.toBeNull()
    for (const tab of [world, other]) {
      expect(await ask(tab)).toMatchObject({ code: 'no_session' })
      expect(departures(tab)).toBe(0)
    }
    await expectToLeave(other)
  })

  test('O13 goes round in no circle after a login that the server has refused', async () => {
    const world = createOAuthWorld()
    await ask(world)
    const back = await world.back({ error: 'access_denied' })
    await back.client.ready()
    const refusal = { code: 'login_rejected', body: { error: 'access_denied' } }
    expect(await ask(back)).toMatchObject(refusal)
    expect(await ask(back)).toMatchObject(refusal)
    expect(departures(back)).toBe(0)
    await expectToLeave(back)
  })

  test('waits for the login that the page has just come back from', async () => {
    const options = { restore: 'manual' } as const
    const world = createOAuthWorld({ options })
    await ask(world)
    const back = await world.back({ error: 'access_denied' })
    expect(back.client.session.status).toBe('unknown')
    expect(await ask(back)).toMatchObject({ code: 'login_rejected' })
    expect(departures(back)).toBe(0)
  })

  test('O27 does not leave during an outage, which may hide a session', async () => {
    const stored = new Map<string, string>()
    const storage = tokenStorage({
      get: key => stored.get(key),
      set: (key, value) => stored.set(key, value),
      remove: key => stored.delete(key),
    })
    const world = await loggedIn({ options: { storage } })
    world.id.fail('token', { status: 503 }, Number.POSITIVE_INFINITY)
    const reloaded = world.reload()
    expect((await reloaded.client.ready()).status).toBe('unknown')
    expect(await ask(reloaded)).toMatchObject({ code: 'refresh_unavailable' })
    expect(departures(reloaded)).toBe(0)
  })

  test.each(['/?code=theirs&state=theirs', '/inbox?error=access_denied&state=theirs', '/#code=a&state=b'])(
    'O10 goes round in no circle where the address has an answer to no login: %s',
    async path => {
      const world = createOAuthWorld({ href: APP + path })
      expect(await ask(world)).toMatchObject({ code: 'login_rejected' })
      expect(departures(world)).toBe(0)
      expect(world.windows.shown).toEqual([APP + path])
      await expectToLeave(world)
    },
  )

  test('O10 a parameter "state" of the app’s own keeps nobody from the login', async () => {
    expect(await ask(createOAuthWorld({ href: `${APP}/map?state=texas` }))).toBeUndefined()
  })

  test('O4 joins another one', async () => {
    const world = createOAuthWorld()
    const logins = [1, 2].map(() => watch(world.client.login({ automatic: true })))
    await world.windows.left()
    await world.settle()
    expect(departures(world)).toBe(1)
    expect(logins.map(({ state }) => state)).toEqual(['pending', 'pending'])
  })

  test('O24 ends with its signal, and with the client, before the page leaves', async () => {
    const world = createOAuthWorld()
    const controller = new AbortController()
    const aborted = watch(world.client.login({ automatic: true }, { signal: controller.signal }))
    const disposed = watch(world.client.login({ automatic: true }))
    controller.abort(new Error('enough'))
    world.client.dispose()
    await vi.waitUntil(() => aborted.state !== 'pending' && disposed.state !== 'pending')
    await world.settle()
    expect([aborted.error, disposed.state]).toEqual([new Error('enough'), 'disposed'])
    expect([departures(world), world.calls()]).toEqual([0, []])
  })

  test('it is true or false', async () => {
    const login = createOAuthWorld().client.login({ automatic: 'yes' } as never)
    await expect(login).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('"automatic"'),
    })
  })
})

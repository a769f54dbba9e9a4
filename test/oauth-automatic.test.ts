import { describe, expect, test, vi } from 'vitest'
import { tokenStorage } from '../src/core.ts'
import { comeBack, type OAuthPage, openPage } from './support/oauth-page.ts'
import { watch } from './support/outcome.ts'

const leaves = (page: OAuthPage, times = 1) => vi.waitUntil(() => page.left.length === times)
const automatic = { automatic: true }

/** Somebody who has logged in, and whose session at the server goes on. */
async function signedIn(): Promise<OAuthPage> {
  const first = openPage()
  watch(first.client.login())
  await leaves(first)
  const page = await comeBack(first)
  await page.client.ready()
  return page
}

/** The same page, some time later: with an error where it has not left. */
async function tryAutomatic(page: OAuthPage): Promise<unknown> {
  const before = page.left.length
  const login = watch(page.client.login(automatic))
  await vi.waitUntil(() => login.state !== 'pending' || page.left.length > before)
  return login.error
}

describe('a login that no user has asked for', () => {
  test('O1 leaves for the server, and comes back to the address of the page', async () => {
    const page = openPage({ at: '/items?page=2#notes' })
    expect(await tryAutomatic(page)).toBeUndefined()
    const back = await comeBack(page)
    expect((await back.client.ready()).status).toBe('authenticated')
    expect(back.address).toBe('/items?page=2#notes')
  })

  test('leaves after a refused refresh', async () => {
    const page = await signedIn()
    page.idp.revokeAll()
    page.world.clock.tick(2 * 3_600_000)
    await page.client.refresh().catch(() => {})
    expect(page.client.session).toMatchObject({ reason: 'rejected', error: { code: 'refresh_rejected' } })
    expect(await tryAutomatic(page)).toBeUndefined()
  })

  test('O32 does not undo a logout while the page leaves for the logout at the server', async () => {
    const page = await signedIn()
    const logout = page.client.logout()
    expect(await tryAutomatic(page)).toMatchObject({ code: 'no_session' })
    await logout
    await leaves(page)
    expect(page.left[0]).toContain('/logout')
  })

  test('O33 does not undo a logout where the server has nowhere to log out', async () => {
    const first = openPage({ oauth: { endSession: false } })
    watch(first.client.login())
    await leaves(first)
    const page = await comeBack(first, { oauth: { endSession: false } })
    await page.client.ready()
    const other = openPage({ tab: page, oauth: { endSession: false } })
    await other.client.ready()
    expect(other.client.session.status).toBe('authenticated')
    await page.client.logout()
    await vi.waitUntil(() => other.client.session.status === 'anonymous')
    expect(await tryAutomatic(page)).toMatchObject({ code: 'no_session' })
    expect(await tryAutomatic(other)).toMatchObject({ code: 'no_session' })
    // The user decides.
    watch(other.client.login())
    await leaves(other)
  })

  test('O13 goes round in no circle after a login that the server has refused', async () => {
    const page = openPage()
    watch(page.client.login(automatic))
    await leaves(page)
    page.idp.next({ error: 'access_denied' })
    const back = await comeBack(page)
    expect(await tryAutomatic(back)).toMatchObject({
      code: 'login_rejected',
      body: { error: 'access_denied' },
    })
    expect(back.left).toEqual([])
  })

  test('waits for a login that the page has just come back from', async () => {
    const page = openPage({ options: { restore: 'manual' } })
    watch(page.client.login(automatic))
    await leaves(page)
    page.idp.next({ error: 'access_denied' })
    const back = await comeBack(page, { options: { restore: 'manual' } })
    expect(back.client.session.status).toBe('unknown')
    expect(await tryAutomatic(back)).toMatchObject({ code: 'login_rejected' })
  })

  test('O27 does not leave during an outage, which may hide a session', async () => {
    const stored = new Map<string, string>()
    const storage = tokenStorage({
      get: key => stored.get(key),
      set: (key, value) => stored.set(key, value),
      remove: key => stored.delete(key),
    })
    const first = openPage({ options: { storage } })
    watch(first.client.login())
    await leaves(first)
    const page = await comeBack(first, { options: { storage } })
    await page.client.ready()
    page.idp.fail('token', { status: 503 }, Number.POSITIVE_INFINITY)
    const reloaded = openPage({ before: page, options: { storage } })
    expect((await reloaded.client.ready()).status).toBe('unknown')
    expect(await tryAutomatic(reloaded)).toMatchObject({ code: 'refresh_unavailable' })
  })

  test.each([
    ['/app?code=theirs&state=theirs', 'a code'],
    ['/app?error=access_denied&state=theirs', 'a refusal'],
    ['/app#code=theirs&state=theirs', 'a code in the fragment'],
  ])('O10 goes round in no circle where the address has an answer to no login: %s', async at => {
    const page = openPage({ at })
    expect(await tryAutomatic(page)).toMatchObject({ code: 'login_rejected' })
    expect(page.left).toEqual([])
    expect(page.address).toBe(at)
    watch(page.client.login())
    await leaves(page)
  })

  test('a parameter "state" of the app’s own keeps nobody from the login', async () => {
    const page = openPage({ at: '/map?state=texas' })
    expect(await tryAutomatic(page)).toBeUndefined()
  })

  test('joins another one, and is not sent after "dispose"', async () => {
    const page = openPage()
    const logins = [1, 2].map(() => watch(page.client.login(automatic)))
    await leaves(page)
    await page.world.settle()
    expect(page.left).toHaveLength(1)
    expect(logins.map(({ state }) => state)).toEqual(['pending', 'pending'])
    const other = openPage()
    const login = watch(other.client.login(automatic))
    other.client.dispose()
    await vi.waitUntil(() => login.state !== 'pending')
    await other.world.settle()
    expect([login.state, other.left]).toEqual(['disposed', []])
  })

  test('"automatic" is true or false', async () => {
    const page = openPage()
    await expect(page.client.login({ automatic: 'yes' as never })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('"automatic"'),
    })
  })
})

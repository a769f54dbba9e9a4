import { describe, expect, test } from 'vitest'
import { API, createOAuthWorld, loggedIn, type OAuthWorld } from './support/oauth.ts'
import { watch } from './support/outcome.ts'

/** A login in a popup, up to the address that it comes back with. */
async function ask(world: OAuthWorld) {
  const promise = world.client.login({ popup: true })
  const login = watch(promise)
  expect(world.windows.popups).toHaveLength(1)
  const url = await world.windows.asked()
  return { login, promise, url, back: (await world.id.authorize(url)).href }
}

describe('O19 to O24: the popup', () => {
  test('O19 it is opened in the call; the opener is signed in and owns the refresh token; the popup is closed', async () => {
    const world = createOAuthWorld()
    const { promise, back } = await ask(world)
    const popup = world.open(back)
    expect(popup.windows.href()).not.toContain('code')
    expect(await promise).toMatchObject({ status: 'authenticated', user: { sub: 'ada' } })
    expect([popup.windows.isClosed, world.windows.popups[0]?.closed]).toEqual([true, true])
    popup.close()
    await world.clock.advance(600_000)
    expect((await world.client.fetch(`${API}/items`)).status).toBe(200)
    expect(world.client.session).toMatchObject({ status: 'authenticated', error: null })
    expect(world.id.reuses).toBe(0)
  })

  test('O21 the user closes it: login_cancelled within 3 s', async () => {
    const world = createOAuthWorld()
    const { login } = await ask(world)
    Object.assign(world.windows.popups[0] as object, { closed: true })
    await world.clock.advance(3_000)
    expect(login.state).toBe('login_cancelled')
  })

  test('O21 one that looks closed while the user types there is not taken for closed', async () => {
    const world = createOAuthWorld()
    const { login, promise, url } = await ask(world)
    Object.assign(world.windows.popups[0] as object, { closed: true })
    world.windows.focus = false
    await world.clock.advance(9 * 60_000)
    expect(login.state).toBe('pending')
    const popup = world.open((await world.id.authorize(url)).href)
    expect([(await promise).status, popup.windows.isClosed]).toEqual(['authenticated', true])
  })

  test('O22 a blocked popup rejects at once, and a redirect works from there', async () => {
    const world = createOAuthWorld()
    world.windows.blocksPopups = true
    await expect(world.client.login({ popup: true })).rejects.toMatchObject({ code: 'popup_blocked' })
    expect(world.calls()).toEqual([])
    void world.client.login().catch(() => {})
    expect((await (await world.back()).client.ready()).status).toBe('authenticated')
  })

  test('O23 the opener reloads meanwhile: the popup finishes on its own, and the opener’s tab gets the session', async () => {
    const world = createOAuthWorld()
    const { back } = await ask(world)
    const opener = world.reload()
    await opener.client.ready()
    const popup = world.open(back)
    const ready = popup.client.ready()
    await popup.clock.advance(1_001)
    await ready
    await popup.settle()
    expect([popup.client.session.status, popup.windows.isClosed]).toEqual(['authenticated', false])
    expect(opener.client.session.status).toBe('authenticated')
  })

  test.each(['abort', 'dispose'])('O24 %s closes the popup', async how => {
    const world = createOAuthWorld()
    const controller = new AbortController()
    const login = watch(world.client.login({ popup: true }, { signal: controller.signal }))
    await world.windows.asked()
    if (how === 'abort') controller.abort(new Error('enough'))
    else world.client.dispose()
    await world.settle()
    expect(login.state).toEqual(how === 'abort' ? new Error('enough') : 'disposed')
    expect(world.windows.popups[0]?.closed).toBe(true)
  })

  test.each(['abort', 'dispose'])('O24 %s closes it before its address is known, too', async how => {
    const world = createOAuthWorld({ oauth: { prepare: () => new Promise(() => {}) } })
    const controller = new AbortController()
    const login = watch(world.client.login({ popup: true }, { signal: controller.signal }))
    await world.settle()
    if (how === 'abort') controller.abort(new Error('enough'))
    else world.client.dispose()
    await world.settle()
    expect(login.state).toEqual(how === 'abort' ? new Error('enough') : 'disposed')
    expect(world.windows.popups[0]?.closed).toBe(true)
  })

  test('O24 a login that cannot begin closes it, too', async () => {
    const world = createOAuthWorld()
    world.id.fail('discovery', { status: 503 })
    await expect(world.client.login({ popup: true })).rejects.toMatchObject({ code: 'login_unavailable' })
    expect(world.windows.popups[0]?.closed).toBe(true)
  })

  test('O19 a refusal reaches the caller, and the session that exists is untouched', async () => {
    const world = await loggedIn()
    const login = watch(world.client.login({ popup: true, acrValues: 'gold' }))
    const url = await world.windows.asked()
    world.open((await world.id.authorize(url, { error: 'access_denied' })).href)
    await world.settle()
    expect(login.error).toMatchObject({ code: 'login_rejected', body: { error: 'access_denied' } })
    expect(world.client.session.status).toBe('authenticated')
  })

  test.each([
    ['with another state', (answer: string) => ({ answer: answer.replace('state=', 'state=x') })],
    ['that is no text', () => ({ answer: 1 })],
    ['with more in it', (answer: string) => ({ answer, more: 1 })],
    ['that is too long', (answer: string) => ({ answer: `${answer}&more=${'x'.repeat(10_000)}` })],
    ['that is nothing', () => null],
  ])('O19 a message %s is no answer', async (_, message) => {
    const world = createOAuthWorld()
    const { login, url, back } = await ask(world)
    const state = new URL(url).searchParams.get('state')
    const channel = world.environment.channel(`silent-refresh:oauth:${state}`)
    channel.postMessage(message(new URL(back).search))
    await world.settle()
    expect([login.state, world.id.count('token')]).toEqual(['pending', 0])
  })

  test.each([{}, [], { taken: false }, { taken: true, more: 1 }, null, 'taken'])(
    'O23 %j does not say that the opener has taken the answer',
    async message => {
      const world = createOAuthWorld()
      const { url, back } = await ask(world)
      const opener = world.reload()
      const popup = opener.open(back)
      const state = new URL(url).searchParams.get('state')
      opener.environment.channel(`silent-refresh:oauth:${state}`).postMessage(message)
      const ready = popup.client.ready()
      await popup.clock.advance(1_001)
      expect((await ready).status).toBe('authenticated')
    },
  )

  test('O19 without BroadcastChannel it says so, and the popup is closed', async () => {
    const world = createOAuthWorld({ world: { channel: 'throws' } })
    await expect(world.client.login({ popup: true })).rejects.toMatchObject({ code: 'unsupported' })
    expect(world.windows.popups[0]?.closed).toBe(true)
  })
})

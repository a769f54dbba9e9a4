// @vitest-environment node
import type { Client } from 'graphql-ws'
import type { Socket } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type SignedIn, signIn, until } from './signed-in.ts'

let page: SignedIn

const tokens = () => page.server.calls.map(({ token }) => token)

/** The blocks of each; the second also copes with a token that the server refuses before its time. */
const variants: [name: string, nth: number][] = [
  ['the first block', 0],
  ['the second block', 1],
]

describe.each(variants)('P4 graphql-ws, %s', (_, nth) => {
  let client: Client
  let heard: unknown[]
  let end: unknown

  function subscribe(): void {
    heard = []
    end = undefined
    client.subscribe(
      { query: 'subscription { hello }' },
      {
        next: ({ data }) => void heard.push(data?.hello),
        error: error => {
          end = error
        },
        complete: () => {
          end = 'complete'
        },
      },
    )
  }

  beforeEach(async () => {
    page = await signIn()
    client = (await page.load('graphql-ws', nth)).client
    subscribe()
    await until(() => heard.length === 1)
  })
  afterEach(async () => {
    await page.auth.logout()
    await page.close()
  })

  test('it connects with a token', () => {
    expect(heard).toEqual(['ada'])
    expect(tokens()).toEqual(['good'])
  })

  test('after the end of the token it connects again with a fresh one', async () => {
    page.expire()
    page.server.cut()
    await until(() => heard.length === 2)
    expect(tokens()).toEqual(['good', 'good'])
    expect(page.server.refreshes).toBe(1)
  })

  test('an auth server that is away is waited for', async () => {
    page.outage()
    page.server.cut()
    await until(() => heard.length === 2)
    expect(tokens()).toEqual(['good', 'none', 'good'])
    expect(page.server.refreshes).toBe(2)
  })

  test('after the logout it is refused, and tries no more', async () => {
    await page.auth.logout()
    page.server.cut()
    await until(() => end !== undefined)
    expect(tokens()).toEqual(['good'])
    subscribe()
    await until(() => end !== undefined)
    expect(end).toMatchObject({ code: 4403 })
    expect(tokens()).toEqual(['good', 'none'])
    expect(page.server.refreshes).toBe(0)
  })

  if (nth === 0) return

  test('a revoked token costs one refresh when it connects again', async () => {
    page.server.ledger.revokeAccess()
    page.server.cut()
    await until(() => heard.length === 2)
    expect(tokens()).toEqual(['good', 'bad', 'good'])
    expect(page.server.refreshes).toBe(1)
  })

  test('the logout ends it', async () => {
    await page.auth.logout()
    await until(() => end !== undefined)
    expect(tokens()).toEqual(['good'])
  })
})

describe.each(variants)('P4 socket.io-client, %s', (_, nth) => {
  let socket: Socket

  const hello = () => socket.timeout(20_000).emitWithAck('hello')
  const connected = () => until(() => socket.connected)

  async function cut(): Promise<void> {
    const gone = new Promise(resolve => socket.once('disconnect', resolve))
    page.server.cut()
    await gone
  }

  beforeEach(async () => {
    page = await signIn()
    socket = (await page.load('socket.io-client', nth)).socket
    await connected()
  })
  afterEach(async () => {
    await page.auth.logout()
    socket.disconnect()
    await page.close()
  })

  test('it connects with a token', async () => {
    expect(await hello()).toBe('ada')
    expect(tokens()).toEqual(['good'])
  })

  test('after the end of the token it connects again with a fresh one', async () => {
    page.expire()
    await cut()
    await connected()
    expect(await hello()).toBe('ada')
    expect(tokens()).toEqual(['good', 'good'])
    expect(page.server.refreshes).toBe(1)
  })

  test('after the logout it is refused, and tries no more', async () => {
    await page.auth.logout()
    socket.disconnect()
    const refused = new Promise<Error>(resolve => socket.once('connect_error', resolve))
    socket.connect()
    expect((await refused).message).toBe('unauthorized')
    expect(socket.active).toBe(false)
    expect(tokens()).toEqual(['good', 'none'])
    expect(page.server.refreshes).toBe(0)
  })

  if (nth === 0) return

  test('a revoked token costs one refresh when it connects again', async () => {
    page.server.ledger.revokeAccess()
    await cut()
    await connected()
    expect(tokens()).toEqual(['good', 'bad', 'good'])
    expect(page.server.refreshes).toBe(1)
  })

  test('an auth server that is away is waited for', async () => {
    page.outage()
    await cut()
    await connected()
    expect(tokens()).toEqual(['good', 'none', 'good'])
    expect(page.server.refreshes).toBe(2)
  })

  test('the logout ends it, and the next login opens it', async () => {
    await page.auth.logout()
    expect(socket.connected).toBe(false)
    await page.again()
    await connected()
    expect(tokens()).toEqual(['good', 'good'])
  })
})

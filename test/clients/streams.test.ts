// @vitest-environment node
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type SignedIn, signIn, until } from './signed-in.ts'

interface Stream {
  /** How it ended, once it has. */
  end: unknown
  stop(): void
}

type Start = (exports: Record<string, any>, onMessage: (data: string) => void) => Stream

const clients: Record<string, Start> = {
  '@microsoft/fetch-event-source': ({ listen }, onMessage) => {
    const stream: Stream = { end: undefined, stop: () => {} }
    const ended: Promise<void> = listen(onMessage)
    ended.then(
      () => (stream.end = 'resolved'),
      error => (stream.end = error),
    )
    return stream
  },
  eventsource: ({ listen }, onMessage) => {
    const source = listen(onMessage)
    let code: number | undefined
    source.onerror = (event: { code?: number }) => {
      code = event.code
    }
    return {
      get end() {
        return source.readyState === source.CLOSED ? (code ?? 'closed') : undefined
      },
      stop: () => source.close(),
    }
  },
}

let page: SignedIn
let heard: string[]
let stream: Stream

const tokens = () => page.server.calls.map(({ token }) => token)

async function hear(times: number): Promise<void> {
  await until(() => heard.length >= times)
  expect(heard).toEqual(Array(times).fill('ada'))
}

describe.each(Object.entries(clients))('P4 %s', (heading, start) => {
  beforeEach(async () => {
    page = await signIn()
    // One of them asks for a page.
    vi.stubGlobal('document', Object.assign(new EventTarget(), { hidden: false }))
    vi.stubGlobal('window', { setTimeout, clearTimeout })
    heard = []
    const exports = await page.load(heading)
    stream = start(exports, data => heard.push(data))
    await hear(1)
  })
  afterEach(async () => {
    await page.auth.logout()
    stream.stop()
    await page.close()
  })

  test('it is opened with the bearer', () => {
    expect(tokens()).toEqual(['good'])
  })

  test('after the end of the token it is opened again with a fresh one', async () => {
    page.expire()
    page.server.cut()
    await hear(2)
    expect(tokens()).toEqual(['good', 'good'])
    expect(page.server.refreshes).toBe(1)
  })

  test('a revoked token costs one refresh when it is opened again', async () => {
    page.server.ledger.revokeAccess()
    page.server.cut()
    await hear(2)
    expect(tokens()).toEqual(['good', 'bad', 'good'])
    expect(page.server.refreshes).toBe(1)
  })

  test('an auth server that is away is waited for', async () => {
    page.outage()
    page.server.cut()
    await hear(2)
    expect(tokens()).toEqual(['good', 'good'])
    expect(page.server.refreshes).toBe(2)
  })

  test('the logout ends it', async () => {
    await page.auth.logout()
    await until(() => stream.end !== undefined)
    expect(tokens()).toEqual(['good'])
  })

  test('opened when nobody is signed in, it is refused, and asks no more', async () => {
    await page.auth.logout()
    const { load, server } = page
    stream = start(await load(heading), data => heard.push(data))
    await until(() => stream.end !== undefined)
    expect(stream.end === 401 || stream.end instanceof Error).toBe(true)
    expect(server.calls.slice(1)).toMatchObject([{ token: 'none', status: 401 }])
    await hear(1)
  })
})

import type { Machine } from './machine.ts'
import type { AuthServer, Counts } from './server.ts'

/** What each client under test is made to look like; see `peers/`. */
export interface Candidate {
  login(): Promise<unknown>
  /** The status that the app gets to see; rejects where it gets an error. */
  get(url: string): Promise<number>
}

export interface Outcome extends Counts {
  requests: number
  failed: number
  /** Requests that neither succeed nor fail. */
  hung: number
  isAlive: boolean
  /** Timers that rang. */
  rung: number
}

export interface Given {
  server: AuthServer
  machine: Machine
  client: Candidate
}

const PARALLEL = 200
/** Seconds that an access token lives. */
export const LIFETIME = 300
const HOUR = 3_600_000
const PACE = 10_000

export const scenarios: Record<string, (given: Given) => Promise<Outcome>> = {
  /** A laptop wakes after lunch, and the page asks for everything at once. */
  expired: given => measure(given, ({ machine }) => machine.clock.sleep(HOUR)),

  /** A new signing key: nothing in the token shows that it is dead. */
  revoked: given => measure(given, ({ server }) => server.revokeTokens()),

  /** The 401 of a slow request comes when another one's refresh is long done. */
  late: given =>
    measure(
      given,
      ({ server }) => server.revokeTokens(),
      async ({ server, machine }, send) => {
        const slow = send('/items?hold')
        await machine.clock.advance(100)
        await machine.settles(send('/items'))
        // Later than what any client takes for the same moment.
        await machine.clock.advance(2_000)
        server.release()
        await machine.settles(slow)
      },
    ),

  /** The session was ended on the server, and the app asks twice. */
  dead: given =>
    measure(
      given,
      ({ server, machine }) => {
        server.endSession()
        machine.clock.sleep(HOUR)
      },
      async (given, send) => {
        await burst(given, send)
        await given.machine.clock.advance(1_000)
        await burst(given, send)
      },
    ),

  /** One tab, one request every ten seconds. */
  hour: given =>
    measure(
      given,
      () => {},
      async ({ machine }, send) => {
        const end = machine.clock.time + HOUR
        while (machine.clock.time < end) {
          await machine.settles(send('/items'))
          await machine.clock.advance(PACE - (machine.clock.time % PACE))
        }
      },
    ),
}

/** Settles when the request has, whatever came of it. */
type Send = (path: string) => Promise<void>

async function measure(
  given: Given,
  prepare: (given: Given) => void,
  run: (given: Given, send: Send) => Promise<void> = burst,
): Promise<Outcome> {
  const { server, machine, client } = given
  const isIn = client.login()
  await machine.settles(isIn)
  await isIn
  await machine.settles(client.get(`${server.origin}/items`))
  prepare(given)
  server.reset()
  const rung = machine.rung
  let requests = 0
  let fine = 0
  let failed = 0
  const send: Send = path => {
    requests++
    return client.get(`${server.origin}${path}`).then(
      status => void (status === 200 ? fine++ : failed++),
      () => void failed++,
    )
  }
  await run(given, send)
  const hung = requests - fine - failed
  return { ...server.counts, requests, failed, hung, isAlive: server.isAlive, rung: machine.rung - rung }
}

async function burst({ machine }: Given, send: Send): Promise<void> {
  await machine.settles(Promise.all(Array.from({ length: PARALLEL }, () => send('/items'))))
}

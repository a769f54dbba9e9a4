import { createAuthClient } from '../../../src/core.ts'
import { dpop } from '../../../src/dpop/index.ts'

// Runs in a page: what a signed request costs beside the same one unsigned, and beside the signature alone.

/** Milliseconds for one call, the median of the rounds. */
export interface Times {
  /** `crypto.subtle.sign` alone, of as many bytes as a proof has. */
  sign: number
  /** A request without a proof. */
  plain: number
  /** The same with one. */
  signed: number
}

declare global {
  interface Window {
    measure(rounds: number, calls: number): Promise<Times>
    /** Sends that many signed requests, twenty at a time. */
    burst(count: number): Promise<void>
  }
}

const ITEMS = '/items'
const TOKEN = { access_token: 'x'.repeat(800), expires_in: 3_600 }

/** Answers at once, so that nothing but the client's own work is measured. */
const answer = (type: string) => async (input: RequestInfo | URL) =>
  String(input).endsWith('/login')
    ? Response.json({ ...TOKEN, token_type: type })
    : new Response(null, { status: 204 })

const plain = createAuthClient({ tabs: false, restore: 'manual', fetch: answer('Bearer') })
const signed = createAuthClient({ ...dpop(), tabs: false, restore: 'manual', fetch: answer('DPoP') })
const ES256 = { name: 'ECDSA', hash: 'SHA-256' }

async function signature(): Promise<() => Promise<unknown>> {
  const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
    'sign',
  ])
  const bytes = crypto.getRandomValues(new Uint8Array(520))
  return () => crypto.subtle.sign(ES256, privateKey, bytes)
}

async function time(calls: number, call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  for (let index = 0; index < calls; index++) await call()
  return (performance.now() - start) / calls
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!

window.measure = async (rounds, calls) => {
  await Promise.all([plain.login({}), signed.login({})])
  const work = {
    sign: await signature(),
    plain: () => plain.fetch(ITEMS),
    signed: () => signed.fetch(ITEMS),
  }
  const names = Object.keys(work) as (keyof Times)[]
  for (const name of names) await time(calls, work[name])
  const times: Record<keyof Times, number[]> = { sign: [], plain: [], signed: [] }
  for (let round = 0; round < rounds; round++) {
    for (const name of names) times[name].push(await time(calls, work[name]))
  }
  return { sign: median(times.sign), plain: median(times.plain), signed: median(times.signed) }
}

window.burst = async count => {
  for (let sent = 0; sent < count; sent += 20) {
    await Promise.all(Array.from({ length: 20 }, () => signed.fetch(ITEMS)))
  }
}

import { installPage } from '../calls/page.ts'

// In a process of its own, with --expose-gc: node --expose-gc test/bench/leaks/measure.ts

/** Bytes in use before, after a third, two thirds and all of the work. */
export interface Plateaus {
  title: string
  heap: number[]
}

const ORIGIN = 'https://app.example.com'
installPage(ORIGIN)
const { createAuthClient, shareTabs } = await import(`${'../dist'}/core.js`)

const WARM_UP = 5_000
let issued = 0
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
function issue(): Response {
  const claims = {
    iss: 'bench',
    sub: 'ada',
    jti: issued++,
    iat: Math.floor(Date.now() / 1000),
    exp: 4_000_000_000,
  }
  const token = `${encode({ alg: 'none' })}.${encode(claims)}.bench`
  return new Response(JSON.stringify({ access_token: token, expires_in: 86_400 }))
}
const ok = { status: 200, redirected: false } as Response
/** No answer to an API call is made anew: what grows is the client's. */
const stub = async (_input: unknown, init?: RequestInit) => (init?.method === 'POST' ? issue() : ok)

const auth = createAuthClient({ baseUrl: ORIGIN, tabs: shareTabs(), fetch: stub, restore: 'manual' })
await auth.login({ email: 'ada' })
const nothing = () => {}

async function plateaus(title: string, count: number, work: () => unknown): Promise<Plateaus> {
  // What the engine compiles and caches on the way is no leak: it comes once.
  for (let index = 0; index < WARM_UP; index++) await work()
  const heap = [await inUse()]
  for (let third = 0; third < 3; third++) {
    for (let index = 0; index < count / 3; index++) await work()
    heap.push(await inUse())
  }
  return { title, heap }
}

async function inUse(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await new Promise(resolve => setTimeout(resolve, 20))
    globalThis.gc!()
  }
  return process.memoryUsage().heapUsed
}

const found = [
  await plateaus('1,000,000 requests', 1_000_000, () => auth.fetch(`${ORIGIN}/items`)),
  await plateaus('100,000 different URLs', 100_000, () => auth.fetch(`${ORIGIN}/items/${issued++}`)),
  await plateaus('10,000 refreshes', 10_000, () => auth.refresh()),
  await plateaus('100,000 subscriptions', 100_000, () => {
    auth.subscribe(nothing)()
    auth.on('refresh', nothing)()
  }),
]
process.stdout.write(JSON.stringify(found), () => process.exit())

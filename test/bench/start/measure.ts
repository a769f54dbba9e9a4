import { readFileSync } from 'node:fs'
import { Script } from 'node:vm'
import { installPage } from '../calls/page.ts'

/** Microseconds. */
export interface Started {
  evaluated: number
  created: number
}

const origin = 'https://app.example.com'
installPage(origin)
// Node makes these when they are first looked at, and a browser has them already.
const warm = [
  fetch,
  Headers,
  Request,
  Response,
  AbortController,
  BroadcastChannel,
  navigator.locks,
  structuredClone,
]
new BroadcastChannel('warm').close()
await navigator.locks.query()
new Request(origin, { headers: new Headers({ a: String(warm.length) }) })

const code = readFileSync(process.argv[2]!, 'utf8')
const first = performance.now()
const candidate = new Script(`${code};candidate`).runInThisContext() as {
  create(origin: string): Promise<unknown>
}
const second = performance.now()
// Up to its first await: nothing of that is a client's.
void candidate.create(origin)
const third = performance.now()
const micros = (ms: number) => Math.round(ms * 1000)
const started: Started = { evaluated: micros(second - first), created: micros(third - second) }
process.stdout.write(JSON.stringify(started), () => process.exit())

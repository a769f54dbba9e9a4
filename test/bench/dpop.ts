import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { engines } from '../browser/browsers.ts'
import type { Engine, Tab } from '../browser/engine.ts'
import { bundle } from './build.ts'
import { type Section, table } from './section.ts'

/** A proof costs at most as much as this many signatures alone, in the same run. */
const BAR = 1.5
/** Bytes that may be left of 10,000 signed requests: the engine's own caches move by as much. */
const LEFT = 256 * 1024
const ROUNDS = 15
const CALLS = 100
const REQUESTS = 10_000

/** What a proof of DPoP costs, in each engine that is there. */
export async function dpop(): Promise<Section> {
  const script = await bundle(`import './dpop/measure.ts'`)
  const server = createServer(({ url }, response) =>
    url === '/measure.js'
      ? response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
      : response
          .writeHead(200, { 'Content-Type': 'text/html' })
          .end('<!doctype html><title>bench</title><script type="module" src="/measure.js"></script>'),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const rows: (string | number)[][] = []
  const misses: string[] = []
  try {
    for (const engine of engines) {
      if (!engine.find()) {
        misses.push(`dpop: no ${engine.name} at ${engine.path}`)
        continue
      }
      const { sign, plain, signed, left } = await play(
        engine,
        `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      )
      const ratio = (signed - plain) / sign
      const memory = left === null ? '-' : (left / 1024).toFixed(0)
      rows.push([engine.name, ...[plain, signed, sign].map(ms => ms.toFixed(3)), ratio.toFixed(2), memory])
      if (ratio > BAR) misses.push(`dpop, ${engine.name}: a proof costs ${ratio.toFixed(2)} signatures`)
      if (left !== null && left > LEFT) misses.push(`dpop, ${engine.name}: ${memory} KiB are left`)
    }
  } finally {
    server.close()
    server.closeAllConnections()
  }
  const head = [
    '',
    'request, ms',
    'with a proof, ms',
    'one signature, ms',
    'proof ÷ signature',
    `KiB left of ${REQUESTS.toLocaleString('en')}`,
  ]
  return { tables: { dpop: table(head, rows) }, misses }
}

async function play(engine: Engine, url: string) {
  const browser = await engine.launch()
  try {
    const tab = await browser.newTab()
    await tab.goto(url)
    await tab.waitFor(() => 'measure' in window)
    const times = await tab.evaluate((rounds, calls) => window.measure(rounds, calls), ROUNDS, CALLS)
    return { ...times, left: engine.name === 'Chromium' ? await leftOver(tab) : null }
  } finally {
    await browser.close()
  }
}

/** What 10,000 signed requests leave on the heap. No other engine tells. */
async function leftOver(tab: Tab): Promise<number> {
  const cdp = await tab.raw!.createCDPSession()
  const used = async () => {
    await cdp.send('HeapProfiler.collectGarbage')
    return (await cdp.send('Runtime.getHeapUsage')).usedSize
  }
  const send = (count: number) => tab.evaluate(count => window.burst(count), count)
  // What the engine compiles and caches comes with the first ones.
  await send(2_000)
  const before = await used()
  for (let sent = 0; sent < REQUESTS; sent += 2_000) await send(2_000)
  return (await used()) - before
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cache, root } from '../../tools/report.ts'
import { plot } from './plot.ts'
import { sizeTable, table } from './report.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { OURS, type Schedule, schedules } from './schedules.ts'
import { type Result, simulate } from './simulate.ts'

// `npm run fleet`: every scenario under every schedule, in virtual time. `-- --million` runs the largest fleets too.

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    million: { type: 'boolean', default: false },
  },
})
const clients = Number(values.clients)
const seed = Number(values.seed)
const startedAt = performance.now()
const results: Result[] = []
const plots = resolve(root, 'docs/plots')

// Traces nobody reads: making them takes a fifth of the time.
Error.stackTraceLimit = 0
mkdirSync(plots, { recursive: true })
mkdirSync(cache, { recursive: true })

console.log(`${clients.toLocaleString('en')} clients in each scenario, each of them run; seed ${seed}.`)
console.log('Where the server has a limit it is a share of the fleet: the picture is the same at any size.\n')
for (const scenario of scenarios) {
  const rows: [Schedule, Result][] = []
  for (const schedule of schedules) {
    if (schedule.fits?.(scenario) ?? true) rows.push([schedule, await run(scenario, schedule, clients)])
  }
  console.log(`${table(scenario, rows)}\n`)
  writeFileSync(resolve(plots, `fleet-${scenario.name}.svg`), plot(scenario, rows))
}

const sizes = values.million ? [1_000, 10_000, 100_000, 1_000_000] : [1_000, 10_000]
console.log('### The steady state by the size of the fleet\n')
console.log(
  'Above 10,000 clients: so many batches of 10,000, each of them run, and the sum of what they sent.\n',
)
const bySize: Result[] = []
for (const size of sizes) bySize.push(await run(scenarios[0]!, OURS, size))
console.log(sizeTable(bySize))

writeFileSync(resolve(cache, 'fleet.json'), `${JSON.stringify({ seed, results })}\n`)
console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s, plots in docs/plots`)

async function run(scenario: Scenario, schedule: Schedule, size: number): Promise<Result> {
  const result = await simulate(scenario, schedule, size, seed)
  results.push(result)
  return result
}

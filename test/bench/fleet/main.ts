import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cache, root } from '../../tools/report.ts'
import { plot } from './plot.ts'
import { sizeTable, table } from './report.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { OURS, type Schedule, schedules } from './schedules.ts'
import { type Result, simulate } from './simulate.ts'

// `npm run fleet`: every scenario under every schedule, in virtual time, into docs/fleet.md and docs/plots.
// `npm run fleet -- --sizes 1000,1000000` runs the steady state of such fleets instead.

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    sizes: { type: 'string' },
  },
})
const seed = Number(values.seed)
const results: Result[] = []
const docs = resolve(root, 'docs')

// Traces that nobody reads: making them takes a fifth of the time.
Error.stackTraceLimit = 0
mkdirSync(resolve(docs, 'plots'), { recursive: true })
mkdirSync(cache, { recursive: true })

if (values.sizes) await compareSizes(values.sizes.split(',').map(Number))
else await compareSchedules(Number(values.clients))

const { user, system } = process.cpuUsage()
console.log(`\n${Math.round((user + system) / 1e6)} s of processor time`)

async function compareSchedules(clients: number): Promise<void> {
  const sections = [
    `${clients.toLocaleString('en')} clients in each scenario, every one of them run for real; seed ${seed}.`,
  ]
  for (const scenario of scenarios) {
    const rows: [Schedule, Result][] = []
    for (const schedule of schedules) {
      if (schedule.fits?.(scenario) ?? true) rows.push([schedule, await run(scenario, schedule, clients)])
    }
    const file = `plots/fleet-${scenario.name}.svg`
    writeFileSync(resolve(docs, file), plot(scenario, rows))
    sections.push(`${table(scenario, rows)}\n\n![${scenario.title}](${file})`)
    console.log(`${table(scenario, rows)}\n`)
  }
  record('schedules', sections.join('\n\n'))
}

async function compareSizes(sizes: number[]): Promise<void> {
  const rows: Result[] = []
  for (const size of sizes) rows.push(await run(scenarios[0]!, OURS, size))
  console.log(sizeTable(rows))
  record('sizes', sizeTable(rows))
}

async function run(scenario: Scenario, schedule: Schedule, size: number): Promise<Result> {
  const result = await simulate(scenario, schedule, size, seed)
  results.push(result)
  return result
}

/** The numbers into the cache, the tables between their marks in the page. */
function record(name: string, text: string): void {
  writeFileSync(resolve(cache, `fleet-${name}.json`), `${JSON.stringify({ seed, results })}\n`)
  const page = resolve(docs, 'fleet.md')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const whole = readFileSync(page, 'utf8')
  const [before, after] = [whole.indexOf(begin), whole.indexOf(end)]
  if (before < 0 || after < before) throw new Error(`${page} has no place for ${begin}`)
  writeFileSync(page, `${whole.slice(0, before + begin.length)}\n\n${text}\n\n${whole.slice(after)}`)
}

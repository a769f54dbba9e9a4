import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BENCH_PAGES, placeIn, readPages, withPlace } from '../tools/places.ts'
import { root } from '../tools/report.ts'
import { bench, buildOurs } from './build.ts'
import { comparisonTables } from './comparison.ts'
import type { Section } from './section.ts'

// npm run bench [-- --only calls,sizes] [--write]: prints what docs/performance.md and README.md show, `--write` puts it there,
// and makes docs/comparison.md of it.
// Ends with 1 where a ratio or a count is worse than its bar.

const sections: Record<string, () => Promise<Section>> = {
  sizes: async () => (await import('./sizes.ts')).sizes(),
  requests: async () => (await import('./requests.ts')).requests(),
  calls: async () => (await import('./calls.ts')).calls(),
  tabs: async () => (await import('./tabs.ts')).tabs(),
  oauth: async () => (await import('./oauth.ts')).oauth(),
  start: async () => (await import('./start.ts')).start(),
  leaks: async () => (await import('./leaks.ts')).leaks(),
  dpop: async () => (await import('./dpop.ts')).dpop(),
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, write: { type: 'boolean', default: false } },
})
const names = values.only?.split(',') ?? Object.keys(sections)
const unknown = names.find(name => !Object.hasOwn(sections, name))
if (unknown !== undefined) {
  console.error(`"${unknown}" is none of ${Object.keys(sections).join(', ')}`)
  process.exit(2)
}

installPeers()
await buildOurs()
const misses: string[] = []
for (const name of names) {
  const section = await sections[name]!()
  misses.push(...section.misses)
  for (const [place, text] of Object.entries(section.tables)) {
    console.log(`\n${place}\n\n${text}`)
    if (values.write) write(place, text)
  }
}
if (values.write) {
  write('machine', `${cpus().length} × ${cpus()[0]!.model}, Node ${process.versions.node}`)
  const measured = comparisonTables(readPages()['docs/performance.md']!)
  for (const [place, text] of Object.entries(measured)) write(place, text)
}
console.log(
  misses.length
    ? `\nWorse than the bar:\n${misses.map(miss => `  ${miss}`).join('\n')}`
    : '\nEvery bar is held.',
)
process.exitCode = misses.length ? 1 : 0

function installPeers(): void {
  if (existsSync(resolve(bench, 'node_modules'))) return
  const { status } = spawnSync(
    'npm',
    ['ci', '--prefix', bench, '--ignore-scripts', '--no-audit', '--no-fund'],
    {
      stdio: 'inherit',
    },
  )
  if (status !== 0) process.exit(1)
}

function write(place: string, text: string): void {
  const pages = Object.entries(readPages(BENCH_PAGES)).filter(
    ([, page]) => placeIn(page, place) !== undefined,
  )
  if (pages.length === 0) throw new Error(`neither ${BENCH_PAGES.join(' nor ')} has a place for ${place}`)
  for (const [path, page] of pages) writeFileSync(resolve(root, path), withPlace(page, place, text))
}

import { readFileSync, rmSync } from 'node:fs'
import { engines } from './browser/browsers.ts'
import { engineTable } from './tools/engine-table.ts'
import { parseReport, reportPath, type TestCase, writeCount } from './tools/report.ts'
import { run, tsc } from './tools/steps.ts'

// `npm test` runs everything; `npm test -- <file or vitest option> …` only the tests that are named.
const only = process.argv.slice(2)
const whole = only.length === 0

rmSync(reportPath, { force: true }) // a run that breaks off must not leave an older one's verdict behind

const prepared = whole
  ? run('node', [tsc, '-p', '.']) &&
    run('tsup', ['--silent']) &&
    run('vite', ['build', 'demo/app', '--logLevel', 'warn'])
  : true
const passed =
  prepared &&
  run('vitest', [
    ...['run', '--config', 'test/vitest.config.ts'],
    ...(whole ? ['--reporter', 'default', '--reporter', 'json', `--outputFile.json=${reportPath}`] : only),
  ])

if (whole) summarize(readTests())
process.exitCode = passed ? 0 : 1

function readTests(): TestCase[] {
  try {
    return parseReport(JSON.parse(readFileSync(reportPath, 'utf8')))
  } catch {
    return [] // nothing was run: types, build or vitest itself failed, and said so above
  }
}

function summarize(tests: TestCase[]): void {
  const count = (status: TestCase['status']) => tests.filter(test => test.status === status).length
  // What fails outside a test (types, the build, an unhandled rejection) counts as one.
  const failed = Math.max(count('failed'), passed ? 0 : 1)
  writeCount('test', count('passed'), failed)

  const missing = engines.filter(engine => !engine.find())
  for (const { name, path } of missing) console.log(`skipped: ${name} (not found at ${path})`)
  for (const { file, titles, status } of tests) {
    const told = missing.some(({ name }) => titles[0]?.startsWith(`${name} (`))
    if (status === 'skipped' && !told) console.log(`skipped: ${titles.join(' > ')} (${file})`)
  }

  const names = engines.map(({ name }) => name)
  if (tests.length > 0) console.log(`\n${engineTable(tests, names).join('\n')}\n`)
}

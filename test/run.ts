import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { engines } from './browser/browsers.ts'
import { engineTable } from './tools/engine-table.ts'
import { cache, nameOf, reportPath, type TestCase, tell, writeBeside } from './tools/report.ts'
import { output, run, tsc } from './tools/steps.ts'
import { judge, patternOf, toRunAgain, type Verdict } from './tools/verdict.ts'

// `npm test` runs everything; `npm test -- <file or vitest option> …` only the tests that are named.
const only = process.argv.slice(2)
const vitest = ['run', '--config', 'test/vitest.config.ts']

const passed = only.length === 0 ? everything() : run('vitest', [...vitest, ...only])
process.exitCode = passed ? 0 : 1

/** A failure in a browser is looked at once more, alone: what passes then is flaky, and its cause is to be found. */
function everything(): boolean {
  rmSync(reportPath, { force: true }) // a run that breaks off must not leave the verdict of an older one behind
  const broken = prepare()
  const first = broken ? [broken] : runTests(reportPath)
  const reruns = toRunAgain(first).map(target => {
    console.log(`\nonce more, alone: ${nameOf(target)}`)
    const pattern = patternOf(target)
    const again = ['--project', 'browser', target.file, ...(pattern ? ['-t', pattern] : [])]
    return { target, tests: runTests(resolve(cache, 'again.json'), again) }
  })
  const verdict = judge(first, reruns)
  if (!broken) writeFileSync(reportPath, JSON.stringify(verdict.tests))
  summarize(verdict)
  return verdict.failed.length === 0
}

/** Types, and what the tests need built. */
function prepare(): TestCase | null {
  const steps: Record<string, () => string> = {
    types: () => output('node', [tsc, '-p', '.']),
    build: () => output('tsup', ['--silent']),
    'the page of the demo': () => output('vite', ['build', 'demo/app', '--logLevel', 'warn']),
  }
  for (const [name, step] of Object.entries(steps)) {
    try {
      step()
    } catch (error) {
      return { file: '', titles: [name], status: 'failed', story: String(error) }
    }
  }
  return null
}

function runTests(report: string, args: string[] = []): TestCase[] {
  const reporters = [
    '--reporter',
    'default',
    '--reporter',
    './test/tools/reporter.ts',
    '--outputFile',
    report,
  ]
  const succeeded = run('vitest', [...vitest, ...reporters, ...args])
  const tests = readTests(report)
  const isTold = succeeded ? tests.length > 0 : tests.some(({ status }) => status === 'failed')
  if (isTold) return tests
  return [...tests, { file: '', titles: ['vitest'], status: 'failed', story: 'It ended without a verdict.' }]
}

function readTests(report: string): TestCase[] {
  try {
    return JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    return [] // vitest itself broke off, and said so above
  }
}

function summarize({ tests, failed, flaky }: Verdict): void {
  const missing = engines.filter(engine => !engine.find())
  for (const { name, path } of missing) console.log(`skipped: ${name} (not found at ${path})`)
  for (const test of tests) {
    const told = missing.some(({ name }) => test.titles[0]?.startsWith(`${name} (`))
    if (test.status === 'skipped' && !told) console.log(`skipped: ${nameOf(test)}`)
  }

  const names = engines.map(({ name }) => name)
  if (tests.length > 1) console.log(`\n${engineTable(tests, names).join('\n')}\n`)

  const stories = [
    ...flaky.map(test => tell('flaky', test)),
    ...failed.map(test => tell('FAILED', test)),
  ].join('\n')
  console.log(stories)
  writeBeside(reportPath, 'failed', stories)
  const count = tests.filter(({ status }) => status === 'passed').length
  writeBeside(reportPath, 'count', `${count} ${failed.length}\n`)
}

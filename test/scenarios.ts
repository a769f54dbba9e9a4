import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { idsIn, idsOf, readReport, root, type TestCase } from './tools/report.ts'
import { run } from './tools/steps.ts'

// `npm run scenarios` runs the tests first; with `--from-report` it reads what `npm test` left.

interface Scenario {
  id: string
  planned: boolean
  sentence: string
}

const SCENARIO = /^- ([A-Z]\d+) (\(planned\) )?(.+)$/gm

function readScenarios(): Scenario[] {
  const list = readFileSync(resolve(root, 'test/scenarios.md'), 'utf8')
  return [...list.matchAll(SCENARIO)].map(([, id = '', planned, sentence = '']) => ({
    id,
    planned: planned !== undefined,
    sentence,
  }))
}

function verdict({ planned }: Scenario, tests: TestCase[]): { holds: boolean; word: string } {
  if (tests.some(test => test.status === 'failed')) return { holds: false, word: 'FAILING' }
  if (tests.some(test => test.status === 'passed')) return { holds: true, word: 'passing' }
  if (planned) return { holds: true, word: 'planned' }
  return { holds: false, word: tests.length ? 'SKIPPED' : 'NO TEST' }
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

if (!process.argv.includes('--from-report')) run('node', ['test/run.ts'])

const scenarios = readScenarios()
const tests = readReport()
const problems: string[] = []

for (const scenario of scenarios) {
  const naming = tests.filter(test => idsOf(test).has(scenario.id))
  const { holds, word } = verdict(scenario, naming)
  if (!holds) problems.push(`${scenario.id}: ${word}`)
  const count = `${naming.length} ${naming.length === 1 ? 'test' : 'tests'}`
  console.log(
    `${scenario.id.padEnd(4)} ${word.padEnd(8)} ${count.padStart(9)}  ${shorten(scenario.sentence, 82)}`,
  )
  for (const [name, times] of grouped(scenario.id, naming)) {
    console.log(`${' '.repeat(25)}- ${shorten(name, 80)}${times > 1 ? ` (${times})` : ''}`)
  }
}

const known = new Set(scenarios.map(({ id }) => id))
for (const test of tests) {
  for (const id of idsOf(test)) {
    if (!known.has(id))
      problems.push(`${id}: named by "${test.titles.join(' > ')}", not in test/scenarios.md`)
  }
}

const planned = scenarios.filter(scenario => scenario.planned).length
console.log(`\n${scenarios.length} scenarios, ${planned} of them planned, ${problems.length} problems`)
for (const problem of problems) console.log(`  ${problem}`)
process.exitCode = problems.length === 0 ? 0 : 1

/** Parametrised tests (`R5 …: FormData`) are many, and one line. */
function grouped(id: string, tests: TestCase[]): Map<string, number> {
  const names = new Map<string, number>()
  for (const { titles } of tests) {
    const name = (titles.find(title => idsIn(title).includes(id)) ?? '').replace(/: [^:]*$/, ': …')
    names.set(name, (names.get(name) ?? 0) + 1)
  }
  return names
}

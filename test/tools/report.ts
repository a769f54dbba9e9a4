import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

export const root: string = resolve(import.meta.dirname, '../..')
/** Outside git, and gone with every `npm ci`. */
export const cache: string = resolve(root, 'node_modules/.cache/silent-refresh')
export const reportPath: string = resolve(cache, 'report.json')

export interface TestCase {
  file: string
  /** From the outermost suite to the test itself. */
  titles: string[]
  status: 'passed' | 'failed' | 'skipped'
}

const NAMED = /^[RTFCMSPINE]\d{1,2}(?:, [RTFCMSPINE]\d{1,2})*(?=[ :])/

interface JsonReport {
  success: boolean
  testResults: {
    name: string
    status: string
    assertionResults: { ancestorTitles: string[]; title: string; status: string }[]
  }[]
}

/** The tests of the last full `npm test`; throws where that is missing or older than what it tested. */
export function readReport(): TestCase[] {
  if (!existsSync(reportPath)) throw new Error('no test report: run npm test first')
  const made = statSync(reportPath).mtimeMs
  const newer = globSync('{src,test,demo}/**/*.{ts,html,css}', {
    cwd: root,
    exclude: ['demo/app/dist/**'],
  }).find(file => statSync(resolve(root, file)).mtimeMs > made)
  if (newer) throw new Error(`the test report is older than ${newer}: run npm test first`)
  return parseReport(JSON.parse(readFileSync(reportPath, 'utf8')))
}

export function parseReport({ testResults }: JsonReport): TestCase[] {
  return testResults.flatMap(({ name, status, assertionResults }): TestCase[] => {
    const file = name.replace(`${root}/`, '')
    const tests = assertionResults.map(({ ancestorTitles, title, status }): TestCase => {
      const known = status === 'passed' || status === 'failed'
      return { file, titles: [...ancestorTitles, title], status: known ? status : 'skipped' }
    })
    // A file that does not load, or whose hook fails, reports no failed test of its own.
    const broken = status === 'failed' && !tests.some(test => test.status === 'failed')
    return broken ? [...tests, { file, titles: ['the file itself'], status: 'failed' }] : tests
  })
}

/** The scenarios that open the test's title or that of a suite around it: `R3 a late 401 …`, `R1, R2 …`. */
export function idsOf({ titles }: TestCase): Set<string> {
  return new Set(titles.flatMap(idsIn))
}

export function idsIn(title: string): string[] {
  return NAMED.exec(title)?.[0].split(', ') ?? []
}

/** For `.ci/run`, which adds the counts up. */
export function writeCount(name: 'test' | 'check', passed: number, failed: number): void {
  mkdirSync(cache, { recursive: true })
  writeFileSync(resolve(cache, `${name}.count`), `${passed} ${failed}\n`)
}

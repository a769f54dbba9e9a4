import { existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export const root: string = resolve(import.meta.dirname, '../..')
/** Outside git, and gone with every `npm ci`. */
export const cache: string = resolve(root, 'node_modules/.cache/silent-refresh')
/** What test/tools/reporter.ts writes, as test/run.ts has judged it. */
export const reportPath: string = resolve(cache, 'test.json')

export interface TestCase {
  file: string
  /** From the outermost suite to the test itself. A hook that fails stands for its suite; the file's own has none. */
  titles: string[]
  status: 'passed' | 'failed' | 'skipped'
  /** Of a failure: its errors, and what the test printed before. */
  story?: string
}

const NAMED = /^[RTFCMSPINEOD]\d{1,2}(?:, [RTFCMSPINEOD]\d{1,2})*(?=[ :])/

/** The tests of the last full `npm test`; throws where that is missing or older than what it tested. */
export function readReport(): TestCase[] {
  if (!existsSync(reportPath)) throw new Error('no test report: run npm test first')
  const made = statSync(reportPath).mtimeMs
  const newer = globSync('{src,test,demo}/**/*.{ts,html,css}', {
    cwd: root,
    exclude: ['demo/{app,static}/dist/**', 'demo/apps/**'],
  }).find(file => statSync(resolve(root, file)).mtimeMs > made)
  if (newer) throw new Error(`the test report is older than ${newer}: run npm test first`)
  return JSON.parse(readFileSync(reportPath, 'utf8'))
}

/** The scenarios that open the test's title or that of a suite around it: `R3 a late 401 …`, `R1, R2 …`. */
export function idsOf({ titles }: TestCase): Set<string> {
  return new Set(titles.flatMap(idsIn))
}

export function idsIn(title: string): string[] {
  return NAMED.exec(title)?.[0].split(', ') ?? []
}

export const nameOf = ({ file, titles }: TestCase): string =>
  `${titles.join(' > ') || 'the file itself'}${file ? ` (${file})` : ''}`

/** One failure as it is printed: a headline, and its story below. */
export const tell = (word: 'FAILED' | 'flaky', test: TestCase): string =>
  `${word}  ${nameOf(test)}\n${(test.story ?? '').trim().replace(/^/gm, '        ')}\n`

/**
 * For `.ci/run`, beside the report of the same name: `.count` is added up, `.failed` is printed at its end. A run that is
 * ended from outside leaves what was known by then.
 */
export function writeBeside(report: string, kind: 'count' | 'failed', text: string): void {
  mkdirSync(dirname(report), { recursive: true })
  writeFileSync(report.replace(/\.json$/, `.${kind}`), text)
}

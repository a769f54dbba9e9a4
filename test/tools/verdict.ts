import type { TestCase } from './report.ts'

/** So many are forgiven in one run. */
const MOST_FLAKY = 2
/** More failures than this are no chance, and would take their time. */
const MOST_AGAIN = 10

export interface Rerun {
  /** What failed in the whole run: a test, or a suite or file whose hook failed. */
  target: TestCase
  /** What its run alone reported. */
  tests: TestCase[]
}

export interface Verdict {
  /** As they count. */
  tests: TestCase[]
  failed: TestCase[]
  /** What failed, and passed when it was alone: each with its first story. */
  flaky: TestCase[]
}

const hasFailed = ({ status }: TestCase): boolean => status === 'failed'

const isWithin = (test: TestCase, around: TestCase): boolean =>
  test.file === around.file && around.titles.every((title, depth) => test.titles[depth] === title)

/** Browsers alone have moods. A test of a suite that is run again as a whole is run with it. */
export function toRunAgain(tests: TestCase[]): TestCase[] {
  const failed = tests.filter(test => hasFailed(test) && test.file.startsWith('test/browser/'))
  const outermost = failed.filter(test => !failed.some(other => other !== test && isWithin(test, other)))
  return outermost.length > MOST_AGAIN ? [] : outermost
}

/** For Vitest's `-t`: this test, or all of this suite; of a file everything. */
export function patternOf({ titles }: TestCase): string {
  const name = titles.join(' > ').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return titles.length > 0 ? `^${name}( > |$)` : ''
}

export function judge(first: TestCase[], reruns: Rerun[]): Verdict {
  const passedAlone = reruns.filter(
    ({ target, tests }) =>
      !tests.some(hasFailed) && tests.some(test => isWithin(test, target) && test.status === 'passed'),
  )
  const flaky = passedAlone.map(({ target }) => target)
  const forgiven = flaky.length > MOST_FLAKY ? [] : passedAlone
  const tests = forgiven.reduce(
    (known, { target, tests }) => [
      ...known.filter(test => !isWithin(test, target)),
      ...tests.filter(test => isWithin(test, target)),
    ],
    first,
  )
  return { tests, failed: tests.filter(hasFailed), flaky }
}

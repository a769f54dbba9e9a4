import { describe, expect, test } from 'vitest'
import { type TestCase, tell } from './tools/report.ts'
import { judge, patternOf, type Rerun, toRunAgain } from './tools/verdict.ts'

const TABS = 'test/browser/tabs.test.ts'
const one = (status: TestCase['status'], name: string, file = TABS): TestCase => ({
  file,
  titles: name.split(' > ').filter(Boolean),
  status,
  ...(status === 'failed' && { story: `why ${name}` }),
})
const passed = (name: string, file?: string) => one('passed', name, file)
const failed = (name: string, file?: string) => one('failed', name, file)
const skipped = (name: string, file?: string) => one('skipped', name, file)
const names = (tests: TestCase[]) => tests.map(({ titles }) => titles.join(' > '))

describe('what is run again', () => {
  test('a failed test of a browser, and no other', () => {
    const tests = [
      failed('WebKit > M8 a tab closed'),
      passed('WebKit > M7 four tabs'),
      skipped('WebKit > M5 a tab frozen'),
      failed('M8 closed', 'test/tabs.test.ts'),
      failed('types', ''),
    ]
    expect(names(toRunAgain(tests))).toEqual(['WebKit > M8 a tab closed'])
  })

  test('a suite whose hook failed, as a whole: its tests are not run twice', () => {
    const tests = [failed('WebKit > M8 a tab closed'), failed('WebKit'), failed('Firefox > M7 four tabs')]
    expect(names(toRunAgain(tests))).toEqual(['WebKit', 'Firefox > M7 four tabs'])
    expect(toRunAgain([...tests, failed('')])).toEqual([failed('')])
  })

  test('nothing, where so much has failed that it is no chance', () => {
    const tests = (count: number) => Array.from({ length: count }, (_, n) => failed(`WebKit > ${n}`))
    expect(toRunAgain(tests(10))).toHaveLength(10)
    expect(toRunAgain(tests(11))).toEqual([])
  })

  test('it is named so that no other is meant', () => {
    const pattern = new RegExp(patternOf(failed('WebKit > S2 tabs "share": no [token] (at all)?')))
    expect(pattern.test('WebKit > S2 tabs "share": no [token] (at all)?')).toBe(true)
    expect(pattern.test('WebKit > S2 tabs "share": no [token] (at all)? or so')).toBe(false)
    expect(pattern.test('another WebKit > S2 tabs "share": no [token] (at all)?')).toBe(false)
    const suite = new RegExp(patternOf(failed('WebKit')))
    expect(['WebKit > M8', 'WebKit 2 > M8', 'M8'].map(name => suite.test(name))).toEqual([true, false, false])
    expect(new RegExp(patternOf(failed(''))).test('anything')).toBe(true)
  })
})

describe('the verdict', () => {
  const again = (name: string, ...tests: TestCase[]): Rerun => ({ target: failed(name), tests })

  test('is that of the first run, where nothing failed', () => {
    const tests = [passed('WebKit > M7'), skipped('WebKit > M5')]
    expect(judge(tests, [])).toEqual({ tests, failed: [], flaky: [] })
  })

  test('a test that passes alone is flaky: it counts as passed, and its first story is kept', () => {
    const first = [passed('WebKit > M7'), failed('WebKit > M8')]
    const {
      tests,
      failed: left,
      flaky,
    } = judge(first, [again('WebKit > M8', skipped('WebKit > M7'), passed('WebKit > M8'))])
    expect(tests).toEqual([passed('WebKit > M7'), passed('WebKit > M8')])
    expect(left).toEqual([])
    expect(flaky.map(test => tell('flaky', test))).toEqual([
      `flaky  WebKit > M8 (${TABS})\n        why WebKit > M8\n`,
    ])
  })

  test('one that fails again stays what it was', () => {
    const first = [failed('WebKit > M8')]
    expect(judge(first, [again('WebKit > M8', failed('WebKit > M8'))])).toEqual({
      tests: first,
      failed: first,
      flaky: [],
    })
  })

  test.each([
    ['was not found', []],
    ['was skipped', [skipped('WebKit > M8')]],
    ['passed beside an error outside the tests', [passed('WebKit > M8'), failed('an error', '')]],
  ])('one that %s is not excused', (_, tests) => {
    const { failed: left, flaky } = judge([failed('WebKit > M8')], [again('WebKit > M8', ...tests)])
    expect(names(left)).toEqual(['WebKit > M8'])
    expect(flaky).toEqual([])
  })

  test('two are forgiven, a third makes all of them count', () => {
    const three = ['M6', 'M7', 'M8'].map(name => `WebKit > ${name}`)
    const judged = (names: string[]) =>
      judge(
        names.map(name => failed(name)),
        names.map(name => again(name, passed(name))),
      )
    expect(names(judged(three.slice(1)).failed)).toEqual([])
    expect(names(judged(three).failed)).toEqual(three)
    expect(names(judged(three).flaky)).toEqual(three)
  })

  test('one that is excused excuses no other', () => {
    const first = [failed('WebKit > M8'), failed('M8 closed', 'test/tabs.test.ts')]
    const { failed: left, flaky } = judge(first, [again('WebKit > M8', passed('WebKit > M8'))])
    expect(names(left)).toEqual(['M8 closed'])
    expect(names(flaky)).toEqual(['WebKit > M8'])
  })

  test('of a suite whose hook failed, all tests count as they went the second time', () => {
    const first = [passed('Firefox > M8'), skipped('WebKit > M5'), skipped('WebKit > M8'), failed('WebKit')]
    const { tests, failed: left } = judge(first, [
      again('WebKit', skipped('Firefox > M8'), skipped('WebKit > M5'), passed('WebKit > M8')),
    ])
    expect(tests).toEqual([passed('Firefox > M8'), skipped('WebKit > M5'), passed('WebKit > M8')])
    expect(left).toEqual([])
  })

  test('a file that did not load is asked for all of its tests', () => {
    const first = [failed(''), passed('Firefox > M8', 'test/browser/modes.test.ts')]
    expect(judge(first, [again('', passed('WebKit > M8'), failed('Firefox > M8'))]).failed).toEqual([
      failed(''),
    ])
    expect(names(judge(first, [again('', passed('WebKit > M8'))]).tests)).toEqual([
      'Firefox > M8',
      'WebKit > M8',
    ])
  })
})

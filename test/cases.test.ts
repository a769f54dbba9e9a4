import { expect, test } from 'vitest'
import { programs, runCase } from './tools/cases.ts'

test('there are programs in test/cases', () => {
  expect(programs.length).toBeGreaterThan(25)
})

// Some wait for as long as an app would.
test.concurrent.each(programs)('the fault of test/cases/%s is not there', name => runCase(name))

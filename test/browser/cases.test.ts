import { describe, test } from 'vitest'
import { inBrowsers, runCase } from '../tools/cases.ts'
import { chromium, engines } from './browsers.ts'
import { describeEngine } from './describe-engine.ts'

describe.each(Object.entries(inBrowsers))('%s', (name, needed) => {
  // Named by the first one that is missing.
  const engine = engines.find(({ name, find }) => needed.some(each => each === name) && !find()) ?? chromium
  describeEngine(engine, () => {
    test(`the fault of test/cases/${name} is not there`, () => runCase(name))
  })
})

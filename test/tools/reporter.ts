import { rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Reporter, TestModule, TestSuite, TestCase as VitestCase } from 'vitest/node'
import { root, type TestCase, tell, writeBeside } from './report.ts'

interface Failure {
  message: string
  stack?: string
  diff?: string
  cause?: unknown
}

/**
 * Writes all tests to `--outputFile`, as a list of `TestCase`. What fails is printed at once: a run that is ended from
 * outside never comes to its summary.
 */
export default function createReporter(): Reporter {
  const printed = new Map<string, string>()
  const passed = new Set<string>()
  const failed = new Map<string, () => TestCase>()
  let report = ''

  function keep(entity: VitestCase | TestSuite | TestModule, errors: readonly Failure[]): void {
    const describe = (): TestCase => ({
      ...place(entity),
      status: 'failed',
      story: [printed.get(entity.id) ?? '', ...errors.map(toText)].join('\n'),
    })
    failed.set(entity.id, describe)
    console.log(tell('FAILED', describe()))
    save()
  }

  function save(): void {
    writeBeside(report, 'count', `${passed.size} ${failed.size}\n`)
    writeBeside(report, 'failed', [...failed.values()].map(describe => tell('FAILED', describe())).join('\n'))
  }

  return {
    onInit({ config }) {
      report = resolve(root, String(config.outputFile))
      rmSync(report, { force: true }) // a run that breaks off must not leave the verdict of an older one behind
    },
    onUserConsoleLog({ taskId = '', content }) {
      printed.set(taskId, (printed.get(taskId) ?? '') + content)
    },
    onTestCaseResult(test) {
      const { state, errors } = test.result()
      if (state === 'passed') passed.add(test.id)
      if (state === 'failed') keep(test, errors)
    },
    onTestSuiteResult(suite) {
      if (suite.errors().length > 0) keep(suite, suite.errors())
    },
    onTestModuleEnd(module) {
      if (module.errors().length > 0) keep(module, module.errors())
      save()
    },
    onTestRunEnd(modules, unhandledErrors) {
      const tests = modules.flatMap(module =>
        [...module.children.allTests()].map((test): TestCase => {
          const { state } = test.result()
          return { ...place(test), status: state === 'passed' || state === 'failed' ? state : 'skipped' }
        }),
      )
      const failures = [...failed.values()].map(describe => describe())
      for (const error of unhandledErrors) {
        failures.push({
          file: '',
          titles: ['an error outside the tests'],
          status: 'failed',
          story: toText(error),
        })
      }
      // A worker that ended leaves its file in the middle.
      for (const module of modules) {
        const isOver = module.ok() && module.state() !== 'pending' && module.state() !== 'queued'
        if (isOver || failures.some(({ file }) => file === module.relativeModuleId)) continue
        failures.push({ ...place(module), status: 'failed', story: 'It did not come to its end.' })
      }
      writeFileSync(
        report,
        JSON.stringify([...tests.filter(({ status }) => status !== 'failed'), ...failures]),
      )
    },
  }
}

function place(entity: VitestCase | TestSuite | TestModule): Pick<TestCase, 'file' | 'titles'> {
  if (entity.type === 'module') return { file: entity.relativeModuleId, titles: [] }
  const { file, titles } = place(entity.parent)
  return { file, titles: [...titles, entity.name] }
}

function toText({ message, stack = message, diff = '', cause }: Failure): string {
  const own = `${stack.replace(/\n\s+at .*\/node_modules\/.*/g, '')}\n${diff}`
  return isFailure(cause) ? `${own}\n${toText(cause)}` : own
}

const isFailure = (cause: unknown): cause is Failure =>
  typeof (cause as Partial<Failure> | null | undefined)?.message === 'string'

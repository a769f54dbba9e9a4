// @vitest-environment node
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './tools/report.ts'
import { output, tsc } from './tools/steps.ts'

const text = readFileSync(resolve(root, 'docs/testing.md'), 'utf8')
const blocks = [...text.matchAll(/^```(\w+) (\S+)\n(.*?)^```$/gms)].map(
  ([, language = '', file = '', code = '']) => ({ language, file, code }),
)
const sources = [
  ['silent-refresh', 'src/index.ts'],
  ['silent-refresh/oauth', 'src/oauth/index.ts'],
  ['silent-refresh/react', 'src/bindings/react.ts'],
  ['silent-refresh/vue', 'src/bindings/vue.ts'],
  ['silent-refresh/testing', 'src/testing/index.ts'],
  ['silent-refresh/testing/core', 'src/testing/core.ts'],
].map(([name = '', path = '']) => [name, resolve(root, path)] as const)

/** An app that has nothing but what the page says. Not below `node_modules`, where no test would be found. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(resolve(tmpdir(), 'silent-refresh-testing-'))
  symlinkSync(resolve(root, 'node_modules'), resolve(folder, 'node_modules'))
  for (const { file, code } of blocks) writeFileSync(resolve(folder, file), code)
})
afterAll(() => rmSync(folder, { recursive: true }))

test('P5 every block of docs/testing.md but the command has a name of its own', () => {
  expect(blocks.length).toBe(text.match(/^```\w/gm)!.length - 1)
  expect(new Set(blocks.map(({ file }) => file)).size).toBe(blocks.length)
})

test('P5 TypeScript takes the blocks of docs/testing.md', () => {
  const compilerOptions = {
    types: [],
    typeRoots: [],
    jsx: 'react-jsx',
    lib: ['es2023', 'dom', 'dom.iterable'],
    isolatedDeclarations: false,
    declaration: false,
    paths: Object.fromEntries(sources.map(([name, path]) => [name, [path]])),
  }
  const include = ['*.ts', '*.tsx']
  const project = { extends: resolve(root, 'tsconfig.json'), compilerOptions, include }
  writeFileSync(resolve(folder, 'tsconfig.json'), JSON.stringify(project))
  expect(output('node', [tsc, '-p', folder])).toBe('')
})

test('P5 the tests of docs/testing.md pass, with the set-up that it names', () => {
  const alias = sources.map(
    ([name, path]) => `{ find: /^${name.replaceAll('/', '\\/')}$/, replacement: '${path}' }`,
  )
  const config = `
    import { mergeConfig } from 'vitest/config'
    import config from './vitest.config.ts'
    export default mergeConfig(config, {
      resolve: { alias: [${alias}] },
      test: { reporters: ['json'], outputFile: 'report.json' },
    })
  `
  writeFileSync(resolve(folder, 'run.config.ts'), config)
  output('vitest', ['run', '--root', folder, '--config', resolve(folder, 'run.config.ts')])
  const report = JSON.parse(readFileSync(resolve(folder, 'report.json'), 'utf8'))
  const files = blocks.filter(({ file }) => file.includes('.test.'))
  expect(report).toMatchObject({ success: true, numFailedTests: 0, numPendingTests: 0 })
  expect(report.testResults).toHaveLength(files.length)
})

test('P5 the configurations for Jest are what Jest can load', () => {
  for (const { file, code } of blocks.filter(({ language }) => language === 'js')) {
    const module = { exports: {} }
    new Function('module', code)(module)
    expect(module.exports, file).toMatchObject({ testEnvironment: 'jest-fixed-jsdom' })
  }
})

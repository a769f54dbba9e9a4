// @vitest-environment node
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { compile } from 'svelte/compiler'
import { expect, test } from 'vitest'
import { compileScript, compileTemplate, parse } from 'vue/compiler-sfc'
import { cache, root } from '../tools/report.ts'
import { output, tsc } from '../tools/steps.ts'

const text = readFileSync(resolve(root, 'docs/frameworks.md'), 'utf8')
const blocks = [...text.matchAll(/^```(\w+) (\S+)\n(.*?)^```$/gms)].map(
  ([, language = '', file = '', code = '']) => ({ language, file, code }),
)
const of = (language: string) => blocks.filter(block => block.language === language)

// Frameworks of routes, which the examples name and the package does not need.
const foreign = `
declare module '*.vue' { const component: import('vue').Component; export default component }
declare module 'react-router' { export function redirect(url: string): Response }
declare module '@sveltejs/kit' { export function redirect(status: number, to: string): never }
declare module 'vue-router' {
  interface To { meta: Record<string, unknown>; fullPath: string }
  export interface Router { beforeEach(guard: (to: To) => Promise<boolean | object>): void }
}
`

test('every block of docs/frameworks.md has a name, and every framework has one', () => {
  expect(blocks).toHaveLength(text.match(/^```\w/gm)!.length)
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['ts', 'tsx', 'vue', 'svelte']))
})

test('TypeScript takes the blocks, the script of the Vue component included', () => {
  const folder = resolve(cache, 'frameworks')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { file, code } of [...of('ts'), ...of('tsx')]) writeFileSync(resolve(folder, file), code)
  for (const { file, code } of of('vue')) {
    writeFileSync(resolve(folder, `${file}.script.ts`), parse(code).descriptor.scriptSetup!.content)
  }
  writeFileSync(resolve(folder, 'foreign.d.ts'), foreign)
  const compilerOptions = {
    types: [],
    jsx: 'react-jsx',
    lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
    experimentalDecorators: true,
    isolatedDeclarations: false,
    declaration: false,
    noUnusedLocals: false,
    paths: {
      'silent-refresh': [resolve(root, 'src/index.ts')],
      'silent-refresh/*': [resolve(root, 'src/bindings/*.ts')],
    },
  }
  const include = ['*.ts', '*.tsx']
  const project = { extends: resolve(root, 'tsconfig.json'), compilerOptions, include }
  writeFileSync(resolve(folder, 'tsconfig.json'), JSON.stringify(project))
  expect(output('node', [tsc, '-p', folder])).toBe('')
})

test.each(of('svelte'))('Svelte takes $file', ({ code, file }) => {
  expect(compile(code, { filename: file, runes: true }).warnings).toEqual([])
})

test.each(of('vue'))('Vue takes $file', ({ code, file }) => {
  const { descriptor, errors } = parse(code, { filename: file })
  const { bindings } = compileScript(descriptor, { id: file })
  const template = compileTemplate({
    id: file,
    filename: file,
    source: descriptor.template!.content,
    ...(bindings && { compilerOptions: { bindingMetadata: bindings } }),
  })
  expect([...errors, ...template.errors]).toEqual([])
})

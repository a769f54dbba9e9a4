// @vitest-environment node
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { compile } from 'svelte/compiler'
import { expect, test } from 'vitest'
import { compileScript, compileTemplate, parse } from 'vue/compiler-sfc'
import { cache, root } from '../tools/report.ts'
import { output, tsc } from '../tools/steps.ts'
import { blocks, text } from './doc-blocks.ts'

const of = (language: string) => blocks.filter(block => block.language === language)

/** What the examples import and do not show. */
const given = {
  'foreign.d.ts': `
    declare module '*.vue' { const component: import('vue').Component; export default component }
    declare module 'next/navigation' { export function useRouter(): { replace(to: string): void } }
    interface ImportMeta { server: boolean }
    declare function defineNuxtConfig(config: { routeRules: Record<string, { ssr: boolean }> }): unknown
    declare function defineNuxtPlugin(setup: (nuxt: { vueApp: import('vue').App }) => void): unknown
    declare function defineNuxtRouteMiddleware(guard: import('vue-router').NavigationGuardWithThis<void>): unknown
    declare function navigateTo(to: import('vue-router').RouteLocationRaw): import('vue-router').RouteLocationRaw
    declare function useRouter(): import('vue-router').Router
  `,
  'app/utils/auth.ts': "export * from '../../auth'",
  'app/utils/return-to.ts': "export * from '../../return-to'",
  'src/lib/auth.ts': "export * from '../../auth'",
  'src/lib/return-to.ts': "export * from '../../return-to'",
  'pages.ts': 'export declare const Items: () => null, Login: () => null',
}

test('every block of docs/frameworks.md has a name, and every framework has one', () => {
  expect(blocks).toHaveLength(text.match(/^```\w/gm)!.length)
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['ts', 'tsx', 'vue', 'svelte']))
})

test('TypeScript takes the blocks, the script of the Vue component included', () => {
  const folder = resolve(cache, 'frameworks')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const write = (file: string, code: string) => {
    mkdirSync(dirname(resolve(folder, file)), { recursive: true })
    writeFileSync(resolve(folder, file), code)
  }
  for (const { file, code } of [...of('ts'), ...of('tsx')]) write(file, code)
  for (const { file, code } of of('vue'))
    write(`${file}.script.ts`, parse(code).descriptor.scriptSetup!.content)
  for (const [file, code] of Object.entries(given)) write(file, code)
  const compilerOptions = {
    types: ['node'],
    jsx: 'react-jsx',
    lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
    experimentalDecorators: true,
    isolatedDeclarations: false,
    declaration: false,
    noUnusedLocals: false,
    noImplicitReturns: false,
    paths: {
      'silent-refresh': [resolve(root, 'src/index.ts')],
      'silent-refresh/*': [resolve(root, 'src/bindings/*.ts')],
    },
  }
  const include = ['**/*.ts', '**/*.tsx']
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

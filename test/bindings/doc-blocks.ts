import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Plugin, transformWithOxc } from 'vite'
import { compileScript, parse } from 'vue/compiler-sfc'
import { root } from '../tools/report.ts'

export interface Block {
  /** The page that has it, from the root of the repository. */
  page: string
  language: string
  file: string
  code: string
}

const index = 'docs/frameworks.md'
export const pages: readonly string[] = [index, ...globSync('docs/frameworks/*.md', { cwd: root }).sort()]
export const text: string = pages.map(page => readFileSync(resolve(root, page), 'utf8')).join('\n')
export const blocks: readonly Block[] = pages.flatMap(page =>
  [
    ...readFileSync(resolve(root, page), 'utf8').matchAll(
      /^```(\w+) (\S+)(?: \(not compiled: [^\n]*\))?\n(.*?)^```$/gms,
    ),
  ].map(([, language = '', file = '', code = '']) => ({ page, language, file, code })),
)

/**
 * The blocks of these pages as modules: `virtual:docs/vue-router.ts` is that block, and so is what it imports. What an app
 * has in `src/lib` are those of that name without a folder.
 */
export function docBlocks(): Plugin {
  const stem = (path: string) => path.replace(/\.tsx?$/, '')
  const find = (path: string) => blocks.find(({ file }) => stem(file) === stem(path))
  // Vite cuts its root off a path that is no file.
  const inside = (id = '') => /\/docs\/frameworks\.md\/([^?]+)$/.exec(id)?.[1]
  return {
    name: 'doc-blocks',
    enforce: 'pre',
    resolveId(source, importer) {
      const path = inside(importer)
        ? /^(?:\.|(?:\.\.\/)+lib)\/(.+)/.exec(source)?.[1]
        : /^virtual:docs\/(.+)/.exec(source)?.[1]
      return path ? resolve(root, index, find(path)?.file ?? path) : null
    },
    load(id) {
      const block = find(inside(id) ?? '')
      if (!block) return null
      if (block.language !== 'vue') return block.code
      const { content } = compileScript(parse(block.code).descriptor, { id, inlineTemplate: true })
      return transformWithOxc(content, `${id}.ts`)
    },
  }
}

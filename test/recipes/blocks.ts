import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { transformSync } from 'esbuild'
import * as silentRefresh from '../../src/index.ts'
import { sourceOf } from '../tools/blocks.ts'
import { cache, root } from '../tools/report.ts'

export interface Recipe {
  readonly heading: string
  readonly code: string
}

/** A fenced block of a page, as its first line has it: ```` ```ts src/auth.ts (not compiled: why) ````. */
export interface Block {
  readonly page: string
  readonly line: number
  /** The heading that it stands under. */
  readonly heading: string
  readonly language: string
  /** The name that the reader gives the file, where the page says one. */
  readonly file: string
  /** Why nothing is done with it. */
  readonly excuse: string
  readonly code: string
}

/** Every fenced block of a page. */
export function readPage(page: string): Block[] {
  const blocks: Block[] = []
  let heading = ''
  let open: { line: number; info: string; code: string[] } | null = null
  const lines = readFileSync(resolve(root, page), 'utf8').split('\n')
  for (const [n, line] of lines.entries()) {
    const [, info] = /^\s*```(.*)$/.exec(line) ?? []
    if (info === undefined) {
      if (open) open.code.push(line)
      else if (/^#+ /.test(line)) heading = line.replace(/^#+ /, '')
    } else if (open) {
      const isOfApp = sourceOf(lines, open.line - 1) !== undefined
      const [, language = '', file = '', excuse = isOfApp ? 'checked by its app in demo/apps' : ''] =
        /^(\S*)(?: (?!\(not )(\S+))?(?: \(not compiled: (.+)\))?$/.exec(open.info) ?? []
      const code = `${open.code.join('\n')}\n`
      blocks.push({ page, line: open.line, heading, language, file, excuse, code })
      open = null
    } else open = { line: n + 1, info: info.trim(), code: [] }
  }
  if (open) throw new Error(`${page}: the block of line ${open.line} does not end`)
  return blocks
}

/** The code under each heading that has some. */
export function readBlocks(page: string): Recipe[] {
  const text = readFileSync(resolve(root, page), 'utf8')
  return text
    .split(/^##? /m)
    .slice(1)
    .flatMap(section => {
      const heading = section.slice(0, section.indexOf('\n'))
      return [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => ({ heading, code }))
    })
}

/** Writes them where one run of the compiler finds them all; answers with the folder. */
export function writeProject(name: string, blocks: readonly Recipe[]): string {
  const folder = resolve(cache, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [n, { heading, code }] of blocks.entries()) {
    // Each is a module of its own, also where it exports nothing.
    writeFileSync(
      resolve(folder, `${heading.toLowerCase().replace(/\W+/g, '-')}-${n}.ts`),
      `${code}\nexport {}\n`,
    )
  }
  // What the app has made before, as the blocks import it.
  const auth =
    "import { createAuthClient } from 'silent-refresh'\nexport const auth = createAuthClient<any, any>()\n"
  writeFileSync(resolve(folder, 'auth.ts'), auth)
  const compilerOptions = {
    // What a page has, and no more.
    types: [],
    lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
    isolatedDeclarations: false,
    noUnusedLocals: false,
    declaration: false,
    paths: { 'silent-refresh': [resolve(root, 'src/index.ts')] },
  }
  const project = { extends: resolve(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }
  writeFileSync(resolve(folder, 'tsconfig.json'), JSON.stringify(project))
  return folder
}

/** What the block exports, its API being at `origin`, and no window but what it asks for. */
export function run(
  { code }: Recipe,
  origin: string,
  others: Record<string, unknown> = {},
): Record<string, any> {
  const { createAuthClient } = silentRefresh
  const modules: Record<string, unknown> = {
    ...others,
    'silent-refresh': {
      ...silentRefresh,
      createAuthClient: (options: object) => createAuthClient({ ...options, server: true }),
    },
  }
  const script = transformSync(code.replaceAll('https://api.example.com', origin), {
    loader: 'ts',
    format: 'cjs',
    target: 'es2022',
  }).code
  const module = { exports: {} }
  new Function('require', 'module', 'exports', script)(
    (name: string) => modules[name],
    module,
    module.exports,
  )
  return module.exports
}

const AsyncFunction: FunctionConstructor = (async () => {}).constructor as FunctionConstructor

/**
 * Runs a block as the module that it is, with every backend of its at `origin`; answers with what its top level names.
 * `modules`: what its imports find, besides this package.
 */
export async function runModule(
  { code, language }: Pick<Block, 'code' | 'language'>,
  origin: string,
  modules: Record<string, object> = {},
): Promise<Record<string, any>> {
  const { createAuthClient } = silentRefresh
  const own = {
    ...silentRefresh,
    createAuthClient: (options?: object) => createAuthClient({ baseUrl: origin, ...options, server: true }),
  }
  const found: Record<string, object> = { 'silent-refresh': own, 'silent-refresh/core': own, ...modules }
  const here = code
    .replace(/https:\/\/[a-z]+\.example\.com/g, origin)
    // What a page resolves against its own address.
    .replaceAll("fetch('/", `fetch('${origin}/`)
  const script = transformSync(here, { loader: language as 'ts', format: 'esm', target: 'es2022' }).code
  const names = [...script.matchAll(/^(?:export )?(?:async )?(?:const|let|function) (?:\{ )?(\w+)/gm)]
  const body = script
    .replace(/^import (.*?) from "(.*?)";$/gm, (_, what: string, from: string) => {
      const names = what.startsWith('{') ? what.replaceAll(' as ', ': ') : what.replace('* as ', '')
      const star = what.startsWith('{') || what.startsWith('*')
      return star
        ? `const ${names} = imported("${from}");`
        : `const ${names.replace(/,.*/, '')} = imported("${from}").default${what.includes('{') ? `, ${what.slice(what.indexOf('{'))} = imported("${from}")` : ''};`
    })
    .replace(/^export \{[^}]*\};$/gm, '')
    .replace(/^export /gm, '')
  const imported = (name: string) => {
    if (found[name]) return found[name]
    throw new Error(`nobody has "${name}"`)
  }
  const listed = names.map(([, name]) => name).join(', ')
  return AsyncFunction('imported', `${body}\nreturn { ${listed} }`)(imported)
}

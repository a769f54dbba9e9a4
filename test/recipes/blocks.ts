import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { transformSync } from 'esbuild'
import * as silentRefresh from '../../src/index.ts'
import { cache, root } from '../tools/report.ts'

export interface Recipe {
  readonly heading: string
  readonly code: string
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
export function run({ code }: Recipe, origin: string): Record<string, any> {
  const { createAuthClient } = silentRefresh
  const modules: Record<string, unknown> = {
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

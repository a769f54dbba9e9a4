import { resolve } from 'node:path'
import { build } from 'esbuild'
import { root } from '../tools/report.ts'

export const bench: string = resolve(root, 'test/bench')

/** What is measured: the sources as they are now, in one file an entry, dependencies included. */
export async function buildOurs(): Promise<void> {
  await build({
    entryPoints: { core: resolve(root, 'src/core.ts'), index: resolve(root, 'src/index.ts') },
    outdir: resolve(bench, 'dist'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  })
}

/** A page's script as one module: these lines, with all that they import from `test/bench`. */
export async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: bench },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}

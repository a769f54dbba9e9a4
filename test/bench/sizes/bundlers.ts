import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build as esbuild, transform } from 'esbuild'
import { build as vite } from 'vite'
import { bench } from '../build.ts'

// Peers' package has Rollup and webpack; types of neither are needed for three calls.
const { resolve } = createRequire(`${bench}/package.json`)
const load = (name: string) => import(resolve(name))

/** Other bundlers' minified text for the same code. Rollup has no minifier of its own: esbuild's. */
export const bundlers: Record<string, (code: string) => Promise<string>> = {
  Vite: code =>
    inFolder(code, async (entry, folder) => {
      await vite({
        configFile: false,
        root: folder,
        logLevel: 'error',
        build: {
          target: 'es2022',
          outDir: 'out',
          modulePreload: false,
          lib: { entry, formats: ['es'], fileName: 'out' },
          minify: true,
        },
      })
      return minify(await only(join(folder, 'out')))
    }),
  Rollup: code =>
    inFolder(code, async entry => {
      const { rollup } = await load('rollup')
      const { default: nodeResolve } = await load('@rollup/plugin-node-resolve')
      const bundle = await rollup({ input: entry, plugins: [nodeResolve({ browser: true })] })
      const { output } = await bundle.generate({ format: 'es' })
      return minify(output[0].code)
    }),
  webpack: code =>
    inFolder(code, async (entry, folder) => {
      const { default: webpack } = await load('webpack')
      const config = {
        mode: 'production',
        entry,
        target: ['web', 'es2022'],
        experiments: { outputModule: true },
        output: { path: join(folder, 'out'), library: { type: 'module' } },
      }
      await new Promise<void>((done, fail) =>
        webpack(config, (error: Error | null, stats: { hasErrors(): boolean; toString(): string }) =>
          error || stats.hasErrors() ? fail(error ?? new Error(stats.toString())) : done(),
        ),
      )
      return only(join(folder, 'out'))
    }),
}

/** The sources become JavaScript file by file, so that each bundler has modules to shake. */
async function inFolder(
  code: string,
  run: (entry: string, folder: string) => Promise<string>,
): Promise<string> {
  const folder = await mkdtemp(join(bench, 'dist/bundle-'))
  try {
    const src = join(bench, '../../src')
    const files = (await readdir(src, { recursive: true })).filter(file => file.endsWith('.ts'))
    await esbuild({
      entryPoints: files.map(file => join(src, file)),
      outdir: join(folder, 'src'),
      target: 'es2022',
      format: 'esm',
      logLevel: 'error',
    })
    for (const file of files.map(file => join(folder, 'src', file.replace(/ts$/, 'js')))) {
      await writeFile(file, (await readFile(file, 'utf8')).replace(/(from '?"?\.[^'"]*)\.ts/g, '$1.js'))
    }
    const entry = join(folder, 'entry.js')
    await writeFile(entry, code.replaceAll('../../src', './src').replaceAll('.ts', '.js'))
    return await run(entry, folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const minify = async (code: string): Promise<string> =>
  (await transform(code, { minify: true, target: 'es2022', format: 'esm', legalComments: 'none' })).code

async function only(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter(file => /\.m?js$/.test(file))
  if (files.length !== 1) throw new Error(`expected one file, found ${files}`)
  return readFile(join(folder, files[0]!), 'utf8')
}

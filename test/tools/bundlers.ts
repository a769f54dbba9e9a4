import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import nodeResolve from '@rollup/plugin-node-resolve'
import { build as esbuild, transform } from 'esbuild'
import { rollup } from 'rollup'
import { build as vite } from 'vite'
import webpack from 'webpack'

type Bundler = (entry: string, folder: string, external: string[]) => Promise<string>

/** How esbuild makes what an app ships. */
export const SHIPPED = {
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  write: false,
} as const

const bundlers: Record<string, Bundler> = {
  async esbuild(entry, _, external) {
    const { outputFiles } = await esbuild({
      entryPoints: [entry],
      ...SHIPPED,
      logLevel: 'error',
      external, // what is below these names too
    })
    return outputFiles[0]!.text
  },

  async Vite(entry, folder, external) {
    await vite({
      configFile: false,
      root: folder,
      logLevel: 'error',
      build: {
        target: 'es2022',
        outDir: 'out',
        modulePreload: false,
        rolldownOptions: {
          input: entry,
          external: name => isAmong(external, name),
          preserveEntrySignatures: 'strict',
          output: { entryFileNames: 'out.js' },
        },
      },
    })
    return readFile(join(folder, 'out/out.js'), 'utf8')
  },

  async Rollup(entry, _, external) {
    const bundle = await rollup({
      input: entry,
      external: name => isAmong(external, name),
      logLevel: 'silent', // it ignores React's 'use client', and says so
      plugins: [nodeResolve({ browser: true })],
    })
    const { output } = await bundle.generate({ format: 'es' })
    // Rollup has no minifier of its own.
    const options = { minify: true, target: 'es2022', format: 'esm', legalComments: 'none' } as const
    return (await transform(output[0].code, options)).code
  },

  async webpack(entry, folder, external) {
    const compiler = webpack({
      mode: 'production',
      context: folder,
      entry,
      target: ['web', 'es2022'],
      experiments: { outputModule: true },
      externalsType: 'module',
      externals: [
        ({ request = '' }, done) => (isAmong(external, request) ? done(undefined, request) : done()),
      ],
      output: { path: join(folder, 'out'), filename: 'out.js', library: { type: 'module' } },
      performance: false,
    })
    await new Promise<void>((done, fail) =>
      compiler.run((error, stats) => {
        if (error || stats?.hasErrors()) fail(error ?? new Error(stats?.toString()))
        else compiler.close(() => done())
      }),
    )
    return readFile(join(folder, 'out/out.js'), 'utf8')
  },
}

export const bundlerNames: string[] = Object.keys(bundlers)

/** The minified module that a bundler makes of an app's `code`, with its defaults for production. */
export async function bundle(
  bundler: string,
  app: string,
  code: string,
  external: string[] = [],
): Promise<string> {
  const folder = await mkdtemp(join(app, `${bundler}-`))
  const entry = join(folder, 'entry.js')
  await writeFile(entry, code)
  return bundlers[bundler]!(entry, folder, external)
}

function isAmong(packages: string[], name: string): boolean {
  return packages.some(one => name === one || name.startsWith(`${one}/`))
}

import { resolve } from 'node:path'
import { build } from 'esbuild'
import { cache, root } from './report.ts'

// What an app would ship of each entry, dependencies included. Bundled here and not by @size-limit/esbuild:
// that one takes no target from package.json, wraps in an IIFE and subtracts an estimate of the wrapping.
await build({
  entryPoints: { core: resolve(root, 'dist/core.js'), index: resolve(root, 'dist/index.js') },
  outdir: resolve(cache, 'size'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
})

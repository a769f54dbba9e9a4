import { resolve } from 'node:path'
import { build } from 'esbuild'
import { cache, root } from './report.ts'

// What an app ships that creates a client, dependencies included, and nothing that it does not name. Bundled here and not
// by @size-limit/esbuild: that one takes no target from package.json, wraps in an IIFE and subtracts an estimate of it.
for (const entry of ['core', 'index']) {
  await build({
    stdin: {
      contents: `export { createAuthClient } from ${JSON.stringify(resolve(root, `dist/${entry}.js`))}`,
      resolveDir: root,
    },
    outfile: resolve(cache, `size/${entry}.js`),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
  })
}

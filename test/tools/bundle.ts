import { basename, resolve } from 'node:path'
import { build } from 'esbuild'
import { cache, root } from './report.ts'

// What an app ships that creates a client, dependencies included, and nothing that it does not name. Bundled here and not
// by @size-limit/esbuild: that one takes no target from package.json, wraps in an IIFE and subtracts an estimate of it.
for (const entry of ['core', 'index']) await bundle(entry, `export { createAuthClient } from`)

// What a binding adds to that and to its framework, all of it used.
const frameworks = ['react', 'vue', 'svelte/*', 'solid-js', '@angular/*', 'rxjs']
for (const name of ['react', 'vue', 'svelte', 'solid', 'angular']) {
  await bundle(`bindings/${name}`, 'export * from', frameworks)
}

async function bundle(entry: string, what: string, external: string[] = []): Promise<void> {
  await build({
    stdin: { contents: `${what} ${JSON.stringify(resolve(root, `dist/${entry}.js`))}`, resolveDir: root },
    outfile: resolve(cache, `size/${basename(entry)}.js`),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    external,
  })
}

// @vitest-environment node
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { root } from '../tools/report.ts'

const { peerDependencies, peerDependenciesMeta, dependencies } = JSON.parse(
  readFileSync(resolve(root, 'package.json'), 'utf8'),
)

test.each([
  ['react', ['react']],
  ['vue', ['vue']],
  ['svelte', ['svelte']],
  ['solid', ['solid-js']],
  ['angular', ['@angular/common', '@angular/core', 'rxjs']],
])('%s brings its own few lines, and asks for no package but its framework', async (name, packages) => {
  const { metafile } = await build({
    entryPoints: [resolve(root, `src/bindings/${name}.ts`)],
    absWorkingDir: root,
    bundle: true,
    packages: 'external',
    format: 'esm',
    write: false,
    metafile: true,
  })
  const own = Object.keys(metafile.inputs).filter(path => path !== 'src/bindings/selection.ts')
  expect(own).toEqual([`src/bindings/${name}.ts`])

  const imports = Object.values(metafile.outputs).flatMap(output => output.imports)
  const asked = imports.map(({ path }) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
  expect([...new Set(asked)].sort()).toEqual(packages)
  for (const each of packages) {
    expect(peerDependencies).toHaveProperty([each])
    expect(peerDependenciesMeta[each]).toEqual({ optional: true })
    expect(dependencies).not.toHaveProperty([each])
  }
})

const ENTRIES = [
  ...['react', 'vue', 'svelte', 'solid', 'angular'].map(name => `bindings/${name}`),
  ...['devtools/react', 'devtools/vue'],
]

test.each(ENTRIES)('%s leaves nothing in a bundle that names nothing of it', async name => {
  const { outputFiles } = await build({
    stdin: { contents: `import './src/${name}.ts'`, resolveDir: root },
    bundle: true,
    packages: 'external',
    format: 'esm',
    write: false,
    minify: true,
    logLevel: 'error', // it warns of an import for nothing
  })
  expect(outputFiles[0]?.text.trim()).toBe('')
})

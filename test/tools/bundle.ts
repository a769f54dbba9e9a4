import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { bundleOf, COMPOSITIONS } from './compositions.ts'
import { cache } from './report.ts'

// Writes the bundles that `size-limit` of package.json names.

const folder = resolve(cache, 'size')
mkdirSync(folder, { recursive: true })
for (const composition of COMPOSITIONS) {
  const { outputFiles } = await bundleOf(composition, 'dist')
  writeFileSync(resolve(folder, `${composition.file}.js`), outputFiles[0]!.text)
}

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { table } from '../bench/section.ts'
import { COMPOSITIONS, type Composition, IN_SHORT, PLAIN } from './compositions.ts'
import { manifest } from './package.ts'
import { placeIn } from './places.ts'
import { root } from './report.ts'
import { output } from './steps.ts'

/** In bytes, minified, with brotli. */
export interface Size {
  composition: Composition
  /** Without brotli. */
  minified: number
  size: number
  /** From `size-limit` of package.json. */
  sizeLimit: number
  /** Of a composition that is told as an addition: what it adds, and from `size-limit-additions` what it may add. */
  added?: { size: number; sizeLimit: number }
}

interface Measured {
  name: string
  size: number
  sizeLimit: number
}

/** Of `dist/` as it is now. */
export function measureSizes(): Size[] {
  output('node', ['test/tools/bundle.ts'])
  // It ends with 1 where a budget is exceeded, and says as much in its answer.
  const { stdout, stderr } = spawnSync('size-limit', ['--json'], { cwd: root, encoding: 'utf8' })
  if (!stdout) throw new Error(stderr)
  const { 'size-limit': budgets, 'size-limit-additions': additions } = manifest
  const bundles = budgets.map(({ name, path }) => `${name}: ${path}`)
  const expected = COMPOSITIONS.map(({ name, file }) => `${name}: ${pathOf(file)}`)
  if (bundles.join('\n') !== expected.join('\n')) {
    throw new Error(`"size-limit" of package.json has to name, in this order:\n${expected.join('\n')}`)
  }
  const told = COMPOSITIONS.flatMap(({ addition }) => addition ?? [])
  if (Object.keys(additions).join('\n') !== told.join('\n')) {
    throw new Error(`"size-limit-additions" of package.json has to name, in this order: ${told.join(', ')}`)
  }
  const measured: Measured[] = JSON.parse(stdout)
  const sizeOf = ({ name }: Composition) => measured.find(one => one.name === name)!
  return COMPOSITIONS.map(composition => {
    const { size, sizeLimit } = sizeOf(composition)
    const { addition, file } = composition
    const minified = readFileSync(resolve(root, pathOf(file))).length
    const one: Size = { composition, minified, size, sizeLimit }
    if (addition) {
      one.added = { size: size - sizeOf(PLAIN).size, sizeLimit: Number.parseInt(additions[addition]!, 10) }
    }
    return one
  })
}

const pathOf = (file: string): string => `node_modules/.cache/silent-refresh/size/${file}.js`

/** The one unit of all pages: 1 kB is 1,000 B. */
export const kB = (bytes: number): string => (bytes / 1_000).toFixed(1)

/** In bytes, with brotli 11. */
export const compressed = (text: string): number =>
  brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length

/** By the names of their places in README.md and docs/performance.md. */
export function sizeTables(sizes: Size[]): Record<string, string> {
  const plain = sizes.find(({ composition }) => composition === PLAIN)!
  const rows = sizes.map(({ composition: { name, addition, meaning }, minified, size, added }) =>
    added
      ? [`adds \`${addition}\``, `+${kB(minified - plain.minified)}`, `+${kB(added.size)}`, meaning]
      : [`\`${name}\``, kB(minified), kB(size), meaning],
  )
  return {
    'sizes-compositions': table(['', 'min, kB', 'min + brotli, kB', 'what it means for an app'], rows),
    'sizes-in-short': table(
      ['', 'min + brotli, kB'],
      sizes.flatMap(({ composition, size }) =>
        IN_SHORT.includes(composition) ? [[`\`${composition.name}\``, kB(size)]] : [],
      ),
    ),
  }
}

/** Throws where a budget is exceeded, or where a page, by its path, shows something else than what was measured. */
export function judgeSizes(sizes: Size[], pages: Record<string, string>): void {
  const over = sizes.flatMap(({ composition: { name, addition }, size, sizeLimit, added }) => [
    ...(size <= sizeLimit ? [] : [`${name}: ${size} B, budget ${sizeLimit} B`]),
    ...(!added || added.size <= added.sizeLimit
      ? []
      : [`${addition} adds ${added.size} B, budget ${added.sizeLimit} B`]),
  ])
  const stale = Object.entries(sizeTables(sizes)).flatMap(([place, text]) => {
    const shown = Object.entries(pages).filter(([, page]) => placeIn(page, place) !== undefined)
    return shown.length === 0
      ? [`no page has a place for ${place}`]
      : shown.flatMap(([path, page]) =>
          placeIn(page, place) === text ? [] : [`${path} shows other sizes:\n${text}`],
        )
  })
  if (stale.length > 0) stale.push('npm run bench -- --only sizes --write')
  if (over.length + stale.length > 0) throw new Error([...over, ...stale].join('\n'))
}

import { spawnSync } from 'node:child_process'
import { root } from './report.ts'
import { output } from './steps.ts'

export interface Size {
  name: string
  /** Bytes, minified and with brotli. */
  size: number
  /** From `size-limit` of package.json. */
  sizeLimit: number
  passed: boolean
}

/** Of `dist/` as it is now. */
export function measureSizes(): Size[] {
  output('node', ['test/tools/bundle.ts'])
  // It ends with 1 where a budget is passed, and says as much in its answer.
  const { stdout, stderr } = spawnSync('size-limit', ['--json'], { cwd: root, encoding: 'utf8' })
  if (!stdout) throw new Error(stderr)
  return JSON.parse(stdout)
}

/** Throws where a budget is passed, or where the README says another size than the one that was measured. */
export function judgeSizes(sizes: Size[], readme: string): void {
  const over = sizes.filter(({ size, sizeLimit, passed }) => !passed || !(size <= sizeLimit))
  if (over.length > 0) {
    throw new Error(
      over.map(({ name, size, sizeLimit }) => `${name}: ${size} B, budget ${sizeLimit} B`).join('\n'),
    )
  }
  // The small ones are told by their budget.
  for (const { name, size } of sizes.filter(({ size }) => size > 1_000)) {
    const row = `| \`${name}\` | ${(size / 1_000).toFixed(1)} kB |`
    if (!readme.includes(row)) throw new Error(`README.md does not say: ${row}`)
  }
}

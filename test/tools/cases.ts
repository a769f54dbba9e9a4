import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { root } from './report.ts'

const folder = resolve(root, 'test/cases')
const node = resolve(root, 'node_modules/.bin/node')
const run = promisify(execFile)

/** Each needs these engines; all of them do `npm run build` first. */
export const inBrowsers = {
  'login/32-two-clients-in-one-document': ['Chromium'],
  'requests/11-prerendered-page': ['Chromium'],
  'requests/14-reload-during-the-restore': ['Chromium', 'Firefox'],
} as const

/** Each needs a package that is not among those of this project: they are run by hand. */
const BY_HAND = [
  'requests/04-zone-stability',
  'requests/16-cloudflare-workers',
  'requests/17-refusal-as-a-page',
]

/** The programs in `test/cases` that need nothing but Node and what was built. */
export const programs: string[] = globSync('*/[0-9]*.mjs', { cwd: folder })
  .map(file => file.replace(/\.mjs$/, ''))
  .filter(name => !(name in inBrowsers) && !BY_HAND.includes(name))
  .sort()

/** Ends with what the program says where it does not exit with 0. */
export async function runCase(name: string): Promise<void> {
  try {
    await run(node, [resolve(folder, `${name}.mjs`), root], { cwd: root })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${stdout}${stderr}`.trim() || String(error))
  }
}

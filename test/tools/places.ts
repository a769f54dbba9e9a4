import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from './report.ts'

/** The pages that show what was measured, each table between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`. */
export const PAGES = ['README.md', 'docs/performance.md'] as const

/** What `npm run bench` writes to: two of them have no table of sizes. */
export const BENCH_PAGES: readonly string[] = [...PAGES, 'docs/comparison.md', 'docs/dpop.md']

/** Texts by path, from the root of the repository. */
export const readPages = (paths: readonly string[] = PAGES): Record<string, string> =>
  Object.fromEntries(paths.map(path => [path, readFileSync(resolve(root, path), 'utf8')]))

/** What a page shows in this place; `undefined`: it has none of this name. */
export const placeIn = (page: string, name: string): string | undefined => split(page, name)?.[1]

/** The page with another text in this place, or as it is where it has no such place. */
export function withPlace(page: string, name: string, text: string): string {
  const parts = split(page, name)
  return parts ? `${parts[0]}${startOf(name)}\n${text}\n${endOf(name)}${parts[2]}` : page
}

const startOf = (name: string): string => `<!-- bench:${name} -->`
const endOf = (name: string): string => `<!-- /bench:${name} -->`

function split(page: string, name: string): [before: string, text: string, after: string] | undefined {
  const [before = '', rest] = page.split(startOf(name))
  const [text = '', after] = rest?.split(endOf(name)) ?? []
  return after === undefined ? undefined : [before, text.trim(), after]
}

import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from './report.ts'

// `node test/tools/blocks.ts` names the pages whose blocks are not what the files of the apps are; `--write` mends them.
// A page asks for a file by a comment, below which the block stands:
//
//     <!-- demo/apps/vite-react/src/auth.ts -->

const PLACE = /^<!-- (demo\/apps\/([\w-]+)\/(\S+)) -->\n(?:\n*```.*\n(?:(?!```).*\n)*```\n)?/gm

/** The page with the file of the app below each comment that names one. */
export function withBlocks(page: string, read: (path: string) => string = readApp): string {
  return page.replace(PLACE, (_, path: string, _app: string, name: string) => {
    const language = name.split('.').at(-1)!.replace('mjs', 'js')
    return `<!-- ${path} -->\n\n\`\`\`${language} ${name}\n${read(path).trimEnd()}\n\`\`\`\n`
  })
}

/** The file that the comment above this line names, if the line opens a block. */
export function sourceOf(lines: readonly string[], fence: number): string | undefined {
  const above = lines.slice(0, fence).findLast(line => line !== '') ?? ''
  return /^<!-- (demo\/apps\/\S+) -->$/.exec(above)?.[1]
}

export const pagesWithBlocks = (): string[] => globSync('docs/**/*.md', { cwd: root }).sort()

function readApp(path: string): string {
  return readFileSync(resolve(root, path), 'utf8')
}

if (import.meta.main) {
  for (const page of pagesWithBlocks()) {
    const path = resolve(root, page)
    const text = readFileSync(path, 'utf8')
    const wanted = withBlocks(text)
    if (wanted === text) continue
    console.log(page)
    if (process.argv.includes('--write')) writeFileSync(path, wanted)
    else process.exitCode = 1
  }
}

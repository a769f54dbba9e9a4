import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from './report.ts'

// `node test/tools/blocks.ts` names the pages whose blocks are not what the files of the apps are; `--write` mends them.
// A page asks for a file by a comment. Below it are the name of the file, for readers, and the block of that name:
//
//     <!-- demo/apps/vite-react/src/auth.ts -->

const PLACE =
  /^<!-- (demo\/apps\/([\w-]+)\/(\S+)) -->\n(?:\n*(?:`\S+`:\n+)?```\w+ \3\n(?:(?!```).*\n)*```\n)?/gm

/** The page with the file of the app below each comment that names one. */
export function withBlocks(page: string, read: (path: string) => string = readApp): string {
  return page.replace(PLACE, (_, path: string, _app: string, name: string) => {
    const language = name.split('.').at(-1)!.replace('mjs', 'js')
    const block = `\`\`\`${language} ${name}\n${read(path).trimEnd()}\n\`\`\`\n`
    return `<!-- ${path} -->\n\n\`${name}\`:\n\n${block}`
  })
}

/** The file that is shown by the block that begins with this line. */
export function sourceOf(lines: readonly string[], fence: number): string | undefined {
  const [name = '', comment = ''] = lines
    .slice(0, fence)
    .filter(line => line !== '')
    .slice(-2)
    .reverse()
  const [, path] = /^<!-- (demo\/apps\/\S+) -->$/.exec(comment) ?? []
  return path && /^`\S+`:$/.test(name) ? path : undefined
}

export const pagesWithBlocks = (): string[] =>
  globSync('docs/**/*.md', { cwd: root, exclude: ['docs/reference/**'] }).sort()

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

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from '../tools/report.ts'

interface Row {
  readonly version: string
  /** What the caller sees where the auth server is away: for HTTP a path, such as `error.cause`. */
  readonly authError: string
  /** The same for a 401. */
  readonly unauthorized: string
}

/** The tables of docs/clients.md, by the heading of each client. */
export function readRows(): Record<string, Row> {
  const text = readFileSync(resolve(root, 'docs/clients.md'), 'utf8')
  const rows: Record<string, Row> = {}
  for (const [, cells = ''] of text.matchAll(/^\| (.*\| \d.*) \|$/gm)) {
    const [name = '', version = '', authError = '', unauthorized = ''] = cells.split(' | ')
    rows[name] = { version, authError: bare(authError), unauthorized: bare(unauthorized) }
  }
  return rows
}

const bare = (cell: string) => cell.replaceAll('`', '')

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root } from '../tools/report.ts'

interface Row {
  readonly version: string
  /** Where the `AuthError` stands: `error.cause`. */
  readonly authError: string
  /** Where the 401 stands. */
  readonly unauthorized: string
}

/** The table of docs/clients.md, by the heading of each client. */
export function readRows(): Record<string, Row> {
  const text = readFileSync(resolve(root, 'docs/clients.md'), 'utf8')
  const rows: Record<string, Row> = {}
  for (const [, name = '', version = '', authError = '', unauthorized = ''] of text.matchAll(
    /^\| ([^|`]+?) \| ([\d.]+) \| `([^`]+)` \| `([^`]+)` \|/gm,
  )) {
    rows[name] = { version, authError, unauthorized }
  }
  return rows
}

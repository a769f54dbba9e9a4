import { spawn } from 'node:child_process'
import { bench } from './build.ts'

/** One of the things that `npm run bench` measures. */
export interface Section {
  /** By the name of their place in docs/performance.md. */
  tables: Record<string, string>
  /** What is worse than its bar, in words. */
  misses: string[]
}

/** A Markdown table; what a column holds beside its first is set right where it is a number. */
export function table(head: string[], rows: (string | number)[][]): string {
  const cells = [head, ...rows.map(row => row.map(String))]
  const widths = head.map((_, column) => Math.max(3, ...cells.map(row => row[column]!.length)))
  const isNumber = head.map(
    (_, column) => column > 0 && rows.every(row => /^[-−+]?[\d.,]|^-$/.test(String(row[column]))),
  )
  const line = (row: string[]) =>
    `| ${row.map((cell, column) => (isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join(' | ')} |`
  const rule = widths.map((width, column) =>
    isNumber[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  )
  return [line(cells[0]!), line(rule), ...cells.slice(1).map(line)].join('\n')
}

/** The cells of one line of such a table. */
export const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim())

/** Runs a script of this folder in a process of its own; what it prints is its result, as JSON. */
export function measureApart<Result>(
  script: string,
  args: string[] = [],
  flags: string[] = [],
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, `${bench}/${script}`, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', part => {
      printed += part
    })
    child.on('close', code => {
      if (code === 0) resolve(JSON.parse(printed))
      else reject(new Error(`${script} ${args.join(' ')} ended with ${code}`))
    })
  })
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}

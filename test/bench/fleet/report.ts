import type { Scenario } from './scenarios.ts'
import type { Schedule } from './schedules.ts'
import type { Result } from './simulate.ts'

const HEADER = [
  'schedule',
  'mean/s',
  'peak 1 s',
  'peak 10 s',
  'in the last lifetime',
  'peak / mean (1 s, 10 s)',
  'calls per token',
  'longest wait',
  'without token at the end',
  'sign-outs',
]

export function table(scenario: Scenario, rows: [Schedule, Result][]): string {
  return [`### ${scenario.title}`, '', markdown(HEADER, rows.map(toCells))].join('\n')
}

export function sizeTable(results: Result[]): string {
  const header = [
    'scenario',
    'clients',
    'mean/s',
    'peak 1 s',
    'peak 1 s / mean',
    'peak 10 s / mean',
    'sign-outs',
  ]
  const rows = results.map(result => [
    result.scenario,
    result.clients.toLocaleString('en'),
    round(result.mean),
    round(result.peak),
    round(result.peakToMean),
    round(result.peak10ToMean),
    `${result.signOuts}`,
  ])
  return markdown(header, rows)
}

function toCells([schedule, result]: [Schedule, Result]): string[] {
  return [
    schedule.label,
    round(result.mean),
    round(result.peak),
    round(result.peak10),
    round(result.lastPeak10),
    `${round(result.peakToMean)}, ${round(result.peak10ToMean)}`,
    result.callsPerToken.toFixed(2),
    result.longestWait === 0 ? 'none' : `${round(result.longestWait)} s`,
    `${result.staleAtEnd}`,
    `${result.signOuts}`,
  ]
}

/** Three digits tell enough. */
export function round(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString('en')
    : `${Number(value.toPrecision(value < 10 ? 2 : 3))}`
}

/** Padded, so that a terminal shows a table too. */
function markdown(header: string[], rows: string[][]): string {
  const widths = header.map((name, column) =>
    Math.max(...[name, ...rows.map(row => row[column]!)].map(x => x.length)),
  )
  const line = (cells: string[], fill = ' ') =>
    `| ${cells.map((cell, column) => (column ? cell.padStart(widths[column]!, fill) : cell.padEnd(widths[0]!, fill))).join(' | ')} |`
  const rule = line(widths.map(width => '-'.repeat(width)))
  return [line(header), rule, ...rows.map(row => line(row))].join('\n')
}

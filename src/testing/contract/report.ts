import type { ContractReport, ContractResult } from './check.ts'

const MARKS = { holds: 'ok     ', fails: 'FAILED ', skipped: 'skipped' }

/**
 * The report as text: a line for each point. A point that fails also has what was seen, what the client expects, and why.
 * Points that are for other modes come last, with the reason.
 */
export function formatReport({ url, mode, points }: ContractReport): string {
  const count = (status: ContractResult['status']) => points.filter(point => point.status === status).length
  const end = `${count('holds')} hold, ${count('fails')} fail, ${count('skipped')} skipped`
  return [
    `The contract of silent-refresh for the mode ${mode}, at ${url}`,
    '',
    ...points.flatMap(lines),
    '',
    `Left out in the mode ${mode}:`,
    ...inapplicable(points),
    '',
    end,
    '',
  ].join('\n')
}

function lines({ id, title, status, seen, expected, why, see }: ContractResult): string[] {
  if (status === 'inapplicable') return []
  const line = `${MARKS[status]} ${id}: ${title}`
  if (status === 'holds') return [line]
  if (status === 'skipped') return [`${line} (${seen})`]
  const details = { seen, expected, why, see }
  return [line, ...Object.entries(details).map(([name, text]) => `          ${name.padEnd(9)} ${text}`)]
}

/** The ids that have the same reason share a line. */
function inapplicable(points: readonly ContractResult[]): string[] {
  const ids = new Map<string, string[]>()
  for (const { id, status, seen = '' } of points) {
    if (status === 'inapplicable') ids.set(seen, [...(ids.get(seen) ?? []), id])
  }
  return [...ids].map(([reason, names]) => `  ${names.join(', ')}: ${reason}`)
}
